"""Conversations: every message gets the verdict that it carries, judged after those before it as ``--keten`` does."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest
from test_samples import expectation

from gateway.catalog import FOLDER, Catalog
from gateway.chain import Chain
from gateway.ledger.book import AGREED, RULES, rules_of
from gateway.validate import valideer

CATALOG = Catalog.load()
CONVERSATIONS = sorted(path for path in FOLDER.glob("*/*/ketens/*") if path.is_dir())


def name(folder: Path) -> str:
    return f"{folder.parent.parent.parent.name}/{folder.name}"


def test_there_are_conversations():
    assert len(CONVERSATIONS) > 50


@pytest.mark.parametrize("folder", CONVERSATIONS, ids=name)
def test_every_message_of_a_conversation_gets_the_verdict_that_it_carries(folder: Path):
    chain = Chain(CATALOG)
    for path in sorted(folder.glob("*.xml")):
        raw = path.read_bytes()
        found = [finding.code for finding in chain.check(raw).findings]
        assert sorted(set(found)) == expectation(raw), path.name


@pytest.mark.parametrize("folder", CONVERSATIONS, ids=name)
def test_a_conversation_is_about_one_thing(folder: Path):
    """Only its last message may be wrong, in one way, which the name of the folder tells."""
    *first, last = [expectation(path.read_bytes()) for path in sorted(folder.glob("*.xml"))]
    assert not any(first)
    assert len(last) <= 1
    assert not last or folder.name.startswith(last[0].lower())


@pytest.mark.parametrize("family", ["jw", "ho"])
def test_every_rule_of_level_3_is_broken_by_a_conversation_in_every_type_that_has_it(family: str):
    broken = set()
    for folder in CONVERSATIONS:
        *_, last = sorted(folder.glob("*.xml"))
        broken |= {(last.stem[3:], code) for code in expectation(last.read_bytes())}
    wanted = {(f"{family}{number}", code) for number in RULES for code, _ in rules_of(f"{family}{number}")}
    assert not wanted - broken


def test_every_rule_that_needs_the_register_is_broken_by_a_conversation_in_every_type_that_has_it():
    last = [max(folder.glob("*.xml")) for folder in CONVERSATIONS]
    broken = {(path.stem[3:], code) for path in last for code in expectation(path.read_bytes())}
    missing = {(type_, code) for type_, rules in AGREED.items() for code, _ in rules} - broken
    # What a region allows is said in no message: tests/test_inhouding.py holds contracts against that.
    assert missing == {("ho341", "HO024")}


def test_a_folder_has_its_messages_numbered():
    for folder in CONVERSATIONS:
        numbers = Counter(path.name[:2] for path in folder.glob("*.xml"))
        assert sorted(numbers) == [f"{n + 1:02d}" for n in range(len(numbers))], folder


def conversation(standard: str, name: str) -> Path:
    return FOLDER / standard / "ketens" / name


def test_the_command_judges_a_folder_as_one_conversation(capsys: pytest.CaptureFixture):
    folder = conversation("hoa/1.0", "tr326-tweede-start")

    assert valideer([str(folder)], json=True, chain=True) == 1
    told = [json.loads(row) for row in capsys.readouterr().out.splitlines()]
    assert [each["geldig"] for each in told] == [True, True, False]
    assert [(found["code"], found["niveau"]) for found in told[-1]["bevindingen"]] == [("TR326", 3)]


def test_without_being_asked_the_command_judges_each_file_by_itself(capsys: pytest.CaptureFixture):
    assert valideer([str(conversation("hoa/1.0", "tr326-tweede-start"))], json=True) == 0
    assert capsys.readouterr().err == ""


def test_files_are_judged_in_the_order_in_which_they_are_named(capsys: pytest.CaptureFixture):
    order, start, *_ = sorted(conversation("ijw/3.2", "heel-traject").glob("0[13]-*.xml"))

    assert valideer([str(order), str(start)], json=True, chain=True) == 0
    assert valideer([str(start), str(order)], json=True, chain=True) == 1
    assert "TR019" in capsys.readouterr().out


def test_an_answer_belongs_to_a_message_of_the_conversation_and_comes_once():
    first, retour, *_ = [path.read_bytes() for path in sorted(conversation("ijw/3.2", "heel-traject").glob("*.xml"))]
    chain = Chain(CATALOG)

    assert [finding.code for finding in chain.check(retour).findings] == ["KP022"]
    assert chain.check(first).findings == ()
    assert chain.check(retour).findings == ()
    again = retour.replace(b"IdentificatieRetour>JW", b"IdentificatieRetour>XX", 1)
    assert again != retour
    assert [finding.code for finding in chain.check(again).findings] == ["KP023"]


def test_only_who_received_a_message_answers_it():
    first, retour, *_ = [path.read_bytes() for path in sorted(conversation("ijw/3.2", "heel-traject").glob("*.xml"))]
    of_another = re.sub(rb"Ontvanger>\d+<", b"Ontvanger>98000099<", retour)
    assert of_another != retour
    chain = Chain(CATALOG)

    assert chain.check(first).findings == ()
    assert [finding.code for finding in chain.check(of_another).findings] == ["KP022"]
    assert chain.check(retour).findings == ()


def test_what_is_wrong_by_itself_is_not_part_of_the_conversation():
    order, start, *_ = [
        path.read_bytes() for path in sorted(conversation("ijw/3.2", "tr326-tweede-start").glob("*.xml"))
    ]
    chain = Chain(CATALOG)

    assert chain.check(order.replace(b"999900006", b"999900007")).findings
    assert [finding.code for finding in chain.check(start).findings] == ["TR019"]
