"""Holds what the outside world remembers against the store and the log; an empty list is a promise kept."""

import asyncio
import contextlib
import json
import shutil
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from audit import log, tree
from audit.keys import KeyService
from audit.seal import verify_signature
from gateway import store, tables
from gateway.catalog import Catalog
from gateway.check import check
from gateway.commit import open_engine
from gateway.flow import State
from gateway.history import indexes, opened
from gateway.ledger import codec
from gateway.ledger.page import Page
from gateway.ledger.read import OBSERVERS
from gateway.ledger.values import Record
from gateway.receipt import holds
from gateway.trail import What
from tests.disaster import trail
from tests.disaster.gateways import ENVIRONMENT, FIRST_KEY, ORIGIN, ROOT
from tests.disaster.load import Book

MOST_SHOWN = 20


async def judge(book: Book, home: Path, settings: Path, database: str) -> list[str]:
    """Everything that is not as it was promised; call it when no gateway runs any more."""
    engine = open_engine(database)
    try:
        exported = await _exported(home, settings)
        async with engine.connect() as db:
            rows = await stored(db)
            entries = await happened(db)
            wrong = [
                *book.wrong,
                *exported,
                *_kept(book, rows),
                *_delivered(book, rows),
                *_in_order(book),
                *_told(book, rows, entries),
                *half_destroyed(rows, entries),
            ]
            with contextlib.closing(KeyService.open(home / "sleutels")) as keys:
                wrong += await _proved(db, book, keys)
                wrong += await trail.judge(db, keys, ORIGIN, book.heads)
                wrong += await _remembered(db, book, keys)
    finally:
        await engine.dispose()
    return wrong if len(wrong) <= MOST_SHOWN else [*wrong[:MOST_SHOWN], f"… and {len(wrong) - MOST_SHOWN} more"]


async def settled(database: str, patience: float) -> bool:
    """Wait until no delivery is open any more; False if that did not happen."""
    engine: AsyncEngine = open_engine(database)
    try:
        async with asyncio.timeout(patience):
            while True:
                async with engine.connect() as db:
                    if not await store.counts(db):
                        return True
                await asyncio.sleep(0.1)
    except TimeoutError:
        return False
    finally:
        await engine.dispose()


async def deadlocks(database: str) -> int:
    """How often PostgreSQL had to break one transaction off because two waited for each other; 0 on SQLite.

    No promise is broken by it, but somebody waited a second, and may have been told to come back later.
    """
    engine = open_engine(database)
    try:
        async with engine.connect() as db:
            if db.dialect.name == "sqlite":
                return 0
            counted = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
            return int((await db.execute(sa.text(counted))).scalar_one())
    finally:
        await engine.dispose()


async def stored(db: AsyncConnection) -> dict[str, Any]:
    message, duty = tables.messages.c, tables.deliveries.c
    parts = message.wrapped_key, message.sealed_body, message.sealed_subjects
    query = sa.select(
        message.id, message.receipt, message.digest, duty.state, duty.attempts,
        *(part.is_(None).label(f"no_{part.name}") for part in parts),
    )  # fmt: skip
    found = await db.execute(query.outerjoin(tables.deliveries, duty.message == message.id))
    return {each.id: each for each in found}


async def happened(db: AsyncConnection) -> list[tuple[str, str | None, str]]:
    """Event, message and role of everything that happened; once, also where it is about several persons."""
    found = await db.execute(sa.select(log.entries.c.header).order_by(log.entries.c.id))
    headers = [json.loads(row.header) for row in found]
    return [
        (header["event"], header.get("message"), header["role"])
        for header in headers
        if header.get("part", (1, 1))[0] == 1
    ]


def _kept(book: Book, rows: Mapping[str, Any]) -> Iterator[str]:
    for id_, receipt in book.receipts.items():
        if id_ not in rows:
            yield f"{id_}: promised, and not in the store"
        elif bytes(rows[id_].receipt) != receipt:
            yield f"{id_}: the store has another receipt than was given"
    known = set(book.receipts) | set(book.retours.values())
    yield from (f"{id_}: in the store, and nobody was told" for id_ in rows.keys() - known)
    yield from (f"{id_}: an answer was announced that is not there" for id_ in known - rows.keys())


def _delivered(book: Book, rows: Mapping[str, Any]) -> Iterator[str]:
    for id_, row in rows.items():
        if row.state not in set(State):
            yield f"{id_}: in a state outside the table: {row.state}"
        elif row.state != State.DELIVERED:
            yield f"{id_}: never arrived, it is {row.state} after {row.attempts} attempts"
    for id_, body in book.bodies.items():
        if book.received.get(id_, body) != body:
            yield f"{id_}: the receiver has other bytes than the sender sent"
        elif id_ not in book.received:
            yield f"{id_}: promised, and the receiver never had it"


def _in_order(book: Book) -> Iterator[str]:
    for lane, sent in book.lanes.items():
        arrived = list(dict.fromkeys(id_ for where, id_ in book.pushes if where == lane))
        if arrived != sent:
            place = next((n for n, (a, b) in enumerate(zip(arrived, sent, strict=False)) if a != b), len(arrived))
            yield f"lane {lane}: out of order from place {place} of {len(sent)}"


