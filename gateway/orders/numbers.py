"""Assignments and orders by number, in SQL: the connection first, never a commit."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from audit.bulk import among
from gateway.orders.listed import Listed
from gateway.orders.tables import orders

_row = orders.c
_NUMBER = ("wet", "payer", "number")
_FORGET = sa.delete(orders).where(among(_row.dossier))


async def keep(db: AsyncConnection, found: Iterable[Listed], names: Mapping[str, str], *, at: int) -> None:
    """Keep which numbers there are now; ``names`` are the blind indexes of dossiers by their key, ``at`` is in ms."""
    told = list(found)
    gone = [{"w": each.wet, "p": each.payer, "n": each.number} for each in told if not each.provider]
    if gone:
        same = (_row.wet == sa.bindparam("w")) & (_row.payer == sa.bindparam("p")) & (_row.number == sa.bindparam("n"))
        await db.execute(sa.delete(orders).where(same), gone)
    rows = [
        {
            "wet": each.wet, "payer": each.payer, "number": each.number, "provider": each.provider,
            "dossier": names[each.dossier], "changed_at": at,
        }
        for each in told
        if each.provider
    ]  # fmt: skip
    if rows:
        new = (sqlite.insert if db.dialect.name == "sqlite" else postgresql.insert)(orders)
        change = {name: new.excluded[name] for name in ("provider", "dossier", "changed_at")}
        await db.execute(new.on_conflict_do_update(index_elements=list(_NUMBER), set_=change), rows)


async def of(db: AsyncConnection, codes: Collection[str], *, after: int, count: int) -> Sequence[Any]:
    """Return up to ``count`` assignments and orders that these parties gave or got, after row ``after``."""
    mine = sa.or_(_row.payer.in_(codes), _row.provider.in_(codes))
    return (
        await db.execute(sa.select(orders).where(mine, _row.seq > after).order_by(_row.seq).limit(count))
    ).all()  # fmt: skip


async def got(db: AsyncConnection, codes: Collection[str], *, after: int, count: int) -> Sequence[Any]:
    """Return up to ``count`` municipal assignments that these parties got, after row ``after``."""
    mine = _row.provider.in_(codes) & (sa.func.length(_row.payer) == len("0344"))
    return (
        await db.execute(sa.select(orders).where(mine, _row.seq > after).order_by(_row.seq).limit(count))
    ).all()  # fmt: skip


async def one(db: AsyncConnection, wet: str, payers: Collection[str], number: int) -> Sequence[Any]:
    """Return what stands under a number of one of these payers."""
    same = (_row.wet == wet) & _row.payer.in_(payers) & (_row.number == number)
    return (await db.execute(sa.select(orders).where(same))).all()


async def highest(db: AsyncConnection, wet: str, payer: str) -> int:
    """Return the highest number that a payer gave; 0 if none."""
    found = await db.execute(sa.select(sa.func.max(_row.number)).where(_row.wet == wet, _row.payer == payer))
    return int(found.scalar() or 0)


async def pairs(db: AsyncConnection, wet: str, codes: Collection[str]) -> set[tuple[str, str]]:
    """Return between which payers and providers there is anything, where one of them is of these parties."""
    mine = sa.or_(_row.payer.in_(codes), _row.provider.in_(codes))
    found = await db.execute(sa.select(_row.payer, _row.provider).where(_row.wet == wet, mine).distinct())
    return {(each.payer, each.provider) for each in found}


async def drop(db: AsyncConnection, dossiers: Sequence[str]) -> None:
    """Take out what these dossiers hold: they are destroyed."""
    await db.execute(_FORGET, {"names": list(dossiers)})


async def rename(db: AsyncConnection, names: Mapping[str, str]) -> None:
    """Write dossiers under another blind index: old → new."""
    change = sa.update(orders).where(_row.dossier == sa.bindparam("old")).values(dossier=sa.bindparam("new"))
    if names:
        await db.execute(change, [{"old": old, "new": new} for old, new in names.items()])
