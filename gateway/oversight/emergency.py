"""Emergency access: taken with a reason, for an hour, before everyone's eyes; and reviewed by somebody else.

Its three lines in the log (begun, ended, reviewed) share one trace; the verifier asks for the last within five working
days (V19). What it opens and what else was done meanwhile says ``emergency`` in its own lines.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway import trail
from gateway.oversight import kept, sessions
from gateway.oversight.desk import Asking, Desk, now
from gateway.oversight.lines import visible
from gateway.oversight.sessions import MINUTE
from gateway.trail import What
from gateway.werkdagen import is_working

HOUR = 60 * MINUTE
_EVERY = 60.0
"""Seconds."""
REVIEW_DAYS = 5
"""Working days, Monday to Friday, within which another officer says what he finds of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Emergency:
    """One emergency access of an officer of a party."""

    trace: str
    officer: str
    role: str
    reason: str = field(repr=False)
    began_at: int
    ended_at: int | None
    """When it ended; None while it lasts."""
    due_at: int
    """The end of the last day for its review."""
    reviewer: str
    reviewed_at: int | None

    def is_late(self, at: int) -> bool:
        """Tell whether it should have been reviewed by now."""
        return self.reviewed_at is None and at > self.due_at


async def begin(desk: Desk, asking: Asking, reason: str) -> None:
    """Give this session emergency access for an hour, and log it."""
    until = asking.at + HOUR
    event = asking.did(What.EMERGENCY_BEGUN, thing="noodtoegang", about={"reason": reason})
    row = {
        "trace": asking.trace, "party": asking.officer.party, "officer": asking.officer.login,
        "role": asking.officer.role.value, "session": asking.session.id, "began_at": asking.at, "ends_at": until,
        "sealed": desk.keys.seal_person(reason, _context(asking.trace)),
    }  # fmt: skip

    async def fact(db: Any) -> None:
        await sessions.elevate(db, asking.session.id, until)
        await kept.begin(db, row)
        await desk.record(db, replace(event, emergency=True, purpose="nood"))

    await desk.do(fact)


async def end(desk: Desk, asking: Asking) -> None:
    """End the emergency access of this session now."""

    async def fact(db: Any) -> None:
        for each in await kept.running(db, session=asking.session.id):
            await kept.end(db, each.trace, asking.at)
            event = asking.did(What.EMERGENCY_ENDED, thing="noodtoegang", about={"reason": "zelf beëindigd"})
            await desk.record(db, replace(event, emergency=True, purpose="nood", trace=each.trace))
        await sessions.elevate(db, asking.session.id, 0)

    await desk.do(fact)


async def run(desk: Desk) -> None:
    """Tell in the log, each minute, of the hours that are over."""
    while True:
        await end_due(desk, now())
        await asyncio.sleep(_EVERY)


async def end_due(desk: Desk, at: int) -> None:
    """Log the end of those whose hour is over; the access itself ended on the minute, this only tells of it."""
    async with desk.reading() as db:
        due = await kept.running(db, until=at)
    if not due:
        return

    async def fact(db: Any) -> None:
        for each in due:
            if await kept.end(db, each.trace, each.ends_at):
                await desk.record(db, _ended(each))

    await desk.do(fact)


async def of_party(desk: Desk, asking: Asking) -> Sequence[Emergency]:
    """Return all emergency accesses of officers of one's own party, the last first."""
    await end_due(desk, asking.at)
    async with desk.reading() as db:
        rows = await kept.of_party(db, asking.officer.party)
    # Reasons that officers wrote down, for officers: it is not counted as reading the log.
    reasons = desk.keys.open_persons([(row.sealed, _context(row.trace)) for row in rows], why="beheer") if rows else []
    return [
        Emergency(
            trace=row.trace, officer=row.officer, role=row.role, reason=visible(reason), began_at=row.began_at,
            ended_at=row.ended_at, due_at=due(row.began_at), reviewer=row.reviewer or "", reviewed_at=row.reviewed_at,
        )
        for row, reason in zip(rows, reasons, strict=True)
    ]  # fmt: skip


async def review(desk: Desk, asking: Asking, trace: str, *, right: bool, finding: str) -> bool:
    """Log what an officer finds of another's emergency access; False if there is none that he may review."""
    event = asking.did(
        What.EMERGENCY_REVIEWED, thing="noodtoegang",
        about={"reason": f"{'terecht' if right else 'niet terecht'}: {finding}"},
    )  # fmt: skip

    async def fact(db: Any) -> bool:
        officer = asking.officer
        if not await kept.review(db, trace, party=officer.party, reviewer=officer.login, at=asking.at):
            return False
        await desk.record(db, replace(event, trace=trace))
        return True

    return await desk.do(fact)


def due(began_at: int) -> int:
    """Return until when it may be reviewed (ms since 1970, UTC): late on the fifth working day after this one.

    An hour that is of that same day in the Netherlands too, and before the end of the day in UTC, where the verifier
    draws the line.
    """
    day, left = datetime.fromtimestamp(began_at / 1000, UTC), REVIEW_DAYS
    while left:
        day += timedelta(days=1)
        left -= is_working(day.date())
    return int(day.replace(hour=21, minute=59, second=59, microsecond=0).timestamp() * 1000)


def _ended(row: Any) -> Any:
    """Return the event that an hour was over. Nobody did it, so the actor is who had the access."""
    event = trail.event(
        What.EMERGENCY_ENDED, actor=row.officer, role=row.role, trace=row.trace, thing="noodtoegang",
        parties=(row.party,) if row.party else (), about={"reason": "het uur was om"},
    )  # fmt: skip
    return replace(event, emergency=True, purpose="nood")


def _context(trace: str) -> bytes:
    return f"v1|console_emergencies|sealed|{trace}".encode()
