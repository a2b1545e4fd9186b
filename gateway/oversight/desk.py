"""Where officers are served: the parts that their pages need, who they are, and the rule that a look is first logged.

Functions that serve a page take the desk first, then who asks. Whatever they show of a person is logged before it is
shown: ``await desk.log(...)`` returns after the commit, so that without an entry there is nothing to see.
"""

import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from audit.entry import Entry, Event
from audit.keys import KeyService
from audit.record import record
from gateway import trail
from gateway.agreed.reading import Agreed
from gateway.commit import GroupCommit, Result
from gateway.oversight.accounts import Officers, OfficersError
from gateway.oversight.rights import Officer, Right, may
from gateway.oversight.sessions import Session
from gateway.parties import Parties
from gateway.register.change import Registry
from gateway.retention.policy import standard
from gateway.terms.agenda import Agenda
from gateway.trail import What

Fact = Callable[[AsyncConnection], Awaitable[Result]]
"""Something that is done in a transaction; it waits for nothing but its connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Who asks for a page, in which session, from where."""

    officer: Officer
    session: Session
    at: int
    """When, in milliseconds since 1970, UTC."""
    trace: str
    address: str = field(repr=False)

    @property
    def elevated(self) -> bool:
        """Tell whether he has emergency access now."""
        return self.session.is_elevated(self.at)

    def may(self, right: Right) -> bool:
        """Tell whether he has a right now."""
        return may(self.officer, right, elevated=self.elevated)

    def did(
        self,
        what: What,
        *,
        ok: bool = True,
        thing: str = "logboek",
        message: str | None = None,
        kind: str = "",
        parties: Sequence[str] | None = None,
        about: Mapping[str, Any] | None = None,
    ) -> Event:
        """Return the event that he did something. Without ``parties`` it is seen by the officers of his own party."""
        own = (self.officer.party,) if self.officer.party else ()
        event = trail.event(
            what, actor=self.officer.login, role=self.officer.role.value, trace=self.trace, ok=ok, thing=thing,
            message=message, kind=kind, parties=own if parties is None else parties,
            about={"access_point": self.address, "credential": self.session.id.hex()[:16], **(about or {})},
        )  # fmt: skip
        return replace(event, emergency=self.elevated)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """What a party reads over its interface, for the officers of that party to read as well."""

    agreed: Agreed
    agenda: Agenda
    registry: Registry


class Desk:
    """The parts of a running gateway that officers' pages work with."""

    def __init__(self, commit: GroupCommit, keys: KeyService, origin: str, officers: Path) -> None:
        """Serve with these parts; ``officers`` is the file of officers. Raises OfficersError if that is not sound."""
        self.commit = commit
        self.keys = keys
        self.origin = origin
        self.parties = Parties()
        self.policy = standard()
        self.interface: Interface | None = None
        self._file = officers
        self._seen = self._changed()
        self._officers = Officers.load(officers)

    @property
    def officers(self) -> Officers:
        """The officers of this moment: the file is read again if it changed; if it is not sound the old ones stay."""
        changed = self._changed()
        if changed != self._seen:
            self._seen = changed
            try:
                self._officers = Officers.load(self._file)
            except OfficersError as error:
                logging.getLogger("ketenpoort").error("functionarissen niet herlezen, de oude gelden nog: %s", error)  # noqa: TRY400 - it says all
        return self._officers

    def reading(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Return a connection to read with."""
        return self.commit.reading()

    async def do(self, fact: Fact[Result]) -> Result:
        """Do something in a transaction, perhaps with others; return its result once committed."""
        return await self.commit.do(_facts, fact)

    async def record(self, db: AsyncConnection, *events: Event) -> list[Entry]:
        """Write these events to the log within a fact, so that both stand or neither does; return their entries."""
        return await record(db, self.keys, self.origin, events, datetime.now(UTC))

    async def log(self, *events: Event) -> list[Entry]:
        """Write these events to the log; return their entries once committed. Only then show what they are about."""
        return await self.do(lambda db: self.record(db, *events))

    def named(self, code: str) -> str:
        """Return the name of a party; its code where it takes no part any more."""
        party = self.parties.by_code.get(code)
        return party.name if party else code

    def _changed(self) -> int:
        try:
            return self._file.stat().st_mtime_ns
        except FileNotFoundError:
            return 0


async def _facts(db: AsyncConnection, facts: Sequence[Fact[Result]]) -> Sequence[Result]:
    return [await fact(db) for fact in facts]


def now() -> int:
    """Return this moment, in milliseconds since 1970, UTC."""
    return time.time_ns() // 1_000_000
