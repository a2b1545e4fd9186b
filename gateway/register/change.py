"""The register at work: what is proposed or decided is kept in one commit with its line in the log."""

import secrets
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from audit.entry import Event
from audit.keys import KeyService
from audit.record import record
from gateway import trail
from gateway.clock import now, today
from gateway.commit import GroupCommit, Result
from gateway.parties import Parties
from gateway.register import store
from gateway.register.allowed import GATEWAY, faults, may_decide, sides
from gateway.register.fold import DAY, Expiry, expiring, fold, spent
from gateway.register.forms import read
from gateway.register.values import Change, Kind, Register, Who
from gateway.store import lock
from gateway.terms import notices
from gateway.terms.notices import Notice
from gateway.trail import Visit, What

MOST_OPEN = 100
"""Proposals of one that may wait for a decision."""
MOST_LISTED = 200
"""Changes in one answer."""
KEPT = 365 * DAY
"""Milliseconds that a contact is kept after another took his place, and what was refused or never decided."""
_LOCK = "register"
"""Who decides waits for who decides: two changes that are each sound may not be so together."""

Fact = Callable[[AsyncConnection], Awaitable[Result]]
Writing = Callable[[], AbstractAsyncContextManager[AsyncConnection]]
"""Opens a transaction that writes."""


class ProposalError(Exception):
    """A proposal or decision cannot be taken; ``wrong`` says all that is wrong with it, in Dutch."""

    def __init__(self, wrong: Collection[str]) -> None:
        super().__init__(" ".join(wrong))
        self.wrong = list(wrong)


