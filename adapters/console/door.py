"""The door of the console: logging in with a password and a code, confirming, logging off; and the session's cookie.

Open to everybody, so it tells nothing: every attempt that fails gets the same answer, and every address that needs a
session sends here, whether it exists or not.
"""

import base64
import logging
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import quote

from aiohttp import web

from adapters.console import oidc
from adapters.console.oidc import Provider, ProviderError
from adapters.console.render import render
from adapters.console.tokens import TokenError
from gateway.oversight.desk import Asking, now
from gateway.oversight.login import Caller, Login

COOKIE = "__Host-toezicht"
"""Holds a random value that opens the session; the browser sends it only here, over HTTPS, and to no script."""
LOGIN = "/aanmelden"
LOGGED_OUT = "/aanmelden/afgemeld"
"""Where the OpenID provider says that a session is over. A program sends that form, not a page of ours."""
_HERE = re.compile(r"(?=.{1,300}$)/(?:[A-Za-z0-9_-]+(?:/[A-Za-z0-9_-]+)*(?:\?[A-Za-z0-9/_.~%?&=+,:-]*)?)?")
"""Our paths have plain names: nothing is encoded, empty or made of dots, which a browser could read otherwise."""
_WRONG = (
    "Aanmelden is niet gelukt. Controleer wat u invulde, en gebruik een nieuwe code. "
    "Na een paar keer moet u steeds langer wachten."
)
_NOT_BY_PROVIDER = (
    "De inlogdienst laat u hier niet toe. Meld u aan op het niveau dat nodig is. "
    "Bent u geen functionaris? Vraag dan de beheerder van de poort om een account."
)
_NO_PROVIDER = "Probeer het over een paar minuten opnieuw. Blijft het zo? Vraag dan de beheerder van de poort."
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_caller: web.RequestKey[Caller] = web.RequestKey("caller", Caller)


