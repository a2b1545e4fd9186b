"""Terms in the database: what is open there after conversations equals the calendar, also when commits are shared."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine
from test_terms import Calendar, Told

from gateway.catalog import FOLDER
from gateway.check import check
from gateway.clock import milliseconds
from gateway.decide import Accepted
from gateway.history import indexes
from gateway.intake import Rejected
from gateway.ledger.read import OBSERVERS
from gateway.message import Checked
from gateway.tables import messages
from gateway.terms.tables import terms
from tests.door import CATALOG, HOOFD, ONDER, Door, opened

CHAINS = FOLDER / "hoa/1.0/ketens"
BOTH = {HOOFD.code: HOOFD, ONDER.code: ONDER}


def conversation(name: str) -> list[tuple[bytes, Checked]]:
    read = [path.read_bytes() for path in sorted((CHAINS / name).glob("*.xml"))]
    return [(raw, check(raw, CATALOG, OBSERVERS)) for raw in read]


async def play(door: Door, told: list[tuple[bytes, Checked]]) -> list[Accepted | Rejected]:
    return [await door.send(raw, BOTH[each.facts.sender]) for raw, each in told if each.facts]


async def held(door: Door, told: list[tuple[bytes, Checked]]) -> tuple[dict[object, int], dict[object, int]]:
    """What is open in the database, and what is by the calendar over the messages that were taken in."""
    async with door.engine.connect() as db:
        took = {
            row.key: row for row in await db.execute(sa.select(messages.c.key, messages.c.id, messages.c.received_at))
        }
        rows = (await db.execute(sa.select(terms).where(terms.c.done_at.is_(None)))).all()
    calendar = Calendar()
    for _, each in told:
        facts = each.facts
        row = took.get(f"{facts.sender}/{facts.type}/{facts.identification}") if facts else None
        if facts and row:
            at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=row.received_at)
            calendar.take(Told(at, facts, each.said))
    wanted = {
        (kind, took[name].id, indexes(door.keys, [about], door.keys.index_id)[0] if about else ""): milliseconds(due)
        for (kind, name, about), due in calendar.open.items()
    }
    return {(row.kind, row.message, row.about): row.due_at for row in rows}, wanted


@pytest.mark.parametrize(
    "name",
    ["afgekeurd-telt-niet", "heel-traject", "pauze-en-weer-verder", "start-en-stop-verbeterd", "verzoek-gehonoreerd"],
)
async def test_what_is_open_after_a_conversation_is_what_the_calendar_says(engine: AsyncEngine, name: str):
    told = conversation(name)
    async with opened(engine, levels={3}) as door:
        await play(door, told)
        found, wanted = await held(door, told)
    assert found == wanted
    assert bool(found) == (name != "heel-traject"), "in that one all was done"


async def test_messages_that_share_a_commit_open_and_close_as_if_each_had_its_own(engine: AsyncEngine):
    told = conversation("afgekeurd-telt-niet")
    async with opened(engine, levels=()) as door:
        async with asyncio.TaskGroup() as tasks:
            for raw, each in told:
                assert each.facts
                tasks.create_task(door.send(raw, BOTH[each.facts.sender]))
        found, wanted = await held(door, told)
    assert found == wanted


async def test_without_a_ledger_only_answers_are_waited_for(engine: AsyncEngine):
    async with opened(engine) as door:
        await play(door, conversation("heel-traject"))
        async with engine.connect() as db:
            rows = (await db.execute(sa.select(terms.c.kind, terms.c.done_at))).all()
    assert {row.kind for row in rows} == {"retour", "declaratieantwoord"}
    assert all(row.done_at for row in rows), "each was answered"
