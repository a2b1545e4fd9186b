"""What an officer types becomes a question, or he is told all that is wrong with it at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.oversight import purposes
from gateway.oversight.question import Question, bsn_fault, masked, read
from gateway.rules.persoon import cs002

GOOD = {"doel": "inzage", "reden": "verzoek van 3 maart"}


def test_all_that_is_wrong_is_told_at_once_and_where():
    wrong = read(
        {"van": "2026-02-30", "tot": "morgen", "bericht": "A1", "wie": "Jan de Wit", "bsn": "123", "doel": "x"},
        {"soort": ["bestaat.niet"]},
        people=True,
    )
    assert isinstance(wrong, dict)
    assert set(wrong) == {"van", "tot", "bericht", "wie", "bsn", "doel", "reden", "soort"}
    assert all(text.endswith(".") for text in wrong.values())
    assert not [text for text in wrong.values() if "123" in text or "Jan" in text]


def test_a_period_ends_after_it_begins():
    assert read({**GOOD, "van": "2026-03-02", "tot": "2026-03-01"}, {}, people=True) == {
        "tot": "De laatste dag ligt voor de eerste."
    }


def test_numbers_may_be_typed_as_people_write_them():
    told = read({**GOOD, "bsn": "9999.00.006", "bericht": "0123ABCD" * 4, "wie": "FG-Brug"}, {}, people=True)
    assert isinstance(told, Question)
    assert (told.bsn, told.message, told.actor) == ("999900006", "0123abcd" * 4, "fg-brug")


def test_who_may_not_see_people_cannot_ask_for_them():
    told = read({**GOOD, "bsn": "999900006", "wie": "98000001"}, {}, people=False)
    assert isinstance(told, Question)
    assert (told.bsn, told.actor) == ("", "")


@pytest.mark.parametrize(
    ("since", "until", "hours"),
    [("2026-03-29", "2026-03-29", 23), ("2026-10-25", "2026-10-25", 25), ("2026-11-22", "2026-11-23", 48)],
)
def test_days_are_those_of_the_dutch_clock(since, until, hours):
    wanted = Question(since=since, until=until, purpose="inzage", reason="").wanted("98000001")
    assert wanted.until - wanted.since == hours * 3_600_000
    assert wanted.since % 86_400_000 in {82_800_000, 79_200_000}  # 23:00 or 22:00 UTC


@given(st.from_regex(r"[0-9]{9}", fullmatch=True))
def test_a_bsn_is_judged_as_in_messages(number):
    assert bool(bsn_fault(number)) == (cs002({"Bsn": number}, None) is not None)


def test_a_masked_bsn_tells_two_apart_and_no_more():
    assert masked("999900006") == "••••••006"
    assert masked("") == ""


def test_the_log_gets_only_what_was_asked():
    assert Question(bsn="999900006", since="2026-01-01", purpose="inzage", reason="x").told() == {
        "bsn": "999900006", "van": "2026-01-01",
    }  # fmt: skip


def test_a_repr_holds_no_person():
    assert "999900006" not in repr(Question(bsn="999900006", actor="98000001", purpose="inzage", reason="geheim"))
    assert "geheim" not in repr(Question(purpose="inzage", reason="geheim"))


@pytest.mark.parametrize("reason", ["", "te kort", "x" * 501])
def test_a_reason_is_a_sentence(reason):
    assert set(purposes.faults({"doel": "inzage", "reden": reason})) == {"reden"}
