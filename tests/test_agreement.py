"""What contracts and assignments allow, held against sums that are made the long way."""

from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from test_ledger_rules import ORDER

from gateway.ledger.overeenkomst import Consent, Version, consent_on, payable, version_on
from gateway.ledger.values import Contract, Order, Price
from gateway.ledger.verdeling import more_than

FIRST = date(2026, 1, 1)
DAYS = st.integers(0, 40).map(lambda days: (FIRST + timedelta(days=days)).isoformat())
PERIODS = st.tuples(DAYS, DAYS).map(lambda days: (min(days), max(days)))
PARTS = st.lists(st.builds(lambda period, volume: (period, volume), PERIODS, st.integers(0, 9)), max_size=4)
HOURS, MINUTES, WEEKLY, MONTHLY, IN_TOTAL = "04", "01", "2", "4", "6"
MONTH = ("2026-02-01", "2026-02-28")


def every_day(begin: str, end: str) -> list[str]:
    count = (date.fromisoformat(end) - date.fromisoformat(begin)).days
    return [(date.fromisoformat(begin) + timedelta(days=each)).isoformat() for each in range(count + 1)]


def order(period: tuple[str, str], volume: int, frequency: str, unit: str = HOURS) -> Order:
    return replace(ORDER, begin=period[0], end=period[1], volume=volume, frequency=frequency, unit=unit)


@given(st.integers(0, 12), PARTS)
def test_orders_of_one_rhythm_are_too_much_if_they_are_on_any_one_day(most: int, parts):
    whole = order(("2026-01-01", "2026-02-28"), most, WEEKLY)
    told = [order(period, volume, WEEKLY) for period, volume in parts]
    spent = dict.fromkeys(every_day("2026-01-01", "2026-02-28"), 0)
    for (begin, end), volume in parts:
        for day in every_day(begin, end):
            spent[day] += volume
    assert more_than(whole, told) == any(much > most for much in spent.values())


@given(st.integers(0, 40), st.lists(st.tuples(st.integers(0, 9), st.sampled_from([IN_TOTAL, MONTHLY])), max_size=4))
def test_of_a_total_orders_take_what_each_comes_to_in_whatever_rhythm(most: int, parts):
    whole = order(MONTH, most, IN_TOTAL)
    told = [order(MONTH, volume, frequency) for volume, frequency in parts]
    assert more_than(whole, told) == (sum(volume for volume, _ in parts) > most)


@given(st.integers(0, 9), st.lists(st.integers(0, 300), max_size=3))
def test_an_assignment_in_hours_is_divided_in_minutes_too(most: int, parts: list[int]):
    told = [order(MONTH, volume, IN_TOTAL, MINUTES) for volume in parts]
    assert more_than(order(MONTH, most, IN_TOTAL), told) == (sum(parts) > most * 60)


@given(st.integers(0, 10**7), st.none() | st.integers(0, 10_000))
def test_a_surcharge_is_rounded_half_up_once(tariff: int, surcharge: int | None):
    exact = Fraction(tariff) * (1 + Fraction(surcharge or 0, 10_000))
    price = Price(category="45", unit=HOURS, tariff=tariff, surcharge=surcharge)
    assert payable(price) == (exact + Fraction(1, 2)).__floor__()


def version(number: int, period: tuple[str, str], *, ends: bool) -> Version:
    contract = Contract(number=str(number), variant="I", begin=period[0], end=period[1] if ends else "", days=30)
    return Version(contract=contract, gemeenten=frozenset(), prices=())


@given(st.lists(st.tuples(PERIODS, st.booleans()), max_size=5), DAYS)
def test_on_a_day_the_last_version_holds_that_began_until_it_ends(told, day: str):
    known = [version(number, period, ends=ends) for number, (period, ends) in enumerate(told)]
    holds = None
    for each in known:  # what was agreed later takes over on its first day
        if each.contract.begin <= day:
            holds = each
    assert version_on(known, day) is (
        holds if holds and (not holds.contract.end or day <= holds.contract.end) else None
    )


@given(st.lists(st.tuples(PERIODS, st.booleans()), max_size=5), DAYS)
def test_what_a_gemeente_said_last_holds_and_what_it_withdrew_is_gone(told, day: str):
    known = [
        Consent(given=given_, begin=period[0], end="", categories=frozenset({"45"}), divides=False)
        for period, given_ in told
    ]
    begun = [each for each in known if each.begin <= day]
    assert consent_on(known, day) is (begun[-1] if begun and begun[-1].given else None)
