"""The shape of an export: which files it has, and how bytes lie in them; pure, for who writes and who reads.

``checkpoint``, ``tile/<level>/<n>`` and ``tile/entries/<n>`` are as C2SP tlog-tiles has them, so others' tools
can read them. Ours are

- ``payload/<n>``: the sealed payloads of the same entries;
- ``head/<n>``: the heads that were kept, oldest first, and after those the ones that witnesses signed;
- ``stamp/<n>``: heads that were stamped, each with its token (RFC 3161) behind it;
- ``object/<n>``: of each thing that the log tells of its id and the state that it is in, a line each;
- ``statement``: what was said when the export was made, see `Statement`;
- ``manifest``: a note signed with the log's key that gives the length and SHA-256 of every other file.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256

from audit.seal import SealError, sealed_with
from audit.tree import WIDTH, TileId

CHECKPOINT, MANIFEST, STATEMENT = "checkpoint", "manifest", "statement"
HEADER_PREFIX, PAYLOAD_PREFIX = 2, 4
"""Bytes, big endian, that tell the length of a header and of anything else; a payload of length 0 was erased."""
IN_FLUX = "*"
"""State of a thing about which more entries wait for their place: it is there, and more cannot be said."""

_FORMAT = "ketenpoort/uitvoer/v1"
_OBJECT = re.compile(r"([0-9a-f]{1,64}) ([a-z]{1,32}|\*)", re.ASCII)
_LINE = re.compile(r"([0-9a-f]{64}) (0|[1-9][0-9]{0,15}) ([a-z0-9/.]+)", re.ASCII)


class FormatError(Exception):
    """The bytes are not laid out as an export's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What an export says beside the log itself. Times are milliseconds since 1970, UTC."""

    at: int
    """When the export was made."""
    waiting: int = 0
    """Entries that had no place yet."""
    oldest: int | None = None
    """Since when the oldest of those waits."""
    heads: int = 0
    stamps: int = 0
    objects: int | None = None
    """How many there are of each; None where it was not told."""
    follows: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Event → the states in which it may leave the thing that it is about."""
    opens: Mapping[str, Sequence[str | int]] = field(default_factory=dict)
    """Event that tells of an opening → the reason that the key service counts it under, and how many keys that takes;
    0 where the entry itself says how many lines were opened."""
    counts: Sequence[Sequence[str | int]] = ()
    """What the key service counted: (day, reason, how often)."""
    years: int | None = None
    """How long payloads are kept; None where there is no policy."""
    held: Sequence[Sequence[int]] = ()
    """(first, last) index of entries that must stay longer."""


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


def head_path(number: int, width: int) -> str:
    """Path of the bundle with heads ``256 * number`` onward."""
    return f"head/{_number(number, width)}"


def stamp_path(number: int, width: int) -> str:
    """Path of the bundle with time stamps ``256 * number`` onward, oldest first."""
    return f"stamp/{_number(number, width)}"


def object_path(number: int, width: int) -> str:
    """Path of the bundle with objects ``256 * number`` onward."""
    return f"object/{_number(number, width)}"


def paths(size: int, statement: Statement | None = None) -> Iterator[str]:
    """Yield every file that an export of ``size`` entries, and with this statement, must have."""
    yield CHECKPOINT
    yield MANIFEST
    if statement is not None:
        yield STATEMENT
        yield from (head_path(*each) for each in widths(statement.heads))
        yield from (stamp_path(*each) for each in widths(statement.stamps))
        yield from (object_path(*each) for each in widths(statement.objects or 0))
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


def objects_text(objects: Iterable[tuple[str, str]]) -> bytes:
    """Write objects as lines of id and state."""
    return "".join(f"{id_} {state}\n" for id_, state in objects).encode("ascii")


def read_objects(data: bytes) -> list[tuple[str, str]]:
    """Read what `objects_text` wrote; raises `FormatError`."""
    lines = data.decode("latin-1").split("\n")
    found = [_OBJECT.fullmatch(line) for line in lines[:-1]]
    if lines[-1] or None in found:
        raise FormatError("not a list of objects")
    return [(one[1], one[2]) for one in found if one]


def statement_text(statement: Statement) -> bytes:
    """Write a statement as JSON."""
    return json.dumps(asdict(statement), sort_keys=True).encode()


def read_statement(data: bytes) -> Statement:
    """Read what `statement_text` wrote; raises `FormatError`."""
    try:
        told = json.loads(data)
        statement = Statement(**told)
    except (ValueError, TypeError, RecursionError):
        raise FormatError("not a statement") from None
    numbers = (statement.at, statement.waiting, statement.heads, statement.stamps, statement.objects or 0)
    if not all(type(each) is int and 0 <= each < 2**53 for each in (*numbers, statement.oldest or 0)):
        raise FormatError("not a statement")
    if not all(_sound(statement)):
        raise FormatError("not a statement")
    return statement


def _sound(told: Statement) -> Iterator[bool]:
    """Tell of each part of a statement that nests whether it has the form that it should."""
    yield isinstance(told.follows, dict) and all(
        isinstance(names, list) and all(isinstance(name, str) for name in names) for names in told.follows.values()
    )
    yield isinstance(told.opens, dict) and all(
        isinstance(each, list) and list(map(type, each)) == [str, int] for each in told.opens.values()
    )
    yield isinstance(told.counts, list) and all(
        isinstance(row, list) and list(map(type, row)) == [str, str, int] for row in told.counts
    )
    yield told.years is None or (type(told.years) is int and 0 < told.years < 1000)
    yield isinstance(told.held, list) and all(
        isinstance(row, list) and list(map(type, row)) == [int, int] for row in told.held
    )


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
