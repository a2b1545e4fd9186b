"""The exam of a transport, taken by the https push: whatever the receiver does, the outcome is known and true."""

import asyncio
import base64
import datetime as dt
import time
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from adapters import push
from adapters.push import HttpsPush, is_public, judge
from adapters.tls import client_context, fingerprint, make_ca, make_certificate, server_context
from gateway.flow import LONGEST_WAIT, Delivered, Endpoint, Refused, Retry

KEY = Ed25519PrivateKey.generate()
BODY = b"<ho301/>"


@dataclass
class SimulatedReceiver:
    """A whole receiving organisation with a real https server; ``faults`` are consumed one per request.

    It refuses what a real one would: a wrong signature, an old timestamp, a strange certificate, and a key
    that comes back with other content.
    """

    gateway: str
    inbox: dict[str, bytes] = field(default_factory=dict)
    seen: list[dict[str, str]] = field(default_factory=list)
    connections: set[object] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)

    async def take(self, request):
        fault = self.faults.pop(0) if self.faults else ""
        body = await request.read()
        self._inspect(request, body)
        if fault == "lost before storing":
            request.transport.abort()
        elif fault.isdecimal():
            return web.Response(status=int(fault), text="BSN 999990019", headers={"Retry-After": "30"})
        elif fault == "redirect":
            return web.Response(status=307, headers={"Location": "/elders"})
        elif fault == "slow":
            await asyncio.sleep(5)
        elif fault == "nonsense":
            request.transport.write(b"SSH-2.0-OpenSSH\r\n\r\n")
            request.transport.close()
        elif fault == "endless header":
            return web.Response(headers={"X-Lang": "x" * 100_000})
        assert self.inbox.setdefault(request.headers["webhook-id"], body) == body
        if fault == "answer lost":
            request.transport.abort()
        if fault == "endless answer":
            return await self._babble(request)
        return web.Response(status=204)

    def _inspect(self, request, body):
        self.connections.add(request.transport)
        self.seen.append(dict(request.headers))
        certificate = request.transport.get_extra_info("ssl_object").getpeercert(binary_form=True)
        assert fingerprint(certificate) == self.gateway
        stamp, version_and_signature = request.headers["webhook-timestamp"], request.headers["webhook-signature"]
        assert abs(int(stamp) - time.time()) < 300
        version, signature = version_and_signature.split(",")
        assert version == "v1a"
        signed = f"{request.headers['webhook-id']}.{stamp}.".encode() + body
        KEY.public_key().verify(base64.b64decode(signature), signed)

    async def _babble(self, request):
        answer = web.StreamResponse()
        await answer.prepare(request)
        while True:
            await answer.write(b"x" * 65536)


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pki")
    make_ca(folder)
    make_ca(folder / "vreemd")
    make_certificate(folder, folder, "poort")
    make_certificate(folder, folder, "ontvanger", hosts=["127.0.0.1"])
    make_certificate(folder / "vreemd", folder, "vreemdeling", hosts=["127.0.0.1"])
    return folder


