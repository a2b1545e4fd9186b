"""A gateway to measure: in a process of its own, with everything on, on a fresh store each time; and its audit."""

import asyncio
import contextlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import sqlalchemy as sa

from audit import log
from audit.export import export
from audit.keys import KeyService
from audit.proof import read_keys
from audit.verify import verify
from gateway import setup, store, tables
from gateway.bench.processes import PATIENCE, BenchError, await_idle, cpu, cpu_below, load, python, running
from gateway.commit import open_engine
from gateway.trail import What

HOOFD = "98000001"
ONDER = tuple(f"980001{number:02}" for number in range(16))
PUSHED = tuple(f"980002{number:02}" for number in range(16))
ORIGIN = "bench.ketenpoort.voorbeeld"
PROCESSES = {"sqlite": 1, "postgresql": os.cpu_count() or 1}
"""Gateways that share the work: SQLite takes one writer, PostgreSQL one for each processor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What one window on one gateway gave."""

    told: Mapping[str, Any]
    """What the load generator tells."""
    cpu: Mapping[str, float]
    """Microseconds of processor per acknowledged message: poort, controle, database, belasting."""
    batch: float
    """Mean number of messages under one commit, by the signatures on their receipts."""


@dataclass(slots=True, kw_only=True)
class Stand:
    """Where gateways are made: one folder with keys and papers, and a PostgreSQL if there is one."""

    folder: Path
    postgres: str | None
    """SQLAlchemy URL of a server to make databases in."""
    nothing: tuple[int, int] = (0, 0)
    """Process id and port of the empty handler."""
    count: int = 0
    pushed: int = 0
    """Messages that the endpoint of the pushed parties has got so far."""

    @contextlib.contextmanager
    def prepared(self) -> Iterator[None]:
        """Make keys, certificates and parties, once for all windows; run the empty handler meanwhile."""
        setup.new_gateway(
            self.home, origin=ORIGIN, host="127.0.0.1", port=0, database="sqlite+aiosqlite:///ketenpoort.sqlite"
        )
        port_file = self.folder / "leeg.txt"
        with running(
            python("gateway.bench.yardsticks", "leeg", str(self.home), str(port_file)), port_file
        ) as self.nothing:
            push = f"https://127.0.0.1:{self.nothing[1]}/v1/berichten"
            for code in (HOOFD, *ONDER, *PUSHED):
                name = f"Verzonnen partij {code}"
                setup.add_party(self.home, code, name, url="https://127.0.0.1:1", push=push if code in PUSHED else None)
            yield

    @property
    def home(self) -> Path:
        """The folder of the gateway."""
        return self.folder / "poort"

    def papers(self, code: str) -> dict[str, str]:
        """Return where the certificate and key of a party lie."""
        own = self.home / f"partij-{code}"
        return {"cert": str(own / f"{code}.pem"), "key": str(own / f"{code}.key"), "ca": str(self.home / "tls/ca.pem")}

    @contextlib.contextmanager
    def fresh(self, kind: str) -> Iterator[str]:
        """Make an empty store of this kind; yield its URL, throw it away at the end."""
        self.count += 1
        (self.home / "laatste-stand").unlink(missing_ok=True)  # of the store before this one
        if kind == "sqlite":
            place = self.folder / f"store-{self.count}"
            place.mkdir()
            try:
                yield f"sqlite+aiosqlite:///{place / 'store.sqlite'}"
            finally:
                shutil.rmtree(place)
            return
        assert self.postgres, "asked only where there is one"
        name = f"store_{self.count}"
        asyncio.run(_postgres(self.postgres, f"CREATE DATABASE {name}"))
        try:
            yield self.postgres.replace("/postgres?", f"/{name}?")
        finally:
            asyncio.run(_postgres(self.postgres, f"DROP DATABASE {name} WITH (FORCE)"))

    def window(self, kind: str, task: Mapping[str, Any], *, past: str = "uit", **environ: str) -> Window:
        """Run a gateway on a fresh store, let the load generator do ``task``, and audit what is left behind.

        ``past`` is the gateway's setting ``verleden``: whether messages are held against earlier ones.
        Raises BenchError if an acknowledged message is not in store and log, or the log does not verify.
        """
        with self.fresh(kind) as url:
            with self.gateways(url, PROCESSES[kind], past=past, **environ) as (pids, port):
                before: dict[str, float] = {}
                for pid in pids:
                    await_idle(pid)  # the last of the workers may still be starting
                told = load(
                    {**task, "port": port, "papers": self.papers(HOOFD), "mark": f"{self.count:04x}"},
                    before=lambda: before.update(self._spent(pids, kind)),
                )
                spent = {name: after - before[name] for name, after in self._spent(pids, kind).items()}
                asyncio.run(until_settled(url, delivered=task["do"] != "send"))
            receipts = asyncio.run(self.audit(url, told["acknowledged"], refused=int(bool(task.get("bad")))))
        each = 1e6 / told["acknowledged"]
        return Window(
            told=told,
            cpu={name: seconds * each for name, seconds in {**spent, "belasting": told["cpu"]}.items()},
            batch=told["acknowledged"] / len({json.loads(receipt)["bewijs"]["wortel"] for receipt in receipts}),
        )

    @contextlib.contextmanager
    def gateways(
        self, url: str, count: int = 1, *, past: str = "uit", **environ: str
    ) -> Iterator[tuple[list[int], int]]:
        """Run gateways on this store and one port; yield their process ids and that port."""
        with contextlib.ExitStack() as stack:
            pids, port = [], 0
            for number in range(count):
                settings = self._settings(url, port, past)
                port_file = self.folder / f"poort-{number}.txt"
                words = ["draai", "--instellingen", str(settings), "--poortbestand", str(port_file)]
                pid, port = stack.enter_context(running(python("gateway.cli", *words), port_file, **environ))
                pids.append(pid)
            yield pids, port

    def _settings(self, url: str, port: int, past: str) -> Path:
        """Write the settings anew, for this store and port."""
        settings = self.home / "ketenpoort.toml"
        own = {"database": url, "poort": port, "verleden": past, "register": "leer"}
        kept = [line for line in settings.read_text().splitlines() if line.partition(" =")[0] not in own]
        settings.write_text("\n".join([*kept, *(f"{name} = {json.dumps(value)}" for name, value in own.items()), ""]))
        return settings

    def _spent(self, pids: Sequence[int], kind: str) -> dict[str, float]:
        database = cpu_below(self.postmaster) if kind == "postgresql" else 0.0
        return {"poort": sum(map(cpu, pids)), "controle": sum(map(cpu_below, pids)), "database": database}

    @property
    def postmaster(self) -> int:
        """Process id of the PostgreSQL server."""
        url = sa.make_url(self.postgres or "")
        return int((Path(str(url.query["host"])) / "data" / "postmaster.pid").read_text().split()[0])

    async def audit(self, url: str, acknowledged: int, *, refused: int) -> list[bytes]:
        """Return the receipts in this store; raise BenchError if they are not those of all acknowledged messages."""
        engine = open_engine(url)
        keys = KeyService.open(self.home / "sleutels")
        target = self.folder / f"export-{self.count}"
        try:
            async with engine.connect() as db:
                kept = {each.id: each.receipt for each in await db.execute(_KEPT)}
                refusals = (await db.execute(sa.select(sa.func.count()).select_from(tables.refusals))).scalar_one()
                lines = await db.execute(sa.select(log.entries.c.message, log.entries.c.header))
                logged = [each.message for each in lines if _RECEIVED in each.header]
                await export(db, target, keys.signer("log"), ORIGIN, partial(keys.open_lines, why="beheer"))
            report = verify(target, read_keys(self.home / "log.vkey")[0])
        finally:
            await engine.dispose()
            shutil.rmtree(target, ignore_errors=True)
        if report.verdict:
            raise BenchError(f"Het logboek klopt niet: {report.problems[:3]}")
        if not (len(kept) == len(logged) == acknowledged and kept.keys() == set(logged)):
            raise BenchError(f"{acknowledged} berichten bevestigd, {len(kept)} bewaard, {len(logged)} in het logboek.")
        if refusals != refused:
            raise BenchError(f"{refused} berichten waren fout, {refusals} zijn er geweigerd.")
        return list(kept.values())


_KEPT = sa.select(tables.messages.c.id, tables.messages.c.receipt).where(
    tables.messages.c.sender == HOOFD, tables.messages.c.type == "ho301"
)
_RECEIVED = f'"event":"{What.RECEIVED}"'.encode()


async def until_settled(url: str, *, delivered: bool) -> None:
    """Wait until the log is complete and signed, and with ``delivered`` until no delivery is open."""
    engine = open_engine(url)
    until = time.monotonic() + PATIENCE
    try:
        while time.monotonic() < until:
            async with engine.connect() as db:
                if not (delivered and await store.counts(db)) and not await log.pending(db):
                    return
            await asyncio.sleep(0.1)
    finally:
        await engine.dispose()
    raise BenchError("Bezorgingen of logregels bleven liggen.")


async def _postgres(url: str, command: str) -> None:
    db = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        await db.execute(command)
    finally:
        await db.close()
