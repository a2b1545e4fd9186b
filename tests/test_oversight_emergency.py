"""Emergency access: taken with a reason, seen by all, over after an hour, reviewed by another; and what it opens."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from door import HOOFD, ONDER, STRANGER, VISIT
from overseeing import CLIENT, OTHER_CLIENT, asking, both, exchanged, officer, question
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.commit import writing
from gateway.invented import message
from gateway.oversight import emergency, search, sessions
from gateway.oversight.desk import Asking, Desk
from gateway.oversight.rights import Right, Role
from gateway.oversight.story import body, story
from gateway.tables import messages

__all__ = ["both"]

WHY = "crisis, de zaakbehandelaar is niet bereikbaar"


async def logged_in(desk: Desk, role: Role = Role.FG, login: str = "", *, cookie: str = "koekje") -> Asking:
    """Somebody with a session that stands in the database."""
    asks = asking(officer(role, login=login))
    await desk.do(lambda db: sessions.begin(db, cookie, asks.officer.login, asks.at))
    async with desk.reading() as db:
        session = await sessions.find(db, cookie, asks.at)
    assert session is not None
    return replace(asks, session=session)


async def again(desk: Desk, asks: Asking, *, cookie: str = "koekje", later: int = 0) -> Asking:
    """The next request in the same session."""
    at = asks.at + later
    await desk.do(lambda db: sessions.seen(db, asks.session.id, at))
    async with desk.reading() as db:
        session = await sessions.find(db, cookie, at)
    assert session is not None
    return replace(asking(asks.officer, at=at), session=session)


def told(logged, what: str):
    return [(header, payload) for event, header, payload in logged if event == what]


async def test_an_hour_of_access_begins_with_a_reason_and_every_line_meanwhile_says_so(both):
    door, desk = both
    await exchanged(door, "A1")
    ops = await logged_in(desk, Role.OPS)
    assert not ops.may(Right.SEARCH)
    await emergency.begin(desk, ops, WHY)
    ops = await again(desk, ops)
    assert ops.elevated
    assert ops.may(Right.SEARCH)

    trace = await search.ask(desk, ops, question(bsn=CLIENT))
    await search.page(desk, ops, trace, None)
    logged = await door.logged()
    [(header, payload)] = told(logged, "noodtoegang.begonnen")
    assert header["emergency"]
    assert payload["reason"] == WHY
    for event in ("logboek.doorzocht", "logboek.gelezen"):
        assert all(header["emergency"] for header, _ in told(logged, event))

    over = await again(desk, ops, later=0)
    assert not replace(over, at=over.at + emergency.HOUR).may(Right.SEARCH)


async def test_the_button_ends_it_at_once_and_the_three_lines_share_a_trace(both):
    door, desk = both
    fg = await logged_in(desk)
    await emergency.begin(desk, fg, WHY)
    fg = await again(desk, fg)
    await emergency.end(desk, fg)
    assert not (await again(desk, fg)).elevated
    other = asking(officer(login="fg-twee"))
    [one] = await emergency.of_party(desk, other)
    assert (one.officer, one.reason, one.ended_at) == (fg.officer.login, WHY, fg.at)
    assert await emergency.review(desk, other, one.trace, right=True, finding="het was nodig")

    logged = await door.logged()
    begun, ended, reviewed = (told(logged, f"noodtoegang.{each}") for each in ("begonnen", "geeindigd", "beoordeeld"))
    assert len(begun) == len(ended) == len(reviewed) == 1
    assert len({lines[0][0]["trace"] for lines in (begun, ended, reviewed)}) == 1
    assert ended[0][1]["reason"] == "zelf beëindigd"
    assert reviewed[0][1] | {"actor": "fg-twee", "reason": "terecht: het was nodig"} == reviewed[0][1]


async def test_it_ends_by_itself_and_that_is_told_once(both):
    door, desk = both
    fg = await logged_in(desk)
    await emergency.begin(desk, fg, WHY)
    await emergency.end_due(desk, fg.at + emergency.HOUR - 1)
    assert not told(await door.logged(), "noodtoegang.geeindigd")
    await asyncio.gather(*(emergency.end_due(desk, fg.at + emergency.HOUR + later) for later in (0, 1, 5)))
    [(header, payload)] = told(await door.logged(), "noodtoegang.geeindigd")
    assert payload["reason"] == "het uur was om"
    assert header["role"] == "fg"
    [one] = await emergency.of_party(desk, asking(officer(login="fg-twee")))
    assert one.ended_at == fg.at + emergency.HOUR


async def test_nobody_reviews_what_still_lasts_or_is_his_own_or_of_another_party_or_twice(both):
    door, desk = both
    fg = await logged_in(desk)
    await emergency.begin(desk, fg, WHY)
    [one] = await emergency.of_party(desk, fg)
    stranger, other = asking(officer(party=ONDER.code)), asking(officer(login="fg-twee"))

    assert not await emergency.review(desk, other, one.trace, right=True, finding="het duurt nog")
    await emergency.end(desk, fg)
    assert not await emergency.review(desk, fg, one.trace, right=True, finding="prima")
    assert not await emergency.review(desk, stranger, one.trace, right=True, finding="prima")
    assert not await emergency.review(desk, other, "0" * 32, right=True, finding="prima")
    assert await emergency.review(desk, other, one.trace, right=False, finding="niet nodig")
    assert not await emergency.review(desk, other, one.trace, right=True, finding="toch wel")
    [(_, payload)] = told(await door.logged(), "noodtoegang.beoordeeld")
    assert payload["reason"] == "niet terecht: niet nodig"
    assert list(await emergency.of_party(desk, stranger)) == []


@pytest.mark.parametrize(
    ("began", "last"),
    [("2026-11-16", "2026-11-23"), ("2026-11-20", "2026-11-27"), ("2026-11-21", "2026-11-27")],
)
def test_a_review_is_due_within_five_working_days(began, last):
    due = emergency.due(int(datetime.fromisoformat(f"{began}T10:00:00+00:00").timestamp() * 1000))
    assert datetime.fromtimestamp(due / 1000, UTC).isoformat(timespec="minutes") == f"{last}T21:59+00:00"


async def test_a_body_is_read_with_a_line_for_each_client_first(both):
    door, desk = both
    raw = message("ho323-rijk", "D1", sender=ONDER.code, receiver=HOOFD.code)
    id_ = (await door.accepted(raw, ONDER))["berichtId"]
    fg = await logged_in(desk)
    await emergency.begin(desk, fg, WHY)
    fg = await again(desk, fg)
    found = await body(desk, fg, id_, purpose="nood", reason=WHY)

    assert found.content == raw
    assert raw.decode() not in repr(found)
    lines = told(await door.logged(), "bericht.ingezien")
    assert {payload["object"] for _, payload in lines} == {CLIENT, OTHER_CLIENT}
    assert all(header["emergency"] and header["purpose"] == "nood" for header, _ in lines)


async def test_a_body_of_others_or_that_is_gone_does_not_exist_and_leaves_no_line(both, engine: AsyncEngine):
    door, desk = both
    id_ = await exchanged(door, "A1")
    why = {"purpose": "nood", "reason": WHY}
    assert await body(desk, asking(officer(party=STRANGER.code)), id_, **why) is None
    assert await body(desk, asking(officer()), "0" * 32, **why) is None
    async with writing(engine) as db:
        await db.execute(sa.update(messages).values(sealed_body=None, wrapped_key=None, sealed_subjects=None))
    assert await body(desk, asking(officer()), id_, **why) is None
    assert not told(await door.logged(), "bericht.ingezien")


async def test_the_story_of_a_message_tells_each_step_with_its_time(both):
    door, desk = both
    id_ = await exchanged(door, "A1")
    found = await story(desk, asking(officer()), id_)

    assert (found.sender, found.receiver, found.state) == (HOOFD.name, ONDER.name, "Bezorgd")
    assert [step.name for step in found.steps] == ["Ontvangen", "Gecontroleerd", "Aangeboden", "Bezorgd", "Beantwoord"]
    times = [step.at for step in found.steps[:4]]
    assert times == sorted(times)
    assert found.steps[4].at is None
    assert [line.event for line in found.lines] == [
        "bericht.ontvangen", "bericht.gelezen", "bericht.bevestigd", "logboek.doorzocht",
    ]  # fmt: skip
    assert [(line.organisation, line.role) for line in found.readers] == [(ONDER.name, "ontvanger")]
    assert {line.subject for line in found.lines} == {""}

    answer = (await door.accepted(message("ho302-akkoord", "R1", answers="A1"), ONDER))["berichtId"]
    found = await story(desk, asking(officer()), id_)
    assert found.answer == answer
    assert found.steps[4].at is not None
    assert (await story(desk, asking(officer()), answer)).answers == id_


async def test_a_message_about_many_clients_is_told_once_for_each_step(both):
    door, desk = both
    raw = message("ho323-rijk", "D1", sender=ONDER.code, receiver=HOOFD.code)
    id_ = (await door.accepted(raw, ONDER))["berichtId"]
    await door.pickup.fetch(id_, HOOFD, VISIT)
    found = await story(desk, asking(officer()), id_)
    assert [line.event for line in found.lines] == ["bericht.ontvangen", "bericht.gelezen", "logboek.doorzocht"]


async def test_who_of_the_other_party_looked_at_a_message_is_not_in_its_story(both):
    door, desk = both
    id_ = await exchanged(door, "A1")
    await story(desk, asking(officer(party=ONDER.code)), id_)
    found = await story(desk, asking(officer()), id_)
    assert [line.event for line in found.lines].count("logboek.doorzocht") == 1


async def test_the_story_of_others_does_not_exist_and_an_auditor_sees_no_names(both):
    door, desk = both
    id_ = await exchanged(door, "A1")
    assert await story(desk, asking(officer(party=STRANGER.code)), id_) is None
    assert await story(desk, asking(officer()), "f" * 32) is None
    found = await story(desk, asking(officer(Role.AUDITOR)), id_)
    assert (found.sender, found.receiver) == ("", "")
    assert {line.organisation for line in found.lines} == {""}
