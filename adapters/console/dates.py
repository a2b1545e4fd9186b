"""Days and moments that an officer types, as every page reads them: on the clock of the Netherlands.

A year that no clock of ours can count back from would break each page that shows it, for all officers of a party; so
what lies outside these years is no day.
"""

from datetime import date, datetime, time

from gateway.oversight.signals import ZONE

YEARS = range(1900, 3000)


def typed_day(text: str) -> date | None:
    """Return the day that a text in ISO 8601 names; None if it names none."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if found.year in YEARS else None


def typed_moment(text: str) -> int | None:
    """Return the moment that ``2026-03-31T14:05`` names, in milliseconds since 1970, UTC; None if it names none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return int(found.replace(tzinfo=ZONE).timestamp()) * 1000 if found.year in YEARS else None


def midnight(day: date) -> int:
    """Return when a day begins, in milliseconds since 1970, UTC."""
    return int(datetime.combine(day, time(), ZONE).timestamp()) * 1000
