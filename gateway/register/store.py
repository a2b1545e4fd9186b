"""Changes of the register in SQL: added when proposed, decided once, never changed otherwise."""

import json
from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audit.keys import KeyService
from gateway.register.tables import changes as table
from gateway.register.values import Change, Kind

_OPEN = tuple(column.name for column in table.c if column.name != "sealed")


async def mark(db: AsyncConnection) -> tuple[int, int]:
    """Return what is different once something was decided: how many decisions there are, and when the last was."""
    found = await db.execute(sa.select(sa.func.count(table.c.decided_at), sa.func.max(table.c.decided_at)))
    count, last = found.one()
    return count, last or 0


async def granted(db: AsyncConnection, keys: KeyService, known: Mapping[str, Change]) -> dict[str, Change]:
    """Return all that was granted, by id; what is ``known`` is not opened again."""
    rows = await db.execute(sa.select(table.c.id).where(table.c.granted))
    ids = [row.id for row in rows]
    fresh = [id_ for id_ in ids if id_ not in known]
    opened = await _some(db, keys, table.c.id.in_(fresh)) if fresh else []
    new = {each.id: each for each in opened}
    return {id_: new.get(id_) or known[id_] for id_ in ids}


async def one(db: AsyncConnection, keys: KeyService, id_: str) -> Change | None:
    """Return one change."""
    found = await _some(db, keys, table.c.id == id_)
    return found[0] if found else None


async def concerning(
    db: AsyncConnection, keys: KeyService, codes: Collection[str], *, only_open: bool = False, most: int
) -> list[Change]:
    """Return what was proposed for these codes or is theirs to decide, the newest first."""
    wanted = table.c.side.in_(sorted(codes)) | table.c.decides.in_(sorted(codes))
    return await _some(db, keys, wanted & table.c.decided_at.is_(None) if only_open else wanted, most=most)


async def count_open(db: AsyncConnection, name: str) -> int:
    """Return how many proposals of somebody wait for a decision."""
    query = sa.select(sa.func.count()).where(table.c.proposed_by == name, table.c.decided_at.is_(None))
    return int((await db.execute(query)).scalar_one())


async def same(db: AsyncConnection, keys: KeyService, change: Change) -> Change | None:
    """Return the open proposal of the same by the same, for the same to decide, if there is one."""
    alike = (
        (table.c.subject == change.subject)
        & (table.c.kind == change.kind.value)
        & (table.c.proposed_by == change.proposed_by)
        & (table.c.decides == change.decides)
        & table.c.decided_at.is_(None)
    )
    return next((each for each in await _some(db, keys, alike) if each.value == change.value), None)


async def add(db: AsyncConnection, keys: KeyService, change: Change) -> None:
    """Keep a proposal."""
    await db.execute(sa.insert(table), _values(keys, change))


async def decide(db: AsyncConnection, keys: KeyService, change: Change) -> None:
    """Keep what was decided; the caller keeps others from deciding meanwhile."""
    await db.execute(sa.update(table).where(table.c.id == change.id).values(**_values(keys, change)))


async def strip(db: AsyncConnection, keys: KeyService, change: Change) -> None:
    """Keep of a change only what its value still holds."""
    sealed = _values(keys, change)["sealed"]
    await db.execute(sa.update(table).where(table.c.id == change.id).values(sealed=sealed))


async def forget(db: AsyncConnection, *, before: int) -> None:
    """Take away what was refused, or never decided, before a moment."""
    refused = sa.not_(table.c.granted) & (table.c.decided_at < before)
    left = table.c.decided_at.is_(None) & (table.c.proposed_at < before)
    await db.execute(sa.delete(table).where(refused | left))


async def _some(db: AsyncConnection, keys: KeyService, wanted: Any, *, most: int | None = None) -> list[Change]:
    query = sa.select(table).where(wanted).order_by(table.c.proposed_at.desc(), table.c.id).limit(most)
    rows = list(await db.execute(query))
    opened = keys.open_persons([(bytes(row.sealed), _context(row.id)) for row in rows], why="beheer") if rows else []
    return [_change(row, json.loads(told)) for row, told in zip(rows, opened, strict=True)]


def _change(row: Any, told: Mapping[str, Any]) -> Change:
    known = {name: row._mapping[name] for name in _OPEN}  # noqa: SLF001 - its public name, underscored against columns
    return Change(**{**known, "kind": Kind(row.kind)}, value=told["waarde"], reason=told["reden"])


def _values(keys: KeyService, change: Change) -> dict[str, Any]:
    told = json.dumps({"waarde": change.value, "reden": change.reason})
    return {
        **{name: getattr(change, name) for name in _OPEN},
        "kind": change.kind.value,
        "sealed": keys.seal_person(told, _context(change.id)),
    }


def _context(id_: str) -> bytes:
    return f"v1|register_changes|sealed|{id_}".encode()
