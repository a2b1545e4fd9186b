"""What an operator does to a gateway, running or not: requeue, export. Each is an entry in the log."""

import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from audit import log, sequencer
from audit.entry import Event
from audit.export import ExportError, Summary
from audit.export import export as write_export
from audit.keys import KeyService
from audit.record import record
from gateway import prove, store, trail
from gateway.commit import open_engine, writing
from gateway.retention.nightly import read_terms
from gateway.settings import Settings
from gateway.trail import What

PROGRESS = 5.0
"""Seconds between two lines that say how far a long export is."""
UNSOUND = (
    "Het logboek in de database is niet het logboek dat deze poort heeft ondertekend. Zet de poort stil, verander niets"
    " aan de database en de sleutels, en waarschuw de beveiligingsfunctionaris."
)
"""What an operator must know and do when the log turns out to be damaged or changed."""


async def requeue(settings: Settings, ids: Sequence[str], *, receiver: str | None = None, who: str, why: str) -> int:
    """Put parked messages back in their lanes: ``ids``, or all for ``receiver``.

    Each gets as many attempts as a new one. Returns 0, or 1 when one of them cannot be; then nothing changed.
    """
    engine = open_engine(settings.database)
    keys = KeyService.open(settings.keys)
    now = time.time_ns() // 1_000_000
    try:
        async with writing(engine) as db:
            parked = {each.message: each for each in await store.parked(db)}
            chosen = [id_ for id_, each in parked.items() if each.receiver == receiver] if receiver else ids
            if wrong := [id_ for id_ in chosen if id_ not in parked]:
                print(
                    f"Deze berichten staan niet geparkeerd: {', '.join(wrong)}. Er is niets veranderd.", file=sys.stderr
                )
                return 1
            if not chosen:
                print(f"Er staat niets geparkeerd voor partij {receiver}.", file=sys.stderr)
                return 1
            moved = await store.requeue(db, chosen, at=now)  # without those that their receiver has just fetched
            back = [each for each in parked.values() if each.message in moved]
            if back:
                await store.wake(db, {(each.sender, each.receiver) for each in back}, now)
            await record(db, keys, settings.origin, [_resumed(each, who, why) for each in back], datetime.now(UTC))
    finally:
        await engine.dispose()
    print(f"Teruggezet in de rij: {len(back)}.")
    return 0


async def show_parked(settings: Settings) -> int:
    """Print the messages that are parked, one a line; return 0."""
    engine = open_engine(settings.database)
    try:
        async with engine.connect() as db:
            found = await store.parked(db)
    finally:
        await engine.dispose()
    for each in found:
        since = datetime.fromtimestamp(each.changed_at // 1000, UTC).isoformat()
        print(f"{each.message}  {each.type}  van {each.sender} voor {each.receiver}  sinds {since}  {each.reason}")
    print(f"Geparkeerd: {len(found)}.")
    return 0


def _resumed(parked: Any, who: str, why: str) -> Event:
    return trail.event(
        What.REQUEUED, actor=who, role="beheerder", message=parked.message, kind=parked.type, trace=parked.message,
        wet=parked.wet, parties=(parked.sender, parked.receiver), about={"reason": why},
    )  # fmt: skip


async def export(settings: Settings, folder: Path, *, who: str) -> int:
    """Write the log to ``folder``, open every payload while doing so, and log that ``who`` did.

    Returns 0; 1 when the log is not the one that was signed, told in Dutch (the export is written all the same, as
    far as the signed head, unless that head itself is not sound); 2 when it cannot be written.
    """
    engine = open_engine(settings.database)
    keys = KeyService.open(settings.keys)
    origin = settings.origin
    try:
        beside = prove.beside(keys)  # before the rest: what is counted here is in the log by then
        event = trail.event(What.EXPORTED, actor=who, role="beheerder", thing="logboek", trace="")
        async with writing(engine) as db:
            await record(db, keys, origin, [event], datetime.now(UTC))
        grown = await _place_all(engine, keys, settings.log_name)
        opens = partial(keys.open_lines, why="beheer")
        async with engine.connect() as db:
            if db.dialect.name == "postgresql":
                await db.execution_options(isolation_level="REPEATABLE READ")  # SQLite sees one moment by itself
            beside = await prove.with_terms(db, beside, read_terms(settings.retention))
            signer = keys.signer("log")
            summary = await write_export(db, folder, signer, settings.log_name, opens, beside=beside, tell=_progress())
    except log.TamperedError as error:
        print(f"{error} {UNSOUND}\nEr is geen uitvoer geschreven.", file=sys.stderr)
        return 1
    except ExportError as error:
        print(error, file=sys.stderr)
        return 2
    finally:
        await engine.dispose()
    print(f"Logboek geschreven naar {folder}: {summary.entries} regels.")
    print(f"Controleer het met: python -m audit.verify {folder} {settings.anchor.parent / 'log.vkey'}")
    return 0 if grown and _all_opened(summary) else 1


async def _place_all(engine: AsyncEngine, keys: KeyService, origin: str) -> bool:
    """Give every waiting entry its place; where the tree is not sound, say so and return False."""
    signed = True
    while signed:
        try:
            async with writing(engine) as db:
                signed = await log.sequence(db, partial(sequencer.signing, keys), origin, datetime.now(UTC)) is not None
        except log.TamperedError as error:
            print(f"{error} {UNSOUND}", file=sys.stderr)
            print(
                "De uitvoer gaat tot de laatste ondertekende stand; nieuwere regels staan er niet in.", file=sys.stderr
            )
            return False
    return True


def _all_opened(summary: Summary) -> bool:
    if summary.broken:
        print(
            f"Bij {summary.broken} regels gaan de verzegelde gegevens niet open; de eerste is regel"
            f" {summary.first_broken}. Ze zijn veranderd of verwisseld, of hun sleutel ontbreekt. {UNSOUND}",
            file=sys.stderr,
        )
    return not summary.broken


def _progress() -> Callable[[int, int], None]:
    """Return what tells, every `PROGRESS` seconds, how far an export is."""
    told = time.monotonic()

    def tell(done: int, of: int) -> None:
        nonlocal told
        if time.monotonic() - told >= PROGRESS:
            told = time.monotonic()
            print(f"{done} van {of} regels geschreven en geopend", file=sys.stderr)

    return tell
