"""Our formulation of a standard, and the gateway, say of every document what the published schemas say of it.

Of our own family nothing is published; there two validators that share no code must read our schemas alike.
"""

import itertools
import os
from pathlib import Path

import pytest
from lxml import etree

from gateway.grammar import SAME_PATTERN, Element, differences, grammar
from gateway.package import read
from tests.documents import definitions, pattern_schema
from tests.verdicts import FIELD, agree, by_libxml2, trials

TRIALS = trials()
NATIONAL = [trial for trial in TRIALS if trial.source == trial.published]
ROUNDS = int(os.environ.get("VERDICT_ROUNDS", "40"))
"""Each round makes a valid document and one with a single fault in each trial: 40 rounds are some 6,000 documents."""


def needs_oracle(trial):
    if not (FIELD / "xsd").is_dir():
        pytest.skip("the published schemas (../shared/field/xsd) are not here")
    assert trial.published.is_file()


@pytest.mark.parametrize("trial", TRIALS, ids=str)
def test_any_document_gets_the_same_verdict(trial):
    if trial.published:
        needs_oracle(trial)
    assert agree(trial, ROUNDS).refused > ROUNDS / 2, "the faults hardly ever were faults"


@pytest.mark.parametrize("trial", NATIONAL, ids=str)
def test_the_published_example_gets_the_same_verdict(trial):
    needs_oracle(trial)
    release = trial.published.parent.name
    if not (FIELD / "examples" / release).is_dir():
        pytest.skip(f"no examples of {release} are known")
    raw = (FIELD / "examples" / release / f"{trial.ours.stem}.xml").read_bytes()
    assert by_libxml2(trial.ours)(raw) == by_libxml2(trial.published)(raw)


@pytest.mark.parametrize("trial", NATIONAL, ids=str)
def test_names_order_cardinality_and_facets_are_those_published(trial):
    needs_oracle(trial)
    assert list(differences(written_out(trial.ours), written_out(trial.published))) == []


@pytest.mark.parametrize("trial", NATIONAL, ids=str)
def test_types_have_the_names_published_since_xsi_type_may_use_them(trial):
    needs_oracle(trial)
    assert definitions(trial.ours).types.keys() == definitions(trial.published).types.keys()


def written_out(xsd: Path) -> Element:
    return grammar(read(xsd.parent).schemas(), etree.parse(xsd).getroot().get("targetNamespace"))


@pytest.mark.parametrize(("theirs", "ours"), SAME_PATTERN.items())
def test_a_pattern_written_otherwise_allows_the_same_strings(theirs, ours):
    first, second = pattern_schema(theirs), pattern_schema(ours)
    for length in range(5):
        for letters in itertools.product("a. \t\n\r0", repeat=length):
            value = etree.Element("v")
            value.text = "".join(letters)
            assert first.validate(value) == second.validate(value), repr(value.text)
