"""Group commit: steps that wait at the same moment share one transaction, and so one fsync.

A *step* is a function of (connection, items) that does the same thing for many items and returns one result
per item. A batch is what waits, bounded in count and bytes: alone, a step costs one commit; under load it shares one.
A step waits for nothing but its connection.
"""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from audit.keys import KeysAwayError

Item = TypeVar("Item")
Result = TypeVar("Result")
Step = Callable[[AsyncConnection, Sequence[Item]], Awaitable[Sequence[Result]]]

MOST_ITEMS = 256
MOST_BYTES = 32 * 2**20
MOST_TRIES = 4
"""Times that a step is tried where other gateways come before it."""
OPEN_TRIES, OPEN_AGAIN = 100, 0.02
"""Times that a new database on SQLite is tried to be opened while others open it too, and seconds in between."""
SMALL = 2**20
"""Bytes of a batch up to which its statements on SQLite run on the event loop; more would hold up everybody else."""


def open_engine(url: str) -> AsyncEngine:
    """Return an engine on ``url`` whose commits are durable when they return.

    SQLite: write-ahead log with ``synchronous=FULL``, and transactions that write take the write lock at
    once (see ``writing``). PostgreSQL keeps its own defaults, plus an end to forgotten transactions.
    """
    if not url.startswith("sqlite"):
        settings = {"idle_in_transaction_session_timeout": "60000", "application_name": "ketenpoort"}
        engine = create_async_engine(url, pool_size=8, connect_args={"server_settings": settings})
        sa.event.listen(engine.sync_engine, "do_connect", _reach)
        return engine
    engine = create_async_engine(url, connect_args={"timeout": 30})
    _keep_sqlite(engine.sync_engine)
    return engine


