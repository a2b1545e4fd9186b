"""What the store promises that no message shows."""

import asyncio
import contextlib
import sqlite3
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from gateway import store
from gateway.commit import open_engine, writing
from gateway.flow import State
from gateway.tables import messages

LOOKS = {
    "the messages of some ids": lambda db: store.delivery(db, ["a", "b"], body=True),
    "the messages under some keys": lambda db: store.known(db, ["a", "b"]),
    "the answers to some messages": lambda db: store.answered(db, ["a", "b"]),
    "an open mailbox": lambda db: store.mailbox(db, ["a", "b"], after=0, count=10),
    "the head of a lane": lambda db: store.head(db, "a", "b", count=10),
    "deliveries put back": lambda db: store.requeue(db, ["a", "b"], at=0),
    "lanes to claim": lambda db: store.open_lanes(db, now=1, until=2, limit=9, most=4, busy={"c": 4}),
    "a step of some deliveries": lambda db: store.move(db, [("a", State.QUEUED, State.SENDING)], at=0),
}


async def start(database_url: str) -> None:
    own = open_engine(database_url)
    async with writing(own) as db:
        await store.create_tables(db)
    await own.dispose()


async def test_gateways_that_start_at_the_same_moment_make_the_tables_once(database_url: str, engine: AsyncEngine):
    await asyncio.gather(*(start(database_url) for _ in range(4)))

    async with engine.connect() as db:
        assert (await db.execute(sa.select(sa.func.count()).select_from(messages))).scalar_one() == 0


async def test_who_opens_a_new_file_waits_for_another_who_does(tmp_path: Path):
    """For the lock that turns a file into one with a write-ahead log SQLite itself does not wait."""
    with contextlib.closing(sqlite3.connect(tmp_path / "nieuw.sqlite", isolation_level=None)) as other:
        other.execute("CREATE TABLE anything (id INTEGER)")
        other.execute("BEGIN IMMEDIATE")
        opening = asyncio.create_task(start(f"sqlite+aiosqlite:///{tmp_path}/nieuw.sqlite"))
        await asyncio.wait({opening}, timeout=0.3)
        assert not opening.done()
        other.execute("COMMIT")
        await opening


@asynccontextmanager
async def explained():
    """A database on SQLite, and what it says it would do for each statement."""
    engine, plans = create_async_engine("sqlite+aiosqlite://"), []
    async with engine.connect() as db:
        await store.create_tables(db)

        @sa.event.listens_for(engine.sync_engine, "before_cursor_execute", retval=True)
        def _explain(_db: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> tuple[str, Any]:
            if not statement.startswith("EXPLAIN"):
                cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
                plans.extend(row[3] for row in cursor.fetchall())
            return statement, parameters

        yield db, plans
    await engine.dispose()


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
async def test_a_look_reads_no_whole_table(look: Any):
    async with explained() as (db, plans):
        await look(db)

    assert any(plan.startswith("SEARCH") for plan in plans)
    assert [plan for plan in plans if plan.startswith("SCAN") and plan.split()[1] in messages.metadata.tables] == []
    assert [plan for plan in plans if "INTEGER PRIMARY KEY" in plan] == []


async def test_one_receiver_never_has_more_than_its_share_of_the_lanes_of_a_gateway(engine: AsyncEngine):
    async with writing(engine) as db:
        await store.create_tables(db)
        await store.wake(db, [(f"s{n}", "dood") for n in range(6)], 0)
        await store.wake(db, [(f"s{n}", "vlug") for n in range(2)], 5)

    async def claimed(*, now: int, limit: int, busy: dict[str, int]) -> list[str]:
        async with writing(engine) as db:
            found = await store.open_lanes(db, now=now, until=now + 100, limit=limit, most=4, busy=busy)
        return [each.receiver for each in found]

    assert await claimed(now=10, limit=5, busy={}) == ["dood"] * 4
    assert await claimed(now=10, limit=5, busy={"dood": 4}) == ["vlug"]  # past those that stand in front
    assert await claimed(now=10, limit=7, busy={"dood": 3, "vlug": 1}) == ["dood", "vlug"]
    assert await claimed(now=200, limit=16, busy={}) == ["dood"] * 4 + ["vlug"] * 2  # who held them died
