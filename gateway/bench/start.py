"""Part ``start``: how long who validates one file waits, beside the import of the library that any answer needs."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from statistics import median

from gateway.bench.load import ROOM, SAMPLE
from gateway.bench.pace import Pace
from gateway.bench.processes import BenchError, await_quiet, environment, python
from gateway.bench.rows import Row, row
from gateway.bench.stand import Stand
from gateway.invented import faulty, message

STARTS = 10
"""Of each command in a round."""


def measure(stand: Stand, pace: Pace, tell: Callable[[str], None]) -> Iterator[Row]:
    """Measure the command ``valideer`` on a good and on a faulty file; raise BenchError if a verdict is wrong."""
    good, wrong = stand.folder / "goed.xml", stand.folder / "fout.xml"
    good.write_bytes(message(SAMPLE, ROOM))
    wrong.write_bytes(faulty("ho301-cs002-bsn"))
    commands: dict[str, tuple[list[str], int]] = {
        "maatstaf": ([sys.executable, "-c", "import lxml.etree"], 0),
        "goed": ([*python("gateway.cli"), "valideer", str(good)], 0),
        "fout": ([*python("gateway.cli"), "valideer", str(wrong)], 1),
    }
    taken: dict[str, list[float]] = {name: [] for name in commands}
    rounds = max(3, pace.rounds)
    for number in range(rounds):
        tell(f"starten van valideer, ronde {number + 1} van {rounds}")
        await_quiet(pace.patience)
        # In turns, so that what else this machine does weighs on all alike.
        turns = [{name: _start(*command) for name, command in commands.items()} for _ in range(STARTS)]
        for name, times in taken.items():
            times.append(median(turn[name] for turn in turns) * 1e3)
    for name in ("goed", "fout"):
        yield row(
            f"valideer start: oordeel over een {name} bericht", "ms", taken[name], yardsticks=taken["maatstaf"],
            beside="import lxml.etree", target=4.0, least=False,
        )  # fmt: skip


def _start(command: Sequence[str], code: int) -> float:
    """Return the seconds from the start of a command to its end."""
    start = time.perf_counter()
    ended = subprocess.run(command, env=environment(), stdout=subprocess.DEVNULL, check=False)
    took = time.perf_counter() - start
    if ended.returncode != code:
        raise BenchError(f"valideer eindigt met {ended.returncode}, niet met {code}")
    return took
