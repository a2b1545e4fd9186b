"""The stand-alone verifier: checks an export with public keys alone, without database, secret or network.

It believes no byte before it is checked, and ends with 0 intact, 1 tampered with, 2 incomplete or not as it should
be, 3 cannot be checked. `audit.report.CHECKS` names what it looks at, one line each in the officer's report; what
needs something that was not given (checkpoints that were kept, witnesses, receipts, the keys) says so there.

It proves that the export is the log that was signed, whole. It cannot see what never came into the log, nor that
a newer head exists: for that, compare with a head or receipt that someone else kept.

Needs nothing but Python and `cryptography`; opening payloads (V10, V11) is done by whoever holds the keys and gives an
`Opener`.
"""

from collections.abc import Sequence
from pathlib import Path

from audit.note import VerifierKey
from audit.proof import read_keys
from audit.report import CHECKS, Report, Verdict
from audit.verify import files, heads, inside, lines, stamps, successors, told, tree
from audit.verify.places import Folder, Memory, Place
from audit.verify.run import Enough, Given, Opener, Run

__all__ = ["Folder", "Given", "Memory", "Opener", "Place", "Run", "read_keys", "verify", "verify_place"]


def verify(target: Path, keys: VerifierKey | Sequence[VerifierKey] | Given) -> Report:
    """Check the export in the folder ``target``; never raises for what lies there."""
    given = keys if isinstance(keys, Given) else Given(keys=[keys] if isinstance(keys, VerifierKey) else list(keys))
    run = Run(place=Folder(target), given=given)
    if not target.is_dir():
        run.note("V0", Verdict.UNCHECKABLE, "", "Deze map is er niet.")
        return _report(run)
    return verify_place(run)


def verify_place(run: Run, *, listed: bool = True) -> Report:
    """Check the export that a run is about; without ``listed`` as if whoever changed a file signed the list anew."""
    try:
        successors.follow_keys(run)
        if listed:
            files.read_list(run)
        _examine(run)
    except Enough:
        pass
    except (OSError, MemoryError, OverflowError) as error:
        run.note("V0", Verdict.UNCHECKABLE, "", f"Het lezen is mislukt ({type(error).__name__}).")
    return _report(run)


def _examine(run: Run) -> None:
    """Do all checks, with the list of files as far as it is known."""
    heads.read_head(run)
    if run.head is None or any(problem.verdict == Verdict.UNCHECKABLE for problem in run.problems):
        for check in CHECKS:
            run.cannot(check, "Er is geen stand die geloofd kan worden.")
        return
    files.read_statement(run)
    stamps.check_waiting(run)
    stamped = stamps.Stamps(run)
    checks = [*heads.checks(run), *lines.checks(run), *told.checks(run), *inside.checks(run)]
    tree.check_entries(run, checks)
    heads.check_kept(run)
    stamped.check()
    for each in checks:
        each.end()
    if run.given.astray is None:
        run.cannot("V20", "Dat kan alleen waar de databank is: in het toezicht.")
    for problem in run.given.astray or ():
        run.note(problem.check, problem.verdict, problem.file, problem.text, problem.index)
    files.find_strangers(run)


def _report(run: Run) -> Report:
    return Report(
        origin=run.head.origin if run.head else run.given.key.name,
        entries=run.head.size if run.head else 0,
        root=run.head.root if run.head else b"",
        files=run.good,
        payloads=run.present,
        erased=run.gone,
        heads=tuple(run.heads),
        unable=run.unable,
        done=run.done,
        problems=tuple(run.problems),
        strangers=tuple(run.strangers),
    )
