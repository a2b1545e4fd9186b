"""A fast series of kills on the log itself: ``python -m tests.disaster.log --kills 1000 --database postgresql``.

One process works on the log (``victim``) and is killed -9 at a random moment, again and again; after each kill what it
told is held against the database (``promises``), and now and then all of it, with the verifier and the keys. All
chance comes from the seed, except how fast the machine is.
"""

import argparse
import asyncio
import contextlib
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing.process import BaseProcess
from pathlib import Path

from audit.keys import KeyService
from gateway import setup, store
from gateway.commit import open_engine, writing
from tests.disaster.__main__ import database_of
from tests.disaster.gateways import FIRST_KEY, ORIGIN
from tests.disaster.promises import Promises, examined
from tests.disaster.victim import BEGUN, Told, live

FULL = 250
"""After so many kills everything is held against everything."""
SPREAD = 0.4
"""Seconds after something was told within which the kill comes."""
MOST_TOLD = 25
"""Things told before the moment of the kill is chosen."""
PATIENCE = 30.0
AT_START, BY_ITSELF = 0.1, 0.1
"""How often it dies before it told anything, and how often its key service dies before it."""
START, KEYS = "beginnen", "sleuteldienst"

# Forked from a process that has read all code already: a victim is at work in a tenth of a second.
_FORKS = multiprocessing.get_context("forkserver")


@dataclass(slots=True, kw_only=True)
class Series:
    """The kills so far, and what was promised meanwhile."""

    settings: Path
    rng: random.Random
    promises: Promises = field(default_factory=Promises)
    phases: Counter[str] = field(default_factory=Counter)
    """In what it was killed."""

    def live_and_die(self, seen: datetime) -> list[Told]:
        """Let one victim live for a moment; return all that it told."""
        reader, writer = _FORKS.Pipe(duplex=False)
        process = _FORKS.Process(target=live, args=(self.settings, self.rng.getrandbits(32), seen, writer))
        process.start()
        writer.close()
        told: list[Told] = []
        wanted = 0 if self.rng.random() < AT_START else self.rng.randint(1, MOST_TOLD)
        with contextlib.suppress(EOFError, OSError):
            while len(told) < wanted and reader.poll(PATIENCE):
                told += reader.recv()
            if len(told) < wanted:
                os.kill(process.pid or 0, signal.SIGUSR1)  # it writes down where it is
            keepers = _children(process)
            if told and self.rng.random() < BY_ITSELF:
                _kill(keepers)
                self.phases[KEYS] += 1
            time.sleep(self.rng.uniform(0, SPREAD))
        by_itself = not process.is_alive()
        # The keys die with it, whoever started their process, before it or after it.
        _kill([process.pid, *_children(process)] if self.rng.random() < 1 / 2 else [*_children(process), process.pid])
        process.join()
        with contextlib.suppress(EOFError, OSError):  # killed in the middle of a word: that word was not told
            while reader.poll(0):
                told += reader.recv()
        reader.close()
        by_itself = by_itself or process.exitcode != -signal.SIGKILL
        if by_itself or len(told) < wanted:
            said = self.settings.with_suffix(".gezegd").read_text()[-2000:]
            how = f"ended by itself ({process.exitcode})" if by_itself else "was silent"
            last = next((what for kind, what in reversed(told) if kind == BEGUN), START)
            self.promises.wrong.append(f"{how} in {last}: {said}")
        self.phases[next((what for kind, what in reversed(told) if kind == BEGUN), START)] += 1
        return told


def _children(process: BaseProcess) -> list[int]:
    try:
        return [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]
    except FileNotFoundError:  # it ended
        return []


def _kill(pids: list[int | None]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            if pid:
                os.kill(pid, signal.SIGKILL)


async def run(kills: int, url: str, home: Path, *, seed: int, full: int = FULL) -> Series:
    """Make a log in ``home`` and kill whoever works on it ``kills`` times; ends with everything examined."""
    _FORKS.set_forkserver_preload(["tests.disaster.victim"])
    settings = setup.new_gateway(home, origin=ORIGIN, host="127.0.0.1", port=0, database=url)
    (home / FIRST_KEY).write_bytes((home / "log.vkey").read_bytes())
    series, engine, keys = Series(settings=settings, rng=random.Random(seed)), open_engine(url), None
    began, seen, now = time.monotonic(), datetime.now(UTC), datetime.now(UTC)
    try:
        async with writing(engine) as db:
            await store.create_tables(db)
        keys = KeyService.open(home / "sleutels")
        for number in range(1, kills + 1):
            seen, now = now, datetime.now(UTC)  # of the life before: what a killed one had still under way is later
            told = series.live_and_die(seen)
            async with engine.connect() as db:
                await series.promises.hold(db, keys, told)
            if number % full == 0 or number == kills:
                await examined(series.promises, engine, keys, settings)
                print(f"{number:>5} kills  {time.monotonic() - began:>5.0f} s  {_summary(series)}", flush=True)
            if series.promises.wrong:
                break
    finally:
        if keys:
            keys.close()
        await engine.dispose()
    return series


def _summary(series: Series) -> str:
    phases = ", ".join(f"{name} {count}" for name, count in series.phases.most_common())
    told = ", ".join(f"{name} {count}" for name, count in series.promises.count.items())
    return f"gedood tijdens: {phases}; beloofd: {told}; gebroken beloften: {len(series.promises.wrong)}"


def main() -> int:
    """Kill as often as the command line asks; 0 when every promise was kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.disaster.log", description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    asked = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="kp-ramp-") as folder, database_of(asked.database, Path(folder)) as url:
        series = asyncio.run(run(asked.kills, url, Path(folder) / "poort", seed=asked.seed))
    for each in series.promises.wrong:
        print(" ", each)
    print(f"{asked.database}, seed {asked.seed}, {time.monotonic() - began:.0f} s: {_summary(series)}")
    return int(bool(series.promises.wrong))


if __name__ == "__main__":
    sys.exit(main())
