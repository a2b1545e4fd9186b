"""Writes the log as a folder that a stranger can check, with `audit.verify` and one public key.

What the database holds is what is written, so that the verifier can find what is wrong with it. One thing the verifier
cannot see, having no keys: whether the sealed payloads still are what their entries committed to. So each is opened
here, and thrown away.
"""

from array import array
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audit import folder, log
from audit.entry import MAX_HEADER
from audit.folder import Print
from audit.note import VerifierKey, encode_key, sign
from audit.seal import Signer
from audit.tree import HASH, WIDTH, TileId
from audit.verify.run import Opener

T = TypeVar("T")

_AT_ONCE = 16  # bundles or tiles in one query: some MB


class ExportError(Exception):
    """The export cannot be made; the text says in Dutch why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What an export holds."""

    origin: str
    entries: int
    files: int
    erased: int
    """Entries whose payload was destroyed before."""
    broken: int
    """Entries whose payload does not open, or is not what the entry committed to."""
    first_broken: int | None
    """Index of the first of those."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What an export tells beside the log, of which the log itself knows nothing; see `folder.Statement`."""

    objects: Callable[[AsyncConnection], AsyncIterator[tuple[str, str]]] | None = None
    """Gives id and state of each thing that the log tells of."""
    follows: Mapping[str, Sequence[str]] = field(default_factory=dict)
    opens: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    counts: Sequence[tuple[str, str, int]] = ()
    years: int | None = None
    held: Sequence[tuple[int, int]] = ()


_NOTHING = Beside()


def _silent(_done: int, _of: int) -> None:
    """Tell nobody."""


async def export(
    db: AsyncConnection,
    target: Path,
    signer: Signer,
    origin: str,
    opens: Opener,
    *,
    beside: Beside = _NOTHING,
    tell: Callable[[int, int], None] = _silent,
) -> Summary:
    """Write the log up to its newest signed head into ``target``, a new or empty folder, and open each payload.

    ``opens`` tells of lines which payload opens (`KeyService.open_lines`). One that does not is written all the same,
    and counted. ``tell`` hears how many entries of how many are done.
    Needs memory for one line per 256 entries, not for the log. The manifest comes last: a folder without it
    is an export that was not finished. Raises `ExportError`; `log.TamperedError` if there is no head to go by.

    All is read in the caller's transaction; where that sees one moment only (SQLite, or REPEATABLE READ), what is told
    beside the log fits it exactly.
    """
    head = await log.trusted(db, VerifierKey(name=origin, public=signer.public))
    if head is None:
        raise ExportError("Het logboek heeft nog geen ondertekende stand. Start de poort en probeer het opnieuw.")
    _claim(target)
    prints = {folder.CHECKPOINT: _write(target, folder.CHECKPOINT, head.note.encode())}
    async for where, width, hashes in _tiles(db, head.size):
        path = folder.tile_path(where, width)
        prints[path] = _write(target, path, hashes[: width * HASH])
    erased, broken = 0, array("q")
    async for number, width, rows in _bundles(db, head.size):
        # A header longer than any we write was put there by another; cut, the verifier still finds it.
        headers = folder.pack([header[:MAX_HEADER] for _, header, _ in rows], folder.HEADER_PREFIX)
        payloads = folder.pack([sealed or b"" for _, _, sealed in rows], folder.PAYLOAD_PREFIX)
        erased += sum(not sealed for _, _, sealed in rows)
        whole = [(index, header, sealed) for index, header, sealed in rows if sealed]
        told = opens([(header, sealed) for _, header, sealed in whole])
        broken.extend(index for (index, *_), payload in zip(whole, told, strict=True) if payload is None)
        for path, data in (
            (folder.entries_path(number, width), headers),
            (folder.payload_path(number, width), payloads),
        ):
            prints[path] = _write(target, path, data)
        tell(number * WIDTH + width, head.size)
    prints |= await _write_beside(db, target, beside, head.size)
    text = folder.manifest_text(head.origin, head.size, prints)
    _write(target, folder.MANIFEST, sign(text, head.origin, signer).encode())
    return Summary(
        origin=head.origin,
        entries=head.size,
        files=len(prints) + 1,
        erased=erased,
        broken=len(broken),
        first_broken=broken[0] if broken else None,
    )


def publish_key(path: Path, *keys: VerifierKey) -> None:
    """Write a file of public keys, one a line; give it to the checker along another way."""
    path.write_text("".join(f"{encode_key(key)}\n" for key in keys), encoding="utf-8")


async def _tiles(db: AsyncConnection, size: int) -> AsyncIterator[tuple[TileId, int, bytes]]:
    wanted = list(folder.tiles(size))
    for start in range(0, len(wanted), _AT_ONCE):
        part = wanted[start : start + _AT_ONCE]
        stored = await log.tiles_at(db, [where for where, _ in part])
        for where, width in part:
            if where in stored:
                yield where, width, stored[where]


