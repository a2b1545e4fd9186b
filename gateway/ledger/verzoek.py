"""Requests (315, 317) and the answers to them (319), against what was granted, asked for and answered before."""

from collections.abc import Iterator

from gateway.ledger import keys
from gateway.ledger.dossier import Case, Fault, Orders, earlier, live, surely
from gateway.ledger.values import Order, Record, Reply, Request, Use, Wish
from gateway.ledger.volume import IN_TOTAL
from gateway.rules.klasse import after, moment
from gateway.rules.toewijzing import FOREVER, NO_MORE_OLD_ASSIGNMENTS, WMO_TOOLS, clashes

UNCHANGED, TO_CHANGE, NEW = "OngewijzigdProduct", "TeWijzigenProduct", "NieuwProduct"
REFUSED, LOOKING_INTO = "1", "2"
"""VerzoekAntwoord."""


def tr347(case: Case) -> Iterator[Fault]:
    """A ReferentieAanbieder is used for one request per provider and law (iStandaarden 3.2, TR347)."""
    for request in case.of(Request):
        if live(case.past.get(keys.reference(case.facts, request.reference), ())):
            yield request, "ReferentieAanbieder"


def tr374(case: Case) -> Iterator[Fault]:
    """There is one open request per client, provider and payer (TR374, OP350).

    A request is open until it is refused for good (319) or an assignment (301) bears its reference; of a 315 each
    product has a reference of its own and all must be answered. It is open from when it was sent: its sender knows it.
    """
    asked = {each.reference for each in earlier(case.record, Request)}
    granted = {each.reference for each in earlier(case.record, Order)}
    refused = {each.reference for each in earlier(case.record, Reply) if each.answer == REFUSED}
    if asked - granted - refused:
        yield from ((request, "") for request in case.of(Request)[:1])


def tr304(case: Case) -> Iterator[Fault]:
    """A change is asked for a client who has an assignment or order from the receiver (TR304)."""
    if not case.orders:
        yield from ((request, "Bsn") for request in case.of(Request))


def tr349(case: Case) -> Iterator[Fault]:
    """A 317 names every current assignment of the client, unchanged or to change (TR349).

    Only those that were given before the day of the request: of others its sender need not know (OP095).
    """
    named = {wish.number for wish in case.of(Wish)}
    current = {
        number
        for number, order in case.orders_known.items()
        if _current(order, case) and _current(case.orders[number], case)
    }
    if current - named:
        yield from ((request, "") for request in case.of(Request))


def tr350(case: Case) -> Iterator[Fault]:
    """What stays unchanged is a current assignment (TR350)."""
    return _not_current(case, UNCHANGED)


def tr351(case: Case) -> Iterator[Fault]:
    """What is to change is a current assignment (TR351)."""
    return _not_current(case, TO_CHANGE)


def tr357(case: Case) -> Iterator[Fault]:
    """A change that does not lie in the future begins when the assignment began (TR357)."""

    def faults(orders: Orders) -> Iterator[Fault]:
        for wish, order in _changes(case, orders):
            if not after(wish.begin, case.facts.dated) and wish.begin != order.begin:
                yield wish, "GewensteIngangsdatum"

    return surely(case, faults)


def tr361(case: Case) -> Iterator[Fault]:
    """The same product is not asked for twice at one time, whether it stays, changes or is new (TR361).

    What overlaps is what TR302 says, for the same reason: tools of the Wmo (categories 11 to 14) do not.
    """

    def faults(orders: Orders) -> Iterator[Fault]:
        periods = []
        for wish in case.of(Wish):
            order = orders.get(wish.number) if wish.number is not None else None
            if wish.kind != NEW and order is None:
                continue
            category, code = (order.category, order.code) if order else (wish.category, wish.code)
            begin, end = (order.begin, order.end) if order and wish.kind == UNCHANGED else (wish.begin, wish.end)
            if case.facts.wet != "WMO" or category not in WMO_TOOLS:
                periods.append((moment(begin), moment(end or FOREVER), category, code, wish))
        for wish in clashes(periods):
            yield wish, "ToewijzingNummer" if wish.kind == UNCHANGED else "GewensteIngangsdatum"

    return surely(case, faults)


