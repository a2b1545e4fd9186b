"""Only who holds a valid certificate of our CA gets a conversation."""

import asyncio
import datetime as dt
import ssl
import stat
from contextlib import asynccontextmanager

import pytest

from adapters.tls import client_context, fingerprint, make_ca, make_certificate, server_context


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    """A CA, a stranger's CA, a server, and parties good and bad."""
    folder = tmp_path_factory.mktemp("pki")
    now = dt.datetime.now(dt.UTC)
    make_ca(folder / "ca")
    make_ca(folder / "vreemd")
    make_certificate(folder / "ca", folder, "poort", hosts=["localhost", "127.0.0.1"])
    make_certificate(folder / "ca", folder, "partij")
    make_certificate(folder / "ca", folder, "verlopen", not_before=now - dt.timedelta(days=9), days=8)
    make_certificate(folder / "ca", folder, "toekomst", not_before=now + dt.timedelta(days=1))
    make_certificate(folder / "vreemd", folder, "vreemdeling", hosts=["localhost"])
    return folder


def files(pki, name):
    return pki / f"{name}.pem", pki / f"{name}.key"


@asynccontextmanager
async def serving(context):
    """A TLS server on loopback that answers the fingerprint of who connects."""

    async def answer(reader, writer):
        certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.write(fingerprint(certificate).encode())
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def ask(port, context):
    """The server's answer; a server that turns us away says so only after the handshake (TLS 1.3)."""
    reader, writer = await asyncio.open_connection("localhost", port, ssl=context, family=2)
    try:
        if answer := await reader.read():
            return answer.decode()
        raise ConnectionResetError("closed without a word")
    finally:
        writer.close()


@pytest.fixture
async def port(pki):
    async with serving(server_context(*files(pki, "poort"), pki / "ca/ca.pem")) as port:
        yield port


async def test_a_party_is_known_by_the_fingerprint_of_its_certificate(pki, port):
    context = client_context(*files(pki, "partij"), pki / "ca/ca.pem")
    assert await ask(port, context) == fingerprint((pki / "partij.pem").read_bytes())


async def test_without_a_certificate_there_is_no_conversation(pki, port):
    context = ssl.create_default_context(cafile=pki / "ca/ca.pem")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await ask(port, context)


@pytest.mark.parametrize("name", ["verlopen", "toekomst", "vreemdeling"])
async def test_a_certificate_that_is_not_valid_here_and_now_is_turned_away(pki, port, name):
    context = client_context(*files(pki, name), pki / "ca/ca.pem")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await ask(port, context)


async def test_a_party_does_not_talk_to_a_server_of_another_ca(pki):
    async with serving(server_context(*files(pki, "vreemdeling"), pki / "ca/ca.pem")) as port:
        with pytest.raises(ssl.SSLCertVerificationError):
            await ask(port, client_context(*files(pki, "partij"), pki / "ca/ca.pem"))


async def test_a_party_does_not_take_another_party_for_the_gateway(pki):
    """A client certificate, although from the right CA, cannot play server."""
    async with serving(server_context(*files(pki, "partij"), pki / "ca/ca.pem")) as port:
        with pytest.raises(ssl.SSLCertVerificationError):
            await ask(port, client_context(*files(pki, "partij"), pki / "ca/ca.pem"))


async def test_old_tls_is_not_spoken(pki, port):
    context = client_context(*files(pki, "partij"), pki / "ca/ca.pem")
    with pytest.warns(DeprecationWarning, match="TLSv1 "):
        context.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="TLSv1_1 "):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await ask(port, context)


def test_a_private_key_is_for_its_owner_only(pki):
    for key in pki.rglob("*.key"):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_a_key_is_never_replaced(pki):
    before = (pki / "partij.key").read_bytes()
    with pytest.raises(FileExistsError):
        make_certificate(pki / "ca", pki, "partij")
    with pytest.raises(FileExistsError):
        make_ca(pki / "ca")
    assert (pki / "partij.key").read_bytes() == before


def test_pem_and_der_have_one_fingerprint(pki):
    pem = (pki / "partij.pem").read_text()
    assert fingerprint(pem.encode()) == fingerprint(ssl.PEM_cert_to_DER_cert(pem))
    assert fingerprint(pem.encode()).startswith("sha256:")


async def test_tls_1_2_is_the_oldest_that_is_spoken(pki, port):
    context = client_context(*files(pki, "partij"), pki / "ca/ca.pem")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    assert await ask(port, context) == fingerprint((pki / "partij.pem").read_bytes())


async def test_tls_1_2_without_forward_secrecy_is_not_spoken(pki, port):
    context = client_context(*files(pki, "partij"), pki / "ca/ca.pem")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-ECDSA-AES128-SHA:AES128-GCM-SHA256")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await ask(port, context)


async def test_two_certificates_of_one_party_are_two_fingerprints(pki, port):
    """So a party can change certificates without a gap: both are registered for a while."""
    make_certificate(pki / "ca", pki, "partij-nieuw")
    old, new = (client_context(*files(pki, name), pki / "ca/ca.pem") for name in ("partij", "partij-nieuw"))
    assert await ask(port, old) != await ask(port, new)
