"""The sequencer keeps up, shows that it lives, and stops loudly when something is wrong. On both databases."""

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
import sqlalchemy as sa

from audit import export, log, sequencer
from audit.entry import make, open_payload
from audit.keys import KeyService
from audit.note import VerifierKey, cosigner, parse, signed_when
from audit.report import Verdict
from audit.seal import new_key, new_signer
from audit.verify import verify
from tests.audit.happened import append, happened

KEY, SIGNER, ORIGIN = new_key(), new_signer("log"), "voorbeeld.nl/logboek"
AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
EVENT = happened(message="ab" * 16)
TABLES = [log.entries, log.tiles, log.checkpoints, log.witnessed, log.stamps]


def opens(lines):
    return [open_payload(header, sealed, KEY) for header, sealed in lines]


@pytest.fixture
async def db_engine(engine, monkeypatch):
    monkeypatch.setattr(sequencer, "INTERVAL", 0.01)
    async with engine.begin() as db:
        await db.run_sync(log.metadata.create_all, tables=TABLES)
    return engine


async def add(engine, count):
    async with engine.begin() as db:
        await append(db, [make(EVENT, key=KEY, origin=ORIGIN, at=AT) for _ in range(count)])


async def head_of(engine):
    async with engine.connect() as db:
        return await log.latest(db)


async def until(engine, size):
    async with asyncio.timeout(10):
        while (head := await head_of(engine)) is None or head.size < size:
            await asyncio.sleep(0.01)


async def test_two_gateways_place_what_is_written_while_they_run_and_the_export_is_intact(db_engine, tmp_path):
    stop = asyncio.Event()
    loops = [asyncio.create_task(sequencer.run(db_engine.begin, SIGNER, ORIGIN, lambda: AT, stop)) for _ in range(2)]
    for count in (1, 300, 5):
        await add(db_engine, count)
        await asyncio.sleep(0.02)
    await until(db_engine, 306)
    stop.set()
    await asyncio.gather(*loops)
    async with db_engine.connect() as db:
        summary = await export.export(db, tmp_path / "uitvoer", SIGNER, ORIGIN, opens)
    assert summary.entries == 306
    report = verify(tmp_path / "uitvoer", VerifierKey(name=ORIGIN, public=SIGNER.public))
    assert (report.verdict, report.entries) == (Verdict.INTACT, 306)


async def test_a_backlog_of_many_batches_is_placed_in_one_round(db_engine, monkeypatch):
    monkeypatch.setattr(log, "BATCH", 10)
    await add(db_engine, 45)
    stop = asyncio.Event()
    stop.set()
    await sequencer.run(db_engine.begin, SIGNER, ORIGIN, lambda: AT, stop)
    assert (await head_of(db_engine)).size == 45


async def test_an_idle_log_signs_within_each_minute_that_it_was_found_sound(db_engine):
    moments = iter([AT + timedelta(seconds=step) for step in (0, 49, 50, 61, 61)])
    stop, told = asyncio.Event(), []

    def clock():
        moment = next(moments)
        if moment == AT + timedelta(seconds=61):
            stop.set()
        return moment

    async def tell(head):
        told.append(signed_when(parse(head.note.encode()), cosigner(ORIGIN, SIGNER)) - int(AT.timestamp()))
        assert (await head_of(db_engine)).note == head.note, "it is committed when it is told"

    await sequencer.run(db_engine.begin, SIGNER, ORIGIN, clock, stop, tell=tell)
    assert told == [0, 50]
    assert (await head_of(db_engine)).size == 0


async def test_a_log_that_was_tampered_with_stops_the_loop_at_once(db_engine):
    await add(db_engine, 3)
    stop = asyncio.Event()
    stop.set()
    await sequencer.run(db_engine.begin, SIGNER, ORIGIN, lambda: AT, stop)
    async with db_engine.begin() as db:
        await db.execute(sa.update(log.tiles).values(hashes=bytes(96)))
    with pytest.raises(log.TamperedError):
        await sequencer.run(db_engine.begin, SIGNER, ORIGIN, lambda: AT, asyncio.Event())


async def test_a_gateway_knows_the_key_with_which_another_signed_just_now(db_engine, tmp_path):
    """Keys are asked anew at each head, under the lock: what was known two seconds ago would call the log tampered."""
    here = KeyService.create(tmp_path / "sleutels")
    there = KeyService.open(tmp_path / "sleutels")

    async def signed(keys: KeyService) -> None:
        await add(db_engine, 1)
        async with db_engine.begin() as db:
            assert await log.sequence(db, partial(sequencer.signing, keys), ORIGIN, AT)

    try:
        await signed(here)
        there.renew("log")
        await signed(there)
        there.activate("log")
        await signed(there)
        await signed(here)
    finally:
        here.close()
        there.close()
