"""How one speaks with the key service: one question, one answer, each a code and a list of byte strings.

A frame is its length (4 bytes, big-endian), the code (1 byte), and each item with its length in 4 bytes before it.
Lengths are bounded before anything is read into memory.
"""

import socket
import struct
from collections.abc import Sequence
from enum import IntEnum

MOST = 64 * 2**20
"""Bytes in one frame."""
_LENGTH = struct.Struct(">I")


class WireError(Exception):
    """What came is no frame, or the other side went away."""


class Op(IntEnum):
    """What can be asked. Items of the question → items of the answer."""

    STATE = 1
    """Nothing → one JSON object: version, and the public side of all keys that have one."""
    FRESH = 2
    """Class → id, secret: the oldest spare data key, that nobody had before; of ``grootboek`` the newest."""
    LEDGER = 3
    """Id … → secret …, of data keys of class ``grootboek`` alone."""
    LINES = 4
    """Why, then header, sealed … → payload …, empty where one does not open."""
    BODIES = 5
    """Why, then wrapped, context … → id and secret as one …"""
    PERSONS = 6
    """Why, then sealed, context … → value …"""
    INDEXES = 7
    """Generation, then domain, value … → 16 bytes …"""
    REINDEX = 8
    """Generation, then domain, sealed, context … → 16 bytes …: PERSONS, and INDEXES of what that gives."""
    SIGN = 9
    """Purpose, generation, newest generation known, message → signature."""
    COUNTS = 10
    """Nothing → one JSON list of [day, why, number]."""
    RENEW = 11
    """Kind → old id, new id. Of ``grootboek`` all data keys are new, those in stock too."""
    ACTIVATE = 12
    """Purpose → nothing."""
    DESTROY = 13
    """Id … → nothing."""


class Said(IntEnum):
    """What an answer can be."""

    DONE = 0
    SEALED = 1
    """Something does not open: wrong key, wrong place, changed, or its key was destroyed."""
    BUSY = 2
    """More blind indexes in a short time than any gateway needs."""
    CHANGED = 3
    """The asker does not know the newest signing key: ask STATE, then again."""
    REFUSED = 4
    """No such thing, or not for this asker."""
    BROKEN = 5
    """The store or the key module does not work now."""


def pack(code: int, items: Sequence[bytes]) -> bytes:
    """Make a frame; raises ``ValueError`` above `MOST`."""
    parts = [bytes([code])]
    for item in items:
        parts += (_LENGTH.pack(len(item)), item)
    content = b"".join(parts)
    if len(content) > MOST:
        raise ValueError("too much for one frame")
    return _LENGTH.pack(len(content)) + content


def unpack(content: bytes) -> tuple[int, list[bytes]]:
    """Take the content of a frame apart into code and items; raises `WireError`."""
    if not content:
        raise WireError("no code")
    items, place, end = list[bytes](), 1, len(content)
    while place < end:
        start = place + _LENGTH.size
        if start > end:
            raise WireError("cut short")
        place = start + _LENGTH.unpack_from(content, place)[0]
        if place > end:
            raise WireError("cut short")
        items.append(content[start:place])
    return content[0], items


def receive(source: socket.socket) -> tuple[int, list[bytes]]:
    """Read one frame; raises `WireError`, also when the other side closed, and ``OSError``."""
    length = _LENGTH.unpack(_exactly(source, _LENGTH.size))[0]
    if length > MOST:
        raise WireError("too long")
    return unpack(_exactly(source, length))


def _exactly(source: socket.socket, length: int) -> bytes:
    content = bytearray(length)
    view = memoryview(content)
    while view:
        count = source.recv_into(view)
        if not count:
            raise WireError("closed")
        view = view[count:]
    return bytes(content)
