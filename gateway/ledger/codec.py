"""Values and records as plain JSON and back: on the pipe from a worker with their place, in a record without it."""

from collections.abc import Sequence
from dataclasses import MISSING, fields
from operator import attrgetter
from typing import Any, get_origin

import orjson

from gateway.ledger.values import (
    Answer,
    Area,
    Contract,
    Decision,
    Declaration,
    Heard,
    Line,
    Mark,
    Order,
    Price,
    Record,
    Refusal,
    Reply,
    Report,
    Request,
    Said,
    Service,
    Start,
    Stop,
    Task,
    Touched,
    Use,
    Wish,
)

VERSION = 2
"""Of the form of a record. A change of what a value holds is a new version, and the old one stays readable: fields are
added at the end, and one that was not there yet has its default."""
READABLE = (1, 2)
PLACE = ("line", "path")
NOWHERE = (0, "")
KINDS: tuple[type[Said], ...] = (
    *(Order, Start, Stop, Request, Wish, Reply, Declaration, Line, Answer, Refusal),
    *(Task, Contract, Area, Price, Report, Service, Mark, Decision),
    *(Use, Touched),
)


class _Form:
    """The fields of one kind of value, in the order in which they are told.

    Values are made past their ``__init__``: it sets field by field through the check that keeps them frozen, and was
    most of what reading a record took.
    """

    def __init__(self, kind: type[Any], *first: str) -> None:
        """Take the fields of ``kind``, those named ``first`` before all others."""
        known = {each.name: each for each in fields(kind)}
        self.names = (*first, *(name for name in known if name not in first))
        slots = {name: slot for each in kind.__mro__ for name, slot in vars(each).items() if name in known}
        self._kind = kind
        self._puts = [slots[name].__set__ for name in self.names]
        self._defaults = [known[name].default for name in self.names]
        self._tuples = [place for place, name in enumerate(self.names) if get_origin(known[name].type) is tuple]

    def make(self, values: list[Any]) -> Any:
        """Return the value with these fields; what is missing at the end has its default, TypeError if it has none."""
        if len(values) != len(self._puts):
            values += self._defaults[len(values) :]
            if len(values) != len(self._puts) or MISSING in values:
                raise TypeError("not the fields of this kind")
        for place in self._tuples:
            values[place] = tuple(values[place])
        made = object.__new__(self._kind)
        for put, value in zip(self._puts, values, strict=True):
            put(made, value)
        return made


_FORMS = {kind.__name__: _Form(kind, *PLACE) for kind in KINDS}
_HEARD = _Form(Heard)
_WHOLE = {kind: attrgetter("__class__.__name__", *_FORMS[kind.__name__].names) for kind in KINDS}
_PLACELESS = {kind: attrgetter("__class__.__name__", *_FORMS[kind.__name__].names[len(PLACE) :]) for kind in KINDS}


def tell(said: Said) -> Sequence[Any]:
    """Return a value with its place as a JSON array: its name, then its fields in order."""
    told_: Sequence[Any] = _WHOLE[type(said)](said)
    return told_


def told(array: Sequence[Any]) -> Said:
    """Return the value of which ``tell`` made this array; KeyError, TypeError or ValueError if it is none."""
    name, *values = array
    said: Said = _FORMS[name].make(values)
    return said


def pack(record: Record) -> bytes:
    """Return a record as JSON. What was said is history now, so its place in a document is left out."""
    return orjson.dumps([VERSION, _arrays(record)])


def extended(packed: bytes, more: Record) -> bytes:
    """Return what ``pack`` makes of a record that is packed already, with ``more`` behind it; only that is packed."""
    known = packed[packed.index(b",") : -2]
    between = b"," if more and known.endswith(b"]") else b""
    return b"".join((b"[%d" % VERSION, known, between, orjson.dumps(_arrays(more))[1:], b"]"))


def unpack(raw: bytes) -> Record:
    """Return the record of which ``pack`` made these bytes; ValueError if they are none."""
    try:
        version, heard = orjson.loads(raw)
        if version not in READABLE:
            raise ValueError("a record of a version that is not known here")
        for each in heard:
            each[-1] = [_recalled(said) for said in each[-1]]
        return tuple([_HEARD.make(each) for each in heard])
    except (KeyError, IndexError, TypeError) as error:
        raise ValueError("no record") from error


def _arrays(record: Record) -> list[list[Any]]:
    return [
        [each.message, each.type, each.dated, each.void, [_PLACELESS[type(said)](said) for said in each.said]]
        for each in record
    ]


def _recalled(array: list[Any]) -> Any:
    form = _FORMS[array[0]]
    array[:1] = NOWHERE
    return form.make(array)
