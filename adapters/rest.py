"""The HTTP interface under ``/v1``: takes bytes, knows by the certificate who sent them, decides nothing.

It follows the NL API Design Rules; ``openapi.json`` beside this file was written first and is what it keeps to.
Order of the walls: TLS with a client certificate, size and time limits, party, then the gateway.
"""

import asyncio
import io
import json
import re
import secrets
from collections.abc import Awaitable, Callable
from importlib import resources
from typing import Protocol

from aiohttp import web

from adapters import agreed, logbook, orders, register, terms
from adapters.arriving import PARTY, VISIT, Arriving, not_yet, weights
from adapters.listen import VERSION, Problem, busy, certificate_of, failed, network_of
from adapters.query import Query
from gateway.agreed.reading import Agreed
from gateway.decide import Accepted
from gateway.intake import BusyError, Rejected
from gateway.logbook import Logbook
from gateway.orders.entrance import Orders
from gateway.parties import Party
from gateway.pickup import DestroyedError, Pickup, UnknownMessageError
from gateway.register.change import Registry
from gateway.terms.agenda import Agenda
from gateway.trail import Visit

MOST_BODY = 25 * 2**20
"""Bytes; the limit of the national hubs, after which nothing is read."""
MOST_CONFIRMED = 100
AT_ONCE = 256 * 2**10
"""Bytes of an answer that goes out in one piece."""
XML = ("application/xml", "text/xml")
JSON = "application/json"
_ID = re.compile(r"[0-9a-f]{32}")
_TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Gateway(Protocol):
    """What this interface needs of the gateway; ``gateway.app`` provides it."""

    async def accept(self, raw: bytes, caller: Party, visit: Visit, *, json: bool = False) -> Accepted | Rejected:
        """Take in one message, in XML or in JSON."""
        ...

    async def json_of(self, raw: bytes) -> bytes | None:
        """Give a message that was taken in as JSON; None if that cannot be done now."""
        ...

    @property
    def pickup(self) -> Pickup:
        """Return the receiving side."""
        ...

    @property
    def agreed(self) -> Agreed:
        """Return what parties may read of what was agreed."""
        ...

    @property
    def logbook(self) -> Logbook:
        """Return what parties may see of the log."""
        ...

    @property
    def orders(self) -> Orders:
        """Return what parties do with orders."""
        ...

    @property
    def registry(self) -> Registry:
        """Return the register, and the way to change it."""
        ...

    @property
    def agenda(self) -> Agenda:
        """Return what parties must do by when, and what they are told."""
        ...

    def witnessed(self) -> bool | None:
        """Tell whether enough witnesses signed the log lately; None if nobody is asked."""
        ...

    def party(self, certificate: str) -> Party | None:
        """Return whose certificate (fingerprint) this is."""
        ...

    async def healthy(self) -> bool:
        """Tell whether messages can be taken in."""
        ...


def application(gateway: Gateway, *, body_seconds: float) -> web.Application:
    """Return the aiohttp application; ``body_seconds`` is how long a body may take to arrive."""
    arriving = Arriving(body_seconds)
    rest = Rest(gateway, arriving)
    app = web.Application(middlewares=[rest.answer])
    app.add_routes(
        [
            web.post("/v1/berichten", rest.send, expect_handler=not_yet),
            web.get("/v1/berichten/{id}", rest.fetch, allow_head=False),
            web.get("/v1/berichten/{id}/status", rest.status, allow_head=False),
            web.get("/v1/berichten/{id}/ontvangstbewijs", rest.receipt, allow_head=False),
            web.get("/v1/berichten/{id}/logbewijs", rest.proof, allow_head=False),
            web.get("/v1/bezorgingen", rest.list, allow_head=False),
            web.post("/v1/bevestigingen", rest.confirm, expect_handler=not_yet),
            web.get("/v1/gezondheid", rest.health, allow_head=False),
            web.get("/v1/openapi.json", rest.openapi, allow_head=False),
            *logbook.routes(gateway.logbook),
            *agreed.routes(gateway.agreed, arriving),
            *orders.routes(gateway.orders, arriving),
            *terms.routes(gateway.agenda, arriving),
            *register.routes(gateway.registry, arriving),
        ]
    )
    return app


