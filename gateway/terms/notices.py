"""Notices: what a party is told beside its messages, without anything about a person, in SQL."""

from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.terms.tables import notices


class Kind(StrEnum):
    """What a notice is about; ``WORDS`` says it to people."""

    NEARLY = "termijn.bijna"
    PASSED = "termijn.verstreken"
    WAITING = "termijn.wacht"
    ESCALATED = "termijn.escalatie"
    GRANTED = "wijziging.toegekend"
    DECIDE = "wijziging.beslissen"
    CERTIFICATE = "certificaat.verloopt"


WORDS = {
    Kind.NEARLY: "Uw termijn voor dit bericht loopt uiterlijk op de volgende werkdag af.",
    Kind.PASSED: "Uw termijn voor dit bericht is voorbij. Reageer zo snel mogelijk.",
    Kind.WAITING: "De andere partij heeft niet op tijd gereageerd. Zij is daarop gewezen.",
    Kind.ESCALATED: "Uw organisatie is met dit bericht drie werkdagen of langer te laat. De andere partij wacht erop.",
    Kind.GRANTED: "Deze wijziging is toegekend volgens de bandbreedte in uw overeenkomst.",
    Kind.DECIDE: "Deze wijziging past in de bandbreedte, maar kon niet vanzelf worden toegekend. Beslis zelf.",
    Kind.CERTIFICATE: "Een certificaat van uw aansluiting verloopt. Meld een nieuw aan.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something to tell a party. Who was told the same by party, kind, message and ``about`` is not told again."""

    party: str
    kind: Kind
    at: int
    """Milliseconds since 1970, UTC."""
    message: str = ""
    """Id of the message that it is about."""
    about: str = ""
    """What tells it from other notices about that message, or about none: at most 64 signs, nothing readable."""
    due_at: int | None = None


async def add(db: AsyncConnection, told: Iterable[Notice]) -> None:
    """Tell parties something; what they were told before stays as it is."""
    rows = [{**asdict(each), "kind": each.kind.value} for each in told]
    if rows:
        new = (sqlite.insert if db.dialect.name == "sqlite" else postgresql.insert)(notices)
        await db.execute(new.on_conflict_do_nothing(), rows)


async def of(db: AsyncConnection, parties: Collection[str], *, after: int, count: int, unseen: bool) -> list[Any]:
    """Return notices of these parties, the oldest first, from the one after id ``after``."""
    row = notices.c
    wanted = sa.select(notices).where(row.party.in_(sorted(parties)), row.id > after)
    if unseen:
        wanted = wanted.where(row.seen_at.is_(None))
    return list(await db.execute(wanted.order_by(row.id).limit(count)))


async def seen(db: AsyncConnection, parties: Collection[str], ids: Collection[int], *, at: int) -> int:
    """Keep that these notices were seen, as far as they are of these parties; return how many were not seen before."""
    row = notices.c
    mine = sa.and_(row.party.in_(sorted(parties)), row.id.in_(sorted(ids)), row.seen_at.is_(None))
    done = await db.execute(sa.update(notices).where(mine).values(seen_at=at))
    return int(done.rowcount)


async def forget(db: AsyncConnection, *, before: int) -> None:
    """Take away notices of before ``before``."""
    await db.execute(sa.delete(notices).where(notices.c.at < before))
