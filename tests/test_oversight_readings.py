"""What the log tells of reading, as officers of one party may see it: counted in the database, nothing opened."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from overseeing import asking, officer, overseen

from adapters.console.signals import waiting
from audit import log
from audit.keys import KeyService
from audit.record import record
from gateway import trail
from gateway.commit import writing
from gateway.oversight import readings
from gateway.oversight.signals import HOUR
from gateway.store import create_tables

ORIGIN = "test.ketenpoort.voorbeeld"
OURS, THEIRS = "98000001", "98000002"
LAST, FIRST = "999900006", "999900018"
NOW = datetime(2026, 11, 19, 11, 30, tzinfo=UTC)
AT = int(NOW.timestamp()) * 1000


@pytest.fixture
def keys(tmp_path):
    service = KeyService.create(tmp_path / "sleutels")
    yield service
    service.close()


def told(code, actor, *, parties=(OURS,), subjects=(), message=None):
    event = trail.event(trail.What.FETCHED, actor=actor, role="fg", trace="", message=message, parties=parties,
                        about={"reason": "controle", "query": "-"})  # fmt: skip
    return trail.per_subject(replace(event, event=code), subjects)


async def write(engine, keys, *events, ago=timedelta()):
    async with writing(engine) as db:
        await create_tables(db)
        await record(db, keys, ORIGIN, [each for some in events for each in some], NOW - ago)


def index_of(keys, actor):
    return keys.indexes([("actor", actor)])[0].hex()


async def counted(engine, own):
    async with engine.connect() as db:
        return {(each.actor, each.event): (each.at, each.lines) for each in await readings.counts(db, own, 0, AT + 1)}


async def test_lines_are_counted_by_actor_kind_and_hour(engine, keys):
    await write(engine, keys, told("logboek.gelezen", "anna", subjects=[LAST, FIRST]), told("logboek.gelezen", "anna"))
    found = await counted(engine, OURS)
    assert found == {(index_of(keys, "anna"), "logboek.gelezen"): (AT // HOUR * HOUR, 3)}


async def test_what_is_of_another_party_is_not_there_and_what_is_of_the_gateway_is(engine, keys):
    await write(
        engine, keys,
        told("logboek.gelezen", "bram", parties=(THEIRS,)),
        told("functionaris.geweigerd", "onbekend", parties=()),
        told("dossier.ingezien", "anna", parties=(OURS,)),
        told("bericht.gelezen", THEIRS, parties=(OURS, THEIRS), message="ab" * 16),
    )  # fmt: skip
    assert {event for _, event in await counted(engine, OURS)} == {"functionaris.geweigerd", "dossier.ingezien"}
    assert {event for _, event in await counted(engine, "")} == {"functionaris.geweigerd"}


async def test_a_look_knows_when_messages_about_that_person_were(engine, keys):
    received = told("bericht.ontvangen", THEIRS, parties=(THEIRS, OURS), subjects=[LAST], message="ab" * 16)
    await write(engine, keys, received, ago=timedelta(days=3))
    await write(engine, keys, told("bericht.ingezien", "anna", subjects=[LAST, FIRST], message="ab" * 16))
    async with engine.connect() as db:
        known, unknown = sorted(
            await readings.looks(db, OURS, 0, AT + 1, finds_secret=False), key=lambda each: each.first is None
        )
    then = AT - 3 * 24 * HOUR
    assert (known.first, known.last, known.at) == (then, then, AT)
    assert (unknown.first, unknown.last) == (None, None)
    assert known.person != unknown.person


async def test_somebody_secret_is_to_who_may_not_find_that_person_somebody_without_messages(engine, keys):
    received = told("bericht.ontvangen", THEIRS, parties=(THEIRS, OURS), subjects=[LAST], message="ab" * 16)
    await write(engine, keys, received, ago=timedelta(days=3))
    await write(engine, keys, told("dossier.ingezien", "anna", subjects=[LAST]))
    async with writing(engine) as db:
        await db.execute(sa.update(log.subjects).values(secret=True))
    for finds in (True, False):
        async with engine.connect() as db:
            [one] = await readings.looks(db, OURS, 0, AT + 1, finds_secret=finds)
        assert (one.first is not None, one.last is not None) == (finds, finds)


async def test_a_look_is_held_against_the_first_and_the_last_message_whatever_was_done_around_them(engine, keys):
    for days, code in enumerate(["dossier.ingezien", "bericht.bevestigd", "bericht.ontvangen", "logboek.getoond"]):
        parties = (THEIRS, OURS) if code.startswith("bericht.") else (OURS,)
        lines = told(code, THEIRS, parties=parties, subjects=[LAST], message="ab" * 16)
        await write(engine, keys, lines, ago=timedelta(days=9 - days))
    async with engine.connect() as db:
        found = await readings.looks(db, OURS, 0, AT + 1, finds_secret=False)
    assert [(each.first, each.last) for each in found] == 2 * [(AT - 8 * 24 * HOUR, AT - 7 * 24 * HOUR)]
    assert sorted(each.at for each in found) == [AT - 9 * 24 * HOUR, AT - 6 * 24 * HOUR]


async def test_what_one_actor_did_comes_in_order_and_a_page_at_a_time(engine, keys):
    for days in (3, 2, 1):
        await write(engine, keys, told("logboek.doorzocht", "anna"), told("logboek.doorzocht", "bram"),
                    ago=timedelta(days=days))  # fmt: skip
    actor = [bytes.fromhex(index_of(keys, "anna"))]
    async with engine.connect() as db:
        first = await readings.of_actor(db, OURS, actor, 0, AT, most=2)
        rest = await readings.of_actor(db, OURS, actor, 0, AT, after=first[-1].id, most=2)
        none = await readings.of_actor(db, THEIRS, actor, 0, AT, most=2)
    assert [each.at for each in (*first, *rest)] == [AT - days * 24 * HOUR for days in (3, 2, 1)]
    assert none == []


async def test_who_looked_at_somebody_unknown_to_his_party_is_told_on_the_first_page(engine, tmp_path):
    async with overseen(engine, tmp_path) as (_, desk):
        who = asking(officer(), at=AT)  # a Thursday noon: nothing else stands out
        before = await waiting(desk, who)
        await write(engine, desk.keys, told("dossier.ingezien", who.officer.login, subjects=[LAST]))
        after = await waiting(desk, who)
    assert (before, [each.count for each in after]) == ([], [1])
