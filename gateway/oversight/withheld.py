"""Lines about a person that the client does not get: which, on what ground, and how that is told; pure.

A choice is a line in the log of its own, about the same person, and changes no other line. What is withheld now follows
from all choices together: of each number the last one holds.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from gateway.oversight import purposes
from gateway.oversight.lines import OFFICERS, Line

GIVE = "geven"
"""In place of a ground: from now on the client gets these lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Why somebody may be refused what is known about him."""

    words: str
    """As the client reads it."""
    law: str


GROUNDS: Mapping[str, Ground] = {
    "ander": Ground(words="het belang van een ander", law="AVG art. 15 lid 4, Jeugdwet art. 7.3.10"),
    "kind": Ground(words="het belang van het kind, als een ouder of voogd vraagt", law="Jeugdwet art. 7.3.11 lid 3"),
    "client": Ground(words="bescherming van de cliënt zelf", law="UAVG art. 41 lid 1 onder i"),
    "strafbaar": Ground(words="een onderzoek naar een strafbaar feit", law="UAVG art. 41 lid 1 onder d"),
    "toezicht": Ground(words="een onderzoek van een toezichthouder", law="UAVG art. 41 lid 1 onder h"),
}
"""Code as it stands in the log → the ground; a closed list."""
RIGHTS = (
    "Bent u het er niet mee eens dat regels zijn weggelaten? Vraag de organisatie waarom. U kunt een klacht sturen aan"
    " de Autoriteit Persoonsgegevens of naar de rechter gaan (AVG art. 12 lid 4)."
)
"""What a client is told who does not get all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """That the client does not get some lines, or gets them after all."""

    numbers: tuple[int, ...]
    """Of lines about this person, as this party counts them, from 1."""
    ground: str
    """Code in ``GROUNDS``, or ``GIVE``."""
    why: str = field(default="", repr=False)

    def told(self) -> str:
        """Return the choice as it stands, sealed, in the log: ``ander: 7, 12-15``."""
        return f"{self.ground}: {', '.join(f'{a}-{b}' if a != b else str(a) for a, b in runs(self.numbers))}"


def heard(told: str) -> Choice:
    """Return the choice that ``Choice.told`` wrote. Raises ValueError if it did not."""
    ground, _, numbers = told.partition(": ")
    pairs = [each.partition("-") for each in numbers.split(", ")]
    found = (range(int(first), int(last or first) + 1) for first, _, last in pairs)
    return Choice(ground=ground, numbers=tuple(number for run in found for number in run))


def in_force(choices: Iterable[Choice]) -> dict[int, str]:
    """Return which numbers are withheld, and the ground of each, after these choices in their order."""
    withheld: dict[int, str] = {}
    for choice in choices:
        withheld |= dict.fromkeys(choice.numbers, choice.ground)
    return {number: ground for number, ground in sorted(withheld.items()) if ground != GIVE}


def read(
    form: Mapping[str, str], chosen: Mapping[str, Sequence[str]], lines: Iterable[Line]
) -> Choice | dict[str, str]:
    """Make a choice among lines of a form, or say per field what is wrong with it.

    Meant are the lines of which the number is ticked (``regels``), all of one kind (``soort``) and all of one employee
    (``wie``), together.
    """
    ticked = {int(number) for each in chosen.get("regels", ()) for number in re.findall(r"[0-9]{1,15}", each)}
    kind, who = form.get("soort") or None, form.get("wie") or None
    numbers = {
        line.number
        for line in lines
        if line.number is not None and (line.number in ticked or line.event == kind or line.by == who)
    }
    wrong = {field: fault for field, fault in purposes.faults(form).items() if field == "reden"}
    if not numbers:
        wrong["regels"] = "Kies eerst regels: vink ze aan, of kies een soort of een medewerker."
    if form.get("grond") not in {*GROUNDS, GIVE}:
        wrong["grond"] = "Kies waarom de cliënt deze regels niet krijgt, of dat hij ze toch krijgt."
    return wrong or Choice(numbers=tuple(sorted(numbers)), ground=form["grond"], why=form["reden"])


def employees(lines: Iterable[Line]) -> list[str]:
    """Return the people of the organisation itself who stand in these lines, by login."""
    return sorted({line.by for line in lines if line.by and line.role in OFFICERS})


def by_ground(withheld: Mapping[int, str]) -> list[tuple[str, list[int]]]:
    """Return the withheld numbers of each ground, in the order of ``GROUNDS``."""
    return [(code, found) for code in GROUNDS if (found := [n for n, ground in withheld.items() if ground == code])]


def verdict(withheld: Mapping[int, str]) -> str:
    """Return how many lines are left out, which, and on what ground, as a client reads it; empty if none is."""
    if not withheld:
        return ""
    count = len(withheld)
    told = [
        f"nummer{'s' if len(numbers) > 1 else ''} {_spoken(numbers)} ({GROUNDS[code].words})"
        for code, numbers in by_ground(withheld)
    ]
    return f"{count} regel{'s zijn' if count > 1 else ' is'} weggelaten: {'; '.join(told)}."


def runs(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Return numbers that follow each other together, as (first, last)."""
    found: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if found and found[-1][1] + 1 == number:
            found[-1] = found[-1][0], number
        else:
            found.append((number, number))
    return found


def _spoken(numbers: Iterable[int]) -> str:
    told: list[str] = []
    for first, last in runs(numbers):
        told += [str(first), str(last)][: last - first + 1] if last - first < 2 else [f"{first} t/m {last}"]
    return " en ".join(filter(None, [", ".join(told[:-1]), told[-1]]))
