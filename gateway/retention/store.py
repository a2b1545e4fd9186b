"""Erasures, what is left of them to do, and holds, in SQL: the connection first, never a commit.

Times are whole milliseconds since 1970, UTC.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audit.bulk import among
from gateway import store
from gateway.tables import (
    erasure_approvals,
    erasure_batches,
    erasure_items,
    erasure_sweeps,
    erasures,
    holds,
    retention_days,
)

KEY = "sleutel"
"""Kind of the item that is not destroyed with the others, but when nothing else is sealed with it."""
_NAME = "bewaren"
_hold = holds.c
_active = _hold.lifted_at.is_(None)


async def lock(db: AsyncConnection) -> None:
    """Be the only one who holds, proposes, approves or destroys until the transaction ends."""
    await store.lock(db, [_NAME])


async def keys_left(db: AsyncConnection) -> set[str]:
    """Return the data keys of which something was destroyed: id (16 hexadecimal), and from when (12, milliseconds)."""
    row = erasure_items.c
    return set((await db.execute(sa.select(row.item).where(row.kind == KEY))).scalars())


async def waits_for_keys(db: AsyncConnection, id_: str) -> bool:
    """Tell whether a data key of what an erasure destroyed is still there."""
    row = erasure_items.c
    return (
        await db.execute(sa.select(row.item).where(row.erasure == id_, row.kind == KEY).limit(1))
    ).first() is not None


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


async def items(db: AsyncConnection, id_: str) -> list[tuple[str, str]]:
    """Return what is still to be destroyed of an erasure, as (kind, item)."""
    row = erasure_items.c
    found = await db.execute(sa.select(row.kind, row.item).where(row.erasure == id_, row.kind != KEY))
    return [(each.kind, each.item) for each in found]


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
