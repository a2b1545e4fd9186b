"""One run of the verifier: what it was given, what it knows so far, and how it reads a file and tells of a problem."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from audit import folder
from audit.folder import Print, Statement
from audit.note import Checkpoint, VerifierKey
from audit.policy import Policy
from audit.report import Head, Problem, Verdict
from audit.tree import WIDTH
from audit.verify.places import Place

Result = TypeVar("Result")
Line = tuple[bytes, bytes]
"""Header and sealed payload."""
Opener = Callable[[Sequence[Line]], Sequence[Mapping[str, Any] | None]]
"""Opens payloads, as `audit.keys.KeyService.open_lines` does: None where one does not open."""
LONGEST_NOTE = 2**20
"""Bytes of a checkpoint or key file, with room for many witnesses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What an officer brings along: public keys, and what was kept elsewhere. What is None cannot be checked."""

    keys: Sequence[VerifierKey]
    """Public keys of the log; of each kind that is given, a signature is asked for."""
    kept: Mapping[str, bytes] | None = None
    """Checkpoints that the officer kept: file → note (V4)."""
    policy: Policy | None = None
    """Which witnesses, and how many of them must have signed (V5)."""
    stamped: Callable[[bytes, str], datetime | None] | None = None
    """Tells when a token (RFC 3161) was given over the text of a head; None if it was not, by whom is trusted (V6)."""
    receipts: Mapping[str, bytes] | None = None
    """Receipts that parties hold: file → JSON (V14)."""
    opener: Opener | None = None
    """Opens payloads (V10, V11)."""
    astray: Sequence[Problem] | None = None
    """What the database files otherwise than its lines say; see `audit.filed` (V20)."""
    counts: Mapping[tuple[str, str], int] | None = None
    """What the key service says that it counted: (day, reason) → how often (V13)."""

    @property
    def key(self) -> VerifierKey:
        """The plain key, which signs the list of files as well."""
        return self.keys[0]


class Enough(Exception):  # noqa: N818 - not an error: who asked for one problem has it
    """As many problems were found as were asked for."""


def _straight(function: Callable[..., Result], *arguments: Any) -> Result:
    return function(*arguments)


@dataclass(slots=True, kw_only=True)
class Run:
    """One run over an export: what is known so far."""

    place: Place
    given: Given
    most: int = 1_000_000
    """Stop looking after so many problems."""
    once: Callable[..., Any] = _straight
    """Calls a pure function of the bytes of a file. Who checks many exports that differ little may remember results."""
    listed: Mapping[str, Print] | None = None
    """The signed list of files, once it is read."""
    size: int | None = None
    """For how many entries that list is."""
    head: Checkpoint | None = None
    statement: Statement | None = None
    keys: list[VerifierKey] = field(default_factory=list)
    """Keys of the log that are believed: those given, and those that followed them."""
    past: list[VerifierKey] = field(default_factory=list)
    """All keys of the log that ever were believed."""
    wanted: set[int] = field(default_factory=set)
    """Sizes at which somebody wants to know the root of the tree."""
    roots: dict[int, bytes] = field(default_factory=dict)
    """Size → root of the tree at that size, as the entries give it."""
    restores: list[tuple[int, int]] = field(default_factory=list)
    """Entries that tell of a restore: which, and how many entries there were before it."""
    problems: list[Problem] = field(default_factory=list)
    unable: dict[str, str] = field(default_factory=dict)
    done: dict[str, str] = field(default_factory=dict)
    heads: list[Head] = field(default_factory=list)
    good: int = 0
    present: int = 0
    gone: int = 0
    strangers: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.keys, self.past = list(self.given.keys), list(self.given.keys)

    def note(self, check: str, verdict: Verdict, file: str, text: str, index: int | None = None) -> None:
        """Tell of a problem; raises `Enough` if that was the last one to look for."""
        self.problems.append(Problem(check=check, verdict=verdict, file=file, text=text, index=index))
        if len(self.problems) >= self.most:
            raise Enough

    def tampered(self, check: str, file: str, text: str, index: int | None = None) -> None:
        """Tell of something that is not what was signed."""
        self.note(check, Verdict.TAMPERED, file, text, index)

    def lacking(self, check: str, file: str, text: str, index: int | None = None) -> None:
        """Tell of something that is not there, or not as it should be."""
        self.note(check, Verdict.INCOMPLETE, file, text, index)

    def cannot(self, check: str, why: str) -> None:
        """Remember that a check could not be done; the first reason counts."""
        self.unable.setdefault(check, why)

    def read(self, check: str, file: str) -> bytes | None:
        """Read a file, at most just past its length, and hold it against the list; None if it is missing."""
        known = (self.listed or {}).get(file)
        data = self.place.read(file, None if known is None else known.size + 1)
        if data is None:
            self.lacking(check, file, "Dit bestand ontbreekt.")
        elif known is not None and self.once(folder.print_of, data) == known:
            self.good += 1
        elif known is not None:
            self.tampered("V0", file, "Dit bestand is veranderd na de uitvoer.")
        elif self.listed is not None and file != folder.MANIFEST:
            self.tampered("V0", file, "Dit bestand staat niet in de lijst van de uitvoer.")
        return data

    def line_file(self, index: int) -> str:
        """Path of the bundle in which the header of an entry stands."""
        number, size = index // WIDTH, self.head.size if self.head else 0
        return folder.entries_path(number, max(1, min(WIDTH, size - number * WIDTH)))
