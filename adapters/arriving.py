"""What a request of a party brings: its body, within bounds of size and time; which forms it likes."""

import asyncio
import json
import re
from typing import Any

from aiohttp import HttpVersion11, web

from adapters.listen import Problem
from gateway.intake import BusyError
from gateway.parties import Party
from gateway.trail import Visit

PARTY: web.RequestKey[Party] = web.RequestKey("party", Party)
"""Who asks, once that is known."""
VISIT: web.RequestKey[Visit] = web.RequestKey("visit", Visit)
MOST_ARRIVING = 256 * 2**20
"""Bytes of all bodies that are arriving together; a client beyond that is asked to come back."""
MOST_JSON = 64 * 2**10
"""Bytes of a body that is no message."""
_WEIGHT = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")


class Arriving:
    """The bodies that are arriving, all together. One per process."""

    def __init__(self, seconds: float) -> None:
        """``seconds`` is how long a body may take to arrive."""
        self._seconds = seconds
        self._bytes = 0

    async def body(self, request: web.Request, most: int) -> bytes:
        """Return the body of at most ``most`` bytes; what is too large or too slow is not read to its end."""
        packed = request.headers.get("Content-Encoding", "identity").lower() != "identity"
        if packed or request.headers.get("Transfer-Encoding", "chunked").lower() != "chunked":
            raise Problem(415, "Ingepakte inhoud", "Stuur de inhoud zonder Content-Encoding, niet ingepakt.")
        if (request.content_length or 0) > most:
            raise _too_large(most)
        if request.content.is_eof():  # it came with its head, as most do
            whole = request.content.read_nowait()
            if len(whole) > most:
                raise _too_large(most)
            return whole
        await _invite(request)
        body = bytearray()
        try:
            async with asyncio.timeout(self._seconds):
                async for part in request.content.iter_any():
                    body += part
                    self._bytes += len(part)
                    if len(body) > most:
                        raise _too_large(most)
                    if self._bytes > MOST_ARRIVING:
                        raise BusyError
        except TimeoutError:
            raise Problem(408, "Inhoud kwam te langzaam", "Stuur het bericht opnieuw, in één keer.") from None
        finally:
            self._bytes -= len(body)
        return bytes(body)

    async def json(self, request: web.Request) -> Any:
        """Return what a body of JSON says; raise Problem if it is none."""
        if request.content_type != "application/json":
            raise Problem(415, "Verkeerd soort inhoud", "Stuur de inhoud als application/json.")
        try:
            found = json.loads(await self.body(request, MOST_JSON))
            json.dumps(found, ensure_ascii=False).encode()  # half a surrogate pair is no text: nothing could tell it
        except (ValueError, RecursionError):
            raise Problem(400, "Verzoek klopt niet", "De inhoud is geen JSON.") from None
        return found


async def not_yet(_request: web.Request) -> None:
    """Leave ``Expect: 100-continue`` to ``_invite``: nobody sends 25 MB to be told that it is refused anyhow."""


async def _invite(request: web.Request) -> None:
    """Ask for the body of a client that waits for that (RFC 9110 §10.1.1)."""
    if request.version == HttpVersion11 and request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        await request.writer.drain()
        request.writer.output_size = 0  # aiohttp counts it as the beginning of the answer


def _too_large(most: int) -> Problem:
    if most == MOST_JSON:
        return Problem(
            413, "Inhoud te groot", f"Stuur ten hoogste {MOST_JSON // 2**10} kB. Verdeel het over meer keren."
        )
    return Problem(413, "Bericht te groot", "Een bericht mag ten hoogste 25 MB zijn. Verdeel het over meer berichten.")


def weights(request: web.Request) -> dict[str, float]:
    """Return how much the client likes each media type that it names (RFC 9110 §12.5.1)."""
    found: dict[str, float] = {}
    for part in request.headers.get("Accept", "*/*").lower().split(","):
        kind, *parameters = (each.strip() for each in part.split(";"))
        weight = next((each[2:] for each in parameters if each.startswith("q=")), "1")
        found[kind] = float(weight) if _WEIGHT.fullmatch(weight) else 0.0
    return found
