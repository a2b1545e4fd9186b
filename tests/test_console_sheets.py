"""Lists that are taken away: no cell does anything when it is opened, and nothing of it is lost."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook
from openpyxl.utils.escape import unescape

from adapters.console.sheets import harmless, sheet

HOSTILE = [
    "=1+1", "+31612345678", "-2+3", "@SOM(A1)", "\t=1+1", "\r=1+1", "\0=1+1", "=cmd|' /C calc'!A0", "http://kwaad.voorbeeld",
    'met "aanhaling", komma en\r\nregeleinde', "'=1+1", "1e5", "00012", "TRUE", "", "x" * 40_000,
]  # fmt: skip


def in_csv(rows: list[list[str]]) -> list[list[str]]:
    raw = sheet("csv", ["een", "twee"], rows, remark="fg, logregel 12").decode()
    return list(csv.reader(io.StringIO(raw, newline=""), strict=True))


@pytest.mark.parametrize("cell", HOSTILE)
def test_a_hostile_cell_is_text_in_csv(cell):
    head, row = in_csv([[cell, "na"]])
    assert head == ["een", "twee", "uitgevoerd"]
    assert row == [harmless(cell), "na", "fg, logregel 12"]
    assert not row[0].startswith(("=", "+", "-", "@", "\t", "\r", "\0"))
    assert row[0].removeprefix("'") == cell.removeprefix("'")


@pytest.mark.parametrize("cell", ["steekproef;=1+1", "steekproef, x; =cmd|' /C calc'!A0;-2", "steekproef\n;\n@SOM(A1)"])
def test_nor_where_a_semicolon_begins_a_new_cell_as_it_does_in_the_netherlands(cell):
    raw = sheet("csv", ["een", "twee"], [["voor", cell]], remark="fg, logregel 12").decode()
    read = [each.strip() for row in csv.reader(io.StringIO(raw, newline=""), delimiter=";") for each in row]
    assert len(read) > 2, "else this program sees no more cells than ours"
    assert not [each for each in read if each.startswith(("=", "+", "-", "@"))]


@pytest.mark.parametrize("cell", [each for each in HOSTILE if each and "\0" not in each])
def test_a_hostile_cell_is_text_in_a_workbook(cell):
    page = load_workbook(io.BytesIO(sheet("xlsx", ["een", "twee"], [[cell, "na"]], remark="fg"))).active
    found = page["A2"]
    assert found.data_type == "s"
    assert unescape(found.value) == cell[:32_767]
    assert found.hyperlink is None
    assert page["C2"].value == "fg"


@settings(max_examples=50)
@given(st.lists(st.lists(st.text(), min_size=2, max_size=2), max_size=5))
def test_whatever_stands_in_a_list_comes_back_from_csv(rows):
    assert [row[:2] for row in in_csv(rows)[1:]] == [[harmless(cell) for cell in row] for row in rows]
