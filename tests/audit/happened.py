"""One invented event, for the tests of the log; each says only what it wants otherwise."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from audit import log
from audit.entry import Entry, Event

_EVENT = Event(
    event="bericht.ontvangen",
    role="afzender",
    kind="ho301",
    outcome="geslaagd",
    purpose="jeugdwet",
    policy="toegang@1",
    trace="0af7651916cd43dd8448eb211c80319c",
    source="poort",
    payload={"actor": "90000001"},
)


def happened(**otherwise: Any) -> Event:
    """The event, with these fields in place of its own."""
    return replace(_EVENT, **otherwise)


async def append(db: AsyncConnection, made: Sequence[Entry]) -> None:
    """Write entries that a test made itself; the gateway does so with ``audit.record``."""
    actors = {one.event.payload["actor"]: sha256(one.event.payload["actor"].encode()).digest()[:16] for one in made}
    await log.append(db, made, at=datetime(2026, 11, 21, 12, tzinfo=UTC), actors=actors)
