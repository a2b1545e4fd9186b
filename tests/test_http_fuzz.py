"""Many requests made from the OpenAPI document and bent a little: each gets an answer that is described."""

import contextlib
import http.client
import json
import random
from collections import Counter

import pytest
from running import DOCUMENT, HOOFD, OTHER, Answer, as_described, followed, running

from gateway.invented import SAMPLES, message

REQUESTS = 1_500
OPERATIONS = [
    (method.upper(), path, operation, item.get("parameters", []) + operation.get("parameters", []))
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
    if method != "parameters"
]
ODD = (
    *("", "0", "-1", "+1", "1e3", "0x1", "9" * 30, "NaN", "null", "true", "[]", "{}", " ", "\t", "%00", "%", "%zz"),
    *("..", "../..", "%2e%2e%2f", "'", '"', "<a>", "&", ";", "a=b", "%F0%9F%98%80", "%ED%A0%80", "%C0%AF", "x" * 3000),
    *("${jndi:x}", "{{7*7}}", "1;DROP TABLE messages", "%0d%0aSet-Cookie:%20a=b"),
)
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "LINK", "MKCOL")
HEADERS = ("Accept", "Accept-Encoding", "Content-Type", "Content-Encoding", "Cookie", "If-Match", "Origin", "Range")
KINDS = ("application/xml", "text/xml", "application/json", "text/plain", "application/xml;charset=x", "*/*", "")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with running(tmp_path_factory.mktemp("http") / "poort") as gateway:
        yield gateway


def value(rng, schema, known):
    """A value that the schema asks for, or nearly, or not at all."""
    if rng.random() < 0.3:
        return rng.choice(ODD)
    if schema["type"] == "integer":
        edges = [schema.get("minimum", 0), schema.get("maximum", 2**62)]
        return str(rng.choice(edges) + rng.choice((-1, 0, 0, 1)))
    return rng.choice([*known, "0" * 32, "F" * 32])


def bent(rng, raw):
    """The same bytes with a few of them taken out, doubled or changed."""
    raw = bytearray(raw)
    for _ in range(rng.choice((0, 1, 1, 3))):
        at = rng.randrange(len(raw))
        match rng.randrange(4):
            case 0:
                raw[at] = rng.randrange(256)
            case 1:
                del raw[at : at + rng.randrange(1, 100)]
            case 2:
                raw[at:at] = raw[max(0, at - 50) : at]
            case 3:
                raw = raw[: at + 1]
        if not raw:
            return b""
    return bytes(raw)


def body(rng, path, known):
    if rng.random() < 0.1:
        return rng.choice((b"", b"\0", b"{}", b"<a/>", rng.randbytes(50)))
    if path == "/bevestigingen":
        return bent(rng, json.dumps({"berichten": rng.choices([*known, "0" * 32], k=rng.choice((1, 3, 101)))}).encode())
    sample = rng.choice(sorted(SAMPLES.glob("*/*.xml"))).read_bytes()
    return bent(rng, rng.choice((sample, message("ho301-gewoon", f"Z{rng.randrange(10**6)}"))))


def request(rng, known):
    """Method, address, body and headers of one request."""
    method, path, operation, parameters = rng.choice(OPERATIONS)
    described = [followed(each) for each in parameters]
    address, query, headers = "/v1" + path, [], {}
    for each in described:
        if each["name"] == "wacht":
            continue  # a lawful wait would only make the test long
        made = value(rng, each["schema"], known)
        if each["in"] == "path":
            address = address.replace("{berichtId}", made or "0")
        elif rng.random() < 0.5:
            query += [f"{each['name']}={made}"] if each["in"] == "query" else []
            headers |= {each["name"]: made} if each["in"] == "header" else {}
    address += "?" * bool(query) + "&".join(query)
    content = body(rng, path, known) if method == "POST" or rng.random() < 0.1 else None
    if "requestBody" in operation:
        headers["Content-Type"] = rng.choice(list(operation["requestBody"]["content"]))
    if rng.random() < 0.1:
        headers[rng.choice(HEADERS)] = rng.choice((*KINDS, *ODD))
    if rng.random() < 0.1:
        method = rng.choice(METHODS)
    if rng.random() < 0.1:
        address = address.replace(*rng.choice((("/v1", "/v2"), ("berichten", "Berichten"), ("n", "%6e"), ("/", "//"))))
    clean = address.translate({ord(char): "%20" for char in ' \t<>"{}'})
    return method, clean, content, {name: text.strip() for name, text in headers.items()}


@pytest.mark.parametrize(("seed", "party"), [(1, HOOFD), (2, OTHER)])
def test_whatever_is_asked_the_answer_is_described_and_never_our_fault(gateway, seed, party):
    rng = random.Random(seed)
    known = [gateway.send(message("ho301-gewoon", f"S{seed}{n}")).json["berichtId"] for n in range(5)]
    seen = Counter()
    connection = http.client.HTTPSConnection("localhost", gateway.port, context=gateway.context(party), timeout=20)
    with contextlib.closing(connection):
        for _ in range(REQUESTS // 2):
            asked = request(rng, known)
            connection.request(*asked)
            found = connection.getresponse()
            headers = {name.lower(): text for name, text in found.getheaders()}
            answer = Answer(status=found.status, headers=headers, body=found.read())
            assert answer.status < 500, asked
            as_described(asked[0], asked[1], answer)
            assert "set-cookie" not in answer.headers
            seen[answer.status] += 1
    assert {200, 400, 404, 405, 415} <= seen.keys(), "the requests were too much alike"
    assert b"mislukt" not in gateway.said()
