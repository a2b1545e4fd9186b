"""Mutual TLS: who may connect is decided by a certificate, on both sides.

Owns the TLS contexts, the fingerprint by which a party is known, and a small CA for development. Refuses to
be a CA for production: keys lie unencrypted in files, and nothing is ever revoked. A party is blocked by
taking its fingerprint out of the register.
"""

import datetime as dt
import hashlib
import ipaddress
import os
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""For TLS 1.2: forward secret and authenticated, nothing else. TLS 1.3 has no others."""

CA_DAYS = 3650
CLOCK_SKEW = dt.timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """Where a certificate and its private key lie, both PEM."""

    cert: Path
    key: Path


def server_context(cert: Path, key: Path, ca: Path) -> ssl.SSLContext:
    """Return a context for a server that lets in only holders of a certificate from ``ca``.

    Raises OSError (ssl.SSLError among them) when a file is missing, is no PEM, or key and certificate differ.
    """
    return _context(ssl.PROTOCOL_TLS_SERVER, cert, key, ca)


def public_context(cert: Path, key: Path) -> ssl.SSLContext:
    """Return a context for a server that anybody may reach, and that asks for no certificate.

    Raises OSError as ``server_context`` does.
    """
    return _context(ssl.PROTOCOL_TLS_SERVER, cert, key, None)


def client_context(cert: Path, key: Path, ca: Path) -> ssl.SSLContext:
    """Return a context for a client that shows ``cert`` and trusts servers from ``ca``, by host name.

    Raises OSError as ``server_context`` does.
    """
    return _context(ssl.PROTOCOL_TLS_CLIENT, cert, key, ca)


def _context(protocol: int, cert: Path, key: Path, ca: Path | None) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    if ca:
        context.verify_mode = ssl.CERT_REQUIRED
        # RFC 5280 to the letter, which Python asks by itself only from 3.13 on.
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        context.load_verify_locations(cafile=ca)
    context.load_cert_chain(cert, key)
    return context


def fingerprint(certificate: bytes) -> str:
    """Return ``sha256:`` and the hex digest of a certificate, given as DER or as PEM (the first one in it).

    Raises ValueError for a PEM text without a certificate.
    """
    if b"-----BEGIN" in certificate:
        certificate = x509.load_pem_x509_certificate(certificate).public_bytes(serialization.Encoding.DER)
    return "sha256:" + hashlib.sha256(certificate).hexdigest()


def make_ca(folder: Path) -> KeyPair:
    """Make a development CA, ``ca.pem`` and ``ca.key``, in ``folder``.

    Raises FileExistsError where there is one already.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("Ketenpoort ontwikkel-CA")
    builder = (
        _builder(name, key.public_key(), days=CA_DAYS, not_before=None)
        .issuer_name(name)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(authority=True), critical=True)
    )
    return _save(folder, "ca", builder.sign(key, hashes.SHA256()), key)


def make_certificate(
    ca_folder: Path,
    folder: Path,
    name: str,
    *,
    hosts: Sequence[str] = (),
    days: int = 397,
    not_before: dt.datetime | None = None,
) -> KeyPair:
    """Make ``name.pem`` and ``name.key`` in ``folder``, signed by the CA in ``ca_folder``.

    The certificate serves as a client; with ``hosts`` (DNS names or IP addresses) also as a server there. It
    is valid for ``days`` days from ``not_before`` (default: five minutes ago, for clocks that run behind).
    Raises FileExistsError rather than replace a key.
    """
    ca_cert = x509.load_pem_x509_certificate((ca_folder / "ca.pem").read_bytes())
    ca_key = serialization.load_pem_private_key((ca_folder / "ca.key").read_bytes(), password=None)
    assert isinstance(ca_key, ec.EllipticCurvePrivateKey), "make_ca makes nothing else"
    key = ec.generate_private_key(ec.SECP256R1())
    uses = [ExtendedKeyUsageOID.CLIENT_AUTH] + [ExtendedKeyUsageOID.SERVER_AUTH] * bool(hosts)
    builder = (
        _builder(_name(name), key.public_key(), days=days, not_before=not_before)
        .issuer_name(ca_cert.subject)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
    )
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName([_host(host) for host in hosts]), critical=False)
    return _save(folder, name, builder.sign(ca_key, hashes.SHA256()), key)


def _builder(
    subject: x509.Name, key: ec.EllipticCurvePublicKey, *, days: int, not_before: dt.datetime | None
) -> x509.CertificateBuilder:
    start = not_before or dt.datetime.now(dt.UTC) - CLOCK_SKEW
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + dt.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _save(folder: Path, name: str, cert: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> KeyPair:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    pair = KeyPair(cert=folder / f"{name}.pem", key=folder / f"{name}.key")
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    _write_new(pair.key, secret, mode=0o600)
    _write_new(pair.cert, cert.public_bytes(serialization.Encoding.PEM), mode=0o644)
    return pair


def _write_new(path: Path, content: bytes, *, mode: int) -> None:
    # The mode is set at creation: a key that is readable for a moment has been read.
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
