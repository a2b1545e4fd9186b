"""Where a month is played: a real gateway in a process of its own, parties with certificates, and its log read out."""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterable, Mapping
from pathlib import Path

from adapters.client import Connection, read_connection
from gateway import setup
from gateway.scenario.outcome import Log, Sent

ORIGIN = "scenario.ketenpoort.voorbeeld"
PATIENCE = 60
"""Seconds in which a gateway must have started."""
_ROOT = Path(__file__).resolve().parent.parent.parent


class ScenarioError(Exception):
    """The month could not be played to its end; the text says in Dutch where it broke."""


@contextlib.asynccontextmanager
async def gateway(home: Path, parties: Iterable[str], database: str) -> AsyncIterator[dict[str, Connection]]:
    """Make a gateway in this folder with these parties and run it; yield the connection of each.

    What the gateway prints goes to ``poort.log``. Raises ScenarioError if it does not start.
    """
    setup.new_gateway(home, origin=ORIGIN, host="127.0.0.1", port=0, database=database)
    papers = {code: setup.add_party(home, code, f"Partij {code}", url="https://127.0.0.1:1") for code in parties}
    port = home / "poort.txt"
    with (home / "poort.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *_python("gateway.cli", "draai", "--instellingen", home / "ketenpoort.toml", "--poortbestand", port),
            stdout=log, stderr=log, env=_environment(),
        )  # fmt: skip
    try:
        await _until_written(port, process)
        url = f"https://127.0.0.1:{port.read_text()}"
        for connection in papers.values():
            connection.write_text(connection.read_text().replace("https://127.0.0.1:1", url))
        yield {code: read_connection(connection) for code, connection in papers.items()}
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def _until_written(port: Path, process: asyncio.subprocess.Process) -> None:
    for _ in range(PATIENCE * 20):
        if port.exists() and port.read_text():
            return
        if process.returncode is not None:
            told = port.with_name("poort.log").read_text(errors="replace")
            raise ScenarioError(f"de poort stopte bij het starten met {process.returncode}\n{told[-2000:]}")
        await asyncio.sleep(0.05)
    raise ScenarioError(f"de poort startte niet binnen {PATIENCE} seconden")


async def read_log(home: Path, sent: Iterable[Sent]) -> tuple[Log, str]:
    """Export the log of this gateway, and have it verified with all receipts; return also what was printed."""
    export, receipts = home / "logboek", home / "ontvangstbewijzen"
    receipts.mkdir()
    for each in sent:
        if each.receipt:
            (receipts / f"{each.id}.json").write_bytes(each.receipt)
    status, told = await _run("gateway.cli", "audit", "exporteer", export, "--instellingen", home / "ketenpoort.toml")
    if status:
        raise ScenarioError(f"het logboek is niet uit te voeren: de opdracht eindigde met {status}")
    verdict, words = await _run("audit.verify", export, home / "log.vkey", "--ontvangstbewijzen", receipts)
    return Log(verdict=verdict, states=_states(export)), told + words


def _states(export: Path) -> Mapping[str, str]:
    """Read which state each message is in, from the files that an export tells it in."""
    lines = (
        line
        for path in sorted((export / "object").rglob("*"))
        if path.is_file()
        for line in path.read_text().split("\n")
    )
    return dict(line.split(" ") for line in lines if line)


async def _run(*words: str | Path) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *_python(*words), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=_environment()
    )
    told, _ = await process.communicate()
    return process.returncode or 0, told.decode()


def _python(*words: str | Path) -> list[str]:
    return [sys.executable, "-m", *map(str, words)]


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(_ROOT)}
