"""The gateway's API from the other side: a party's own system that sends, fetches and confirms.

Owns the calls and the retries. Decides nothing about messages.
"""

import asyncio
import io
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlsplit

import aiohttp

from adapters.tls import client_context

PAUSES = (0.2, 1.0, 3.0)
"""Seconds before the second, third and fourth try."""

LONGEST_PAUSE = 30.0
"""Seconds; a gateway that asks for more patience (Retry-After) is tried sooner, and then given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """Which gateway, and with what papers. Raises ValueError when ``url`` is not https."""

    url: str
    cert: Path
    key: Path
    ca: Path

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme != "https" or not parts.hostname:
            raise ValueError("Het adres van de gateway moet beginnen met https:// en een servernaam bevatten.")


def read_connection(path: Path) -> Connection:
    """Read ``aansluiting.toml``: adres, certificaat, sleutel, ca; file names count from the file's own folder.

    Raises OSError if it cannot be read, ValueError with a Dutch text if something in it is wrong.
    """
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is geen geldig TOML-bestand: {error}") from error
    names = ("adres", "certificaat", "sleutel", "ca")
    if wrong := [name for name in names if not isinstance(found.get(name), str)]:
        raise ValueError(f"In {path} ontbreekt of klopt niet: {', '.join(wrong)}.")
    url, cert, key, ca = (found[name] for name in names)
    return Connection(url=url, cert=path.parent / cert, key=path.parent / key, ca=path.parent / ca)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the gateway said: the HTTP status, and its JSON object (empty if it sent no JSON)."""

    status: int
    body: Mapping[str, Any]

    @property
    def words(self) -> str:
        """What the gateway says about it, for people."""
        said = [str(self.body[name]) for name in ("title", "detail") if self.body.get(name)]
        return ". ".join(said) or f"De gateway antwoordde met HTTP-status {self.status}."


class UnreachableError(Exception):
    """The gateway gave no answer, after several tries; the text says in Dutch what to look at."""


