"""What a witness of a log decides (C2SP tlog-witness): whether a head may follow the last one that was seen.

Pure: bytes in, verdict out. Who keeps what was seen is `audit.witness_folder`; how bytes arrive is not known here.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from audit import tree
from audit.note import Checkpoint, NoteError, VerifierKey, from64, parse, read_checkpoint, signed_by, to64

LONGEST = 128 * 2**10
"""Bytes of a request: 63 hashes, and a checkpoint with sixteen signatures of the longest kind."""

_MOST_HASHES = 63
_TEXT = "text/plain; charset=utf-8"
_SIZE = "text/x.tlog.size"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a log asks: put your name under this head; you last saw ``old`` entries, and this proves that it grew."""

    old: int
    proof: tuple[bytes, ...]
    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer as HTTP has it."""

    status: int
    text: str
    kind: str = _TEXT

    @property
    def inconsistent(self) -> bool:
        """Tell whether the log showed a head that does not follow from the one that was seen."""
        return self.status == 422 or (self.status == 409 and self.kind != _SIZE)


def write_request(old: int, proof: Sequence[bytes], note: str) -> bytes:
    """Write a request; ``note`` is the signed checkpoint."""
    return "".join((f"old {old}\n", *(f"{to64(each)}\n" for each in proof), "\n", note)).encode()


def read_request(data: bytes) -> Request:
    """Read a request; raises `NoteError` if it is none."""
    head, found, note = data.partition(b"\n\n")
    first, *lines = head.split(b"\n")
    if (
        not found
        or len(data) > LONGEST
        or len(lines) > _MOST_HASHES
        or not re.fullmatch(rb"old (0|[1-9]\d{0,18})", first)
    ):
        raise NoteError("not a request")
    try:
        proof = tuple(from64(line.decode("ascii")) for line in lines)
    except UnicodeDecodeError:
        raise NoteError("not a request") from None
    if any(len(each) != tree.HASH for each in proof):
        raise NoteError("not a request")
    return Request(old=int(first[4:]), proof=proof, checkpoint=read_checkpoint(note))


def refusal(request: Request, known: Checkpoint | None, keys: Sequence[VerifierKey]) -> Answer | None:
    """Return why this head may not be signed, None if it may.

    ``known`` is the last head that was signed of the same origin, ``keys`` those of all logs that are trusted. The
    checks and their order are those of C2SP tlog-witness.
    """
    new = request.checkpoint
    if refused := unknown(new, keys):
        return refused
    if request.old > new.size:
        return Answer(status=400, text="De oude omvang is groter dan de nieuwe.\n")
    seen = known.size if known else 0
    if request.old != seen:
        return Answer(status=409, text=f"{seen}\n", kind=_SIZE)
    if known and known.size == new.size and known.root != new.root:
        return Answer(status=409, text="Dit is een andere stand van dezelfde omvang.\n")
    return None if _follows(request, known) else Answer(status=422, text="Het bewijs van groei klopt niet.\n")


def unknown(head: Checkpoint, keys: Sequence[VerifierKey]) -> Answer | None:
    """Return why a head cannot be that of a log we trust, None if it is: signed by one of its keys, soundly by each."""
    mine = [key for key in keys if key.name == head.origin]
    if not mine:
        return Answer(status=404, text="Dit logboek is hier niet bekend.\n")
    note = parse(head.note.encode())
    lines = {(name, hint) for name, hint, _ in note.signatures}
    used = [key for key in mine if (key.name, key.hash) in lines]
    if not used or not all(signed_by(note, key) for key in used):
        return Answer(status=403, text="Deze stand is niet door dat logboek ondertekend.\n")
    return None


def _follows(request: Request, known: Checkpoint | None) -> bool:
    new = request.checkpoint
    if new.size == 0 and new.root != tree.EMPTY_ROOT:
        return False
    if known is None or known.size == 0:
        return not request.proof
    return tree.verify_consistency(known.size, new.size, known.root, new.root, request.proof)
