"""What every test may ask for: an empty database of either kind. Nothing here stands in for a real part."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import asyncpg
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.commit import open_engine
from gateway.local_postgres import local_postgres
from tests.needs import NODE

os.environ["PLAYWRIGHT_NODEJS_PATH"] = str(NODE)  # its own Node asks for a library that a bare Debian lacks

numbers = count(1)
LONGEST = {"test_crash.py", "test_canaries.py", "test_bench.py", "test_keyring.py", "test_verify.py"}
"""Files that take longest. They begin first: begun last, the other processors would wait for the end of one file."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name not in LONGEST)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[sa.URL]:
    """One real PostgreSQL for all tests of this process, started when the first of them asks for it."""
    with local_postgres() as url:
        yield sa.make_url(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database of its own for this test: each test runs on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'ketenpoort.db'}"
    server: sa.URL = request.getfixturevalue("postgresql")
    return asyncio.run(new_schema(server)).render_as_string()


async def new_schema(server: sa.URL) -> sa.URL:
    """Make a user with a schema of its own, its default: 3 ms, where a new database takes 50."""
    user = f"test{next(numbers)}"
    connection = await asyncpg.connect(user=server.username, database=server.database, **server.query)
    await connection.execute(f"CREATE USER {user}")
    await connection.execute(f"CREATE SCHEMA AUTHORIZATION {user}")
    await connection.close()
    return server.set(username=user)


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """An engine on the empty database, as the gateway opens it; closed after the test."""
    engine = open_engine(database_url)
    yield engine
    await engine.dispose()
