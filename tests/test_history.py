"""The gateway remembers what was said, and refuses what contradicts it (level 3)."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.check import check
from gateway.decide import Accepted
from gateway.intake import Rejected
from gateway.invented import message
from gateway.tables import ledger
from tests.door import CATALOG, HOOFD, ONDER, VISIT, Door, opened


@pytest.fixture
async def door(engine: AsyncEngine, tmp_path: Path) -> AsyncIterator[Door]:
    async with opened(engine, levels={3}) as door:
        yield door


def order(identification: str) -> bytes:
    """Order 1001."""
    return message("ho301-minimaal", identification)


def start(identification: str) -> bytes:
    """The start of order 1001, the first of the two in this sample."""
    raw = message("ho305-rijk", identification, sender="98000002", receiver="98000001")
    return re.sub(rb"(</StartProduct>).*(</StartProducten>)", rb"\1\2", raw, flags=re.DOTALL)


def codes(outcome: Rejected) -> list[str]:
    return [finding.code for finding in outcome.findings]


async def test_a_start_without_an_order_is_refused_and_its_retour_names_the_start(door: Door):
    refused = await door.refused(start("S1"), ONDER)
    assert codes(refused) == ["TR019"]
    assert await door.waiting(HOOFD) == []

    retour = await door.pickup.fetch(refused.answer, ONDER, VISIT)
    assert check(retour, CATALOG).findings == ()
    assert retour.count(b">9019<") == 1
    assert retour.count(b">0200<") == 1


async def test_a_start_on_an_order_is_accepted_once(door: Door):
    await door.accepted(order("O1"))
    await door.accepted(start("S1"), ONDER)
    assert codes(await door.refused(start("S2"), ONDER)) == ["TR074"]


async def test_what_a_receiver_refused_was_never_said(door: Door):
    """OP286: an order that its retour refuses gives no right to start."""
    await door.accepted(order("O1"))
    await door.accepted(message("ho302-afgekeurd", "R1", answers="O1"), ONDER)
    assert codes(await door.refused(start("S1"), ONDER)) == ["TR019"]


async def test_messages_in_one_commit_see_each_other_in_order(door: Door):
    sent = [order("O1"), *(start(f"S{number}") for number in range(8))]
    outcomes = await asyncio.gather(*(door.send(raw, ONDER if raw != sent[0] else HOOFD) for raw in sent))
    assert [isinstance(outcome, Accepted) for outcome in outcomes] == [True, True, *[False] * 7]


async def test_a_refused_message_sent_again_is_refused_the_same_way(door: Door):
    first = await door.refused(start("S1"), ONDER)
    second, third = await asyncio.gather(door.refused(start("S1"), ONDER), door.refused(start("S1"), ONDER))
    assert codes(first) == codes(second) == codes(third) == ["TR019"]
    assert first.answer == second.answer == third.answer


async def test_a_copy_of_what_was_accepted_is_no_contradiction(door: Door):
    await door.accepted(order("O1"))
    await door.accepted(start("S1"), ONDER)
    again = await door.send(start("S1"), ONDER)
    assert isinstance(again, Accepted)
    assert again.again


async def test_two_gateways_on_one_database_see_each_others_starts(engine: AsyncEngine, tmp_path: Path):
    if engine.dialect.name == "sqlite":
        pytest.skip("several gateways share a database on PostgreSQL only")
    async with opened(engine, levels={3}) as one, opened(engine, levels={3}) as two:
        await one.accepted(order("O1"))
        doors = (one, two) * 6
        outcomes = await asyncio.gather(*(door.send(start(f"S{n}"), ONDER) for n, door in enumerate(doors)))
        assert sum(isinstance(outcome, Accepted) for outcome in outcomes) == 1


async def test_a_ledger_that_learns_refuses_nothing_and_knows_it_all_afterwards(engine: AsyncEngine, tmp_path: Path):
    async with opened(engine, levels=()) as learning:
        await learning.accepted(start("S1"), ONDER)
        await learning.accepted(order("O1"))
    async with opened(engine, levels={3}) as door:
        assert codes(await door.refused(start("S2"), ONDER)) == ["TR074"]


async def test_in_the_database_the_ledger_tells_nobody_anything(door: Door, engine: AsyncEngine):
    await door.accepted(order("O1"))
    async with engine.connect() as db:
        rows = list(await db.execute(sa.select(ledger)))
    assert len(rows) >= 3
    kept = b"".join(row.sealed_record + row.key.encode() for row in rows)
    assert not [secret for secret in (b"999900006", b"98000001", b"45A04", b"1001") if secret in kept]


async def test_a_gateway_without_a_ledger_keeps_nothing_but_messages(engine: AsyncEngine, tmp_path: Path):
    async with opened(engine) as door:
        await door.accepted(start("S1"), ONDER)
        async with engine.connect() as db:
            assert list(await db.execute(sa.select(ledger))) == []
