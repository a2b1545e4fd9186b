"""A real gateway process, spoken to over real TLS: every answer is one that the description announces."""

import base64
import json
import os
import subprocess
import sys
import time
from importlib import resources
from pathlib import Path

import aiohttp
import pytest
from openapi_schema_validator import OAS31Validator

from adapters.client import Client, read_connection
from adapters.commands import bevestig, ophalen, zend
from adapters.tls import client_context, make_certificate
from gateway import setup

ROOT = Path(__file__).parent.parent
SAMPLES = ROOT / "schemas/hoa/1.0/samples"
DOCUMENT = json.loads(resources.files("adapters").joinpath("openapi.json").read_bytes())
SENDER, RECEIVER = "98000001", "98000002"
NOBODY = "00" * 16


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """The folder of a running gateway with two parties; the port is in each party's ``aansluiting.toml``."""
    home = tmp_path_factory.mktemp("poort")
    database = "sqlite+aiosqlite:///ketenpoort.sqlite"
    made = setup.new_gateway(home, origin="proef.voorbeeld", host="127.0.0.1", port=0, database=database)
    made.write_text(made.read_text().replace('register = "weiger"', 'register = "leer"'))
    papers = [setup.add_party(home, code, "Proef", url="https://127.0.0.1:1") for code in (SENDER, RECEIVER)]
    make_certificate(home / "tls", home, "onbekend")
    port_file = home / "poort.txt"
    command = ["draai", "--instellingen", str(home / "ketenpoort.toml"), "--poortbestand", str(port_file)]
    with subprocess.Popen(
        [sys.executable, "-m", "gateway.cli", *command],
        stdout=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:
        try:
            wait_for(port_file, process)
            for paper in papers:
                paper.write_text(paper.read_text().replace("127.0.0.1:1", f"127.0.0.1:{port_file.read_text()}"))
            yield home
        finally:
            process.terminate()


def wait_for(file, process):
    until = time.monotonic() + 30
    while not (file.exists() and file.read_text()):
        assert process.poll() is None, "the gateway stopped"
        assert time.monotonic() < until, "the gateway does not start"
        time.sleep(0.05)


def connection(home, code):
    return read_connection(home / f"partij-{code}" / "aansluiting.toml")


def message(name="ho301-gewoon", number=""):
    """A sample; with a number of its own it is a message of its own."""
    raw = next(SAMPLES.rglob(f"{name}.xml")).read_bytes()
    start = raw.index(b"<b:Identificatie>") + len(b"<b:Identificatie>")
    end = raw.index(b"</b:Identificatie>")
    return raw[:start] + number.encode() + raw[end:] if number else raw


class Caller:
    """Speaks HTTP with the papers of a party, and holds every answer against the description."""

    def __init__(self, session, url):
        self._session = session
        self._url = url

    async def __call__(self, method, path, described, **request):
        async with self._session.request(method, self._url + "/v1" + path, **request) as response:
            body = await response.read()
            operation = DOCUMENT["paths"][described][method.lower()]
            answer = operation["responses"][str(response.status)]
            if "$ref" in answer:
                answer = DOCUMENT["components"]["responses"][answer["$ref"].rpartition("/")[2]]
            media = answer["content"][response.content_type]
            if response.content_type.endswith("json"):
                body = json.loads(body)
                # A member that the description does not name is a slip, except in the description itself.
                strict = {"unevaluatedProperties": False} if "$ref" in media["schema"] else {}
                schema = {"components": DOCUMENT["components"], **media["schema"], **strict}
                OAS31Validator(schema, format_checker=OAS31Validator.FORMAT_CHECKER).validate(body)
            assert set(answer["headers"]) <= set(response.headers)
            assert response.headers["Cache-Control"] == "no-store"
            return response.status, body


@pytest.fixture
async def call(home):
    """Call the gateway as the party ``code``, or with any other certificate."""
    sessions = []

    def as_party(code, cert=None):
        papers = connection(home, code)
        cert = cert or papers.cert
        context = client_context(cert, cert.with_suffix(".key"), papers.ca)
        sessions.append(aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)))
        return Caller(sessions[-1], papers.url)

    yield as_party
    for session in sessions:
        await session.close()


XML = {"Content-Type": "application/xml"}


