"""Delivery to parties that are pushed to: claim a lane, send what waits in it in order, settle each attempt.

One lane (sender, receiver) has one worker at a time, so order holds per pair; a parked message lets the next one pass.
If we die after a send and before its settlement, the lease of the lane runs out, another worker claims it, meets
the delivery in SENDING, and the same key goes out again. The peer drops the copy. If we were not dead but asleep, we
find at our next step that the lane is no longer ours, and leave it.
"""

import asyncio
import logging
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from audit import entry, log
from audit.keys import KeyService
from audit.seal import open_
from gateway import store, trail
from gateway.commit import GroupCommit
from gateway.flow import Endpoint, Event, Outcome, State, Transport, advance, settle
from gateway.intake import Intake, body_context
from gateway.trail import What

IDLE = 0.25
"""Seconds between looks for lanes that are due."""
MOST_LANES = 16

_WHAT = {Event.DELIVER: What.DELIVERED, Event.RETRY: What.RETRIED, Event.GIVE_UP: What.PARKED}


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

    hold: Hold
    message: str
    attempt: int
    endpoint: Endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What came of one attempt, to be written down."""

    duty: Duty
    type: str
    outcome: Outcome


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
        self._underway: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Claim and drive lanes, for ever; an error in one lane is logged and leaves the others alone."""
        while True:
            room = MOST_LANES - len(self._underway)
            claimed = await self._commit.do(self._claim, room) if room else []
            for hold in claimed:
                task = asyncio.create_task(self._drive(hold))
                self._underway.add(task)
                task.add_done_callback(self._ended)
            await asyncio.sleep(IDLE)

    async def close(self) -> None:
        """Stop what is under way; an attempt that was cut off is made again when its lease runs out."""
        for task in list(self._underway):
            task.cancel()
        await asyncio.gather(*self._underway, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._underway.discard(task)
        if not task.cancelled() and (error := task.exception()):
            # The lease runs out and the lane is tried again; what the error says may hold a body, so only its kind.
            logging.getLogger("ketenpoort").error("bezorging stopte door een fout: %s", type(error).__name__)

    async def _drive(self, hold: Hold) -> None:
        while (duty := await self._commit.do(self._take, hold)) is not None:
            hold = duty.hold
            async with self._commit.reading() as db:
                found = (await store.delivery(db, [duty.message], body=True))[duty.message]
            key = self._keys.unwrap(found.wrapped_key, body_context(found.id))
            body = open_(key, found.sealed_body, body_context(found.id))
            # Not the Identificatie: it is free text of the sender's, and a header is no place for that.
            headers = {"Ketenpoort-Soort": found.type, "Ketenpoort-Afzender": found.sender}
            outcome = await self._transport.send(to=duty.endpoint, key=found.id, headers=headers, body=body)
            attempt = Attempt(duty=duty, type=found.type, outcome=outcome)
            if await self._commit.do(self._settle, attempt) is Event.RETRY:
                return

    async def _claim(self, db: AsyncConnection, rooms: Sequence[int]) -> list[list[Hold]]:
        """Commit step: claim lanes that are due."""
        now, until = _now(), _now() + self._lease
        return [
            [
                Hold(lane=(each.sender, each.receiver), until=until)
                for each in await store.open_lanes(db, now=now, until=until, limit=room)
            ]
            for room in rooms
        ]

    async def _take(self, db: AsyncConnection, holds: Sequence[Hold]) -> list[Duty | None]:
        """Commit step: take the head of each lane, or let the lane go when nothing is left in it."""
        return [await self._take_head(db, hold) for hold in holds]

    async def _take_head(self, db: AsyncConnection, hold: Hold) -> Duty | None:
        lane, now = hold.lane, _now()
        until = now + self._lease
        if not await store.extend_lane(db, *lane, held=hold.until, until=until):
            return None
        arrived, found = await store.head(db, *lane)
        party = self._intake.parties.by_code.get(lane[1])
        if found is None or party is None or party.push is None:
            # Without an endpoint the messages stay in the mailbox, to be fetched.
            emptied = await store.close_lane(db, *lane, held=until, due_at=None, arrived=arrived)
            if not emptied:
                await store.close_lane(db, *lane, held=until, due_at=now)
            return None
        state = State(found.state)
        if state is State.SENDING:
            state = advance(state, Event.LEASE_LOST)
        moved = await store.move(
            db, [(found.message, State(found.state), advance(state, Event.CLAIM))], at=now, attempts=1
        )
        if not moved:  # its receiver has just fetched it: the head is another now
            return await self._take_head(db, Hold(lane=lane, until=until))
        await self._log(db, What.OFFERED, found.message, lane[1], None)
        hold = Hold(lane=lane, until=until)
        return Duty(hold=hold, message=found.message, attempt=found.attempts + 1, endpoint=party.push)

    async def _settle(self, db: AsyncConnection, attempts: Sequence[Attempt]) -> list[Event]:
        """Commit step: write down what came of attempts."""
        events = []
        for each in attempts:
            now = datetime.now(UTC)
            event, due = settle(each.outcome, attempt=each.duty.attempt, now=now, jitter=random.random())  # noqa: S311 - spreads load
            reason = getattr(each.outcome, "reason", "")
            new = advance(State.SENDING, event)
            if await self._may_tell(db, each.duty.hold, event, due) and await store.move(
                db, [(each.duty.message, State.SENDING, new)], at=_now(), reason=reason
            ):
                await self._log(db, _WHAT[event], each.duty.message, each.duty.hold.lane[1], each.type)
            events.append(event)
        return events

    async def _may_tell(self, db: AsyncConnection, hold: Hold, event: Event, due: datetime) -> bool:
        """Let the lane go when the attempt is to be made again; tell whether the outcome is ours to write down.

        That the receiver has the message is true whoever brought it. That it has not, only the lane's holder knows.
        """
        if event is Event.RETRY:
            return await store.close_lane(db, *hold.lane, held=hold.until, due_at=int(due.timestamp() * 1000))
        return event is Event.DELIVER or await store.extend_lane(db, *hold.lane, held=hold.until, until=hold.until)

    async def _log(self, db: AsyncConnection, what: What, message: str, actor: str, type_: str | None) -> None:
        event = trail.event(
            what, actor=actor, role="ontvanger", message=message, type_=type_, trace=message,
            ok=what in (What.OFFERED, What.DELIVERED),
        )  # fmt: skip
        made = entry.make(event, key=self._keys.log_key(), origin=self._origin, at=datetime.now(UTC))
        await log.append(db, [made])


def _now() -> int:
    return time.time_ns() // 1_000_000
