"""A change within the band of the contract is granted by rule; any other is left to the hoofdaannemer."""

import re
from dataclasses import dataclass, replace
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.answer import judged
from gateway.catalog import FOLDER
from gateway.history import recall
from gateway.ledger.dossier import earlier, live, newest
from gateway.ledger.overeenkomst import Version
from gateway.ledger.values import Contract, Heard, Line, Order, Request, Wish
from gateway.parties import Parties, Party
from gateway.tables import messages
from gateway.terms import notices, store
from gateway.terms.band import granted
from gateway.terms.grant import Granting
from gateway.terms.tables import terms
from tests.door import CATALOG, HOOFD, ONDER, ORIGIN, PARTIES, VISIT, Door, InProcess, opened

CHAINS = FOLDER / "hoa/1.0/ketens"
GEMEENTE = Party(code="0344", name="Gemeente Voorbeeld")
DOSSIER = "dossier/JW/98000001/98000002/999900006"
AGREED = ("01-ho341", "02-ho342", "03-ho331", "04-ho332", "05-ho301")


def agreed(name: str, *, band: int | None) -> bytes:
    raw = (CHAINS / "overeenkomst-tot-declaratie" / f"{name}.xml").read_bytes().replace(b"2026-12-31", b"2099-12-31")
    told = b"" if band is None else b"<Bandbreedte>%d</Bandbreedte>" % band
    return raw.replace(b"<Betaaltermijn>30</Betaaltermijn>", b"<Betaaltermijn>30</Betaaltermijn>" + told)


def request(volume: int, own: str = "HO317-07", *, begin: str = "2026-01-12", end: str = "2099-12-31") -> bytes:
    raw = (CHAINS / "verzoek-gehonoreerd" / "07-ho317.xml").read_text(encoding="utf-8")
    raw = re.sub(r"\s*<OngewijzigdeProducten>.*</OngewijzigdeProducten>", "", raw, flags=re.DOTALL)
    raw = raw.replace("<b:Volume>12<", f"<b:Volume>{volume}<").replace("HO317-07", own).replace("2026-06-01", begin)
    return raw.replace("2026-12-31", end).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    door: Door
    granting: Granting

    def another(self) -> Granting:
        """A second gateway on the same database."""
        door = self.door
        return Granting(
            commit=door.commit, intake=door.intake, checker=InProcess(), service=door.keys, catalog=CATALOG,
            mailbox=door.intake._mailbox, origin=ORIGIN,
        )  # fmt: skip

    async def agree(self, *, band: int | None = 1000, order: bytes = b"") -> None:
        by = {each.code: each for each in (HOOFD, ONDER, GEMEENTE)}
        for name in AGREED:
            raw = order if order and name == AGREED[-1] else agreed(name, band=band)
            sender = re.search(rb"<Afzender>(\d+)<", raw)
            assert sender
            await self.door.accepted(raw, by[sender[1].decode()])

    async def told(self) -> list[tuple[str, str]]:
        async with self.door.engine.connect() as db:
            rows = await notices.of(db, {HOOFD.code, ONDER.code}, after=0, count=99, unseen=False)
        return [(row.party, row.kind) for row in rows]

    async def waiting(self) -> list[str]:
        return [each["soort"] for each in await self.door.waiting(ONDER)]

    async def open(self) -> list[str]:
        async with self.door.engine.connect() as db:
            found = await db.execute(sa.select(terms.c.kind).where(terms.c.done_at.is_(None)).order_by(terms.c.id))
            return list(found.scalars())

    async def volume(self) -> int | None:
        async with self.door.engine.connect() as db:
            record = (await recall(db, self.door.keys, [DOSSIER]))[DOSSIER]
        return newest(earlier(live(record), Order))[7001].volume


@pytest.fixture
async def place(engine: AsyncEngine):
    async with opened(engine, levels={3, 4}) as door:
        door.intake.parties = Parties(by_code={**PARTIES.by_code, GEMEENTE.code: GEMEENTE})
        made = Place(door=door, granting=None)  # type: ignore[arg-type] # made from itself
        yield replace(made, granting=made.another())


async def test_within_the_band_retour_and_order_follow_by_rule(place: Place):
    await place.agree()
    await place.door.accepted(request(11), ONDER)
    assert {"retour", "antwoord"} <= set(await place.open())
    before = await place.waiting()
    assert await place.granting.round() == 1
    assert (await place.waiting())[len(before) :] == ["ho318", "ho301"]
    assert await place.volume() == 11
    assert "antwoord" not in await place.open()
    assert await place.told() == [(HOOFD.code, "wijziging.toegekend"), (ONDER.code, "wijziging.toegekend")]
    assert await place.granting.round() == 0, "once"
    events = [(name, header["role"], payload.get("reason")) for name, header, payload in await place.door.logged()]
    assert ("wijziging.toegekend", "poort", "bandbreedte van overeenkomst RO-2026-07") in events
    weighed = [each for each in events if each[0] == "bericht.getoetst"]
    assert len(weighed) == 2, "the request, and the order that it changes"
    async with place.door.engine.connect() as db:
        row = (
            await db.execute(sa.select(messages).where(messages.c.type == "ho301").order_by(messages.c.id.desc()))
        ).first()
    assert row
    assert await place.door.pickup.fetch(row.id, HOOFD, VISIT), "the hoofdaannemer can read what was said in its name"


