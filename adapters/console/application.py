"""The console as an aiohttp application: who asks, may he, and the form of every answer.

Order of the walls: size and time of a form, where it comes from, session, right, proof of the form, how long ago the
officer showed that it is him; then the page. Whoever is not logged in is sent to the door, whatever he asked for.
"""

import asyncio
import hashlib
import hmac
import logging
import re
import traceback
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from aiohttp import web

from adapters.console import (
    chain,
    checks,
    emergencies,
    home,
    incidents,
    lookup,
    messages,
    people,
    register,
    retention,
    secrecy,
    signals,
    subject,
)
from adapters.console.door import COOKIE, LOGGED_OUT, Door, Handler, caller_of, go, html, sends_in
from adapters.console.pages import Answer, Asked, Goes, MissingError, Page, Sent, Shown, Tray
from adapters.console.render import LOOKS, look, render
from gateway.oversight.desk import Asking, Desk
from gateway.oversight.rights import DUTCH
from gateway.oversight.state import head

TRAYS: tuple[Tray, ...] = (
    home.stuck, emergencies.waiting, incidents.waiting, signals.waiting, checks.waiting,
    retention.waiting, secrecy.waiting,
)  # fmt: skip
"""All that may wait for an officer."""
PAGES: tuple[Page, ...] = (
    *home.pages(TRAYS), *lookup.PAGES, *subject.PAGES, *messages.PAGES, *emergencies.PAGES,
    *signals.PAGES, *incidents.PAGES, *retention.PAGES, *secrecy.PAGES, *chain.PAGES, *checks.PAGES, *register.PAGES,
    *people.PAGES,
)  # fmt: skip
"""All pages that there are, in the order of the menu."""

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; "
        "base-uri 'none'; require-trusted-types-for 'script'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Server": "Ketenpoort",
}
"""What every answer of the console carries. There is no script on any page, so none may run."""
MOST_FORM = 64 * 2**10
"""Bytes of a form."""
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_asking: web.RequestKey[Asking] = web.RequestKey("asking", Asking)


def application(desk: Desk, door: Door, *, body_seconds: float) -> web.Application:
    """Return the application that serves this desk; ``body_seconds`` is how long a form may take to arrive."""
    console = Console(desk, door, body_seconds)
    app = web.Application(middlewares=[console.answer], client_max_size=MOST_FORM)
    for (method, path), handler in console.open.items():
        app.router.add_route(method, path, handler)
    for page in PAGES:
        app.router.add_route(page.method, page.path, console.serving(page))
    return app


