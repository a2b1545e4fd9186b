"""The gateway's tables, and how a list goes into a condition on them; the log's own stand in ``audit.log``.

Times are whole milliseconds since 1970, UTC.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from audit.log import metadata
from gateway.flow import State

_Serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

messages = sa.Table(
    "messages",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("key", sa.String(64), nullable=False, unique=True),  # sender/type/identification (TR056)
    sa.Column("type", sa.String(16), nullable=False),
    sa.Column("sender", sa.String(8), nullable=False),
    sa.Column("receiver", sa.String(8), nullable=False),
    sa.Column("identification", sa.String(12), nullable=False),
    sa.Column("wet", sa.String(3), nullable=False),  # JW, WMO: the ground on which it is read and brought
    sa.Column("answers", sa.String(32)),  # id of the message this one answers
    sa.Column("received_at", sa.BigInteger, nullable=False),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("digest", sa.LargeBinary(32), nullable=False),
    sa.Column("wrapped_key", sa.LargeBinary),
    sa.Column("sealed_body", sa.LargeBinary),
    sa.Column("receipt", sa.LargeBinary, nullable=False),
)

sa.Index(
    "messages_answers",  # one answer each
    messages.c.answers,
    unique=True,
    postgresql_where=messages.c.answers.is_not(None),
    sqlite_where=messages.c.answers.is_not(None),
)

# A sealed body cannot be compressed, and one of the usual size fits its row: to move each out of line is lost work.
sa.event.listen(
    messages,
    "after_create",
    sa.DDL("ALTER TABLE messages SET (toast_tuple_target = 8160)").execute_if(dialect="postgresql"),  # type: ignore[no-untyped-call]
)

deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("seq", _Serial, primary_key=True, autoincrement=True),
    # Made with its message, by store.add alone; a foreign key would look each message up again, and lock it.
    sa.Column("message", sa.String(32), nullable=False, unique=True),
    sa.Column("sender", sa.String(8), nullable=False),
    sa.Column("receiver", sa.String(8), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("changed_at", sa.BigInteger, nullable=False),
    sa.Column("reason", sa.String(200)),
)
# Constants in the SQL, and the same in each query: with a parameter no database would know that the index fits.
IS_OPEN = sa.text(f"state <> '{State.DELIVERED}'")
IN_QUEUE = sa.text(f"state IN ('{State.QUEUED}', '{State.SENDING}')")
sa.Index(
    "deliveries_open",
    deliveries.c.receiver,
    deliveries.c.seq,
    postgresql_where=IS_OPEN,
    sqlite_where=IS_OPEN,
)
sa.Index(
    "deliveries_queue",
    deliveries.c.sender,
    deliveries.c.receiver,
    deliveries.c.seq,
    postgresql_where=IN_QUEUE,
    sqlite_where=IN_QUEUE,
)

# A lane is the road from one party to one other that is pushed to. It is what a push worker claims, so that
# order holds per pair and a claim costs the same however long the queue behind it is.
lanes = sa.Table(
    "lanes",
    metadata,
    sa.Column("sender", sa.String(8), primary_key=True),
    sa.Column("receiver", sa.String(8), primary_key=True),
    sa.Column("due_at", sa.BigInteger),  # None: nothing to do
    sa.Column("lease_until", sa.BigInteger, nullable=False),
)
sa.Index(
    "lanes_due",
    lanes.c.due_at,
    postgresql_where=lanes.c.due_at.is_not(None),
    sqlite_where=lanes.c.due_at.is_not(None),
)

refusals = sa.Table(
    "refusals",
    metadata,
    sa.Column("key", sa.LargeBinary(32), primary_key=True),  # who, which bytes, which codes
    sa.Column("party", sa.String(8), nullable=False),
    sa.Column("type", sa.String(16)),
    sa.Column("refused_at", sa.BigInteger, nullable=False),
    sa.Column("codes", sa.Text, nullable=False),
    sa.Column("answer", sa.String(32)),  # message id of the retour that the gateway composed
)

# What earlier messages said (gateway.ledger). Keys there hold a BSN, so here stands only their blind index.
ledger = sa.Table(
    "ledger",
    metadata,
    sa.Column("key", sa.String(32), primary_key=True),
    sa.Column("changed_at", sa.BigInteger, nullable=False),
    sa.Column("wrapped_key", sa.LargeBinary, nullable=False),
    sa.Column("sealed_record", sa.LargeBinary, nullable=False),
)


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
