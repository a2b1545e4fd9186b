"""Invented persons go every road through a real gateway. Who may read of them does; nowhere else is a word of them."""

import asyncio
import contextlib
import http.server
import io
import re
import resource
import ssl
import subprocess
import sys
import threading
import time
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import pytest
import sqlalchemy as sa
from canaries import canary, found, found_in_files, traces
from conftest import new_schema
from console import COOKIE, Visitor, add_person
from large_documents import declaration
from running import HOOFD, ONDER, OTHER, ROOT, SUPPLIER, XML, Answer, Running, environment, head, running, wait_until

from adapters import tls
from gateway import forms, setup
from gateway.convert import json_of
from gateway.invented import faulty, message
from gateway.oversight.rights import Role

pytestmark = pytest.mark.timeout(300)

GOOD, BAD, STRAY = canary(1), canary(2), canary(3)
"""Of messages that are taken, of messages that are refused, and of what stands where no person belongs."""
ALL = (GOOD, BAD, STRAY)
DEAD, ECHO = "98000005", "98000006"
"""Parties that are pushed to: nobody listens at the one, the other repeats in its answer all that it gets."""
JSON = {"Content-Type": "application/json"}


@dataclass(slots=True, kw_only=True)
class Played:
    """What came of all roads, outside the gateway."""

    gateway: Running
    temporary: Path
    postgresql: Path | None
    began: float
    taken: str = ""
    """Id of a message that was taken in."""
    told: list[tuple[str, bytes]] = field(default_factory=list)
    """Every answer but those that are a message for its sender or receiver: of which road, and the answer."""
    read: list[bytes] = field(default_factory=list)
    """The messages, as their senders and receivers read them."""
    printed: list[bytes] = field(default_factory=list)
    """What commands said."""

    def ask(self, road: str, *request, **more):
        answer = self.gateway.ask(*request, **more)
        self.shown(road, answer)
        return answer

    def send(self, road: str, raw: bytes, kind=XML, **more):
        return self.ask(road, "POST", "/v1/berichten", raw, kind, **more)

    def shown(self, road: str, answer: Answer) -> None:
        self.told.append((road, repr(answer.headers).encode() + answer.body))

    def command(self, *words: str) -> bytes:
        settings = ["--instellingen", str(self.gateway.home / "ketenpoort.toml")]
        done = subprocess.run(
            [sys.executable, "-m", "gateway.cli", *words, *settings],
            cwd=ROOT, env=environment(), capture_output=True, timeout=60, check=False,
        )  # fmt: skip
        self.printed.append(done.stdout + done.stderr)
        return done.stdout


class _Echo(http.server.BaseHTTPRequestHandler):
    """A receiver that refuses, and says about whom in all the ways that HTTP has."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(400, f"BSN {GOOD.bsn} onbekend")
        self.send_header("X-Fout", GOOD.name)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass


@contextlib.contextmanager
def echoing(home: Path):
    """Serve such a receiver over TLS, with a certificate of the gateway's own CA; yields its port."""
    pair = tls.make_certificate(home / "tls", home / "echo", "server", hosts=["127.0.0.1"])
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Echo)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.cert, pair.key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def played(request, tmp_path_factory):
    """A gateway that met all of it, and still runs."""
    temporary = tmp_path_factory.mktemp("tijdelijk")
    home = tmp_path_factory.mktemp("kanaries") / "poort"
    more, server = {}, None
    if request.param == "postgresql":
        url = asyncio.run(new_schema(request.getfixturevalue("postgresql")))
        more, server = {"database": url.render_as_string(hide_password=False)}, url
    began = time.time()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(temporary))
        with running(home, past="weiger", more="toezicht = 0\n", **more) as gateway, echoing(home) as port:
            folder = Path(server.query["host"]) if server is not None else None
            played = Played(gateway=gateway, temporary=temporary, postgresql=folder, began=began)
            setup.add_party(home, DEAD, "Niemand thuis", url="https://localhost:1", push="https://127.0.0.1:1/")
            setup.add_party(home, ECHO, "Naprater", url="https://localhost:1", push=f"https://127.0.0.1:{port}/")
            taken(played)
            refused(played)
            stray(played)
            pushed(played)
            overseen(played)
            in_trouble(played, server)
            for kind in ("gezondheid", "openapi.json"):
                played.ask(kind, "GET", f"/v1/{kind}")
            played.command("audit", "exporteer", str(home / "uitvoer"), "--wie", "beheerder")
            yield played


