"""What the interface does with what is too large, too slow, or of the wrong kind."""

import contextlib
import json
import time

import pytest
from running import BODY_SECONDS, HOOFD, STRANGER, XML, head, post, problem_in, running, until_quiet

from gateway.invented import message

MB = 2**20
CANARY = b"999990019"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with running(tmp_path_factory.mktemp("http") / "poort") as gateway:
        yield gateway


@pytest.fixture(autouse=True)
def still_well(gateway):
    """Whatever a test did: the gateway lives, serves others, and printed nothing of what it was sent."""
    yield
    assert gateway.ask("GET", "/v1/gezondheid").json["status"] == "goed"
    assert CANARY not in gateway.said()
    assert b"mislukt" not in gateway.said()


def drowned(gateway, first, part, *, most, party=HOOFD):
    """Send until the gateway hangs up or ``most`` bytes have gone; return the answer, and how many went."""
    with gateway.connect(party) as connection:
        connection.sendall(first)
        connection.settimeout(10)
        sent, heard = 0, b""
        with contextlib.suppress(OSError):
            while sent < most:
                connection.sendall(part)
                sent += len(part)
        with contextlib.suppress(OSError):
            heard = until_quiet(connection)
        return heard, sent


def test_a_declared_30_mb_is_refused_before_a_byte_of_it_is_sent(gateway):
    heard = gateway.bare(post(f"Content-Length: {30 * MB}"))
    assert problem_in(heard, 413)["title"] == "Bericht te groot"


def test_who_asks_before_sending_is_told_no_or_to_go_on(gateway):
    """Expect: 100-continue (RFC 9110 §10.1.1), which curl sends with every large body."""
    ask = "Expect: 100-continue"
    problem_in(gateway.bare(post(f"Content-Length: {30 * MB}", ask)), 413)
    problem_in(gateway.bare(post("Content-Length: 10", ask), party=STRANGER), 403)
    problem_in(gateway.bare(post("Content-Length: 10", ask, "Content-Encoding: br")), 415)
    raw = message("ho301-gewoon", "L1")
    with gateway.connect() as connection:
        connection.sendall(post(f"Content-Length: {len(raw)}", ask))
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(raw)
        assert until_quiet(connection).startswith(b"HTTP/1.1 201")


@pytest.mark.parametrize("path", ["/v1/berichten", "/v1/onbekend"])
def test_an_expectation_that_nobody_knows_gets_no_more_than_an_answer(gateway, path):
    heard = gateway.bare(head(f"POST {path} HTTP/1.1", f"Expect: {CANARY.decode()}", "Content-Length: 0"))
    assert heard.startswith(b"HTTP/1.1 4")
    assert CANARY not in heard


def test_30_mb_in_chunks_is_refused_without_being_read_to_its_end(gateway):
    part = b"100000\r\n" + b"<" * MB + b"\r\n"
    heard, _ = drowned(gateway, post("Transfer-Encoding: chunked"), part, most=30 * MB)
    assert problem_in(heard, 413)["title"] == "Bericht te groot"


def test_a_body_that_never_ends_is_cut_off(gateway):
    start = time.monotonic()
    part = b"100000\r\n" + b"<" * MB + b"\r\n"
    _, sent = drowned(gateway, post("Transfer-Encoding: chunked"), part, most=4096 * MB)
    assert sent < 4096 * MB
    assert time.monotonic() - start < 12


def test_a_message_of_almost_25_mb_is_read_and_judged(gateway):
    raw = message("ho301-gewoon", "L2")
    answer = gateway.send(raw + b"\n" * (25 * MB - len(raw)))
    assert [each["code"] for each in answer.json["bevindingen"]] == ["KP007"]
    assert gateway.send(raw + b"\n" * (25 * MB - len(raw) + 1)).status == 413


