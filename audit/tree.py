"""The Merkle tree of RFC 6962 §2.1, as pure functions on 32-byte hashes.

Hashes are kept in tiles of height 8 (C2SP tlog-tiles): tile ``(level, n)`` holds up to 256 hashes of the
complete subtrees of height ``8 * level``, numbers ``256 * n`` onward. Nothing here reads or writes.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

HASH = 32
WIDTH = 256
EMPTY_ROOT = sha256(b"").digest()

TileId = tuple[int, int]
"""(level, number) of a tile."""
Node = tuple[int, int]
"""(height, number) of a complete subtree: leaves ``number << height`` up to the next."""
Range = tuple[int, int]
"""Leaves from the first up to, not with, the second."""


def leaf_hash(data: bytes) -> bytes:
    """Hash of an entry; the prefix keeps a leaf from passing for an inner node."""
    return sha256(b"\x00" + data).digest()


def leaf_hashes(data: Iterable[bytes]) -> list[bytes]:
    """Hashes of many entries, in less time than one by one."""
    digest = sha256
    return [digest(b"\x00" + each).digest() for each in data]


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node."""
    return sha256(b"\x01" + left + right).digest()


def split(hashes: bytes) -> list[bytes]:
    """Cut a tile into its hashes."""
    return [hashes[i : i + HASH] for i in range(0, len(hashes), HASH)]


