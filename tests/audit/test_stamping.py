"""The head of the log gets the stamp of a real authority (OpenSSL's), and of none but for what was asked."""

import asyncio
import contextlib
import shutil
import subprocess
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa
from aiohttp import web

from adapters.stamp import ask
from audit import log, stamping
from audit.entry import make
from audit.note import parse
from audit.seal import new_key, new_signer
from tests.audit.happened import happened

KEY, SIGNER, ORIGIN = new_key(), new_signer("log"), "voorbeeld.nl/logboek"
AT = datetime(2026, 11, 22, 9, tzinfo=UTC)
CONFIG = """
[req]
distinguished_name = name
prompt = no
[name]
CN = Verzonnen tijdstempel
[ca]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign
[tsa]
basicConstraints = critical, CA:false
extendedKeyUsage = critical, timeStamping
keyUsage = critical, digitalSignature
[ts]
serial = serial
crypto_device = builtin
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ess_cert_id_alg = sha256
"""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a CA, a certificate for stamping, and OpenSSL's settings for it."""
    if shutil.which("openssl") is None:
        pytest.fail("openssl is needed, and comes with every system")
    home = tmp_path_factory.mktemp("tsa")
    (home / "tsa.cnf").write_text(CONFIG)
    (home / "serial").write_text("01")
    key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -config tsa.cnf"
    for command in (
        f"req -x509 {key} -keyout ca.key -out ca.pem -days 2 -extensions ca",
        f"req -new {key} -keyout tsa.key -out tsa.csr -subj /CN=Stempel",
        "x509 -req -in tsa.csr -CA ca.pem -CAkey ca.key -out tsa.pem -days 2 -extfile tsa.cnf -extensions tsa",
    ):
        openssl(home, command)
    return home


def openssl(home: Path, command: str) -> str:
    done = subprocess.run(["openssl", *command.split()], cwd=home, check=True, capture_output=True, text=True)
    return done.stdout + done.stderr


def stamped(home: Path, query: bytes) -> bytes:
    (home / "query").write_bytes(query)
    command = "ts -reply -config tsa.cnf -section ts -queryfile query -signer tsa.pem -inkey tsa.key -out reply"
    openssl(home, command)
    return (home / "reply").read_bytes()


@contextlib.asynccontextmanager
async def listening(answer) -> AsyncIterator[str]:
    """An authority on the network that says ``answer(query)``; gives its address."""

    async def reply(request: web.Request) -> web.Response:
        assert request.content_type == "application/timestamp-query"
        body = await asyncio.to_thread(answer, await request.read())
        return web.Response(body=body, content_type="application/timestamp-reply")

    app = web.Application()
    app.add_routes([web.post("/", reply)])
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


@pytest.fixture
async def db_engine(engine):
    async with engine.begin() as db:
        await db.run_sync(log.metadata.create_all, tables=[log.entries, log.tiles, log.checkpoints, log.stamps])
        made = [make(happened(), key=KEY, origin=ORIGIN, at=AT)]
        await log.append(db, made, at=AT, actors={made[0].event.payload["actor"]: bytes(16)})
        await log.sequence(db, SIGNER, ORIGIN, AT)
    return engine


async def kept(engine) -> list:
    async with engine.connect() as db:
        return list(await db.execute(sa.select(log.stamps).order_by(log.stamps.c.at)))


async def test_each_day_the_newest_head_is_stamped_and_openssl_believes_it(db_engine, authority):
    async with listening(partial(stamped, authority)) as url:
        for hours, due in ((0, True), (1, False), (23.9, False), (24, True)):
            given = await stamping.stamp(db_engine.begin, partial(ask, url), AT + timedelta(hours=hours))
            assert given is due
    first, second = await kept(db_engine)
    assert (first.size, second.size) == (1, 1)
    (authority / "data").write_text(parse(first.note.encode()).text)
    (authority / "token").write_bytes(first.token)
    command = "ts -verify -data data -in token -CAfile ca.pem"
    assert "Verification: OK" in await asyncio.to_thread(openssl, authority, command)


@pytest.mark.parametrize("answer", [b"onzin", b""])
async def test_what_is_no_stamp_is_not_kept(db_engine, answer):
    async with listening(lambda _query: answer) as url:
        with pytest.raises(stamping.StampError, match="geen tijdstempel"):
            await stamping.stamp(db_engine.begin, partial(ask, url), AT)
    assert await kept(db_engine) == []


async def test_a_refusal_is_told(db_engine, authority):
    """OpenSSL refuses a digest that it was not told to take."""
    strict = CONFIG.replace("digests = sha256", "digests = sha512")
    (authority / "tsa.cnf").write_text(strict)
    try:
        async with listening(partial(stamped, authority)) as url:
            with pytest.raises(stamping.StampError, match="weigert"):
                await stamping.stamp(db_engine.begin, partial(ask, url), AT)
    finally:
        (authority / "tsa.cnf").write_text(CONFIG)


async def test_the_stamp_of_an_earlier_request_is_for_something_else(db_engine, authority):
    seen: list[bytes] = []

    def replayed(query: bytes) -> bytes:
        seen.append(stamped(authority, query))
        return seen[0]

    async with listening(replayed) as url:
        assert await stamping.stamp(db_engine.begin, partial(ask, url), AT)
        with pytest.raises(stamping.StampError, match="iets anders"):
            await stamping.stamp(db_engine.begin, partial(ask, url), AT + timedelta(days=2))
    assert len(await kept(db_engine)) == 1


async def test_an_authority_that_is_away_is_told(db_engine):
    with pytest.raises(stamping.StampError, match="antwoordt niet"):
        await stamping.stamp(db_engine.begin, partial(ask, "http://127.0.0.1:9/"), AT)