def test_a_confirmation_is_small(gateway):
    body = json.dumps({"berichten": ["0" * 32] * 2000}).encode()
    answer = gateway.ask("POST", "/v1/bevestigingen", body, {"Content-Type": "application/json"})
    assert (answer.status, answer.json["title"]) == (413, "Inhoud te groot")


def test_a_body_that_comes_too_slowly_is_given_up(gateway):
    start = time.monotonic()
    with gateway.connect() as connection:
        connection.sendall(post("Content-Length: 1000") + b"<")
        heard = until_quiet(connection, BODY_SECONDS + 3)
    assert problem_in(heard, 408)["title"] == "Inhoud kwam te langzaam"
    assert BODY_SECONDS - 0.5 < time.monotonic() - start < BODY_SECONDS + 3


def test_a_body_in_drips_is_given_up_as_well(gateway):
    start = time.monotonic()
    with gateway.connect() as connection, contextlib.suppress(OSError):
        connection.sendall(post("Transfer-Encoding: chunked"))
        while not (heard := until_quiet(connection, 0.2)):
            connection.sendall(b"1\r\n<\r\n")
    problem_in(heard, 408)
    assert time.monotonic() - start < BODY_SECONDS + 3


@pytest.mark.parametrize("before", [b"", head("GET /v1/gezondheid HTTP/1.1")], ids=["first", "second"])
def test_a_head_in_drips_is_given_up(gateway, before):
    start = time.monotonic()
    with gateway.connect() as connection:
        connection.sendall(before + b"GET /v1/gezondheid HTTP/1.1\r\nHost: a\r\n")
        with contextlib.suppress(OSError):
            while time.monotonic() < start + 4 * BODY_SECONDS:
                connection.sendall(b"X: y\r\n")
                time.sleep(0.2)
        assert time.monotonic() - start < 2 * BODY_SECONDS + 2
    assert time.monotonic() - start < 4 * BODY_SECONDS


def test_a_silent_connection_is_closed(gateway):
    start = time.monotonic()
    with gateway.connect() as connection:
        assert connection.recv(1) == b""
    assert time.monotonic() - start < BODY_SECONDS + 2


def test_a_body_that_stops_halfway_leaves_nothing_behind(gateway):
    raw = message("ho301-gewoon", "L3")
    with gateway.connect() as connection:
        connection.sendall(post(f"Content-Length: {len(raw)}") + raw[:-10])
    assert gateway.send(raw).status == 201, "it is new: the half one was not taken in"


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, identity", "x", CANARY.decode()])
def test_packed_content_is_refused(gateway, encoding):
    answer = gateway.ask("POST", "/v1/berichten", b"\x1f\x8b", {**XML, "Content-Encoding": encoding})
    assert (answer.status, answer.json["title"]) == (415, "Ingepakte inhoud")


@pytest.mark.parametrize(
    "kind",
    [
        *("text/plain", "application/jsonp", "application/xhtml+xml", "application/*", "", "\xff;;==", "xml"),
        *("multipart/form-data; boundary=x", "application/xml; charset=utf-16", "text/xml; charset=iso-8859-1"),
    ],
)
def test_content_of_another_kind_is_refused(gateway, kind):
    answer = gateway.ask("POST", "/v1/berichten", b"<a/>", {"Content-Type": kind})
    assert (answer.status, answer.json["title"]) == (415, "Verkeerd soort inhoud")


@pytest.mark.parametrize("kind", ["text/xml", "APPLICATION/XML", 'application/xml; charset="UTF-8"'])
def test_xml_goes_by_all_its_names(gateway, kind):
    answer = gateway.ask("POST", "/v1/berichten", b"<a/>", {"Content-Type": kind})
    assert answer.status == 400
    assert [each["code"] for each in answer.json["bevindingen"]] == ["KP009"]


def test_a_confirmation_of_another_kind_is_refused(gateway):
    answer = gateway.ask("POST", "/v1/bevestigingen", b"{}", {"Content-Type": "text/plain"})
    assert (answer.status, answer.json["title"]) == (415, "Verkeerd soort inhoud")
