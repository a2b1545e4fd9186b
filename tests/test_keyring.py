"""Keys are renewed while messages pass, and divided, lost and restored: nothing is lost, and the log tells of it."""

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from audit import log, sequencer
from audit.index import in_force
from audit.keys import KeysAwayError, KeysChangedError, KeyService
from audit.note import decode_key
from audit.seal import SealError
from audit.search import Wanted, find
from gateway import cli, setup
from gateway.commit import writing
from gateway.decide import Accepted
from gateway.history import indexes
from gateway.history import opened as records
from gateway.intake import Rejected
from gateway.invented import message
from gateway.tables import ledger
from gateway.terms.tables import terms
from tests.door import HOOFD, ONDER, ORIGIN, VISIT, Door, opened
from tests.services import child
from tests.test_history import start

ROOT = Path(__file__).resolve().parents[1]


on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For what has nothing to do with the kind of database."""


@pytest.fixture
def home(tmp_path: Path, database_url: str) -> Path:
    setup.new_gateway(tmp_path / "poort", origin=ORIGIN, host="127.0.0.1", port=0, database=database_url)
    return tmp_path / "poort"


@pytest.fixture
async def door(engine: AsyncEngine, home: Path) -> AsyncIterator[Door]:
    async with opened(engine, home, levels={3}) as door:
        yield door


async def run(module: str, *words: str) -> tuple[int | None, str]:
    """Run a command of ours in a process of its own; returns its exit code and what it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *words, cwd=ROOT, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await process.communicate()
    return process.returncode, out.decode()


async def keyring(home: Path, *words: str, code: int = 0) -> str:
    """Give a command on the keys of this gateway; returns what it printed."""
    settings = ["--instellingen", str(home / "ketenpoort.toml")]
    returned, told = await run("gateway.cli", "audit", "sleutels", *words, *settings)
    assert returned == code, told
    return told


def order(number: int) -> bytes:
    """An order, each number another and all for the same client."""
    return message("ho301-minimaal", f"O{number}").replace(b">1001<", f">{1001 + number}<".encode())


async def sending(door: Door, until: Callable[[], bool]) -> tuple[list[str], int]:
    """Send orders, four at a time, until ``until``; returns the ids that were accepted, and how many got 'later'."""
    accepted, later, number = list[str](), 0, 0
    while not until():
        outcomes = await asyncio.gather(*(door.send(order(number + each)) for each in range(4)), return_exceptions=True)
        for each in outcomes:
            assert not isinstance(each, Rejected), each
            if isinstance(each, Accepted):
                accepted.append(each.id)
            else:
                assert isinstance(each, KeysAwayError), each
                later += 1
        number += 4
        await asyncio.sleep(0.15)
    return accepted, later


async def while_sending(door: Door, work: Callable[[], Awaitable[object]]) -> list[str]:
    """Do something while messages pass; returns the ids of those that were accepted, before, during and after."""
    done = asyncio.Event()
    sent = asyncio.create_task(sending(door, done.is_set))
    await asyncio.sleep(0.3)
    await work()
    await asyncio.sleep(0.3)
    done.set()
    accepted, _ = await sent
    assert accepted
    return accepted


