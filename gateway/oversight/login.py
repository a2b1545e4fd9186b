"""Logging in and out: a password with a code, or the word of an OpenID provider; each attempt is a line in the log."""

import asyncio
import hmac
import secrets
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncConnection

from audit.entry import Event
from gateway import trail
from gateway.oversight import sessions
from gateway.oversight.accounts import Account, mark, password_fits, step_of
from gateway.oversight.desk import Asking, Desk
from gateway.oversight.sessions import Session
from gateway.trail import What

NOBODY = "onbekend"
"""The actor of an attempt on an account that does not exist; what was typed is not kept, it may be a password."""
_ATTEMPTS = "console-login"
"""Domain of the blind indexes under which attempts are counted; no party has this as its code."""
_AT_ONCE = 2
"""Passwords that are held against their hash together: each takes 32 MB and a processor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A browser that is not logged in."""

    address: str = field(repr=False)
    trace: str
    at: int


class Login:
    """The door of the console; ``known`` is who is already in."""

    def __init__(self, desk: Desk) -> None:
        """Let officers of this desk in."""
        self._desk = desk
        self._work = asyncio.Semaphore(_AT_ONCE)

    async def by_password(
        self, login: str, password: str, code: str, caller: Caller, *, again: Session | None = None
    ) -> str | None:
        """Begin a session, or confirm the one that is there; return its cookie, or None.

        The cookie is empty where one was confirmed. Nobody is told what was wrong, or that it is too soon.
        """
        account = self._desk.officers.by_login.get(login)
        guard = self._guard(login, caller, again)
        if not await self._desk.do(lambda db: sessions.may_try(db, guard, caller.at)):
            await self._tell(caller, _event(What.NOT_LET_IN, account, caller, reason="te veel pogingen"))
            return None
        async with self._work:
            fits = await asyncio.to_thread(password_fits, account, password)
        step = step_of(account, code, caller.at)
        if account is None or not fits or step is None:
            await self._desk.log(_event(What.NOT_LET_IN, account, caller, reason="wachtwoord of code klopt niet"))
            return None

        async def enter(db: AsyncConnection) -> str | None:
            if not await sessions.use_code(db, login, step):
                await self._desk.record(db, _event(What.NOT_LET_IN, account, caller, reason="code al gebruikt"))
                return None
            await sessions.forgive(db, list(guard))
            return await self._enter(db, account, caller, again=again)

        return await self._desk.do(enter)

    async def by_provider(
        self, issuer: str, subject: str, sid: str | None, caller: Caller, *, again: Session | None = None
    ) -> str | None:
        """As ``by_password``, for whom an OpenID provider vouches."""
        account = self._desk.officers.by_subject.get((issuer, subject))
        if account is None:
            await self.refused(caller, "geen functionaris")
            return None
        return await self._desk.do(lambda db: self._enter(db, account, caller, again=again, sid=sid))

    async def refused(self, caller: Caller, reason: str) -> None:
        """Write down that somebody was not let in; ``reason`` holds nothing that he typed."""
        await self._tell(caller, _event(What.NOT_LET_IN, None, caller, reason=reason))

    async def _tell(self, caller: Caller, event: Event) -> None:
        """Log what cost nobody anything, unless it was told often of this address: a stranger must not fill the log."""
        [key] = self._desk.keys.indexes([(_ATTEMPTS, f"verteld {caller.address}")])

        async def fact(db: AsyncConnection) -> None:
            if await sessions.may_try(db, {key: sessions.FREE_OF_ADDRESS}, caller.at):
                await self._desk.record(db, event)

        await self._desk.do(fact)

    async def _enter(
        self, db: AsyncConnection, account: Account, caller: Caller, *, again: Session | None, sid: str | None = None
    ) -> str | None:
        officer = account.officer
        if again and again.officer != officer.login:
            await self._desk.record(db, _event(What.NOT_LET_IN, account, caller, reason="een ander is aangemeld"))
            return None
        value = secrets.token_urlsafe(32)
        cookie = "" if again else f"{value}.{mark(account, value)}"
        if again:
            await sessions.confirm(db, again.id, caller.at)
        else:
            await sessions.begin(db, cookie, officer.login, caller.at, sid=sid)
        credential = (again.id if again else sessions.id_of(cookie)).hex()[:16]
        reason = {"reason": "bevestigd"} if again else {}
        await self._desk.record(db, _event(What.LOGGED_IN, account, caller, credential=credential, **reason))
        return cookie

    def _guard(self, login: str, caller: Caller, again: Session | None) -> dict[bytes, int]:
        """Return what this attempt counts for; who confirms is not kept waiting by strangers who try his account."""
        if again and again.officer == login:
            [session] = self._desk.keys.indexes([(_ATTEMPTS, f"sessie {again.id.hex()}")])
            return {session: sessions.FREE_OF_ACCOUNT}
        account, address = self._desk.keys.indexes(
            [(_ATTEMPTS, f"account {login}"), (_ATTEMPTS, f"adres {caller.address}")]
        )
        return {account: sessions.FREE_OF_ACCOUNT, address: sessions.FREE_OF_ADDRESS}

    async def asking(self, cookie: str, caller: Caller) -> Asking | None:
        """Return who asks, by his cookie; None if nobody is logged in with it, or his account changed since."""
        async with self._desk.reading() as db:
            session = await sessions.find(db, cookie, caller.at)
        account = session and self._desk.officers.by_login.get(session.officer)
        value, _, marked = cookie.partition(".")
        if not session or not account or not hmac.compare_digest(marked.encode(), mark(account, value).encode()):
            return None
        if sessions.is_due(session, caller.at):
            await self._desk.do(lambda db: sessions.seen(db, session.id, caller.at))
        return Asking(
            officer=account.officer, session=session, at=caller.at, trace=caller.trace, address=caller.address
        )

    async def out(self, asking: Asking) -> None:
        """End a session."""

        async def leave(db: AsyncConnection) -> None:
            await sessions.end(db, asking.session.id)
            await self._desk.record(db, asking.did(What.LOGGED_OUT, thing="functionaris"))

        await self._desk.do(leave)

    async def out_by_provider(self, sid: str, caller: Caller) -> None:
        """End the sessions that the OpenID provider says are over."""

        async def leave(db: AsyncConnection) -> None:
            accounts = [self._desk.officers.by_login.get(login) for login in await sessions.end_sid(db, sid)]
            reason = "de inlogdienst meldde af"
            await self._desk.record(db, *(_event(What.LOGGED_OUT, each, caller, reason=reason) for each in accounts))

        await self._desk.do(leave)


def _event(what: What, account: Account | None, caller: Caller, **about: str) -> Event:
    officer = account.officer if account else None
    return trail.event(
        what,
        actor=officer.login if officer else NOBODY,
        role=officer.role.value if officer else "onbekend",
        trace=caller.trace,
        ok=what is not What.NOT_LET_IN,
        thing="functionaris",
        parties=(officer.party,) if officer and officer.party else (),
        about={"access_point": caller.address, **about},
    )
