"""The planned month as messages, in the order in which they are sent, but for the answers to them; pure."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from gateway.scenario import classes
from gateway.scenario.classes import Values
from gateway.scenario.pen import Pen
from gateway.scenario.values import (
    END,
    FIRST,
    GRANTED,
    LAST,
    REFUSED,
    Assignment,
    Client,
    Contract,
    Declaration,
    Month,
    Order,
)

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
    messages: Callable[[], Iterable[Message]] = tuple
    divisions: Sequence[Values] = ()
    """What the hoofdaannemer asks the gateway to write orders for, as POST /v1/verdelingen takes it."""
    granted: int = 0
    """How many requests the gateway must grant by itself, before they are looked at."""


class Writer:
    """Writes the messages of one month, each when it is asked for."""

    def __init__(self, month: Month, pen: Pen) -> None:
        """``month`` tells what to say."""
        self._month = month
        self._pen = pen
        self._divided = month.divided

    def phases(self) -> Sequence[Phase]:
        """Return the month in order."""
        return (
            Phase(title="Raamovereenkomsten aangeboden", messages=self._offers),
            Phase(title="Geweigerde overeenkomst verbeterd", messages=self._better),
            Phase(title="Onderaannemers gemeld", messages=self._reports),
            Phase(title="Toewijzingen van gemeenten", messages=self._assignments),
            Phase(title="Opdrachten gegeven", messages=self._orders),
            Phase(title="Toewijzingen verdeeld", divisions=self._divisions()),
            Phase(title="Opdrachten die niet mogen", messages=self._forbidden),
            Phase(title="Starts", messages=self._starts),
            Phase(title="Starts aan gemeenten", messages=self._first_starts),
            Phase(title="Verzoeken om wijziging", messages=self._requests),
            Phase(title="Toegekend volgens de bandbreedte", granted=len(self._month.by_rule)),
            Phase(title="Verzoeken beantwoord", messages=self._outcomes),
            Phase(title="Stops", messages=self._stops),
            Phase(title="Stops aan gemeenten", messages=self._last_stops),
            Phase(title="Declaraties met een fout tarief", messages=self._wrong),
            Phase(title="Declaraties", messages=self._declarations),
            Phase(title="Afgekeurde regels verbeterd", messages=self._again),
        )

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
        for client, granted in self._assigned():
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

    def _assigned(self) -> Iterator[tuple[Client, list[Assignment]]]:
        of: dict[str, list[Assignment]] = defaultdict(list)
        for each in self._month.assignments:
            of[each.client.bsn].append(each)
        return ((assigned[0].client, assigned) for assigned in of.values())

    def _orders(self) -> Iterator[Message]:
        of: dict[tuple[str, str], list[Order]] = defaultdict(list)
        for each in self._month.orders:
            if not self._is_divided(each):
                of[each.client.bsn, each.contract.onder].append(each)
        return (self.ordered(orders, "2025-12-19") for orders in of.values())

    def _is_divided(self, order: Order) -> bool:
        return order.assignment is not None and order.assignment.number in self._divided

    def _divisions(self) -> Sequence[Values]:
        of: dict[int, Values] = {}
        for each in self._month.orders:
            if each.assignment and self._is_divided(each):
                asked = of.setdefault(each.assignment.number, {**classes.divided(each.assignment), "delen": []})
                asked["delen"].append(classes.part(each))
        return tuple(of.values())

    def _forbidden(self) -> Iterator[Message]:
        for order, code in ((self._month.without_consent, "HO022"), (self._month.too_much, "HO025")):
            yield replace(self.ordered([order], "2025-12-22"), refused=code)

    def ordered(self, orders: Sequence[Order], dated: str) -> Message:
        """All orders for a client to one onderaannemer."""
        client, contract = orders[0].client, orders[0].contract
        told = [
            {
                "OpdrachtNummer": str(each.number),
                **classes.division(each),
                "ContractNummer": each.contract.number,
                "Product": classes.product(each.price.category, each.price.code),
                "Opdrachtdatum": dated,
                "Opdrachttijd": "10:00:00",
                "Ingangsdatum": each.begin,
                "Einddatum": END,
                **classes.extent(each.extent),
            }
            for each in orders
        ]
        body = {**classes.person(client), "Gemeente": client.gemeente, "Opdrachten": told}
        return self._message("ho301", (self._month.hoofd, contract.onder), client.wet, dated, {"Client": body})

    def _starts(self) -> Iterator[Message]:
        for each in self._month.orders:
            if each.started:
                way, wet = (each.contract.onder, self._month.hoofd), each.client.wet
                told = {**classes.reported(each.client), "StartProducten": [classes.start(each, classes.on(each))]}
                yield self._message("ho305", way, wet, "2026-01-14", {"Client": told})

    def _first_starts(self) -> Iterator[Message]:
        """What a gemeente hears: that one of the orders that divide its assignment has begun."""
        begun = [each for each in self._month.orders if each.started]
        first = {each.assignment.number: each for each in reversed(begun) if each.assignment}
        for client, assigned in self._assigned():
            starts = [
                classes.start(first[each.number], classes.within(each)) for each in assigned if each.number in first
            ]
            if starts:
                way, told = (self._month.hoofd, client.gemeente), {**classes.reported(client), "StartProducten": starts}
                yield self._message(f"{client.wet.lower()}305", way, client.wet, "2026-01-16", {"Client": told})

    def _stops(self) -> Iterator[Message]:
        for each in self._month.orders:
            if each.stopped:
                way, wet = (each.contract.onder, self._month.hoofd), each.client.wet
                told = {**classes.reported(each.client), "StopProducten": [classes.stop(each, classes.on(each))]}
                yield self._message("ho307", way, wet, "2026-01-26", {"Client": told})

    def _last_stops(self) -> Iterator[Message]:
        """What a gemeente hears: that no order that divides its assignment goes on. Nothing that is divided stops."""
        for each in self._month.orders:
            if each.stopped and each.assignment:
                client, stops = each.client, [classes.stop(each, classes.within(each.assignment))]
                way, told = (self._month.hoofd, client.gemeente), {**classes.reported(client), "StopProducten": stops}
                yield self._message(f"{client.wet.lower()}307", way, client.wet, "2026-01-28", {"Client": told})

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
        """What the hoofdaannemer decides himself: that it refuses, or will look into it."""
        for each in self._month.requests:
            if each.outcome != GRANTED:
                told = {"ReferentieAanbieder": each.reference, "VerzoekAntwoord": "2"}
                if each.outcome == REFUSED:
                    told |= {"VerzoekAntwoord": "1", "RedenAfwijzingVerzoek": "4"}
                way = self._month.hoofd, each.order.contract.onder
                yield self._message("ho319", way, each.order.client.wet, "2026-01-22", {"Antwoord": told})

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
        raw = self._pen.written(kind, {"Header": self._pen.header(kind, way, wet, dated), **body})
        return Message(type=kind, sender=way[0], receiver=way[1], raw=raw)
