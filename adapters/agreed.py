"""What was agreed, under ``/v1``: contracts, consents, the register of a gemeente, the confirmation of an order."""

from aiohttp import web

from adapters.arriving import PARTY, VISIT, Arriving, not_yet
from adapters.listen import Problem, busy
from adapters.paper import Papers, wanted
from adapters.query import Query
from gateway.agreed.contract_paper import consents_paper, contract_paper, contracts_paper, register_paper
from gateway.agreed.order_paper import order_paper
from gateway.agreed.reading import Agreed, NotNowError, Page, UnknownAgreementError
from gateway.clock import today
from gateway.ledger.values import Relation
from gateway.orders import asked
from gateway.orders.asked import AskedError
from gateway.pickup import DestroyedError

MOST = 1_000
"""Relations in one answer."""


def routes(agreed: Agreed, arriving: Arriving) -> list[web.RouteDef]:
    """Return the routes under which ``agreed`` is read."""
    part = _Part(agreed, arriving)
    return [
        web.get("/v1/overeenkomsten", part.contracts, allow_head=False),
        web.get("/v1/overeenkomsten/{wet}/{hoofd}/{onder}/{nummer}", part.contract, allow_head=False),
        web.get("/v1/toestemmingen", part.consents, allow_head=False),
        web.get("/v1/gemeenten/{code}/onderaannemers", part.register, allow_head=False),
        web.post("/v1/opdrachtbevestigingen", part.order, expect_handler=not_yet),
    ]


class _Part:
    """The handlers, one per operation in the OpenAPI document."""

    def __init__(self, agreed: Agreed, arriving: Arriving) -> None:
        self._agreed = agreed
        self._arriving = arriving
        self._papers = Papers()

    async def contracts(self, request: web.Request) -> web.Response:
        """GET /v1/overeenkomsten."""
        kind, page = wanted(request), _page(Query(request))
        told = await self._agreed.contracts(request[PARTY], page)
        return await self._papers.answer(kind, told, lambda: contracts_paper(told, today()))

    async def contract(self, request: web.Request) -> web.Response:
        """GET /v1/overeenkomsten/{wet}/{hoofd}/{onder}/{nummer}."""
        kind, named = wanted(request), request.match_info
        Query(request).end()
        relation = Relation(wet=named["wet"], hoofd=named["hoofd"], onder=named["onder"])
        try:
            told = await self._agreed.contract(request[PARTY], relation, named["nummer"])
        except UnknownAgreementError:
            raise _nothing("Deze overeenkomst bestaat niet, of zij is niet voor u.") from None
        return await self._papers.answer(kind, told, lambda: contract_paper(told, today()))

    async def consents(self, request: web.Request) -> web.Response:
        """GET /v1/toestemmingen."""
        kind, page = wanted(request), _page(Query(request))
        told = await self._agreed.consents(request[PARTY], page)
        return await self._papers.answer(kind, told, lambda: consents_paper(told, today()))

    async def register(self, request: web.Request) -> web.Response:
        """GET /v1/gemeenten/{code}/onderaannemers."""
        kind, query = wanted(request), Query(request)
        day, page = query.day("op"), _page(query)
        try:
            told = await self._agreed.register(request[PARTY], request.match_info["code"], day, page)
        except UnknownAgreementError:
            raise _nothing("Het register van deze gemeente is niet voor u.") from None
        return await self._papers.answer(kind, told, lambda: register_paper(told, today()))

    async def order(self, request: web.Request) -> web.Response:
        """POST /v1/opdrachtbevestigingen."""
        kind = wanted(request)
        try:
            wet, other, which = asked.order(await self._arriving.json(request))
            told = await self._agreed.order(request[PARTY], request[VISIT], wet=wet, other=other, number=which)
        except AskedError as error:
            raise Problem(400, "Verzoek klopt niet", str(error)) from None
        except UnknownAgreementError:
            raise _nothing("Er is geen opdracht met dit nummer tussen u en deze partij.") from None
        except DestroyedError:
            raise Problem(
                410,
                "Vernietigd",
                "Het bericht waarin deze opdracht stond, is vernietigd: de bewaartermijn is voorbij. Vraag de opdracht"
                " aan de partij die haar gaf of kreeg.",
            ) from None
        except NotNowError:
            raise busy("Nu niet te lezen", "Probeer het over een seconde opnieuw.", seconds=1) from None
        return await self._papers.answer(kind, told, lambda: order_paper(told, today()))


def _page(query: Query) -> Page:
    after, count = query.page(MOST, MOST)
    query.end()
    return Page(after=after, count=count)


def _nothing(detail: str) -> Problem:
    return Problem(404, "Niet gevonden", detail)
