"""What parties agreed and what a gemeente consents to, as folds over HO341/342 and HO331/332; and level 4 by it.

Of several versions that were agreed, the last one that begins on a day or before it holds on that day, until its own
end: so a contract is changed from a day on, and ended, by offering it anew under its number.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gateway.ledger import keys
from gateway.ledger.dossier import Case, Fault, live, newest
from gateway.ledger.values import Area, Contract, Decision, Line, Order, Price, Record, Report, Said, Service, Touched
from gateway.rules.extern import MINUTES
from gateway.rules.hoa import EUROS, GIVEN, WITH_CONDITIONS, WITHDRAWN
from gateway.rules.klasse import after

ACCEPTED = "1"
HOURS = "04"
WHOLE = 10_000
"""A hundred percent, in hundredths of a percent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A framework contract as both sides agreed to it."""

    contract: Contract
    gemeenten: frozenset[str]
    prices: tuple[Price, ...]

    def price(self, category: str, code: str, unit: str) -> Price | None:
        """Return what was agreed for a product: of this code, or else of any code in its category."""
        found = {each.code: each for each in self.prices if (each.category, each.unit) == (category, unit)}
        return found.get(code) or found.get("")


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """That a gemeente consents to an onderaannemer, from ``begin`` on, or no longer does."""

    given: bool
    begin: str
    end: str
    categories: frozenset[str]
    divides: bool
    """Whether they may pass on what they are given."""


def versions(record: Record) -> dict[str, list[Version]]:
    """Return the versions of each contract that were accepted, in the order of acceptance, by ContractNummer."""
    agreed: dict[str, list[Version]] = {}
    for contract, said, decision in _decided(record, Contract):
        if decision.code == ACCEPTED and isinstance(contract, Contract):
            areas = frozenset(each.gemeente for each in said if isinstance(each, Area))
            prices = tuple(each for each in said if isinstance(each, Price))
            agreed.setdefault(contract.number, []).append(Version(contract=contract, gemeenten=areas, prices=prices))
    return agreed


def consents(record: Record) -> list[Consent]:
    """Return what a gemeente decided on one onderaannemer, in order; a refusal changes nothing."""
    return [
        Consent(
            given=decision.code != WITHDRAWN,
            begin=decision.begin,
            end=decision.end,
            categories=frozenset(each.category for each in said if isinstance(each, Service)),
            divides=isinstance(report, Report) and report.divides,
        )
        for report, said, decision in _decided(record, Report)
        if decision.code in {GIVEN, WITH_CONDITIONS, WITHDRAWN}
    ]


def version_on(known: Sequence[Version], day: str) -> Version | None:
    """Return the version of a contract that holds on a day."""
    begun = [each for each in known if not after(each.contract.begin, day)]
    last = begun[-1] if begun else None
    return None if last is None or (last.contract.end and after(day, last.contract.end)) else last


def consent_on(known: Sequence[Consent], day: str) -> Consent | None:
    """Return the consent that holds on a day."""
    begun = [each for each in known if not after(each.begin, day)]
    last = begun[-1] if begun else None
    return None if last is None or not last.given or (last.end and after(day, last.end)) else last


def _decided(record: Record, kind: type[Said]) -> Iterator[tuple[Said | None, tuple[Said, ...], Decision]]:
    """Yield each decision with what it is on: its head, and all that was said there."""
    asked = {heard.message: heard.said for heard in live(record)}
    for heard in live(record):
        for decision in heard.said:
            if isinstance(decision, Decision):
                said = asked.get(decision.answers, ())
                yield next((each for each in said if isinstance(each, kind)), None), said, decision


def ho026(case: Case) -> Iterator[Fault]:
    """A decision is on the contract or the onderaannemer that the message tells of that it answers (HO026)."""
    asked = keys.answered_message(case.facts)
    places = {
        key
        for heard in case.past.get(asked, ())
        for each in heard.said
        if isinstance(each, Touched)
        for key in each.keys
    }
    for decision in case.of(Decision):
        key = keys.agreed(case.facts, (decision,))
        told = (each for heard in case.past.get(key, ()) if heard.message == asked for each in heard.said)
        numbers = {each.number for each in told if isinstance(each, Contract)}
        if (places and key not in places) or (numbers and decision.about not in numbers):
            yield decision, "ContractNummer" if case.facts.type.endswith("342") else "AgbCode"


def _agreed(case: Case) -> dict[str, list[Version]]:
    return versions(case.past.get(keys.agreement(case.facts), ()))


def _under(case: Case, order: Order, day: str) -> Version | None:
    return version_on(case.once_for_all(_agreed).get(order.contract, ()), day)


def ho019_opdracht(case: Case) -> Iterator[Fault]:
    """An order is given under a contract that both sides agreed to, in force on its first day (HO019)."""
    yield from ((order, "ContractNummer") for order in _kept(case) if _under(case, order, order.begin) is None)


def ho020_opdracht(case: Case) -> Iterator[Fault]:
    """What is ordered stands in the contract: the category, and in euros or in that unit (HO020)."""
    for order, version in _covered(case):
        if order.category and all(price.category != order.category for price in version.prices):
            yield order, "Product/Categorie"


def tr381(case: Case) -> Iterator[Fault]:
    """The code is one that the contract has in this category (TR381)."""
    for order, version in _covered(case):
        codes = {price.code for price in version.prices if price.category == order.category}
        if order.code and codes and not codes & {order.code, ""}:
            yield order, "Product/Code"


def ho021(case: Case) -> Iterator[Fault]:
    """The contract holds for the gemeente of the client (HO021)."""
    yield from ((order, "Gemeente") for order, version in _covered(case) if order.gemeente not in version.gemeenten)


def ho022(case: Case) -> Iterator[Fault]:
    """The gemeente of the client consents to this onderaannemer, for this category, when the order begins (HO022)."""
    for order in _kept(case):
        found = consent_on(consents(case.past.get(keys.consent(case.facts, order.gemeente), ())), order.begin)
        if found is None or (order.category and order.category not in found.categories):
            yield order, "Gemeente"


def ho023(case: Case) -> Iterator[Fault]:
    """Who was given an order passes it on only where the gemeente consents to that (HO023).

    It is the same work where both orders divide the same assignment, or none (taakgericht), in the same category.
    """
    for order in _kept(case):
        for payer, given in _given(case, order):
            known = consents(
                case.past.get(keys.consent_of(case.facts.wet, given.gemeente, payer, case.facts.sender), ())
            )
            found = consent_on(known, order.begin)
            if found is None or not found.divides:
                yield order, ""
                break


def _given(case: Case, order: Order) -> Iterator[tuple[str, Order]]:
    """Yield the orders that the sender holds itself for the same work, each with who gave it."""
    latest: dict[tuple[str, int], Order] = {}
    for heard in live(case.past.get(keys.given_to(case.facts.wet, case.facts.sender, case.bsn), ())):
        payer = keys.sender(heard.message)
        for given in newest(each for each in heard.said if isinstance(each, Order)).values():
            known = latest.get((payer, given.number), given)
            latest[payer, given.number] = newest((known, given))[given.number]
    same = (order.gemeente, order.assignment, order.category)
    for (payer, _), given in latest.items():
        if (given.gemeente, given.assignment, given.category) == same and not given.removed and _meet(given, order):
            yield payer, given


def _meet(one: Order, other: Order) -> bool:
    """Whether two orders have a day in common."""
    ends = ((one.end, other.begin), (other.end, one.begin))
    return not any(end and after(begin, end) for end, begin in ends)


def ho019_declaratie(case: Case) -> Iterator[Fault]:
    """What is declared was done under a contract that was in force then (HO019)."""
    for line in case.of(Line):
        order = case.orders.get(line.number) if line.number is not None else None
        number = order.contract if order else line.contract
        if number and not line.previous and version_on(case.once_for_all(_agreed).get(number, ()), line.begin) is None:
            yield line, "" if order else "ContractNummer"


def tr418(case: Case) -> Iterator[Fault]:
    """ProductTarief is that of the contract on the first day of the period, with the surcharge (TR418)."""
    for line, version in _declared(case):
        price = version.price(line.category, line.code, line.unit)
        hourly = version.price(line.category, line.code, HOURS) if line.unit == MINUTES else None
        told = price or hourly
        if told is None:
            yield line, "ProductCode" if line.code else "ProductCategorie"
        elif line.unit != EUROS and line.tariff is not None and not _fits(line, told, hourly=price is None):
            yield line, "ProductTarief"


def _fits(line: Line, price: Price, *, hourly: bool) -> bool:
    tariff = payable(price)
    if not hourly:
        return line.tariff == tariff
    minutes = line.volume or 0
    return line.tariff == (tariff + 30) // 60 and abs(line.amount) == (tariff * minutes + 30) // 60


def payable(price: Price) -> int:
    """Return the tariff with the surcharge, in eurocents, rounded half up."""
    return ((price.tariff or 0) * (WHOLE + (price.surcharge or 0)) * 2 + WHOLE) // (2 * WHOLE)


def _kept(case: Case) -> list[Order]:
    """Return the orders that are given or changed; what is told again as it was, needs no contract anew."""
    return [order for order in case.of(Order) if not order.removed and case.orders.get(order.number) != order]


def _covered(case: Case) -> Iterator[tuple[Order, Version]]:
    for order in _kept(case):
        version = _under(case, order, order.begin)
        if version is not None:
            yield order, version


def _declared(case: Case) -> Iterator[tuple[Line, Version]]:
    """Yield debits of orders that are known, with the contract of that day; of others level 3 tells."""
    for line in case.of(Line):
        order = case.orders.get(line.number) if line.number is not None else None
        version = _under(case, order, line.begin) if order and not line.previous else None
        if version is not None:
            yield line, version
