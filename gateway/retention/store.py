"""What is due, what is held and what is to be destroyed, in SQL: the connection first, never a commit.

What destroys asks once more, in its own transaction, whether it may: what was proposed a week ago may be held since.
Times are whole milliseconds since 1970, UTC.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audit import log
from audit.bulk import among
from gateway import store
from gateway.flow import State
from gateway.retention.policy import Policy, Rule
from gateway.tables import (
    deliveries,
    erasure_approvals,
    erasure_batches,
    erasure_items,
    erasure_sweeps,
    erasures,
    holds,
    ledger,
    messages,
    refusals,
    retention_days,
)

MOST = 50_000
"""Things in one proposal; what is more comes the next night."""
KEY = "sleutel"
"""Kind of the item that is not destroyed with the others, but when nothing else is sealed with it."""
_NAME = "bewaren"
_entry, _line, _message, _hold = log.entries.c, log.subject_lines.c, messages.c, holds.c
_active = _hold.lifted_at.is_(None)
_Condition = sa.ColumnElement[bool]


async def lock(db: AsyncConnection) -> None:
    """Be the only one who holds, proposes, approves or destroys until the transaction ends."""
    await store.lock(db, [_NAME])


def _held_messages() -> sa.CompoundSelect[Any]:
    """Return the ids of messages that are held by themselves, or for a person in them."""
    alone = sa.select(_hold.message).where(_active, _hold.message.is_not(None))
    person = (
        sa.select(_entry.message)
        .join(log.subject_lines, _line.leaf == _entry.leaf)
        .join(holds, _hold.subject == _line.subject)
        .where(_active, _entry.message.is_not(None))
    )
    return alone.union(person)


def _held_period(at: sa.ColumnElement[int], *parties: sa.ColumnElement[str]) -> _Condition:
    concerns = sa.or_(_hold.party == "", *(_hold.party == party for party in parties))
    return sa.exists().where(_active, _hold.first_at <= at, _hold.last_at >= at, concerns)


def _message_is_free() -> _Condition:
    period = _held_period(_message.received_at, _message.sender, _message.receiver)
    return sa.and_(_message.id.not_in(_held_messages()), ~period)


def _may_go() -> _Condition:
    """Return the condition that the content of a message is there, was delivered, and is not held."""
    return sa.and_(
        _message.sealed_body.is_not(None), deliveries.c.state == State.DELIVERED.value, _message_is_free()
    )  # fmt: skip


def _line_is_free() -> _Condition:
    """Return the condition that a line of the log is not held, and does not belong to a message that is still here."""
    persons = sa.select(_line.leaf).join(holds, _hold.subject == _line.subject).where(_active)
    present = sa.exists().where(_message.id == _entry.message, _message.sealed_body.is_not(None))
    return sa.and_(
        sa.or_(_entry.message.is_(None), _entry.message.not_in(_held_messages())),
        _entry.leaf.not_in(persons),
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


async def due_messages(
    db: AsyncConnection, rule: Rule, policy: Policy, archives: Sequence[str], *, cutoff: int
) -> list[str]:
    """Return the ids of messages of this class whose term is over, oldest first, up to `MOST`."""
    wanted = (
        sa.select(_message.id)
        .join(deliveries, deliveries.c.message == _message.id)
        .where(
            deliveries.c.changed_at < cutoff, _may_go(), _in_class(rule, policy, archives),
            ~_waits("bericht", _message.id),
        )
    )  # fmt: skip
    if rule.begin == "laatste wijziging":
        wanted = wanted.where(_message.id.not_in(_in_use(cutoff)))
    return list((await db.execute(wanted.order_by(_message.id).limit(MOST))).scalars())


async def due_lines(db: AsyncConnection, *, cutoff: int) -> list[int]:
    """Return the places in the log of lines whose payload is past its term, up to `MOST`."""
    wanted = sa.select(_entry.idx).where(
        _entry.idx.is_not(None), _entry.at < cutoff, _entry.sealed.is_not(None), _line_is_free()
    )
    waiting = await db.execute(sa.select(erasure_items.c.item).where(erasure_items.c.kind == "logregel"))
    rows = [tuple(map(int, item.split("-"))) for item in waiting.scalars()]
    places = (await db.execute(wanted.order_by(_entry.idx).limit(MOST))).scalars()
    return [place for place in places if not any(first <= place <= last for first, last in rows)]


async def due_records(db: AsyncConnection, *, cutoff: int) -> list[str]:
    """Return the keys of ledger records that were not touched since ``cutoff``.

    None while a person or a period is held: whom a record is about cannot be told from its key.
    """
    if (await db.execute(sa.select(_hold.id).where(_active, _hold.kind != "bericht").limit(1))).first():
        return []
    row = ledger.c
    wanted = sa.select(row.key).where(row.changed_at < cutoff, ~_waits("grootboek", row.key))
    return list((await db.execute(wanted.order_by(row.changed_at).limit(MOST))).scalars())


async def due_refusals(db: AsyncConnection, *, cutoff: int) -> list[str]:
    """Return the keys (hexadecimal) of refusals before ``cutoff``; a period that is held keeps them."""
    row = refusals.c
    wanted = sa.select(row.key).where(row.refused_at < cutoff, ~_held_period(row.refused_at, row.party))
    asked = await db.execute(sa.select(erasure_items.c.item).where(erasure_items.c.kind == "weigering"))
    waiting = set(asked.scalars())
    found = (await db.execute(wanted.order_by(row.refused_at).limit(MOST))).scalars()
    return [key.hex() for key in found if key.hex() not in waiting]


async def held_lines(db: AsyncConnection, *, cutoff: int) -> list[int]:
    """Return the places of lines past their term that must stay all the same."""
    wanted = sa.select(_entry.idx).where(
        _entry.idx.is_not(None), _entry.at < cutoff, _entry.sealed.is_not(None), ~_line_is_free()
    )
    return list((await db.execute(wanted.order_by(_entry.idx))).scalars())


async def take_messages(db: AsyncConnection, ids: Sequence[str]) -> Sequence[Any]:
    """Destroy the content of these messages, as far as that may be; return the rows as they were before."""
    row = messages.c
    found = await db.execute(
        sa.select(row.id, row.type, row.wet, row.sender, row.receiver, row.sealed_subjects, row.wrapped_key)
        .join(deliveries, deliveries.c.message == row.id)
        .where(among(row.id, ids), _may_go())
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


async def take_lines(db: AsyncConnection, first: int, last: int) -> Sequence[Any]:
    """Destroy the payload of lines ``first`` to ``last``, as far as that may be, with what they were found by.

    Return place, leaf and payload as they were before.
    """
    found = await db.execute(
        sa.select(_entry.idx, _entry.leaf, log.stored(_entry.sealed).label("sealed"))
        .where(_entry.idx >= first, _entry.idx <= last, _entry.sealed.is_not(None), _line_is_free())
        .order_by(_entry.idx)
    )
    rows = found.all()
    places = [row.idx for row in rows]
    leaves = sa.select(_entry.leaf).where(_entry.idx.in_(places))
    touched = set((await db.execute(sa.select(_line.subject).where(_line.leaf.in_(leaves)))).scalars())
    await db.execute(sa.delete(log.subject_lines).where(_line.leaf.in_(leaves)))
    await db.execute(sa.update(log.entries).where(_entry.idx.in_(places)).values(sealed=None, actor=b""))
    await _forget_subjects(db, touched)
    return rows


async def _forget_subjects(db: AsyncConnection, ids: Iterable[int]) -> None:
    """Forget the persons about whom no line is left; who is marked secret stays."""
    row = log.subjects.c
    left = sa.exists().where(_line.subject == row.id)
    await db.execute(sa.delete(log.subjects).where(row.id.in_(list(ids)), ~left, ~row.secret))


async def take_records(db: AsyncConnection, keys: Sequence[str]) -> int:
    """Destroy these records of the ledger; return how many there were."""
    return int((await db.execute(sa.delete(ledger).where(among(ledger.c.key, keys)))).rowcount)


async def take_refusals(db: AsyncConnection, keys: Sequence[str]) -> int:
    """Destroy these refusals (keys in hexadecimal); return how many there were."""
    wanted = [bytes.fromhex(key) for key in keys]
    return int((await db.execute(sa.delete(refusals).where(refusals.c.key.in_(wanted)))).rowcount)


async def key_in_use(db: AsyncConnection, id_: bytes, *, first: str, last: str) -> bool:
    """Tell whether this data key still seals the key of a message with an id from ``first`` to ``last``."""
    used = sa.func.substr(_message.wrapped_key, 5, 8) == id_
    found = await db.execute(sa.select(_message.id).where(_message.id.between(first, last), used).limit(1))
    return found.first() is not None


async def keys_left(db: AsyncConnection) -> set[str]:
    """Return the data keys of which something was destroyed: id (16 hexadecimal), and from when (12, milliseconds)."""
    row = erasure_items.c
    return set((await db.execute(sa.select(row.item).where(row.kind == KEY))).scalars())


async def drop_keys(db: AsyncConnection, keys: Iterable[str]) -> None:
    """Forget data keys that `keys_left` told of."""
    row = erasure_items.c
    await db.execute(sa.delete(erasure_items).where(row.kind == KEY, row.item.in_(list(keys))))


async def add_keys(db: AsyncConnection, id_: str, keys: Iterable[str]) -> None:
    """Remember data keys, as `keys_left` tells them, that may be destroyed once nothing else is sealed with them."""
    row = erasure_items.c
    known = await db.execute(sa.select(row.item).where(row.erasure == id_, row.kind == KEY))
    ids = {item[:16] for item in known.scalars()}
    await add_items(db, id_, [(KEY, key) for key in keys if key[:16] not in ids])


async def add(db: AsyncConnection, row: Mapping[str, Any], items: Iterable[tuple[str, str]]) -> None:
    """Store an erasure with its items (kind, item)."""
    await db.execute(sa.insert(erasures), dict(row))
    await add_items(db, row["id"], items)


async def add_items(db: AsyncConnection, id_: str, items: Iterable[tuple[str, str]]) -> None:
    """Add items to an erasure."""
    if rows := [{"erasure": id_, "kind": kind, "item": item} for kind, item in items]:
        await db.execute(sa.insert(erasure_items), rows)


async def erasure(db: AsyncConnection, id_: str) -> Any | None:
    """Return one erasure."""
    return (await db.execute(sa.select(erasures).where(erasures.c.id == id_))).one_or_none()


async def in_states(db: AsyncConnection, *states: str) -> Sequence[Any]:
    """Return the erasures in these states, oldest first."""
    return (
        await db.execute(sa.select(erasures).where(erasures.c.state.in_(states)).order_by(erasures.c.made_at))
    ).all()


async def approvals(db: AsyncConnection, id_: str) -> list[str]:
    """Return who approved an erasure, in order."""
    row = erasure_approvals.c
    return list((await db.execute(sa.select(row.officer).where(row.erasure == id_).order_by(row.at))).scalars())


async def add_approval(db: AsyncConnection, id_: str, officer: str, at: int) -> None:
    """Store that an officer approved; the database knows nobody twice."""
    await db.execute(sa.insert(erasure_approvals), {"erasure": id_, "officer": officer, "at": at})


async def put_state(db: AsyncConnection, id_: str, state: str, at: int) -> None:
    """Put an erasure in another state."""
    await db.execute(sa.update(erasures).where(erasures.c.id == id_).values(state=state, changed_at=at))


async def put_sealed(db: AsyncConnection, id_: str, sealed: bytes) -> None:
    """Replace what is sealed of an erasure."""
    await db.execute(sa.update(erasures).where(erasures.c.id == id_).values(sealed=sealed))


async def unswept(db: AsyncConnection) -> list[str]:
    """Return the erasures that are done, and after which the database was not cleaned yet."""
    swept = sa.select(erasure_sweeps.c.erasure)
    wanted = sa.select(erasures.c.id).where(erasures.c.state == "uitgevoerd", erasures.c.id.not_in(swept))
    return list((await db.execute(wanted)).scalars())


async def next_items(db: AsyncConnection, id_: str, at_once: Mapping[str, int]) -> tuple[str, list[str]]:
    """Return the next things to destroy of an erasure, all of one kind; empty when nothing is left."""
    row = erasure_items.c
    kind = (await db.execute(sa.select(sa.func.min(row.kind)).where(row.erasure == id_, row.kind != KEY))).scalar()
    if kind is None:
        return "", []
    wanted = sa.select(row.item).where(row.erasure == id_, row.kind == kind).order_by(row.item).limit(at_once[kind])
    return kind, list((await db.execute(wanted)).scalars())


async def drop_items(
    db: AsyncConnection, id_: str, kind: str | None = None, items: Sequence[str] | None = None
) -> None:
    """Take these items, or all, off an erasure."""
    row = erasure_items.c
    gone = sa.delete(erasure_items).where(row.erasure == id_)
    if kind is not None:
        gone = gone.where(row.kind == kind)
    if items is not None:
        gone = gone.where(among(row.item, items))
    await db.execute(gone)


async def add_batch(db: AsyncConnection, id_: str, kind: str, count: int, at: int, leaf: bytes) -> None:
    """Store that a batch was destroyed, and under which entry."""
    row = erasure_batches.c
    number = (
        await db.execute(sa.select(sa.func.coalesce(sa.func.max(row.number), 0) + 1).where(row.erasure == id_))
    ).scalar_one()
    told = {"erasure": id_, "number": number, "kind": kind, "count": count, "at": at, "leaf": leaf}
    await db.execute(sa.insert(erasure_batches), told)


async def batches(db: AsyncConnection, id_: str) -> Sequence[Any]:
    """Return the batches of an erasure, in order."""
    row = erasure_batches.c
    return (await db.execute(sa.select(erasure_batches).where(row.erasure == id_).order_by(row.number))).all()


async def add_sweep(db: AsyncConnection, id_: str, at: int, how: str) -> None:
    """Store how the database was cleaned after an erasure."""
    await db.execute(sa.delete(erasure_sweeps).where(erasure_sweeps.c.erasure == id_))
    await db.execute(sa.insert(erasure_sweeps), {"erasure": id_, "at": at, "how": how})


async def sweep_of(db: AsyncConnection, id_: str) -> Any | None:
    """Return when and how the database was cleaned after an erasure; None if it was not yet."""
    return (await db.execute(sa.select(erasure_sweeps).where(erasure_sweeps.c.erasure == id_))).one_or_none()


async def first_today(db: AsyncConnection, day: int, at: int) -> bool:
    """Tell whether nobody proposed on this day (since 1970) yet, and write down that we do."""
    if (await db.execute(sa.select(retention_days.c.day).where(retention_days.c.day == day))).first():
        return False
    await db.execute(sa.insert(retention_days), {"day": day, "at": at})
    return True


async def concerns(db: AsyncConnection, id_: str, party: str) -> bool:
    """Tell whether a message exists that this party sent or received; without a party, whether it exists."""
    mine = sa.true() if not party else sa.or_(_message.sender == party, _message.receiver == party)
    return (await db.execute(sa.select(_message.id).where(_message.id == id_, mine))).first() is not None


async def add_hold(db: AsyncConnection, row: Mapping[str, Any]) -> None:
    """Store a hold."""
    await db.execute(sa.insert(holds), dict(row))


async def active_holds(db: AsyncConnection) -> Sequence[Any]:
    """Return the holds that are in force, oldest first."""
    return (await db.execute(sa.select(holds).where(_active).order_by(_hold.made_at))).all()


async def lift_hold(db: AsyncConnection, id_: str, at: int) -> bool:
    """Lift a hold; False if there is none in force with this id."""
    done = await db.execute(sa.update(holds).where(_hold.id == id_, _active).values(lifted_at=at))
    return bool(done.rowcount)
