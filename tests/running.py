"""A gateway that really runs, in a process of its own, and parties that talk to it over mutual TLS.

Every answer that ``ask`` gives back was held against the OpenAPI document: what is not described may not be said.
"""

import contextlib
import functools
import http.client
import json
import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from openapi_schema_validator import OAS31Validator

from adapters import tls
from gateway import setup

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = json.loads(resources.files("adapters").joinpath("openapi.json").read_bytes())
HOOFD, ONDER, SUPPLIER, OTHER = "98000001", "98000002", "98000009", "98000004"
STRANGER = "vreemd"
"""Has a certificate of our CA, and no entry among the parties."""
XML = {"Content-Type": "application/xml"}
BODY_SECONDS = 2
HEADERS = {
    "API-Version": DOCUMENT["info"]["version"],
    "Cache-Control": "no-store",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Server": "Ketenpoort",
}
"""What every answer carries (NL API Design Rules, transport security), and not what it is made of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes = field(repr=False)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(slots=True, kw_only=True)
class Running:
    """One gateway: where it lives, where it listens, and what its parties can ask of it."""

    home: Path
    process: subprocess.Popen[bytes] = field(repr=False)
    port: int = 0
    console: int = 0
    """Port of the officers' console; 0 where the settings ask for none."""
    contexts: dict[str, ssl.SSLContext] = field(default_factory=dict, repr=False)

    def context(self, party: str) -> ssl.SSLContext:
        if party not in self.contexts:
            papers = self.home / f"partij-{party}"
            pair = papers / f"{party}.pem", papers / f"{party}.key"
            self.contexts[party] = tls.client_context(*pair, self.home / "tls/ca.pem")
        return self.contexts[party]

    def ask(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None, *, party: str = HOOFD
    ) -> Answer:
        """One request on a connection of its own; ``body`` may be bytes, or an iterable that is sent in chunks."""
        connection = http.client.HTTPSConnection("localhost", self.port, context=self.context(party), timeout=40)
        with contextlib.closing(connection):
            connection.request(method, path, body=body, headers=dict(headers or {}))
            found = connection.getresponse()
            names = {name.lower(): value for name, value in found.getheaders()}
            answer = Answer(status=found.status, headers=names, body=found.read())
        as_described(method, path, answer)
        return answer

    def send(self, raw: bytes, *, party: str = HOOFD) -> Answer:
        return self.ask("POST", "/v1/berichten", raw, XML, party=party)

    def connect(self, party: str = HOOFD, *, context: ssl.SSLContext | None = None) -> ssl.SSLSocket:
        """A bare connection, for whoever does not keep to HTTP."""
        plain = socket.create_connection(("localhost", self.port), timeout=20)
        return (context or self.context(party)).wrap_socket(plain, server_hostname="localhost")

    def bare(self, request: bytes, *, party: str = HOOFD) -> bytes:
        """What the gateway says to these bytes until it closes, or is quiet for a while."""
        with self.connect(party) as connection:
            connection.sendall(request)
            return until_quiet(connection)

    def said(self) -> bytes:
        """All that the process printed."""
        return (self.home / "gezegd.txt").read_bytes()


def until_quiet(connection: ssl.SSLSocket, seconds: float = 10.0) -> bytes:
    """What comes within ``seconds``, and all that follows on it at once."""
    heard = b""
    with contextlib.suppress(OSError):
        connection.settimeout(seconds)
        while part := connection.recv(65536):
            heard += part
            connection.settimeout(0.3)
    return heard


def head(request: str, *headers: str) -> bytes:
    return "\r\n".join([request, "Host: localhost", *headers, "", ""]).encode("latin-1")


def post(*headers: str) -> bytes:
    """The head of a message; its length is for the caller to tell."""
    return head("POST /v1/berichten HTTP/1.1", "Content-Type: application/xml", *headers)


def problem_in(heard: bytes, status: int) -> Any:
    """The problem in a raw answer, which must have every header that all answers have."""
    top, _, body = heard.partition(b"\r\n\r\n")
    first, *lines = top.decode().split("\r\n")
    assert first.split()[1:2] == [str(status)], first
    headers = dict(line.split(": ", 1) for line in lines)
    assert headers["Content-Type"] == "application/problem+json"
    assert HEADERS.items() <= headers.items()
    problem = json.loads(body[: int(headers["Content-Length"])])
    validator(json.dumps(DOCUMENT["components"]["schemas"]["Probleem"])).validate(problem)
    assert problem["status"] == status
    return problem


