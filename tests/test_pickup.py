"""What a receiver may count on: order, only its own, nothing unlogged, at least once until it confirms."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.invented import message
from gateway.pickup import UnknownMessageError
from tests.door import HOOFD, ONDER, STRANGER, Door, opened


@pytest.fixture
async def door(engine: AsyncEngine, tmp_path: Path) -> AsyncIterator[Door]:
    async with opened(engine, tmp_path) as door:
        yield door


async def sent(door: Door, count: int) -> list[str]:
    return [(await door.accepted(message("ho301-gewoon", f"A{n}")))["berichtId"] for n in range(count)]


async def test_deliveries_come_in_the_order_they_were_sent_and_page_by_cursor(door: Door):
    ids = await sent(door, 5)
    first = await door.pickup.open_deliveries(ONDER, after=0, count=3, wait=0)
    rest = await door.pickup.open_deliveries(ONDER, after=first["volgende"], count=3, wait=0)

    assert [each["berichtId"] for each in first["bezorgingen"] + rest["bezorgingen"]] == ids
    assert rest["volgende"] is None


async def test_a_confirmation_that_reaches_two_gateways_at_once_is_logged_once(
    door: Door, engine: AsyncEngine, tmp_path: Path
):
    ids = await sent(door, 20)
    async with opened(engine, tmp_path) as other:
        for id_ in ids:
            await door.pickup.fetch(id_, ONDER, trace="")
            both = await asyncio.gather(*(each.pickup.confirm([id_], ONDER, trace="") for each in (door, other)))
            assert [each["bevestigd"] for each in both] == [[id_], [id_]]

    assert [event for event, _, _ in await door.logged()].count("bericht.bevestigd") == len(ids)


async def test_a_message_stays_open_until_it_is_confirmed(door: Door):
    (id_,) = await sent(door, 1)
    await door.pickup.fetch(id_, ONDER, trace="")
    assert [each["status"] for each in await door.waiting(ONDER)] == ["Aangeboden"]
    await door.pickup.fetch(id_, ONDER, trace="")
    assert await door.pickup.confirm([id_], ONDER, trace="") == {"bevestigd": [id_], "nietBevestigd": []}

    assert await door.waiting(ONDER) == []
    assert (await door.pickup.status(id_, HOOFD))["status"] == "Bezorgd"


async def test_confirming_twice_says_yes_twice_and_is_logged_once(door: Door):
    (id_,) = await sent(door, 1)
    await door.pickup.fetch(id_, ONDER, trace="")
    for _ in range(2):
        assert (await door.pickup.confirm([id_, id_], ONDER, trace=""))["bevestigd"] == [id_]

    assert [event for event, _, _ in await door.logged()].count("bericht.bevestigd") == 1


async def test_what_was_not_fetched_cannot_be_confirmed(door: Door):
    (id_,) = await sent(door, 1)
    answer = await door.pickup.confirm([id_, "0" * 32], ONDER, trace="")

    assert answer["bevestigd"] == []
    assert "Haal het bericht eerst op" in answer["nietBevestigd"][0]["reden"]
    assert "bestaat niet" in answer["nietBevestigd"][1]["reden"]


@pytest.mark.parametrize("ask", ["fetch", "status", "receipt"])
async def test_what_concerns_others_does_not_exist(door: Door, ask: str):
    (id_,) = await sent(door, 1)
    with pytest.raises(UnknownMessageError):
        await getattr(door.pickup, ask)(id_, STRANGER, **({"trace": ""} if ask == "fetch" else {}))

    assert await door.waiting(STRANGER) == []
    assert (await door.pickup.confirm([id_], STRANGER, trace=""))["bevestigd"] == []


async def test_a_sender_reads_its_own_message_and_that_is_logged_but_moves_nothing(door: Door):
    (id_,) = await sent(door, 1)
    await door.pickup.fetch(id_, HOOFD, trace="")

    assert (await door.pickup.status(id_, HOOFD))["status"] == "Ontvangen"
    assert (await door.logged())[-1][1]["role"] == "afzender"


async def test_a_long_poll_answers_as_soon_as_something_arrives(door: Door):
    waiting = asyncio.create_task(door.pickup.open_deliveries(ONDER, after=0, count=10, wait=20))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    (id_,) = await sent(door, 1)

    async with asyncio.timeout(5):
        assert [each["berichtId"] for each in (await waiting)["bezorgingen"]] == [id_]


async def test_readers_at_once_each_leave_an_entry(door: Door):
    (id_,) = await sent(door, 1)
    await asyncio.gather(*(door.pickup.fetch(id_, ONDER, trace="") for _ in range(10)))

    assert [event for event, _, _ in await door.logged()].count("bericht.gelezen") == 10
    assert [each["status"] for each in await door.waiting(ONDER)] == ["Aangeboden"]
