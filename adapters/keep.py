"""A folder of messages on the receiver's disk: whole files, durable, never overwritten."""

import errno
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def keep(folder: Path, delivery: Mapping[str, Any], raw: bytes) -> Path:
    """Write a message to ``<soort>-<afzender>-<identificatie>.xml``, durably; return where it is.

    ``delivery`` is an item of the list of deliveries. Other content is never overwritten: then the name gets
    the message's id too. Makes ``folder`` where it is missing. Raises OSError.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    stem = "-".join(_safe(delivery[name]) for name in ("soort", "afzender", "identificatie"))
    for name in (stem, f"{stem}-{_safe(delivery['berichtId'])}"):
        path = folder / f"{name}.xml"
        if not path.exists():
            _write(path, raw)
        elif path.read_bytes() != raw:
            continue
        # Also for a file found: whoever wrote it may have died before its name was on disk.
        _sync(path)
        _sync(folder)
        return path
    raise FileExistsError(errno.EEXIST, "bestaat al met andere inhoud", str(path))


def _safe(text: object) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "_", str(text))


def _write(path: Path, raw: bytes) -> None:
    # A reader of the folder sees a whole file or none.
    part = path.with_suffix(".part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _sync(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
