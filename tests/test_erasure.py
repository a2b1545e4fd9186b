"""A person may ask that what is kept about them goes: they hear what can, what cannot and by what law; two agree."""

import re

import pytest
import sqlalchemy as sa

from gateway.history import opened as opened_records
from gateway.invented import message
from gateway.oversight.desk import Asking
from gateway.oversight.rights import Role
from gateway.retention import holds, orders, persons
from gateway.retention.orders import Erasure, NotAllowedError
from gateway.retention.persons import Inquiry
from gateway.retention.policy import standard
from gateway.tables import ledger
from tests.door import HOOFD, ONDER, ORIGIN, PARTIES, VISIT
from tests.test_retention import Keeper, keeper, officer

__all__ = ["keeper"]

BSN, OTHER_BSN = "999900006", "999900018"
FG = officer("fg-hoofd", Role.FG, HOOFD.code)
ANNA, BRAM = (officer(login, party=HOOFD.code) for login in ("anna-hoofd", "bram-hoofd"))


def inquiry(*bsns: str, archives: tuple[str, ...] = ()) -> Inquiry:
    return Inquiry(
        party=HOOFD.code, subjects=bsns or (BSN,), policy=standard(), archives=archives, parties=PARTIES.by_code.keys()
    )


def about(bsn: str, number: str, sample: str = "ho301-gewoon") -> bytes:
    return message(sample, number).replace(BSN.encode(), bsn.encode())


def ended(raw: bytes) -> bytes:
    """The same order, with an end in the past."""
    return re.sub(rb"(<(?:\w+:)?Einddatum>)[^<]*", rb"\g<1>2026-03-31", raw)


async def examined(keeper: Keeper, asked: Inquiry) -> list[persons.Part]:
    async with keeper.writing() as db:
        return await persons.examine(db, keeper.door.keys, asked)


async def ask(keeper: Keeper, asked: Inquiry, who: Asking = FG) -> str:
    async with keeper.writing() as db:
        return await persons.ask(db, keeper.door.keys, ORIGIN, who, asked, why="verzoek van 1 juni")


async def stays(keeper: Keeper, asked: Inquiry, id_: str) -> list[persons.Reason]:
    return list(next(part.stays for part in await examined(keeper, asked) if part.item == id_))


async def deliver(keeper: Keeper, raw: bytes) -> str:
    id_ = (await keeper.door.accepted(raw))["berichtId"]
    await keeper.door.pickup.fetch(id_, ONDER, VISIT)
    await keeper.door.pickup.confirm([id_], ONDER, VISIT)
    return str(id_)


async def erased(keeper: Keeper, id_: str) -> Erasure:
    await keeper.approve(id_, ANNA, BRAM)
    await keeper.destroyed()
    async with keeper.door.engine.connect() as db:
        return await orders.get(db, keeper.door.keys, id_)


async def test_only_what_is_about_the_person_goes_and_the_log_stays(keeper: Keeper):
    hers, another = await deliver(keeper, about(BSN, "A1")), await deliver(keeper, about(OTHER_BSN, "A2"))
    found = await examined(keeper, inquiry())
    assert [(part.kind, bool(part.stays)) for part in found] == [
        ("bericht", False), ("dossier", True), ("logregels", True),
    ]  # fmt: skip
    lines = found[-1]
    assert lines.title == "Alle regels in het logboek"
    assert "5 jaar" in lines.stays[0].text

    id_ = await ask(keeper, inquiry())
    done = await erased(keeper, id_)
    assert (done.state, done.subjects) == ("uitgevoerd", ())
    assert await keeper.bodies() == {hers: False, another: True}
    told = [payload for event, _, payload in await keeper.door.logged() if event == "vernietiging.uitgevoerd"]
    assert [(payload["object"], payload["requester"], payload["approvers"]) for payload in told] == [
        (BSN, "fg-hoofd", ["anna-hoofd", "bram-hoofd"])
    ]


async def test_a_message_that_is_under_way_stays(keeper: Keeper):
    id_ = (await keeper.door.accepted(about(BSN, "A1")))["berichtId"]
    assert await stays(keeper, inquiry(), id_) == [persons.UNDELIVERED]
    with pytest.raises(NotAllowedError, match="niets dat nu vernietigd kan worden"):
        await ask(keeper, inquiry())


async def test_what_is_held_stays(keeper: Keeper):
    id_ = await deliver(keeper, about(BSN, "A1"))
    async with keeper.writing() as db:
        await holds.hold(db, keeper.door.keys, ORIGIN, FG, why="rechtszaak", bsn=BSN)
    assert await stays(keeper, inquiry(), id_) == [persons.HELD]


