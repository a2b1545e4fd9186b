"""What a receiver may count on: order, only its own, nothing unlogged, at least once until it confirms."""

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.check import check
from gateway.invented import message
from gateway.pickup import UnknownMessageError
from gateway.trail import Visit
from tests.door import CATALOG, HOOFD, ONDER, STRANGER, VISIT, Door, opened


@pytest.fixture
async def door(engine: AsyncEngine, tmp_path: Path) -> AsyncIterator[Door]:
    async with opened(engine) as door:
        yield door


async def sent(door: Door, count: int, start: int = 0) -> list[str]:
    numbers = range(start, start + count)
    return [(await door.accepted(message("ho301-gewoon", f"A{n}")))["berichtId"] for n in numbers]


async def test_deliveries_come_in_the_order_they_were_sent_and_page_by_cursor(door: Door):
    ids = await sent(door, 5)
    first = await door.pickup.open_deliveries(ONDER, VISIT, after=0, count=3, wait=0)
    rest = await door.pickup.open_deliveries(ONDER, VISIT, after=first["volgende"], count=3, wait=0)

    assert [each["berichtId"] for each in first["bezorgingen"] + rest["bezorgingen"]] == ids
    assert rest["volgende"] is None


async def test_a_confirmation_that_reaches_two_gateways_at_once_is_logged_once(
    door: Door, engine: AsyncEngine, tmp_path: Path
):
    ids = await sent(door, 20)
    async with opened(engine) as other:
        for id_ in ids:
            await door.pickup.fetch(id_, ONDER, VISIT)
            both = await asyncio.gather(*(each.pickup.confirm([id_], ONDER, VISIT) for each in (door, other)))
            assert [each["bevestigd"] for each in both] == [[id_], [id_]]

    assert [event for event, _, _ in await door.logged()].count("bericht.bevestigd") == len(ids)


async def test_bodies_come_with_the_list_in_order_and_each_is_logged_and_offered(door: Door):
    raws = [message("ho301-gewoon", f"B{n}") for n in range(3)]
    ids = [(await door.accepted(raw))["berichtId"] for raw in raws]
    commits = door.commit.commits
    found = (await door.pickup.open_deliveries(ONDER, VISIT, after=0, count=10, wait=0, bodies=True))["bezorgingen"]

    assert [each["berichtId"] for each in found] == ids
    assert [base64.b64decode(each["inhoud"]) for each in found] == raws
    assert {each["status"] for each in found} == {"Aangeboden"}
    assert [each["status"] for each in await door.waiting(ONDER)] == ["Aangeboden"] * 3
    read = [header["message"] for event, header, _ in await door.logged() if event == "bericht.gelezen"]
    assert read == ids
    assert door.commit.commits == commits + 1
    assert (await door.pickup.confirm(ids, ONDER, VISIT))["bevestigd"] == ids


async def test_a_list_without_bodies_reads_nothing(door: Door):
    await sent(door, 2)

    assert all("inhoud" not in each and each["status"] == "Ontvangen" for each in await door.waiting(ONDER))
    assert "bericht.gelezen" not in [event for event, _, _ in await door.logged()]


async def test_a_body_that_does_not_fit_stays_behind_unread_and_those_after_it_still_come(
    door: Door, monkeypatch: pytest.MonkeyPatch
):
    ids = await sent(door, 1)
    large = message("ho301-gewoon", "groot").replace(b"<?xml", b"<?xml", 1) + b"\n" * 5000
    ids += [(await door.accepted(large))["berichtId"], *await sent(door, 2, 1)]
    sizes = [each["omvang"] for each in await door.waiting(ONDER)]
    monkeypatch.setattr("gateway.pickup.MOST_BODIES", sizes[0] + sizes[2])
    found = (await door.pickup.open_deliveries(ONDER, VISIT, after=0, count=10, wait=0, bodies=True))["bezorgingen"]

    assert [each["berichtId"] for each in found] == ids
    assert ["inhoud" in each for each in found] == [True, False, True, False]
    assert [each["status"] for each in found] == ["Aangeboden", "Ontvangen", "Aangeboden", "Ontvangen"]
    read = [header["message"] for event, header, _ in await door.logged() if event == "bericht.gelezen"]
    assert read == [ids[0], ids[2]]


async def test_when_the_reading_cannot_be_logged_nothing_leaves(door: Door):
    await sent(door, 1)
    async with door.engine.begin() as db:
        await db.execute(sa.text("ALTER TABLE audit_entries RENAME TO elsewhere"))

    with pytest.raises(sa.exc.DBAPIError):
        await door.pickup.open_deliveries(ONDER, VISIT, after=0, count=10, wait=0, bodies=True)

    assert [each["status"] for each in await door.waiting(ONDER)] == ["Ontvangen"]


async def test_a_long_poll_for_bodies_brings_the_message_itself(door: Door):
    waiting = asyncio.create_task(door.pickup.open_deliveries(ONDER, VISIT, after=0, count=10, wait=20, bodies=True))
    await asyncio.sleep(0.05)
    raw = message("ho301-gewoon", "A0")
    await door.accepted(raw)

    async with asyncio.timeout(5):
        assert [base64.b64decode(each["inhoud"]) for each in (await waiting)["bezorgingen"]] == [raw]


