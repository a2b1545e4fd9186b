"""Values and records as plain JSON and back: on the pipe from a worker with their place, in a record without it."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

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
KINDS: tuple[type[Said], ...] = (
    *(Order, Start, Stop, Request, Wish, Reply, Declaration, Line, Answer, Refusal),
    *(Task, Contract, Area, Price, Report, Service, Mark, Decision),
    *(Use, Touched),
)
_KINDS = {kind.__name__: kind for kind in KINDS}
_NAMES = {kind.__name__: (*PLACE, *(each.name for each in fields(kind) if each.name not in PLACE)) for kind in KINDS}


def tell(said: Said) -> list[Any]:
    """Return a value with its place as a JSON array: its name, then its fields in order."""
    name = type(said).__name__
    return [name, *[getattr(said, each) for each in _NAMES[name]]]


def told(array: Sequence[Any]) -> Said:
    """Return the value of which ``tell`` made this array; KeyError, TypeError or ValueError if it is none."""
    name, *rest = array
    return _KINDS[name](**dict(zip(_NAMES[name], map(_frozen, rest), strict=True)))


def pack(record: Record) -> bytes:
    """Return a record as JSON. What was said is history now, so its place in a document is left out."""
    heard = [
        [each.message, each.type, each.dated, each.void, [_history(said) for said in each.said]] for each in record
    ]
    return orjson.dumps([VERSION, heard])


def unpack(raw: bytes) -> Record:
    """Return the record of which ``pack`` made these bytes; ValueError if they are none."""
    try:
        version, heard = orjson.loads(raw)
        if version not in READABLE:
            raise ValueError("a record of a version that is not known here")
        return tuple(
            Heard(message=message, type=type_, dated=dated, void=void, said=tuple([_recalled(each) for each in said]))
            for message, type_, dated, void, said in heard
        )
    except (KeyError, TypeError) as error:
        raise ValueError("no record") from error


def _history(said: Said) -> list[Any]:
    name = type(said).__name__
    return [name, *[getattr(said, each) for each in _NAMES[name][len(PLACE) :]]]


def _recalled(array: Sequence[Any]) -> Said:
    name, *rest = array
    fields_ = _NAMES[name][len(PLACE) :][: len(rest)]
    return _KINDS[name](**dict(zip(fields_, map(_frozen, rest), strict=True)))


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
