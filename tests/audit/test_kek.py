"""The key that opens all others lies in a file or never leaves its module; either way all that stood under it opens."""

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from audit.keys import KeysError, KeyService
from audit.seal import SealError
from audit.vault import kek
from tests.needs import needs

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def module(tmp_path, monkeypatch) -> str:
    """The ``kek.toml`` of a fresh token of a real software module."""
    tool, library = needs("softhsm2-util"), needs("libsofthsm2.so")
    tokens = tmp_path / "tokens"
    tokens.mkdir()
    config = tmp_path / "softhsm2.conf"
    config.write_text(f"directories.tokendir = {tokens}\nobjectstore.backend = file\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(config))
    subprocess.run(
        [tool, "--init-token", "--free", "--label", "proef", "--pin", "123456", "--so-pin", "654321"],
        check=True, capture_output=True,
    )  # fmt: skip
    return f'module = "{library}"\ntoken = "proef"\npin = "token.pin"\n'


def into(module: str, folder: Path, pin: str = "123456") -> None:
    (folder / "token.pin").write_text(pin + "\n")
    (folder / "kek.toml").write_text(module)
    for name in ("token.pin", "kek.toml"):
        (folder / name).chmod(0o600)


def test_a_folder_moves_to_a_module_by_rotation_and_opens_nothing_without_it(tmp_path, module):
    folder = tmp_path / "sleutels"
    keys = KeyService.create(folder)
    _, wrapped = keys.new_body_key(b"x")
    into(module, folder)
    old, new = keys.renew("kek")
    keys.destroy([old])
    assert keys.about()["kek"] == {"id": new.hex(), "place": "pkcs11"}
    assert not list(folder.glob("kek-*.key"))
    _, later = keys.new_body_key(b"y")
    keys.close()

    again = KeyService.open(folder)
    assert len(again.unwrap_all([(wrapped, b"x"), (later, b"y")], why="bericht")) == 2
    assert again.signer("log").sign(b"a")
    older, newer = again.renew("kek")  # within the module
    again.destroy([older])
    again.close()
    assert KeyService.open(folder).about()["keks"] == {newer.hex(): "pkcs11"}

    shutil.rmtree(tmp_path / "tokens")
    (tmp_path / "tokens").mkdir()
    with pytest.raises(KeysError, match="token"):
        KeyService.open(folder)


def test_what_a_module_sealed_opens_only_in_its_own_place(tmp_path, module):
    # In a process of its own: a module keeps who is logged in for as long as the process lives.
    into(module, tmp_path)
    code = """
import sys
from pathlib import Path
from audit.seal import SealError
from audit.vault import kek
made = kek.make(Path(sys.argv[1]))
sealed = made.wrap(b"geheim", b"hier")
assert made.unwrap(sealed, b"hier") == b"geheim"
other = kek.make(Path(sys.argv[1]))
moved = other.wrap(b"geheim", b"hier")[:12] + sealed[12:]
bad = [(made, sealed, b"daar"), (made, sealed[:-1] + bytes([sealed[-1] ^ 1]), b"hier"), (other, sealed, b"hier"),
       (other, moved, b"hier"), (made, b"", b"hier"), (made, sealed[:30], b"hier")]
for each, text, place in bad:
    try:
        each.unwrap(text, place)
    except SealError:
        continue
    raise AssertionError("opened")
import pkcs11
for attribute in (pkcs11.Attribute.EXTRACTABLE, ):
    assert made._key[attribute] is False
assert made._key[pkcs11.Attribute.SENSITIVE] is True
try:
    made._key[pkcs11.Attribute.VALUE]
except pkcs11.exceptions.AttributeSensitive:
    print("blijft binnen")
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout == "blijft binnen\n", done.stderr


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda told: told.replace("proef", "ander"), "token"),
        (lambda told: told.replace("libsofthsm2.so", "geen.so"), "sleutelmodule"),
        (lambda told: "module = ", "module"),
    ],
)
def test_a_module_that_does_not_work_is_told_in_plain_words(tmp_path, module, change, told):
    folder = tmp_path / "sleutels"
    KeyService.create(folder).close()
    into(change(module), folder)
    with pytest.raises(KeysError, match=told):
        KeyService.open(folder)


def test_a_wrong_pin_is_told_and_not_shown(tmp_path, module, capfd):
    folder = tmp_path / "sleutels"
    KeyService.create(folder).close()
    into(module, folder, pin="987654")
    with pytest.raises(KeysError, match="pincode") as failure:
        KeyService.open(folder)
    assert "987654" not in str(failure.value) + "".join(capfd.readouterr())


def test_a_new_kek_while_others_make_keys_loses_none(tmp_path):
    folder = tmp_path / "sleutels"
    keys = KeyService.create(folder)
    code = """
import sys
from pathlib import Path
from audit import keys as module
from audit.keys import KeyService
keys, made = KeyService.open(Path(sys.argv[1])), []
for number in range(60):
    keys._held.clear()  # each with a data key of its own
    made.append((keys.new_body_key(b"%d" % number)[1], b"%d" % number))
    if number == 5:
        print("bezig", flush=True)
assert len(keys.unwrap_all(made, why="bericht")) == 60
"""
    busy = [
        subprocess.Popen([sys.executable, "-c", code, str(folder)], cwd=ROOT, stdout=subprocess.PIPE) for _ in range(2)
    ]
    for each in busy:
        assert each.stdout.readline()
    for _ in range(5):
        old, _ = keys.renew("kek")
        keys.destroy([old])
    for each in busy:
        with each:
            assert each.wait() == 0
    with sqlite3.connect(folder / "sleutels.db") as db:
        (under,) = db.execute("SELECT count(DISTINCT kek) FROM keys").fetchone()
    assert under == 1
    assert [path.name for path in folder.glob("kek-*")] == ["kek-0006.key"]


def test_a_kek_in_a_file_is_overwritten_before_it_goes(tmp_path):
    made = kek.make(tmp_path)
    os.link(made.path, tmp_path / "kopie")
    secret = made.key.secret.hex()
    made.destroy()
    assert not made.path.exists()
    assert secret not in (tmp_path / "kopie").read_text()
    with pytest.raises(SealError):
        kek.FileKek(path=made.path, key=made.key).unwrap(b"", b"")
