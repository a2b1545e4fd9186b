"""Orders at the door: what is listed of them, divided, followed up and told, on real databases."""

import re
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.catalog import FOLDER
from gateway.check import check
from gateway.commit import writing
from gateway.history import History
from gateway.invented import message
from gateway.orders import numbers
from gateway.orders.asked import AskedError, division
from gateway.orders.asked import assignment as wanted
from gateway.orders.giving import DeniedError, Giving
from gateway.orders.ground import Ground
from gateway.orders.office import Office, UnknownError
from gateway.orders.tables import orders
from gateway.oversight.rights import Role
from gateway.parties import Parties, Party
from gateway.retention import secret
from gateway.store import drop_records
from tests.door import CATALOG, HOOFD, ONDER, ORIGIN, PUSHED, STRANGER, VISIT, Door, InProcess, opened
from tests.test_retention import officer

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


async def test_of_a_request_that_cannot_be_nothing_is_sent(door: Door):
    await agree(door, [ONDER])
    await door.accepted(assignment(), GEMEENTE)
    _, giving = desk(door)
    for delen in (
        [{"onderaannemer": ONDER.code, "volume": 11}],
        [{"onderaannemer": ONDER.code, "volume": 6}, {"onderaannemer": OTHER.code, "volume": 4}],
        [{"onderaannemer": ONDER.code, "volume": 6, "taken": [{"taakCode": "01", "uitvoerder": "X"}]}],
        [{"onderaannemer": ONDER.code, "volume": 6, "contractNummer": "ANDERS"}],
    ):
        with pytest.raises(DeniedError) as denied:
            await giving.divide(HOOFD, VISIT, division({**WHICH, "delen": delen}, exact=True))
        assert denied.value.faults or denied.value.findings
        assert not re.search(r"9999[0-9]{5}", str(denied.value))
    assert [row[1] for row in await rows(door)] == ["0344"]
    assert [each["soort"] for each in await door.waiting(ONDER)] == ["ho341"]


async def test_when_one_of_two_messages_cannot_be_neither_is_sent(door: Door):
    await agree(door)
    await door.accepted(assignment(), GEMEENTE)
    _, giving = desk(door)
    one, other = HALVES["delen"]
    bad = {
        **other,
        "hulpvraag": "x",
        "doelen": [{"doelNummer": 1, "leefgebied": "02", "omschrijving": "x"}] * 2,
    }  # HO003
    with pytest.raises(DeniedError) as denied:
        await giving.divide(HOOFD, VISIT, division({**WHICH, "delen": [one, bad]}, exact=True))
    assert [each.code for each in denied.value.findings] == ["HO003"]
    assert [row[1] for row in await rows(door)] == ["0344"]


async def test_an_assignment_from_elsewhere_comes_with_the_request(door: Door):
    await agree(door, [ONDER])
    _, giving = desk(door)
    whole = {**WHICH, "delen": [{"onderaannemer": ONDER.code, "aandeel": 1}]}
    with pytest.raises(UnknownError):
        await giving.divide(HOOFD, VISIT, division(whole, exact=True))
    with pytest.raises(DeniedError):
        await giving.propose(HOOFD, VISIT, division({**whole, "bericht": "<geen/>"}, exact=False))
    other = {**whole, "bericht": assignment(Ontvanger=ONDER.code).decode()}
    with pytest.raises(DeniedError):
        await giving.propose(HOOFD, VISIT, division(other, exact=False))
    given = await giving.divide(HOOFD, VISIT, division({**whole, "bericht": assignment().decode()}, exact=True))
    assert [each["uitkomst"] for each in given["berichten"]] == ["aangenomen"]
    assert b">10</" in await read(door, ONDER)


