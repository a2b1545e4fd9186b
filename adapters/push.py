"""Pushes a message to a party's own https address: the port ``gateway.flow.Transport`` over mutual TLS.

Signed as Standard Webhooks says, with Ed25519, so that the receiver can prove later what it got and from whom.
An address is registered by the operator, yet what it resolves to is somebody else's DNS: outside demo and tests
nothing but public addresses is connected to, judged at the moment of connecting (SSRF).
"""

import base64
import datetime as dt
import email.utils
import io
import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

import aiohttp
from yarl import URL

from gateway.flow import LONGEST_WAIT, Delivered, Endpoint, Outcome, Refused, Retry

TIMEOUT = 10.0
"""Seconds for one attempt, from resolving to the last byte that we read; plus one for each MB that we send."""

SLOWEST = 1_000_000
"""Bytes per second that a receiver must be able to take."""

LARGEST_ANSWER = 64 * 1024
"""Bytes of the answer that we read, only to keep the connection usable. Its content means nothing to us."""

VERDICTS = frozenset({400, 413, 415, 422})
"""Statuses that judge the message. Any other may come from what stands before the receiver, or from a wrong setting
at either side: it says nothing of the message, and would say the same of all that wait behind it."""

TUNNELS = tuple(
    ipaddress.ip_network(net) for net in ("::/96", "64:ff9b::/96", "64:ff9b:1::/48", "192.0.0.0/24", "192.88.99.0/24")
)
"""Networks that count as global, or once did, but carry an IPv4 address inside or lead to a translator."""

TROUBLE: tuple[tuple[type[Exception], str], ...] = (
    (aiohttp.ClientConnectorCertificateError, "het certificaat van de ontvanger klopt niet"),
    (TimeoutError, "de ontvanger antwoordde niet op tijd"),
    (aiohttp.ClientConnectorDNSError, "de servernaam van de ontvanger is niet te vinden"),
    (aiohttp.ClientConnectorError, "er is geen verbinding met de ontvanger"),
    (aiohttp.ClientResponseError, "het antwoord van de ontvanger is geen geldig HTTP"),
    (Exception, "de verbinding met de ontvanger werd verbroken"),
)
"""What went wrong on the way, in words; the first kind that fits."""


class _ForbiddenAddressError(OSError):
    """The address lies where no receiver can be. An OSError, so that a name's other addresses are tried."""


class HttpsPush:
    """Implements ``Transport``; an async context manager that keeps connections alive.

    ``context`` holds the gateway's own certificate and the CA whose receivers it trusts. ``sign`` returns the
    raw 64-byte Ed25519 signature. An attempt ends within ten seconds plus one per MB: a lease on the delivery
    must be longer. 2xx means stored, whatever the answer's body says; see ``judge`` for the rest.
    """

    def __init__(self, *, context: ssl.SSLContext, sign: Callable[[bytes], bytes]) -> None:
        self._context = context
        self._sign = sign

    async def __aenter__(self) -> Self:
        self._public = self._session(_public_socket)
        self._internal = self._session(None)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._public.close()
        await self._internal.close()

    async def send(self, *, to: Endpoint, key: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        """Send ``body`` once and say what came of it; see ``Transport``."""
        if wrong := refuse_url(to):
            return Retry(reason=wrong)  # the address is at fault, not the message
        signed = {
            **headers,
            "Content-Type": "application/xml",
            "Accept-Encoding": "identity",
            **signature_headers(key, body, now=int(time.time()), sign=self._sign),
        }
        session = self._internal if to.internal else self._public
        try:
            return await self._post(session, to.url, signed, body)
        # TimeoutError is an OSError; UnicodeError is what a host name with an endless label raises.
        except (aiohttp.ClientError, OSError, UnicodeError) as error:
            return _trouble(error)

    async def _post(self, session: aiohttp.ClientSession, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        timeout = aiohttp.ClientTimeout(total=TIMEOUT + len(body) / SLOWEST)
        async with session.post(
            url, data=io.BytesIO(body), headers=headers, timeout=timeout, allow_redirects=False
        ) as response:
            outcome = judge(response.status, response.headers.get("Retry-After"), now=time.time())
            await _drain(response)
            return outcome

    def _session(self, connect: aiohttp.SocketFactoryType | None) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._context, socket_factory=connect),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        )


