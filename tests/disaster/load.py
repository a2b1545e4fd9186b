"""The outside world: parties that send, fetch, confirm and are pushed to, and that remember what they were told.

They do what a careful party does: without an answer they ask again, with the same bytes. What they see that may never
be is noted in ``Book.wrong`` at once; what only shows afterwards is for ``verdict``.
"""

import asyncio
import base64
import contextlib
import hashlib
import json
import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from adapters import tls
from gateway.invented import faulty, message
from tests.large_documents import bsns, declaration

HOOFD, ONDER, PUSHED, SECOND = "98000001", "98000002", "98000003", "98000004"
MOMENTS = ("sending", "promised", "fetched", "confirming", "pushing", "pushed")
"""What the outside world can see of the steps of a message; a disaster waits for one of them."""


PERSONS = bsns(5)
"""So few that many messages at the same time are about the same one."""

MOST_AGAIN = 40
MOST_UNDERWAY = 60
"""Messages that may be on their way before senders wait for receivers."""
PATIENCE = 40.0
"""Seconds in which all that was begun must come to its end."""


@dataclass(slots=True, kw_only=True)
class Book:
    """What the outside world knows."""

    receipts: dict[str, bytes] = field(default_factory=dict)
    """By message id: the first receipt, byte for byte."""
    bodies: dict[str, bytes] = field(default_factory=dict)
    """By message id: what its sender sent."""
    fresh: set[str] = field(default_factory=set)
    """Ids whose sender was told that the message was new; the answer to a copy may come before that."""
    lanes: defaultdict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))
    """Ids in the order in which one sender sent them, one after the other, to a party that is pushed to."""
    received: dict[str, bytes] = field(default_factory=dict)
    """By message id: what its receiver got, fetched or pushed."""
    fetched: Counter[str] = field(default_factory=Counter)
    pushes: list[tuple[tuple[str, str], str]] = field(default_factory=list)
    """Lane and id of every push that the receiver stored."""
    confirmed: set[str] = field(default_factory=set)
    heads: list[bytes] = field(default_factory=list)
    """Signed heads of the log, in the order in which they were seen; whoever keeps these sees a fork."""
    retours: dict[bytes, str] = field(default_factory=dict)
    """By refused bytes: the id of the answer that the gateway composed."""
    seen: Counter[str] = field(default_factory=Counter)
    """How often what happened, for the summary."""
    wrong: list[str] = field(default_factory=list)


