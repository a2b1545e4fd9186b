"""What time it is: moments as the database keeps them, and the day on which it is in the Netherlands."""

from datetime import UTC, datetime, timedelta

from gateway.werkdagen import NETHERLANDS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def now() -> int:
    """Return this moment, in whole milliseconds since 1970, UTC."""
    return milliseconds(datetime.now(UTC))


def milliseconds(at: datetime) -> int:
    """Return a moment as the database keeps it: whole milliseconds since 1970, UTC."""
    return (at - _EPOCH) // timedelta(milliseconds=1)


def today() -> str:
    """Return the day on which it is now in the Netherlands (ISO date): agreements begin and end by that."""
    return datetime.now(NETHERLANDS).date().isoformat()
