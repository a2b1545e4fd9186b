"""Starts and stops: what the table allows is accepted, each single step that it forbids is refused."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.ledger import book, keys
from gateway.ledger.levering import FLOW, TAKEN_BACK, TEMPORARY, Deliveries, State, Step
from gateway.ledger.values import Order, Record, Said, Start, Stop
from gateway.message import Facts

BSN = "999900006"
DAY = date(2026, 1, 1)
ORDER = Order(bsn=BSN, number=1, category="45", code="45A04", date="2026-01-01", time="09:00:00", begin="2026-01-01")


def day(n: int) -> str:
    return str(DAY + timedelta(days=n))


def facts(type_: str, n: int) -> Facts:
    pays = type_.endswith("301")
    return Facts(
        type=type_, release="3.2", sender="0344" if pays else "98000001", receiver="98000001" if pays else "0344",
        identification=f"M{n}", dated="2026-12-31", wet="JW",
    )  # fmt: skip


class Ledger:
    """All of it, in memory."""

    def __init__(self) -> None:
        self.records: dict[str, Record] = {}
        self.said = 0
        assert self.hear(ORDER) == []

    def hear(self, *said: Said) -> list[str]:
        """The codes of what is wrong; if nothing is, it is remembered."""
        self.said += 1
        type_ = {Order: "jw301", Start: "jw305", Stop: "jw307"}[type(said[0])]
        about = facts(type_, self.said)
        past = {key: self.records[key] for key in keys.keys(about, said) & self.records.keys()}
        found = [finding.code for finding in book.judge(about, said, past)]
        if not found:
            self.records |= book.remember(about, said, past)
        return found


def start(n: int, *, undo: bool = False) -> Start:
    return Start(bsn=BSN, number=1, category="45", code="45A04", begin=day(n), status=TAKEN_BACK if undo else "1")


def stop(n: int, end: int, reason: str, *, undo: bool = False) -> Stop:
    return Stop(
        bsn=BSN, number=1, category="45", code="45A04", begin=day(n), end=day(end), reason=reason,
        status=TAKEN_BACK if undo else "1",
    )  # fmt: skip


PAUSE, END = stop(1, 10, TEMPORARY), stop(1, 20, "31")
REPORTS = {
    Step.START: start(1),
    Step.PAUSE: PAUSE,
    Step.STOP: END,
    Step.UNDO_START: start(1, undo=True),
    Step.UNDO_PAUSE: stop(1, 10, TEMPORARY, undo=True),
    Step.UNDO_STOP: stop(1, 20, "31", undo=True),
}
LEADS_TO = {
    State.ABSENT: [],
    State.RUNNING: [start(1)],
    State.PAUSED: [start(1), PAUSE],
    State.STOPPED: [start(1), END],
    State.PAUSED_STOPPED: [start(1), PAUSE, END],
}


REPEATED = {
    (State.PAUSED, Step.PAUSE),
    (State.STOPPED, Step.STOP),
    (State.PAUSED_STOPPED, Step.PAUSE),
    (State.PAUSED_STOPPED, Step.STOP),
}
"""Where the same report again is what the table forbids as a second one."""


def told(path: list[Said]) -> Ledger:
    ledger = Ledger()
    for each in path:
        assert ledger.hear(each) == []
    return ledger


def test_the_table_answers_every_question():
    assert set(FLOW) == set(product(State, Step))


@pytest.mark.parametrize(("state", "step"), [key for key, then in FLOW.items() if isinstance(then, State)])
def test_a_step_that_the_table_allows_is_accepted(state: State, step: Step):
    assert told(LEADS_TO[state]).hear(REPORTS[step]) == []


def other(report: Start | Stop) -> Start | Stop:
    """The same step with another key where that is what tells a repetition from a second one."""
    if isinstance(report, Stop) and report.status != TAKEN_BACK:
        return stop(1, 25, report.reason)
    return report


@pytest.mark.parametrize(("state", "step"), [key for key, then in FLOW.items() if not isinstance(then, State)])
def test_a_step_that_the_table_forbids_is_refused_by_its_rule(state: State, step: Step):
    assert told(LEADS_TO[state]).hear(other(REPORTS[step])) == [FLOW[state, step]]


@pytest.mark.parametrize(
    ("path", "again"),
    [(LEADS_TO[State.PAUSED], PAUSE), (LEADS_TO[State.STOPPED], END), (LEADS_TO[State.PAUSED_STOPPED], PAUSE)],
)
def test_the_same_stop_again_is_a_repetition(path: list[Said], again: Stop):
    assert told(path).hear(again) == ["TR074"]


@pytest.mark.parametrize(
    ("state", "wrong"),
    [(State.PAUSED, stop(1, 11, TEMPORARY, undo=True)), (State.STOPPED, stop(1, 20, "32", undo=True))],
)
def test_only_the_stop_that_stands_is_taken_back(state: State, wrong: Stop):
    assert told(LEADS_TO[state]).hear(wrong) == ["TR063"]


def test_after_a_temporary_stop_the_final_one_is_not_earlier():
    assert told(LEADS_TO[State.PAUSED]).hear(stop(1, 9, "31")) == ["TR414"]
    assert told(LEADS_TO[State.PAUSED]).hear(stop(1, 10, "31")) == []


def test_an_order_has_one_current_start():
    ledger = told([start(1)])
    assert ledger.hear(start(2)) == ["TR326"]
    assert ledger.hear(PAUSE) == []
    assert ledger.hear(start(12)) == []
    assert ledger.hear(start(13)) == ["TR326"]
    assert ledger.hear(END) == []  # of the first one, whose stop was temporary


def test_without_orders_each_product_has_one_current_start():
    ledger = Ledger()
    free = {"bsn": BSN, "category": "45", "status": "1"}
    assert ledger.hear(Start(**free, code="45A04", begin=day(1))) == []
    assert ledger.hear(Start(**free, code="45A53", begin=day(1))) == []
    assert ledger.hear(Start(**free, code="45A04", begin=day(2))) == ["TR326"]


def test_a_correction_in_one_message_may_stand_in_any_order():
    for said in ([start(1, undo=True), start(2)], [start(2), start(1, undo=True)]):
        assert told([start(1)]).hear(*said) == []


def test_a_removal_needs_no_order_that_is_known():
    ledger = told([start(1)])
    ledger.records = {key: record for key, record in ledger.records.items() if not key.startswith("dossier")} | {
        key: tuple(heard for heard in record if heard.type != "jw301")
        for key, record in ledger.records.items()
        if key.startswith("dossier")
    }
    assert ledger.hear(start(1, undo=True)) == []
    assert ledger.hear(start(1)) == ["TR019"]


@settings(max_examples=300)
@given(st.lists(st.tuples(st.sampled_from(Step), st.integers(1, 3)), max_size=14))
def test_any_sequence_is_accepted_as_far_as_the_table_allows_it_and_no_further(walk: list[tuple[Step, int]]):
    """Three days on which delivery may begin: the table holds for each, and one start is current for all."""
    deliveries, states = Deliveries(), dict.fromkeys((1, 2, 3), State.ABSENT)
    for step, n in walk:
        code, then = deliveries.take(replace(REPORTS[step], begin=day(n))), FLOW[states[n], step]
        if isinstance(then, State):
            other_current = step == Step.START and State.RUNNING in states.values()
            assert code == ("TR326" if other_current else None)
            states[n] = states[n] if other_current else then
        else:
            assert code == ("TR074" if (states[n], step) in REPEATED else then)
