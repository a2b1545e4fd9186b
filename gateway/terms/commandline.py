"""What an operator sees of terms: counts, of no message."""

from collections.abc import Iterable
from typing import Any

from gateway.clock import now
from gateway.commit import open_engine
from gateway.settings import Settings
from gateway.terms import store


async def counted(settings: Settings) -> int:
    """Print for each party how much it must still do, by kind, and how much of it is too late; return 0."""
    engine = open_engine(settings.database)
    try:
        async with engine.connect() as db:
            rows = await store.counts(db, now=now())
    finally:
        await engine.dispose()
    print("\n".join(_lines(rows)) or "Er staat geen termijn open.")
    return 0


def _lines(rows: Iterable[Any]) -> Iterable[str]:
    for row in rows:
        yield f"{row.owner:8}  {row.kind:18}  {row.all:6} open  {row.late:6} te laat"
