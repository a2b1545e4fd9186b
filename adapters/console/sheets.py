"""Lists to take away, as CSV or as a workbook, in which no cell does anything when it is opened.

A program that opens a list may run what begins as a formula; so such a cell gets a quote in front in CSV, and in a
workbook every cell is text. What does not print was made visible before it came here.
"""

import csv as written
import io
import re
from collections.abc import Iterable, Sequence

import xlsxwriter

KINDS = {"csv": "text/csv", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
"""What a list can be taken away as: media types."""
_FORMULA = re.compile(r"(\A|[;\n]\s*)(?=[=+\-@\t\r\0])")
_MOST = 32_767
"""Characters in a cell of a workbook; what is longer is cut."""


def sheet(kind: str, columns: Sequence[str], rows: Iterable[Sequence[str]], *, remark: str) -> bytes:
    """Write a list as one of ``KINDS``; ``remark``, who took it away, stands in a last column of each row."""
    head, body = [*columns, "uitgevoerd"], ([*row, remark] for row in rows)
    return _csv(head, body) if kind == "csv" else _xlsx(head, body)


def harmless(cell: str) -> str:
    """Return a cell that no program takes for a formula, nor what follows a semicolon in it.

    In the Netherlands a program that opens a list begins a new cell at each of those.
    """
    return _FORMULA.sub(r"\1'", cell)


def _csv(head: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """RFC 4180, in UTF-8."""
    text = io.StringIO(newline="")
    writer = written.writer(text, lineterminator="\r\n")
    writer.writerow(head)
    writer.writerows([harmless(cell) for cell in row] for row in rows)
    return text.getvalue().encode()


def _xlsx(head: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    content = io.BytesIO()
    strings = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "in_memory": True}
    with xlsxwriter.Workbook(content, strings) as book:
        page = book.add_worksheet("Logregels")
        bold = book.add_format({"bold": True})
        for number, row in enumerate([head, *rows]):
            for place, cell in enumerate(row):
                page.write_string(number, place, cell[:_MOST], None if number else bold)
        page.freeze_panes(1, 0)
        page.set_column(0, len(head) - 1, 22)
    return content.getvalue()
