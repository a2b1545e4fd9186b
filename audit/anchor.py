"""The last head of the log in a file outside its database, so that a database that was put back is recognised.

Who can change the database cannot change this file with it, if it stands elsewhere: that is the point of it.
"""

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection

from audit import log
from audit.log import TamperedError
from audit.note import Checkpoint, NoteError, VerifierKey, parse, read_checkpoint, signed_by
from audit.witness_folder import write_safely


class RolledBackError(TamperedError):
    """The database is older than the last head that was kept outside it, or another; the text says so in Dutch."""


def keep(place: Path, head: Checkpoint) -> None:
    """Keep ``head`` as the last one; it is on disk when this returns. Raises ``OSError``."""
    write_safely(place, head.note)


def last(place: Path, keys: Sequence[VerifierKey]) -> Checkpoint | None:
    """Return the head that was kept last, None if none was.

    Raises `RolledBackError` if what is there is not a head that one of ``keys`` signed: that file says what must be
    true, so it is not passed over when it cannot be read. ``OSError`` if it cannot be opened.
    """
    try:
        data = place.read_bytes()
    except FileNotFoundError:
        return None
    try:
        head, note = read_checkpoint(data), parse(data)
    except NoteError:
        raise RolledBackError(f"De laatste stand in {place} is niet te lezen.") from None
    if head.origin not in {key.name for key in keys}:
        raise RolledBackError(f"De laatste stand in {place} is van een ander logboek: {head.origin}.")
    if not any(signed_by(note, key) for key in keys):
        raise RolledBackError(f"De laatste stand in {place} is niet door dit logboek ondertekend.")
    return head


async def check(db: AsyncConnection, place: Path, keys: Sequence[VerifierKey]) -> Checkpoint | None:
    """Make sure that the log in this database begins with the head that was kept last; returns that, None if none was.

    Raises `RolledBackError` if it does not; `log.TamperedError` if its own head is not sound.
    """
    held = last(place, keys)
    if held is None:
        return None
    head = await log.trusted(db, *keys)
    stands = head.size if head else 0
    if stands < held.size:
        raise RolledBackError(
            f"De database is ouder dan de laatste stand in {place}: daar {held.size} regels, in de database {stands}."
            " Is er een reservekopie teruggezet? Lees dan 'Back up and restore' in docs/operations.md."
        )
    if await log.root_at(db, held.size) != held.root:
        raise RolledBackError(f"De database begint niet met de laatste stand in {place}: het is een ander logboek.")
    return held
