"""Every sample gets the verdict that it carries."""

import re
from pathlib import Path

import pytest

from gateway.catalog import FOLDER, Catalog
from gateway.check import check

SAMPLES = sorted(FOLDER.glob("*/*/samples/*/*.xml"))
CATALOG = Catalog.load()


def expectation(raw: bytes) -> list[str]:
    found = re.search(rb"<!--\s*expect:(.*?)-->", raw, re.DOTALL)
    assert found, "a sample starts with <!-- expect: ... -->"
    return found[1].decode().split()


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_sample_gets_the_verdict_that_it_carries(path: Path):
    raw = path.read_bytes()
    checked = check(raw, CATALOG)
    assert sorted({finding.code for finding in checked.findings}) == expectation(raw), checked.findings
