"""What an order allows: the published examples of the standard, and what holds for any order."""

from calendar import monthrange
from datetime import date, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.ledger import volume
from gateway.ledger.values import Order


def order(begin: str, end: str, often: str, *, unit: str = "04", most: int = 1, category: str = "45") -> Order:
    return Order(
        number=1, category=category, date="2022-01-01", time="09:00:00", begin=begin, end=end,
        volume=most, unit=unit, frequency=often,
    )  # fmt: skip


def months(granted: Order) -> list[tuple[str, str]]:
    """The product periods of an order: its calendar months, cut off where it begins and ends."""
    begin, end = date.fromisoformat(granted.begin), date.fromisoformat(granted.end)
    found = []
    first = begin
    while first <= end:
        last = first.replace(day=monthrange(first.year, first.month)[1])
        found.append((str(first), str(min(last, end))))
        if last == date.max:
            break
        first = last + timedelta(days=1)
    return found


def allowed(granted: Order, wet: str = "JW") -> list[int]:
    return [volume.in_period(granted, wet, *month) for month in months(granted)]


# The examples of the guide on volume per week


def test_three_hours_a_week_count_in_every_month_that_the_week_touches():
    granted = order("2022-04-13", "2022-06-30", "2", most=3)
    assert allowed(granted) == [9, 18, 15]
    assert volume.in_total(granted) == 36


def test_household_help_may_hold_six_weeks_in_any_month():
    granted = order("2022-05-01", "2022-07-31", "2", category="01")
    assert allowed(granted, "WMO") == [6, 6, 6]
    assert volume.in_total(granted) == 14


def test_output_a_week_counts_sundays_and_the_last_broken_week_goes_with_the_last_sunday():
    granted = order("2022-04-15", "2022-06-04", "2", unit="83", most=15000)
    assert allowed(granted) == [30000, 90000, 0]
    assert volume.in_total(granted) == 120000


def test_output_a_week_that_ends_on_a_sunday_counts_sundays():
    granted = order("2022-04-15", "2022-07-31", "2", unit="83", most=15000)
    assert allowed(granted) == [30000, 75000, 60000, 75000]
    assert volume.in_total(granted) == 240000


# By hand


def test_category_01_is_household_help_under_the_wmo_only():
    assert allowed(order("2022-05-01", "2022-05-31", "2", category="01"), "JW") == [6]
    assert allowed(order("2022-06-01", "2022-06-30", "2", category="01"), "JW") == [5]
    assert allowed(order("2022-06-01", "2022-06-30", "2", category="01"), "WMO") == [6]
    assert allowed(order("2022-06-01", "2022-06-30", "4", category="01"), "WMO") == [1]


def test_a_broken_month_holds_the_whole_volume_of_a_month():
    for unit in ("04", "82"):
        granted = order("2022-04-15", "2022-06-04", "4", unit=unit, most=10)
        assert allowed(granted) == [10, 10, 10]
        assert volume.in_total(granted) == 30


def test_a_volume_a_day_counts_days():
    granted = order("2024-02-10", "2024-03-02", "1", most=2)
    assert allowed(granted) == [40, 4]
    assert volume.in_total(granted) == 44


def test_a_total_may_be_delivered_in_any_month():
    granted = order("2022-04-15", "2022-06-04", "6", unit="83", most=500000)
    assert allowed(granted) == [500000, 500000, 500000]
    assert volume.in_total(granted) == 500000


def test_an_order_without_end_has_a_total_only_if_that_is_what_was_granted():
    assert volume.in_total(order("2022-04-15", "", "4", most=10)) is None
    assert volume.in_total(order("2022-04-15", "", "6", most=10)) == 10
    assert volume.in_period(order("2022-04-15", "", "2", unit="82"), "JW", "2022-05-01", "2022-05-31") == 5


def test_output_without_any_sunday_is_one_week_in_total_wherever_it_is_declared():
    granted = order("2022-05-30", "2022-06-04", "2", unit="82", most=7)
    assert allowed(granted) == [7, 7]
    assert volume.in_total(granted) == 7