def order(identification: str, number: int, receiver: str = ONDER) -> bytes:
    raw = GOOD.within(message("ho301-gewoon", identification, receiver=receiver))
    return raw.replace(b"<OpdrachtNummer>1001", b"<OpdrachtNummer>%d" % number)


def taken(played: Played) -> None:
    """In XML and in JSON; twice; fetched by both sides, listed, confirmed and answered."""
    raw = GOOD.within(message("ho301-gewoon", "K1"))
    accepted = played.send("taken", raw)
    played.taken = accepted.json["berichtId"]
    assert accepted.status == 201
    assert played.send("the same again", raw).status == 200
    assert played.send("other bytes, same number", GOOD.within(message("ho301-minimaal", "K1"))).status == 400
    as_json = json_of(order("K2", 2001), forms.read())
    assert played.send("in JSON", as_json, JSON).status == 201
    place = accepted.headers["location"]
    for party, kind in ((ONDER, "application/xml"), (ONDER, "application/json"), (HOOFD, "application/xml")):
        played.read.append(played.gateway.ask("GET", place, headers={"Accept": kind}, party=party).body)
    played.gateway.ask("GET", "/v1/bezorgingen?inhoud=true", party=ONDER)
    for path in (f"{place}/status", f"{place}/ontvangstbewijs", "/v1/bezorgingen"):
        played.ask(path, "GET", path, party=HOOFD)
        played.ask(path, "GET", path, party=ONDER)
    assert played.ask("not theirs", "GET", place, party=OTHER).status == 404
    confirmation = f'{{"berichten": ["{accepted.json["berichtId"]}"]}}'.encode()
    assert played.ask("confirmed", "POST", "/v1/bevestigingen", confirmation, JSON, party=ONDER).status == 200
    answer = GOOD.within(message("ho302-rijk", "K3", answers="K1"))
    played.send("answered", answer, party=ONDER)


