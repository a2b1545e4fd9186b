"""Who is involved with a client, and which of that one party may see. Pure.

A party sees the chain that it is part of: all below it, and above it whoever it works for; never who stands beside it.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from gateway.ledger.dossier import earlier, live, newest
from gateway.ledger.values import Order, Record, Task
from gateway.orders.standing import state_on


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Tie:
    """That one party gave another an assignment or an order for this client."""

    payer: str
    provider: str
    order: Order
    tasks: tuple[tuple[str, str], ...] = ()
    """TaakCode and who does it (H, O)."""

    @property
    def place(self) -> str:
        """The gemeente that is responsible."""
        return self.order.gemeente or self.payer


Pair = tuple[str, str, str]
"""Gemeente, payer, provider: between whom something stands."""


def ties(payer: str, provider: str, record: Record) -> list[Tie]:
    """Return what stands between two parties about a client, by their record of that client; nothing withdrawn."""
    heard = live(record)
    tasks: dict[int, tuple[tuple[str, str], ...]] = {}
    orders = newest(earlier(heard, Order))
    for each in heard:
        for order in each.said:
            if isinstance(order, Order) and orders[order.number] == order:
                own = (task for task in each.said if isinstance(task, Task) and task.number == order.number)
                tasks[order.number] = tuple((task.code, task.who) for task in own)
    return [
        Tie(payer=payer, provider=provider, order=order, tasks=tasks[number])
        for number, order in sorted(orders.items())
        if not order.removed
    ]


def involved(codes: Collection[str], known: Iterable[Tie], day: str) -> list[Tie]:
    """Return what a party that may act for ``codes`` sees, oldest first; nothing if none of its own runs on a day.

    Of parties that it sees, what ended before is told too; a chain is always of one gemeente.
    """
    all_ties = list(known)
    running = [each for each in all_ties if state_on(each.order, day) in ("loopt", "toekomstig")]
    pairs: set[Pair] = set()
    for each in running:
        if {each.payer, each.provider} & set(codes):
            same = {(tie.payer, tie.provider) for tie in running if tie.place == each.place}
            own = (each.payer, each.provider)
            reached = _reach(own, same, up=True) | _reach(own, same, up=False)
            pairs |= {(each.place, *pair) for pair in reached}
    seen = [each for each in all_ties if (each.place, each.payer, each.provider) in pairs]
    return sorted(seen, key=lambda each: (each.order.begin, each.payer, each.provider, each.order.number))


def _reach(start: tuple[str, str], known: Collection[tuple[str, str]], *, up: bool) -> set[tuple[str, str]]:
    """Return a pair of payer and provider with all that follow on it: who is below them, or who is above."""
    found, waiting = {start}, [start]
    while waiting:
        payer, provider = waiting.pop()
        more = {pair for pair in known if (pair[1] == payer if up else pair[0] == provider)} - found
        found |= more
        waiting += more
    return found
