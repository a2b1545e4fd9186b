"""What a page of the console is: a path, the right that opens it, and a function that answers. See docs/console.md.

A page that stands in no list does not exist, and without its right it does not exist for this officer.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.oversight.desk import Asking, Desk
from gateway.oversight.rights import Right


class MissingError(Exception):
    """What is asked for is not there, or not for this officer: he is told the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request of an officer who may open this page."""

    desk: Desk
    asking: Asking
    path: Mapping[str, str]
    """The variable parts of the path."""
    query: Mapping[str, str] = field(repr=False)
    """What stands after the question mark; never a BSN or a name, those are asked with a form."""
    form: Mapping[str, str] = field(repr=False)
    """Fields of the form, stripped; empty for a GET. Of a name that comes more than once the first; see ``chosen``."""
    chosen: Mapping[str, Sequence[str]] = field(repr=False)
    """All values of each field of the form: for boxes that are ticked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Show a template with these values."""

    template: str
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    status: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Goes:
    """Go on to another page of the console; after a form that did something, so that reloading does it once."""

    to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """Save a file."""

    name: str
    """Of the file: letters, digits, ``-`` and ``.``."""
    kind: str
    """Media type."""
    content: bytes = field(repr=False)


Answer = Shown | Goes | Sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page, or one form of it. A form posts to the path of the page that shows it."""

    path: str
    right: Right
    serve: Callable[[Asked], Awaitable[Answer]]
    method: str = "GET"
    """GET shows and changes nothing, but what was seen may be logged; POST does something."""
    menu: str = ""
    """Its name in the menu; empty where it does not stand there."""
    fresh: bool = False
    """Whether who asks must have shown in the last five minutes that it is him. Set it on page and form alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Something that waits for an officer, as told on his first page."""

    text: str
    count: int
    to: str
    """Path of the page where it is done; empty where he cannot do it here."""


Tray = Callable[[Desk, Asking], Awaitable[Sequence[Waiting]]]
"""Tells what of one area waits for an officer: what he has no right to see is left out."""
