"""How one order stands: what was agreed, declared, approved, paid for, and what is left. Pure, whole numbers.

Both parties see the same. Volumes are in the smallest unit of the order (minutes for hours, eurocents for euros),
amounts in eurocents, dates ISO.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from gateway.ledger import volume
from gateway.ledger.dossier import Fate, Fates, earlier, live, newest
from gateway.ledger.levering import Delivery, advance
from gateway.ledger.levering import State as Delivered
from gateway.ledger.overeenkomst import Version, payable, version_on
from gateway.ledger.values import Line, Order, Record, Start, Stop
from gateway.rules.hoa import EUROS
from gateway.rules.klasse import after


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """So many lines: how much in all, in the smallest unit, and eurocents."""

    lines: int = 0
    volume: int = 0
    amount: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Told:
    """One declared line, and what became of it."""

    line: Line
    fate: Fate
    declared: str
    """Dagtekening of its declaration."""
    credited: bool
    """Whether it is a debit that was credited since."""
    due: str
    """Until when an approved debit may take to be paid; empty where no contract tells."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Standing:
    """One order on one day."""

    order: Order
    state: str
    """In Dutch: toekomstig, loopt, afgelopen, ingetrokken."""
    unit: str
    """In which volumes are counted."""
    tariff: int | None
    """Eurocents per unit of the order, with the surcharge."""
    whole: int | None
    """Volume of the whole order; None if it has none, or no end."""
    money: int | None
    """What the whole order may cost, in eurocents; None if that cannot be told."""
    begun: str
    ended: str
    lines: tuple[Told, ...]
    declared: Sum
    waiting: Sum
    approved: Sum
    rejected: Sum
    credited: Sum
    used: Sum
    """What takes room: approved and waiting, but for what was credited."""
    left: int | None
    """Of ``whole``."""
    left_money: int | None
    """Of ``money``."""
    payable: int
    """What the answers (325) approved in all, credits off."""
    due: str
    """The last day on which some of that falls due; empty if nothing does."""


def standing(
    number: int, record: Record, fates: Fates, known: Sequence[Version], day: str, *, own: bool = False
) -> Standing | None:
    """Return how order ``number`` stands on a day; None if this record of its client does not have it.

    ``known`` are the versions of its contract; ``own`` says that it is an assignment, which has none here.
    """
    heard = live(record)
    order = newest(earlier(heard, Order)).get(number)
    if order is None:
        return None
    version = None if own else version_on(known, order.begin)
    days = version.contract.days if version else None
    tariff = _tariff(order, version)
    lines = tuple(_lines(number, heard, fates, days))
    debits = [each for each in lines if not each.line.previous]
    whole, money = _whole(order), _money(order, tariff)
    used = _sum(order, debits, lambda each: each.fate != Fate.REJECTED and not each.credited)
    approved = [each for each in lines if each.fate == Fate.APPROVED]
    deliveries = _deliveries(number, heard)
    stops = [each.stop.end for each in deliveries.values() if each.stop]
    due = [each.due for each in approved if each.due and not each.credited and not each.line.previous]
    return Standing(
        order=order,
        state=state_on(order, day),
        unit=smallest(order),
        tariff=tariff,
        whole=whole,
        money=money,
        begun=min(deliveries, default=""),
        ended="" if len(stops) < len(deliveries) else max(stops, default=""),
        lines=lines,
        declared=_sum(order, debits, lambda _: True),
        waiting=_sum(order, debits, lambda each: each.fate == Fate.DECLARED and not each.credited),
        approved=_sum(order, debits, lambda each: each.fate == Fate.APPROVED and not each.credited),
        rejected=_sum(order, debits, lambda each: each.fate == Fate.REJECTED),
        credited=_sum(order, debits, lambda each: each.credited),
        used=used,
        left=None if whole is None else whole - used.volume,
        left_money=None if money is None else money - used.amount,
        payable=sum(each.line.amount for each in approved),
        due=max(due, default=""),
    )


def state_on(order: Order, day: str) -> str:
    """Return in one Dutch word where an order is on a day."""
    if order.removed:
        return "ingetrokken"
    if after(order.begin, day):
        return "toekomstig"
    return "afgelopen" if order.end and after(day, order.end) else "loopt"


def smallest(order: Order) -> str:
    """Return the unit in which volumes of an order are counted; empty if it has no volume."""
    return volume.MINUTE if order.unit == volume.HOUR else order.unit


def _whole(order: Order) -> int | None:
    total = None if order.volume is None else volume.in_total(order)
    return None if total is None else volume.measured(order, total, order.unit)


def _money(order: Order, tariff: int | None) -> int | None:
    if order.budget is not None:
        return order.budget
    total = None if order.volume is None else volume.in_total(order)
    if total is None or order.unit == EUROS:
        return total
    return None if tariff is None else total * tariff


def _tariff(order: Order, version: Version | None) -> int | None:
    price = version.price(order.category, order.code, order.unit) if version else None
    return None if price is None or price.tariff is None else payable(price)


def _lines(number: int, heard: Record, fates: Fates, days: int | None) -> Iterable[Told]:
    found = [(each, line) for each in heard for line in each.said if isinstance(line, Line) and line.number == number]
    fated = [(each, line, fates.of(each, line)) for each, line in found]
    credited = {line.previous for _, line, fate in fated if line.previous and fate not in (Fate.REJECTED, Fate.VOID)}
    told = [
        Told(
            line=line, fate=fate, declared=each.dated, credited=line.reference in credited,
            due="" if days is None or fate != Fate.APPROVED or line.previous else _later(each.dated, days),
        )
        for each, line, fate in fated
        if fate != Fate.VOID
    ]  # fmt: skip
    return sorted(told, key=lambda each: (each.declared, each.line.begin, each.line.reference))


def _sum(order: Order, lines: Iterable[Told], counts: Callable[[Told], bool]) -> Sum:
    chosen = [each.line for each in lines if counts(each)]
    sizes = [volume.measured(order, line.volume or 0, line.unit) or 0 for line in chosen]
    return Sum(lines=len(chosen), volume=sum(sizes), amount=sum(line.amount for line in chosen))


def _deliveries(number: int, heard: Record) -> dict[str, Delivery]:
    """Return the deliveries on an order by the day on which each began, but for those that were taken back."""
    found: dict[str, Delivery] = {}
    for report in (each for told in heard for each in told.said if isinstance(each, Start | Stop)):
        if report.number == number:
            outcome = advance(found.get(report.begin, Delivery()), report)
            if isinstance(outcome, Delivery):
                found[report.begin] = outcome
    return {begin: each for begin, each in found.items() if each.state != Delivered.ABSENT}


def _later(day: str, days: int) -> str:
    return (date.fromisoformat(day) + timedelta(days=days)).isoformat()
