"""The file of one person: all of it, or an alarm; who is involved, and who received which data."""

import json

import pytest
import sqlalchemy as sa
from door import HOOFD, ONDER, PUSHED, VISIT
from overseeing import CLIENT, asking, both, exchanged, file_of, officer, question
from sqlalchemy.ext.asyncio import AsyncEngine

from audit import log
from gateway import tables
from gateway.commit import writing
from gateway.oversight import dossier, lines, search
from gateway.oversight.lines import Content, Line
from gateway.oversight.person import completeness

__all__ = ["both"]


def line(number: int, *, subject: str = CLIENT, content: Content = Content.OPEN) -> Line:
    return Line(
        leaf="", index=number, at=number, event="bericht.gelezen", title="", role="ontvanger", outcome="geslaagd",
        purpose="", emergency=False, trace="", content=content, number=number, subject=subject,
    )  # fmt: skip


async def test_a_file_says_that_it_is_whole(both):
    door, desk = both
    await exchanged(door, "A1")
    found = await file_of(desk)

    assert found.completeness.whole
    assert found.completeness.verdict == "3 regels, nummers 1 t/m 3, compleet."
    assert [line.number for line in found.lines] == [3, 2, 1]
    assert [line.event for line in found.lines] == ["logboek.doorzocht", "bericht.gelezen", "bericht.ontvangen"]


async def test_a_file_tells_when_its_numbers_were_last_held_against_the_log(both, engine: AsyncEngine):
    _, desk = both
    assert (await file_of(desk)).compared is None
    told = json.dumps({"controles": [{"controle": "V20", "oordeel": "fout"}]})
    run = {"officer": "a", "seen_at": 7, "done": 1, "total": 1, "verdict": 1}
    async with writing(engine) as db:
        await db.execute(sa.insert(tables.checks).values(id="1" * 32, asked_at=5, ended_at=7, report=told, **run))
        await db.execute(sa.insert(tables.checks).values(id="2" * 32, asked_at=8, **run))  # has not ended
    assert (await file_of(desk)).compared == (7, "fout")


async def test_reading_a_file_is_in_the_next_one(both):
    door, desk = both
    await exchanged(door, "A1")
    await file_of(desk, purpose="inzage", reason="verzoek van de cliënt")
    found = await file_of(desk)

    assert [line.event for line in found.lines[:3]] == ["logboek.doorzocht", "dossier.ingezien", "logboek.doorzocht"]
    assert found.lines[1].reason == "verzoek van de cliënt"
    [header] = [header for event, header, _ in await door.logged() if event == "dossier.ingezien"][:1]
    assert (header["lines"], header["purpose"]) == (3, "inzage")


@pytest.mark.parametrize(
    ("what", "missing", "wrong"),
    [
        ("the line", ((2, 2),), ()),
        ("the number", ((2, 2),), ()),
        ("another line", (), (2,)),
        ("another number", ((2, 2), (5, 8)), (9,)),
    ],
)
async def test_a_line_that_was_left_out_is_an_alarm(both, engine: AsyncEngine, what: str, missing, wrong):
    door, desk = both
    await exchanged(door, "A1")
    await exchanged(door, "A2")
    async with writing(engine) as db:
        row, mine = log.subject_lines.c, log.subjects.c.party == HOOFD.code
        person = (await db.execute(sa.select(log.subjects.c.id).where(mine))).scalar_one()
        second, fourth = ((row.subject == person) & (row.seq == number) for number in (2, 4))
        leaf = (await db.execute(sa.select(row.leaf).where(second))).scalar_one()
        match what:
            case "the line":
                await db.execute(sa.delete(log.entries).where(log.entries.c.leaf == leaf))
            case "the number":
                await db.execute(sa.delete(log.subject_lines).where(second))
            case "another line":
                other = sa.select(row.leaf).where(fourth).scalar_subquery()
                await db.execute(sa.update(log.subject_lines).where(second).values(leaf=other))
            case "another number":
                await db.execute(sa.update(log.subject_lines).where(second).values(seq=9))
    told = (await file_of(desk)).completeness
    assert not told.whole
    assert told.verdict.startswith("Niet compleet. Nummers 2")
    assert (told.missing, told.wrong) == (missing, wrong)


def test_gaps_and_strange_numbers_are_named():
    told = completeness([(1, line(1)), (2, None), (3, None), (5, line(5)), (6, line(7)), (7, line(7))], CLIENT)
    assert told.missing == ((2, 4),)
    assert told.wrong == (6,)
    assert told.verdict == (
        "Niet compleet. Nummers 2 t/m 4 ontbreken. Nummers 6 kloppen niet. "
        "Meld dit als incident en laat het logboek controleren."
    )


