"""The loop that gives entries their place in the tree. Several gateways may run it on one database."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from audit import log
from audit.seal import Signer

INTERVAL = 0.5
"""Seconds between two looks for waiting entries: a receipt can be proved within a second."""
HEARTBEAT = timedelta(seconds=60)
"""An idle log is found sound, and says so, at least this often."""


async def run(
    begin: Callable[[], AbstractAsyncContextManager[AsyncConnection]],
    signer: Signer,
    origin: str,
    clock: Callable[[], datetime],
    stop: asyncio.Event,
) -> None:
    """Sequence until ``stop`` is set, and then until nothing waits. ``begin`` opens a transaction that will write.

    Begins with a sign of life, so that a log that was tampered with is told at the start. Every error ends the
    loop and reaches the caller: a gateway that cannot log must not go on.
    """
    alive: datetime | None = None
    while True:
        stopping, now = stop.is_set(), clock()
        due = alive is None or now - alive >= HEARTBEAT
        async with begin() as db:
            head = await log.sequence(db, signer, origin, now, heartbeat=due)
            waiting = await log.pending(db)
        if head is not None:
            alive = now
        if waiting >= log.BATCH or (stopping and waiting):
            continue
        if stopping:
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), INTERVAL)