async def test_persons_and_ledger_are_found_under_a_new_index_key_and_none_twice(home: Path, door: Door):
    accepted = await while_sending(door, lambda: keyring(home, "vernieuw", "index", "--wie", "beheerder 7"))
    async with door.engine.connect() as db:
        assert await in_force(db, door.keys) == "2"
        people = list(await db.execute(sa.select(log.subjects)))
        lines = list(await db.execute(sa.select(log.subject_lines)))
        rows = list(await db.execute(sa.select(ledger)))
    # One row for each party that knows the client, and no number given twice or left out.
    assert sorted(person.party for person in people) == [HOOFD.code, ONDER.code]
    assert {person.index_key for person in people} == {"2"}
    for person in people:
        numbers = sorted(line.seq for line in lines if line.subject == person.id)
        assert numbers == list(range(1, len(accepted) + 1))
    # Every record of the ledger is under the index of the key that stands in it.
    kept = records(door.keys, rows)
    assert [row.key for row in rows] == indexes(door.keys, [key for key, _ in kept], "2")
    async with door.engine.connect() as db:
        about = set((await db.execute(sa.select(terms.c.about).where(terms.c.about != ""))).scalars())
    assert about
    assert about <= {row.key for row in rows}, "what must be done is still of an order that the ledger knows"
    assert len(await door.waiting(ONDER)) == min(len(accepted), 100)
    told = [header for event, header, _ in await door.logged() if event == "sleutel.vernieuwd"]
    assert [(each["key_kind"], each["key_old"], each["key_new"]) for each in told] == [("index", "1", "2")]
    # Who did something is found over the renewal, and it goes on under the new key.
    wanted = Wanted(party=HOOFD.code, since=0, until=2**53, actor=HOOFD.code)
    async with door.engine.connect() as db:
        assert len(await find(db, door.keys, wanted, count=1000)) == len(accepted)
    await door.accepted(start("S1"), ONDER)
    assert [each.code for each in (await door.refused(start("S2"), ONDER)).findings] == ["TR074"]


@on_sqlite
async def test_an_index_renewal_that_was_broken_off_goes_on_where_it_was(home: Path, door: Door):
    await door.accepted(order(0))
    door.keys.renew("index")  # and then the command died
    await keyring(home, "vernieuw", "index", "--wie", "beheerder 7")
    async with door.engine.connect() as db:
        assert await in_force(db, door.keys) == "2"
    await door.accepted(start("S1"), ONDER)


async def kept_up(door: Door, stop: asyncio.Event) -> None:
    """Sequence as a gateway does: begun again where a newer signing key was not known yet."""

    async def run() -> None:
        await sequencer.run(
            lambda: writing(door.engine), lambda: sequencer.signing(door.keys), ORIGIN, lambda: datetime.now(UTC), stop
        )

    while True:
        try:
            return await run()
        except KeysChangedError:
            await asyncio.sleep(0.1)


async def test_the_keys_of_the_log_are_renewed_under_a_running_sequencer_and_any_old_public_key_still_leads_there(
    home: Path, door: Door
):
    stop = asyncio.Event()
    running = asyncio.create_task(kept_up(door, stop))
    shutil.copy(home / "log.vkey", home / "eerste.vkey")
    try:
        await while_sending(door, lambda: keyring(home, "vernieuw", "handtekening", "--wie", "beheerder 7"))
        await keyring(home, "vernieuw", "handtekening", "--wie", "beheerder 7")
    finally:
        stop.set()
        await running
    door.keys.about()  # looks anew
    assert len(door.keys.known("log")) == 3
    settings = ["--instellingen", str(home / "ketenpoort.toml")]
    assert (await run("gateway.cli", "audit", "exporteer", str(home / "uit"), "--wie", "b", *settings))[0] == 0
    for key in ("log.vkey", "eerste.vkey"):
        code, told = await run("audit.verify", str(home / "uit"), str(home / key))
        assert code == 0, told
    old = {decode_key(line).hash for line in (home / "eerste.vkey").read_text().splitlines()}
    new = {decode_key(line).hash for line in (home / "log.vkey").read_text().splitlines()}
    assert not old & new


@on_sqlite
@pytest.mark.parametrize("kind", ["kek", "logboek"])
async def test_data_keys_and_kek_are_renewed_while_messages_pass(home: Path, door: Door, kind: str):
    before = door.keys.log_key().id
    accepted = await while_sending(door, lambda: keyring(home, "vernieuw", kind, "--wie", "beheerder 7"))
    async with asyncio.timeout(20):
        while door.keys.log_key().id == before:
            await asyncio.sleep(0.1)
    for id_ in accepted[::4]:
        await door.pickup.fetch(id_, ONDER, VISIT)
    told = [(header["key_kind"], payload["actor"]) for event, header, payload in await door.logged()
            if event == "sleutel.vernieuwd"]  # fmt: skip
    assert told == [(kind, "beheerder 7")]