def tr373(case: Case) -> Iterator[Fault]:
    """Another budget, or another total volume, holds for the whole assignment: from its first day (TR373)."""

    def faults(orders: Orders) -> Iterator[Fault]:
        for wish, order in _changes(case, orders):
            budget = wish.budget is not None and wish.budget != order.budget
            total = wish.frequency == order.frequency == IN_TOTAL and wish.volume != order.volume
            if (budget or total) and wish.begin != order.begin:
                yield wish, "GewensteIngangsdatum"

    return surely(case, faults)


def tr375(case: Case) -> Iterator[Fault]:
    """An assignment without a product has no Omvang, unless all ends before 2021 (TR375)."""

    def faults(orders: Orders) -> Iterator[Fault]:
        for wish, order in _changes(case, orders):
            if not order.category and wish.volume is not None and _runs_on(wish):
                yield wish, "Omvang"

    return surely(case, faults)


def tr411(case: Case) -> Iterator[Fault]:
    """An assignment with a product code has an Omvang (TR411)."""

    def faults(orders: Orders) -> Iterator[Fault]:
        for wish, order in _changes(case, orders):
            if order.code and wish.volume is None:
                yield wish, ""

    return surely(case, faults)


def tr412(case: Case) -> Iterator[Fault]:
    """An assignment with a product category and no code has no Omvang, unless all ends before 2021 (TR412).

    One without any product falls under TR375.
    """

    def faults(orders: Orders) -> Iterator[Fault]:
        for wish, order in _changes(case, orders):
            if order.category and not order.code and wish.volume is not None and _runs_on(wish):
                yield wish, "Omvang"

    return surely(case, faults)


def tr355(case: Case) -> Iterator[Fault]:
    """An answer has the reference of an earlier request between these two (TR355)."""
    return ((reply, "ReferentieAanbieder") for reply in case.of(Reply) if not _asked(case, reply))


def tr359(case: Case) -> Iterator[Fault]:
    """After an assignment (301) that honours a request no answer to it follows (TR359)."""
    for reply in case.of(Reply):
        if any(order.reference == reply.reference for order in earlier(_asked(case, reply), Order)):
            yield reply, "ReferentieAanbieder"


def tr360(case: Case) -> Iterator[Fault]:
    """That a request is being looked into is only said first, and once (TR360)."""
    for reply in case.of(Reply):
        if reply.answer == LOOKING_INTO and LOOKING_INTO in _answers(case, reply):
            yield reply, "VerzoekAntwoord"


def tr365(case: Case) -> Iterator[Fault]:
    """After a final answer no other follows (TR365). A second 'being looked into' falls under TR360."""
    for reply in case.of(Reply):
        if REFUSED in _answers(case, reply):
            yield reply, "VerzoekAntwoord"


def _asked(case: Case, reply: Reply) -> Record:
    """The dossier of the request that this is an answer to; nothing if there is no such request between these two."""
    ours = keys.dossier(case.facts, "")
    for use in earlier(live(case.past.get(keys.reference(case.facts, reply.reference), ())), Use):
        if use.dossier.startswith(ours):
            return live(case.past.get(use.dossier, ()))
    return ()


def _answers(case: Case, reply: Reply) -> set[str]:
    return {each.answer for each in earlier(_asked(case, reply), Reply) if each.reference == reply.reference}


def _current(order: Order, case: Case) -> bool:
    """Whether an assignment holds on the day of the message or later (TR349)."""
    return not order.removed and (not order.end or not after(case.facts.dated, order.end))


def _not_current(case: Case, kind: str) -> Iterator[Fault]:
    def faults(orders: Orders) -> Iterator[Fault]:
        for wish in case.of(Wish):
            order = orders.get(wish.number) if wish.number is not None else None
            if wish.kind == kind and (order is None or not _current(order, case)):
                yield wish, "ToewijzingNummer"

    return surely(case, faults) if case.orders else iter(())


def _changes(case: Case, orders: Orders) -> Iterator[tuple[Wish, Order]]:
    """What is to change, each with the assignment as it is; what is not current falls under TR351."""
    for wish in case.of(Wish):
        order = orders.get(wish.number) if wish.number is not None else None
        if wish.kind == TO_CHANGE and order is not None and _current(order, case):
            yield wish, order


def _runs_on(wish: Wish) -> bool:
    return not wish.end or after(wish.end, NO_MORE_OLD_ASSIGNMENTS)
