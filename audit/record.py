"""Writing to the log: the one way in. Numbers each line about a person, per party, and keeps the indexes to find it by.

The number stands in the sealed payload: what a party hands over about a person is complete if all numbers from 1 on are
there, and a gap shows. It is taken while the person's row is locked, so two gateways never give the same one.
"""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audit import bulk, entry, index, log
from audit.bulk import among
from audit.entry import Entry, Event
from audit.keys import KeyService

ACTOR = "actor"
"""Domain of the blind index of who did it; no party has this as its code."""

Known = tuple[str, str]
"""A person as one party knows them: (party, BSN)."""


@dataclass(slots=True, kw_only=True)
class _Subject:
    id: int
    seq: int
    """The last number given."""


async def record(
    db: AsyncConnection, keys: KeyService, origin: str, events: Sequence[Event], at: datetime
) -> list[Entry]:
    """Write these events to the log in the caller's transaction, in their order; return their entries.

    ``at`` (UTC) is now, taken inside the transaction. What is told here is told for ever: call it in the transaction of
    the fact, and before anything is shown.
    """
    if not events:
        return []
    known = {(party, event.subject) for event in events if event.subject for party in event.parties}
    who = {(ACTOR, event.payload["actor"]) for event in events}
    wanted = sorted(known | who)
    generation = await index.in_force(db, keys)
    blind = dict(zip(wanted, keys.indexes(wanted, generation), strict=True))
    subjects = await _subjects(db, keys, {blind[each].hex(): each for each in known}, generation) if known else {}
    key, made, lines = keys.log_key(), list[Entry](), list[dict[str, object]]()
    for event in events:
        seq: dict[str, int] = {}
        for party in event.parties if event.subject else ():
            subject = subjects[party, event.subject]
            subject.seq += 1
            seq[party] = subject.seq
        one = entry.make(event, key=key, origin=origin, at=at, seq=seq)
        made.append(one)
        lines += [
            {"subject": subjects[party, event.subject].id, "seq": number, "leaf": one.leaf}
            for party, number in seq.items()
        ]
    await log.append(db, made, at=at, actors={actor: blind[ACTOR, actor] for _, actor in who})
    await bulk.insert(db, log.subject_lines, lines)
    return made


def person_context(id_: int) -> bytes:
    """Return what the sealed BSN in a row of ``audit_subjects`` is bound to."""
    return f"v1|audit_subjects|sealed|{id_}".encode()


async def _subjects(
    db: AsyncConnection, keys: KeyService, wanted: Mapping[str, Known], generation: str
) -> dict[Known, _Subject]:
    """Return these persons, by blind index, locked until the transaction ends; make those that are new."""
    found = await _found(db, wanted)
    fresh = sorted(wanted.keys() - found.keys())
    if fresh:
        rows = [_new(keys, generation, blind, *wanted[blind]) for blind in fresh]
        await bulk.insert(db, log.subjects, rows, known="stays")
        found |= await _found(db, fresh)  # another gateway may have made them just now
    return {wanted[blind]: subject for blind, subject in found.items()}


# In one order, so that two gateways do not wait for each other.
_LOCK = (
    sa.select(log.subjects.c.blind).where(among(log.subjects.c.blind)).order_by(log.subjects.c.blind).with_for_update()
)
_LAST = sa.select(
    log.subjects.c.blind,
    log.subjects.c.id,
    sa.select(sa.func.max(log.subject_lines.c.seq))
    .where(log.subject_lines.c.subject == log.subjects.c.id)
    .scalar_subquery()
    .label("last"),
).where(among(log.subjects.c.blind))


async def _found(db: AsyncConnection, blinds: Iterable[str]) -> dict[str, _Subject]:
    names = {"names": list(blinds)}
    if db.dialect.name == "postgresql":  # SQLite has one writer
        await db.execute(_LOCK, names)
    # Asked only now that they are ours: what others wrote about them while we waited is seen.
    return {blind: _Subject(id=id_, seq=last or 0) for blind, id_, last in (await db.execute(_LAST, names)).all()}


def _new(keys: KeyService, generation: str, blind: str, party: str, bsn: str) -> dict[str, object]:
    id_ = secrets.randbits(63)
    sealed = keys.seal_person(bsn, person_context(id_))
    return {"id": id_, "party": party, "blind": blind, "index_key": generation, "sealed": sealed}
