"""A secret in shares, of which some number together give it back and fewer tell nothing (Shamir, 1979).

Arithmetic on bytes in GF(256) with the polynomial of AES. A share can be typed over from paper: it carries a check of
its own. For an officer with a key pair it is sealed to that officer alone (`audit.box`).
"""

import base64
import binascii
import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from audit import box
from audit.box import BoxError

_MARK = b"KP\x01"  # magic, version 1
_CHECK = 4
_INFO = b"ketenpoort/aandeel/v1"


class ShareError(Exception):
    """A share or officer's key cannot be used; the text says in Dutch why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One share: its number, how many are needed, and its bytes, as many as the secret has."""

    number: int
    needed: int
    value: bytes = field(repr=False)


def split(secret: bytes, *, count: int, needed: int) -> list[Share]:
    """Make ``count`` shares of which any ``needed`` give the secret; raises ``ValueError`` if that cannot be."""
    if not 2 <= needed <= count <= 255:
        raise ValueError("two or more are needed, and no more than there are")
    # Per byte of the secret a polynomial: that byte, and then random coefficients.
    coefficients = [secret, *(secrets.token_bytes(len(secret)) for _ in range(needed - 1))]
    return [Share(number=x, needed=needed, value=_evaluated(coefficients, x)) for x in range(1, count + 1)]


def combine(shares: Sequence[Share]) -> bytes:
    """Give the secret back; raises `ShareError` if there are too few. Of shares of other secrets comes nonsense."""
    unique = {share.number: share for share in shares}
    if len({(share.needed, len(share.value)) for share in shares}) != 1:
        raise ShareError("Deze aandelen horen niet bij elkaar.")
    needed = shares[0].needed
    if len(unique) < needed:
        raise ShareError(f"Er zijn {needed} verschillende aandelen nodig; dit zijn er {len(unique)}.")
    chosen = list(unique.values())[:needed]
    secret = bytes(len(shares[0].value))
    for share in chosen:
        weight = 1
        for other in chosen:
            if other is not share:
                weight = _times(weight, _divided(other.number, other.number ^ share.number))
        secret = bytes(total ^ _times(weight, each) for total, each in zip(secret, share.value, strict=True))
    return secret


def write(share: Share) -> str:
    """Write a share for paper: letters and digits in groups of five."""
    raw = _MARK + bytes([share.needed, share.number]) + share.value
    text = base64.b32encode(raw + hashlib.sha256(raw).digest()[:_CHECK]).decode().rstrip("=")
    return "-".join(text[start : start + 5] for start in range(0, len(text), 5))


def read(text: str) -> Share:
    """Read what `write` wrote, however it is spaced; raises `ShareError` when a letter is wrong."""
    letters = "".join(letter for letter in text.upper() if letter.isalnum())
    try:
        raw = base64.b32decode(letters + "=" * (-len(letters) % 8))
    except (binascii.Error, ValueError):
        raw = b""
    content, check = raw[:-_CHECK], raw[-_CHECK:]
    if content.startswith(_MARK) and len(content) > 5 and hashlib.sha256(content).digest()[:_CHECK] == check:
        share = Share(needed=content[3], number=content[4], value=content[5:])
        if write(share).replace("-", "") == letters:  # the last letter has bits that say nothing
            return share
    raise ShareError("Dit aandeel klopt niet: een teken is verkeerd of ontbreekt.")


def seal_to(public: str, share: Share) -> bytes:
    """Seal a share to the officer with this public key; raises `ShareError` if it is none."""
    try:
        return box.seal_to(public, write(share).encode(), _INFO)
    except BoxError:
        raise ShareError("Dit is geen openbare sleutel van een functionaris.") from None


def open_with(private: str, sealed: bytes) -> Share:
    """Open a share with the officer's private key; raises `ShareError` if it is for somebody else."""
    try:
        return read(box.open_with(private, sealed, _INFO).decode())
    except BoxError:
        raise ShareError("Dit aandeel gaat met deze sleutel niet open.") from None


def _evaluated(coefficients: Sequence[bytes], x: int) -> bytes:
    """Return the polynomials, one per byte, at ``x`` (Horner)."""
    value = bytes(len(coefficients[0]))
    for coefficient in reversed(coefficients):
        value = bytes(_times(each, x) ^ more for each, more in zip(value, coefficient, strict=True))
    return value


def _times(a: int, b: int) -> int:
    """Multiply in GF(256)."""
    product = 0
    while b:
        if b & 1:
            product ^= a
        a = a << 1 ^ (0x11B if a & 0x80 else 0)
        b >>= 1
    return product


def _divided(a: int, b: int) -> int:
    """Divide in GF(256), by other than zero: the 254th power is the inverse."""
    inverse = 1
    for _ in range(254):
        inverse = _times(inverse, b)
    return _times(a, inverse)
