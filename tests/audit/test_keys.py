"""Keys appear whole, stay in their process, and what was sealed opens again only there and only in its own place."""

import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from audit import entry
from audit.entry import Event
from audit.keys import SIGNERS, KeysAwayError, KeysChangedError, KeysError, KeyService
from audit.seal import SealError, new_key, open_, seal, verify_mldsa, verify_signature
from audit.vault.service import BURST, RATE, Service
from audit.vault.store import Store
from audit.vault.wire import Op, Said
from tests.services import child

ROOT = Path(__file__).resolve().parents[2]
NOBODY = 65534
AS_USER = (
    "import ctypes, encodings.ascii, locale, os, sys; from audit.vault.__main__ import main\n"
    "os.setuid(int(sys.argv[1])); ctypes.CDLL(None).prctl(4, 1, 0, 0, 0); sys.exit(main(sys.argv[2:]))"
)
"""Runs the service under another user. To change user hides a process already; that is undone here."""
BSN = "999900006"
TODAY = datetime.now(UTC).strftime("%Y-%m-%d")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("poort") / "sleutels"
    KeyService.create(folder).close()
    return folder


@pytest.fixture(scope="module")
def keys(folder):
    keys = KeyService.open(folder)
    yield keys
    keys.close()


@pytest.fixture
def own(tmp_path):
    """A key service of this test alone, which it may harm."""
    keys = KeyService.create(tmp_path / "sleutels")
    yield keys
    keys.close()


def line(keys: KeyService, actor: str = "98000001") -> tuple[bytes, bytes]:
    event = Event(
        event="bericht.gelezen", role="ontvanger", outcome="geslaagd", purpose="jeugdwet", policy="p@1", source="s",
        trace="00", subject=BSN, payload={"actor": actor},
    )  # fmt: skip
    made = entry.make(event, key=keys.log_key(), origin="proef", at=datetime.now(UTC))
    return made.header, made.sealed


def test_nobody_else_can_read_the_keys(folder):
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_the_same_keys_are_there_after_a_restart(folder, keys):
    again = KeyService.open(folder)
    assert [again.signer(purpose).public for purpose in SIGNERS] == [keys.signer(p).public for p in SIGNERS]
    assert again.indexes([("t", BSN)]) == keys.indexes([("t", BSN)])


def test_what_one_gateway_sealed_another_on_the_same_folder_opens(folder, keys):
    other = KeyService.open(folder)
    key, wrapped = other.new_body_key(b"bericht|1")
    header, sealed = line(other)
    person = other.seal_person(BSN, b"rij|1")
    record = seal(other.ledger_key(), b"wat er is gezegd", b"grootboek|1")

    assert keys.unwrap_all([(wrapped, b"bericht|1")], why="bericht") == [key]
    assert keys.open_lines([(header, sealed)], why="logboek")[0]["actor"] == "98000001"
    assert keys.open_persons([(person, b"rij|1")], why="beheer") == [BSN]
    assert open_(keys.ledger_keys([record])[0], record, b"grootboek|1") == b"wat er is gezegd"
    assert other.log_key() != keys.log_key()


def test_what_is_in_another_place_of_another_class_or_changed_does_not_open(keys):
    _, wrapped = keys.new_body_key(b"bericht|1")
    person = keys.seal_person(BSN, b"rij|1")
    header, sealed = line(keys)
    changed = wrapped[:-1] + bytes([wrapped[-1] ^ 1])
    for bad, context in [(changed, b"bericht|1"), (wrapped[:-1], b"bericht|1"), (b"", b""), (wrapped, b"bericht|2"),
                         (person, b"rij|1"), (sealed, header)]:  # fmt: skip
        with pytest.raises(SealError):
            keys.unwrap_all([(bad, context)], why="bericht")
    for bad, context in [(person, b"rij|2"), (wrapped, b"bericht|1"), (sealed, header)]:
        with pytest.raises(SealError):
            keys.open_persons([(bad, context)], why="bericht")
    assert keys.open_lines([(header, wrapped), (header + b" ", sealed), (header, b"")], why="logboek") == [None] * 3


def test_keys_of_lines_bodies_and_persons_are_never_given_out(keys):
    _, wrapped = keys.new_body_key(b"bericht|1")
    for sealed in (wrapped, line(keys)[1], keys.seal_person(BSN, b"rij|1"), seal(new_key(), b"a", b"b")):
        with pytest.raises(SealError):
            keys.ledger_keys([sealed])


def test_one_line_that_does_not_open_keeps_no_other_closed(keys):
    good = [line(keys, f"9800000{number}") for number in range(3)]
    opened = keys.open_lines([good[0], (good[1][0], good[2][1]), good[2]], why="logboek")
    assert [payload and payload["actor"] for payload in opened] == ["98000000", None, "98000002"]


