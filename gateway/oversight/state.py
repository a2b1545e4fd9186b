"""How the gateway is doing, for the first page and the foot of every page: numbers, nothing of a person."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from audit import log, outside
from audit.catalogue import kinds
from gateway import store
from gateway.oversight import sessions
from gateway.oversight.desk import Asking, Desk
from gateway.oversight.rights import OPERATOR, Officer

HOUR = 3_600_000
"""Milliseconds."""
_HOURS = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The last signed head of the log."""

    size: int
    """Lines that it covers."""
    root: str
    """Root hash, in hex."""
    at: datetime
    """When it was signed, or last found sound."""
    witnessed: int | None
    """Lines of the last head that witnesses signed too; None: none ever was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Today:
    """The last 24 hours of the log, as far as one officer may see it."""

    hours: Sequence[tuple[int, int]]
    """For each hour, oldest first: when it began (ms since 1970, UTC) and how many lines."""
    kinds: Sequence[tuple[str, int]]
    """What happened, in Dutch, and how often; the most first."""
    pending: int
    """Lines that wait for their place."""

    @property
    def total(self) -> int:
        """All lines."""
        return sum(count for _, count in self.hours)

    @property
    def most(self) -> int:
        """Lines in the busiest hour."""
        return max(count for _, count in self.hours)


async def head(desk: Desk) -> Head | None:
    """Return the last signed head, None before the first."""
    async with desk.reading() as db:
        last, at, seen = await log.latest(db), await log.signed_at(db), await outside.witnessed(db)
    if last is None or at is None:
        return None
    return Head(size=last.size, root=last.root.hex(), at=at, witnessed=seen.size if seen else None)


async def today(desk: Desk, asking: Asking) -> Today:
    """Count the lines of the last 24 hours that he may see."""
    lines = log.entries.c
    start = asking.at // HOUR * HOUR - (_HOURS - 1) * HOUR
    seen = sa.and_(lines.party.is_(None), lines.other.is_(None))
    if (party := asking.officer.party) != OPERATOR:
        seen = sa.or_(seen, lines.party == party, lines.other == party)
    hour = ((lines.at - start) // HOUR).label("hour")
    count = sa.func.count().label("number")
    query = sa.select(hour, lines.event, count).where(lines.at >= start, seen).group_by(hour, lines.event)
    async with desk.reading() as db:
        rows = (await db.execute(query)).all()
        pending = await log.pending(db)
    hours, happened = [0] * _HOURS, dict[str, int]()
    for row in rows:
        hours[min(int(row.hour), _HOURS - 1)] += row.number
        title = kinds()[row.event].title if row.event in kinds() else row.event
        happened[title] = happened.get(title, 0) + row.number
    return Today(
        hours=[(start + place * HOUR, count) for place, count in enumerate(hours)],
        kinds=sorted(happened.items(), key=lambda each: -each[1]),
        pending=pending,
    )


async def parked(desk: Desk, officer: Officer) -> int:
    """Count the messages that wait for a person, of his own party; of all for who belongs to the gateway."""
    async with desk.reading() as db:
        rows = await store.parked(db)
    return sum(officer.party in (OPERATOR, row.sender, row.receiver) for row in rows)


async def logged_in(desk: Desk, at: int) -> set[str]:
    """Return the logins of the officers who are logged in now."""
    async with desk.reading() as db:
        return await sessions.officers(db, at)