async def test_every_step_of_a_message_answers_as_described(call):
    sender, receiver = call(SENDER), call(RECEIVER)
    raw = message(number="stap-1")

    status, receipt = await sender("POST", "/berichten", "/berichten", data=raw, headers=XML)
    assert status == 201
    assert (await sender("POST", "/berichten", "/berichten", data=raw, headers=XML)) == (200, receipt)
    path = f"/berichten/{receipt['berichtId']}"

    status, page = await receiver("GET", "/bezorgingen?aantal=100", "/bezorgingen")
    assert receipt["berichtId"] in [item["berichtId"] for item in page["bezorgingen"]]
    ask = {"berichten": [receipt["berichtId"], NOBODY]}
    _, early = await receiver("POST", "/bevestigingen", "/bevestigingen", json=ask)
    assert early["bevestigd"] == []

    _, page = await receiver("GET", "/bezorgingen?aantal=100&inhoud=ja", "/bezorgingen")
    assert base64.b64decode(page["bezorgingen"][-1]["inhoud"]) == raw
    assert await receiver("GET", path, "/berichten/{berichtId}") == (200, raw)
    _, confirmed = await receiver("POST", "/bevestigingen", "/bevestigingen", json=ask)
    assert confirmed["bevestigd"] == [receipt["berichtId"]]
    assert [item["berichtId"] for item in confirmed["nietBevestigd"]] == [NOBODY]

    _, state = await sender("GET", path + "/status", "/berichten/{berichtId}/status")
    assert state["status"] == "Bezorgd"
    _, again = await sender("GET", path + "/ontvangstbewijs", "/berichten/{berichtId}/ontvangstbewijs")
    assert {name: again[name] for name in receipt} == receipt


async def test_trouble_answers_as_described(call):
    sender, receiver = call(SENDER), call(RECEIVER)
    post = ("POST", "/berichten", "/berichten")
    for expected, request in (
        (400, {"data": message("ho301-meer-fouten-tegelijk"), "headers": XML}),
        (400, {"data": b"niets", "headers": XML}),
        (413, {"data": b"x" * (26 << 20), "headers": XML}),
        (400, {"data": b"{}", "headers": {"Content-Type": "application/json"}}),
        (415, {"data": b"niets", "headers": {"Content-Type": "text/plain"}}),
        (415, {"data": b"<a/>", "headers": XML | {"Content-Encoding": "gzip"}}),
    ):
        assert (await sender(*post, **{**request, "data": stream(request["data"])}))[0] == expected
    assert (await receiver(*post, data=message(number="niet-mijn"), headers=XML))[0] == 403

    for path in ("", "/status", "/ontvangstbewijs"):
        described = "/berichten/{berichtId}" + path
        assert (await receiver("GET", f"/berichten/{NOBODY}{path}", described))[0] == 404
        assert (await receiver("GET", f"/berichten/a%00b{path}", described))[0] == 404
    for query in ("aantal=0", "aantal=101", "wacht=31", "na=x", "anders=1", "inhoud=x"):
        assert (await receiver("GET", f"/bezorgingen?{query}", "/bezorgingen"))[0] == 400
    for ask in ([], {"berichten": []}, {"berichten": ["x"]}, {"berichten": [NOBODY] * 101}):
        assert (await receiver("POST", "/bevestigingen", "/bevestigingen", json=ask))[0] == 400


def stream(data):
    async def pieces():
        for start in range(0, len(data), 1 << 18):
            yield data[start : start + (1 << 18)]

    return pieces()


async def test_a_certificate_that_nobody_registered_gets_nowhere(call, home):
    stranger = call(SENDER, cert=home / "onbekend.pem")
    for described in DOCUMENT["paths"]:
        path = described.replace("{berichtId}", NOBODY)
        for method in DOCUMENT["paths"][described].keys() - {"parameters"}:
            assert (await stranger(method.upper(), path, described))[0] == 403


async def test_health_and_description_are_there_for_every_party(call):
    sender = call(SENDER)
    assert await sender("GET", "/gezondheid", "/gezondheid") == (200, {"status": "goed", "versie": "1.0.0"})
    assert await sender("GET", "/openapi.json", "/openapi.json") == (200, DOCUMENT)


async def test_the_commands_carry_a_message_from_sender_to_receiver(home, tmp_path, capsys):
    file, inbox = tmp_path / "opdracht.xml", tmp_path / "in"
    file.write_bytes(message(number="commando-1"))

    assert await zend([file], connection(home, SENDER)) == 0
    assert await ophalen(inbox, connection(home, RECEIVER)) == 0
    assert (inbox / f"ho301-{SENDER}-commando-1.xml").read_bytes() == file.read_bytes()
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines() if "commando-1.xml" in line]
    assert await bevestig(listed, connection(home, RECEIVER)) == 0
    assert await ophalen(tmp_path / "leeg", connection(home, RECEIVER)) == 0
    assert not (tmp_path / "leeg").exists()


async def test_ophalen_reads_page_after_page(home, tmp_path):
    async with Client(connection(home, SENDER)) as client:
        for number in range(60):
            assert (await client.send(message(number=f"reeks-{number}"))).status == 201
    assert await ophalen(tmp_path, connection(home, RECEIVER), confirm=True) == 0
    assert len(list(tmp_path.glob("*reeks-*.xml"))) == 60
    async with Client(connection(home, RECEIVER)) as client:
        assert (await client.deliveries())["bezorgingen"] == []
