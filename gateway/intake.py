"""Intake: the one door. Whatever comes in, from whomever, goes through ``accept``.

It owns the promise: a receipt is given only for what is committed, body, delivery and log entry together. If we die
before the commit, nothing happened and the sender, without a receipt, sends again; if we die after it, the
sender sends again too and gets the same receipt.
"""

import hashlib
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from audit.entry import Event
from audit.keys import KeyService
from audit.record import record
from gateway import answer, bodies, store, trail
from gateway.answer import Codes
from gateway.catalog import Catalog
from gateway.check import MOST
from gateway.clock import milliseconds
from gateway.commit import GroupCommit, aside
from gateway.decide import Accepted, Arrival, Decision, Findings, New, allowed, decide, outcome, promise
from gateway.explain import HEADER, finding
from gateway.history import History, OpenPage
from gateway.ledger.page import Page
from gateway.ledger.values import Said
from gateway.mailbox import Mailbox
from gateway.message import Checked, Facts, Finding, wet_of
from gateway.parties import Parties, Party
from gateway.receipt import issue
from gateway.retention import secret
from gateway.terms import store as terms
from gateway.terms.decide import Taken, changes, dossiers
from gateway.trail import Visit, What

MOST_UNDERWAY = 256 * 2**20
"""Bytes that may be under way at once; more is answered 'try again', so that a flood cannot exhaust memory."""


