"""What only the holder of the keys can see: V10 the payloads are those of their lines, V11 none was left out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from audit import catalogue
from audit.verify.run import Opener, Run
from audit.verify.shapes import Page, Shape
from audit.verify.tree import Check, Lines


def checks(run: Run) -> list[Check]:
    """Return the checks of this module for one run."""
    return [_Inside(run)]


class _Inside:
    """V10, V11 and the sealed half of V16: opens each payload once, and forgets it."""

    def __init__(self, run: Run) -> None:
        self._run, self._opener = run, run.given.opener
        self._numbers: dict[bytes, tuple[int, int]] = {}
        """Per party and person the last number, and how many payloads before that line were gone."""
        self._gone = 0
        if self._opener is None:
            for check in ("V10", "V11"):
                run.cannot(check, "De sleutels zijn niet gegeven (--sleutels).")

    def take(self, first: int, page: Page, lines: Lines) -> None:
        if self._opener is None or len(lines.payloads) != len(lines.headers):
            return
        facts: list[_Fact] = self._run.once(_facts, self._opener, page, lines.headers, lines.payloads)
        for opened, fact in enumerate(facts):
            if fact.faults:
                self._tell(first + fact.place, fact)
            gone = self._gone + fact.place - opened
            for whose, number in fact.numbers:
                self._follow(first + fact.place, self._numbers.get(whose, (0, 0)), (number, gone))
                self._numbers[whose] = number, gone
        self._gone += len(lines.payloads) - len(facts)

    def end(self) -> None:
        if self._opener is not None:
            self._run.done["V11"] = f"{len(self._numbers)} keer een partij en een cliënt"

    def _tell(self, index: int, fact: "_Fact") -> None:
        for check, text in fact.faults:
            note = self._run.tampered if check == "V10" else self._run.lacking
            note(check, self._run.line_file(index), text, index)

    def _follow(self, index: int, last: tuple[int, int], this: tuple[int, int]) -> None:
        """Tell of a number that is not the next, unless as many lines in between are lawfully gone (V9)."""
        skipped, gone = this[0] - last[0] - 1, this[1] - last[1]
        if not 0 <= skipped <= gone:
            text = f"Deze regel heeft volgnummer {this[0]} waar {last[0] + 1} hoort: er is een regel weg of dubbel."
            self._run.lacking("V11", self._run.line_file(index), text, index)


@dataclass(frozen=True, slots=True)
class _Fact:
    """What one payload tells, without whom it is about."""

    place: int
    faults: tuple[tuple[str, str], ...] = ()
    """(check, what is wrong)."""
    numbers: tuple[tuple[bytes, int], ...] = ()
    """Party and person as a hash, and which line about them it is."""


def _facts(opener: Opener, page: Page, headers: Sequence[bytes], payloads: Sequence[bytes]) -> list[_Fact]:
    there = [place for place, payload in enumerate(payloads) if payload]
    opened = opener([(headers[place], payloads[place]) for place in there])
    return [_fact(place, page.shapes[place], told) for place, told in zip(there, opened, strict=True)]


def _fact(place: int, shape: Shape, payload: Mapping[str, Any] | None) -> _Fact:
    if payload is None:
        return _Fact(place, (("V10", "De gegevens bij deze regel gaan niet open, of zijn niet die van deze regel."),))
    faults = []
    if lacks := ", ".join(catalogue.missing(shape.members, payload)):
        faults.append(("V16", f"In deze regel of haar gegevens ontbreekt: {lacks}."))
    seq = payload.get("seq")
    numbers = [each for each in seq.items() if type(each[1]) is int] if isinstance(seq, dict) else []
    if shape.members.get("object_type") == "bsn" and not numbers:
        faults.append(("V11", "Deze regel over een cliënt heeft geen volgnummer."))
    told = tuple((_hash(f"{party}|{payload.get('object')}"), number) for party, number in numbers)
    return _Fact(place, tuple(faults), told)


def _hash(whose: str) -> bytes:
    return blake2b(whose.encode(), digest_size=16).digest()