@pytest.mark.parametrize(
    ("begin", "end", "weeks"),
    [
        ("2020-12-28", "2021-01-03", 1),  # week 53, over the year's end
        ("2020-12-27", "2021-01-04", 3),
        ("2024-02-26", "2024-03-03", 1),  # over a leap day
        ("2024-12-30", "2024-12-31", 1),  # week 1 of the next year
        ("9999-12-01", "9999-12-31", 5),  # the end of the calendar
        ("0001-01-01", "0001-01-08", 2),
    ],
)
def test_weeks_are_iso_weeks(begin, end, weeks):
    assert volume.in_total(order(begin, end, "2")) == weeks


def test_a_year_that_no_calendar_knows_is_no_error():
    assert volume.in_period(order("2026-01-01", "12026-12-31", "2"), "JW", "2026-01-01", "2026-01-31") == 5
    assert volume.in_total(order("-0044-03-15", "12026-12-31", "1")) == 3652059


def test_hours_may_be_declared_in_minutes_and_nothing_else_may():
    hours, minutes = order("2022-01-01", "2022-01-31", "4"), order("2022-01-01", "2022-01-31", "4", unit="01")
    assert volume.measured(hours, 90, "01") == 90
    assert volume.measured(hours, 2, "04") == 120
    assert volume.measured(minutes, 90, "01") == 90
    assert volume.measured(minutes, 2, "04") is None
    assert volume.measured(hours, 2, "16") is None


# What holds for any order

DAYS = st.dates(date(2018, 1, 1), date(2034, 12, 31))
EFFORT, RESULT = ("01", "04", "14"), ("82", "83")


def orders(often: str = "1246", units: tuple[str, ...] = EFFORT + RESULT) -> st.SearchStrategy[Order]:
    return st.builds(
        lambda days, often, unit, most: order(str(min(days)), str(max(days)), often, unit=unit, most=most),
        st.tuples(DAYS, DAYS), st.sampled_from(often), st.sampled_from(units), st.integers(0, 99_999_999),
    )  # fmt: skip


@given(orders())
def test_the_total_never_exceeds_what_the_periods_allow_together(granted: Order):
    total = volume.in_total(granted)
    assert total is not None
    assert total <= sum(allowed(granted))


@given(orders())
def test_every_order_can_be_declared_in_full(granted: Order):
    assert (volume.in_total(granted) or 0) >= (granted.volume or 0)


@given(orders("2", RESULT))
def test_output_a_week_is_divided_over_the_months_without_remainder(granted: Order):
    first = date.fromisoformat(granted.begin)
    days = (date.fromisoformat(granted.end) - first).days + 1
    assume(any((first + timedelta(days=day)).isoweekday() == 7 for day in range(min(days, 7))))
    assert sum(allowed(granted)) == volume.in_total(granted)


@given(orders("2", EFFORT))
def test_weeks_of_effort_are_those_of_the_iso_calendar(granted: Order):
    first, last = date.fromisoformat(granted.begin), date.fromisoformat(granted.end)
    touched = {(first + timedelta(days=day)).isocalendar()[:2] for day in range((last - first).days + 1)}
    assert volume.in_total(granted) == len(touched) * (granted.volume or 0)
    for (begin, end), most in zip(months(granted), allowed(granted), strict=True):
        first, last = date.fromisoformat(begin), date.fromisoformat(end)
        weeks = {(first + timedelta(days=day)).isocalendar()[:2] for day in range((last - first).days + 1)}
        assert most == len(weeks) * (granted.volume or 0)


@given(orders(), st.integers(0, 1000), st.integers(0, 1000))
def test_more_volume_or_a_later_end_never_allows_less(granted: Order, more: int, later: int):
    end = str(date.fromisoformat(granted.end) + timedelta(days=later))
    often, unit = granted.frequency, granted.unit
    larger = order(granted.begin, end, often, unit=unit, most=(granted.volume or 0) + more)
    assert (volume.in_total(larger) or 0) >= (volume.in_total(granted) or 0)
    if later == 0:
        assert all(one >= other for one, other in zip(allowed(larger), allowed(granted), strict=True))


@given(orders("2"), st.sampled_from(("JW", "WMO")))
def test_a_month_never_allows_more_than_six_weeks(granted: Order, wet: str):
    assert max(allowed(granted, wet)) <= 6 * (granted.volume or 0)
