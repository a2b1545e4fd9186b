"""What is logged and which fields a line must have, read once from ``catalogue.toml``; pure."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of event."""

    code: str
    action: str
    """C create, R read, U update, D delete, E execute (NEN 7513, 7.2.2)."""
    title: str
    """What an officer reads, in Dutch."""
    group: str
    """Group of NEN 7513 chapter 6."""
    activity: str
    """Processing activity in the register (AVG art. 30)."""
    open: tuple[str, ...]
    """Members that the open header has for this event, beside those of every line."""
    needs: tuple[str, ...]
    """Members that a line must have, beside those that every line must have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field of NEN 7513 chapter 7, or one that another norm adds, and where we keep it."""

    number: str
    name: str
    duty: str
    """M mandatory, C mandatory where it applies, O optional."""
    place: str
    """``header``, ``payload`` or ``catalogus``."""
    ours: str
    """Our name for it; empty where it is not kept."""
    elsewhere: Mapping[str, str]
    """Its name in ``bio2``, ``ldv`` and ``fhir``, as far as they have it."""


@cache
def kinds() -> Mapping[str, Kind]:
    """Return the event catalogue, by code."""
    return {
        code: Kind(
            code=code,
            action=told["actie"],
            title=told["titel"],
            group=told["groep"],
            activity=told["activiteit"],
            open=tuple(told.get("open", ())),
            needs=tuple(told.get("nodig", ())),
        )
        for code, told in _content()["gebeurtenis"].items()
    }


@cache
def fields() -> tuple[Field, ...]:
    """Return the field set, in the order of the norm."""
    return tuple(
        Field(
            number=number,
            name=told["naam"],
            duty=told["plicht"],
            place=told["waar"],
            ours=told["onze"],
            elsewhere={norm: told[norm] for norm in ("bio2", "ldv", "fhir") if norm in told},
        )
        for number, told in _content()["veld"].items()
    )


@cache
def mandatory(place: str) -> frozenset[str]:
    """Return our names of the members that every line must have in its ``header`` or ``payload``."""
    return frozenset(each.ours for each in fields() if each.duty == "M" and each.place == place)


def missing(header: Mapping[str, object], payload: Mapping[str, object] | None = None) -> Iterator[str]:
    """Yield what a line should have and has not; without ``payload`` only what stands in the open is judged."""
    yield from sorted(mandatory("header") - header.keys())
    kind = kinds().get(str(header.get("event")))
    needs = kind.needs if kind else ()
    if payload is None:
        yield from (name for name in needs if name in _OPEN and name not in header)
        return
    yield from sorted(mandatory("payload") - payload.keys())
    yield from (name for name in needs if name not in header and name not in payload)


_OPEN = frozenset({"message", "emergency", "lost_size", "lost_root", "key_kind", "key_old", "key_new"})
"""What an event may need and, when it does, stands in the header."""


def _content() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    return tomllib.loads(resources.files("audit").joinpath("catalogue.toml").read_text(encoding="utf-8"))
