"""What follows for orders when the gemeente changes the assignment that they divide. Pure.

An order only becomes smaller by itself: what no longer fits is shortened, made less or withdrawn. That more would fit
is a proposal, which people decide on.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from gateway.ledger.dossier import live
from gateway.ledger.values import Order, Record
from gateway.ledger.verdeling import outside
from gateway.orders.division import apportion, left, most, too_much
from gateway.rules.klasse import after, moment

REMOVED, SHORTER = "13", "05"
"""RedenWijziging (JZ002, WMO002) of what was taken back, and of what becomes less where the gemeente gave no reason."""


class Kind(StrEnum):
    """What happens to an order, as people read it."""

    WITHDRAW = "intrekken"
    SHORTEN = "inkorten"
    LESS = "verkleinen"
    EXTEND = "verlengen"
    """Only proposed."""
    MORE = "vergroten"
    """Only proposed."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Step:
    """One order that changes: from what it is to what it becomes, and why, in Dutch."""

    kind: Kind
    number: int
    was: Order
    becomes: Order
    why: str

    @property
    def by_itself(self) -> bool:
        """Whether it follows from the assignment, so that nobody has to choose."""
        return self.kind not in (Kind.EXTEND, Kind.MORE)


def cascade(before: Order | None, now: Order, orders: Mapping[int, Order]) -> list[Step]:
    """Return what follows for each order, by number: at most one step that must, else perhaps one that may.

    ``before`` is the assignment as it was when it was divided, None if it never changed.
    """
    steps = {number: step for number, order in sorted(orders.items()) if (step := _outgrown(now, order))}
    kept = {number: steps[number].becomes if number in steps else order for number, order in orders.items()}
    standing = {number: order for number, order in kept.items() if not order.removed}
    for number, smaller in _smaller(now, standing).items():
        steps[number] = _less(orders[number], smaller, now)
    if before is not None and not steps and not now.removed:
        steps |= {step.number: step for step in _room_for_more(before, now, orders)}
    return [steps[number] for number in sorted(steps)]


def _outgrown(now: Order, order: Order) -> Step | None:
    """Return what must happen to an order that lies outside its assignment."""
    if order.removed:
        return None
    if now.removed:
        return _withdrawn(order, "De gemeente heeft de toewijzing ingetrokken.")
    field = outside(order, now)
    if not field:
        return None
    if field == "Einddatum" and not after(order.begin, now.end):
        shorter = replace(order, end=now.end, reason=_reason(now))
        return Step(
            kind=Kind.SHORTEN, number=order.number, was=order, becomes=shorter,
            why=f"De toewijzing eindigt nu op {now.end}.",
        )  # fmt: skip
    why = {
        "Einddatum": f"De toewijzing eindigt nu op {now.end}, voordat deze opdracht begint.",
        "Ingangsdatum": f"De toewijzing begint nu op {now.begin}. Geef daarna een nieuwe opdracht.",
    }
    return _withdrawn(order, why.get(field, "De toewijzing is nu een andere. Geef daarna een nieuwe opdracht."))


def _withdrawn(order: Order, why: str) -> Step:
    gone = replace(order, end=order.begin, reason=REMOVED)
    return Step(kind=Kind.WITHDRAW, number=order.number, was=order, becomes=gone, why=why)


def _less(was: Order, becomes: Order, now: Order) -> Step:
    if 0 in (becomes.volume, becomes.budget):
        return _withdrawn(was, "De gemeente wees minder toe; voor deze opdracht blijft niets over.")
    shorter = f" De opdracht eindigt dan op {becomes.end}." if becomes.end != was.end else ""
    return Step(
        kind=Kind.LESS, number=was.number, was=was, becomes=replace(becomes, reason=_reason(now)),
        why=f"De gemeente wees minder toe. Naar verhouding houdt deze opdracht dit over.{shorter}",
    )  # fmt: skip


def _smaller(now: Order, orders: Mapping[int, Order]) -> dict[int, Order]:
    """Return the orders that become less, each in proportion, where together they are more than their assignment."""
    if now.removed or not too_much(now, list(orders.values())):
        return {}
    numbers = sorted(orders)
    have = [_much(now, orders[number]) for number in numbers]

    def given(parts: Sequence[int]) -> list[Order]:
        return [_with(now, orders[number], much) for number, much in zip(numbers, parts, strict=True)]

    def floors(total: int) -> list[int]:
        return [total * each // sum(have) for each in have]

    total = most(sum(have), lambda total: not too_much(now, given(floors(total))))
    fair = apportion(total, have)
    parts = fair if not too_much(now, given(fair)) else floors(total)
    changed = zip(numbers, given(parts), strict=True)
    return {number: order for number, order in changed if order != orders[number]}


def _much(now: Order, order: Order) -> int:
    return (order.volume if now.budget is None else order.budget) or 0


def _with(now: Order, order: Order, much: int) -> Order:
    if now.budget is None:
        return order if order.volume is None else replace(order, volume=much)
    return order if order.budget is None else replace(order, budget=much)


def _room_for_more(before: Order, now: Order, orders: Mapping[int, Order]) -> Iterable[Step]:
    """Propose that orders grow along with their assignment: those that ended with it, and the room to one alone."""
    ends = not now.end or (before.end and after(now.end, before.end))
    longer = {
        number: replace(order, end=now.end)
        for number, order in orders.items()
        if before.end and ends and order.end == before.end
    }
    for number, order in longer.items():
        if not too_much(now, [*({**orders, number: order}).values()]):
            until = f"tot en met {now.end}" if now.end else "zonder einddatum"
            yield Step(
                kind=Kind.EXTEND, number=number, was=orders[number], becomes=order,
                why=f"De toewijzing loopt nu {until}.",
            )  # fmt: skip
    grown = (now.volume or 0) > (before.volume or 0) or (now.budget or 0) > (before.budget or 0)
    room = left(now, list(orders.values()))
    if grown and room and len(orders) == 1 and not longer:
        ((number, order),) = orders.items()
        more = _with(now, order, _much(now, order) + room)
        why = "De gemeente wees meer toe dan er verdeeld is."
        yield Step(kind=Kind.MORE, number=number, was=order, becomes=more, why=why)


def _reason(now: Order) -> str:
    """Return why: as the gemeente said it of its own assignment, if it did."""
    return now.reason if now.reason and now.reason != REMOVED else SHORTER


def earlier_state(record: Record, number: int) -> Order | None:
    """Return the assignment as it was before its newest change; None if it was told once."""
    told = [
        each
        for heard in live(record)
        if not heard.type.startswith("ho")
        for each in heard.said
        if isinstance(each, Order) and each.number == number
    ]
    ordered = sorted(told, key=lambda each: (moment(each.date), each.time))
    return ordered[-2] if len(ordered) > 1 else None