async def serve(pki, receiver, name):
    app = web.Application(client_max_size=32 << 20)
    app.router.add_post("/berichten", receiver.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    tls = server_context(pki / f"{name}.pem", pki / f"{name}.key", pki / "ca.pem")
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    return runner, Endpoint(url=f"https://127.0.0.1:{runner.addresses[0][1]}/berichten", internal=True)


@pytest.fixture
async def receiver(pki):
    receiver = SimulatedReceiver(gateway=fingerprint((pki / "poort.pem").read_bytes()))
    runner, receiver.endpoint = await serve(pki, receiver, "ontvanger")
    yield receiver
    await runner.cleanup()


@pytest.fixture
async def transport(pki):
    context = client_context(pki / "poort.pem", pki / "poort.key", pki / "ca.pem")
    async with HttpsPush(context=context, sign=KEY.sign) as transport:
        yield transport


def offer(transport, to, key="m1", body=BODY):
    return transport.send(to=to, key=key, headers={"Ketenpoort-Soort": "ho301"}, body=body)


async def test_a_stored_message_is_delivered(transport, receiver):
    assert await offer(transport, receiver.endpoint) == Delivered()
    assert receiver.inbox == {"m1": BODY}
    assert receiver.seen[0]["Ketenpoort-Soort"] == "ho301"
    assert receiver.seen[0]["Content-Type"] == "application/xml"


async def test_the_same_key_twice_is_one_delivery(transport, receiver):
    for _ in range(2):
        assert await offer(transport, receiver.endpoint) == Delivered()
    assert receiver.inbox == {"m1": BODY}


async def test_many_messages_share_a_connection(transport, receiver):
    for n in range(5):
        await offer(transport, receiver.endpoint, key=f"m{n}")
    assert len(receiver.connections) == 1


@pytest.mark.parametrize("fault", ["lost before storing", "answer lost", "nonsense", "endless header", "500", "429"])
async def test_trouble_at_the_receiver_means_later_again_and_then_it_is_stored_once(transport, receiver, fault):
    receiver.faults = [fault]
    assert isinstance(await offer(transport, receiver.endpoint), Retry)
    assert await offer(transport, receiver.endpoint) == Delivered()
    assert receiver.inbox == {"m1": BODY}


async def test_the_receivers_own_wish_for_patience_is_passed_on(transport, receiver):
    receiver.faults = ["503"]
    outcome = await offer(transport, receiver.endpoint)
    assert outcome == Retry(reason="de ontvanger antwoordde met HTTP-status 503", after=dt.timedelta(seconds=30))


@pytest.mark.parametrize("status", ["400", "413", "415", "422"])
async def test_a_verdict_of_the_receiver_is_a_refusal_that_repeats_none_of_its_words(transport, receiver, status):
    receiver.faults = [status]
    outcome = await offer(transport, receiver.endpoint)
    assert outcome == Refused(reason=f"de ontvanger antwoordde met HTTP-status {status}")


@pytest.mark.parametrize("status", ["302", "401", "403", "404", "405", "410"])
async def test_what_a_proxy_says_is_no_verdict_on_a_message(transport, receiver, status):
    receiver.faults = [status]
    outcome = await offer(transport, receiver.endpoint)
    assert isinstance(outcome, Retry)
    assert outcome.reason == f"de ontvanger antwoordde met HTTP-status {status}"


async def test_a_redirect_is_not_followed(transport, receiver):
    receiver.faults = ["redirect"]
    assert isinstance(await offer(transport, receiver.endpoint), Retry)
    assert receiver.inbox == {}
    assert len(receiver.seen) == 1


async def test_a_slow_receiver_does_not_hold_us(transport, receiver, monkeypatch):
    monkeypatch.setattr(push, "TIMEOUT", 0.3)
    receiver.faults = ["slow"]
    before = time.monotonic()
    assert await offer(transport, receiver.endpoint) == Retry(reason="de ontvanger antwoordde niet op tijd")
    assert time.monotonic() - before < 2


async def test_an_endless_answer_is_not_read_to_its_end(transport, receiver):
    receiver.faults = ["endless answer"]
    async with asyncio.timeout(5):
        assert await offer(transport, receiver.endpoint) == Delivered()
        assert await offer(transport, receiver.endpoint, key="m2") == Delivered()


async def test_a_large_message_arrives_whole(transport, receiver):
    body = b"<a>" + b"x" * (20 << 20) + b"</a>"
    assert await offer(transport, receiver.endpoint, body=body) == Delivered()
    assert receiver.inbox["m1"] == body


async def test_a_receiver_with_a_strange_certificate_gets_nothing(transport, pki):
    stranger = SimulatedReceiver(gateway="")
    runner, endpoint = await serve(pki, stranger, "vreemdeling")
    outcome = await offer(transport, endpoint)
    await runner.cleanup()
    assert outcome == Retry(reason="het certificaat van de ontvanger klopt niet")
    assert stranger.seen == []


async def test_a_receiver_that_is_away_is_tried_later(transport, receiver, pki):
    runner, endpoint = await serve(pki, receiver, "ontvanger")
    await runner.cleanup()
    assert await offer(transport, endpoint) == Retry(reason="er is geen verbinding met de ontvanger")


FORBIDDEN = [
    Retry(reason="het adres van de ontvanger wijst naar een intern netwerk"),
    Retry(reason="het adres van de ontvanger is geen geldig webadres"),
]


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0.0.0.0",
        "10.0.0.1",
        "169.254.169.254",
        "[::1]",
        "[::]",
        "[fe80::1]",
        "[fd00::1]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "\uff11\uff12\uff17.0.0.1",
    ],
)
async def test_no_way_of_writing_leads_into_our_own_network(transport, host):
    assert await offer(transport, Endpoint(url=f"https://{host}/")) in FORBIDDEN


async def test_only_a_registered_exception_may_use_an_internal_address(transport, receiver):
    """The same address and port, without the operator's word that it may lie inside."""
    outcome = await offer(transport, Endpoint(url=receiver.endpoint.url))
    assert outcome == Retry(reason="het adres van de ontvanger mag alleen poort 443 gebruiken")
    assert receiver.seen == []


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "https://",
        "https://u:p@127.0.0.1/",
        "ftp://127.0.0.1/",
        "niets",
        "https://127.0.0.1:99999/",
        "https://[::1/",
        f"https://{'a' * 70}.invalid/",
    ],
)
@pytest.mark.parametrize("internal", [True, False])
async def test_to_an_address_that_is_no_plain_https_address_nothing_is_sent(transport, url, internal):
    outcome = await offer(transport, Endpoint(url=url, internal=internal))
    assert isinstance(outcome, Retry)
    assert outcome.reason.startswith("het adres van de ontvanger ")


@pytest.mark.parametrize("address", ["93.184.215.14", "8.8.8.8", "2a02:898::1", "2606:4700::1111"])
def test_public_addresses_are_public(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "100.64.0.1",
        "172.16.0.1",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "2001:db8::1",
        "2002:7f00:1::1",
        "2001:0:7f00:1::",
        "64:ff9b:1::1",
        "fec0::1",
        "ff02::1",
        "::127.0.0.1",
    ],
)
def test_other_addresses_are_not(address):
    assert not is_public(address)


NOON = dt.datetime(2026, 11, 1, 12, tzinfo=dt.UTC).timestamp()


@pytest.mark.parametrize(
    ("wish", "after"),
    [
        (None, None),
        ("120", dt.timedelta(minutes=2)),
        ("Sun, 01 Nov 2026 12:01:00 GMT", dt.timedelta(minutes=1)),
        ("Sun, 01 Nov 2026 11:00:00 GMT", dt.timedelta(0)),
        ("9" * 400, LONGEST_WAIT),
        ("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST_WAIT),
        ("morgen", None),
        ("-5", None),
        ("²", None),
    ],
)
def test_patience_is_bounded_and_nonsense_is_no_wish(wish, after):
    outcome = judge(503, wish, now=NOON)
    assert isinstance(outcome, Retry)
    assert outcome.after == after


def test_every_status_has_an_outcome():
    for status in range(200, 600):
        expected = Delivered if status < 300 else Refused if status in {400, 413, 415, 422} else Retry
        assert isinstance(judge(status, None, now=NOON), expected), status
