"""Keys appear whole, stay private, and what was wrapped opens again only in its own place."""

import os
import stat

import pytest

from audit.keys import SIGNERS, KeysError, KeyService
from audit.seal import SealError, new_key, seal, verify_signature


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("poort") / "sleutels"
    KeyService.create(folder)
    return folder


@pytest.fixture(scope="module")
def keys(folder):
    return KeyService.open(folder)


def test_nobody_else_can_read_the_keys(folder):
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_the_same_keys_are_there_after_a_restart(folder, keys):
    again = KeyService.open(folder)
    assert again.log_key() == keys.log_key()
    assert [again.signer(purpose).public for purpose in SIGNERS] == [keys.signer(p).public for p in SIGNERS]
    assert again.blind_index("t", "999900006") == keys.blind_index("t", "999900006")


def test_a_body_key_comes_back_from_its_wrapping_only_in_its_own_place(folder, keys):
    key, wrapped = keys.new_body_key(b"bericht|1")
    assert KeyService.open(folder).unwrap(wrapped, b"bericht|1") == key
    for bad in [wrapped[:-1], wrapped[:-1] + bytes([wrapped[-1] ^ 1]), b""]:
        with pytest.raises(SealError):
            keys.unwrap(bad, b"bericht|1")
    with pytest.raises(SealError):
        keys.unwrap(wrapped, b"bericht|2")


def test_every_purpose_signs_with_a_key_of_its_own(keys):
    assert len({keys.signer(purpose).public for purpose in SIGNERS}) == len(SIGNERS)
    signer = keys.signer("ontvangst")
    assert signer.name == "ontvangst"
    assert verify_signature(signer.public, signer.sign(b"a"), b"a")


def test_a_log_payload_finds_its_key(keys):
    sealed = seal(keys.log_key(), b"a", b"b")
    assert keys.log_key_of(sealed) == keys.log_key()
    with pytest.raises(SealError):
        keys.log_key_of(seal(new_key(), b"a", b"b"))


def test_a_blind_index_links_nobody_across_tenants(keys):
    assert keys.blind_index("a", "999900006") == keys.blind_index("a", "999900006")
    assert keys.blind_index("a", "999900006") != keys.blind_index("b", "999900006")
    assert keys.blind_index("a9", "99900006") != keys.blind_index("a", "999900006")


def test_existing_keys_are_never_overwritten(folder):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(KeysError, match="bestaat al"):
        KeyService.create(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_dying_while_keys_are_made_leaves_no_half_folder(tmp_path, monkeypatch):
    def full_disk(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(KeysError):
        KeyService.create(tmp_path / "sleutels")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["kek-0001.key", "log-0001.key", "index.key", "sign-log.key"])
@pytest.mark.parametrize("damage", ["weg", "leeg", "onzin", "bit"])
def test_a_damaged_folder_is_refused_in_plain_words(tmp_path, name, damage):
    KeyService.create(tmp_path / "sleutels")
    path = tmp_path / "sleutels" / name
    whole = path.read_text()
    if damage == "weg":
        path.unlink()
    else:
        other = whole[:-3] + ("0" if whole[-3] != "0" else "1") + whole[-2:]
        path.write_text({"leeg": "", "onzin": "é", "bit": other}[damage])
    with pytest.raises(KeysError, match="sleutel"):
        KeyService.open(tmp_path / "sleutels")


def test_keys_that_others_can_read_are_refused(tmp_path):
    KeyService.create(tmp_path / "sleutels")
    (tmp_path / "sleutels" / "kek-0001.key").chmod(0o640)
    with pytest.raises(KeysError, match="chmod"):
        KeyService.open(tmp_path / "sleutels")


def test_no_folder_no_keys(tmp_path):
    with pytest.raises(KeysError, match="niet te lezen"):
        KeyService.open(tmp_path / "nergens")
    (tmp_path / "bestand").write_text("")
    with pytest.raises(KeysError, match="niet worden gemaakt"):
        KeyService.create(tmp_path / "bestand" / "sleutels")


def test_the_key_service_prints_no_secret(keys):
    assert keys.log_key().secret.hex() not in repr(keys)
    assert repr(keys) == "KeyService()"
