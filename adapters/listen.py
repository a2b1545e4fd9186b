"""The wire under the HTTP interface: who may connect, how long we wait, and the one form of every answer.

Owns the listening socket, the headers that all answers carry, and problems (RFC 9457). Knows no operation.
"""

import asyncio
import contextlib
import ipaddress
import json
import logging
import os
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import http_parser, web
from aiohttp.payload import Payload

from adapters.tls import fingerprint

VERSION = "1.0.0"
HEADERS = {
    "API-Version": VERSION,
    "Cache-Control": "no-store",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Server": "Ketenpoort",  # not which library, in which version
}
HANDSHAKE_SECONDS = 10.0
"""A stranger, who has no certificate, can hold a connection no longer than this."""
LINGER_SECONDS = 2.0
"""How long we still take what a client sends after our answer, so that it gets to read the answer."""
ANSWER_SECONDS = 300.0
"""How long a client may take to read an answer: 25 MB over a slow line. Longer would be memory held for nobody."""
SHORT = 16 * 2**10
"""Bytes of an answer that a connection takes at once, whether or not the client reads."""
MOST_LEAVING = 256 * 2**20
"""Bytes of all long answers that are on their way out together: who reads slowly must not fill our memory."""
STOP_SECONDS = 5.0
"""How long requests under way may still take when the gateway stops."""


class ListenError(Exception):
    """The address cannot be listened on; the text says in Dutch what to do."""


class Problem(Exception):  # noqa: N818 - the name of RFC 9457
    """An answer other than success, to be shown as problem+json."""

    def __init__(self, status: int, title: str, detail: str, **more: Any) -> None:
        """``title`` and ``detail`` are Dutch for people; ``more`` are further members; none holds message content."""
        super().__init__(title)
        self.status = status
        self.body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}
        self.headers: dict[str, str] = {}

    def response(self) -> web.Response:
        """Return this problem as an answer."""
        return web.Response(
            body=json.dumps(self.body, ensure_ascii=False).encode(),
            status=self.status,
            content_type="application/problem+json",
            headers=self.headers,
        )


def busy(title: str, detail: str, *, seconds: int) -> Problem:
    """Return the problem that says: nothing was stored, try again after so many seconds."""
    problem = Problem(503, title, detail)
    problem.headers["Retry-After"] = str(seconds)
    return problem


def failed(error: BaseException | None, trace: str) -> Problem:
    """Log a fault of ours and return what is told about it. Only its kind: its text may hold message content."""
    logging.getLogger("ketenpoort").error("verzoek mislukt: %s (spoor %s)", type(error).__name__, trace)
    return busy("Storing in de poort", "Het is niet gelukt. Probeer het later opnieuw.", seconds=10)


@dataclass(slots=True)
class _Leaving:
    """The long answers of all connections that clients have not read yet."""

    bytes: int = 0


class _Conversation(web.RequestHandler):
    """One connection. Where aiohttp answers by itself it repeats what it was sent; we do not."""

    __slots__ = ("_headers", "_leaving", "certificate")

    certificate: str
    """Fingerprint of the certificate that the client showed in its handshake, empty if it showed none."""

    def __init__(self, leaving: _Leaving, headers: Mapping[str, str], *parts: Any, **more: Any) -> None:
        super().__init__(*parts, **more)
        self._leaving = leaving
        self._headers = headers

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        tls = transport.get_extra_info("ssl_object")
        shown = tls and tls.getpeercert(binary_form=True)
        self.certificate = fingerprint(shown) if shown else ""
        super().connection_made(transport)

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        if isinstance(resp, web.HTTPException):
            resp = _translated(resp).response()
        resp.headers.update(self._headers)
        size, done = _length(resp), None
        if size <= SHORT:
            done = await super().finish_response(request, resp, start_time)
            if request.transport and not request.transport.get_write_buffer_size():
                return done  # it is gone, as nearly always: no clock to set
        elif self._leaving.bytes + size > MOST_LEAVING:
            refused = busy("Het is te druk", "Probeer het over een seconde opnieuw.", seconds=1).response()
            return await self.finish_response(request, refused, start_time)
        self._leaving.bytes += size
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                done = done or await super().finish_response(request, resp, start_time)
                await request.writer.drain()
                return done
        except TimeoutError:
            if request.transport:
                request.transport.abort()  # to close would be to wait until all was read
            raise ConnectionError("the answer is not read") from None
        finally:
            self._leaving.bytes -= size

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - holds the raw request
    ) -> web.StreamResponse:
        if request.writer.output_size or isinstance(exc, ConnectionError):
            raise ConnectionError("nobody is there to answer, or an answer is under way already")
        wrong = Problem(
            400, "Verzoek klopt niet", "Dit is geen goed HTTP-verzoek. Vraag uw leverancier ernaar te kijken."
        )
        response = (wrong if status == web.HTTPBadRequest.status_code else failed(exc, "onbekend")).response()
        response.force_close()
        return response


