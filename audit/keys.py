"""The key service, as everybody else sees it: seals, opens, signs and looks up, with keys that stay in their process.

What is new is sealed here, with keys that the service gives to us alone and that we hold for some minutes; what is
old is opened there, and counted. Every question is a trip to that process, so ask for many at once. See `audit.vault`,
and ADR 0017.
"""

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock
from typing import Any, Self

from audit.seal import Key, Signer, new_key, seal, sealed_with
from audit.vault import store
from audit.vault.line import KeysAwayError, KeysBusyError, KeysChangedError, KeysError, Line
from audit.vault.store import SIGNERS
from audit.vault.wire import Op

__all__ = ["SIGNERS", "KeyService", "KeysAwayError", "KeysBusyError", "KeysChangedError", "KeysError"]

HELD = 600.0
"""Seconds that we seal with one data key; then the service gives us another."""
MOST_USES = 2**20
"""Times that we seal with one data key."""
LOOK = 2.0
"""Seconds until a change of keys that another made is seen."""
_AT_ONCE = 4096, 16 * 2**20
"""Items and bytes in one trip: others wait for its end."""


@dataclass(slots=True, kw_only=True)
class _Held:
    key: Key = field(repr=False)
    until: float
    uses: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signer:
    """A signing key that stays in the service, of one generation; it does not sign once there is a later one."""

    name: str
    public: bytes
    generation: int
    newest: int
    line: Line = field(repr=False)
    changed: Callable[[], None] = field(repr=False)

    def sign(self, message: bytes) -> bytes:
        """Sign; raises `KeysAwayError`, of the kind `KeysChangedError` if there is a newer key: ask for that one."""
        asked = self.name.encode(), _number(self.generation), _number(self.newest), message
        try:
            return self.line.ask(Op.SIGN, asked)[0]
        except KeysChangedError:
            self.changed()
            raise


