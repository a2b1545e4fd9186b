"""Incidents: the terms that the law sets, what may be done when, and that each step is a line in the log."""

import json
from dataclasses import replace

import pytest
import sqlalchemy as sa

from audit import log
from gateway.oversight import casebook
from gateway.oversight.desk import Asking, Desk
from gateway.oversight.incidents import (
    HOUR,
    NEEDED,
    QUESTIONS,
    Answers,
    Incident,
    State,
    Step,
    after,
    fault,
    lasting,
    overdue,
    report,
    terms,
    wrong,
)
from gateway.oversight.rights import OPERATOR, Officer, Role
from gateway.oversight.sessions import Session
from tests.door import ORIGIN, opened

OURS, THEIRS = "98000001", "98000002"
NOW = 1_795_000_000_000
FULL = Answers.of(dict.fromkeys(QUESTIONS, "Bekend."))
LEAK = Incident(
    id="ab" * 16, party=OURS, kind="gelekt", state=State.TOLD, found_at=NOW, changed_at=NOW,
    answers=Answers(nature="Een medewerker las wat hij niet hoefde te lezen."),
)  # fmt: skip


def step(incident, what, answers=FULL, *, at=NOW + HOUR):
    return after(incident, what, answers, who="fg.een", reason="Omdat het moet.", at=at)


def test_the_supervisor_must_be_told_within_72_hours_of_finding_out():
    (ap,) = terms(LEAK)
    assert (ap.due - LEAK.found_at, ap.words(NOW + HOUR)) == (72 * HOUR, "nog 2 dagen en 23 uur")
    assert ap.words(NOW + 72 * HOUR) == "nog 0 uur en 0 minuten"
    assert ap.words(NOW + 73 * HOUR) == "1 uur en 0 minuten te laat"


