"""Declarations and their answers against what was granted, declared and answered before."""

import random
from calendar import monthrange
from collections import Counter
from dataclasses import replace
from itertools import count, permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_ledger_rules import BSN, OTHER, REMOVED, Ledger
from test_ledger_rules import given as granted

from gateway.ledger import book, codec, keys
from gateway.ledger.values import Answer, Declaration, Line, Order, Record
from gateway.message import Facts

ORDER = Order(
    bsn=BSN, number=1, category="45", code="45A04", date="2026-01-05", time="09:00:00", begin="2026-01-01",
    end="2026-12-31", volume=20, unit="04", frequency="4",
)  # fmt: skip
BUDGET = replace(ORDER, code="", volume=None, unit="", frequency="", budget=10_000)
TOTAL = replace(ORDER, frequency="6")
DATED = "2027-01-04"


def line(reference: str, month: int = 2, hours: int = 10, **other: object) -> Line:
    begin, end = f"2026-{month:02d}-01", f"2026-{month:02d}-{monthrange(2026, month)[1]}"
    debit = Line(
        bsn=BSN, reference=reference, number=1, category="45", code="45A04", begin=begin, end=end, volume=hours,
        unit="04", tariff=100, amount=hours * 100,
    )  # fmt: skip
    return replace(debit, **other)


def credit(debit: Line, reference: str) -> Line:
    return replace(debit, reference=reference, previous=debit.reference, amount=-debit.amount)


NUMBERS = count(1)


def declare(ledger: Ledger, *lines: Line, number: str = "", month: int = 12, dated: str = DATED) -> list[str]:
    head = Declaration(number=number or f"D{next(NUMBERS)}", begin=f"2026-{month:02d}-01", total=0)
    return ledger.codes("323", *lines, head, dated=dated)


def answer(ledger: Ledger, *rejected: Line, whole: bool = True) -> None:
    """Answer the declaration that was heard last."""
    assert ledger.codes("325", *rejected, Answer(whole=whole, dated=DATED), answers=ledger.last) == []


# Unanswered, approved, rejected, refused as a whole


def test_what_is_declared_counts_while_its_answer_is_awaited():
    ledger = granted(TOTAL)
    assert declare(ledger, line("R1", 2, 15)) == []
    assert declare(ledger, line("R2", 2, 1)) == ["TR389"]
    assert declare(ledger, line("R3", 3, 6)) == ["TR322"]
    assert declare(ledger, line("R4", 3, 5)) == []


def test_a_rejected_line_leaves_its_room_and_its_month_and_takes_its_reference():
    ledger = granted(TOTAL)
    assert declare(ledger, line("R1", 2, 20)) == []
    answer(ledger, line("R1", 2, 20))
    assert declare(ledger, line("R1", 2, 20)) == ["TR314"]
    assert declare(ledger, line("R2", 2, 20)) == []


def test_of_a_declaration_refused_as_a_whole_everything_may_be_said_again():
    ledger = granted(TOTAL)
    assert declare(ledger, line("R1", 2, 20), number="D", month=12) == []
    answer(ledger, whole=False)
    assert declare(ledger, line("R1", 2, 20), number="D", month=11, dated="2027-01-05") == []


def test_a_declaration_period_does_not_go_back_but_may_skip_repeat_and_cross():
    ledger = granted(ORDER)
    assert declare(ledger, month=3, dated="2026-04-02") == []
    assert declare(ledger, month=3, dated="2026-04-03") == []
    assert declare(ledger, month=6, dated="2026-07-02") == []
    assert declare(ledger, month=5, dated="2026-07-02") == []
    assert declare(ledger, month=5, dated="2026-07-03") == ["TR318"]
    assert declare(ledger, month=5, dated="2026-07-01") == []


def test_numbers_and_periods_are_those_of_one_provider_and_periods_of_one_payer():
    ledger = granted(TOTAL)
    assert declare(ledger, line("R1"), number="D", month=6) == []
    head = Declaration(number="D", begin="2026-05-01", total=0)
    term = Line(reference="R1", contract="C", begin="2026-05-01", end="2026-05-31", amount=5)
    assert ledger.codes("323", term, head, dated=DATED, payer="0363") == ["TR314", "TR333"]


# Credits


def test_a_credit_makes_room_for_what_replaces_it_in_the_same_declaration():
    ledger = granted(TOTAL)
    assert declare(ledger, line("R1", 2, 20)) == []
    answer(ledger)
    assert declare(ledger, line("R3", 2, 19), credit(line("R1", 2, 20), "R2")) == []


def test_a_credit_that_is_wrong_makes_no_room():
    ledger = granted(TOTAL)
    assert declare(ledger, line("R1", 2, 20)) == []
    assert declare(ledger, line("R3", 2, 19), credit(line("R1", 2, 20), "R2")) == ["TR322", "TR323", "TR389"]


