"""What the key service does when asked: one function for each question, over the keys in its store.

A data key is given to one asker, once, except those of the ledger. What is opened is counted on disk before it answers.
"""

import hmac
import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from threading import Lock

from audit.entry import open_payload
from audit.seal import Ed25519Signer, Key, MlDsaSigner, SealError, Signer, open_, sealed_with
from audit.vault.kek import KekError
from audit.vault.store import CLASSES, INDEX, SIGNERS, Row, Store, StoreError
from audit.vault.wire import Op, Said

RATE, BURST = 20_000, 200_000
"""Blind indexes a second that one process gives without end, and at once: all numbers there are would take hours."""
REASONS = ("bericht", "logboek", "beheer")
"""Why something is opened: a body is read, a log line is read by a person, verification and rotation."""

Items = Sequence[bytes]


class RefusedError(Exception):
    """No such thing, or not for this asker."""


class ChangedError(Exception):
    """There is a newer signing key than the asker knows."""


class BusyError(Exception):
    """More blind indexes in a short time than any gateway needs."""


_SAID: dict[type[Exception], Said] = {
    SealError: Said.SEALED,
    BusyError: Said.BUSY,
    ChangedError: Said.CHANGED,
    StoreError: Said.REFUSED,
    RefusedError: Said.REFUSED,
    ValueError: Said.REFUSED,
    IndexError: Said.REFUSED,
    KekError: Said.BROKEN,
    sqlite3.Error: Said.BROKEN,
    OSError: Said.BROKEN,
}
"""What went wrong → what is answered. Only the store and the KEK say why; their texts hold no key."""


