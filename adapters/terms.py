"""Terms and notices under ``/v1``: what a party must do and waits for, and what it is told."""

from aiohttp import web

from adapters.arriving import PARTY, Arriving, not_yet
from adapters.listen import Problem
from adapters.query import LAST, Query
from gateway.terms.agenda import Agenda

MOST = 100
"""Terms or notices in one answer, and notices that are told seen at once."""


def routes(agenda: Agenda, arriving: Arriving) -> list[web.RouteDef]:
    """Return the routes under which a party sees its ``agenda``."""
    part = _Terms(agenda, arriving)
    return [
        web.get("/v1/termijnen", part.terms, allow_head=False),
        web.get("/v1/kennisgevingen", part.notices, allow_head=False),
        web.post("/v1/kennisgevingen/gelezen", part.seen, expect_handler=not_yet),
    ]


class _Terms:
    """The handlers, one per operation in the OpenAPI document."""

    def __init__(self, agenda: Agenda, arriving: Arriving) -> None:
        self._agenda = agenda
        self._arriving = arriving

    async def terms(self, request: web.Request) -> web.Response:
        """GET /v1/termijnen."""
        is_open, after, count = _asked(request, "open", default=True)
        return web.json_response(await self._agenda.terms(request[PARTY], is_open=is_open, after=after, count=count))

    async def notices(self, request: web.Request) -> web.Response:
        """GET /v1/kennisgevingen."""
        unseen, after, count = _asked(request, "nieuw", default=False)
        return web.json_response(await self._agenda.notices(request[PARTY], unseen=unseen, after=after, count=count))

    async def seen(self, request: web.Request) -> web.Response:
        """POST /v1/kennisgevingen/gelezen."""
        asked = await self._arriving.json(request)
        ids = asked.get("kennisgevingen") if isinstance(asked, dict) and len(asked) == 1 else None
        if (
            not isinstance(ids, list)
            or not 0 < len(ids) <= MOST
            or not all(type(id_) is int and 0 < id_ <= LAST for id_ in ids)
        ):
            raise Problem(
                400,
                "Verzoek klopt niet",
                f"'kennisgevingen' moet een lijst van 1 tot {MOST} nummers van kennisgevingen zijn.",
            )
        return web.json_response({"aantal": await self._agenda.seen(request[PARTY], ids)})


def _asked(request: web.Request, name: str, *, default: bool) -> tuple[bool, int, int]:
    """Return the choice called ``name``, after which number to begin, and how many are asked for."""
    query = Query(request)
    chosen, (after, count) = query.yes(name, default=default), query.page(most=MOST)
    query.end()
    return chosen, after, count
