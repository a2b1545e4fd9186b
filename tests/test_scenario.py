"""A month of one hoofdaannemer: its plan is sound, it can be played, and whatever goes otherwise is seen."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from operator import mul
from typing import Any

import pytest

from gateway.catalog import Catalog
from gateway.chain import Chain
from gateway.ledger.values import Line, Order, Said
from gateway.message import Checked
from gateway.scenario.answers import answer
from gateway.scenario.check import CHECKS, expected, faults, total
from gateway.scenario.messages import Message, Phase, Writer
from gateway.scenario.outcome import Outcome, Read, accounts
from gateway.scenario.pen import Pen
from gateway.scenario.plan import month
from gateway.scenario.play import conclude, play
from gateway.scenario.values import GRANTED, Month

CATALOG = Catalog.load()
SMALL = month(onders=2, clients=12)
DIVIDED = next(each for each in SMALL.assignments if each is SMALL.too_much.assignment)
WEIGHTS = (9, 8, 7, 6, 5, 4, 3, 2, -1)


@pytest.fixture(scope="module")
def whole() -> Month:
    return month()


def test_the_whole_month_has_57_onderaannemers_900_clients_and_three_gemeenten(whole: Month) -> None:
    assert (len(whole.onders), len(whole.clients), len(whole.gemeenten)) == (57, 900, 3)
    assert {each.onder for each in whole.contracts} == set(whole.onders)
    assert {each.contract.onder for each in whole.orders} == set(whole.onders)
    assert {each.client.bsn for each in whole.orders} == {each.bsn for each in whole.clients}


def test_every_client_is_invented(whole: Month) -> None:
    for each in whole.clients:
        assert 999900006 <= int(each.bsn) <= 999999990
        assert sum(map(mul, WEIGHTS, map(int, each.bsn))) % 11 == 0
    assert len({each.bsn for each in whole.clients}) == len({each.name for each in whole.clients}) == 900


def test_the_whole_month_has_all_that_a_month_can_have(whole: Month) -> None:
    assert {each.variant for each in whole.contracts} == {"I", "O", "T"}
    assert sum(each.haggled for each in whole.contracts) == 1
    assert Counter(each.decision for each in whole.consents)["3"] == 1
    assert {each.outcome for each in whole.requests} == {"granted", "refused", "pending"}
    assert any(each.stopped for each in whole.orders)
    assert any(not each.started for each in whole.orders)
    divided = Counter(each.assignment.number for each in whole.orders if each.assignment)
    assert set(divided.values()) == {1, 2}
    units = {line.unit for each in whole.declarations for line in each.lines}
    assert units == {"01", "04", "16", "82", "83"}
    assert any(each.wrong for each in whole.declarations)
    assert any(each.rejected for each in whole.declarations)
    assert len(whole.again) == sum(bool(each.rejected) for each in whole.declarations)


def test_what_is_divided_leaves_nothing_and_never_more(whole: Month) -> None:
    asked = {each.order.number: each.volume for each in whole.requests if each.outcome == GRANTED}
    ordered: Counter[int] = Counter()
    for each in whole.orders:
        if each.assignment is not None:
            size = asked.get(each.number, each.extent.volume)
            ordered[each.assignment.number] += size if size is not None else each.extent.budget or 0
    for granted in whole.assignments:
        size = granted.extent.volume if granted.extent.volume is not None else granted.extent.budget or 0
        assert ordered[granted.number] <= size
    full = whole.too_much.assignment
    assert full
    assert ordered[full.number] == full.extent.volume


@pytest.mark.parametrize("seed", [1, 2, 57])
def test_each_message_is_sound_after_those_before_it_but_those_that_must_be_refused(seed: int) -> None:
    planned = month(seed, onders=2, clients=12)
    refused, files = _in_memory(planned)
    assert sorted(refused) == ["HO022", "HO025", "TR418"]
    assert accounts(files) == expected(planned)


def test_the_same_seed_gives_the_same_month_and_another_seed_another() -> None:
    assert month(onders=2, clients=12) == SMALL
    assert month(1, onders=2, clients=12) != SMALL


def _in_memory(planned: Month) -> tuple[list[str], list[Read]]:
    """Say the whole month in one conversation; return what was refused, and the rest."""
    pen, chain = Pen(CATALOG, "2026-03-02"), Chain(CATALOG)
    writer = Writer(planned, pen)
    refused: list[str] = []
    files: list[Read] = []

    def hear(raw: bytes, expect: str = "") -> Checked:
        checked = chain.check(raw)
        assert {each.code for each in checked.findings} == ({expect} if expect else set())
        if expect:
            refused.append(expect)
        elif checked.facts:
            files.append(Read(facts=checked.facts, said=checked.said))
        return checked

    def answers(each: Message) -> list[bytes]:
        checked = hear(each.raw, each.refused)
        told = None if each.refused else answer(each.raw, checked, planned, pen)
        return [told] if told else []

    for phase in writer.phases():
        by_gateway = _by_gateway(planned, writer, phase)
        for told in [told for each in (*by_gateway, *phase.messages()) for told in answers(each)]:
            assert answer(told, hear(told), planned, pen) is None
    return refused, files


def _by_gateway(planned: Month, writer: Writer, phase: Phase) -> Iterator[Message]:
    """The orders that a gateway would write in this phase."""
    if phase.divisions:
        for each in planned.orders:
            if each.assignment and each.assignment.number in planned.divided:
                yield writer.ordered([each], "2025-12-19")
    if phase.granted:
        for request in planned.requests:
            if request.reference in planned.by_rule:
                extent = replace(request.order.extent, volume=request.volume)
                yield writer.ordered([replace(request.order, extent=extent)], "2026-01-22")


# Played


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    home = tmp_path_factory.mktemp("scenario") / "poort"
    return asyncio.run(play(SMALL, home, "sqlite+aiosqlite:///ketenpoort.sqlite"))


def test_a_month_is_played_through_a_real_gateway_and_all_holds(played: Outcome) -> None:
    assert faults(SMALL, played) == []
    retours_by_gateway = len(SMALL.by_rule)
    assert sum(not each.refused for each in played.sent) == len(_in_memory(SMALL)[1]) + retours_by_gateway
    assert total(accounts(played.files[SMALL.hoofd])) == total(expected(SMALL))


def test_the_command_fails_when_something_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    assert conclude([]) == 0
    assert conclude(["bezorging: iets"]) == 1
    assert "FOUT  bezorging: iets" in capsys.readouterr().err


def _without_a_kept(held: Outcome) -> Outcome:
    return replace(held, kept=held.kept[1:])


def _kept_twice(held: Outcome) -> Outcome:
    return replace(held, kept=(*held.kept, held.kept[0]))


def _other_bytes(held: Outcome) -> Outcome:
    return replace(held, kept=(replace(held.kept[0], digest=b"other"), *held.kept[1:]))


def _from_nowhere(held: Outcome) -> Outcome:
    return replace(held, kept=(*held.kept, replace(held.kept[0], id="f" * 32)))


def _not_delivered(held: Outcome) -> Outcome:
    return replace(held, log=replace(held.log, states={**held.log.states, held.kept[0].id: "aangeboden"}))


def _still_waiting(held: Outcome) -> Outcome:
    return replace(held, waiting=1)


def _without_word_of_a_refusal(held: Outcome) -> Outcome:
    answer = next(each.id for each in held.sent if each.refused)
    return replace(held, kept=tuple(each for each in held.kept if each.id != answer))


def _unanswered(held: Outcome) -> Outcome:
    first = next(each for each in held.kept if each.answers)
    return replace(held, kept=tuple(replace(each, answers=None) if each is first else each for each in held.kept))


def _refused_unasked(held: Outcome) -> Outcome:
    return replace(held, sent=(replace(held.sent[0], refused=("TR056",)), *held.sent[1:]))


def _taken_in_by_mistake(held: Outcome) -> Outcome:
    return replace(held, sent=tuple(replace(each, refused=()) for each in held.sent))


def _without_a(kind: str) -> Callable[[Outcome], Outcome]:
    """What if the hoofdaannemer had not got, or sent, the first of these?"""

    def without(held: Outcome) -> Outcome:
        file = held.files[SMALL.hoofd]
        gone = next(each for each in file if each.facts.type == kind)
        left = tuple(each for each in file if each is not gone)
        return replace(held, files={**held.files, SMALL.hoofd: left})

    return without


def _a_cent_more(held: Outcome) -> Outcome:
    """What if an onderaannemer had declared a cent more on each line than was planned?"""

    def more(said: Said) -> Said:
        return replace(said, amount=said.amount + 1) if isinstance(said, Line) else said

    return _said_otherwise(held, SMALL.onders[0], more)


def _an_hour_more(held: Outcome) -> Outcome:
    """What if an order that divides an assignment were for one hour more?"""

    def more(said: Said) -> Said:
        if isinstance(said, Order) and said.assignment == DIVIDED.number:
            return replace(said, volume=(said.volume or 0) + 1)
        return said

    return _said_otherwise(held, SMALL.hoofd, more)


def _said_otherwise(held: Outcome, party: str, otherwise: Callable[[Said], Said]) -> Outcome:
    file = tuple(replace(read, said=tuple(map(otherwise, read.said))) for read in held.files[party])
    return replace(held, files={**held.files, party: file})


def _log_not_sound(held: Outcome) -> Outcome:
    return replace(held, log=replace(held.log, verdict=1))


def _without_a_receipt(held: Outcome) -> Outcome:
    return replace(held, sent=(replace(held.sent[0], receipt=b""), *held.sent[1:]))


def _a_bsn_aloud(held: Outcome) -> Outcome:
    return replace(held, aloud=f"{held.aloud}\nfout bij {SMALL.clients[3].bsn}")


def _a_name_aloud(held: Outcome) -> Outcome:
    return replace(held, aloud=f"{held.aloud}\nfout bij {SMALL.clients[3].name}")


def _a_term_open(held: Outcome) -> Outcome:
    return _told_otherwise(held, terms=held.told.terms + Counter({(SMALL.gemeenten[0], "retour"): 1}))


def _a_request_forgotten(held: Outcome) -> Outcome:
    return _told_otherwise(held, terms=Counter())


def _a_tariff_otherwise(held: Outcome) -> Outcome:
    first, *rest = sorted(held.told.contracts)
    (category, code, unit, cents), *others = first[3]
    return _told_otherwise(
        held, contracts=frozenset([(*first[:3], ((category, code, unit, cents + 1), *others)), *rest])
    )


def _consent_where_there_is_none(held: Outcome) -> Outcome:
    return _told_otherwise(held, consents=frozenset((*each[:3], "toegestaan") for each in held.told.consents))


def _a_gemeente_forgot_somebody(held: Outcome) -> Outcome:
    return _told_otherwise(held, consents=frozenset(sorted(held.told.consents)[1:]))


def _an_order_that_stands_otherwise(held: Outcome) -> Outcome:
    line = SMALL.declarations[0].lines[0]
    number = line.order.number
    more = held.told.orders[number] + Counter({"approved": 1})
    return _told_otherwise(held, orders={**held.told.orders, number: more})


def _told_otherwise(held: Outcome, **otherwise: Any) -> Outcome:
    return replace(held, told=replace(held.told, **otherwise))


WRONG: list[tuple[str, Callable[[Outcome], Outcome]]] = [
    ("weigeringen", _refused_unasked),
    ("weigeringen", _taken_in_by_mistake),
    ("bezorging", _without_a_kept),
    ("bezorging", _kept_twice),
    ("bezorging", _other_bytes),
    ("bezorging", _from_nowhere),
    ("bezorging", _not_delivered),
    ("bezorging", _still_waiting),
    ("bezorging", _without_word_of_a_refusal),
    ("antwoorden", _unanswered),
    ("geld", _without_a("ho323")),
    ("geld", _without_a("ho325")),
    ("geld", _a_cent_more),
    ("verdeling", _an_hour_more),
    ("verdeling", _without_a("jw301")),
    ("starts", _without_a("ho305")),
    ("termijnen", _a_term_open),
    ("termijnen", _a_request_forgotten),
    ("register", _a_tariff_otherwise),
    ("register", _consent_where_there_is_none),
    ("register", _a_gemeente_forgot_somebody),
    ("standen", _an_order_that_stands_otherwise),
    ("logboek", _log_not_sound),
    ("logboek", _without_a_receipt),
    ("stilte", _a_bsn_aloud),
    ("stilte", _a_name_aloud),
]


@pytest.mark.parametrize(("check", "change"), WRONG, ids=lambda each: getattr(each, "__name__", each))
def test_whatever_goes_otherwise_is_seen(check: str, change: Callable[[Outcome], Outcome], played: Outcome) -> None:
    assert any(each.startswith(f"{check}: ") for each in faults(SMALL, change(played)))


def test_each_check_can_fail() -> None:
    assert {check for check, _ in WRONG} == set(CHECKS)
