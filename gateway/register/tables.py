"""The table of the register: what was proposed and decided, never changed otherwise. Times are milliseconds, UTC."""

import sqlalchemy as sa

from audit.log import metadata

changes = sa.Table(
    "register_changes",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("subject", sa.String(128), nullable=False),  # partij/CODE, regio/NAAM, lijst/REGIO/AGB, afspraak/…
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("side", sa.String(8), nullable=False),  # for whom it was proposed; empty: the gateway itself
    sa.Column("decides", sa.String(8), nullable=False),  # whose people decide; empty: those of the gateway itself
    sa.Column("proposed_at", sa.BigInteger, nullable=False),
    sa.Column("proposed_by", sa.String(80), nullable=False),  # CODE of a system, CODE/LOGIN or /LOGIN of an officer
    sa.Column("decided_at", sa.BigInteger),
    sa.Column("decided_by", sa.String(80), nullable=False),
    sa.Column("granted", sa.Boolean),
    sa.Column("sealed", sa.LargeBinary, nullable=False),  # the value, and why it was decided so
)
sa.Index(
    "register_changes_open",
    changes.c.decides,
    postgresql_where=changes.c.decided_at.is_(None),
    sqlite_where=changes.c.decided_at.is_(None),
)
sa.Index("register_changes_decided", changes.c.decided_at)
