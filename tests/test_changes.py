"""The log tells when a gateway starts and when who takes part, or who oversees, is changed."""

import asyncio
import contextlib
import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from audit import log
from gateway import serve, settings, setup
from gateway.app import Gateway
from gateway.oversight import changes
from gateway.oversight.accounts import Account
from gateway.oversight.rights import Officer, Role
from gateway.parties import Party

BRUG, ZON = Party(code="98000001", name="De Brug"), Party(code="98000002", name="Zonnehoek")
FG = Account(officer=Officer(login="fg.brug", name="F. de Groot", role=Role.FG, party="98000001"))


def told(events: list) -> list[tuple[str, tuple[str, ...], str]]:
    return [(event.event, event.parties, event.payload["reason"]) for event in events]


def test_each_party_that_changed_is_told_to_its_own_officers():
    other = replace(BRUG, certificates=("sha256:" + "0" * 64,))
    assert told(changes.of_parties({"98000001": BRUG}, {"98000001": other, "98000002": ZON}, trace="0")) == [
        ("partijen.gewijzigd", ("98000001",), "partij 98000001"),
        ("partijen.gewijzigd", ("98000002",), "partij 98000002"),
    ]
    assert changes.of_parties({"98000001": BRUG}, {"98000001": BRUG}, trace="0") == []


def test_an_officer_who_moves_to_another_party_is_told_to_both():
    moved = replace(FG, officer=replace(FG.officer, party="98000002"))
    assert told(changes.of_officers({"fg.brug": FG}, {"fg.brug": moved}, trace="0")) == [
        ("functionaris.gewijzigd", ("98000001",), "functionaris fg.brug"),
        ("functionaris.gewijzigd", ("98000002",), "functionaris fg.brug"),
    ]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    database = "sqlite+aiosqlite:///poort.db"
    path = setup.new_gateway(tmp_path / "poort", origin="test.voorbeeld", host="127.0.0.1", port=0, database=database)
    setup.add_party(path.parent, "98000001", "De Brug", url="https://localhost:1")
    return path.parent


@contextlib.asynccontextmanager
async def gateway_of(home: Path) -> AsyncIterator[Gateway]:
    async with serve.opened(settings.load(home / "ketenpoort.toml")) as gateway:
        running = asyncio.create_task(gateway.run())
        try:
            yield gateway
        finally:
            running.cancel()
            await gateway.courier.close()
            await asyncio.gather(running, return_exceptions=True)


async def lines(gateway: Gateway) -> list[tuple[str, dict]]:
    async with gateway.engine.connect() as db:
        rows = (await db.execute(sa.select(log.entries).order_by(log.entries.c.id))).all()
    opened = gateway.keys.open_lines([(row.header, row.sealed) for row in rows], why="beheer")
    return [(json.loads(row.header)["event"], payload) for row, payload in zip(rows, opened, strict=True)]


async def test_a_gateway_that_starts_says_with_which_files(home: Path):
    async with gateway_of(home) as gateway:
        ((event, payload),) = await lines(gateway)
    assert event == "poort.gestart"
    assert payload["checks"]["partijen"] == hashlib.sha256((home / "partijen.toml").read_bytes()).hexdigest()


async def test_a_change_in_the_file_of_parties_is_a_line_of_the_log_within_seconds(home: Path):
    async with gateway_of(home) as gateway:
        await asyncio.sleep(0.1)
        setup.add_party(home, "98000002", "Zonnehoek", url="https://localhost:1")
        async with asyncio.timeout(10):
            while len(found := await lines(gateway)) < 2:
                await asyncio.sleep(0.1)
    event, payload = found[1]
    assert event == "partijen.gewijzigd"
    assert (payload["parties"], payload["reason"]) == (["98000002"], "partij 98000002")
