"""What a gateway promises survives its own end, and that of everything around it.

Each test runs real gateways under a real load and ends with the same verdict: nothing promised is lost, nothing was
delivered otherwise than it was sent, and the log tells all of it. See ``tests/disaster`` for how, and for longer runs.
"""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from audit import log
from audit.keys import KeyService
from audit.record import record
from gateway import trail
from gateway.commit import open_engine, writing
from tests.disaster import gateways
from tests.disaster.__main__ import database_of, disaster
from tests.disaster.gateways import Postgres

pytestmark = pytest.mark.timeout(180)


@pytest.mark.parametrize(("database", "kills"), [("sqlite", 20), ("postgresql", 10)])
async def test_a_gateway_that_is_killed_at_any_step_of_a_message_keeps_every_promise(
    tmp_path: Path, database: str, kills: int
):
    with database_of(database, tmp_path) as url:
        async with disaster(tmp_path / "poort", url, seed=20, deeds=True) as run:
            moments = [moment async for moment in run.kill_often(kills)]

        assert await run.verdict() == []
    assert len(moments) == kills


async def test_killed_workers_cost_no_message_and_the_gateway_gets_new_ones(tmp_path: Path):
    with database_of("sqlite", tmp_path) as url:
        async with disaster(tmp_path / "poort", url, seed=21) as run:
            for moment in ("sending", "promised", "sending", "sending", "any", "sending"):
                await run.kill_workers(moment)
            before = run.world.book.seen["promised"]
            await asyncio.sleep(1)

        assert run.world.book.seen["promised"] > before
        assert await run.verdict() == []
    assert run.world.book.seen["no answer"] == 0


async def test_a_database_that_is_killed_is_told_to_senders_and_the_gateway_goes_on_when_it_is_back(tmp_path: Path):
    with database_of("postgresql", tmp_path) as url:
        server = Postgres(url)
        try:
            async with disaster(tmp_path / "poort", url, seed=22) as run:
                for away in (0, 1, 4):
                    await run.world.moment("promised", 5)
                    server.kill()
                    await asyncio.sleep(away)
                    await server.start()
                    await run.world.moment("promised", 20)

            assert await run.verdict() == []
        finally:
            server.stop()
    assert run.world.book.seen["503"] > 0
    assert run.world.book.seen["no answer"] == 0


async def test_a_full_disk_is_told_to_senders_and_the_gateway_goes_on_when_there_is_room(tmp_path: Path):
    with database_of("sqlite", tmp_path) as url:
        async with disaster(tmp_path / "poort", url, seed=23) as run:
            for _ in range(3):
                await run.world.moment("promised", 5)
                await run.fill_disk(1.5)
                await run.world.moment("promised", 20)

        assert await run.verdict() == []
    assert run.world.book.seen["503"] > 0
    assert run.world.book.seen["no answer"] == 0


async def test_two_gateways_on_one_database_share_the_work_and_one_goes_on_when_the_other_dies(tmp_path: Path):
    with database_of("postgresql", tmp_path) as url:
        async with disaster(tmp_path / "poort", url, seed=24, count=2) as run:
            async for _ in run.kill_often(3):
                pass

        assert await run.verdict() == []


async def test_a_gateway_that_slept_past_its_lease_does_not_push_beside_the_one_that_took_over(tmp_path: Path):
    with database_of("postgresql", tmp_path) as url:
        async with disaster(tmp_path / "poort", url, seed=25, count=2) as run:
            for sleeper in run.gateways:
                await run.world.moment("pushing", 5)
                await run.put_to_sleep(sleeper)

        assert await run.verdict() == []


async def test_a_gateway_that_is_asked_to_stop_under_load_ends_in_order_and_soon(tmp_path: Path):
    with database_of("sqlite", tmp_path) as url:
        async with disaster(tmp_path / "poort", url, seed=26) as run:
            (gateway,) = run.gateways
            await run.world.moment("sending", 5)
            async with asyncio.timeout(15):
                assert await gateway.stop() == 0
            await gateway.start()
            await run.world.moment("promised", 5)

        assert await run.verdict() == []
    assert "Traceback" not in gateway.said.read_text()


async def test_a_gateway_whose_log_was_tampered_with_stops_and_says_so(tmp_path: Path):
    with database_of("sqlite", tmp_path) as url:
        (gateway,), _ = gateways.make(tmp_path / "poort", url, {}, "", 1)
        await gateway.start()
        async with writing(engine := open_engine(url)) as db:
            await db.execute(sa.update(log.checkpoints).values(note="een andere stand"))
            an_event = trail.event(trail.What.EXPORTED, actor="beheerder", role="beheerder", thing="logboek", trace="")
            await record(
                db, KeyService.open(tmp_path / "poort/sleutels"), gateways.ORIGIN, [an_event], datetime.now(UTC)
            )
        await engine.dispose()

        async with asyncio.timeout(20):
            assert await gateway.process.wait() == 2
    said = gateway.said.read_text()
    assert "waarschuw de beveiligingsfunctionaris" in said
    assert "File " not in said
