"""The log in SQL never forks, never loses an entry and never signs what it did not write. On both databases."""

import asyncio
import itertools
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from audit import log, tree
from audit.entry import Entry, make
from audit.note import VerifierKey, cosigner, parse, sign, signed_by, signed_when
from audit.seal import new_key, new_mldsa_signer, new_signer
from tests.audit.happened import append, happened

KEY, SIGNER, ORIGIN = new_key(), new_signer("proef"), "voorbeeld.nl/logboek"
QUANTUM = new_mldsa_signer("proef-mldsa")
BOTH = log.Signing(plain=[SIGNER], mldsa=[QUANTUM])
AT = datetime(2026, 11, 21, 12, tzinfo=UTC)


def entry_of(number: int) -> Entry:
    event = happened(trace=f"{number:032x}", message=f"m{number}")
    return make(event, key=KEY, origin=ORIGIN, at=AT)


@pytest.fixture
async def db_engine(engine: AsyncEngine) -> AsyncEngine:
    async with engine.begin() as db:
        await db.run_sync(log.metadata.create_all, tables=[log.entries, log.tiles, log.checkpoints])
    return engine


async def add(engine: AsyncEngine, count: int, first: int = 0) -> list[Entry]:
    new = [entry_of(first + number) for number in range(count)]
    async with engine.begin() as db:
        await append(db, new)
    return new


async def sequence(engine: AsyncEngine, **more):
    async with engine.begin() as db:
        return await log.sequence(db, SIGNER, ORIGIN, AT, **more)


async def rows(engine: AsyncEngine) -> list:
    async with engine.connect() as db:
        return list(await db.execute(sa.select(log.entries).order_by(log.entries.c.idx)))


async def test_entries_get_their_place_and_a_signed_head(db_engine):
    written = await add(db_engine, 300)
    head = await sequence(db_engine)

    assert head.size == 300
    assert signed_by(parse(head.note.encode()), VerifierKey(name=ORIGIN, public=SIGNER.public))
    stored = await rows(db_engine)
    assert [row.idx for row in stored] == list(range(300))
    assert tree.extend(tree.Edge(), [row.leaf for row in stored])[0].root == head.root
    assert {row.header for row in stored} == {one.header for one in written}
    async with db_engine.connect() as db:
        assert await log.pending(db) == 0
        assert (await log.latest(db)) == head


async def test_the_log_grows_step_by_step_as_one_tree(db_engine):
    first = 0
    for count in (1, 255, 1, 300, 2):
        await add(db_engine, count, first)
        first += count
        head = await sequence(db_engine)
        assert head.size == first
    leaves = [row.leaf for row in await rows(db_engine)]
    assert tree.extend(tree.Edge(), leaves)[0].root == head.root


async def test_a_backlog_larger_than_a_batch_is_placed_in_order_over_several_calls(db_engine, monkeypatch):
    monkeypatch.setattr(log, "BATCH", 7)
    await add(db_engine, 20)
    assert [(await sequence(db_engine)).size for _ in range(3)] == [7, 14, 20]
    assert [row.message for row in await rows(db_engine)] == [f"m{number}" for number in range(20)]


async def test_each_entry_can_be_proved_and_growth_too(db_engine):
    written = await add(db_engine, 700)
    old = await sequence(db_engine)
    late = await add(db_engine, 1, 700)
    async with db_engine.connect() as db:
        assert await log.proof_of(db, late[0].leaf) is None
        assert await log.proof_of(db, bytes(32)) is None
        for one in written[::50]:
            proof = await log.proof_of(db, one.leaf)
            assert tree.verify_inclusion(one.leaf, proof.index, old.size, proof.hashes, proof.checkpoint.root)
    new = await sequence(db_engine)
    async with db_engine.connect() as db:
        path = await log.consistency(db, old.size, new.size)
    assert tree.verify_consistency(old.size, new.size, old.root, new.root, path)


async def test_the_only_entry_of_a_log_can_be_proved(db_engine):
    (only,) = await add(db_engine, 1)
    await sequence(db_engine)
    async with db_engine.connect() as db:
        proof = await log.proof_of(db, only.leaf)
    assert (proof.index, proof.hashes) == (0, ())
    assert proof.checkpoint.root == only.leaf


