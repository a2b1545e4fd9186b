"""Code lists as data, from ``schemas/codes/``: what a code means and when it is valid; read when asked for."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from gateway.rules.klasse import after

FOLDER = Path(__file__).resolve().parent.parent / "schemas" / "codes"


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeList:
    """One list. Dates are ISO dates, both ends included."""

    name: str
    """As the standard numbers it: ``JZ588``; our own start with ``HOA-``, the municipalities are ``CBS``."""
    title: Mapping[str, str]
    """By language, ``nl`` and ``en``."""
    domains: tuple[str, ...]
    """Where it is used: JW, WMO, HOA."""
    uses: tuple[str, ...]
    """Simple types that take their codes from it, as ``ijw/3.2:LDT_RedenBeeindiging``."""
    source: str
    meanings: Mapping[str, str] = field(repr=False)
    """Code → Dutch meaning, in the order of the list."""
    english: Mapping[str, str] = field(repr=False)
    """Code → English meaning; names of municipalities are left as they are."""
    begins: Mapping[str, str] = field(repr=False)
    """First day of codes that were not always there."""
    ends: Mapping[str, str] = field(repr=False)
    """Last day of codes that have ended."""
    known_until: str
    """Last day for which the list is complete; empty if it only changes with a release."""

    def existed(self, code: str, date: str) -> bool:
        """Whether this code was valid on this day or at some time before it."""
        return code in self.meanings and not (code in self.begins and after(self.begins[code], date))

    def valid(self, code: str, date: str) -> bool:
        """Whether this code is valid on this day."""
        return self.existed(code, date) and not (code in self.ends and after(date, self.ends[code]))

    def meaning(self, code: str, language: str = "nl") -> str:
        """What a code means, in Dutch or English. KeyError if it is not in the list."""
        return (self.english.get(code) if language == "en" else None) or self.meanings[code]


def names() -> tuple[str, ...]:
    """The names of all lists, sorted."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


def lists_of(use: str) -> tuple[str, ...]:
    """The names of the lists that a simple type, ``ijw/3.2:LDT_RedenBeeindiging``, takes its codes from; mostly one."""
    return tuple(name for name, uses in _uses().items() if use in uses)


@cache
def _uses() -> dict[str, tuple[str, ...]]:
    # What is asked stands above the first table; the codes below it are many and not asked.
    heads = {name: (FOLDER / f"{name}.toml").read_text("utf-8").partition("\n[")[0] for name in names()}
    return {name: tuple(tomllib.loads(head)["gebruik"]) for name, head in heads.items()}


@cache
def code_list(name: str) -> CodeList:
    """The list of this name; KeyError if there is none."""
    path = FOLDER / f"{name}.toml"
    if not name.replace("-", "").isalnum() or not path.exists():
        raise KeyError(name)
    read = tomllib.loads(path.read_text("utf-8"))
    # Return codes are explained at length elsewhere; their titles say what they mean.
    words = tomllib.loads((FOLDER.parent / read["uitleg"]).read_text("utf-8")) if "uitleg" in read else {}
    return CodeList(
        name=name,
        title={"nl": read["naam"], "en": read["en"]},
        domains=tuple(read["domein"]),
        uses=tuple(read["gebruik"]),
        source=read["bron"],
        meanings=read.get("betekenis") or {code: entry["titel"] for code, entry in words.items()},
        english=read.get("english") or {code: entry["en"]["titel"] for code, entry in words.items()},
        begins=_by_code(read.get("vanaf", {})),
        ends=_by_code(read.get("tot", {})),
        known_until=read.get("bekend_tot", ""),
    )


def _by_code(dates: dict[str, Any]) -> dict[str, str]:
    return {code: date for date, codes in dates.items() for code in codes}