async def test_a_message_stays_open_until_it_is_confirmed(door: Door):
    (id_,) = await sent(door, 1)
    await door.pickup.fetch(id_, ONDER, VISIT)
    assert [each["status"] for each in await door.waiting(ONDER)] == ["Aangeboden"]
    await door.pickup.fetch(id_, ONDER, VISIT)
    assert await door.pickup.confirm([id_], ONDER, VISIT) == {"bevestigd": [id_], "nietBevestigd": []}

    assert await door.waiting(ONDER) == []
    assert (await door.pickup.status(id_, HOOFD))["status"] == "Bezorgd"


async def test_confirming_twice_says_yes_twice_and_is_logged_once(door: Door):
    (id_,) = await sent(door, 1)
    await door.pickup.fetch(id_, ONDER, VISIT)
    for _ in range(2):
        assert (await door.pickup.confirm([id_, id_], ONDER, VISIT))["bevestigd"] == [id_]

    assert [event for event, _, _ in await door.logged()].count("bericht.bevestigd") == 1


async def test_what_was_not_fetched_cannot_be_confirmed(door: Door):
    (id_,) = await sent(door, 1)
    answer = await door.pickup.confirm([id_, "0" * 32], ONDER, VISIT)

    assert answer["bevestigd"] == []
    assert "Haal het bericht eerst op" in answer["nietBevestigd"][0]["reden"]
    assert "bestaat niet" in answer["nietBevestigd"][1]["reden"]


@pytest.mark.parametrize("ask", ["fetch", "status", "receipt"])
async def test_what_concerns_others_does_not_exist(door: Door, ask: str):
    (id_,) = await sent(door, 1)
    with pytest.raises(UnknownMessageError):
        await getattr(door.pickup, ask)(id_, STRANGER, *([VISIT] if ask == "fetch" else []))

    assert await door.waiting(STRANGER) == []
    assert (await door.pickup.confirm([id_], STRANGER, VISIT))["bevestigd"] == []


async def test_a_sender_reads_its_own_message_and_that_is_logged_but_moves_nothing(door: Door):
    (id_,) = await sent(door, 1)
    await door.pickup.fetch(id_, HOOFD, VISIT)

    assert (await door.pickup.status(id_, HOOFD))["status"] == "Ontvangen"
    assert (await door.logged())[-1][1]["role"] == "afzender"


async def test_a_long_poll_answers_as_soon_as_something_arrives(door: Door):
    waiting = asyncio.create_task(door.pickup.open_deliveries(ONDER, VISIT, after=0, count=10, wait=20))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    (id_,) = await sent(door, 1)

    async with asyncio.timeout(5):
        assert [each["berichtId"] for each in (await waiting)["bezorgingen"]] == [id_]


async def test_readers_at_once_each_leave_an_entry(door: Door):
    (id_,) = await sent(door, 1)
    await asyncio.gather(*(door.pickup.fetch(id_, ONDER, VISIT) for _ in range(10)))

    assert [event for event, _, _ in await door.logged()].count("bericht.gelezen") == 10
    assert [each["status"] for each in await door.waiting(ONDER)] == ["Aangeboden"]


async def test_every_entry_about_a_message_names_the_law_it_rests_on(door: Door):
    (id_,) = await sent(door, 1)
    await door.pickup.fetch(id_, ONDER, VISIT)
    await door.pickup.confirm([id_], ONDER, VISIT)

    assert [header["purpose"] for _, header, _ in await door.logged()] == ["jeugdwet"] * 3


async def test_each_client_in_a_message_has_a_line_of_its_own_at_every_reading(door: Door):
    """One line tells of one person (Logboek Dataverwerkingen); numbered, so that none can be left out of an inzage."""
    raw = message("ho323-rijk", "D1", sender=ONDER.code, receiver=HOOFD.code)
    people = list(check(raw, CATALOG).facts.subjects)
    assert len(people) == 2
    id_ = (await door.accepted(raw, ONDER))["berichtId"]
    await door.pickup.fetch(id_, HOOFD, VISIT)

    lines = await door.logged()
    assert [event for event, _, _ in lines] == ["bericht.ontvangen"] * 2 + ["bericht.gelezen"] * 2
    assert [header["part"] for _, header, _ in lines] == [[1, 2], [2, 2]] * 2
    assert [payload["object"] for _, _, payload in lines] == people * 2
    assert [payload["seq"] for _, _, payload in lines] == [{ONDER.code: n, HOOFD.code: n} for n in (1, 1, 2, 2)]
    assert {header["message"] for _, header, _ in lines} == {id_}


async def test_a_line_says_whence_a_request_came_and_what_showed_who_it_was(door: Door):
    visit = Visit(trace="01" * 16, via={"access_point": "192.0.2.0/24", "credential": "sha256:00"})
    accepted = await door.intake.accept(message("ho301-gewoon", "A1"), HOOFD, visit)
    await door.pickup.fetch(accepted.id, ONDER, visit)
    await door.pickup.confirm([accepted.id], ONDER, visit)

    for _, header, payload in await door.logged():
        assert header["trace"] == "01" * 16
        assert (payload["access_point"], payload["credential"]) == ("192.0.2.0/24", "sha256:00")
