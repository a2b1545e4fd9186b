"""Officers search the log: what they see, what they never see, and that their looking is itself a line in it."""

import json

import pytest
import sqlalchemy as sa
from door import HOOFD, ONDER, ORIGIN, PUSHED, STRANGER
from overseeing import CLIENT, OTHER_CLIENT, asking, both, exchanged, officer, question
from sqlalchemy.ext.asyncio import AsyncEngine

from audit import log
from audit.search import Place
from gateway.commit import writing
from gateway.invented import message
from gateway.oversight import dossier, search
from gateway.oversight.desk import Desk
from gateway.oversight.lines import Content
from gateway.oversight.rights import OPERATOR, Role
from gateway.oversight.story import body
from gateway.retention import orders, persons, secret
from gateway.retention.orders import NotAllowedError

__all__ = ["both"]


async def found(desk: Desk, who=None, **asked: object) -> search.Found:
    """What an officer finds on the first page."""
    asks = asking(who or officer())
    trace = await search.ask(desk, asks, question(**asked))
    page = await search.page(desk, asks, trace, None)
    assert page is not None
    return page


def events(page: search.Found) -> list[str]:
    return [line.event for line in page.lines]


async def test_a_client_is_found_by_bsn_with_who_did_what_for_which_party(both):
    door, desk = both
    await exchanged(door, "A1")
    await exchanged(door, "A2", sender=HOOFD.code, receiver=PUSHED.code)
    page = await found(desk, bsn=CLIENT)

    assert events(page)[0] == "logboek.doorzocht"
    came, read = reversed(page.lines[-2:])
    assert [came.event, read.event] == ["bericht.ontvangen", "bericht.gelezen"]
    assert (came.organisation, came.role) == (HOOFD.name, "afzender")
    assert (read.organisation, read.role) == (ONDER.name, "ontvanger")
    assert {line.subject for line in page.lines} == {CLIENT}
    assert [line.number for line in page.lines] == list(range(len(page.lines), 0, -1))
    assert {line.content for line in page.lines} == {Content.OPEN}


async def test_what_was_asked_is_in_the_log_before_it_is_looked_up_and_what_is_opened_before_it_opens(both):
    door, desk = both
    await exchanged(door, "A1")
    before = len(await door.logged())
    asks = asking(officer())
    trace = await search.ask(desk, asks, question(bsn=CLIENT, purpose="klacht", reason="klacht over inzien"))
    [(event, header, payload)] = (await door.logged())[before:]
    assert (event, header["purpose"], header["trace"]) == ("logboek.doorzocht", "klacht", trace)
    assert payload["query"] == {"bsn": CLIENT}
    assert payload["object"] == CLIENT
    assert payload["reason"] == "klacht over inzien"
    assert payload["access_point"] == "192.0.2.7"

    page = await search.page(desk, asks, trace, None)
    [(event, header, payload)] = (await door.logged())[before + 1 :]
    assert (event, header["lines"], header["trace"]) == ("logboek.gelezen", len(page.lines), trace)
    assert payload["object"] == CLIENT


async def test_who_reads_lines_about_several_clients_leaves_a_line_with_each_of_them(both):
    door, desk = both
    id_ = (await door.accepted(message("ho323-rijk", "D1", sender=ONDER.code, receiver=HOOFD.code), ONDER))["berichtId"]
    before = len(await door.logged())
    page = await found(desk, message=id_)

    assert {line.subject for line in page.lines} == {CLIENT, OTHER_CLIENT}
    told = (await door.logged())[before:]
    assert [event for event, _, _ in told] == ["logboek.doorzocht", "logboek.gelezen"] + ["logboek.getoond"] * 2
    assert {payload["object"] for event, _, payload in told if event == "logboek.getoond"} == {CLIENT, OTHER_CLIENT}


