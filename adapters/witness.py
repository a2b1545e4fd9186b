"""A witness on the network (C2SP tlog-witness), and the way to one: bytes to `audit.witness_folder` and back."""

import asyncio
import contextlib
import logging
import os
import re
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Self

import aiohttp
from aiohttp import web

from audit.note import VerifierKey
from audit.witness import LONGEST, Answer
from audit.witness_folder import Witness, WitnessError

TIMEOUT = 10.0
"""Seconds that a witness gets to answer."""
_LARGEST_ANSWER = 64 * 2**10


class Witnesses:
    """Asks witnesses, as an async context manager that keeps connections alive."""

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=TIMEOUT), cookie_jar=aiohttp.DummyCookieJar()
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def send(self, url: str, request: bytes) -> Answer | None:
        """Post a request to the witness at ``url``; None if it gave no answer that can be read."""
        try:
            async with self._session.post(
                f"{url.rstrip('/')}/add-checkpoint", data=request, allow_redirects=False
            ) as response:
                body = await response.content.read(_LARGEST_ANSWER)
                return Answer(
                    status=response.status, text=body.decode("utf-8"), kind=response.headers.get("Content-Type", "")
                )
        except (aiohttp.ClientError, OSError, UnicodeDecodeError, ValueError):
            return None


@contextlib.asynccontextmanager
async def witnessing(witness: Witness, keys: Sequence[VerifierKey], *, host: str, port: int) -> AsyncIterator[int]:
    """Let ``witness`` answer logs at this address until the end of the block; yield the port (0 takes a free one).

    Raises OSError when the address cannot be listened on.
    """

    async def add(request: web.Request) -> web.Response:
        data = bytearray()
        async for part in request.content.iter_any():
            data += part
            if len(data) > LONGEST:
                return web.Response(status=413, text="De aanvraag is te groot.\n")
        try:
            answer = await asyncio.to_thread(witness.add, bytes(data), keys, datetime.now(UTC))
        except WitnessError as error:
            logging.getLogger("ketenpoort").error("getuige: %s", error)  # noqa: TRY400 - it says all
            return web.Response(status=503, text="De getuige kan nu niet ondertekenen.\n")
        return web.Response(status=answer.status, body=answer.text.encode(), headers={"Content-Type": answer.kind})

    app = web.Application()
    app.add_routes([web.post("/add-checkpoint", add)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def address(text: str) -> tuple[str, int]:
    """Read ``ADRES:POORT``; raises ValueError."""
    found = re.fullmatch(r"\[?([^\[\]]+?)\]?:([0-9]{1,5})", text)
    if not found or int(found[2]) > 65535:
        raise ValueError("Zeg waar de getuige luistert als ADRES:POORT, bijvoorbeeld 127.0.0.1:8600.")
    return found[1], int(found[2])


def listen_trouble(error: OSError, where: str) -> str:
    """Say in Dutch why a witness cannot listen."""
    return f"De getuige kan niet luisteren op {where} ({os.strerror(error.errno or 0)})."
