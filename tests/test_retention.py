"""What is past its term goes: proposed by the gateway, agreed to by two, and told by an entry that outlives it."""

import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from audit import log
from audit.seal import SealError
from gateway import cli, setup
from gateway.commit import writing
from gateway.invented import message
from gateway.oversight.desk import Asking
from gateway.oversight.rights import OPERATOR, Role
from gateway.pickup import DestroyedError
from gateway.retention import holds, orders, policy
from gateway.retention.certificate import certificate
from gateway.retention.decide import Stage
from gateway.retention.nightly import Retention
from gateway.retention.orders import Erasure, NotAllowedError
from gateway.tables import erasure_items, messages
from gateway.trail import What
from tests.door import HOOFD, ONDER, ORIGIN, VISIT, Door, opened
from tests.overseeing import asking
from tests.overseeing import officer as overseer

DAY, YEAR = timedelta(days=1), timedelta(days=366)


def officer(login: str, role: Role = Role.ERASURE_APPROVER, party: str = OPERATOR) -> Asking:
    return asking(overseer(role, party, login))


ANNA, BRAM, CARLA = officer("anna"), officer("bram"), officer("carla")
FG = officer("fg", Role.FG)


@dataclass(frozen=True, slots=True)
class Keeper:
    """A gateway with what keeps and destroys for it."""

    door: Door
    retention: Retention
    archives: list[str]

    @contextlib.asynccontextmanager
    async def writing(self) -> AsyncIterator[Any]:
        async with writing(self.door.engine) as db:
            yield db

    async def delivered(self, *numbers: str, sample: str = "ho301-gewoon") -> list[str]:
        ids = []
        for number in numbers:
            id_ = (await self.door.accepted(message(sample, number)))["berichtId"]
            await self.door.pickup.fetch(id_, ONDER, VISIT)
            await self.door.pickup.confirm([id_], ONDER, VISIT)
            ids.append(id_)
        return ids

    async def proposals(self, after: timedelta) -> dict[str, Erasure]:
        """What is proposed so long from now, by class."""
        await self.retention.propose(datetime.now(UTC) + after)
        async with self.door.engine.connect() as db:
            found = await orders.listed(db, self.door.keys, None, Stage.PROPOSED, Stage.APPROVED)
        return {each.class_: each for each in found if each.kind == "termijn"}

    async def approve(self, id_: str, *people: Asking) -> Erasure:
        for person in people:
            async with self.writing() as db:
                found = await orders.approve(db, self.door.keys, ORIGIN, id_, person)
        return found

    async def destroyed(self) -> int:
        return sum([count async for _, count in self.retention.destroy()])

    async def bodies(self) -> dict[str, bool]:
        """Which messages still have their content."""
        async with self.door.engine.connect() as db:
            rows = (await db.execute(sa.select(messages))).all()
        for row in rows:
            parts = {row.sealed_body is None, row.wrapped_key is None, row.sealed_subjects is None}
            assert len(parts) == 1, "a message is whole or its content is gone"
        return {row.id: row.sealed_body is not None for row in rows}

    async def rows(self, statement: sa.Select[Any]) -> Sequence[Any]:
        async with self.door.engine.connect() as db:
            return (await db.execute(statement)).all()


@pytest.fixture
async def keeper(engine: AsyncEngine, tmp_path: Path) -> AsyncIterator[Keeper]:
    async with opened(engine, levels=()) as door:
        archives: list[str] = []
        retention = Retention(
            engine=engine, writing=lambda: writing(engine), keys=door.keys, origin=ORIGIN, policy=policy.standard(),
            archives=lambda: archives,
        )  # fmt: skip
        yield Keeper(door, retention, archives)


async def test_nothing_goes_before_its_term_or_before_two_agreed(keeper: Keeper):
    (id_,) = await keeper.delivered("A1")
    assert await keeper.proposals(59 * DAY) == {}

    proposal = (await keeper.proposals(61 * DAY))["transport"]
    assert (proposal.count, proposal.state, proposal.requester) == (1, "voorgesteld", "")
    assert await keeper.destroyed() == 0
    assert (await keeper.approve(proposal.id, ANNA)).state == "voorgesteld"
    assert await keeper.destroyed() == 0
    assert await keeper.bodies() == {id_: True}

    assert (await keeper.approve(proposal.id, BRAM)).state == "goedgekeurd"
    assert await keeper.destroyed() == 1
    assert await keeper.bodies() == {id_: False}


