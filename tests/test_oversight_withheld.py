"""What a client does not get of his file: chosen by an officer on a ground of the law, told honestly, and logged."""

import json

import pytest
from door import HOOFD, ONDER, ORIGIN, PUSHED, Door
from hypothesis import given
from hypothesis import strategies as st
from overseeing import CLIENT, asking, both, exchanged, file_of, officer, question

from adapters.console.papers import paper
from audit.catalogue import missing
from gateway.commit import writing
from gateway.oversight import dossier, search, withheld
from gateway.oversight.desk import Desk
from gateway.oversight.dossier import Dossier
from gateway.oversight.lines import Content, Line
from gateway.oversight.withheld import GIVE, Choice, heard, in_force, read, verdict
from gateway.retention import due, secret

__all__ = ["both"]

WHY = "de buurvrouw staat in deze regels"


async def left_out(desk: Desk, *numbers: int, ground: str = "ander", who=None) -> None:
    asks = asking(who or officer())
    trace = await search.ask(desk, asks, question(bsn=CLIENT), kind=dossier.KIND)
    found = await dossier.show(desk, asks, trace, client=False)
    await dossier.withhold(desk, asks, trace, found, Choice(numbers=numbers, ground=ground, why=WHY))


def numbers(found: Dossier) -> list[int]:
    return sorted(line.number for line in found.lines)


async def test_a_client_does_not_get_what_was_left_out_and_reads_which_numbers_on_what_ground(both):
    door, desk = both
    await exchanged(door, "A1")
    await left_out(desk, 1, 2)
    own, told = await file_of(desk), await file_of(desk, client=True)

    assert numbers(own) == list(range(1, own.completeness.last + 1))
    assert numbers(told) == list(range(3, told.completeness.last + 1))
    assert told.completeness.whole
    assert verdict(told.withheld) == "2 regels zijn weggelaten: nummers 1 en 2 (het belang van een ander)."
    assert own.withheld == told.withheld == {1: "ander", 2: "ander"}


async def test_who_is_only_in_lines_that_are_left_out_is_nowhere_in_what_the_client_gets(both):
    door, desk = both
    await exchanged(door, "A1")
    await exchanged(door, "A2", receiver=PUSHED.code)
    hidden = [line.number for line in (await file_of(desk)).lines if PUSHED.code in line.parties]
    await left_out(desk, *hidden)
    told = await file_of(desk, client=True)
    content = await paper("json", told, view="", party="", mark="", at=0)

    assert [each.name for each in told.involved] == [HOOFD.name, ONDER.name]
    assert [each.name for each in told.received] == [ONDER.name]
    assert PUSHED.name not in content.decode()
    assert WHY not in content.decode()
    whole = await paper("json", await file_of(desk), view="", party="", mark="", at=0)
    assert PUSHED.name in whole.decode()


async def test_a_choice_is_a_line_with_its_ground_and_numbers_and_the_reason_sealed(both):
    door, desk = both
    await exchanged(door, "A1")
    before = [header for _, header, _ in await door.logged()]
    await left_out(desk, 2)
    after = await door.logged()

    assert [header for _, header, _ in after][: len(before)] == before
    [(header, payload)] = [(header, payload) for event, header, payload in after if event == "dossier.beperkt"]
    assert (payload["object"], payload["query"], payload["reason"]) == (CLIENT, "ander: 2", WHY)
    assert "ander" not in json.dumps(header)
    assert list(missing(header, payload)) == []
    line = next(line for line in (await file_of(desk)).lines if line.event == "dossier.beperkt")
    assert (line.by, line.reason, line.query) == (officer().login, WHY, "ander: 2")
    line = next(line for line in (await file_of(desk, client=True)).lines if line.event == "dossier.beperkt")
    assert (line.by, line.reason, line.query) == ("", "", "")


async def test_a_new_choice_holds_over_an_old_one_for_the_numbers_it_names(both):
    door, desk = both
    await exchanged(door, "A1")
    await left_out(desk, 1, 2)
    await left_out(desk, 2, ground=GIVE)
    await left_out(desk, 3, ground="kind")
    found = await file_of(desk, client=True)
    assert found.withheld == {1: "ander", 3: "kind"}
    assert not {1, 3} & {*numbers(found)}
    assert 2 in numbers(found)


async def test_a_choice_holds_for_the_own_party_alone(both):
    door, desk = both
    await exchanged(door, "A1")
    await left_out(desk, 1)
    found = await file_of(desk, client=True, who=officer(party=ONDER.code))
    assert (found.withheld, 1 in numbers(found)) == ({}, True)


async def test_what_is_left_out_is_told_whatever_the_period(both):
    door, desk = both
    await exchanged(door, "A1")
    await left_out(desk, 1)
    found = await file_of(desk, client=True, until="2020-01-01")
    assert (found.lines, verdict(found.withheld)) == (
        [], "1 regel is weggelaten: nummer 1 (het belang van een ander).",
    )  # fmt: skip


