"""The register on a real database: what is proposed and decided is kept with its line in the log, or not at all."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from door import HOOFD, ONDER, ORIGIN, VISIT, Door, opened
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters import tls
from gateway.commit import GroupCommit, committing, writing
from gateway.parties import Parties, Party
from gateway.register.change import KEPT, MOST_OPEN, ProposalError, Registry, UnknownChangeError
from gateway.register.fold import DAY
from gateway.register.tables import changes
from gateway.register.values import Who
from gateway.terms.notices import of as notices_of

BASE = Parties.known([HOOFD, ONDER])
SYSTEM = Who(name=HOOFD.code, own=HOOFD.code, codes=frozenset({HOOFD.code}))
OTHER = Who(name=ONDER.code, own=ONDER.code, codes=frozenset({ONDER.code}))
JAN = Who(name="/jan", own="", codes=frozenset({""}))
PIET = replace(JAN, name="/piet")
CONTACT = {"naam": "Verzonnen Persoon", "email": "persoon@brug.example", "telefoon": ""}


@pytest.fixture
async def door(engine: AsyncEngine) -> AsyncIterator[Door]:
    async with opened(engine) as door:
        yield door


async def registry(door: Door, commit: GroupCommit | None = None) -> Registry:
    made = Registry(commit or door.commit, door.keys, ORIGIN)
    await made.load(BASE)
    return made


async def detail(known: Registry, value: dict, *, by: Who = SYSTEM, decides: Who = PIET) -> str:
    """Have what concerns a party changed; return the id of the change."""
    made = await known.propose(f"partij/{by.own}", "gegevens", value, by, VISIT)
    await known.decide(made.change.id, decides, VISIT, grant=True)
    await known.load(BASE)
    return made.change.id


def certificate(folder: Path, name: str, *, days: int = 397) -> str:
    if not (folder / "ca.pem").exists():
        tls.make_ca(folder)
    return tls.make_certificate(folder, folder / name, name, days=days).cert.read_text()


async def test_a_decision_at_one_gateway_holds_at_the_other(door: Door):
    here, there = await registry(door), await registry(door)
    made = await here.propose(f"partij/{HOOFD.code}", "gegevens", {"naam": "De Nieuwe Brug"}, SYSTEM, VISIT)
    assert not await there.load(BASE)
    await here.decide(made.change.id, JAN, VISIT, grant=True)
    assert await there.load(BASE)
    assert there.now.parties.by_code[HOOFD.code].name == "De Nieuwe Brug"
    assert not await there.load(BASE)


async def test_each_step_is_a_line_that_officers_of_the_party_may_see_and_that_names_no_person(door: Door):
    known = await registry(door)
    await detail(known, {"contact": CONTACT})
    refused = await known.propose(f"partij/{HOOFD.code}", "machtiging", {"aan": ONDER.code}, SYSTEM, VISIT)
    await known.decide(refused.change.id, PIET, VISIT, grant=False, reason="niet nu")
    lines = await door.logged()
    told = [(event, payload["actor"], payload["document"], header["outcome"]) for event, header, payload in lines]
    assert told == [
        ("register.voorgesteld", HOOFD.code, f"partij/{HOOFD.code} gegevens", "geslaagd"),
        ("register.gewijzigd", "/piet", f"partij/{HOOFD.code} gegevens", "geslaagd"),
        ("register.voorgesteld", HOOFD.code, f"partij/{HOOFD.code} machtiging", "geslaagd"),
        ("register.geweigerd", "/piet", f"partij/{HOOFD.code} machtiging", "geweigerd"),
    ]
    assert [payload["parties"] for *_, payload in lines][2] == [HOOFD.code, ONDER.code]
    async with door.engine.connect() as db:
        rows = [dict(row._mapping) for row in await db.execute(sa.select(changes))]
    assert "Verzonnen" not in json.dumps([[header, payload] for _, header, payload in lines]) + str(rows)


async def test_a_proposal_that_is_not_sound_leaves_no_trace(door: Door):
    known = await registry(door)
    with pytest.raises(ProposalError):
        await known.propose(f"partij/{HOOFD.code}", "machtiging", {"aan": "98000099"}, SYSTEM, VISIT)
    assert await door.logged() == []
    assert await known.concerning({HOOFD.code}) == []


async def test_a_region_of_one_name_is_of_who_got_it_first_and_a_second_look_is_asked_for_anew(door: Door):
    base = Parties.known([HOOFD, ONDER, *(Party(code=code, name=code) for code in ("0344", "0363"))])
    known = Registry(door.commit, door.keys, ORIGIN)
    await known.load(base)
    one, two = (Who(name=code, own=code, codes=frozenset({code})) for code in ("0344", "0363"))
    listing = {"vanaf": "2026-01-01"}

    async def region(by: Who, keeper: str) -> str:
        value = {"beheerder": keeper, "gemeenten": [{"code": keeper, "vanaf": "2026-01-01"}]}
        return (await known.propose("regio/Midden", "regio", value, by, VISIT)).change.id

    async def grant(id_: str, by: Who) -> None:
        await known.decide(id_, replace(by, name=f"{by.own}/els"), VISIT, grant=True)
        await known.load(base)

    first, second = await region(one, "0344"), await region(two, "0363")
    await grant(first, one)
    with pytest.raises(ProposalError, match="andere beheerder"):
        await grant(second, two)
    asked = await known.propose(f"lijst/Midden/{ONDER.code}", "opname", listing, OTHER, VISIT)
    await grant(await region(one, "0363"), one)
    with pytest.raises(ProposalError, match="andere beheerder"):
        await grant(asked.change.id, one)
    anew = await known.propose(f"lijst/Midden/{ONDER.code}", "opname", listing, OTHER, VISIT)
    assert (anew.again, anew.change.decides) == (False, "0363")
    await grant(anew.change.id, two)
    assert known.now.listings["Midden", ONDER.code].begin == "2026-01-01"


async def test_what_is_of_others_does_not_exist(door: Door):
    known = await registry(door)
    made = await known.propose(f"partij/{HOOFD.code}", "gegevens", {"naam": "X"}, SYSTEM, VISIT)
    with pytest.raises(UnknownChangeError):
        await known.decide(made.change.id, OTHER, VISIT, grant=True)
    with pytest.raises(UnknownChangeError):
        await known.decide("0" * 32, PIET, VISIT, grant=True)
    assert await known.concerning({ONDER.code}) == []


async def test_of_two_decisions_at_once_that_cannot_both_be_one_is_taken(door: Door, tmp_path: Path):
    """Two parties hand in the same certificate, and two officers at two gateways agree at the same moment."""
    pem = {"certificaat": certificate(tmp_path, "een")}
    async with committing(door.engine) as other:
        here, there = await registry(door), await registry(door, other)
        one = await here.propose(f"partij/{HOOFD.code}", "certificaat", pem, SYSTEM, VISIT)
        two = await there.propose(f"partij/{ONDER.code}", "certificaat", pem, OTHER, VISIT)
        done = await asyncio.gather(
            here.decide(one.change.id, JAN, VISIT, grant=True), there.decide(two.change.id, PIET, VISIT, grant=True),
            return_exceptions=True,
        )  # fmt: skip
    assert sorted(isinstance(each, ProposalError) for each in done) == [False, True]
    await here.load(BASE)
    assert len(here.now.parties.by_certificate) == 1


async def test_a_change_is_decided_once(door: Door):
    async with committing(door.engine) as other:
        here, there = await registry(door), await registry(door, other)
        made = await here.propose(f"partij/{HOOFD.code}", "gegevens", {"naam": "X"}, SYSTEM, VISIT)
        done = await asyncio.gather(
            here.decide(made.change.id, JAN, VISIT, grant=True), there.decide(made.change.id, PIET, VISIT, grant=False),
            return_exceptions=True,
        )  # fmt: skip
    assert sorted(isinstance(each, ProposalError) for each in done) == [False, True]


async def test_a_decision_comes_after_all_that_was_decided_before_whatever_the_clock_says(door: Door):
    known = await registry(door)
    first = await detail(known, {"naam": "Eerste"})
    ahead = max(each.decided_at or 0 for each in await known.concerning({HOOFD.code})) + DAY
    async with writing(door.engine) as db:  # decided at a gateway with a clock that runs ahead
        await db.execute(sa.update(changes).where(changes.c.id == first).values(decided_at=ahead))
    await detail(await registry(door), {"naam": "Tweede"})
    assert (await registry(door)).now.parties.by_code[HOOFD.code].name == "Tweede"


async def test_nobody_can_fill_the_table_with_proposals(door: Door):
    known = await registry(door)
    for number in range(MOST_OPEN):
        await known.propose(f"partij/{HOOFD.code}", "gegevens", {"naam": f"Brug {number}"}, SYSTEM, VISIT)
    with pytest.raises(ProposalError, match="wachten al"):
        await known.propose(f"partij/{HOOFD.code}", "gegevens", {"naam": "Nog een"}, SYSTEM, VISIT)


async def test_who_has_a_certificate_that_ends_soon_is_told_once_for_each_bound(door: Door, tmp_path: Path):
    known = await registry(door)
    pem = {"certificaat": certificate(tmp_path, "kort", days=20)}
    made = await known.propose(f"partij/{HOOFD.code}", "certificaat", pem, SYSTEM, VISIT)
    await known.decide(made.change.id, PIET, VISIT, grant=True)
    await known.load(BASE)
    [until] = known.now.parties.by_code[HOOFD.code].ends.values()
    for left in (40, 20, 19, 10, 2, 1):
        await known.tend(lambda: writing(door.engine), until - left * DAY)
    async with door.engine.connect() as db:
        told = await notices_of(db, {HOOFD.code, ONDER.code}, after=0, count=9, unseen=True)
    assert [(each.party, each.due_at) for each in told] == [(HOOFD.code, until)] * 4
    assert [(until - each.at) // DAY for each in told] == [20, 10, 2, 1]


async def test_a_contact_is_let_go_a_year_after_another_took_his_place(door: Door):
    known = await registry(door)
    first = await detail(known, {"naam": "De Brug", "contact": CONTACT})
    second = await detail(known, {"contact": {**CONTACT, "naam": "Ander Persoon"}})
    refused = await known.propose(f"partij/{HOOFD.code}", "gegevens", {"contact": CONTACT}, SYSTEM, VISIT)
    await known.decide(refused.change.id, PIET, VISIT, grant=False, reason="x")
    before, now = known.now, max(each.decided_at or 0 for each in await known.concerning({HOOFD.code}))

    await known.tend(lambda: writing(door.engine), now + KEPT - DAY)
    assert all("contact" in each.value for each in await known.concerning({HOOFD.code}))
    await known.tend(lambda: writing(door.engine), now + KEPT + 1)
    left = {each.id: each.value for each in await known.concerning({HOOFD.code})}
    assert left == {first: {"naam": "De Brug"}, second: {"contact": {**CONTACT, "naam": "Ander Persoon"}}}
    assert (await registry(door)).now == before