@pytest.mark.parametrize(
    ("who", "says"),
    [
        ([ANNA, ANNA], "Een ander moet het ook doen"),
        ([FG], "Alleen een vernietigingsbeoordelaar"),
        ([officer("dirk", party="98000001")], "van deze partij"),
        ([ANNA, BRAM, CARLA], "al beslist"),
    ],
)
async def test_who_may_not_agree_hears_why_and_changes_nothing(keeper: Keeper, who: list[Asking], says: str):
    await keeper.delivered("A1")
    proposal = (await keeper.proposals(61 * DAY))["transport"]
    with pytest.raises(NotAllowedError, match=says):
        await keeper.approve(proposal.id, *who)
    told = [payload["actor"] for event, _, payload in await keeper.door.logged() if event == What.APPROVED]
    assert told == [person.officer.login for person in who[:-1]]


async def test_every_step_is_a_line_in_the_log_and_a_client_finds_it_among_hers(keeper: Keeper):
    (id_,) = await keeper.delivered("A1")
    proposal = (await keeper.proposals(61 * DAY))["transport"]
    await keeper.approve(proposal.id, ANNA, BRAM)
    await keeper.destroyed()

    lines = [
        (event, header, payload)
        for event, header, payload in await keeper.door.logged()
        if header["trace"] == proposal.id
    ]
    assert [(event, payload["actor"]) for event, _, payload in lines] == [
        ("vernietiging.voorgesteld", ORIGIN),
        ("vernietiging.goedgekeurd", "anna"),
        ("vernietiging.goedgekeurd", "bram"),
        ("vernietiging.uitgevoerd", ORIGIN),
    ]
    _, header, payload = lines[-1]
    assert (header["message"], header["object_type"], payload["object"]) == (id_, "bsn", "999900006")
    assert payload["approvers"] == ["anna", "bram"]
    assert payload["seq"].keys() == {"98000001", "98000002"}
    assert "60 dagen" in payload["reason"]


async def test_of_a_destroyed_message_the_state_and_the_receipt_are_left_and_a_copy_is_known(keeper: Keeper):
    (id_,) = await keeper.delivered("A1")
    proposal = (await keeper.proposals(61 * DAY))["transport"]
    await keeper.approve(proposal.id, ANNA, BRAM)
    await keeper.destroyed()
    lines = len(await keeper.door.logged())

    for party in (HOOFD, ONDER):
        with pytest.raises(DestroyedError):
            await keeper.door.pickup.fetch(id_, party, VISIT)
        assert (await keeper.door.pickup.status(id_, party))["status"] == "Bezorgd"
        assert (await keeper.door.pickup.receipt(id_, party))["berichtId"] == id_
    assert len(await keeper.door.logged()) == lines, "nobody read anything"
    assert (await keeper.door.accepted(message("ho301-gewoon", "A1")))["berichtId"] == id_
    assert (await keeper.door.pickup.confirm([id_], ONDER, VISIT))["bevestigd"] == [id_]


async def test_a_message_that_nobody_confirmed_is_not_past_its_term(keeper: Keeper):
    await keeper.door.accepted(message("ho301-gewoon", "A1"))
    assert "transport" not in await keeper.proposals(10 * YEAR)


async def test_a_longer_list_takes_the_place_of_one_that_nobody_touched(keeper: Keeper):
    await keeper.delivered("A1")
    first = (await keeper.proposals(61 * DAY))["transport"]
    assert (await keeper.proposals(61 * DAY))["transport"].id == first.id, "nothing new: no new list"
    await keeper.delivered("A2")
    second = (await keeper.proposals(61 * DAY))["transport"]
    assert (first.count, second.count) == (1, 2)
    with pytest.raises(NotAllowedError, match="al beslist: vervangen"):
        await keeper.approve(first.id, ANNA)

    await keeper.approve(second.id, ANNA)
    await keeper.delivered("A3")
    async with keeper.door.engine.connect() as db:
        before = await orders.get(db, keeper.door.keys, second.id)
    third = (await keeper.proposals(61 * DAY))["transport"]
    assert (before.state, third.count) == ("voorgesteld", 1), "what one agreed to stays as it is"


