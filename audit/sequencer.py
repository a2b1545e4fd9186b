"""The loop that gives entries their place in the tree. Several gateways may run it on one database."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, suppress
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from audit import log
from audit.keys import KeyService
from audit.note import Checkpoint
from audit.seal import Signer

INTERVAL = 0.5
"""Seconds between two looks for waiting entries: a receipt can be proved within a second."""
HEARTBEAT = timedelta(seconds=50)
"""An idle log is found sound, and signs that, at least this often: no minute passes without."""

Tell = Callable[[Checkpoint], Awaitable[None]]


async def _nobody(_head: Checkpoint) -> None:
    """Tell nobody."""


def signing(keys: KeyService) -> log.Signing:
    """Return what a log signs its heads with at this moment: another gateway may just have signed with a new key."""
    keys.refresh()
    return log.Signing(plain=keys.signers("log"), mldsa=keys.signers("log-mldsa"), known=keys.known("log"))


async def run(
    begin: Callable[[], AbstractAsyncContextManager[AsyncConnection]],
    signer: Signer | Callable[[], log.Signing],
    origin: str,
    clock: Callable[[], datetime],
    stop: asyncio.Event,
    *,
    tell: Tell = _nobody,
) -> None:
    """Sequence until ``stop`` is set, and then until nothing waits. ``begin`` opens a transaction that will write.

    ``signer`` is a key, or what gives those in force at each head: keys are renewed. ``tell`` hears of each head once
    it is committed, before the next is made.

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
            await tell(head)
        if waiting >= log.BATCH or (stopping and waiting):
            continue
        if stopping:
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), INTERVAL)
