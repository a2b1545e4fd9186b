"""What a check of the log found, as values, and how a person and a machine are told; pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any

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
    Verdict.INCOMPLETE: "Het logboek is niet volledig, of een regel is niet zoals hij hoort.",
    Verdict.UNCHECKABLE: "De uitvoer kan niet worden gecontroleerd.",
}

CHECKS: Mapping[str, str] = {
    "V0": "De bestanden zijn die van de ondertekende lijst",
    "V1": "Elke logregel is de regel die is vastgelegd",
    "V2": "De regels samen geven de wortel van de stand",
    "V3": "De stand is ondertekend met een bekende sleutel",
    "V4": "Elke eerder bewaarde stand is het begin van dit logboek",
    "V5": "Genoeg getuigen hebben de stand medeondertekend",
    "V6": "De tijdstempels kloppen en lopen op",
    "V7": "De tijd van de regels loopt niet terug",
    "V8": "De nummering is dicht en niets wacht te lang op zijn plaats",
    "V9": "De verzegelde gegevens zijn er, of zijn vastgelegd vernietigd",
    "V10": "De gegevens gaan open en zijn die van hun regel",
    "V11": "Per partij en cliënt is geen regel overgeslagen",
    "V12": "Elk bericht heeft zijn regels, en elke regel zijn bericht",
    "V13": "Er is niet meer geopend dan het logboek zegt",
    "V14": "Wat een ontvangstbewijs belooft, staat in het logboek",
    "V15": "Het logboek was steeds in leven",
    "V16": "Elke regel heeft de velden die verplicht zijn",
    "V17": "In wat open staat, staat niets over personen",
    "V18": "Wat weg moest is weg, en wat moet blijven is er",
    "V19": "Elke noodtoegang is op tijd beoordeeld",
    "V20": "Wat de databank laat vinden, is wat in de regels staat",
}
"""The checks, in the order in which an officer reads them."""


class State(StrEnum):
    """How one check ended."""

    GOOD = "goed"
    WRONG = "fout"
    UNKNOWN = "niet te controleren"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong: what it fails, where, and in Dutch what."""

    check: str
    """Name of the check, from `CHECKS`."""
    verdict: Verdict
    file: str
    text: str
    index: int | None = None
    """Number of the log line, from 0; None if it is about a whole file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one check ended, and if need be why."""

    check: str
    state: State
    why: str = ""
    """In Dutch: what it was done on, what is wrong, or why it could not be done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """One signed state of the log: how many lines, and when."""

    size: int
    root: bytes
    at: str
    """ISO 8601, UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was checked and what was found; no problems means that nothing that could be checked is wrong."""

    origin: str = ""
    entries: int = 0
    root: bytes = b""
    files: int = 0
    """Files that were read and found to be as the manifest says."""
    payloads: int = 0
    erased: int = 0
    """Payloads that are gone, as an entry of this log says."""
    heads: tuple[Head, ...] = ()
    """The last signed states, newest first."""
    unable: Mapping[str, str] = field(default_factory=dict)
    """Check → why it could not be done."""
    done: Mapping[str, str] = field(default_factory=dict)
    """Check → on what it was done, where that is worth telling."""
    problems: tuple[Problem, ...] = ()
    strangers: tuple[str, ...] = ()
    """Files that do not belong to the export and were not looked at."""

    @property
    def verdict(self) -> Verdict:
        """Tampering weighs more than a gap; what cannot be checked is neither."""
        found = {problem.verdict for problem in self.problems}
        weights = (Verdict.TAMPERED, Verdict.UNCHECKABLE, Verdict.INCOMPLETE)
        return next((one for one in weights if one in found), Verdict.INTACT)

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """How each check ended, in the order of `CHECKS`."""
        return tuple(map(self._outcome, CHECKS))

    @property
    def first(self) -> Problem | None:
        """The first line that is broken, else whatever else is wrong."""
        return next(iter(_in_order(self.problems)), None)

    def _outcome(self, check: str) -> Outcome:
        wrong = [each for each in _in_order(self.problems) if each.check == check]
        if wrong:
            more = f" (en nog {len(wrong) - 1})" if len(wrong) > 1 else ""
            return Outcome(check=check, state=State.WRONG, why=_told(wrong[0]) + more)
        if check in self.unable:
            return Outcome(check=check, state=State.UNKNOWN, why=self.unable[check])
        return Outcome(check=check, state=State.GOOD, why=self.done.get(check, ""))


NOT_PROVEN = (
    "Wat nooit in het logboek kwam, is hier niet te zien; ontvangstbewijzen van partijen (V14) maken dat kleiner.",
    "Dat er geen nieuwere stand is, blijkt pas naast een stand die een ander bewaarde (V4) of een getuige (V5).",
    "Dat een regel de waarheid zegt over wat er gebeurde, bewijst geen controle.",
)
"""What no verdict says, for who signs the report."""


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
        lines += [f"Stand:     {each.size} regels op {each.at}" for each in report.heads[:1]]
    lines += [_line(each) for each in report.outcomes]
    first = _in_order(report.problems)
    lines += [f"- {each.check} {_told(each)}" for each in first[:_SHOWN]]
    if len(first) > _SHOWN:
        lines.append(f"… en nog {len(first) - _SHOWN}.")
    if report.strangers:
        lines.append(f"Let op: {len(report.strangers)} bestand(en) in de map horen er niet bij en zijn niet bekeken.")
    return "\n".join(lines)


def in_json(report: Report) -> str:
    """Tell the outcome to a machine, in one line; members are added over time, never renamed."""
    return json.dumps(as_json(report))


def as_json(report: Report) -> dict[str, Any]:
    """Return what `in_json` tells."""
    problems = [
        {"controle": one.check, "bestand": one.file, "regel": one.index, "code": int(one.verdict), "tekst": one.text}
        for one in _in_order(report.problems)[:_SHOWN]
    ]
    outcomes = [
        {"controle": one.check, "titel": CHECKS[one.check], "oordeel": one.state.value, "toelichting": one.why}
        for one in report.outcomes
    ]
    return {
        "code": int(report.verdict),
        "uitkomst": WORDS[report.verdict],
        "logboek": report.origin,
        "regels": report.entries,
        "wortel": report.root.hex(),
        "bestanden": report.files,
        "gegevens": report.payloads,
        "vernietigd": report.erased,
        "controles": outcomes,
        "standen": [{"regels": one.size, "wortel": one.root.hex(), "tijd": one.at} for one in report.heads],
        "problemen": problems,
        "aantal_problemen": len(report.problems),
        "onbekende_bestanden": len(report.strangers),
    }


def _line(outcome: Outcome) -> str:
    why = f" — {outcome.why}" if outcome.why else ""
    return f"{outcome.check:<4}{outcome.state.value:<20}{CHECKS[outcome.check]}{why}"


def _told(problem: Problem) -> str:
    line = "" if problem.index is None else f", regel {problem.index}"
    return f"{problem.file or 'Map'}{line}: {problem.text}"


def _in_order(problems: tuple[Problem, ...]) -> list[Problem]:
    """Problems of lines first, in their order."""
    return sorted(problems, key=lambda one: (one.index is None, one.index or 0))
