"""Who gets in: a certificate of our CA opens the door, the file with parties says to whom it belongs."""

import datetime as dt
import http.client
import os
import re
import socket
import ssl
import time

import pytest
from running import HOOFD, ONDER, OTHER, STRANGER, XML, running, until_quiet, wait_until

from adapters import tls
from gateway.invented import message

SECONDS = 15
"""A change in the file with parties works within seconds: five, and a machine that is busy."""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with running(tmp_path_factory.mktemp("http") / "poort") as gateway:
        yield gateway


def rewrite(gateway, change):
    """Replace the file with parties in one step, as an operator's editor does."""
    path = gateway.home / "partijen.toml"
    new = path.with_suffix(".nieuw")
    new.write_text(change(path.read_text()))
    new.replace(path)


def status(gateway, party):
    return gateway.ask("GET", "/v1/bezorgingen", party=party).status


def certificates_of(party, prints):
    """Change the certificates of one party."""
    block = re.compile(rf'(code = "{party}".*?certificaten = )\[.*?\]', re.DOTALL)
    listed = ", ".join(f'"{each}"' for each in prints)
    return lambda text: block.sub(rf"\g<1>[{listed}]", text, count=1)


def paper(gateway, party, name):
    """One more certificate of our CA for a party, as a party of its own in the tests: its fingerprint."""
    pair = tls.make_certificate(gateway.home / "tls", gateway.home / f"partij-{name}", name)
    return tls.fingerprint(pair.cert.read_bytes())


@pytest.mark.parametrize("path", ["/v1/bezorgingen", "/v1/openapi.json", "/v1/gezondheid", "/", "/v1/berichten/1"])
def test_a_certificate_that_nobody_registered_sees_nothing(gateway, path):
    answer = gateway.ask("GET", path, party=STRANGER)
    assert (answer.status, answer.json["title"]) == (403, "Onbekend certificaat")


def test_a_message_under_an_unregistered_certificate_is_not_even_read(gateway):
    with gateway.connect(STRANGER) as connection:
        connection.sendall(b"POST /v1/berichten HTTP/1.1\r\nHost: a\r\nContent-Length: 26000000\r\n\r\n<")
        assert until_quiet(connection).startswith(b"HTTP/1.1 403")


def refused(gateway, context):
    """TLS 1.3 tells a client that it was refused only when it first reads."""
    try:
        with gateway.connect(context=context) as connection:
            connection.sendall(b"GET /v1/gezondheid HTTP/1.1\r\nHost: a\r\n\r\n")
            return connection.recv(1) == b""
    except (ssl.SSLError, ConnectionError):
        return True


def test_without_a_certificate_there_is_no_conversation(gateway):
    assert refused(gateway, ssl.create_default_context(cafile=gateway.home / "tls/ca.pem"))


def test_an_expired_certificate_and_one_of_another_ca_are_turned_away(gateway, tmp_path):
    now = dt.datetime.now(dt.UTC)
    tls.make_ca(tmp_path / "andere")
    expired = tls.make_certificate(
        gateway.home / "tls", tmp_path, "verlopen", not_before=now - dt.timedelta(days=9), days=8
    )
    foreign = tls.make_certificate(tmp_path / "andere", tmp_path, HOOFD)
    for pair in (expired, foreign):
        assert refused(gateway, tls.client_context(pair.cert, pair.key, gateway.home / "tls/ca.pem"))
    assert status(gateway, HOOFD) == 200


def test_a_resumed_session_still_knows_its_party(gateway):
    context = gateway.context(HOOFD)
    with gateway.connect(context=context) as first:
        first.sendall(b"GET /v1/gezondheid HTTP/1.1\r\nHost: a\r\n\r\n")
        assert until_quiet(first).startswith(b"HTTP/1.1 200")
        session = first.session
    connection = http.client.HTTPSConnection("localhost", gateway.port, context=context)
    connection.sock = context.wrap_socket(
        socket.create_connection(("localhost", gateway.port)),
        server_hostname="localhost",
        session=session,
    )
    assert connection.sock.session_reused
    connection.request("GET", "/v1/bezorgingen")
    assert connection.getresponse().status == 200
    connection.close()


def test_a_party_changes_certificates_without_a_gap(gateway):
    """Two live at once; a third is one too many and the file is not taken over; the old one is then shut out."""
    old = tls.fingerprint((gateway.home / f"partij-{ONDER}" / f"{ONDER}.pem").read_bytes())
    second, third = paper(gateway, ONDER, "tweede"), paper(gateway, ONDER, "derde")
    assert status(gateway, "tweede") == 403

    rewrite(gateway, certificates_of(ONDER, [old, second]))
    wait_until(lambda: status(gateway, "tweede") == 200, SECONDS)
    assert status(gateway, ONDER) == 200

    rewrite(gateway, certificates_of(ONDER, [old, second, third]))
    wait_until(lambda: b"ten hoogste 2 certificaten" in gateway.said(), SECONDS)
    assert [status(gateway, each) for each in (ONDER, "tweede", "derde")] == [200, 200, 403]

    kept = http.client.HTTPSConnection("localhost", gateway.port, context=gateway.context(ONDER))
    rewrite(gateway, certificates_of(ONDER, [second]))
    start = time.monotonic()
    seen = set()
    while 403 not in seen and time.monotonic() < start + SECONDS:  # on one connection that stays open
        kept.request("GET", "/v1/bezorgingen")
        answer = kept.getresponse()
        answer.read()
        seen.add(answer.status)
        time.sleep(0.2)
    kept.close()
    assert 403 in seen
    assert [status(gateway, each) for each in (ONDER, "tweede")] == [403, 200]
    assert gateway.process.poll() is None


def test_a_file_that_is_not_sound_or_not_there_shuts_nobody_out(gateway):
    path = gateway.home / "partijen.toml"
    good = path.read_text()
    said = len(gateway.said())
    rewrite(gateway, lambda text: text + "\n[[partij]\ncode = ")
    wait_until(lambda: b"partijen niet herlezen" in gateway.said()[said:], SECONDS)
    assert status(gateway, HOOFD) == 200
    path.unlink()
    assert status(gateway, HOOFD) == 200
    path.write_text(good)
    assert status(gateway, OTHER) == 200


def test_strangers_who_only_hang_on_the_line_keep_nobody_out(gateway):
    """They have no certificate, so they never come further than the handshake."""
    lines = [socket.create_connection(("localhost", gateway.port)) for _ in range(200)]
    try:
        start = time.monotonic()
        assert gateway.send(message("ho301-gewoon", f"D{os.getpid() % 10**6}")).status == 201
        assert time.monotonic() - start < 5
    finally:
        for line in lines:
            line.close()
    assert gateway.ask("POST", "/v1/berichten", b"", XML).status == 400
