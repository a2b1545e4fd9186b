"""The entries and the tree over them: V1, V2, V8 (dense) and V9; what else looks at each entry is fed from here."""

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Protocol

from audit import folder, tree
from audit.folder import FormatError
from audit.verify.run import Run
from audit.verify.shapes import SHAPES, Page, erased


@dataclass(frozen=True, slots=True)
class Lines:
    """The entries of one bundle in bytes."""

    headers: Sequence[bytes]
    payloads: Sequence[bytes]
    """Empty where one is not there; none at all where they cannot be read."""
    leaves: bytes
    """Leaf hashes, after one another."""


class Check(Protocol):
    """What looks at each entry once, in order."""

    def take(self, first: int, page: Page, lines: Lines) -> None:
        """Look at the entries of one bundle, from number ``first``."""
        ...

    def end(self) -> None:
        """Tell what can be told only now that all entries are seen."""
        ...


def check_entries(run: Run, checks: Iterable[Check]) -> None:
    """Grow the tree anew from the headers and hold every tile, the root and every payload against it.

    Where a bundle is missing, the tile stands in for it, so that the rest can still be checked.
    """
    head = run.head
    if head is None:
        return
    edge, rest, whole = tree.Edge(), b"", True  # over the roots of full tiles, and what comes after those
    gaps = _Gaps(run, head.size)
    above: dict[tree.TileId, bytes] = {}
    for number, width in folder.widths(head.size):
        first = number * tree.WIDTH
        headers, leaves = _headers(run, number, width)
        payloads = _payloads(run, number, width, headers)
        gaps.count(first, payloads)
        if headers:
            page, lines = run.once(SHAPES.read, headers), Lines(headers, payloads, leaves)
            for check in (gaps, *checks):
                check.take(first, page, lines)
        whole = whole and len(leaves) == width * tree.HASH
        if whole:
            _tell_roots(run, first, leaves, edge)
            if width == tree.WIDTH:
                edge, changed = tree.extend(edge, [run.once(_root, leaves)])
                above |= {(level + 1, which): hashes for (level, which), hashes in changed.items()}
            else:
                rest = leaves
    _compare_tiles(run, head.size, above if whole else {})
    root = _root_under(edge, run.once(_root, rest) if rest else None)
    if not whole:
        run.cannot("V2", "Er ontbreken regels.")
    elif root != head.root:
        run.tampered("V2", folder.CHECKPOINT, "De regels samen geven niet de wortel die is ondertekend.")
    run.present, run.gone = gaps.present, len(gaps.empty)
    gaps.end()


def _headers(run: Run, number: int, width: int) -> tuple[Sequence[bytes], bytes]:
    """Headers of one bundle, none if it cannot be taken apart; and its leaf hashes, of the tile where they lack."""
    file = folder.entries_path(number, width)
    data = run.read("V8", file)
    tile = _leaf_tile(run, number, width)
    headers: Sequence[bytes] = ()
    if data is not None:
        try:
            headers = run.once(folder.unpack, data, folder.HEADER_PREFIX)
        except FormatError:
            headers = ()
        if not headers:
            run.tampered("V8", file, f"Hier horen {width} regels te staan.")
    if not headers:
        return headers, tile
    leaves: bytes = run.once(_leaves, headers)
    if leaves != tile:
        _compare_leaves(run, number, width, leaves, tile)
    return headers, leaves if len(headers) == width else tile


def _leaves(headers: Sequence[bytes]) -> bytes:
    return b"".join(tree.leaf_hashes(headers))


def _root(leaves: bytes) -> bytes:
    return tree.root_of(tree.split(leaves))


def _leaf_tile(run: Run, number: int, width: int) -> bytes:
    """Leaf hashes of one bundle as they were stored; empty if they are not there."""
    file = folder.tile_path((0, number), width)
    data = run.read("V1", file)
    if data is not None and len(data) != width * tree.HASH:
        run.tampered("V1", file, f"Deze tegel van de boom hoort {width} hashes te hebben.")
    return data or b""


def _compare_leaves(run: Run, number: int, width: int, made: bytes, stored: bytes) -> None:
    """Find the first entry of a bundle that is not the one that was logged. Without a sound tile, count them."""
    given = tree.split(made)
    expected = tree.split(stored) if len(stored) == width * tree.HASH else [*given, *[b""] * width][:width]
    for place, (leaf, logged) in enumerate(zip_longest(given, expected)):
        if leaf != logged:
            check = "V1" if leaf and logged else "V8"
            text = "Deze regel is niet de regel die is vastgelegd, of hij ontbreekt."
            run.tampered(check, folder.entries_path(number, width), text, number * tree.WIDTH + place)
            return


