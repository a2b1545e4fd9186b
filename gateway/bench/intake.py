"""Part ``intake``: durable accepted messages per second, and how long one waits, beside raw inserts of the same."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from gateway.bench import yardsticks
from gateway.bench.load import ROOM, SAMPLE
from gateway.bench.pace import Pace
from gateway.bench.processes import await_quiet, cpu, load
from gateway.bench.rows import Row, row
from gateway.bench.stand import HOOFD, ONDER, Stand, Window
from gateway.invented import message

CLIENTS = (1, 16, 64)
TARGETS = {"sqlite": 0.20, "postgresql": 0.25}
"""At 64 clients, of raw single inserts."""
NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
RAW = {"sqlite": "sqlite3", "postgresql": "asyncpg"}
HALF_RATE_P99 = 50.0
"""Milliseconds."""


@dataclass(slots=True, kw_only=True)
class Figures:
    """What the rounds gave for one number of clients."""

    raw: defaultdict[str, list[float]] = field(default_factory=partial(defaultdict, list))
    taken: defaultdict[str, list[Window]] = field(default_factory=partial(defaultdict, list))
    heard: defaultdict[str, list[Window]] = field(default_factory=partial(defaultdict, list))
    """As ``taken``, with each message held against earlier ones."""
    empty: list[float] = field(default_factory=list)
    empty_cpu: list[float] = field(default_factory=list)


def measure(stand: Stand, pace: Pace, tell: Callable[[str], None]) -> Iterator[Row]:
    """Measure both databases at 1, 16 and 64 clients; raise BenchError if anything promised was lost."""
    kinds = ["sqlite", *["postgresql"][: stand.postgres is not None]]
    body = message(SAMPLE, ROOM)
    for clients in CLIENTS:
        figures = Figures()
        rounds = pace.rounds if clients < max(CLIENTS) else max(2, pace.rounds)  # what is judged has a spread
        for number in range(rounds):
            steps = _steps(stand, pace, figures, kinds, body, clients)
            for title, step in steps if number % 2 == 0 else reversed(steps):
                tell(f"intake, {clients} gelijktijdig, ronde {number + 1} van {rounds}: {title}")
                await_quiet(pace.patience)
                step()
        yield from _rows(figures, clients)
    yield from _half_rate(stand, pace, kinds, {kind: figures.taken[kind] for kind in kinds}, tell)


def _steps(
    stand: Stand, pace: Pace, figures: Figures, kinds: list[str], body: bytes, clients: int
) -> list[tuple[str, Callable[[], None]]]:
    def raw(kind: str) -> None:
        figures.raw[kind].append(measure_raw(stand, kind, body, pace.yardstick, clients))

    def take(kind: str) -> None:
        figures.taken[kind].append(stand.window(kind, task(pace, clients)))

    def hear(kind: str) -> None:
        figures.heard[kind].append(stand.window(kind, task(pace, clients), past="weiger"))

    def empty() -> None:
        pid, port = stand.nothing
        spent: list[float] = []
        told = load(
            {**task(pace, clients), "bad": False, "port": port, "papers": stand.papers(HOOFD), "mark": "leeg"},
            before=lambda: spent.append(cpu(pid)),
        )
        figures.empty.append(told["per_second"])
        figures.empty_cpu.append((cpu(pid) - spent[0]) / told["acknowledged"] * 1e6)

    steps: list[tuple[str, Callable[[], None]]] = [("lege aiohttp", empty)]
    for kind in kinds:
        steps += [(RAW[kind], partial(raw, kind)), (f"poort op {NAMES[kind]}", partial(take, kind))]
        if clients == max(CLIENTS):
            steps.append((f"poort op {NAMES[kind]}, met het verleden", partial(hear, kind)))
    return steps


def task(pace: Pace, clients: int) -> dict[str, object]:
    """Return what the load generator is to do for one window."""
    window = {"seconds": pace.window, "warm": pace.warm}
    return {"do": "send", "clients": clients, "receiver": ONDER[0], "bad": True, **window}


def measure_raw(stand: Stand, kind: str, body: bytes, seconds: float, clients: int) -> float:
    """Insert the same bytes without a gateway; return rows per second."""
    with stand.fresh(kind) as url:
        if kind == "sqlite":
            return yardsticks.raw_sqlite(Path(url.partition(":///")[2]), body, seconds)
        return yardsticks.raw_postgres(url, body, seconds, clients)


def _rows(figures: Figures, clients: int) -> Iterator[Row]:
    at = f"{clients} gelijktijdig"
    for kind, windows in figures.taken.items():
        name, rates = NAMES[kind], [window.told["per_second"] for window in windows]
        yield row(
            f"intake {name}, {at}", "bericht/s", rates, yardsticks=figures.raw[kind],
            beside=f"{RAW[kind]}, losse inserts", target=TARGETS[kind] if clients == max(CLIENTS) else None,
        )  # fmt: skip
        yield row(
            f"intake {name}, {at}: naast lege aiohttp", "bericht/s", rates, yardsticks=figures.empty,
            beside="aiohttp met mTLS, doet niets",
        )  # fmt: skip
        if figures.heard[kind]:
            heard = [window.told["per_second"] for window in figures.heard[kind]]
            yield row(
                f"intake {name}, {at}, met het verleden", "bericht/s", heard, yardsticks=rates,
                beside="zonder",
            )  # fmt: skip
        for part in ("p50", "p99"):
            yield row(f"intake {name}, {at}: {part}", "ms", [window.told[part] * 1e3 for window in windows])
        for part in ("poort", "controle", "database", "belasting"):
            if part != "database" or kind == "postgresql":
                yield row(f"intake {name}, {at}: cpu {part}", "µs/bericht", [window.cpu[part] for window in windows])
        yield row(f"intake {name}, {at}: berichten per commit", "", [window.batch for window in windows])
    yield row(f"lege aiohttp, {at}: cpu", "µs/bericht", figures.empty_cpu)


def _half_rate(
    stand: Stand, pace: Pace, kinds: list[str], taken: dict[str, list[Window]], tell: Callable[[str], None]
) -> Iterator[Row]:
    for kind in kinds:
        tell(f"intake op halve kracht: {NAMES[kind]}")
        rates = sorted(window.told["per_second"] for window in taken[kind])
        wanted = {**task(pace, max(CLIENTS)), "rate": rates[len(rates) // 2] / 2}
        late = [stand.window(kind, wanted).told["p99"] * 1e3 for _ in range(min(2, pace.rounds))]
        yield row(f"intake {NAMES[kind]}, halve kracht: p99", "ms", late, target=HALF_RATE_P99, least=False)
