"""Level-4 rules that need no register: amounts and municipalities."""

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.catalog import FOLDER, Catalog
from gateway.check import check
from gateway.codes import code_list, names
from gateway.explain import explain
from gateway.message import Checked
from gateway.rules.extern import EXTERN, from_an_hourly_tariff

CATALOG = Catalog.load()
HOURLY = st.integers(0, 99_999_999)
MINUTES = st.integers(0, 100_000)


def half_up(value: Fraction) -> int:
    """To whole cents, half a cent up."""
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


@given(HOURLY, MINUTES)
@example(8500, 45)
@example(8530, 1)  # exactly half a cent a minute
def test_what_an_hourly_tariff_gives_is_accepted(hourly, minutes):
    tariff, amount = half_up(Fraction(hourly, 60)), half_up(Fraction(hourly * minutes, 60))
    assert from_an_hourly_tariff(amount, minutes, tariff)


@given(st.integers(0, 2_000), st.integers(0, 300), st.integers(0, 700_000))
@example(142, 45, 6375)
@example(142, 1, 143)
@example(143, 1, 142)
def test_what_no_hourly_tariff_gives_is_refused(tariff, minutes, amount):
    fits = any(
        half_up(Fraction(hourly, 60)) == tariff and half_up(Fraction(hourly * minutes, 60)) == amount
        for hourly in range(max(60 * tariff - 60, 0), 60 * tariff + 60)
    )
    assert from_an_hourly_tariff(amount, minutes, tariff) is fits