class KeyService:
    """The client of one key folder; for all threads. Every method may raise `KeysAwayError`: then nothing was done."""

    def __init__(self, line: Line) -> None:
        """Ask on this line; see `open`."""
        self._line, self._lock = line, RLock()
        self._held: dict[str, _Held] = {}
        self._ledger: dict[bytes, Key] = {}
        self._told: dict[str, Any] = {}
        self._looked = 0.0
        self._look()

    @classmethod
    def create(cls, folder: Path) -> Self:
        """Make a folder with fresh keys; it appears whole or not at all.

        Raises `KeysError` if there is something there already: keys are never overwritten.
        """
        try:
            store.create(folder)
        except store.StoreError as error:
            raise KeysError(str(error)) from None
        return cls.open(folder)

    @classmethod
    def open(cls, place: Path) -> Self:
        """Start a service for a key folder, or reach the one whose socket ``unix:PATH`` names; raises `KeysError`."""
        return cls(Line(place))

    def close(self) -> None:
        """Let go of all keys; a service that was started for us ends."""
        self._line.close()
        self._held.clear()
        self._ledger.clear()

    def log_key(self) -> Key:
        """Give the key that seals the payload of new log lines."""
        return self._fresh("logboek")

    def open_lines(self, lines: Iterable[tuple[bytes, bytes]], *, why: str) -> list[dict[str, Any] | None]:
        """Open the payloads of log lines (header, sealed); None where one does not open or is not the committed one.

        ``why`` is the reason under which this is counted: ``bericht``, ``logboek`` or ``beheer``.
        """
        opened = self._many(Op.LINES, why.encode(), lines)
        return [json.loads(payload) if payload else None for payload in opened]

    def new_body_key(self, context: bytes) -> tuple[Key, bytes]:
        """Make a key for one body, and the same key wrapped, bound to ``context``, for keeping beside it."""
        key = new_key()
        return key, seal(self._fresh("bericht"), key.id + key.secret, b"wrap|" + context)

    def unwrap_all(self, wrapped: Iterable[tuple[bytes, bytes]], *, why: str) -> list[Key]:
        """Open wrapped body keys, each with its context; raises `SealError` if one does not open. Counted."""
        opened = self._many(Op.BODIES, why.encode(), wrapped)
        return [Key(id=raw[:8], secret=raw[8:]) for raw in opened]

    def seal_person(self, value: str, context: bytes) -> bytes:
        """Seal an identifying value (a BSN) for keeping outside, bound to ``context``."""
        return seal(self._fresh("personen"), value.encode(), b"person|" + context)

    def open_persons(self, sealed: Iterable[tuple[bytes, bytes]], *, why: str) -> list[str]:
        """Open what `seal_person` made, each with its context; raises `SealError` if one does not open. Counted."""
        return [raw.decode() for raw in self._many(Op.PERSONS, why.encode(), sealed)]

    def ledger_key(self) -> Key:
        """Give the key that seals records of the ledger."""
        return self._fresh("grootboek")

    def ledger_keys(self, sealed: Iterable[bytes]) -> list[Key]:
        """Give the keys with which these records were sealed; raises `SealError` if there is none for one."""
        ids = [sealed_with(each) for each in sealed]
        self._look()
        wanted = sorted(set(ids) - self._ledger.keys())
        if wanted:
            secrets = self._line.ask(Op.LEDGER, wanted)
            self._ledger |= {id_: Key(id=id_, secret=secret) for id_, secret in zip(wanted, secrets, strict=True)}
        return [self._ledger[id_] for id_ in ids]

    @property
    def index_id(self) -> str:
        """The newest generation of the index key; which one a database is written with, `audit.index` tells."""
        return self.index_ids[-1]

    @property
    def index_ids(self) -> list[str]:
        """All generations of the index key, the oldest first: an index that is not rewritten may be of any."""
        return [str(generation) for generation in self._state()["indexes"]]

    def indexes(self, values: Iterable[tuple[str, str]], generation: str = "") -> list[bytes]:
        """Turn (party, value) pairs into 16 bytes to look them up by.

        Equal values of one party give equal bytes, those of two parties do not. Nobody can try all BSNs without the
        key; whoever may ask for indexes can try some, so the result remains personal data, and who asks for very many
        gets `KeysBusyError`. Without ``generation`` they are of `index_id`.
        """
        if generation and generation not in self.index_ids:
            self.refresh()  # another made it: who asks for all generations after this must not miss it
        pairs = [(party.encode(), value.encode()) for party, value in values]
        return self._many(Op.INDEXES, (generation or self.index_id).encode(), pairs)

    def reindexes(self, sealed: Iterable[tuple[str, bytes, bytes]], generation: str) -> list[bytes]:
        """Turn (party, sealed person, its context) into indexes of another generation; nobody sees the values."""
        groups = [(party.encode(), person, context) for party, person, context in sealed]
        return self._many(Op.REINDEX, generation.encode(), groups)

    def signer(self, purpose: str) -> Signer:
        """Give the active signing key for a purpose from `SIGNERS`. Ask again each time: keys are renewed."""
        return self._signers(purpose, "active")[0]

    def signers(self, purpose: str) -> list[Signer]:
        """Give all keys that must sign now: the active one, and during a rotation the coming one after it."""
        return self._signers(purpose, "active", "coming")

    def known(self, purpose: str) -> list[bytes]:
        """Give the public keys of all that ever signed for a purpose here, the oldest first."""
        return [signer.public for signer in self._signers(purpose, "retired", "active", "coming")]

    def counts(self) -> dict[tuple[str, str], int]:
        """How many bodies, lines and persons were opened, by (day in UTC, why)."""
        return {(day, why): number for day, why, number in json.loads(self._line.ask(Op.COUNTS)[0])}

    def renew(self, kind: str) -> tuple[bytes, bytes]:
        """Make a new ``kek``, ``grootboek`` or ``index`` key or signing key, and give the ids of the old and the new.

        With the one of ``grootboek`` all spare data keys are new too. A new signing key is in force only after
        `activate`; until then this gives the same one again.
        """
        old, new = self._line.ask(Op.RENEW, [kind.encode()])
        self.refresh()
        return old, new

    def activate(self, kind: str) -> None:
        """Put the newest signing key for a purpose in force, and retire those before it."""
        self._line.ask(Op.ACTIVATE, [kind.encode()])
        self.refresh()

    def destroy(self, ids: Sequence[bytes]) -> None:
        """Destroy data keys, or one KEK under which nothing stands any more: what they sealed opens nowhere again.

        The caller logs it. Raises `KeysError` if one of them is not there; then none is destroyed.
        """
        self._line.ask(Op.DESTROY, ids)
        self.refresh()

    def about(self) -> dict[str, Any]:
        """What can be told of the keys: version, generations, public keys, and where the KEK is."""
        self.refresh()
        return dict(self._state())

    def _signers(self, purpose: str, *states: str) -> list[Signer]:
        rows = [each for each in self._state()["signers"] if each["purpose"] == purpose]
        if not rows:
            raise KeysError(f"Er is geen sleutel voor handtekeningen met de naam {purpose}.")
        newest = max(each["generation"] for each in rows)
        return [
            _Signer(
                name=purpose, public=bytes.fromhex(each["public"]), generation=each["generation"], newest=newest,
                line=self._line, changed=self.refresh,
            )
            for each in rows if each["state"] in states
        ]  # fmt: skip

    def _fresh(self, kind: str) -> Key:
        """Give the data key of a class with which we seal now."""
        with self._lock:
            self._look()
            held, now = self._held.get(kind), time.monotonic()
            if held is None or now >= held.until or held.uses >= MOST_USES:
                id_, secret = self._line.ask(Op.FRESH, [kind.encode()])
                held = self._held[kind] = _Held(key=Key(id=id_, secret=secret), until=now + HELD)
            held.uses += 1
            return held.key

    def _many(self, op: Op, first: bytes, groups: Iterable[Sequence[bytes]]) -> list[bytes]:
        """Ask the same for many, in as many trips as are needed; the answers in their order."""
        answers, items, size = list[bytes](), [first], 0
        for group in groups:
            items += group
            size += sum(map(len, group))
            if len(items) > _AT_ONCE[0] or size > _AT_ONCE[1]:
                answers += self._line.ask(op, items)
                items, size = [first], 0
        if len(items) > 1:
            answers += self._line.ask(op, items)
        return answers

    def _state(self) -> dict[str, Any]:
        self._look()
        return self._told

    def _look(self) -> None:
        """Hear of changes, at most every `LOOK` seconds; after one, hold nothing from before."""
        if time.monotonic() - self._looked < LOOK and self._told:
            return
        told = json.loads(self._line.ask(Op.STATE)[0])
        with self._lock:
            if told["version"] != self._told.get("version"):
                self._held.clear()
                self._ledger.clear()
            self._told, self._looked = told, time.monotonic()

    def refresh(self) -> None:
        """Hear of changes that others made at the next question, and not only when it is time again."""
        self._looked = 0.0


def _number(number: int) -> bytes:
    return str(number).encode()
