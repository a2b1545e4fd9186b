"""The primitives that we use give what their standards publish, as the library carries it for its own tests.

NIST for AES-256-GCM and ML-DSA-44, the authors of RFC 8032 for Ed25519, RFC 4231 for HMAC-SHA256. Those of
XAES-256-GCM stand in test_seal, those of Wycheproof in test_wycheproof. HPKE as the library offers it takes no
associated data, which the published vectors have; so it is tried on itself, and its two halves on Wycheproof.
"""

import hmac
import re
from collections.abc import Iterator

import pytest
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography_vectors import open_vector_file

from audit.seal import Ed25519Signer, MlDsaSigner, verify_signature


def cases(file: str) -> Iterator[dict[str, str]]:
    """Read a file of NIST's kind: one dictionary for each case, with the headings before it."""
    heads: dict[str, str] = {}
    with open_vector_file(file, "r") as text:
        for block in text.read().split("\n\n"):
            heads |= re.findall(r"^\[(\w+) = (\w+)\]$", block, flags=re.MULTILINE)
            case = dict(re.findall(r"^(\w+) = ?(.*)$", block, flags=re.MULTILINE))
            if case:
                yield {**heads, **case, **({"FAIL": "1"} if "FAIL" in block else {})}


def test_aes_256_gcm():
    opened = refused = 0
    for case in cases("ciphers/AES/GCM/gcmDecrypt256.rsp"):
        if case["IVlen"] != "96" or case["Taglen"] != "128":
            continue  # we use no other
        key, nonce, text, more, tag = (bytes.fromhex(case[name]) for name in ("Key", "IV", "CT", "AAD", "Tag"))
        if "FAIL" in case:
            with pytest.raises(InvalidTag):
                AESGCM(key).decrypt(nonce, text + tag, more)
            refused += 1
        else:
            assert AESGCM(key).decrypt(nonce, text + tag, more).hex() == case["PT"]
            opened += 1
    assert (opened, refused) == (184, 191)


def test_ed25519():
    count = 0
    with open_vector_file("asymmetric/Ed25519/sign.input", "r") as text:
        for line in text:
            secret, public, message, signed = (bytes.fromhex(each) for each in line.split(":")[:4])
            signer, signature = Ed25519Signer(name="proef", seed=secret[:32]), signed[:64]
            assert signer.public == public
            assert signer.sign(message) == signature
            assert verify_signature(public, signature, message)
            assert not verify_signature(public, signature, message + b" ")
            count += 1
    assert count == 1024


def test_hmac_sha_256():
    tried = 0
    for case in cases("HMAC/rfc-4231-sha256.txt"):
        if "MD" in case:
            assert hmac.digest(bytes.fromhex(case["Key"]), bytes.fromhex(case["Msg"]), "sha256").hex() == case["MD"]
            tried += 1
    assert tried == 6


def test_mldsa_44():
    count = 0
    with open_vector_file("asymmetric/MLDSA/kat_MLDSA_44_det_pure.rsp", "r") as text:
        for block in re.split(r"^(?=count = )", text.read(), flags=re.MULTILINE)[1:]:
            case = {
                name: bytes.fromhex(value)
                for name, value in re.findall(r"^(\w+) = ?((?:[0-9a-f]{2})*)$", block, re.MULTILINE)
            }
            signer = MlDsaSigner(name="proef", seed=case["xi"])
            assert signer.public == case["pk"]
            key, signature, message = MLDSA44PublicKey.from_public_bytes(case["pk"]), case["sm"][:2420], case["msg"]
            key.verify(signature, message, case["ctx"])
            with pytest.raises(InvalidSignature):
                key.verify(signature, message + b" ", case["ctx"])
            count += 1
    assert count == 100
