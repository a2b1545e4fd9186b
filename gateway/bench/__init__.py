"""The command ``ketenpoort bench``: measures this gateway beside its yardsticks, in one run, and says what that means.

Every figure is checked for what it is worth: after each window all that was acknowledged must be in store and log, and
the log must verify. Ratios hold better than absolute figures; processor time per message survives a busy machine.
"""

import contextlib
import os
import platform
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from json import dumps
from pathlib import Path

from gateway.bench import audit_log, check, delivery, intake, register, search, slow_disk, start
from gateway.bench.pace import FULL, SHORT, Pace
from gateway.bench.processes import BenchError
from gateway.bench.rows import HEAD, Row, in_json, in_words
from gateway.bench.stand import Stand
from gateway.local_postgres import NoPostgresError, local_postgres

Part = Callable[[Stand, Pace, Callable[[str], None]], Iterator[Row]]
PARTS: dict[str, Part] = {
    "intake": intake.measure,
    "check": check.measure,
    "start": start.measure,
    "delivery": delivery.measure,
    "log": audit_log.measure,
    "search": search.measure,
    "register": register.measure,
    "fsync": slow_disk.measure,
}


def bench(parts: Sequence[str], *, json: bool, short: bool) -> int:
    """Measure these parts (none named: all); print a row as soon as it is known.

    Returns 0 when all targets are reached, 1 when one is not, 2 when something could not be measured or what was
    measured did not keep its promises.
    """
    if unknown := [part for part in parts if part not in PARTS]:
        print(f"Onbekend onderdeel: {', '.join(unknown)}. Kies uit: {', '.join(PARTS)}.", file=sys.stderr)
        return 2
    pace, worst = SHORT if short else FULL, 0
    with _stand() as stand:
        _begin(json=json)
        for part in parts or PARTS:
            try:
                for one in PARTS[part](stand, pace, _tell):
                    print(in_json(one) if json else in_words(one), flush=True)
                    worst = max(worst, int(one.ok is False))
            except BenchError as error:
                print(f"{part}: {error}", file=sys.stderr)
                worst = 2
    return worst


@contextlib.contextmanager
def _stand() -> Iterator[Stand]:
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ketenpoort-bench-")))
        try:
            url = stack.enter_context(local_postgres(fsync=True))
        except NoPostgresError as error:
            _tell(f"PostgreSQL wordt overgeslagen. {error}")
            url = None
        stand = Stand(folder=folder, postgres=url)
        stack.enter_context(stand.prepared())
        yield stand


def _begin(*, json: bool) -> None:
    libraries = ("lxml", "aiohttp", "cryptography", "sqlalchemy", "aiosqlite", "asyncpg", "orjson")
    machine = {"python": platform.python_version(), "processors": os.cpu_count(), "kernel": platform.release()}
    machine |= {name: version(name) for name in libraries} | {"sqlite": sqlite3.sqlite_version}
    print(dumps(machine) if json else HEAD, flush=True)


def _tell(text: str) -> None:
    """Say what goes on, to people only: rows go to standard output, this does not."""
    print(f"… {text}", file=sys.stderr, flush=True)