async def test_without_an_entry_there_is_nothing_to_see(both, engine: AsyncEngine):
    door, desk = both
    await exchanged(door, "A1")
    asks = asking(officer())
    trace = await search.ask(desk, asks, question())
    async with writing(engine) as db:
        await db.execute(sa.text("ALTER TABLE audit_entries RENAME TO elsewhere"))
        await db.execute(sa.text("CREATE VIEW audit_entries AS SELECT * FROM elsewhere"))
        if db.dialect.name == "postgresql":
            await db.execute(sa.text("CREATE RULE none AS ON INSERT TO audit_entries DO INSTEAD SELECT 1/0"))
    with pytest.raises(sa.exc.DBAPIError):
        await search.page(desk, asks, trace, None)


async def test_all_filters_hold_together(both):
    door, desk = both
    first = await exchanged(door, "A1")
    second = await exchanged(door, "A2")
    fg = officer()

    async def ids(**asked):
        page = await found(desk, fg, **asked)
        return {line.message for line in page.lines if line.event.startswith("bericht")}

    assert await ids() == {first, second}
    assert await ids(message=first) == {first}
    assert await ids(message=first, bsn=CLIENT) == {first}
    assert await ids(message=first, bsn=OTHER_CLIENT) == set()
    assert await ids(until="2020-01-01") == set()
    assert await ids(since="2020-01-01", until="2999-01-01", bsn=CLIENT) == {first, second}
    page = await found(desk, fg, events=("bericht.gelezen",), actor=ONDER.code)
    assert events(page) == ["bericht.gelezen"] * 2
    assert await ids(actor=HOOFD.code, events=("bericht.gelezen",)) == set()
    assert {line.event for line in (await found(desk, fg, actor=fg.login)).lines} <= {
        "logboek.doorzocht", "logboek.gelezen", "logboek.getoond",
    }  # fmt: skip