async def test_what_else_runs_for_the_client_is_told_again_as_it_was(door: Door):
    await agree(door)
    await door.accepted(assignment(), GEMEENTE)
    await door.accepted(
        assignment("JW301-09", ToewijzingNummer="9002", Ingangsdatum="2027-01-01", Einddatum="2027-12-31"), GEMEENTE
    )
    _, giving = desk(door)
    await giving.divide(HOOFD, VISIT, division(HALVES, exact=True))
    next_year = {**WHICH, "toewijzingNummer": 9002, "delen": [{"onderaannemer": ONDER.code, "volume": 3}]}
    given = await giving.divide(HOOFD, VISIT, division(next_year, exact=True))
    raw = await read(door, ONDER)
    assert (raw.count(b":Opdracht>"), raw.count(b"Gaat naar school.")) == (4, 1)  # both, opened and closed
    assert [each["opdrachten"] for each in given["berichten"]] == [[3]]
    again = await giving.divide(HOOFD, VISIT, division(HALVES, exact=True))
    assert [each["uitkomst"] for each in again["berichten"]] == ["was al aangenomen"] * 2
    change = {
        **WHICH,
        "delen": [{"onderaannemer": ONDER.code, "opdrachtNummer": 1, "volume": 5, "redenWijziging": "05"}],
    }
    await giving.divide(HOOFD, VISIT, division(change, exact=True))
    assert b"Gaat naar school." in await read(door, ONDER)


async def test_what_was_refused_or_changed_since_is_not_given_already(door: Door):
    await agree(door, [ONDER])
    await door.accepted(assignment(), GEMEENTE)
    _, giving = desk(door)
    asked = division({**WHICH, "delen": [{"onderaannemer": ONDER.code, "volume": 4}]}, exact=True)
    (first,) = (await giving.divide(HOOFD, VISIT, asked))["berichten"]
    await door.accepted(message("ho302-afgekeurd", "R1", answers=first["identificatie"]), ONDER)
    (second,) = (await giving.divide(HOOFD, VISIT, asked))["berichten"]
    assert (second["uitkomst"], second["opdrachten"]) == ("aangenomen", [1])
    assert second["identificatie"] != first["identificatie"]

    less = {**WHICH, "delen": [{"onderaannemer": ONDER.code, "opdrachtNummer": 1, "volume": 3}]}
    await giving.divide(HOOFD, VISIT, division(less, exact=True))
    with pytest.raises(DeniedError) as denied:
        await giving.divide(HOOFD, VISIT, asked)
    assert {each.code for each in denied.value.findings} == {"TR302"}  # it would be a second order beside the first


def declared(identification: str, number: int) -> bytes:
    raw = message(
        "ho323-minimaal", identification, sender=ONDER.code, receiver=HOOFD.code, OpdrachtNummer=str(number),
        GeleverdVolume="5", ProductTarief="8250",
    )  # fmt: skip
    return raw.replace(b"85000", b"41250")


async def test_both_sides_see_how_an_order_stands_and_each_look_is_logged_first(door: Door):
    await agree(door)
    await door.accepted(assignment(), GEMEENTE)
    office, giving = desk(door)
    await giving.divide(HOOFD, VISIT, division(HALVES, exact=True))

    async def stand(party: Party, other: Party) -> dict[str, Any]:
        return await office.stand(party, VISIT, "JW", other.code, 1)

    before = await stand(HOOFD, ONDER)
    assert (before["stand"], before["tarief"], before["afgesproken"]) == (
        "loopt", 8250, {"volume": 12 * 6 * 60, "bedrag": 12 * 6 * 8250},
    )  # fmt: skip
    await door.accepted(declared("HO323-0001", 1), ONDER)
    waiting = await stand(ONDER, HOOFD)
    assert (waiting["wachtend"]["bedrag"], waiting["over"]["volume"]) == (41250, 12 * 6 * 60 - 300)
    answer = message("ho325-toegekend", "A9").replace(b"85000", b"41250")
    await door.accepted(answer)
    after = await stand(ONDER, HOOFD)
    assert after == await stand(HOOFD, ONDER)
    assert (after["goedgekeurd"]["bedrag"], after["wachtend"]["bedrag"]) == (41250, 0)
    assert after["teBetalen"] == {"bedrag": 41250, "uiterlijk": "2026-06-03"}  # thirty days after 4 May
    assert after["regels"][0]["lot"] == "goedgekeurd"

    with pytest.raises(UnknownError):
        await stand(STRANGER, HOOFD)
    with pytest.raises(UnknownError):
        await stand(OTHER, HOOFD)
    looks = [(header, payload) for event, header, payload in await door.logged() if event == "opdracht.ingezien"]
    assert len([1 for _, payload in looks if payload["actor"] == ONDER.code]) == 2
    assert {payload["object"] for _, payload in looks} == {"999900006"}, looks[0]

    listed = (await office.listing(ONDER, VISIT, after=0, count=10))["opdrachten"]
    assert [(each["soort"], each["opdrachtNummer"], each["opdrachtgever"]["code"]) for each in listed] == [
        ("opdracht", 1, HOOFD.code)
    ]
    assert "999900006" not in str(listed)
    page = await office.listing(HOOFD, VISIT, after=0, count=2)
    assert [each["opdrachtNummer"] for each in page["opdrachten"]] == [9001, 1]
    rest = await office.listing(HOOFD, VISIT, after=page["volgende"], count=2)
    assert [each["opdrachtNummer"] for each in rest["opdrachten"]] == [2]


