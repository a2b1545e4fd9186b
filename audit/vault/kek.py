"""The key-encryption keys: in a file of the key folder, or in a PKCS#11 module that never gives them out.

The newest of the two kinds that ``kek.toml`` names seals; the others still open. A KEK in a file is for development and
small set-ups: whoever can read the folder can open everything.
"""

import os
import stat
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from audit.seal import Key, SealError, new_key, open_, seal

CONFIG = "kek.toml"
FILE = "kek-{:04}.key"
_LABEL = "ketenpoort-kek"
_MODULE_PREFIX = b"KP\x01\x02"  # magic, version 1, algorithm 2: AES-256-GCM in a module, 96-bit nonce
_HEAD = 12
_NONCE = 12


class KekError(Exception):
    """A KEK cannot be used; the text says in Dutch what is wrong and what to do."""


class Kek(Protocol):
    """What seals the data keys."""

    @property
    def id(self) -> bytes:
        """Eight bytes by which what it sealed names it."""
        ...

    @property
    def place(self) -> str:
        """Where it is kept: ``bestand`` or ``pkcs11``."""
        ...

    def wrap(self, secret: bytes, context: bytes) -> bytes:
        """Seal a secret, bound to ``context``."""
        ...

    def unwrap(self, sealed: bytes, context: bytes) -> bytes:
        """Open it again; raises `SealError`."""
        ...

    def destroy(self) -> None:
        """Make an end to it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FileKek:
    """A KEK in a file: id and secret in hexadecimal, readable by its owner alone."""

    path: Path
    key: Key
    place: str = "bestand"

    @property
    def id(self) -> bytes:
        """Eight bytes by which what it sealed names it."""
        return self.key.id

    def wrap(self, secret: bytes, context: bytes) -> bytes:
        """Seal a secret, bound to ``context``."""
        return seal(self.key, secret, context)

    def unwrap(self, sealed: bytes, context: bytes) -> bytes:
        """Open it again; raises `SealError`."""
        return open_(self.key, sealed, context)

    def destroy(self) -> None:
        """Overwrite the file and take it away; under another name, so that nobody reads it while that is done."""
        going = self.path.rename(self.path.with_suffix(".weg"))
        with going.open("r+b") as file:
            file.write(b"0" * going.stat().st_size)
            file.flush()
            os.fsync(file.fileno())
        going.unlink()
        sync(going.parent)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleKek:
    """A KEK in a PKCS#11 module: AES-256-GCM there, with the context as associated data."""

    id: bytes
    _key: Any = field(repr=False)
    place: str = "pkcs11"

    def wrap(self, secret: bytes, context: bytes) -> bytes:
        """Seal a secret, bound to ``context``."""
        nonce = os.urandom(_NONCE)
        return _MODULE_PREFIX + self.id + nonce + self._crypt(self._key.encrypt, secret, nonce, context)

    def unwrap(self, sealed: bytes, context: bytes) -> bytes:
        """Open it again; raises `SealError`."""
        if sealed[:_HEAD] != _MODULE_PREFIX + self.id:
            raise SealError("does not open")
        nonce, rest = sealed[_HEAD : _HEAD + _NONCE], sealed[_HEAD + _NONCE :]
        return self._crypt(self._key.decrypt, rest, nonce, context)

    def destroy(self) -> None:
        """Take the key out of the module."""
        self._key.destroy()

    def _crypt(self, work: Any, data: bytes, nonce: bytes, context: bytes) -> bytes:
        from pkcs11 import GCMParams, Mechanism, exceptions  # noqa: PLC0415  only who has a module needs the library

        try:
            done: bytes = work(data, mechanism=Mechanism.AES_GCM, mechanism_param=GCMParams(nonce, context))
        except _does_not_open(exceptions):
            raise SealError("does not open") from None
        except exceptions.PKCS11Error as error:
            raise KekError(f"De sleutelmodule doet het niet ({type(error).__name__}).") from None
        return done


def _does_not_open(exceptions: Any) -> tuple[type[Exception], ...]:
    """What modules say of a text that is not sound; SoftHSM says the last."""
    return exceptions.EncryptedDataInvalid, exceptions.EncryptedDataLenRange, exceptions.GeneralError


