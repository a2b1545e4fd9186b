"""What the one writer promises: every step done or told why not, also when the database or the gateway goes away."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.commit import AwayError, ClosedError, GroupCommit, committing, open_engine, passes

words = sa.Table("words", sa.MetaData(), sa.Column("word", sa.Text, primary_key=True))


@pytest.fixture
async def commit(engine: AsyncEngine) -> AsyncIterator[GroupCommit]:
    async with engine.begin() as db:
        await db.run_sync(words.metadata.create_all)
    async with committing(engine) as commit:
        yield commit


async def write(db, items):
    await db.execute(sa.insert(words), [{"word": each} for each in items])
    return [each.upper() for each in items]


async def written(commit: GroupCommit) -> set[str]:
    async with commit.reading() as db:
        return set((await db.execute(sa.select(words.c.word))).scalars())


async def test_steps_that_wait_together_share_a_commit(commit: GroupCommit):
    results = await asyncio.gather(*(commit.do(write, f"w{number}") for number in range(20)))

    assert results == [f"W{number}" for number in range(20)]
    assert commit.commits < 20
    assert len(await written(commit)) == 20


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_large_batch_on_sqlite_does_not_hold_up_everybody_else(commit: GroupCommit):
    async def slow(db, items):
        time.sleep(0.5)  # noqa: ASYNC251 - what writing 25 MB does
        return await write(db, items)

    writing = asyncio.create_task(commit.do(slow, "large", size=25 * 2**20))
    turns = 0
    while not writing.done():
        await asyncio.sleep(0.01)
        turns += 1
    assert await writing == "LARGE"
    assert turns > 10


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_step_that_would_wait_for_something_else_is_a_fault_of_ours(commit: GroupCommit):
    async def waits(db, items):
        await asyncio.sleep(0)
        return await write(db, items)

    with pytest.raises(RuntimeError):
        await commit.do(waits, "large", size=25 * 2**20)
    assert not await written(commit)


async def test_one_that_fails_takes_none_of_the_others_with_it(commit: GroupCommit):
    await commit.do(write, "a")
    outcomes = await asyncio.gather(*(commit.do(write, each) for each in "abc"), return_exceptions=True)

    assert [type(each) for each in outcomes] == [sa.exc.IntegrityError, str, str]
    assert await written(commit) == {"a", "b", "c"}


async def test_what_a_step_wrote_before_it_failed_is_not_there(commit: GroupCommit):
    async def fails_halfway(db, items):
        await write(db, items)
        raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        await commit.do(fails_halfway, "half")
    assert await commit.do(write, "whole") == "WHOLE"
    assert await written(commit) == {"whole"}


async def test_who_lost_a_race_with_another_gateway_looks_again(commit: GroupCommit, engine: AsyncEngine):
    """Both looked before either wrote; the loser must find what the winner stored, not fail."""
    looks = 0

    async def look_then_write(db, items):
        nonlocal looks
        looks += 1
        if looks == 1:  # what the other gateway wrote came after our look
            await db.execute(sa.insert(words), [{"word": items[0]}, {"word": items[0]}])
        return ["found"]

    assert await commit.do(look_then_write, "a") == "found"
    assert looks == 2


async def test_what_is_under_way_when_the_gateway_stops_is_finished_and_the_rest_is_told(engine: AsyncEngine):
    async with engine.begin() as db:
        await db.run_sync(words.metadata.create_all)
    commit, begun = GroupCommit(engine), asyncio.Event()

    async def slow(db, items):
        begun.set()
        await asyncio.sleep(0.1)
        return await write(db, items)

    running = asyncio.create_task(commit.run())
    first = asyncio.create_task(commit.do(slow, "first"))
    await begun.wait()
    second = asyncio.create_task(commit.do(write, "second"))
    await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait({running})

    assert await first == "FIRST"
    with pytest.raises(ClosedError):
        await second
    with pytest.raises(ClosedError):
        await commit.do(write, "third")
    assert await written(commit) == {"first"}


async def test_a_server_that_cannot_be_reached_is_no_caller_that_went_away(tmp_path):
    engine = open_engine(f"postgresql+asyncpg://wie@/wat?host={tmp_path}")
    with pytest.raises(AwayError) as caught:
        async with engine.connect():
            pass
    await engine.dispose()

    assert not isinstance(caught.value, ConnectionError)
    assert passes(caught.value)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (sa.exc.OperationalError("", None, sqlite3.OperationalError("database or disk is full")), True),
        (sa.exc.DBAPIError("", None, Exception("the database system is shutting down")), True),
        (sa.exc.TimeoutError("no connection is free"), True),
        (sa.exc.IntegrityError("", None, Exception("a second head of the same size")), False),
        (sa.exc.DatabaseError("", None, sqlite3.DatabaseError("database disk image is malformed")), False),
        (sa.exc.ProgrammingError("", None, Exception("no such table")), False),
        (KeyError("ours"), False),
    ],
)
def test_only_what_the_database_may_get_over_is_waited_for(error: Exception, expected: bool):
    assert passes(error) is expected


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_two_gateways_that_wait_for_each_other_both_come_through(commit: GroupCommit, engine: AsyncEngine):
    await commit.do(write, "een")
    await commit.do(write, "twee")

    def crossing(*order: str):
        async def step(db, items):
            for word in order:
                await db.execute(sa.update(words).where(words.c.word == word).values(word=word))
                await asyncio.sleep(0.3)
            return items

        return step

    async with committing(engine) as other:
        here, there = commit.do(crossing("een", "twee"), 1), other.do(crossing("twee", "een"), 2)
        assert await asyncio.gather(here, there) == [1, 2]


async def test_steps_of_two_kinds_share_a_transaction_only_where_there_is_one_writer(
    commit: GroupCommit, engine: AsyncEngine
):
    async def also(db, items):
        return await write(db, items)

    before = commit.commits
    await asyncio.gather(commit.do(write, "a"), commit.do(also, "b"), commit.do(write, "c"))

    assert commit.commits - before == (1 if engine.dialect.name == "sqlite" else 2)
    assert await written(commit) == {"a", "b", "c"}
