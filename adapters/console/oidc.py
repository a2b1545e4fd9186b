"""Logging in by an OpenID provider: authorization code with PKCE (RFC 7636), and logging off when the provider says so.

What must be the same at the beginning and the end of a login is derived from one random value in a cookie of the
browser, so that nothing is kept here for who never comes back. The session's own cookie does not come along when
another site sends the browser here; so the answer to that is a page that asks again, from here.
"""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import secrets
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, TypeVar, cast
from urllib.parse import quote, urlencode

from aiohttp import BasicAuth, ClientError, ClientSession, ClientTimeout, TCPConnector
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from adapters.console.tokens import AGE, Identity, TokenError, UnknownKeyError, read_id_token, read_logout_token
from gateway.settings import Oidc

Found = TypeVar("Found")
BACK = "/aanmelden/terug"
COOKIE = "__Host-aanmelding"
"""Holds the random value of one login, for ten minutes; unlike that of the session it comes along from elsewhere."""
SECONDS = 600
_MOST = 256 * 2**10
"""Bytes of an answer of the provider."""
_TIMEOUT = ClientTimeout(total=10)
_KNOWN_FOR = 3600.0
"""Seconds after which the provider's description and keys are asked anew."""
_ASK_AGAIN = 60.0
"""Seconds between two questions for keys because of a token with an unknown one."""


class ProviderError(Exception):
    """The provider cannot be reached, or says what it should not."""


class Provider:
    """The OpenID provider of the settings, as this console uses it."""

    def __init__(self, settings: Oidc, secret: str, session: ClientSession) -> None:
        """Use this provider; ``secret`` is what it knows this client by."""
        self.settings = settings
        self._secret = secret
        self._session = session
        self._described: Mapping[str, Any] = {}
        self._keys = KeySet([])
        self._known_at = self._asked_at = float("-inf")
        self._asking = asyncio.Lock()

    @property
    def _back(self) -> str:
        return self.settings.address + BACK

    async def begin(self, seed: str) -> str:
        """Return the address at the provider to send a browser to, that has this random value in its cookie."""
        await self._know()
        asked = {
            "response_type": "code",
            "client_id": self.settings.client,
            "redirect_uri": self._back,
            "scope": "openid",
            "state": derived(seed, "state"),
            "nonce": derived(seed, "nonce"),
            "code_challenge": _url64(hashlib.sha256(derived(seed, "verifier").encode()).digest()),
            "code_challenge_method": "S256",
            "acr_values": " ".join(self.settings.levels),
            "max_age": str(AGE),
        }
        return f"{self._described['authorization_endpoint']}?{urlencode(asked)}"

    async def finish(self, seed: str, query: Mapping[str, str]) -> Identity:
        """Return for whom the provider vouches; raises ProviderError, TokenError."""
        if not seed:  # what belongs to no login can be worked out by anybody
            raise TokenError("seed")
        if not hmac.compare_digest(query.get("state", "").encode(), derived(seed, "state").encode()):
            raise TokenError("state")
        if query.get("iss", self.settings.issuer) != self.settings.issuer:  # RFC 9207
            raise TokenError("iss")
        if "code" not in query:
            raise TokenError("code")
        await self._know()
        form = {
            "grant_type": "authorization_code",
            "code": query["code"],
            "redirect_uri": self._back,
            "code_verifier": derived(seed, "verifier"),
        }
        told = await self._ask("POST", self._described["token_endpoint"], form)
        token = told.get("id_token")
        if not isinstance(token, str):
            raise TokenError("id_token")
        about = {"nonce": derived(seed, "nonce"), "levels": self.settings.levels}
        return await self._read(read_id_token, token, **about)

    async def logged_out(self, token: str) -> str:
        """Return which session is over by this logout token; raises ProviderError, TokenError."""
        await self._know()
        return await self._read(read_logout_token, token)

    async def _read(self, read: Callable[..., Found], token: str, **about: Any) -> Found:
        known = {"issuer": self.settings.issuer, "client": self.settings.client, "at": int(time.time()), **about}
        try:
            return read(token, self._keys, **known)
        except UnknownKeyError:
            if time.monotonic() - self._asked_at < _ASK_AGAIN:
                raise
            self._known_at = float("-inf")
            await self._know()
            return read(token, self._keys, **known)

    async def _know(self) -> None:
        """Ask for the provider's description and keys, unless they are known."""
        async with self._asking:
            if time.monotonic() - self._known_at < _KNOWN_FOR:
                return
            self._asked_at = time.monotonic()
            issuer = self.settings.issuer
            told = await self._ask("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
            ends = [told.get(each) for each in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
            if told.get("issuer") != issuer or not all(str(each).startswith("https://") for each in ends):
                raise ProviderError("its description is not that of this issuer")
            try:
                keys = KeySet.import_key_set(cast("Any", await self._ask("GET", told["jwks_uri"])))
            except (JoseError, LookupError, TypeError, ValueError) as error:
                raise ProviderError(type(error).__name__) from None
            self._described, self._keys, self._known_at = told, keys, time.monotonic()

    async def _ask(self, method: str, url: str, form: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        auth = BasicAuth(quote(self.settings.client, safe=""), quote(self._secret, safe="")) if form else None
        try:
            async with self._session.request(method, url, data=form, auth=auth, allow_redirects=False) as answer:
                raw = b""
                async for part in answer.content.iter_any():
                    raw += part
                    if len(raw) > _MOST:
                        raise ProviderError("too much")
                if answer.status != 200:
                    raise ProviderError(f"status {answer.status}")
                told = json.loads(raw)
        except (ClientError, TimeoutError, ValueError) as error:
            raise ProviderError(type(error).__name__) from None
        if not isinstance(told, dict):
            raise ProviderError("no object")
        return told


@contextlib.asynccontextmanager
async def connected(settings: Oidc | None) -> AsyncIterator[Provider | None]:
    """Yield the provider of these settings; None if they name none. It is first asked when somebody logs in."""
    if settings is None:
        yield None
        return
    context = ssl.create_default_context(cafile=settings.authority)
    async with ClientSession(connector=TCPConnector(ssl=context), timeout=_TIMEOUT) as session:
        yield Provider(settings, settings.secret.read_text(encoding="utf-8").strip(), session)


def new_seed() -> str:
    """Return the random value of one login."""
    return secrets.token_urlsafe(32)


def derived(seed: str, what: str) -> str:
    """Return what belongs to one login: its state, nonce or verifier. None of them tells another."""
    return _url64(hmac.digest(seed.encode(), what.encode(), "sha256"))


def _url64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
