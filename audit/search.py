"""Searching the log, in SQL: the lines that somebody may see, newest first, a page at a time.

A person or an actor is found by blind index; what a line says of them stays sealed. Whoever calls this has logged that
they do.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audit import index, log
from audit.keys import KeyService
from audit.record import ACTOR

FOR_EVER = 2**62

_row = log.entries.c
_COLUMNS = (
    _row.id, _row.idx, _row.at, _row.event, _row.message, _row.leaf, _row.header, _row.sealed, _row.party, _row.other,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is looked for; all of it must hold. What is empty is not asked."""

    party: str
    """Who looks: only lines of this party, and of no party at all, are there for them."""
    since: int = 0
    """First moment (milliseconds since 1970, UTC) …"""
    until: int = FOR_EVER
    """… and the first one after the last."""
    message: str = ""
    events: tuple[str, ...] = ()
    actor: str = field(default="", repr=False)
    subject: str = field(default="", repr=False)
    """The identifying value of a person, as this party knows them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a page ended: the next one begins after it."""

    at: int
    id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A person as one party knows them."""

    id: int


async def find(
    db: AsyncConnection, keys: KeyService, wanted: Wanted, *, count: int, after: Place | None = None
) -> Sequence[Any]:
    """Return rows of the log as they are stored, newest first; those about ``subject`` with their number, ``seq``."""
    conditions: list[sa.ColumnElement[bool]] = [_row.at >= wanted.since, _row.at < wanted.until]
    if wanted.message:
        conditions.append(_row.message == wanted.message)
    if wanted.events:
        conditions.append(_row.event.in_(wanted.events))
    if wanted.actor:
        who = [(ACTOR, wanted.actor)]  # of lines from before a renewal this index is not rewritten
        conditions.append(_row.actor.in_([keys.indexes(who, each)[0] for each in keys.index_ids]))
    if after:
        conditions.append((_row.at < after.at) | ((_row.at == after.at) & (_row.id < after.id)))
    if wanted.subject:
        person = (await subjects(db, keys, [(wanted.party, wanted.subject)]))[0]
        if person is None:
            return ()
        query = _about(person.id, wanted.party, conditions)
    else:
        query = _seen(wanted.party, conditions, count)
    found: Sequence[Any] = (await db.execute(query.order_by(sa.desc("at"), sa.desc("id")).limit(count))).all()
    return found


async def of_message(db: AsyncConnection, party: str, message: str) -> Sequence[Any]:
    """Return what happened to a message, in order: of an event about several persons only its first line."""
    firsts = (
        sa.select(sa.func.min(_row.id))
        .where(_row.message == message, _visible(party))
        .group_by(_row.at, _row.event, _row.actor)
    )
    found = await db.execute(sa.select(*_COLUMNS).where(_row.id.in_(firsts)).order_by(_row.at, _row.id))
    return found.all()


async def dossier(db: AsyncConnection, subject: Subject, party: str) -> Sequence[Any]:
    """Return all lines about a person, by number (``seq``, ``leaf``); ``id`` is None where the line itself is gone."""
    line = log.subject_lines.c
    columns = [column for column in _COLUMNS if column is not _row.leaf]
    query = (
        sa.select(line.seq, line.leaf, *columns)
        .join_from(log.subject_lines, log.entries, (_row.leaf == line.leaf) & _visible(party), isouter=True)
        .where(line.subject == subject.id)
        .order_by(line.seq)
    )
    found = await db.execute(query)
    return found.all()


async def subjects(db: AsyncConnection, keys: KeyService, known: Sequence[tuple[str, str]]) -> list[Subject | None]:
    """Return these persons, each as a party knows them: (party, identifying value); None who is not known."""
    if not known:
        return []
    blind = [each.hex() for each in keys.indexes(known, await index.in_force(db, keys))]
    row = log.subjects.c
    found = await db.execute(sa.select(row.id, row.blind).where(row.blind.in_(blind)))
    by_index = {each.blind: Subject(id=each.id) for each in found}
    return [by_index.get(each) for each in blind]


async def places(db: AsyncConnection, leaves: Iterable[bytes]) -> dict[bytes, int | None]:
    """Return at which place in the log lines stand, by leaf; None while one waits for its place."""
    found = await db.execute(sa.select(_row.leaf, _row.idx).where(_row.leaf.in_(list(leaves))))
    return {bytes(each.leaf): each.idx for each in found}


def _seen(party: str, conditions: Sequence[sa.ColumnElement[bool]], count: int) -> sa.Select[Any]:
    """Look in each index by itself, for no database walks two of them in order at once."""
    own = [_row.party == party, _row.other == party] if party else []
    parts = [
        sa.select(*_COLUMNS).where(mine, *conditions).order_by(_row.at.desc(), _row.id.desc()).limit(count).subquery()
        for mine in (*own, _row.party.is_(None))
    ]
    return sa.select(sa.union_all(*(sa.select(part) for part in parts)).subquery("seen"))


def _about(subject: int, party: str, conditions: Sequence[sa.ColumnElement[bool]]) -> sa.Select[Any]:
    line = log.subject_lines.c
    about = sa.select(*_COLUMNS, line.seq).join(log.subject_lines, line.leaf == _row.leaf)
    return about.where(line.subject == subject, _visible(party), *conditions)


def _visible(party: str) -> sa.ColumnElement[bool]:
    """Judge lines that were found by something else: written so that no database begins with the parties instead."""
    whose, other = sa.func.coalesce(_row.party, ""), sa.func.coalesce(_row.other, "")
    return sa.or_(whose == "", whose == party, other == party) if party else whose == ""
