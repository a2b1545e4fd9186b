"""Persons as a party knows them, found by BSN through the blind index."""

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audit import index, log
from audit.bulk import among
from audit.keys import KeyService


async def subjects(
    db: AsyncConnection, keys: KeyService, known: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], int]:
    """Return the random ids of persons by (party, BSN); whom no line is about is left out."""
    wanted = sorted(set(known))
    if not wanted:
        return {}
    blind = {
        each.hex(): who for who, each in zip(wanted, keys.indexes(wanted, await index.in_force(db, keys)), strict=True)
    }
    row = log.subjects.c
    found = await db.execute(sa.select(row.blind, row.id).where(among(row.blind, blind)))
    return {blind[each.blind]: each.id for each in found}


async def subject(db: AsyncConnection, keys: KeyService, party: str, bsn: str) -> int | None:
    """Return the random id of one person; None if no line is about them."""
    return (await subjects(db, keys, [(party, bsn)])).get((party, bsn))
