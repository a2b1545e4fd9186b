"""How the body of a message and the list of its clients are sealed, and opened again.

A body has a key of its own, so that it can be destroyed by itself. The clients are sealed apart, for a reading must be
logged per client before the body is opened.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import orjson

from audit.keys import KeyService
from audit.seal import open_, seal


def sealed(keys: KeyService, id_: str, raw: bytes, subjects: Sequence[str]) -> dict[str, bytes]:
    """Return the columns of ``messages`` that hold this body and its clients (BSNs), bound to message ``id_``."""
    key, wrapped = keys.new_body_key(_context("sealed_body", id_))
    people = orjson.dumps(list(dict.fromkeys(subjects))).decode()
    return {
        "wrapped_key": wrapped,
        "sealed_body": seal(key, raw, _context("sealed_body", id_)),
        "sealed_subjects": keys.seal_person(people, _context("sealed_subjects", id_)),
    }


def clients(keys: KeyService, messages: Sequence[Any], *, why: str = "bericht") -> dict[str, list[str]]:
    """Return the BSNs of the clients in each message (rows with ``id`` and ``sealed_subjects``), by its id.

    None for a message whose content was destroyed. ``why`` is the reason under which this is counted.
    """
    present = [each for each in messages if each.sealed_subjects is not None]
    people = [(each.sealed_subjects, _context("sealed_subjects", each.id)) for each in present]
    told = keys.open_persons(people, why=why) if people else []
    found = {each.id: orjson.loads(text) for each, text in zip(present, told, strict=True)}
    return {each.id: found.get(each.id, []) for each in messages}


def opened(keys: KeyService, messages: Iterable[Any]) -> Iterator[tuple[Any, bytes]]:
    """Yield messages (rows with ``wrapped_key`` and ``sealed_body``) with their bodies in the clear.

    Before this is called, that they are read must be in the log. Raises SealError.
    """
    found = list(messages)
    own = keys.unwrap_all([(each.wrapped_key, _context("sealed_body", each.id)) for each in found], why="bericht")
    for each, key in zip(found, own, strict=True):
        yield each, open_(key, each.sealed_body, _context("sealed_body", each.id))


def _context(column: str, id_: str) -> bytes:
    """What is sealed is bound to its table, column and row, so that no other row can show it."""
    return f"v1|messages|{column}|{id_}".encode()