def test_under_the_cyberbeveiligingswet_the_csirt_is_warned_in_24_hours_and_told_in_72():
    _, early, full = terms(replace(LEAK, cbw=True))
    assert [(each.due - NOW) // HOUR for each in (early, full)] == [24, 72]


def test_a_term_that_was_met_stands_still():
    (ap,) = terms(step(LEAK, Step.AP))
    assert (ap.words(NOW + 99 * HOUR), ap.share(NOW + 99 * HOUR)) == ("op tijd gedaan", 1)
    (late,) = terms(step(LEAK, Step.AP, at=NOW + 74 * HOUR))
    assert late.words(NOW + 99 * HOUR) == "gedaan, 2 uur en 0 minuten te laat"


def test_where_there_is_no_risk_the_supervisor_need_not_be_told():
    (ap,) = terms(step(LEAK, Step.NO_AP))
    assert ap.words(NOW + 99 * HOUR) == "hoeft niet"


@pytest.mark.parametrize(("hours", "share"), [(0, 0), (36, 50), (72, 100), (100, 100), (-1, 0)])
def test_the_bar_shows_how_much_of_the_term_is_gone(hours, share):
    assert terms(LEAK)[0].share(NOW + hours * HOUR) == share


@pytest.mark.parametrize(
    ("minutes", "words"),
    [(0, "0 uur en 0 minuten"), (61, "1 uur en 1 minuut"), (1440, "1 dag en 0 uur"), (3000, "2 dagen en 2 uur")],
)
def test_a_while_is_told_in_its_two_largest_units(minutes, words):
    assert lasting(minutes * 60_000) == words


def test_the_supervisor_is_told_only_what_is_complete():
    assert "Welke groepen mensen raakt het?" in fault(LEAK, Step.AP)
    assert fault(replace(LEAK, answers=FULL), Step.AP) == ""
    for name in NEEDED:
        assert QUESTIONS[name][0] in fault(replace(LEAK, answers=replace(FULL, **{name: ""})), Step.AP)


def test_an_incident_is_closed_only_when_no_term_runs():
    case = replace(LEAK, cbw=True, answers=FULL)
    assert "Autoriteit Persoonsgegevens" in fault(case, Step.CLOSE)
    case = step(step(case, Step.NO_AP), Step.EARLY)
    assert "CSIRT, volledige melding" in fault(case, Step.CLOSE)
    closed = step(step(case, Step.CSIRT), Step.CLOSE)
    assert (closed.state, closed.is_open) == (State.CLOSED, False)
    assert "gesloten" in fault(closed, Step.NOTE)


def test_who_does_not_fall_under_the_cyberbeveiligingswet_tells_the_csirt_nothing():
    assert "hoeft u niets" in fault(LEAK, Step.EARLY)


def test_all_that_is_wrong_with_a_new_incident_is_told_at_once():
    case = replace(LEAK, kind="", found_at=NOW + 1, since_at=NOW + 2, until_at=NOW, answers=Answers(data="x" * 4001))
    assert wrong(case, NOW).keys() == {"kind", "found_at", "since_at", "until_at", "data", "nature"}
    assert wrong(replace(LEAK, since_at=NOW - 2, until_at=NOW - 1), NOW) == {}


def test_the_report_has_what_the_regulation_asks_in_its_order():
    told = report(LEAK, "poort", "2026-11-22T10:00:00Z")
    assert [each["artikel"] for each in told["vragen"]][:7] == [f"art. 33 lid 3 {c}" for c in "aaaabcd"]
    assert len(told["ontbreekt"]) == len(NEEDED) - 1
    assert json.dumps(told)


def test_a_term_that_runs_out_within_a_day_waits_for_somebody():
    assert overdue([LEAK], NOW) == 0
    assert overdue([LEAK], NOW + 49 * HOUR) == 1
    assert overdue([step(LEAK, Step.NO_AP)], NOW + 49 * HOUR) == 0


@pytest.fixture
async def desk(engine, tmp_path):
    async with opened(engine, tmp_path) as door:
        yield Desk(door.commit, door.keys, ORIGIN, tmp_path / "functionarissen.toml")


def asking(party=OURS, role=Role.FG, at=NOW):
    session = Session(id=b"s" * 32, officer="fg.een", began_at=at, seen_at=at, fresh_at=at, elevated_until=0, sid=None)
    officer = Officer(login="fg.een", name="Een", role=role, party=party)
    return Asking(officer=officer, session=session, at=at, trace="cd" * 16, address="192.0.2.0/24")


async def lines(desk):
    async with desk.reading() as db:
        rows = (await db.execute(sa.select(log.entries).order_by(log.entries.c.id))).all()
    opened = desk.keys.open_lines([(row.header, row.sealed) for row in rows], why="beheer")
    return [(row.event, json.loads(row.header)["trace"], told) for row, told in zip(rows, opened, strict=True)]


async def test_each_step_is_a_line_in_the_log_under_the_trace_of_the_incident(desk):
    new = await casebook.begin(desk, asking(), LEAK)
    told = await casebook.change(desk, asking(at=NOW + HOUR), new, Step.AP, FULL, reason="Het is een ernstig lek.")
    await casebook.change(desk, asking(at=NOW + 2 * HOUR), told, Step.CLOSE, FULL, reason="Alles is gedaan.")
    found = await lines(desk)
    assert [event for event, _, _ in found] == ["incident.gemeld", "incident.bijgewerkt", "incident.gesloten"]
    assert {trace for _, trace, _ in found} == {new.id}
    assert [told["reason"] for _, _, told in found] == [
        LEAK.answers.nature,
        "Het is een ernstig lek.",
        "Alles is gedaan.",
    ]
    assert {tuple(told["parties"]) for _, _, told in found} == {(OURS,)}


async def test_what_is_written_about_an_incident_is_sealed_and_read_back_once_that_is_logged(desk):
    new = await casebook.begin(desk, asking(), LEAK)
    async with desk.reading() as db:
        (row,) = (await db.execute(sa.select(casebook.table))).all()
    assert b"medewerker" not in repr(row).encode()
    found = await casebook.find(desk, asking(), new.id)
    assert found == new
    assert (await lines(desk))[-1][0] == "incident.ingezien"


async def test_an_incident_of_another_party_does_not_exist(desk):
    new = await casebook.begin(desk, asking(), LEAK)
    before = len(await lines(desk))
    assert await casebook.find(desk, asking(THEIRS), new.id) is None
    assert await casebook.listed(desk, asking(THEIRS)) == []
    assert await casebook.listed(desk, asking(OPERATOR, Role.OPS)) == []
    assert len(await lines(desk)) == before


async def test_an_incident_of_the_gateway_itself_is_there_for_everybody(desk):
    id_ = await desk.do(lambda db: casebook.raised(db, desk, "aantasting", "Het logboek is veranderd.", NOW))
    assert [each.id for each in await casebook.listed(desk, asking())] == [id_]
    assert (await casebook.find(desk, asking(THEIRS), id_)).answers.nature == "Het logboek is veranderd."


async def test_of_two_who_change_an_incident_at_once_the_second_must_look_again(desk):
    new = await casebook.begin(desk, asking(), LEAK)
    await casebook.change(desk, asking(at=NOW + 1), new, Step.NOTE, FULL, reason="De een.")
    before = len(await lines(desk))
    with pytest.raises(casebook.ChangedError):
        await casebook.change(desk, asking(at=NOW + 1), new, Step.NOTE, FULL, reason="De ander.")
    assert len(await lines(desk)) == before
    assert (await casebook.find(desk, asking(), new.id)).notes[-1].reason == "De een."
