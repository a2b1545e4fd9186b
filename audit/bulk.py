"""Many at once: rows into a table, past what SQLAlchemy does for each and these do not need; names in a condition."""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

Known = Literal["fails", "stays", "replaced"]


async def insert(
    db: AsyncConnection, table: sa.Table, rows: Sequence[Mapping[str, Any]], *, known: Known = "fails"
) -> None:
    """Insert rows that all have the columns of the first, in their order, in the caller's transaction.

    A row whose primary key is ``known`` already fails, is kept as it was, or is replaced.

    Values go to the driver as they are, so only columns whose type converts nothing: text, whole numbers, bytes.
    PostgreSQL gets a list for each column, in one statement: that is cheaper for it, most of all where rows are narrow.
    """
    if not rows:
        return
    statement, columns = _compiled(table, tuple(rows[0]), db.dialect, known)
    if db.dialect.name == "postgresql":
        await db.exec_driver_sql(statement, tuple([[row[column] for row in rows] for column in columns]))
    else:
        await db.exec_driver_sql(statement, [tuple([row[column] for column in columns]) for row in rows])


@cache
def _compiled(table: sa.Table, columns: tuple[str, ...], dialect: sa.Dialect, known: Known) -> tuple[str, list[str]]:
    """Return the statement, and in which order it takes the columns."""
    new = (postgresql.insert if dialect.name == "postgresql" else sqlite.insert)(table)
    statement: sa.Insert = new
    if known == "stays":
        statement = new.on_conflict_do_nothing()
    elif known == "replaced":
        change = {column: new.excluded[column] for column in columns if not table.c[column].primary_key}
        statement = new.on_conflict_do_update(index_elements=list(table.primary_key), set_=change)
    if dialect.name == "postgresql":
        lists = [sa.bindparam(column, type_=sa.ARRAY(table.c[column].type)) for column in columns]
        given = sa.func.unnest(*lists).table_valued(*columns, name="given").render_derived()
        statement = statement.from_select(columns, sa.select(*given.c))
    compiled = statement.compile(dialect=dialect, column_keys=list(columns))
    return str(compiled), list(compiled.positiontup or ())


class _Names(sa.TypeDecorator[Sequence[str]]):
    """Any number of strings as one parameter, so that the statement is the same for each number."""

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """Return the type that carries the list: an array, or JSON text."""
        return dialect.type_descriptor(sa.ARRAY(sa.Text) if dialect.name == "postgresql" else sa.Text())

    def process_bind_param(self, value: Sequence[str] | None, dialect: sa.Dialect) -> Any:
        """Turn the list into what that type takes."""
        names = list(value or ())
        return names if dialect.name == "postgresql" else json.dumps(names)


class _Among(FunctionElement[Any]):
    """``column`` is one of ``names``. A plain IN would be written and compiled anew for each length of the list."""

    # Not a Boolean: for SQLite that is written as ``… = 1``, and no index fits that.
    type = sa.types.NULLTYPE
    inherit_cache = True


@compiles(_Among, "postgresql")
def _among_array(element: _Among, compiler: Any, **options: Any) -> str:
    column, names = element.clauses
    return f"{compiler.process(column, **options)} = ANY({compiler.process(names, **options)})"


@compiles(_Among, "sqlite")
def _among_json(element: _Among, compiler: Any, **options: Any) -> str:
    column, names = element.clauses
    return (
        f"{compiler.process(column, **options)} IN (SELECT value FROM json_each({compiler.process(names, **options)}))"  # noqa: S608 - both are SQLAlchemy's own
    )


def among(column: sa.ColumnElement[Any], names: Iterable[str] | None = None) -> _Among:
    """Return the condition that ``column`` is one of ``names``.

    Without ``names`` they are given as such when the statement is executed, so that it need be made only once.
    """
    if names is None:
        return _Among(column, sa.bindparam("names", type_=_Names()))
    return _Among(column, sa.bindparam("names", list(names), type_=_Names(), unique=True))
