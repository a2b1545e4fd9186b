"""Where an export lies: a folder on a disk, or files in memory; the verifier reads both by the same two questions."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class Place(Protocol):
    """Files by their path, with slashes."""

    def read(self, file: str, most: int | None = None) -> bytes | None:
        """Return a file, at most its first ``most`` bytes; None if there is no such file."""
        ...

    def names(self) -> Iterator[str]:
        """Yield the path of every file."""
        ...


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder on a disk."""

    root: Path

    def read(self, file: str, most: int | None = None) -> bytes | None:
        """Return a file, at most its first ``most`` bytes; None if there is no such file. Raises ``OSError``."""
        path = self.root / file
        if not path.is_file():
            return None
        with path.open("rb") as opened:
            return opened.read() if most is None else opened.read(most)

    def names(self) -> Iterator[str]:
        """Yield the path of every file."""
        for path, _, names in os.walk(self.root):
            for name in names:
                yield (Path(path) / name).relative_to(self.root).as_posix()


@dataclass(frozen=True, slots=True)
class Memory:
    """Files in memory."""

    files: Mapping[str, bytes]

    def read(self, file: str, most: int | None = None) -> bytes | None:
        """Return a file, at most its first ``most`` bytes; None if there is no such file."""
        found = self.files.get(file)
        return found if found is None or most is None else found[:most]

    def names(self) -> Iterator[str]:
        """Yield the path of every file."""
        yield from self.files