def load(folder: Path) -> dict[bytes, Kek]:
    """Return the KEKs of a key folder by id. Raises `KekError`, or ``OSError`` if the folder cannot be read."""
    check_private(folder)
    found: dict[bytes, Kek] = {}
    for path in sorted(folder.glob("kek-*.key")):
        try:
            raw = bytes.fromhex(path.read_text("ascii"))
            found[raw[:8]] = FileKek(path=path, key=Key(id=raw[:8], secret=raw[8:]))
        except FileNotFoundError:  # just destroyed by another process, so nothing stands under it
            continue
        except ValueError:
            raise KekError(
                f"De hoofdsleutel {path} is beschadigd. Zet een reservekopie van de map terug, of herstel haar"
                " uit de aandelen van de functionarissen: ketenpoort audit sleutels herstel."
            ) from None
    if (folder / CONFIG).exists():
        found |= {kek.id: kek for kek in _in_module(folder)}
    return found


def make(folder: Path) -> Kek:
    """Make a new KEK: in the module that ``kek.toml`` names, else in a file. Raises `KekError` or ``OSError``."""
    if (folder / CONFIG).exists():
        return _new_in_module(folder)
    last = max((int(path.stem[4:]) for path in folder.glob("kek-*.key")), default=0)
    return put(folder / FILE.format(last + 1), new_key())


def put(path: Path, key: Key) -> FileKek:
    """Write a KEK to a new file that only its owner reads, and be sure that it is there."""
    coming = path.with_suffix(".komt")
    coming.unlink(missing_ok=True)  # of one that died halfway
    descriptor = os.open(coming, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write((key.id + key.secret).hex() + "\n")
        file.flush()
        os.fsync(file.fileno())
    os.link(coming, path)  # unlike a rename it never takes the place of a key
    coming.unlink()
    sync(path.parent)
    return FileKek(path=path, key=key)


def sync(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def check_private(folder: Path) -> None:
    """Raise `KekError` if somebody else can read the folder or a key in it."""
    for path in (folder, *(path for kind in ("key", "db", "toml", "pin") for path in folder.glob(f"*.{kind}"))):
        if path != folder and not path.exists():  # just destroyed by another process
            continue
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise KekError(f"{path} is leesbaar voor anderen. Doe: chmod -R go= {folder}")


def _in_module(folder: Path) -> list[ModuleKek]:
    import pkcs11  # noqa: PLC0415  only who has a module needs the library

    with _told(folder):
        wanted = {pkcs11.Attribute.CLASS: pkcs11.ObjectClass.SECRET_KEY, pkcs11.Attribute.LABEL: _LABEL}
        return [ModuleKek(id=key.id, _key=key) for key in _session(folder).get_objects(wanted)]


def _new_in_module(folder: Path) -> ModuleKek:
    import pkcs11  # noqa: PLC0415  only who has a module needs the library

    id_, attribute = os.urandom(8), pkcs11.Attribute
    with _told(folder):
        key = _session(folder).generate_key(
            pkcs11.KeyType.AES, 256, id=id_, label=_LABEL, store=True,
            capabilities=pkcs11.MechanismFlag.ENCRYPT | pkcs11.MechanismFlag.DECRYPT,
            template={attribute.SENSITIVE: True, attribute.EXTRACTABLE: False},
        )  # fmt: skip
    return ModuleKek(id=id_, _key=key)


def _session(folder: Path) -> Any:
    """Log in to the token that ``kek.toml`` names, once a process: a module keeps who is logged in by itself."""
    path = folder / CONFIG
    if path not in _sessions:
        import pkcs11  # noqa: PLC0415  only who has a module needs the library

        told = _config(path)
        token = pkcs11.lib(told["module"]).get_token(token_label=told["token"])
        _sessions[path] = token.open(rw=True, user_pin=(folder / told["pin"]).read_text("ascii").strip())
    return _sessions[path]


_sessions: dict[Path, Any] = {}


def _config(path: Path) -> Mapping[str, str]:
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
        return {name: str(told[name]) for name in ("module", "token", "pin")}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError):
        raise KekError(f"In {path} horen 'module', 'token' en 'pin' te staan (docs/operations.md, Keys).") from None


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    """Say in Dutch what a module or its library does not do; never what it says itself."""
    try:
        import pkcs11  # noqa: PLC0415  only who has a module needs the library
    except ImportError:
        raise KekError("Voor een sleutelmodule is meer nodig: pip install 'ketenpoort[hsm]'.") from None
    try:
        yield
    except (pkcs11.PKCS11Error, RuntimeError) as error:
        raise KekError(
            f"De sleutelmodule van {folder / CONFIG} werkt niet ({type(error).__name__}). Controleer de module, het"
            " token en de pincode."
        ) from None
