"""What stands out among reading, and what does not: counts in, signals out."""

from datetime import UTC, datetime, timedelta

import pytest

from audit.catalogue import kinds
from gateway.oversight.signals import (
    DAY,
    EMERGENCY,
    EXPORTS,
    HOUR,
    NOT_LET_IN,
    Count,
    Look,
    begin_of,
    bounds,
    human_reading,
    limit,
    reach,
    signals,
    wanted,
)
from gateway.oversight.watch import Known

NOON = 12 * HOUR
TODAY = int(datetime(2026, 11, 19, 11, tzinfo=UTC).timestamp()) * 1000  # a Thursday, noon in the Netherlands
ANNA, BRAM, CEES = "aa" * 16, "bb" * 16, "cc" * 16


def read(actor, days_ago, lines, event="logboek.gelezen", hour=0):
    return Count(actor=actor, event=event, at=TODAY - days_ago * DAY + hour * HOUR, lines=lines)


def workdays(actor, lines, *, until=1, weeks=4):
    """So many lines on each workday of some weeks before today."""
    back = [
        n for n in range(until, 7 * weeks) if (datetime(2026, 11, 19, tzinfo=UTC) - timedelta(days=n)).weekday() < 5
    ]
    return [read(actor, n, lines) for n in back]


def found(counts=(), looks=(), **options):
    return [(each.kind, each.actor, each.count) for each in signals(counts, looks, at=TODAY, **options)]


def look(actor, person, minutes=0, *, first=0, last=TODAY):
    return Look(actor=actor, at=TODAY + minutes * 60_000, person=person, first=first, last=last)


def test_a_day_far_above_ones_own_past_is_a_peak():
    assert found([*workdays(ANNA, 10), read(ANNA, 0, 60)]) == [("piek", ANNA, 60)]


def test_a_day_like_the_others_is_none():
    assert found([*workdays(ANNA, 30), read(ANNA, 0, 34)]) == []


def test_one_earlier_peak_hides_no_later_one():
    past = [each for each in workdays(ANNA, 10) if each.at != TODAY - 2 * DAY]
    assert ("piek", ANNA, 60) in found([*past, read(ANNA, 2, 5000), read(ANNA, 0, 60)])


def test_who_reads_as_much_as_the_others_do_on_a_common_day_only_works():
    assert found([*workdays(ANNA, 10), *workdays(BRAM, 70), *workdays(CEES, 70), read(ANNA, 0, 60)]) == []


def test_who_has_no_past_is_held_against_the_others():
    others = [*workdays(BRAM, 10), *workdays(CEES, 12)]
    assert found([*others, read(ANNA, 0, 60)]) == [("piek", ANNA, 60)]
    assert found([*others, read(ANNA, 0, 15)]) == []


def test_who_has_no_past_and_no_peers_has_a_fixed_bound():
    assert found([read(ANNA, 0, 199)]) == []
    assert found([read(ANNA, 0, 200)]) == [("piek", ANNA, 200)]


def test_a_few_lines_are_never_a_peak():
    assert found([*workdays(ANNA, 1), read(ANNA, 0, 19)]) == []


def test_what_the_systems_of_a_party_fetch_is_no_reading_of_people():
    fetched = "bericht.gelezen"
    small = [read(BRAM, n, 5, fetched) for n in range(1, 28)]
    assert found([*small, read(BRAM, 0, 8000, fetched)]) == []


def test_people_who_read_at_night_or_in_the_weekend_are_told():
    assert found([read(ANNA, 0, 2, hour=10)]) == [("nacht", ANNA, 2)]  # 22:00
    assert found([read(ANNA, 0, 2, hour=9)]) == []  # 21:00
    assert found([read(ANNA, 4, 3)]) == [("nacht", ANNA, 3)]  # Sunday noon


@pytest.mark.parametrize(("hour_utc", "told"), [(3, True), (4, False)])
def test_the_night_is_that_of_the_clock_in_the_netherlands(hour_utc, told):
    summer = int(datetime(2026, 7, 2, hour_utc, tzinfo=UTC).timestamp()) * 1000  # 5:00 and 6:00 there
    one = Count(actor=ANNA, event="logboek.gelezen", at=summer, lines=1)
    assert bool(signals([one], [], at=summer + DAY)) is told


def test_systems_may_read_at_night():
    assert found([read(ANNA, 0, 2, "bericht.gelezen", hour=12)]) == []


