"""The log as parties may see it: its signed head and the hashes of its tree, no lines (C2SP tlog-tiles)."""

import re
from typing import Protocol

from aiohttp import web

from adapters.listen import Problem, busy

_TILE = re.compile(r"((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([1-9][0-9]?|1[0-9]{2}|2[0-4][0-9]|25[0-5]))?")
_MOST = 2**62


class Log(Protocol):
    """What this part needs of the gateway; ``gateway.logbook`` provides it."""

    async def checkpoint(self) -> str | None:
        """Return the newest signed head."""
        ...

    async def witnessed(self) -> str | None:
        """Return the newest head that witnesses signed too."""
        ...

    async def tile(self, level: int, number: int, width: int) -> bytes | None:
        """Return so many hashes of a tile; None if the tree has no such tile (yet)."""
        ...


def routes(log: Log) -> list[web.RouteDef]:
    """Return the routes under which ``log`` is published."""

    async def checkpoint(_request: web.Request) -> web.Response:
        return _note(await log.checkpoint())

    async def witnessed(_request: web.Request) -> web.Response:
        note = await log.witnessed()
        if note is None:
            raise Problem(404, "Niet gevonden", "Er is nog geen stand die getuigen hebben ondertekend.")
        return _note(note)

    async def tile(request: web.Request) -> web.Response:
        level, path = request.match_info["niveau"], _TILE.fullmatch(request.match_info["tegel"])
        number = int(path[1].replace("/", "").replace("x", "")) if path else _MOST
        width = int(path[2] or 256) if path else 0
        known = re.fullmatch(r"0|[1-9][0-9]?", level) and path and _canonical(path[1], number) and number < _MOST
        hashes = await log.tile(int(level), number, width) if known else None
        if hashes is None:
            raise Problem(404, "Niet gevonden", "Deze tegel is er niet, of nog niet. Zie de omvang in de stand.")
        return web.Response(body=hashes, content_type="application/octet-stream")

    return [
        web.get("/v1/logboek/checkpoint", checkpoint, allow_head=False),
        web.get("/v1/logboek/checkpoint/getuigd", witnessed, allow_head=False),
        web.get("/v1/logboek/tile/{niveau}/{tegel:.+}", tile, allow_head=False),
    ]


def _note(note: str | None) -> web.Response:
    if note is None:
        raise busy("Nog geen stand", "Het logboek heeft nog geen ondertekende stand. Probeer het opnieuw.", seconds=1)
    return web.Response(body=note.encode(), content_type="text/plain", charset="utf-8")


def _canonical(path: str, number: int) -> bool:
    """Tell whether a number is written in its one way: groups of three, all but the last with an x before it."""
    digits = f"{number:03}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    return path == "/".join([*(f"x{each}" for each in groups[:-1]), groups[-1]])
