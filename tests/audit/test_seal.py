"""What is sealed opens with the same key in the same place, and in no other way."""

from hashlib import shake_128

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit import seal
from audit.seal import (
    Ed25519Signer,
    Key,
    MlDsaSigner,
    SealError,
    new_key,
    new_mldsa_signer,
    new_signer,
    open_,
    sealed_with,
    verify_mldsa,
    verify_signature,
)

KEY = new_key()
SEALED = seal.seal(KEY, b"aan wie het aangaat", b"plaats")


def bare(key: bytes, nonce: bytes, plaintext: bytes, context: bytes) -> bytes:
    return seal._seal(Key(id=bytes(8), secret=key), plaintext, context, nonce=nonce)[36:]


@pytest.mark.parametrize(
    ("byte", "context", "expected"),
    [
        (b"\x01", b"", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"),
        (b"\x03", b"c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"),
    ],
)
def test_the_published_vectors_come_out(byte, context, expected):
    assert bare(byte * 32, b"ABCDEFGHIJKLMNOPQRSTUVWX", b"XAES-256-GCM", context).hex() == expected


def test_ten_thousand_published_random_cases_come_out():
    stream, position, total = shake_128().digest(6_000_000), 0, shake_128()

    def take(count: int) -> bytes:
        nonlocal position
        position += count
        return stream[position - count : position]

    for _ in range(10_000):
        key, nonce = take(32), take(24)
        plaintext = take(take(1)[0])
        total.update(bare(key, nonce, plaintext, take(take(1)[0])))
    assert total.hexdigest(32) == "e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939"


@given(st.binary(max_size=3000), st.binary(max_size=100))
def test_what_is_sealed_can_be_opened(plaintext, context):
    sealed = seal.seal(KEY, plaintext, context)
    assert open_(KEY, sealed, context) == plaintext
    assert len(sealed) == len(plaintext) + 52
    assert sealed_with(sealed) == KEY.id


def test_any_flipped_bit_is_found():
    for bit in range(len(SEALED) * 8):
        changed = bytearray(SEALED)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(SealError):
            open_(KEY, bytes(changed), b"plaats")


def test_a_cut_or_grown_text_does_not_open():
    for length in range(len(SEALED)):
        with pytest.raises(SealError):
            open_(KEY, SEALED[:length], b"plaats")
    with pytest.raises(SealError):
        open_(KEY, SEALED + b"\x00", b"plaats")


def test_another_key_or_place_does_not_open_and_all_failures_look_alike():
    same_id = Key(id=KEY.id, secret=bytes(32))
    failures = []
    for key, sealed, context in [
        (new_key(), SEALED, b"plaats"),
        (same_id, SEALED, b"plaats"),
        (KEY, SEALED, b"elders"),
        (KEY, b"", b"plaats"),
    ]:
        with pytest.raises(SealError) as failure:
            open_(key, sealed, context)
        failures.append(str(failure.value))
    assert set(failures) == {"does not open"}


def test_the_same_text_is_never_sealed_twice_alike():
    assert seal.seal(KEY, b"a", b"") != seal.seal(KEY, b"a", b"")


def test_a_secret_is_never_printed():
    key, signer = new_key(), new_signer("proef")
    assert key.secret.hex() not in repr(key)
    assert repr(key.secret) not in repr(key)
    assert repr(signer.seed) not in repr(signer)


def test_a_text_too_long_for_one_seal_is_refused(monkeypatch):
    monkeypatch.setattr(seal, "MAX_PLAINTEXT", 10)
    with pytest.raises(ValueError, match="too long"):
        seal.seal(KEY, bytes(11), b"")


def test_a_key_of_another_length_is_no_key():
    with pytest.raises(ValueError, match="32 bytes"):
        Key(id=bytes(8), secret=bytes(31))


def test_signing_gives_the_published_signature():
    signer = Ed25519Signer(
        name="RFC 8032", seed=bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
    )
    assert signer.public.hex() == "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
    signature = signer.sign(b"\x72")
    assert signature.hex() == (
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    assert verify_signature(signer.public, signature, b"\x72")


def test_a_signature_over_something_else_is_no_signature():
    signer = new_signer("proef")
    signature = signer.sign(b"dit")
    assert not verify_signature(signer.public, signature, b"dat")
    assert not verify_signature(new_signer("proef").public, signature, b"dit")
    assert not verify_signature(b"geen sleutel", signature, b"dit")
    assert not verify_signature(signer.public, b"kort", b"dit")


def test_a_seed_gives_the_published_mldsa_key_and_its_signatures_hold():
    seed = "f696484048ec21f96cf50a56d0759c448f3779752f0383d37449690694cf7a68"  # NIST KAT of ML-DSA-44, count 0
    signer = MlDsaSigner(name="log", seed=bytes.fromhex(seed))
    assert len(signer.public) == 1312
    assert signer.public.hex().startswith("bd4e96f9a038ab5e36214fe69c0b1cb835ef9d7c8417e76aecd152f5cddebec8")
    signature = signer.sign(b"stand")
    assert len(signature) == 2420
    assert verify_mldsa(signer.public, signature, b"stand")


def test_an_mldsa_signature_over_something_else_is_no_signature():
    signer = new_mldsa_signer("proef")
    signature = signer.sign(b"dit")
    flipped = bytes([signature[0] ^ 1]) + signature[1:]
    assert not verify_mldsa(signer.public, signature, b"dat")
    assert not verify_mldsa(signer.public, flipped, b"dit")
    assert not verify_mldsa(new_mldsa_signer("proef").public, signature, b"dit")
    assert not verify_mldsa(b"geen sleutel", signature, b"dit")
    assert not verify_mldsa(signer.public, b"kort", b"dit")
    assert repr(signer.seed) not in repr(signer)