@pytest.mark.parametrize(
    "other",
    [
        {"number": 2}, {"category": "46"}, {"code": "45A05"}, {"begin": "2026-02-02"}, {"end": "2026-02-27"},
        {"volume": 9}, {"unit": "01"}, {"tariff": 99}, {"amount": -999}, {"vat": 1},
    ],
)  # fmt: skip
def test_a_credit_repeats_its_debit_in_everything(other: dict[str, object]):
    ledger = granted(ORDER)
    assert declare(ledger, line("R1")) == []
    answer(ledger)
    assert declare(ledger, replace(credit(line("R1"), "R2"), **other)) == ["TR323"]


def test_a_client_takes_back_no_line_of_another():
    ledger = granted(ORDER, replace(ORDER, bsn=OTHER, number=2))
    assert declare(ledger, line("R1")) == []
    answer(ledger)
    assert declare(ledger, replace(credit(line("R1"), "R2"), bsn=OTHER)) == ["TR323"]


def test_a_credit_is_judged_by_its_debit_only():
    ledger = granted(ORDER)
    assert declare(ledger, line("R1")) == []
    answer(ledger)
    ended = replace(ORDER, end="2026-01-31", date="2026-04-01", volume=1)
    assert ledger.codes("301", ended, dated="2026-04-01") == []
    assert declare(ledger, credit(line("R1"), "R2")) == []


def test_a_rejected_credit_may_be_sent_again():
    ledger = granted(ORDER)
    assert declare(ledger, line("R1")) == []
    answer(ledger)
    assert declare(ledger, credit(line("R1"), "R2")) == []
    answer(ledger, credit(line("R1"), "R2"))
    assert declare(ledger, credit(line("R1"), "R3")) == []
    assert declare(ledger, credit(line("R1"), "R4")) == ["TR390"]


# What is granted


@pytest.mark.parametrize(
    ("debit", "expected"),
    [
        (line("R1", 1, begin="2026-01-12", hours=20), []),
        (line("R1", 1), ["TR307"]),
        (line("R1", 1, begin="2026-01-13"), ["TR387"]),
        (line("R1", 2, begin="2026-02-12"), ["TR387"]),
        (line("R1", 10, end="2026-10-15"), []),
        (line("R1", 10), ["TR308"]),
        (line("R1", 10, end="2026-10-14"), ["TR388"]),
        (line("R1", 11), ["TR308"]),
        (line("R1", 11, hours=999), ["TR308"]),
        (line("R1", hours=20), []),
        (line("R1", hours=21), ["TR321"]),
        (line("R1", hours=1200, unit="01"), []),
        (line("R1", hours=1201, unit="01"), ["TR321"]),
        (line("R1", hours=9999, unit="83"), ["TR341"]),
        (line("R1", number=9, hours=999), ["TR338"]),
        (line("R1", category="46", code="46A01"), ["TR339", "TR340"]),
        (line("R1", bsn=OTHER, hours=999), ["TR304"]),
        (credit(line("R0", bsn=OTHER), "R1"), ["TR304"]),
    ],
)
def test_a_debit_fits_its_order(debit: Line, expected: list[str]):
    assert declare(granted(replace(ORDER, begin="2026-01-12", end="2026-10-15")), debit) == expected


def test_a_line_without_end_of_its_order_ends_with_the_month():
    assert declare(granted(replace(ORDER, end="")), line("R1")) == []
    assert declare(granted(replace(ORDER, end="")), line("R1", end="2026-02-27")) == ["TR388"]


def test_without_omvang_or_product_the_contract_tells_unit_and_product():
    generic = replace(BUDGET, category="")
    assert declare(granted(generic), line("R1", hours=1, unit="16"), line("R2", category="46", code="46A01")) == []


def test_what_is_removed_is_not_declared_on_unless_that_crossed():
    ledger = granted(ORDER)
    assert ledger.codes("301", replace(REMOVED, begin=ORDER.begin, end=ORDER.begin), dated="2026-04-01") == []
    assert declare(ledger, line("R1", hours=999)) == ["TR384"]
    assert declare(ledger, line("R1"), dated="2026-04-01", month=2) == []


def test_a_shortened_order_is_the_rule_from_the_day_after():
    ledger = granted(ORDER)
    shorter = replace(ORDER, end="2026-02-15", volume=5, date="2026-03-02")
    assert ledger.codes("301", shorter, dated="2026-03-02") == []
    assert declare(ledger, line("R1", 2, 10), dated="2026-03-03", month=2) == ["TR308"]
    assert declare(ledger, line("R1", 2, 10), dated="2026-03-02", month=2) == []


