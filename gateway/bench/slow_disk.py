"""Part ``fsync``: intake on a disk that takes a millisecond to make a write durable.

Disks of servers take 1 to 5 ms; those under a bench often take 50 µs, and then group commit seems to be for nothing.
The delay comes from a small library, loaded before libc in whatever writes: PostgreSQL, or the gateway with SQLite.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from gateway.bench.intake import CLIENTS, NAMES, RAW, task
from gateway.bench.load import ROOM, SAMPLE
from gateway.bench.pace import Pace
from gateway.bench.processes import await_quiet, environment, python
from gateway.bench.rows import Row, row
from gateway.bench.stand import Stand
from gateway.bench.yardsticks import raw_postgres
from gateway.invented import message
from gateway.local_postgres import local_postgres

DELAY = 1_000
"""Microseconds."""
TARGET = 2.0
"""Of raw single inserts: that is what group commit is for. PostgreSQL has one of its own, so there it is only shown."""
_SOURCE = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <unistd.h>
#define SLOW(name) int name(int fd) { \\
    static int (*real)(int); \\
    if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, #name); \\
    usleep(DELAY); \\
    return real(fd); }
SLOW(fsync)
SLOW(fdatasync)
"""


def measure(stand: Stand, pace: Pace, tell: Callable[[str], None]) -> Iterator[Row]:
    """Measure at 64 clients on both databases; nothing where there is no C compiler."""
    with tempfile.TemporaryDirectory(prefix="ketenpoort-traag-") as folder:
        slow = _library(Path(folder))
        if slow is None:
            tell("De trage schijf wordt overgeslagen: er is geen C-compiler.")
            return
        yield _row(stand, pace, tell, "sqlite", slow)
        if stand.postgres:
            with _slow_postgres(slow) as url:
                yield _row(replace(stand, postgres=url), pace, tell, "postgresql", {})


def _row(stand: Stand, pace: Pace, tell: Callable[[str], None], kind: str, slow: Mapping[str, str]) -> Row:
    rates: list[float] = []
    raw: list[float] = []
    for number in range(min(2, pace.rounds)):
        tell(f"intake bij 1 ms fsync, ronde {number + 1} van {min(2, pace.rounds)}: {NAMES[kind]}")
        await_quiet(pace.patience)
        steps: list[Callable[[], None]] = [
            lambda: raw.append(_raw(stand, kind, pace.yardstick, slow)),
            lambda: rates.append(stand.window(kind, task(pace, max(CLIENTS)), **slow).told["per_second"]),
        ]
        for step in reversed(steps) if number % 2 else steps:
            step()
    return row(
        f"intake {NAMES[kind]}, {max(CLIENTS)} gelijktijdig, fsync 1 ms", "bericht/s", rates, yardsticks=raw,
        beside=f"{RAW[kind]}, losse inserts", target=TARGET if kind == "sqlite" else None,
    )  # fmt: skip


def _raw(stand: Stand, kind: str, seconds: float, slow: Mapping[str, str]) -> float:
    with stand.fresh(kind) as url:
        if kind == "postgresql":
            return raw_postgres(url, message(SAMPLE, ROOM), seconds, max(CLIENTS))
        command = python("gateway.bench.yardsticks", "sqlite", url.partition(":///")[2], str(seconds))
        return float(subprocess.run(command, env=environment(**slow), capture_output=True, check=True).stdout)


def _library(folder: Path) -> dict[str, str] | None:
    """Make the library; return the environment that loads it, None where there is no C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return None
    folder.chmod(0o755)  # PostgreSQL, when we are root, runs as somebody else
    source, library = folder / "slow.c", folder / "slow.so"
    source.write_text(_SOURCE, encoding="ascii")
    command = [compiler, "-shared", "-fPIC", f"-DDELAY={DELAY}", "-o", str(library), str(source), "-ldl"]
    done = subprocess.run(command, capture_output=True, check=False)
    return {"LD_PRELOAD": str(library)} if done.returncode == 0 else None


@contextlib.contextmanager
def _slow_postgres(slow: Mapping[str, str]) -> Iterator[str]:
    with contextlib.ExitStack() as stack:
        os.environ.update(slow)
        try:
            url = stack.enter_context(local_postgres(fsync=True))
        finally:
            for name in slow:
                del os.environ[name]
        yield url
