"""The signed heads: V3 who signed, V4 what an officer kept, V5 witnesses, and all heads that there ever were."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from audit import folder
from audit.folder import FormatError
from audit.note import Checkpoint, Kind, NoteError, VerifierKey, parse, read_checkpoint, signed_by, signed_when
from audit.policy import Policy
from audit.report import Head, Verdict
from audit.verify.run import LONGEST_NOTE, Run
from audit.verify.shapes import Page
from audit.verify.successors import Rotations, learn_earlier_keys
from audit.verify.tree import Check, Lines

LATE = 3600
"""Seconds that a head with enough witnesses may be older than the newest head."""
_SHOWN = 5


def read_head(run: Run) -> None:
    """Read the head of the log, and believe it only if each key that was given, or followed one given, signed it."""
    data = run.read("V3", folder.CHECKPOINT)
    if data is None:
        return
    try:
        head = run.once(read_checkpoint, data[:LONGEST_NOTE])
        note = run.once(parse, data[:LONGEST_NOTE])
    except NoteError:
        run.tampered("V3", folder.CHECKPOINT, "De ondertekende stand is geen geldige stand.")
        return
    if head.origin == run.given.key.name and all(run.once(signed_by, note, key) for key in run.keys):
        run.head = head
        run.done["V3"] = "ondertekend met " + " en ".join(dict.fromkeys(_NAMES[key.kind] for key in run.keys))
    elif head.origin == run.given.key.name or run.listed is not None:
        run.tampered("V3", folder.CHECKPOINT, "De stand is niet met deze sleutel ondertekend.")
    else:
        text = "Deze stand is van een ander logboek dan de sleutel."
        run.note("V3", Verdict.UNCHECKABLE, folder.CHECKPOINT, text)


_NAMES = {Kind.ED25519: "Ed25519", Kind.COSIGNATURE: "Ed25519", Kind.MLDSA: "ML-DSA-44"}


def check_kept(run: Run) -> None:
    """V4: each head that the officer kept is the beginning of this log."""
    if run.given.kept is None:
        run.cannot("V4", "Er zijn geen eerder bewaarde standen gegeven (--standen).")
        return
    good = 0
    for file, data in run.given.kept.items():
        kept = _kept(run, data)
        if kept is None:
            text = "Dit is geen stand die dit logboek heeft ondertekend."
            run.note("V4", Verdict.UNCHECKABLE, file, text)
        elif lost := _lost(run, kept):
            run.lacking("V4", file, lost)
        elif run.head is not None and kept.size > run.head.size:
            text = (
                f"Deze stand had al {kept.size} regels, dit logboek heeft er {run.head.size}. Is de uitvoer van vóór "
                "deze stand? Vraag dan een nieuwe. Anders is het logboek korter geworden."
            )
            run.tampered("V4", file, text)
        elif kept.size not in run.roots:
            run.cannot("V4", "Er ontbreken regels.")
        elif run.roots[kept.size] != kept.root:
            text = f"De eerste {kept.size} regels van dit logboek zijn niet de regels van deze stand."
            run.tampered("V4", file, text)
        else:
            good += 1
    run.done["V4"] = f"{good} bewaarde standen"


def _kept(run: Run, data: bytes) -> Checkpoint | None:
    """Read a head that a key of this log signed; under its own origin, for after a restore the log has another."""
    try:
        head, note = run.once(read_checkpoint, data), run.once(parse, data)
    except NoteError:
        return None
    signed = any(run.once(signed_by, note, replace(key, name=head.origin)) for key in (*run.keys, *run.past))
    return head if signed else None


def _lost(run: Run, kept: Checkpoint) -> str:
    """Tell what the log itself says to have lost of a head from before a restore; empty if nothing."""
    for index, size in run.restores:
        if run.head is not None and kept.origin != run.head.origin and index < kept.size <= size:
            text = f"Deze stand is van voor het herstel in regel {index}: daar gingen {size - index} regels verloren."
            return f"{text} Vraag waarom, en wie ze nog heeft."
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """One head of the history: which, when, and in which file it stands."""

    size: int
    root: bytes
    at: float
    """Seconds since 1970: when the log says that it signed."""
    witnessed: bool
    file: str


class History:
    """V2 for each earlier head, V5, and V15: the log was signed, and so alive, at least each minute that it ran."""

    LIFE = 75.0
    """Seconds between two signs of life: sixty, and time for a slow disk."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._seen = list(self._read())
        run.wanted |= {one.size for one in self._seen}
        times = sorted(one.at for one in self._seen)
        until = [run.statement.at / 1000] if run.statement and times else []
        pairs = zip(times, times[1:] + until, strict=False)
        self._gaps = [(start, end) for start, end in pairs if end - start > self.LIFE]
        self._silent: list[tuple[float, float]] = []

    def take(self, first: int, page: Page, lines: Lines) -> None:
        """Look, for each silence, whether the first to speak after it is a gateway that starts."""
        del lines
        for place in page.of("logboek.hersteld"):
            size = page.shapes[place].members.get("lost_size")
            self._run.restores.append((first + place, size if type(size) is int else 0))
        while self._gaps and page.times[-1] > _text(self._gaps[0][0] + self.LIFE):
            limit = _text(self._gaps[0][0] + self.LIFE)
            both = zip(page.times, page.shapes, strict=True)
            after = [shape for at, shape in both if at > limit and shape.members.get("role") != "beheerder"]
            if not after:
                return
            if after[0].event != "poort.gestart":
                self._silent.append(self._gaps[0])
            self._gaps.pop(0)

    def end(self) -> None:
        """Tell of heads that do not fit, of silences, and of witnesses."""
        for one in self._seen:
            root = self._run.roots.get(one.size)
            if self._run.head is not None and (one.size > self._run.head.size or root not in (None, one.root)):
                text = f"De stand van {one.size} regels is niet het begin van dit logboek."
                self._run.tampered("V2", one.file, text)
        self._tell_silence()
        self._tell_witnesses()
        newest = sorted(self._seen, key=lambda one: (one.size, one.at), reverse=True)[:_SHOWN]
        self._run.heads = [Head(size=one.size, root=one.root, at=_text(one.at).decode()) for one in newest]

    def _tell_silence(self) -> None:
        if not self._seen:
            self._run.cannot("V15", "In de uitvoer staan geen eerdere standen met hun tijd.")
        for start, end in self._silent:
            text = f"Tussen {_text(start).decode()} en {_text(end).decode()} is het logboek niet ondertekend."
            self._run.lacking("V15", folder.head_path(0, 1), text)
        self._run.done["V15"] = f"{len(self._seen)} standen"

    def _tell_witnesses(self) -> None:
        if self._run.given.policy is None:
            self._run.cannot("V5", "Er zijn geen sleutels van getuigen gegeven (--getuigen).")
            return
        newest = max((one.at for one in self._seen), default=0.0)
        good = [one for one in self._seen if one.witnessed]
        last = max(good, key=lambda one: (one.size, one.at), default=None)
        if last is None or newest - last.at > LATE:
            text = "Het laatste uur hebben niet genoeg getuigen medeondertekend." if last else "Genoeg getuigen: nooit."
            self._run.lacking("V5", folder.CHECKPOINT, text)
            return
        self._run.done["V5"] = f"tot en met {last.size} regels, op {_text(last.at).decode()}"

    def _read(self) -> Iterator[_Seen]:
        """Read every head that was signed; those that this log did not sign are a problem."""
        statement = self._run.statement
        for number, width in folder.widths(statement.heads if statement else 0):
            file = folder.head_path(number, width)
            data = self._run.read("V15", file)
            if data is None:
                continue
            seen = self._taken_apart(file, data)
            if len(seen) != width and learn_earlier_keys(self._run):
                seen = self._taken_apart(file, data)
            if len(seen) != width:
                self._run.tampered("V15", file, f"Hier horen {width} standen van dit logboek te staan.")
            yield from seen

    def _taken_apart(self, file: str, data: bytes) -> list[_Seen]:
        found: list[_Seen] = self._run.once(_taken_apart, data, tuple(self._run.past), self._run.given.policy, file)
        return found


def _taken_apart(data: bytes, keys: Sequence[VerifierKey], policy: Policy | None, file: str) -> list[_Seen]:
    """Read the heads of one bundle, as far as one of these keys signed them and said when.

    Under whatever origin: after a restore the log has another (ADR 0018).
    """
    found = []
    try:
        for raw in folder.unpack(data, folder.PAYLOAD_PREFIX):
            head, note = read_checkpoint(raw), parse(raw)
            mine = [replace(key, kind=Kind.COSIGNATURE, name=head.origin) for key in keys if key.kind is Kind.ED25519]
            when = [at for key in mine if (at := signed_when(note, key)) is not None]
            if when:
                met = policy is not None and policy.met(note)
                found.append(_Seen(size=head.size, root=head.root, at=max(when), witnessed=met, file=file))
    except (NoteError, FormatError):
        pass
    return found


def _text(seconds: float) -> bytes:
    at = datetime.fromtimestamp(min(seconds, 10**11), UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z").encode()


def checks(run: Run) -> list[Check]:
    """Return the checks of this module that see each entry."""
    for data in (run.given.kept or {}).values():
        kept = _kept(run, data)
        if kept is not None:
            run.wanted.add(kept.size)
    return [History(run), Rotations(run)]