class Service:
    """Answers questions about the keys of one store; safe for several threads."""

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Take an open store; ``clock`` counts seconds."""
        self._store, self._clock, self._lock = store, clock, Lock()
        self._seen = store.version
        self._room, self._filled = float(BURST), clock()
        self._data_key = lru_cache(4096)(self._read_data_key)
        self._index_key = lru_cache(16)(self._read_index_key)
        self._signer = lru_cache(64)(self._read_signer)
        self._does: dict[int, Callable[[Items], list[bytes]]] = {
            Op.STATE: self._state,
            Op.FRESH: self._fresh,
            Op.LEDGER: self._ledger,
            Op.LINES: self._lines,
            Op.BODIES: self._bodies,
            Op.PERSONS: self._persons,
            Op.INDEXES: self._indexes,
            Op.REINDEX: self._reindex,
            Op.SIGN: self._sign,
            Op.COUNTS: self._counts,
            Op.RENEW: self._renew,
            Op.ACTIVATE: self._activate,
            Op.DESTROY: self._destroy,
        }

    def answer(self, op: int, items: Items, *, manages: bool) -> tuple[Said, list[bytes]]:
        """Do what is asked. Who does not ``manage`` may use keys and not change them. No error names a value."""
        if op not in self._does or (op >= Op.RENEW and not manages):
            return Said.REFUSED, []
        try:
            with self._lock:
                self._look_around()
                return Said.DONE, self._does[op](items)
        except tuple(_SAID) as error:
            said = next(said for kind, said in _SAID.items() if isinstance(error, kind))
            return said, [str(error).encode()] if isinstance(error, StoreError | KekError) else []

    def _look_around(self) -> None:
        """Forget the keys that are held if another process changed something."""
        self._store.changed()
        if self._seen != self._store.version:
            for held in (self._data_key, self._index_key, self._signer):
                held.cache_clear()
            self._seen = self._store.version

    def _state(self, _items: Items) -> list[bytes]:
        signers = [
            {"purpose": row.kind, "generation": row.generation, "state": row.state, "public": signer.public.hex()}
            for purpose in SIGNERS
            for row in self._store.rows(purpose)
            if row.state != "destroyed" and (signer := self._signer(purpose, row.generation))
        ]
        indexes = [row.generation for row in self._store.rows(INDEX) if row.state != "destroyed"]
        force = self._store.kek_in_force()
        told = {
            "version": self._store.version,
            "signers": signers,
            "indexes": indexes,
            "kek": {"id": force.id.hex(), "place": force.place},
            "since": self._store.in_use_since(),
            "keks": {kek.id.hex(): kek.place for kek in self._store.keks.values()},
        }
        return [json.dumps(told).encode()]

    def _fresh(self, items: Items) -> list[bytes]:
        kind = _word(items[0], CLASSES)
        if kind == "grootboek":
            row = self._store.rows(kind)[-1]
            return [row.id, self._store.secret(row)]
        key = self._store.hand_out(kind)
        return [key.id, key.secret]

    def _ledger(self, items: Items) -> list[bytes]:
        return [self._data_key("grootboek", id_).secret for id_ in items]

    def _lines(self, items: Items) -> list[bytes]:
        why, pairs = _word(items[0], REASONS), _groups(items[1:], 2)
        opened = [self._line(header, sealed) for header, sealed in pairs]
        self._store.count(why, sum(map(bool, opened)))
        return opened

    def _line(self, header: bytes, sealed: bytes) -> bytes:
        try:
            return json.dumps(open_payload(header, sealed, self._named("logboek", sealed))).encode()
        except SealError:
            return b""

    def _bodies(self, items: Items) -> list[bytes]:
        why, pairs = _word(items[0], REASONS), _groups(items[1:], 2)
        opened = [open_(self._named("bericht", wrapped), wrapped, b"wrap|" + context) for wrapped, context in pairs]
        self._store.count(why, len(opened))
        return opened

    def _persons(self, items: Items) -> list[bytes]:
        why, pairs = _word(items[0], REASONS), _groups(items[1:], 2)
        opened = [self._person(sealed, context) for sealed, context in pairs]
        self._store.count(f"{why}/personen", len(opened))
        return opened

    def _person(self, sealed: bytes, context: bytes) -> bytes:
        return open_(self._named("personen", sealed), sealed, b"person|" + context)

    def _indexes(self, items: Items) -> list[bytes]:
        key, pairs = self._index_key(int(items[0])), _groups(items[1:], 2)
        self._take(len(items) // 2)
        return [_blind(key, domain, value) for domain, value in pairs]

    def _reindex(self, items: Items) -> list[bytes]:
        key, groups = self._index_key(int(items[0])), _groups(items[1:], 3)
        return [_blind(key, domain, self._person(sealed, context)) for domain, sealed, context in groups]

    def _sign(self, items: Items) -> list[bytes]:
        purpose, generation, newest, message = _word(items[0], SIGNERS), int(items[1]), int(items[2]), items[3]
        row = next((row for row in self._store.rows(purpose) if row.generation == generation), None)
        if row is None or row.state == "destroyed":
            raise RefusedError
        if row.state == "retired" or self._store.rows(purpose)[-1].generation != newest:
            raise ChangedError
        return [self._signer(purpose, generation).sign(message)]

    def _counts(self, _items: Items) -> list[bytes]:
        return [json.dumps(self._store.counts()).encode()]

    def _renew(self, items: Items) -> list[bytes]:
        kind = items[0].decode("ascii")
        if kind == "kek":
            old, new = self._store.renew_kek()
            return [old.id, new.id]
        *_, before, last = None, *self._store.rows(_word(items[0], ("grootboek", INDEX, *SIGNERS)))
        if before and last.state == "coming":  # begun before, and broken off
            return [before.id, last.id]
        if kind == "grootboek":  # all data keys: what somebody saw of the folder opens nothing that is sealed from now
            self._store.renew_stock()
        made = self._store.add(kind, state="coming" if kind in SIGNERS else "active", change=True)
        return [last.id, made.id]

    def _activate(self, items: Items) -> list[bytes]:
        self._store.put_in_force(_word(items[0], SIGNERS))
        return []

    def _destroy(self, items: Items) -> list[bytes]:
        found = [self._store.row(id_) for id_ in items]
        if not all(row.kind in CLASSES for row in found if row):
            raise RefusedError
        if all(found):
            self._store.destroy(items)
        elif len(items) == 1:
            self._store.destroy_kek(items[0])
        else:
            raise RefusedError
        return []

    def _named(self, kind: str, sealed: bytes) -> Key:
        """Return the data key that a sealed text names; raises `SealError` if it has none of that class."""
        return self._data_key(kind, sealed_with(sealed))

    def _read_data_key(self, kind: str, id_: bytes) -> Key:
        row = self._store.row(id_)
        if row is None or row.kind != kind:
            raise SealError("does not open")
        return Key(id=id_, secret=self._store.secret(row))

    def _read_index_key(self, generation: int) -> bytes:
        return self._store.secret(self._generation(INDEX, generation))

    def _read_signer(self, purpose: str, generation: int) -> Signer:
        seed = self._store.secret(self._generation(purpose, generation))
        return (MlDsaSigner if purpose == "log-mldsa" else Ed25519Signer)(name=purpose, seed=seed)

    def _generation(self, kind: str, generation: int) -> Row:
        for row in self._store.rows(kind):
            if row.generation == generation:
                return row
        raise RefusedError

    def _take(self, count: int) -> None:
        """Let through ``count`` blind indexes, or raise `BusyError`: who asks for more is trying numbers."""
        now = self._clock()
        self._room = min(BURST, self._room + (now - self._filled) * RATE)
        self._filled = now
        if count > self._room:
            raise BusyError
        self._room -= count


def _word(item: bytes, known: Iterable[str]) -> str:
    word = item.decode("ascii", "replace")
    if word not in known:
        raise RefusedError
    return word


def _groups(items: Items, size: int) -> list[Items]:
    if len(items) % size:
        raise RefusedError
    return [items[start : start + size] for start in range(0, len(items), size)]


def _blind(key: bytes, domain: bytes, value: bytes) -> bytes:
    """Turn a value into 16 bytes to look it up by: equal ones only within a domain (a party)."""
    return hmac.digest(hmac.digest(key, domain, "sha256"), value, "sha256")[:16]
