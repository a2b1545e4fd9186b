"""Exports of small logs, sound or spoiled on purpose, for the tests of the verifier: one place that knows how."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from audit import log
from audit.entry import Entry, Event, make, open_payload
from audit.export import Beside, export
from audit.note import keys_of_log
from audit.outside import keep_stamp, keep_witnessed
from audit.report import Report, State
from audit.seal import SealError, new_key, new_mldsa_signer, new_signer
from audit.verify import Folder, Given, Memory, Run, verify_place
from tests.audit.happened import append, happened

KEY, SIGNER, QUANTUM, ORIGIN = new_key(), new_signer("log"), new_mldsa_signer("log-mldsa"), "voorbeeld.nl/logboek"
SIGNING = log.Signing(plain=[SIGNER], mldsa=[QUANTUM])
KEYS = keys_of_log(ORIGIN, SIGNER, QUANTUM)
NOW = datetime.now(UTC).replace(microsecond=0)
PARTIES, PERSON = ("98000001", "98000002"), "999900006"
TABLES = [log.entries, log.tiles, log.checkpoints, log.witnessed, log.stamps]

Line = tuple[bytes, bytes]
Inside = Callable[[AsyncConnection], Any]


def opener(lines: Sequence[Line]) -> list[dict[str, Any] | None]:
    """What a key service does."""

    def one(header: bytes, sealed: bytes) -> dict[str, Any] | None:
        try:
            return open_payload(header, sealed, KEY)
        except SealError:
            return None

    return [one(*line) for line in lines]


def message(number: int, **otherwise: Any) -> Event:
    """An event about one message, with a trace of its own."""
    return happened(**{"message": f"{number:032x}", "trace": f"{number + 2**100:032x}", **otherwise})


def told(number: int, first: int, **otherwise: Any) -> tuple[Event, dict[str, int]]:
    """An event about the one person of these tests, and which line about them it is."""
    return message(number, subject=PERSON, parties=PARTIES, **otherwise), dict.fromkeys(PARTIES, first)


@dataclass(kw_only=True)
class Log:
    """A log to be: rounds of entries, each round under a head of its own, ``apart`` seconds from the next."""

    rounds: list[list[Any]]
    """Of each entry the event, or (event, seq), or (event, seq, seconds before the round's moment)."""
    apart: float = 60
    beside: Beside = field(default_factory=Beside)
    signing: Callable[[int], log.Signing] = lambda _round: SIGNING
    until: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))
    """The moment of the last round; an export says when it was made, so that is now."""
    inside: Inside | None = None
    """Does something to the database before it is exported."""

    def export(self, target: Path) -> Path:
        """Write it."""
        asyncio.run(self._export(target))
        return target

    async def _export(self, target: Path) -> None:
        engine = create_async_engine("sqlite+aiosqlite://")
        try:
            async with engine.begin() as db:
                await db.run_sync(log.metadata.create_all, tables=TABLES)
                for number, entries in enumerate(self.rounds):
                    at = self.until - timedelta(seconds=self.apart * (len(self.rounds) - 1 - number))
                    await append(db, [self._made(each, at) for each in entries])
                    await log.sequence(db, self.signing(number), ORIGIN, at, heartbeat=True)
                if self.inside is not None:
                    await self.inside(db)
                signer = self.signing(len(self.rounds) - 1).plain[-1]
                await export(db, target, signer, ORIGIN, opener, beside=self.beside)
        finally:
            await engine.dispose()

    @staticmethod
    def _made(each: Any, at: datetime) -> Entry:
        if isinstance(each, Entry):
            return each
        event, seq, before = (*each, *({}, 0)[len(each) - 1 :]) if isinstance(each, tuple) else (each, {}, 0)
        return make(event, key=KEY, origin=ORIGIN, at=at - timedelta(seconds=before), seq=seq)


def objects(*each: tuple[str, str]) -> Callable[[AsyncConnection], AsyncIterator[tuple[str, str]]]:
    """What a gateway tells of its messages."""

    async def tell(_db: AsyncConnection) -> AsyncIterator[tuple[str, str]]:
        for one in each:
            yield one

    return tell


def change(statement: sa.Executable) -> Inside:
    """Do this behind everybody's back."""

    async def go(db: AsyncConnection) -> None:
        await db.execute(statement)

    return go


def witnessed(at: datetime, lines: Callable[[str], Iterable[str]]) -> Inside:
    """Let witnesses sign the newest head."""

    async def go(db: AsyncConnection) -> None:
        head = await log.latest(db)
        assert head
        await keep_witnessed(db, head, lines(head.note.partition("\n\n")[0] + "\n"), at)

    return go


def stamped(*tokens: tuple[bytes, datetime]) -> Inside:
    """Keep stamps over the newest head."""

    async def go(db: AsyncConnection) -> None:
        head = await log.latest(db)
        assert head
        for token, at in tokens:
            await keep_stamp(db, head, token, at)

    return go


def checked(target: Path, given: Given | None = None, *, listed: bool = True, **more: Any) -> Report:
    """Verify an export; without ``listed`` as if its list was signed again over what was changed."""
    given = replace(given or Given(keys=KEYS), **more)
    return verify_place(Run(place=Folder(target), given=given), listed=listed)


def wrong(report: Report) -> set[str]:
    """The checks that failed."""
    return {each.check for each in report.outcomes if each.state is State.WRONG}


def unknown(report: Report) -> set[str]:
    """The checks that could not be done."""
    return {each.check for each in report.outcomes if each.state is State.UNKNOWN}


def in_memory(target: Path) -> Memory:
    """The same files, to be changed without a disk."""
    files = {path.relative_to(target).as_posix(): path.read_bytes() for path in target.rglob("*") if path.is_file()}
    return Memory(files)
