"""Part ``register``: what level 3 and 4 add to each message, with a million messages in the store on PostgreSQL.

What they add is all that they do at a commit: reading and opening records, judging by rules, writing what changed. The
same kinds of messages go through the same ``Intake``, once with a ledger and once without; the difference is the
figure. What each of the three takes is measured beside it, on other messages.
"""

import asyncio
import os
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice, pairwise
from secrets import token_bytes, token_hex
from statistics import median
from typing import Any

import asyncpg
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from audit import index
from audit.keys import KeysBusyError, KeyService
from gateway import bodies, store, tables
from gateway.answer import Codes, identification, judged
from gateway.bench import past
from gateway.bench.pace import Pace
from gateway.bench.past import CLIENTS, MONTHS, WAITING, Pair, Year
from gateway.bench.processes import BenchError, await_quiet, cpu_below
from gateway.bench.rows import Row, row
from gateway.bench.stand import ORIGIN, Stand
from gateway.catalog import Catalog
from gateway.check import check
from gateway.commit import committing, open_engine, writing
from gateway.decide import Accepted
from gateway.history import History, indexes, sealed_row
from gateway.intake import Intake
from gateway.ledger.read import OBSERVERS
from gateway.mailbox import Mailbox
from gateway.message import Checked
from gateway.parties import Parties, Party
from gateway.trail import Visit

MESSAGES = 1_000_000
FEW = 20_000
ROUNDS = 3
PAIRS, FEW_PAIRS = 150, 10
"""Of whom messages are measured, in one round and one way."""
ORDERS = STARTS = 3
"""Messages of one pair, beside one declaration, each with its answer: about what a year has."""
TODAY = "2026-02-05"
AT_ONCE = 64
"""Senders that each wait for their receipt."""
MOST = 0.3
"""Milliseconds for one message."""
BATCH = 20
"""Pairs written at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A message that is ready to be taken in."""

    raw: bytes
    checked: Checked
    answer: "Sent | None" = None
    """What its receiver then sends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Milliseconds for each message."""

    wall: float
    cpu: dict[str, float]
    """Of processor: poort, sleutels, database."""
    batch: float = 0.0
    """Messages in one commit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Milliseconds for each message: what each part of the ledger takes, and the database alone with the same bytes."""

    read: float
    judge: float
    write: float
    plain: float


def measure(stand: Stand, pace: Pace, tell: Callable[[str], None]) -> Iterator[Row]:
    """Fill a store and take messages in with and without its past; raise BenchError if one of them is refused."""
    if stand.postgres is None:
        return
    few = pace.rounds == 1
    with stand.fresh("postgresql") as url:
        yield from asyncio.run(_measured(stand, url, pace, tell, FEW if few else MESSAGES, FEW_PAIRS if few else PAIRS))


