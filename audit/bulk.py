"""Many rows into one table, past the work that SQLAlchemy does for each row and that these rows do not need."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection


async def insert(db: AsyncConnection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all have the columns of the first, in their order, in the caller's transaction.

    Values go to the driver as they are, so only columns whose type converts nothing: text, whole numbers, bytes.
    PostgreSQL gets a list for each column, in one statement: that is cheaper for it, most of all where rows are narrow.
    """
    if not rows:
        return
    statement, columns = _compiled(table, tuple(rows[0]), db.dialect)
    if db.dialect.name == "postgresql":
        await db.exec_driver_sql(statement, tuple([[row[column] for row in rows] for column in columns]))
    else:
        await db.exec_driver_sql(statement, [tuple([row[column] for column in columns]) for row in rows])


@cache
def _compiled(table: sa.Table, columns: tuple[str, ...], dialect: sa.Dialect) -> tuple[str, list[str]]:
    """Return the statement, and in which order it takes the columns."""
    statement = sa.insert(table)
    if dialect.name == "postgresql":
        lists = [sa.bindparam(column, type_=sa.ARRAY(table.c[column].type)) for column in columns]
        given = sa.func.unnest(*lists).table_valued(*columns, name="given").render_derived()
        statement = statement.from_select(columns, sa.select(*given.c))
    compiled = statement.compile(dialect=dialect, column_keys=list(columns))
    return str(compiled), list(compiled.positiontup or ())
