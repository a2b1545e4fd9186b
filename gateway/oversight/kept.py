"""What officers' work leaves between two requests, in SQL: what they asked of the log, and their emergency access.

Every function takes the connection first and never commits. Moments are milliseconds since 1970, UTC.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.oversight.sessions import LONGEST
from gateway.tables import console_emergencies as emergencies
from gateway.tables import console_questions as questions

_taken = emergencies.c


async def ask(db: AsyncConnection, row: Mapping[str, Any]) -> None:
    """Keep a question (a row of ``console_questions``) for its session; those of sessions that are over go."""
    await db.execute(sa.delete(questions).where(questions.c.made_at <= row["made_at"] - LONGEST))
    await db.execute(sa.insert(questions), [row])


async def asked(db: AsyncConnection, id_: str, session: bytes, kind: str) -> bytes | None:
    """Return what was asked, sealed; None if there is no such question of this kind in this session."""
    row = questions.c
    mine = (row.id == id_) & (row.session == session) & (row.kind == kind)
    return (await db.execute(sa.select(row.sealed).where(mine))).scalar()


async def begin(db: AsyncConnection, row: Mapping[str, Any]) -> None:
    """Keep that an emergency access begins (a row of ``console_emergencies``)."""
    await db.execute(sa.insert(emergencies), [row])


async def running(db: AsyncConnection, *, until: int | None = None, session: bytes | None = None) -> Sequence[Any]:
    """Return emergency accesses that nobody ended: those whose hour was over at ``until``, or of one session."""
    conditions: list[sa.ColumnElement[bool]] = [_taken.ended_at.is_(None)]
    if until is not None:
        conditions.append(_taken.ends_at <= until)
    if session is not None:
        conditions.append(_taken.session == session)
    return (await db.execute(sa.select(emergencies).where(*conditions).order_by(_taken.began_at))).all()


async def end(db: AsyncConnection, trace: str, at: int) -> bool:
    """Write down when one ended; False if another did already."""
    done = await db.execute(
        sa.update(emergencies).where(_taken.trace == trace, _taken.ended_at.is_(None)).values(ended_at=at)
    )
    return bool(done.rowcount)


async def of_party(db: AsyncConnection, party: str) -> Sequence[Any]:
    """Return all emergency accesses of a party's officers, the last first."""
    query = sa.select(emergencies).where(_taken.party == party).order_by(_taken.began_at.desc())
    return (await db.execute(query)).all()


async def review(db: AsyncConnection, trace: str, *, party: str, reviewer: str, at: int) -> bool:
    """Write down who reviewed one, and when; False if there is none that this officer may review, or it was done.

    One that still lasts is not reviewed: what comes after would be looked at by nobody.
    """
    mine = (_taken.trace == trace) & (_taken.party == party) & (_taken.officer != reviewer)
    mine &= _taken.ended_at.is_not(None)
    done = await db.execute(
        sa.update(emergencies).where(mine, _taken.reviewed_at.is_(None)).values(reviewer=reviewer, reviewed_at=at)
    )
    return bool(done.rowcount)
