"""Asks witnesses to sign the head of this log, and keeps what they signed (C2SP tlog-witness, the side of the log).

Beside the sequencer, never in its way. A witness that is away is asked again; one that saw a log that ours does not
follow from ends the loop, and the gateway with it: then this database is not the log that was shown before.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from audit import log, outside
from audit.note import Checkpoint, NoteError, line_of, parse
from audit.policy import Known, Policy
from audit.witness import Answer, write_request

EVERY = 10.0
"""Seconds between two rounds: so much may a witness be behind."""
FRESH = timedelta(seconds=60)
"""A head that does not grow is signed again after this: that the log still stands is worth knowing too."""

Begin = Callable[[], AbstractAsyncContextManager[AsyncConnection]]
Send = Callable[[str, bytes], Awaitable[Answer | None]]
"""Posts a request to the address of a witness; None if there was no answer."""


class ForkError(log.TamperedError):
    """A witness saw another log than this one; the text says in Dutch which witness."""


class Witnessing:
    """The witnesses of one gateway."""

    def __init__(self, policy: Policy, *, begin: Begin, send: Send, clock: Callable[[], datetime]) -> None:
        """Ask those witnesses of ``policy`` that have an address; ``begin`` opens a transaction that will write."""
        self._policy = policy
        self._begin, self._send, self._clock = begin, send, clock
        self._sizes: dict[str, int] = {}
        self._signed: tuple[int, datetime] | None = None
        self.away: dict[str, str] = {}
        """Witnesses that did not sign in the last round, and why (Dutch)."""
        self.enough_at: datetime | None = None
        """When a quorum last signed."""

    async def run(self) -> None:
        """Ask for ever. Raises `ForkError`."""
        while True:
            await self.round()
            await asyncio.sleep(EVERY)

    async def round(self) -> None:
        """Ask each witness once to sign the newest head, all at the same time. Raises `ForkError`."""
        async with self._begin() as db:
            head = await log.latest(db)
        now = self._clock()
        if head is None or (self._signed and self._signed[0] == head.size and now - self._signed[1] < FRESH):
            return
        asked = {name: each for name, each in self._policy.witnesses.items() if each.url}
        said = await asyncio.gather(*(self._ask(name, each, head) for name, each in asked.items()))
        lines = [line for line in said if line]
        if not lines:
            return
        async with self._begin() as db:
            whole = await outside.keep_witnessed(db, head, lines, now)
        if self._policy.met(parse(whole.note.encode())):
            self.enough_at = now
        if len(lines) == len(asked):
            self._signed = head.size, now

    async def _ask(self, name: str, witness: Known, head: Checkpoint) -> str | None:
        """Return the signature line of one witness, None if it gave none: then `away` says why."""
        for _ in range(2):  # a witness that stands elsewhere than we thought says where
            old = self._sizes.get(name, 0)
            async with self._begin() as db:
                proof = await log.consistency(db, old, head.size) if 0 < old <= head.size else ()
            answer = await self._send(witness.url, write_request(old, proof, head.note))
            if answer is not None and answer.status == 200:
                return self._signature(name, witness, head, answer.text)
            if answer is not None and answer.inconsistent:
                raise ForkError(f"Getuige {name} heeft een logboek gezien waar dit niet uit volgt.")
            if answer is None or answer.status != 409:
                self.away[name] = "geen antwoord" if answer is None else f"weigert (status {answer.status})"
                return None
            stands = await self._stands(name, answer)
            if stands is None or stands > head.size:  # the latter: another gateway was here with a newer head
                return None
            self._sizes[name] = stands
        self.away[name] = "noemt telkens een andere omvang"
        return None

    def _signature(self, name: str, witness: Known, head: Checkpoint, text: str) -> str | None:
        try:
            line = line_of(parse((head.note + text).encode()), witness.key)
        except NoteError:
            line = None
        if line is None:
            self.away[name] = "ondertekent niet met de sleutel die wij kennen"
            return None
        self._sizes[name] = head.size
        self.away.pop(name, None)
        return line

    async def _stands(self, name: str, answer: Answer) -> int | None:
        """Return how large the log was when this witness last saw it; None if it does not say so in due form."""
        said = answer.text.removesuffix("\n")
        if not (said.isascii() and said.isdigit() and len(said) < 20):
            self.away[name] = "antwoordt onverstaanbaar"
            return None
        async with self._begin() as db:
            ours = await log.latest(db)
        if ours is None or int(said) > ours.size:
            raise ForkError(
                f"Getuige {name} heeft {int(said)} regels van dit logboek gezien; in deze database staan er"
                f" {ours.size if ours else 0}. De database is ouder dan wat eerder is getoond."
            )
        return int(said)
