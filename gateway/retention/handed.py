"""What went to a gemeente outside the messages, in SQL: which forms, for whom, until when it may take to confirm them.

What a form says stands nowhere here. Which form and which gemeente is sealed, for where a child stays may follow
from it. Every function takes the connection first and never commits.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audit.keys import KeyService
from gateway.tables import secret_forms, secret_persons

_form, _row = secret_forms.c, secret_persons.c
_now = sa.text("state <> 'opgeheven'")  # a constant, so that the index fits


async def put_number(db: AsyncConnection, keys: KeyService, id_: str, number: str) -> None:
    """Store by which number of its own a party knows somebody who is secret."""
    sealed = keys.seal_person(number, _context("secret_persons", id_))
    await db.execute(sa.update(secret_persons).where(_row.id == id_).values(sealed=sealed))


def numbers(keys: KeyService, rows: Sequence[Any]) -> list[str]:
    """Return that number for each of these rows of ``secret_persons``; empty where none is known."""
    told = [row for row in rows if row.sealed]
    pairs = [(row.sealed, _context("secret_persons", row.id)) for row in told]
    found = dict(zip((row.id for row in told), keys.open_persons(pairs, why="beheer") if pairs else [], strict=True))
    return [found.get(row.id, "") for row in rows]


async def add(db: AsyncConnection, keys: KeyService, row: Mapping[str, Any], about: Mapping[str, str]) -> None:
    """Store that a form went out; from then on its own term runs, and no longer that of the person."""
    sealed = keys.seal_person(json.dumps(about), _context("secret_forms", row["id"]))
    await db.execute(sa.insert(secret_forms), {**row, "sealed": sealed})
    await db.execute(sa.update(secret_persons).where(_row.id == row["secret"]).values(due_at=None))


async def of(db: AsyncConnection, keys: KeyService, secrets: Sequence[str]) -> list[tuple[Any, Mapping[str, str]]]:
    """Return the forms about these secrets (their ids) with what is known of each, the oldest first."""
    wanted = sa.select(secret_forms).where(_form.secret.in_(secrets)).order_by(_form.made_at, _form.id)
    rows = (await db.execute(wanted)).all()
    pairs = [(row.sealed, _context("secret_forms", row.id)) for row in rows]
    told = keys.open_persons(pairs, why="beheer") if pairs else []
    return [(row, json.loads(text)) for row, text in zip(rows, told, strict=True)]


async def confirmed(db: AsyncConnection, id_: str) -> None:
    """Store that nothing is due for a form any more."""
    await db.execute(sa.update(secret_forms).where(_form.id == id_).values(due_at=None))


async def forget(db: AsyncConnection, secret: str) -> None:
    """Destroy what was kept of somebody's forms and number; the lines of the log stay."""
    await db.execute(sa.delete(secret_forms).where(_form.secret == secret))
    await db.execute(sa.update(secret_persons).where(_row.id == secret).values(sealed=None))


async def count_due(db: AsyncConnection, party: str) -> int:
    """Return for how many confirmations a party waits."""
    mine = sa.select(_row.id).where(_row.party == party, _now)
    persons = sa.select(sa.func.count()).where(_row.id.in_(mine), _row.due_at.is_not(None))
    forms = sa.select(sa.func.count()).where(_form.secret.in_(mine), _form.due_at.is_not(None))
    return int((await db.execute(sa.select(persons.scalar_subquery() + forms.scalar_subquery()))).scalar_one())


def _context(table: str, id_: str) -> bytes:
    return f"v1|{table}|sealed|{id_}".encode()