@contextlib.contextmanager
def running(
    home: Path,
    *,
    database: str = "sqlite+aiosqlite:///ketenpoort.sqlite",
    past: str = "leer",
    register: str = "leer",
    more: str = "",
) -> Iterator[Running]:
    """Make a gateway with four parties in ``home`` and run it until the end of the block.

    ``past`` is its setting ``verleden``, ``register`` the one of that name: most tests send samples that do not follow
    from each other, and that no contract allows. ``more`` settings are added.
    """
    path = setup.new_gateway(home, origin="test.ketenpoort.voorbeeld", host="127.0.0.1", port=0, database=database)
    own = {"verleden": past, "register": register}
    text = path.read_text()
    for name, does in own.items():
        text = text.replace(f'{name} = "weiger"', f'{name} = "{does}"')
    path.write_text(text + f"wachttijd = {BODY_SECONDS}\n{more}")
    names = {HOOFD: "De Brug", ONDER: "Zonnehoek", OTHER: "Wilgenhof", SUPPLIER: "Softwareleverancier"}
    for code, name in names.items():
        setup.add_party(home, code, name, url="https://localhost:1")
    tls.make_certificate(home / "tls", home / f"partij-{STRANGER}", STRANGER)
    with (home / "partijen.toml").open("a") as file:
        file.write(f'gemachtigd_door = ["{ONDER}"]\n')  # the last party is the supplier
    with started(home) as gateway:
        yield gateway


@contextlib.contextmanager
def started(home: Path) -> Iterator[Running]:
    port_file = home / "poort.txt"
    console_file = home / "toezicht.txt"
    port_file.unlink(missing_ok=True)
    console_file.unlink(missing_ok=True)
    command = [sys.executable, "-m", "gateway.cli", "draai", "--instellingen", str(home / "ketenpoort.toml")]
    with (home / "gezegd.txt").open("ab") as said:
        process = subprocess.Popen(
            [*command, "--poortbestand", str(port_file), "--toezichtbestand", str(console_file)],
            stdout=said, stderr=said, cwd=ROOT, env=environment(),
        )  # fmt: skip
    gateway = Running(home=home, process=process)
    try:
        wait_until(lambda: port_file.exists() and port_file.read_text() and process.poll() is None, 30)
        gateway.port = int(port_file.read_text())
        gateway.console = int(console_file.read_text()) if console_file.exists() else 0
        for papers in home.glob("partij-*/aansluiting.toml"):
            papers.write_text(papers.read_text().replace("localhost:1", f"localhost:{gateway.port}"))
        yield gateway
    finally:
        process.terminate()
        process.wait(30)


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def wait_until(happened: Any, seconds: float) -> None:
    until = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.05)


def as_described(method: str, path: str, answer: Answer) -> None:
    """Fail unless this answer has the headers that all have, and the shape that the document gives it."""
    for name, value in HEADERS.items():
        assert answer.headers.get(name.lower()) == value, f"{method} {path}: {answer.status} without {name}"
    described = responses(method, path.partition("?")[0])
    if described is None:  # no such operation
        assert answer.status in (400, 403, 404, 405, 408, 413)
        described = {str(answer.status): DOCUMENT["components"]["responses"]["NietGevonden"]}
    assert str(answer.status) in described, f"{method} {path} is not described to answer {answer.status}"
    content = followed(described[str(answer.status)])["content"]
    kind = answer.headers["content-type"].partition(";")[0]
    assert kind in content, f"{method} {path}: {answer.status} as {kind}"
    if kind.endswith("json") and method != "HEAD":
        # A member that the document does not name is a slip, except in the document itself.
        strict = {"unevaluatedProperties": False} if "$ref" in content[kind]["schema"] else {}
        validator(json.dumps({**content[kind]["schema"], **strict})).validate(answer.json)
    for name, header in followed(described[str(answer.status)])["headers"].items():
        assert name.lower() in answer.headers, f"{method} {path}: {answer.status} without {name} {header}"


def responses(method: str, path: str) -> Mapping[str, Any] | None:
    """What the document says that this operation answers; None if there is no such operation."""
    empty, version, *parts = (unquote(part) for part in path.split("/"))
    for template, item in DOCUMENT["paths"].items() if (empty, version) == ("", "v1") else ():
        shape = template.split("/")[1:]
        asked = [*parts[: len(shape) - 1], "/".join(parts[len(shape) - 1 :])] if shape[-1] == "{tegel}" else parts
        same = len(shape) == len(asked) and all(a[:1] == "{" or a == b for a, b in zip(shape, asked, strict=True))
        if same and method.lower() in item:
            found: Mapping[str, Any] = item[method.lower()]["responses"]
            return found
    return None


@functools.cache
def validator(schema: str) -> OAS31Validator:
    whole = {"components": DOCUMENT["components"], **json.loads(schema)}
    return OAS31Validator(whole, format_checker=OAS31Validator.FORMAT_CHECKER)


def followed(value: Mapping[str, Any]) -> Mapping[str, Any]:
    found = DOCUMENT if "$ref" in value else value
    for name in value.get("$ref", "").removeprefix("#/").split("/") if "$ref" in value else ():
        found = found[name]
    return found
