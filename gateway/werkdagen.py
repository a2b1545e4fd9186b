"""Working days: Monday to Friday, but for the days that the Algemene termijnenwet (art. 3) calls holidays. Pure."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

NETHERLANDS = ZoneInfo("Europe/Amsterdam")
DAY = timedelta(days=1)
SUNDAY = 6


@cache
def holidays(year: int) -> frozenset[date]:
    """Return the holidays of a year: those of paragraph 1, and Good Friday, which paragraph 2 puts beside them."""
    easter = _easter(year)
    king = date(year, 4, 27) if date(year, 4, 27).weekday() != SUNDAY else date(year, 4, 26)
    movable = (easter - 2 * DAY, easter + DAY, easter + 39 * DAY, easter + 50 * DAY)
    return frozenset((date(year, 1, 1), king, date(year, 5, 5), date(year, 12, 25), date(year, 12, 26), *movable))


def is_working(day: date) -> bool:
    """Tell whether somebody may be expected to work on this day."""
    return day.weekday() < SUNDAY - 1 and day not in holidays(day.year)


def after(day: date, count: int) -> date:
    """Return the last day of a term of so many working days, of which the day after ``day`` may be the first."""
    following = (each for each in _from(day + DAY) if is_working(each))
    return next(each for number, each in enumerate(following, 1) if number == count)


def midnight_after(day: date) -> datetime:
    """Return the moment at which a term that ends on this day is over: midnight in the Netherlands."""
    return datetime.combine(day + DAY, time(), NETHERLANDS)


def _from(day: date) -> Iterator[date]:
    while True:
        yield day
        day += DAY


def _easter(year: int) -> date:
    """Return Easter Sunday (Gregorian; Meeus, Jones, Butcher)."""
    century, of_century = divmod(year, 100)
    moon = (19 * (year % 19) + century - century // 4 - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    week = (32 + 2 * (century % 4) + 2 * (of_century // 4) - moon - of_century % 4) % 7
    late = (year % 19 + 11 * moon + 22 * week) // 451
    month, day = divmod(moon + week - 7 * late + 114, 31)
    return date(year, month, day + 1)
