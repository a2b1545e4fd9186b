"""A change that both sides agreed on beforehand: within the Bandbreedte of their contract it is granted by rule. Pure.

Only how much and until when may change, of one order, from its first day on. It is held against the order as it was
first given: many small changes together stay within the band too. What was declared already stays within it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from gateway.ledger.dossier import earlier, live
from gateway.ledger.overeenkomst import WHOLE, Version, version_on
from gateway.ledger.values import Line, Order, Record, Request, Said, Wish
from gateway.ledger.verzoek import NEW, TO_CHANGE
from gateway.ledger.volume import in_total, measured
from gateway.rules.klasse import after, moment
from gateway.terms.decide import day_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """A change that is granted by rule."""

    order: Order
    """As it is from now on, but for when that was said."""
    contract: str


def band_of(known: Mapping[str, list[Version]]) -> bool:
    """Tell whether any contract between two parties has a band at all."""
    return any(version.contract.band for each in known.values() for version in each)


def granted(
    said: Iterable[Said], unit: str, dossier: Record, known: Mapping[str, list[Version]], day: str
) -> Granted | None:
    """Return the order that a request (HO317) changes within the band; None where somebody must decide.

    ``unit`` is that of the wished volume, empty if there is none; ``dossier`` all that was said about the client
    between these two, ``known`` their contracts, ``day`` the ISO date on which the contract must hold.
    """
    told = list(said)
    wishes = [each for each in told if isinstance(each, Wish)]
    changed = [each for each in wishes if each.kind == TO_CHANGE]
    requests = [each for each in told if isinstance(each, Request)]
    if len(changed) != 1 or len(requests) != 1 or any(each.kind == NEW for each in wishes):
        return None
    wish = changed[0]
    states = sorted(
        (each for each in earlier(live(dossier), Order) if each.number == wish.number),
        key=lambda each: (moment(each.date), each.time),
    )
    if not states or states[-1].removed or wish.begin != states[-1].begin:
        return None
    first, now = states[0], states[-1]
    version = version_on(known.get(now.contract, ()), day)
    wished = replace(now, volume=wish.volume, budget=wish.budget, end=wish.end, reference=requests[0].reference)
    alike = (wish.frequency, unit) == (now.frequency, now.unit) == (first.frequency, first.unit)
    if version is None or not version.contract.band or not alike or not _within(first, wished, version.contract.band):
        return None
    if not _holds(wished, [each for each in earlier(live(dossier), Line) if each.number == wished.number]):
        return None
    return Granted(order=wished, contract=now.contract)


def _within(first: Order, wished: Order, band: int) -> bool:
    """Whether no measure of an order lies further from what it first was than the band, in hundredths of a percent."""
    return all(
        before == after if before is None or after is None else abs(after - before) * WHOLE <= band * before
        for before, after in zip(_measures(first), _measures(wished), strict=True)
    )


def _holds(order: Order, lines: Iterable[Line]) -> bool:
    """Whether an order still holds all that was declared on it, also what was not approved: people look at that."""
    declared = list(lines)
    whole = in_total(order) if order.volume is not None else None
    much = sum((measured(order, each.volume or 0, each.unit) or 0) * (-1 if each.previous else 1) for each in declared)
    return not any(order.end and after(each.end, order.end) for each in declared) and (
        whole is None or much <= (measured(order, whole, order.unit) or 0)
    )


def _measures(order: Order) -> Iterator[int | None]:
    """How much each time, in total, in money, and in days."""
    yield order.volume
    yield in_total(order) if order.volume is not None else None
    yield order.budget
    begin, end = day_of(order.begin), day_of(order.end)
    yield (end - begin).days + 1 if begin and end else None
