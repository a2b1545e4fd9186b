"""Conversations: every message gets the verdict that it carries, judged after those before it as ``--keten`` does."""

from collections import Counter
from pathlib import Path

import pytest
from test_samples import expectation

from gateway.catalog import FOLDER, Catalog
from gateway.chain import Chain
from gateway.ledger.book import RULES

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
    wanted = {(f"{family}{number}", code) for number, rules in RULES.items() for code, _ in rules}
    assert not wanted - broken


def test_a_folder_has_its_messages_numbered():
    for folder in CONVERSATIONS:
        numbers = Counter(path.name[:2] for path in folder.glob("*.xml"))
        assert sorted(numbers) == [f"{n + 1:02d}" for n in range(len(numbers))], folder