class Rest:
    """The handlers, one per operation in the OpenAPI document."""

    def __init__(self, gateway: Gateway, arriving: Arriving) -> None:
        """Serve ``gateway``."""
        self._gateway = gateway
        self._arriving = arriving
        self._document = resources.files("adapters").joinpath("openapi.json").read_bytes()

    @web.middleware
    async def answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let only known parties in, and turn all that goes wrong into a problem without content."""
        try:
            request[VISIT] = _visit_of(request)
            request[PARTY] = self._caller(request)
            return await handler(request)
        except Problem as problem:
            return problem.response()
        except UnknownMessageError:
            return _unknown().response()
        except DestroyedError:
            return _destroyed().response()
        except BusyError:
            return busy("Het is te druk", "Probeer het over een seconde opnieuw.", seconds=1).response()
        except (asyncio.CancelledError, ConnectionError, web.HTTPException):
            raise
        except Exception as error:  # noqa: BLE001 - the task edge: our fault, told without content
            return failed(error, request[VISIT].trace).response()

    def _caller(self, request: web.Request) -> Party:
        # A connection keeps its certificate; whose that is may change while it lasts.
        party = self._gateway.party(certificate_of(request))
        if not party:
            raise Problem(
                403,
                "Onbekend certificaat",
                "Dit certificaat hoort bij geen aangesloten partij. Meld het aan bij de beheerder.",
            )
        return party

    async def send(self, request: web.Request) -> web.Response:
        """POST /v1/berichten."""
        kind = request.content_type
        if kind not in (*XML, JSON) or (request.charset or "utf-8").lower() != "utf-8":
            raise Problem(
                415, "Verkeerd soort inhoud", "Stuur het bericht als application/xml of application/json, in UTF-8."
            )
        raw = await self._arriving.body(request, MOST_BODY)
        outcome = await self._gateway.accept(raw, request[PARTY], request[VISIT], json=kind == JSON)
        if isinstance(outcome, Rejected):
            raise _refusal(outcome)
        location = {"Location": f"/v1/berichten/{outcome.id}"}
        status = 200 if outcome.again else 201
        return web.Response(body=outcome.receipt, status=status, content_type="application/json", headers=location)

    async def fetch(self, request: web.Request) -> web.Response:
        """GET /v1/berichten/{id}."""
        kind = _wanted(request)
        body = await self._gateway.pickup.fetch(_id(request), request[PARTY], request[VISIT])
        answer = _content(body if kind != JSON else await self._in_json(body), kind)
        answer.headers["Vary"] = "Accept"
        return answer

    async def _in_json(self, raw: bytes) -> bytes:
        told = await self._gateway.json_of(raw)
        if told is None:
            raise Problem(
                503, "Nu niet als JSON", "Haal het bericht als application/xml op, of probeer het later opnieuw."
            )
        return told

    async def status(self, request: web.Request) -> web.Response:
        """GET /v1/berichten/{id}/status."""
        return web.json_response(await self._gateway.pickup.status(_id(request), request[PARTY]))

    async def receipt(self, request: web.Request) -> web.Response:
        """GET /v1/berichten/{id}/ontvangstbewijs."""
        return web.json_response(await self._gateway.pickup.receipt(_id(request), request[PARTY]))

    async def proof(self, request: web.Request) -> web.Response:
        """GET /v1/berichten/{id}/logbewijs."""
        receipt = await self._gateway.pickup.receipt(_id(request), request[PARTY])
        proof = await self._gateway.logbook.proof(bytes.fromhex(receipt["logregel"]))
        if proof is None:
            raise busy("Nog geen bewijs", "Het logboek heeft nog geen stand met deze regel erin.", seconds=1)
        return web.Response(body=proof.encode(), content_type="text/plain", charset="utf-8")

    async def list(self, request: web.Request) -> web.Response:
        """GET /v1/bezorgingen."""
        query = Query(request)
        (after, count), wait, bodies = query.page(), query.number("wacht", 0, 0, 30), query.yes("inhoud")
        query.end()
        found = await self._gateway.pickup.open_deliveries(
            request[PARTY], request[VISIT], after=after, count=count, wait=wait, bodies=bodies
        )
        return _content(json.dumps(found).encode(), "application/json")

    async def confirm(self, request: web.Request) -> web.Response:
        """POST /v1/bevestigingen."""
        asked = await self._arriving.json(request)
        ids = asked.get("berichten") if isinstance(asked, dict) else None
        if (
            not isinstance(ids, list)
            or not 0 < len(ids) <= MOST_CONFIRMED
            or not all(isinstance(id_, str) and _ID.fullmatch(id_) for id_ in ids)
        ):
            raise Problem(
                400,
                "Verzoek klopt niet",
                "'berichten' moet een lijst van 1 tot 100 berichtnummers zijn, elk van 32 tekens (0-9 en a-f).",
            )
        return web.json_response(await self._gateway.pickup.confirm(ids, request[PARTY], request[VISIT]))

    async def health(self, _request: web.Request) -> web.Response:
        """GET /v1/gezondheid."""
        good = await self._gateway.healthy()
        told: dict[str, str] = {"status": "goed" if good else "storing", "versie": VERSION}
        witnessed = self._gateway.witnessed()
        if witnessed is not None:
            told["getuigen"] = "goed" if witnessed else "achter"
        return web.json_response(told, status=200 if good else 503)

    async def openapi(self, _request: web.Request) -> web.Response:
        """GET /v1/openapi.json."""
        headers = {"Access-Control-Allow-Origin": "*"}
        return web.Response(body=self._document, content_type="application/json", headers=headers)


def _refusal(rejected: Rejected) -> Problem:
    findings = [each.in_json() for each in rejected.findings]
    foreign = any(each.code == "KP020" for each in rejected.findings)
    more = "" if rejected.total == len(findings) else f" De eerste {len(findings)} staan hieronder."
    faults = "1 fout" if rejected.total == 1 else f"{rejected.total} fouten"
    return Problem(
        403 if foreign else 400,
        "Bericht geweigerd",
        f"Het bericht is niet aangenomen: {faults}.{more} Het telt als niet verstuurd.",
        bevindingen=findings,
        aantalBevindingen=rejected.total,
        antwoordbericht=f"/v1/berichten/{rejected.answer}" if rejected.answer else None,
    )


def _id(request: web.Request) -> str:
    id_ = request.match_info["id"]
    if not _ID.fullmatch(id_):
        raise _unknown()
    return id_


def _destroyed() -> Problem:
    return Problem(
        410,
        "Vernietigd",
        "De inhoud van dit bericht is vernietigd. De status en het ontvangstbewijs zijn er nog. Hebt u het bericht"
        " nodig, vraag het dan aan de afzender of de ontvanger.",
    )


def _unknown() -> Problem:
    return Problem(404, "Niet gevonden", "Dit bericht bestaat niet, of het is niet voor u.")


def _wanted(request: web.Request) -> str:
    """Return the form in which the client would rather have a message (RFC 9110 §12.5.1); XML if it is all the same."""
    asked = weights(request)
    other = asked.get("application/*", asked.get("*/*", 0.0))
    xml = max(asked.get("application/xml", other), asked.get("text/xml", 0.0))
    json_ = asked.get(JSON, other)
    if not max(xml, json_):
        raise Problem(406, "Vorm niet te leveren", "Een bericht is er als application/xml en als application/json.")
    return JSON if json_ > xml else XML[0]


def _content(body: bytes, kind: str) -> web.Response:
    # As a stream it goes out at the pace of the reader; as bytes, all of it would wait encrypted in memory. But a
    # stream takes a thread for each piece, which for most messages costs more than the message.
    small = len(body) <= AT_ONCE
    return web.Response(body=body if small else io.BytesIO(body), content_type=kind)


def _visit_of(request: web.Request) -> Visit:
    """Return the trace id of the caller (W3C Trace Context), or a new one, and whence it came.

    One id so runs through both sides' logs; and with the certificate in the line, who is framed by it can dispute it.
    """
    found = _TRACEPARENT.fullmatch(request.headers.get("traceparent", ""))
    via = {"access_point": network_of(request), "credential": certificate_of(request)}
    return Visit(trace=found[1] if found else secrets.token_hex(16), via=via)