class Console:
    """Serves pages to officers."""

    def __init__(self, desk: Desk, door: Door, body_seconds: float) -> None:
        """Serve ``desk`` to whom ``door`` lets in."""
        self._desk = desk
        self._door = door
        self._body_seconds = body_seconds
        self._looks = {name: look(name) for name in LOOKS}

    @property
    def open(self) -> Mapping[tuple[str, str], Handler]:
        """All that may be asked without a session: method and path, and what serves it."""
        return {("GET", f"/opmaak/{name}"): self.look for name in LOOKS} | dict(self._door.open)

    @web.middleware
    async def answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Send who is not logged in to the door, and turn all that goes wrong into a page without content."""
        caller = caller_of(request)
        try:
            _printable(request.query.items())
            if request.method == "POST":
                await self._arrived(request)
            if (request.method, request.path) in self.open:
                return await handler(request)
            asking = await self._door.asking(request)
            if asking is None:
                return sends_in(request)
            request[_asking] = asking
            return await handler(request)
        except (asyncio.CancelledError, ConnectionError):
            raise
        except (MissingError, web.HTTPNotFound, web.HTTPMethodNotAllowed):
            return _problem(404, "Deze pagina is er niet", "Of zij is niet voor u. Ga terug naar het begin.")
        except (web.HTTPException, ValueError) as error:
            status = error.status if isinstance(error, web.HTTPException) else 400
            logging.getLogger("ketenpoort").info("toezicht: verzoek klopt niet: %s", type(error).__name__)
            return _problem(status, "Dit verzoek klopt niet", "Ga terug, ververs de pagina en probeer het opnieuw.")
        except Exception as error:  # noqa: BLE001 - the task edge: our fault, told without content
            last = traceback.extract_tb(error.__traceback__)[-1]  # kind and place: the text may hold content
            where = f"{last.filename}:{last.lineno}"
            logging.getLogger("ketenpoort").error(  # noqa: TRY400 - idem
                "toezicht: %s bij %s (spoor %s)", type(error).__name__, where, caller.trace
            )
            return _problem(
                500, "Er ging iets mis in de poort", f"Probeer het later opnieuw. Noem bij vragen: {caller.trace}."
            )

    async def look(self, request: web.Request) -> web.Response:
        """Give the stylesheet or the sign."""
        name = request.path.rpartition("/")[2]
        return web.Response(body=self._looks[name], content_type=LOOKS[name], charset="utf-8")

    def serving(self, page: Page) -> Handler:
        """Return what serves one page."""

        async def serve(request: web.Request) -> web.StreamResponse:
            asking = request[_asking]
            if not asking.may(page.right):
                raise MissingError
            form = await request.post()
            if page.method == "POST" and not hmac.compare_digest(
                str(form.get("bewijs", "")).encode(), _proof(request).encode()
            ):
                raise ValueError("a form that we did not give out")
            if page.fresh and not asking.session.is_fresh(asking.at):
                return sends_in(request)
            asked = Asked(
                desk=self._desk, asking=asking, path=MappingProxyType(dict(request.match_info)),
                query=MappingProxyType(dict(request.query)), form={name: str(form[name]).strip() for name in form},
                chosen={name: [str(each) for each in form.getall(name)] for name in form},
            )  # fmt: skip
            return await self._given(request, asking, await page.serve(asked))

        return serve

    async def _given(self, request: web.Request, asking: Asking, answer: Answer) -> web.Response:
        match answer:
            case Goes(to=to):
                return go(to)
            case Sent(name=name, kind=kind, content=content):
                headers = {"Content-Disposition": f'attachment; filename="{name}"'}
                return web.Response(body=content, content_type=kind, headers=headers)
            case Shown(template=template, values=values, status=status):
                frame = {
                    "asking": asking,
                    "role_name": DUTCH[asking.officer.role],
                    "menu": [page for page in PAGES if page.menu and asking.may(page.right)],
                    "here": request.path,
                    "itself": request.path_qs,
                    "proof": _proof(request),
                    "head": await head(self._desk),
                }
                return html(render(template, {**frame, **values}), status)

    async def _arrived(self, request: web.Request) -> None:
        """Read a form; raise ValueError or HTTPException if it is not one of ours, or too large or slow."""
        if request.content_type != "application/x-www-form-urlencoded" or (request.charset or "utf-8") != "utf-8":
            raise web.HTTPUnsupportedMediaType
        site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site", "same-origin")
        if site != (f"https://{request.host}", "same-origin") and request.path != LOGGED_OUT:
            raise web.HTTPForbidden
        try:
            async with asyncio.timeout(self._body_seconds):
                form = await request.post()
        except TimeoutError:
            raise web.HTTPRequestTimeout from None
        _printable(form.items())


def _printable(fields: Iterable[tuple[str, Any]]) -> None:
    """Raise ValueError if a field holds what no keyboard types and not every database takes."""
    if any(_CONTROL.search(name) or _CONTROL.search(str(value)) for name, value in fields):
        raise ValueError("control characters")


def _proof(request: web.Request) -> str:
    """Return what a form must bring along, which only the page of this session has."""
    return hashlib.sha256(b"ketenpoort|bewijs|" + request.cookies[COOKIE].encode()).hexdigest()


def _problem(status: int, title: str, text: str) -> web.Response:
    return html(render("fout.html", {"title": title, "text": text}), status)
