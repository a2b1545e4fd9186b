"""Part ``search``: how long an officer waits who asks what was done with the data of one person."""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from audit import bulk
from audit.entry import Event
from audit.keys import KeyService
from audit.record import record
from gateway import store, trail
from gateway.bench.pace import Pace
from gateway.bench.processes import BenchError, await_quiet
from gateway.bench.rows import Row, row
from gateway.bench.stand import HOOFD, ORIGIN, Stand
from gateway.commit import committing, open_engine, writing
from gateway.invented import bsns
from gateway.oversight import search
from gateway.oversight.desk import Asking, Desk, now
from gateway.oversight.question import Question
from gateway.oversight.rights import Officer, Role
from gateway.oversight.sessions import Session

LINES = 1_000_000
FEW = 20_000
OF_ONE = 125
"""Lines about one person."""
BATCH = 5_000
ASKS = 20
"""Searches in a round."""
ROUNDS = 3
WAIT = 200.0
"""Milliseconds that an officer may wait."""

_plain = sa.Table(
    "plain",
    sa.MetaData(),
    sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("party", sa.Text, nullable=False),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("told", sa.Text, nullable=False),
)
sa.Index("plain_person", _plain.c.party, _plain.c.person, _plain.c.at)


def measure(stand: Stand, pace: Pace, tell: Callable[[str], None]) -> Iterator[Row]:
    """Fill a log and a plain table with the same lines; search both. Raise BenchError if a search finds too little."""
    for kind in ("sqlite", "postgresql") if stand.postgres else ("sqlite",):
        with stand.fresh(kind) as url:
            yield asyncio.run(_searched(stand, url, pace, kind, tell))


async def _searched(stand: Stand, url: str, pace: Pace, kind: str, tell: Callable[[str], None]) -> Row:
    count = FEW if pace.rounds == 1 else LINES
    keys, engine = KeyService.open(stand.home / "sleutels"), open_engine(url)
    try:
        tell(f"zoeken: {count} regels schrijven ({kind})")
        people = await _fill(engine, keys, count)
        async with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as db:
            await db.execute(sa.text("ANALYZE"))
        await_quiet(pace.patience)
        tell(f"zoeken: vragen ({kind})")
        async with committing(engine) as commit:
            desk = Desk(commit, keys, ORIGIN, Path("functionarissen.toml"))
            rounds = [await _ask(desk, people[start::ROUNDS][:ASKS]) for start in range(ROUNDS)]
        plain = [await _ask_plainly(engine, people[start::ROUNDS][:ASKS]) for start in range(ROUNDS)]
    finally:
        await engine.dispose()
        keys.close()
    found = row(f"zoeken op persoon, {count} regels, {kind}", "ms", rounds, target=WAIT, least=False)
    return replace(found, yardstick=median(plain), beside="een gewone tabel met index")


async def _fill(engine: AsyncEngine, keys: KeyService, count: int) -> list[str]:
    """Write a log, and the same in plain; return whom it is about."""
    numbers = bsns()
    people = [next(numbers) for _ in range(count // OF_ONE)]
    async with writing(engine) as db:
        await store.create_tables(db)
        await db.run_sync(_plain.metadata.create_all)
    for first in range(0, count, BATCH):
        about = [people[number // OF_ONE] for number in range(first, first + BATCH)]
        told = [trail.per_subject(_event(first + place), [bsn])[0] for place, bsn in enumerate(about)]
        rows = [
            {"id": first + place, "at": first + place, "party": HOOFD, "person": bsn, "told": f"{first + place:0500}"}
            for place, bsn in enumerate(about)
        ]
        async with writing(engine) as db:
            await record(db, keys, ORIGIN, told, datetime.now(UTC))
            await bulk.insert(db, _plain, rows)
    return people


def _event(number: int) -> Event:
    return trail.event(
        trail.What.FETCHED, actor="98000002", role="ontvanger", message=f"{number:032x}", kind="ho301",
        trace=f"{number:032x}", wet="JW", parties=(HOOFD, "98000002"),
    )  # fmt: skip


async def _ask(desk: Desk, people: list[str]) -> float:
    """Return the milliseconds from a question to its first page, both logged; the mean."""
    officer = Officer(login="fg.brug", name="F. de Groot", role=Role.FG, party=HOOFD)
    session = Session(
        id=b"s" * 32, officer=officer.login, began_at=0, seen_at=0, fresh_at=0, elevated_until=0, sid=None
    )
    start = time.perf_counter()
    for number, bsn in enumerate(people):
        asking = Asking(officer=officer, session=session, at=now(), trace=f"{now():020x}{number:012x}", address="")
        asked = Question(bsn=bsn, purpose="toezicht", reason="meting van de snelheid")
        found = await search.page(desk, asking, await search.ask(desk, asking, asked), None)
        if found is None or len(found.lines) != search.PAGE or {line.subject for line in found.lines} != {bsn}:
            raise BenchError("Een zoekvraag vond niet wat er is.")
    return (time.perf_counter() - start) / len(people) * 1e3


async def _ask_plainly(engine: AsyncEngine, people: list[str]) -> float:
    """Return the milliseconds of the same question to the plain table, where nothing is sealed and nothing logged."""
    row_ = _plain.c
    query = sa.select(_plain).where(row_.party == HOOFD, row_.person == sa.bindparam("bsn"))
    query = query.order_by(row_.at.desc()).limit(search.PAGE)
    start = time.perf_counter()
    for bsn in people:
        async with engine.connect() as db:
            if len((await db.execute(query, {"bsn": bsn})).all()) != search.PAGE:
                raise BenchError("De gewone tabel vond niet wat er is.")
    return (time.perf_counter() - start) / len(people) * 1e3
