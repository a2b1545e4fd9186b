"""Part ``check``: what it costs to judge a document, in this process and in a worker, beside lxml alone."""

import asyncio
import gc
import os
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from pathlib import Path
from typing import Any

from lxml import etree

from gateway.bench.documents import broken_records, declaration, wrong_records
from gateway.bench.load import ROOM, SAMPLE
from gateway.bench.pace import Pace
from gateway.bench.processes import BenchError, await_quiet, children, cpu_below, peak_memory
from gateway.bench.rows import Row, row
from gateway.bench.stand import Stand
from gateway.catalog import Catalog
from gateway.check import check
from gateway.invented import message
from gateway.worker import Pool

AT_ONCE = 64
EVERY = 0.002
"""Seconds between small documents beside a large one."""


def measure(_stand: Stand, pace: Pace, tell: Callable[[str], None]) -> Iterator[Row]:
    """Measure small documents, then large ones; raise BenchError if a verdict is wrong."""
    catalog = Catalog.load()
    catalog.compile_all()
    yield from asyncio.run(_small(catalog, pace, tell))
    yield _whole(catalog, pace, tell)
    yield from asyncio.run(_large(pace, tell))


async def _small(catalog: Catalog, pace: Pace, tell: Callable[[str], None]) -> list[Row]:
    raw = message(SAMPLE, ROOM)
    alone: list[float] = []
    here: list[float] = []
    worker: list[tuple[float, float]] = []
    pool = Pool()
    await pool.start()
    try:
        for number in range(max(2, pace.rounds)):
            tell(f"controle van {len(raw)} bytes, ronde {number + 1} van {max(2, pace.rounds)}")
            await_quiet(pace.patience)
            steps: list[Callable[[], None]] = [
                lambda: alone.append(_cost(_lxml(catalog, raw), pace.yardstick)),
                lambda: here.append(_cost(lambda: check(raw, catalog), pace.yardstick)),
            ]
            for step in steps if number % 2 else reversed(steps):
                step()
            worker.append(await _in_worker(pool, raw, pace.window))
    finally:
        await pool.close()
    return _small_rows(len(raw), alone, here, worker)


def _small_rows(
    size: int, alone: Sequence[float], here: Sequence[float], worker: Sequence[tuple[float, float]]
) -> list[Row]:
    beside = "lxml parse en validate"
    speed = [size / seconds / 1e6 for seconds in alone]
    return [
        row("controle in dit proces", "MB/s", [size / each / 1e6 for each in here], yardsticks=speed, beside=beside),
        row(
            f"controle in werkproces, {AT_ONCE} tegelijk", "MB/s", [size * rate / 1e6 for rate, _ in worker],
            yardsticks=speed, beside=beside,
        ),
        row(
            f"controle in werkproces, {AT_ONCE} tegelijk: cpu", "µs/document", [each * 1e6 for _, each in worker],
            yardsticks=[each * 1e6 for each in alone], beside=beside, target=2.5, least=False,
        ),
    ]  # fmt: skip


def _whole(catalog: Catalog, pace: Pace, tell: Callable[[str], None]) -> Row:
    raw = declaration(clients=9_000, lines=3)
    steps: list[tuple[list[float], Callable[[], object]]] = [
        ([], _lxml(catalog, raw)),
        ([], lambda: check(raw, catalog)),
    ]
    # As a worker has it: what was made before is not looked through again at every few hundred objects.
    threshold = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(100_000)
    for number in range(max(2, pace.rounds)):
        tell(f"controle van {len(raw) / 1e6:.0f} MB, ronde {number + 1} van {max(2, pace.rounds)}")
        await_quiet(pace.patience)
        for taken, work in steps if number % 2 else reversed(steps):
            taken.append(_cost(work, pace.yardstick))
    gc.set_threshold(*threshold)
    gc.unfreeze()
    (alone, _), (here, _) = steps
    return row(
        f"declaratie van {len(raw) / 1e6:.0f} MB, 9.000 cliënten: schema en alle regels", "s", here,
        yardsticks=alone, beside="lxml parse en validate", target=3.0, least=False,
    )  # fmt: skip


def _lxml(catalog: Catalog, raw: bytes) -> Callable[[], object]:
    kind = catalog.by_root(etree.fromstring(raw).tag)
    assert kind is not None, "the sample is of a known type"
    schema = catalog.definition(kind).schema

    def both() -> None:
        if not schema.validate(etree.fromstring(raw)):
            raise BenchError("lxml keurt een goed document af")

    return both