def test_a_line_that_is_too_much_takes_no_room_from_the_next():
    ledger = granted(replace(BUDGET, budget=1000))
    assert declare(ledger, line("R1", 2, 11), line("R2", 3, 10)) == ["TR369"]
    assert declare(ledger, line("R2", 3, 10)) == []


def test_two_orders_of_a_client_have_room_of_their_own():
    ledger = granted(TOTAL, replace(TOTAL, number=2))
    assert declare(ledger, line("R1", 2, 20), line("R2", 2, 20, number=2)) == []
    assert declare(ledger, line("R3", 3, 1), line("R4", 3, 1, number=2)) == ["TR322", "TR322"]


def test_a_reference_is_used_once_in_a_message_whoever_the_client():
    ledger = granted(ORDER, replace(ORDER, bsn=OTHER, number=2))
    assert declare(ledger, line("R1"), line("R1", bsn=OTHER, number=2)) == ["TR314", "TR314"]


# The answer

UNLIKE = {
    "previous": "R0", "number": 2, "category": "46", "code": "45A05", "begin": "2026-02-02", "end": "2026-02-27",
    "volume": 9, "unit": "01", "tariff": 99, "amount": 999, "vat": 1,
}  # fmt: skip


@pytest.mark.parametrize("field", UNLIKE)
def test_a_rejected_line_repeats_what_was_declared(field: str):
    ledger = granted(ORDER)
    assert declare(ledger, line("R1")) == []
    wrong = replace(line("R1"), **{field: UNLIKE[field]})
    assert ledger.codes("325", wrong, Answer(whole=True, dated=DATED), answers=ledger.last) == ["TR367"]


def test_an_answer_is_to_a_declaration_of_these_two():
    ledger = granted(ORDER)
    assert declare(ledger, line("R1")) == []
    good = Answer(whole=True, dated=DATED)
    assert ledger.codes("325", good, answers="M99") == ["TR337"]
    assert ledger.codes("325", good, answers="M2", payer="0363") == ["TR337"]
    assert ledger.codes("325", replace(good, dated="2027-01-03"), answers="M2") == ["TR337"]
    assert ledger.codes("325", replace(good, number="D0", versions=("1.0.0", "1.0.0")), answers="M2") == [
        "TR371",
        "TR376",
    ]
    assert ledger.codes("325", good, answers="M2") == []


def test_an_answer_lists_lines_of_the_declaration_that_it_answers():
    ledger = granted(ORDER, replace(ORDER, bsn=OTHER, number=2))
    assert declare(ledger, line("R1")) == []
    assert declare(ledger, line("R2", 3)) == []
    good = Answer(whole=True, dated=DATED)
    assert ledger.codes("325", line("R1"), good, answers=ledger.last) == ["TR366"]
    assert ledger.codes("325", line("R2", 3, bsn=OTHER), good, answers="M3") == ["TR304"]
    assert ledger.codes("325", line("R2", 3), good, answers="M3") == []


# Lines without client (HOA)


def test_a_line_without_client_is_held_to_what_was_said_of_its_reference():
    ledger = granted(ORDER)
    term = Line(reference="T1", contract="C", begin="2026-02-01", end="2026-02-28", amount=500)
    assert declare(ledger, credit(term, "T2")) == ["TR323"]
    assert declare(ledger, term) == []
    assert declare(ledger, credit(term, "T2")) == ["TR323"]
    assert ledger.codes("325", replace(term, contract="D"), Answer(whole=True, dated=DATED), answers="M3") == ["TR367"]
    assert ledger.codes("325", Answer(whole=True, dated=DATED), answers="M3") == []
    assert declare(ledger, credit(replace(term, amount=400), "T2")) == ["TR323"]
    assert declare(ledger, credit(term, "T2")) == []
    assert declare(ledger, credit(term, "T3")) == ["TR390"]
    assert declare(ledger, replace(term, amount=1)) == ["TR314"]


def test_a_line_without_client_is_taken_back_at_the_payer_that_approved_it():
    ledger = granted(ORDER)
    term = Line(reference="T1", contract="C", begin="2026-02-01", end="2026-02-28", amount=500)
    assert declare(ledger, term) == []
    answer(ledger)
    head = Declaration(number="E", begin="2026-12-01", total=0)
    assert ledger.codes("323", credit(term, "T2"), head, dated=DATED, payer="0363") == ["TR323"]


# What holds for any conversation

HOURS = st.lists(st.tuples(st.integers(1, 12), st.integers(0, 25)), min_size=1, max_size=15)


