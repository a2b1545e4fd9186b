"""Checks time stamps of others over heads of the log (RFC 3161). Needs the extra ``stempel``."""

from collections.abc import Callable
from datetime import datetime

from cryptography import x509
from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response


class StampsError(Exception):
    """The certificates cannot be used; the text says so in Dutch."""


def stamped_by(pem: bytes) -> Callable[[bytes, str], datetime | None]:
    """Return what tells when a token was given over a text, None if it was not by one of these authorities.

    ``pem`` holds their root certificates. Raises `StampsError`.
    """
    try:
        roots = x509.load_pem_x509_certificates(pem)
    except ValueError:
        raise StampsError("Het bestand met certificaten van de tijdstempels is niet te lezen.") from None
    verifier = VerifierBuilder(roots=roots).build()

    def when(token: bytes, text: str) -> datetime | None:
        try:
            response = decode_timestamp_response(token)
            return response.tst_info.gen_time if verifier.verify_message(response, text.encode()) else None
        except (ValueError, VerificationError):
            return None

    return when
