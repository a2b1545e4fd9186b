"""A past to measure with: a year of messages between hoofdaannemers and their onderaannemers, as the ledger keeps it.

One pair plays its year through the real rules; what it leaves behind is copied for all others with their own codes,
numbers and clients, and each record is sealed by itself.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache, cached_property

from gateway.bench.documents import split
from gateway.bench.processes import BenchError
from gateway.catalog import Catalog
from gateway.check import check
from gateway.invented import bsns, message
from gateway.ledger import codec
from gateway.ledger.page import Page
from gateway.ledger.read import OBSERVERS
from gateway.ledger.values import Order, Said
from gateway.message import Checked, Facts

A_HOOFD = 57
"""Onderaannemers of one hoofdaannemer."""
CLIENTS = 16
"""Of one onderaannemer: some 900 of a hoofdaannemer."""
WAITING = 8
"""Clients with an assignment beside them, of whom half have an order too: what a measurement goes on with."""
MONTHS = 12
"""In which care was declared, paid and not taken back."""
GEMEENTEN = ("0344", "0363", "0599")
TARIFF, HOURS = 8_250, 2
CONTRACT = "RO-2025-01"
_CATEGORIES = ("41", "42", "43", "44", "45", "46", "47", "48")
_FIRST = 20_011
"""The mark of the first pair: five digits that stand nowhere else in what it says."""


@dataclass(frozen=True)
class Pair:
    """One hoofdaannemer with one of its onderaannemers."""

    number: int

    @cached_property
    def hoofd(self) -> str:
        """Code of the hoofdaannemer."""
        return f"981{self.number // A_HOOFD:05}"

    @cached_property
    def onder(self) -> str:
        """Code of the onderaannemer."""
        return f"982{self.number:05}"

    @cached_property
    def mark(self) -> str:
        """What its numbers begin with."""
        return str(_FIRST + self.number)

    @cached_property
    def clients(self) -> Sequence[str]:
        """BSNs of its clients, those who wait last."""
        known, each = _people(), CLIENTS + WAITING
        return [known[(self.number * each + place) % len(known)] for place in range(each)]

    def own(self, told: bytes) -> bytes:
        """Return what the first pair told, as this one tells it."""
        return _PLACES.sub(lambda found: self._own[found[0]], told)

    @cached_property
    def _own(self) -> dict[bytes, bytes]:
        return {each.encode(): own.encode() for each, own in zip(_places(FIRST), _places(self), strict=True)}


def _places(pair: Pair) -> list[str]:
    return [pair.hoofd, pair.onder, pair.mark, *pair.clients]


@cache
def _people() -> Sequence[str]:
    return list(bsns())


FIRST = Pair(0)
_PLACES = re.compile("|".join(_places(FIRST)).encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class Year:
    """What one pair left behind."""

    documents: list[tuple[Facts, bytes]]
    """All messages, in order. An assignment by a gemeente is counted by the bytes of an order: it is about as long."""
    records: list[tuple[str, bytes]]
    """The ledger: key, and record as ``codec`` packs it."""


def year(catalog: Catalog) -> Year:
    """Let the first pair play its year, all rules on; raise BenchError if a message is refused."""
    page = Page(levels={3, 4})
    documents = [_heard(page, raw, catalog) for raw in _agreed()]
    for client in range(CLIENTS + WAITING):
        documents.append(_assigned(page, ordered(FIRST, client, 1), catalog))
        if client < CLIENTS + WAITING // 2:
            documents += [_heard(page, raw, catalog) for raw in _begun(client, 1)]
        if client < CLIENTS:
            documents += [_heard(page, raw, catalog) for raw in _begun(client, 2)]
    for month in range(1, MONTHS + 1):
        documents += [_heard(page, raw, catalog) for raw in (declared(FIRST, month), _paid(month))]
    return Year(documents=documents, records=[(key, codec.pack(record)) for key, record in page.past.items()])


def checked(raw: bytes, catalog: Catalog) -> tuple[Facts, tuple[Said, ...], Checked]:
    """Return what a document says; raise BenchError if it is not valid."""
    verdict = check(raw, catalog, OBSERVERS)
    if verdict.facts is None or verdict.findings:
        raise BenchError(f"Een bericht uit het verleden is niet goed: {verdict.findings[:3]}")
    return verdict.facts, verdict.said, verdict


def _heard(page: Page, raw: bytes, catalog: Catalog) -> tuple[Facts, bytes]:
    facts, said, _ = checked(raw, catalog)
    if findings := page.hear(facts, said):
        raise BenchError(f"Een {facts.type} uit het verleden is geweigerd: {findings[:3]}")
    return facts, raw


def _assigned(page: Page, raw: bytes, catalog: Catalog) -> tuple[Facts, bytes]:
    """The assignment of the gemeente that an order will divide."""
    facts, said, _ = checked(raw, catalog)
    (order,) = (each for each in said if isinstance(each, Order))
    granted = replace(order, number=order.assignment or 0, assignment=None, contract="", gemeente="", end="")
    facts = replace(facts, type="jw301", release="3.2", sender=order.gemeente, receiver=facts.sender)
    if findings := page.hear(facts, (granted,)):
        raise BenchError(f"Een toewijzing uit het verleden is geweigerd: {findings[:3]}")
    return facts, raw


def ordered(pair: Pair, client: int, number: int) -> bytes:
    """Return the HO301 with the first or second order for a client: half a year, and what came after that."""
    ends = "<Einddatum>2025-06-30</Einddatum>" if number == 1 and client < CLIENTS else ""
    raw = message(
        "ho301-gewoon", f"A{pair.mark}{client:02}{number}", sender=pair.hoofd, receiver=pair.onder,
        Bsn=pair.clients[client], Gemeente=GEMEENTEN[client % len(GEMEENTEN)], ContractNummer=CONTRACT,
        OpdrachtNummer=f"{pair.mark}{client:02}{number}", ToewijzingNummer=f"{pair.mark}{client:02}",
        Dagtekening="2024-12-20", Opdrachtdatum="2024-12-20",
        Ingangsdatum="2025-01-01" if number == 1 else "2025-07-01", Frequentie="4",
    )  # fmt: skip
    return re.sub(rb"<Einddatum>[^<]*</Einddatum>", ends.encode(), raw)


def started(pair: Pair, client: int, number: int) -> bytes:
    """Return the HO305 with the start of an order."""
    begin = "2025-01-01" if number == 1 else "2025-07-01"
    raw = message(
        "ho305-rijk", f"S{pair.mark}{client:02}{number}", sender=pair.onder, receiver=pair.hoofd,
        Bsn=pair.clients[client], OpdrachtNummer=f"{pair.mark}{client:02}{number}",
        Dagtekening="2025-07-02", ToewijzingIngangsdatum=begin, Begindatum=begin,
    )  # fmt: skip
    return re.sub(rb"(</StartProduct>).*(</StartProducten>)", rb"\1\2", raw, flags=re.DOTALL)


def declared(pair: Pair, month: int) -> bytes:
    """Return the HO323 with a line for each client, of a month counted from January 2025."""
    first, last, sent = _month(month)
    raw = message(
        "ho323-minimaal", f"D{pair.mark}{month:02}", sender=pair.onder, receiver=pair.hoofd, Dagtekening=sent,
        DeclaratieNummer=f"D{pair.mark}{month:02}", DeclaratieDagtekening=sent,
        Begindatum=first, Einddatum=last, TotaalBedrag=str(CLIENTS * HOURS * TARIFF),
    )  # fmt: skip
    head, client, tail = split(raw, b"Client")
    own = [_line(client, pair, place, month) for place in range(CLIENTS)]
    return head + b"".join(own) + tail


def _line(client: bytes, pair: Pair, place: int, month: int) -> bytes:
    first, last, _ = _month(month)
    values = {
        b"Bsn": pair.clients[place], b"b:ReferentieNummer": f"R{pair.mark}{month:02}{place:02}",
        b"OpdrachtNummer": f"{pair.mark}{place:02}{1 if month <= 6 else 2}", b"b:Begindatum": first,
        b"b:Einddatum": last, b"GeleverdVolume": str(HOURS), b"ProductTarief": str(TARIFF),
        b"b:Bedrag": str(HOURS * TARIFF),
    }  # fmt: skip
    for name, value in values.items():
        client = re.sub(rb"(<%s>)[^<]*" % name, rb"\g<1>" + value.encode(), client)
    return client


def _month(month: int) -> tuple[str, str, str]:
    """Return its first and last day, and when it is declared."""
    first = date(2025 + (month - 1) // 12, (month - 1) % 12 + 1, 1)
    after = (first + timedelta(days=31)).replace(day=1)
    return str(first), str(after - timedelta(days=1)), str(after + timedelta(days=2))


def _agreed() -> Iterator[bytes]:
    """The contract, and the consent of each gemeente, both with their answers."""
    hoofd, onder, mark = FIRST.hoofd, FIRST.onder, FIRST.mark
    contract = message(
        "ho341-minimaal", f"C{mark}", sender=hoofd, receiver=onder, ContractNummer=CONTRACT,
        Dagtekening="2024-11-17", Ingangsdatum="2025-01-01", Tarief=str(TARIFF),
    )  # fmt: skip
    head, area, tail = split(contract, b"Gebied")
    contract = head + b"".join(area.replace(b"0344", each.encode()) for each in GEMEENTEN) + tail
    head, price, tail = split(contract, b"Regel")
    yield head + b"".join(price.replace(b">45", b">" + each.encode()) for each in _CATEGORIES) + tail
    yield message(
        "ho342-aanvaard", f"C{mark}", sender=onder, receiver=hoofd, answers=f"C{mark}", ContractNummer=CONTRACT
    )
    for gemeente in GEMEENTEN:
        own = f"T{mark}{gemeente}"
        yield message(
            "ho331-minimaal", own, sender=hoofd, receiver=gemeente, AgbCode=onder, Dagtekening="2024-11-17",
            Ingangsdatum="2025-01-01",
        )  # fmt: skip
        yield message(
            "ho332-toestemming", own, sender=gemeente, receiver=hoofd, answers=own, AgbCode=onder,
            Ingangsdatum="2025-01-01",
        )  # fmt: skip


def _begun(client: int, number: int) -> Iterator[bytes]:
    """An order with its retour; and, of clients in care, its start with its retour."""
    hoofd, onder, own = FIRST.hoofd, FIRST.onder, f"{FIRST.mark}{client:02}{number}"
    yield ordered(FIRST, client, number)
    yield message("ho302-akkoord", f"B{own}", sender=hoofd, receiver=onder, answers=f"A{own}")
    if client < CLIENTS:
        yield started(FIRST, client, number)
        yield message("ho306-akkoord", f"U{own}", sender=onder, receiver=hoofd, answers=f"S{own}")


def _paid(month: int) -> bytes:
    """The answer that approves a whole declaration."""
    own = f"D{FIRST.mark}{month:02}"
    raw = message(
        "ho325-toegekend", f"P{FIRST.mark}{month:02}", sender=FIRST.hoofd, receiver=FIRST.onder, answers=own,
        DeclaratieNummer=own,
    )  # fmt: skip
    sent = _month(month)[2].encode()
    raw = re.sub(rb"(<DeclaratieIdentificatie>.*?<b:Dagtekening>)[^<]*", rb"\g<1>" + sent, raw, flags=re.DOTALL)
    return re.sub(rb"(<b:TotaalBedrag>)\d+", rb"\g<1>" + str(CLIENTS * HOURS * TARIFF).encode(), raw)
