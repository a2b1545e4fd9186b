"""Pickup: what a party may see and take: its open deliveries, bodies, confirmations, states, receipts.

A body leaves only after the entry that says so is committed: no entry, no data (NEN 7513). What a party may not see
does not exist for it.
"""

import base64
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from audit import log
from audit.entry import Event as Logged
from audit.keys import KeyService
from audit.record import record
from gateway import store, trail
from gateway.bodies import clients, opened
from gateway.commit import GroupCommit
from gateway.decide import rfc3339
from gateway.flow import WORDS, Event, IllegalTransitionError, State, advance
from gateway.mailbox import Mailbox
from gateway.parties import Party
from gateway.trail import Visit, What

MOST_BODIES = 4 * 2**20
"""Bytes of the bodies in one list of deliveries; what does not fit is to be fetched by itself."""


class UnknownMessageError(Exception):
    """There is no such message for this party."""


class DestroyedError(Exception):
    """The content of this message was destroyed; its state and receipt are still there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ask:
    """One party's wish about one message, on its way to the commit."""

    id: str
    party: Party = field(repr=False)
    visit: Visit


class Pickup:
    """The receiving side of the gateway. One per process."""

    def __init__(self, *, commit: GroupCommit, keys: KeyService, mailbox: Mailbox, origin: str) -> None:
        """Take the parts that ``app`` made."""
        self._commit = commit
        self._keys = keys
        self._mailbox = mailbox
        self._origin = origin

    async def open_deliveries(
        self, party: Party, visit: Visit, *, after: int, count: int, wait: float, bodies: bool = False
    ) -> dict[str, Any]:
        """Return the open deliveries of a party as the interface shows them, waiting up to ``wait`` seconds for one.

        With ``bodies`` each message that fits in ``MOST_BODIES`` brings its own, as ``fetch`` would give it.
        """
        until = time.monotonic() + wait
        while True:
            async with self._commit.reading() as db:
                found = await store.mailbox(db, party.codes, after=after, count=count)
            left = until - time.monotonic()
            if found or left <= 0 or self._mailbox.closed:
                break
            await self._mailbox.wait(party.codes, left)
        items = {each.id: _item(each) for each in found}
        chosen = {each.id: each.size for each in _fitting(found)} if bodies else {}
        if chosen:
            asks = [_Ask(id=id_, party=party, visit=visit) for id_ in chosen]
            read = await self._commit.do(self._read, asks, size=sum(chosen.values()))
            for message, body in opened(self._keys, read.values()):
                offered = WORDS[advance(State(message.state), Event.FETCH)]
                items[message.id] |= {"status": offered, "inhoud": base64.b64encode(body).decode()}
        return {"bezorgingen": list(items.values()), "volgende": found[-1].seq if len(found) == count else None}

    async def fetch(self, id_: str, party: Party, visit: Visit) -> bytes:
        """Return the body exactly as received, after the reading is logged.

        Raises UnknownMessageError, and DestroyedError when the content is no longer there.
        """
        async with self._commit.reading() as db:
            seen = await _seen(db, id_, party)
        if seen.sealed_subjects is None:
            raise DestroyedError
        # The size bounds how many bodies one commit step may load.
        found = await self._commit.do(self._read, [_Ask(id=id_, party=party, visit=visit)], size=seen.size)
        if id_ not in found:  # between our look and our step
            raise DestroyedError
        return next(body for _, body in opened(self._keys, [found[id_]]))

    async def confirm(self, ids: Sequence[str], party: Party, visit: Visit) -> dict[str, Any]:
        """Settle deliveries that the receiver says it keeps durably; say per message what came of it."""
        asks = [_Ask(id=id_, party=party, visit=visit) for id_ in dict.fromkeys(ids)]
        reasons = await self._commit.do(self._settle, asks)
        return {
            "bevestigd": [ask.id for ask, reason in zip(asks, reasons, strict=True) if reason is None],
            "nietBevestigd": [
                {"berichtId": ask.id, "reden": reason}
                for ask, reason in zip(asks, reasons, strict=True)
                if reason is not None
            ],
        }

    async def status(self, id_: str, party: Party) -> dict[str, Any]:
        """Return where a message stands; raise UnknownMessageError."""
        async with self._commit.reading() as db:
            found = await _seen(db, id_, party)
            answer = await store.answer_to(db, id_)
        state = State(found.state)
        return {
            "berichtId": found.id,
            "soort": found.type,
            "afzender": found.sender,
            "ontvanger": found.receiver,
            "identificatie": found.identification,
            "ontvangenOp": rfc3339(found.received_at),
            "status": WORDS[state],
            "pogingen": found.attempts,
            "bezorgdOp": rfc3339(found.changed_at) if state is State.DELIVERED else None,
            "antwoordOp": found.answers,
            "antwoord": answer,
        }

    async def receipt(self, id_: str, party: Party) -> dict[str, Any]:
        """Return the receipt, with the proof that its entry is in the log once a checkpoint covers it."""
        async with self._commit.reading() as db:
            found = await _seen(db, id_, party)
            receipt: dict[str, Any] = json.loads(found.receipt)
            proof = await log.proof_of(db, bytes.fromhex(receipt["logregel"]))
        receipt["inclusie"] = proof and {
            "index": proof.index,
            "omvang": proof.checkpoint.size,
            "pad": [base64.b64encode(node).decode() for node in proof.hashes],
            "checkpoint": proof.checkpoint.note,
        }
        return receipt

    async def _read(self, db: AsyncConnection, batches: Sequence[Sequence[_Ask]]) -> list[dict[str, Any]]:
        """Commit step: log that bodies are read, and mark those read by their receiver as offered.

        Gives what each may see of what it asked, sealed, by id; in the state in which it was found.
        """
        found = await store.delivery(db, {ask.id for asks in batches for ask in asks}, body=True)
        moves: set[tuple[str, State, State]] = set()
        reads: list[tuple[_Ask, Any, str]] = []
        for ask in (ask for asks in batches for ask in asks):
            message = found.get(ask.id)
            if message is None or not _readable(message, ask.party):
                continue
            receives = message.receiver in ask.party.codes
            state = State(message.state)
            if receives and (new := advance(state, Event.FETCH)) is not state:
                moves.add((ask.id, state, new))
            reads.append((ask, message, "ontvanger" if receives else "afzender"))
        # A push worker may settle between our look and our step; the reading is logged all the same.
        await store.move(db, moves, at=_now())
        about = clients(self._keys, [message for _, message, _ in reads])
        await self._log(
            db,
            [
                line
                for ask, message, role in reads
                for line in trail.per_subject(_event(What.FETCHED, ask, message, role), about[message.id])
            ],
        )
        return [
            {ask.id: found[ask.id] for ask in asks if ask.id in found and _readable(found[ask.id], ask.party)}
            for asks in batches
        ]

    async def _settle(self, db: AsyncConnection, batches: Sequence[Sequence[_Ask]]) -> list[list[str | None]]:
        """Commit step: confirm; per message None, or why not, in Dutch."""
        found = dict(await store.delivery(db, {ask.id for asks in batches for ask in asks}))
        state = {id_: State(message.state) for id_, message in found.items()}
        moves: list[tuple[str, State, State]] = []
        events: dict[str, Logged] = {}
        results: list[list[str | None]] = []
        for asks in batches:
            reasons: list[str | None] = []
            for ask in asks:
                message = found.get(ask.id)
                reasons.append(_why_not(message, ask, state))
                if reasons[-1] is None and message is not None and state[ask.id] is not State.DELIVERED:
                    new = advance(state[ask.id], Event.CONFIRM)
                    moves.append((ask.id, state[ask.id], new))
                    state[ask.id] = new
                    events[ask.id] = _event(What.CONFIRMED, ask, message, "ontvanger")
            results.append(reasons)
        # Another gateway may have taken the same confirmation between our look and our step; one of us logs it.
        moved = await store.move(db, moves, at=_now())
        await self._log(db, [event for id_, event in events.items() if id_ in moved])
        return results

    async def _log(self, db: AsyncConnection, events: Sequence[Logged]) -> None:
        await record(db, self._keys, self._origin, events, datetime.now(UTC))