@pytest.mark.parametrize(("volume", "band"), [(12, 1000), (8, 1000), (11, 999), (11, None), (11, 0)], ids=str)
async def test_outside_the_band_the_term_is_the_hoofdaannemers_and_nothing_else_happens(
    place: Place, volume: int, band: int | None
):
    await place.agree(band=band)
    await place.door.accepted(request(volume), ONDER)
    before, logged = await place.waiting(), len(await place.door.logged())
    assert await place.granting.round() == 1
    assert await place.waiting() == before
    assert "antwoord" in await place.open()
    assert await place.told() == []
    assert await place.volume() == 10
    read = [name for name, _, _ in (await place.door.logged())[logged:]]
    assert read == (["bericht.getoetst"] if band else []), "without a band nothing is opened"
    assert await place.granting.round() == 0, "it is not looked at again"


async def test_many_small_changes_stay_within_the_band_of_what_was_first_agreed(place: Place):
    await place.agree()
    await place.door.accepted(request(11), ONDER)
    await place.granting.round()
    again = request(12, "HO317-08").replace(b"V-2", b"V-3")
    await place.door.accepted(again, ONDER)
    await place.granting.round()
    assert await place.volume() == 11


async def test_orders_that_stay_are_told_again_as_they_were(place: Place):
    """And not as if they honoured a request once more (TR379)."""
    two = agreed("05-ho301", band=None).decode()
    order = re.search(r"<Opdracht>.*</Opdracht>", two, flags=re.DOTALL)
    assert order
    first = order[0].replace("2099-12-31", "2098-12-31")
    second = order[0].replace("7001", "7002").replace("2026-01-12", "2099-01-01")
    await place.agree(order=two.replace(order[0], first + second).encode())
    for number, other, begin, end, volume, own in (
        ("7002", "7001", "2099-01-01", "2099-12-31", 11, "V-2"),
        ("7001", "7002", "2026-01-12", "2098-12-31", 9, "V-3"),
    ):
        named = f"<OngewijzigdProduct><OpdrachtNummer>{other}</OpdrachtNummer></OngewijzigdProduct>"
        stays = f"<OngewijzigdeProducten>{named}</OngewijzigdeProducten>"
        asked = request(volume, f"HO317-{own}", begin=begin, end=end).decode().replace("7001", number)
        asked = asked.replace("V-2", own).replace("<TeWijzigenProducten>", f"{stays}<TeWijzigenProducten>", 1)
        await place.door.accepted(asked.replace("HO317-V-2", f"HO317-{own}").encode(), ONDER)
        await place.granting.round()
    assert await place.volume() == 9
    assert len(await place.told()) == 4
    async with place.door.engine.connect() as db:
        record = (await recall(db, place.door.keys, [DOSSIER]))[DOSSIER]
    assert [(each.number, each.volume, each.reference) for each in record[-1].said if isinstance(each, Order)] == [
        (7001, 9, "V-3"), (7002, 11, ""),
    ]  # fmt: skip


async def test_killed_between_composing_and_commit_there_is_exactly_one_pair(place: Place):
    await place.agree()
    await place.door.accepted(request(11), ONDER)
    async with place.door.engine.connect() as db:
        (row,) = await store.unlooked(db, count=9)
    first, second = await place.granting.look(row), await place.another().look(row)
    assert first.pair
    assert second.pair
    before = await place.waiting()
    # The first is killed here: what it composed is nowhere. Two others come to the commit, one after the other.
    third = place.another()
    assert await place.door.commit.do(third.keep, await third.look(row))
    assert not await place.door.commit.do(place.granting.keep, second)
    assert (await place.waiting())[len(before) :] == ["ho318", "ho301"]
    assert len(await place.told()) == 2


WITHDRAWN = (
    (b"HO301-01", b"HO301-02"), (b"09:00:00", b"10:00:00"), (b"2099-12-31", b"2026-01-12"),
    (b"</Einddatum>", b"</Einddatum><RedenWijziging>13</RedenWijziging>"),
)  # fmt: skip


async def test_what_the_hoofdaannemer_says_between_looking_and_granting_is_not_undone(place: Place):
    await place.agree()
    await place.door.accepted(request(11), ONDER)
    async with place.door.engine.connect() as db:
        (row,) = await store.unlooked(db, count=9)
    looked = await place.granting.look(row)
    assert looked.pair
    raw = agreed("05-ho301", band=None)
    for old, new in WITHDRAWN:
        raw = raw.replace(old, new)
    await place.door.accepted(raw, HOOFD)
    assert not await place.door.commit.do(place.granting.keep, looked)
    assert await place.granting.round() == 1, "it is looked at again"
    assert await place.granting.round() == 0
    async with place.door.engine.connect() as db:
        record = (await recall(db, place.door.keys, [DOSSIER]))[DOSSIER]
    assert newest(earlier(live(record), Order))[7001].removed
    assert await place.told() == []


