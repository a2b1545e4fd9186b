"""A process that does to the log all that can be done to it, until it is killed; it tells each thing after its commit.

It writes lines, gives them their place, takes messages in, has them and old lines destroyed, and renews keys: with the
code that a gateway, its officers and its operator have for that. ``tests.disaster.log`` starts it and kills it.
"""

import asyncio
import faulthandler
import hashlib
import os
import random
import secrets
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from audit import log, sequencer
from audit.entry import Entry, Event
from audit.keys import KeysError, KeyService
from audit.record import record
from gateway import bodies, keyring, settings, store, trail
from gateway.commit import open_engine, passes, writing
from gateway.flow import State
from gateway.retention import orders
from gateway.retention import store as erasures
from gateway.retention.decide import Stage
from gateway.retention.nightly import Retention
from gateway.retention.policy import standard
from gateway.settings import Settings
from gateway.tables import deliveries, messages
from gateway.trail import What
from tests.disaster.deeds import APPROVERS, RENEWED, WHO
from tests.large_documents import bsns

Told = tuple[str, str]
"""What happened, and to what: see `Victim.tell`."""
BEGUN, LINE, HEAD, MESSAGE, GONE_MESSAGE, GONE_LINES, NEW_KEY, GONE_KEK = (
    "begint", "regel", "stand", "bericht", "weg bericht", "weg regels", "nieuwe sleutel", "weg hoofdsleutel",
)  # fmt: skip
PARTIES = "98000001", "98000002"
PEOPLE = bsns(24)
_UNDER_WAY = (
    sa.select(messages.c.id, messages.c.type, messages.c.receiver, messages.c.sealed_subjects)
    .join(deliveries, deliveries.c.message == messages.c.id)
    .where(deliveries.c.state == State.QUEUED.value)
)
YEARS = 5
"""So many years from now a line of today is past its term."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Victim:
    """What it works with, and how it tells."""

    found: Settings
    engine: AsyncEngine
    keys: KeyService
    rng: random.Random
    said: Connection
    seen: datetime
    """What is older somebody outside has seen: only that is destroyed."""

    def tell(self, *told: Told) -> None:
        self.said.send(told)

    async def write(self) -> None:
        """Write a few events, each about nobody or up to three persons."""
        events = []
        for _ in range(self.rng.randint(1, 4)):
            event = trail.event(
                What.REFUSED, actor=self.rng.choice(PARTIES), role="afzender", trace=secrets.token_hex(16), ok=False,
                parties=self.rng.sample(PARTIES, self.rng.randint(1, 2)), about={"reason": "TR056"},
            )  # fmt: skip
            events += trail.per_subject(event, self._people())
        async with writing(self.engine) as db:
            made = await self._record(db, events)
        self.tell(*_lines(made))

    async def sequence(self) -> None:
        async with writing(self.engine) as db:
            head = await log.sequence(db, sequencer.signing(self.keys), self.found.log_name, datetime.now(UTC))
        if head:
            self.tell((HEAD, head.note))

    async def exchange(self) -> None:
        """Take a message in; it is confirmed when `destroy` comes by."""
        at, people = time.time_ns() // 1_000_000, self._people() or PEOPLE[:1]
        id_, raw = f"{at:012x}{secrets.token_hex(10)}", self.rng.randbytes(700)
        sender, receiver = self.rng.sample(PARTIES, 2)
        row = {
            "id": id_, "key": store.key_of(sender, "ho301", id_[8:20]), "type": "ho301", "sender": sender,
            "receiver": receiver, "identification": id_[8:20], "wet": "JW", "answers": None, "received_at": at,
            "size": len(raw), "digest": hashlib.sha256(raw).digest(), "receipt": b"{}",
            **bodies.sealed(self.keys, id_, raw, people),
        }  # fmt: skip
        received = trail.event(
            What.RECEIVED, actor=sender, role="afzender", trace=secrets.token_hex(16), message=id_, kind="ho301",
            wet="JW", parties=PARTIES,
        )  # fmt: skip
        async with writing(self.engine) as db:
            await store.add(db, [row])
            made = await self._record(db, trail.per_subject(received, people))
        self.tell((MESSAGE, id_), *_lines(made))

    async def destroy(self) -> None:
        """Propose all that is past its term, agree to it twice, and destroy it: bodies, then payloads of lines.

        First what is under way arrives: no message then keeps its old lines, and of each person the first lines go.
        """
        async with writing(self.engine) as db:
            rows = (await db.execute(_UNDER_WAY)).all()
            at = time.time_ns() // 1_000_000
            await store.move(db, [(row.id, State.QUEUED, State.DELIVERED) for row in rows], at=at)
            about = bodies.clients(self.keys, rows, why="beheer")
            made = await self._record(db, [each for row in rows for each in _confirmed(row, about[row.id])])
        self.tell(*_lines(made))
        retention = Retention(
            engine=self.engine, writing=lambda: writing(self.engine), keys=self.keys, origin=self.found.origin,
            policy=standard(), archives=list,
        )  # fmt: skip
        for class_ in ("transport", "logboek"):
            await self._destroy(retention, class_)

    async def _destroy(self, retention: Retention, class_: str) -> None:
        await retention.propose(_years_after(self.seen))
        async with self.engine.connect() as db:
            proposed = await orders.listed(db, self.keys, None, Stage.PROPOSED, Stage.APPROVED)
        agreed = [each for each in proposed if each.class_ == class_ or each.state is Stage.APPROVED]
        for each in agreed:
            for approver in APPROVERS if each.state is Stage.PROPOSED else ():
                if approver.officer.login not in each.approvals:
                    async with writing(self.engine) as db:
                        await orders.approve(db, self.keys, self.found.origin, each.id, approver)
        async with self.engine.connect() as db:
            items = [item for each in agreed for item in await erasures.items(db, each.id)]
        async for _ in retention.destroy():
            pass
        await self._tell_gone(items)

    async def renew(self) -> None:
        kind = self.rng.choice(RENEWED)
        await keyring.renew(self.found, kind, who=WHO)
        about = self.keys.about()
        match kind:
            case "kek":
                new = about["kek"]["id"]
            case "index":
                new = f"{int(self.keys.index_id):x}"
            case "logboek":
                new = ""
            case _:
                new = self.keys.signer(kind).public.hex()
        self.tell((NEW_KEY, f"{kind} {new}"))

    async def clean(self) -> None:
        """Destroy KEKs that are no longer needed."""
        about = self.keys.about()
        for id_ in about["keks"].keys() - {about["kek"]["id"]}:
            await keyring.destroy(self.found, id_, who=WHO)
            self.tell((GONE_KEK, id_))

    async def _record(self, db: AsyncConnection, events: Sequence[Event]) -> list[Entry]:
        return await record(db, self.keys, self.found.origin, events, datetime.now(UTC))

    def _people(self) -> list[str]:
        return self.rng.sample(PEOPLE, self.rng.randint(0, 3))

    async def _tell_gone(self, items: Sequence[tuple[str, str]]) -> None:
        """Tell what is gone of what was to go: what is held, or was left for a later batch, is passed over."""
        place, sealed = log.entries.c.idx, log.entries.c.sealed
        for kind, item in items:
            if kind == "bericht":
                self.tell((GONE_MESSAGE, item))
            elif kind == "logregel":
                first, last = map(int, item.split("-"))
                async with self.engine.connect() as db:
                    gone = await db.execute(sa.select(place).where(place.between(first, last), sealed.is_(None)))
                    self.tell((GONE_LINES, " ".join(map(str, gone.scalars()))))


def _confirmed(row: Any, people: Sequence[str]) -> list[Event]:
    event = trail.event(
        What.CONFIRMED, actor=row.receiver, role="ontvanger", trace=secrets.token_hex(16), message=row.id,
        kind=row.type, wet="JW", parties=PARTIES,
    )  # fmt: skip
    return trail.per_subject(event, people)


def _lines(made: Sequence[Entry]) -> list[Told]:
    return [(LINE, each.leaf.hex()) for each in made]


def _years_after(moment: datetime) -> datetime:
    day = 28 if (moment.month, moment.day) == (2, 29) else moment.day
    return moment.replace(year=moment.year + YEARS, day=day)


DEEDS: dict[str, tuple[Callable[[Victim], Awaitable[None]], int]] = {
    "schrijven": (Victim.write, 12),
    "plaatsen": (Victim.sequence, 10),
    "uitwisselen": (Victim.exchange, 6),
    "vernietigen": (Victim.destroy, 1),
    "vernieuwen": (Victim.renew, 1),
    "opruimen": (Victim.clean, 1),
}
"""What it does, and how often beside the rest."""


async def _live(victim: Victim) -> None:
    names, weights = list(DEEDS), [weight for _, weight in DEEDS.values()]
    while True:
        (name,) = victim.rng.choices(names, weights)
        victim.tell((BEGUN, name))
        try:
            await DEEDS[name][0](victim)
        except Exception as error:  # as a gateway does: what passes is asked again
            killed = isinstance(error, KeysError) and str(error) == "De sleuteldienst is niet begonnen."
            if not passes(error) and not killed:
                raise
            await asyncio.sleep(0.02)


def live(path: Path, seed: int, seen: datetime, said: Connection) -> None:
    """Live until killed. ``seen``: before this moment somebody outside has read the log."""
    with path.with_suffix(".gezegd").open("ab") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    faulthandler.register(signal.SIGUSR1)  # who is silent is asked what it does
    found = settings.load(path)
    victim = Victim(
        found=found, engine=open_engine(found.database), keys=KeyService.open(found.keys), rng=random.Random(seed),
        said=said, seen=seen,
    )  # fmt: skip
    asyncio.run(_live(victim))
