"""The gateway without its HTTP interface: the real parts on a real database, for tests that speak of messages."""

import atexit
import contextlib
import functools
import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from audit import log
from audit.keys import KeyService
from gateway import store
from gateway.answer import Codes, judged
from gateway.catalog import Catalog
from gateway.check import check
from gateway.commit import GroupCommit, committing, writing
from gateway.decide import Accepted
from gateway.flow import Endpoint
from gateway.history import History
from gateway.intake import Intake, Rejected
from gateway.ledger.read import OBSERVERS
from gateway.mailbox import Mailbox
from gateway.message import Checked
from gateway.parties import Parties, Party
from gateway.pickup import Pickup
from gateway.trail import Visit

HOOFD = Party(code="98000001", name="Hoofdaannemer De Brug")
ONDER = Party(code="98000002", name="Onderaannemer Zonnehoek")
PUSHED = Party(code="98000003", name="Onderaannemer Wilgenhof", push=Endpoint(url="https://wilgenhof.voorbeeld"))
SUPPLIER = Party(code="98000009", name="Softwareleverancier", mandates=("98000002",))
STRANGER = Party(code="98000008", name="Vreemde")
PARTIES = Parties(by_code={party.code: party for party in (HOOFD, ONDER, PUSHED, SUPPLIER, STRANGER)})
VISIT = Visit(trace="00" * 16)
ORIGIN = "test.ketenpoort.voorbeeld"
CATALOG = Catalog.load()


class InProcess:
    """The checker without its process of its own; the worker has its own tests."""

    async def check(self, raw: bytes) -> Checked:
        return check(raw, CATALOG, observers=OBSERVERS)

    async def refuse(self, raw: bytes, codes: Codes, *, identification: str, today: str) -> bytes:
        return judged(raw, codes, CATALOG, identification=identification, today=today, whole=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """One gateway's inside."""

    engine: AsyncEngine
    keys: KeyService
    commit: GroupCommit
    intake: Intake
    pickup: Pickup
    history: History | None

    async def send(self, raw: bytes, party: Party = HOOFD) -> Accepted | Rejected:
        return await self.intake.accept(raw, party, VISIT)

    async def accepted(self, raw: bytes, party: Party = HOOFD) -> dict[str, Any]:
        outcome = await self.send(raw, party)
        assert isinstance(outcome, Accepted), outcome
        receipt: dict[str, Any] = json.loads(outcome.receipt)
        return receipt

    async def refused(self, raw: bytes, party: Party = HOOFD) -> Rejected:
        outcome = await self.send(raw, party)
        assert isinstance(outcome, Rejected), outcome
        return outcome

    async def waiting(self, party: Party) -> list[dict[str, Any]]:
        found = await self.pickup.open_deliveries(party, VISIT, after=0, count=100, wait=0)
        return list(found["bezorgingen"])

    async def logged(self) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
        """All log entries in order: event, header, opened payload."""
        async with self.engine.connect() as db:
            rows = list(await db.execute(sa.select(log.entries).order_by(log.entries.c.id)))
        read = []
        payloads = self.keys.open_lines([(row.header, row.sealed) for row in rows], why="beheer")
        for row, payload in zip(rows, payloads, strict=True):
            assert payload is not None
            header = json.loads(row.header)
            read.append((header["event"], header, payload))
        return read

    async def sequence(self) -> None:
        async with writing(self.engine) as db:
            await log.sequence(db, self.keys.signer("log"), ORIGIN, datetime.now(UTC))


@functools.cache
def key_folder() -> Path:
    """One folder of keys for all tests of this process that do not turn them: a service of its own costs each 0.2 s."""
    home = Path(tempfile.mkdtemp(prefix="kp-sleutels-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    KeyService.create(home / "sleutels").close()
    return home / "sleutels"


@functools.cache
def shared_keys() -> KeyService:
    """The service of that folder."""
    return KeyService.open(key_folder())


@contextlib.asynccontextmanager
async def opened(
    engine: AsyncEngine, folder: Path | None = None, *, levels: Collection[int] | None = None
) -> AsyncIterator[Door]:
    """The gateway's inside on ``engine``, with the shared keys, or with those in ``folder`` (made when absent).

    ``levels`` gives it a ledger, which refuses what fails at one of them; with none it only learns.
    """
    own = folder and folder / "sleutels"
    keys = shared_keys() if own is None else KeyService.open(own) if own.exists() else KeyService.create(own)
    async with writing(engine) as db:
        await store.create_tables(db)
    mailbox = Mailbox()
    history = None if levels is None else History(keys, levels=levels)
    try:
        async with committing(engine) as commit:
            intake = Intake(
                checker=InProcess(), commit=commit, keys=keys, catalog=CATALOG, mailbox=mailbox, origin=ORIGIN,
                history=history,
            )  # fmt: skip
            intake.parties = PARTIES
            pickup = Pickup(commit=commit, keys=keys, mailbox=mailbox, origin=ORIGIN)
            yield Door(engine=engine, keys=keys, commit=commit, intake=intake, pickup=pickup, history=history)
    finally:
        if own:
            keys.close()
