"""Terms in SQL: the connection first, never a commit. Times are whole milliseconds since 1970, UTC."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from audit import bulk, index
from audit.bulk import among
from audit.keys import KeyService
from gateway import store
from gateway.clock import milliseconds
from gateway.history import indexes
from gateway.tables import messages
from gateway.terms.decide import Changes
from gateway.terms.tables import NEW, terms

_row = terms.c
_IS_OPEN = _row.done_at.is_(None)
# Made once: they are asked at nearly every commit.
_ANSWERED = (
    sa.update(terms)
    .where(among(_row.message), _row.about == sa.literal_column("''"), _IS_OPEN)
    .values(done_at=sa.bindparam("at"))
)
_DONE = (
    sa.update(terms)
    .where(among(_row.about), _row.kind == sa.bindparam("of"), _IS_OPEN)
    .values(done_at=sa.bindparam("at"))
)


async def write(
    db: AsyncConnection,
    keys: KeyService,
    found: Changes,
    known: Mapping[str, str],
    answered: Collection[str],
    names: Mapping[str, str],
    *,
    at: int,
) -> None:
    """Keep what messages that are stored in this transaction did to terms.

    ``known`` gives ids of messages by SENDER/TYPE/IDENTIFICATIE, at least of those that are new; ``answered`` the ids
    of earlier ones that got their answer; ``names`` the indexes of keys of the ledger that are at hand.
    """
    names = await _names(db, keys, {duty.about for duty in (*found.opened, *found.done) if duty.about}, names)
    if answered:
        await db.execute(_ANSWERED, {"names": list(answered), "at": at})
    for kind in {duty.kind for duty in found.done - found.opened.keys()}:
        which = [names[duty.about] for duty in found.done if duty.kind == kind]
        await db.execute(_DONE, {"names": which, "of": kind.value, "at": at})
    older = {duty.message for duty in found.opened} - known.keys()
    ids = {key: row.id for key, row in (await store.known(db, older)).items()} if older else {}
    rows = [
        {
            "message": known.get(duty.message) or ids[duty.message], "kind": duty.kind.value,
            "about": names[duty.about] if duty.about else "", "wet": term.wet, "owner": term.owner,
            "other": term.other, "due_at": milliseconds(term.due), "opened_at": at,
            "done_at": at if duty in found.done else None,
            "told": 0,
        }
        for duty, term in found.opened.items() if duty.message in known or duty.message in ids
    ]  # fmt: skip
    again = [row for row in rows if row["message"] in ids.values()]
    await bulk.insert(db, terms, [row for row in rows if row["message"] not in ids.values()])
    if again:
        await _reopen(db, again)


async def _names(
    db: AsyncConnection, keys: KeyService, abouts: Iterable[str], known: Mapping[str, str]
) -> Mapping[str, str]:
    wanted = sorted(set(abouts) - known.keys())
    if not wanted:
        return known
    found = indexes(keys, wanted, await index.in_force(db, keys))
    return {**known, **dict(zip(wanted, found, strict=True))}


async def _reopen(db: AsyncConnection, rows: list[dict[str, Any]]) -> None:
    """Open terms again as they were, for what ended them does not count; or open what was not there."""
    new = (sqlite.insert if db.dialect.name == "sqlite" else postgresql.insert)(terms)
    which = [_row.message, _row.kind, _row.about]
    await db.execute(new.on_conflict_do_update(index_elements=which, set_={"done_at": new.excluded.done_at}), rows)


async def rename(db: AsyncConnection, names: Mapping[str, str]) -> None:
    """Put terms under another key of the ledger: old → new (see ``store.rename_records``)."""
    change = sa.update(terms).where(_row.about == sa.bindparam("old")).values(about=sa.bindparam("new"))
    if names:
        await db.execute(change, [{"old": old, "new": new} for old, new in names.items()])


async def untold(db: AsyncConnection, told: int, *, until: int, count: int) -> list[Any]:
    """Return open terms that are due at ``until`` or before, and were told of less than ``told``; soonest due first."""
    wanted = sa.select(terms).where(_IS_OPEN, _row.told < told, _row.due_at <= until)
    return list(await db.execute(wanted.order_by(_row.due_at, _row.id).limit(count)))


async def unlooked(db: AsyncConnection, *, count: int) -> list[Any]:
    """Return open requests that nobody held against the band of the contract yet, with their message."""
    row = messages.c
    wanted = sa.select(_row.id, _row.message, row.type, row.wet, row.sender, row.receiver, row.identification)
    wanted = wanted.join(messages, row.id == _row.message).where(NEW).order_by(_row.id)
    return list(await db.execute(wanted.limit(count)))


async def looked(db: AsyncConnection, id_: int, *, at: int) -> bool:
    """Keep that a request was held against the band; False if that was done, or the request answered, already."""
    mine = sa.update(terms).where(_row.id == id_, NEW).values(looked_at=at)
    return bool((await db.execute(mine)).rowcount)


async def tell(db: AsyncConnection, ids: Collection[int], told: int) -> None:
    """Keep how far the parties were told of these terms."""
    await db.execute(sa.update(terms).where(_row.id.in_(ids), _row.told < told).values(told=told))


async def of(db: AsyncConnection, parties: Collection[str], *, is_open: bool, after: int, count: int) -> list[Any]:
    """Return terms in which these parties act or wait, with the type of the message: soonest due first.

    ``after`` is the id of the last one that was given before; those behind it follow.
    """
    last = (await db.execute(sa.select(_row.due_at).where(_row.id == after))).scalar() if after else None
    found: dict[int, Any] = {}
    for side in (_row.owner, _row.other):
        wanted = (
            sa.select(terms, messages.c.type)
            .join(messages, messages.c.id == _row.message)
            .where(side.in_(sorted(parties)), _IS_OPEN if is_open else ~_IS_OPEN)
            .order_by(_row.due_at, _row.id)
            .limit(count)
        )
        if last is not None:
            wanted = wanted.where(sa.tuple_(_row.due_at, _row.id) > sa.tuple_(sa.literal(last), sa.literal(after)))
        found |= {row.id: row for row in await db.execute(wanted)}
    return sorted(found.values(), key=lambda row: (row.due_at, row.id))[:count]


async def counts(db: AsyncConnection, *, now: int) -> list[Any]:
    """Return how many terms are open for each who must act, by kind, and how many of them are too late."""
    late = sa.func.sum(sa.case((_row.due_at <= now, 1), else_=0))
    wanted = sa.select(_row.owner, _row.kind, sa.func.count().label("all"), late.label("late")).where(_IS_OPEN)
    return list(await db.execute(wanted.group_by(_row.owner, _row.kind).order_by(_row.owner, _row.kind)))


async def forget(db: AsyncConnection, *, before: int) -> None:
    """Take away terms that were done before ``before``, and those as old whose message was destroyed."""
    gone = sa.select(messages.c.id).where(messages.c.id == _row.message, messages.c.sealed_body.is_(None)).exists()
    await db.execute(sa.delete(terms).where(sa.or_(_row.done_at < before, sa.and_(_row.due_at < before, gone))))
