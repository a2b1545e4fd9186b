"""Every rule and every return code of the standard is explained, in Dutch and in English."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

from gateway.codes import code_list
from gateway.explain import FOLDER, explain, finding, in_words, rules_behind

# istandaarden 3.2: what is held against earlier messages, and against what lies outside the message.
HISTORY = [
    "TR019", "TR056", "TR063", "TR071", "TR074", "TR304", "TR307", "TR308", "TR314", "TR318", "TR321", "TR322",
    "TR323", "TR326", "TR332", "TR333", "TR337", "TR338", "TR339", "TR340", "TR341", "TR347", "TR349", "TR350",
    "TR351", "TR355", "TR357", "TR359", "TR360", "TR361", "TR365", "TR366", "TR367", "TR369", "TR371", "TR373",
    "TR374", "TR375", "TR376", "TR379", "TR382", "TR384", "TR385", "TR387", "TR388", "TR389", "TR390", "TR411",
    "TR412", "TR413", "TR414", "TR415",
]  # fmt: skip
OUTSIDE = ["TR135", "TR346", "TR378", "TR381", "TR418"]
RETURN_CODES = tuple(code_list("WJ001").meanings)
EVERY = {
    code: entry for path in sorted(FOLDER.glob("*.toml")) for code, entry in tomllib.loads(path.read_text()).items()
}
WORDS = {"titel", "regel", "oplossing"}
NO_RULE = {"0001", "0200", "0233", "8001", "9319"}  # 9319 is TR319, which is broken inside one message: 0001
ROOT = Path(__file__).parent.parent
PUBLISHED = ROOT.parent / "shared/field/regels-TR.txt"


def test_no_code_of_the_standard_is_left_out():
    assert {*HISTORY, *OUTSIDE, *RETURN_CODES} <= EVERY.keys()


def test_every_entry_says_all_in_both_languages_and_nothing_else():
    for code, entry in EVERY.items():
        assert entry.keys() == WORDS | {"niveau", "retourcode", "bron", "en"}, code
        assert entry["en"].keys() == WORDS, code


@pytest.mark.parametrize("language", ["nl", "en"])
@pytest.mark.parametrize("code", EVERY)
def test_a_code_is_explained_in_short_sentences(code, language):
    known = explain(code, language)
    assert known.title
    assert len(known.title) < 60
    for text in (known.rule, known.remedy):
        assert text.endswith(".")
        assert max(len(sentence.split()) for sentence in re.split(r"(?<=[.:])\s", text)) < 30


@pytest.mark.parametrize(("codes", "level"), [(HISTORY, 3), (OUTSIDE, 4)])
def test_a_rule_stands_at_its_level(codes, level):
    assert {code for code in codes if explain(code).level != level} == set()


def test_english_is_not_dutch():
    for code in EVERY:
        nl, en = explain(code), explain(code, "en")
        assert (nl.rule, nl.remedy) != (en.rule, en.remedy)
        assert not {nl.rule, nl.remedy} & {en.rule, en.remedy}


def test_every_return_code_has_a_rule_that_leads_to_it():
    assert {code for code in RETURN_CODES if not rules_behind(code)} == NO_RULE - {"0001"}


def test_every_rule_leads_to_a_return_code_that_exists():
    for code in (*HISTORY, *OUTSIDE):
        assert explain(code).return_code in {"", *RETURN_CODES}


@pytest.mark.parametrize("code", EVERY)
def test_a_finding_says_what_is_wrong_what_is_expected_and_what_to_do_in_both_languages(code):
    told = finding(code, line=3, path="Bericht/Header")
    nl, en = explain(code), explain(code, "en")
    assert (told.code, told.level, told.line, told.path) == (code, EVERY[code]["niveau"], 3, "Bericht/Header")
    assert (told.text, told.english) == in_words(code)
    for each, text in ((nl, told.text), (en, told.english)):
        assert text.startswith(f"{each.title}. ")
        assert text.index(each.rule) < text.index(each.remedy)


def test_no_finding_is_made_elsewhere():
    """But for those that come from a worker, where they were made so."""
    makers = {
        path.name
        for path in Path(ROOT, "gateway").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Finding"
    }
    assert makers == {"explain.py", "verdicts.py"}


def test_no_finding_has_an_unknown_code():
    with pytest.raises(KeyError):
        finding("TR999")


def test_what_is_unknown_is_not_explained():
    assert explain("TR999") is None
    assert explain("TR332.en") is None


def test_return_codes_are_those_of_the_published_rules():
    if not PUBLISHED.exists():
        pytest.skip("the published rules are not beside this project")
    told = dict(re.findall(r"^(TR\d{3}) \[.*?\] rc=(\S+)", PUBLISHED.read_text(encoding="utf-8"), re.MULTILINE))
    for code in (*HISTORY, *OUTSIDE):
        assert explain(code).return_code == told[code].replace("n.v.t.", "")