class UnknownChangeError(Exception):
    """There is no such change for who asks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """A change that waits for a decision; ``again`` if it was proposed before."""

    change: Change
    again: bool


class Registry:
    """The register of one gateway, and the way to change it."""

    def __init__(self, commit: GroupCommit, keys: KeyService, origin: str) -> None:
        """Work with these parts; ``load`` reads what there is."""
        self._commit = commit
        self._keys = keys
        self._origin = origin
        self._known: dict[str, Change] = {}
        self._base = Parties()
        self._mark = (-1, -1)
        self.now = Register()

    async def load(self, base: Parties) -> bool:
        """Read the register that begins with ``base``, as far as it changed; return whether it did."""
        async with self._commit.reading() as db:
            mark = await store.mark(db)
            if mark == self._mark and base is self._base:
                return False
            self._known = await store.granted(db, self._keys, self._known)
        self._mark, self._base = mark, base
        self.now = fold(base, self._known.values())
        return True

    async def propose(self, subject: str, kind: str, value: Any, who: Who, visit: Visit) -> Proposed:
        """Keep a proposal and log it; the same one again is the same. Raises ProposalError."""
        normal, wrong = read(subject, kind, value)
        if wrong:
            raise ProposalError(wrong)
        found = sides(self.now, subject, Kind(kind), normal, who)
        if found is None:
            raise ProposalError([f"U kunt '{kind}' niet voorstellen voor {subject}."])
        change = Change(
            id=secrets.token_hex(16), subject=subject, kind=Kind(kind), value=normal, side=found[0], decides=found[1],
            proposed_at=now(), proposed_by=who.name,
        )  # fmt: skip

        async def fact(db: AsyncConnection) -> Proposed:
            if known := await store.same(db, self._keys, change):
                return Proposed(change=known, again=True)
            await self._sound(db, change)
            if await store.count_open(db, who.name) >= MOST_OPEN:
                raise ProposalError([f"Er wachten al {MOST_OPEN} voorstellen van u. Wacht tot daarop is besloten."])
            await store.add(db, self._keys, change)
            await self._log(db, _event(What.CHANGE_PROPOSED, change, who, visit))
            return Proposed(change=change, again=False)

        return await self._do(fact)

    async def decide(self, id_: str, who: Who, visit: Visit, *, grant: bool, reason: str = "") -> Change:
        """Grant or refuse a change, and log that; it is looked at again first.

        Raises UnknownChangeError if it is not for who asks, ProposalError if it was decided, is his own or, to be
        granted, is no longer sound.
        """

        async def fact(db: AsyncConnection) -> Change:
            await lock(db, [_LOCK])
            change = await store.one(db, self._keys, id_)
            if change is None or not {change.side, change.decides} & who.codes:
                raise UnknownChangeError
            if not may_decide(change, who):
                raise ProposalError([_why_not(change, who)])
            if grant:
                await self._sound(db, change)
            last = (await store.mark(db))[1]
            decided = replace(
                change, decided_at=max(now(), last + 1), decided_by=who.name, granted=grant, reason=reason
            )
            await store.decide(db, self._keys, decided)
            what = What.CHANGE_GRANTED if grant else What.CHANGE_REFUSED
            await self._log(db, _event(what, decided, who, visit))
            return decided

        return await self._do(fact)

    async def tend(self, writing: Writing, at: int) -> None:
        """Tell who has a certificate that ends soon, and let go of who is no contact any more; ``at`` is in ms."""
        stripped = {each.id: each for each in spent(self._known.values(), at - KEPT)}
        async with writing() as db:
            await notices.add(db, [_notice(each, at) for each in expiring(self.now, at)])
            for change in stripped.values():
                await store.strip(db, self._keys, change)
            await store.forget(db, before=at - KEPT)
        self._known |= stripped

    async def concerning(self, codes: Collection[str], *, only_open: bool = False) -> list[Change]:
        """Return what was proposed for these codes or is theirs to decide: the newest ``MOST_LISTED``."""
        async with self._commit.reading() as db:
            return await store.concerning(db, self._keys, codes, only_open=only_open, most=MOST_LISTED)

    async def _sound(self, db: AsyncConnection, change: Change) -> None:
        """Hold a change against the register as this transaction sees it."""
        register = fold(self._base, (await store.granted(db, self._keys, self._known)).values())
        if wrong := faults(register, change, day=today(), now=now()):
            raise ProposalError(wrong)

    async def _log(self, db: AsyncConnection, event: Event) -> None:
        await record(db, self._keys, self._origin, [event], datetime.now(UTC))

    async def _do(self, fact: Fact[Result]) -> Result:
        return await self._commit.do(_facts, fact)


async def _facts(db: AsyncConnection, facts: Sequence[Fact[Result]]) -> Sequence[Result]:
    return [await fact(db) for fact in facts]


def parties_of(change: Change) -> tuple[str, ...]:
    """Return the codes of the parties that a change concerns: its officers may see its lines in the log."""
    _, *rest = change.subject.split("/")
    named = [part for part in rest if part.isdigit() and len(part) in {4, 8}]
    to = [str(change.value["aan"])] if change.kind in {Kind.MANDATE, Kind.MANDATE_ENDS} else []
    return tuple(dict.fromkeys(code for code in (change.side, change.decides, *named, *to) if code != GATEWAY))


def _event(what: What, change: Change, who: Who, visit: Visit) -> Event:
    about = {"document": f"{change.subject} {change.kind.value}", "checks": {"wijziging": change.id}}
    reason = {"reason": change.reason} if change.reason else {}
    return trail.event(
        what, actor=who.name, role="partij" if "/" not in who.name else "beheerder", thing="register",
        trace=visit.trace, ok=what is not What.CHANGE_REFUSED, parties=parties_of(change),
        about={**visit.via, **about, **reason},
    )  # fmt: skip


def _notice(expiry: Expiry, at: int) -> Notice:
    about = f"{expiry.certificate.partition(':')[2][:32]}-{expiry.within}"  # one for each of the days before its end
    return Notice(party=expiry.party, kind=notices.Kind.CERTIFICATE, at=at, about=about, due_at=expiry.until)


def _why_not(change: Change, who: Who) -> str:
    if change.granted is not None:
        return "Op dit voorstel is al besloten."
    if change.decides not in who.codes:
        return "Over dit voorstel beslist een ander."
    return "U hebt dit zelf voorgesteld. Een ander moet erover besluiten."
