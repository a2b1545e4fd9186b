"""A destruction that is killed half-way has destroyed whole batches, each with its lines; the next goes on."""

import asyncio
import subprocess
import sys
from pathlib import Path

import sqlalchemy as sa

from audit import log
from audit.export import export
from audit.note import VerifierKey
from audit.verify import verify
from gateway.commit import writing
from gateway.invented import message
from gateway.retention.orders import AT_ONCE
from gateway.tables import erasure_items
from tests.door import ONDER, ORIGIN, VISIT, key_folder
from tests.running import ROOT, environment
from tests.test_retention import ANNA, BRAM, DAY, YEAR, Keeper, keeper

__all__ = ["keeper"]

MANY = 2 * AT_ONCE["bericht"] + 50
DESTROY = """
import asyncio, sys
from pathlib import Path
from audit.keys import KeyService
from gateway.commit import open_engine, writing
from gateway.retention.nightly import Retention
from gateway.retention.policy import standard

async def go(url, folder, origin):
    engine = open_engine(url)
    retention = Retention(
        engine=engine, writing=lambda: writing(engine), keys=KeyService.open(Path(folder)), origin=origin,
        policy=standard(), archives=list,
    )
    async for _, count in retention.destroy():
        print(count, flush=True)
        sys.stdin.readline()

asyncio.run(go(*sys.argv[1:]))
"""


def destroying(database_url: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", DESTROY, database_url, str(key_folder()), ORIGIN]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment()
    )


async def gone_and_told(keeper: Keeper) -> tuple[set[str], list[str], set[str]]:
    """Which messages lost their content, which the log says did, and which are still to go."""
    gone = {id_ for id_, whole in (await keeper.bodies()).items() if not whole}
    told = [header["message"] for event, header, _ in await keeper.door.logged() if event == "vernietiging.uitgevoerd"]
    rows = await keeper.rows(sa.select(erasure_items.c.item).where(erasure_items.c.kind == "bericht"))
    return gone, told, {row.item for row in rows}


async def test_a_kill_between_batches_leaves_no_half_work(keeper: Keeper, database_url: str):
    raws = [message("ho301-minimaal", f"A{n}") for n in range(MANY)]
    receipts = await asyncio.gather(*(keeper.door.accepted(raw) for raw in raws))
    ids = [receipt["berichtId"] for receipt in receipts]
    for start in range(0, MANY, 100):
        await asyncio.gather(*(keeper.door.pickup.fetch(id_, ONDER, VISIT) for id_ in ids[start : start + 100]))
    await keeper.door.pickup.confirm(ids, ONDER, VISIT)
    proposal = (await keeper.proposals(61 * DAY))["transport"]
    await keeper.approve(proposal.id, ANNA, BRAM)

    with destroying(database_url) as process:
        assert process.stdout
        assert process.stdin
        try:
            assert await asyncio.to_thread(process.stdout.readline) == f"{AT_ONCE['bericht']}\n"
            process.stdin.write("\n")  # the second batch is under way, and killed wherever it is
            process.stdin.flush()
            await asyncio.sleep(0.08)
        finally:
            process.kill()

    gone, told, left = await gone_and_told(keeper)
    assert len(gone) in (AT_ONCE["bericht"], 2 * AT_ONCE["bericht"])
    assert sorted(told) == sorted(gone)
    assert left == set(ids) - gone

    await keeper.destroyed()
    gone, told, left = await gone_and_told(keeper)
    assert (gone, sorted(told), left) == (set(ids), sorted(ids), set())


async def test_the_verifier_finds_every_hole_in_the_log_named(keeper: Keeper, tmp_path: Path):
    await keeper.delivered("A1", "A2")
    await keeper.door.sequence()
    proposals = await keeper.proposals(61 * DAY)
    await keeper.approve(proposals["transport"].id, ANNA, BRAM)
    await keeper.destroyed()
    await keeper.door.sequence()
    old = (await keeper.proposals(5 * YEAR + DAY))["logboek"]
    await keeper.approve(old.id, ANNA, BRAM)
    destroyed = await keeper.destroyed()
    await keeper.door.sequence()

    async def problems(name: str) -> list[str]:
        signer = keeper.door.keys.signer("log")
        async with keeper.door.engine.connect() as db:
            summary = await export(
                db, tmp_path / name, signer, ORIGIN, lambda lines: keeper.door.keys.open_lines(lines, why="beheer")
            )
        assert summary.erased >= destroyed
        report = verify(tmp_path / name, VerifierKey(name=ORIGIN, public=signer.public))
        assert report.erased == summary.erased
        return [f"{each.check} {each.index}" for each in report.problems]

    assert await problems("vernietigd") == []
    place = sa.select(sa.func.max(log.entries.c.idx)).scalar_subquery()
    async with writing(keeper.door.engine) as db:
        await db.execute(sa.update(log.entries).where(log.entries.c.idx == place).values(sealed=None))
    assert [each.partition(" ")[0] for each in await problems("gewist")] == ["V9"], "behind the gateway's back"
