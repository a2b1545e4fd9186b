"""A proof that a line stands in a log, to keep and to check without any network (C2SP tlog-proof).

``python -m audit.proof BEWIJS SLEUTEL [--regel HEX] [--getuigen BESTAND]``: exit 0 proved, 1 not so, 3 cannot check.
"""

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from audit import tree
from audit.note import Checkpoint, NoteError, VerifierKey, decode_key, from64, parse, read_checkpoint, to64
from audit.policy import Policy, PolicyError, read_policy
from audit.witness import unknown

_FIRST = "c2sp.org/tlog-proof@v1"
_LONGEST = 256 * 2**10


@dataclass(frozen=True, slots=True, kw_only=True)
class LogProof:
    """Where a line stands in a log, and the way from it to a signed head."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: Checkpoint
    leaf: bytes | None = None
    """The hash of the line, for convenience: who gives the proof gives this too, so compare it with your receipt."""


def write_proof(proof: LogProof) -> str:
    """Write a proof as a text file; its name should end in ``.tlog-proof``."""
    extra = [f"extra {to64(proof.leaf)}"] if proof.leaf else []
    lines = [_FIRST, *extra, f"index {proof.index}", *(to64(each) for each in proof.hashes), "", proof.checkpoint.note]
    return "\n".join(lines)


def read_proof(data: bytes) -> LogProof:
    """Read a proof without believing it; raises `NoteError` if it is none."""
    head, found, note = data.partition(b"\n\n")
    try:
        first, *lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise NoteError("not a proof") from None
    extra = lines.pop(0).removeprefix("extra ") if lines and lines[0].startswith("extra ") else None
    index = re.fullmatch(r"index (0|[1-9][0-9]{0,18})", lines.pop(0)) if lines else None
    if not found or first != _FIRST or index is None or len(data) > _LONGEST:
        raise NoteError("not a proof")
    hashes, leaf = tuple(from64(line) for line in lines), from64(extra) if extra is not None else None
    if any(len(each) != tree.HASH for each in (*hashes, *([leaf] if leaf is not None else []))):
        raise NoteError("not a proof")
    return LogProof(index=int(index[1]), hashes=hashes, checkpoint=read_checkpoint(note), leaf=leaf)


def faults(proof: LogProof, leaf: bytes, keys: Sequence[VerifierKey], policy: Policy | None = None) -> list[str]:
    """Return what keeps this proof from proving that ``leaf`` stands in the log of ``keys``, in Dutch; none: it does.

    With ``policy`` enough of its witnesses must have signed the head too.
    """
    head, found = proof.checkpoint, []
    if unknown(head, keys):
        found.append("De stand in dit bewijs is niet ondertekend met deze sleutel.")
    if not tree.verify_inclusion(leaf, proof.index, head.size, proof.hashes, head.root):
        found.append("De weg van de logregel naar de stand klopt niet: dit bewijs hoort niet bij deze regel.")
    if policy and not policy.met(parse(head.note.encode())):
        found.append("Niet genoeg getuigen hebben deze stand ondertekend.")
    return found


def read_keys(path: Path) -> tuple[VerifierKey, ...]:
    """Read a file of public keys, one a line; raises `NoteError` if one is none, ``OSError`` if it cannot be read."""
    with path.open("rb") as file:
        data = file.read(_LONGEST)
    try:
        lines = data.decode("utf-8").split("\n")
    except UnicodeDecodeError:
        raise NoteError("not a verifier key") from None
    keys = tuple(decode_key(line.strip()) for line in lines if line.strip())
    if not keys:
        raise NoteError("not a verifier key")
    return keys


def main(arguments: Sequence[str]) -> int:
    """Check the proof that the command line names; returns the exit code."""
    named, paths = dict[str, str](), list[str]()
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if word in ("--regel", "--getuigen") and rest and word not in named:
            named[word] = rest.pop(0)
        else:
            paths.append(word)
    if len(paths) != 2 or any(each.startswith("-") for each in paths):
        print("Gebruik: python -m audit.proof BEWIJS SLEUTEL [--regel HEX] [--getuigen BESTAND]", file=sys.stderr)
        return 3
    try:
        proof = read_proof(Path(paths[0]).read_bytes())
        keys = read_keys(Path(paths[1]))
        leaf = bytes.fromhex(named["--regel"]) if "--regel" in named else proof.leaf
        policy = read_policy(Path(named["--getuigen"]).read_text("utf-8")) if "--getuigen" in named else None
    except PolicyError as error:
        print(error, file=sys.stderr)
        return 3
    except (OSError, NoteError, ValueError):
        print("Het bewijs, de sleutel of de regel is niet te lezen.", file=sys.stderr)
        return 3
    if leaf is None:
        print(
            "Dit bewijs noemt de logregel niet. Geef hem met --regel: hij staat in uw ontvangstbewijs.", file=sys.stderr
        )
        return 3
    return _tell(proof, leaf, faults(proof, leaf, keys, policy), policy)


def _tell(proof: LogProof, leaf: bytes, found: Sequence[str], policy: Policy | None) -> int:
    if found:
        print("NIET BEWEZEN.", *found, sep="\n")
        return 1
    head = proof.checkpoint
    print(f"BEWEZEN. Logregel {leaf.hex()}")
    print(f"staat op plaats {proof.index} in het logboek {head.origin} van {head.size} regels.")
    print("Vergelijk deze logregel met 'logregel' in uw ontvangstbewijs.")
    if policy:
        print(f"Getuigen: {', '.join(sorted(policy.seen_by(parse(head.note.encode()))))}.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
