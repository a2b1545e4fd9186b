"""One line of the log: what it tells, and the bytes that stand for it.

The header is open to any verifier and so holds no personal data: codes, random ids and a commitment. Who did
it and whom it concerns is the payload, sealed beside the tree with the header as its context. The leaf covers
the header alone: keys rotate and payloads are destroyed without touching a proof.
"""

import hmac
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any

import orjson

from audit.catalogue import kinds
from audit.seal import Key, SealError, open_, seal
from audit.tree import leaf_hash

MAX_HEADER = 2**16 - 1
"""Bytes: the export writes the length of a header in two."""

_SALT = 32
_STEP = 64
_encode = partial(orjson.dumps, option=orjson.OPT_SORT_KEYS)
"""Members in order of name, no spaces, UTF-8."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What happened, once, about at most one person. What is not said to be sealed goes into the open header."""

    event: str
    """Code from the catalogue: ``bericht.ontvangen``, ``logboek.doorzocht`` …"""
    role: str
    """What the actor was in this: afzender, ontvanger, poort, beheerder, or the role of an officer."""
    kind: str = ""
    """Message type, where it is about a message."""
    thing: str = "bericht"
    """What it is about where it is about nobody: bericht, logboek, sleutel, …"""
    outcome: str
    purpose: str
    """Grondslag: code of the legal ground."""
    policy: str
    """Autorisatieprotocol with its version: which rule allowed or refused this."""
    trace: str
    source: str
    """Which system writes this, without naming a person or machine."""
    message: str | None = None
    """Random id of the message concerned."""
    part: tuple[int, int] = (1, 1)
    """Of an event about several persons, which has a line for each: which line this is, and of how many."""
    emergency: bool = False
    """Done under emergency access."""
    erases: tuple[tuple[int, int], ...] = ()
    """Of an erasure: (first, last) index of the entries whose payload it destroys."""
    clear: Mapping[str, str | int] = field(default_factory=dict)
    """Further open members, those that the catalogue names for this event."""
    parties: tuple[str, ...] = field(default=(), repr=False)
    """Sealed: codes of the one or two parties whose officers may see this; none: it concerns the gateway itself."""
    subject: str = field(default="", repr=False)
    """Sealed: BSN of the person whom it is about; empty where it is about nobody in particular."""
    payload: Mapping[str, Any] = field(repr=False)
    """Sealed: at least ``actor``; further ``reason``, ``query``, ``access_point`` … (see `audit.catalogue.fields`)."""

    def __post_init__(self) -> None:
        kind = kinds().get(self.event)
        if kind is None:
            raise ValueError("an event that the catalogue does not know")
        if not self.payload.get("actor"):
            raise ValueError("an entry without an actor tells nothing")
        if len(self.parties) > 2:
            raise ValueError("an event has two parties at most")
        if not self.clear.keys() <= set(kind.open):
            raise ValueError("the open header holds only what the catalogue names")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the log in bytes. ``header`` is stored as it is and never written anew."""

    header: bytes
    sealed: bytes = field(repr=False)
    leaf: bytes
    """SHA-256 of a zero byte and the header (RFC 6962)."""
    event: Event


def make(event: Event, *, key: Key, origin: str, at: datetime, seq: Mapping[str, int] | None = None) -> Entry:
    """Write one event as an entry of the log ``origin``, its payload sealed with the log's key.

    ``seq`` tells, per party, which line about this person it is: 1, 2, 3 …; so a gap shows in what that party hands
    over. ``at`` must know its time zone. Raises ``ValueError`` if the header would pass `MAX_HEADER`.
    """
    return _make(event, key=key, origin=origin, at=at, seq=seq or {}, salt=os.urandom(_SALT))


def _make(event: Event, *, key: Key, origin: str, at: datetime, seq: Mapping[str, int], salt: bytes) -> Entry:
    told: dict[str, Any] = {
        **event.payload,
        "object": event.subject or event.message or event.thing,
        "parties": event.parties,
    }
    if seq:
        told["seq"] = dict(seq)
    payload = _padded(_encode(told))
    kind = kinds()[event.event]
    fields: dict[str, object] = {
        "action": kind.action,
        "activity": kind.activity,
        "at": _timestamp(at),
        "commit": _commitment(salt, payload),
        "event": event.event,
        "key": key.id.hex(),
        "kind": event.kind,
        "object_type": "bsn" if event.subject else event.thing,
        "origin": origin,
        "outcome": event.outcome,
        "policy": event.policy,
        "purpose": event.purpose,
        "role": event.role,
        "source": event.source,
        "trace": event.trace,
        "v": 2,
        **event.clear,
    }
    if event.message is not None:
        fields["message"] = event.message
    if event.part != (1, 1):
        fields["part"] = event.part
    if event.emergency:
        fields["emergency"] = True
    if event.erases:
        fields["erases"] = event.erases
    header = _encode(fields)
    if len(header) > MAX_HEADER:
        raise ValueError("header too long")
    sealed = seal(key, salt + payload, header)
    return Entry(header=header, sealed=sealed, leaf=leaf_hash(header), event=event)


def open_payload(header: bytes, sealed: bytes, key: Key) -> dict[str, Any]:
    """Read the personal part of an entry.

    Raises `SealError` if it does not open or is not what the header committed to: GCM alone does not bind
    a text to one key, the commitment does.
    """
    opened = open_(key, sealed, header)
    salt, payload = opened[:_SALT], opened[_SALT:]
    try:
        committed, read = str(json.loads(header)["commit"]), json.loads(payload)
    except (ValueError, LookupError, TypeError):
        raise SealError("does not open") from None
    if not hmac.compare_digest(committed.encode(), _commitment(salt, payload).encode()):
        raise SealError("does not open")
    found: dict[str, Any] = read
    return found


def _padded(payload: bytes) -> bytes:
    """Fill with spaces so that salt and payload come in steps of 64 bytes: the length tells little."""
    length = _SALT + len(payload)
    return payload + b" " * (-length % _STEP)


def _commitment(salt: bytes, payload: bytes) -> str:
    return hmac.digest(salt, payload, "sha256").hex()


@lru_cache(maxsize=8)  # what happens together is told at one moment
def _timestamp(at: datetime) -> str:
    if at.tzinfo is None:
        raise ValueError("a moment without a time zone is no moment")
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
