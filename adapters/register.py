"""The register under ``/v1``: parties, regions, the list of onderaannemers, agreements; proposals and decisions."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from aiohttp import web

from adapters.arriving import PARTY, VISIT, Arriving, not_yet
from adapters.listen import Problem
from adapters.query import Query
from gateway.clock import today
from gateway.register import told
from gateway.register.change import ProposalError, Registry, UnknownChangeError
from gateway.register.values import Who

MOST_FOUND = 200
"""Onderaannemers in one answer."""
_DECISIONS = {"akkoord": True, "geweigerd": False}
_MOST_REASON = 400


def routes(registry: Registry, arriving: Arriving) -> list[web.RouteDef]:
    """Return the routes under which ``registry`` is read and changed."""
    part = _Register(registry, arriving)
    return [
        web.get("/v1/partijen", part.parties, allow_head=False),
        web.get("/v1/partijen/{code}", part.party, allow_head=False),
        web.get("/v1/regios", part.regions, allow_head=False),
        web.get("/v1/onderaannemers", part.listed, allow_head=False),
        web.get("/v1/afspraken", part.agreements, allow_head=False),
        web.get("/v1/registerwijzigingen", part.changes, allow_head=False),
        web.post("/v1/registerwijzigingen", part.propose, expect_handler=not_yet),
        web.post("/v1/registerwijzigingen/{wijzigingId}/besluit", part.decide, expect_handler=not_yet),
    ]


class _Register:
    """The handlers, one per operation in the OpenAPI document."""

    def __init__(self, registry: Registry, arriving: Arriving) -> None:
        self._registry = registry
        self._arriving = arriving

    async def parties(self, request: web.Request) -> web.Response:
        """GET /v1/partijen."""
        Query(request).end()
        return _answer({"partijen": told.parties(self._registry.now)})

    async def party(self, request: web.Request) -> web.Response:
        """GET /v1/partijen/{code}."""
        Query(request).end()
        register = self._registry.now
        party = register.parties.by_code.get(request.match_info["code"])
        if party is None:
            raise Problem(404, "Niet gevonden", "Er is geen partij met deze code.")
        own = party.code in request[PARTY].codes
        return _answer({**told.public(party), **(told.private(party, register) if own else {})})

    async def regions(self, request: web.Request) -> web.Response:
        """GET /v1/regios."""
        Query(request).end()
        return _answer({"regios": told.regions(self._registry.now)})

    async def listed(self, request: web.Request) -> web.Response:
        """GET /v1/onderaannemers."""
        query = Query(request)
        sought = query.texts(*told.SEARCHED)
        query.end()
        found = told.listed(self._registry.now, sought, today())
        return _answer({"onderaannemers": found[:MOST_FOUND], "aantal": len(found)})

    async def agreements(self, request: web.Request) -> web.Response:
        """GET /v1/afspraken."""
        Query(request).end()
        return _answer({"afspraken": told.agreements(self._registry.now, request[PARTY].codes)})

    async def changes(self, request: web.Request) -> web.Response:
        """GET /v1/registerwijzigingen."""
        query = Query(request)
        only_open = query.yes("open")
        query.end()
        found = await self._registry.concerning(request[PARTY].codes, only_open=only_open)
        return _answer({"registerwijzigingen": [told.proposal(each) for each in found]})

    async def propose(self, request: web.Request) -> web.Response:
        """POST /v1/registerwijzigingen."""
        asked = await self._members(request, "onderwerp", "soort", "waarde")
        subject, kind, value = (asked.get(name) for name in ("onderwerp", "soort", "waarde"))
        try:
            made = await self._registry.propose(str(subject), str(kind), value, _who(request), request[VISIT])
        except ProposalError as error:
            raise _wrong(error.wrong) from None
        return _answer(told.proposal(made.change), status=200 if made.again else 201)

    async def decide(self, request: web.Request) -> web.Response:
        """POST /v1/registerwijzigingen/{wijzigingId}/besluit."""
        asked = await self._members(request, "besluit", "reden")
        wrong, reason = [], asked.get("reden", "")
        if asked.get("besluit") not in list(_DECISIONS):  # also what has no hash, as a list
            wrong.append("'besluit' moet akkoord of geweigerd zijn.")
        if not isinstance(reason, str) or len(reason) > _MOST_REASON or not reason.isprintable():
            wrong.append(f"'reden' is een tekst tot {_MOST_REASON} tekens.")
        elif asked.get("besluit") == "geweigerd" and not reason.strip():
            wrong.append("'reden' ontbreekt: zeg waarom u weigert.")
        if wrong:
            raise _wrong(wrong)
        try:
            done = await self._registry.decide(
                request.match_info["wijzigingId"], _who(request), request[VISIT],
                grant=_DECISIONS[asked["besluit"]], reason=reason.strip(),
            )  # fmt: skip
        except UnknownChangeError:
            raise Problem(404, "Niet gevonden", "Dit voorstel bestaat niet, of het is niet voor u.") from None
        except ProposalError as error:
            raise Problem(409, "Besluit kan niet", " ".join(error.wrong)) from None
        return _answer(told.proposal(done))

    async def _members(self, request: web.Request, *names: str) -> Mapping[str, Any]:
        asked = await self._arriving.json(request)
        if not isinstance(asked, dict):
            raise _wrong(["De inhoud moet een object zijn."])
        if unknown := sorted(set(asked) - set(names)):
            raise _wrong([f"'{name[:40]}' hoort hier niet." for name in unknown])
        return asked


def _who(request: web.Request) -> Who:
    party = request[PARTY]
    return Who(name=party.code, own=party.code, codes=party.codes)


def _wrong(wrong: Iterable[str]) -> Problem:
    return Problem(400, "Verzoek klopt niet", " ".join(wrong))


def _answer(value: Mapping[str, Any], *, status: int = 200) -> web.Response:
    return web.json_response(value, status=status, dumps=_dumps)


_dumps: Callable[[Any], str] = json.JSONEncoder(ensure_ascii=False).encode
