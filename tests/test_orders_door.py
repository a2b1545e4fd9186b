"""Orders at the door: what is listed of them, divided, followed up and told, on real databases."""

import re
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.catalog import FOLDER
from gateway.check import check
from gateway.history import History
from gateway.invented import message
from gateway.orders import numbers
from gateway.orders.asked import assignment as wanted
from gateway.orders.asked import division
from gateway.orders.giving import Giving
from gateway.orders.ground import Ground
from gateway.orders.office import Office
from gateway.orders.tables import orders
from gateway.parties import Parties, Party
from gateway.store import drop_records
from tests.door import CATALOG, HOOFD, ONDER, ORIGIN, PUSHED, STRANGER, VISIT, Door, InProcess, opened

GEMEENTE = Party(code="0344", name="Gemeente Voorbeeld")
OTHER = Party(code="98000004", name="Onderaannemer Berkenhof")
ALL = Parties(by_code={party.code: party for party in (HOOFD, ONDER, OTHER, PUSHED, GEMEENTE, STRANGER)})
DIVIDED = FOLDER / "hoa/1.0/ketens/verdeeld-over-twee-onderaannemers"


@pytest.fixture
async def door(engine: AsyncEngine) -> AsyncIterator[Door]:
    async with opened(engine, levels={3, 4}) as door:
        door.intake.parties = ALL
        yield door


def assignment(identification: str = "JW301-01", **fields: str) -> bytes:
    """Assignment 9001 of 10 hours a month, from 2026-01-12 until the end of that year."""
    raw = (DIVIDED / "01-jw301.xml").read_bytes()
    for name, value in {"Identificatie": identification, **fields}.items():
        raw, found = re.subn(rb"(<(?:\w+:)?" + name.encode() + rb">)[^<]*", rb"\g<1>" + value.encode(), raw, count=1)
        assert found, name
    return raw


async def rows(door: Door) -> list[tuple[Any, ...]]:
    async with door.engine.connect() as db:
        row = orders.c
        found = await db.execute(sa.select(row.wet, row.payer, row.number, row.provider).order_by(row.seq))
        return [tuple(each) for each in found]


async def agree(door: Door, onders: Iterable[Party] = (ONDER, OTHER)) -> None:
    """The contract RO-2026-07 with each, and the consent of the gemeente."""
    for onder in onders:
        await door.accepted(message("ho341-minimaal", f"C{onder.code}", receiver=onder.code))
        yes = message("ho342-aanvaard", "A1", sender=onder.code, receiver=HOOFD.code, answers=f"C{onder.code}")
        await door.accepted(yes, onder)
        report = message("ho331-minimaal", f"T{onder.code}", receiver=GEMEENTE.code, AgbCode=onder.code)
        await door.accepted(report)
        given = message(
            "ho332-toestemming", f"G{onder.code}", sender=GEMEENTE.code, receiver=HOOFD.code,
            answers=f"T{onder.code}", AgbCode=onder.code, Ingangsdatum="2026-01-01",
        )  # fmt: skip
        await door.accepted(given, GEMEENTE)


async def test_assignments_and_orders_are_listed_and_what_is_refused_is_not(door: Door):
    await agree(door, [ONDER])
    await door.accepted(assignment(), GEMEENTE)
    await door.accepted((DIVIDED / "02-ho301.xml").read_bytes())
    assert await rows(door) == [("JW", "0344", 9001, "98000001"), ("JW", "98000001", 7001, "98000002")]
    no = message("ho302-afgekeurd", "R1", answers="HO301-01")
    await door.accepted(no, ONDER)
    assert await rows(door) == [("JW", "0344", 9001, "98000001")]


async def test_of_a_client_who_is_destroyed_no_number_is_listed(door: Door):
    await door.accepted(assignment(), GEMEENTE)
    async with door.engine.connect() as db:
        (row,) = await numbers.of(db, ["0344"], after=0, count=10)
    async with door.engine.begin() as db:
        await numbers.rename(db, {row.dossier: "other"})
        assert await drop_records(db, ["other"]) == 0
    assert await rows(door) == []


