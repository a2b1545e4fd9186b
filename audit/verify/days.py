"""Dutch holidays, for whoever checks a term in working days: the Algemene termijnenwet, art. 3, and Good Friday."""

from datetime import date, timedelta
from functools import cache

_MOVABLE = (-2, 1, 39, 50)
"""Days from Easter: Good Friday, Easter Monday, Ascension Day, Whit Monday."""


def is_working(day: date) -> bool:
    """Tell whether it is a day from Monday to Friday that is no holiday."""
    return day.weekday() < 5 and day not in _holidays(day.year)


@cache
def _holidays(year: int) -> frozenset[date]:
    fixed = {date(year, month, day) for month, day in ((1, 1), (5, 5), (12, 25), (12, 26))}
    king = date(year, 4, 27)
    king -= timedelta(days=king.weekday() == 6)  # on a Sunday it is kept the day before
    return frozenset(fixed | {king} | {_easter(year) + timedelta(days=days) for days in _MOVABLE})


def _easter(year: int) -> date:
    """The Sunday after the paschal full moon, by golden number and century (Gregorian)."""
    golden, century = year % 19, year // 100
    skipped = century - century // 4 - (8 * century + 13) // 25
    epact = (19 * golden + skipped + 15) % 30
    moon = epact - (epact // 28) * (1 - (29 // (epact + 1)) * ((21 - golden) // 11))
    weekday = (year + year // 4 + moon + 2 - century + century // 4) % 7
    return date(year, 3, 28) + timedelta(days=moon - weekday)
