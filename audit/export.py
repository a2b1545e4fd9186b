"""Writes the log as a folder that a stranger can check, with `audit.verify` and one public key.

What the database holds is what is written, so that the verifier can find what is wrong with it. One thing the verifier
cannot see, having no keys: whether the sealed payloads still are what their entries committed to. So each is opened
here, and thrown away.
"""

from array import array
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audit import folder, log
from audit.entry import MAX_HEADER, open_payload
from audit.folder import Print
from audit.note import VerifierKey, encode_key, sign
from audit.seal import Key, SealError, Signer
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
    broken: int
    """Entries whose payload does not open, or is not what the entry committed to."""
    first_broken: int | None
    """Index of the first of those."""


def _silent(_done: int, _of: int) -> None:
    """Tell nobody."""


async def export(
    db: AsyncConnection,
    target: Path,
    signer: Signer,
    origin: str,
    key_of: Callable[[bytes], Key],
    *,
    tell: Callable[[int, int], None] = _silent,
) -> Summary:
    """Write the log up to its newest signed head into ``target``, a new or empty folder, and open each payload.

    ``key_of`` gives the key that a sealed payload names, or raises `SealError` (`KeyService.log_key_of`). A payload
    that does not open is written all the same, and counted. ``tell`` hears how many entries of how many are done.
    Needs memory for one line per 256 entries, not for the log. The manifest comes last: a folder without it
    is an export that was not finished. Raises `ExportError`; `log.TamperedError` if there is no head to go by.
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
        broken.extend(index for index, header, sealed in rows if sealed and not _opens(header, sealed, key_of))
        for path, data in (
            (folder.entries_path(number, width), headers),
            (folder.payload_path(number, width), payloads),
        ):
            prints[path] = _write(target, path, data)
        tell(number * WIDTH + width, head.size)
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


def _opens(header: bytes, sealed: bytes, key_of: Callable[[bytes], Key]) -> bool:
    try:
        open_payload(header, sealed, key_of(sealed))
    except SealError:
        return False
    return True


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
