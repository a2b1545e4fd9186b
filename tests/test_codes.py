"""Code lists: they hold what the schemas allow, they know which day it is, and they agree with what is published."""

import json
import re

import pytest
from lxml import etree

from gateway.codes import FOLDER, code_list, names
from gateway.explain import explain

SCHEMAS = FOLDER.parent
PUBLISHED = SCHEMAS.parent.parent / "shared/field/codelijsten"
XS = "{http://www.w3.org/2001/XMLSchema}"
LISTS = {name: code_list(name) for name in names()}
DAY = "2026-01-01"


def simple_types() -> dict[str, set[str]]:
    """Every simple type of every release, ``ijw/3.2:LDT_Eenheid``, with its enumeration."""
    return {
        f"{path.parent.parent.name}/{path.parent.name}:{node.get('name')}": {
            code.get("value") for code in node.iter(f"{XS}enumeration")
        }
        for path in sorted(SCHEMAS.glob("*/*/*.xsd"))
        for node in etree.parse(path).iter(f"{XS}simpleType")
        if node.get("name")
    }


TYPES = simple_types()


def test_every_enumeration_is_exactly_what_its_lists_hold():
    """In HOA one type may join two lists: the law in the header says which of them counts."""
    for name, codes in TYPES.items():
        if codes:
            held = [set(each.meanings) for each in LISTS.values() if name in each.uses]
            assert set().union(*held) == codes, name


def test_no_enumeration_hides_outside_a_named_type():
    for path in SCHEMAS.glob("*/*/*.xsd"):
        for code in etree.parse(path).iter(f"{XS}enumeration"):
            assert code.getparent().getparent().get("name"), path


@pytest.mark.parametrize("each", LISTS.values(), ids=LISTS)
def test_every_list_is_used_and_says_by_whom(each):
    assert each.uses
    assert set(each.uses) <= TYPES.keys()
    laws = {"ijw": "JW", "iwmo": "WMO", "hoa": "HOA"}
    assert set(each.domains) == {laws[use.partition("/")[0]] for use in each.uses}


@pytest.mark.parametrize("each", LISTS.values(), ids=LISTS)
def test_every_code_says_what_it_means_in_two_languages(each):
    assert all(each.title.values())
    assert all(meaning.strip() for meaning in each.meanings.values())
    if each.name != "CBS":
        assert list(each.english) == list(each.meanings)
    assert {*each.begins, *each.ends} <= each.meanings.keys()


def test_a_return_code_is_called_the_same_everywhere():
    each = LISTS["WJ001"]
    for code in each.meanings:
        assert each.meaning(code) == explain(code).title
        assert each.meaning(code, "en") == explain(code, "en").title


@pytest.mark.parametrize(
    ("year", "count"),
    [
        (2015, 393),
        (2016, 390),
        (2017, 388),
        (2018, 380),
        (2019, 355),
        (2021, 352),
        (2022, 345),
        (2023, 342),
        (2026, 342),
    ],
)
def test_there_are_as_many_gemeenten_each_new_year_as_cbs_counted(year, count):
    gemeenten = LISTS["CBS"]
    assert sum(gemeenten.valid(code, f"{year}-01-01") for code in gemeenten.meanings) == count


@pytest.mark.parametrize(
    ("code", "date", "valid", "existed"),
    [
        ("0344", "2026-11-22", True, True),  # Utrecht
        ("0457", "2022-03-23", True, True),  # Weesp, on its last day
        ("0457", "2022-03-24", False, True),
        ("1980", "2021-12-31", False, False),  # Dijk en Waard, the day before it began
        ("1980", "2022-01-01", True, True),
        ("1234", "2026-11-22", False, False),  # never was one
        ("0344", "10000-01-01", True, True),  # a year of five digits is later, not earlier
    ],
)
def test_a_gemeente_is_valid_from_its_first_day_to_its_last(code, date, valid, existed):
    gemeenten = LISTS["CBS"]
    assert gemeenten.valid(code, date) is valid
    assert gemeenten.existed(code, date) is existed


def test_a_list_that_is_not_there_is_not_found():
    for name in ("JZ999", "../regels/niveau-2", ""):
        with pytest.raises(KeyError, match=f"^'{re.escape(name)}'$"):
            code_list(name)


def published(name: str, law: str) -> str:
    if not PUBLISHED.is_dir():
        pytest.skip("the published code lists are not beside this project")
    found = next(iter((PUBLISHED / law).glob(f"{name}_*")), None)
    if found is None:
        pytest.skip(f"{name} is not among the published lists of {law}")
    return found.read_text(encoding="utf-8")


def codes_in(text: str) -> set[str]:
    if text.lstrip().startswith("{"):
        return {entry["code"] for entry in json.loads(text)["codelijst"]["codes"]}
    return set(re.findall(r"^\| *([0-9A-Z]{1,4}) *\|", text, re.MULTILINE)) - {"ID"}


@pytest.mark.parametrize("law", ["jw", "wmo"])
@pytest.mark.parametrize("name", [name for name in LISTS if name.startswith(("COD", "JZ", "WJ", "WMO", "NUM"))])
def test_codes_agree_with_the_published_list(name, law):
    codes = codes_in(published(name, law))
    more = {"9355"} if name == "WJ001" else set()  # the published schemas have it, the published list forgot it
    assert codes | more == set(LISTS[name].meanings)


@pytest.mark.parametrize("law", ["jw", "wmo"])
def test_the_gemeenten_of_today_are_those_of_cbs(law):
    told = dict(re.findall(r"^\| *(\d{4}) *\| *([^|]+?) *\|", published("CBS", law), re.MULTILINE))
    gemeenten = LISTS["CBS"]
    assert told == {code: name for code, name in gemeenten.meanings.items() if gemeenten.valid(code, DAY)}


def test_first_days_agree_with_the_published_list():
    rows = re.findall(r"^\| (\d\d) .*\| (\d\d)-(\d\d)-(\d{4}) *\|$", published("JZ588", "jw"), re.MULTILINE)
    assert {code: f"{year}-{month}-{day}" for code, day, month, year in rows} == LISTS["JZ588"].begins
