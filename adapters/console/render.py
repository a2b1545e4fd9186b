"""From template and values to a page: Jinja with all values escaped, and how moments and numbers are written."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from gateway.catalog import titles

_HERE = Path(__file__).parent
LOOKS = {"console.css": "text/css", "console.svg": "image/svg+xml"}
"""What all pages share, by name: its media type."""
_ZONE = ZoneInfo("Europe/Amsterdam")


def render(template: str, values: Mapping[str, Any]) -> str:
    """Return the page as HTML; a value that the template asks for and does not get is an error."""
    return _environment().get_template(template).render(values)


def look(name: str) -> bytes:
    """Return a file of ``LOOKS``."""
    return (_HERE / "static" / name).read_bytes()


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader([_HERE / "templates", _HERE / "papers"]),
        autoescape=True,
        undefined=StrictUndefined,
        # An upgrade under a running gateway must not give it templates of another version.
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"moment": moment, "day": day, "number": number, "iso": iso, "kind": called}
    return environment


def moment(at: int | datetime) -> str:
    """Write a moment (ms since 1970 UTC, or a datetime) as people in the Netherlands read it, on their clock."""
    return _local(at).strftime("%d-%m-%Y %H:%M:%S")


def day(at: int | datetime) -> str:
    """Write the day of a moment."""
    return _local(at).strftime("%d-%m-%Y")


def clock(at: int | datetime) -> str:
    """Write the time of a moment, without seconds."""
    return _local(at).strftime("%H:%M")


def iso(at: int | datetime) -> str:
    """Write a moment for programs, for ``<time datetime>``."""
    return _local(at).isoformat(timespec="milliseconds")


def number(value: int) -> str:
    """Write a whole number with points between the thousands."""
    return f"{value:,}".replace(",", ".")


def called(code: str) -> str:
    """Write a message type as people know it: HO301 Opdracht; of one that we do not have, its code alone."""
    return f"{code.upper()} {titles().get(code, '')}".rstrip()


def _local(at: int | datetime) -> datetime:
    return (at if isinstance(at, datetime) else datetime.fromtimestamp(at / 1000, UTC)).astimezone(_ZONE)