def test_a_line_about_another_person_and_one_that_does_not_open_are_wrong():
    told = completeness([(1, line(1, subject="999900031")), (2, line(2, content=Content.BROKEN))], CLIENT)
    assert told.wrong == (1, 2)


def test_what_was_destroyed_after_its_term_counts_as_there():
    told = completeness([(1, line(1, content=Content.DESTROYED)), (2, line(2))], CLIENT)
    assert told.whole
    assert told.verdict.endswith("Van 1 is de inhoud na de bewaartermijn vernietigd.")

    told = completeness([(1, None), (2, None), (3, line(3))], CLIENT, destroyed=[1])
    assert told.missing == ((2, 2),)
    assert (told.count, told.destroyed) == (2, 1)


async def test_a_file_tells_which_parties_are_involved_since_when_and_who_received_what(both):
    door, desk = both
    first = await exchanged(door, "A1")
    second = await exchanged(door, "A2", sender=HOOFD.code, receiver=PUSHED.code)
    await door.pickup.fetch(first, ONDER, VISIT)
    await door.pickup.fetch(first, HOOFD, VISIT)
    found = await file_of(desk)

    assert [each.name for each in found.involved] == [HOOFD.name, ONDER.name, PUSHED.name]
    assert [each.messages for each in found.involved] == [2, 1, 1]
    assert found.involved[0].since <= found.involved[2].since
    assert [(each.name, each.message, each.times) for each in found.received] == [
        (ONDER.name, first, 2),
        (PUSHED.name, second, 1),
    ]
    other = await file_of(desk, who=officer(party=PUSHED.code))
    assert [each.name for each in other.involved] == [HOOFD.name, PUSHED.name]


async def test_a_client_reads_which_organisation_it_was_and_not_which_employee(both):
    door, desk = both
    await exchanged(door, "A1")
    await file_of(desk, reason="omdat mevrouw Achternaam dat vroeg")
    own, told = await file_of(desk), await file_of(desk, client=True)

    looked = next(line for line in own.lines if line.event == "dossier.ingezien")
    assert looked.by == officer().login
    assert looked.access_point == "192.0.2.7"
    assert {line.by for line in told.lines} == {""}
    assert {line.access_point for line in told.lines} == {""}
    assert {line.reason for line in told.lines} == {""}
    looked = next(line for line in told.lines if line.event == "dossier.ingezien")
    assert (looked.organisation, looked.role) == (HOOFD.name, "functionaris gegevensbescherming")


async def test_lines_of_one_kind_on_one_day_may_be_told_as_one(both):
    door, desk = both
    for number in range(3):
        await exchanged(door, f"A{number}")
    found = await file_of(desk, client=True)
    days = lines.by_day(found.lines)

    assert sorted(len(group) for group in days) == [1, 3, 3]
    assert sum(map(len, days)) == len(found.lines)
    assert {line.event for line in max(days, key=len)} <= {"bericht.ontvangen", "bericht.gelezen"}


async def test_a_period_shows_less_and_the_whole_is_still_judged(both):
    door, desk = both
    await exchanged(door, "A1")
    found = await file_of(desk, until="2020-01-01")
    assert found.lines == []
    assert found.completeness.verdict == "3 regels, nummers 1 t/m 3, compleet."


async def test_a_person_who_is_not_known_has_a_file_with_the_question_alone(both):
    _, desk = both
    found = await file_of(desk)
    assert [line.event for line in found.lines] == ["logboek.doorzocht"]


async def test_taking_a_file_away_is_a_line_of_its_own(both):
    door, desk = both
    await exchanged(door, "A1")
    asks = asking(officer())
    trace = await search.ask(desk, asks, question(bsn=CLIENT), kind=dossier.KIND)
    found, leaf = await dossier.export(desk, asks, trace, client=True)

    assert found.completeness.whole
    [(header, payload)] = [(h, p) for event, h, p in await door.logged() if event == "dossier.geexporteerd"]
    assert (header["lines"], payload["object"]) == (3, CLIENT)
    async with desk.reading() as db:
        assert (await db.execute(sa.select(log.entries.c.event).where(log.entries.c.leaf == leaf))).scalar() == (
            "dossier.geexporteerd"
        )
    assert await dossier.export(desk, asking(officer(), session=b"t" * 32), trace, client=True) is None
    assert await search.page(desk, asks, trace, None) is None  # a question of another kind


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("gewoon, naïef", "gewoon, naïef"),
        ("abc\u202ecba", "abc[U+202E]cba"),
        ("a\u2066b\u2069", "a[U+2066]b[U+2069]"),
        ("regel\r\nregel\tx", "regel regel x"),
        ("\x00\x1b[31m\u200b", "[U+0000][U+001B][31m[U+200B]"),
    ],
)
def test_nothing_hides_in_text_of_others(text, told):
    assert lines.visible(text) == told