def _cost(work: Callable[[], object], seconds: float) -> float:
    """Return the seconds of processor of one call."""
    end, count, start = time.perf_counter() + seconds, 0, time.process_time()
    while time.perf_counter() < end:
        work()
        count += 1
    return (time.process_time() - start) / count


async def _in_worker(pool: Pool, raw: bytes, seconds: float) -> tuple[float, float]:
    """Return documents per second, and seconds of processor for each, here and in the workers together."""
    count, start = 0, time.perf_counter()
    before = time.process_time() + cpu_below(os.getpid())

    async def one_after_another() -> None:
        nonlocal count
        while time.perf_counter() < start + seconds:
            if (await pool.check(raw)).total:
                raise BenchError("een goed document is afgekeurd")
            count += 1

    await asyncio.gather(*(one_after_another() for _ in range(AT_ONCE)))
    spent = time.process_time() + cpu_below(os.getpid()) - before
    return count / (time.perf_counter() - start), spent / count


async def _large(pace: Pace, tell: Callable[[str], None]) -> list[Row]:
    small, good = message(SAMPLE, ROOM), declaration(clients=9_000, lines=3)
    broken, wrong = broken_records(40_000), wrong_records(40_000)
    taken: dict[str, list[float]] = {"goed": [], "schema": [], "regels": [], "rustig": [], "ernaast": []}
    pool = Pool()
    await pool.start()
    try:
        for number in range(min(2, pace.rounds)):
            tell(f"grote documenten, ronde {number + 1} van {min(2, pace.rounds)}")
            await_quiet(pace.patience)
            taken["goed"].append(await _verdict(pool, good, least=0, most=0))
            taken["schema"].append(await _verdict(pool, broken, least=100, most=101))
            taken["regels"].append(await _verdict(pool, wrong, least=100))
            taken["rustig"].append(_p99(await _steadily(pool, small, asyncio.sleep(1.0))))
            taken["ernaast"].append(_p99(await _steadily(pool, small, _verdict(pool, good, least=0, most=0))))
        peak = max(peak_memory(child) for child in children(os.getpid()) if _is_worker(child))
    finally:
        await pool.close()
    size, wrong_size = f"{len(good) / 1e6:.0f} MB", f"{len(wrong) / 1e6:.0f} MB"
    return [
        row(f"declaratie van {size}: tot oordeel", "s", taken["goed"], target=3.0, least=False),
        row("grootste werkproces: geheugen", "MB", [peak / 1e6], target=300, least=False),
        row("40.000 records tegen het schema", "s", taken["schema"], target=1.0, least=False),
        row(f"40.000 records tegen de regels ({wrong_size})", "s", taken["regels"], target=3.0, least=False),
        row(
            f"klein document naast een van {size}: p99", "ms", taken["ernaast"], yardsticks=taken["rustig"],
            beside="zonder groot document",
        ),
    ]  # fmt: skip


async def _verdict(pool: Pool, raw: bytes, *, least: int, most: int | None = None) -> float:
    """Return the seconds until the verdict, which must count so many findings."""
    start = time.perf_counter()
    checked = await pool.check(raw)
    if checked.total < least or (most is not None and checked.total > most):
        raise BenchError(f"verwacht {least} bevindingen of meer, het werden er {checked.total}: {checked.findings[:1]}")
    return time.perf_counter() - start


async def _steadily(pool: Pool, small: bytes, during: Coroutine[Any, Any, object]) -> list[float]:
    """Check a small document every 2 ms while ``during`` runs; return how long each waited."""
    late: list[float] = []

    async def one() -> None:
        start = time.perf_counter()
        await pool.check(small)
        late.append(time.perf_counter() - start)

    running = asyncio.create_task(during)
    under: list[asyncio.Task[None]] = []
    while not running.done():
        under.append(asyncio.create_task(one()))
        await asyncio.sleep(EVERY)
    await asyncio.gather(running, *under)
    return late


def _p99(late: Sequence[float]) -> float:
    return sorted(late)[len(late) * 99 // 100] * 1e3


def _is_worker(pid: int) -> bool:
    return b"gateway.workshop" in Path(f"/proc/{pid}/cmdline").read_bytes()
