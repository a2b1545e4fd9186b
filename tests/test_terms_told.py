"""Who is told what of a term, and when; what is granted is looked at in ``test_terms_granted``."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from audit import bulk
from gateway.clock import milliseconds
from gateway.commit import writing
from gateway.invented import message
from gateway.parties import Party
from gateway.store import create_tables
from gateway.tables import messages
from gateway.terms import notices, run, store
from gateway.terms.agenda import TASKS, Agenda
from gateway.terms.decide import Kind, within
from gateway.terms.tables import terms
from tests.door import HOOFD, ONDER, SUPPLIER, opened

BEGAN = datetime(2026, 4, 1, 10, tzinfo=UTC)
"""Wednesday before Easter: three working days on is Wednesday 8 April, for Good Friday and Easter Monday are free."""


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def opened_term(
    db: AsyncConnection, *, kind: Kind = Kind.RETOUR, message: str = "ab" * 16, days: int = 3
) -> None:
    row = {
        "message": message, "kind": kind.value, "about": "", "wet": "JW", "owner": ONDER.code, "other": HOOFD.code,
        "due_at": milliseconds(within(BEGAN, days)), "opened_at": milliseconds(BEGAN), "done_at": None, "told": 0,
    }  # fmt: skip
    await bulk.insert(db, terms, [row])


async def heard(engine: AsyncEngine) -> list[tuple[str, str]]:
    async with engine.connect() as db:
        rows = await notices.of(db, {HOOFD.code, ONDER.code}, after=0, count=100, unseen=False)
    return [(row.party, row.kind) for row in rows]


async def test_a_party_is_told_before_the_last_day_after_it_and_three_working_days_later(engine: AsyncEngine):
    begin = partial(writing, engine)
    async with begin() as db:
        await create_tables(db)
        await opened_term(db)
    days = {
        "2026-04-02T12:00:00+02:00": [],  # Thursday: the last day is after Tuesday, the next working day
        "2026-04-06T12:00:00+02:00": [],
        "2026-04-07T00:00:00+02:00": [(ONDER.code, "termijn.bijna")],
        "2026-04-08T23:59:59+02:00": [],
        "2026-04-09T00:00:00+02:00": [(ONDER.code, "termijn.verstreken"), (HOOFD.code, "termijn.wacht")],
        "2026-04-13T12:00:00+02:00": [],
        "2026-04-14T00:00:00+02:00": [(ONDER.code, "termijn.escalatie")],
        "2026-05-14T00:00:00+02:00": [],
    }
    so_far: list[tuple[str, str]] = []
    for day, told in days.items():
        await run.tell(begin, at(day))
        so_far += told
        assert await heard(engine) == so_far, day


async def test_who_was_not_told_in_time_is_not_told_that_it_is_nearly_time(engine: AsyncEngine):
    begin = partial(writing, engine)
    async with begin() as db:
        await create_tables(db)
        await opened_term(db)
    assert await run.tell(begin, at("2026-04-20T09:00:00+02:00")) == 1
    assert await run.tell(begin, at("2026-04-20T09:00:00+02:00")) == 0
    assert await heard(engine) == [(ONDER.code, "termijn.escalatie"), (HOOFD.code, "termijn.wacht")]


async def test_two_gateways_that_look_at_the_same_moment_tell_once(engine: AsyncEngine):
    lock = asyncio.Lock() if engine.dialect.name == "sqlite" else contextlib.nullcontext()

    @contextlib.asynccontextmanager
    async def begin() -> AsyncIterator[AsyncConnection]:
        async with lock, writing(engine) as db:
            yield db

    async with writing(engine) as db:
        await create_tables(db)
        for number in range(20):
            await opened_term(db, message=f"{number:032x}")
    now = at("2026-04-09T09:00:00+02:00")
    await asyncio.gather(*(run.tell(begin, now) for _ in range(3)))
    assert sorted(await heard(engine)) == sorted(
        [(ONDER.code, "termijn.verstreken"), (HOOFD.code, "termijn.wacht")] * 20
    )


async def test_old_notices_and_terms_that_were_done_long_ago_are_taken_away(engine: AsyncEngine):
    async with writing(engine) as db:
        await create_tables(db)
        await opened_term(db)
        await opened_term(db, message="cd" * 16)
        await store.tell(db, [1], 1)
    async with writing(engine) as db:
        await db.execute(terms.update().where(terms.c.id == 1).values(done_at=5))
        await store.forget(db, before=5)
        assert len(await store.untold(db, 9, until=2**60, count=9)) == 1
        await store.forget(db, before=6)
        left = (await db.execute(terms.select())).all()
    assert [row.message for row in left] == ["cd" * 16], "what is not done stays, however old"


async def test_what_is_due_on_a_message_that_was_destroyed_is_not_asked_for_ever(engine: AsyncEngine):
    async with opened(engine) as door:
        for own in ("A1", "A2"):
            await door.accepted(message("ho301-minimaal", own))
        async with writing(engine) as db:
            await db.execute(sa.update(messages).where(messages.c.identification == "A1").values(sealed_body=None))
            await store.forget(db, before=0)
            assert len(await store.untold(db, 9, until=2**60, count=9)) == 2, "what is not long past stays"
            await store.forget(db, before=2**60)
            left = await store.of(db, {ONDER.code}, is_open=True, after=0, count=9)
            kept = (await db.execute(sa.select(messages.c.id).where(messages.c.identification == "A2"))).scalar()
    assert [row.message for row in left] == [kept]


async def test_both_parties_see_what_one_must_do_and_nobody_else_does(engine: AsyncEngine):
    async with opened(engine, levels=()) as door:
        agenda = Agenda(door.commit)
        sent = await door.accepted(message("ho301-minimaal", "A1"))
        mine, theirs = [await agenda.terms(party, is_open=True, after=0, count=10) for party in (SUPPLIER, HOOFD)]
        assert [(each["soort"], each["rol"]) for each in mine["termijnen"]] == [("retour", "doen"), ("start", "doen")]
        assert [each["rol"] for each in theirs["termijnen"]] == ["wachten", "wachten"]
        assert {each["berichtId"] for each in mine["termijnen"]} == {sent["berichtId"]}
        assert {each["berichtSoort"] for each in mine["termijnen"]} == {"ho301"}
        assert mine["volgende"] is None
        first = await agenda.terms(ONDER, is_open=True, after=0, count=1)
        second = await agenda.terms(ONDER, is_open=True, after=first["volgende"], count=1)
        assert first["termijnen"] + second["termijnen"] == mine["termijnen"]
        assert not (await agenda.terms(Party(code="98000008", name=""), is_open=True, after=0, count=9))["termijnen"]
        await door.accepted(message("ho302-akkoord", "R1", answers="A1"), ONDER)
        done = (await agenda.terms(ONDER, is_open=False, after=0, count=9))["termijnen"]
        assert [(each["soort"], each["teLaat"]) for each in done] == [("retour", False)]
        assert done[0]["gedaanOp"]
        async with door.engine.connect() as db:
            assert [(row.owner, row.kind, row.all, row.late) for row in await store.counts(db, now=0)] == [
                (ONDER.code, "start", 1, 0)
            ]


def test_each_kind_of_term_says_what_to_do():
    assert TASKS.keys() == set(Kind)