def _event(what: What, ask: _Ask, message: Any, role: str) -> Logged:
    return trail.event(
        what, actor=ask.party.code, role=role, message=ask.id, kind=message.type, trace=ask.visit.trace,
        wet=message.wet, parties=(message.sender, message.receiver), about=ask.visit.via,
    )  # fmt: skip


def _item(found: Any) -> dict[str, Any]:
    return {
        "berichtId": found.id,
        "soort": found.type,
        "afzender": found.sender,
        "identificatie": found.identification,
        "omvang": found.size,
        "ontvangenOp": rfc3339(found.received_at),
        "status": WORDS[State(found.state)],
        "antwoordOp": found.answers,
    }


def _fitting(found: Iterable[Any]) -> Iterator[Any]:
    """Yield the messages whose bodies go into one answer; a large one does not keep small ones behind it out."""
    room = MOST_BODIES
    for each in found:
        if each.size <= room:
            room -= each.size
            yield each


async def _seen(db: AsyncConnection, id_: str, party: Party) -> Any:
    found = (await store.delivery(db, [id_])).get(id_)
    if found is None or not _concerns(found, party):
        raise UnknownMessageError
    return found


def _concerns(message: Any, party: Party) -> bool:
    return bool({message.sender, message.receiver} & party.codes)


def _readable(message: Any, party: Party) -> bool:
    """Tell whether a message has a body that this party may read; what was destroyed has none."""
    return _concerns(message, party) and message.sealed_body is not None


def _why_not(message: Any | None, ask: _Ask, state: Mapping[str, State]) -> str | None:
    if message is None or message.receiver not in ask.party.codes:
        return "Dit bericht is niet aan u gericht, of het bestaat niet."
    try:
        advance(state[ask.id], Event.CONFIRM)
    except IllegalTransitionError:
        return "Haal het bericht eerst op; bevestigen kan daarna."
    return None


def _now() -> int:
    return time.time_ns() // 1_000_000