def refused(played: Played) -> None:
    """At every level, with the person in the value that is wrong; in another's name; as JSON that is none."""
    raw = BAD.within(message("ho301-rijk", "F1"))
    wrong = {
        "no XML": raw[: len(raw) // 2],
        "a document type": raw.replace(b"?>", f'?><!DOCTYPE a [<!ENTITY n "{BAD.name}">]>'.encode(), 1),
        "an unknown message": b'<Bericht xmlns="urn:'
        + BAD.name.encode()
        + b'"><Bsn>'
        + BAD.bsn.encode()
        + b"</Bsn></Bericht>",
        "name for a date": re.sub(rb"(<b:Datum>)[^<]*", rb"\g<1>" + BAD.name.encode(), raw),
        "name for a code": re.sub(rb"(<Geslacht>)[^<]*", rb"\g<1>" + BAD.name.encode(), raw),
        "number with a name": raw.replace(b"</Bsn>", b"-" + BAD.name.encode() + b"</Bsn>"),
        "name for an element": raw.replace(b"Geslacht>", BAD.name.encode() + b">"),
        "number for an attribute": raw.replace(b"<Client>", f'<Client bsn="{BAD.bsn}">'.encode()),
        "a number that does not pass": raw.replace(BAD.bsn.encode(), BAD.bsn[::-1].encode()),
        "several faults": BAD.within(faulty("ho301-meer-fouten-tegelijk")),
        "contradicts what was said": BAD.within(message("ho307-minimaal", "F2", sender=ONDER, receiver=HOOFD)),
        "many faults": BAD.within(
            declaration(clients=200, lines=2).replace(b"<m:Eenheid>04", b"<m:Eenheid>" + BAD.bsn.encode())
        ),
    }
    for road, each in wrong.items():
        sender = ONDER if b"<Afzender>98000002" in each or b":Afzender>98000002" in each else HOOFD
        assert played.send(road, each, party=sender).status in (400, 403), road
    assert played.send("in another's name", raw, party=SUPPLIER).status == 403
    for road, each in {
        "JSON that is none": f'{{"{BAD.name}": {BAD.bsn}'.encode(),
        "JSON of no message": f'{{"bericht": "{BAD.name}", "{BAD.bsn}": ["{BAD.street}"]}}'.encode(),
    }.items():
        assert played.send(road, each, JSON).status == 400, road


def stray(played: Played) -> None:
    """In addresses, headers, media types, ids and broken HTTP."""
    for path in (f"/v1/berichten/{STRAY.bsn}", f"/v1/{STRAY.name}", f"/v1/bezorgingen?bsn={STRAY.bsn}"):
        played.ask(path, "GET", path, headers={"X-Client": STRAY.name, "traceparent": STRAY.bsn})
    played.ask("id", "GET", f"/v1/berichten/{STRAY.bsn:0>32}")
    played.ask("media type", "GET", "/v1/bezorgingen", headers={"Accept": f"text/{STRAY.name}"})
    played.send("encoding", b"<a/>", {**XML, "Content-Encoding": STRAY.bsn})
    played.send("kind", b"<a/>", {"Content-Type": f"text/{STRAY.name}"})
    ids = f'{{"berichten": ["{STRAY.bsn}"]}}'.encode()
    played.ask("confirmed", "POST", "/v1/bevestigingen", ids, JSON)
    for request in (
        head(f"GET {STRAY.bsn} HTTP/1.1", f"{STRAY.bsn} x: y"),
        head(f"{STRAY.name} / HTTP/1.1"),
        f"<Bsn>{STRAY.bsn}</Bsn>\r\n\r\n".encode(),
    ):
        played.told.append(("broken HTTP", played.gateway.bare(request)))


def pushed(played: Played) -> None:
    """To a party where nobody listens, and to one that refuses and repeats; parked, and sent on its way again."""
    ids = {}
    for number, code in ((3001, DEAD), (3002, ECHO)):
        raw = order(f"P{number}", number, code)
        wait_until(lambda raw=raw, code=code: played.send("pushed", raw).status in (200, 201), 15)
        ids[code] = played.send("pushed", raw).json["berichtId"]

    def state(code: str) -> str:
        return played.ask("status", "GET", f"/v1/berichten/{ids[code]}/status").json["status"]

    wait_until(lambda: state(ECHO) == "Geparkeerd", 20)
    assert ids[ECHO] in played.command("geparkeerd").decode()
    played.command("opnieuw", ids[ECHO], "--reden", "nog eens", "--wie", "beheerder")
    wait_until(lambda: state(ECHO) == "Geparkeerd", 20)


def overseen(played: Played) -> None:
    """At the door of the console and behind it: in what is typed to log in, in addresses, headers and forms."""
    person = add_person(played.gateway.home, Role.FG, HOOFD)
    visitor = Visitor(port=played.gateway.console, authority=played.gateway.home / "tls/ca.pem")
    for login, password in ((STRAY.name, STRAY.remark), (STRAY.bsn, STRAY.street), (person.login, STRAY.bsn)):
        fields = {"login": login, "wachtwoord": password, "code": STRAY.bsn[:6]}
        played.shown("at the door", visitor.post("/aanmelden", fields))
    assert visitor.log_in(person).status == 303
    for path in ("/", "/sessie", "/functionarissen"):
        played.shown(path, visitor.get(path))
    for path in (f"/{STRAY.name}", f"/berichten/{STRAY.bsn}"):
        played.shown("nowhere", visitor.get(path))
        played.shown("a form for nowhere", visitor.post(path, {"bsn": STRAY.bsn, "reden": STRAY.remark}))
    searched(played, visitor)
    played.shown("a strange form", visitor.post("/afmelden", {STRAY.name: STRAY.bsn}, Referer=f"https://a/{STRAY.bsn}"))
    visitor.cookies = {COOKIE: STRAY.name}
    played.shown("a strange cookie", visitor.get("/"))


def searched(played: Played, visitor: Visitor) -> None:
    """An officer looks for a person, takes away what was found, hands over the file, and opens a body in an emergency.

    Why he does so is written by people, with names in it. What was found hides the person; the file and the body are
    what he may read.
    """
    why = {"doel": "inzage", "reden": f"Gebeld door {STRAY.name}, {STRAY.bsn}"}
    found = visitor.submit("/zoeken", {"bsn": GOOD.bsn, "doel": "inzage", "reden": "Een vraag van een cliënt."})
    played.shown("what was found is at", found)
    place = found.headers["location"]
    played.shown("what was found", visitor.get(place))
    played.shown("taken away", visitor.submit(f"{place}/uitvoer", {"vorm": "csv"}))
    with zipfile.ZipFile(io.BytesIO(visitor.submit(f"{place}/uitvoer", {"vorm": "xlsx"}).body)) as book:
        played.told.append(("taken away", b"".join(map(book.read, book.namelist()))))
    file = visitor.submit("/inzage", {"bsn": GOOD.bsn, **why}).headers["location"]
    for kind in ("json", "pdf"):
        assert visitor.submit(f"{file}/uitvoer", {"vorm": kind, "beeld": "client"}).status == 200
    page = visitor.get(file).body.decode()
    assert f"••••••{GOOD.bsn[-3:]}" in page
    assert GOOD.bsn not in page, "in full only in what the client gets"
    body = f"/berichten/{played.taken}/inhoud"
    assert visitor.submit("/noodtoegang/vragen", {"reden": why["reden"], "weet": "ja"}).status == 303
    played.read.append(visitor.submit(body, {**why, "doel": "nood"}).body)
    hold = {"soort": "persoon", "bsn": GOOD.bsn, "reden": why["reden"]}
    played.shown("held", visitor.submit("/bewaren/plicht", hold))
    assert visitor.submit("/bewaren/plicht", {**hold, "bsn": GOOD.bsn[:-1]}).status == 422


def in_trouble(played: Played, server: sa.URL | None) -> None:
    """Messages while workers are killed, and while there is no room on disk or the database throws everybody out."""
    children = Path(f"/proc/{played.gateway.process.pid}/task/{played.gateway.process.pid}/children")
    heavy = BAD.within(declaration(clients=2_000, lines=2))
    sending = threading.Thread(target=played.send, args=("its worker is killed", heavy), kwargs={"party": ONDER})
    sending.start()
    time.sleep(0.2)
    for pid in children.read_text().split():
        if b"workshop" in Path(f"/proc/{pid}/cmdline").read_bytes():
            subprocess.run(["kill", "-9", pid], check=False)
    sending.join()
    if server is None:
        resource.prlimit(played.gateway.process.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        for number in range(3):
            played.send("no room", order(f"R{number}", 4000 + number))
        resource.prlimit(played.gateway.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    else:
        stop = threading.Event()
        outside = threading.Thread(target=lambda: asyncio.run(_throw_out(server, stop)))
        outside.start()
        for number in range(10):
            played.send("thrown out", order(f"R{number}", 4000 + number))
        stop.set()
        outside.join()
    wait_until(lambda: played.ask("gezondheid", "GET", "/v1/gezondheid").status == 200, 20)


async def _throw_out(server: sa.URL, stop: threading.Event) -> None:
    connection = await asyncpg.connect(user="ketenpoort", database=server.database, **server.query)
    while not stop.is_set():
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", server.username
        )
        await asyncio.sleep(0.02)
    await connection.close()


def test_who_may_read_of_them_did(played):
    assert len(played.read) == 4
    for body in played.read:
        assert all(word.encode() in body for word in GOOD.words)


def test_no_other_answer_tells_of_them(played):
    assert len(played.told) > 40
    assert [f"{road}: {each}" for road, body in played.told for each in found(body, ALL)] == []


def test_nothing_that_is_printed_tells_of_them(played):
    said = played.gateway.said()
    assert b"geparkeerd" in said
    assert re.search(b"mislukt|werkt niet mee", said)
    assert found(said, ALL) == []
    assert all(played.printed)
    assert [each for printed in played.printed for each in found(printed, ALL)] == []


def test_no_file_of_the_gateway_tells_of_them(played):
    """Database with its write-ahead log, settings, keys, export of the log, certificates, what it printed."""
    names = {path.name for path in played.gateway.home.rglob("*") if path.is_file()}
    assert {"ketenpoort.toml", "partijen.toml", "manifest", "gezegd.txt"} <= names
    assert found_in_files(played.gateway.home, ALL) == []


def test_no_temporary_file_tells_of_them(played):
    assert found_in_files(played.temporary, ALL) == []


def test_no_file_of_the_database_server_tells_of_them(played):
    """Tables, write-ahead log and what the server logs, after it wrote all that it had in memory."""
    if played.postgresql is None:
        assert (played.gateway.home / "ketenpoort.sqlite-wal").stat().st_size > 0
        return
    asyncio.run(_checkpoint(played.postgresql))
    assert any((played.postgresql / "data" / "pg_wal").iterdir())
    assert found_in_files(played.postgresql, ALL, since=played.began) == []


async def _checkpoint(folder: Path) -> None:
    connection = await asyncpg.connect(user="ketenpoort", database="postgres", host=str(folder), port=5432)
    await connection.execute("CHECKPOINT")
    await connection.close()


def test_no_process_has_them_in_its_arguments_or_environment(played):
    own = played.gateway.process.pid
    children = Path(f"/proc/{own}/task/{own}/children").read_text().split()
    assert children
    for pid in (own, *children):
        for name in ("cmdline", "environ"):
            assert found(Path(f"/proc/{pid}/{name}").read_bytes(), ALL) == []


@pytest.mark.parametrize(("trace", "way"), [each for word in BAD.words for each in traces(word).items()])
def test_the_search_finds_whatever_somebody_was_careless_with(tmp_path, trace, way):
    (tmp_path / "ergens").write_bytes(b"tekst ervoor " + trace + b" en erna")
    assert len(found_in_files(tmp_path, ALL)) >= 1