async def test_pages_follow_each_other_without_a_line_lost_or_twice(both):
    door, desk = both
    for number in range(search.PAGE // 2 + 2):
        await exchanged(door, f"P{number}")
    asks, seen, place, pages = asking(officer()), [], None, 0
    trace = await search.ask(desk, asks, question(until="2999-01-01", events=("bericht.ontvangen", "bericht.gelezen")))
    while pages == 0 or place:
        page = await search.page(desk, asks, trace, place)
        seen += [(line.at, line.leaf) for line in page.lines]
        place, pages = page.more, pages + 1

    assert len(seen) == len(set(seen)) == search.PAGE + 4
    assert [at for at, _ in seen] == sorted((at for at, _ in seen), reverse=True)
    assert pages == 2


@pytest.mark.parametrize("party", [STRANGER.code, OPERATOR, PUSHED.code])
async def test_lines_of_others_do_not_exist_for_an_officer(both, party):
    door, desk = both
    id_ = await exchanged(door, "A1")
    who = officer(party=party)
    for asked in ({}, {"message": id_}, {"bsn": CLIENT}, {"actor": HOOFD.code}):
        page = await found(desk, who, **asked)
        assert {line.by for line in page.lines} <= {who.login}, asked
        assert not [line for line in page.lines if line.message], asked


async def test_the_lines_of_the_gateway_itself_are_for_everybody(both):
    _, desk = both
    operator = officer(Role.AUDITOR, OPERATOR)
    await found(desk, operator)
    for party in (HOOFD.code, STRANGER.code, OPERATOR):
        page = await found(desk, officer(party=party), events=("logboek.doorzocht",))
        assert operator.login in {line.by for line in page.lines}


async def test_an_auditor_sees_what_stands_in_the_open_and_nothing_is_opened_for_him(both):
    door, desk = both
    await exchanged(door, "A1")
    before = sum(desk.keys.counts().values())
    page = await found(desk, officer(Role.AUDITOR))

    assert "bericht.gelezen" in events(page)
    assert {line.content for line in page.lines} == {Content.CLOSED}
    assert not [line for line in page.lines if line.by or line.subject or line.reason or line.parties]
    assert sum(desk.keys.counts().values()) == before + 1  # his own question


async def test_a_question_is_for_the_session_that_asked_it(both):
    _, desk = both
    fg = officer()
    trace = await search.ask(desk, asking(fg), question())
    assert await search.page(desk, asking(fg, session=b"t" * 32), trace, None) is None
    assert await search.page(desk, asking(fg), "0" * 32, None) is None
    assert await search.page(desk, asking(fg), trace, Place(at=0, id=0)) is not None


async def test_what_is_kept_of_a_question_can_be_read_by_nobody_without_the_keys(both, engine: AsyncEngine):
    _, desk = both
    await search.ask(desk, asking(officer()), question(bsn=CLIENT, reason="verzoek van mevrouw Achternaam"))
    async with engine.connect() as db:
        rows = (await db.execute(sa.text("SELECT * FROM console_questions"))).all()
        headers = list((await db.execute(sa.select(log.entries.c.header))).scalars())
    stored = repr(rows).encode() + b"".join(headers)
    assert CLIENT.encode() not in stored
    assert b"Achternaam" not in stored


async def test_a_line_whose_content_was_destroyed_or_changed_is_told_as_such(both, engine: AsyncEngine):
    door, desk = both
    await exchanged(door, "A1")
    async with writing(engine) as db:
        change = sa.update(log.entries)
        await db.execute(change.where(log.entries.c.event == "bericht.gelezen").values(sealed=None))
        await db.execute(change.where(log.entries.c.event == "bericht.ontvangen").values(sealed=b"x" * 200))
    told = {line.event: line for line in (await found(desk, bsn=CLIENT)).lines}
    assert told["bericht.gelezen"].content is Content.DESTROYED
    assert told["bericht.ontvangen"].content is Content.BROKEN
    assert not told["bericht.ontvangen"].by
    assert told["logboek.doorzocht"].content is Content.OPEN


async def test_an_export_says_in_the_log_how_much_was_taken(both):
    door, desk = both
    await exchanged(door, "A1")
    asks = asking(officer())
    trace = await search.ask(desk, asks, question(events=("bericht.gelezen", "bericht.ontvangen")))
    taken, leaf = await search.export(desk, asks, trace)

    assert len(taken.lines) == 2
    [(header, payload)] = [(h, p) for event, h, p in await door.logged() if event == "overzicht.geexporteerd"]
    assert header["lines"] == 2
    assert payload["query"]["regels"] == 2
    async with desk.reading() as db:
        [stored] = (await db.execute(sa.select(log.entries.c.header).where(log.entries.c.leaf == leaf))).scalars()
    assert json.loads(stored)["event"] == "overzicht.geexporteerd"
    assert await search.export(desk, asking(officer(), session=b"t" * 32), trace) is None


async def test_who_is_secret_is_found_by_nobody_but_officers_named_for_it(both):
    door, desk = both
    id_ = (await door.accepted(message("ho323-rijk", "D1", sender=ONDER.code, receiver=HOOFD.code), ONDER))["berichtId"]
    fg, named = officer(), officer(login="fg-vertrouwd", finds_secret=True)
    why = "een bedreigd kind, op verzoek van de gemeente"
    await desk.do(lambda db: secret.hide(db, desk.keys, ORIGIN, asking(fg), bsn=CLIENT, why=why))

    assert {line.subject for line in (await found(desk, fg, message=id_)).lines} == {OTHER_CLIENT}
    assert {line.subject for line in (await found(desk, named, message=id_)).lines} == {CLIENT, OTHER_CLIENT}
    assert {line.by for line in (await found(desk, fg, bsn=CLIENT)).lines} == {fg.login}
    assert "bericht.ontvangen" in events(await found(desk, named, bsn=CLIENT))

    for who in (fg, named):
        asks = asking(who)
        content = await body(desk, asks, id_, purpose="nood", reason=why)
        assert (content is None) == (who is fg)
    tried = [header["outcome"] for event, header, _ in await door.logged() if event == "bericht.ingezien"]
    assert tried == ["geweigerd", "geweigerd", "geslaagd", "geslaagd"]


async def told_of(desk: Desk, who, bsn: str) -> dict[str, object]:
    """All that an officer hears who looks for one person: by searching, in the file of the person, and taken along."""
    page = await found(desk, who, bsn=bsn)
    asks = asking(who)
    trace = await search.ask(desk, asks, question(bsn=bsn))
    taken, _ = await search.export(desk, asks, trace)
    last = (await found(desk, who, bsn=bsn, events=("overzicht.geexporteerd",))).lines
    asks = asking(who)
    trace = await search.ask(desk, asks, question(bsn=bsn), kind=dossier.KIND)
    file = await dossier.show(desk, asks, trace, client=False)
    return {
        "found": events(page), "more": page.more, "taken": events(taken), "counted": [line.query for line in last],
        "file": [(line.event, line.number) for line in file.lines], "whole": file.completeness,
        "involved": file.involved, "received": file.received,
    }  # fmt: skip


async def test_who_is_secret_looks_in_all_ways_as_somebody_unknown(both):
    door, desk = both
    for number in range(30):
        await exchanged(door, f"N{number}")
    hider, fg, other = officer(login="fg-een"), officer(login="fg-twee"), officer(login="fg-drie", finds_secret=True)
    await desk.do(lambda db: secret.hide(db, desk.keys, ORIGIN, asking(hider), bsn=CLIENT, why="een bedreigd kind"))
    hidden, unknown = await told_of(desk, fg, CLIENT), await told_of(desk, fg, "999900018")
    masks = [each.replace(CLIENT[-3:], "018") for each in hidden.pop("counted")]
    assert masks == unknown.pop("counted") != []
    assert hidden == unknown
    assert hidden["file"], "else this proves nothing"
    assert (await told_of(desk, other, CLIENT))["more"], "more than a page is there for who may see it"


async def test_a_request_to_destroy_treats_who_is_secret_as_somebody_unknown_in_the_log_too(both):
    door, desk = both
    hidden, unknown, fg = "999900018", "999900043", officer(login="fg-twee")
    await exchanged(door, "N1")
    await exchanged(door, "N2", client=hidden)
    why = "een bedreigd kind"
    await desk.do(lambda db: secret.hide(db, desk.keys, ORIGIN, asking(officer(login="fg-een")), bsn=hidden, why=why))

    async def asked(who, *people: str) -> tuple[list[str], list[str]]:
        inquiry = await persons.inquire(desk, asking(who), people, why="brief van de cliënt")
        told = await desk.do(lambda db: persons.examine(db, desk.keys, inquiry))
        id_ = await desk.do(
            lambda db: persons.ask(db, desk.keys, ORIGIN, asking(who), inquiry, why="brief van de cliënt")
        )
        async with desk.reading() as db:
            assert (await orders.get(db, desk.keys, id_)).subjects == people
        lines = [event for event, _, payload in await door.logged() if payload["object"] == people[-1]]
        return [part.title for part in told], lines[lines.index("dossier.ingezien") :]

    asked_of_hidden = await asked(fg, CLIENT, hidden)
    assert asked_of_hidden == await asked(fg, CLIENT, unknown)
    assert asked_of_hidden[1] == ["dossier.ingezien", "vernietiging.voorgesteld"]
    named, _ = await asked(officer(login="fg-drie", finds_secret=True), CLIENT, hidden)
    assert len(named) > len(asked_of_hidden[0]), "else this proves nothing"


async def test_who_may_not_see_the_file_of_a_person_does_not_hear_what_of_it_may_go(both):
    door, desk = both
    await exchanged(door, "N1")
    for role in (Role.AUDITOR, Role.ERASURE_APPROVER):
        with pytest.raises(NotAllowedError, match="functionaris gegevensbescherming"):
            await persons.inquire(desk, asking(officer(role)), [CLIENT], why="nieuwsgierig")
