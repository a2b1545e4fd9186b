"""What is past its term, what is held, and taking it away, in SQL: the connection first, never a commit.

What destroys asks once more, in its own transaction, whether it may: what was proposed a week ago may be held since.
Times are whole milliseconds since 1970, UTC.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audit import log
from audit.bulk import among
from gateway.flow import State
from gateway.retention.policy import Policy, Rule
from gateway.tables import deliveries, erasure_items, holds, ledger, messages, refusals
from gateway.trail import What

_AT_ONCE = 500
MOST = 50_000
"""Things in one proposal; what is more comes the next night."""
_entry, _line, _message, _hold = log.entries.c, log.subject_lines.c, messages.c, holds.c
_active = _hold.lifted_at.is_(None)
_Condition = sa.ColumnElement[bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What is held by itself or for a person. Read first, step by step: few are, and so no plan goes wrong on it."""

    messages: tuple[str, ...]
    lines: frozenset[int]
    """Places in the log of lines about persons who are held, and of choices that still mean something."""


async def held(db: AsyncConnection) -> Held:
    """Return what is held now; the caller holds the lock of `gateway.retention.store`, so that it stays so."""
    rows = (await db.execute(sa.select(_hold.message, _hold.subject).where(_active))).all()
    messages_, lines = {row.message for row in rows if row.message}, set[int]()
    people = [row.subject for row in rows if row.subject is not None]
    found = await db.execute(sa.select(_line.leaf).where(_line.subject.in_(people))) if people else None
    leaves = list(found.scalars()) if found else []
    for start in range(0, len(leaves), _AT_ONCE):
        told = sa.select(_entry.idx, _entry.message).where(_entry.leaf.in_(leaves[start : start + _AT_ONCE]))
        for row in await db.execute(told):
            lines.add(-1 if row.idx is None else row.idx)
            messages_ |= {row.message} if row.message else set()
    return Held(messages=tuple(sorted(messages_)), lines=frozenset(lines | await _choices(db)))


async def _choices(db: AsyncConnection) -> set[int]:
    """Return the places of lines that say what a client does not get, while an earlier line about him is there.

    Else a line that outlives its choice, for its message is still here, would be given after all.
    """
    chosen = sa.select(_entry.leaf).where(
        _entry.event == What.DOSSIER_LIMITED.value, _entry.other.is_(None), _entry.sealed.is_not(None)
    )
    leaves = (await db.execute(chosen)).scalars().all()
    if not leaves:
        return set()
    before = log.subject_lines.alias().c
    earlier = sa.exists().where(before.subject == _line.subject, before.seq < _line.seq, before.leaf != b"")
    found = await db.execute(
        sa.select(_entry.idx)
        .join(log.subject_lines, _line.leaf == _entry.leaf)
        .where(_line.leaf.in_(leaves), _entry.idx.is_not(None), earlier)
    )
    return set(found.scalars())


def _held_period(at: sa.ColumnElement[int], *parties: sa.ColumnElement[str]) -> _Condition:
    concerns = sa.or_(_hold.party == "", *(_hold.party == party for party in parties))
    return sa.exists().where(_active, _hold.first_at <= at, _hold.last_at >= at, concerns)


def _message_is_free(kept: Held) -> _Condition:
    period = _held_period(_message.received_at, _message.sender, _message.receiver)
    return sa.and_(sa.not_(among(_message.id, kept.messages)), ~period)


def _may_go(kept: Held) -> _Condition:
    """Return the condition that the content of a message is there, was delivered, and is not held."""
    return sa.and_(
        _message.sealed_body.is_not(None), deliveries.c.state == State.DELIVERED.value, _message_is_free(kept)
    )  # fmt: skip


def _line_is_free(kept: Held) -> _Condition:
    """Return the condition that a line does not belong to a message that is held or still here, or to a held period.

    For lines about persons who are held look into ``kept.lines``.
    """
    present = sa.exists().where(_message.id == _entry.message, _message.sealed_body.is_not(None))
    return sa.and_(
        sa.or_(_entry.message.is_(None), sa.not_(among(_entry.message, kept.messages))),
        ~_held_period(_entry.at, _entry.party, _entry.other),
        ~present,
    )


def _waits(kind: str, item: sa.ColumnElement[str]) -> _Condition:
    """Return the condition that something is in a proposal already."""
    return sa.exists().where(erasure_items.c.kind == kind, erasure_items.c.item == item)


def _in_class(rule: Rule, policy: Policy, archives: Sequence[str]) -> _Condition:
    here = sa.or_(_message.sender.in_(archives), _message.receiver.in_(archives))
    if not rule.archive:
        return ~here

    def of_type(types: Iterable[str]) -> _Condition:
        return sa.or_(sa.false(), *(_message.type.like(f"%{each}") for each in types))

    if rule.types:
        return sa.and_(here, of_type(rule.types))
    others = {each for other in policy.values() for each in other.types}
    return sa.and_(here, ~of_type(sorted(others)), _message.wet == rule.wet)


