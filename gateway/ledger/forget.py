"""Taking one client out of the ledger: what must stay for now, and what of other records tells of them. Pure."""

from collections.abc import Mapping
from dataclasses import replace

from gateway.ledger.dossier import Fate, Fates, earlier, live, newest
from gateway.ledger.keys import assignment_of, number_of
from gateway.ledger.values import Heard, Line, Order, Record, Request, Said, Touched, Use


def needed(dossier: str, past: Mapping[str, Record]) -> set[str]:
    """Return the keys of all records that `in_use` and `forget` look at, as far as ``past`` has the dossier itself."""
    record = past.get(dossier, ())
    told = (heard.message for heard in record)
    return {dossier, *_numbers(dossier, record), *_references(dossier, record), *_orders(dossier, record), *told}


def in_use(dossier: str, past: Mapping[str, Record], today: str) -> str:
    """Return why a dossier cannot be missed on a day (ISO), in Dutch; empty if it can."""
    record = live(past.get(dossier, ()))
    orders = newest(earlier(record, Order)).values()
    if any(not order.removed and (not order.end or order.end >= today) for order in orders):
        return "Er loopt een opdracht of toewijzing."
    fates = Fates(past)
    lines = [(heard, each) for heard in record for each in heard.said if isinstance(each, Line)]
    if any(fates.of(heard, line) is Fate.DECLARED for heard, line in lines):
        return "Er is een declaratie die nog niet is beantwoord."
    return ""


def forget(dossier: str, past: Mapping[str, Record]) -> tuple[set[str], dict[str, Record]]:
    """Return which records go with a dossier, and which stay without it.

    That a number was used stays (TR332), without whose it was; a reference goes, for its answer needs the dossier.
    """
    record, gone, changed = past.get(dossier, ()), {dossier}, dict[str, Record]()
    messages = {heard.message for heard in record}
    for key in needed(dossier, past) - gone:
        left = tuple(heard for heard in (_without(each, dossier, key) for each in past.get(key, ())) if heard.said)
        if key.startswith(("betrokken/", "toewijzing/")):  # kept by others too, and all about this client
            left = tuple(heard for heard in left if heard.message not in messages)
        if left != past.get(key, ()):
            changed[key] = left
    gone |= {key for key, left in changed.items() if not left}
    return gone if record else set(), {key: left for key, left in changed.items() if left}


def _without(heard: Heard, dossier: str, key: str) -> Heard:
    return replace(heard, said=tuple(each for said in heard.said for each in _left(said, dossier, key)))


def _left(said: Said, dossier: str, key: str) -> tuple[Said, ...]:
    if isinstance(said, Use) and said.dossier == dossier:
        return (replace(said, dossier=""),) if key.startswith("nummer/") else ()
    if isinstance(said, Touched):
        own = {dossier, _given(dossier)}  # that tell of whom
        return (replace(said, keys=tuple(each for each in said.keys if each not in own)),)
    return (said,)


def _numbers(dossier: str, record: Record) -> set[str]:
    _, wet, payer, _, _ = dossier.split("/")
    return {number_of(wet, payer, order.number) for order in earlier(record, Order)}


def _orders(dossier: str, record: Record) -> set[str]:
    """Return where else its orders are kept: with the assignment that they divide, and with who got them."""
    _, wet, payer, provider, _ = dossier.split("/")
    orders = list(earlier(record, Order))
    divided = {assignment_of(wet, order.gemeente, payer, order.assignment) for order in orders if order.assignment}
    own = {assignment_of(wet, payer, provider, order.number) for order in orders if not order.gemeente}
    return {_given(dossier), *divided, *own} if orders else set()


def _given(dossier: str) -> str:
    _, wet, _, provider, bsn = dossier.split("/")
    return f"betrokken/{wet}/{provider}/{bsn}"


def _references(dossier: str, record: Record) -> set[str]:
    _, wet, _, provider, _ = dossier.split("/")
    return {f"referentie/{wet}/{provider}/{request.reference}" for request in earlier(record, Request)}
