"""Finds the process of a key service, to do it harm."""

import os
from pathlib import Path

from audit.keys import KeyService


def child(keys: KeyService) -> int:
    """Process id of the service behind a client: the only child of ours that is one."""
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(status.read_text().rpartition(")")[2].split()[1])
            command = (status.parent / "cmdline").read_bytes().split(b"\0")
        except (OSError, ProcessLookupError):
            continue
        if parent == os.getpid() and b"audit.vault" in command and str(keys._line._place).encode() in command:
            return int(status.parent.name)
    raise AssertionError("no service runs")
