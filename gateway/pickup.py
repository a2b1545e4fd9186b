"""Pickup: what a party may see and take: its open deliveries, bodies, confirmations, states, receipts.

A body leaves only after the entry that says so is committed: no entry, no data (NEN 7513). What a party may not see
does not exist for it.
"""

import base64
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from audit import entry, log
from audit.keys import KeyService
from audit.seal import open_
from gateway import store, trail
from gateway.commit import GroupCommit
from gateway.flow import WORDS, Event, IllegalTransitionError, State, advance
from gateway.intake import body_context, rfc3339
from gateway.mailbox import Mailbox
from gateway.parties import Party
from gateway.trail import What


class UnknownMessageError(Exception):
    """There is no such message for this party."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ask:
    """One party's wish about one message, on its way to the commit."""

    id: str
    party: Party = field(repr=False)
    trace: str


class Pickup:
    """The receiving side of the gateway. One per process."""

    def __init__(self, *, commit: GroupCommit, keys: KeyService, mailbox: Mailbox, origin: str) -> None:
        """Take the parts that ``app`` made."""
        self._commit = commit
        self._keys = keys
        self._mailbox = mailbox
        self._origin = origin

    async def open_deliveries(self, party: Party, *, after: int, count: int, wait: float) -> dict[str, Any]:
        """Return the open deliveries of a party as the interface shows them, waiting up to ``wait`` seconds for one."""
        until = time.monotonic() + wait
        while True:
            async with self._commit.reading() as db:
                found = await store.mailbox(db, party.codes, after=after, count=count)
            left = until - time.monotonic()
            if found or left <= 0 or self._mailbox.closed:
                break
            await self._mailbox.wait(party.codes, left)
        return {
            "bezorgingen": [
                {
                    "berichtId": each.id,
                    "soort": each.type,
                    "afzender": each.sender,
                    "identificatie": each.identification,
                    "omvang": each.size,
                    "ontvangenOp": rfc3339(each.received_at),
                    "status": WORDS[State(each.state)],
                    "antwoordOp": each.answers,
                }
                for each in found
            ],
            "volgende": found[-1].seq if len(found) == count else None,
        }

    async def fetch(self, id_: str, party: Party, *, trace: str) -> bytes:
        """Return the body exactly as received, after the reading is logged; raise UnknownMessageError."""
        found = await self._commit.do(self._read, _Ask(id=id_, party=party, trace=trace))
        if found is None:
            raise UnknownMessageError
        key = self._keys.unwrap(found.wrapped_key, body_context(id_))
        return open_(key, found.sealed_body, body_context(id_))

    async def confirm(self, ids: Sequence[str], party: Party, *, trace: str) -> dict[str, Any]:
        """Settle deliveries that the receiver says it keeps durably; say per message what came of it."""
        asks = [_Ask(id=id_, party=party, trace=trace) for id_ in dict.fromkeys(ids)]
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

    async def _read(self, db: AsyncConnection, asks: Sequence[_Ask]) -> list[Any | None]:
        """Commit step: log that bodies are read, and mark those read by their receiver as offered."""
        found = await store.delivery(db, {ask.id for ask in asks}, body=True)
        moves: dict[str, tuple[str, State, State, int]] = {}
        entries: list[entry.Entry] = []
        bodies: list[Any | None] = []
        for ask in asks:
            message = found.get(ask.id)
            if message is None or not _concerns(message, ask.party):
                bodies.append(None)
                continue
            receives = message.receiver in ask.party.codes
            state = State(message.state)
            if receives and (new := advance(state, Event.FETCH)) is not state:
                moves[ask.id] = (ask.id, state, new, _now())
            entries.append(self._entry(What.FETCHED, ask, message, "ontvanger" if receives else "afzender"))
            bodies.append(message)
        # A push worker may settle between our look and our step; the reading is logged all the same.
        await store.move(db, list(moves.values()))
        if entries:
            await log.append(db, entries)
        return bodies

    async def _settle(self, db: AsyncConnection, batches: Sequence[Sequence[_Ask]]) -> list[list[str | None]]:
        """Commit step: confirm; per message None, or why not, in Dutch."""
        found = dict(await store.delivery(db, {ask.id for asks in batches for ask in asks}))
        state = {id_: State(message.state) for id_, message in found.items()}
        moves: list[tuple[str, State, State, int]] = []
        entries: dict[str, entry.Entry] = {}
        results: list[list[str | None]] = []
        for asks in batches:
            reasons: list[str | None] = []
            for ask in asks:
                message = found.get(ask.id)
                reasons.append(_why_not(message, ask, state))
                if reasons[-1] is None and message is not None and state[ask.id] is not State.DELIVERED:
                    new = advance(state[ask.id], Event.CONFIRM)
                    moves.append((ask.id, state[ask.id], new, _now()))
                    state[ask.id] = new
                    entries[ask.id] = self._entry(What.CONFIRMED, ask, message, "ontvanger")
            results.append(reasons)
        # Another gateway may have taken the same confirmation between our look and our step; one of us logs it.
        moved = await store.move(db, moves)
        await log.append(db, [made for id_, made in entries.items() if id_ in moved])
        return results

    def _entry(self, what: What, ask: _Ask, message: Any, role: str) -> entry.Entry:
        event = trail.event(
            what, actor=ask.party.code, role=role, message=ask.id, type_=message.type, trace=ask.trace,
            wet=trail.wet_of(message.type, {}),
        )  # fmt: skip
        return entry.make(event, key=self._keys.log_key(), origin=self._origin, at=datetime.now(UTC))


async def _seen(db: AsyncConnection, id_: str, party: Party) -> Any:
    found = (await store.delivery(db, [id_])).get(id_)
    if found is None or not _concerns(found, party):
        raise UnknownMessageError
    return found


def _concerns(message: Any, party: Party) -> bool:
    return bool({message.sender, message.receiver} & party.codes)


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