async def _measured(
    stand: Stand, url: str, pace: Pace, tell: Callable[[str], None], count: int, each: int
) -> list[Row]:
    catalog, keys, engine = Catalog.load(), KeyService.open(stand.home / "sleutels"), open_engine(url)
    began = past.year(catalog)
    pairs = [Pair(number) for number in range(-(-count // len(began.documents)))]
    heard = pairs[:: max(1, len(pairs) // (2 * ROUNDS * each))][: 2 * ROUNDS * each]
    *unheard, first = _parted([pair for pair in pairs if pair not in set(heard)][: (ROUNDS + 1) * each], ROUNDS + 1)
    taken: dict[str, list[Spent]] = {"met": [], "zonder": []}
    parts: list[Parts] = []
    try:
        tell(f"register: {len(pairs) * len(began.documents)} berichten en hun grootboek schrijven")
        await _fill(engine, keys, began, pairs, set(heard))
        await _take(stand, engine, keys, catalog, _messages(first, catalog), None)
        await _settle(engine)
        for number in range(ROUNDS):
            tell(f"register: ronde {number + 1} van {ROUNDS}")
            known, apart, new = (
                _messages(some, catalog)
                for some in (heard[number :: 2 * ROUNDS], heard[number + ROUNDS :: 2 * ROUNDS], unheard[number])
            )
            await_quiet(pace.patience)
            steps: list[tuple[str, list[Sent], History | None]] = [
                ("met", known, History(keys, levels={3, 4})), ("zonder", new, None)
            ]  # fmt: skip
            for name, sent, history in steps if number % 2 else reversed(steps):
                taken[name].append(await _take(stand, engine, keys, catalog, sent, history))
            parts.append(await _apart(engine, keys, apart))
        rereading = _rereading(_messages(first, catalog), catalog)
    finally:
        await engine.dispose()
        keys.close()
    return _rows(f"{len(pairs) * len(began.documents)} berichten", taken, parts, rereading)


def _rows(
    at: str, taken: Mapping[str, Sequence[Spent]], parts: Sequence[Parts], rereading: Sequence[float]
) -> list[Row]:
    both = list(zip(taken["met"], taken["zonder"], strict=True))
    plain = median(each.plain for each in parts)
    wall = row(
        f"niveau 3 en 4 erbij, {at}: wachten", "ms/bericht", [heard.wall - new.wall for heard, new in both],
        target=MOST, least=False,
    )  # fmt: skip
    return [
        replace(wall, yardstick=plain, beside="dezelfde bytes lezen en schrijven op sleutel"),
        row(
            f"niveau 3 en 4 erbij, {at}: cpu", "ms/bericht", target=MOST, least=False,
            values=[sum(heard.cpu.values()) - sum(new.cpu.values()) for heard, new in both],
        ),
        *(
            row(f"niveau 3 en 4 erbij: cpu {part}", "ms/bericht", [one.cpu[part] - new.cpu[part] for one, new in both])
            for part in ("poort", "sleutels", "database")
        ),
        row("niveau 3 en 4: grootboek lezen en openen", "ms/bericht", [each.read for each in parts]),
        row("niveau 3 en 4: oordelen", "ms/bericht", [each.judge for each in parts]),
        row("niveau 3 en 4: grootboek schrijven", "ms/bericht", [each.write for each in parts]),
        row("niveau 3 en 4: meelezen bij de controle: cpu", "ms/bericht", rereading),
        row("niveau 3 en 4: innemen zonder, ter vergelijking", "ms/bericht", [each.wall for each in taken["zonder"]]),
        row("niveau 3 en 4: berichten per commit", "", [each.batch for each in taken["met"]]),
    ]  # fmt: skip


async def _fill(engine: AsyncEngine, keys: KeyService, began: Year, pairs: Sequence[Pair], heard: set[Pair]) -> None:
    """Give all pairs their year. Only records of ``heard`` can be found again: others stand under a random index."""
    async with writing(engine) as db:
        await store.create_tables(db)
        generation = await index.in_force(db, keys)
    sealed = [
        bodies.sealed(keys, f"{place:032}", raw, facts.subjects) for place, (facts, raw) in enumerate(began.documents)
    ]
    db = await asyncpg.connect(engine.url.set(drivername="postgresql").render_as_string(hide_password=False))
    try:
        # First those whose indexes are asked of the key service, so that it gives them without end again by the time
        # that messages come.
        order = sorted(pairs, key=lambda pair: (pair not in heard, pair.number))
        for some in _batched(order, BATCH):
            records = [await _records(keys, generation, began, pair, pair in heard) for pair in some]
            await _copy(db, tables.ledger, list(chain.from_iterable(records)))
            await _copy(db, tables.messages, [each for pair in some for each in _stored(began, pair, sealed)])
    finally:
        await db.close()


async def _settle(engine: AsyncEngine) -> None:
    """Let the database know what is in its tables: one that it saw empty, it reads from end to end."""
    async with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as db:
        await db.execute(sa.text("VACUUM ANALYZE"))
        await db.execute(sa.text("CHECKPOINT"))


async def _records(keys: KeyService, generation: str, began: Year, pair: Pair, heard: bool) -> list[dict[str, Any]]:
    own = keys.ledger_key()
    told = [(pair.own(key.encode()).decode(), pair.own(packed)) for key, packed in began.records]
    names = [token_hex(16) for _ in told]
    while heard:
        try:
            names = indexes(keys, [key for key, _ in told], generation)
            break
        except KeysBusyError:
            await asyncio.sleep(0.2)
    return [sealed_row(own, name, key, packed, 0) for name, (key, packed) in zip(names, told, strict=True)]


def _stored(began: Year, pair: Pair, sealed: Sequence[Mapping[str, bytes]]) -> Iterator[dict[str, Any]]:
    """Yield rows of ``messages``; nobody opens them, so all pairs have the same sealed bodies."""
    for place, ((facts, raw), own) in enumerate(zip(began.documents, sealed, strict=True)):
        sender, receiver, identification = (
            pair.own(each.encode()).decode() for each in (facts.sender, facts.receiver, facts.identification)
        )
        yield {
            "id": f"{pair.number * len(began.documents) + place:032x}",
            "key": store.key_of(sender, facts.type, identification),
            "type": facts.type, "sender": sender, "receiver": receiver, "identification": identification,
            "wet": facts.wet, "answers": None, "received_at": 0, "size": len(raw), "digest": token_bytes(32), **own,
            "receipt": bytes(700),
        }  # fmt: skip


async def _copy(db: asyncpg.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    columns = list(rows[0])
    await db.copy_records_to_table(table.name, columns=columns, records=[tuple(each.values()) for each in rows])


def _messages(pairs: Sequence[Pair], catalog: Catalog) -> list[Sent]:
    """Return orders, starts and declarations of these pairs, with what accepts them, each time in the same mixture."""
    raws = []
    for pair in pairs:
        raws += [past.started(pair, CLIENTS + place, 1) for place in range(STARTS)]
        raws += [past.ordered(pair, CLIENTS + WAITING // 2 + place, 1) for place in range(ORDERS)]
        raws.append(past.declared(pair, MONTHS + 1))
    random.Random(1).shuffle(raws)  # noqa: S311 - a mixture, nothing secret
    return [
        replace(
            _sent(raw, catalog),
            answer=_sent(judged(raw, {}, catalog, identification=identification(), today=TODAY), catalog),
        )
        for raw in raws
    ]


def _sent(raw: bytes, catalog: Catalog) -> Sent:
    return Sent(raw=raw, checked=past.checked(raw, catalog)[2])


def _all(sent: Sequence[Sent]) -> Iterator[Sent]:
    return (each for one in sent for each in (one, one.answer) if each)


class _Ready:
    """The checker that has its verdicts ready: what is measured comes after it."""

    def __init__(self, sent: Sequence[Sent], catalog: Catalog) -> None:
        self._catalog = catalog
        self._known = {each.raw: each.checked for each in _all(sent)}

    async def check(self, raw: bytes) -> Checked:
        return self._known[raw]

    async def refuse(self, raw: bytes, codes: Codes, *, identification: str, today: str) -> bytes:
        return judged(raw, codes, self._catalog, identification=identification, today=today, whole=True)

    async def xml_of(self, raw: bytes) -> tuple[Checked, bytes]:
        return self._known[raw], raw


async def _take(
    stand: Stand, engine: AsyncEngine, keys: KeyService, catalog: Catalog, sent: Sequence[Sent], history: History | None
) -> Spent:
    """Take messages in, from senders that wait for their receipts; return what one takes."""
    async with committing(engine) as commit:
        intake = Intake(
            checker=_Ready(sent, catalog), commit=commit, keys=keys, catalog=catalog, mailbox=Mailbox(), origin=ORIGIN,
            history=history,
        )  # fmt: skip
        codes, count = {code for each in sent for code in _codes(each)}, len(list(_all(sent)))
        intake.parties = Parties(by_code={code: Party(code=code, name="Verzonnen") for code in codes})
        waiting = iter(sent)
        start, before = time.perf_counter(), _processor(stand)
        await asyncio.gather(*(_send(intake, waiting) for _ in range(AT_ONCE)))
        each, wall = 1e3 / count, time.perf_counter() - start
        cpu = {part: (seconds - before[part]) * each for part, seconds in _processor(stand).items()}
        return Spent(wall=wall * each, cpu=cpu, batch=count / commit.commits)


async def _send(intake: Intake, waiting: Iterator[Sent]) -> None:
    for each in (each for one in waiting for each in _all([one])):
        facts = each.checked.facts
        assert facts is not None, "checked before"
        outcome = await intake.accept(each.raw, intake.parties.by_code[facts.sender], Visit(trace="0" * 32))
        if not isinstance(outcome, Accepted) or outcome.again:
            raise BenchError(f"Een {facts.type} is niet aangenomen: {outcome}")


def _codes(sent: Sent) -> tuple[str, str]:
    assert sent.checked.facts is not None, "checked before"
    return sent.checked.facts.sender, sent.checked.facts.receiver


def _processor(stand: Stand) -> dict[str, float]:
    """Return seconds of processor so far: of this process, of its key service, and of the database."""
    database = cpu_below(stand.postmaster)
    return {"poort": time.process_time(), "sleutels": cpu_below(os.getpid()) - database, "database": database}


async def _apart(engine: AsyncEngine, keys: KeyService, sent: Sequence[Sent]) -> Parts:
    """Do what a commit does with the ledger, and nothing else; return how long each part takes for one message."""
    history, times = History(keys, levels={3, 4}), [0.0] * 4
    messages = list(_all(sent))
    for group in _batched(messages, AT_ONCE):
        heard = [(each.checked.facts, each.checked.said) for each in group if each.checked.facts]
        size = sum(len(each.raw) for each in group)
        async with writing(engine) as db:
            marks = [time.perf_counter()]
            page = await history.read(db, heard, size=size)
            marks.append(time.perf_counter())
            if any(page.hear(*each) for each in heard):
                raise BenchError("Een bericht is niet aangenomen.")
            marks.append(time.perf_counter())
            await history.write(db, page, at=0, size=size)
            marks.append(time.perf_counter())
        names = indexes(keys, sorted(page.past), keys.index_id)
        changed = indexes(keys, sorted(page.changed), keys.index_id)
        async with writing(engine) as db:
            begin = time.perf_counter()
            rows = await store.records(db, names)
            await store.put_records(db, [rows[each]._asdict() for each in changed])
            plain = time.perf_counter() - begin
        spent = [after - before for before, after in pairwise(marks)]
        times = [total + each for total, each in zip(times, [*spent, plain], strict=True)]
    read, judge, write, plain = (each / len(messages) * 1e3 for each in times)
    return Parts(read=read, judge=judge, write=write, plain=plain)


def _rereading(sent: Sequence[Sent], catalog: Catalog) -> list[float]:
    """Return the milliseconds of processor by which a check takes longer when it also tells what a message says."""
    rounds = []
    for _ in range(ROUNDS):
        spent = []
        for observers in (OBSERVERS, {}):
            start = time.process_time()
            for each in sent:
                check(each.raw, catalog, observers)
            spent.append(time.process_time() - start)
        rounds.append((spent[0] - spent[1]) / len(sent) * 1e3)
    return rounds


def _parted(pairs: Sequence[Pair], count: int) -> list[Sequence[Pair]]:
    return [pairs[number::count] for number in range(count)]


def _batched(values: Sequence[Any], size: int) -> Iterator[list[Any]]:
    left = iter(values)
    while batch := list(islice(left, size)):
        yield batch
