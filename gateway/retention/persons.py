"""Destruction at the request of persons (AVG art. 17, Jeugdwet art. 7.3.9): what may go, what may not, and by what law.

``inquire`` takes the desk and logs who asks; every other function takes the connection first and never commits.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import product
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from audit.keys import KeyService
from audit.record import record
from gateway import bodies, trail
from gateway.flow import State
from gateway.ledger.forget import in_use
from gateway.ledger.keys import dossier_of
from gateway.oversight.desk import Asking, Desk
from gateway.oversight.rights import Right, may
from gateway.oversight.search import hidden_of
from gateway.retention import due, orders, people, store
from gateway.retention.decide import Kind
from gateway.retention.orders import Doer, NotAllowedError
from gateway.retention.policy import Policy
from gateway.trail import What


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why something stays: in words, and by which law."""

    text: str
    law: str


UNDELIVERED = Reason(
    text="Het bericht is nog niet bezorgd. Wacht tot de ontvanger het bevestigt.", law="AVG art. 17 lid 1 onder a"
)
HELD = Reason(text="Er loopt een bewaarplicht.", law="AVG art. 17 lid 3 onder e")
OTHERS = Reason(
    text="Het bericht gaat ook over anderen. Een deel ervan vernietigen kan niet: het is als geheel verzegeld."
    " Het kan weg als zij er ook om vragen.",
    law="Jeugdwet art. 7.3.9 lid 2",
)
ON_REQUEST = {"JW": "Jeugdwet art. 7.3.9 lid 2", "WMO": "Wmo 2015 art. 5.3.5"}
"""What says when a dossier is destroyed on request, and when not, by the law of its messages."""
UNANSWERED = Reason(text="De declaratie is nog niet beantwoord.", law="AVG art. 17 lid 3 onder b en e")
FISCAL = Reason(
    text="Declaraties blijven zeven jaar na het boekjaar.", law="Algemene wet inzake rijksbelastingen art. 52 lid 4"
)
ARCHIVE = Reason(
    text="De andere partij bewaart haar dossier in deze poort. Vraag haar om hetzelfde.",
    law="Jeugdwet art. 7.3.8 lid 3",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One thing that is kept about these persons: a message, a dossier in the ledger, or the lines of the log."""

    kind: str
    """``bericht``, ``dossier`` or ``logregels``."""
    item: str
    """What the erasure knows it by; empty for the lines of the log."""
    title: str
    """In Dutch, without anything personal."""
    stays: tuple[Reason, ...]
    """Why it stays; none: it may go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """Whom it is about, as which party, and what the gateway must know to answer."""

    party: str
    subjects: tuple[str, ...] = field(repr=False)
    """BSNs."""
    hidden: frozenset[str] = field(default=frozenset(), repr=False)
    """Those of them who are secret and not for who asks to find: there is as much about them as about a stranger."""
    policy: Policy
    archives: Collection[str]
    """Parties that keep their archive here."""
    parties: Collection[str]
    """All parties: between which there may be a dossier."""

    @property
    def found(self) -> set[str]:
        """Those about whom there may be something to find."""
        return set(self.subjects) - self.hidden


async def inquire(desk: Desk, asking: Asking, people: Sequence[str], *, why: str) -> Inquiry:
    """Log of whom (BSNs) an officer asks what is kept and may go, then return the inquiry.

    Raises NotAllowedError, and logs nothing, if he may not see what is kept about a person.
    """
    if not asking.may(Right.DOSSIER):
        raise NotAllowedError("Alleen een functionaris gegevensbescherming kan dit vragen.")
    subjects = tuple(dict.fromkeys(people))
    about = {"reason": why, "query": "verzoek tot vernietiging"}
    look = asking.did(What.DOSSIER_READ, thing="dossier", about=about)
    await desk.log(*trail.per_subject(look, subjects))
    return Inquiry(
        party=asking.officer.party, subjects=subjects, hidden=frozenset(await hidden_of(desk, asking, subjects)),
        policy=desk.policy, archives=desk.parties.archives, parties=list(desk.parties.by_code),
    )  # fmt: skip


async def examine(db: AsyncConnection, keys: KeyService, inquiry: Inquiry) -> list[Part]:
    """Return all that is kept about these persons for their party, and what of it may go."""
    known = await people.subjects(db, keys, [(inquiry.party, bsn) for bsn in inquiry.found])
    rows = await due.about(db, known.values(), inquiry.party)
    clients = bodies.clients(keys, rows, why="beheer") if rows else {}
    parts = [_message(row, inquiry, set(clients[row.id])) for row in rows]
    parts += await _dossiers(db, keys, inquiry, rows)
    term = inquiry.policy["logboek"]
    law = "AVG art. 17 lid 3 onder b; Stcrt. 2019, 38007"
    stays = Reason(text=f"Wie wat wanneer deed, blijft {term.term} na de handeling staan, verzegeld.", law=law)
    # Always, and without their number: it would tell who is secret from who is unknown.
    parts.append(Part(kind="logregels", item="", title="Alle regels in het logboek", stays=(stays,)))
    return parts


async def ask(db: AsyncConnection, keys: KeyService, origin: str, who: Doer, inquiry: Inquiry, *, why: str) -> str:
    """Ask that what may go goes; two others of the party must agree. Return the id; raises NotAllowedError."""
    officer = who.officer
    if not may(officer, Right.RETENTION) or not officer.party or officer.party != inquiry.party:
        raise NotAllowedError("Alleen een functionaris van deze partij die over bewaren gaat, kan hierom vragen.")
    await store.lock(db)
    items = [(part.kind, part.item) for part in await examine(db, keys, inquiry) if not part.stays]
    if not items:
        raise NotAllowedError("Er is over deze personen niets dat nu vernietigd kan worden.")
    told = {"requester": officer.login, "reason": f"Op verzoek: {why}", "subjects": inquiry.subjects}
    id_ = await orders.add(
        db, keys, items=items, told=told, kind=Kind.PERSON.value, class_="", party=officer.party, count=len(items)
    )
    event = who.did(What.PROPOSED, thing="vernietiging", about={"reason": why, "count": len(items)})
    lines = trail.per_subject(replace(event, trace=id_), inquiry.subjects)
    await record(db, keys, origin, lines, datetime.now(UTC))
    return id_


def _message(row: Any, inquiry: Inquiry, clients: set[str]) -> Part:
    day = datetime.fromtimestamp(row.received_at // 1000, UTC).strftime("%d-%m-%Y")
    title = f"{row.type.upper()} van {row.sender} aan {row.receiver}, ontvangen op {day}"
    return Part(kind="bericht", item=row.id, title=title, stays=tuple(_why(row, inquiry, clients)))


def _why(row: Any, inquiry: Inquiry, clients: set[str]) -> Iterator[Reason]:
    """Yield every reason why a message stays."""
    if State(row.state) is not State.DELIVERED:
        yield UNDELIVERED
    if not row.free:
        yield HELD
    if clients - inquiry.found:
        yield OTHERS
    fiscal = inquiry.policy["fiscaal"]
    archived = {row.sender, row.receiver} & set(inquiry.archives)
    if row.type.endswith("323") and row.answer is None:
        yield UNANSWERED
    if row.type.endswith(fiscal.types) and archived and row.received_at >= fiscal.cutoff(datetime.now(UTC)):
        yield FISCAL
    elif archived - {inquiry.party}:
        yield ARCHIVE


async def _dossiers(db: AsyncConnection, keys: KeyService, inquiry: Inquiry, rows: Sequence[Any]) -> list[Part]:
    """Return the dossiers in the ledger about these persons between their party and another."""
    found = list[Part]()
    others = {code for row in rows for code in (row.sender, row.receiver)} | set(inquiry.parties)
    pairs = [
        pair for other in sorted(others - {inquiry.party}) for pair in ((inquiry.party, other), (other, inquiry.party))
    ]
    items = {
        dossier_of(wet, payer, provider, bsn): f"{wet}/{payer}/{provider}/{place}"
        for (place, bsn), wet, (payer, provider) in product(enumerate(inquiry.subjects), ("JW", "WMO"), pairs)
        if bsn in inquiry.found
    }
    for key, past in (await orders.dossiers(db, keys, items)).items():
        wet, payer, provider, _ = items[key].split("/")
        why = in_use(key, past, orders.today())
        stays = (Reason(text=why, law=ON_REQUEST[wet]),) if why else ()
        title = f"Wat berichten tussen {payer} en {provider} zeiden ({wet})"
        found.append(Part(kind="dossier", item=items[key], title=title, stays=stays))
    return found