async def test_a_retour_that_the_hoofdaannemer_sent_is_not_sent_again(place: Place):
    await place.agree()
    await place.door.accepted(request(11), ONDER)
    own = judged(request(11), {}, CATALOG, identification="EIGEN", today="2026-05-18")
    await place.door.accepted(own, HOOFD)
    before = await place.waiting()
    await place.granting.round()
    assert (await place.waiting())[len(before) :] == ["ho301"]


async def test_what_is_no_longer_here_is_left_to_the_hoofdaannemer_who_is_told(place: Place):
    await place.agree()
    await place.door.accepted(request(11), ONDER)
    async with place.door.engine.begin() as db:
        gone = messages.c.type == "ho301"
        await db.execute(
            sa.update(messages).where(gone).values(sealed_body=None, wrapped_key=None, sealed_subjects=None)
        )
    before = await place.waiting()
    await place.granting.round()
    assert await place.waiting() == before
    assert await place.told() == [(HOOFD.code, "wijziging.beslissen")]
    assert "antwoord" in await place.open()


ORDER = Order(
    number=1, date="2026-01-01", time="09:00:00", begin="2026-01-01", end="2026-12-31", volume=1000, unit="01",
    frequency="4", contract="C", bsn="999900006", category="45", code="45A04",
)  # fmt: skip
CONTRACT = Contract(number="C", variant="I", begin="2026-01-01", days=30, band=500)
KNOWN = {"C": [Version(contract=CONTRACT, gemeenten=frozenset(), prices=())]}
DOSSIER_OF = (Heard(message="bericht/98000001/ho301/A", type="ho301", dated="2026-01-01", said=(ORDER,)),)
ASKED = Request(reference="V", bsn=ORDER.bsn)


def asked(**wish: Any) -> Any:
    told = {"begin": ORDER.begin, "end": ORDER.end, "volume": 1000, "frequency": "4", **wish}
    return granted((ASKED, Wish(kind="TeWijzigenProduct", number=1, **told)), "01", DOSSIER_OF, KNOWN, "2026-06-01")


@given(st.integers(0, 2000))
def test_the_edge_of_the_band_is_within_it(volume: int):
    assert (asked(volume=volume) is not None) == (950 <= volume <= 1050)


@pytest.mark.parametrize(
    ("wish", "fits"),
    [
        ({"end": "2026-12-14"}, True),
        ({"end": "2026-11-30"}, False),  # a month less is more than five in a hundred
        ({"end": ""}, False),
        ({"begin": "2026-02-01"}, False),
        ({"frequency": "2"}, False),
        ({"volume": None, "budget": 1000}, False),
        ({"number": 2}, False),
    ],
)
def test_only_how_much_and_until_when_may_change(wish: dict[str, Any], fits: bool):
    if "number" in wish:
        wish_ = Wish(kind="TeWijzigenProduct", number=2, begin=ORDER.begin, end=ORDER.end, volume=1000, frequency="4")
        assert granted((ASKED, wish_), "01", DOSSIER_OF, KNOWN, "2026-06-01") is None
    else:
        assert (asked(**wish) is not None) == fits


@pytest.mark.parametrize(
    ("end", "declared", "credited", "fits"),
    [
        ("2026-12-14", "2026-12-14", 0, True),
        ("2026-12-14", "2026-12-15", 0, False),
        ("2026-12-31", "2026-12-31", 0, False),  # twelve times 950 is less than was declared
        ("2026-12-31", "2026-12-31", 1, True),
    ],
)
def test_what_was_declared_already_stays_within_the_order(end: str, declared: str, credited: int, fits: bool):
    much = 12 * 950 + (end == ORDER.end)
    line = Line(reference="R1", number=1, bsn=ORDER.bsn, begin=declared, end=declared, volume=much, unit="01", amount=1)
    credit = replace(line, reference="R2", previous="R1", amount=-1)
    said = (line, credit) if credited else (line,)
    heard = Heard(message="bericht/98000002/ho323/A", type="ho323", dated=declared, said=said)
    wish = Wish(kind="TeWijzigenProduct", number=1, begin=ORDER.begin, end=end, volume=950, frequency="4")
    found = granted((ASKED, wish), "01", (*DOSSIER_OF, heard), KNOWN, "2026-06-01")
    assert (found is not None) == fits


def test_a_contract_that_ended_grants_nothing():
    ended = {"C": [Version(contract=replace(CONTRACT, end="2026-05-31"), gemeenten=frozenset(), prices=())]}
    wish = Wish(kind="TeWijzigenProduct", number=1, begin=ORDER.begin, end=ORDER.end, volume=1010, frequency="4")
    assert granted((ASKED, wish), "01", DOSSIER_OF, ended, "2026-05-31")
    assert granted((ASKED, wish), "01", DOSSIER_OF, ended, "2026-06-01") is None
    assert granted((ASKED, wish, replace(wish, kind="NieuwProduct")), "01", DOSSIER_OF, KNOWN, "2026-06-01") is None
