"""What was agreed, at the command line of a party: asked in one of three forms, shown or kept in a file.

Exit codes: 0 done, 2 could not.
"""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adapters.client import Client, Connection
from adapters.commands import connected

KINDS = {"json": "application/json", "html": "text/html", "pdf": "application/pdf"}


async def toon(
    connection: Connection,
    path: str,
    kind: str,
    to: Path | None,
    *,
    body: Mapping[str, Any] | None = None,
    **query: str,
) -> int:
    """Ask for ``path`` as one of ``KINDS``; print it, or write it ``to`` a new file that is for its owner alone."""

    async def asked(client: Client) -> int:
        found = await client.shown("GET" if body is None else "POST", path, KINDS[kind], body=body, **query)
        whole = (
            json.dumps(json.loads(found), ensure_ascii=False, indent=2).encode() + b"\n" if kind == "json" else found
        )
        if to is None:
            sys.stdout.buffer.write(whole)
            return 0
        try:
            await asyncio.to_thread(_keep, to, whole)
        except FileExistsError:
            print(f"{to} bestaat al. Noem een ander bestand.", file=sys.stderr)
            return 2
        print(f"Geschreven: {to}")
        return 0

    return await connected(connection, asked)


def _keep(to: Path, whole: bytes) -> None:
    with os.fdopen(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(whole)
