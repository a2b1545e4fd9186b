"""Each line about a person has a number, per party: who leaves one out is seen. On both databases."""

import asyncio
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from audit import log
from audit.entry import Event
from audit.keys import KeyService
from audit.record import person_context, record
from gateway.commit import writing
from tests.audit.happened import happened

ORIGIN, AT = "voorbeeld.nl/logboek", datetime(2026, 11, 21, 12, tzinfo=UTC)
ANNA, BRAM = "999900006", "999900018"
HOOFD, ONDER, OTHER = "98000001", "98000002", "98000004"


def about(subject: str, *parties: str, actor: str = HOOFD) -> Event:
    return happened(message="m1", subject=subject, parties=parties, payload={"actor": actor})


@pytest.fixture
async def log_engine(engine: AsyncEngine) -> AsyncEngine:
    async with engine.begin() as db:
        await db.run_sync(log.metadata.create_all)
    return engine


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> KeyService:
    return KeyService.create(Path(tmp_path_factory.mktemp("map")) / "sleutels")


async def told(engine: AsyncEngine, keys: KeyService, *events: Event) -> None:
    async with writing(engine) as db:
        await record(db, keys, ORIGIN, events, AT)


async def payloads(engine: AsyncEngine, keys: KeyService) -> list[dict]:
    async with engine.connect() as db:
        rows = list(await db.execute(sa.select(log.entries).order_by(log.entries.c.id)))
    return keys.open_lines([(row.header, row.sealed) for row in rows], why="beheer")


async def numbers(engine: AsyncEngine) -> Counter:
    """How many lines each person has, as each party knows them; they must be numbered 1, 2, 3 …"""
    async with engine.connect() as db:
        known = set((await db.execute(sa.select(log.subjects.c.id))).scalars())
        lines = (await db.execute(sa.select(log.subject_lines).order_by(log.subject_lines.c.seq))).all()
    found: dict[int, list[int]] = {}
    for line in lines:
        found.setdefault(line.subject, []).append(line.seq)
    assert found.keys() == known
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in found.values())
    return Counter({id_: len(numbers) for id_, numbers in found.items()})


async def test_each_party_numbers_its_lines_about_a_person_from_one(log_engine, keys):
    await told(log_engine, keys, about(ANNA, HOOFD, ONDER), about(BRAM, HOOFD, ONDER), about(ANNA, HOOFD))
    await told(log_engine, keys, about(ANNA, OTHER), about("", HOOFD), about(ANNA, HOOFD, ONDER))

    assert [one.get("seq") for one in await payloads(log_engine, keys)] == [
        {HOOFD: 1, ONDER: 1}, {HOOFD: 1, ONDER: 1}, {HOOFD: 2}, {OTHER: 1}, None, {HOOFD: 3, ONDER: 2},
    ]  # fmt: skip
    assert sorted((await numbers(log_engine)).values()) == [1, 1, 1, 2, 3]


async def test_the_bsn_of_a_person_stands_nowhere_in_the_clear(log_engine, keys):
    await told(log_engine, keys, about(ANNA, HOOFD, ONDER))
    async with log_engine.connect() as db:
        for table in (log.entries, log.subjects, log.subject_lines):
            for row in await db.execute(sa.select(table)):
                assert ANNA.encode() not in b"|".join(v if isinstance(v, bytes) else str(v).encode() for v in row)
        rows = (await db.execute(sa.select(log.subjects))).all()
    assert len({row.blind for row in rows}) == 2, "two parties cannot find out that they know the same person"
    assert keys.open_persons([(row.sealed, person_context(row.id)) for row in rows], why="beheer") == [ANNA, ANNA]


async def test_a_line_can_be_found_by_party_event_message_time_and_actor(log_engine, keys):
    await told(
        log_engine,
        keys,
        about(ANNA, HOOFD, ONDER, actor="een"),
        about(BRAM, ONDER, actor="ander"),
        happened(payload={"actor": "een"}),
    )
    async with log_engine.connect() as db:
        rows = (await db.execute(sa.select(log.entries).order_by(log.entries.c.id))).all()
    assert [(row.party, row.other) for row in rows] == [(HOOFD, ONDER), (ONDER, None), (None, None)]
    assert [row.message for row in rows] == ["m1", "m1", None]
    assert {row.at for row in rows} == {AT.timestamp() * 1000}
    assert {row.event for row in rows} == {"bericht.ontvangen"}
    assert rows[0].actor == rows[2].actor == keys.indexes([("actor", "een")])[0] != rows[1].actor


async def test_writers_at_the_same_moment_never_give_the_same_number(log_engine, keys):
    async def write(number: int) -> None:
        await told(
            log_engine,
            keys,
            about(ANNA, HOOFD, ONDER),
            about(BRAM, *((ONDER, HOOFD) if number % 2 else (HOOFD, ONDER))),
            about(ANNA, ONDER),
        )

    await asyncio.gather(*(write(number) for number in range(12)))
    assert sorted((await numbers(log_engine)).values()) == [12, 12, 12, 24]


async def test_what_is_rolled_back_took_no_number(log_engine, keys):
    async with log_engine.connect() as db:
        await record(db, keys, ORIGIN, [about(ANNA, HOOFD)], AT)
        await db.rollback()
    await told(log_engine, keys, about(ANNA, HOOFD))
    assert [one["seq"] for one in await payloads(log_engine, keys)] == [{HOOFD: 1}]
