"""Every level-2 rule can be broken, in every class that it holds for, alone; and what follows all is left in peace."""

import re
from pathlib import Path

import pytest

from gateway.catalog import FOLDER
from gateway.check import check
from gateway.message import Finding
from gateway.rules import NOTE, RULES
from tests.sensible import CATALOG, KINDS, sensible, written
from tests.spoil import BESIDE, CHANGES, JEUGDWET, Scene

FIELD = Path(__file__).parent.parent.parent / "shared" / "field"
ROWS = sorted({(name, klasse, code) for name in RULES for klasse in RULES[name] for code, _ in RULES[name][klasse]})
ROWS = [row for row in ROWS if row[2] != NOTE]
SAMPLES = {path: path.read_bytes() for path in sorted(FOLDER.glob("*/*/samples/invalid/*.xml"))}
MADE = [name for name in RULES if name[-3:] in KINDS]
SEEDS = range(8)
ELSEWHERE = frozenset({"HO016", "TR302", "TR316", "TR386", "TR410"})
"""Rules that are told of a class inside the one on which they run."""


def broken(raw: bytes) -> tuple[Finding, ...]:
    checked = check(raw, CATALOG)
    assert all(finding.level == 2 for finding in checked.findings), checked.findings
    return checked.findings


def place(name: str, finding: Finding) -> str:
    """The innermost class with rules on the way to a finding."""
    steps = re.sub(r"\[\d+\]", "", finding.path).split("/")
    return next((step for step in reversed(steps) if step in RULES[name]), "")


def expected(raw: bytes) -> list[str]:
    return re.search(rb"<!-- expect:(.*?)-->", raw)[1].decode().split()


def shown_by_sample(name: str, klasse: str, code: str) -> bool:
    """Whether a sample breaks this rule, and no other, in this class."""
    alone = [raw for path, raw in SAMPLES.items() if path.name.startswith(f"{name}-") and expected(raw) == [code]]
    return any(code in ELSEWHERE or place(name, each) == klasse for raw in alone for each in broken(raw))


@pytest.mark.parametrize(("name", "klasse", "code"), ROWS)
def test_every_rule_can_be_broken_alone_in_every_class_it_holds_for(name, klasse, code):
    changes = CHANGES.get((code, klasse), ())
    if name not in MADE or not changes:
        assert shown_by_sample(name, klasse, code)
        return
    assert len(changes) == sum(code == row for row, _ in RULES[name][klasse])
    together = {code, BESIDE.get((code, klasse), code)}
    for change in changes:
        seen = 0
        for seed in SEEDS:
            message = sensible(name, seed, rich=True)
            if code in JEUGDWET and message["Header"].get("Wet") == "WMO":
                continue
            change(Scene(message=message, klasse=klasse))
            findings = broken(written(name, message))
            assert {finding.code for finding in findings} == together, findings
            assert code in ELSEWHERE or klasse in {place(name, each) for each in findings if each.code == code}
            seen += 1
        assert seen


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("rich", [False, True], ids=["plain", "rich"])
def test_a_sensible_message_has_no_findings(name, rich):
    for seed in range(40):
        assert not check(written(name, sensible(name, seed, rich=rich)), CATALOG).findings, seed


@pytest.mark.parametrize("name", RULES)
def test_rules_stand_on_classes_that_the_message_has(name):
    assert RULES[name].keys() <= CATALOG.definition(CATALOG.types[name]).names


def test_a_message_of_ours_is_held_to_what_its_national_counterpart_is_held_to():
    same = {"ToegewezenProduct": "Opdracht"}
    for name, classes in RULES.items():
        if name.startswith("jw"):
            for klasse, rows in classes.items():
                ours = {code for code, _ in RULES[f"ho{name[2:]}"][same.get(klasse, klasse)]}
                assert {code for code, _ in rows} <= ours, (name, klasse)


@pytest.mark.parametrize("code", sorted({code for _, _, code in ROWS}))
def test_every_rule_is_shown_by_samples_of_a_national_message_and_of_ours(code):
    beside = {other for (each, _), other in BESIDE.items() if each == code}
    families = {
        path.parts[-5]
        for path, raw in SAMPLES.items()
        if code in expected(raw) and set(expected(raw)) <= {code, *beside}
    }
    wanted = {"hoa"} | ({"ijw"} if not code.startswith("HO") else set())
    assert wanted <= families