class World:
    """All parties at once. ``tell`` is called at each moment of ``MOMENTS``."""

    def __init__(
        self, home: Path, ports: Sequence[int], push_port: int, rng: random.Random, *, faults: float = 0
    ) -> None:
        """``faults``: the share of pushes by ``SECOND`` that the receiver lets fail; each costs five seconds."""
        self._home = home
        self._ports = ports
        self._push_port = push_port
        self._rng = rng
        self._faults = faults
        self._sessions: dict[str, aiohttp.ClientSession] = {}
        self._open: set[str] = set()
        self._moments: dict[str, asyncio.Event] = {}
        self._closing = asyncio.Event()
        self.book = Book()

    async def moment(self, name: str, patience: float) -> None:
        """Return when ``name`` next happens, or after ``patience`` seconds."""
        event = self._moments.setdefault(name, asyncio.Event())
        event.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(event.wait(), patience)

    def _tell(self, name: str) -> None:
        if event := self._moments.get(name):
            event.set()

    @contextlib.asynccontextmanager
    async def living(self) -> AsyncIterator[None]:
        """Let all parties do their work during the block; at its end all that was begun is finished."""
        async with self._at_home(), contextlib.AsyncExitStack() as stack:
            for code in (HOOFD, ONDER, PUSHED, SECOND):
                papers = self._home / f"partij-{code}"
                context = tls.client_context(
                    papers / f"{code}.pem", papers / f"{code}.key", self._home / "tls" / "ca.pem"
                )
                self._sessions[code] = await stack.enter_async_context(
                    aiohttp.ClientSession(
                        connector=aiohttp.TCPConnector(ssl=context), timeout=aiohttp.ClientTimeout(total=20)
                    )
                )
            sending = [
                asyncio.create_task(self._sending(sender, receiver, prefix))
                for sender, receiver, prefix in (
                    (HOOFD, ONDER, "A"), (HOOFD, ONDER, "B"), (SECOND, ONDER, "C"),
                    (HOOFD, PUSHED, "P"), (SECOND, PUSHED, "Q"),
                )
            ]  # fmt: skip
            sending += [asyncio.create_task(self._erring()), asyncio.create_task(self._declaring())]
            receiving = [asyncio.create_task(self._receiving(code)) for code in (HOOFD, ONDER, SECOND)]
            receiving.append(asyncio.create_task(self._watching()))
            try:
                yield
                self._closing.set()
                await asyncio.wait_for(asyncio.gather(*sending), PATIENCE)
                await self._quiet()
                await self._again(MOST_AGAIN)
            finally:
                for task in (*sending, *receiving):
                    task.cancel()
                ended = await asyncio.gather(*sending, *receiving, return_exceptions=True)
                self.book.wrong += [f"a party stopped: {each!r}" for each in ended if isinstance(each, Exception)]

    async def _quiet(self) -> None:
        """Wait until every message that was promised has reached its receiver, or nothing arrives any more."""
        last, since = -1, 0.0
        while (left := self.underway()) and since < PATIENCE:
            await asyncio.sleep(0.1)
            last, since = left, since + 0.1 if left == last else 0.0

    def underway(self) -> int:
        """How many messages were promised that their receiver has not yet."""
        book = self.book
        arrived = book.confirmed | {id_ for _, id_ in book.pushes}
        return len((book.receipts.keys() | set(book.retours.values())) - arrived)

    async def _again(self, most: int) -> None:
        """Send up to ``most`` messages once more: each must give the receipt of then."""
        for id_ in self._rng.sample(sorted(self.book.bodies), min(most, len(self.book.bodies))):
            await self.send(json.loads(self.book.receipts[id_])["afzender"], self.book.bodies[id_])

    async def send(self, sender: str, raw: bytes) -> str:
        """Send until there is a receipt; return the message's id."""
        self._tell("sending")
        status, receipt = await self._ask(
            sender, "POST", "/v1/berichten", (200, 201), data=raw, headers={"Content-Type": "application/xml"}
        )
        promised = json.loads(receipt)
        id_: str = promised["berichtId"]
        if promised["sha256"] != hashlib.sha256(raw).hexdigest():
            self.book.wrong.append(f"{id_}: the receipt is for other bytes")
        if status == 201 and id_ in self.book.fresh:
            self.book.wrong.append(f"{id_}: accepted as new twice")
        self.book.fresh |= {id_} if status == 201 else set()
        if self.book.receipts.setdefault(id_, receipt) != receipt:
            self.book.wrong.append(f"{id_}: two receipts")
        self.book.bodies[id_] = raw
        self.book.seen["promised" if status == 201 else "promised again"] += 1
        self._tell("promised")
        return id_

    async def _sending(self, sender: str, receiver: str, prefix: str) -> None:
        number = 0
        while not self._closing.is_set():
            number += 1
            raw = message("ho301-gewoon", f"{prefix}{number}", sender=sender, receiver=receiver)
            raw = raw.replace(PERSONS[0].encode(), self._rng.choice(PERSONS).encode())
            copies = 2 if self._rng.random() < 0.1 else 1
            ids = await asyncio.gather(*(self.send(sender, raw) for _ in range(copies)))
            if len(set(ids)) != 1:
                self.book.wrong.append(f"{ids}: one message under two ids")
            if receiver == PUSHED:
                self.book.lanes[sender, receiver].append(ids[0])
            await asyncio.sleep(self._rng.uniform(0.01, 0.08))
            while self.underway() > MOST_UNDERWAY:
                await asyncio.sleep(0.1)

    async def _erring(self) -> None:
        """A party that sends faulty messages, each twice: it must get the same answer twice."""
        number = 0
        while not self._closing.is_set():
            number += 1
            raw = faulty("ho301-meer-fouten-tegelijk") + b"\n" * number
            for _ in range(2):
                _, problem = await self._ask(
                    HOOFD, "POST", "/v1/berichten", (400,), data=raw, headers={"Content-Type": "application/xml"}
                )
                answer = (json.loads(problem)["antwoordbericht"] or "/none").rpartition("/")[2]
                if self.book.retours.setdefault(raw, answer) != answer:
                    self.book.wrong.append(f"{answer}: a second answer to one refused message")
                self.book.seen["refused"] += 1
            await asyncio.sleep(self._rng.uniform(0.1, 0.4))

    async def _declaring(self) -> None:
        """A party that writes about several persons in one message."""
        number = 0
        while not self._closing.is_set():
            number += 1
            raw = declaration(clients=self._rng.randint(2, len(PERSONS)), lines=1)
            await self.send(ONDER, raw.replace(b"GROOT-1", b"D%d" % number).replace(b"GROOT1", b"D%d" % number))
            await asyncio.sleep(self._rng.uniform(0.1, 0.4))

    async def _receiving(self, party: str) -> None:
        answered: set[str] = set()
        while True:
            along = self._rng.choice(["ja", "nee"])  # the messages along with the list, or one by one
            _, page = await self._ask(party, "GET", f"/v1/bezorgingen?aantal=20&wacht=2&inhoud={along}", (200,))
            listed = {each["berichtId"]: each for each in json.loads(page)["bezorgingen"]}
            waiting = list(listed)
            for id_, each in listed.items():
                if "inhoud" in each:
                    self._got(id_, base64.b64decode(each["inhoud"]))
                else:
                    self._got(id_, (await self._ask(party, "GET", f"/v1/berichten/{id_}", (200,)))[1])
                self.book.fetched[id_] += 1
                self._tell("fetched")
            if waiting:
                await self._confirm(party, waiting)
            for id_ in set(waiting) - answered if party == ONDER else ():
                answered.add(id_)
                if id_ in self.book.receipts and not self._closing.is_set() and self._rng.random() < 0.3:
                    await self._answer(id_)

    async def _watching(self) -> None:
        """A party that keeps what the gateway signed, so that it can never show another log."""
        while True:
            _, head = await self._ask(SECOND, "GET", "/v1/logboek/checkpoint", (200,))
            if self.book.heads[-1:] != [head]:
                self.book.heads.append(head)
            await asyncio.sleep(0.2)

    async def _confirm(self, party: str, ids: Sequence[str]) -> None:
        self._tell("confirming")
        _, result = await self._ask(party, "POST", "/v1/bevestigingen", (200,), json={"berichten": ids})
        if refused := json.loads(result)["nietBevestigd"]:
            self.book.wrong.append(f"not confirmed: {refused}")
        self.book.confirmed |= set(ids)
        self.book.seen["confirmed"] += len(ids)

    async def _answer(self, id_: str) -> None:
        asked = json.loads(self.book.receipts[id_])
        raw = message(
            "ho302-akkoord", f"R{asked['identificatie']}{asked['afzender'][-1]}", sender=asked["afzender"],
            receiver=asked["ontvanger"], answers=asked["identificatie"],
        )  # fmt: skip
        await self.send(ONDER, raw)

    def _got(self, id_: str, body: bytes) -> None:
        if self.book.received.setdefault(id_, body) != body:
            self.book.wrong.append(f"{id_}: the same key with other bytes")

    async def _ask(
        self, party: str, method: str, path: str, expected: tuple[int, ...], **request: Any
    ) -> tuple[int, bytes]:
        """Ask until there is an answer that is not 'later'; any but the expected ones is wrong."""
        while True:
            url = f"https://127.0.0.1:{self._rng.choice(self._ports)}{path}"
            try:
                async with self._sessions[party].request(method, url, **request) as response:
                    status, body = response.status, await response.read()
            except (aiohttp.ClientError, OSError):
                self.book.seen["no answer"] += 1
                await asyncio.sleep(0.15)
                continue
            if status in expected:
                return status, body
            self.book.seen[str(status)] += 1
            if status != 503:
                self.book.wrong.append(f"{method} {path}: {status} {body[:300]!r}")
            await asyncio.sleep(0.1)

    async def _stored(self, request: web.Request) -> web.Response:
        """The pushed-to party's own address."""
        id_, sender = request.headers["webhook-id"], request.headers["Ketenpoort-Afzender"]
        body = await request.read()
        if id_ in self._open:
            self.book.wrong.append(f"{id_}: pushed twice at the same time")
        self._open.add(id_)
        self._tell("pushing")
        await asyncio.sleep(self._rng.uniform(0, 0.02))
        self._open.discard(id_)
        fault = sender == SECOND and self._rng.random() < self._faults
        if fault and self._rng.random() < 0.5:
            self.book.seen["push failed"] += 1
            return web.Response(status=500)
        self._got(id_, body)
        self.book.pushes.append(((sender, PUSHED), id_))
        self.book.seen["pushed"] += 1
        if fault and request.transport:
            self.book.seen["push answer lost"] += 1
            request.transport.abort()
        self._tell("pushed")
        return web.Response()

    @contextlib.asynccontextmanager
    async def _at_home(self) -> AsyncIterator[None]:
        """Serve the pushed-to party's address."""
        app = web.Application(client_max_size=25 * 2**20)
        app.router.add_post("/berichten", self._stored)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        papers = self._home / "ontvanger"
        context = tls.server_context(papers / "server.pem", papers / "server.key", self._home / "tls" / "ca.pem")
        await web.TCPSite(runner, "127.0.0.1", self._push_port, ssl_context=context).start()
        try:
            yield
        finally:
            await runner.cleanup()
