"""The last head of the log in a file outside its database, so that a database that was put back is recognised.

Who can change the database cannot change this file with it, if it stands elsewhere: that is the point of it.
"""

from pathlib import Path

from audit.log import TamperedError
from audit.note import Checkpoint, NoteError, VerifierKey, parse, read_checkpoint, signed_by
from audit.witness_folder import write_safely


class RolledBackError(TamperedError):
    """The database is older than the last head that was kept outside it, or another; the text says so in Dutch."""


def keep(place: Path, head: Checkpoint) -> None:
    """Keep ``head`` as the last one; it is on disk when this returns. Raises ``OSError``."""
    write_safely(place, head.note)


def last(place: Path, key: VerifierKey) -> Checkpoint | None:
    """Return the head that was kept last, None if none was.

    Raises `RolledBackError` if what is there is not a head that ``key`` signed: that file says what must be true, so
    it is not passed over when it cannot be read. ``OSError`` if it cannot be opened.
    """
    try:
        data = place.read_bytes()
    except FileNotFoundError:
        return None
    try:
        head, note = read_checkpoint(data), parse(data)
    except NoteError:
        raise RolledBackError(f"De laatste stand in {place} is niet te lezen.") from None
    if head.origin != key.name:
        raise RolledBackError(f"De laatste stand in {place} is van een ander logboek: {head.origin}.")
    if not signed_by(note, key):
        raise RolledBackError(f"De laatste stand in {place} is niet door dit logboek ondertekend.")
    return head
