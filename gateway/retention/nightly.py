"""Each night: propose what is past its term, destroy what was agreed to, and clean the database after it.

Nothing here waits for a clock to strike: it looks each minute, and a day on which nobody looked at three is caught up
with at the first look after. Of several gateways on one database one proposes; what one of them left another does.
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from audit.keys import KeysError, KeyService
from audit.record import record
from gateway import trail
from gateway.oversight.rights import OPERATOR
from gateway.retention import due, orders, store
from gateway.retention.decide import Kind, Stage, ranges
from gateway.retention.policy import Policy, Rule, TermsError, standard, with_terms
from gateway.trail import What

LOOK = 60.0
"""Seconds between two looks."""
HOUR = 3
"""From this hour on, in the Netherlands, the proposals of a day are made."""
PAUSE = 0.05
"""Seconds between two batches, for others who write."""
KEY_RESTS = timedelta(hours=2)
"""So long after its last use a data key may still be in somebody's hands; see ``audit.keys.HELD``."""
_HERE = ZoneInfo("Europe/Amsterdam")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TABLES = ("messages", "ledger", "refusals", "audit_entries", "audit_subject_lines", "audit_subjects", "erasures")

Found = Sequence[str] | Sequence[int]
"""What is past its term: ids of messages, keys of records and refusals, or places in the log."""
Writing = Callable[[], contextlib.AbstractAsyncContextManager[AsyncConnection]]
"""Opens a transaction that writes."""


