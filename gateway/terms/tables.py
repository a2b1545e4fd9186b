"""The tables of terms and notices. No name, no BSN: times, parties, ids of messages. Times are milliseconds, UTC."""

import sqlalchemy as sa

from audit.log import metadata

_Serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# What a party is told. Once by its key, however often it is found anew and by however many gateways.
notices = sa.Table(
    "notices",
    metadata,
    sa.Column("id", _Serial, primary_key=True, autoincrement=True),
    sa.Column("party", sa.String(8), nullable=False),
    sa.Column("kind", sa.String(24), nullable=False),
    sa.Column("message", sa.String(32), nullable=False),  # empty: about no message
    sa.Column("about", sa.String(64), nullable=False),  # what else tells it from others; nothing readable
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("due_at", sa.BigInteger),  # by when something must be done, or should have been
    sa.Column("seen_at", sa.BigInteger),
    sa.UniqueConstraint("party", "kind", "message", "about"),
)
