"""The verifier run from the console: in a process of its own, over a real log, with its outcome in the log."""

import asyncio
import contextlib
import json
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from audit import log, sequencer
from gateway import trail
from gateway.commit import writing
from gateway.oversight import casebook, checks
from gateway.oversight.checking import Asked
from gateway.oversight.desk import Asking, Desk, now
from gateway.oversight.rights import Officer, Role
from gateway.oversight.sessions import Session
from tests.door import ORIGIN, opened


@pytest.fixture
async def desk(engine, tmp_path):
    async with opened(engine, tmp_path) as door:
        yield Desk(door.commit, door.keys, ORIGIN, tmp_path / "functionarissen.toml")


@pytest.fixture
def asked(database_url, tmp_path):
    return Asked(database=database_url, keys=str(tmp_path / "sleutels"), log=ORIGIN, anchor=str(tmp_path / "anker"),
                 witnesses=str(tmp_path / "getuigen"), terms=str(tmp_path / "bewaartermijnen.toml"))  # fmt: skip


def asking():
    at = now()
    session = Session(id=b"s" * 32, officer="a", began_at=at, seen_at=at, fresh_at=at, elevated_until=0, sid=None)
    officer = Officer(login="auditor.een", name="Een", role=Role.AUDITOR, party="98000001")
    return Asking(officer=officer, session=session, at=at, trace="cd" * 16, address="192.0.2.0/24")


async def signed(desk, engine, *, lines=3):
    told = trail.event(trail.What.LOGGED_IN, actor="auditor.een", role="auditor", trace="", thing="functionaris")
    await desk.log(*[told] * lines)
    async with writing(engine) as db:
        await log.sequence(db, sequencer.signing(desk.keys), ORIGIN, datetime.now(UTC), heartbeat=True)


async def ended(desk, asked, id_):
    running = asyncio.create_task(checks.Checks(desk, asked).run())
    try:
        async with asyncio.timeout(60):
            while True:
                async with desk.reading() as db:
                    found = await checks.find(db, id_)
                if found.ended_at:
                    return found
                assert not running.done() or running.result()
                await asyncio.sleep(0.1)
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def told(desk):
    async with desk.reading() as db:
        rows = (await db.execute(sa.select(log.entries).order_by(log.entries.c.id))).all()
    return [row.event for row in rows]


async def test_a_sound_log_is_found_sound_and_that_is_an_entry(desk, engine, asked):
    await signed(desk, engine)
    found = await ended(desk, asked, await checks.ask(desk, asking()))
    assert (found.verdict, found.found["regels"], found.done, found.total) == (0, 3, 3, 3), found.report
    states = {each["controle"]: each["oordeel"] for each in found.found["controles"]}
    assert [states[name] for name in ("V1", "V2", "V3", "V9", "V10", "V11", "V20")] == ["goed"] * 7
    assert "logboek.gecontroleerd" in await told(desk)


async def test_tampering_is_found_and_becomes_an_incident_by_itself(desk, engine, asked):
    await signed(desk, engine)
    async with writing(engine) as db:
        row = (await db.execute(sa.select(log.entries).where(log.entries.c.idx == 1))).one()
        await db.execute(
            sa.update(log.entries)
            .where(log.entries.c.id == row.id)
            .values(header=row.header.replace(b"geslaagd", b"geweigerd"))
        )
    found = await ended(desk, asked, await checks.ask(desk, asking()))
    assert found.verdict == 1
    (case,) = await casebook.listed(desk, asking())
    assert (case.kind, case.party) == ("aantasting", "")
    assert "incident.gemeld" in await told(desk)


async def test_a_line_that_is_hidden_in_the_database_alone_is_found_and_becomes_an_incident(desk, engine, asked):
    await signed(desk, engine)
    async with writing(engine) as db:
        await db.execute(sa.update(log.entries).where(log.entries.c.idx == 1).values(party="98000003"))
    found = await ended(desk, asked, await checks.ask(desk, asking()))
    [problem] = found.found["problemen"]
    assert (found.verdict, problem["controle"], problem["regel"]) == (1, "V20", 1)
    assert [case.kind for case in await casebook.listed(desk, asking())] == ["aantasting"]


async def test_who_asks_while_a_run_waits_gets_that_one(desk):
    assert await checks.ask(desk, asking()) == await checks.ask(desk, asking())


async def test_a_log_that_cannot_be_read_out_is_told_and_no_incident(desk, asked):
    found = await ended(desk, asked, await checks.ask(desk, asking()))  # nothing was signed yet
    assert found.verdict == 3
    assert json.loads(found.report)["uitkomst"]
    assert await casebook.listed(desk, asking()) == []


async def test_a_run_whose_gateway_was_killed_is_given_up(desk, engine, asked):
    await signed(desk, engine)
    id_ = await checks.ask(desk, asking())
    async with writing(engine) as db:
        long_ago = now() - checks.LOST - 1
        await db.execute(sa.update(checks.table).values(began_at=long_ago, seen_at=long_ago))
    found = await ended(desk, asked, id_)
    assert (found.verdict, found.found["controles"]) == (3, [])
    async with desk.reading() as db:
        assert (await checks.last(db)).id == id_