def read_terms(path: Path) -> Policy:
    """Return the policy with the terms in an operator's file, if there is one; raises TermsError."""
    try:
        return with_terms(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return standard()
    except (OSError, UnicodeDecodeError):
        raise TermsError(f"Het bestand met bewaartermijnen {path} is niet te lezen.") from None


class Retention:
    """The keeping and destroying of one gateway."""

    def __init__(
        self, *, engine: AsyncEngine, writing: Writing, keys: KeyService, origin: str, policy: Policy,
        archives: Callable[[], Sequence[str]],
    ) -> None:  # fmt: skip
        """Work on this database; ``archives`` tells the parties that keep their archive here."""
        self._engine = engine
        self._writing = writing
        self._keys = keys
        self._origin = origin
        self._policy = policy
        self._archives = archives
        self._manages_keys = True
        """Whether the key service lets us destroy keys; if not, the first refusal says so."""

    async def run(self) -> None:
        """Look, for ever."""
        while True:
            await self.look(datetime.now(UTC))
            await asyncio.sleep(LOOK)

    async def look(self, at: datetime) -> None:
        """Propose if today nobody did; destroy what was agreed to; clean up."""
        here = at.astimezone(_HERE)
        if here.hour >= HOUR and await self._first_today(here.toordinal()):
            await self.propose(at)
        async for _ in self.destroy():
            pass
        await self.sweep(at)

    async def propose(self, at: datetime) -> list[str]:
        """Propose what is past its term at a moment; return the ids of the proposals."""
        # Looked up beside those who write, for it goes through all there is; what destroys looks again.
        async with self._engine.connect() as db:
            found = {rule.code: await self._due(db, rule, at) for rule in self._rules()}
        async with self._writing() as db:
            await store.lock(db)
            return await self._propose(db, at, found)

    async def destroy(self) -> AsyncIterator[tuple[str, int]]:
        """Destroy all that was agreed to, batch by batch; yield after each of which erasure, and how much."""
        async with self._engine.connect() as db:
            waiting = [row.id for row in await store.in_states(db, Stage.APPROVED) if row.kind != Kind.STANDING]
        for id_ in waiting:
            count: int | None = 0
            while count is not None:
                async with self._writing() as db:
                    count = await orders.destroy(db, self._keys, self._origin, id_)
                yield id_, count or 0
                await asyncio.sleep(PAUSE)

    async def sweep(self, at: datetime) -> None:
        """After what was destroyed: leave no bytes of it in the database's files, and no key that opens old copies."""
        async with self._engine.connect() as db:
            unswept, left = await store.unswept(db), await store.keys_left(db)
        if unswept and (how := await _clean(self._engine)):
            async with self._writing() as db:
                for id_ in unswept:
                    await store.add_sweep(db, id_, orders.now(), how)
        resting = {
            key
            for key in left
            if self._manages_keys and at - _EPOCH > timedelta(milliseconds=int(key[16:], 16)) + KEY_RESTS
        }
        if resting:
            async with self._writing() as db:
                await self._destroy_keys(db, resting)

    def _rules(self) -> list[Rule]:
        return [rule for rule in self._policy.values() if rule.kind in orders.AT_ONCE]

    async def _first_today(self, day: int) -> bool:
        async with self._writing() as db:
            await store.lock(db)
            return await store.first_today(db, day, orders.now())

    async def _propose(self, db: AsyncConnection, at: datetime, found: Mapping[str, Found]) -> list[str]:
        standing = {
            each.class_: each
            for each in await orders.listed(db, self._keys, OPERATOR, Stage.APPROVED)
            if each.kind is Kind.STANDING and (each.until or 0) > orders.now()
        }
        open_ = await orders.listed(db, self._keys, OPERATOR, Stage.PROPOSED)
        made = []
        for rule in self._rules():
            untouched = [e for e in open_ if e.kind is Kind.TERM and e.class_ == rule.code and not e.approvals]
            order = standing.get(rule.code)
            if not found[rule.code] and not (order and untouched):
                continue
            items = _items(rule, found[rule.code])
            for each in untouched:  # a longer list takes its place
                items += await store.items(db, each.id)
                await store.drop_items(db, each.id)
                await store.put_state(db, each.id, Stage.REPLACED, orders.now())
            count = len(found[rule.code]) + sum(each.count for each in untouched)
            made.append(await self._propose_class(db, rule, at, order, list(dict.fromkeys(items)), count))
        return made

    async def _propose_class(
        self, db: AsyncConnection, rule: Rule, at: datetime, order: orders.Erasure | None,
        items: Sequence[tuple[str, str]], count: int,
    ) -> str:  # fmt: skip
        before = (_EPOCH + timedelta(milliseconds=rule.cutoff(at))).date().isoformat()
        reason = f"{rule.title}: {rule.term} na '{rule.begin}', alles van vóór {before}. Grond: {rule.ground}."
        under = {"under": order.id, "state": Stage.APPROVED.value} if order else {}
        id_ = await orders.add(
            db, self._keys, items=items, told={"requester": order.requester if order else "", "reason": reason},
            kind=Kind.TERM.value, class_=rule.code, party=OPERATOR, count=count, **under,
        )  # fmt: skip
        agreed = {"approvers": list(order.approvals), "order": order.id} if order else {}
        event = trail.event(
            What.PROPOSED, actor=self._origin, role="poort", trace=id_, thing="vernietiging",
            about={"reason": reason, "count": count, **agreed},
        )  # fmt: skip
        await record(db, self._keys, self._origin, [event], datetime.now(UTC))
        return id_

    async def _due(self, db: AsyncConnection, rule: Rule, at: datetime) -> Found:
        cutoff = rule.cutoff(at)
        match rule.kind:
            case "bericht":
                return await due.messages_due(db, rule, self._policy, self._archives(), cutoff=cutoff)
            case "logregel":
                return await due.lines_due(db, cutoff=cutoff)
            case "grootboek":
                return await due.records_due(db, cutoff=cutoff)
        return await due.refusals_due(db, cutoff=cutoff)

    async def _destroy_keys(self, db: AsyncConnection, left: set[str]) -> None:
        """Destroy the data keys with which nothing is sealed any more: then no backup of the database opens either."""
        free = []
        for key in sorted(left):
            since, rests = int(key[16:], 16), KEY_RESTS // timedelta(milliseconds=1)
            first, last = f"{max(0, since - rests):012x}" + "0" * 20, f"{since + rests:012x}" + "f" * 20
            if not await due.key_in_use(db, bytes.fromhex(key[:16]), first=first, last=last):
                free.append(key)
        if not free:
            return
        try:
            self._keys.destroy([bytes.fromhex(key[:16]) for key in free])  # once more does no harm
        except KeysError as error:
            self._manages_keys = False
            logging.getLogger("ketenpoort").error("sleutels niet vernietigd: %s", error)  # noqa: TRY400 - it says all
            return
        event = trail.event(What.KEY_DESTROYED, actor=self._origin, role="poort", trace="", thing="sleutel")
        told = [replace(event, clear={"key_kind": "bericht", "key_old": key[:16]}) for key in free]
        await record(db, self._keys, self._origin, told, datetime.now(UTC))
        await store.drop_keys(db, free)


def _items(rule: Rule, found: Found) -> list[tuple[str, str]]:
    """Return what was found as items; of the log, each row of lines is one item."""
    if rule.kind == "logregel":
        rows = ranges(int(place) for place in found)
        return [(rule.kind, f"{first:012}-{last:012}") for first, last in rows]
    return [(rule.kind, str(each)) for each in found]


async def _clean(engine: AsyncEngine) -> str:
    """Leave as little as the database can of what is gone; return what was done, empty if it must be tried again."""
    if engine.dialect.name == "sqlite":
        async with engine.connect() as db:
            driver: Any = (await db.get_raw_connection()).driver_connection
            # Past SQLAlchemy, which would begin a transaction first.
            cursor = await driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            busy, _, _ = await cursor.fetchone()
        return (
            "" if busy else json.dumps({"database": "SQLite", "gedaan": ["secure_delete", "wal_checkpoint(TRUNCATE)"]})
        )
    async with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as db:
        for table in _TABLES:
            await db.exec_driver_sql(f"VACUUM {table}")
    return json.dumps({"database": "PostgreSQL", "gedaan": [f"VACUUM {table}" for table in _TABLES]})
