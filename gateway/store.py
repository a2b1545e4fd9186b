"""What the gateway keeps, in SQL: messages, deliveries, lanes, refusals.

Every function takes the connection first and never commits: the caller owns the transaction. The statements
are SQLAlchemy Core and the same on SQLite and PostgreSQL. Times are whole milliseconds since 1970, UTC.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from audit import bulk
from audit.bulk import among
from gateway.flow import Event, State, advance
from gateway.ledger.values import Relation
from gateway.orders import numbers
from gateway.tables import IN_QUEUE, IS_OPEN, deliveries, lanes, ledger, messages, refusals, relations

_LOCK = 0x6B70_7461_62  # our advisory lock on PostgreSQL: one gateway at a time makes tables


def key_of(sender: str, type_: str, identification: str) -> str:
    """Return the identity of a message: unique per sender and message type (TR056)."""
    return f"{sender}/{type_}/{identification}"


# Made once: it is asked at every commit.
_KNOWN = sa.select(messages.c.key, messages.c.id, messages.c.digest, messages.c.receipt, messages.c.receiver).where(
    among(messages.c.key)
)


_RECORDS = sa.select(ledger).where(among(ledger.c.key))
_FORGET = sa.delete(ledger).where(among(ledger.c.key))
_NUMBERS = sa.func.unnest(sa.bindparam("numbers", type_=sa.ARRAY(sa.BigInteger))).column_valued("number")
_TAKE = sa.select(sa.func.pg_advisory_xact_lock(_NUMBERS))


async def create_tables(db: AsyncConnection) -> None:
    """Make the tables that are not there yet, those of the log too."""
    if db.dialect.name == "postgresql":  # gateways that start at the same moment would each make them, and one fail
        await db.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    await db.run_sync(messages.metadata.create_all)


async def known(db: AsyncConnection, keys: Iterable[str]) -> dict[str, Any]:
    """Return id, digest, receipt and receiver of the messages that already exist under these keys."""
    found = await db.execute(_KNOWN, {"names": list(keys)})
    return {each.key: each for each in found}


async def answered(db: AsyncConnection, ids: Iterable[str]) -> set[str]:
    """Return which of these messages already have their answer."""
    found = await db.execute(sa.select(messages.c.answers).where(among(messages.c.answers, ids)))
    return set(found.scalars())


async def add(db: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store messages (rows of ``messages``) with their deliveries; the caller wakes the lanes (``wake``)."""
    await bulk.insert(db, messages, rows)
    duties = [
        {
            "message": row["id"],
            "sender": row["sender"],
            "receiver": row["receiver"],
            "state": State.QUEUED.value,
            "attempts": 0,
            "changed_at": row["received_at"],
        }
        for row in rows
    ]
    await bulk.insert(db, deliveries, duties)


async def wake(db: AsyncConnection, roads: Iterable[tuple[str, str]], now: int) -> None:
    """Tell the lanes of these pairs (sender, receiver) that something waits."""
    new = _insert(db)
    values = [
        {"sender": sender, "receiver": receiver, "due_at": now, "lease_until": 0} for sender, receiver in sorted(roads)
    ]
    await db.execute(_awake(new), values)


async def wake_all(db: AsyncConnection, receivers: Iterable[str], now: int) -> None:
    """Wake the lanes to these receivers in which something waits, whoever sent it; goes through all that waits."""
    row = deliveries.c
    waiting = (
        sa.select(row.sender, row.receiver, sa.literal(now), sa.literal(0))
        .where(among(row.receiver, receivers), IN_QUEUE)
        .distinct()
        .order_by(row.sender, row.receiver)
    )
    await db.execute(_awake(_insert(db).from_select(["sender", "receiver", "due_at", "lease_until"], waiting)))


def _insert(db: AsyncConnection) -> Any:
    return (sqlite.insert if db.dialect.name == "sqlite" else postgresql.insert)(lanes)


def _awake(new: Any) -> Any:
    # The row is always written, never only read: a push worker that is about to call the lane empty has locked it, so
    # that we wait and then wake it. Each step locks lanes in order of sender and receiver, so that two gateways rarely
    # wait for each other; several steps share a transaction, so that never is too much to say. PostgreSQL then ends
    # one of the two, and GroupCommit does its steps again, each alone.
    due = sa.func.coalesce(lanes.c.due_at, new.excluded.due_at)
    return new.on_conflict_do_update(index_elements=[lanes.c.sender, lanes.c.receiver], set_={"due_at": due})


async def refused(db: AsyncConnection, keys: Iterable[bytes]) -> dict[bytes, str | None]:
    """Return, for refusals that happened before, the id of the answer composed then."""
    row = refusals.c
    found = await db.execute(sa.select(row.key, row.answer).where(row.key.in_(list(keys))))
    return {each.key: each.answer for each in found}


