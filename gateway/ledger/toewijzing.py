"""An assignment or order (301) against what was granted, asked for and declared before."""

from collections.abc import Iterator

from gateway.ledger import keys
from gateway.ledger.dossier import Case, Fault, earlier, live
from gateway.ledger.values import Order, Request, Use


def tr332(case: Case) -> Iterator[Fault]:
    """A number stands for one assignment per payer and law (iStandaarden 3.2, TR332).

    It is another assignment when it is of another client, of another provider, or for another product. A new date,
    volume or budget under the same number is a change of the same one (OP033x1).
    """
    for order in case.of(Order):
        uses = earlier(live(case.past.get(keys.order_number(case.facts, order.number), ())), Use)
        known = case.orders.get(order.number, order)
        if any(use.dossier != case.dossier for use in uses) or _product(known) != _product(order):
            yield order, "ToewijzingNummer"


def tr379(case: Case) -> Iterator[Fault]:
    """ReferentieAanbieder is that of the request which is honoured, and only the first time (TR379).

    Whether an assignment without a reference honours a request cannot be seen, so that is never wrong.
    """
    asked = {each.reference for each in earlier(case.record, Request)}
    honoured = {(each.number, each.reference) for each in earlier(case.record, Order)}
    for order in case.of(Order):
        fits = order.reference in asked and (order.number, order.reference) not in honoured
        if order.reference and not fits:
            yield order, "ReferentieAanbieder"


def tr385(case: Case) -> Iterator[Fault]:
    """An assignment with approved lines that are not credited cannot be removed (reason 13, TR385)."""
    removed = [order for order in case.of(Order) if order.removed]
    if not removed:
        return
    approved = {line.number for reference, line in case.approved.items() if reference not in case.credited}
    yield from ((order, "RedenWijziging") for order in removed if order.number in approved)


def _product(order: Order) -> tuple[str, str]:
    return order.category, order.code
