"""What others do with the same bytes: raw inserts into both databases, and an aiohttp handler that does nothing."""

import argparse
import asyncio
import sqlite3
import time
from pathlib import Path

import asyncpg
from aiohttp import web

from adapters import rest, tls
from adapters.listen import listening
from gateway.bench.load import ROOM, SAMPLE
from gateway.invented import message

_TABLE = "CREATE TABLE raw (id {id} PRIMARY KEY, body {body} NOT NULL)"


def raw_sqlite(path: Path, body: bytes, seconds: float) -> float:
    """Insert single rows, each in its own durable transaction; return rows per second.

    One thread, whatever the number of clients: SQLite has one writer, and threads that take turns are slower.
    """
    db = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        db.execute(f"PRAGMA {pragma}")
    db.execute(_TABLE.format(id="integer", body="blob"))
    count, start = 0, time.perf_counter()
    while time.perf_counter() < start + seconds:
        count += 1
        db.execute("INSERT INTO raw VALUES (?, ?)", (count, body))
    took = time.perf_counter() - start
    db.close()
    return count / took


def raw_postgres(url: str, body: bytes, seconds: float, clients: int) -> float:
    """Insert single rows, each in its own durable transaction, over ``clients`` connections; return rows per second."""
    return asyncio.run(_raw_postgres(url.replace("+asyncpg", ""), body, seconds, clients))


async def _raw_postgres(dsn: str, body: bytes, seconds: float, clients: int) -> float:
    connections = [await asyncpg.connect(dsn) for _ in range(clients)]
    await connections[0].execute(_TABLE.format(id="bigint", body="bytea"))
    count, start = 0, time.perf_counter()

    async def insert(connection: asyncpg.Connection) -> None:
        nonlocal count
        statement = await connection.prepare("INSERT INTO raw VALUES ($1, $2)")
        while time.perf_counter() < start + seconds:
            count += 1
            await statement.fetch(count, body)

    await asyncio.gather(*map(insert, connections))
    took = time.perf_counter() - start
    for connection in connections:
        await connection.close()
    return count / took


async def _serve_nothing(folder: Path, port_file: Path) -> None:
    """Serve a handler that reads a body and answers 201, behind the same TLS as the gateway.

    It is also where messages are pushed to: it counts the keys that it saw, each once, and tells at ``/aantal``.
    """
    seen: set[str] = set()

    async def take(request: web.Request) -> web.Response:
        await request.read()
        if key := request.headers.get("webhook-id"):
            seen.add(key)
        return web.Response(status=201, body=b"{}", content_type="application/json")

    async def count(_request: web.Request) -> web.Response:
        return web.Response(text=str(len(seen)))

    app = web.Application(client_max_size=rest.MOST_BODY)
    app.add_routes([web.post("/v1/berichten", take), web.get("/aantal", count)])
    papers = folder / "tls"
    context = tls.server_context(papers / "poort.pem", papers / "poort.key", papers / "ca.pem")
    async with listening(app, host="127.0.0.1", port=0, context=context, wait=75) as port:
        port_file.write_text(str(port), encoding="ascii")
        await asyncio.Event().wait()


def main() -> None:
    """Run one: ``leeg MAP POORTBESTAND`` serves nothing, ``sqlite BESTAND SECONDEN`` prints rows per second."""
    parser = argparse.ArgumentParser()
    parser.add_argument("which", choices=["leeg", "sqlite"])
    parser.add_argument("path", type=Path)
    parser.add_argument("more")
    given = parser.parse_args()
    if given.which == "leeg":
        asyncio.run(_serve_nothing(given.path, Path(given.more)))
    print(raw_sqlite(given.path, message(SAMPLE, ROOM), float(given.more)))


if __name__ == "__main__":
    main()
