"""Delivery to parties that are pushed to: claim a lane, send what waits in it in order, settle what was sent.

One lane (sender, receiver) has one worker at a time, so order holds per pair; a parked message lets the next one pass.
A worker takes several messages in one commit step and settles them in one. What is true if we die, in between:

- Taken, not sent: logged as offered and counted as an attempt, for no body may leave before that. The count is then
  one too high, never too low.
- Sent, not settled: the receiver may have it, and we do not know.

Both are the same to whoever comes next: the lease of the lane runs out, another worker claims it, meets the deliveries
in SENDING, and the same keys go out again, one at a time. The peer drops the copies. If we were not dead but asleep,
we find at our next step that the lane is no longer ours, and leave it.
"""

import asyncio
import logging
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from audit.entry import Event as Logged
from audit.keys import KeyService
from audit.record import record
from gateway import store, trail
from gateway.bodies import clients, opened
from gateway.commit import GroupCommit
from gateway.flow import Delivered, Endpoint, Event, Outcome, State, Transport, advance, settle
from gateway.intake import Intake
from gateway.trail import What

IDLE = 0.25
"""Seconds between looks for lanes that are due."""
MOST_LANES = 16
MOST_OF_ONE = 4
"""Lanes of one receiver that are driven at once: one that is away holds each as long as an attempt takes."""
MOST_TAKEN = 20
"""Messages that a worker takes from a lane at once."""
MOST_BYTES = 4 * 2**20
"""Bytes of those together, unless the first alone is more."""
PATIENCE = 1 / 50
"""Part of the lease after which what was sent is settled, and the lane held anew, before the next message goes."""