class RefusedError(Exception):
    """The gateway answered no; ``answer`` is its problem (RFC 9457)."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.words)
        self.answer = answer


class Client:
    """A connection to the gateway, as an async context manager; keeps connections alive between calls.

    Every call is tried up to four times when the connection fails or the gateway says that it is busy (429,
    503). That is safe: the same message again gets its old receipt, and a confirmation may be repeated.
    All calls raise UnreachableError; all but ``send`` raise RefusedError for any other answer than 2xx.
    """

    def __init__(self, connection: Connection) -> None:
        """Raise OSError when certificate, key or CA cannot be read."""
        self._url = connection.url.rstrip("/")
        self._tls = client_context(connection.cert, connection.key, connection.ca)

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._tls, limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Accept-Encoding": "identity"},
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def send(self, raw: bytes, *, json: bool = False) -> Answer:
        """Offer one message. 201: accepted, body is the receipt; 200: it was already; else body is a problem."""
        headers = {"Content-Type": "application/json" if json else "application/xml"}
        status, answer = await self._ask("POST", "/v1/berichten", body=raw, headers=headers)
        return Answer(status=status, body=_object(answer))

    async def deliveries(
        self, after: int | None = None, count: int = 50, wait: int = 0, *, bodies: bool = False
    ) -> Mapping[str, Any]:
        """List open deliveries, oldest first, from cursor ``after``; wait up to ``wait`` seconds for one.

        With ``bodies`` most items bring their message (``inhoud``, base64), which then counts as fetched.
        """
        params = {"aantal": str(count), "wacht": str(wait)}
        params |= ({"na": str(after)} if after else {}) | ({"inhoud": "ja"} if bodies else {})
        return await self._json("GET", "/v1/bezorgingen", params=params)

    async def fetch(self, message: str) -> bytes:
        """Return the message exactly as its sender sent it."""
        return await self._raw("GET", _path(message))

    async def confirm(self, messages: Sequence[str]) -> Mapping[str, Any]:
        """Confirm that these messages (1 to 100) are safely kept; the gateway stops offering them."""
        return await self._json("POST", "/v1/bevestigingen", json={"berichten": list(messages)})

    async def status(self, message: str) -> Mapping[str, Any]:
        """Return how far a message is."""
        return await self._json("GET", _path(message) + "/status")

    async def receipt(self, message: str) -> Mapping[str, Any]:
        """Return the receipt, with its proof of inclusion in the audit log once there is one."""
        return await self._json("GET", _path(message) + "/ontvangstbewijs")

    async def proof(self, message: str) -> bytes:
        """Return the proof that the line of a message stands in the log (C2SP tlog-proof)."""
        return await self._raw("GET", _path(message) + "/logbewijs")

    async def checkpoint(self) -> bytes:
        """Return the newest signed head of the log."""
        return await self._raw("GET", "/v1/logboek/checkpoint")

    async def tile(self, level: int, number: int, width: int) -> bytes:
        """Return ``width`` hashes of a tile of the log's tree."""
        groups = f"{number:03}".zfill(-(-len(f"{number:03}") // 3) * 3)
        parts = [groups[at : at + 3] for at in range(0, len(groups), 3)]
        path = "/".join([*(f"x{each}" for each in parts[:-1]), parts[-1]])
        return await self._raw("GET", f"/v1/logboek/tile/{level}/{path}" + (f".p/{width}" if width < 256 else ""))

    async def call(self, method: str, path: str, *, body: Any = None, **query: str) -> Mapping[str, Any]:
        """Ask something of the interface (``path`` after ``/v1``) with a body of JSON; what changes may come twice."""
        more = {} if body is None else {"json": body}
        return await self._json(method, f"/v1{path}", params=query, **more)

    async def shown(self, method: str, path: str, kind: str, *, body: Any = None, **query: str) -> bytes:
        """Ask something of the interface, as ``call``, in a form of one's choice: a media type."""
        more = {} if body is None else {"json": body}
        return await self._raw(method, f"/v1{path}", params=query, headers={"Accept": kind}, **more)

    async def _json(self, method: str, path: str, **request: Any) -> Mapping[str, Any]:
        return _object(await self._raw(method, path, **request))

    async def _raw(self, method: str, path: str, **request: Any) -> bytes:
        status, answer = await self._ask(method, path, **request)
        if status // 100 != 2:
            raise RefusedError(Answer(status=status, body=_object(answer)))
        return answer

    async def _ask(self, method: str, path: str, *, body: bytes | None = None, **request: Any) -> tuple[int, bytes]:
        for pause in (*PAUSES, None):
            if body is not None:
                request["data"] = io.BytesIO(body)  # a stream, because large bytes would block the loop
            try:
                # Longer than the longest long poll (30 s), and enough for 25 MiB over a slow line.
                timeout = aiohttp.ClientTimeout(total=300, sock_connect=10, sock_read=60)
                async with self._session.request(
                    method, self._url + path, timeout=timeout, allow_redirects=False, **request
                ) as response:
                    answer = await response.read()
            except (aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
                if pause is None or isinstance(error, aiohttp.ClientConnectorCertificateError):
                    raise UnreachableError(_trouble(error, self._url)) from error
                await asyncio.sleep(pause)
            else:
                if pause is None or response.status not in {429, 503}:
                    return response.status, answer
                asked = response.headers.get("Retry-After", "")
                await asyncio.sleep(min(float(asked), LONGEST_PAUSE) if asked.isdecimal() else pause)
        raise AssertionError("the last try returns or raises")


def _path(message: str) -> str:
    return f"/v1/berichten/{quote(message, safe='')}"


def _object(answer: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(answer)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _trouble(error: Exception, url: str) -> str:
    match error:
        case aiohttp.ClientConnectorCertificateError():
            why = "het certificaat van de gateway klopt niet; controleer het adres en het CA-bestand"
        case TimeoutError():
            why = "er kwam geen antwoord op tijd; probeer het later opnieuw"
        case aiohttp.ClientConnectorError():
            why = "er is geen verbinding; controleer het adres en het netwerk"
        case _:
            why = "de verbinding werd verbroken; controleer of uw certificaat nog geldig is en bij deze gateway hoort"
    return f"Geen antwoord van {url}: {why}."
