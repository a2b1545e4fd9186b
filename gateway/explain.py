"""Rule code or return code → plain words, Dutch or English, from ``schemas/regels/``; a file is read when asked for."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent.parent / "schemas" / "regels"


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What a rule demands and what to do when it is broken; of a return code: what it says, and what to do then."""

    code: str
    level: int
    """0 gate and routing, 1 XSD, 2 inside the message, 3 against earlier messages, 4 against the register."""
    return_code: str
    """Code in the answer (WJ001), empty if no answer follows; a return code names itself."""
    title: str
    rule: str
    remedy: str
    source: str


@cache
def explain(code: str, language: str = "nl") -> Explanation | None:
    """Explain one code in ``nl`` or ``en``, or None if there is no such rule."""
    headings = (f"\n[{code}]\n", f'\n["{code}"]\n')
    # A file without the heading need not be parsed: most findings of one message stand in one file.
    path = next((path for path in _files() if any(heading in _text(path) for heading in headings)), None)
    if path is None or not code.isalnum():  # [CODE.en] is no code
        return None
    entry = _entries(path)[code]
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


def advice(code: str) -> str:
    """The text of a finding with this code: what is wrong, what is demanded, what to do. KeyError if it is unknown."""
    known = explain(code)
    if known is None:
        raise KeyError(code)
    return f"{known.title}. De regel: {known.rule} {known.remedy}".strip()


def rules_behind(return_code: str) -> tuple[str, ...]:
    """The rules that lead to this return code, sorted."""
    every = ((code, entry) for path in _files() for code, entry in _entries(path).items())
    return tuple(sorted(code for code, entry in every if entry["retourcode"] == return_code != code))


def read_all() -> None:
    """Read every file now, for a process that may open none later."""
    for path in _files():
        _entries(path)


@cache
def _files() -> tuple[Path, ...]:
    return tuple(sorted(FOLDER.glob("*.toml")))


@cache
def _text(path: Path) -> str:
    return path.read_text("utf-8")


@cache
def _entries(path: Path) -> dict[str, Any]:
    return tomllib.loads(_text(path))
