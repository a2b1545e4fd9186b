"""Sealing and signing: the only file with symmetric encryption, Ed25519 and ML-DSA-44.

One format, no options: XAES-256-GCM (C2SP XAES-256-GCM) with a random 192-bit nonce, behind a header that
tells the version and the key. Whatever else is offered is refused; nothing is negotiated. Keys come from
`audit.keys`; what a context means is the caller's.
"""

import os
from dataclasses import dataclass, field
from typing import Protocol

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.cmac import CMAC

MAX_PLAINTEXT = 64 * 2**20
"""Bytes in one seal; GCM authenticates only after the last byte, so larger things must be cut in frames."""

_PREFIX = b"KP\x01\x01"  # magic, version 1, algorithm 1: XAES-256-GCM
_KEY_ID = 8
_NONCE = 24
_TAG = 16
_HEAD = len(_PREFIX) + _KEY_ID + _NONCE
_COUNTER_1, _COUNTER_2 = b"\x00\x01X\x00", b"\x00\x02X\x00"  # SP 800-108 counter, label "X", separator


class SealError(Exception):
    """A sealed text does not open: wrong key, wrong place, changed or not ours. It never says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A 256-bit key and the 8 bytes by which sealed texts name it. ``ValueError`` on any other length."""

    id: bytes
    secret: bytes = field(repr=False)
    _mac: CMAC = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.id) != _KEY_ID or len(self.secret) != 32:
            raise ValueError("a key is 8 bytes of id and 32 bytes of secret")
        # The CMAC key schedule depends on the key alone; each seal starts from a copy.
        object.__setattr__(self, "_mac", CMAC(algorithms.AES(self.secret)))


def new_key() -> Key:
    """Make a random key with a random id."""
    fresh = os.urandom(_KEY_ID + 32)
    return Key(id=fresh[:_KEY_ID], secret=fresh[_KEY_ID:])


def seal(key: Key, plaintext: bytes, context: bytes) -> bytes:
    """Encrypt ``plaintext`` and bind it to ``context``, which must be given again to open it.

    The result is 52 bytes longer than ``plaintext``. Raises ``ValueError`` above `MAX_PLAINTEXT`.
    """
    return _seal(key, plaintext, context, nonce=os.urandom(_NONCE))


def open_(key: Key, sealed: bytes, context: bytes) -> bytes:
    """Decrypt what `seal` made with the same key and context; raises `SealError` for everything else."""
    if sealed_with(sealed) != key.id:
        raise SealError("does not open")
    nonce = sealed[len(_PREFIX) + _KEY_ID : _HEAD]
    try:
        return _cipher(key, nonce).decrypt(nonce[12:], sealed[_HEAD:], context)
    except InvalidTag:
        raise SealError("does not open") from None


def sealed_with(sealed: bytes) -> bytes:
    """Id of the key that opens ``sealed``; raises `SealError` if it is not in our format."""
    if not sealed.startswith(_PREFIX) or not _HEAD + _TAG <= len(sealed) <= _HEAD + MAX_PLAINTEXT + _TAG:
        raise SealError("does not open")
    return sealed[len(_PREFIX) : len(_PREFIX) + _KEY_ID]


def _seal(key: Key, plaintext: bytes, context: bytes, *, nonce: bytes) -> bytes:
    if len(plaintext) > MAX_PLAINTEXT:
        raise ValueError("too long for one seal")
    return b"".join((_PREFIX, key.id, nonce, _cipher(key, nonce).encrypt(nonce[12:], plaintext, context)))


def _cipher(key: Key, nonce: bytes) -> AESGCM:
    """AES-256-GCM under the key derived from the first half of the nonce; the second half is its nonce."""
    first, second = key._mac.copy(), key._mac.copy()  # noqa: SLF001  the key's own cache, this file only
    first.update(_COUNTER_1 + nonce[:12])
    second.update(_COUNTER_2 + nonce[:12])
    return AESGCM(first.finalize() + second.finalize())


class Signer(Protocol):
    """Whatever signs for us: a key in hand, or one that stays in the key service."""

    @property
    def name(self) -> str:
        """How others refer to it."""
        ...

    @property
    def public(self) -> bytes:
        """The raw public key: 32 bytes of Ed25519, or 1312 of ML-DSA-44."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Sign; 64 bytes or 2420."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ed25519Signer:
    """An Ed25519 signing key (RFC 8032), made from its 32-byte seed; ``name`` is how others refer to it."""

    name: str
    seed: bytes = field(repr=False)
    public: bytes = field(init=False)
    _private: Ed25519PrivateKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        private = Ed25519PrivateKey.from_private_bytes(self.seed)
        object.__setattr__(self, "_private", private)
        object.__setattr__(self, "public", private.public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        """Sign; 64 bytes, the same for the same message."""
        return self._private.sign(message)


def new_signer(name: str) -> Ed25519Signer:
    """Make a random Ed25519 signing key."""
    return Ed25519Signer(name=name, seed=os.urandom(32))


def verify_signature(public: bytes, signature: bytes, message: bytes) -> bool:
    """Tell whether ``signature`` is by the owner of ``public``; any malformed input is simply no."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class MlDsaSigner:
    """An ML-DSA-44 signing key (FIPS 204), made from its 32-byte seed: stands where a quantum computer comes.

    ``public`` is 1312 bytes. It signs as it is published: pure ML-DSA, empty context.
    """

    name: str
    seed: bytes = field(repr=False)
    public: bytes = field(init=False)
    _private: MLDSA44PrivateKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        private = MLDSA44PrivateKey.from_seed_bytes(self.seed)
        object.__setattr__(self, "_private", private)
        object.__setattr__(self, "public", private.public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        """Sign; 2420 bytes, different ones each time."""
        return self._private.sign(message)


def new_mldsa_signer(name: str) -> MlDsaSigner:
    """Make a random ML-DSA-44 signing key."""
    return MlDsaSigner(name=name, seed=os.urandom(32))


def verify_mldsa(public: bytes, signature: bytes, message: bytes) -> bool:
    """Tell whether ``signature`` is by the owner of the ML-DSA-44 key ``public``; malformed input is simply no."""
    try:
        MLDSA44PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