def test_a_day_of_twenty_five_hours_is_one_day():
    begin = int(datetime(2026, 10, 24, 22, tzinfo=UTC).timestamp()) * 1000
    assert begin_of(begin + 24 * HOUR + HOUR - 1) == begin
    assert begin_of(begin + 25 * HOUR) == begin + 25 * HOUR
    assert begin_of(begin + 25 * HOUR, back=1) == begin


def test_many_persons_within_an_hour_are_told_wherever_that_hour_begins():
    people = [look(ANNA, n, minutes=30 + 2 * n) for n in range(25)]  # 48 minutes, over the turn of the hour
    assert found(looks=people) == [("velen", ANNA, 25)]


def test_as_many_persons_over_a_day_are_not():
    assert found(looks=[look(ANNA, n, minutes=3 * n) for n in range(25)]) == []


def test_one_person_opened_often_is_one_person():
    assert found(looks=[look(ANNA, 1, minutes=n) for n in range(50)]) == []


def test_looking_at_somebody_without_messages_is_told():
    nobody = look(ANNA, 1, first=None, last=None)
    later = look(BRAM, 1, first=TODAY + HOUR, last=TODAY + 2 * HOUR)
    assert found(looks=[nobody, later]) == [("relatie", ANNA, 1), ("relatie", BRAM, 1)]


def test_looking_at_somebody_long_after_the_last_message_is_told():
    days = bounds()["signaal"]["relatie"]["dagen"]
    assert found(looks=[look(ANNA, 1, last=TODAY - (days + 1) * DAY)]) == [("relatie", ANNA, 1)]
    assert found(looks=[look(ANNA, 1, last=TODAY - days * DAY)]) == []


def test_attempts_to_log_in_are_told_from_a_bound_that_differs_for_names_that_do_not_exist():
    nobody = frozenset({BRAM})
    assert found([read(ANNA, 0, 4, NOT_LET_IN), read(BRAM, 0, 19, NOT_LET_IN)], unknown=nobody) == []
    assert found([read(ANNA, 0, 5, NOT_LET_IN), read(BRAM, 0, 20, NOT_LET_IN)], unknown=nobody) == [
        ("aanmelden", ANNA, 5),
        ("aanmelden", BRAM, 20),
    ]


def test_emergency_access_that_becomes_a_habit_is_told():
    assert found([read(ANNA, n, 1, EMERGENCY) for n in (0, 3, 7)]) == []
    assert found([read(ANNA, n, 1, EMERGENCY) for n in (0, 3, 6)]) == [("noodtoegang", ANNA, 3)]


def test_many_files_are_told():
    files = [read(ANNA, 0, 2, "dossier.geexporteerd"), read(ANNA, 0, 3, "overzicht.geexporteerd")]
    assert found(files) == [("uitvoer", ANNA, 5)]


def test_what_is_too_long_ago_is_not_judged_but_is_the_past_of_what_is():
    old = bounds()["venster"]["dagen"] + 1
    assert found([read(ANNA, old, 3, hour=9)]) == []
    assert reach(TODAY) <= begin_of(TODAY, back=bounds()["venster"]["dagen"] + bounds()["venster"]["verleden"])


def test_a_signal_keeps_its_name_and_tells_nothing_by_it():
    (one,) = signals([read(ANNA, 0, 2, hour=10)], [], at=TODAY)
    (same,) = signals([read(ANNA, 0, 7, hour=10)], [], at=TODAY + DAY)
    assert one.key == same.key
    assert ANNA[:8] not in one.key


def test_a_limit_is_above_the_middle_even_where_all_days_are_equal():
    assert limit([10] * 9) > 10


def test_every_kind_has_its_words_and_its_reason():
    assert all(each["titel"] and each["uitleg"] and each["reden"] for each in bounds()["signaal"].values())


def test_what_is_counted_stands_in_the_catalogue():
    assert wanted() <= kinds().keys()
    assert human_reading() >= EXPORTS


def test_who_is_no_officer_or_party_of_now_is_told_by_a_mark_and_not_said_to_have_left():
    known = Known(names={"aa" * 16: "f.de.groot"}, newest={})
    assert known.called("aa" * 16) == "f.de.groot"
    assert known.called("050ab58d" + "0" * 24) == "geen functionaris of partij van nu (050ab58d)"
