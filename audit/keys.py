"""The key service, with its keys in files: for development and small set-ups.

Whoever can read the folder can read everything; a larger set-up keeps the key-encryption key elsewhere. Only
that one key lies open in its folder, all others lie sealed under it. Bodies get a key each, wrapped and kept
beside them, so that a body can be destroyed by destroying its key.
"""

import hmac
import os
import shutil
import stat
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from audit.entry import open_payload
from audit.seal import Ed25519Signer, Key, MlDsaSigner, SealError, Signer, new_key, open_, seal, sealed_with

SIGNERS = ("log", "log-mldsa", "ontvangst", "push", "sleutels")
"""What we sign, each with a key of its own: the log's head (twice), receipts, pushed messages, what the keys did."""

_KEK = "kek-{:04}.key"
_EPOCH = "log-{:04}.key"
_INDEX = "index.key"
_FILE_MODE = 0o600


class KeysError(Exception):
    """The key folder cannot be used; the text says in Dutch what is wrong and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyService:
    """Wraps, signs and indexes, without the keys leaving it; except those that are asked for by name."""

    _keks: Mapping[bytes, Key] = field(repr=False)
    _primary: Key = field(repr=False)
    _logs: Mapping[bytes, Key] = field(repr=False)
    _epoch: Key = field(repr=False)
    _index: bytes = field(repr=False)
    _signers: Mapping[str, Signer] = field(repr=False)

    @classmethod
    def create(cls, folder: Path) -> Self:
        """Make a folder with fresh keys; it appears whole or not at all.

        Raises `KeysError` if there is something there already: keys are never overwritten.
        """
        making = Path(tempfile.mkdtemp(prefix=".sleutels-", dir=_parent(folder)))  # mode 0700 by itself
        try:
            kek = new_key()
            _write(making / _KEK.format(1), kek.id + kek.secret)
            _write(making / _EPOCH.format(1), _wrap(kek, new_key(), b"log"))
            _write(making / _INDEX, seal(kek, os.urandom(32), b"key|index"))
            for purpose in SIGNERS:
                _write(making / f"sign-{purpose}.key", seal(kek, os.urandom(32), b"key|sign|" + purpose.encode()))
            _sync(making)
            making.rename(folder)
            _sync(folder.parent)
        except OSError as error:
            shutil.rmtree(making, ignore_errors=True)
            raise KeysError(
                f"De sleutelmap {folder} bestaat al of kan niet worden gemaakt ({error.strerror})."
            ) from None
        return cls.open(folder)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Read the keys of a folder; raises `KeysError` if one is missing, damaged or readable by others."""
        try:
            _check_private(folder)
            keks = {key.id: key for key in map(_kek, sorted(folder.glob("kek-*.key")))}
            logs = [_unwrap(keks, _read(path), b"log") for path in sorted(folder.glob("log-*.key"))]
            if not keks or not logs:
                raise KeysError(f"De sleutelmap {folder} is niet volledig. Zet een reservekopie van de map terug.")
            return cls(
                _keks=keks,
                _primary=list(keks.values())[-1],
                _logs={key.id: key for key in logs},
                _epoch=logs[-1],
                _index=_opened(keks, _read(folder / _INDEX), b"key|index"),
                _signers={purpose: _signer(keks, folder, purpose) for purpose in SIGNERS},
            )
        except OSError as error:
            raise KeysError(f"De sleutelmap {folder} is niet te lezen ({error.strerror}).") from None
        except (SealError, ValueError):
            raise KeysError(f"Een sleutel in {folder} is beschadigd. Zet een reservekopie van de map terug.") from None

    def wrap(self, key: Key, context: bytes) -> bytes:
        """Seal a key for keeping outside; ``context`` binds it to its place."""
        return _wrap(self._primary, key, context)

    def unwrap(self, wrapped: bytes, context: bytes) -> Key:
        """Open what `wrap` made; raises `SealError`."""
        return _unwrap(self._keks, wrapped, context)

    def unwrap_all(self, wrapped: Sequence[tuple[bytes, bytes]], *, why: str) -> list[Key]:  # noqa: ARG002 - counted there
        """Open what `wrap` made, each with its context; ``why`` is the reason code under which it is counted."""
        return [self.unwrap(each, context) for each, context in wrapped]

    def open_lines(self, lines: Iterable[tuple[bytes, bytes]], *, why: str) -> list[dict[str, Any] | None]:  # noqa: ARG002 - counted there
        """Open the payloads of log lines (header, sealed); None where one does not open or is not the committed one."""
        return [self._opened_line(header, sealed) for header, sealed in lines]

    def _opened_line(self, header: bytes, sealed: bytes) -> dict[str, Any] | None:
        try:
            return open_payload(header, sealed, self.log_key_of(sealed))
        except SealError:
            return None

    def new_body_key(self, context: bytes) -> tuple[Key, bytes]:
        """Make a key for one body, and the same key wrapped."""
        key = new_key()
        return key, self.wrap(key, context)

    def log_key(self) -> Key:
        """Give the key that seals the payload of new log entries."""
        return self._epoch

    def log_key_of(self, sealed: bytes) -> Key:
        """Give the key with which this payload was sealed; raises `SealError` if there is none."""
        return _found(self._logs, sealed)

    def signer(self, purpose: str) -> Signer:
        """Give the signing key for a purpose from `SIGNERS`."""
        return self._signers[purpose]

    @property
    def index_id(self) -> str:
        """Which generation of the index key `indexes` uses."""
        return "1"

    def indexes(self, values: Sequence[tuple[str, str]]) -> list[bytes]:
        """Turn (party, value) pairs into 16-byte blind indexes, see `blind_index`."""
        return [self.blind_index(party, value) for party, value in values]

    def seal_person(self, value: str, context: bytes) -> bytes:
        """Seal an identifying value (a BSN) for keeping outside, bound to ``context``."""
        return seal(self._epoch, value.encode(), b"person|" + context)

    def open_persons(self, sealed: Sequence[tuple[bytes, bytes]], *, why: str) -> list[str]:  # noqa: ARG002 - counted there
        """Open what `seal_person` made, each with its context; raises `SealError`."""
        return [open_(self.log_key_of(each), each, b"person|" + context).decode() for each, context in sealed]

    def blind_index(self, tenant: str, value: str) -> bytes:
        """Turn a value (a BSN) into 16 bytes to look it up by.

        Equal values of one tenant give equal bytes, those of two tenants do not. Without the key nobody can
        try all BSNs; with it that takes minutes, so the result remains personal data.
        """
        key_of_tenant = hmac.digest(self._index, tenant.encode(), "sha256")
        return hmac.digest(key_of_tenant, value.encode(), "sha256")[:16]


