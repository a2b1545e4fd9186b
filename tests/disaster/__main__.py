"""The plan: which disaster happens when. All chance comes from one seed, so that a run can be had again."""

import argparse
import asyncio
import contextlib
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from gateway.local_postgres import local_postgres
from tests.disaster import gateways, verdict
from tests.disaster.gateways import LEASE, Deeds, DiedError, Gateway
from tests.disaster.load import HOOFD, MOMENTS, ONDER, PATIENCE, PUSHED, SECOND, World

PARTIES = {HOOFD: "De Brug", ONDER: "Zonnehoek", PUSHED: "Wilgenhof", SECOND: "De Haven"}
STARTING, ANY, KEYS, DEED = "starting", "any moment", "keys", "deed"


@dataclass(slots=True, kw_only=True)
class Disaster:
    """Gateways under load, and what can be done to them."""

    gateways: list[Gateway]
    world: World
    home: Path
    database: str
    rng: random.Random
    deeds: Deeds | None = None
    kills: int = 0

    async def kill(self, moment: str, gateway: Gateway) -> None:
        """Kill the gateway at ``moment`` or shortly after, and start it again.

        At ``KEYS`` its key service alone, at ``DEED`` who renews keys and destroys.
        """
        self.kills += 1
        if moment == KEYS:
            await self.world.moment(self.rng.choice(MOMENTS), 1.0)
            _kill(gateway.keepers())
            return
        if moment == DEED and self.deeds:
            await asyncio.sleep(self.rng.uniform(0, 3))
            await self.deeds.kill()
            await self.deeds.start()
            return
        if moment == STARTING:
            # Dies once more on its way up.
            await gateway.kill()
            await gateway.spawn()
            await asyncio.sleep(self.rng.uniform(0, 1.0))
        elif moment == ANY:
            await asyncio.sleep(self.rng.uniform(0, 0.6))
        else:
            for _ in range(self.rng.randint(1, 5)):
                await self.world.moment(moment, 1.0)
            await asyncio.sleep(self.rng.uniform(0, 0.012))
        gateway.check_alive()
        await gateway.kill()
        await gateway.start()

    async def kill_often(self, count: int) -> AsyncIterator[str]:
        """Kill ``count`` times, the moments evenly spread in a random order; yields each moment afterwards."""
        moments: list[str] = []
        for _ in range(count):
            if not moments:
                moments = [*MOMENTS, ANY, STARTING, KEYS, *([DEED, DEED, DEED] if self.deeds else [])]
                self.rng.shuffle(moments)
            moment = moments.pop()
            await self.kill(moment, self.rng.choice(self.gateways))
            yield moment

    async def kill_workers(self, moment: str) -> None:
        """Kill all processes that check documents, the spare one too."""
        await self.world.moment(moment, 0.5)
        for gateway in self.gateways:
            _kill(gateway.workers())

    async def fill_disk(self, seconds: float) -> None:
        """Let no file of a gateway grow for so long; on SQLite that is a full disk."""
        for gateway in self.gateways:
            gateway.limit_files(4096)
        await asyncio.sleep(seconds)
        for gateway in self.gateways:
            gateway.limit_files(None)

    async def put_to_sleep(self, gateway: Gateway) -> None:
        """Let a gateway miss everything for longer than it may hold a lane: a laptop lid, a paused machine."""
        gateway.pause()
        await asyncio.sleep(2 * LEASE)
        gateway.resume()
        await asyncio.sleep(0.5)

    async def verdict(self) -> list[str]:
        """Let all that is under way end, stop the gateways, and judge; call it after the load has ended."""
        if self.deeds:
            await self.deeds.finish()
        open_ = [] if await verdict.settled(self.database, PATIENCE) else ["deliveries stay open"]
        ended = [
            f"a gateway that was asked to stop ended with {code}: {gateway.said.read_text()[-1000:]}"
            for gateway in self.gateways
            if (code := await gateway.stop())
        ]
        return open_ + ended + await verdict.judge(self.world.book, self.home, self.gateways[0].settings, self.database)


def _kill(pids: Iterable[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@contextlib.asynccontextmanager
async def disaster(
    home: Path, database: str, *, seed: int, count: int = 1, faults: float = 0.0, deeds: bool = False
) -> AsyncIterator[Disaster]:
    """Run ``count`` gateways under load during the block; call ``verdict`` after it.

    With ``deeds`` keys are renewed and messages destroyed meanwhile.
    """
    rng = random.Random(seed)
    running, push_port = gateways.make(home, database, PARTIES, PUSHED, count)
    world = World(home, [each.port for each in running], push_port, rng, faults=faults)
    doing = Deeds(running[0].settings) if deeds else None
    try:
        await asyncio.gather(*(each.start() for each in running))
        if doing:
            await doing.start()
        async with world.living():
            yield Disaster(gateways=running, world=world, home=home, database=database, rng=rng, deeds=doing)
    except BaseException:
        for each in (*running, *([doing] if doing else [])):
            with contextlib.suppress(ProcessLookupError, DiedError):
                await each.kill()
        raise


@contextlib.contextmanager
def database_of(kind: str, home: Path) -> Iterator[str]:
    """Yield the URL of an empty database; a PostgreSQL lives as long as the block."""
    if kind == "sqlite":
        yield f"sqlite+aiosqlite:///{home / 'ketenpoort.sqlite'}"
    else:
        with local_postgres() as url:
            yield url


async def _long(kills: int, database: str, home: Path, *, seed: int, count: int) -> int:
    began = time.monotonic()
    async with disaster(home, database, seed=seed, count=count, faults=0.02, deeds=True) as run:
        async for moment in run.kill_often(kills):
            if run.kills % 10 == 0 or run.world.book.wrong:
                seen = run.world.book.seen
                print(
                    f"{run.kills:>5} kills  {time.monotonic() - began:>5.0f} s  {moment:<12} {dict(seen)}", flush=True
                )
    wrong = await run.verdict()
    book = run.world.book
    print(
        f"{run.kills} kills in {time.monotonic() - began:.0f} s, seed {seed}: {len(book.receipts)} messages promised, "
        f"{book.seen['no answer']} answers lost, {len(book.pushes)} pushes, {len(wrong)} promises broken, "
        f"{await verdict.deadlocks(database)} deadlocks; "
        f"meanwhile {dict(run.deeds.done()) if run.deeds else {}}"
    )
    for each in wrong:
        print(" ", each)
    return int(bool(wrong))


def main() -> int:
    """Kill a gateway as often as the command line asks; 0 when every promise was kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.disaster", description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--gateways", type=int, default=1, help="processes on the database (postgresql only)")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kp-ramp-") as folder, database_of(asked.database, Path(folder)) as url:
        return asyncio.run(_long(asked.kills, url, Path(folder) / "poort", seed=asked.seed, count=asked.gateways))


if __name__ == "__main__":
    sys.exit(main())
