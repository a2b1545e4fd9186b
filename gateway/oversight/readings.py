"""Who read what and when, in SQL over the side columns of the log: no payload is opened here.

Every function takes the connection first and never commits. Moments are milliseconds since 1970, UTC.
"""

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audit.bulk import among
from audit.catalogue import kinds
from audit.log import entries, subject_lines, subjects
from gateway.oversight.signals import HOUR, Count, Look, human_reading, wanted

_own: sa.BindParameter[str] = sa.bindparam("own")
_line = entries.c
_gateway = _line.party.is_(None) & _line.other.is_(None)
VISIBLE = (_line.party == _own) | (_line.other == _own) | _gateway
"""The rule of `rights.sees`, as a condition with the parameter ``own``: an officer of the gateway has no party."""
PERIOD = (_line.at >= sa.bindparam("since")) & (_line.at < sa.bindparam("until"))


# What people do concerns one party or none; for such lines there is an index of their own.
_ALONE = _line.other.is_(None) & ((_line.party == _own) | _line.party.is_(None))
_begin = _line.at - _line.at % HOUR
_COUNTS = (
    sa.select(_line.actor, _line.event, _begin.label("hour"), sa.func.count().label("lines"))
    .where(PERIOD, _ALONE, among(_line.event))
    .group_by(_line.actor, _line.event, _begin)
)


async def counts(db: AsyncConnection, own: str, since: int, until: int) -> list[Count]:
    """Return how often each actor did in each hour what the signals are made from, as an officer of ``own`` may see."""
    given = {"own": own, "since": since, "until": until, "names": sorted(wanted())}
    rows = await db.execute(_COUNTS, given)
    return [Count(actor=bytes(row.actor).hex(), event=row.event, at=row.hour, lines=row.lines) for row in rows]


# No index leads from a line to its person: that would cost each message a page. So the leaves of the few lines of
# people who read are looked for among the lines about persons of the own party, once; and of each person found not all
# lines are read, but from either end up to the first that is about a message.
_READ = sa.select(_line.leaf).where(PERIOD, _line.other.is_(None), _line.party == _own, among(_line.event))
_EXCHANGE = sorted(code for code in kinds() if code.startswith("bericht.") and kinds()[code].activity == "uitwisseling")
_about = subject_lines.c
_own_people = sa.select(subjects.c.id).where(subjects.c.party == _own)
_looked = (
    sa.select(_about.subject, _about.leaf).where(_about.subject.in_(_own_people), _about.leaf.in_(_READ)).cte("looked")
)
_people = sa.select(_looked.c.subject).distinct().subquery("people")


def _message_at(order: Callable[[sa.Column[int]], sa.ColumnElement[int]]) -> sa.ScalarSelect[int]:
    """Return when a message about a person came or went, for the first or the last time: numbers go up with time."""
    query = sa.select(_line.at).join_from(subject_lines, entries, _line.leaf == _about.leaf)
    return (
        query.where(_about.subject == _people.c.subject, _line.event.in_(_EXCHANGE))
        .order_by(order(_about.seq))
        .limit(1)
        .scalar_subquery()
    )


_known = sa.select(
    _people.c.subject, _message_at(sa.asc).label("first"), _message_at(sa.desc).label("last")
).cte("known")  # fmt: skip
_LOOKS = (
    sa.select(_looked.c.subject, _line.at, _line.actor, _known.c.first, _known.c.last, subjects.c.secret)
    .join_from(_looked, entries, _line.leaf == _looked.c.leaf)
    .join(_known, _known.c.subject == _looked.c.subject)
    .join(subjects, subjects.c.id == _looked.c.subject, isouter=True)
)


async def looks(db: AsyncConnection, own: str, since: int, until: int, *, finds_secret: bool) -> list[Look]:
    """Return each time that somebody of ``own`` looked at data about one person, with when its messages were.

    Who is secret is, for an officer who may not find such persons, somebody without messages: one of whom nothing is
    found and who is no stranger would be known as secret.
    """
    given = {"own": own, "since": since, "until": until, "names": sorted(human_reading())}
    rows = [(row, finds_secret or not row.secret) for row in await db.execute(_LOOKS, given)]
    return [
        Look(
            actor=bytes(row.actor).hex(), at=row.at, person=row.subject,
            first=row.first if found else None, last=row.last if found else None,
        )
        for row, found in rows
    ]  # fmt: skip


_LINES = sa.select(
    _line.id, _line.idx, _line.at, _line.event, _line.message, _line.leaf, _line.header, _line.sealed
).where(PERIOD, VISIBLE)


async def of_actor(
    db: AsyncConnection, own: str, actors: Sequence[bytes], since: int, until: int, *, after: int = 0, most: int
) -> Sequence[Any]:
    """Return what one actor did, under any of these indexes, in order, as `lines.closed` reads it.

    ``after`` is the last row of the page before.
    """
    query = _LINES.where(_line.actor.in_(actors), _line.id > after).order_by(_line.id).limit(most)
    return (await db.execute(query, {"own": own, "since": since, "until": until})).all()
