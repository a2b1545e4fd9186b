"""Orders under ``/v1``: listed, how they stand, assignments divided, who is involved with a client."""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from adapters.arriving import PARTY, VISIT, Arriving, not_yet
from adapters.listen import Problem
from adapters.query import Query
from gateway.orders import asked
from gateway.orders.asked import AskedError
from gateway.orders.entrance import Orders
from gateway.orders.giving import DeniedError
from gateway.orders.office import UnknownError

Handler = Callable[[web.Request], Awaitable[web.Response]]


def routes(orders: Orders, arriving: Arriving) -> list[web.RouteDef]:
    """Return the routes under which parties see and give orders."""
    part = _Orders(orders, arriving)
    return [
        web.get("/v1/opdrachten", _plainly(part.listing), allow_head=False),
        web.post("/v1/opdrachten/stand", _plainly(part.stand), expect_handler=not_yet),
        web.get("/v1/verdelingen", _plainly(part.divisions), allow_head=False),
        web.post("/v1/verdelingen", _plainly(part.divide), expect_handler=not_yet),
        web.post("/v1/verdelingen/voorstel", _plainly(part.propose), expect_handler=not_yet),
        web.post("/v1/verdelingen/doorvoeren", _plainly(part.follow), expect_handler=not_yet),
        web.post("/v1/betrokkenen", _plainly(part.involved), expect_handler=not_yet),
    ]


class _Orders:
    """The handlers, one per operation in the OpenAPI document."""

    def __init__(self, orders: Orders, arriving: Arriving) -> None:
        self._orders = orders
        self._arriving = arriving

    async def listing(self, request: web.Request) -> web.Response:
        """GET /v1/opdrachten."""
        after, count = _page(Query(request))
        found = await self._orders.office.listing(request[PARTY], request[VISIT], after=after, count=count)
        return web.json_response(found)

    async def stand(self, request: web.Request) -> web.Response:
        """POST /v1/opdrachten/stand."""
        wet, other, which = asked.order(await self._arriving.json(request))
        return web.json_response(
            await self._orders.office.stand(request[PARTY], request[VISIT], wet, other, which)
        )  # fmt: skip

    async def divisions(self, request: web.Request) -> web.Response:
        """GET /v1/verdelingen."""
        after, count = _page(Query(request))
        found = await self._orders.office.divisions(request[PARTY], request[VISIT], after=after, count=count)
        return web.json_response(found)

    async def propose(self, request: web.Request) -> web.Response:
        """POST /v1/verdelingen/voorstel."""
        wish = asked.division(await self._arriving.json(request), exact=False)
        return web.json_response(await self._orders.giving.propose(request[PARTY], request[VISIT], wish))

    async def divide(self, request: web.Request) -> web.Response:
        """POST /v1/verdelingen."""
        wish = asked.division(await self._arriving.json(request), exact=True)
        return _given(await self._orders.giving.divide(request[PARTY], request[VISIT], wish))

    async def follow(self, request: web.Request) -> web.Response:
        """POST /v1/verdelingen/doorvoeren."""
        which = asked.assignment(await self._arriving.json(request))
        return _given(await self._orders.giving.follow(request[PARTY], request[VISIT], which))

    async def involved(self, request: web.Request) -> web.Response:
        """POST /v1/betrokkenen."""
        wet, bsn = asked.client(await self._arriving.json(request))
        return web.json_response(await self._orders.office.involved(request[PARTY], request[VISIT], wet, bsn))


def _plainly(handler: Handler) -> Handler:
    """Tell what is wrong as a problem, all of it at once."""

    async def handled(request: web.Request) -> web.Response:
        try:
            return await handler(request)
        except AskedError as error:
            raise Problem(400, "Verzoek klopt niet", str(error)) from None
        except UnknownError as error:
            raise Problem(404, "Niet gevonden", str(error)) from None
        except DeniedError as error:
            found = [each.in_json() for each in error.findings]
            more: dict[str, Any] = {"bevindingen": found, "aantalBevindingen": len(found)} if found else {}
            raise Problem(400, "Kan niet", str(error), **more) from None

    return handled


def _page(query: Query) -> tuple[int, int]:
    page = query.page()
    query.end()
    return page


def _given(told: dict[str, Any]) -> web.Response:
    new = any(each["uitkomst"] != "was al aangenomen" for each in told["berichten"])
    return web.json_response(told, status=201 if new else 200)
