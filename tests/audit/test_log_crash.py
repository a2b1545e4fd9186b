"""A process that is killed loses nothing that it promised, and the log has one history."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from audit import export, log, sequencer
from audit.entry import open_payload
from audit.note import VerifierKey
from audit.report import Verdict
from audit.seal import Ed25519Signer, Key
from audit.verify import verify

ROOT = Path(__file__).resolve().parents[2]
ORIGIN = "voorbeeld.nl/logboek"
SIGNER = Ed25519Signer(name="log", seed=b"een vaste sleutel voor de proef!")
KEY = Key(id=b"sleutel1", secret=b"een vaste sleutel voor de proef!")

# Writes entries and sequences them as fast as it can, and tells each entry only after its commit.
GATEWAY = """
import asyncio, sys
from datetime import UTC, datetime
from sqlalchemy.ext.asyncio import create_async_engine
from audit import log
from audit.entry import Event, make
from audit.seal import Ed25519Signer, Key

SIGNER = Ed25519Signer(name="log", seed=b"een vaste sleutel voor de proef!")
KEY = Key(id=b"sleutel1", secret=b"een vaste sleutel voor de proef!")
EVENT = Event(event="bericht.ontvangen", role="afzender", kind="ho301", outcome="geslaagd",
              purpose="jeugdwet", policy="toegang@1", trace="0" * 32, source="poort",
              message="ab" * 16, payload={"actor": "90000001"})

async def run():
    engine, key, now = create_async_engine(sys.argv[1]), KEY, datetime.now(UTC)
    while True:
        new = [make(EVENT, key=key, origin="voorbeeld.nl/logboek", at=now) for _ in range(7)]
        async with engine.begin() as db:
            await log.append(db, new, at=now, actors={"90000001": bytes(16)})
        for one in new:
            print(one.leaf.hex(), flush=True)
        async with engine.begin() as db:
            await log.sequence(db, SIGNER, "voorbeeld.nl/logboek", now)

asyncio.run(run())
"""
TABLES = [log.entries, log.tiles, log.checkpoints, log.witnessed, log.stamps]


def opens(lines):
    return [open_payload(header, sealed, KEY) for header, sealed in lines]


def run_and_kill(url: str, seconds: float) -> list[str]:
    """Two gateways at once, both killed; returns what they said was committed."""
    gateways = [
        subprocess.Popen([sys.executable, "-c", GATEWAY, url], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    started = [gateway.stdout.readline().strip() for gateway in gateways]
    time.sleep(seconds)
    for gateway in gateways:
        os.kill(gateway.pid, signal.SIGKILL)
    said = [line for gateway in gateways for line in gateway.communicate()[0].split("\n") if len(line) == 64]
    return started + said


@pytest.mark.parametrize("seconds", [0.05, 0.21, 0.37])
def test_gateways_killed_while_logging_lose_nothing_and_leave_one_history(database_url, tmp_path, seconds):
    async def prepare() -> None:
        engine = create_async_engine(database_url)
        if engine.dialect.name == "sqlite":
            async with engine.connect() as db:
                await db.exec_driver_sql("PRAGMA journal_mode=WAL")
        async with engine.begin() as db:
            await db.run_sync(log.metadata.create_all, tables=TABLES)
        await engine.dispose()

    async def finish() -> set[str]:
        engine, stop = create_async_engine(database_url), asyncio.Event()
        stop.set()
        await sequencer.run(engine.begin, SIGNER, ORIGIN, lambda: datetime.now(UTC), stop)
        async with engine.connect() as db:
            await export.export(db, tmp_path / "uitvoer", SIGNER, ORIGIN, opens)
            stored = {leaf.hex() for leaf in (await db.execute(sa.select(log.entries.c.leaf))).scalars()}
        await engine.dispose()
        return stored

    asyncio.run(prepare())
    promised = run_and_kill(database_url, seconds) + run_and_kill(database_url, seconds / 3)
    stored = asyncio.run(finish())

    assert set(promised) <= stored
    report = verify(tmp_path / "uitvoer", VerifierKey(name=ORIGIN, public=SIGNER.public))
    assert (report.verdict, report.entries) == (Verdict.INTACT, len(stored))
