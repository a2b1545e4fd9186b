"""Orders that divide a municipal assignment among onderaannemers, held against that assignment."""

from collections.abc import Iterator
from itertools import chain

from gateway.ledger import keys, volume
from gateway.ledger.dossier import Case, Fault, live, newest
from gateway.ledger.values import Order, Record
from gateway.rules.klasse import after


def assigned(record: Record) -> Order | None:
    """Return the newest state of the assignment, as far as the gemeente sent it past here."""
    granted = newest(_orders(record, of_gemeente=True)).values()
    return next(iter(granted), None)


def divided(record: Record) -> dict[int, Order]:
    """Return the newest state of each order that divides the assignment, by OpdrachtNummer, but for removed ones."""
    return {number: order for number, order in newest(_orders(record)).items() if not order.removed}


def _orders(record: Record, *, of_gemeente: bool = False) -> Iterator[Order]:
    told = (heard for heard in live(record) if heard.type.startswith("ho") is not of_gemeente)
    return (each for heard in told for each in heard.said if isinstance(each, Order))


def ho025(case: Case) -> Iterator[Fault]:
    """An order stays within the assignment that it divides, and all orders together do (HO025).

    An assignment that did not come past here says nothing; nor does a unit that cannot be compared with it. An order
    that is told again as it was (OP087) asks for nothing; one that asks less is never what makes it too much: so
    orders can follow an assignment that became smaller, one after the other.
    """
    for order in case.of(Order):
        known = case.orders.get(order.number)
        if order.assignment is None or order.removed or order == known:
            continue
        record = case.past.get(keys.assignment(case.facts, order), ())
        whole = assigned(record)
        if whole is None:
            continue
        if field := outside(order, whole):
            yield order, field
            continue
        if known is not None and not known.removed and _no_more(order, known):
            continue
        ours = {each.number: each for each in case.of(Order) if each.assignment == order.assignment}
        others = [each for each in {**divided(record), **ours}.values() if not each.removed and each != order]
        yield from ((order, field) for field in _too_much(order, others, whole))


def outside(order: Order, whole: Order) -> str:
    """Return the field in which an order is not a part of the assignment at all; empty if it may be."""
    if order.bsn != whole.bsn:
        return "Bsn"
    if whole.removed:
        return "ToewijzingNummer"
    if whole.category and (order.category, order.code or whole.code) != (whole.category, whole.code or order.code):
        return "Product"
    if after(whole.begin, order.begin):
        return "Ingangsdatum"
    return "Einddatum" if whole.end and (not order.end or after(order.end, whole.end)) else ""


def _no_more(order: Order, known: Order) -> bool:
    """Whether an order asks no more than it did: in its period, and of the same measure."""
    longer = after(known.begin, order.begin) or bool(known.end and (not order.end or after(order.end, known.end)))
    alike = (order.unit, order.frequency, order.assignment) == (known.unit, known.frequency, known.assignment)
    pairs = ((order.volume, known.volume), (order.budget, known.budget))
    less = all(now == was or (now is not None and was is not None and now < was) for now, was in pairs)
    return alike and less and not longer


def _too_much(order: Order, others: list[Order], whole: Order) -> Iterator[str]:
    if whole.budget is not None and order.budget is not None:
        if order.budget + sum(each.budget or 0 for each in others) > whole.budget:
            yield "Budget"
    elif whole.volume is not None and order.volume is not None and more_than(whole, [order, *others]):
        yield "Omvang/Volume"


def more_than(whole: Order, parts: list[Order]) -> bool:
    """Whether the parts are surely more than the whole: on one day, or in total where they are told otherwise."""
    measured = [(each, volume.measured(whole, each.volume or 0, each.unit)) for each in parts]
    known = [(each, much) for each, much in measured if much is not None]
    alike = [(each, much) for each, much in known if each.frequency == whole.frequency]
    if whole.frequency == volume.IN_TOTAL:
        return _more_in_total(whole, known)
    most = volume.measured(whole, whole.volume or 0, whole.unit) or 0
    on_a_day = (sum(much for each, much in alike if _runs(each, day.begin)) for day, _ in alike)
    return max(chain(on_a_day, (0,))) > most or (len(alike) < len(known) and _more_in_total(whole, known))


def _more_in_total(whole: Order, parts: list[tuple[Order, int]]) -> bool:
    total = volume.in_total(whole)
    if total is None:
        return False
    found = [volume.in_total(each) for each, _ in parts]
    scaled = [volume.measured(whole, each or 0, part.unit) or 0 for each, (part, _) in zip(found, parts, strict=True)]
    return sum(scaled) > (volume.measured(whole, total, whole.unit) or 0)


def _runs(order: Order, day: str) -> bool:
    return not after(order.begin, day) and (not order.end or not after(day, order.end))
