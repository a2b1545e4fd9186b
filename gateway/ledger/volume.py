"""The most volume that an order allows: in a period that is declared, and as a whole (IV076, IV077, IV078).

Volumes are whole numbers in the unit of the order; eurocents if that is 83. What the standard leaves to agreement is
allowed, for a false refusal is worse (OP095): which broken months of an output may be declared in full, and how a
traject (a total in euros) is divided over its months.
"""

from datetime import date
from functools import lru_cache

from gateway.ledger.values import Order

DAY, WEEK, MONTH, IN_TOTAL = "1", "2", "4", "6"
"""Frequentie (WMO757); with the last the volume is that of the whole order."""
OUTPUT = frozenset({"82", "83"})
"""Units of a result: pieces and euros. All others are units of effort (inspanning)."""
MINUTE, HOUR = "01", "04"
HOUSEHOLD = ("WMO", "01")
"""Law and category of household help, that may shift between weeks: any month may hold six (IV077)."""
WEEKS_IN_A_MONTH = 6


def in_period(order: Order, wet: str, begin: str, end: str) -> int:
    """Return the most that may be declared from ``begin`` to ``end``, ISO dates within one month and the order.

    The order has an Omvang, so a volume and a frequency.
    """
    if order.frequency == WEEK and (wet, order.category) == HOUSEHOLD:
        return WEEKS_IN_A_MONTH * (order.volume or 0)
    return _times(order, begin, end) * (order.volume or 0)


def in_total(order: Order) -> int | None:
    """Return the most that may be declared on the whole order; None if it has no end, and so no total."""
    if order.frequency == IN_TOTAL:
        return order.volume
    return _times(order, order.begin, order.end) * (order.volume or 0) if order.end else None


def measured(order: Order, volume: int, unit: str) -> int | None:
    """Return a volume in the smallest unit that fits the order; None if this unit does not fit it (TR341).

    That is the unit of the order itself, but minutes for hours: what was assigned in hours may be declared in minutes.
    """
    if order.unit == HOUR and unit in {HOUR, MINUTE}:
        return volume * (60 if unit == HOUR else 1)
    return volume if unit == order.unit else None


def _times(order: Order, begin: str, end: str) -> int:
    """How many times its volume an order allows from one ISO date to another."""
    first, last = _date(begin), _date(end)
    if order.frequency == IN_TOTAL:
        return 1
    if order.frequency == MONTH:
        return (last.year - first.year) * 12 + last.month - first.month + 1
    if order.frequency == DAY:
        return (last - first).days + 1
    if order.unit in OUTPUT:
        return _sundays(first, last) + _ends_with_a_part_of_a_week(order, first, last)
    return _weeks(first, last)


# Ordinals count days from Monday 1 January of the year 1: weeks need no calendar, Sundays are the multiples of seven.


def _weeks(first: date, last: date) -> int:
    """How many ISO weeks are touched from one day to another; a week of effort counts in each month it touches."""
    return (last.toordinal() - 1) // 7 - (first.toordinal() - 1) // 7 + 1


def _sundays(first: date, last: date) -> int:
    """How many Sundays there are from one day to another; a week of output counts where its Sunday is."""
    return last.toordinal() // 7 - (first.toordinal() - 1) // 7


def _ends_with_a_part_of_a_week(order: Order, first: date, last: date) -> bool:
    """Whether the days after the last Sunday of the order count as a week in this period.

    They count with that Sunday. An order without any Sunday has no more than those days; they count where they lie.
    """
    if not order.end:
        return False
    end = _date(order.end).toordinal()
    sunday = end // 7 * 7
    within = first.toordinal() <= sunday <= last.toordinal()
    return sunday != end and (within or sunday < _date(order.begin).toordinal())


@lru_cache(maxsize=1024)
def _date(iso: str) -> date:
    """The date; the first or last one that a calendar knows if its year lies outside."""
    if len(iso) != len("2026-01-01"):
        return date.min if iso.startswith("-") else date.max
    return date.fromisoformat(iso)
