"""Real gateway processes on one database, that die and come back; and a PostgreSQL that does the same."""

import asyncio
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import sqlalchemy as sa

from adapters import tls
from gateway import setup

ROOT = Path(__file__).resolve().parents[2]
DONE = "gedaan: "
FIRST_KEY = "eerste.vkey"
"""The public keys of the log as they were at the start: what an outsider got, and goes by for ever."""
ORIGIN = "ramp.ketenpoort.voorbeeld"
LEASE = 1.5
"""Seconds after which a delivery whose gateway died is taken up: about what a restart takes."""
PATIENCE = 60

# Byte code may be kept, whatever the caller's own habits: it halves the time that a gateway needs to come back.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
ENVIRONMENT["PYTHONPATH"] = str(ROOT)


class DiedError(Exception):
    """The gateway ended by itself; the text is what it said last."""


class Gateway:
    """One gateway process, always on the same port."""

    def __init__(self, settings: Path, port: int) -> None:
        self.settings = settings
        self._process: asyncio.subprocess.Process | None = None
        self.port = port
        self.said = settings.with_suffix(".gezegd")

    async def spawn(self) -> None:
        """Start the process; it does not listen yet."""
        port_file = self.settings.with_suffix(".poort")
        port_file.unlink(missing_ok=True)
        with self.said.open("ab") as said:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "gateway.cli", "draai", "--instellingen", str(self.settings),
                "--poortbestand", str(port_file), stdout=said, stderr=said,
                cwd=ROOT, env=ENVIRONMENT,
            )  # fmt: skip

    async def listening(self) -> None:
        """Return once it listens; raise DiedError when it ended instead."""
        port_file = self.settings.with_suffix(".poort")
        async with asyncio.timeout(PATIENCE):
            while not (port_file.exists() and port_file.read_text()):
                self.check_alive()
                await asyncio.sleep(0.01)

    async def start(self) -> None:
        await self.spawn()
        await self.listening()

    def check_alive(self) -> None:
        if self.process.returncode is not None:
            raise DiedError(f"exit {self.process.returncode}: {self.said.read_text()[-2000:]}")

    @property
    def process(self) -> asyncio.subprocess.Process:
        assert self._process is not None
        return self._process

    async def kill(self) -> None:
        """End it as a power cut does: nothing is flushed, closed or said."""
        self.process.send_signal(signal.SIGKILL)
        await self.process.wait()

    async def stop(self) -> int:
        """Ask it to stop; return its exit code."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE):
            return await self.process.wait()

    def pause(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def workers(self) -> list[int]:
        """The processes that check documents for this gateway."""
        return self._children(b"gateway.workshop")

    def keepers(self) -> list[int]:
        """The process that has the keys of this gateway: one, or none while it starts again."""
        return self._children(b"audit.vault")

    def _children(self, module: bytes) -> list[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(pid) for pid in children if module in _command_of(int(pid))]

    def limit_files(self, size: int | None) -> None:
        """Let no file grow past ``size`` bytes, as on a disk that is full; None: there is room again."""
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        most = resource.RLIM_INFINITY if size is None else size
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (most, hard))


class Deeds:
    """The process that renews keys and destroys (see ``deeds``); it dies as gateways do."""

    def __init__(self, settings: Path) -> None:
        self._settings = settings
        self._process: asyncio.subprocess.Process | None = None
        self.said = settings.with_name("daden.gezegd")

    async def start(self, *more: str) -> asyncio.subprocess.Process:
        with self.said.open("ab") as said:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.disaster.deeds", str(self._settings), *more,
                stdout=said, stderr=said, cwd=ROOT, env=ENVIRONMENT,
            )  # fmt: skip
        return self._process

    async def kill(self) -> None:
        """Kill it; raises DiedError when it ended by itself: then something that it began went wrong."""
        assert self._process is not None
        if self._process.returncode is not None:
            raise DiedError(f"deeds: {self.said.read_text()[-2000:]}")
        self._process.send_signal(signal.SIGKILL)
        await self._process.wait()

    async def finish(self) -> None:
        """End, with nothing half done; raises DiedError if that cannot be."""
        await self.kill()
        process = await self.start("--finish")
        async with asyncio.timeout(PATIENCE):
            if await process.wait():
                raise DiedError(f"deeds: {self.said.read_text()[-2000:]}")

    def done(self) -> Counter[str]:
        """How often each deed was done to its end."""
        lines = self.said.read_text().splitlines()
        return Counter(line.removeprefix(DONE) for line in lines if line.startswith(DONE))


class Postgres:
    """The throw-away PostgreSQL behind ``url``, as something that can be killed and started again."""

    def __init__(self, url: str) -> None:
        host = sa.make_url(url).query["host"]
        assert isinstance(host, str)
        self._folder = Path(host)
        self._again: subprocess.Popen[bytes] | None = None
        pid = self._pid()
        self._command = Path(f"/proc/{pid}/cmdline").read_text().rstrip("\0").split("\0")
        self._owner = Path(f"/proc/{pid}").stat().st_uid

    def _pid(self) -> int:
        return int((self._folder / "data" / "postmaster.pid").read_text().split()[0])

    def kill(self) -> None:
        """Kill the server; its backends see that and end."""
        os.kill(self._pid(), signal.SIGKILL)
        if self._again:
            self._again.wait()
        # Who started the first one has not reaped it: it looks alive, and would keep a second one from starting.
        for lock in (self._folder / "data" / "postmaster.pid", *self._folder.glob(".s.PGSQL.*.lock")):
            lock.unlink()

    async def start(self) -> None:
        """Start it again; return once it accepts connections, after its own recovery."""
        await asyncio.sleep(0.3)  # until the backends of the killed server have gone
        user = {"user": self._owner, "group": self._owner, "extra_groups": []} if os.geteuid() == 0 else {}
        with (self._folder / "again.log").open("ab") as log:
            self._again = subprocess.Popen(  # noqa: ASYNC220 - it lives on
                self._command, cwd=self._folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **user
            )
        async with asyncio.timeout(PATIENCE):
            while not self._ready():
                assert self._again.poll() is None, (self._folder / "again.log").read_text()[-2000:]
                await asyncio.sleep(0.02)

    def _ready(self) -> bool:
        status = self._folder / "data" / "postmaster.pid"
        return status.exists() and "ready" in status.read_text()

    def stop(self) -> None:
        if self._again:
            self._again.send_signal(signal.SIGINT)
            self._again.wait()


def make(home: Path, database: str, parties: Mapping[str, str], pushed: str, count: int) -> tuple[list[Gateway], int]:
    """Make ``count`` gateways with one set of keys, parties and tables; each listens on a port of its own.

    ``parties`` are codes with names; ``pushed`` is the one that has its messages brought. Returns the gateways and
    the port of that party's own address; its certificate lies in ``ontvanger``.
    """
    push_port, *ports = _free_ports(count + 1)
    first = setup.new_gateway(home, origin=ORIGIN, host="127.0.0.1", port=ports[0], database=database)
    # The load repeats a few messages, which contradict each other: they are remembered, not refused.
    text = first.read_text().replace('"weiger"', '"leer"') + f"controleurs = 1\npachttijd = {LEASE}\n"
    for code, name in parties.items():
        push = f"https://127.0.0.1:{push_port}/berichten" if code == pushed else None
        setup.add_party(home, code, name, url=f"https://127.0.0.1:{ports[0]}", push=push)
    tls.make_certificate(home / "tls", home / "ontvanger", "server", hosts=["127.0.0.1"])
    gateways = []
    shutil.copy(home / "log.vkey", home / FIRST_KEY)
    for number, port in enumerate(ports, 1):
        settings = home / f"poort-{number}.toml"
        settings.write_text(text.replace(f"poort = {ports[0]}", f"poort = {port}"))
        gateways.append(Gateway(settings, port))
    return gateways, push_port


def _command_of(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except FileNotFoundError:  # it just ended
        return []


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
