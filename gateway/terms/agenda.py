"""What a party must do and what it waits for, and what it is told, as the interface shows it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.clock import now
from gateway.commit import GroupCommit
from gateway.decide import rfc3339
from gateway.parties import Party
from gateway.terms import notices, store
from gateway.terms.decide import Kind, last_day
from gateway.terms.notices import WORDS

TASKS: Mapping[str, str] = {
    Kind.RETOUR: "Stuur het retourbericht op dit bericht.",
    Kind.DECISION: "Stuur het besluit op dit bericht.",
    Kind.DECLARATION: "Stuur het antwoord op deze declaratie.",
    Kind.ANSWER: "Beantwoord dit verzoek: met een toewijzing of opdracht, of met een antwoordbericht.",
    Kind.LOOKED_INTO: "Beantwoord dit verzoek, dat in onderzoek is.",
    Kind.START: "Meld de start van deze levering.",
    Kind.STOP: "Meld de stop van deze levering.",
}
"""What must be done."""


class Agenda:
    """Terms and notices of parties. It reads nothing about persons, so reading it is not logged."""

    def __init__(self, commit: GroupCommit) -> None:
        """Read and write through ``commit``."""
        self._commit = commit

    async def terms(self, party: Party, *, is_open: bool, after: int, count: int) -> dict[str, Any]:
        """Return terms in which a party acts or waits, soonest due first; ``volgende`` is where to go on."""
        async with self._commit.reading() as db:
            rows = await store.of(db, party.codes, is_open=is_open, after=after, count=count)
        found = [_term(row, party, now()) for row in rows]
        return {"termijnen": found, "volgende": found[-1]["nummer"] if len(found) == count else None}

    async def notices(self, party: Party, *, unseen: bool, after: int, count: int) -> dict[str, Any]:
        """Return what a party was told, the oldest first."""
        async with self._commit.reading() as db:
            rows = await notices.of(db, party.codes, after=after, count=count, unseen=unseen)
        found = [_notice(row) for row in rows]
        return {"kennisgevingen": found, "volgende": found[-1]["nummer"] if len(found) == count else None}

    async def seen(self, party: Party, ids: Sequence[int]) -> int:
        """Keep that a party saw these notices; return how many of them it had not seen before."""
        return await self._commit.do(self._seen, (party, ids))

    async def _seen(self, db: AsyncConnection, asked: Sequence[tuple[Party, Sequence[int]]]) -> list[int]:
        """Commit step."""
        at = now()
        return [await notices.seen(db, party.codes, ids, at=at) for party, ids in asked]


def _term(row: Any, party: Party, at: int) -> dict[str, Any]:
    due = datetime.fromtimestamp(row.due_at / 1000, UTC)
    return {
        "nummer": row.id,
        "soort": row.kind,
        "rol": "doen" if row.owner in party.codes else "wachten",
        "taak": TASKS[row.kind],
        "berichtId": row.message,
        "berichtSoort": row.type,
        "wet": row.wet,
        "wieMoet": row.owner,
        "wieWacht": row.other,
        "laatsteDag": last_day(due).isoformat(),
        "teLaat": row.due_at <= (row.done_at or at),
        "gedaanOp": rfc3339(row.done_at) if row.done_at else None,
    }


def _notice(row: Any) -> dict[str, Any]:
    due = row.due_at and datetime.fromtimestamp(row.due_at / 1000, UTC)
    return {
        "nummer": row.id,
        "voor": row.party,
        "soort": row.kind,
        "tekst": WORDS[row.kind],
        "berichtId": row.message or None,
        "op": rfc3339(row.at),
        "laatsteDag": last_day(due).isoformat() if due else None,
        "gelezenOp": rfc3339(row.seen_at) if row.seen_at else None,
    }