def _tell_roots(run: Run, first: int, leaves: bytes, edge: tree.Edge) -> None:
    """Note the root at each size within this bundle at which somebody wants to know it."""
    count = len(leaves) // tree.HASH
    for size in range(first, first + count + 1) if len(run.wanted) > count else run.wanted:
        if first <= size <= first + count and size in run.wanted and size not in run.roots:
            run.roots[size] = _root_under(edge, run.once(_first_root, leaves, size - first) if size > first else None)


def _first_root(leaves: bytes, count: int) -> bytes:
    return tree.root_of(tree.split(leaves[: count * tree.HASH]))


def _root_under(edge: tree.Edge, last: bytes | None) -> bytes:
    """Root over full tiles, of which ``edge`` knows the roots, and what comes after them."""
    if last is None:
        return edge.root
    for tile in edge.tiles:
        last = tree.root_of_uneven(tree.split(tile), last) if tile else last
    return last


def _compare_tiles(run: Run, size: int, made: dict[tree.TileId, bytes]) -> None:
    """Compare the tiles above the leaves with what the leaves gave; without that, with the list alone."""
    for where, width in folder.tiles(size):
        if where[0]:
            file = folder.tile_path(where, width)
            stored = run.read("V2", file)
            if stored is not None and stored != made.get(where, stored):
                run.tampered("V2", file, "Deze tegel van de boom past niet bij de regels eronder.")


def _payloads(run: Run, number: int, width: int, headers: Sequence[bytes]) -> Sequence[bytes]:
    """Payloads of one bundle, held against its headers; empty ones where they cannot be taken apart."""
    file = folder.payload_path(number, width)
    data = run.read("V9", file)
    if data is None:
        return ()
    try:
        payloads: Sequence[bytes] = run.once(folder.unpack, data, folder.PAYLOAD_PREFIX)
    except FormatError:
        payloads = ()
    if len(payloads) != width:
        run.tampered("V9", file, f"Hier horen de gegevens van {width} regels te staan.")
        return ()
    if len(headers) == width:
        misfit = run.once(_misfit, headers, payloads)
        if misfit is not None:
            text = "De verzegelde gegevens bij deze regel zijn niet de gegevens die zijn vastgelegd."
            run.tampered("V9", file, text, number * tree.WIDTH + misfit)
    return payloads


def _misfit(headers: Sequence[bytes], payloads: Sequence[bytes]) -> int | None:
    """Find the first payload that cannot be the one of its entry."""
    for place, (header, payload) in enumerate(zip(headers, payloads, strict=True)):
        if payload and not folder.fits(header, payload):
            return place
    return None


class _Gaps:
    """V9: a payload may only be gone where a later entry says that it was destroyed."""

    def __init__(self, run: Run, size: int) -> None:
        self._run, self._size = run, size
        self._erased = bytearray(size)
        self.empty, self.present = array("q"), 0

    def count(self, first: int, payloads: Sequence[bytes]) -> None:
        """Note which payloads of a bundle are not there."""
        gone = [] if all(payloads) else [first + place for place, payload in enumerate(payloads) if not payload]
        self.empty.extend(gone)
        self.present += len(payloads) - len(gone)

    def take(self, first: int, page: Page, lines: Lines) -> None:
        """Note which earlier payloads the entries of a bundle say to have destroyed."""
        del lines
        if not any("erases" in page.shapes[place].members for place in page.kinds.values()):
            return
        for place, shape in enumerate(page.shapes):
            for start, end in erased(shape.members):
                stop = min(end + 1, first + place)
                if start < stop:
                    self._erased[start:stop] = b"\x01" * (stop - start)

    def end(self) -> None:
        """Tell of every payload that is gone while no entry says that it was destroyed."""
        for index in self.empty:
            if not self._erased[index]:
                number = index // tree.WIDTH
                file = folder.payload_path(number, min(tree.WIDTH, self._size - number * tree.WIDTH))
                text = "De gegevens bij deze regel ontbreken, en geen regel zegt dat ze zijn vernietigd."
                self._run.lacking("V9", file, text, index)