_LOG = logging.getLogger("ketenpoort")
_WHAT = {
    Event.RETRY: What.RETRIED,
    Event.GIVE_UP: What.PARKED,
    Event.RELEASE: What.RELEASED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A lane (sender, receiver) that is ours until a moment in milliseconds, or until we extend it.

    After that moment another may take it over, and then holds it until a later one: so the moment tells who holds it.
    """

    lane: tuple[str, str]
    until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """One message that a worker has taken from its lane."""

    message: str
    type: str
    wet: str
    state: State
    """In which it was found."""
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What a worker has taken from its lane, in order."""

    hold: Hold
    endpoint: Endpoint
    duties: tuple[Duty, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What came of attempts, to be written down; all but the last were delivered."""

    hold: Hold
    sent: tuple[tuple[Duty, Outcome], ...]
    left: tuple[Duty, ...]
    """What was taken with them and not sent."""


class Courier:
    """Pushes what is due. Run ``run`` as a task."""

    def __init__(
        self, *, commit: GroupCommit, intake: Intake, keys: KeyService, transport: Transport, origin: str, lease: float
    ) -> None:
        """Take the parts that ``app`` made; who is pushed to is asked of ``intake.parties``, which may change.

        ``lease`` is how many seconds a lane is held, counted from each attempt; longer than an attempt may take.
        """
        self._commit = commit
        self._intake = intake
        self._keys = keys
        self._transport = transport
        self._origin = origin
        self._lease = int(lease * 1000)
        self._underway: dict[asyncio.Task[None], Hold] = {}

    async def run(self) -> None:
        """Claim and drive lanes, for ever; an error in one lane is logged and leaves the others alone."""
        while True:
            busy = Counter(hold.lane[1] for hold in self._underway.values())
            claimed = await self._commit.do(self._claim, busy) if busy.total() < MOST_LANES else []
            for hold in claimed:
                task = asyncio.create_task(self._drive(hold))
                self._underway[task] = hold
                task.add_done_callback(self._ended)
            await asyncio.sleep(IDLE)

    async def wake(self) -> None:
        """Look at the lanes of all who are pushed to: to who became one just now, messages wait that woke nobody."""
        pushed = [code for code, party in self._intake.parties.by_code.items() if party.push]
        await self._commit.do(_wake, pushed)

    async def close(self) -> None:
        """Stop what is under way; an attempt that was cut off is made again when its lease runs out."""
        for task in list(self._underway):
            task.cancel()
        await asyncio.gather(*self._underway, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._underway[task]
        if not task.cancelled() and (error := task.exception()):
            # The lease runs out and the lane is tried again; what the error says may hold a body, so only its kind.
            _LOG.error("bezorging stopte door een fout: %s", type(error).__name__)

    async def _drive(self, hold: Hold) -> None:
        held: Hold | None = hold
        while held and (batch := await self._commit.do(self._take, held)):
            held = await self._bring(batch)

    async def _bring(self, batch: Batch) -> Hold | None:
        """Send in order what was taken; return our hold on the lane, or None when we have to leave it."""
        hold, sent = batch.hold, list[tuple[Duty, Outcome]]()
        async with self._commit.reading() as db:
            found = await store.delivery(db, [duty.message for duty in batch.duties], body=True)
        present = [each for each in found.values() if each.sealed_body is not None]
        bodies = {each.id: (each, body) for each, body in opened(self._keys, present)}
        for place, duty in enumerate(batch.duties, 1):
            outcome: Outcome = Delivered()
            if duty.message in bodies:  # else its receiver fetched it meanwhile: only then could it be destroyed
                outcome = await self._send(*bodies[duty.message], batch.endpoint)
            sent.append((duty, outcome))
            left = batch.duties[place:]
            late = _now() > hold.until - self._lease * (1 - PATIENCE)
            if left and isinstance(outcome, Delivered) and not late:
                continue
            ours = await self._commit.do(self._settle, Report(hold=hold, sent=tuple(sent), left=left))
            if ours is None:
                return None
            if not isinstance(outcome, Delivered):  # or the lane would not be ours
                _LOG.warning("geparkeerd: %s voor %s, poging %d", duty.message, ours.lane[1], duty.attempt)
            hold, sent = ours, []
        return hold

    async def _send(self, found: Any, body: bytes, endpoint: Endpoint) -> Outcome:
        # Not the Identificatie: it is free text of the sender's, and a header is no place for that.
        headers = {"Ketenpoort-Soort": found.type, "Ketenpoort-Afzender": found.sender}
        return await self._transport.send(to=endpoint, key=found.id, headers=headers, body=body)

    async def _claim(self, db: AsyncConnection, busy: Sequence[Counter[str]]) -> list[list[Hold]]:
        """Commit step: claim lanes that are due, beside those that are driven, which are counted by receiver."""
        now, until = _now(), _now() + self._lease
        most = {"limit": MOST_LANES, "most": MOST_OF_ONE}
        found = [await store.open_lanes(db, now=now, until=until, busy=each, **most) for each in busy]
        return [[Hold(lane=(lane.sender, lane.receiver), until=until) for lane in lanes] for lanes in found]

    async def _take(self, db: AsyncConnection, holds: Sequence[Hold]) -> list[Batch | None]:
        """Commit step: take what goes first from each lane, or let the lane go when nothing is left in it."""
        now = _now()
        firsts = {
            hold: await self._first(db, hold, now + self._lease) for hold in sorted(holds, key=lambda hold: hold.lane)
        }
        batches = [firsts[hold] for hold in holds]
        duties = {duty.message: (duty, batch) for batch in batches if batch for duty in batch.duties}
        steps = [(duty.message, duty.state, _claimed(duty.state)) for duty, _ in duties.values()]
        moved = await store.move(db, steps, at=now, attempts=1)
        taken = [(What.OFFERED, duty, batch.hold) for id_, (duty, batch) in duties.items() if id_ in moved]
        about = clients(self._keys, list((await store.delivery(db, moved)).values())) if moved else {}
        await self._log(db, taken, about)
        # Without those that their receiver fetched just now.
        return [
            batch and replace(batch, duties=tuple(duty for duty in batch.duties if duty.message in moved))
            for batch in batches
        ]

    async def _first(self, db: AsyncConnection, hold: Hold, until: int) -> Batch | None:
        # From here to the end of this transaction the lane's row is locked: what arrives now wakes the lane after us.
        if not await store.extend_lane(db, *hold.lane, held=hold.until, until=until):
            return None
        party = self._intake.parties.by_code.get(hold.lane[1])
        endpoint = party and party.push
        found = await store.head(db, *hold.lane, count=MOST_TAKEN) if endpoint else []
        if not found or not endpoint:
            # Without an endpoint the messages stay in the mailbox, to be fetched.
            await store.close_lane(db, *hold.lane, held=until, due_at=None)
            return None
        duties = tuple(
            Duty(message=each.message, type=each.type, wet=each.wet, state=State(each.state), attempt=each.attempts + 1)
            for each in _together(found)
        )
        return Batch(hold=replace(hold, until=until), endpoint=endpoint, duties=duties)

    async def _settle(self, db: AsyncConnection, reports: Sequence[Report]) -> list[Hold | None]:
        """Commit step: write down what came of attempts; return who may go on with the lane, and until when."""
        # That the receiver has a message is true whoever brought it. That it has not, only the lane's holder knows.
        delivered = [
            (duty, report.hold) for report in reports for duty, outcome in report.sent if isinstance(outcome, Delivered)
        ]
        new = advance(State.SENDING, Event.DELIVER)
        moved = await store.move(db, [(duty.message, State.SENDING, new) for duty, _ in delivered], at=_now())
        await self._log(db, [(What.DELIVERED, duty, hold) for duty, hold in delivered if duty.message in moved])
        after = {each.hold: await self._go_on(db, each) for each in sorted(reports, key=lambda each: each.hold.lane)}
        return [after[report.hold] for report in reports]

    async def _go_on(self, db: AsyncConnection, report: Report) -> Hold | None:
        """Write down the last attempt if it failed; hold the lane anew, or let it go when the attempt is made again."""
        (duty, outcome), hold = report.sent[-1], report.hold
        event, due = settle(outcome, attempt=duty.attempt, now=datetime.now(UTC), jitter=random.random())  # noqa: S311 - spreads load
        if event is Event.DELIVER and not report.left:
            return hold  # whether it is still ours, the next take finds out
        until = _now() + self._lease
        if event is Event.RETRY:
            ours = await store.close_lane(db, *hold.lane, held=hold.until, due_at=int(due.timestamp() * 1000))
        else:
            ours = await store.extend_lane(db, *hold.lane, held=hold.until, until=until)
        if ours and event is not Event.DELIVER:
            await self._back(db, event, [duty], hold, reason=getattr(outcome, "reason", ""))
        if ours and event is Event.RETRY:
            # Order: what comes after it waits with it, and was not attempted.
            await self._back(db, Event.RELEASE, report.left, hold, attempts=-1)
        return replace(hold, until=until) if ours and event is not Event.RETRY else None

    async def _back(
        self,
        db: AsyncConnection,
        event: Event,
        duties: Sequence[Duty],
        hold: Hold,
        *,
        attempts: int = 0,
        reason: str = "",
    ) -> None:
        steps = [(duty.message, State.SENDING, advance(State.SENDING, event)) for duty in duties]
        moved = await store.move(db, steps, at=_now(), attempts=attempts, reason=reason)
        await self._log(db, [(_WHAT[event], duty, hold) for duty in duties if duty.message in moved])

    async def _log(
        self,
        db: AsyncConnection,
        told: Sequence[tuple[What, Duty, Hold]],
        about: Mapping[str, Sequence[str]] = MappingProxyType({}),
    ) -> None:
        """Log what happened to these messages; with ``about``, a line for each client in them (by message id)."""
        events = [
            line
            for what, duty, hold in told
            for line in trail.per_subject(_event(what, duty, hold), about.get(duty.message, ()))
        ]
        await record(db, self._keys, self._origin, events, datetime.now(UTC))


async def _wake(db: AsyncConnection, groups: Sequence[Sequence[str]]) -> list[None]:
    """Commit step: wake the lanes to receivers."""
    await store.wake_all(db, {code for codes in groups for code in codes}, _now())
    return [None] * len(groups)


def _event(what: What, duty: Duty, hold: Hold) -> Logged:
    return trail.event(
        what, actor=hold.lane[1], role="ontvanger", message=duty.message, kind=duty.type, trace=duty.message,
        ok=what in (What.OFFERED, What.DELIVERED), wet=duty.wet, parties=hold.lane,
    )  # fmt: skip


def _claimed(state: State) -> State:
    return advance(advance(state, Event.LEASE_LOST) if state is State.SENDING else state, Event.CLAIM)


def _together(found: Sequence[Any]) -> list[Any]:
    """Return what of a lane may be taken at once: the first, and those after it that are new and fit.

    A message that was tried before goes alone: if it fails again, nothing was taken for nothing.
    """
    taken = [found[0]]
    room = MOST_BYTES - found[0].size
    for each in found[1:]:
        room -= each.size
        if room < 0 or taken[-1].attempts or each.attempts:
            break
        taken.append(each)
    return taken


def _now() -> int:
    return time.time_ns() // 1_000_000