def _in_use(cutoff: int) -> sa.Select[Any]:
    """Return the ids of messages about a person about whom a message came since ``cutoff``."""
    newer, its = log.entries.alias().c, log.subject_lines.alias().c
    since = (
        sa.select(its.subject)
        .join(newer.id.table, newer.leaf == its.leaf)
        .where(newer.at >= cutoff, newer.event == "bericht.ontvangen")
    )
    return (
        sa.select(_entry.message)
        .join(log.subject_lines, _line.leaf == _entry.leaf)
        .where(_line.subject.in_(since), _entry.message.is_not(None))
    )


async def messages_due(
    db: AsyncConnection, rule: Rule, policy: Policy, archives: Sequence[str], *, cutoff: int
) -> list[str]:
    """Return the ids of messages of this class whose term is over, oldest first, up to `MOST`."""
    kept = await held(db)
    wanted = (
        sa.select(_message.id)
        .join(deliveries, deliveries.c.message == _message.id)
        .where(
            deliveries.c.changed_at < cutoff, _may_go(kept), _in_class(rule, policy, archives),
            ~_waits("bericht", _message.id),
        )
    )  # fmt: skip
    if rule.begin == "laatste wijziging":
        wanted = wanted.where(_message.id.not_in(_in_use(cutoff)))
    return list((await db.execute(wanted.order_by(_message.id).limit(MOST))).scalars())


async def lines_due(db: AsyncConnection, *, cutoff: int) -> list[int]:
    """Return the places in the log of lines whose payload is past its term, up to `MOST`."""
    kept = await held(db)
    wanted = sa.select(_entry.idx).where(
        _entry.idx.is_not(None), _entry.at < cutoff, _entry.sealed.is_not(None), _line_is_free(kept)
    )
    waiting = await db.execute(sa.select(erasure_items.c.item).where(erasure_items.c.kind == "logregel"))
    rows = [tuple(map(int, item.split("-"))) for item in waiting.scalars()]
    places = (await db.execute(wanted.order_by(_entry.idx).limit(MOST + len(kept.lines)))).scalars()
    free = [place for place in places if place not in kept.lines]
    return [place for place in free if not any(first <= place <= last for first, last in rows)]


async def records_due(db: AsyncConnection, *, cutoff: int) -> list[str]:
    """Return the keys of ledger records that were not touched since ``cutoff``, but for contracts and consents.

    None while a person or a period is held: whom a record is about cannot be told from its key.
    """
    if (await db.execute(sa.select(_hold.id).where(_active, _hold.kind != "bericht").limit(1))).first():
        return []
    row = ledger.c
    wanted = sa.select(row.key).where(row.changed_at < cutoff, ~row.lasts, ~_waits("grootboek", row.key))
    return list((await db.execute(wanted.order_by(row.changed_at).limit(MOST))).scalars())


async def refusals_due(db: AsyncConnection, *, cutoff: int) -> list[str]:
    """Return the keys (hexadecimal) of refusals before ``cutoff``; a period that is held keeps them."""
    row = refusals.c
    wanted = sa.select(row.key).where(row.refused_at < cutoff, ~_held_period(row.refused_at, row.party))
    asked = await db.execute(sa.select(erasure_items.c.item).where(erasure_items.c.kind == "weigering"))
    waiting = set(asked.scalars())
    found = (await db.execute(wanted.order_by(row.refused_at).limit(MOST))).scalars()
    return [key.hex() for key in found if key.hex() not in waiting]


async def held_lines(db: AsyncConnection, *, cutoff: int) -> list[int]:
    """Return the places of lines past their term that must stay all the same."""
    kept = await held(db)
    past = sa.select(_entry.idx).where(_entry.idx.is_not(None), _entry.at < cutoff, _entry.sealed.is_not(None))
    found = set((await db.execute(past.where(~_line_is_free(kept)))).scalars())
    beside = [row for row in kept.lines if row not in found]
    for start in range(0, len(beside), _AT_ONCE):
        found |= set((await db.execute(past.where(_entry.idx.in_(beside[start : start + _AT_ONCE])))).scalars())
    return sorted(found)