async def _bundles(
    db: AsyncConnection, size: int
) -> AsyncIterator[tuple[int, int, Sequence[tuple[int, bytes, bytes | None]]]]:
    row = log.entries.c
    columns = row.idx, log.stored(row.header), log.stored(row.sealed)
    wanted = list(folder.widths(size))
    for start in range(0, len(wanted), _AT_ONCE):
        part = wanted[start : start + _AT_ONCE]
        first, last = part[0][0] * WIDTH, part[-1][0] * WIDTH + part[-1][1]
        query = sa.select(*columns).where(row.idx >= first, row.idx < last).order_by(row.idx)
        bundles: dict[int, list[tuple[int, bytes, bytes | None]]] = {number: [] for number, _ in part}
        for index, header, sealed in await db.execute(query):
            bundles[index // WIDTH].append((index, header, sealed))
        for number, width in part:
            yield number, width, bundles[number]


async def _write_beside(db: AsyncConnection, target: Path, beside: Beside, size: int) -> dict[str, Print]:
    """Write all but the log itself: the heads that were signed, stamps, what is told of things, and the statement."""
    now, prints = datetime.now(UTC), dict[str, Print]()
    heads = await _write_bundles(target, prints, folder.head_path, _heads(db, size), _packed)
    stamps = await _write_bundles(target, prints, folder.stamp_path, _stamps(db, size), _packed)
    objects = None
    if beside.objects is not None:
        objects = await _write_bundles(
            target, prints, folder.object_path, _settled(db, beside.objects, size), folder.objects_text
        )
    row = log.entries.c
    waited = await db.execute(sa.select(sa.func.count(), sa.func.min(row.at)).where(row.idx.is_(None)))
    waiting, oldest = waited.one()
    statement = folder.Statement(
        at=_milliseconds(now), waiting=waiting, oldest=oldest, heads=heads, stamps=stamps, objects=objects,
        follows=beside.follows, opens=beside.opens, counts=beside.counts, years=beside.years, held=beside.held,
    )  # fmt: skip
    prints[folder.STATEMENT] = _write(target, folder.STATEMENT, folder.statement_text(statement))
    return prints


async def _write_bundles(
    target: Path,
    prints: dict[str, Print],
    path_of: Callable[[int, int], str],
    things: AsyncIterator[T],
    form: Callable[[list[T]], bytes],
) -> int:
    """Write things in bundles of 256; returns how many there were."""
    number, bundle = 0, list[T]()
    async for thing in things:
        bundle.append(thing)
        if len(bundle) == WIDTH:
            path = path_of(number, WIDTH)
            prints[path] = _write(target, path, form(bundle))
            number, bundle = number + 1, []
    if bundle:
        path = path_of(number, len(bundle))
        prints[path] = _write(target, path, form(bundle))
    return number * WIDTH + len(bundle)


def _packed(parts: list[bytes]) -> bytes:
    return folder.pack(parts, folder.PAYLOAD_PREFIX)


async def _heads(db: AsyncConnection, size: int) -> AsyncIterator[bytes]:
    """Yield every head that was kept, and those that witnesses signed, up to this size."""
    for table, order in ((log.checkpoints, log.checkpoints.c.number), (log.witnessed, log.witnessed.c.day)):
        query = sa.select(table.c.note).where(table.c.size <= size, await _of_this_log(db, table)).order_by(order)
        async for (note,) in await db.stream(query):
            yield str(note).encode()


async def _of_this_log(db: AsyncConnection, table: sa.Table) -> sa.ColumnElement[bool]:
    """Return the condition that a head is of this log, not of one on which it follows since a restore (ADR 0018)."""
    head = await log.latest(db)
    return table.c.note.startswith(f"{head.origin}\n" if head else "", autoescape=True)


async def _stamps(db: AsyncConnection, size: int) -> AsyncIterator[bytes]:
    """Yield each head that was stamped, with its stamp behind it."""
    row = log.stamps.c
    mine = row.size <= size, await _of_this_log(db, log.stamps)
    async for note, token in await db.stream(sa.select(row.note, row.token).where(*mine).order_by(row.at)):
        yield _packed([str(note).encode(), token])


async def _settled(
    db: AsyncConnection, objects: Callable[[AsyncConnection], AsyncIterator[tuple[str, str]]], size: int
) -> AsyncIterator[tuple[str, str]]:
    """Yield each thing with its state; without, where entries about it are still to come into the tree."""
    row = log.entries.c
    later = sa.select(row.message).where(sa.or_(row.idx.is_(None), row.idx >= size), row.message.is_not(None))
    moving = set((await db.execute(later)).scalars())
    async for id_, state in objects(db):
        yield id_, folder.IN_FLUX if id_ in moving else state


def _milliseconds(at: datetime) -> int:
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def _claim(target: Path) -> None:
    try:
        target.mkdir(parents=True, exist_ok=True)
        taken = any(target.iterdir())
    except OSError as error:
        raise ExportError(f"In {target} kan niet worden geschreven ({error.strerror}). Kies een andere map.") from None
    if taken:
        raise ExportError(f"De map {target} is niet leeg. Kies een nieuwe map.")


def _write(target: Path, path: str, data: bytes) -> Print:
    file = target / path
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    except OSError as error:
        raise ExportError(
            f"In {target} kan niet worden geschreven ({error.strerror}). Maak ruimte of kies een andere map."
        ) from None
    return folder.print_of(data)
