"""What a party's own system sees of the gateway: it sends, fetches and confirms, also when the line is bad."""

import asyncio
import hashlib
import json
from base64 import b64encode
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from adapters import client as client_module
from adapters.client import Client, Connection, RefusedError, UnreachableError, read_connection
from adapters.commands import bevestig, ophalen, zend
from adapters.keep import keep
from adapters.tls import make_ca, make_certificate, server_context

FINDING = {
    "code": "CS002",
    "niveau": 2,
    "regel": 12,
    "pad": "Bericht/Client/Bsn",
    "tekst": "Het BSN voldoet niet aan de 11-proef. Controleer het nummer.",
}


@dataclass
class SimulatedGateway:
    """A gateway in memory that answers as the API document says; ``faults`` are consumed one per request."""

    stored: dict[str, bytes] = field(default_factory=dict)
    open: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    requests: int = 0
    page: int = 2

    def app(self):
        app = web.Application(middlewares=[self._faulty], client_max_size=32 << 20)
        app.router.add_post("/v1/berichten", self._take)
        app.router.add_get("/v1/bezorgingen", self._list)
        app.router.add_get("/v1/berichten/{id}", self._give)
        app.router.add_post("/v1/bevestigingen", self._confirm)
        return app

    def put(self, raw):
        """Have a message waiting for the party."""
        message = hashlib.md5(raw).hexdigest()
        self.stored[message] = raw
        self.open.append(message)
        return message

    @web.middleware
    async def _faulty(self, request, handler):
        self.requests += 1
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "busy":
            return web.json_response({"detail": "Het is te druk."}, status=503, headers={"Retry-After": "0"})
        answer = await handler(request)
        if fault == "answer lost":
            request.transport.abort()
        return answer

    async def _take(self, request):
        assert request.content_type == "application/xml"
        raw = await request.read()
        if b"fout" in raw:
            problem = {"detail": "Er zijn fouten.", "bevindingen": [FINDING], "aantalBevindingen": 3}
            return web.json_response(problem, status=400, content_type="application/problem+json")
        message = hashlib.md5(raw).hexdigest()
        status = 200 if message in self.stored else 201
        self.stored[message] = raw
        receipt = {"berichtId": message, "soort": "ho301", "ontvangenOp": "2026-11-01T10:00:00.000Z"}
        return web.json_response(receipt | {"logregel": "ab" * 32}, status=status)

    async def _list(self, request):
        start = int(request.query.get("na", 0))
        page = self.open[start : start + self.page]
        items = [
            {"berichtId": m, "soort": "ho301", "afzender": "12345678", "identificatie": f"nr/{self.open.index(m)}"}
            | ({"inhoud": b64encode(self.stored[m]).decode()} if self._brings(request, m) else {})
            for m in page
        ]
        after = start + self.page
        return web.json_response({"bezorgingen": items, "volgende": str(after) if after < len(self.open) else None})

    def _brings(self, request, message):
        return request.query.get("inhoud") == "ja" and len(self.stored.get(message, b"x" * 99)) < 50

    async def _give(self, request):
        if request.match_info["id"] not in self.stored:
            return web.json_response({"detail": "Dit bericht is er niet."}, status=404)
        return web.Response(body=self.stored[request.match_info["id"]], content_type="application/xml")

    async def _confirm(self, request):
        ids = json.loads(await request.read())["berichten"]
        assert 1 <= len(ids) <= 100
        known = [i for i in ids if i in self.stored]
        unknown = [{"berichtId": i, "reden": "onbekend"} for i in ids if i not in self.stored]
        self.confirmed = [*getattr(self, "confirmed", []), *known]
        return web.json_response({"bevestigd": known, "nietBevestigd": unknown})


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pki")
    make_ca(folder)
    make_certificate(folder, folder, "poort", hosts=["127.0.0.1"])
    make_certificate(folder, folder, "partij")
    return folder


@pytest.fixture(autouse=True)
def _hurry(monkeypatch):
    monkeypatch.setattr(client_module, "PAUSES", (0.0, 0.01, 0.02))


def connection_to(pki, port):
    return Connection(
        url=f"https://127.0.0.1:{port}",
        cert=pki / "partij.pem",
        key=pki / "partij.key",
        ca=pki / "ca.pem",
    )


@pytest.fixture
async def gateway(pki):
    gateway = SimulatedGateway()
    runner = web.AppRunner(gateway.app())
    await runner.setup()
    tls = server_context(pki / "poort.pem", pki / "poort.key", pki / "ca.pem")
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    gateway.connection = connection_to(pki, runner.addresses[0][1])
    yield gateway
    await runner.cleanup()


