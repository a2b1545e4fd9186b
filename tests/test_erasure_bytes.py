"""A real gateway destroys what it kept about a person; then the bytes of its database are searched for what was."""

import asyncio
import contextlib
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import pytest
import sqlalchemy as sa

from audit.note import VerifierKey, decode_key
from audit.proof import faults, read_proof
from audit.seal import verify_signature
from gateway.commit import open_engine
from gateway.invented import message
from gateway.local_postgres import local_postgres
from gateway.oversight.accounts import STEP, Officers, add_account, code_at
from gateway.retention.certificate import holds
from tests.canaries import canary, found, found_in_files
from tests.running import HOOFD, ONDER, ROOT, Answer, Running, environment, running, wait_until

PERSON, OTHER = canary(41), canary(42)
PEOPLE = {"fg-hoofd": "fg", "anna": "vernietigingsbeoordelaar", "bram": "vernietigingsbeoordelaar"}
PIECE = 32
"""Bytes of each of some eight pieces of what was sealed: a page of a database may end anywhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    gateway: Running
    message: str
    other: str
    certificate: dict
    printed: str
    before: dict[str, bytes] = field(repr=False)
    """What was sealed in the row of the message, before; by column."""
    files: Path
    """Where the database keeps its files."""
    left: list[str]
    """Columns of which a piece was still in those files right after the erasure."""


def typed(gateway: Running, secrets: dict, login: str, *more: str, asks: str = "") -> str:
    """Type a command as an officer; return what it printed."""
    password, secret = secrets[login]
    code = code_at(secret, int(time.time()) // STEP).decode()
    command = [sys.executable, "-m", "gateway.cli", "bewaren", *more, "--wie", login]
    command += ["--instellingen", str(gateway.home / "ketenpoort.toml")]
    done = subprocess.run(
        command, input=f"{password}\n{code}\n{asks}\n", cwd=ROOT, env=environment(), capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def plain(gateway: Running, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gateway.cli", *words, "--instellingen", str(gateway.home / "ketenpoort.toml")]
    return subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)


def officers(home: Path) -> dict[str, tuple[str, bytes]]:
    """Give this gateway its officers; return what each of them knows and has."""
    file = home / "functionarissen.toml"
    words = {
        login: add_account(file, login=login, name=login, role=role, party=HOOFD)[0] for login, role in PEOPLE.items()
    }
    known = Officers.load(file).by_login
    return {login: (password, known[login].secret) for login, password in words.items()}


def delivered(gateway: Running, raw: bytes) -> str:
    id_ = gateway.send(raw).json["berichtId"]
    assert gateway.ask("GET", f"/v1/berichten/{id_}", party=ONDER).status == 200
    body = json.dumps({"berichten": [id_]})
    kind = {"Content-Type": "application/json"}
    assert gateway.ask("POST", "/v1/bevestigingen", body, kind, party=ONDER).json["bevestigd"] == [id_]
    return str(id_)


def sealed(database: str, id_: str) -> dict[str, bytes]:
    async def read() -> dict[str, bytes]:
        engine = open_engine(database)
        try:
            async with engine.connect() as db:
                row = (await db.execute(sa.text("SELECT * FROM messages WHERE id = :id"), {"id": id_})).one()
        finally:
            await engine.dispose()
        return {name: bytes(row._mapping[name] or b"") for name in ("sealed_body", "sealed_subjects", "wrapped_key")}

    return asyncio.run(read())


def left_of(before: dict[str, bytes], files: Path) -> list[str]:
    """Columns of which some piece is still there, in any file."""
    heaps = [path.read_bytes() for path in files.rglob("*") if path.is_file()]
    pieces = {
        name: [value[at : at + PIECE] for at in range(12, len(value) - PIECE, max(PIECE, len(value) // 8))]
        for name, value in before.items()
    }
    return [name for name, some in pieces.items() if any(piece in heap for piece in some for heap in heaps)]


def written_out(folder: Path | None) -> None:
    """Let PostgreSQL write all that it has in memory."""

    async def go() -> None:
        connection = await asyncpg.connect(user="ketenpoort", database="postgres", host=str(folder), port=5432)
        await connection.execute("CHECKPOINT")
        await connection.close()

    if folder:
        asyncio.run(go())


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def played(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    home = tmp_path_factory.mktemp("gewist") / "poort"
    with contextlib.ExitStack() as stack:
        server, database = None, f"sqlite+aiosqlite:///{home / 'ketenpoort.sqlite'}"
        if request.param == "postgresql":
            database = stack.enter_context(local_postgres())
            server = Path(str(sa.make_url(database).query["host"]))
        gateway = stack.enter_context(running(home, database=database))
        files = server / "data" if server else home
        secrets = officers(home)
        hers = delivered(gateway, PERSON.within(message("ho301-rijk", "A1")))
        other = delivered(gateway, OTHER.within(message("ho301-rijk", "A2").replace(b">1001<", b">1002<")))
        before = sealed(database, hers)
        written_out(server)
        assert left_of(before, files) == list(before), "else the search that follows could not find anything"

        asked = typed(gateway, secrets, "fg-hoofd", "wis", "--reden", "verzoek", asks=PERSON.bsn)
        (id_,) = re.findall("Gevraagd: ([0-9a-f]{32})", asked)
        printed = asked + "".join(typed(gateway, secrets, who, "keur-goed", id_) for who in ("anna", "bram"))
        done = plain(gateway, "bewaren", "voer-uit")
        assert done.returncode == 0, done.stderr
        written_out(server)
        left = left_of(before, files)

        told = home / "certificaat.json"
        wait_until(lambda: plain(gateway, "bewaren", "certificaat", id_, "--naar", str(told)).returncode == 0, 20)
        yield Played(
            gateway=gateway, message=hers, other=other, certificate=json.loads(told.read_text()), before=before,
            printed=printed + done.stdout + done.stderr, files=files, left=left,
        )  # fmt: skip


def get(played: Played, path: str, party: str = HOOFD) -> Answer:
    return played.gateway.ask("GET", f"/v1/berichten/{path}", party=party)


def test_whoever_asks_for_it_hears_that_it_is_destroyed_and_what_is_left(played):
    for party in (HOOFD, ONDER):
        answer = get(played, played.message, party)
        assert (answer.status, answer.json["title"]) == (410, "Vernietigd")
        assert get(played, f"{played.message}/status", party).json["status"] == "Bezorgd"
        assert get(played, f"{played.message}/ontvangstbewijs", party).status == 200
    assert get(played, played.other).status == 200


def test_nothing_that_was_sealed_is_left_in_the_files_of_sqlite(played):
    """In those of PostgreSQL it may be, until its space is used again; the certificate says so."""
    if played.certificate["opgeruimd"]["database"] == "PostgreSQL":
        assert "tot zij worden overschreven" in played.certificate["blijftNog"]["database"]
        assert sealed_now(played) == {"sealed_body": b"", "sealed_subjects": b"", "wrapped_key": b""}
        return
    assert played.left == []


def sealed_now(played: Played) -> dict[str, bytes]:
    url = (played.gateway.home / "ketenpoort.toml").read_text()
    return sealed(re.findall('database = "([^"]*)"', url)[0], played.message)


def test_nothing_readable_of_the_person_is_anywhere(played):
    assert found_in_files(played.gateway.home, [PERSON]) == []
    assert PERSON.bsn not in played.printed


def test_the_commands_tell_what_goes_and_by_which_law_the_rest_stays(played):
    assert "kan weg  HO301 van 98000001 aan 98000002" in played.printed
    assert "regels in het logboek" in played.printed
    assert "Stcrt. 2019, 38007" in played.printed


def test_the_log_is_whole_and_verifies(played, tmp_path):
    folder = tmp_path / "uitvoer"
    done = plain(played.gateway, "audit", "exporteer", str(folder), "--wie", "beheerder")
    assert done.returncode == 0, done.stderr
    command = [sys.executable, "-m", "audit.verify", str(folder), str(played.gateway.home / "log.vkey")]
    verified = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert verified.returncode == 0, verified.stdout
    assert found_in_files(folder, [PERSON]) == []


def keys_of(home: Path, name: str) -> list[VerifierKey]:
    return [decode_key(line) for line in (home / f"{name}.vkey").read_text().splitlines() if line]


def test_a_stranger_can_check_the_certificate(played):
    told, home = played.certificate, played.gateway.home
    (key, *_) = keys_of(home, "ontvangst")
    assert holds(told, verify=lambda signature, text: verify_signature(key.public, signature, text))
    assert not holds({**told, "aantallen": {}}, verify=lambda s, text: verify_signature(key.public, s, text))
    assert told["aantallen"]["bericht"] == 1
    assert (told["gevraagdDoor"], told["goedgekeurdDoor"]) == ("fg-hoofd", ["anna", "bram"])
    assert told["volledigVanaf"] > told["uitgevoerdOp"]
    for line in told["logregels"]:
        proof = read_proof(line["bewijs"].encode())
        assert faults(proof, proof.leaf, keys_of(home, "log")) == []


def test_the_certificate_names_nobody_whom_it_is_about(played):
    assert found(json.dumps(played.certificate).encode(), [PERSON]) == []
