"""What a check of the log found, as values, and how a person and a machine are told; pure."""

import json
from dataclasses import dataclass
from enum import IntEnum

_SHOWN = 20


class Verdict(IntEnum):
    """How a check ends; the value is the exit code."""

    INTACT = 0
    TAMPERED = 1
    INCOMPLETE = 2
    UNCHECKABLE = 3


WORDS = {
    Verdict.INTACT: "Het logboek is ongeschonden en volledig.",
    Verdict.TAMPERED: "Er is iets veranderd: dit is niet het logboek dat is ondertekend.",
    Verdict.INCOMPLETE: "De uitvoer is niet volledig.",
    Verdict.UNCHECKABLE: "De uitvoer kan niet worden gecontroleerd.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong: where, and in Dutch what."""

    verdict: Verdict
    file: str
    text: str
    index: int | None = None
    """Number of the log line, from 0; None if it is about a whole file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was checked and what was found; no problems means that the log is intact."""

    origin: str = ""
    entries: int = 0
    root: bytes = b""
    files: int = 0
    """Files that were read and found to be as the manifest says."""
    payloads: int = 0
    erased: int = 0
    """Payloads that are gone, as an entry of this log says."""
    problems: tuple[Problem, ...] = ()
    strangers: tuple[str, ...] = ()
    """Files that do not belong to the export and were not looked at."""

    @property
    def verdict(self) -> Verdict:
        """Tampering weighs more than a gap; what cannot be checked is neither."""
        found = {problem.verdict for problem in self.problems}
        weights = (Verdict.TAMPERED, Verdict.UNCHECKABLE, Verdict.INCOMPLETE)
        return next((one for one in weights if one in found), Verdict.INTACT)


def in_words(report: Report) -> str:
    """Tell the outcome to a person."""
    lines = [WORDS[report.verdict]]
    if report.entries or report.root:
        lines += [
            f"Logboek:   {report.origin}",
            f"Regels:    {report.entries}",
            f"Gegevens:  {report.payloads} aanwezig, {report.erased} vernietigd of weg",
            f"Bestanden: {report.files} gelijk aan de ondertekende lijst",
        ]
    first = sorted(report.problems, key=lambda one: (one.index is None, one.index or 0))
    for one in first[:_SHOWN]:
        line = "" if one.index is None else f", regel {one.index}"
        lines.append(f"- {one.file or 'Map'}{line}: {one.text}")
    if len(first) > _SHOWN:
        lines.append(f"… en nog {len(first) - _SHOWN}.")
    if report.strangers:
        lines.append(f"Let op: {len(report.strangers)} bestand(en) in de map horen er niet bij en zijn niet bekeken.")
    return "\n".join(lines)


def in_json(report: Report) -> str:
    """Tell the outcome to a machine, in one line."""
    problems = [
        {"bestand": one.file, "regel": one.index, "code": int(one.verdict), "tekst": one.text}
        for one in report.problems[:_SHOWN]
    ]
    return json.dumps(
        {
            "code": int(report.verdict),
            "uitkomst": WORDS[report.verdict],
            "logboek": report.origin,
            "regels": report.entries,
            "wortel": report.root.hex(),
            "bestanden": report.files,
            "gegevens": report.payloads,
            "vernietigd": report.erased,
            "problemen": problems,
            "aantal_problemen": len(report.problems),
            "onbekende_bestanden": len(report.strangers),
        }
    )
