"""Persons as a party knows them, in SQL: found by BSN through the blind index; who of them is secret."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audit import index, log
from audit.bulk import among
from audit.keys import KeyService
from audit.record import person_context
from gateway.tables import secret_persons

_LOCK = (
    0x6B70_6768_6D  # our advisory lock on PostgreSQL: who takes messages in shares it, who makes secret has it alone
)
_row, _person = secret_persons.c, log.subjects.c
_now = sa.text("state <> 'opgeheven'")  # a constant, so that the index fits


async def subjects(
    db: AsyncConnection, keys: KeyService, known: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], int]:
    """Return the random ids of persons by (party, BSN); whom no line is about is left out."""
    return {who: row.id for who, row in (await _found(db, keys, known)).items()}


async def subject(db: AsyncConnection, keys: KeyService, party: str, bsn: str) -> int | None:
    """Return the random id of one person; None if no line is about them."""
    return (await subjects(db, keys, [(party, bsn)])).get((party, bsn))


async def secret(db: AsyncConnection, keys: KeyService, known: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return which of these persons, as (party, BSN), are secret."""
    return {who for who, row in (await _found(db, keys, known)).items() if row.secret}


async def is_secret(db: AsyncConnection, id_: int) -> bool:
    """Tell whether a person is secret."""
    return bool((await db.execute(sa.select(_person.secret).where(_person.id == id_))).scalar())


async def bsns_of(db: AsyncConnection, keys: KeyService, ids: Sequence[int]) -> list[str]:
    """Return the BSNs of persons, in the same order; LookupError if one is not known."""
    if not ids:
        return []
    rows = await db.execute(sa.select(_person.id, _person.sealed).where(_person.id.in_(ids)))
    sealed = {row.id: row.sealed for row in rows}
    return keys.open_persons([(sealed[each], person_context(each)) for each in ids], why="beheer")


async def lock_secrets(db: AsyncConnection) -> None:
    """Wait until no message is being taken in, and let none in until the transaction ends; SQLite has one writer."""
    if db.dialect.name == "postgresql":
        await db.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))


async def marking(db: AsyncConnection, parties: Iterable[str]) -> set[str]:
    """Return which of these parties have somebody who is secret; nobody becomes so until the transaction ends."""
    if db.dialect.name == "postgresql":
        await db.execute(_SHARED)
    return set((await db.execute(_MARKING, {"names": sorted(parties)})).scalars())


_SHARED = sa.select(sa.func.pg_advisory_xact_lock_shared(_LOCK))
_MARKING = sa.select(_row.party).where(among(_row.party), _now)


async def add_secret(db: AsyncConnection, row: Mapping[str, Any]) -> None:
    """Store that a person is secret."""
    await db.execute(sa.insert(secret_persons), dict(row))
    await db.execute(sa.update(log.subjects).where(_person.id == row["subject"]).values(secret=True))


async def secrets_of(db: AsyncConnection, party: str) -> Sequence[Any]:
    """Return who is secret for a party, the first due first."""
    order = _row.due_at.is_(None), _row.due_at, _row.made_at
    return (await db.execute(sa.select(secret_persons).where(_row.party == party, _now).order_by(*order))).all()


async def move_secret(db: AsyncConnection, row: Any, state: str, *, at: int, ended: bool) -> None:
    """Put one who is secret in another state, in which nothing is due; ``ended``: no longer secret.

    Who was made secret more than once is so until each of these has ended.
    """
    values = {"state": state, "changed_at": at, "due_at": None}
    await db.execute(sa.update(secret_persons).where(_row.id == row.id).values(values))
    others = sa.select(_row.id).where(_row.party == row.party, _now, _row.subject == row.subject)
    if ended and (await db.execute(others)).first() is None:
        await db.execute(sa.update(log.subjects).where(_person.id == row.subject).values(secret=False))


async def _found(db: AsyncConnection, keys: KeyService, known: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Any]:
    wanted = sorted(set(known))
    if not wanted:
        return {}
    told = keys.indexes(wanted, await index.in_force(db, keys))
    blind = {each.hex(): who for who, each in zip(wanted, told, strict=True)}
    rows = await db.execute(sa.select(_person.blind, _person.id, _person.secret).where(among(_person.blind, blind)))
    return {blind[row.blind]: row for row in rows}
