"""Many rows into one table, past the work that SQLAlchemy does for each row and that these rows do not need."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection


async def insert(db: AsyncConnection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all have the columns of the first, in the caller's transaction.

    Values go to the driver as they are, so only columns whose type converts nothing: text, whole numbers, bytes.
    """
    if not rows:
        return
    statement, columns = _compiled(table, tuple(rows[0]), db.dialect)
    await db.exec_driver_sql(statement, [tuple([row[column] for column in columns]) for row in rows])


@cache
def _compiled(table: sa.Table, columns: tuple[str, ...], dialect: sa.Dialect) -> tuple[str, list[str]]:
    compiled = sa.insert(table).compile(dialect=dialect, column_keys=list(columns))
    return str(compiled), list(compiled.positiontup or ())