@given(st.integers(1, 2_000), MINUTES)
def test_an_amount_strays_by_half_a_cent_a_minute_at_most(tariff, minutes):
    for amount in (minutes * tariff + minutes // 2 + 2, minutes * tariff - minutes // 2 - 2):
        assert not from_an_hourly_tariff(amount, minutes, tariff)


def judged(sample: str, *changes: tuple[str, str]) -> Checked:
    """A valid sample with each old text replaced by a new one, judged."""
    law = {"jw": "ijw/3.2", "wm": "iwmo/3.2", "ho": "hoa/1.0"}[sample[:2]]
    text = (FOLDER / law / "samples/valid" / f"{sample}.xml").read_text("utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return check(text.encode(), CATALOG)


def codes(checked: Checked) -> set[str]:
    return {finding.code for finding in checked.findings}


GEMEENTE = ("0344<", "0457<")  # Weesp, part of Amsterdam since 24 March 2022


@pytest.mark.parametrize("number", ["305", "307", "317", "323"])
@pytest.mark.parametrize("law", ["jw", "wmo"])
def test_a_gemeente_that_has_ended_is_not_held_against_a_message_that_tells_no_first_day(law, number):
    assert codes(judged(f"{law}{number}-minimaal", GEMEENTE)) == set()
    assert codes(judged(f"{law}{number}-minimaal", ("0344<", "1234<"))) == {"TR378"}


@pytest.mark.parametrize("law", ["jw", "wmo"])
def test_a_gemeente_that_has_ended_must_have_been_one_when_what_is_asked_for_begins(law):
    checked = judged(f"{law}315-minimaal", GEMEENTE)
    assert codes(checked) == {"TR378"}
    assert [finding.path for finding in checked.findings] == ["Bericht/Header/Ontvanger"]


def test_a_gemeente_may_be_that_of_any_assignment_in_the_message():
    assert codes(judged("jw301-oude-gemeente", ("2022-03-01<", "2022-03-24<"))) == {"TR378"}
    assert codes(judged("jw301-oude-gemeente", ("2022-03-01<", "2022-03-23<"))) == set()


def test_after_the_last_day_that_the_list_knows_no_gemeente_is_refused():
    later = ("2026-", "2027-")
    assert codes(judged("jw323-minimaal", later, ("0344<", "1234<"))) == set()


def test_a_finding_of_level_4_is_told_only_when_level_2_is_clean():
    cent = (":Bedrag>85000<", ":Bedrag>85001<")
    assert codes(judged("jw323-minimaal", cent)) == {"TR358"}
    assert codes(judged("jw323-minimaal", cent, (":TotaalBedrag>85000<", ":TotaalBedrag>85001<"))) == {"TR346"}


def test_a_large_message_with_very_many_wrong_amounts_still_shows_its_level_2_fault():
    text = (FOLDER / "ijw/3.2/samples/valid/jw323-minimaal.xml").read_text("utf-8")
    head, line, tail = split(text)
    wrong = line.replace(":Bedrag>85000<", ":Bedrag>85001<")
    lines = "".join(wrong.replace(">R1<", f">R{n}<").replace(">1001<", f">{1001 + n}<") for n in range(300))
    total = (":TotaalBedrag>85000<", f":TotaalBedrag>{300 * 85001}<")
    only_amounts = check((head + lines + tail).replace(*total).encode(), CATALOG)
    assert codes(only_amounts) == {"TR346"}
    assert only_amounts.total == 300
    assert len(only_amounts.findings) == 100
    assert codes(check((head + lines + tail).encode(), CATALOG)) == {"TR358"}


def split(text: str) -> tuple[str, str, str]:
    """A 323 with one line: what stands before the line, the line, and what stands after it."""
    begin, end = text.index("<jw323:Prestatie>"), text.index("</jw323:Prestatie>") + len("</jw323:Prestatie>")
    return text[:begin], text[begin:end], text[end:]


@pytest.mark.parametrize("unit", ["04", "14", "16", "82", "84"])
def test_only_minutes_may_hide_an_hourly_tariff(unit):
    assert codes(judged("jw323-minuten-met-uurtarief", ("Eenheid>01<", f"Eenheid>{unit}<"))) == {"TR346"}


def test_every_rule_of_level_4_is_one_in_words_and_every_type_is_one_we_know():
    assert set(EXTERN) <= set(CATALOG.types)
    for classes in EXTERN.values():
        for rules in classes.values():
            assert all(explain(code).level == 4 for code, _ in rules if code)


def test_the_answer_that_refuses_a_gemeente_may_repeat_it():
    unknown = ("Afzender>0344<", "Afzender>1234<")
    assert codes(judged("jw325-kop-afgekeurd", unknown)) == {"TR378"}
    assert codes(judged("jw325-kop-afgekeurd", unknown, ("RetourCode>0001<", "RetourCode>S300<"))) == set()


def test_no_other_list_needs_to_be_held_against_the_day_of_a_message():
    """Codes begin before the releases are in use; what ended before that is refused by a rule of level 2."""
    first = min(release.since for release in CATALOG.releases if release.standard != "hoa")
    for name in set(names()) - {"CBS"}:
        each = code_list(name)
        assert all(begin <= first for begin in each.begins.values()), name
        assert set(each.ends) <= ({"01"} if name in {"JZ002", "WMO002"} else set()), name  # CS336


def samples_that_break(code: str) -> set[str]:
    return {path.name.partition("-")[0] for path in Path(FOLDER).glob(f"*/*/samples/invalid/*-{code.lower()}-*.xml")}


def test_every_type_with_a_rule_of_level_4_has_a_sample_or_a_test_here_that_breaks_it():
    shown = samples_that_break("TR378") | {"jw305", "jw307", "jw315", "jw317", "wmo305", "wmo307", "wmo315", "wmo317"}
    assert set(EXTERN) - shown - {"ho323", "jw325", "wmo325", "ho332"} == set()
    assert samples_that_break("TR346") == {"jw323", "wmo323", "ho323"}


def test_the_gemeente_that_is_responsible_instead_exists():
    checked = judged("jw319-rijk", ("Gemeente>0363<", "Gemeente>1234<"))
    assert [finding.path for finding in checked.findings] == ["Bericht/Antwoord/Woonplaatsbeginsel/Gemeente"]


@pytest.mark.parametrize("sample", ["jw325-toegekend", "wmo325-toegekend", "ho332-toestemming"])
def test_the_gemeente_that_answers_exists(sample):
    assert codes(judged(sample, ("Afzender>0344<", "Afzender>1234<"))) == {"TR378"}
