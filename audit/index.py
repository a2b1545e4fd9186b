"""Which index key this database is written with.

A blind index finds nothing once it is made with another key than the rows were. So the database itself says which one
is in force, and every transaction that looks up or writes by index asks here first: then it stays so until its end.
"""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audit import bulk
from audit.keys import KeyService
from audit.log import index_in_force

_IN_FORCE = sa.select(index_in_force.c.generation).with_for_update(read=True)


async def in_force(db: AsyncConnection, keys: KeyService) -> str:
    """Return the generation that `KeyService.indexes` must use in this transaction.

    A new database takes the newest that the key service has.
    """
    found = (await db.execute(_IN_FORCE)).scalar()
    if found is None:
        await bulk.insert(db, index_in_force, [{"generation": keys.index_id}], known="stays")
        found = (await db.execute(_IN_FORCE)).scalar_one()
    return str(found)


async def replace(db: AsyncConnection, new: str) -> None:
    """Put another generation in force at the commit; until then everybody who asks `in_force` waits.

    In the same transaction the caller writes every index anew, after this.
    """
    if db.dialect.name == "postgresql":  # a lock on the table is given in turn; one on the row might never be our turn
        await db.execute(sa.text("LOCK TABLE audit_index IN ACCESS EXCLUSIVE MODE"))
    await db.execute(sa.update(index_in_force).values(generation=new))
