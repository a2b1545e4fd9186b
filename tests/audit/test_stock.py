"""Data keys are made long before they are used: a copy of the keys of yesterday opens what was sealed today."""

import random
import shutil
import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from audit import entry
from audit.entry import Event
from audit.keys import KeyService
from audit.seal import Key, SealError
from audit.vault import store
from audit.vault.store import STOCK, STOCKED, Store
from gateway import cli

BSN = "999900006"


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A key folder that no test touches."""
    folder = tmp_path_factory.mktemp("poort") / "sleutels"
    store.create(folder)
    return folder


@pytest.fixture
def folder(tmp_path, made) -> Path:
    """A key folder of this test alone."""
    return shutil.copytree(made, tmp_path / "sleutels")


def kek_of(folder: Path) -> Key:
    raw = bytes.fromhex(max(folder.glob("kek-*.key")).read_text())
    return Key(id=raw[:8], secret=raw[8:])


def spares(opened: Store, kind: str) -> list[bytes]:
    return [row.id for row in opened.rows(kind) if row.state == "spare"]


def put_back(folder: Path, copy: Path) -> None:
    """Lose the keys, and put a copy in their place by hand; the KEK was not lost."""
    for path in folder.glob("sleutels.db*"):
        path.unlink()
    shutil.copyfile(copy, folder / "sleutels.db")
    (folder / "sleutels.db").chmod(0o600)


def sealed(keys: KeyService, number: int) -> tuple[bytes, tuple[bytes, bytes], bytes]:
    """Seal a body key, a log line and a person, each with a data key of its own."""
    keys._held.clear()  # as when ten minutes have passed
    event = Event(
        event="bericht.gelezen", role="ontvanger", outcome="geslaagd", purpose="jeugdwet", policy="p@1", source="s",
        trace="00", subject=BSN, payload={"actor": str(number)},
    )  # fmt: skip
    line = entry.make(event, key=keys.log_key(), origin="proef", at=datetime.now(UTC))
    return keys.new_body_key(b"b")[1], (line.header, line.sealed), keys.seal_person(BSN, b"p")


@pytest.mark.parametrize("back", ["by hand", "from its shares"])
def test_a_copy_made_before_opens_what_was_sealed_since(folder, tmp_path, back):
    keys = KeyService.open(folder)
    store.copy(folder, tmp_path / "kopie.db")
    today = [sealed(keys, number) for number in range(20)]
    keys.close()
    kek = kek_of(folder)
    if back == "by hand":
        put_back(folder, tmp_path / "kopie.db")
    else:
        shutil.rmtree(folder)
        store.restore(folder, tmp_path / "kopie.db", kek)

    keys = KeyService.open(folder)
    bodies, lines, persons = zip(*today, sealed(keys, 20), strict=True)
    assert len(keys.unwrap_all([(each, b"b") for each in bodies], why="bericht")) == 21
    opened = keys.open_lines(lines, why="beheer")
    assert [each and each["actor"] for each in opened] == [str(number) for number in range(21)]
    assert keys.open_persons([(each, b"p") for each in persons], why="beheer") == [BSN] * 21
    keys.close()


def test_the_oldest_key_goes_first_and_a_copy_is_good_for_a_whole_stock_and_no_more(folder, tmp_path):
    opened = Store(folder)
    store.copy(folder, tmp_path / "kopie.db")
    waiting = {kind: spares(opened, kind) for kind in STOCKED}
    for kind in STOCKED:
        assert len(waiting[kind]) == STOCK
        assert [opened.hand_out(kind).id for _ in range(10)] == waiting[kind][:10]
        assert len(spares(opened, kind)) == STOCK
    last = [opened.hand_out("bericht").id for _ in range(STOCK - 9)]
    assert last[:-1] == waiting["bericht"][10:]
    with sqlite3.connect(tmp_path / "kopie.db") as db:
        there = {id_ for (id_,) in db.execute("SELECT id FROM keys WHERE sealed IS NOT NULL")}
    assert there >= {id_ for ids in waiting.values() for id_ in ids}
    assert last[-1] not in there


def test_how_old_a_copy_may_be_is_told_exactly(folder):
    opened, kind = Store(folder), "bericht"
    since = opened.in_use_since()
    age = {row.id: row.made for row in opened.rows(kind)}
    for _ in range(3):
        since = max(since, age[opened.hand_out(kind).id])
        assert opened.in_use_since() == since < max(age.values())
    fresh = opened.add("grootboek")
    assert opened.in_use_since() == opened.row(fresh.id).made > max(age.values())


def test_several_gateways_are_never_given_the_same_key(folder):
    def ask(keys: KeyService) -> list[bytes]:
        ids = []
        for _ in range(40):
            keys._held.clear()
            ids += [keys.log_key().id, keys.new_body_key(b"x")[1][4:12]]
        return ids

    gateways = [KeyService.open(folder) for _ in range(3)]
    with ThreadPoolExecutor() as pool:
        given = [id_ for ids in pool.map(ask, gateways) for id_ in ids]
    for each in gateways:
        each.close()
    assert len(set(given)) == len(given) == 240


@pytest.mark.parametrize("back", ["by hand", "from its shares", "from a copy of the file itself"])
def test_what_is_put_back_hands_out_no_key_that_was_in_use_since(folder, tmp_path, back):
    """One key for the messages of two days would be destroyed with the first of them."""
    opened = Store(folder)
    if back == "from a copy of the file itself":
        opened._db.execute("VACUUM INTO ?", (str(tmp_path / "kopie.db"),))
    else:
        store.copy(folder, tmp_path / "kopie.db")
    given = {opened.hand_out(kind).id for kind in STOCKED for _ in range(20)}
    opened.close()
    kek = kek_of(folder)
    if back == "by hand":
        put_back(folder, tmp_path / "kopie.db")
    else:
        shutil.rmtree(folder)
        store.restore(folder, tmp_path / "kopie.db", kek)
    again = Store(folder)
    later = {again.hand_out(kind).id for kind in STOCKED for _ in range(20)}
    assert len(later) == 60
    assert not later & given
    for id_ in given:
        again.secret(again.row(id_))


def test_spare_keys_stand_under_the_new_kek_and_the_old_one_can_go(folder):
    opened = Store(folder)
    waiting = spares(opened, "personen")
    old, new = opened.renew_kek()
    opened.destroy_kek(old.id)
    assert {row.kek for kind in STOCKED for row in opened.rows(kind)} == {new.id}
    key = opened.hand_out("personen")
    assert key.id == waiting[0]
    assert opened.secret(opened.row(key.id)) == key.secret


def test_a_spare_key_that_is_destroyed_is_never_handed_out(folder):
    opened = Store(folder)
    first, second, third = spares(opened, "logboek")[:3]
    opened.destroy([first, second])
    assert opened.hand_out("logboek").id == third
    assert len(spares(opened, "logboek")) == STOCK
    with pytest.raises(SealError):
        opened.secret(opened.row(first))


def test_after_new_data_keys_a_copy_of_before_opens_nothing_that_is_sealed_from_then(folder, tmp_path):
    keys = KeyService.open(folder)
    with sqlite3.connect(folder / "sleutels.db") as db:
        known = {id_ for (id_,) in db.execute("SELECT id FROM keys")}
    keys.renew("grootboek")
    store.copy(folder, tmp_path / "kopie.db")  # one of after is good at once
    assert keys.log_key().id not in known
    assert keys.ledger_key().id not in known
    with sqlite3.connect(tmp_path / "kopie.db") as db:
        now = {id_ for (id_,) in db.execute("SELECT id FROM keys")}
    assert {keys.log_key().id, keys.ledger_key().id} <= now
    keys.close()


def test_a_folder_without_a_stock_gets_one(folder):
    with sqlite3.connect(folder / "sleutels.db") as db:
        db.execute("DELETE FROM keys WHERE state = 'spare'")
    opened = Store(folder)
    assert opened.hand_out("logboek").id
    assert len(spares(opened, "logboek")) == STOCK


def test_a_copy_is_for_its_owner_alone_and_takes_the_place_of_nothing(folder, tmp_path, capsys):
    def copy(source: Path, name: str) -> tuple[int, str]:
        code = cli.main(["audit", "sleutels", "kopie", str(target.with_name(name)), "--map", str(source)])
        return code, "".join(capsys.readouterr())

    target = tmp_path / "weg" / "kopie.db"
    target.parent.mkdir()
    assert copy(folder, "kopie.db")[0] == 0
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    before = target.read_bytes()
    code, told = copy(folder, "kopie.db")
    assert (code, "bestaat al" in told) == (2, True)
    assert target.read_bytes() == before
    code, told = copy(tmp_path / "nergens", "twee.db")
    assert (code, "geen kopie" in told) == (2, True)
    assert [path.name for path in target.parent.iterdir()] == ["kopie.db"]


@pytest.mark.parametrize("seed", range(6))
def test_whatever_happens_to_a_folder_no_key_is_given_twice_and_all_that_was_given_opens(folder, tmp_path, seed):
    chance = random.Random(seed)
    opened, given, gone, copies = Store(folder), dict[bytes, bytes](), set[bytes](), list[tuple[Path, Key]]()
    for step in range(30):
        match chance.choice(["give"] * 6 + ["copy", "back", "kek", "renew", "destroy", "other process"]):
            case "give":
                key = opened.hand_out(chance.choice(STOCKED))
                assert key.id not in given, (seed, step)
                given[key.id] = key.secret
            case "copy":
                copies.append((tmp_path / f"kopie-{step}.db", kek_of(folder)))
                store.copy(folder, copies[-1][0])
            case "back" if copies and not gone:
                opened.close()
                shutil.rmtree(folder)
                store.restore(folder, *copies[-1])
                opened = Store(folder)
                copies.clear()  # of what is made from now, it knows nothing
            case "kek":
                opened.renew_kek()
            case "renew":
                opened.renew_stock()
                copies.clear()  # nor of this
            case "destroy":
                id_ = chance.choice(spares(opened, "logboek"))
                opened.destroy([id_])
                gone.add(id_)
            case "other process":
                opened = Store(folder)
    for id_, secret in given.items():
        assert id_ not in gone
        assert opened.secret(opened.row(id_)) == secret