async def test_with_nothing_to_do_nothing_is_signed_unless_a_sign_of_life_is_asked(db_engine):
    assert await sequence(db_engine) is None
    empty = await sequence(db_engine, heartbeat=True)
    assert (empty.size, empty.root) == (0, tree.EMPTY_ROOT)
    await add(db_engine, 3)
    head = await sequence(db_engine)
    assert await sequence(db_engine) is None
    later = AT.replace(hour=13)
    async with db_engine.begin() as db:
        again = await log.sequence(db, SIGNER, ORIGIN, later, heartbeat=True)
        seen = (await db.execute(sa.select(sa.func.max(log.checkpoints.c.at)))).scalar_one()
    assert (again.size, again.root) == (head.size, head.root)
    assert signed_when(parse(again.note.encode()), cosigner(ORIGIN, SIGNER)) == int(later.timestamp())
    assert seen.hour == 13


async def heads(engine: AsyncEngine) -> list:
    async with engine.connect() as db:
        return list(await db.execute(sa.select(log.checkpoints).order_by(log.checkpoints.c.number)))


async def test_no_minute_without_a_sign_of_life_goes_unseen_and_little_is_kept(db_engine):
    """A busy log of twenty minutes, then a quarter of an hour in which nobody looked after it, then an idle one."""
    moments = [*range(0, 1200, 7), *range(2100, 2400, 50)]
    for second in moments:
        async with db_engine.begin() as db:
            at = AT + timedelta(seconds=second)
            await log.sequence(db, BOTH, ORIGIN, at, heartbeat=True)
    kept = await heads(db_engine)
    said = [signed_when(parse(row.note.encode()), cosigner(ORIGIN, SIGNER)) - int(AT.timestamp()) for row in kept]
    assert [row.at.replace(tzinfo=UTC) for row in kept] == [AT + timedelta(seconds=second) for second in said]
    assert said[-1] == moments[-1]
    gaps = [after - before for before, after in itertools.pairwise(said)]
    assert [gap for gap in gaps if gap > 60] == [2100 - 1197]
    assert len(kept) <= 2400 / 50 + 2


async def test_the_newest_head_and_one_a_day_bear_a_signature_that_outlives_quantum_computers(db_engine):
    for hour in range(0, 72, 6):
        async with db_engine.begin() as db:
            at = AT.replace(hour=0) + timedelta(hours=hour)
            await log.sequence(db, BOTH, ORIGIN, at, heartbeat=True)
    kept = await heads(db_engine)
    strong = [row.number for row in kept if signed_by(parse(row.note.encode()), cosigner(ORIGIN, QUANTUM))]
    assert strong == [4, 8, 12]
    for row in kept:
        assert signed_by(parse(row.note.encode()), VerifierKey(name=ORIGIN, public=SIGNER.public))


async def test_a_key_is_followed_by_another_under_heads_that_both_sign(db_engine):
    new = new_signer("opvolger")
    await add(db_engine, 3)
    await sequence(db_engine)
    steps = [
        log.Signing(plain=[SIGNER, new]),
        log.Signing(plain=[new], known=[SIGNER.public]),
        log.Signing(plain=[new], known=[SIGNER.public]),
    ]
    signed = []
    for step in steps:
        async with db_engine.begin() as db:
            note = parse((await log.sequence(db, step, ORIGIN, AT, heartbeat=True)).note.encode())
        signed.append([signed_by(note, VerifierKey(name=ORIGIN, public=each.public)) for each in (SIGNER, new)])
    assert signed == [[True, True], [False, True], [False, True]]
    async with db_engine.begin() as db:
        with pytest.raises(log.TamperedError, match="niet door dit logboek ondertekend"):
            await log.sequence(db, SIGNER, ORIGIN, AT, heartbeat=True)


async def test_the_root_of_any_earlier_size_can_be_told(db_engine):
    written = await add(db_engine, 700)
    await sequence(db_engine)
    async with db_engine.connect() as db:
        for size in (0, 1, 2, 255, 256, 257, 511, 699, 700):
            leaves = [one.leaf for one in written[:size]]
            assert await log.root_at(db, size) == tree.extend(tree.Edge(), leaves)[0].root


async def test_when_it_was_last_signed_or_found_sound_is_told_in_utc(db_engine):
    async with db_engine.connect() as db:
        assert await log.signed_at(db) is None
    await add(db_engine, 1)
    await sequence(db_engine)
    async with db_engine.begin() as db:
        assert await log.signed_at(db) == AT
        await log.sequence(db, SIGNER, ORIGIN, AT.replace(hour=13), heartbeat=True)
        assert await log.signed_at(db) == AT.replace(hour=13)