@on_sqlite
async def test_receipts_are_signed_with_a_new_key_without_a_restart(home: Path, door: Door):
    await while_sending(
        door, lambda: keyring(home, "vernieuw", "handtekening", "--doel", "ontvangst", "--wie", "beheerder 7")
    )
    assert decode_key((home / "ontvangst.vkey").read_text().strip()).public == door.keys.signer("ontvangst").public
    assert len(list(home.glob("ontvangst-*.vkey"))) == 1


@on_sqlite
async def test_a_key_service_that_is_killed_costs_senders_a_moment_and_no_message(home: Path, door: Door):
    os.kill(child(door.keys), signal.SIGKILL)
    with pytest.raises(KeysAwayError):
        door.keys.indexes([(ONDER.code, "999900006")])
    assert door.keys.indexes([(ONDER.code, "999900006")]), "who asks again has a new one"

    killed = asyncio.Event()
    sent = asyncio.create_task(sending(door, killed.is_set))
    for _ in range(5):
        await asyncio.sleep(0.3)
        os.kill(child(door.keys), signal.SIGKILL)
    await asyncio.sleep(0.3)
    killed.set()
    accepted, _ = await sent
    async with door.engine.connect() as db:
        assert sorted((await db.execute(sa.text("SELECT id FROM messages"))).scalars()) == sorted(accepted)
    assert len(await door.logged()) == len(accepted)
    await door.pickup.fetch(accepted[0], ONDER, VISIT)


async def test_a_gateway_works_with_a_service_on_a_socket(tmp_path: Path):
    home = tmp_path / "poort"
    setup.new_gateway(home, origin=ORIGIN, host="127.0.0.1", port=0, database="sqlite+aiosqlite:///poort.db")
    settings = home / "ketenpoort.toml"
    settings.write_text(settings.read_text().replace('sleutels = "sleutels"', f'sleutels = "unix:{home}/s"'))
    service = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway.cli", "audit", "sleuteldienst", "--map", str(home / "sleutels"), "--socket",
        str(home / "s"), cwd=ROOT, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert b"luistert" in await service.stdout.readline()
    try:
        await keyring(home, "vernieuw", "logboek", "--wie", "beheerder 7")  # and writes a line, sealed by that service
        assert "generatie 1" in await keyring(home, "toon")
    finally:
        service.terminate()
        await service.wait()
    assert "niet te bereiken" in await keyring(home, "toon", code=2)


@on_sqlite
async def test_what_is_destroyed_opens_nowhere_and_the_log_says_so(home: Path, door: Door):
    receipt = await door.accepted(order(0))
    async with door.engine.connect() as db:
        [wrapped] = (await db.execute(sa.text("SELECT wrapped_key FROM messages"))).scalars()
    number = bytes(wrapped)[4:12].hex()
    await keyring(home, "vernietig", number, "--wie", "beheerder 7")
    with pytest.raises(SealError):
        await door.pickup.fetch(receipt["berichtId"], ONDER, VISIT)
    told = [header["key_old"] for event, header, _ in await door.logged() if event == "sleutel.vernietigd"]
    assert told == [number]
    for bad in (number[:-1] + "x", "00" * 8):
        assert "sleutel" in (await keyring(home, "vernietig", bad, "--wie", "beheerder 7", code=2)).lower()
    assert [event for event, _, _ in await door.logged()].count("sleutel.vernietigd") == 1


