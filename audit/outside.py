"""What others say of this log, in SQL: heads that witnesses signed, and time stamps.

A connection first, never a commit.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audit import log
from audit.note import Checkpoint, NoteError, read_checkpoint, with_lines

_DAY = 86_400


async def keep_witnessed(db: AsyncConnection, head: Checkpoint, lines: Iterable[str], at: datetime) -> Checkpoint:
    """Keep what witnesses signed under ``head``; what others signed under it before stays. Returns the whole.

    Of each day the last is kept, and the newest of all.
    """
    table = log.witnessed
    newest = await witnessed(db)
    ours = head.origin, head.size, head.root
    same = newest is not None and (newest.origin, newest.size, newest.root) == ours
    note = with_lines(newest.note if newest and same else head.note, lines)
    day = int(at.timestamp()) // _DAY
    await db.execute(sa.delete(table).where(table.c.day == day))
    await db.execute(sa.insert(table), {"day": day, "size": head.size, "note": note, "at": at})
    return read_checkpoint(note.encode())


async def witnessed(db: AsyncConnection) -> Checkpoint | None:
    """Return the newest head with the signatures of witnesses, None before the first; raises `log.TamperedError`."""
    table = log.witnessed
    note = (await db.execute(sa.select(table.c.note).order_by(table.c.day.desc()).limit(1))).scalar_one_or_none()
    try:
        return None if note is None else read_checkpoint(str(note).encode())
    except NoteError:
        raise log.TamperedError("De laatste stand met handtekeningen van getuigen is niet te lezen.") from None


async def keep_stamp(db: AsyncConnection, head: Checkpoint, token: bytes, at: datetime) -> None:
    """Keep a time stamp over the text of ``head`` (RFC 3161)."""
    row = {"at": at, "size": head.size, "note": head.note, "token": token}
    await db.execute(sa.insert(log.stamps), row)


async def last_stamp(db: AsyncConnection) -> datetime | None:
    """When the last time stamp was got (UTC); None before the first."""
    newest = sa.select(log.stamps.c.at).order_by(log.stamps.c.at.desc()).limit(1)
    at = (await db.execute(newest)).scalar_one_or_none()
    return at if at is None or at.tzinfo else at.replace(tzinfo=UTC)  # SQLite keeps no time zone