def signature_headers(key: str, body: bytes, *, now: int, sign: Callable[[bytes], bytes]) -> dict[str, str]:
    """Return the three headers of Standard Webhooks 1.0 for ``body``, signed asymmetrically (``v1a``)."""
    signed = sign(f"{key}.{now}.".encode() + body)
    return {
        "webhook-id": key,
        "webhook-timestamp": str(now),
        "webhook-signature": f"v1a,{base64.b64encode(signed).decode()}",
    }


def refuse_url(to: Endpoint) -> str | None:
    """Say why nothing is ever sent to this address; None if it may be tried."""
    try:
        url = URL(to.url)  # the parser that aiohttp uses: two parsers may disagree on what the host is
    except ValueError:
        return "het adres van de ontvanger is geen geldig webadres"
    if url.scheme != "https" or not url.host or url.user is not None:
        return "het adres van de ontvanger moet beginnen met https:// en mag geen gebruikersnaam bevatten"
    if url.port != 443 and not to.internal:
        return "het adres van de ontvanger mag alleen poort 443 gebruiken"
    return None


def is_public(text: str) -> bool:
    """Tell whether an IP address lies on the public internet, and is not one that hides another inside."""
    address = ipaddress.ip_address(text)
    if address.version == 6 and (address.ipv4_mapped or address.sixtofour or address.teredo or address.is_site_local):
        return False
    strange = address.is_multicast or address.is_reserved or any(address in net for net in TUNNELS)
    return address.is_global and not strange


def _public_socket(info: aiohttp.AddrInfoType) -> socket.socket:
    # The one place that every connection passes, with the very address that it goes to: whatever way of
    # writing an address the URL used, and whatever DNS said a moment ago.
    family, kind, proto, _, address = info
    if not is_public(str(address[0])):
        raise _ForbiddenAddressError("not a public address")
    return socket.socket(family, kind, proto)


def judge(status: int, retry_after: str | None, *, now: float) -> Outcome:
    """Say what an HTTP status means for a delivery; ``retry_after`` is that header, ``now`` Unix time."""
    if 200 <= status < 300:
        return Delivered()
    reason = f"de ontvanger antwoordde met HTTP-status {status}"
    if status in VERDICTS:
        return Refused(reason=reason)
    return Retry(reason=reason, after=_patience(retry_after, now=now))


def _patience(retry_after: str | None, *, now: float) -> dt.timedelta | None:
    """Read Retry-After (RFC 9110 §10.2.3): seconds or a date; bounded, and None for nonsense."""
    if retry_after is None:
        return None
    if retry_after.isascii() and retry_after.isdecimal():
        seconds = float(retry_after[:9])
    else:
        try:
            seconds = email.utils.parsedate_to_datetime(retry_after).timestamp() - now
        except (ValueError, OverflowError):
            return None
    return dt.timedelta(seconds=min(max(seconds, 0.0), LONGEST_WAIT.total_seconds()))


async def _drain(response: aiohttp.ClientResponse) -> None:
    # The status is the verdict. What goes wrong after it cannot make a stored message unstored.
    try:
        rest = LARGEST_ANSWER
        while rest > 0 and (piece := await response.content.read(rest)):
            rest -= len(piece)
        if not response.content.at_eof():
            response.close()
    except (aiohttp.ClientError, OSError):
        response.close()


def _trouble(error: Exception) -> Outcome:
    match error:
        case aiohttp.ClientConnectorError(os_error=_ForbiddenAddressError()):
            return Retry(reason="het adres van de ontvanger wijst naar een intern netwerk")
        case aiohttp.InvalidURL() | UnicodeError():
            return Retry(reason="het adres van de ontvanger is geen geldig webadres")
        case _:
            return Retry(reason=next(words for kind, words in TROUBLE if isinstance(error, kind)))
