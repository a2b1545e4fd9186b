"""The command ``python -m audit.verify MAP SLEUTEL``, and what an officer may bring along."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from audit.note import NoteError
from audit.policy import PolicyError, read_policy
from audit.proof import read_keys
from audit.report import Problem, Report, Verdict, in_json, in_words
from audit.verify import Given, verify
from audit.verify.run import LONGEST_NOTE

USAGE = """Gebruik: python -m audit.verify MAP SLEUTEL [--json] [--standen MAP] [--getuigen BESTAND]
             [--ontvangstbewijzen MAP]
MAP                      de uitgevoerde map
SLEUTEL                  het bestand met de openbare sleutels van het logboek
--standen MAP            standen die u eerder zelf bewaarde
--getuigen BESTAND       welke getuigen, en hoeveel er genoeg zijn
--ontvangstbewijzen MAP  ontvangstbewijzen die partijen bewaarden
--json                   schrijf één regel JSON"""
"""What to type."""
_NAMED = ("--standen", "--getuigen", "--ontvangstbewijzen")


class GivenError(Exception):
    """What was brought along cannot be read; the text says in Dutch what."""


def given_from(keys: Path, named: Mapping[str, Path]) -> Given:
    """Read what an officer brings along; raises `GivenError`."""
    try:
        given = Given(keys=read_keys(keys))
    except (OSError, NoteError, ValueError):
        raise GivenError(f"{str(keys)!a} is geen openbare sleutel van een logboek.") from None
    try:
        if "--standen" in named:
            given = replace(given, kept=_files(named["--standen"]))
        if "--ontvangstbewijzen" in named:
            given = replace(given, receipts=_files(named["--ontvangstbewijzen"]))
        if "--getuigen" in named:
            given = replace(given, policy=read_policy(named["--getuigen"].read_text("utf-8")))
    except PolicyError as error:
        raise GivenError(str(error)) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "geen tekst"
        raise GivenError(f"Wat u meegeeft is niet te lezen ({reason}).") from None
    return given


def _files(where: Path) -> dict[str, bytes]:
    """Read the files of a folder, each at most `LONGEST_NOTE` bytes."""
    found = {}
    for path in sorted(where.iterdir()):
        if path.is_file():
            with path.open("rb") as file:
                found[path.name] = file.read(LONGEST_NOTE)
    return found


def main(arguments: Sequence[str]) -> int:
    """Run the check that the command line asks for; returns the exit code."""
    named, paths, rest = dict[str, Path](), list[str](), [one for one in arguments if one != "--json"]
    while rest:
        word = rest.pop(0)
        if word in _NAMED and rest and word not in named:
            named[word] = Path(rest.pop(0))
        else:
            paths.append(word)
    if len(paths) != 2 or any(one.startswith("-") for one in paths):
        print(USAGE, file=sys.stderr)
        return int(Verdict.UNCHECKABLE)
    try:
        report = verify(Path(paths[0]), given_from(Path(paths[1]), named))
    except (GivenError, ValueError) as error:
        text = str(error) if isinstance(error, GivenError) else "Deze map kan niet bestaan."
        problem = Problem(check="V0", verdict=Verdict.UNCHECKABLE, file=ascii(paths[1]), text=text)
        report = Report(problems=(problem,))
    print(in_json(report) if "--json" in arguments else in_words(report))
    return int(report.verdict)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