async def take_messages(db: AsyncConnection, ids: Sequence[str]) -> Sequence[Any]:
    """Destroy the content of these messages, as far as that may be; return the rows as they were before."""
    row, kept = messages.c, await held(db)
    found = await db.execute(
        sa.select(row.id, row.type, row.wet, row.sender, row.receiver, row.sealed_subjects, row.wrapped_key)
        .join(deliveries, deliveries.c.message == row.id)
        .where(among(row.id, ids), _may_go(kept))
        .order_by(row.id)
        .with_for_update(of=messages)
    )
    rows = found.all()
    await db.execute(
        sa.update(messages)
        .where(among(row.id, [each.id for each in rows]))
        .values(wrapped_key=None, sealed_body=None, sealed_subjects=None)
    )
    return rows


async def take_lines(db: AsyncConnection, first: int, last: int) -> list[int]:
    """Destroy the payload of lines ``first`` to ``last``, as far as that may be, with what they were found by.

    Return their places.
    """
    kept = await held(db)
    found = await db.execute(
        sa.select(_entry.idx)
        .where(_entry.idx >= first, _entry.idx <= last, _entry.sealed.is_not(None), _line_is_free(kept))
        .order_by(_entry.idx)
    )
    places = [place for place in found.scalars() if place not in kept.lines]
    leaves = sa.select(_entry.leaf).where(_entry.idx.in_(places))
    touched = set((await db.execute(sa.select(_line.subject).where(_line.leaf.in_(leaves)))).scalars())
    # The number stays, of no line: the file of a person then tells a line that was destroyed from one that was taken
    # away, and no number is given twice.
    await db.execute(sa.update(log.subject_lines).where(_line.leaf.in_(leaves)).values(leaf=b""))
    await db.execute(sa.update(log.entries).where(_entry.idx.in_(places)).values(sealed=None, actor=b""))
    await _forget_subjects(db, touched)
    return places


async def _forget_subjects(db: AsyncConnection, ids: Iterable[int]) -> None:
    """Forget the persons about whom no line is left; who is marked secret stays."""
    row, real = log.subjects.c, log.subject_lines.alias().c
    left = sa.exists().where(real.subject == row.id, real.leaf != b"")
    gone = set((await db.execute(sa.select(row.id).where(row.id.in_(list(ids)), ~left, ~row.secret))).scalars())
    await db.execute(sa.delete(log.subject_lines).where(_line.subject.in_(gone)))
    await db.execute(sa.delete(log.subjects).where(row.id.in_(gone)))


async def about(db: AsyncConnection, subjects: Iterable[int], party: str) -> Sequence[Any]:
    """Return the messages of a party, with content, that the log says are about these persons, oldest first.

    With ``free`` (not held) and ``answer`` (id of what answers it).
    """
    kept = await held(db)
    told = (
        sa.select(_entry.message)
        .join(log.subject_lines, _line.leaf == _entry.leaf)
        .where(_line.subject.in_(list(subjects)), _entry.message.is_not(None))
    )
    reply = messages.alias().c
    answer = sa.select(reply.id).where(reply.answers == _message.id).scalar_subquery()
    found = await db.execute(
        sa.select(
            _message.id, _message.type, _message.wet, _message.sender, _message.receiver, _message.received_at,
            _message.sealed_subjects, deliveries.c.state, _message_is_free(kept).label("free"), answer.label("answer"),
        )
        .join(deliveries, deliveries.c.message == _message.id)
        .where(
            _message.id.in_(told), _message.sealed_body.is_not(None),
            sa.or_(_message.sender == party, _message.receiver == party),
        )
        .order_by(_message.id)
    )  # fmt: skip
    return found.all()


async def on_their_way(db: AsyncConnection, subject: int, party: str) -> list[str]:
    """Return the ids of messages about a person that their receiver has not confirmed."""
    rows = await about(db, [subject], party)
    return [row.id for row in rows if row.state != State.DELIVERED.value]


async def take_refusals(db: AsyncConnection, keys: Sequence[str]) -> int:
    """Destroy these refusals (keys in hexadecimal); return how many there were."""
    wanted = [bytes.fromhex(key) for key in keys]
    return int((await db.execute(sa.delete(refusals).where(refusals.c.key.in_(wanted)))).rowcount)


async def key_in_use(db: AsyncConnection, id_: bytes, *, first: str, last: str) -> bool:
    """Tell whether this data key still seals the key of a message with an id from ``first`` to ``last``."""
    used = sa.func.substr(_message.wrapped_key, 5, 8) == id_
    found = await db.execute(sa.select(_message.id).where(_message.id.between(first, last), used).limit(1))
    return found.first() is not None


async def concerns(db: AsyncConnection, id_: str, party: str) -> bool:
    """Tell whether a message exists that this party sent or received; without a party, whether it exists."""
    mine = sa.true() if not party else sa.or_(_message.sender == party, _message.receiver == party)
    return (await db.execute(sa.select(_message.id).where(_message.id == id_, mine))).first() is not None
