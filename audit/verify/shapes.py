"""Headers of entries, read fast: most differ only in time, commitment, message and trace, and the rest is judged once.

A header is JSON with its members in order of name. What stands around those four members is its *shape*; a shape is
taken apart and held against the catalogue once, however many entries have it. Of the four themselves the form is
checked for each entry.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from audit import catalogue

_HEX = b"0123456789abcdef"
_TIMES = re.compile(rb"(?:\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-6]\d\.\d{3}Z)+").fullmatch
"""One time, of 24 bytes, or more of them after one another."""
_COMMIT = b'","commit":"'
_MOST_SHAPES = 100_000

_CODE = r"[a-z][a-z-]{0,39}"
_RANDOM = r"[0-9a-f]{32}"
_FORMS: Mapping[str, re.Pattern[str]] = {
    name: re.compile(form, re.ASCII)
    for name, form in {
        "at": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",
        "commit": r"[0-9a-f]{64}",
        "key": r"[0-9a-f]{16}",
        "kind": r"([a-z]{2,5}\d{3})?",
        "lost_root": r"[0-9a-f]{64}|[A-Za-z0-9+/]{43}=",
        "lost_size": r"\d{1,18}",
        "key_kind": _CODE,
        "key_old": r"[^\s+]{1,100}\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44,2000}={0,2}|[0-9a-f]{1,64}",
        "key_new": r"[^\s+]{1,100}\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44,2000}={0,2}|[0-9a-f]{1,64}",
        "message": _RANDOM,
        "object_type": _CODE,
        "occurred": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",
        "origin": r"[a-z0-9][a-z0-9./-]{0,79}",
        "outcome": _CODE,
        "policy": _CODE + r"@\d{1,4}",
        "purpose": r"[a-z][a-z0-9-]{0,39}",
        "resp_role": _CODE,
        "role": _CODE,
        "source": _CODE,
        "trace": rf"({_RANDOM})?",
    }.items()
}
"""Member of a header → the only form that it may have. None of them can hold a name, an address or a BSN: names have
capitals and spaces, and nine digits stand only within random numbers of 16 bytes or more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What is the same in all headers of one shape."""

    event: str
    members: Mapping[str, Any]
    """All members, of the first header of this shape."""
    missing: tuple[str, ...]
    """Members that the catalogue asks for and that are not there (V16)."""
    odd: tuple[str, ...]
    """Members that do not have the form that they must (V17)."""


@dataclass(frozen=True, slots=True)
class Page:
    """What the headers of one bundle tell, in lists of equal length."""

    shapes: Sequence[Shape]
    times: Sequence[bytes]
    """ISO 8601 in UTC, with milliseconds: these sort as text."""
    messages: Sequence[bytes]
    traces: Sequence[bytes]
    kinds: Mapping[int, int]
    """Of each shape (by its identity) the first place."""
    events: frozenset[str]
    ordered: bool
    """No time is before the one in front of it."""

    def of(self, *events: str) -> list[int]:
        """Places of the entries with one of these events."""
        if self.events.isdisjoint(events):
            return []
        return [place for place, shape in enumerate(self.shapes) if shape.event in events]


_Cut = tuple[Shape, bytes, bytes, bytes, bytes]
"""Of one header its shape, time, commitment, message and trace."""


class Shapes:
    """Reads headers, and remembers the shapes that it met."""

    def __init__(self) -> None:
        self._known: dict[Any, Shape] = {}
        self._last: dict[int, tuple[int, int, int, int, bytes, bytes, bytes, bytes, Shape]] = {}
        """Of each length of header, where the last one had its parts, and what stood around them."""

    def read(self, headers: Sequence[bytes]) -> Page:
        """Tell what each header tells."""
        shapes, times, commits, messages, traces = zip(*map(self._cut, headers), strict=True)
        random = b"".join((*commits, *messages, *traces))
        if random.translate(None, _HEX) or not _TIMES(b"".join(times)):  # then find out which is odd, one by one
            shapes, times, commits, messages, traces = zip(*map(self._slow, headers), strict=True)
        last = len(shapes) - 1
        kinds = dict(zip(map(id, reversed(shapes)), range(last, -1, -1), strict=True))
        events = frozenset(shapes[place].event for place in kinds.values())
        return Page(shapes, times, messages, traces, kinds, events, list(times) == sorted(times))

    def _cut(self, header: bytes) -> _Cut:
        last = self._last.get(len(header))
        if last is not None:
            at, start, after, trace, before, between, behind, tail, shape = last
            end = at + 100
            if (
                header[:at] == before
                and header[at + 24 : at + 36] == _COMMIT
                and header[end:start] == between
                and header[after:trace] == behind
                and header[trace + 32 :] == tail
            ):
                random = header[end - 64 : end], header[start:after], header[trace : trace + 32]
                return shape, header[at : at + 24], *random
        return self._find(header)

    def _find(self, header: bytes) -> _Cut:
        """Find the four parts: the time, the commitment right behind it, a message if there is one, the trace."""
        at = header.find(b'"at":"') + 6
        end = at + 100
        message = header.find(b'"message":"', end)
        start = message + 11 if message > 0 else end
        after = start + 32 if message > 0 else end
        trace = header.find(b'"trace":"', after) + 9
        random = header[end - 64 : end], header[start:after], header[trace : trace + 32]
        time = header[at : at + 24]
        if at < 6 or trace < 9 or header[at + 24 : at + 36] != _COMMIT:
            return self._slow(header)
        if not _TIMES(time) or b"".join(random).translate(None, _HEX):
            return self._slow(header)
        around = header[:at], header[end:start], header[after:trace], header[trace + 32 :]
        shape = self._known.get(around)
        if shape is None:
            shape = self._learn(around, header)
        self._last[len(header)] = at, start, after, trace, *around, shape
        return shape, time, *random

    def _slow(self, header: bytes) -> _Cut:
        shape = self._learn(header, header)
        at, message, trace = (str(shape.members.get(name, "")).encode() for name in ("at", "message", "trace"))
        return shape, at, b"", message, trace

    def _learn(self, key: Any, header: bytes) -> Shape:
        if len(self._known) >= _MOST_SHAPES:
            self._known.clear()
        self._known[key] = shape = _judged(header)
        return shape


SHAPES = Shapes()
"""One for all: what a shape is, depends on its bytes alone."""


def _judged(header: bytes) -> Shape:
    try:
        members = json.loads(header, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        members = None
    if not isinstance(members, dict):
        return Shape(event="", members={}, missing=("een leesbare kop",), odd=())
    kind = catalogue.kinds().get(str(members.get("event")))
    missing = list(catalogue.missing(members))
    odd = sorted(name for name, value in members.items() if not _fits(name, value, kind))
    if header != json.dumps(members, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode():
        odd.append("de schrijfwijze")
    return Shape(event=str(members.get("event", "")), members=members, missing=tuple(missing), odd=tuple(odd))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object of its members; raises ``ValueError`` if one stands there twice."""
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("twice")
    return dict(pairs)


def _fits(name: str, value: Any, kind: catalogue.Kind | None) -> bool:
    """Tell whether a member has the one form that it may have."""
    expected = {
        "v": 2,
        "event": kind and kind.code,
        "action": kind and kind.action,
        "activity": kind and kind.activity,
        "emergency": True,
    }
    if name in expected:
        return value == expected[name] and type(value) is type(expected[name])
    match name, value:
        case "part", _:
            return _numbers(value)
        case "erases", list():
            return all(map(_numbers, value))
        case "lines" | "lost_size", int():
            return 0 <= value < 2**63
    return name in _FORMS and isinstance(value, str) and bool(_FORMS[name].fullmatch(value))


def _numbers(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(type(one) is int and 0 <= one < 2**63 for one in value)


def erased(members: Mapping[str, Any]) -> Iterator[tuple[int, int]]:
    """Yield the ranges of entries whose payload an entry says to have destroyed."""
    ranges = members.get("erases")
    for one in ranges if isinstance(ranges, list) else ():
        if isinstance(one, list) and len(one) == 2 and all(type(part) is int and part >= 0 for part in one):
            yield one[0], one[1]
