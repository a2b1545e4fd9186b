"""The stand-alone verifier: ``python -m audit.verify MAP SLEUTEL [--json]``.

Checks an export with nothing but the public key of the log: no database, no secret, no network. It believes
no byte before it is checked, and ends with 0 intact, 1 tampered with, 2 incomplete, 3 cannot be checked.

It proves that the export is the log that was signed, whole. It cannot see what never came into the log, nor that
a newer head exists: for that, compare with a head or receipt that someone else kept.

Of the sealed payloads it sees that each is there or lawfully gone, has the form of a seal and names the key that its
entry names. Whether a payload opens, and is what its entry committed to, only the holder of the keys can see:
``ketenpoort audit exporteer`` looks at each.
"""

import json
import os
import sys
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

from audit import folder, tree
from audit.folder import FormatError, Print
from audit.note import Checkpoint, NoteError, VerifierKey, decode_key, parse, read_checkpoint, signed_by
from audit.report import Problem, Report, Verdict, in_json, in_words

_LONGEST_HEAD = 2**20  # bytes of a checkpoint or key file, with room for many witnesses


@dataclass(slots=True, kw_only=True)
class _Check:
    """One run over a folder: what is known so far."""

    root: Path
    key: VerifierKey
    manifest: dict[str, Print] | None = None
    problems: list[Problem] = field(default_factory=list)
    good: int = 0

    def note(self, verdict: Verdict, file: str, text: str, index: int | None = None) -> None:
        self.problems.append(Problem(verdict=verdict, file=file, text=text, index=index))

    def tampered(self, file: str, text: str, index: int | None = None) -> None:
        self.note(Verdict.TAMPERED, file, text, index)

    def read(self, file: str) -> bytes | None:
        """Read a file, at most just past its length, and hold it against the manifest; None if it is missing."""
        path, known = self.root / file, (self.manifest or {}).get(file)
        if not path.is_file():
            self.note(Verdict.INCOMPLETE, file, "Dit bestand ontbreekt.")
            return None
        with path.open("rb") as opened:
            data = opened.read() if known is None else opened.read(known.size + 1)
        if known is not None and folder.print_of(data) == known:
            self.good += 1
        elif known is not None:
            self.tampered(file, "Dit bestand is veranderd na de uitvoer.")
        elif self.manifest is not None:
            self.tampered(file, "Dit bestand staat niet in de lijst van de uitvoer.")
        return data


def verify(target: Path, key: VerifierKey) -> Report:
    """Check the export in ``target`` against the public key of its log; never raises for what lies there."""
    check = _Check(root=target, key=key)
    try:
        return _verify(check)
    except (OSError, MemoryError, OverflowError) as error:
        check.note(Verdict.UNCHECKABLE, "", f"Het lezen is mislukt ({type(error).__name__}).")
        return Report(origin=key.name, problems=tuple(check.problems))


def _verify(check: _Check) -> Report:
    if not check.root.is_dir():
        check.note(Verdict.UNCHECKABLE, "", "Deze map is er niet.")
        return Report(problems=tuple(check.problems))
    size = _read_manifest(check)
    head = _read_head(check)
    if head is None or any(problem.verdict == Verdict.UNCHECKABLE for problem in check.problems):
        return Report(origin=check.key.name, files=check.good, problems=tuple(check.problems))
    if size not in (None, head.size):
        check.tampered(folder.MANIFEST, "De lijst van de uitvoer hoort bij een andere stand van het logboek.")
    present, gone = _check_entries(check, head)
    return Report(
        origin=head.origin,
        entries=head.size,
        root=head.root,
        files=check.good,
        payloads=present,
        erased=gone,
        strangers=tuple(_strangers(check, head.size)),
        problems=tuple(check.problems),
    )


def _read_manifest(check: _Check) -> int | None:
    """Read the signed list of files; returns for how many entries it is."""
    data = check.read(folder.MANIFEST)
    if data is None:
        return None
    try:
        note = parse(data)
        origin = folder.manifest_origin(note.text)
        if len(note.signatures) == 1 and signed_by(note, check.key):
            size, check.manifest = folder.read_manifest(note.text)
            return size
    except (NoteError, FormatError):
        check.tampered(folder.MANIFEST, "De lijst van de uitvoer is geen geldige lijst.")
        return None
    if origin == check.key.name:
        check.tampered(folder.MANIFEST, "De lijst van de uitvoer is niet met deze sleutel ondertekend.")
    else:
        check.note(Verdict.UNCHECKABLE, folder.MANIFEST, "Deze uitvoer is van een ander logboek dan de sleutel.")
    return None


