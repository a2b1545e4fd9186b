"""Clients that ask for much and read slowly: each waits its turn, and the memory they take has a bound."""

import asyncio
import io
import ssl
from pathlib import Path

import pytest
from aiohttp import web

from adapters import listen, tls

HALF = listen.MOST_LEAVING // 2


@pytest.fixture
def papers(tmp_path: Path) -> Path:
    tls.make_ca(tmp_path)
    tls.make_certificate(tmp_path, tmp_path, "poort", hosts=["127.0.0.1"])
    return tmp_path


async def ask(port: int, context: ssl.SSLContext) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, limit=2**10)
    writer.write(b"GET / HTTP/1.1\r\nHost: poort\r\n\r\n")
    return reader, writer


async def told(reader: asyncio.StreamReader) -> bytes:
    return (await asyncio.wait_for(reader.readline(), 10)).split()[1]


async def test_long_answers_that_nobody_reads_have_a_bound_together_and_short_ones_still_go(papers):
    answer = bytes(HALF)

    async def give(_request: web.Request) -> web.Response:
        return web.Response(body=io.BytesIO(answer))  # a view: none of it is copied

    app = web.Application()
    app.add_routes([web.get("/", give)])
    context = tls.server_context(papers / "poort.pem", papers / "poort.key", papers / "ca.pem")
    trusting = tls.client_context(papers / "poort.pem", papers / "poort.key", papers / "ca.pem")
    async with listen.listening(app, host="127.0.0.1", port=0, context=context, wait=30) as port:
        slow = [await ask(port, trusting) for _ in range(2)]
        assert [await told(reader) for reader, _ in slow] == [b"200", b"200"]
        late, writer = await ask(port, trusting)
        assert await told(late) == b"503"
        assert b"Retry-After: 1" in await late.readuntil(b"\r\n\r\n")
        writer.close()

        answer = b"kort"
        short, writer = await ask(port, trusting)
        assert await told(short) == b"200"
        writer.close()

        answer = bytes(HALF)
        reader, writer = slow[0]
        await reader.readuntil(b"\r\n\r\n")
        for left in range(HALF, 0, -(2**20)):  # one reads its answer to the end: there is room again
            await reader.readexactly(min(left, 2**20))
        again, other = await ask(port, trusting)
        assert await told(again) == b"200"
        for each in (writer, other, slow[1][1]):
            each.transport.abort()
