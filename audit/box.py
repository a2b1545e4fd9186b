"""Something sealed so that one holder of a private key can open it, and nobody else: not who sealed it either.

HPKE (RFC 9180) with a KEM that also holds against a quantum computer: X25519 and ML-KEM-768 together. Keys are text,
one line each. It does not prove who sealed: anybody with the public key can.
"""

import base64
import hashlib
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

_PRIVATE, _PUBLIC = "ketenpoort-geheim-", "ketenpoort-openbaar-"
_SUITE = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


class BoxError(Exception):
    """A key is none, or what is sealed does not open with it."""


def new_pair() -> tuple[str, str]:
    """Make a key pair: the private and the public one, each as one line of text."""
    secret = os.urandom(64 + 32)
    public = MLKEM768PrivateKey.from_seed_bytes(secret[:64]).public_key().public_bytes_raw()
    public += X25519PrivateKey.from_private_bytes(secret[64:]).public_key().public_bytes_raw()
    return f"{_PRIVATE}{_b64(secret)}", f"{_PUBLIC}{_b64(public)}"


def seal_to(public: str, content: bytes, info: bytes) -> bytes:
    """Seal to who holds the key of ``public``; ``info`` says what for. Raises `BoxError` if it is no public key."""
    try:
        raw = _raw(public, _PUBLIC)
        key = MLKEM768X25519PublicKey(
            MLKEM768PublicKey.from_public_bytes(raw[:-32]), X25519PublicKey.from_public_bytes(raw[-32:])
        )
    except ValueError:
        raise BoxError from None
    return _SUITE.encrypt(content, key, info)


def open_with(private: str, sealed: bytes, info: bytes) -> bytes:
    """Open what was sealed for this private key, for the same use; raises `BoxError` if it was not."""
    try:
        raw = _raw(private, _PRIVATE)
        key = MLKEM768X25519PrivateKey(
            MLKEM768PrivateKey.from_seed_bytes(raw[:64]), X25519PrivateKey.from_private_bytes(raw[64:])
        )
        return _SUITE.decrypt(sealed, key, info)
    except (ValueError, InvalidTag):
        raise BoxError from None


def mark(public: str) -> str:
    """Return what two people compare to know that they mean the same public key: SHA-256 of its line, 16 digits."""
    found = hashlib.sha256(public.strip().encode()).hexdigest()[:16]
    return " ".join(found[start : start + 4] for start in range(0, 16, 4))


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _raw(text: str, prefix: str) -> bytes:
    body = text.strip()
    if not body.startswith(prefix):
        raise ValueError("another kind of key")
    body = body.removeprefix(prefix)
    return base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
