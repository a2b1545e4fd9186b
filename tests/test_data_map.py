"""The data map knows every column that there is, and none that is not."""

import re
from collections import Counter
from pathlib import Path

import pytest

from gateway.tables import metadata

MAP = (Path(__file__).parent.parent / "docs/data-map.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `([a-z_]+\.[a-z_]+)` \| ([a-z]+) \|(.*)\|$", MAP, flags=re.MULTILINE)
CLASSES = {"personal", "indirect", "organisation", "none"}


def test_every_column_has_one_line():
    columns = [f"{table.name}.{column.name}" for table in metadata.tables.values() for column in table.columns]
    assert Counter(name for name, _, _ in ROWS) == Counter(columns)


@pytest.mark.parametrize(("column", "class_", "rest"), ROWS)
def test_a_line_says_class_content_protection_term_and_reader(column, class_, rest):
    assert class_ in CLASSES
    assert all(cell.strip() for cell in rest.split(" | "))
    assert len(rest.split(" | ")) == 4


@pytest.mark.parametrize(("column", "class_", "rest"), [row for row in ROWS if row[1] == "personal"])
def test_what_is_personal_is_sealed(column, class_, rest):
    assert "sealed" in rest
