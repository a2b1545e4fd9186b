"""A document for people: made once, and shown as a page and on paper alike; pure."""

from dataclasses import dataclass
from typing import Any

Told = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of one kind; the first cell of a row says what the row is about."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: frozenset[int] = frozenset()
    """Columns with amounts, which stand to the right."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Section:
    """A part of a document: sentences, then facts (name and value), then a table."""

    title: str
    text: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    table: Table | None = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Document:
    """A whole document; what it says may be personal."""

    title: str
    author: str
    made: str
    """The day on which it was made, in words."""
    lead: str
    """What it is, in a sentence or two."""
    sections: tuple[Section, ...]

    @property
    def rows(self) -> int:
        """How many rows its tables have."""
        return sum(len(each.table.rows) for each in self.sections if each.table)

    def plain(self) -> Told:
        """Return it as values that a template is filled with."""
        return {
            "titel": self.title,
            "auteur": self.author,
            "gemaakt": self.made,
            "inleiding": self.lead,
            "delen": [
                {
                    "kop": each.title,
                    "tekst": list(each.text),
                    "feiten": [list(fact) for fact in each.facts],
                    "tabel": each.table
                    and {
                        "bijschrift": each.table.caption,
                        "kolommen": list(each.table.columns),
                        "rijen": [list(row) for row in each.table.rows],
                        "rechts": sorted(each.table.right),
                    },
                }
                for each in self.sections
            ],
        }
