"""A line of the log as an officer reads it, and what lines together say about a person; pure.

Two views of the same lines (NEN 7513, chapter 9). A client reads which organisation did what, in which role; an
organisation also reads which of its own people it was.
"""

import json
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import groupby
from typing import Any

from audit.catalogue import kinds
from gateway.oversight.purposes import WORDS
from gateway.oversight.question import local_day, masked
from gateway.oversight.rights import DUTCH, Role

GATEWAY = "de poort"
ROLES: Mapping[str, str] = {
    "afzender": "afzender",
    "ontvanger": "ontvanger",
    "poort": "de poort zelf",
    "beheerder": "beheerder van de poort",
    "onbekend": "niet aangemeld",
    **{role.value: word for role, word in DUTCH.items()},
}
Naming = Callable[[str], str]
"""Code of a party → its name; the code itself where it has none."""


class Content(StrEnum):
    """Whether the sealed part of a line could be read."""

    OPEN = "open"
    CLOSED = "gesloten"
    """It was not opened: the officer may not."""
    DESTROYED = "vernietigd"
    BROKEN = "onleesbaar"
    """It is there and does not open, or is not what the log committed to: an alarm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line. What stands in its sealed part is empty where that was not read."""

    leaf: str
    """Hash by which the line is known in the log, in hex."""
    index: int | None
    """Its place in the log; None while it waits for one."""
    at: int
    event: str
    title: str
    role: str
    organisation: str = ""
    """Of who did it; empty where that stands in the sealed part and that was not read."""
    by: str = field(default="", repr=False)
    """Who did it: code of a party, or login of an officer."""
    message: str = ""
    kind: str = ""
    subject: str = field(default="", repr=False)
    """BSN of the client concerned."""
    number: int | None = None
    """Which line about this client it is, for this party."""
    parties: tuple[str, ...] = ()
    outcome: str
    purpose: str
    emergency: bool
    trace: str
    access_point: str = field(default="", repr=False)
    reason: str = field(default="", repr=False)
    query: str = field(default="", repr=False)
    content: Content


def closed(row: Any) -> Line:
    """Read of a stored line what stands in its open header."""
    header = json.loads(row.header)
    kind = kinds().get(row.event)
    return Line(
        leaf=bytes(row.leaf).hex(),
        index=row.idx,
        at=row.at,
        event=row.event,
        title=kind.title if kind else row.event,
        role=ROLES.get(header["role"], header["role"]),
        message=row.message or "",
        kind=header["kind"],
        outcome=header["outcome"],
        purpose=WORDS.get(header["purpose"], header["purpose"]),
        emergency=header.get("emergency", False),
        trace=header["trace"],
        content=Content.CLOSED if row.sealed is not None else Content.DESTROYED,
    )


def opened(row: Any, payload: Mapping[str, Any] | None, party: str, naming: Naming) -> Line:
    """Read a stored line with its opened payload (None: it did not open) for an officer of ``party``."""
    line = closed(row)
    if line.content is Content.DESTROYED:
        return line
    if payload is None:
        return replace(line, content=Content.BROKEN)
    parties = tuple(payload["parties"])
    return replace(
        line,
        content=Content.OPEN,
        by=visible(payload["actor"]),
        organisation=_organisation(line.role, payload["actor"], parties, naming),
        subject=payload["object"] if json.loads(row.header)["object_type"] == "bsn" else "",
        number=payload.get("seq", {}).get(party),
        parties=parties,
        access_point=visible(str(payload.get("access_point", ""))),
        reason=visible(str(payload.get("reason", ""))),
        query=visible(_asked(payload.get("query"))),
    )


def for_client(line: Line) -> Line:
    """Return the line as the client concerned reads it: the organisation and the role, not who it was or on what."""
    return replace(line, by="", access_point="", query="", reason="")


def by_day(lines: Iterable[Line]) -> list[list[Line]]:
    """Put lines of one kind, by the same actor, on one day together; the newest first, as they came."""
    days: list[list[Line]] = []
    for _, of_day in groupby(lines, key=lambda line: local_day(line.at)):
        groups: dict[Any, list[Line]] = {}
        for line in of_day:
            groups.setdefault(_same(line), []).append(line)
        days += groups.values()
    return days


def visible(text: str) -> str:
    """Return text of others in which nothing hides: what does not print, or turns the direction of what follows.

    Line ends and tabs become spaces; what is not assigned, controls or formats, its code point: ``[U+202E]``.
    """
    return "".join(
        each if unicodedata.category(each) not in _HIDDEN else f"[U+{ord(each):04X}]" for each in text.translate(_BLANK)
    )


def shown(content: bytes) -> str:
    """Return what a message says as lines of text in which nothing hides."""
    return "\n".join(map(visible, content.decode("utf-8", errors="replace").split("\n")))


_BLANK = str.maketrans({"\r": None, "\n": " ", "\t": " "})
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def _asked(query: Any) -> str:
    """Return what was asked of the log as one text, a BSN masked: it stands where the line says whom it is about."""
    if not isinstance(query, dict):
        return str(query or "")
    return "; ".join(
        f"{name}: {masked(str(value)) if name == 'bsn' else ', '.join(value) if isinstance(value, list) else value}"
        for name, value in query.items()
    )


def _same(line: Line) -> Any:
    return (
        line.event, line.role, line.organisation, line.by, line.kind, line.outcome, line.purpose, line.emergency,
        line.content, line.reason,
    )  # fmt: skip


def _organisation(role: str, actor: str, parties: Sequence[str], naming: Naming) -> str:
    """Return of which organisation an actor is: himself one, or an officer of the party that the line is for."""
    if role in {ROLES["poort"], ROLES["beheerder"]}:
        return GATEWAY
    if role in OFFICERS:
        return naming(parties[0]) if parties else GATEWAY
    return naming(actor)


OFFICERS = frozenset(ROLES[role.value] for role in Role)
"""What officers are called."""
