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
from functools import partial

import orjson

from audit.seal import Key, SealError, open_, seal
from audit.tree import leaf_hash

NEN7513: Mapping[str, tuple[str, str, str]] = {
    "7.2.1": ("gebeurteniscode", "header", "event"),
    "7.2.2": ("actiecode", "header", "action"),
    "7.2.3": ("datum en tijd", "header", "at"),
    "7.2.5": ("resultaat", "header", "outcome"),
    "7.3.1": ("gebruikers-ID", "payload", "actor"),
    "7.3.4": ("gebruikersrol", "header", "role"),
    "7.3.10": ("ID toegangspunt", "payload", "access_point"),
    "7.4.1": ("identificatortype", "header", "object_type"),
    "7.4.3": ("identificator", "payload", "subject"),
    "7.4.6": ("autorisatieprotocol", "header", "policy"),
    "7.4.7": ("behandelrelatieprotocol", "payload", "relation"),
    "7.4.12": ("zoekvraag", "payload", "query"),
    "7.5.2": ("identificatie van de bron", "header", "source"),
}
"""Field of NEN 7513:2018 chapter 7 → (its name, where we keep it, our name for it)."""

MAX_HEADER = 2**16 - 1
"""Bytes: the export writes the length of a header in two."""

_SALT = 32
_STEP = 64
_encode = partial(orjson.dumps, option=orjson.OPT_SORT_KEYS)
"""Members in order of name, no spaces, UTF-8."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What happened. All but ``payload`` goes into the open header: codes and random ids only."""

    event: str
    """Code of the event: ``ontvangst``, ``bezorging``, ``inzage`` …"""
    action: str
    """C create, R read, U update, D delete, E execute."""
    role: str
    object_type: str
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
    erases: tuple[tuple[int, int], ...] = ()
    """Of an erasure: (first, last) index of the entries whose payload it destroys."""
    payload: Mapping[str, str] = field(repr=False)
    """Personal: at least ``actor``; further ``subject``, ``reason``, ``query`` … (see `NEN7513`)."""

    def __post_init__(self) -> None:
        if self.action not in ("C", "R", "U", "D", "E"):
            raise ValueError("action is one of C R U D E")
        if not self.payload.get("actor"):
            raise ValueError("an entry without an actor tells nothing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the log in bytes. ``header`` is stored as it is and never written anew."""

    header: bytes
    sealed: bytes = field(repr=False)
    leaf: bytes
    """SHA-256 of a zero byte and the header (RFC 6962)."""
    message: str | None


def make(event: Event, *, key: Key, origin: str, at: datetime) -> Entry:
    """Write one event as an entry of the log ``origin``, its payload sealed with the log's key.

    ``at`` must know its time zone. Raises ``ValueError`` if the header would pass `MAX_HEADER`.
    """
    return _make(event, key=key, origin=origin, at=at, salt=os.urandom(_SALT))


def _make(event: Event, *, key: Key, origin: str, at: datetime, salt: bytes) -> Entry:
    payload = _padded(_encode(dict(event.payload)))
    fields: dict[str, object] = {
        "action": event.action,
        "at": _timestamp(at),
        "commit": _commitment(salt, payload),
        "event": event.event,
        "key": key.id.hex(),
        "object_type": event.object_type,
        "origin": origin,
        "outcome": event.outcome,
        "policy": event.policy,
        "purpose": event.purpose,
        "role": event.role,
        "source": event.source,
        "trace": event.trace,
        "v": 1,
    }
    if event.message is not None:
        fields["message"] = event.message
    if event.erases:
        fields["erases"] = event.erases
    header = _encode(fields)
    if len(header) > MAX_HEADER:
        raise ValueError("header too long")
    sealed = seal(key, salt + payload, header)
    return Entry(header=header, sealed=sealed, leaf=leaf_hash(header), message=event.message)


def open_payload(header: bytes, sealed: bytes, key: Key) -> dict[str, str]:
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
    found: dict[str, str] = read
    return found


def _padded(payload: bytes) -> bytes:
    """Fill with spaces so that salt and payload come in steps of 64 bytes: the length tells little."""
    length = _SALT + len(payload)
    return payload + b" " * (-length % _STEP)


def _commitment(salt: bytes, payload: bytes) -> str:
    return hmac.digest(salt, payload, "sha256").hex()


def _timestamp(at: datetime) -> str:
    if at.tzinfo is None:
        raise ValueError("a moment without a time zone is no moment")
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
