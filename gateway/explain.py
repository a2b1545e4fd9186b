"""Rule code or return code → plain words, Dutch or English, from ``schemas/regels/``; read when asked for.

Every finding is made here, so that each has its level and its words in both languages.
"""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from gateway.message import Finding
from gateway.words import Text

FOLDER = Path(__file__).resolve().parent.parent / "schemas" / "regels"
HEADING = re.compile(r'^\["?(\w+)"?\]$', re.MULTILINE)
"""Of an entry; its English stands below it, under ``[CODE.en]``."""

HEADER = "Bericht/Header"
"""Where a finding about a message as a whole stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What a rule demands and what to do when it is broken; of a return code: what it says, and what to do then."""

    code: str
    level: int
    """0 gate and routing, 1 XSD, 2 in the message, 3 against earlier ones, 4 against clock, code lists and register."""
    return_code: str
    """Code in the answer (WJ001), empty if no answer follows; a return code names itself."""
    title: str
    rule: str
    remedy: str
    source: str


@cache
def explain(code: str, language: str = "nl") -> Explanation | None:
    """Explain one code in ``nl`` or ``en``, or None if there is no such rule."""
    written = next((entries[code] for path in _files() if code in (entries := _written(path))), None)
    if written is None:
        return None
    entry: dict[str, Any] = tomllib.loads(written)[code]
    words = entry if language == "nl" else entry[language]
    return Explanation(
        code=code,
        level=entry["niveau"],
        return_code=entry["retourcode"],
        title=words["titel"],
        rule=words["regel"],
        remedy=words["oplossing"],
        source=entry["bron"],
    )


def level_of(code: str) -> int:
    """The level of the rule with this code. KeyError if it is unknown."""
    return _known(code, "nl").level


def finding(code: str, *, line: int = 0, path: str = "", text: Text | None = None) -> Finding:
    """The finding that this rule is broken here, in both languages. KeyError if the code is unknown.

    ``text`` stands for the words of the rule where more can be told; it holds no value of a message.
    """
    told = text or in_words(code)
    return Finding(code=code, level=level_of(code), line=line, path=path, text=told.nl, english=told.en)


@cache
def in_words(code: str) -> Text:
    """What is wrong, what is expected, and what to do, of a rule in general. KeyError if the code is unknown."""
    nl, en = _known(code, "nl"), _known(code, "en")
    return Text(
        f"{nl.title}. Zo hoort het: {nl.rule} Wat u doet: {nl.remedy}",
        f"{en.title}. How it should be: {en.rule} What to do: {en.remedy}",
    )


def _known(code: str, language: str) -> Explanation:
    known = explain(code, language)
    if known is None:
        raise KeyError(code)
    return known


def rules_behind(return_code: str) -> tuple[str, ...]:
    """The rules that lead to this return code, sorted."""
    every = ((code, entry) for path in _files() for code, entry in tomllib.loads(_text(path)).items())
    return tuple(sorted(code for code, entry in every if entry["retourcode"] == return_code != code))


def read_all() -> None:
    """Read every file now, for a process that may open none later."""
    for path in _files():
        _written(path)


@cache
def _files() -> tuple[Path, ...]:
    return tuple(sorted(FOLDER.glob("*.toml")))


@cache
def _written(path: Path) -> dict[str, str]:
    """The entries of a file by code, each as it is written: to parse them all would cost a start too much."""
    text = _text(path)
    begins = [(found[1], found.start()) for found in HEADING.finditer(text)]
    ends = [*(begin for _, begin in begins[1:]), len(text)]
    return {code: text[begin:end] for (code, begin), end in zip(begins, ends, strict=True)}


def _text(path: Path) -> str:
    return path.read_text("utf-8")
