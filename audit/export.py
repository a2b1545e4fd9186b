"""Writes the log as a folder that a stranger can check, with `audit.verify` and one public key.

Judges nothing: what the database holds is what is written, so that the verifier can find what is wrong with it.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audit import folder, log
from audit.folder import Print
from audit.note import VerifierKey, encode_key, sign
from audit.seal import Signer
from audit.tree import HASH, WIDTH, TileId

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


async def export(db: AsyncConnection, target: Path, signer: Signer) -> Summary:
    """Write the log up to its newest signed head into ``target``, a new or empty folder.

    Needs memory for one line per 256 entries, not for the log. The manifest comes last: a folder without it
    is an export that was not finished. Raises `ExportError`.
    """
    head = await log.latest(db)
    if head is None:
        raise ExportError("Het logboek heeft nog geen ondertekende stand. Start de poort en probeer het opnieuw.")
    _claim(target)
    prints = {folder.CHECKPOINT: _write(target, folder.CHECKPOINT, head.note.encode())}
    async for where, width, hashes in _tiles(db, head.size):
        path = folder.tile_path(where, width)
        prints[path] = _write(target, path, hashes[: width * HASH])
    erased = 0
    async for number, width, rows in _bundles(db, head.size):
        headers = folder.pack([header for header, _ in rows], folder.HEADER_PREFIX)
        payloads = folder.pack([sealed or b"" for _, sealed in rows], folder.PAYLOAD_PREFIX)
        erased += sum(sealed is None for _, sealed in rows)
        for path, data in (
            (folder.entries_path(number, width), headers),
            (folder.payload_path(number, width), payloads),
        ):
            prints[path] = _write(target, path, data)
    text = folder.manifest_text(head.origin, head.size, prints)
    _write(target, folder.MANIFEST, sign(text, head.origin, signer).encode())
    return Summary(origin=head.origin, entries=head.size, files=len(prints) + 1, erased=erased)


def publish_key(path: Path, origin: str, signer: Signer) -> None:
    """Write the public key file that the verifier asks for; give it to the checker along another way."""
    path.write_text(encode_key(VerifierKey(name=origin, public=signer.public)) + "\n", encoding="utf-8")


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
) -> AsyncIterator[tuple[int, int, Sequence[tuple[bytes, bytes | None]]]]:
    row = log.entries.c
    wanted = list(folder.widths(size))
    for start in range(0, len(wanted), _AT_ONCE):
        part = wanted[start : start + _AT_ONCE]
        first, last = part[0][0] * WIDTH, part[-1][0] * WIDTH + part[-1][1]
        query = sa.select(row.idx, row.header, row.sealed).where(row.idx >= first, row.idx < last).order_by(row.idx)
        bundles: dict[int, list[tuple[bytes, bytes | None]]] = {number: [] for number, _ in part}
        for index, header, sealed in await db.execute(query):
            bundles[index // WIDTH].append((header, sealed))
        for number, width in part:
            yield number, width, bundles[number]


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