async def test_a_message_whose_receipt_was_lost_is_sent_again_and_stored_once(gateway):
    gateway.faults = ["answer lost", "answer lost"]
    async with Client(gateway.connection) as client:
        answer = await client.send(b"<a/>")
    assert answer.status == 200
    assert list(gateway.stored.values()) == [b"<a/>"]


async def test_a_large_message_arrives_whole_also_at_the_second_try(gateway):
    raw = b"<a>" + b"x" * (20 << 20) + b"</a>"
    gateway.faults = ["answer lost"]
    async with Client(gateway.connection) as client:
        assert (await client.send(raw)).status == 200
    assert list(gateway.stored.values()) == [raw]


async def test_a_busy_gateway_is_asked_again(gateway):
    gateway.faults = ["busy", "busy"]
    async with Client(gateway.connection) as client:
        assert (await client.send(b"<a/>")).status == 201


async def test_a_gateway_that_stays_busy_says_so_in_the_end(gateway):
    gateway.faults = ["busy"] * 9
    async with Client(gateway.connection) as client:
        assert (await client.send(b"<a/>")).status == 503
    assert gateway.requests == 4


async def test_a_gateway_that_is_not_there_is_a_clear_error(pki, unused_port):
    async with Client(connection_to(pki, unused_port)) as client:
        with pytest.raises(UnreachableError, match="geen verbinding"):
            await client.status("ab" * 16)


async def test_a_server_with_a_strange_certificate_is_not_tried_again(gateway, pki, tmp_path):
    make_ca(tmp_path)
    strange = Connection(
        url=gateway.connection.url,
        cert=pki / "partij.pem",
        key=pki / "partij.key",
        ca=tmp_path / "ca.pem",
    )
    async with Client(strange) as client:
        with pytest.raises(UnreachableError, match="certificaat van de gateway klopt niet"):
            await client.send(b"<a/>")
    assert gateway.requests == 0


async def test_a_party_whose_certificate_the_gateway_does_not_trust_is_told_where_to_look(gateway, pki, tmp_path):
    make_ca(tmp_path)
    make_certificate(tmp_path, tmp_path, "partij")
    stranger = Connection(
        url=gateway.connection.url,
        cert=tmp_path / "partij.pem",
        key=tmp_path / "partij.key",
        ca=pki / "ca.pem",
    )
    async with Client(stranger) as client:
        with pytest.raises(UnreachableError, match="controleer of uw certificaat"):
            await client.send(b"<a/>")


async def test_a_message_that_is_not_ours_is_a_refusal(gateway):
    async with Client(gateway.connection) as client:
        with pytest.raises(RefusedError, match="Dit bericht is er niet") as refusal:
            await client.fetch("00" * 16)
    assert refusal.value.answer.status == 404


async def test_zend_prints_a_receipt_and_all_findings(gateway, tmp_path, capsys):
    good, bad = tmp_path / "goed.xml", tmp_path / "slecht.xml"
    good.write_bytes(b"<goed/>")
    bad.write_bytes(b"<fout/>")

    assert await zend([good], gateway.connection) == 0
    assert await zend([good, bad], gateway.connection) == 1

    words = capsys.readouterr().out
    assert "goed.xml: aangenomen als bericht" in words
    assert "goed.xml: was al aangenomen" in words
    assert "slecht.xml: niet aangenomen, 3 fouten." in words
    assert "regel 12  CS002  Het BSN voldoet niet" in words
    assert "nog 2 fouten" in words


async def test_zend_says_that_it_could_not(gateway, pki, tmp_path, unused_port, capsys):
    file = tmp_path / "a.xml"
    assert await zend([file], gateway.connection) == 2
    assert "a.xml bestaat niet." in capsys.readouterr().err
    file.write_bytes(b"<a/>")
    assert await zend([file], connection_to(pki, unused_port)) == 2
    assert "geen verbinding" in capsys.readouterr().err
    gateway.faults = ["busy"] * 9
    assert await zend([file], gateway.connection) == 2


async def test_papers_that_do_not_belong_together_are_a_clear_error(gateway, pki, tmp_path, capsys):
    for key in (pki / "poort.key", tmp_path / "weg.key", pki / "ca.pem"):
        mixed = Connection(url=gateway.connection.url, cert=pki / "partij.pem", key=key, ca=pki / "ca.pem")
        assert await bevestig(["ab" * 16], mixed) == 2
        assert capsys.readouterr().err.startswith("Het certificaat, de sleutel of het CA-bestand")


