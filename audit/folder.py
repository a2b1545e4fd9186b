"""The shape of an export: which files it has, and how bytes lie in them; pure, for who writes and who reads.

``checkpoint``, ``tile/<level>/<n>`` and ``tile/entries/<n>`` are as C2SP tlog-tiles has them, so others' tools
can read them. Ours are ``payload/<n>``, the sealed payloads of the same entries, and ``manifest``, a note signed
with the log's key that gives the length and SHA-256 of every other file.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from audit.seal import SealError, sealed_with
from audit.tree import WIDTH, TileId

CHECKPOINT, MANIFEST = "checkpoint", "manifest"
HEADER_PREFIX, PAYLOAD_PREFIX = 2, 4
"""Bytes, big endian, that tell the length of a header and of a payload; a payload of length 0 was erased."""

_FORMAT = "ketenpoort/uitvoer/v1"
_LINE = re.compile(r"([0-9a-f]{64}) (0|[1-9][0-9]{0,15}) ([a-z0-9/.]+)", re.ASCII)


class FormatError(Exception):
    """The bytes are not laid out as an export's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Print:
    """What the manifest says of one file."""

    size: int
    digest: bytes


def tile_path(where: TileId, width: int) -> str:
    """Path of a tile that holds ``width`` hashes."""
    return f"tile/{where[0]}/{_number(where[1], width)}"


def entries_path(number: int, width: int) -> str:
    """Path of the bundle with the headers of entries ``256 * number`` onward."""
    return f"tile/entries/{_number(number, width)}"


def payload_path(number: int, width: int) -> str:
    """Path of the bundle with the sealed payloads of the same entries."""
    return f"payload/{_number(number, width)}"


def widths(count: int) -> Iterator[tuple[int, int]]:
    """Yield number and width of each tile or bundle that together hold ``count`` things."""
    for number in range(count // WIDTH):
        yield number, WIDTH
    if count % WIDTH:
        yield count // WIDTH, count % WIDTH


def tiles(size: int) -> Iterator[tuple[TileId, int]]:
    """Yield each tile of a tree of ``size`` entries, and how many hashes it holds."""
    level = 0
    while count := size >> (8 * level):
        for number, width in widths(count):
            yield (level, number), width
        level += 1


def paths(size: int) -> Iterator[str]:
    """Yield every file that an export of ``size`` entries must have."""
    yield CHECKPOINT
    yield MANIFEST
    for where, width in tiles(size):
        yield tile_path(where, width)
    for number, width in widths(size):
        yield entries_path(number, width)
        yield payload_path(number, width)


def pack(parts: Sequence[bytes], prefix: int) -> bytes:
    """Put parts after one another, each behind its length in ``prefix`` bytes."""
    return b"".join(piece for part in parts for piece in (len(part).to_bytes(prefix, "big"), part))


def unpack(data: bytes, prefix: int) -> list[bytes]:
    """Take apart what `pack` made; raises `FormatError` if the last part is cut short."""
    parts, at, end = [], 0, len(data)
    while at < end:
        start = at + prefix
        at = start + int.from_bytes(data[at:start], "big")
        parts.append(data[start:at])
    if at != end:
        raise FormatError("a bundle is cut short")
    return parts


def print_of(data: bytes) -> Print:
    """Take the fingerprint of a file."""
    return Print(size=len(data), digest=sha256(data).digest())


def manifest_text(origin: str, size: int, prints: Mapping[str, Print]) -> str:
    """Write the text of a manifest, ready to be signed."""
    lines = [f"{one.digest.hex()} {one.size} {path}" for path, one in prints.items()]
    return "\n".join((_FORMAT, origin, str(size), *lines, ""))


def manifest_origin(text: str) -> str:
    """Tell which log a manifest is of; raises `FormatError` if it is no manifest of ours."""
    lines = text.split("\n", 2)
    if len(lines) != 3 or lines[0] != _FORMAT:
        raise FormatError("not a manifest")
    return lines[1]


def read_manifest(text: str) -> tuple[int, dict[str, Print]]:
    """Read the text of a manifest: number of entries and what each file must be; raises `FormatError`."""
    lines = text.split("\n")
    if len(lines) < 4 or not re.fullmatch("[0-9]{1,18}", lines[2], re.ASCII):
        raise FormatError("not a manifest")
    prints = {}
    for line in lines[3:-1]:
        found = _LINE.fullmatch(line)
        if found is None:
            raise FormatError("not a manifest")
        digest, length, path = found.groups()
        prints[path] = Print(size=int(length), digest=bytes.fromhex(digest))
    return int(lines[2]), prints


def _number(number: int, width: int) -> str:
    """Write a number in groups of three digits, all but the last with an x before it (C2SP tlog-tiles)."""
    groups = [f"{number % 1000:03}"]
    while number := number // 1000:
        groups.insert(0, f"x{number % 1000:03}")
    return "/".join(groups) + ("" if width == WIDTH else f".p/{width}")


def fits(header: bytes, sealed: bytes) -> bool:
    """Tell whether ``sealed``, unopened, can be the payload of this header: our format, and the key it names.

    That is all one sees without the key. Another text under the same key, or bytes changed within, show only
    in `audit.entry.open_payload`.
    """
    try:
        # Quotes within a JSON text are escaped, so these bytes can only be the member itself.
        return b'"key":"%b"' % sealed_with(sealed).hex().encode() in header
    except SealError:
        return False
