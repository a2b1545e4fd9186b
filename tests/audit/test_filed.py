"""Whoever changes by what lines are found, hides a line without changing it: the check sees each such change (V20)."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from audit import index, log, reindex
from audit.entry import Event
from audit.filed import astray
from audit.keys import KeyService
from audit.record import record
from audit.report import Verdict
from gateway.commit import writing
from tests.audit.happened import happened

ORIGIN, AT = "voorbeeld.nl/logboek", datetime(2026, 11, 21, 12, tzinfo=UTC)
ANNA, BRAM = "999900006", "999900018"
HOOFD, ONDER, OTHER = "98000001", "98000002", "98000004"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> KeyService:
    return KeyService.create(Path(tmp_path_factory.mktemp("map")) / "sleutels")


@pytest.fixture
async def written(engine: AsyncEngine, keys: KeyService) -> AsyncEngine:
    """A log of six lines, of which four are about two persons, at two parties."""
    async with engine.begin() as db:
        await db.run_sync(log.metadata.create_all)
    events = [about(ANNA), about(BRAM), about(ANNA), about(BRAM), about(""), about("", parties=())]
    async with writing(engine) as db:
        await record(db, keys, ORIGIN, events, AT)
        await log.sequence(db, keys.signer("log"), ORIGIN, AT)
    return engine


def about(subject: str, *, parties: tuple[str, ...] = (HOOFD, ONDER)) -> Event:
    return happened(message="m1", subject=subject, parties=parties, payload={"actor": HOOFD})


async def problems(engine: AsyncEngine, keys: KeyService) -> list[tuple[int | None, str]]:
    async with engine.connect() as db:
        found = await astray(db, keys)
    assert {(each.check, each.verdict) for each in found} <= {("V20", Verdict.TAMPERED)}
    return [(each.index, each.text) for each in found]


async def change(engine: AsyncEngine, statement: sa.Executable) -> None:
    async with writing(engine) as db:
        await db.execute(statement)


async def test_what_was_written_is_found_where_it_belongs(written, keys):
    assert await problems(written, keys) == []


@pytest.mark.parametrize(
    ("column", "value", "word"),
    [
        ("party", OTHER, "partij"),
        ("party", None, "partij"),
        ("other", None, "partij"),
        ("at", 0, "tijd"),
        ("event", "sleutel.vernieuwd", "gebeurtenis"),
        ("message", "m2", "bericht"),
        ("message", None, "bericht"),
        ("actor", b"\0" * 16, "uitvoerder"),
    ],
)
async def test_a_line_that_is_filed_under_something_else_is_told(written, keys, column, value, word):
    await change(written, sa.update(log.entries).where(log.entries.c.idx == 4).values({column: value}))
    [(index_, text)] = await problems(written, keys)
    assert index_ == 4
    assert word in text


async def test_a_last_number_that_was_taken_away_is_told(written, keys):
    """The file of the person would look whole: it ends earlier."""
    await change(written, sa.delete(log.subject_lines).where(log.subject_lines.c.seq == 2))
    assert [index_ for index_, _ in await problems(written, keys)] == [2, 3]


async def test_a_number_that_is_said_to_be_destroyed_while_the_line_is_there_is_told(written, keys):
    await change(written, sa.update(log.subject_lines).where(log.subject_lines.c.seq == 2).values(leaf=b""))
    assert [index_ for index_, _ in await problems(written, keys)] == [2, 3]


async def test_lines_of_two_persons_that_changed_places_are_told(written, keys):
    async with written.connect() as db:
        people = (await db.execute(sa.select(log.subjects.c.id).where(log.subjects.c.party == HOOFD))).scalars().all()
    row = log.subject_lines.c
    for old, new in ((people[0], 1), (people[1], people[0]), (1, people[1])):
        await change(written, sa.update(log.subject_lines).where(row.subject == old).values(subject=new))
    assert [index_ for index_, _ in await problems(written, keys)] == [0, 1, 2, 3]


async def test_a_number_that_leads_nowhere_is_told(written, keys):
    async with written.connect() as db:
        someone = (await db.execute(sa.select(log.subjects.c.id).limit(1))).scalar_one()
    await change(written, sa.insert(log.subject_lines).values(subject=someone, seq=3, leaf=b"x" * 32))
    assert await problems(written, keys) == [(None, "Volgnummer 3 van een cliënt leidt naar een regel die er niet is.")]


async def test_a_person_who_was_taken_away_or_is_looked_up_by_another_index_is_told(written, keys):
    row = log.subjects.c
    async with written.connect() as db:
        first, second = (await db.execute(sa.select(row.id).order_by(row.party, row.id).limit(2))).scalars()
    await change(written, sa.update(log.subjects).where(row.id == first).values(blind="00" * 16))
    await change(written, sa.delete(log.subjects).where(row.id == second))
    found = await problems(written, keys)
    assert len([text for index_, text in found if index_ is None and "index" in text]) == 1
    assert len([index_ for index_, _ in found if index_ is not None]) == 2


async def test_a_person_whose_bsn_was_put_from_another_row_is_told(written, keys):
    row = log.subjects.c
    async with written.connect() as db:
        first, second = (await db.execute(sa.select(row.id, row.sealed).order_by(row.id).limit(2))).all()
    await change(written, sa.update(log.subjects).where(row.id == first.id).values(sealed=second.sealed))
    assert (await problems(written, keys))[0][1].startswith("De gegevens van een cliënt gaan niet open")


async def test_what_was_destroyed_can_only_be_compared_with_its_header(written, keys):
    await change(written, sa.update(log.entries).where(log.entries.c.idx == 2).values(sealed=None))
    await change(written, sa.update(log.subject_lines).where(log.subject_lines.c.seq == 2).values(leaf=b""))
    assert [index_ for index_, _ in await problems(written, keys)] == [3]


async def test_after_a_new_index_key_nothing_is_out_of_place(written, keys):
    keys.renew("index")
    async with written.connect() as db:
        blind = await reindex.blinds(db, keys, keys.index_id)
    async with writing(written) as db:
        await index.replace(db, keys.index_id)
        await reindex.rewrite(db, keys.index_id, blind)
    assert await problems(written, keys) == []