def _read_head(check: _Check) -> Checkpoint | None:
    """Read the head of the log, and believe it only if this key signed it."""
    data = check.read(folder.CHECKPOINT)
    if data is None:
        return None
    try:
        head = read_checkpoint(data[:_LONGEST_HEAD])
        if signed_by(parse(data[:_LONGEST_HEAD]), check.key) and head.origin == check.key.name:
            return head
    except NoteError:
        check.tampered(folder.CHECKPOINT, "De ondertekende stand is geen geldige stand.")
        return None
    if head.origin == check.key.name or check.manifest is not None:
        check.tampered(folder.CHECKPOINT, "De stand is niet met deze sleutel ondertekend.")
    else:
        check.note(Verdict.UNCHECKABLE, folder.CHECKPOINT, "Deze stand is van een ander logboek dan de sleutel.")
    return None


def _check_entries(check: _Check, head: Checkpoint) -> tuple[int, int]:
    """Grow the tree anew from the headers and hold every tile, the root and every payload against it.

    Returns how many payloads are there and how many are not. Where a bundle is missing, the tile stands in for it,
    so that the rest can still be checked.
    """
    edge, whole, present = tree.Edge(), True, 0
    erased, empty = bytearray(head.size), array("q")
    above: dict[tree.TileId, bytes] = {}
    for number, width in folder.widths(head.size):
        headers = _headers(check, number, width)
        tile = _leaf_tile(check, number, width)
        leaves = [tree.leaf_hash(header) for header in headers]
        if headers:
            _compare_leaves(check, number, width, leaves, tree.split(tile))
        if len(leaves) != width:
            leaves = tree.split(tile)
        _mark_erased(erased, number * tree.WIDTH, headers)
        here, gone = _check_payloads(check, number, width, headers)
        present += here
        empty.extend(gone)
        whole = whole and len(leaves) == width
        if whole:
            edge, changed = tree.extend(edge, leaves)
            above |= {where: hashes for where, hashes in changed.items() if where[0]}
    _compare_tiles(check, head.size, above if whole else {})
    if whole and edge.root != head.root:
        check.tampered(folder.CHECKPOINT, "De regels samen geven niet de wortel die is ondertekend.")
    _check_gaps(check, head.size, empty, erased)
    return present, len(empty)


def _headers(check: _Check, number: int, width: int) -> list[bytes]:
    """Headers of one bundle; empty if it cannot be taken apart."""
    file = folder.entries_path(number, width)
    data = check.read(file)
    if data is None:
        return []
    try:
        headers = folder.unpack(data, folder.HEADER_PREFIX)
    except FormatError:
        headers = []
    if not headers:
        check.tampered(file, f"Hier horen {width} regels te staan.")
    return headers


def _leaf_tile(check: _Check, number: int, width: int) -> bytes:
    """Leaf hashes of one bundle as they were stored; empty if they are not there."""
    file = folder.tile_path((0, number), width)
    data = check.read(file)
    if data is not None and len(data) != width * tree.HASH:
        check.tampered(file, f"Deze tegel van de boom hoort {width} hashes te hebben.")
    return data or b""


def _compare_leaves(check: _Check, number: int, width: int, made: list[bytes], stored: list[bytes]) -> None:
    """Find the first entry of a bundle that is not the one that was logged. Without a sound tile, count them."""
    expected = stored if len(stored) == width else [*made, *[b""] * width][:width]
    for place, (leaf, logged) in enumerate(zip_longest(made, expected)):
        if leaf != logged:
            text = "Deze regel is niet de regel die is vastgelegd, of hij ontbreekt."
            check.tampered(folder.entries_path(number, width), text, number * tree.WIDTH + place)
            return


def _compare_tiles(check: _Check, size: int, made: dict[tree.TileId, bytes]) -> None:
    """Compare the tiles above the leaves with what the leaves gave; without that, with the manifest alone."""
    for where, width in folder.tiles(size):
        if where[0]:
            file = folder.tile_path(where, width)
            stored = check.read(file)
            if stored is not None and stored != made.get(where, stored):
                check.tampered(file, "Deze tegel van de boom past niet bij de regels eronder.")


