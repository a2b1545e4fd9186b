"""Signed notes and checkpoints, byte for byte as C2SP signed-note and tlog-checkpoint have them.

Reads any note strictly: bytes that differ never mean the same. Signs with Ed25519.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from hashlib import sha256

from audit.seal import Signer, verify_signature

_ED25519 = b"\x01"
_DASH = "— "


class NoteError(Exception):
    """The bytes are not a note, checkpoint or verifier key; nothing in them may be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierKey:
    """Public key of a log under its name, which is the log's origin."""

    name: str
    public: bytes

    @property
    def hash(self) -> bytes:
        """The four bytes by which a signature tells which key made it; a hint, not a proof."""
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:4]


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
    return f"{key.name}+{key.hash.hex()}+{_to64(_ED25519 + key.public)}"


def decode_key(line: str) -> VerifierKey:
    """Read what `encode_key` wrote; raises `NoteError` if any part does not fit another."""
    parts = line.split("+", 2)
    if len(parts) != 3:
        raise NoteError("not a verifier key")
    raw = _from64(parts[2])
    key = VerifierKey(name=parts[0], public=raw[1:])
    _check_name(key.name)
    if raw[:1] != _ED25519 or len(raw) != 33 or parts[1] != key.hash.hex():
        raise NoteError("not a verifier key")
    return key


def sign(text: str, name: str, signer: Signer) -> str:
    """Make a note of ``text``, which must end in a newline, signed under ``name``."""
    _check_name(name)
    if not text.endswith("\n"):
        raise NoteError("a note ends in a newline")
    key = VerifierKey(name=name, public=signer.public)
    return f"{text}\n{_DASH}{name} {_to64(key.hash + signer.sign(text.encode()))}\n"


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
    """Tell whether ``key`` signed this note; signatures of others are passed over."""
    return any(
        name == key.name and hint == key.hash and verify_signature(key.public, signature, note.text.encode())
        for name, hint, signature in note.signatures
    )


def sign_checkpoint(origin: str, size: int, root: bytes, signer: Signer) -> Checkpoint:
    """Sign the head of the log."""
    text = sign(f"{origin}\n{size}\n{_to64(root)}\n", origin, signer)
    return Checkpoint(origin=origin, size=size, root=root, note=text)


def read_checkpoint(data: bytes) -> Checkpoint:
    """Read a checkpoint without checking its signatures; raises `NoteError`."""
    lines = parse(data).text.split("\n")
    if len(lines) < 4 or not lines[0] or not re.fullmatch(r"0|[1-9][0-9]{0,18}", lines[1], re.ASCII):
        raise NoteError("not a checkpoint")
    root = _from64(lines[2])
    if len(root) != 32:
        raise NoteError("not a checkpoint")
    return Checkpoint(origin=lines[0], size=int(lines[1]), root=root, note=data.decode())


def _signature(line: str) -> tuple[str, bytes, bytes]:
    if not line.startswith(_DASH):
        raise NoteError("not a signature line")
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    raw = _from64(encoded)
    if not name or len(raw) < 5:
        raise NoteError("not a signature line")
    return name, raw[:4], raw[4:]


def _check_name(name: str) -> None:
    if not name or "+" in name or any(letter.isspace() for letter in name):
        raise NoteError("a key name has no spaces and no plus")


def _to64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def _from64(text: str) -> bytes:
    """Read base64, and only the one way to write it: the last letter has bits that decoders ignore."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NoteError("not base64") from None
    if _to64(raw) != text:
        raise NoteError("not base64")
    return raw
