"""An operator hears whether the log is the one that was signed, and leaves a name in it."""

import asyncio
import contextlib
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from audit import log, sequencer
from audit.keys import KeyService
from audit.record import record
from gateway import cli, commands, serve, settings, setup, trail
from gateway.commit import open_engine, writing

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A gateway that ran once, exported its log three times, and does not run now."""
    home = tmp_path / "poort"
    setup.new_gateway(home, origin="test.voorbeeld", host="127.0.0.1", port=0, database="sqlite+aiosqlite:///poort.db")
    found = settings.load(home / "ketenpoort.toml")

    async def start() -> None:
        async with serve.opened(found):
            pass

    asyncio.run(start())
    for number in range(3):
        assert exported(home, f"uitvoer-{number}", "--wie", "beheerder 7") == 0
    return home


def exported(home: Path, folder: str, *more: str) -> int:
    return cli.main(["audit", "exporteer", str(home / folder), "--instellingen", str(home / "ketenpoort.toml"), *more])


def verified(home: Path, folder: str) -> int:
    command = [sys.executable, "-m", "audit.verify", str(home / folder), str(home / "log.vkey")]
    return subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode


def in_database(home: Path, *statements: str) -> list[sa.Row]:
    """Do this behind the gateway's back; returns the rows of the last statement."""

    async def go() -> list[sa.Row]:
        engine = open_engine(settings.load(home / "ketenpoort.toml").database)
        try:
            async with writing(engine) as db:
                for statement in statements:
                    done = await db.execute(sa.text(statement))
                return list(done) if done.returns_rows else []
        finally:
            await engine.dispose()

    return asyncio.run(go())


def test_an_untouched_log_is_exported_and_verifies(home):
    assert exported(home, "map") == 0
    assert verified(home, "map") == 0


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ("UPDATE audit_entries SET sealed = x'78'", 1),
        ("UPDATE audit_entries SET sealed = 'x'", 1),
        # Only the holder of the keys can see this one: it has the form of a seal and names the key of its entry.
        ("UPDATE audit_entries SET sealed = CAST(substr(sealed, 1, 90) || randomblob(length(sealed) - 90) AS BLOB)", 0),
    ],
)
def test_payloads_overwritten_in_the_database_are_told_while_exporting(home, capsys, change, verdict):
    in_database(home, change)
    assert exported(home, "map") == 1
    told = capsys.readouterr().err
    assert "Bij " in told
    assert "beveiligingsfunctionaris" in told
    assert verified(home, "map") == verdict


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit_tiles SET hashes = zeroblob(96)",
        "UPDATE audit_tiles SET hashes = 'tekst'",
        "DELETE FROM audit_tiles",
    ],
)
def test_a_log_with_a_damaged_tree_is_exported_as_far_as_its_last_signed_head(home, capsys, change):
    in_database(home, change)
    assert exported(home, "map") == 1
    told = capsys.readouterr().err
    assert "beveiligingsfunctionaris" in told
    assert "Traceback" not in told
    assert (home / "map" / "manifest").exists()
    assert verified(home, "map") in (1, 2)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit_checkpoints SET note = 'onzin'",
        "UPDATE audit_checkpoints SET note = x'00'",
        "UPDATE audit_checkpoints SET note = replace(note, 'test.voorbeeld' || char(10), 'elders' || char(10))",
    ],
)
def test_without_a_head_to_go_by_there_is_no_export_but_plain_words(home, capsys, change):
    in_database(home, change)
    assert exported(home, "map") == 1
    told = capsys.readouterr().err
    assert "Er is geen uitvoer geschreven" in told
    assert "Traceback" not in told


@pytest.mark.parametrize(
    "change", ["UPDATE audit_tiles SET hashes = zeroblob(96)", "UPDATE audit_checkpoints SET note = 'x'"]
)
def test_a_gateway_does_not_start_on_a_log_that_was_tampered_with(home, capsys, change):
    in_database(home, change)
    assert cli.main(["draai", "--instellingen", str(home / "ketenpoort.toml")]) == 2
    told = capsys.readouterr().err
    assert "De poort is gestopt" in told
    assert "beveiligingsfunctionaris" in told
    assert "File " not in told


