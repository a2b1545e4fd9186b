"""The loop that gives entries their place in the tree. Several gateways may run it on one database."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from audit import log
from audit.seal import Signer

INTERVAL = 0.5
"""Seconds between two looks for waiting entries: a receipt can be proved within a second."""
HEARTBEAT = timedelta(seconds=60)
"""An idle log is found sound, and says so, at least this often."""


async def run(
    engine: AsyncEngine, signer: Signer, origin: str, clock: Callable[[], datetime], stop: asyncio.Event
) -> None:
    """Sequence until ``stop`` is set; the last round comes after it, so that a clean stop leaves nothing waiting.

    Begins with a sign of life, so that a log that was tampered with is told at the start. Every error ends the
    loop and reaches the caller: a gateway that cannot log must not go on.
    """
    alive: datetime | None = None
    stopping = False
    while not stopping:
        stopping = stop.is_set()
        now = clock()
        due = alive is None or now - alive >= HEARTBEAT
        placed = await _round(engine, signer, origin, now, heartbeat=due)
        if due or placed:
            alive = now
        if not stopping:
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), INTERVAL)


async def _round(engine: AsyncEngine, signer: Signer, origin: str, now: datetime, *, heartbeat: bool) -> bool:
    """Place all that waits; tells whether there was any. Looks first, so that idling takes no lock."""
    async with engine.connect() as db:
        waiting = await log.pending(db)
    for _ in range(0, max(waiting, int(heartbeat)), log.BATCH):
        async with engine.begin() as db:
            await log.sequence(db, signer, origin, now, heartbeat=heartbeat)
    return waiting > 0