def test_every_purpose_signs_with_a_key_of_its_own(keys):
    assert len({keys.signer(purpose).public for purpose in SIGNERS}) == len(SIGNERS)
    for purpose in SIGNERS:
        signer = keys.signer(purpose)
        verify = verify_mldsa if purpose == "log-mldsa" else verify_signature
        assert signer.name == purpose
        assert verify(signer.public, signer.sign(b"a"), b"a")
        assert [each.public for each in keys.signers(purpose)] == keys.known(purpose) == [signer.public]
    with pytest.raises(KeysError, match="geen sleutel"):
        keys.signer("onzin")


def test_a_blind_index_links_nobody_across_parties(keys):
    one, same, other, shifted = keys.indexes([("a", BSN), ("a", BSN), ("b", BSN), (f"a{BSN[0]}", BSN[1:])])
    assert one == same
    assert len({one, other, shifted}) == 3
    assert len(one) == 16


def test_nine_thousand_clients_with_two_parties_are_looked_up_at_once(keys):
    clients = [(party, str(999900006 + number)) for party in ("a", "b") for number in range(9_000)]
    assert len(set(keys.indexes(clients))) == len(clients)


def test_who_looks_up_more_numbers_than_any_gateway_needs_must_wait(folder):
    now = 0.0
    service = Service(Store(folder), clock=lambda: now)

    def ask(count: int) -> Said:
        return service.answer(Op.INDEXES, [b"1", *[b"a", b"999900006"] * count], manages=False)[0]

    assert ask(BURST // 2) is Said.DONE
    assert ask(BURST // 2 + 1) is Said.BUSY
    assert ask(BURST // 2) is Said.DONE
    now += 1
    assert ask(RATE + 1) is Said.BUSY
    assert service.answer(Op.STATE, [], manages=False)[0] is Said.DONE  # who is too curious holds up nothing else
    assert ask(RATE) is Said.DONE


def test_reading_is_counted_by_reason_exactly_also_from_several_processes_at_once(folder, own):
    bodies = [own.new_body_key(b"%d" % number)[1] for number in range(20)]
    asked = [(wrapped, b"%d" % number) for number, wrapped in enumerate(bodies)]
    services = [KeyService.open(own._line._place) for _ in range(3)]

    def read(service):
        for _ in range(10):
            service.unwrap_all(asked, why="bericht")
            service.open_lines([line(service), (b"{}", b"")], why="logboek")

    with ThreadPoolExecutor() as pool:
        list(pool.map(read, services * 2))
    own.open_persons([(own.seal_person(BSN, b"p"), b"p")], why="beheer")
    assert own.counts() == {(TODAY, "bericht"): 1200, (TODAY, "logboek"): 60, (TODAY, "beheer/personen"): 1}


def test_a_reason_that_nobody_knows_opens_nothing(keys):
    _, wrapped = keys.new_body_key(b"x")
    with pytest.raises(KeysError):
        keys.unwrap_all([(wrapped, b"x")], why="zomaar")


def test_a_count_is_on_disk_before_the_answer_is_given(own):
    _, wrapped = own.new_body_key(b"x")
    for number in range(1, 6):
        own.unwrap_all([(wrapped, b"x")], why="bericht")
        os.kill(child(own), signal.SIGKILL)
        with sqlite3.connect(own._line._place / "sleutels.db") as db:
            assert db.execute("SELECT number FROM counts").fetchall() == [(number,)]
        with pytest.raises(KeysAwayError):
            own.counts()


def test_a_service_that_was_killed_is_told_as_away_and_is_back_at_the_next_question(own):
    before = own.indexes([("a", BSN)])
    os.kill(child(own), signal.SIGKILL)
    with pytest.raises(KeysAwayError, match="Probeer het zo opnieuw"):
        own.indexes([("a", BSN)])
    assert own.indexes([("a", BSN)]) == before


def test_the_service_ends_with_the_gateway_however_that_ends(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from audit.keys import KeyService;"
        "keys = KeyService.create(Path(sys.argv[1])); print('begonnen', flush=True); time.sleep(60)"
    )
    place = tmp_path / "sleutels"
    gateway = subprocess.Popen([sys.executable, "-c", code, str(place)], cwd=ROOT, stdout=subprocess.PIPE)
    with gateway:
        assert gateway.stdout.readline()
        assert services(place) == 1
        gateway.kill()
    until(lambda: services(place) == 0)


def services(place: Path) -> int:
    found = 0
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += str(place).encode() in each.read_bytes() and b"audit.vault" in each.read_bytes()
        except OSError:
            continue
    return found


def until(true) -> None:
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture
def apart():
    """A key folder of another user, if we may run processes as one; else of our own. Gives folder and that user."""
    place = Path(tempfile.mkdtemp())
    user = NOBODY if os.geteuid() == 0 else os.geteuid()
    KeyService.create(place / "sleutels").close()
    for path in (place, place / "sleutels", *(place / "sleutels").iterdir()):
        os.chown(path, user, -1)
    place.chmod(0o755)  # all may come to the socket
    yield place, user
    shutil.rmtree(place)


def test_no_other_process_of_the_same_user_can_look_into_the_service(apart):
    place, user = apart
    with service(place / "sleutels", place / "s", user=user) as running:
        process = Path(f"/proc/{running.pid}")
        status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
        assert status["Uid"].split()[0] == str(user)
        assert (process / "mem").stat().st_uid == 0  # its memory is root's alone
        assert re.search(r"Max core file size +0 +0 ", (process / "limits").read_text())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_at_the_socket_the_kernel_tells_who_asks(apart):
    place, user = apart
    with service(place / "sleutels", place / "s", "--gebruiker", str(user + 1), user=user):
        code = (
            "import os, sys; from pathlib import Path; from audit.keys import KeyService; os.setuid(int(sys.argv[2]))\n"
            "keys = KeyService.open(Path(sys.argv[1])); keys.signer('log').sign(b'a'); keys.renew('grootboek')"
        )
        told = {}
        for asker in (user, user + 1, user + 2):
            done = subprocess.run(
                [sys.executable, "-c", code, f"unix:{place}/s", str(asker)], cwd=ROOT, capture_output=True, text=True,
                check=False,
            )  # fmt: skip
            told[asker] = done.stderr.strip().splitlines()[-1:]
    assert told[user] == []
    assert "u mag het niet" in told[user + 1][0]  # may use keys, and not change them
    assert "mag niet bij de sleutels" in told[user + 2][0]


def test_existing_keys_are_never_overwritten(folder):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(KeysError, match="bestaat al"):
        KeyService.create(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_dying_while_keys_are_made_leaves_no_half_folder(tmp_path):
    code = (
        "import os, sys; from pathlib import Path; from audit.keys import KeyService; count = 0\n"
        "def die(_):\n"
        "    global count; count += 1\n"
        "    if count > int(sys.argv[2]): os._exit(9)\n"
        "os.fsync = die; KeyService.create(Path(sys.argv[1])).close()"
    )
    made = 0
    for steps in range(5):
        place = tmp_path / f"poort-{steps}" / "sleutels"
        done = subprocess.run([sys.executable, "-c", code, str(place), str(steps)], cwd=ROOT, check=False)
        if done.returncode == 0 or place.exists():
            made += 1
            KeyService.open(place).close()
    assert 0 < made < 5


@pytest.mark.parametrize("name", ["kek-0001.key", "sleutels.db"])
@pytest.mark.parametrize("damage", ["weg", "leeg", "onzin"])
def test_a_damaged_folder_is_refused_in_plain_words(tmp_path, name, damage):
    KeyService.create(tmp_path / "sleutels").close()
    path = tmp_path / "sleutels" / name
    if damage == "weg":
        path.unlink()
    else:
        path.write_text({"leeg": "", "onzin": "é" * 5000}[damage])
    with pytest.raises(KeysError, match="sleutel"):
        KeyService.open(tmp_path / "sleutels")


def test_a_key_that_was_put_in_the_place_of_another_does_not_sign(own):
    place = own._line._place
    own.close()
    with sqlite3.connect(place / "sleutels.db") as db:
        db.execute("UPDATE keys SET sealed = (SELECT sealed FROM keys WHERE kind = 'push') WHERE kind = 'log'")
    with pytest.raises(SealError):
        KeyService.open(place)


def test_keys_that_others_can_read_are_refused(tmp_path):
    KeyService.create(tmp_path / "sleutels").close()
    (tmp_path / "sleutels" / "kek-0001.key").chmod(0o640)
    with pytest.raises(KeysError, match="chmod"):
        KeyService.open(tmp_path / "sleutels")


def test_no_folder_no_keys(tmp_path):
    with pytest.raises(KeysError, match="niet te lezen"):
        KeyService.open(tmp_path / "nergens")
    (tmp_path / "bestand").write_text("")
    with pytest.raises(KeysError, match="niet worden gemaakt"):
        KeyService.create(tmp_path / "bestand" / "sleutels")


def test_no_secret_is_ever_printed(own, capfd):
    secret = own.log_key().secret
    held = [repr(each) for each in (own, own.log_key(), own.signer("log"), own._held, own._line, own.about())]
    assert not any(secret.hex() in each or repr(secret) in each for each in held)
    kek = (own._line._place / "kek-0001.key").read_text().strip()[16:]
    with pytest.raises(KeysError) as failure:
        own._line.ask(99, [secret])
    assert kek not in json.dumps(own.about()) + str(failure.value)
    assert capfd.readouterr() == ("", "")


def test_two_gateways_agree_on_who_signs_during_a_rotation_and_the_old_key_signs_no_more_alone(own):
    other = KeyService.open(own._line._place)
    old = own.signer("log")
    own.renew("log")
    with pytest.raises(KeysChangedError):
        other.signer("log").sign(b"stand")  # it does not know yet that a second must sign
    first, second = other.signers("log")
    assert [first.public, second.public] == other.known("log")
    assert first.public == old.public
    assert all(verify_signature(each.public, each.sign(b"stand"), b"stand") for each in (first, second))
    own.renew("log")  # given again after a crash: the same key, not a third
    own.activate("log")
    with pytest.raises(KeysChangedError):
        first.sign(b"stand")
    assert [each.public for each in other.signers("log")] == [second.public]
    assert other.known("log") == [old.public, second.public]


def test_who_writes_under_a_new_index_key_searches_under_it_too(own):
    other = KeyService.open(own._line._place)
    assert other.index_ids == ["1"]
    own.renew("index")
    other.indexes([("a", BSN)], "2")
    assert other.index_ids == ["1", "2"]
    other.close()


def test_after_a_new_kek_all_opens_and_the_old_one_can_be_destroyed_when_nothing_stands_under_it(own):
    place = own._line._place
    other = KeyService.open(place)
    _, wrapped = other.new_body_key(b"x")
    record = seal(other.ledger_key(), b"a", b"b")
    with pytest.raises(KeysError, match="nog sleutels"):
        own.destroy([bytes.fromhex(own.about()["kek"]["id"])])
    old, new = own.renew("kek")
    own.destroy([old])
    assert own.about()["kek"] == {"id": new.hex(), "place": "bestand"}
    assert sorted(path.name for path in place.glob("kek-*.key")) == ["kek-0002.key"]
    other.unwrap_all([(wrapped, b"x")], why="bericht")
    other.ledger_keys([record])
    other.close()
    KeyService.open(place).unwrap_all([(wrapped, b"x"), (own.new_body_key(b"y")[1], b"y")], why="bericht")


def test_what_was_sealed_under_a_destroyed_key_opens_nowhere_any_more(own):
    other = KeyService.open(own._line._place)
    header, sealed = line(own)
    kept = line(other)
    assert None not in other.open_lines([(header, sealed), kept], why="logboek")
    raw = own.log_key()
    with pytest.raises(KeysError):
        own.destroy([raw.id, bytes(8)])
    own.destroy([raw.id])
    assert other.open_lines([(header, sealed)], why="logboek") == [None]
    assert other.open_lines([kept], why="logboek") != [None]
    assert own.log_key() != raw


def test_the_service_on_a_socket_serves_who_was_named_and_ends_in_order(tmp_path):
    KeyService.create(tmp_path / "sleutels").close()
    path = tmp_path / "sleutels.sock"
    with service(tmp_path / "sleutels", path) as running:
        keys = KeyService.open(Path(f"unix:{path}"))
        _, wrapped = keys.new_body_key(b"x")
        second = KeyService.open(Path(f"unix:{path}"))
        assert second.unwrap_all([(wrapped, b"x")], why="bericht")
        running.terminate()
        assert running.wait() == 0
        with pytest.raises(KeysAwayError):
            keys.counts()
    assert not path.exists()
    with service(tmp_path / "sleutels", path):
        assert keys.counts() == {(TODAY, "bericht"): 1}


@contextmanager
def service(folder: Path, path: Path, *more: str, user: int | None = None) -> Iterator[subprocess.Popen[str]]:
    running = subprocess.Popen(
        [sys.executable, "-c", AS_USER, str(user or os.geteuid()), str(folder), "--socket", str(path), *more],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with running:
        assert "luistert" in running.stdout.readline()
        yield running
        running.terminate()


def test_nonsense_on_the_line_ends_that_line_and_no_other(own, tmp_path):
    path = tmp_path / "s.sock"
    with service(own._line._place, path):
        for bad in (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\0\0\0\5\1\0\0\0\7", b"\0\0"):
            with socket.socket(socket.AF_UNIX) as line:
                line.connect(str(path))
                line.recv(100)
                line.sendall(bad)
                line.shutdown(socket.SHUT_WR)
                line.settimeout(10)
                assert line.recv(100) == b""
        assert KeyService.open(Path(f"unix:{path}")).signer("log").sign(b"a")
