"""After a database was put back: the log goes on as another log, and says what was lost (ADR 0018)."""

import asyncio
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection

from audit import anchor, log, sequencer
from audit.export import publish_key
from audit.keys import KeyService
from audit.note import Checkpoint, NoteError, keys_of_log, parse, read_checkpoint, signed_by
from audit.record import record
from gateway import trail
from gateway.commit import open_engine, writing
from gateway.settings import Settings
from gateway.trail import What


class _CannotError(Exception):
    """Nothing was done; the text says in Dutch why and what to do."""


async def restore(settings: Settings, *, who: str, why: str, held: Path | None = None) -> int:
    """Let the log of a database that was put back go on under the name ``logboek`` of the settings.

    ``held`` is the last head from before, else the anchor. Writes what was lost as the first line after it, and the new
    head, anchor and public key. Returns 0; 2 if it cannot be done or need not, told in Dutch: then nothing changed.
    """
    place = held or settings.anchor
    engine = open_engine(settings.database)
    keys = KeyService.open(settings.keys)
    signing = sequencer.signing(keys)
    try:
        lost = await asyncio.to_thread(_lost, place, signing, settings.log_name)
        async with writing(engine) as db:
            stood = await _stood(db, lost, signing)
            told = trail.event(
                What.RESTORED, actor=who, role="beheerder", thing="logboek", trace="", about={"reason": why}
            )
            told = replace(told, clear={"lost_size": lost.size, "lost_root": lost.root.hex()})
            await record(db, keys, settings.origin, [told], datetime.now(UTC))
            head = await log.sequence(db, signing, settings.log_name, datetime.now(UTC), after=lost.origin)
    except (_CannotError, log.TamperedError) as error:
        print(error, file=sys.stderr)
        return 2
    finally:
        await engine.dispose()
        keys.close()
    assert head is not None, "a line was waiting"
    await asyncio.to_thread(_publish, settings, signing, lost, head)
    print(f"Het logboek {lost.origin} had {lost.size} regels; in deze database staan er {stood}.")
    print(f"Het gaat verder als {head.origin}, vanaf regel {stood}. Start de poort nu.")
    print(f"Geef {_vkey(settings)} aan partijen, getuigen en de auditor, langs de weg van de vorige sleutel.")
    return 0


def _lost(place: Path, signing: log.Signing, name: str) -> Checkpoint:
    """Read the last head from before the restore: signed by us, under another name than the log is to have."""
    try:
        data = place.read_bytes()
        head, note = read_checkpoint(data), parse(data)
    except OSError:
        raise _CannotError(
            f"Er is geen stand {place}. Vraag de laatste aan een getuige en geef hem met --stand."
        ) from None
    except NoteError:
        raise _CannotError(f"{place} is geen stand van een logboek.") from None
    if not any(signed_by(note, key) for key in signing.keys(head.origin)):
        raise _CannotError(f"De stand in {place} is niet met een sleutel van deze poort ondertekend.")
    if head.origin == name:
        next_ = _successor(name)
        raise _CannotError(f'Geef het logboek eerst een nieuwe naam. Zet in de instellingen: logboek = "{next_}"')
    return head


async def _stood(db: AsyncConnection, lost: Checkpoint, signing: log.Signing) -> int:
    """Return how many lines the database has of the lost log; refuse where none is missing."""
    head = await log.trusted(db, *signing.keys(lost.origin))
    size = head.size if head else 0
    if size >= lost.size and await log.root_at(db, lost.size) == lost.root:
        raise _CannotError("In deze database ontbreekt niets: ze bevat de laatste stand. Start de poort gewoon.")
    return size


def _successor(origin: str) -> str:
    name, _, number = origin.partition("/")
    return f"{name}/{int(number) + 1 if number.isdecimal() else 2}"


def _vkey(settings: Settings) -> Path:
    return settings.anchor.parent / f"log-{settings.log_name.replace('/', '-')}.vkey"


def _publish(settings: Settings, signing: log.Signing, lost: Checkpoint, head: Checkpoint) -> None:
    """Keep the lost head beside the new one, and write the new public keys."""
    anchor.keep(settings.anchor.with_name(f"{settings.anchor.name}.{lost.origin.replace('/', '-')}"), lost)
    anchor.keep(settings.anchor, head)
    publish_key(_vkey(settings), *keys_of_log(settings.log_name, signing.plain[0], signing.mldsa[0]))
