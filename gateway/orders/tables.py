"""Which assignments and orders there are, so that they can be listed without their clients. Times are ms, UTC."""

import sqlalchemy as sa

from audit.log import metadata

_Serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

orders = sa.Table(
    "orders",
    metadata,
    sa.Column("seq", _Serial, primary_key=True, autoincrement=True),
    sa.Column("wet", sa.String(3), nullable=False),
    sa.Column("payer", sa.String(8), nullable=False),  # gemeente or hoofdaannemer
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("provider", sa.String(8), nullable=False),
    sa.Column("dossier", sa.String(32), nullable=False),  # ledger.key of the record of its client
    sa.Column("changed_at", sa.BigInteger, nullable=False),
    sa.UniqueConstraint("wet", "payer", "number"),
)
sa.Index("orders_provider", orders.c.provider)
sa.Index("orders_dossier", orders.c.dossier)