async def test_dying_before_the_commit_leaves_no_trace_and_no_fork(db_engine):
    await add(db_engine, 10)
    await sequence(db_engine)
    await add(db_engine, 300, 10)
    async with db_engine.connect() as db:
        await log.sequence(db, SIGNER, ORIGIN, AT)
        await db.rollback()
    async with db_engine.connect() as db:
        assert await log.pending(db) == 300
        assert (await log.latest(db)).size == 10
    head = await sequence(db_engine)
    leaves = [row.leaf for row in await rows(db_engine)]
    assert (head.size, head.root) == (310, tree.extend(tree.Edge(), leaves)[0].root)


@pytest.mark.parametrize("statement", range(6))
async def test_dying_between_any_two_statements_leaves_no_fork(db_engine, statement):
    await add(db_engine, 10)
    await sequence(db_engine)
    await add(db_engine, 300, 10)
    seen = 0

    def die(*_):
        nonlocal seen
        seen += 1
        if seen > statement:
            raise RuntimeError("died here")

    sa.event.listen(db_engine.sync_engine, "before_cursor_execute", die)
    with pytest.raises(RuntimeError, match="died here"):
        await sequence(db_engine)
    sa.event.remove(db_engine.sync_engine, "before_cursor_execute", die)
    head = await sequence(db_engine)
    leaves = [row.leaf for row in await rows(db_engine)]
    assert (head.size, head.root) == (310, tree.extend(tree.Edge(), leaves)[0].root)


async def test_a_rolled_back_fact_has_no_entry(db_engine):
    async with db_engine.connect() as db:
        await append(db, [entry_of(0)])
        await db.rollback()
    assert await rows(db_engine) == []


async def test_several_gateways_writing_and_sequencing_at_once_make_one_dense_log(db_engine):
    async def write(which: int) -> None:
        for number in range(8):
            await add(db_engine, 5, which * 1000 + number * 5)

    async def place() -> None:
        for _ in range(10):
            await sequence(db_engine)
            await asyncio.sleep(0)

    await asyncio.gather(write(1), write(2), write(3), place(), place())
    await sequence(db_engine, heartbeat=True)
    stored = await rows(db_engine)
    assert [row.idx for row in stored] == list(range(120))
    assert len({row.leaf for row in stored}) == 120
    async with db_engine.connect() as db:
        head = await log.latest(db)
    assert tree.extend(tree.Edge(), [row.leaf for row in stored])[0].root == head.root


@pytest.mark.parametrize(
    "tamper",
    [
        sa.update(log.tiles).values(hashes=bytes(32 * 10)),
        sa.delete(log.tiles),
        sa.delete(log.checkpoints),
        sa.update(log.checkpoints).values(note="onzin"),
        sa.update(log.checkpoints).values(note=sa.func.replace(log.checkpoints.c.note, "logboek\n10", "logboek\n11")),
        sa.update(log.checkpoints).values(note=sa.func.replace(log.checkpoints.c.note, ORIGIN, "elders")),
    ],
)
async def test_a_changed_tree_or_head_is_never_signed_over(db_engine, tamper):
    await add(db_engine, 10)
    await sequence(db_engine)
    async with db_engine.begin() as db:
        await db.execute(tamper)
    await add(db_engine, 1, 10)
    with pytest.raises(log.TamperedError):
        await sequence(db_engine)
    async with db_engine.connect() as db:
        assert await log.pending(db) == 1


async def test_the_head_of_another_key_is_not_ours(db_engine):
    await add(db_engine, 1)
    await sequence(db_engine)
    async with db_engine.begin() as db:
        with pytest.raises(log.TamperedError, match="niet door dit logboek ondertekend"):
            await log.sequence(db, new_signer("proef"), ORIGIN, AT, heartbeat=True)


async def test_a_head_of_another_log_signed_by_our_key_is_not_ours(db_engine):
    await add(db_engine, 10)
    text = (await sequence(db_engine)).note.partition("\n\n")[0].replace(ORIGIN, "elders")
    async with db_engine.begin() as db:
        await db.execute(sa.update(log.checkpoints).values(note=sign(text + "\n", ORIGIN, SIGNER)))
    with pytest.raises(log.TamperedError, match="niet door dit logboek ondertekend"):
        await sequence(db_engine, heartbeat=True)


async def test_a_missing_tile_is_told_when_a_proof_needs_it(db_engine):
    (first, *_) = await add(db_engine, 300)
    await sequence(db_engine)
    async with db_engine.begin() as db:
        await db.execute(sa.delete(log.tiles).where(log.tiles.c.level == 0, log.tiles.c.number == 0))
        with pytest.raises(log.TamperedError, match="ontbreekt"):
            await log.proof_of(db, first.leaf)


async def test_appending_nothing_is_nothing(db_engine):
    async with db_engine.begin() as db:
        await append(db, [])
    assert await rows(db_engine) == []
