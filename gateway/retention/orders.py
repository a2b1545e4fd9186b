"""Proposing, agreeing and destroying, each with its entry in the log in the same transaction.

Every function takes the connection first and never commits. Destroying goes in batches, each a transaction of its own
that holds all of it: what is gone, the entry that says so, and that it need not be done again. After a crash the next
one goes on where the last one ended.
"""

import json
import secrets
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from audit.entry import Event
from audit.keys import KeyService
from audit.record import record
from audit.seal import sealed_with
from gateway import bodies, history, trail
from gateway.ledger.forget import forget, in_use, needed
from gateway.ledger.keys import dossier_of
from gateway.ledger.values import Record
from gateway.oversight.rights import OPERATOR, Officer, Right, may
from gateway.retention import due, store
from gateway.retention.decide import APPROVERS, Kind, Stage, fault_of_approval, ranges
from gateway.retention.policy import Policy
from gateway.store import drop_records
from gateway.store import lock as lock_names
from gateway.trail import What

AT_ONCE = {"bericht": 200, "logregel": 1, "dossier": 1, "grootboek": 2_000, "weigering": 2_000}
"""Items in one batch."""
LINES = 5_000
"""Lines of the log in one batch."""
RANGES = 500
"""Ranges in one entry: a header holds no more than 64 kB."""


class NotAllowedError(Exception):
    """What was asked may not be done; the text says why, in Dutch. Nothing was done."""