async def test_a_message_about_more_clients_goes_only_when_all_of_them_ask(keeper: Keeper):
    raw = message("ho323-rijk", "D1", sender="98000002", receiver="98000001")
    clients = sorted({each.decode() for each in re.findall(rb"Bsn>([0-9]{9})<", raw)})
    id_ = (await keeper.door.accepted(raw, ONDER))["berichtId"]
    assert len(clients) > 1
    assert persons.OTHERS in await stays(keeper, inquiry(clients[0]), id_)
    assert persons.OTHERS not in await stays(keeper, inquiry(*clients), id_)


async def test_a_declaration_stays_until_it_is_answered_and_seven_years_in_an_archive(keeper: Keeper):
    raw = message("ho323-minimaal", "D1", sender="98000002", receiver="98000001")
    id_ = (await keeper.door.accepted(raw, ONDER))["berichtId"]
    assert await stays(keeper, inquiry(), id_) == [persons.UNDELIVERED, persons.UNANSWERED]
    assert await stays(keeper, inquiry(archives=(ONDER.code,)), id_) == [
        persons.UNDELIVERED, persons.UNANSWERED, persons.FISCAL,
    ]  # fmt: skip


async def test_what_the_other_party_keeps_as_its_archive_stays(keeper: Keeper):
    id_ = await deliver(keeper, about(BSN, "A1"))
    assert await stays(keeper, inquiry(archives=(ONDER.code,)), id_) == [persons.ARCHIVE]
    assert await stays(keeper, inquiry(archives=(HOOFD.code,)), id_) == []


async def records(keeper: Keeper) -> dict[str, bytes]:
    return dict(opened_records(keeper.door.keys, await keeper.rows(sa.select(ledger))))


@pytest.mark.parametrize(
    ("sample", "law"), [("ho301-gewoon", "Jeugdwet art. 7.3.9 lid 2"), ("ho301-wmo", "Wmo 2015 art. 5.3.5")]
)
async def test_a_dossier_stays_while_care_runs_by_its_own_law(keeper: Keeper, sample: str, law: str):
    await deliver(keeper, about(BSN, "A1", sample))
    (running,) = [part for part in await examined(keeper, inquiry()) if part.kind == "dossier"]
    assert running.stays[0].text == "Er loopt een opdracht of toewijzing."
    assert running.stays[0].law == law


async def test_a_dossier_whose_care_is_over_goes_with_every_trace_of_the_person(keeper: Keeper):
    await deliver(keeper, ended(about(BSN, "A1")))
    await deliver(keeper, about(OTHER_BSN, "A2").replace(b">1001<", b">1002<"))
    before = await records(keeper)
    assert any(BSN.encode() in key.encode() + record for key, record in before.items())

    await erased(keeper, await ask(keeper, inquiry()))
    after = await records(keeper)
    assert not [key for key, record in after.items() if BSN.encode() in key.encode() + record]
    assert any(OTHER_BSN in key for key in after)
    kept = {key for key in before if key.startswith("nummer/")}
    assert kept <= after.keys(), "that a number was used is still known"


@pytest.mark.parametrize(
    "who",
    [officer("nel", Role.AUDITOR, HOOFD.code), officer("fg-onder", Role.FG, ONDER.code), officer("fg-poort", Role.FG)],
)
async def test_only_an_officer_of_the_party_itself_may_ask(keeper: Keeper, who: Asking):
    await deliver(keeper, about(BSN, "A1"))
    with pytest.raises(NotAllowedError, match="van deze partij"):
        await ask(keeper, inquiry(), who)


async def test_who_asks_does_not_agree_to_it(keeper: Keeper):
    await deliver(keeper, about(BSN, "A1"))
    id_ = await ask(keeper, inquiry(), ANNA)
    with pytest.raises(NotAllowedError, match="beoordeelt haar niet zelf"):
        await keeper.approve(id_, BRAM, ANNA)
    assert await keeper.destroyed() == 0


async def test_another_party_sees_nothing_of_the_person_and_destroys_nothing(keeper: Keeper):
    await deliver(keeper, about(BSN, "A1"))
    stranger = Inquiry(
        party="98000008", subjects=(BSN,), policy=standard(), archives=(), parties=PARTIES.by_code.keys()
    )
    assert [part.title for part in await examined(keeper, stranger)] == ["Alle regels in het logboek"], "as of nobody"
