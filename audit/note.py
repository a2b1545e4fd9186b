"""Signed notes and checkpoints, byte for byte as C2SP signed-note, tlog-checkpoint and tlog-cosignature have them.

Reads any note strictly: bytes that differ never mean the same. Three kinds of signature: Ed25519 over the text, and
two that also say when, as a witness does (Ed25519 cosignature/v1, ML-DSA-44 subtree/v1). A log signs with all three.
"""

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256

from audit.seal import Signer, verify_mldsa, verify_signature

_DASH = "— "
_LATEST = 2**63 - 1
_TIME = 8  # bytes of a time before a signature
_SUBTREE = b"subtree/v1\n\x00"


class Kind(IntEnum):
    """What a key signs with: the byte that C2SP gives it."""

    ED25519 = 1
    COSIGNATURE = 4
    """Ed25519, with the time of signing."""
    MLDSA = 6
    """ML-DSA-44, with the time of signing; over origin, size and root."""


_LENGTHS = {Kind.ED25519: 32, Kind.COSIGNATURE: 32, Kind.MLDSA: 1312}


class NoteError(Exception):
    """The bytes are not a note, checkpoint or verifier key; nothing in them may be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierKey:
    """Public key of a log under its name, which is the log's origin; or of a witness."""

    name: str
    public: bytes
    kind: Kind = Kind.ED25519

    @property
    def hash(self) -> bytes:
        """The four bytes by which a signature tells which key made it; a hint, not a proof."""
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A text, ending in a newline, and its signatures as (name, key hash, signature); none checked yet."""

    text: str
    signatures: tuple[tuple[str, bytes, bytes], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """Head of the log: how many entries and the root over them, with the signed note that says so."""

    origin: str
    size: int
    root: bytes
    note: str


def encode_key(key: VerifierKey) -> str:
    """Write a verifier key as one line: name, key hash and public key."""
    _check_name(key.name)
    return f"{key.name}+{key.hash.hex()}+{to64(bytes([key.kind]) + key.public)}"


def decode_key(line: str) -> VerifierKey:
    """Read what `encode_key` wrote; raises `NoteError` if any part does not fit another."""
    parts = line.split("+", 2)
    if len(parts) != 3:
        raise NoteError("not a verifier key")
    raw = from64(parts[2])
    if raw[:1] not in (bytes([kind]) for kind in Kind):
        raise NoteError("not a verifier key")
    key = VerifierKey(name=parts[0], public=raw[1:], kind=Kind(raw[0]))
    _check_name(key.name)
    if len(key.public) != _LENGTHS[key.kind] or parts[1] != key.hash.hex():
        raise NoteError("not a verifier key")
    return key


def keys_of_log(origin: str, signer: Signer, mldsa: Signer | None = None) -> tuple[VerifierKey, ...]:
    """Return all keys with which a log signs its heads, the plain Ed25519 one first."""
    plain = VerifierKey(name=origin, public=signer.public)
    return plain, *(cosigner(origin, each) for each in (signer, mldsa) if each is not None)


def cosigner(name: str, signer: Signer) -> VerifierKey:
    """Return the key of signatures that say when; which of the two kinds, its length tells."""
    kind = Kind.COSIGNATURE if len(signer.public) == _LENGTHS[Kind.COSIGNATURE] else Kind.MLDSA
    return VerifierKey(name=name, public=signer.public, kind=kind)


def sign(text: str, name: str, signer: Signer) -> str:
    """Make a note of ``text``, which must end in a newline, signed under ``name``."""
    _check_name(name)
    if not text.endswith("\n"):
        raise NoteError("a note ends in a newline")
    key = VerifierKey(name=name, public=signer.public)
    return f"{text}\n{_line(key, signer.sign(text.encode()))}"


def cosign(text: str, name: str, signer: Signer, at: int) -> str:
    """Return the signature line (with its newline) that says: at this time, this was the head of that log.

    ``text`` is that of a checkpoint, ``at`` in seconds since 1970. Raises `NoteError` if it is none.
    """
    _check_name(name)
    key = cosigner(name, signer)
    return _line(key, at.to_bytes(_TIME, "big") + signer.sign(_cosigned(key, text, at)))


def parse(data: bytes) -> Note:
    """Take a note apart without believing it; raises `NoteError`."""
    try:
        whole = data.decode("utf-8")
    except UnicodeDecodeError:
        raise NoteError("not UTF-8") from None
    text, found, rest = whole.rpartition("\n\n")
    if not found or not rest.endswith("\n") or re.search("[\x00-\x09\x0b-\x1f\x7f]", whole):
        raise NoteError("not a note")
    return Note(text=text + "\n", signatures=tuple(_signature(line) for line in rest[:-1].split("\n")))


def signed_by(note: Note, key: VerifierKey) -> bool:
    """Tell whether ``key`` signed this note, each line in its name soundly; signatures of others are passed over."""
    signatures = [raw for name, hint, raw in note.signatures if name == key.name and hint == key.hash]
    return bool(signatures) and all(_sound(note, key, raw) for raw in signatures)


def signed_when(note: Note, key: VerifierKey) -> int | None:
    """Return when ``key`` says that it signed (seconds since 1970, the latest if more than once).

    None if it did not, not soundly, or is of the kind that tells no time.
    """
    if key.kind is Kind.ED25519 or not signed_by(note, key):
        return None
    mine = [raw for name, hint, raw in note.signatures if name == key.name and hint == key.hash]
    return max(int.from_bytes(raw[:_TIME], "big") for raw in mine)


def sign_checkpoint(origin: str, size: int, root: bytes, *signers: Signer, at: int | None = None) -> Checkpoint:
    """Sign the head of the log: each Ed25519 key the text, and with ``at`` (seconds since 1970) all keys when that was.

    The first must be an Ed25519 key. More than one of a kind sign while one follows another.
    """
    text = f"{origin}\n{size}\n{to64(root)}\n"
    plain = [each for each in signers if cosigner(origin, each).kind is Kind.COSIGNATURE]
    lines = [sign(text, origin, each).removeprefix(f"{text}\n") for each in plain]
    lines += [cosign(text, origin, each, at) for each in signers] if at is not None else []
    return Checkpoint(origin=origin, size=size, root=root, note=f"{text}\n{''.join(lines)}")


def with_lines(note: str, lines: Iterable[str]) -> str:
    """Put signature lines under a note, those that are not there yet."""
    return note + "".join(line for line in lines if f"\n{line}" not in note)


def without_lines(note: str, *keys: VerifierKey) -> str:
    """Take the signatures of ``keys`` off a note."""
    read, gone = parse(note.encode()), {(key.name, key.hash) for key in keys}
    kept = [each for each in read.signatures if (each[0], each[1]) not in gone]
    return f"{read.text}\n" + "".join(f"{_DASH}{name} {to64(hint + raw)}\n" for name, hint, raw in kept)


def line_of(note: Note, key: VerifierKey) -> str | None:
    """Return the first sound signature line of ``key``, with its newline; None if there is none."""
    for name, hint, raw in note.signatures:
        if name == key.name and hint == key.hash and _sound(note, key, raw):
            return _line(key, raw)
    return None


def read_checkpoint(data: bytes) -> Checkpoint:
    """Read a checkpoint without checking its signatures; raises `NoteError`."""
    origin, size, root = _head(parse(data).text)
    return Checkpoint(origin=origin, size=size, root=root, note=data.decode())


def _head(text: str) -> tuple[str, int, bytes]:
    """Read origin, size and root from the text of a checkpoint."""
    lines = text.split("\n")
    if len(lines) < 4 or not lines[0] or not re.fullmatch(r"0|[1-9][0-9]{0,18}", lines[1], re.ASCII):
        raise NoteError("not a checkpoint")
    root = from64(lines[2])
    if len(root) != 32:
        raise NoteError("not a checkpoint")
    return lines[0], int(lines[1]), root


def _cosigned(key: VerifierKey, text: str, at: int) -> bytes:
    """Return the bytes that a signature with a time is over (C2SP tlog-cosignature)."""
    origin, size, root = _head(text)
    if key.kind is Kind.COSIGNATURE:
        return f"cosignature/v1\ntime {at}\n{text}".encode()
    name, log = key.name.encode(), origin.encode()
    if max(len(name), len(log)) > 255:
        raise NoteError("a name of at most 255 bytes")
    parts = bytes([len(name)]), name, at.to_bytes(8, "big"), bytes([len(log)]), log, bytes(8), size.to_bytes(8, "big")
    return b"".join((_SUBTREE, *parts, root))


def _sound(note: Note, key: VerifierKey, raw: bytes) -> bool:
    if key.kind is Kind.ED25519:
        return verify_signature(key.public, raw, note.text.encode())
    at, signature = int.from_bytes(raw[:_TIME], "big"), raw[_TIME:]
    verify = verify_signature if key.kind is Kind.COSIGNATURE else verify_mldsa
    try:
        return len(raw) > _TIME and at <= _LATEST and verify(key.public, signature, _cosigned(key, note.text, at))
    except NoteError:
        return False


def _line(key: VerifierKey, signature: bytes) -> str:
    return f"{_DASH}{key.name} {to64(key.hash + signature)}\n"


def _signature(line: str) -> tuple[str, bytes, bytes]:
    if not line.startswith(_DASH):
        raise NoteError("not a signature line")
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    raw = from64(encoded)
    if not name or len(raw) < 5:
        raise NoteError("not a signature line")
    return name, raw[:4], raw[4:]


def _check_name(name: str) -> None:
    if not name or "+" in name or any(letter.isspace() for letter in name):
        raise NoteError("a key name has no spaces and no plus")


def to64(raw: bytes) -> str:
    """Write base64 as notes do."""
    return base64.b64encode(raw).decode("ascii")


def from64(text: str) -> bytes:
    """Read base64, and only the one way to write it: the last letter has bits that decoders ignore.

    Raises `NoteError`.
    """
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NoteError("not base64") from None
    if to64(raw) != text:
        raise NoteError("not base64")
    return raw