class Doer(Protocol):
    """Who does something: an officer at the console or at the command line (see `gateway.oversight.desk.Asking`)."""

    @property
    def officer(self) -> Officer:
        """Return who it is."""
        ...

    def did(
        self,
        what: What,
        *,
        thing: str = ...,
        parties: Sequence[str] | None = ...,
        about: Mapping[str, Any] | None = ...,
    ) -> Event:
        """Return the event that he did this."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """What is proposed to be destroyed, or was."""

    id: str
    kind: Kind
    class_: str
    """Class of the policy; empty where it is about persons."""
    party: str
    """Whose officers decide; empty: those of the gateway itself."""
    state: Stage
    made_at: int
    changed_at: int
    until: int | None
    """Of a standing order: when it ends."""
    under: str | None
    """Id of the standing order that approved it."""
    count: int
    """Things that were proposed: messages, lines, records, refusals."""
    requester: str
    """Login of who asked; empty: the gateway itself."""
    reason: str = field(repr=False)
    approvals: tuple[str, ...]
    subjects: tuple[str, ...] = field(default=(), repr=False)
    """BSNs of those whom it is about; empty once it is done."""


async def add(
    db: AsyncConnection, keys: KeyService, *, items: Sequence[tuple[str, str]], told: Mapping[str, Any], **row: Any
) -> str:
    """Store an erasure with what it is to destroy, ``told`` (requester, reason, subjects) sealed; return its id."""
    id_, at = secrets.token_hex(16), now()
    fixed = {"id": id_, "state": Stage.PROPOSED.value, "made_at": at, "changed_at": at, "until": None, "under": None}
    await store.add(db, {**fixed, "sealed": _sealed(keys, id_, told), **row}, items)
    return id_


async def ask_standing(
    db: AsyncConnection, keys: KeyService, origin: str, who: Doer, *, policy: Policy, class_: str, until: int, why: str
) -> str:
    """Ask that what of a class is past its term be destroyed each night without asking, until a moment; return the id.

    Raises NotAllowedError for a class that no night destroys.
    """
    rule = policy.get(class_)
    if not may(who.officer, Right.RETENTION) or who.officer.party != OPERATOR:
        raise NotAllowedError("Alleen een functionaris gegevensbescherming van de poort zelf kan hierom vragen.")
    if rule is None or rule.kind not in AT_ONCE:
        raise NotAllowedError(f"Er is geen klasse '{class_}' die elke nacht kan worden opgeruimd.")
    if until <= now():
        raise NotAllowedError("De einddatum is al voorbij.")
    await store.lock(db)
    id_ = await add(
        db, keys, items=(), told={"requester": who.officer.login, "reason": why}, kind=Kind.STANDING.value,
        class_=class_, party=OPERATOR, count=0, until=until,
    )  # fmt: skip
    event = who.did(What.PROPOSED, thing="vernietiging", parties=(), about={"reason": why, "class": class_})
    await record(db, keys, origin, [replace(event, trace=id_)], datetime.now(UTC))
    return id_


async def approve(db: AsyncConnection, keys: KeyService, origin: str, id_: str, who: Doer) -> Erasure:
    """Agree to an erasure; the second who does makes it due. Raises NotAllowedError."""
    await store.lock(db)
    found = await get(db, keys, id_)
    wrong = fault_of_approval(
        who.officer, party=found.party, state=found.state, requester=found.requester, approvals=found.approvals
    )
    if wrong:
        raise NotAllowedError(wrong)
    at = now()
    await store.add_approval(db, id_, who.officer.login, at)
    if len(found.approvals) + 1 >= APPROVERS:
        await store.put_state(db, id_, Stage.APPROVED, at)
    event = who.did(What.APPROVED, thing="vernietiging", about={"reason": found.reason})
    await record(db, keys, origin, [replace(event, trace=id_)], datetime.now(UTC))
    return await get(db, keys, id_)


async def reject(db: AsyncConnection, keys: KeyService, origin: str, id_: str, who: Doer, *, why: str) -> Erasure:
    """Refuse an erasure, or withdraw a standing order; raises NotAllowedError.

    What is past its term is proposed again the next night: who wants it kept sets a hold.
    """
    await store.lock(db)
    found = await get(db, keys, id_)
    ends = found.kind is Kind.STANDING and found.state is Stage.APPROVED
    wrong = fault_of_approval(
        who.officer, party=found.party, state=Stage.PROPOSED if ends else found.state, requester="", approvals=()
    )
    if wrong:
        raise NotAllowedError(wrong)
    await store.drop_items(db, id_)
    await _finish(db, keys, found, Stage.ENDED if ends else Stage.REJECTED)
    event = who.did(What.REJECTED, thing="vernietiging", about={"reason": why})
    await record(db, keys, origin, [replace(event, trace=id_)], datetime.now(UTC))
    return await get(db, keys, id_)


async def get(db: AsyncConnection, keys: KeyService, id_: str) -> Erasure:
    """Return one erasure; raises NotAllowedError if there is none."""
    row = await store.erasure(db, id_)
    if row is None:
        raise NotAllowedError("Deze vernietiging bestaat niet.")
    return (await _read(db, keys, [row]))[0]


async def listed(db: AsyncConnection, keys: KeyService, party: str | None, *states: Stage) -> list[Erasure]:
    """Return the erasures in these states about which officers of ``party`` decide (None: all), oldest first."""
    rows = [row for row in await store.in_states(db, *states) if party is None or row.party == party]
    return await _read(db, keys, rows)


async def destroy(db: AsyncConnection, keys: KeyService, origin: str, id_: str) -> int | None:
    """Destroy one batch of an approved erasure; return how many things went, None when nothing is left to do.

    What is held since it was approved is passed over.
    """
    await store.lock(db)
    found = await get(db, keys, id_)
    if found.state is not Stage.APPROVED or found.kind is Kind.STANDING:
        return None
    kind, items = await store.next_items(db, id_, AT_ONCE)
    if not kind:
        await _finish(db, keys, found, Stage.DONE)
        return None
    events, count = await _TAKE[kind](db, keys, origin, found, items)
    entries = await record(db, keys, origin, events, datetime.now(UTC))
    if entries:
        await store.add_batch(db, id_, kind, count, now(), entries[0].leaf)
    return count


async def _take_messages(
    db: AsyncConnection, keys: KeyService, origin: str, found: Erasure, ids: Sequence[str]
) -> tuple[list[Event], int]:
    rows = await due.take_messages(db, ids)
    about = bodies.clients(keys, rows, why="beheer")
    events = [
        line
        for row in rows
        for line in trail.per_subject(_gone(origin, found, row=row), about[row.id])
    ]  # fmt: skip
    used = {sealed_with(row.wrapped_key).hex() + row.id[:12] for row in rows}
    oldest = {key[:16]: key for key in sorted(used, reverse=True)}
    await store.drop_items(db, found.id, "bericht", ids)
    await store.add_keys(db, found.id, oldest.values())
    return events, len(rows)


async def _take_lines(
    db: AsyncConnection, keys: KeyService, origin: str, found: Erasure, items: Sequence[str]
) -> tuple[list[Event], int]:
    del keys
    (item,) = items
    first, last = map(int, item.split("-"))
    until = min(last, first + LINES - 1)
    gone = ranges(await due.take_lines(db, first, until))
    await store.drop_items(db, found.id, "logregel", [item])
    if until < last:
        await store.add_items(db, found.id, [("logregel", f"{until + 1}-{last}")])
    parts = [tuple(gone[start : start + RANGES]) for start in range(0, len(gone), RANGES)]
    event = _gone(origin, found, thing="logboek")
    return [replace(event, erases=part) for part in parts], sum(end - start + 1 for start, end in gone)


async def _take_records(
    db: AsyncConnection, keys: KeyService, origin: str, found: Erasure, items: Sequence[str]
) -> tuple[list[Event], int]:
    del keys
    count = await drop_records(db, items)
    await store.drop_items(db, found.id, "grootboek", items)
    return [_gone(origin, found, thing="grootboek", count=count)], count


async def _take_dossier(
    db: AsyncConnection, keys: KeyService, origin: str, found: Erasure, items: Sequence[str]
) -> tuple[list[Event], int]:
    """Take one client out of the ledger between two parties, unless the dossier is in use again."""
    (item,) = items
    await store.drop_items(db, found.id, "dossier", items)
    wet, payer, provider, place = item.split("/")
    bsn = found.subjects[int(place)]
    await lock_names(db, {f"{wet}/{payer}", f"{wet}/{provider}"})
    key = dossier_of(wet, payer, provider, bsn)
    past = (await dossiers(db, keys, [key])).get(key, {})
    if not past or in_use(key, past, today()):
        return [], 0
    gone, changed = forget(key, past)
    await history.rewrite(db, keys, changed, gone, at=now())
    event = replace(_gone(origin, found, thing="grootboek", count=len(gone)), parties=(payer, provider))
    return trail.per_subject(event, [bsn]), len(gone)


async def _take_refusals(
    db: AsyncConnection, keys: KeyService, origin: str, found: Erasure, items: Sequence[str]
) -> tuple[list[Event], int]:
    del keys
    count = await due.take_refusals(db, items)
    await store.drop_items(db, found.id, "weigering", items)
    return [_gone(origin, found, thing="weigering", count=count)], count


_TAKE = {
    "bericht": _take_messages,
    "logregel": _take_lines,
    "dossier": _take_dossier,
    "grootboek": _take_records,
    "weigering": _take_refusals,
}


async def dossiers(db: AsyncConnection, keys: KeyService, wanted: Collection[str]) -> dict[str, Mapping[str, Record]]:
    """Return the dossiers in the ledger that are there under these keys, each with the records that it refers to."""
    found = await history.recall(db, keys, wanted)
    beside = await history.recall(db, keys, {each for key in found for each in needed(key, found)})
    return {key: {each: beside[each] for each in needed(key, found) if each in beside} for key in found}


def _gone(origin: str, found: Erasure, *, row: Any = None, thing: str = "bericht", count: int = 1) -> Event:
    """Return the event that something is destroyed: a message, or so many things."""
    own = (found.party,) if found.party else ()
    return trail.event(
        What.DESTROYED, actor=origin, role="poort", trace=found.id, thing=thing,
        message=row.id if row else None, kind=row.type if row else None, wet=row.wet if row else "",
        parties=(row.sender, row.receiver) if row else own,
        about={
            "reason": found.reason, "approvers": list(found.approvals), "requester": found.requester or origin,
            "count": count,
        },
    )  # fmt: skip


async def _finish(db: AsyncConnection, keys: KeyService, found: Erasure, state: Stage) -> None:
    """End an erasure; whom it was about is forgotten here, and stands only in the log."""
    await store.put_state(db, found.id, state, now())
    told = {"requester": found.requester, "reason": found.reason}
    await store.put_sealed(db, found.id, _sealed(keys, found.id, told))


async def _read(db: AsyncConnection, keys: KeyService, rows: Sequence[Any]) -> list[Erasure]:
    if not rows:
        return []
    told = keys.open_persons([(row.sealed, _context(row.id)) for row in rows], why="beheer")
    found = []
    for row, text in zip(rows, told, strict=True):
        about = json.loads(text)
        agreed = await store.approvals(db, row.under or row.id)
        found.append(
            Erasure(
                id=row.id, kind=Kind(row.kind), class_=row.class_, party=row.party, state=Stage(row.state),
                made_at=row.made_at, changed_at=row.changed_at, until=row.until, under=row.under, count=row.count,
                requester=about.get("requester", ""), reason=about["reason"], approvals=tuple(agreed),
                subjects=tuple(about.get("subjects", ())),
            )
        )  # fmt: skip
    return found


def _sealed(keys: KeyService, id_: str, told: Mapping[str, Any]) -> bytes:
    return keys.seal_person(json.dumps(told), _context(id_))


def _context(id_: str) -> bytes:
    return f"v1|erasures|sealed|{id_}".encode()


def today() -> str:
    """Return this day as an ISO date, in UTC: in the evening of the last day of an order it still runs."""
    return datetime.now(UTC).date().isoformat()


def now() -> int:
    """Return this moment, in milliseconds since 1970, UTC."""
    return time.time_ns() // 1_000_000