def _keep_sqlite(engine: sa.Engine) -> None:
    """Set how connections of this engine keep their promises on SQLite (see ``open_engine``)."""

    @sa.event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not begin transactions by itself
        cursor = connection.cursor()
        _write_ahead(cursor)
        # 16 MB of pages: the lines about one person lie far apart, and the 2 MB of before were read again and again.
        for pragma in ("synchronous=FULL", "secure_delete=ON", "cache_size=-16384"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _write_ahead(cursor: Any) -> None:
    """Have SQLite keep a write-ahead log: for others who open a new database at that moment it does not wait itself."""
    for left in reversed(range(OPEN_TRIES)):
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if not left or error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            time.sleep(OPEN_AGAIN)
        else:
            return


class _AtOnce:
    """A connection to SQLite whose statements run in this thread, at once.

    A statement takes less time there than handing it to another thread and back; only what waits, for the lock at the
    begin and for the disk at the commit, is left to one. So a step on this connection never waits.
    """

    def __init__(self, db: sa.Connection) -> None:
        self._db = db
        self.dialect = db.dialect

    async def execute(self, statement: sa.Executable, parameters: Any = None) -> Any:
        return self._db.execute(statement, parameters)

    async def exec_driver_sql(self, statement: str, parameters: Any = None) -> Any:
        return self._db.exec_driver_sql(statement, parameters)


def _reach(dialect: sa.Dialect, _record: Any, arguments: Any, options: Any) -> Any:
    """Connect to a server. What the network says is not ours to pass on: it would read as a caller that went away."""
    try:
        return dialect.connect(*arguments, **options)
    except OSError as error:
        raise AwayError(
            "De database is niet te bereiken. Controleer of zij draait en of de instelling 'database' klopt."
        ) from error


@asynccontextmanager
async def writing(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Yield a connection in a transaction that will write; commit at the end, roll back on an exception."""
    async with engine.execution_options(writes=True).begin() as db:
        yield db


def _was_second(error: Exception) -> bool:
    """Tell whether this failed because another gateway did the same, or held what we waited for (a deadlock)."""
    deadlock = isinstance(error, sa.exc.DBAPIError) and getattr(error.orig, "sqlstate", "") in ("40P01", "40001")
    return deadlock or isinstance(error, sa.exc.IntegrityError)


class AwayError(Exception):
    """The database cannot be reached; nothing was done. The text says so in Dutch."""


class ClosedError(Exception):
    """The gateway is stopping: this was not done, and may be asked again of the next."""


def passes(error: Exception) -> bool:
    """Tell whether the database may be expected to work again by itself: it is away, starting, busy or full.

    So may the key service that is away.

    False is a fault in what we asked or in what we stored: asking again would not help.
    """
    if isinstance(error, sa.exc.DBAPIError):
        # A PostgreSQL that goes away says so in many ways, most without a kind of their own in SQLAlchemy.
        kinds = (sa.exc.DBAPIError, sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.InternalError)
        return error.connection_invalidated or type(error) in kinds
    return isinstance(error, (AwayError, KeysAwayError, sa.exc.TimeoutError))


@dataclass(slots=True)
class _Waiting:
    step: Step[Any, Any]
    item: Any
    size: int
    done: asyncio.Future[Any] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class GroupCommit:
    """The one writer of a gateway process. Run ``run`` as a task; ``do`` returns after the commit."""

    def __init__(self, engine: AsyncEngine) -> None:
        """Write through ``engine``."""
        self._engine = engine
        self._db: AsyncConnection | None = None
        self._sqlite: sa.Engine | None = None
        if engine.dialect.name == "sqlite":
            place = engine.url.set(drivername="sqlite+pysqlite")
            self._sqlite = sa.create_engine(place, connect_args={"timeout": 30, "check_same_thread": False})
            _keep_sqlite(self._sqlite)
        self._queue: list[_Waiting] = []
        self._arrived = asyncio.Event()
        self.lock = asyncio.Lock()
        """Held during each transaction: on SQLite others who write wait here instead of in the database."""
        self._stopped = False
        self.commits = 0
        self.steps = 0

    async def do(self, step: Step[Item, Result], item: Item, *, size: int = 0) -> Result:
        """Run ``step`` for ``item`` together with what else waits; return its result once committed.

        ``size`` is the number of bytes it brings. Raises what the step raises, after the step was tried alone: another
        item in the batch never makes this one fail. Raises ClosedError when ``run`` has ended.
        """
        if self._stopped:
            raise ClosedError
        waiting = _Waiting(step, item, size)
        self._queue.append(waiting)
        self._arrived.set()
        result: Result = await waiting.done
        return result

    def reading(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Return a connection to read with, outside the group."""
        return self._engine.connect()

    async def run(self) -> None:
        """Commit what waits, for ever; on cancellation what is under way is finished first, and the rest is let go."""
        try:
            while True:
                await self._arrived.wait()
                committing = asyncio.ensure_future(self._commit(self._take()))
                try:
                    await asyncio.shield(committing)
                finally:
                    await committing
        finally:
            self._stopped = True
            if self._db:
                await self._db.close()
            if self._sqlite:
                self._sqlite.dispose()
            for waiting in self._queue:
                _settle(waiting, error=ClosedError())

    def _take(self) -> list[_Waiting]:
        # Where there are more writers, a transaction has one kind of step: each locks what it needs in one order, and
        # two kinds together would lock in two, so that two gateways wait for each other.
        kind = None if self._sqlite else self._queue[0].step
        batch, left, size = list[_Waiting](), list[_Waiting](), 0
        for waiting in self._queue:
            size += waiting.size
            full = len(batch) == MOST_ITEMS or (batch and size > MOST_BYTES)
            (left if full or kind not in (None, waiting.step) else batch).append(waiting)
        self._queue = left
        if not self._queue:
            self._arrived.clear()
        return batch

    async def _commit(self, batch: list[_Waiting], *, tries: int = 1) -> None:
        try:
            results = await self._transaction(batch)
        except Exception as error:  # noqa: BLE001 - handed to whoever waits, below
            if len(batch) == 1 and (tries == MOST_TRIES or not _was_second(error)):
                _settle(batch[0], error=error)
                return
            # Alone; and again where another gateway on this database was first, whose work we now see.
            for waiting in batch:
                await self._commit([waiting], tries=tries + 1 if len(batch) == 1 else 1)
            return
        for waiting, result in zip(batch, results, strict=True):
            _settle(waiting, result=result)

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[AsyncConnection]:
        """Yield our one connection in a transaction: taking it from the pool each time costs as much as a statement.

        One that saw trouble is not used again.
        """
        db, self._db = self._db or await self._engine.execution_options(writes=True).connect(), None
        try:
            async with db.begin():
                yield db
        except BaseException:
            await db.close()
            raise
        self._db = db

    @asynccontextmanager
    async def _writing_at_once(self, engine: sa.Engine) -> AsyncIterator[AsyncConnection]:
        """Yield a connection to SQLite in a transaction; given back to its pool without a commit, it is rolled back."""
        with engine.connect().execution_options(writes=True) as db:
            transaction = await asyncio.to_thread(db.begin)
            yield cast("AsyncConnection", _AtOnce(db))
            await asyncio.to_thread(transaction.commit)

    async def _transaction(self, batch: list[_Waiting]) -> list[Any]:
        apart = self._sqlite is not None and sum(waiting.size for waiting in batch) > SMALL
        by_step: dict[Step[Any, Any], list[int]] = {}
        for place, waiting in enumerate(batch):
            by_step.setdefault(waiting.step, []).append(place)
        results: list[Any] = [None] * len(batch)
        writing = self._writing_at_once(self._sqlite) if self._sqlite else self._writing()
        async with self.lock, writing as db:
            for step, places in by_step.items():
                doing = step(db, [batch[place].item for place in places])
                done = await (asyncio.to_thread(_through, doing) if apart else doing)
                for place, result in zip(places, done, strict=True):
                    results[place] = result
        self.commits += 1
        self.steps += len(batch)
        return results


@asynccontextmanager
async def committing(engine: AsyncEngine) -> AsyncIterator[GroupCommit]:
    """Yield a writer on ``engine`` that runs until the end, outside a gateway that keeps one of its own."""
    commit = GroupCommit(engine)
    running = asyncio.create_task(commit.run())
    try:
        yield commit
    finally:
        running.cancel()
        await asyncio.wait({running})


async def aside(db: AsyncConnection, size: int, work: Callable[[], Result]) -> Result:
    """Do heavy work of a step so that it holds up nobody; on SQLite a step of that size is in a thread already."""
    if size > SMALL and db.dialect.name != "sqlite":
        return await asyncio.to_thread(work)
    return work()


def _through(step: Awaitable[Result]) -> Result:
    """Run a step that never waits, in whatever thread this is."""
    try:
        step.__await__().send(None)
    except StopIteration as ended:
        result: Result = ended.value
        return result
    raise RuntimeError("a step waited for something other than the database")


def _settle(waiting: _Waiting, *, result: Any = None, error: Exception | None = None) -> None:
    if waiting.done.done():  # whoever waited has gone; what was committed stays committed
        return
    if error is None:
        waiting.done.set_result(result)
    else:
        waiting.done.set_exception(error)
