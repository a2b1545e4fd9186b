"""Who is logged in, in SQL: sessions, codes that were used, attempts that failed.

Every function takes the connection first and never commits. Of a cookie only a hash is stored, so that a copy of the
database opens no session. Moments are milliseconds since 1970, UTC.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.tables import console_attempts, console_codes, console_sessions

MINUTE = 60_000
IDLE = 15 * MINUTE
"""Without a request for so long, a session is over."""
LONGEST = 8 * 60 * MINUTE
"""So long a session lasts at most."""
FRESH = 5 * MINUTE
"""So long after logging in may be done what asks for it anew: open, export, destroy, break glass."""
FREE_OF_ACCOUNT, FREE_OF_ADDRESS = 5, 20
"""Attempts in a row that cost nothing, on one account and from one address; each after that doubles the wait."""
MOST_WAIT = 15 * MINUTE
_SEEN_EVERY = MINUTE // 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One officer, logged in on one browser."""

    id: bytes
    """Hash of the cookie."""
    officer: str
    """His login."""
    began_at: int
    seen_at: int
    fresh_at: int
    """When he last showed that it is him."""
    elevated_until: int
    """Until when he has emergency access; 0: he has none."""
    sid: str | None
    """What the OpenID provider calls this session; None for one that began with a password."""

    def is_fresh(self, at: int) -> bool:
        """Tell whether he showed lately that it is him."""
        return at - self.fresh_at < FRESH

    def is_elevated(self, at: int) -> bool:
        """Tell whether his emergency access lasts."""
        return at < self.elevated_until


def id_of(cookie: str) -> bytes:
    """Return under what a session stands."""
    return hashlib.sha256(b"ketenpoort|session|" + cookie.encode()).digest()


def over(began_at: int, seen_at: int, at: int) -> bool:
    """Tell whether a session is over by its age, or because nobody used it."""
    return at - seen_at >= IDLE or at - began_at >= LONGEST


def wait(failures: int, free: int, last_at: int) -> int:
    """Return from which moment on the next attempt may be made, after so many that failed, of which some are free."""
    late = failures - free
    return last_at + min(1000 * 2**late, MOST_WAIT) if late >= 0 else 0


async def begin(db: AsyncConnection, cookie: str, officer: str, at: int, *, sid: str | None = None) -> None:
    """Begin a session; what is over by now is swept away."""
    sessions = console_sessions.c
    await db.execute(
        sa.delete(console_sessions).where((sessions.seen_at <= at - IDLE) | (sessions.began_at <= at - LONGEST))
    )
    await db.execute(
        sa.insert(console_sessions),
        {
            "id": id_of(cookie), "officer": officer, "began_at": at, "seen_at": at, "fresh_at": at,
            "elevated_until": 0, "sid": sid,
        },
    )  # fmt: skip


async def find(db: AsyncConnection, cookie: str, at: int) -> Session | None:
    """Return the session of a cookie, None if there is none or it is over."""
    row = (await db.execute(sa.select(console_sessions).where(console_sessions.c.id == id_of(cookie)))).first()
    if row is None or over(row.began_at, row.seen_at, at):
        return None
    return Session(**{**row._mapping, "id": bytes(row.id)})  # noqa: SLF001 - its public name, underscored against columns


async def officers(db: AsyncConnection, at: int) -> set[str]:
    """Return the logins of all who have a session that is not over."""
    alive = console_sessions.c.seen_at > at - IDLE, console_sessions.c.began_at > at - LONGEST
    return set((await db.execute(sa.select(console_sessions.c.officer).where(*alive))).scalars())


def is_due(session: Session, at: int) -> bool:
    """Tell whether it is time to write down that a session is used; not at each request."""
    return at - session.seen_at >= _SEEN_EVERY


async def seen(db: AsyncConnection, id_: bytes, at: int) -> None:
    """Write down that a session was used."""
    await db.execute(sa.update(console_sessions).where(console_sessions.c.id == id_).values(seen_at=at))


async def confirm(db: AsyncConnection, id_: bytes, at: int) -> None:
    """Write down that an officer showed again that it is him."""
    await db.execute(sa.update(console_sessions).where(console_sessions.c.id == id_).values(seen_at=at, fresh_at=at))


async def elevate(db: AsyncConnection, id_: bytes, until: int) -> None:
    """Give a session emergency access until a moment; 0 ends it."""
    await db.execute(sa.update(console_sessions).where(console_sessions.c.id == id_).values(elevated_until=until))


async def end(db: AsyncConnection, id_: bytes) -> None:
    """End one session."""
    await db.execute(sa.delete(console_sessions).where(console_sessions.c.id == id_))


async def end_sid(db: AsyncConnection, sid: str) -> list[str]:
    """End the sessions that an OpenID provider calls so; return whose they were."""
    gone = sa.delete(console_sessions).where(console_sessions.c.sid == sid).returning(console_sessions.c.officer)
    return [str(officer) for officer in (await db.execute(gone)).scalars()]


async def may_try(db: AsyncConnection, free: Mapping[bytes, int], at: int) -> bool:
    """Count one attempt under each of these keys (blind indexes), unless one of them must wait; tell which.

    ``free`` says for each key how many attempts cost nothing. Counted before it is known how one ends, so that many
    at once are no way round.
    """
    attempts, mine = console_attempts.c, console_attempts.c.key.in_(list(free))
    await db.execute(sa.delete(console_attempts).where(attempts.last_at <= at - MOST_WAIT))
    insert = postgresql.insert if db.dialect.name == "postgresql" else sqlite.insert
    none = [{"key": key, "failures": 0, "last_at": at} for key in sorted(free)]
    await db.execute(insert(console_attempts).on_conflict_do_nothing(), none)
    # Rows that are there can be locked, in one order: another gateway waits here, and then sees what we counted.
    rows = await db.execute(sa.select(console_attempts).where(mine).order_by(attempts.key).with_for_update())
    if any(at < wait(row.failures, free[bytes(row.key)], row.last_at) for row in rows):
        return False
    await db.execute(sa.update(console_attempts).where(mine).values(failures=attempts.failures + 1, last_at=at))
    return True


async def forgive(db: AsyncConnection, keys: list[bytes]) -> None:
    """Forget the attempts that failed under these keys: it was him after all."""
    await db.execute(sa.delete(console_attempts).where(console_attempts.c.key.in_(keys)))


async def use_code(db: AsyncConnection, officer: str, step: int) -> bool:
    """Use up the code of one step; False if it, or a later one, was used before."""
    insert = postgresql.insert if db.dialect.name == "postgresql" else sqlite.insert
    new = insert(console_codes).values(officer=officer, step=step)
    later = new.on_conflict_do_update(
        index_elements=[console_codes.c.officer], set_={"step": step}, where=console_codes.c.step < step
    )
    return bool((await db.execute(later)).rowcount)
