"""A certificate as a party hands it in: whose it is nobody believes, its fingerprint and its end are read from it."""

import hashlib

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding


def paper(pem: str) -> tuple[str, int]:
    """Return the fingerprint (``sha256:<hex>``) and the end, in milliseconds since 1970, of a certificate in PEM.

    Raises ValueError if it is none.
    """
    found = x509.load_pem_x509_certificate(pem.encode())
    print_ = hashlib.sha256(found.public_bytes(Encoding.DER)).hexdigest()
    return f"sha256:{print_}", int(found.not_valid_after_utc.timestamp()) * 1000