class Door:
    """Lets officers in and out."""

    def __init__(self, login: Login, provider: Provider | None) -> None:
        """Let in whom ``login`` lets in, on the word of ``provider`` too if there is one."""
        self._login = login
        self._provider = provider

    @property
    def open(self) -> Mapping[tuple[str, str], Handler]:
        """All that may be asked without a session: method and path, and what serves it."""
        return {
            ("GET", LOGIN): self.ask,
            ("POST", LOGIN): self.enter,
            ("POST", "/afmelden"): self.leave,
            ("GET", "/afgemeld"): self.left,
            ("GET", "/aanmelden/inlogdienst"): self.to_provider,
            ("GET", oidc.BACK): self.from_provider,
            ("POST", LOGGED_OUT): self.provider_left,
        }

    async def asking(self, request: web.Request) -> Asking | None:
        """Return who asks; None if nobody is logged in on this browser."""
        cookie = request.cookies.get(COOKIE)
        return await self._login.asking(cookie, caller_of(request)) if cookie else None

    async def ask(self, request: web.Request) -> web.Response:
        """Show the form to log in with; to who is logged in, the form to confirm that it is still him."""
        return self._form(await self.asking(request), naar=where(request.query.get("naar", "/")))

    async def enter(self, request: web.Request) -> web.Response:
        """Take that form."""
        form = await request.post()
        login, password, code = (str(form.get(name, "")).strip() for name in ("login", "wachtwoord", "code"))
        asking, naar = await self.asking(request), where(str(form.get("naar", "/")))
        cookie = await self._login.by_password(
            login.lower(), password, code.replace(" ", ""), caller_of(request),
            again=asking.session if asking else None,
        )  # fmt: skip
        if cookie is None:
            return self._form(asking, naar=naar, wrong=_WRONG, status=403)
        answer = go(naar)
        if cookie:
            keep(answer, cookie)
        return answer

    async def to_provider(self, request: web.Request) -> web.Response:
        """Send the browser to the OpenID provider."""
        seed = oidc.new_seed()
        try:
            answer = go(await self._known_provider.begin(seed))
        except ProviderError as error:
            return self._provider_failed(error)
        naar = base64.urlsafe_b64encode(where(request.query.get("naar", "/")).encode()).decode()
        answer.set_cookie(
            oidc.COOKIE, f"{seed}.{naar}", path="/", secure=True, httponly=True, samesite="Lax", max_age=oidc.SECONDS
        )
        return answer

    async def from_provider(self, request: web.Request) -> web.Response:
        """Take a browser back from the OpenID provider."""
        if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
            return html(render("terug.html", {"again": request.path_qs}))  # so that the session's cookie comes along
        seed, _, naar = request.cookies.get(oidc.COOKIE, "").partition(".")
        asking = await self.asking(request)
        try:
            found = await self._known_provider.finish(seed, request.query)
        except ProviderError as error:
            return self._provider_failed(error)
        except TokenError as error:
            await self._login.refused(caller_of(request), f"inlogdienst: {error}")
            return self._form(asking, naar="/", wrong=_NOT_BY_PROVIDER, status=403)
        cookie = await self._login.by_provider(
            self._known_provider.settings.issuer, found.subject, found.sid, caller_of(request),
            again=asking.session if asking else None,
        )  # fmt: skip
        if cookie is None:
            return self._form(asking, naar="/", wrong=_NOT_BY_PROVIDER, status=403)
        answer = go(where(base64.urlsafe_b64decode(naar).decode()))
        answer.del_cookie(oidc.COOKIE, path="/", secure=True, httponly=True, samesite="Lax")
        if cookie:
            keep(answer, cookie)
        return answer

    async def provider_left(self, request: web.Request) -> web.Response:
        """End a session because the OpenID provider says that it is over (Back-Channel Logout 1.0)."""
        token = str((await request.post()).get("logout_token", ""))
        try:
            sid = await self._known_provider.logged_out(token)
        except (ProviderError, TokenError):
            return web.Response(status=400)
        await self._login.out_by_provider(sid, caller_of(request))
        return web.Response()

    @property
    def _known_provider(self) -> Provider:
        if self._provider is None:
            raise web.HTTPNotFound
        return self._provider

    def _provider_failed(self, error: ProviderError) -> web.Response:
        logging.getLogger("ketenpoort").error("de inlogdienst werkt niet mee: %s", error)
        return html(render("fout.html", {"title": "De inlogdienst antwoordt niet", "text": _NO_PROVIDER}), 502)

    async def leave(self, request: web.Request) -> web.Response:
        """Log off."""
        if asking := await self.asking(request):
            await self._login.out(asking)
        answer = go("/afgemeld")
        answer.del_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="Strict")
        return answer

    async def left(self, _request: web.Request) -> web.Response:
        """Say that he is logged off."""
        return html(render("afgemeld.html", {}))

    def _form(self, asking: Asking | None, *, naar: str, wrong: str = "", status: int = 200) -> web.Response:
        return html(
            render(
                "aanmelden.html",
                {"known": asking, "naar": naar, "wrong": wrong, "provider": self._provider is not None},
            ),
            status,
        )


def sends_in(request: web.Request) -> web.Response:
    """Send who is not logged in to the door, and remember where he wanted to go."""
    return go(f"{LOGIN}?naar={quote(where(request.path_qs), safe='')}")


def where(path: str, otherwise: str = "/") -> str:
    """Return a path of this console, and of no other place: what is anything else becomes ``otherwise``."""
    return path if _HERE.fullmatch(path) else otherwise


def caller_of(request: web.Request) -> Caller:
    """Return the browser that asks."""
    if _caller not in request:
        request[_caller] = Caller(address=request.remote or "", trace=secrets.token_hex(16), at=now())
    return request[_caller]


def keep(answer: web.Response, cookie: str) -> None:
    """Let the browser keep the cookie of a session, until it is closed."""
    answer.set_cookie(COOKIE, cookie, path="/", secure=True, httponly=True, samesite="Strict")


def go(to: str) -> web.Response:
    """Answer: go on there, with a GET."""
    return web.Response(status=303, headers={"Location": to})


def html(text: str, status: int = 200) -> web.Response:
    """Answer with a page."""
    return web.Response(text=text, status=status, content_type="text/html", charset="utf-8")
