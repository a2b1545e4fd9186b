"""The tables of terms and notices. No name, no BSN: times, parties, ids of messages. Times are milliseconds, UTC."""

import sqlalchemy as sa

from audit.log import metadata

_Serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# What must be done by when. A term that is done stays for a while, for one that is opened again is then the same.
terms = sa.Table(
    "terms",
    metadata,
    sa.Column("id", _Serial, primary_key=True, autoincrement=True),
    sa.Column("message", sa.String(32), nullable=False),
    sa.Column("kind", sa.String(24), nullable=False),
    # Under which the ledger keeps the request or the order (``ledger.key``); empty: the message itself is answered.
    sa.Column("about", sa.String(32), nullable=False),
    sa.Column("wet", sa.String(3), nullable=False),
    sa.Column("owner", sa.String(8), nullable=False),
    sa.Column("other", sa.String(8), nullable=False),
    sa.Column("due_at", sa.BigInteger, nullable=False),
    sa.Column("opened_at", sa.BigInteger, nullable=False),
    sa.Column("done_at", sa.BigInteger),
    sa.Column("told", sa.SmallInteger, nullable=False),  # how far parties were told: gateway.terms.run
    sa.Column("looked_at", sa.BigInteger),  # of a request: when it was held against the band of the contract
    sa.UniqueConstraint("message", "kind", "about"),
)
OPEN = sa.text("done_at IS NULL")
for _name in ("about", "owner", "other", "told"):
    sa.Index(f"terms_{_name}", terms.c[_name], terms.c.due_at, postgresql_where=OPEN, sqlite_where=OPEN)

NEW = sa.text("kind = 'antwoord' AND done_at IS NULL AND looked_at IS NULL")
sa.Index("terms_new", terms.c.id, postgresql_where=NEW, sqlite_where=NEW)

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