async def test_what_is_rejected_stays_and_is_proposed_again(keeper: Keeper):
    (id_,) = await keeper.delivered("A1")
    proposal = (await keeper.proposals(61 * DAY))["transport"]
    async with keeper.writing() as db:
        await orders.reject(db, keeper.door.keys, ORIGIN, proposal.id, ANNA, why="nog een vraag")
    assert await keeper.destroyed() == 0
    assert await keeper.bodies() == {id_: True}
    again = (await keeper.proposals(61 * DAY))["transport"]
    assert (again.state, again.count) == ("voorgesteld", 1)


async def test_a_standing_order_of_two_lets_a_class_go_each_night_until_it_ends(keeper: Keeper):
    await keeper.delivered("A1")
    end = orders.now() + 60_000
    async with keeper.writing() as db:
        order = await orders.ask_standing(
            db, keeper.door.keys, ORIGIN, FG, policy=policy.standard(), class_="transport", until=end, why="elke nacht"
        )
    assert (await keeper.proposals(61 * DAY))["transport"].state == "voorgesteld", "not yet agreed to"
    await keeper.approve(order, ANNA, BRAM)

    tonight = (await keeper.proposals(61 * DAY))["transport"]
    assert (tonight.state, tonight.under, tonight.approvals) == ("goedgekeurd", order, ("anna", "bram"))
    assert await keeper.destroyed() == 1

    async with keeper.writing() as db:
        ended = await orders.reject(db, keeper.door.keys, ORIGIN, order, CARLA, why="genoeg")
    assert ended.state == "ingetrokken"
    await keeper.delivered("A2")
    assert (await keeper.proposals(61 * DAY))["transport"].state == "voorgesteld"


@pytest.mark.parametrize("which", ["bericht", "persoon", "periode"])
async def test_what_is_held_is_not_proposed_and_what_was_agreed_to_is_passed_over(keeper: Keeper, which: str):
    held, free = await keeper.delivered("A1", "A2") if which == "bericht" else (await keeper.delivered("A1"), None)
    held = held if which == "bericht" else held[0]
    proposal = (await keeper.proposals(61 * DAY))["transport"]
    await keeper.approve(proposal.id, ANNA, BRAM)
    what: dict[str, Any] = {
        "bericht": {"message": held},
        "persoon": {"bsn": "999900006"},
        "periode": {"first_at": orders.now() - 60_000, "last_at": orders.now()},
    }[which]
    fg = officer("fg-hoofd", Role.FG, HOOFD.code)
    async with keeper.writing() as db:
        hold = await holds.hold(db, keeper.door.keys, ORIGIN, fg, why="rechtszaak", **what)

    assert await keeper.destroyed() == (1 if free else 0)
    assert (await keeper.bodies())[held]
    assert "transport" not in await keeper.proposals(61 * DAY)
    assert not await keeper.rows(sa.select(erasure_items).where(erasure_items.c.kind == "bericht"))

    async with keeper.writing() as db:
        await holds.lift(db, keeper.door.keys, ORIGIN, hold, fg, why="klaar")
    assert (await keeper.proposals(61 * DAY))["transport"].count == 1
    events = [event for event, _, _ in await keeper.door.logged()]
    assert events.count("bewaring.ingesteld") == events.count("bewaring.opgeheven") == 1


