"""What is delivered in a planned month, and how it is declared; pure."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from itertools import count
from random import Random

from gateway.scenario.values import (
    EUROS,
    HOURS,
    IN_TOTAL,
    LAST,
    MINUTES,
    WEEK,
    Contract,
    Declaration,
    Instalment,
    Line,
    Order,
)


def declarations_of(rng: Random, contracts: Sequence[Contract], orders: Sequence[Order]) -> Iterator[Declaration]:
    """One per contract: all that was delivered under it."""
    references = count(1)
    many = 0
    for contract in contracts:
        own = [order for order in orders if order.contract == contract and order.started]
        lines = tuple(
            Line(reference=f"R{next(references)}", order=order, volume=volume, unit=unit)
            for order in own
            if contract.variant != "T"
            for volume, unit in [_delivered(rng, order)]
        )
        instalments = (
            (Instalment(reference=f"T{next(references)}", contract=contract),) if contract.variant == "T" else ()
        )
        if not lines and not instalments:
            continue
        large = [line.reference for line in lines if line.volume > 1]
        told = [line.reference for line in lines if line.unit != EUROS]
        yield Declaration(
            number=f"D{contract.wet}{contract.onder[-4:]}A",
            onder=contract.onder,
            wet=contract.wet,
            lines=lines,
            instalments=instalments,
            wrong=told[0] if many % 25 == 0 and told else "",
            rejected=frozenset(large[:1]) if many % 9 == 1 else frozenset(),
        )
        many += 1


def _delivered(rng: Random, order: Order) -> tuple[int, str]:
    """How much of an order is delivered in the month, and the unit in which that is declared."""
    extent, part = order.extent, rng.uniform(0.6, 1)
    if extent.budget is not None:
        return max(1, int(extent.budget // 12 // (2 * order.price.cents) * part)), HOURS
    most = extent.volume or 0
    if extent.frequency == WEEK:
        most *= weeks(order.begin)
    if extent.frequency == IN_TOTAL:
        most = -(-most // 3)
    if order.stopped:
        part *= 0.7
    if extent.unit == HOURS and order.number % 2:
        return int(60 * most * part), MINUTES
    return max(1, int(most * part)), extent.unit


def weeks(begin: str) -> int:
    """How many weeks, from Monday on, the rest of the month touches."""
    first, last = date.fromisoformat(begin), date.fromisoformat(LAST)
    return len({date.fromordinal(day).isocalendar()[:2] for day in range(first.toordinal(), last.toordinal() + 1)})


def again_of(declarations: Sequence[Declaration]) -> Iterator[Declaration]:
    """Return rejected lines with less volume and a reference of their own, in declarations of their own."""
    for each in declarations:
        lines = [line for line in each.lines if line.reference in each.rejected]
        if lines:
            put_right = tuple(
                replace(line, reference=f"{line.reference}B", volume=line.volume - 1 - line.volume // 10)
                for line in lines
            )
            yield replace(
                each, number=f"{each.number[:-1]}B", lines=put_right, instalments=(), wrong="", rejected=frozenset()
            )