def _length(answer: web.StreamResponse) -> int:
    """Return how many bytes an answer has; ours are whole, or streams over what is whole."""
    body = answer.body if isinstance(answer, web.Response) else None
    return (body.size or 0) if isinstance(body, Payload) else len(body or b"")


def certificate_of(request: web.BaseRequest) -> str:
    """Return the fingerprint of the certificate behind a request, empty if there is none."""
    conversation = request.protocol
    return conversation.certificate if isinstance(conversation, _Conversation) else ""


def network_of(request: web.BaseRequest) -> str:
    """Return the network from which a request came: the first 24 bits of an IPv4 address, 48 of an IPv6 one."""
    try:
        address = ipaddress.ip_address(request.remote or "")
    except ValueError:
        return ""
    return str(ipaddress.ip_network((address, 24 if address.version == 4 else 48), strict=False))


def _translated(error: web.HTTPException) -> Problem:
    if error.status == web.HTTPMethodNotAllowed.status_code:
        problem = Problem(405, "Kan hier niet", "Deze bewerking bestaat niet op dit adres. Zie /v1/openapi.json.")
        problem.headers["Allow"] = error.headers["Allow"]
        return problem
    if error.status == web.HTTPNotFound.status_code:
        return Problem(404, "Niet gevonden", "Dit adres bestaat niet. Alle adressen staan in /v1/openapi.json.")
    return Problem(error.status, "Verzoek klopt niet", "Hoe het wel kan, staat in /v1/openapi.json.")


@contextlib.asynccontextmanager
async def listening(
    app: web.Application,
    *,
    host: str,
    port: int,
    context: ssl.SSLContext,
    wait: float,
    shared: bool = False,
    headers: Mapping[str, str] = HEADERS,
) -> AsyncIterator[int]:
    """Serve ``app`` until the end of the block; yield the port (``port`` 0 takes a free one).

    ``wait`` is how many seconds a connection may be silent, or take to send the head of a request. With ``shared``
    several processes may listen there, and the system divides the connections. Every answer carries ``headers``.
    Raises ListenError.
    """
    if http_parser.HttpRequestParser is http_parser.HttpRequestParserPy:
        # The pure-Python parser had request smuggling holes that the C one never had.
        raise RuntimeError("aiohttp runs without its C parser")
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)  # its lines hold the raw request
    runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=STOP_SECONDS)
    await runner.setup()
    loop, leaving = asyncio.get_running_loop(), _Leaving()

    def conversation() -> _Conversation:
        assert runner.server is not None, "it was set up"
        return _Conversation(
            leaving,
            headers,
            runner.server,
            loop=loop,
            access_log=None,  # the way to have none
            auto_decompress=False,
            keepalive_timeout=wait,
            lingering_time=LINGER_SECONDS,
        )

    try:
        try:
            server = await loop.create_server(
                conversation, host, port, ssl=context, ssl_handshake_timeout=HANDSHAKE_SECONDS, backlog=1024,
                reuse_port=shared,
            )  # fmt: skip
        except OSError as error:
            raise ListenError(
                f"De poort kan niet luisteren op {host}:{port} ({os.strerror(error.errno or 0)}). Draait er al een "
                "programma op dit adres? Stop dat, of kies een ander 'adres' of een andere 'poort' in de instellingen."
            ) from None
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
    finally:
        await runner.cleanup()