async def test_log_lines_go_after_five_years_with_all_they_were_found_by_and_the_tree_stays(keeper: Keeper):
    await keeper.delivered("A1")
    await keeper.door.sequence()
    proposals = await keeper.proposals(61 * DAY)
    await keeper.approve(proposals["transport"].id, ANNA, BRAM)
    await keeper.destroyed()
    await keeper.door.sequence()
    before = await keeper.rows(sa.select(log.entries).order_by(log.entries.c.idx))
    assert "logboek" not in await keeper.proposals(5 * 365 * DAY)

    proposal = (await keeper.proposals(5 * YEAR + DAY))["logboek"]
    last = max(row.idx for row in before)
    assert proposal.count == last + 1
    await keeper.approve(proposal.id, ANNA, BRAM)
    assert await keeper.destroyed() == last + 1

    after = await keeper.rows(sa.select(log.entries).order_by(log.entries.c.id))
    gone = [row for row in after if row.sealed is None]
    assert [row.header for row in gone] == [row.header for row in before]
    assert {row.actor for row in gone} == {b""}
    named = [json.loads(row.header)["erases"] for row in after if b'"erases"' in row.header]
    assert named == [[[0, last]]]
    assert not await keeper.rows(sa.select(log.subject_lines))
    assert not await keeper.rows(sa.select(log.subjects))


async def test_a_number_of_a_destroyed_line_is_never_given_again_while_another_line_about_the_person_stays(
    keeper: Keeper,
):
    await keeper.delivered("A1")
    await keeper.door.accepted(message("ho301-gewoon", "A2"))  # its lines stay as long as its content
    await keeper.door.sequence()
    proposals = await keeper.proposals(61 * DAY)
    await keeper.approve(proposals["transport"].id, ANNA, BRAM)
    await keeper.destroyed()
    await keeper.door.sequence()
    proposal = (await keeper.proposals(5 * YEAR + DAY))["logboek"]
    await keeper.approve(proposal.id, ANNA, BRAM)
    await keeper.destroyed()

    before = await keeper.rows(sa.select(log.subject_lines.c.seq, log.subject_lines.c.leaf))
    await keeper.door.accepted(message("ho301-gewoon", "A3"))
    after = await keeper.rows(sa.select(log.subject_lines.c.seq, log.subject_lines.c.leaf))
    assert sorted({row.seq for row in after} - {row.seq for row in before}) == [max(row.seq for row in before) + 1]
    assert {bool(row.leaf) for row in before} == {True, False}, "of what was destroyed only the number is left"


async def test_a_line_about_a_message_stays_as_long_as_the_message(keeper: Keeper):
    await keeper.door.accepted(message("ho301-gewoon", "A1"))
    await keeper.door.sequence()
    assert "logboek" not in await keeper.proposals(6 * YEAR)


async def test_a_party_that_keeps_its_archive_here_has_the_long_terms(keeper: Keeper):
    await keeper.delivered("A1")
    keeper.archives.append(ONDER.code)
    assert not {"transport", "jw-dossier"} & (await keeper.proposals(19 * YEAR)).keys()
    found = await keeper.proposals(20 * YEAR + DAY)
    assert (found.keys() & {"transport", "jw-dossier", "wmo-dossier", "fiscaal"}) == {"jw-dossier"}


async def test_the_ledger_and_refusals_go_after_their_terms(keeper: Keeper):
    await keeper.delivered("A1")
    await keeper.door.refused(b"<onzin/>")
    found = await keeper.proposals(7 * YEAR + DAY)
    for class_ in ("grootboek", "weigeringen"):
        await keeper.approve(found[class_].id, ANNA, BRAM)
        assert await keeper.destroyed() == found[class_].count > 0
    assert not {"grootboek", "weigeringen"} & (await keeper.proposals(7 * YEAR + DAY)).keys()


async def certified(keeper: Keeper, id_: str) -> str:
    """What the certificate says of keys."""
    async with keeper.door.engine.connect() as db:
        told = await certificate(db, keeper.door.keys, ORIGIN, id_, policy=policy.standard())
    return str(told["blijftNog"]["sleutels"])


