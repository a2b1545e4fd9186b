"""What rules look at: the classes of a message as plain text, and what was seen of the message before."""

from calendar import isleap
from collections import defaultdict
from collections.abc import Callable
from functools import lru_cache
from typing import Any

Spot = Callable[[], tuple[int, str]]
"""Line and element path of something, to be asked when a finding is made of it."""
Verdict = str | list[Spot] | None
"""None for good, else the field below the class that is wrong ("" for the class), or spots kept earlier."""
NO_REMARK, NOT_JUDGED, GRANTED = "0200", "0233", "8001"
NO_FAULT = frozenset({NO_REMARK, NOT_JUDGED, GRANTED})
"""Return codes that say nothing wrong (WJ001); 8001 is that of a declaration that was judged line by line (IV087)."""


class Klasse(dict[str, Any]):
    """One class of a message: field name → text, ``Klasse`` or list of ``Klasse``; what is absent is not in it."""

    __slots__ = ("at", "name", "up")

    def __init__(self, name: str, up: "Klasse | None" = None, at: Any = None) -> None:
        self.name = name
        self.up = up
        """The class above, as far as it had been read when this one was judged."""
        self.at = at
        """Where it stands, for whoever made it; rules leave it alone."""

    def text(self, *path: str) -> str:
        """The text at this path of field names, empty if any part of it is absent."""
        here: Any = self
        for name in path:
            here = here.get(name) if here else None
        return here or ""

    def above(self, name: str) -> "Klasse | None":
        """The nearest class of this name that holds this one."""
        up = self.up
        while up is not None and up.name != name:
            up = up.up
        return up


NOTHING = Klasse("")
"""What stands in for an absent class: ``klasse.get("Omvang", NOTHING).get("Frequentie")``."""


class Memory:
    """What rules keep of one message while its classes pass in document order, each after the classes inside it."""

    __slots__ = ("dated", "seen", "spot", "sums", "wet")

    def __init__(self, *, dated: str, wet: str, spot: Callable[[Klasse, str], Spot]) -> None:
        self.dated = dated
        """Dagtekening of the message, ISO date."""
        self.wet = wet
        """JW or WMO: decides the code lists."""
        self.spot = spot
        """Where a field of a class stands, for a finding that can only be made later."""
        self.seen: defaultdict[str, dict[Any, Any]] = defaultdict(dict)
        self.sums: defaultdict[str, int] = defaultdict(int)


Rule = Callable[[Klasse, Memory], Verdict]


def moment(date: str) -> tuple[int, str]:
    """A key that orders ISO dates in time, also years of more than four digits and years before our era."""
    if len(date) == 10:
        return 4, date
    year, _, rest = date.removeprefix("-").partition("-")
    return (-1, "") if date.startswith("-") else (len(year), f"{year}-{rest}")


def after(date: str, other: str) -> bool:
    """Whether one ISO date lies later than another."""
    return date > other if len(date) == len(other) == 10 else moment(date) > moment(other)


@lru_cache(maxsize=64)
def years_before(date: str, years: int) -> str:
    """The same day so many years earlier, to compare with; the dawn of time if the date is none of ours.

    Where that year has no 29 February it is the 28th, as XPath has it.
    """
    if len(date) != 10 or not date[:4].isdecimal():
        return "0000-01-01"
    year, day = int(date[:4]) - years, date[4:]
    return f"{year:04d}{'-02-28' if day == '-02-29' and not isleap(year) else day}"


def number(text: str) -> int:
    """The value of a whole number that the XSD let through, however many noughts stand before it."""
    # int() refuses thousands of noughts; of a short text it is the fastest way.
    return int(text) if 0 < len(text) < 20 else int(text.lstrip("+-0") or "0")


def signed(amount: str, debit_credit: str) -> int:
    """An amount in cents, below zero for a credit."""
    return -number(amount) if debit_credit == "C" else number(amount)
