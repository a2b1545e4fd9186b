"""What the interface does with addresses and methods that are not there, and with what is no good HTTP."""

import re
import ssl
import time
from types import SimpleNamespace

import pytest
from running import BODY_SECONDS, DOCUMENT, head, post, problem_in, running, until_quiet

from adapters import rest
from gateway.invented import message

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


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/v1", "/v1/", "/v2/berichten", "/v1/berichten/", "/v1/bezorgingen/", "//v1/bezorgingen"),
        *("/V1/bezorgingen", "/v1/%2e%2e/v1/bezorgingen", "/v1/berichten/a/b", "/v1/overig", "/%00", "/v1/openapi"),
        f"/v1/berichten/{'9' * 8000}",
    ],
)  # fmt: skip
def test_an_address_that_is_not_there_is_a_problem_like_any_other(gateway, path):
    answer = gateway.ask("GET", path)
    assert (answer.status, answer.json["title"]) == (404, "Niet gevonden")


def test_each_address_says_what_can_be_done_there(gateway):
    """Nothing is routed that the document does not describe, and the other way round."""
    methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "PROPFIND"]
    for path, item in DOCUMENT["paths"].items():
        real = "/v1" + path.replace("{berichtId}", "0" * 32).replace("{niveau}", "0").replace("{tegel}", "000")
        real = re.sub(r"\{.*?\}", "0", real)
        described = {method.upper() for method in item if method.upper() in methods}
        for method in set(methods) - described:
            answer = gateway.ask(method, real)
            assert (answer.status, answer.headers["allow"]) == (405, ",".join(sorted(described)))
        for method in described:
            assert gateway.ask(method, real).status != 405


def test_the_routes_are_the_operations_of_the_document():
    parts = [name for name, value in vars(rest.Gateway).items() if isinstance(value, property)]
    inside = SimpleNamespace(**dict.fromkeys(parts))  # routes are made before anything is asked
    routed = {
        (route.method, re.sub(r"\{.*?\}", "{}", route.resource.canonical))
        for route in rest.application(inside, body_seconds=1).router.routes()
    }
    described = {
        (method.upper(), re.sub(r"\{.*?\}", "{}", f"/v1{path}"))
        for path, item in DOCUMENT["paths"].items()
        for method in item
        if method != "parameters"
    }
    assert routed == described


BAD = {
    "two lengths": post("Content-Length: 1", "Content-Length: 2") + b"<<",
    "the same length twice": post("Content-Length: 1", "Content-Length: 1") + b"<",
    "length and chunks": post("Content-Length: 4", "Transfer-Encoding: chunked") + b"0\r\n\r\n",
    "chunks and length": post("Transfer-Encoding: chunked", "Content-Length: 4") + b"0\r\n\r\n",
    "a length with a plus": post("Content-Length: +3") + b"<a>",
    "a negative length": post("Content-Length: -3") + b"<a>",
    "a length in hexadecimal": post("Content-Length: 0x3") + b"<a>",
    "a length beyond counting": post("Content-Length: " + "9" * 30),
    "an unknown transfer": post("Transfer-Encoding: xchunked") + b"0\r\n\r\n",
    "chunks, then not": post("Transfer-Encoding: chunked, identity") + b"0\r\n\r\n",
    "a space before the colon": post("Transfer-Encoding : chunked") + b"0\r\n\r\n",
    "a folded header": post("X: a\r\n b") + b"",
    "a bare line feed": b"GET /v1/gezondheid HTTP/1.1\nHost: a\n\n",
    "no host": b"GET /v1/gezondheid HTTP/1.1\r\n\r\n",
    "two hosts": head("GET /v1/gezondheid HTTP/1.1", "Host: b"),
    "a nul": head("GET /v1/gezondheid HTTP/1.1", "X: a\0b"),
    "a BSN for a header": head("GET /v1/gezondheid HTTP/1.1", f"{CANARY.decode()} naam: b"),
    "a BSN for a method": CANARY + b" / HTTP/1.1\r\n\r\n",
    "a BSN for an address": head(f"GET {CANARY.decode()} HTTP/1.1"),
    "a BSN for a port": head(f"GET http://a:{CANARY.decode()}/ HTTP/1.1"),
    "a header of 10 kB": head("GET /v1/gezondheid HTTP/1.1", "X: " + CANARY.decode() * 1_100),
    "an address of 10 kB": head("GET /" + CANARY.decode() * 1_100 + " HTTP/1.1"),
    "two hundred headers": head("GET /v1/gezondheid HTTP/1.1", *["X: y"] * 200),
    "no HTTP": b"<Bsn>" + CANARY + b"</Bsn>\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/9": head("GET / HTTP/9.9"),
}  # fmt: skip


@pytest.mark.parametrize("request_", BAD.values(), ids=BAD)
def test_what_is_no_good_http_is_a_problem_and_the_end(gateway, request_):
    """Two readers that disagree on where a request ends is how one is smuggled past the other (RFC 9112 §11.2)."""
    heard = gateway.bare(request_ + head("GET /v1/bezorgingen HTTP/1.1"))
    assert problem_in(heard, 400)["title"] == "Verzoek klopt niet"
    assert CANARY not in heard
    assert heard.count(b"HTTP/1.") == 1, "what came behind it was not answered"


@pytest.mark.parametrize("line", ["X: " + "9" * 2 * 10**7, "X: y\r\n" * 3 * 10**6], ids=["long", "many"])
def test_a_head_without_end_is_cut_off_long_before_that(gateway, line):
    request = head("GET /v1/gezondheid HTTP/1.1", line)
    with gateway.connect() as connection, pytest.raises((ssl.SSLError, ConnectionError)):
        connection.sendall(request)


def test_a_body_in_broken_chunks_is_no_body(gateway):
    """aiohttp does not tell a reader of the body what broke, so that one learns it when the time is up."""
    start, broken = post("Transfer-Encoding: chunked"), CANARY * 3 + b"zz\r\n"
    at_once = gateway.bare(start + broken)
    with gateway.connect() as connection:
        connection.sendall(start + b"1\r\n<\r\n")
        time.sleep(0.2)
        connection.sendall(broken)
        later = until_quiet(connection, BODY_SECONDS + 5)
    problem_in(at_once, 400)
    problem_in(later, 408)
    assert CANARY not in at_once + later


def test_content_packed_for_the_road_is_refused_too(gateway):
    problem_in(gateway.bare(post("Transfer-Encoding: gzip, chunked") + b"0\r\n\r\n"), 415)


def test_requests_in_a_row_are_answered_in_a_row(gateway):
    raw = message("ho301-gewoon", "L4")
    send = post(f"Content-Length: {len(raw)}") + raw
    heard = gateway.bare(send + head("GET /v1/gezondheid HTTP/1.1") + send)
    assert re.findall(rb"HTTP/1\.1 (\d+)", heard) == [b"201", b"200", b"200"]


def test_an_upgrade_is_not_taken_up(gateway):
    heard = gateway.bare(head("GET /v1/gezondheid HTTP/1.1", "Connection: Upgrade", "Upgrade: h2c"))
    assert heard.startswith(b"HTTP/1.1 200")