async def test_the_key_under_which_bodies_stood_is_destroyed_once_nothing_needs_it(keeper: Keeper):
    await keeper.delivered("A1", "A2")
    proposal = (await keeper.proposals(61 * DAY))["transport"]
    await keeper.approve(proposal.id, ANNA, BRAM)
    copies = await keeper.rows(sa.select(messages))
    await keeper.destroyed()
    await keeper.retention.sweep(datetime.now(UTC))
    await keeper.door.sequence()
    assert "dienen nog" in await certified(keeper, proposal.id)
    assert What.KEY_DESTROYED not in [event for event, _, _ in await keeper.door.logged()], "it may be in use now"

    await keeper.retention.sweep(datetime.now(UTC) + timedelta(hours=3))
    assert "uit een back-up niet meer open" in await certified(keeper, proposal.id)
    lines = [header for event, header, _ in await keeper.door.logged() if event == What.KEY_DESTROYED]
    assert {header["key_old"] for header in lines} == {copies[0].wrapped_key[4:12].hex()}

    with pytest.raises(SealError):
        keeper.door.keys.unwrap_all(
            [(row.wrapped_key, f"v1|messages|sealed_body|{row.id}".encode()) for row in copies], why="beheer"
        )


async def test_proposals_are_made_once_a_day_after_three_in_the_netherlands(keeper: Keeper):
    await keeper.delivered("A1")
    night = (datetime.now(UTC) + 70 * DAY).replace(hour=0, minute=30)
    await keeper.retention.look(night)
    assert not await keeper.rows(sa.select(erasure_items))
    await keeper.retention.look(night.replace(hour=2, minute=30))
    assert len(await keeper.rows(sa.select(erasure_items))) == 1
    await keeper.delivered("A2")
    await keeper.retention.look(night.replace(hour=12))
    assert len(await keeper.rows(sa.select(erasure_items))) == 1, "tomorrow is soon enough"
    await keeper.retention.look(night + DAY + timedelta(hours=3))
    assert len(await keeper.rows(sa.select(erasure_items))) == 2


def test_terms_below_what_the_law_asks_are_all_told_at_once():
    with pytest.raises(policy.TermsError) as told:
        policy.with_terms(
            '[logboek]\ntermijn = "4 jaar"\n[fiscaal]\ntermijn = "300 dagen"\n[dossiers]\n[transport]\ntermijn = 30'
        )
    assert str(told.value).splitlines()[0] == (
        "[logboek]: de termijn is ten minste 5 jaar (NEN 7513 en Stcrt. 2019, 38007: ten minste vijf jaar, en niet"
        " langer dan het dossier)."
    )
    assert len(str(told.value).splitlines()) == 4


def test_an_operator_may_choose_another_term_within_the_bounds():
    chosen = policy.with_terms('[transport]\ntermijn = "30 dagen"')
    assert str(chosen["transport"].term) == "30 dagen"
    assert str(chosen["zittingen"].term) == "1 dag"
    assert {**chosen, "transport": None} == {**policy.standard(), "transport": None}


@pytest.mark.parametrize(
    ("code", "at", "cutoff"),
    [
        ("transport", datetime(2026, 3, 1, tzinfo=UTC), datetime(2025, 12, 31, tzinfo=UTC)),
        ("logboek", datetime(2028, 2, 29, tzinfo=UTC), datetime(2023, 2, 28, tzinfo=UTC)),
        ("fiscaal", datetime(2033, 12, 31, tzinfo=UTC), datetime(2025, 12, 31, tzinfo=UTC)),
        ("fiscaal", datetime(2034, 1, 1, tzinfo=UTC), datetime(2026, 12, 31, tzinfo=UTC)),
    ],
)
def test_a_term_counts_back_from_today(code: str, at: datetime, cutoff: datetime):
    assert policy.standard()[code].cutoff(at) == cutoff.timestamp() * 1000


def test_a_gateway_does_not_start_on_terms_that_the_law_forbids(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = setup.new_gateway(
        tmp_path / "poort", origin="test", host="127.0.0.1", port=0, database="sqlite+aiosqlite:///p"
    )
    (path.parent / "bewaartermijnen.toml").write_text('[logboek]\ntermijn = "1 jaar"\n')
    assert cli.main(["draai", "--instellingen", str(path)]) == 2
    assert "ten minste 5 jaar" in capsys.readouterr().err
