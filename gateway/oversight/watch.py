"""Unusual reading, as an officer sees it: the signals of now with names to them, and the lines behind one.

The log knows who did something by a blind index. The names of those who may be meant (officers of the own party,
parties) are turned into indexes too, and held against it; who is none of them has left, or works on the
machine of the gateway.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audit.record import ACTOR
from gateway.oversight import readings, signals
from gateway.oversight.desk import Asking, Desk
from gateway.oversight.lines import Line, closed
from gateway.oversight.login import NOBODY
from gateway.oversight.rights import OPERATOR, Right, may
from gateway.oversight.signals import Count, Signal
from gateway.tables import signals_seen
from gateway.trail import What

MOST_LINES = 100
"""Lines on one page of what somebody did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Who may be meant by a blind index."""

    names: Mapping[str, str] = field(repr=False)
    """Newest index, in hex → login of an officer, or code of a party."""
    newest: Mapping[str, str] = field(repr=False)
    """Index of any generation → the newest of the same actor."""

    def called(self, actor: str) -> str:
        """Return how somebody is called; who is no officer or party of now gets the begin of the index."""
        return self.names.get(actor) or f"geen functionaris of partij van nu ({actor[:8]})"

    def indexes(self, name: str) -> list[bytes]:
        """Return all indexes under which somebody stands in the log."""
        mine = {actor for actor, known in self.names.items() if known == name}
        return [bytes.fromhex(each) for each, newest in self.newest.items() if newest in mine]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What was read lately, and what stands out."""

    signals: Sequence[Signal]
    seen: Mapping[str, int]
    """Key of a signal → when somebody looked at it, in ms since 1970, UTC."""
    known: Known
    days: Sequence[tuple[date, int]]
    """Lines that people read on each day, oldest first."""
    people: Sequence[tuple[str, int, int]]
    """Who read: name, lines in the days that are judged, and on the busiest of them; the most first."""

    @property
    def fresh(self) -> list[Signal]:
        """Signals that nobody looked at."""
        return [each for each in self.signals if each.key not in self.seen]


async def watched(desk: Desk, asking: Asking) -> Watched:
    """Return what stands out for an officer now: counted, without opening anything."""
    own, at, known = asking.officer.party, asking.at, known_to(desk, asking)
    since = signals.reach(at)
    named = asking.officer.finds_secret
    async with desk.reading() as db:
        counted = [_renamed(each, known) for each in await readings.counts(db, own, since, at + 1)]
        seen_people = await readings.looks(db, own, since, at + 1, finds_secret=named)
        looks = [_renamed(each, known) for each in seen_people]
        seen = {row.key: row.seen_at for row in await db.execute(sa.select(signals_seen))}
    nobody = frozenset(actor for actor, name in known.names.items() if name == NOBODY)
    found = signals.signals(counted, looks, at=at, unknown=nobody)
    return Watched(
        signals=found, seen=seen, known=known, days=_by_day(counted, at), people=_by_actor(counted, known, at)
    )


async def find(desk: Desk, asking: Asking, key: str) -> tuple[Signal, Watched] | None:
    """Return one of the signals that he may see now."""
    found = await watched(desk, asking)
    return next(((each, found) for each in found.signals if each.key == key), None)


def objection(desk: Desk, asking: Asking, who: str) -> str:
    """Say why this officer may not judge what stands out of somebody: it is himself. Empty: he may.

    Where nobody else of his party has the right it says who can see to that.
    """
    own = asking.officer
    if who != own.login:
        return ""
    peers = (each.officer for each in desk.officers.by_login.values() if each.officer.login != own.login)
    if any(each.party == own.party and may(each, Right.SIGNALS) for each in peers):
        return f"{_OWN} Vraag een andere functionaris gegevensbescherming."
    return f"{_OWN} {_ALONE}"


_OWN = "Dit signaal gaat over uzelf. U kunt het niet zelf beoordelen."
_ALONE = (
    "Een andere functionaris gegevensbescherming moet dit doen, en die is er nu niet bij u. Vraag de beheerder van de "
    "poort om er een aan te wijzen."
)


async def looked(desk: Desk, asking: Asking, signal: Signal, who: str, reason: str) -> str:
    """Write down that he looked at a signal, and what he found.

    Return why not if it is about himself: then that he tried is written down, and the signal stays as it was.
    """
    wrong = objection(desk, asking, who)
    query = {"signaal": signal.kind, "wie": who, "van": signal.since, "tot": signal.until, "aantal": signal.count}

    async def fact(db: AsyncConnection) -> None:
        known = (await db.execute(sa.select(signals_seen).where(signals_seen.c.key == signal.key))).first()
        if known is None and not wrong:
            await db.execute(sa.insert(signals_seen), {"key": signal.key, "seen_at": asking.at})
        about = {"reason": "het gaat over wie het beoordeelt" if wrong else reason, "query": query}
        await desk.record(db, asking.did(What.SIGNAL_SEEN, ok=not wrong, about=about))

    await desk.do(fact)
    return wrong


async def did(
    desk: Desk,
    asking: Asking,
    actors: Sequence[bytes],
    who: str,
    since: int,
    until: int,
    *,
    reason: str,
    after: int = 0,
) -> tuple[list[Line], int]:
    """Return what somebody did, in order, by the open part of the lines, once it is logged that this was asked.

    The number is that of the row after which the next page begins; 0 where there is none.
    """
    query = {"wie": who, "van": since, "tot": until}
    await desk.log(asking.did(What.SEARCHED, about={"reason": reason, "query": query}))
    async with desk.reading() as db:
        rows = await readings.of_actor(db, asking.officer.party, actors, since, until, after=after, most=MOST_LINES + 1)
    shown = rows[:MOST_LINES]
    return [closed(row) for row in shown], shown[-1].id if len(rows) > MOST_LINES else 0


def known_to(desk: Desk, asking: Asking) -> Known:
    """Return who may be meant in the lines that an officer may see."""
    mine = {asking.officer.party, OPERATOR}
    officers = [login for login, account in desk.officers.by_login.items() if account.officer.party in mine]
    names = sorted({*officers, *desk.parties.by_code, desk.origin, NOBODY})
    generations = desk.keys.index_ids
    wanted = [(ACTOR, name) for name in names]
    by_generation = [[each.hex() for each in desk.keys.indexes(wanted, one)] for one in generations]
    newest = by_generation[-1]
    return Known(
        names=dict(zip(newest, names, strict=True)),
        newest={old: new for each in by_generation for old, new in zip(each, newest, strict=True)},
    )


def _renamed(one: Any, known: Known) -> Any:
    return replace(one, actor=known.newest.get(one.actor, one.actor))


def _by_day(counted: Sequence[Count], at: int) -> list[tuple[date, int]]:
    found: dict[date, int] = {}
    for per_day in signals.days(counted, signals.human_reading()).values():
        for day, count in per_day.items():
            found[day] = found.get(day, 0) + count
    today = signals.day_of(at)
    window = [today - timedelta(days=back) for back in reversed(range(signals.bounds()["venster"]["dagen"]))]
    return [(day, found.get(day, 0)) for day in window]


def _by_actor(counted: Sequence[Count], known: Known, at: int) -> list[tuple[str, int, int]]:
    since = signals.day_of(at) - timedelta(days=signals.bounds()["venster"]["dagen"])
    found = []
    for actor, per_day in signals.days(counted, signals.human_reading()).items():
        lately = [count for day, count in per_day.items() if day > since]
        if lately:
            found.append((known.called(actor), sum(lately), max(lately)))
    return sorted(found, key=lambda each: (-each[1], each[0]))