def _parent(folder: Path) -> Path:
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise KeysError(f"De map {folder.parent} kan niet worden gemaakt ({error.strerror}).") from None
    return folder.parent


def _check_private(folder: Path) -> None:
    for path in (folder, *folder.glob("*.key")):
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise KeysError(f"{path} is leesbaar voor anderen. Doe: chmod -R go= {folder}")


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE_MODE)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(content.hex() + "\n")
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(path: Path) -> bytes:
    return bytes.fromhex(path.read_text("ascii"))


def _kek(path: Path) -> Key:
    raw = _read(path)
    return Key(id=raw[:8], secret=raw[8:])


def _signer(keks: Mapping[bytes, Key], folder: Path, purpose: str) -> Signer:
    sealed = _read(folder / f"sign-{purpose}.key")
    seed = _opened(keks, sealed, b"key|sign|" + purpose.encode())
    return MlDsaSigner(name=purpose, seed=seed) if purpose == "log-mldsa" else Ed25519Signer(name=purpose, seed=seed)


def _wrap(kek: Key, key: Key, context: bytes) -> bytes:
    return seal(kek, key.id + key.secret, b"wrap|" + context)


def _unwrap(keks: Mapping[bytes, Key], wrapped: bytes, context: bytes) -> Key:
    raw = _opened(keks, wrapped, b"wrap|" + context)
    if len(raw) != 40:
        raise SealError("does not open")
    return Key(id=raw[:8], secret=raw[8:])


def _opened(keks: Mapping[bytes, Key], sealed: bytes, context: bytes) -> bytes:
    return open_(_found(keks, sealed), sealed, context)


def _found(keys: Mapping[bytes, Key], sealed: bytes) -> Key:
    try:
        return keys[sealed_with(sealed)]
    except KeyError:
        raise SealError("does not open") from None