async def test_who_is_involved_with_a_client_is_told_to_whoever_is_part_of_it(door: Door):
    await agree(door)
    await door.accepted(assignment(), GEMEENTE)
    office, giving = desk(door)
    await giving.divide(HOOFD, VISIT, division(HALVES, exact=True))

    async def seen(party: Party) -> set[tuple[str, str]]:
        found = await office.involved(party, VISIT, "JW", "999900006")
        return {(each["opdrachtgever"], each["opdrachtnemer"]) for each in found["betrokken"]}

    above, first, second = ("0344", HOOFD.code), (HOOFD.code, ONDER.code), (HOOFD.code, OTHER.code)
    assert await seen(GEMEENTE) == await seen(HOOFD) == {above, first, second}
    assert await seen(ONDER) == {above, first}
    assert await seen(OTHER) == {above, second}
    found = await office.involved(ONDER, VISIT, "JW", "999900006")
    assert [each["taken"] for each in found["betrokken"] if each["opdrachtnemer"] == ONDER.code] == [
        [
            {"taak": "Regie en vast aanspreekpunt", "doet": HOOFD.code},
            {"taak": "Hulp uitvoeren", "doet": ONDER.code},
        ]
    ]
    for party, bsn in ((STRANGER, "999900006"), (HOOFD, "999900018")):
        with pytest.raises(UnknownError):
            await office.involved(party, VISIT, "JW", bsn)
    asked = [
        (payload["actor"], header["outcome"])
        for event, header, payload in await door.logged()
        if event == "betrokkenen.ingezien"
    ]
    assert asked[-2:] == [(STRANGER.code, "geweigerd"), (HOOFD.code, "geweigerd")]
    assert len(asked) == 7


async def test_a_client_who_is_secret_is_unknown(door: Door):
    await agree(door)
    await door.accepted(assignment(), GEMEENTE)
    office, giving = desk(door)
    await giving.divide(HOOFD, VISIT, division(HALVES, exact=True))
    async with writing(door.engine) as db:
        who = officer("fg-hoofd", Role.FG, HOOFD.code)
        await secret.hide(db, door.keys, ORIGIN, who, bsn="999900006", why="melding van de gemeente")
    assert (await office.listing(HOOFD, VISIT, after=0, count=10))["opdrachten"] == []
    assert (await office.divisions(HOOFD, VISIT, after=0, count=10))["verdelingen"] == []
    for look in (
        office.stand(ONDER, VISIT, "JW", HOOFD.code, 1),
        office.involved(GEMEENTE, VISIT, "JW", "999900006"),
        giving.propose(HOOFD, VISIT, division(WHICH, exact=False)),
        giving.follow(HOOFD, VISIT, wanted(WHICH)),
    ):
        with pytest.raises(UnknownError):
            await look


def test_all_that_is_wrong_with_a_request_is_told_at_once():
    bad = {"wet": "ZVW", "gemeente": "344", "toewijzingNummer": -1, "delen": [{"onderaannemer": 1, "x": 2}], "y y": 1}
    with pytest.raises(AskedError) as asked:
        division(bad, exact=True)
    assert [fault.partition(":")[0] for fault in asked.value.faults] == [
        "Het verzoek", "Het verzoek", "Het verzoek", "Deel 1", "Deel 1 heeft een onbekend veld 'x'.",
        "Het verzoek heeft een onbekend veld.",
    ]  # fmt: skip


def test_a_day_is_a_date_and_not_a_week():
    part = {"onderaannemer": ONDER.code, "volume": 1, "begin": "2026-W14-2"}
    with pytest.raises(AskedError, match="'begin' moet een datum als 2026-03-31 zijn"):
        division({**WHICH, "delen": [part]}, exact=True)