@on_sqlite
async def test_nothing_is_destroyed_while_the_log_takes_no_line(home: Path, door: Door):
    receipt = await door.accepted(order(0))
    async with writing(door.engine) as db:
        [wrapped] = (await db.execute(sa.text("SELECT wrapped_key FROM messages"))).scalars()
        await db.execute(
            sa.text("CREATE TRIGGER vol BEFORE INSERT ON audit_entries BEGIN SELECT RAISE(ABORT, 'vol'); END")
        )
    destroy = ["vernietig", bytes(wrapped)[4:12].hex(), "--wie", "beheerder 7"]
    await keyring(home, *destroy, code=1)
    async with writing(door.engine) as db:
        await db.execute(sa.text("DROP TRIGGER vol"))
    assert await door.pickup.fetch(receipt["berichtId"], ONDER, VISIT) == order(0)
    for _ in range(2):  # given again, as after a crash before the line was kept
        await keyring(home, *destroy)
    with pytest.raises(SealError):
        await door.pickup.fetch(receipt["berichtId"], ONDER, VISIT)


@on_sqlite
async def test_what_is_shown_of_the_keys_holds_none(home: Path, door: Door):
    await door.accepted(order(0))
    told = await keyring(home, "toon")
    assert "voor ontwikkeling en kleine opstellingen" in told
    assert "generatie 1" in told
    assert "opent een kopie van na " in told
    secret = (home / "sleutels" / "kek-0001.key").read_text().strip()[16:]
    assert secret not in told


@on_sqlite
async def test_three_of_five_officers_bring_lost_keys_back_and_a_body_opens(home: Path, engine: AsyncEngine):
    # The copy is of before the body that must open.
    assert cli.main(["audit", "sleutels", "kopie", str(home / "kopie.db"), "--map", str(home / "sleutels")]) == 0
    async with opened(engine, home) as door:
        id_ = (await door.accepted(order(0)))["berichtId"]
        door.keys.close()
    pairs = []
    for officer in range(5):
        pairs.append(home / f"functionaris-{officer}")
        assert cli.main(["audit", "sleutels", "paar", str(pairs[-1])]) == 0
    public = [f"{pair}.pub" for pair in pairs]
    divide = ["verdeel", "--aandelen", "5", "--nodig", "3", "--uit", str(home / "aandelen"), "--wie", "ceremonie 1"]
    await keyring(home, *divide, "--voor", *public)
    kek = (home / "sleutels" / "kek-0001.key").read_text().strip()
    shutil.rmtree(home / "sleutels")

    opened_shares = []
    for officer in (0, 2, 4):
        share = str(home / f"aandelen/aandeel-{officer + 1}")
        code, told = await run("gateway.cli", "audit", "sleutels", "open", share, "--sleutel", str(pairs[officer]))
        assert code == 0, told
        assert kek[16:] not in told
        opened_shares.append(home / f"open-{officer}")
        opened_shares[-1].write_text(told)
    restore = ["herstel", "--kopie", str(home / "kopie.db"), "--wie", "ceremonie 1"]
    told = await keyring(home, *restore, *map(str, opened_shares[:2]), code=2)
    assert "3 verschillende aandelen" in told
    assert not (home / "sleutels").exists()
    await keyring(home, *restore, *map(str, opened_shares))

    async with opened(engine, home) as door:
        assert await door.pickup.fetch(id_, ONDER, VISIT) == order(0)
        told = [event for event, _, payload in await door.logged() if payload["actor"] == "ceremonie 1"]
        assert told == ["sleutel.verdeeld", "sleutel.hersteld"]


@on_sqlite
async def test_shares_on_paper_of_another_kek_restore_nothing(home: Path):
    for name in ("een", "twee"):
        await keyring(home, "verdeel", "--aandelen", "2", "--nodig", "2", "--uit", str(home / name), "--wie", "c")
        await keyring(home, "vernieuw", "kek", "--wie", "c")
    keys = KeyService.open(home / "sleutels")
    keys.close()
    (home / "sleutels").rename(home / "weg")
    told = await keyring(
        home, "herstel", "--kopie", str(home / "weg/sleutels.db"), "--wie", "c",
        str(home / "een/aandeel-1"), str(home / "twee/aandeel-2"), code=2,
    )  # fmt: skip
    assert "horen niet bij elkaar" in told
    assert not (home / "sleutels").exists()