def root_of(hashes: Sequence[bytes]) -> bytes:
    """Root over any number of hashes of equal height; of none, the hash of nothing."""
    if not hashes:
        return EMPTY_ROOT
    level = list(hashes)
    digest = sha256
    while len(level) > 1:
        odd = level[-1:] if len(level) % 2 else []
        pairs = zip(level[::2], level[1::2], strict=False)
        level = [digest(b"\x01" + left + right).digest() for left, right in pairs] + odd
    return level[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """The right edge of a tree: its size and, per level, the hashes of the tile that is not yet full.

    All that is needed to grow the tree and to know its root; 8 kB per level at most.
    """

    size: int = 0
    tiles: tuple[bytes, ...] = ()

    @property
    def root(self) -> bytes:
        """Root of the whole tree (RFC 6962 §2.1)."""
        above: bytes | None = None
        for tile in self.tiles:
            if not tile:
                continue
            hashes = split(tile)
            above = root_of(hashes) if above is None else root_of_uneven(hashes, above)
        return EMPTY_ROOT if above is None else above


def root_of_uneven(hashes: Sequence[bytes], last: bytes) -> bytes:
    """Root over complete subtrees followed by one smaller subtree."""
    root = last
    for first, end in reversed(_complete(0, len(hashes))):
        root = node_hash(root_of(hashes[first:end]), root)
    return root


def edge_tiles(size: int) -> list[tuple[TileId, int]]:
    """Which tiles hold the right edge of a tree of ``size``, and how many hashes each must give."""
    tiles, level = [], 0
    while size >> (8 * level):
        count = size >> (8 * level)
        tiles.append(((level, count // WIDTH), count % WIDTH))
        level += 1
    return tiles


def extend(edge: Edge, leaves: Iterable[bytes]) -> tuple[Edge, dict[TileId, bytes]]:
    """Append leaf hashes; returns the new edge and every tile that changed, whole."""
    fresh = list(leaves)
    size, changed, tiles, level = edge.size + len(fresh), {}, list(edge.tiles), 0
    while fresh:
        if level == len(tiles):
            tiles.append(b"")
        number = (edge.size >> (8 * level)) // WIDTH
        hashes = split(tiles[level]) + fresh
        fresh = []
        for start in range(0, len(hashes), WIDTH):
            tile = hashes[start : start + WIDTH]
            changed[level, number + start // WIDTH] = b"".join(tile)
            if len(tile) == WIDTH:
                fresh.append(root_of(tile))
        tiles[level] = b"".join(hashes[len(hashes) // WIDTH * WIDTH :])
        level += 1
    return Edge(size=size, tiles=tuple(tiles)), changed


def inclusion_ranges(index: int, size: int) -> list[Range]:
    """Leaf ranges whose roots form the audit path, lowest first (RFC 6962 §2.1.1)."""
    if not 0 <= index < size:
        raise ValueError("no such entry in a tree of this size")
    path, start, end = [], 0, size
    while end - start > 1:
        middle = start + _split_point(end - start)
        if index < middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((start, middle))
            start = middle
    return path[::-1]


def consistency_ranges(old: int, new: int) -> list[Range]:
    """Leaf ranges whose roots prove that a tree of ``new`` extends one of ``old`` (RFC 6962 §2.1.2)."""
    if not 0 < old <= new:
        raise ValueError("no consistency proof between these sizes")
    path, start, end, whole = [], 0, new, True
    while old != end:
        middle = start + _split_point(end - start)
        if old <= middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((start, middle))
            start, whole = middle, False
    if not whole:
        path.append((start, end))
    return path[::-1]


def tiles_of(ranges: Iterable[Range]) -> set[TileId]:
    """Which tiles `hashes_of` will read for these ranges."""
    return {_place(node)[0] for start, end in ranges for node in _nodes(start, end)}


def hashes_of(ranges: Iterable[Range], tile: Callable[[TileId], bytes]) -> list[bytes]:
    """Root of each range, read from tiles; a missing or short tile is the caller's ``KeyError``."""
    return [_range_hash(start, end, tile) for start, end in ranges]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Tell whether the audit path leads from this leaf to this root."""
    if not 0 <= index < size:
        return False
    path = inclusion_ranges(index, size)
    if len(path) != len(proof):
        return False
    hash_ = leaf
    for (start, _), other in zip(path, proof, strict=True):
        hash_ = node_hash(hash_, other) if start > index else node_hash(other, hash_)
    return hash_ == root


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Tell whether the tree of size ``new`` begins with the tree of size ``old``."""
    if not 0 < old <= new:
        return False
    path = consistency_ranges(old, new)
    if len(path) != len(proof):
        return False
    rest = list(zip(path, proof, strict=True))
    if path and path[0][1] <= old:  # the old tree ends in the middle: its last subtree opens the proof
        before = after = rest.pop(0)[1]
    else:
        before = after = old_root
    for (start, _), other in rest:
        if start >= old:
            after = node_hash(after, other)
        else:
            before, after = node_hash(other, before), node_hash(other, after)
    return before == old_root and after == new_root


def _split_point(count: int) -> int:
    """Largest power of two below ``count``."""
    return 1 << ((count - 1).bit_length() - 1)


def _complete(start: int, end: int) -> list[Range]:
    """Cut a range that begins a subtree into complete subtrees, largest first."""
    parts = []
    while start < end:
        step = 1 << ((end - start).bit_length() - 1)
        parts.append((start, start + step))
        start += step
    return parts


def _nodes(start: int, end: int) -> list[Node]:
    nodes = []
    for first, last in _complete(start, end):
        height = (last - first).bit_length() - 1
        nodes.append((height, first >> height))
    return nodes


def _place(node: Node) -> tuple[TileId, int, int]:
    """Tile of a node, and where in it its hashes begin and end."""
    height, number = node
    level, inner = divmod(height, 8)
    first = number << inner
    return (level, first // WIDTH), first % WIDTH, first % WIDTH + (1 << inner)


def _range_hash(start: int, end: int, tile: Callable[[TileId], bytes]) -> bytes:
    parts = []
    for node in _nodes(start, end):
        where, first, last = _place(node)
        hashes = tile(where)[first * HASH : last * HASH]
        if len(hashes) != (last - first) * HASH:
            raise KeyError(where)
        parts.append(root_of(split(hashes)))
    root = parts.pop()
    while parts:
        root = node_hash(parts.pop(), root)
    return root
