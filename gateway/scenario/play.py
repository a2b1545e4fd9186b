"""Plays a month: each party sends, fetches, reads, confirms and answers over its own connection (mutual TLS)."""

import asyncio
import base64
import contextlib
import hashlib
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

from adapters.client import Answer, Client, RefusedError, UnreachableError
from gateway.catalog import Catalog
from gateway.check import check
from gateway.ledger.read import OBSERVERS
from gateway.message import Checked
from gateway.scenario import report, stand
from gateway.scenario.answers import answer
from gateway.scenario.asked import ask, pages
from gateway.scenario.check import faults
from gateway.scenario.classes import Values
from gateway.scenario.messages import Message, Phase, Writer
from gateway.scenario.outcome import Kept, Outcome, Read, Sent
from gateway.scenario.pen import Pen
from gateway.scenario.stand import ScenarioError
from gateway.scenario.values import Month

T = TypeVar("T")
AT_ONCE = 16
"""Requests that are under way at once."""
PAGE = 100
"""Messages that a party fetches and confirms at once."""
PATIENCE = 60
"""Seconds in which the gateway must have granted what it grants by itself."""
MOST_FAULTS = 40
"""Faults that are told one by one."""


async def scenario(planned: Month, *, database: str) -> int:
    """Play a month and hold what came of it against the plan; return 0 if all holds, else 1."""
    began = time.monotonic()
    home = Path(tempfile.mkdtemp(prefix="ketenpoort-scenario-"))
    try:
        outcome = await play(planned, home, database)
    except (ScenarioError, UnreachableError, RefusedError) as error:
        print(f"\nHet scenario brak: {error}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(home, ignore_errors=True)
    for line in report.table(planned, outcome, time.monotonic() - began):
        print(line)
    return conclude(faults(planned, outcome))


def conclude(wrong: Sequence[str]) -> int:
    """Say what is wrong with a month, if anything; return the exit code."""
    for each in wrong[:MOST_FAULTS]:
        print(f"FOUT  {each}", file=sys.stderr)
    print("\nAlles klopt met het plan." if not wrong else f"\nEr klopt iets niet: {len(wrong)} keer FOUT.")
    return 1 if wrong else 0


async def play(planned: Month, home: Path, database: str) -> Outcome:
    """Play a month through a gateway that is made in this folder, on an empty database; tell on the way how far it is.

    Raises ScenarioError, or what ``Client`` raises, when it cannot go on.
    """
    aloud: list[str] = []

    def tell(line: str) -> None:
        aloud.append(line)
        print(line, flush=True)

    catalog = Catalog.load()
    codes = (planned.hoofd, *planned.gemeenten, *planned.onders)
    tell(f"{len(codes)} partijen krijgen een certificaat; de poort start")
    async with stand.gateway(home, codes, database) as connections, contextlib.AsyncExitStack() as stack:
        clients = {code: await stack.enter_async_context(Client(each)) for code, each in connections.items()}
        stage = Stage(planned, Pen(catalog, datetime.now(UTC).date().isoformat()), clients)
        began = time.monotonic()
        for phase in Writer(planned, stage.pen).phases():
            at = time.monotonic()
            before = len(stage.sent)
            await stage.play(phase)
            now = time.monotonic()
            tell(report.progress(phase.title, len(stage.sent) - before, now - at, now - began))
        waiting = await stage.waiting()
        told = await ask(planned, clients)
        tell(f"De partijen vroegen hun lijsten, termijnen en de stand van {len(told.orders)} opdrachten op")
        log, printed = await stand.read_log(home, stage.sent)
        tell("Het logboek is uitgevoerd en gecontroleerd, met alle ontvangstbewijzen")
    return Outcome(
        sent=tuple(stage.sent),
        kept=tuple(stage.kept),
        files={code: tuple(reads) for code, reads in stage.files.items()},
        waiting=waiting,
        told=told,
        log=log,
        aloud="\n".join((*aloud, printed, (home / "poort.log").read_text(errors="replace"))),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Came:
    """A message that was just fetched."""

    receiver: str
    raw: bytes = field(repr=False)
    checked: Checked = field(repr=False)


class Stage:
    """The parties at work, and what they did so far."""

    def __init__(self, month: Month, pen: Pen, clients: dict[str, Client]) -> None:
        """``clients`` has the connection of each party."""
        self.sent: list[Sent] = []
        self.kept: list[Kept] = []
        self.files: dict[str, list[Read]] = {code: [] for code in clients}
        self._month = month
        self.pen = pen
        self._catalog = pen.catalog
        self._clients = clients
        self._due: Iterable[Message] = ()
        """Answers to what came while others were fetching: what the gateway writes by itself comes when it will."""

    async def play(self, phase: Phase) -> None:
        """Send what this phase has, let whoever gets something fetch and answer it, and whoever asked fetch that."""
        receivers = await self._divide(phase.divisions) + await self._granted(phase.granted)
        messages: Iterable[Message] = chain(self._due, phase.messages())
        for _ in ("asked", "answered"):
            receivers += await _bounded(self._send(each) for each in messages)
            fetched = await _bounded(self._fetch(code) for code in sorted(set(receivers)))
            messages = [answer for page in fetched for came in page for answer in self._answers(came)]
            receivers = []
        self._due = messages

    async def _divide(self, divisions: Sequence[Values]) -> list[str]:
        """Let the gateway write orders for the hoofdaannemer; return who got one."""
        hoofd = self._clients[self._month.hoofd]
        told = await _bounded(hoofd.call("POST", "/verdelingen", body=each) for each in divisions)
        return await _bounded(self._written(each["berichtId"]) for answer in told for each in answer["berichten"])

    async def _granted(self, many: int) -> list[str]:
        """Wait until the gateway granted so many requests, file what it wrote for that; return who got something."""
        hoofd, found = self._clients[self._month.hoofd], list[str]()
        for _ in range(PATIENCE * 4 if many else 0):
            notices = pages(hoofd, "/kennisgevingen", "kennisgevingen", aantal="100")
            found = [each["berichtId"] async for each in notices if each["soort"] == "wijziging.toegekend"]
            if len(found) >= many:
                break
            await asyncio.sleep(0.25)
        asked = [each.id for each in self.sent if each.type == "ho317"] if many else []
        answers = [each["antwoord"] for each in await _bounded(map(hoofd.status, asked))]
        own = {each.id for each in self.sent}
        return await _bounded(self._written(each) for each in (*found, *answers) if each and each not in own)

    async def _written(self, id_: str) -> str:
        """File what the gateway wrote in the name of the hoofdaannemer; return who gets it."""
        hoofd = self._clients[self._month.hoofd]
        raw, receipt = await hoofd.fetch(id_), await hoofd.receipt(id_)
        checked = self._file(self._month.hoofd, check(raw, self._catalog, OBSERVERS))
        assert checked.facts, "what is filed could be read"
        message = Message(type=checked.facts.type, sender=self._month.hoofd, receiver=checked.facts.receiver, raw=raw)
        self._note(message, id_=id_, receipt=receipt)
        return message.receiver

    def _answers(self, came: _Came) -> list[Message]:
        facts = came.checked.facts
        raw = answer(came.raw, came.checked, self._month, self.pen)
        if raw is None or facts is None:
            return []
        kind = self._catalog.of(facts).answer
        return [Message(type=kind or "", sender=facts.receiver, receiver=facts.sender, raw=raw)]

    async def _send(self, message: Message) -> str:
        """Send a message; return who has something to fetch then: its receiver, or its sender if it was refused."""
        answer = await self._clients[message.sender].send(message.raw)
        taken = answer.status in {200, 201}
        id_ = answer.body["berichtId"] if taken else str(answer.body.get("antwoordbericht") or "")[-32:]
        self._note(message, id_=id_, receipt=answer.body if taken else {}, refused=() if taken else _codes(answer))
        if taken:
            self._file(message.sender, check(message.raw, self._catalog, OBSERVERS))
        return message.receiver if taken else message.sender

    def _note(self, message: Message, *, id_: str, receipt: Mapping[str, Any], refused: tuple[str, ...] = ()) -> None:
        self.sent.append(
            Sent(
                type=message.type,
                sender=message.sender,
                receiver=message.receiver,
                digest=hashlib.sha256(message.raw).digest(),
                asks=self._catalog.types[message.type].answer is not None,
                expected=message.refused,
                refused=refused,
                id=id_,
                receipt=json.dumps(receipt).encode() if receipt else b"",
            )
        )

    async def _fetch(self, code: str) -> list[_Came]:
        """Let a party fetch all that waits for it, read it, and confirm it."""
        client, came, after = self._clients[code], list[_Came](), None
        while True:
            listed = await client.deliveries(after, PAGE, bodies=True)
            found = [await self._read(code, item) for item in listed["bezorgingen"]]
            if found:
                await client.confirm([item["berichtId"] for item in listed["bezorgingen"]])
            came += found
            after = listed["volgende"]
            if after is None:
                return came

    async def _read(self, code: str, item: dict[str, Any]) -> _Came:
        inline = item.get("inhoud")
        raw = base64.b64decode(inline) if inline else await self._clients[code].fetch(item["berichtId"])
        digest = hashlib.sha256(raw).digest()
        self.kept.append(Kept(id=item["berichtId"], receiver=code, digest=digest, answers=item["antwoordOp"]))
        return _Came(receiver=code, raw=raw, checked=self._file(code, check(raw, self._catalog, OBSERVERS)))

    def _file(self, code: str, checked: Checked) -> Checked:
        if checked.facts is None or checked.findings:
            raise ScenarioError(f"bij {code} ligt een {checked.type} dat niet klopt")
        self.files[code].append(Read(facts=checked.facts, said=checked.said))
        return checked

    async def waiting(self) -> int:
        """Return how many messages nobody has fetched."""
        listed = await _bounded(client.deliveries(count=PAGE) for client in self._clients.values())
        return sum(len(each["bezorgingen"]) for each in listed)


def _codes(answer: Answer) -> tuple[str, ...]:
    found = sorted({each["code"] for each in answer.body.get("bevindingen", ())})
    return tuple(found) or (f"HTTP {answer.status}",)


async def _bounded(work: Iterable[Awaitable[T]]) -> list[T]:
    """Do this work, ``AT_ONCE`` at a time, each made when it is its turn; return what came of it, in order."""
    found: dict[int, T] = {}
    turns = enumerate(work)

    async def hand() -> None:
        for number, each in turns:
            found[number] = await each

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(hand())
    except ExceptionGroup as troubles:
        # The first tells what went wrong; the scenario ends with it, whatever the others ran into by then.
        raise troubles.exceptions[0] from None
    return [found[number] for number in sorted(found)]