async def add_refusals(db: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store the fact of refusals: who, when, which codes; nothing of the message."""
    await db.execute(sa.insert(refusals), list(rows))


async def lock(db: AsyncConnection, names: Iterable[str]) -> None:
    """Keep other gateways off what these names stand for until the transaction ends; SQLite has one writer anyway."""
    if db.dialect.name == "postgresql":
        # In one order, so that two gateways do not wait for each other.
        numbers = sorted({int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True) for name in names})
        await db.execute(_TAKE, {"numbers": numbers})


async def records(db: AsyncConnection, keys: Iterable[str]) -> dict[str, Any]:
    """Return the rows of ``ledger`` under these keys."""
    found = await db.execute(_RECORDS, {"names": list(keys)})
    return {each.key: each for each in found}


async def put_records(db: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Put rows into ``ledger`` in the place of those that have the same key."""
    await bulk.insert(db, ledger, rows, known="replaced")


async def put_relations(db: AsyncConnection, found: Iterable[Relation], *, at: int) -> None:
    """Keep that there is a contract, or that consent was asked, and that it changed ``at``."""
    rows = [{**asdict(each), "changed_at": at} for each in found]
    if rows:
        new = (sqlite.insert if db.dialect.name == "sqlite" else postgresql.insert)(relations)
        change = {"changed_at": new.excluded.changed_at}
        await db.execute(new.on_conflict_do_update(index_elements=list(relations.primary_key), set_=change), rows)


async def relations_of(db: AsyncConnection, codes: Iterable[str]) -> list[Relation]:
    """Return the relations in which one of these parties is hoofdaannemer, onderaannemer or gemeente, in order."""
    row, own = relations.c, list(codes)
    mine = sa.or_(row.hoofd.in_(own), row.onder.in_(own), row.gemeente.in_(own))
    found = await db.execute(sa.select(row.wet, row.hoofd, row.onder, row.gemeente).where(mine))
    return sorted(Relation(**each._asdict()) for each in found)


async def ledger_after(db: AsyncConnection, key: str, count: int) -> list[Any]:
    """Return up to ``count`` rows of ``ledger`` whose key comes after this one, in order."""
    row = ledger.c
    found = await db.execute(sa.select(row.key, row.sealed_record).where(row.key > key).order_by(row.key).limit(count))
    return list(found)


async def rename_records(db: AsyncConnection, names: Mapping[str, str]) -> None:
    """Put rows of ``ledger`` under another key: old → new."""
    change = sa.update(ledger).where(ledger.c.key == sa.bindparam("old")).values(key=sa.bindparam("new"))
    if names:
        await db.execute(change, [{"old": old, "new": new} for old, new in names.items()])
        await numbers.rename(db, names)


async def drop_records(db: AsyncConnection, keys: Sequence[str]) -> int:
    """Destroy these rows of ``ledger``, and what is listed by them; return how many there were."""
    await numbers.drop(db, keys)
    return int((await db.execute(_FORGET, {"names": list(keys)})).rowcount)


async def delivery(db: AsyncConnection, ids: Iterable[str], *, body: bool = False) -> dict[str, Any]:
    """Return messages with the state of their delivery, by message id; with the sealed body if asked."""
    row = messages.c
    columns: list[sa.ColumnElement[Any]] = [
        row.id, row.type, row.wet, row.sender, row.receiver, row.identification, row.answers, row.received_at,
        row.size, row.receipt, row.sealed_subjects, deliveries.c.state, deliveries.c.attempts, deliveries.c.changed_at,
    ]  # fmt: skip
    if body:
        columns += [row.wrapped_key, row.sealed_body]
    found = await db.execute(
        sa.select(*columns).join(deliveries, deliveries.c.message == row.id).where(among(row.id, ids))
    )
    return {each.id: each for each in found}


async def answer_to(db: AsyncConnection, id_: str) -> str | None:
    """Return the id of the message that answers this one, if it came."""
    found = await db.execute(sa.select(messages.c.id).where(messages.c.answers == id_))
    return found.scalar_one_or_none()


async def move(
    db: AsyncConnection,
    steps: Iterable[tuple[str, State, State]],
    *,
    at: int,
    attempts: int = 0,
    reason: str = "",
) -> set[str]:
    """Move deliveries (message, from, to) that are still where we saw them; return which.

    Compare-and-swap in the WHERE: of two workers one wins. ``attempts`` is added to the count of attempts to deliver.
    One statement for all that make the same step.
    """
    row = deliveries.c
    groups: defaultdict[tuple[State, State], list[str]] = defaultdict(list)
    for message, old, new in steps:
        groups[old, new].append(message)
    moved: set[str] = set()
    for (old, new), ids in groups.items():
        done = await db.execute(
            sa.update(deliveries)
            .where(among(row.message, ids), row.state == old.value)
            .values(state=new.value, changed_at=at, attempts=row.attempts + attempts, reason=reason[:200] or None)
            .returning(row.message)
        )
        moved.update(done.scalars())
    return moved


async def requeue(db: AsyncConnection, ids: Iterable[str], *, at: int) -> set[str]:
    """Put deliveries that are parked back in their lanes, with all attempts before them; return which."""
    row = deliveries.c
    new = advance(State.PARKED, Event.REQUEUE)
    done = await db.execute(
        sa.update(deliveries)
        .where(among(row.message, ids), row.state == State.PARKED.value)
        .values(state=new.value, changed_at=at, attempts=0, reason=None)
        .returning(row.message)
    )
    return set(done.scalars())


async def parked(db: AsyncConnection) -> Sequence[Any]:
    """Return the deliveries that are parked, in order, and why."""
    row = deliveries.c
    found = await db.execute(
        sa.select(row.message, messages.c.type, messages.c.wet, row.sender, row.receiver, row.changed_at, row.reason)
        .join(messages, messages.c.id == row.message)
        .where(IS_OPEN, row.state == State.PARKED.value)
        .order_by(row.seq)
    )
    return found.all()


async def mailbox(db: AsyncConnection, receivers: Iterable[str], *, after: int, count: int) -> Sequence[Any]:
    """Return the open deliveries of these receivers after cursor ``after``, oldest first."""
    row, duty = messages.c, deliveries.c
    found = await db.execute(
        sa.select(
            duty.seq,
            duty.state,
            row.id,
            row.type,
            row.sender,
            row.identification,
            row.size,
            row.received_at,
            row.answers,
        )
        .join(messages, row.id == duty.message)
        .where(
            among(duty.receiver, receivers),
            duty.seq > after,
            IS_OPEN,
        )
        .order_by(duty.seq)
        .limit(count)
    )
    return found.all()


async def open_lanes(
    db: AsyncConnection, *, now: int, until: int, limit: int, most: int, busy: Mapping[str, int]
) -> list[Any]:
    """Claim lanes that are due, until ``until``: up to ``limit``, and ``most`` of one receiver; one worker each.

    Both count what the caller holds already: ``busy``, by receiver. Where many lanes of one receiver stand in front,
    fewer than ``limit`` are claimed, and the next claim looks past them.
    """
    row, counted = lanes.c, Counter(busy)
    full = [receiver for receiver, count in busy.items() if count >= most]
    found = await db.execute(
        sa.select(row.sender, row.receiver, row.lease_until)
        .where(row.due_at <= now, row.lease_until <= now, row.receiver.not_in(full))
        .order_by(row.due_at)
        .limit(limit - counted.total())
        .with_for_update(skip_locked=True)
    )
    claimed = []
    for lane in found.all():
        counted[lane.receiver] += 1
        if counted[lane.receiver] <= most:
            claimed.append(lane)
            await extend_lane(db, lane.sender, lane.receiver, held=lane.lease_until, until=until)
    return claimed


async def extend_lane(db: AsyncConnection, sender: str, receiver: str, *, held: int, until: int) -> bool:
    """Hold a lane until ``until``: its worker is alive. False: it was held until ``held``, and another took it over."""
    row = lanes.c
    mine = (row.sender == sender) & (row.receiver == receiver) & (row.lease_until == held)
    done = await db.execute(sa.update(lanes).where(mine).values(lease_until=until))
    return bool(done.rowcount)


async def close_lane(db: AsyncConnection, sender: str, receiver: str, *, held: int, due_at: int | None) -> bool:
    """Let a lane go that is held until ``held``, to be looked at again at ``due_at`` (None: when something arrives).

    False means: another took the lane over.
    """
    row = lanes.c
    mine = (row.sender == sender) & (row.receiver == receiver) & (row.lease_until == held)
    done = await db.execute(sa.update(lanes).where(mine).values(due_at=due_at, lease_until=0))
    return bool(done.rowcount)


async def head(db: AsyncConnection, sender: str, receiver: str, *, count: int) -> Sequence[Any]:
    """Return the first ``count`` messages of a lane that are still to be sent, in order."""
    duty = deliveries.c
    found = await db.execute(
        sa.select(duty.message, duty.state, duty.attempts, messages.c.type, messages.c.wet, messages.c.size)
        .join(messages, messages.c.id == duty.message)
        .where(duty.sender == sender, duty.receiver == receiver, IN_QUEUE)
        .order_by(duty.seq)
        .limit(count)
    )
    return found.all()


async def counts(db: AsyncConnection) -> dict[str, int]:
    """Return how many deliveries are open, by state."""
    found = await db.execute(sa.select(deliveries.c.state, sa.func.count()).where(IS_OPEN).group_by(deliveries.c.state))
    return {each[0]: each[1] for each in found}


async def states(db: AsyncConnection) -> AsyncIterator[tuple[str, str]]:
    """Yield the id of every message, and the state of its delivery."""
    async for id_, state in await db.stream(sa.select(deliveries.c.message, deliveries.c.state)):
        yield id_, state
