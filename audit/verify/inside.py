"""What only the holder of the keys can see: V10 the payloads are those of their lines, V11 none was left out."""

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

from audit.verify.run import Run
from audit.verify.shapes import Told
from audit.verify.tree import Check


def checks(run: Run) -> list[Check]:
    """Return the checks of this module for one run."""
    return [_Inside(run)]


class _Inside:
    """V10, V11 and the sealed half of V16: opens each payload once, and forgets it."""

    def __init__(self, run: Run) -> None:
        self._run, self._opener = run, run.given.opener
        self._numbers: dict[bytes, int] = {}
        self._holes = 0
        if self._opener is None:
            for check in ("V10", "V11"):
                run.cannot(check, "De sleutels zijn niet gegeven (--sleutels).")

    def take(self, first: int, told: Sequence[Told], headers: Sequence[bytes], payloads: Sequence[bytes]) -> None:
        if self._opener is None or len(payloads) != len(headers):
            return
        there = [place for place, payload in enumerate(payloads) if payload]
        self._holes += len(payloads) - len(there)
        opened = self._opener([(headers[place], payloads[place]) for place in there])
        for place, payload in zip(there, opened, strict=True):
            self._look(first + place, told[place], payload)

    def end(self) -> None:
        if self._opener is not None:
            self._run.done["V11"] = f"{len(self._numbers)} keer een partij en een cliënt"

    def _look(self, index: int, one: Told, payload: Mapping[str, Any] | None) -> None:
        file = self._run.line_file(index)
        if payload is None:
            text = "De gegevens bij deze regel gaan niet open, of zijn niet die van deze regel."
            self._run.tampered("V10", file, text, index)
            return
        if not payload.get("actor"):
            self._run.lacking("V16", file, "In de gegevens bij deze regel staat niet wie het deed.", index)
        numbers = payload.get("seq")
        for party, number in (numbers if isinstance(numbers, dict) else {}).items():
            self._count(file, index, f"{party}|{payload.get('object')}", number)
        if one.shape.members.get("object_type") == "bsn" and not numbers:
            self._run.lacking("V11", file, "Deze regel over een cliënt heeft geen volgnummer.", index)

    def _count(self, file: str, index: int, whose: str, number: object) -> None:
        """Hold the number of this line against the last one of the same party and person, of whom no name is kept."""
        key = blake2b(whose.encode(), digest_size=16).digest()
        expected = self._numbers.get(key, 0) + 1
        starts_late = expected == 1 and self._holes  # the first ones were lawfully destroyed (V9)
        if number != expected and not starts_late:
            text = f"Deze regel heeft volgnummer {number!a} waar {expected} hoort: er is een regel weg of dubbel."
            self._run.lacking("V11", file, text, index)
        self._numbers[key] = number if type(number) is int else expected
