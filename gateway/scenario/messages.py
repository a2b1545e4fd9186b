"""The planned month as messages, in the order in which they are sent, and what a party answers to one; pure."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from gateway import answer, compose
from gateway.catalog import Catalog
from gateway.ledger.values import Contract as Offered
from gateway.ledger.values import Line as Declared
from gateway.ledger.values import Price as Told
from gateway.ledger.values import Report
from gateway.message import Checked, Facts
from gateway.rules.hoa import GIVEN, WITH_CONDITIONS
from gateway.scenario import classes
from gateway.scenario.classes import Values
from gateway.scenario.values import (
    END,
    FIRST,
    GRANTED,
    LAST,
    REFUSED,
    Assignment,
    Contract,
    Declaration,
    Month,
    Order,
    Request,
)

ACCEPTED, NOT_ACCEPTED = "1", "2"
"""Beslissing on a contract (HO342)."""
TOO_MUCH = "9321"
"""Return code of a line that is rejected: more volume than fits."""
ON_REQUEST = "12"
"""RedenWijziging."""
LESS = 10
"""Percent by which the tariffs are lower that are refused at first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message to send. ``refused`` is the rule by which the gateway must refuse it; empty if it must not."""

    type: str
    sender: str
    receiver: str
    raw: bytes = field(repr=False)
    refused: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """What is sent, then fetched and answered, before the next begins."""

    title: str
    messages: Callable[[], Iterable[Message]]


class Writer:
    """Writes the messages of one month, each when it is asked for."""

    def __init__(self, month: Month, catalog: Catalog) -> None:
        """``month`` tells what to say, ``catalog`` how."""
        self._month = month
        self._catalog = catalog
        self._count = 0

    def phases(self) -> Sequence[Phase]:
        """Return the month in order."""
        return (
            Phase(title="Raamovereenkomsten aangeboden", messages=self._offers),
            Phase(title="Geweigerde overeenkomst verbeterd", messages=self._better),
            Phase(title="Onderaannemers gemeld", messages=self._reports),
            Phase(title="Toewijzingen van gemeenten", messages=self._assignments),
            Phase(title="Opdrachten verdeeld", messages=self._orders),
            Phase(title="Opdrachten die niet mogen", messages=self._forbidden),
            Phase(title="Starts", messages=self._starts),
            Phase(title="Verzoeken om wijziging", messages=self._requests),
            Phase(title="Verzoeken beantwoord", messages=self._outcomes),
            Phase(title="Stops", messages=self._stops),
            Phase(title="Declaraties met een fout tarief", messages=self._wrong),
            Phase(title="Declaraties", messages=self._declarations),
            Phase(title="Afgekeurde regels verbeterd", messages=self._again),
        )

    def answer(self, raw: bytes, checked: Checked) -> bytes | None:
        """Return what its receiver answers to a message, having read it; None if it is an answer itself."""
        facts = checked.facts
        assert facts is not None, "the gateway brings only what it could read"
        if self._catalog.of(facts).answer is None:
            return None
        own, today = f"A{self._next():06}", (date.fromisoformat(facts.dated) + timedelta(days=5)).isoformat()
        if facts.type == "ho341":
            return self._decide(checked, facts, own, today, self._on_contract(checked))
        if facts.type == "ho331":
            return self._decide(checked, facts, own, today, self._on_report(checked, facts))
        rejected = {reference for each in self._month.declarations for reference in each.rejected}
        codes = {
            line.path: [TOO_MUCH] for line in checked.said if isinstance(line, Declared) and line.reference in rejected
        }
        return answer.judged(raw, codes, self._catalog, identification=own, today=today)

    def _decide(self, checked: Checked, facts: Facts, own: str, today: str, decision: Values) -> bytes:
        versions = {name: checked.header[f"XsdVersie/{name}"] for name in ("BasisschemaXsdVersie", "BerichtXsdVersie")}
        header = {
            **self._header(f"{facts.type[:-1]}2", (facts.receiver, facts.sender), facts.wet, today, own),
            "HeenIdentificatie": {"Identificatie": facts.identification, "Dagtekening": facts.dated},
            "XsdVersieHeen": versions,
            "RetourCodes": ["0200"],
        }
        return self._written(f"{facts.type[:-1]}2", {"Header": header, "Besluit": decision})

    def _on_contract(self, checked: Checked) -> Values:
        """Accept a contract whose tariffs are what was hoped for."""
        number = next(each.number for each in checked.said if isinstance(each, Offered))
        told = [each.tariff for each in checked.said if isinstance(each, Told)]
        hoped = next(each for each in self._month.contracts if each.number == number)
        low = any(tariff is not None and tariff < price.cents for tariff, price in zip(told, hoped.prices, strict=True))
        if low:
            return {"ContractNummer": number, "Beslissing": NOT_ACCEPTED, "Reden": "De tarieven zijn te laag."}
        return {"ContractNummer": number, "Beslissing": ACCEPTED}

    def _on_report(self, checked: Checked, facts: Facts) -> Values:
        report = next(each for each in checked.said if isinstance(each, Report))
        decision = next(
            each.decision
            for each in self._month.consents
            if (each.wet, each.gemeente, each.onder) == (facts.wet, facts.receiver, report.agb)
        )
        told: Values = {"AgbCode": report.agb, "Beslissing": decision, "Ingangsdatum": report.begin}
        if decision == WITH_CONDITIONS:
            told["Voorwaarden"] = ["Meld elk kwartaal wie er werkt."]
        return told if decision in {GIVEN, WITH_CONDITIONS} else told | {"Reden": "Er is te weinig ervaring."}

    def _offers(self) -> Iterator[Message]:
        for each in self._month.contracts:
            lower = tuple(replace(price, cents=price.cents * (100 - LESS) // 100) for price in each.prices)
            yield self._offer(replace(each, prices=lower) if each.haggled else each, "2025-11-03")

    def _better(self) -> Iterator[Message]:
        return (self._offer(each, "2025-11-12") for each in self._month.contracts if each.haggled)

    def _offer(self, contract: Contract, dated: str) -> Message:
        body: Values = {
            "ContractNummer": contract.number,
            "Uitvoeringsvariant": contract.variant,
            "Gebieden": [{"Gemeente": code} for code in contract.gemeenten],
            "Ingangsdatum": FIRST,
            "Einddatum": END,
            "Betaaltermijn": "30",
            "Regels": [classes.rule(price) for price in contract.prices],
        }
        if contract.band:
            body["Bandbreedte"] = str(contract.band)
        return self._message(
            "ho341", (self._month.hoofd, contract.onder), contract.wet, dated, {"Raamovereenkomst": body}
        )

    def _reports(self) -> Iterator[Message]:
        for each in self._month.consents:
            body = {
                "AgbCode": each.onder,
                "Naam": f"Verzonnen zorg {each.onder}",
                "Diensten": [{"ProductCategorie": category} for category in each.categories],
                "Ingangsdatum": FIRST,
                "SubOnderaanneming": "2",
            }
            way = self._month.hoofd, each.gemeente
            yield self._message("ho331", way, each.wet, "2025-11-20", {"Onderaannemer": body})

    def _assignments(self) -> Iterator[Message]:
        of: dict[str, list[Assignment]] = defaultdict(list)
        for each in self._month.assignments:
            of[each.client.bsn].append(each)
        for granted in of.values():
            client = granted[0].client
            body = {
                **classes.person(client),
                "Contactgegevens": [
                    {"Soort": "01", "Adres": {"Huis": {"Huisnummer": "12"}, "Postcode": "1234AB", "LandCode": "NL"}}
                ],
                "ToegewezenProducten": [
                    {
                        "ToewijzingNummer": str(each.number),
                        "Product": classes.product(each.category, each.code),
                        "Toewijzingsdatum": "2025-12-15",
                        "Toewijzingstijd": "09:30:00",
                        "Ingangsdatum": each.begin,
                        "Einddatum": END,
                        **classes.extent(each.extent),
                    }
                    for each in granted
                ],
            }
            way = client.gemeente, self._month.hoofd
            yield self._message(f"{client.wet.lower()}301", way, client.wet, "2025-12-15", {"Client": body})

    def _orders(self) -> Iterator[Message]:
        of: dict[tuple[str, str], list[Order]] = defaultdict(list)
        for each in self._month.orders:
            of[each.client.bsn, each.contract.onder].append(each)
        return (self._ordered(orders, "2025-12-19") for orders in of.values())

    def _forbidden(self) -> Iterator[Message]:
        for order, code in ((self._month.without_consent, "HO022"), (self._month.too_much, "HO025")):
            yield replace(self._ordered([order], "2025-12-22"), refused=code)

    def _ordered(self, orders: Sequence[Order], dated: str, **more: str) -> Message:
        """All orders for a client to one onderaannemer; ``more`` are other fields of each."""
        client, contract = orders[0].client, orders[0].contract
        told = [
            {
                "OpdrachtNummer": str(each.number),
                **({} if each.assignment is None else {"ToewijzingNummer": str(each.assignment)}),
                "ContractNummer": each.contract.number,
                "Product": classes.product(each.price.category, each.price.code),
                "Opdrachtdatum": dated,
                "Opdrachttijd": "10:00:00",
                "Ingangsdatum": each.begin,
                "Einddatum": END,
                **classes.extent(each.extent),
                **more,
            }
            for each in orders
        ]
        body = {**classes.person(client), "Gemeente": client.gemeente, "Opdrachten": told}
        return self._message("ho301", (self._month.hoofd, contract.onder), client.wet, dated, {"Client": body})

    def _starts(self) -> Iterator[Message]:
        for each in self._month.orders:
            if each.started:
                start = {"Begindatum": each.begin, "StatusAanlevering": "1"}
                yield self._reported("ho305", each, "2026-01-14", {"StartProducten": [start | classes.on(each)]})

    def _stops(self) -> Iterator[Message]:
        for each in self._month.orders:
            if each.stopped:
                stop = {"Begindatum": each.begin, "RedenBeeindiging": "31", "Einddatum": each.stopped}
                told = stop | {"StatusAanlevering": "1"} | classes.on(each)
                yield self._reported("ho307", each, "2026-01-26", {"StopProducten": [told]})

    def _reported(self, kind: str, order: Order, dated: str, told: Values) -> Message:
        client = order.client
        body = {**classes.person(client), "Naam": {"Geslachtsnaam": {"Achternaam": client.name}}, **told}
        return self._message(kind, (order.contract.onder, self._month.hoofd), client.wet, dated, {"Client": body})

    def _requests(self) -> Iterator[Message]:
        for each in self._month.requests:
            order = each.order
            wish = {
                "OpdrachtNummer": str(order.number),
                "GewensteIngangsdatum": order.begin,
                "Einddatum": END,
                **classes.extent(replace(order.extent, volume=each.volume)),
            }
            asked = {"ReferentieAanbieder": each.reference, "RedenVerzoek": "1", "TeWijzigenProducten": [wish]}
            body = {"Bsn": order.client.bsn, "Gemeente": order.client.gemeente, "Verzoek": asked}
            way = order.contract.onder, self._month.hoofd
            yield self._message("ho317", way, order.client.wet, "2026-01-15", {"Client": body})

    def _outcomes(self) -> Iterator[Message]:
        """An order with the new volume, or an answer that refuses or will look into it."""
        for each in self._month.requests:
            if each.outcome == GRANTED:
                yield self._granted(each)
            else:
                told = {"ReferentieAanbieder": each.reference, "VerzoekAntwoord": "2"}
                if each.outcome == REFUSED:
                    told |= {"VerzoekAntwoord": "1", "RedenAfwijzingVerzoek": "4"}
                way = self._month.hoofd, each.order.contract.onder
                yield self._message("ho319", way, each.order.client.wet, "2026-01-22", {"Antwoord": told})

    def _granted(self, request: Request) -> Message:
        order = replace(request.order, extent=replace(request.order.extent, volume=request.volume))
        return self._ordered([order], "2026-01-22", RedenWijziging=ON_REQUEST, ReferentieAanbieder=request.reference)

    def _wrong(self) -> Iterator[Message]:
        return (
            replace(self._declared(each, "2026-02-02", wrong=each.wrong), refused="TR418")
            for each in self._month.declarations
            if each.wrong
        )

    def _declarations(self) -> Iterator[Message]:
        return (self._declared(each, "2026-02-03") for each in self._month.declarations)

    def _again(self) -> Iterator[Message]:
        return (self._declared(each, "2026-02-12") for each in self._month.again)

    def _declared(self, declaration: Declaration, dated: str, *, wrong: str = "") -> Message:
        of: dict[str, list[Values]] = defaultdict(list)
        for line in declaration.lines:
            of[line.order.client.bsn].append(classes.line(line, wrong=line.reference == wrong))
        instalments = [classes.instalment(each) for each in declaration.instalments]
        total = sum(int(line["IngediendBedrag"]["Bedrag"]) for lines in (*of.values(), instalments) for line in lines)
        body: Values = {
            "DeclaratieNummer": declaration.number,
            "DeclaratiePeriode": {"Begindatum": FIRST, "Einddatum": LAST},
            "DeclaratieDagtekening": dated,
            "TotaalIngediendBedrag": {"TotaalBedrag": str(total), "DebetCredit": "D"},
        }
        if of:
            body["Clienten"] = [{"Bsn": bsn, "Prestaties": lines} for bsn, lines in of.items()]
        if instalments:
            body["Termijnen"] = instalments
        way = declaration.onder, self._month.hoofd
        return self._message("ho323", way, declaration.wet, dated, {"Declaratie": body})

    def _message(self, kind: str, way: tuple[str, str], wet: str, dated: str, body: Values) -> Message:
        header = self._header(kind, way, wet, dated, f"M{self._next():06}")
        return Message(type=kind, sender=way[0], receiver=way[1], raw=self._written(kind, {"Header": header, **body}))

    def _header(self, kind: str, way: tuple[str, str], wet: str, dated: str, identification: str) -> Values:
        type_ = self._catalog.types[kind]
        major, minor = type_.release.split(".")
        header: Values = {
            "BerichtCode": type_.code,
            "BerichtVersie": major,
            "BerichtSubversie": minor,
            "Afzender": way[0],
            "Ontvanger": way[1],
            "BerichtIdentificatie": {"Identificatie": identification, "Dagtekening": dated},
            "XsdVersie": {"BasisschemaXsdVersie": type_.versions[0], "BerichtXsdVersie": type_.versions[1]},
        }
        return header | ({"Wet": wet} if kind.startswith("ho") else {})

    def _written(self, kind: str, values: Values) -> bytes:
        return compose.message(self._catalog.definition(self._catalog.types[kind]), values)

    def _next(self) -> int:
        self._count += 1
        return self._count
