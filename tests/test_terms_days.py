"""Working days count the same wherever a term is counted: for messages, for secret clients, and by the verifier."""

from datetime import UTC, date, datetime, timedelta

import pytest
from test_terms import FREE

from audit.verify import days
from audit.verify.lines import due
from gateway import werkdagen
from gateway.oversight import emergency
from gateway.retention.decide import working_days_after


def test_the_verifier_and_the_gateway_know_the_same_holidays_for_three_centuries():
    day = date(1900, 1, 1)
    while day.year < 2200:
        assert days.is_working(day) == werkdagen.is_working(day), day
        day += timedelta(days=1)


def test_those_holidays_are_the_ones_of_the_law():
    day = date(2024, 1, 1)
    while day.year < 2029:
        assert werkdagen.is_working(day) == (day.weekday() < 5 and day not in FREE), day
        day += timedelta(days=1)


@pytest.mark.parametrize(
    ("begins", "ends"),
    [
        ("2026-04-01T10:00", "2026-04-10T10:00"),  # Good Friday and Easter Monday between
        ("2026-04-24T10:00", "2026-05-04T10:00"),  # King's Day
        ("2026-12-24T10:00", "2027-01-04T10:00"),  # Christmas and New Year
        ("2025-04-24T10:00", "2025-05-01T10:00"),  # in 2025 King's Day is on Saturday 26 April
    ],
)
def test_a_form_about_a_secret_client_may_take_as_long_over_holidays(begins: str, ends: str):
    assert working_days_after(datetime.fromisoformat(begins), 5) == datetime.fromisoformat(ends)


def test_a_review_is_never_late_for_the_verifier_when_it_was_in_time_for_the_gateway():
    hour = datetime(2024, 1, 1, tzinfo=UTC)
    while hour.year < 2029:
        until = datetime.fromtimestamp(emergency.due(int(hour.timestamp() * 1000)) / 1000, UTC)
        assert until <= due(hour), hour
        hour += timedelta(hours=7)


def test_over_easter_a_review_may_wait_longer():
    assert due(datetime(2026, 4, 1, 10, tzinfo=UTC)).date() == date(2026, 4, 10)
