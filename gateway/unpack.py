"""Reads a ZIP that a stranger made: bounded in number and size whatever its directory claims, nothing to disk."""

import lzma
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from gateway.words import Text

MOST_ENTRIES = 1_000
MOST_RATIO = 100
"""Bytes out per byte in, for a whole ZIP; XML packs about 1 : 20."""
FREE = 2**20
"""Bytes out that a small ZIP may always give."""


class UnpackError(Exception):
    """A ZIP cannot be read; the text, in Dutch as a string, ends a sentence that begins with its name."""

    def __init__(self, text: Text) -> None:
        super().__init__(text.nl)
        self.text = text


def unpacked(path: Path, suffix: str, *, each: int, most: int) -> Iterator[tuple[str, bytes]]:
    """Name and content of every file in a ZIP whose name ends in ``suffix``; ZIPs in it are not opened.

    Of a file larger than ``each`` bytes one byte more than that is read; more than ``most`` bytes together raise
    UnpackError, as does a ZIP that is damaged, locked, of very many files or packed far tighter than XML can be. Names
    are as they stand in the ZIP: show them with care, and never write to them.
    """
    left = min(most, MOST_RATIO * path.stat().st_size + FREE)
    try:
        with zipfile.ZipFile(path) as archive:
            if len(archive.infolist()) > MOST_ENTRIES:
                raise UnpackError(
                    Text(
                        f"deze ZIP bevat meer dan {MOST_ENTRIES} bestanden.",
                        f"this ZIP holds more than {MOST_ENTRIES} files.",
                    )
                )
            for entry in archive.infolist():
                if not entry.filename.lower().endswith(suffix):
                    continue
                with archive.open(entry) as file:
                    raw = file.read(min(each, left) + 1)
                left -= len(raw)
                if left < 0:
                    raise UnpackError(
                        Text("deze ZIP wordt bij uitpakken te groot.", "this ZIP becomes too large when unpacked.")
                    )
                yield entry.filename, raw
    except (zipfile.BadZipFile, lzma.LZMAError, zlib.error, RuntimeError, NotImplementedError, EOFError):
        raise UnpackError(
            Text(
                "deze ZIP is beschadigd of met een wachtwoord beveiligd.",
                "this ZIP is damaged or locked with a password.",
            )
        ) from None