@pytest.fixture
def login(monkeypatch) -> Iterator[str]:
    monkeypatch.setenv("LOGNAME", "j.verzonnen")
    return "j.verzonnen"


def actors(home: Path) -> list[str]:
    keys = KeyService.open(home / "sleutels")
    rows = in_database(home, "SELECT header, sealed FROM audit_entries ORDER BY idx")
    return [payload["actor"] for payload in keys.open_lines(rows, why="beheer") if payload]


def test_who_exports_stands_in_the_log_sealed(home, login):
    assert exported(home, "map") == 0
    assert actors(home) == ["ketenpoort", *["beheerder 7"] * 3, login]
    assert not any(login.encode() in header for (header,) in in_database(home, "SELECT header FROM audit_entries"))


@pytest.mark.parametrize("moment", [0.0, 0.02, 0.03, 0.04])
async def test_a_gateway_that_is_stopped_in_a_transaction_gives_the_database_back(home, moment, caplog):
    """A connection cancelled half-way kept the lock, and the gateway waited for itself: for a minute and a half."""
    line = trail.event(
        trail.What.FETCHED, actor="98000002", role="ontvanger", message="0" * 32, kind="ho301", trace="0" * 32,
        wet="JW", parties=("98000001", "98000002"),
    )  # fmt: skip
    async with serve.opened(settings.load(home / "ketenpoort.toml")) as gateway:
        async with writing(gateway.engine) as db:  # so much that the sequencer is at it for a while
            await record(db, gateway.keys, gateway.settings.origin, [line] * 8_000, datetime.now(UTC))
        running = asyncio.create_task(gateway.run())
        while moment and not gateway.commit.lock.locked():
            await asyncio.sleep(0)
        await asyncio.sleep(moment)
        running.cancel()
        done, _ = await asyncio.wait({running}, timeout=20)
        assert done
        with contextlib.closing(sqlite3.connect(home / "poort.db", timeout=0, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
    assert not caplog.records, "nor does any task complain that it was stopped"


async def healthy(home: Path, *, age: timedelta | None) -> bool:
    """Ask a gateway that has started and whose sequencer does not run; its last sign of life is this old."""
    async with serve.opened(settings.load(home / "ketenpoort.toml")) as gateway:
        async with writing(gateway.engine) as db:
            if age is None:
                await db.execute(sa.delete(log.checkpoints))
            else:
                await db.execute(sa.update(log.checkpoints).values(at=datetime.now(UTC) - age))
        return await gateway.healthy()


@pytest.mark.parametrize(
    ("age", "good"),
    [
        (timedelta(0), True),
        (1.9 * sequencer.HEARTBEAT, True),
        (2.1 * sequencer.HEARTBEAT, False),
        (timedelta(days=30), False),
        (None, False),
    ],
)
def test_a_gateway_whose_log_is_not_being_signed_is_not_healthy(home, age, good):
    assert asyncio.run(healthy(home, age=age)) == good


def test_who_puts_back_names_messages_or_a_party_and_not_both(home: Path, capsys: pytest.CaptureFixture[str]):
    def again(*what: str) -> int:
        place = ("--instellingen", str(home / "ketenpoort.toml"), "--wie", "beheerder 7", "--reden", "hersteld")
        return cli.main(["opnieuw", *what, *place])

    assert again() == again("a" * 32, "--alle", "98000003") == commands.CANNOT
    assert "--alle" in capsys.readouterr().err
    assert again("--alle", "98000003") == 1
    assert capsys.readouterr().err == "Er staat niets geparkeerd voor partij 98000003.\n"
    assert cli.main(["geparkeerd", "--instellingen", str(home / "ketenpoort.toml")]) == 0
    assert capsys.readouterr().out == "Geparkeerd: 0.\n"