async def test_of_who_is_hidden_a_choice_means_the_same_line_for_who_may_find_him(both):
    door, desk = both
    await exchanged(door, "A1")
    await file_of(desk)  # somebody else looks, with a line between
    other = officer(login="fg-nieuw")
    named = officer(login="fg-benoemd", finds_secret=True)
    await desk.do(lambda db: secret.hide(db, desk.keys, ORIGIN, asking(named), bsn=CLIENT, why="een bedreigd kind"))
    await left_out(desk, 1, who=other)

    shown = await file_of(desk, client=True, who=other)
    assert 1 in shown.withheld
    assert 1 not in numbers(shown)
    whole = await file_of(desk, who=named)
    [number] = whole.withheld
    line = next(line for line in whole.lines if line.number == number)
    assert (line.by, line.event) == (other.login, "logboek.doorzocht")
    assert number > 1


async def destroyed(door: Door) -> None:
    """All lines past their term are destroyed, as one night does."""
    await door.sequence()
    async with writing(door.engine) as db:
        await due.take_lines(db, 0, max(await due.lines_due(db, cutoff=2**62), default=-1))


async def test_a_choice_outlives_its_term_while_a_line_of_before_it_is_there(both):
    door, desk = both
    message = await exchanged(door, "A1")
    await left_out(desk, 1)
    await destroyed(door)
    told = await file_of(desk, client=True)
    assert (told.withheld, told.completeness.whole) == ({1: "ander"}, True)
    assert 1 not in numbers(told)

    async with writing(door.engine) as db:
        await due.take_messages(db, [message])
    for _ in range(2):  # the choice goes after what it is about
        await destroyed(door)
    told = await file_of(desk, client=True)
    assert (told.withheld, told.completeness.whole) == ({}, True)
    assert "dossier.beperkt" not in {line.event for line in told.lines}


def line(number: int | None, event: str = "bericht.gelezen", by: str = HOOFD.code, role: str = "afzender") -> Line:
    return Line(
        leaf="", index=number, at=1, event=event, title="", role=role, outcome="geslaagd", purpose="", emergency=False,
        trace="", content=Content.OPEN, number=number, by=by,
    )  # fmt: skip


FG = "functionaris gegevensbescherming"
LINES = [line(5, "logboek.getoond", "anna", FG), line(4, by="anna", role=FG), line(3), line(2), line(None), line(1)]


@pytest.mark.parametrize(
    ("chosen", "form", "numbers"),
    [
        (["2 3", "1"], {}, (1, 2, 3)),
        ([], {"soort": "logboek.getoond"}, (5,)),
        ([], {"wie": "anna"}, (4, 5)),
        (["1"], {"soort": "logboek.getoond", "wie": ""}, (1, 5)),
        (["9", "x"], {"wie": "anna"}, (4, 5)),
    ],
)
def test_lines_are_chosen_one_by_one_by_kind_and_by_employee(chosen, form, numbers):
    choice = read({"grond": "kind", "reden": WHY, **form}, {"regels": chosen}, LINES)
    assert choice == Choice(numbers=numbers, ground="kind", why=WHY)


@pytest.mark.parametrize(
    ("form", "wrong"),
    [
        ({}, {"regels", "grond", "reden"}),
        ({"grond": "ander", "reden": WHY}, {"regels"}),
        ({"grond": "zomaar", "reden": WHY, "wie": "anna"}, {"grond"}),
        ({"grond": "geven", "reden": "kort", "wie": "anna"}, {"reden"}),
    ],
)
def test_without_lines_a_ground_and_a_reason_nothing_is_chosen(form, wrong):
    found = read(form, {}, LINES)
    assert isinstance(found, dict)
    assert set(found) == wrong


def test_employees_to_choose_from_are_officers_and_no_parties():
    assert withheld.employees(LINES) == ["anna"]


@given(st.lists(st.tuples(st.sets(st.integers(1, 40), min_size=1), st.sampled_from([*withheld.GROUNDS, GIVE]))))
def test_what_holds_is_for_each_number_the_last_that_was_said_of_it(said):
    choices = [Choice(numbers=tuple(sorted(numbers)), ground=ground) for numbers, ground in said]
    last = {number: ground for numbers, ground in said for number in numbers}
    assert in_force(heard(choice.told()) for choice in choices) == {n: g for n, g in last.items() if g != GIVE}


@pytest.mark.parametrize("text", ["ander", "ander: ", "ander: x", ""])
def test_a_choice_that_cannot_be_read_is_no_choice_of_nothing(text):
    with pytest.raises(ValueError, match="invalid literal"):
        heard(text)


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ({}, ""),
        ({7: "ander"}, "1 regel is weggelaten: nummer 7 (het belang van een ander)."),
        (
            {7: "ander", 12: "ander", 13: "ander", 14: "ander", 20: "strafbaar"},
            (
                "5 regels zijn weggelaten: nummers 7 en 12 t/m 14 (het belang van een ander); "
                "nummer 20 (een onderzoek naar een strafbaar feit)."
            ),
        ),
        (
            {1: "ander", 2: "ander", 4: "ander"},
            "3 regels zijn weggelaten: nummers 1, 2 en 4 (het belang van een ander).",
        ),
    ],
)
def test_what_is_left_out_is_told_in_words(found, told):
    assert verdict(found) == told


def test_every_ground_names_the_law_it_rests_on():
    assert all("art. " in ground.law for ground in withheld.GROUNDS.values())