class BusyError(Exception):
    """Too much is under way; the sender should try again in a second. Nothing was stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """The message counts as not sent. ``answer`` is the id of the retour that now waits for the sender, if any."""

    type: str | None
    findings: tuple[Finding, ...]
    total: int
    answer: str | None = None


class Checker(Protocol):
    """Judges a document; ``gateway.worker`` does so in a disposable process."""

    async def check(self, raw: bytes) -> Checked:
        """Return the verdict; never raises for anything in the document."""
        ...

    async def refuse(self, raw: bytes, codes: Codes, *, identification: str, today: str) -> bytes:
        """Return the answer that refuses a message that passed the check; empty if it cannot be made."""
        ...

    async def xml_of(self, raw: bytes) -> tuple[Checked, bytes]:
        """Return the verdict on JSON, and the XML that it stands for; empty if it is no message."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """A message that passed the check, and who brings it; ``role`` is what that one is in its exchange."""

    raw: bytes = field(repr=False)
    checked: Checked = field(repr=False)
    facts: Facts
    actor: str
    role: str
    visit: Visit
    unreachable: bool = False
    """The receiver takes no part: no fault of a copy whose original was taken in when it still did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A refused message on its way to the commit: the fact, its entry and perhaps our answer."""

    row: Mapping[str, Any] = field(repr=False)
    events: Sequence[Event]
    answer: Sound | None


class Intake:
    """Checks, decides, commits, answers. One per process."""

    def __init__(
        self,
        *,
        checker: Checker,
        commit: GroupCommit,
        keys: KeyService,
        catalog: Catalog,
        mailbox: Mailbox,
        origin: str,
        history: History | None = None,
    ) -> None:
        """Take the parts that ``app`` made; ``parties`` is set by it, and again when the file changes.

        Without ``history`` no message is held against earlier ones, and nothing of it is kept but itself.
        """
        self._checker = checker
        self._commit = commit
        self._keys = keys
        self._catalog = catalog
        self._mailbox = mailbox
        self._origin = origin
        self._history = history
        self._underway = 0
        self.parties = Parties()

    async def accept(self, raw: bytes, caller: Party, visit: Visit, *, json: bool = False) -> Accepted | Rejected:
        """Take one message from an authenticated party; return after the commit.

        Of ``json``, the XML that it stands for is the message: that is stored, and its digest stands in the receipt.
        Raises BusyError when too much is under way.
        """
        if self._underway + len(raw) > MOST_UNDERWAY:
            raise BusyError
        self._underway += len(raw)
        try:
            if json:
                checked, made = await self._checker.xml_of(raw)
                return await self._accept(made or raw, checked, caller, visit)
            return await self._accept(raw, await self._checker.check(raw), caller, visit)
        finally:
            self._underway -= len(raw)

    async def _accept(self, raw: bytes, checked: Checked, caller: Party, visit: Visit) -> Accepted | Rejected:
        facts = checked.facts
        if facts is None:
            return await self._refuse(raw, checked, caller, visit)
        wrong = allowed(facts, caller, now=datetime.now(UTC))
        unknown = () if facts.receiver in self.parties.by_code else (finding("KP021", path=HEADER),)
        if wrong or checked.findings:
            return await self._refuse(raw, _also(checked, *wrong, *unknown), caller, visit)
        sound = Sound(
            raw=raw, checked=checked, facts=facts, actor=caller.code, role="afzender", visit=visit,
            unreachable=bool(unknown),
        )  # fmt: skip
        came_of_it = await self._commit.do(self.receive, sound, size=len(raw))
        if isinstance(came_of_it, tuple):
            return await self._refuse(raw, _also(checked, *came_of_it), caller, visit)
        if not came_of_it.again:
            self._mailbox.arrived(facts.receiver)
        return came_of_it

    def _arrive(self, sound: Sound, now: datetime) -> Arrival:
        raw, facts = sound.raw, sound.facts
        received = milliseconds(now)
        id_ = f"{received:012x}{secrets.token_hex(10)}"  # time-ordered, so that indexes grow at their end
        answered = self._catalog.of(facts).answers
        event = trail.event(
            What.ANSWERED if sound.role == "poort" else What.RECEIVED,
            actor=sound.actor, role=sound.role, message=id_, kind=facts.type, trace=sound.visit.trace, wet=facts.wet,
            parties=(facts.sender, facts.receiver), about=sound.visit.via,
        )  # fmt: skip
        digest = hashlib.sha256(raw).digest()
        message_key = store.key_of(facts.sender, facts.type, facts.identification)
        return Arrival(
            id=id_,
            key=message_key,
            digest=digest,
            answered=store.key_of(facts.receiver, answered, facts.answers) if answered and facts.answers else None,
            row={
                "id": id_,
                "key": message_key,
                "type": facts.type,
                "sender": facts.sender,
                "receiver": facts.receiver,
                "identification": facts.identification,
                "wet": facts.wet,
                "received_at": received,
                "size": len(raw),
                "digest": digest,
                **bodies.sealed(self._keys, id_, raw, facts.subjects),
            },
            event=event,
            subjects=facts.subjects,
            unreachable=sound.unreachable,
        )

    async def receive(self, db: AsyncConnection, sounds: Sequence[Sound]) -> list[Accepted | Findings]:
        """Commit step: store what is new, recognise what is not."""
        # Sealed and logged here, all in one go, and not each in its own task: that keeps the processor's caches warm.
        now = datetime.now(UTC)
        arrivals = [self._arrive(sound, now) for sound in sounds]
        heard = [(sound.facts, sound.checked.said) for sound in sounds]
        # First of all, for it may wait: who makes a person secret waits until nobody takes messages in.
        hidden = await secret.refused(db, self._keys, heard)
        wanted = {arrival.key for arrival in arrivals}
        wanted |= {arrival.answered for arrival in arrivals if arrival.answered}
        known = await store.known(db, wanted)
        originals = {known[arrival.answered].id for arrival in arrivals if arrival.answered in known}
        taken = await store.answered(db, originals) if originals else set()
        size = sum(len(sound.raw) for sound in sounds)
        page = await self._history.read(db, heard, size=size) if self._history else None
        hear = partial(_hear, hidden, page, heard)
        decisions = await aside(db, size, lambda: decide(arrivals, known, taken, hear))
        decided = list(zip(arrivals, decisions, strict=True))
        if self._history and page:
            await self._history.write(db, page, at=milliseconds(now), size=size)
        new = [(arrival, decision.answers) for arrival, decision in decided if isinstance(decision, New)]
        again = [
            # A copy is a fact about its original: an id of its own would name a message that exists nowhere.
            trail.repeated(arrival.event, original=decision.id)
            for arrival, decision in decided
            if isinstance(decision, Accepted)
        ]
        receipts = await self._store(db, new, again, now)
        await self._terms(db, [(*pair, sound) for pair, sound in zip(decided, sounds, strict=True)], page, now, size)
        return [outcome(arrival, decision, receipts) for arrival, decision in decided]

    async def _terms(
        self, db: AsyncConnection, decided: Sequence[tuple[Arrival, Decision, Sound]], page: OpenPage | None,
        now: datetime, size: int,
    ) -> None:  # fmt: skip
        """Keep by when must be done what the messages that are new ask for, and that what they do is done."""
        new = [(arrival, each.answers, sound) for arrival, each, sound in decided if isinstance(each, New)]
        turns = page.turns if page else {}
        taken = [
            Taken(
                facts=sound.facts, card=self._catalog.of(sound.facts), answers=(answers and arrival.answered) or "",
                dossiers=dossiers(sound.facts, turns),
            )
            for arrival, answers, sound in new
        ]  # fmt: skip
        changed = await aside(db, size, partial(changes, taken, now))
        ids = {arrival.key: arrival.id for arrival, *_ in new}
        answered = [answers for _, answers, _ in new if answers]
        names = page.names if page else {}
        await terms.write(db, self._keys, changed, ids, answered, names, at=milliseconds(now))

    async def _store(
        self, db: AsyncConnection, new: Sequence[tuple[Arrival, str | None]], also: Sequence[Event], now: datetime
    ) -> dict[str, bytes]:
        """Store messages with what they answer, and log them and what else happened; return their receipts by id."""
        roads = {(arrival.row["sender"], arrival.receiver) for arrival, _ in new if self._push(arrival.receiver)}
        if roads:  # before the log is written: everybody who locks both locks lanes first, then persons
            await store.wake(db, roads, milliseconds(now))
        told = [event for arrival, _ in new for event in trail.per_subject(arrival.event, arrival.subjects)]
        logged = await record(db, self._keys, self._origin, [*told, *also], now)
        if not new:
            return {}
        first = {each.event.message: each.leaf for each in reversed(logged[: len(told)])}
        promises = [promise(arrival, first[arrival.id]) for arrival, _ in new]
        receipts = issue(promises, key_name=f"{self._origin}/ontvangst", sign=self._keys.signer("ontvangst").sign)
        rows = [
            {**arrival.row, "answers": answers, "receipt": receipt}
            for (arrival, answers), receipt in zip(new, receipts, strict=True)
        ]
        await store.add(db, rows)
        return {row["id"]: row["receipt"] for row in rows}

    def _push(self, code: str) -> bool:
        party = self.parties.by_code.get(code)
        return bool(party and party.push)

    async def _refuse(self, raw: bytes, checked: Checked, caller: Party, visit: Visit) -> Rejected:
        refusal = self._refusal(raw, checked, await self._answer(raw, checked, visit), caller, visit)
        answer = await self._commit.do(self._record, refusal, size=len(raw))
        if answer:
            self._mailbox.arrived(caller.code)
        return Rejected(type=checked.type, findings=checked.findings, total=checked.total, answer=answer)

    async def _answer(self, raw: bytes, checked: Checked, visit: Visit) -> Sound | None:
        """Write the answer in the receiver's name to a message that is refused, where one is due."""
        kind = answer.due(checked, self._catalog)
        if kind is None or checked.facts is None:
            return None
        own, today = answer.identification(), datetime.now(UTC).date().isoformat()
        codes = answer.return_codes(checked)
        told = b""
        if not answer.in_header(codes):
            told = await self._checker.refuse(raw, codes, identification=own, today=today)
        whole = bool(told)  # it tells of the clients again
        told = told or answer.header_only(checked, kind, self._catalog, identification=own, today=today)
        facts = answer.facts_of(checked.facts, kind, identification=own, today=today)
        if whole:
            facts = replace(facts, subjects=checked.facts.subjects)
        return Sound(
            raw=told, checked=checked, facts=facts, actor=self._origin, role="poort", visit=Visit(trace=visit.trace)
        )

    def _refusal(self, raw: bytes, checked: Checked, reply: Sound | None, caller: Party, visit: Visit) -> Refusal:
        codes = " ".join(sorted({finding.code for finding in checked.findings}))
        refused = trail.event(
            What.REFUSED, actor=caller.code, role="afzender", kind=checked.type, trace=visit.trace, ok=False,
            wet=wet_of(checked.type or "", checked.header), parties=(caller.code,),
            about={"reason": codes, **visit.via},
        )  # fmt: skip
        return Refusal(
            row={
                "key": hashlib.sha256(f"{caller.code} {codes} ".encode() + raw).digest(),
                "party": caller.code,
                "type": checked.type,
                "refused_at": time.time_ns() // 1_000_000,
                "codes": codes,
            },
            events=trail.per_subject(refused, checked.facts.subjects if checked.facts else ()),
            answer=reply,
        )

    async def _record(self, db: AsyncConnection, refusals: Sequence[Refusal]) -> list[str | None]:
        """Commit step: keep the fact that messages were refused, and put our answers in the sender's mailbox.

        The same bytes refused again for the same reason give the same answer, not a second one.
        """
        answers = await store.refused(db, [refusal.row["key"] for refusal in refusals])
        fresh: dict[bytes, Refusal] = {}
        for refusal in refusals:
            if refusal.row["key"] not in answers:
                fresh.setdefault(refusal.row["key"], refusal)
        now = datetime.now(UTC)
        due = [(key, refusal.answer) for key, refusal in fresh.items() if refusal.answer]
        hidden = await secret.refused(db, self._keys, [(answer.facts, ()) for _, answer in due])
        composed = {key: self._arrive(answer, now) for place, (key, answer) in enumerate(due) if place not in hidden}
        events = [event for refusal in refusals for event in refusal.events]
        await self._store(db, [(answer, None) for answer in composed.values()], events, now)
        for key in fresh:
            answers[key] = composed[key].id if key in composed else None
        if fresh:
            await store.add_refusals(db, [{**each.row, "answer": answers[key]} for key, each in fresh.items()])
        return [answers[refusal.row["key"]] for refusal in refusals]


def _also(checked: Checked, *findings: Finding) -> Checked:
    """Put what the gateway itself found before what the check found."""
    return replace(checked, findings=(*findings, *checked.findings)[:MOST], total=checked.total + len(findings))


def _hear(
    hidden: Mapping[int, Findings], page: Page | None, heard: Sequence[tuple[Facts, tuple[Said, ...]]], place: int
) -> Findings:
    """Return what is wrong with a message: it is about a person who is secret, or contradicts what was said before."""
    return hidden.get(place) or (page.hear(*heard[place]) if page else ())