def desk(door: Door, *, held: bool = True) -> tuple[Office, Giving]:
    ground = Ground(door.commit, door.keys)
    office = Office(
        ground=ground, commit=door.commit, keys=door.keys, origin=ORIGIN, parties=lambda: door.intake.parties
    )  # fmt: skip
    giving = Giving(
        office=office, ground=ground, commit=door.commit, catalog=CATALOG, history=History(door.keys, levels={3, 4}),
        pickup=door.pickup, checker=InProcess(), accept=door.intake.accept, held=held,
    )  # fmt: skip
    return office, giving


WHICH = {"wet": "JW", "gemeente": "0344", "toewijzingNummer": 9001}
HALVES = {
    **WHICH,
    "delen": [
        {
            "onderaannemer": ONDER.code, "volume": 6, "hulpvraag": "Rust vinden.",
            "taken": [{"taakCode": "01", "uitvoerder": "H"}, {"taakCode": "03", "uitvoerder": "O"}],
            "doelen": [{"doelNummer": 1, "leefgebied": "02", "omschrijving": "Gaat naar school."}],
        },
        {"onderaannemer": OTHER.code, "volume": 4},
    ],
}  # fmt: skip


async def read(door: Door, party: Party, number: int = -1) -> bytes:
    waiting = await door.waiting(party)
    return await door.pickup.fetch(waiting[number]["berichtId"], party, VISIT)


async def test_an_assignment_is_divided_told_and_follows_when_it_is_shortened(door: Door):
    await agree(door)
    await door.accepted(assignment(), GEMEENTE)
    office, giving = desk(door)

    proposal = await giving.propose(HOOFD, VISIT, division(WHICH, exact=False))
    assert [(each["onderaannemer"], each["kan"]) for each in proposal["onderaannemers"]] == [
        (ONDER.code, True), (OTHER.code, True),
    ]  # fmt: skip
    assert (proposal["kan"], proposal["ruimte"]) == (False, 10)  # with two who can, somebody must choose

    given = await giving.divide(HOOFD, VISIT, division(HALVES, exact=True))
    assert [(each["opdrachten"], each["uitkomst"]) for each in given["berichten"]] == [
        ([1], "aangenomen"), ([2], "aangenomen"),
    ]  # fmt: skip
    raw = await read(door, ONDER)
    assert check(raw, CATALOG).findings == ()
    assert b"Gaat naar school." in raw
    assert b":Gemeente>0344<" in raw

    again = await giving.divide(HOOFD, VISIT, division(HALVES, exact=True))
    assert [each["uitkomst"] for each in again["berichten"]] == ["was al aangenomen"] * 2
    assert [each["berichtId"] for each in again["berichten"]] == [each["berichtId"] for each in given["berichten"]]

    shorter = assignment(
        "JW301-02", Dagtekening="2026-01-06", Toewijzingsdatum="2026-01-06", Einddatum="2026-06-30", Volume="5",
    )  # fmt: skip
    await door.accepted(shorter, GEMEENTE)
    (seen,) = (await office.divisions(HOOFD, VISIT, after=0, count=10))["verdelingen"]
    assert (seen["stand"], [each["onderaannemer"] for each in seen["opdrachten"]]) == (
        "past niet meer", [ONDER.code, OTHER.code],
    )  # fmt: skip
    assert [(each["soort"], each["einde"], each["omvang"]["volume"]) for each in seen["gevolgen"]] == [
        ("verkleinen", "2026-06-30", 3), ("verkleinen", "2026-06-30", 2),
    ]  # fmt: skip
    followed = await giving.follow(HOOFD, VISIT, wanted(WHICH))
    assert [each["uitkomst"] for each in followed["berichten"]] == ["aangenomen"] * 2
    raw = await read(door, ONDER)
    assert b"Gaat naar school." in raw  # what was ordered is told again with it
    assert b">3</" in raw
    assert (await giving.follow(HOOFD, VISIT, wanted(WHICH)))["berichten"] == []
    (seen,) = (await office.divisions(HOOFD, VISIT, after=0, count=10))["verdelingen"]
    assert (seen["stand"], seen["gevolgen"]) == ("verdeeld", [])
