"""Part ``log``: what a line of the audit log costs to write, to verify and to prove."""

import asyncio
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from audit import bulk, entry, folder, log
from audit.export import export
from audit.keys import KeyService
from audit.proof import read_keys
from audit.record import record
from audit.report import Verdict
from audit.tree import leaf_hashes, verify_inclusion
from audit.verify import verify
from gateway import trail
from gateway.bench.pace import Pace
from gateway.bench.processes import BenchError, await_quiet
from gateway.bench.rows import Row, row
from gateway.bench.stand import ORIGIN, Stand
from gateway.commit import GroupCommit, committing, open_engine, writing

BATCH = 64
"""Entries in one transaction, as at 64 clients."""
ENTRIES = 200_000
FEW = 20_000
PROOFS = 200


_plain = sa.Table(
    "plain",
    sa.MetaData(),
    sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("name", sa.LargeBinary, nullable=False),
    sa.Column("header", sa.LargeBinary, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
)
_by_name = sa.Index("plain_name", _plain.c.name)


def measure(stand: Stand, pace: Pace, tell: Callable[[str], None]) -> Iterator[Row]:
    """Write a log on SQLite, verify its export, prove entries; raise BenchError if it does not verify."""
    with stand.fresh("sqlite") as url:
        yield from asyncio.run(_in_turn(stand, url, pace, tell))


async def _in_turn(stand: Stand, url: str, pace: Pace, tell: Callable[[str], None]) -> list[Row]:
    count = FEW if pace.rounds == 1 else ENTRIES
    keys = KeyService.open(stand.home / "sleutels")
    engine, target = open_engine(url), stand.folder / "logboek"
    try:
        async with writing(engine) as db:
            await db.run_sync(log.metadata.create_all)
        tell(f"logboek: {count} regels schrijven")
        await_quiet(pace.patience)
        async with committing(engine) as commit:
            writes = [await _write(commit, keys, count // 4, about=about) for about in (False, True) * 2]
            plain = [await _write_plainly(commit, count // 4, first) for first in (0, count // 4)]
        tell("logboek: regels hun plaats geven")
        place = await _sequence(engine, keys) / count
        proof = [await _prove(engine) for _ in range(2)]
        async with engine.connect() as db:
            tell("logboek: uitvoeren en controleren")
            await export(db, target, keys.signer("log"), ORIGIN, partial(keys.open_lines, why="beheer"))
        speeds = [_verified(stand, target, count) for _ in range(2)]
        shutil.rmtree(target / "payload")
        bare = [_verified(stand, target, count, headers_only=True) for _ in range(2)]
        hashed = [_hashed(target, count) for _ in range(2)]
    finally:
        await engine.dispose()
        shutil.rmtree(target, ignore_errors=True)
    return [
        _beside_table("logregel over niemand maken en toevoegen: cpu", writes[::2], plain),
        _beside_table("logregel over een cliënt, bij twee partijen: cpu", writes[1::2], plain),
        row("logregel een plaats geven: cpu", "µs/regel", [place * 1e6]),
        row(f"logboek van {count} regels controleren", "regel/s", speeds),
        replace(
            row(f"logboek van {count} regels controleren, zonder inhoud", "regel/s", bare, target=200_000),
            yardstick=median(hashed),
            beside="alleen lezen en hashen",
        ),
        row(f"bewijs van insluiting, {count} regels", "ms", proof, target=5.0, least=False),
    ]


def _beside_table(name: str, writes: Sequence[float], plain: Sequence[float]) -> Row:
    found = row(name, "µs/regel", writes, target=60, least=False)
    return replace(found, yardstick=median(plain), beside="evenveel bytes in een tabel met index, onverzegeld")


async def _write(commit: GroupCommit, keys: KeyService, count: int, *, about: bool) -> float:
    """Return the microseconds of processor per entry, made and appended as the gateway does, commit included."""

    async def append(db: AsyncConnection, batches: Sequence[list[entry.Event]]) -> list[None]:
        for told in batches:
            await record(db, keys, ORIGIN, told, datetime.now(UTC))
        return [None for _ in batches]

    start = time.process_time()
    for first in range(0, count, BATCH):
        await commit.do(append, [_event(number, about=about) for number in range(first, min(first + BATCH, count))])
    return (time.process_time() - start) / count * 1e6


async def _write_plainly(commit: GroupCommit, count: int, before: int) -> float:
    """As ``_write``, for rows of the same size in a table with one index, which say nothing and are made of nothing."""

    async def put(db: AsyncConnection, batches: Sequence[list[dict[str, object]]]) -> list[None]:
        for rows in batches:
            await bulk.insert(db, _plain, rows)
        return [None for _ in batches]

    async def make(db: AsyncConnection, items: Sequence[None]) -> Sequence[None]:
        await db.execute(sa.schema.CreateTable(_plain, if_not_exists=True))
        await db.execute(sa.schema.CreateIndex(_by_name, if_not_exists=True))
        return items

    await commit.do(make, None)
    header, sealed = bytes(500), bytes(400)
    start = time.process_time()
    for first in range(before, before + count, BATCH):
        numbers = range(first, min(first + BATCH, before + count))
        rows = [{"id": each, "name": os.urandom(32), "header": header, "sealed": sealed} for each in numbers]
        await commit.do(put, rows)
    return (time.process_time() - start) / count * 1e6


def _event(number: int, *, about: bool) -> entry.Event:
    told = trail.event(
        trail.What.RECEIVED, actor="98000001", role="afzender", message=f"{number:032x}", kind="ho301",
        trace=f"{number:032x}", wet="JW", parties=("98000001", "98000002"),
    )  # fmt: skip
    return trail.per_subject(told, [f"{number % 9000:09d}"] if about else [])[0]


async def _sequence(engine: AsyncEngine, keys: KeyService) -> float:
    """Give all entries their place; return the seconds of processor."""
    start = time.process_time()
    waiting = True
    while waiting:
        async with writing(engine) as db:
            waiting = await log.sequence(db, keys.signer("log"), ORIGIN, datetime.now(UTC)) is not None
    return time.process_time() - start


async def _prove(engine: AsyncEngine) -> float:
    """Return the milliseconds for a proof of inclusion, as the receipt needs it."""
    query = sa.select(log.entries.c.leaf).order_by(sa.func.random()).limit(PROOFS)
    async with engine.connect() as db:
        leaves = list((await db.execute(query)).scalars())
        start = time.perf_counter()
        proofs = [await log.proof_of(db, leaf) for leaf in leaves]
        took = time.perf_counter() - start
    for leaf, proof in zip(leaves, proofs, strict=True):
        if proof is None or not verify_inclusion(
            leaf, proof.index, proof.checkpoint.size, proof.hashes, proof.checkpoint.root
        ):
            raise BenchError("Een bewijs van insluiting klopt niet.")
    return took / PROOFS * 1e3


def _hashed(target: Path, count: int) -> float:
    """Return entries read and hashed per second: what no verifier can do without."""
    start = time.perf_counter()
    for number, width in folder.widths(count):
        leaf_hashes(folder.unpack((target / folder.entries_path(number, width)).read_bytes(), folder.HEADER_PREFIX))
    return count / (time.perf_counter() - start)


def _verified(stand: Stand, target: Path, count: int, *, headers_only: bool = False) -> float:
    """Return entries verified per second."""
    start = time.perf_counter()
    report = verify(target, read_keys(stand.home / "log.vkey")[0])
    took = time.perf_counter() - start
    if report.entries != count or report.verdict != (Verdict.INCOMPLETE if headers_only else Verdict.INTACT):
        raise BenchError(f"Het logboek klopt niet: {report.problems[:3]}")
    return count / took