@settings(max_examples=200, deadline=None)
@given(HOURS, st.sampled_from((TOTAL, BUDGET, replace(ORDER, volume=12, end="2026-08-31"))), st.randoms())
def test_a_line_is_refused_only_if_it_is_too_much_or_declared_before(
    tried: list[tuple[int, int]], order: Order, chance: random.Random
):
    """Against a model that keeps a balance, which the ledger does not: some lines are rejected, some taken back."""
    ledger, taken = granted(order), dict[int, Line]()
    most = {"6": 20, "4": 8 * 12, "": 100}[order.frequency]
    for place, (month, hours) in enumerate(tried):
        debit = line(f"R{place}", month, hours)
        month_too_much = order.frequency == "4" and hours > 12
        fits = sum(each.volume or 0 for each in taken.values()) + hours <= most
        late = order.end < debit.end
        found = declare(ledger, debit)
        assert (found == []) == (fits and month not in taken and not month_too_much and not late)
        if not found:
            rejected = chance.random() < 0.3
            answer(ledger, *[debit] * rejected)
            if not rejected:
                taken[month] = debit
        if taken and chance.random() < 0.2:
            again = taken.pop(chance.choice(sorted(taken)))
            assert declare(ledger, credit(again, f"C{place}")) == []
            answer(ledger)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 20), min_size=1, max_size=6), st.data())
def test_all_that_an_answer_does_not_reject_can_be_taken_back_once(hours: list[int], data: st.DataObject):
    ledger = granted(ORDER)
    lines = [line(f"R{place}", place + 1, each) for place, each in enumerate(hours)]
    rejected = data.draw(st.lists(st.sampled_from(lines), unique=True))
    assert declare(ledger, *lines) == []
    answer(ledger, *rejected)
    for debit in lines:
        wanted = ["TR323"] if debit in rejected else []
        assert declare(ledger, credit(debit, f"C{debit.reference}")) == wanted
        if not wanted:
            assert declare(ledger, credit(debit, f"D{debit.reference}")) == ["TR390"]
        assert declare(ledger, replace(debit, reference=f"E{debit.reference}")) == []


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 20), st.integers(1, 20))
def test_credit_and_the_same_debit_again_restore_what_was(first: int, asked: int):
    ledger, other = granted(TOTAL), granted(TOTAL)
    for each in (ledger, other):
        assert declare(each, line("R1", 2, first)) == []
        answer(each)
    assert declare(other, credit(line("R1", 2, first), "R2"), line("R3", 2, first)) == []
    answer(other)
    assert declare(ledger, line("R9", 3, asked)) == declare(other, line("R9", 3, asked))


def test_the_order_of_messages_that_have_nothing_to_do_with_each_other_means_nothing():
    said = [
        (line("R1", 2, 12),),
        (line("R2", 2, 12, bsn=OTHER, number=2),),
        (line("R3", 3, 8),),
        (Line(reference="T1", contract="C", begin="2026-02-01", end="2026-02-28", amount=5),),
    ]
    ends = set()
    for order in permutations(range(4)):
        ledger = granted(TOTAL, replace(TOTAL, bsn=OTHER, number=2))
        for place in order:
            assert declare(ledger, *said[place], number=f"D{place}", month=12 - place) == []
        ends.add(
            tuple(tuple(declare(ledger, line("R8", 4, 1, bsn=who[0], number=who[1]))) for who in ((BSN, 1), (OTHER, 2)))
        )
    assert ends == {(("TR322",), ())}


def test_what_is_told_of_a_wrong_line_holds_no_value():
    ledger = granted(ORDER)
    found = ledger.hear("323", replace(line("R1", hours=21), path="Bericht/X", line=7))
    assert [(each.code, each.path, each.line) for each in found] == [("TR321", "Bericht/X/GeleverdVolume", 7)]


class Counted(dict[str, Record]):
    """Records that count how often each is looked up."""

    def __init__(self, kept: dict[str, bytes]) -> None:
        super().__init__({key: codec.unpack(raw) for key, raw in kept.items()})
        self.asked = Counter[str]()

    def get(self, key: str, default: Any = None) -> Any:
        self.asked[key] += 1
        return super().get(key, default)


def test_each_dossier_is_looked_up_once_so_it_may_be_opened_when_asked_for():
    ledger = granted(ORDER, replace(ORDER, bsn=OTHER, number=2))
    assert declare(ledger, line("R1"), line("R2", bsn=OTHER, number=2)) == []
    answer(ledger)
    facts = Facts(
        type="jw323", release="3.2", sender="98000001", receiver="0344", identification="N", dated=DATED, wet="JW"
    )
    said = (credit(line("R1"), "R3"), line("R4"), line("R5", 3, hours=99), line("R6", 3, bsn=OTHER, number=2))
    past = Counted(ledger.kept)
    assert [each.code for each in book.judge(facts, said, past)] == ["TR321"]
    assert {past.asked[keys.dossier(facts, bsn)] for bsn in (BSN, OTHER)} == {1}
