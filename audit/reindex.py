"""Persons in the log under another index key: computed while all goes on, and written at once."""

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audit.keys import KeyService
from audit.log import subjects
from audit.record import person_context

_PART = 4096  # rows that are in memory at once
_row = subjects.c
_REWRITE = (
    sa.update(subjects)
    .where(_row.id == sa.bindparam("of"))
    .values(blind=sa.bindparam("now"), index_key=sa.bindparam("by"))
)


async def blinds(
    db: AsyncConnection, keys: KeyService, generation: str, done: Mapping[int, str] | None = None
) -> dict[int, str]:
    """Return by id the index of each person's row with the key of ``generation``; what is ``done`` is taken over.

    The persons themselves are seen by the key service alone.
    """
    found, last = dict(done or {}), -1
    query = sa.select(_row.id, _row.party, _row.sealed).where(_row.id > sa.bindparam("last")).order_by(_row.id)
    while people := list(await db.execute(query.limit(_PART), {"last": last})):
        last = people[-1].id
        new = [person for person in people if person.id not in found]
        sealed = [(person.party, person.sealed, person_context(person.id)) for person in new]
        found |= {person.id: each.hex() for person, each in zip(new, keys.reindexes(sealed, generation), strict=True)}
    return found


async def rewrite(db: AsyncConnection, generation: str, blind: Mapping[int, str]) -> None:
    """Give persons' rows their new index, in the transaction of `index.replace`."""
    if blind:
        await db.execute(_REWRITE, [{"of": id_, "now": each, "by": generation} for id_, each in blind.items()])
