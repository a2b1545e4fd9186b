"""Who read what and when, in SQL over the side columns of the log: no payload is opened here.

Every function takes the connection first and never commits. Moments are milliseconds since 1970, UTC.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audit.bulk import among
from audit.catalogue import kinds
from audit.log import entries, subject_lines
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


# Few lines are of people who read, so it is their leaves that are looked for among the lines about persons.
_READ = sa.select(_line.leaf).where(PERIOD, _line.other.is_(None), _line.party == _own, among(_line.event))
_about = subject_lines.c
_LOOKS = (
    sa.select(_about.subject, _line.at, _line.actor)
    .join_from(subject_lines, entries, _line.leaf == _about.leaf)
    .where(_about.leaf.in_(_READ))
)
_EXCHANGE = sorted(code for code in kinds() if code.startswith("bericht.") and kinds()[code].activity == "uitwisseling")
_LOOKED_AT = sa.select(_about.subject).where(_about.leaf.in_(_READ))
_RELATION = (
    sa.select(_about.subject, sa.func.min(_line.at).label("first"), sa.func.max(_line.at).label("last"))
    .join_from(subject_lines, entries, _line.leaf == _about.leaf)
    .where(_about.subject.in_(_LOOKED_AT), _line.event.in_(_EXCHANGE))
    .group_by(_about.subject)
)


async def looks(db: AsyncConnection, own: str, since: int, until: int) -> list[Look]:
    """Return each time that somebody of ``own`` looked at data about one person, with when its messages were."""
    given = {"own": own, "since": since, "until": until, "names": sorted(human_reading())}
    known = {row.subject: (row.first, row.last) for row in await db.execute(_RELATION, given)}
    never = (None, None)
    return [
        Look(
            actor=bytes(row.actor).hex(), at=row.at, person=row.subject,
            first=known.get(row.subject, never)[0], last=known.get(row.subject, never)[1],
        )
        for row in await db.execute(_LOOKS, given)
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
