"""Tells parties of terms: before the last day, after it, and again when nothing follows.

Nothing waits for an hour to strike: it looks each minute. Several gateways may look at once: who is told of what is a
row with a key, so that nobody is told the same twice.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.clock import milliseconds
from gateway.terms import notices, store
from gateway.terms.decide import edges
from gateway.terms.notices import Kind, Notice

LOOK = 60.0
"""Seconds between two looks."""
AT_ONCE = 500
KEPT = timedelta(days=365)
"""How long notices, and terms after they are done, are kept."""
TOLD = (Kind.NEARLY, Kind.PASSED, Kind.ESCALATED)
"""What who must act is told first, second and third."""
WAITS = 2
"""From then on who waits for it knows too."""

Writing = Callable[[], AbstractAsyncContextManager[AsyncConnection]]
"""Opens a transaction that writes."""


async def run(writing: Writing, clock: Callable[[], datetime]) -> None:
    """Tell parties, for ever."""
    while True:
        now = clock()
        while await tell(writing, now):
            pass
        async with writing() as db:
            before = milliseconds(now - KEPT)
            await notices.forget(db, before=before)
            await store.forget(db, before=before)
        await asyncio.sleep(LOOK)


async def tell(writing: Writing, now: datetime) -> int:
    """Tell parties what they must know now, some hundreds of terms at a time; return of how many they were told.

    Who must act is told late only the last: nobody hears that a term nearly ends when it is over.
    """
    found = edges(now)
    count = 0
    for level, until in ((3, found.escalated), (2, found.passed), (1, found.nearly)):
        async with writing() as db:
            rows = await store.untold(db, level, until=milliseconds(until), count=AT_ONCE)
            if rows:
                await notices.add(db, (each for row in rows for each in _told(row, level, milliseconds(now))))
                await store.tell(db, [row.id for row in rows], level)
        count += len(rows)
    return count


def _told(row: Any, level: int, now: int) -> Iterator[Notice]:
    told = [(row.owner, TOLD[level - 1])]
    if row.told < WAITS <= level:
        told.append((row.other, Kind.WAITING))
    for party, kind in told:
        about = f"{row.kind}/{row.about}"
        yield Notice(party=party, kind=kind, at=now, message=row.message, about=about, due_at=row.due_at)