def _told(book: Book, rows: Mapping[str, Any], entries: Iterable[tuple[str, str | None, str]]) -> Iterator[str]:
    """Every change of a row has its entry, every entry its change."""
    told: defaultdict[str, Counter[str]] = defaultdict(Counter)
    refused = 0
    for event, id_, role in entries:
        if id_ is not None:
            told[id_][event if role != "afzender" or event != What.FETCHED else "read by its sender"] += 1
        refused += event == What.REFUSED
    if refused < book.seen["refused"]:
        yield f"{book.seen['refused']} messages were refused, and the log knows {refused}"
    yield from (f"{id_}: in the log, and not in the store" for id_ in told.keys() - rows.keys())
    for id_, row in rows.items():
        events = told[id_]
        if (came := events[What.RECEIVED] + events[What.ANSWERED]) != 1:
            yield f"{id_}: {came} entries say that it came"
        if (offered := events[What.OFFERED] - events[What.RELEASED]) != row.attempts:
            yield f"{id_}: {row.attempts} attempts, and the log knows {offered}"
        if (ended := events[What.DELIVERED] + events[What.CONFIRMED]) != (row.state == State.DELIVERED):
            yield f"{id_}: {row.state}, and {ended} entries say that it was delivered"
        if events[What.FETCHED] < book.fetched[id_]:
            yield f"{id_}: fetched {book.fetched[id_]} times, and the log knows {events[What.FETCHED]}"
        if events[What.DELIVERED] + events[What.RETRIED] + events[What.PARKED] > row.attempts:
            yield f"{id_}: more outcomes than attempts"


def half_destroyed(rows: Mapping[str, Any], entries: Iterable[tuple[str, str | None, str]]) -> Iterator[str]:
    """A message is whole, or all that could open it is gone and one entry says so."""
    told = Counter(id_ for event, id_, _ in entries if event == What.DESTROYED)
    for id_, row in rows.items():
        gone = {row.no_wrapped_key, row.no_sealed_body, row.no_sealed_subjects}
        if len(gone) > 1:
            yield f"{id_}: destroyed by half"
        elif told[id_] != gone.pop():
            yield f"{id_}: {told[id_]} entries say that it was destroyed"


async def _proved(db: AsyncConnection, book: Book, keys: KeyService) -> list[str]:
    """Every receipt is signed, and its entry is in the tree under the newest head."""
    head = await log.latest(db)
    if head is None:
        return ["the log has no head"]
    receipts = keys.known("ontvangst")

    def signed(signature: bytes, root: bytes) -> bool:
        return any(verify_signature(public, signature, root) for public in receipts)

    wrong = []
    for id_, receipt in book.receipts.items():
        promised = json.loads(receipt)
        if not holds(promised, verify=signed):
            wrong.append(f"{id_}: its receipt is not signed")
        leaf = bytes.fromhex(promised["logregel"])
        proof = await log.proof_of(db, leaf)
        if proof is None:
            wrong.append(f"{id_}: its entry is not in the log")
        elif not tree.verify_inclusion(leaf, proof.index, head.size, list(proof.hashes), head.root):
            wrong.append(f"{id_}: the proof of its entry does not hold")
    return wrong


async def _remembered(db: AsyncConnection, book: Book, keys: KeyService) -> list[str]:
    """The ledger holds what was said in the messages that were promised, no more and no less."""
    catalog, page = Catalog.load(), Page(levels=())
    for body in book.bodies.values():
        checked = check(body, catalog, OBSERVERS)
        assert checked.facts is not None
        page.hear(checked.facts, checked.said)
    rows = list(await db.execute(sa.select(tables.ledger)))
    kept = {key: codec.unpack(packed) for key, packed in opened(keys, rows)}
    said = page.past
    if sorted(row.key for row in rows) != sorted(indexes(keys, list(kept), keys.index_id)):
        return ["the ledger has records that are not under their index"]
    differ = [index for index in said.keys() | kept.keys() if _heard(said, index) != _heard(kept, index)]
    return [f"the ledger has {len(differ)} records that are not what was said"] if differ else []


def _heard(records: Mapping[str, Record], index: str) -> list[bytes]:
    """What a record holds, in no order: messages of one moment may have been accepted either way round."""
    return sorted(codec.pack((heard,)) for heard in records.get(index, ()))


async def _exported(home: Path, settings: Path) -> list[str]:
    """Export the log with the command, and let the stand-alone verifier judge it."""
    folder = home / "logboek"
    shutil.rmtree(folder, ignore_errors=True)
    for command in (
        ["gateway.cli", "audit", "exporteer", str(folder), "--instellingen", str(settings)],
        ["audit.verify", str(folder), str(home / FIRST_KEY)],
    ):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            cwd=ROOT, env=ENVIRONMENT,
        )  # fmt: skip
        out, _ = await process.communicate()
        if process.returncode:
            return [f"{command[0]} ended with {process.returncode}: {out.decode()[-1000:]}"]
    return []