async def test_ophalen_writes_every_open_message_and_confirms_nothing_by_itself(gateway, tmp_path, capsys):
    ids = [gateway.put(f"<m{n}/>".encode()) for n in range(5)]

    assert await ophalen(tmp_path / "in", gateway.connection) == 0

    files = sorted(path.name for path in (tmp_path / "in").iterdir())
    assert files == [f"ho301-12345678-nr_{n}.xml" for n in range(5)]
    assert (tmp_path / "in" / files[3]).read_bytes() == b"<m3/>"
    assert all(message in capsys.readouterr().out for message in ids[:1])
    assert not hasattr(gateway, "confirmed")


async def test_ophalen_with_confirmation_confirms_what_is_on_disk(gateway, tmp_path):
    ids = [gateway.put(f"<m{n}/>".encode()) for n in range(3)]
    assert await ophalen(tmp_path, gateway.connection, confirm=True) == 0
    assert gateway.confirmed == ids
    assert len(list(tmp_path.iterdir())) == 3


async def test_ophalen_fetches_by_itself_only_what_the_list_does_not_bring(gateway, tmp_path):
    small, large = b"<m/>", b"<m>" + b"x" * 100 + b"</m>"
    gateway.put(small)
    gateway.put(large)
    assert await ophalen(tmp_path, gateway.connection) == 0

    assert sorted(path.read_bytes() for path in tmp_path.glob("*.xml")) == sorted([small, large])
    assert gateway.requests == 2  # the list, and the large one


async def test_ophalen_does_not_confirm_what_it_could_not_fetch(gateway, tmp_path):
    ids = [gateway.put(f"<m{n}/>".encode()) for n in range(2)]
    del gateway.stored[ids[0]]
    assert await ophalen(tmp_path, gateway.connection, confirm=True) == 1
    assert gateway.confirmed == ids[1:]


async def test_bevestig_tells_which_messages_were_not_confirmed(gateway, capsys):
    known = gateway.put(b"<m/>")
    assert await bevestig([known], gateway.connection) == 0
    assert await bevestig([known, "00" * 16], gateway.connection) == 1
    assert "niet bevestigd: onbekend" in capsys.readouterr().out


DELIVERY = {"berichtId": "ab" * 16, "soort": "ho301", "afzender": "12345678", "identificatie": "1"}


def test_a_file_is_never_overwritten_by_another_message(tmp_path):
    first = keep(tmp_path, DELIVERY, b"<een/>")
    second = keep(tmp_path, DELIVERY, b"<twee/>")
    assert (first.read_bytes(), second.read_bytes()) == (b"<een/>", b"<twee/>")
    assert keep(tmp_path, DELIVERY, b"<een/>") == first
    assert keep(tmp_path, DELIVERY, b"<twee/>") == second
    with pytest.raises(FileExistsError):
        keep(tmp_path, DELIVERY, b"<drie/>")


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "a\0b", "naam met spatie", "é", "."])
def test_no_identification_leads_out_of_the_folder(tmp_path, name):
    folder = tmp_path / "in"
    path = keep(folder, DELIVERY | {"identificatie": name}, b"<a/>")
    assert path.parent == folder
    assert list(tmp_path.iterdir()) == [folder]


def test_a_half_written_file_of_a_crash_is_no_hindrance(tmp_path):
    (tmp_path / "ho301-12345678-1.part").write_bytes(b"<ha")
    assert keep(tmp_path, DELIVERY, b"<heel/>").read_bytes() == b"<heel/>"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_connection_is_read_from_its_file(tmp_path):
    file = tmp_path / "aansluiting.toml"
    file.write_text(
        'adres = "https://localhost:8443"\ncertificaat = "p.pem"\nsleutel = "p.key"\nca = "/ca.pem"\n',
        encoding="utf-8",
    )
    connection = read_connection(file)
    assert connection.cert == tmp_path / "p.pem"
    assert str(connection.ca) == "/ca.pem"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('adres = "https://x"', "certificaat, sleutel, ca"),
        ("adres = ", "geen geldig TOML"),
        ('adres = "http://x"\ncertificaat = "a"\nsleutel = "b"\nca = "c"', "https://"),
    ],
)
def test_a_wrong_connection_file_says_what_is_wrong(tmp_path, text, complaint):
    file = tmp_path / "aansluiting.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=complaint):
        read_connection(file)


@pytest.fixture
async def unused_port():
    server = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return port