def _mark_erased(erased: bytearray, first: int, headers: Sequence[bytes]) -> None:
    """Mark what an erasure entry empties; it can only empty what stands before it."""
    for place, header in enumerate(headers):
        if b'"erases":' in header:
            for start, end in _erased_ranges(header):
                stop = min(end + 1, first + place)
                if start < stop:
                    erased[start:stop] = b"\x01" * (stop - start)


def _erased_ranges(header: bytes) -> Iterator[tuple[int, int]]:
    try:
        ranges = json.loads(header).get("erases")
    except (ValueError, AttributeError, RecursionError):
        return
    for one in ranges if isinstance(ranges, list) else ():
        if isinstance(one, list) and len(one) == 2 and all(type(part) is int and part >= 0 for part in one):
            yield one[0], one[1]


def _check_payloads(check: _Check, number: int, width: int, headers: Sequence[bytes]) -> tuple[int, list[int]]:
    """Hold one bundle of payloads against its headers; returns how many are there, and which entries have none."""
    file, first = folder.payload_path(number, width), number * tree.WIDTH
    data = check.read(file)
    if data is None:
        return 0, []
    try:
        payloads = folder.unpack(data, folder.PAYLOAD_PREFIX)
    except FormatError:
        payloads = []
    if len(payloads) != width:
        check.tampered(file, f"Hier horen de gegevens van {width} regels te staan.")
        return 0, []
    empty = [first + place for place, payload in enumerate(payloads) if not payload]
    if len(headers) == width:
        _find_misfit(check, file, first, headers, payloads)
    return width - len(empty), empty


def _find_misfit(check: _Check, file: str, first: int, headers: Sequence[bytes], payloads: Sequence[bytes]) -> None:
    """Find the first payload of a bundle that cannot be the one of its entry."""
    for place, (header, payload) in enumerate(zip(headers, payloads, strict=True)):
        if payload and not folder.fits(header, payload):
            text = "De verzegelde gegevens bij deze regel zijn niet de gegevens die zijn vastgelegd."
            check.tampered(file, text, first + place)
            return


def _check_gaps(check: _Check, size: int, empty: Sequence[int], erased: bytearray) -> None:
    """Tell of every payload that is gone while no entry says that it was destroyed."""
    for index in empty:
        if not erased[index]:
            number = index // tree.WIDTH
            file = folder.payload_path(number, min(tree.WIDTH, size - number * tree.WIDTH))
            text = "De gegevens bij deze regel ontbreken, en geen regel zegt dat ze zijn vernietigd."
            check.note(Verdict.INCOMPLETE, file, text, index)


def _strangers(check: _Check, size: int) -> Iterator[str]:
    """Files that no export of this size has. Between the log's own files they are a problem."""
    known = set(folder.paths(size))
    for path, _, names in os.walk(check.root):
        for name in names:
            file = (Path(path) / name).relative_to(check.root).as_posix()
            if file in known:
                continue
            if file.startswith(("tile/", "payload/")):
                check.tampered(ascii(file), "Dit bestand hoort niet bij de uitvoer.")
            else:
                yield ascii(file)


def read_key(path: Path) -> VerifierKey:
    """Read a public key file; raises `NoteError` if it is not one, ``OSError`` if it cannot be read."""
    with path.open("rb") as file:
        data = file.read(_LONGEST_HEAD)
    try:
        return decode_key(data.decode("utf-8").strip())
    except UnicodeDecodeError:
        raise NoteError("not a verifier key") from None


def main(arguments: Sequence[str]) -> int:
    """Run the check that the command line asks for; returns the exit code."""
    paths = [one for one in arguments if one != "--json"]
    if len(paths) != 2 or any(one.startswith("-") for one in paths):
        print("Gebruik: python -m audit.verify MAP SLEUTEL [--json]", file=sys.stderr)
        print("MAP is de uitgevoerde map, SLEUTEL het bestand met de openbare sleutel.", file=sys.stderr)
        return int(Verdict.UNCHECKABLE)
    try:
        report = verify(Path(paths[0]), read_key(Path(paths[1])))
    except (OSError, NoteError, ValueError):
        text = "Dit bestand is geen openbare sleutel van een logboek."
        report = Report(problems=(Problem(verdict=Verdict.UNCHECKABLE, file=ascii(paths[1]), text=text),))
    print(in_json(report) if "--json" in arguments else in_words(report))
    return int(report.verdict)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
