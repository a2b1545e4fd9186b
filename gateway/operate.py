"""What an operator does to a gateway, running or not: requeue, export. Each is an entry in the log."""

import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection

from audit import entry, log
from audit.export import ExportError
from audit.export import export as write_export
from audit.keys import KeyService
from gateway import store, trail
from gateway.commit import open_engine, writing
from gateway.flow import Event, IllegalTransitionError, State, advance
from gateway.settings import Settings
from gateway.trail import What


async def requeue(settings: Settings, ids: Sequence[str], *, who: str, why: str) -> int:
    """Put parked messages back in their lanes, all or none; return 0, or 1 when one of them cannot be."""
    engine = open_engine(settings.database)
    keys = KeyService.open(settings.keys)
    now = time.time_ns() // 1_000_000
    try:
        async with writing(engine) as db:
            found = await store.delivery(db, ids)
            wrong = [id_ for id_ in ids if id_ not in found or not _parked(found[id_].state)]
            if wrong:
                print(
                    f"Deze berichten staan niet geparkeerd: {', '.join(wrong)}. Er is niets veranderd.", file=sys.stderr
                )
                return 1
            for id_ in dict.fromkeys(ids):
                if not await store.move(db, [(id_, State.PARKED, advance(State.PARKED, Event.REQUEUE))], at=now):
                    continue  # its receiver has just fetched it
                await store.wake(db, [(found[id_].sender, found[id_].receiver)], now)
                event = trail.event(
                    What.REQUEUED,
                    actor=who,
                    role="beheerder",
                    message=id_,
                    type_=found[id_].type,
                    trace=id_,
                    about={"reason": why},
                )
                await _log(db, keys, settings.origin, event)
    finally:
        await engine.dispose()
    print(f"Teruggezet in de rij: {len(set(ids))}.")
    return 0


async def export(settings: Settings, folder: Path) -> int:
    """Write the log to ``folder`` with the public key beside it; return 0, or 2 when it cannot be written."""
    engine = open_engine(settings.database)
    keys = KeyService.open(settings.keys)
    try:
        async with writing(engine) as db:
            event = trail.event(
                What.EXPORTED, actor="beheerder", role="beheerder", message=None, type_="logboek", trace=""
            )
            await _log(db, keys, settings.origin, event)
        signed = True
        while signed:
            async with writing(engine) as db:
                signed = await log.sequence(db, keys.signer("log"), settings.origin, datetime.now(UTC)) is not None
        async with engine.connect() as db:
            summary = await write_export(db, folder, keys.signer("log"))
    except ExportError as error:
        print(error, file=sys.stderr)
        return 2
    finally:
        await engine.dispose()
    print(f"Logboek geschreven naar {folder}: {summary.entries} regels.")
    print(f"Controleer het met: python -m audit.verify {folder} {settings.keys.parent / 'log.vkey'}")
    return 0


def _parked(state: str) -> bool:
    try:
        advance(State(state), Event.REQUEUE)
    except IllegalTransitionError:
        return False
    return True


async def _log(db: AsyncConnection, keys: KeyService, origin: str, event: entry.Event) -> None:
    await log.append(db, [entry.make(event, key=keys.log_key(), origin=origin, at=datetime.now(UTC))])
