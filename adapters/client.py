"""The gateway's API from the other side: a party's own system that sends, fetches and confirms.

Owns the calls, the retries and the command line's words. Decides nothing about messages, and
confirms nothing that is not safely on disk.
"""

import asyncio
import io
import json
import sys
import tomllib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlsplit

import aiohttp

from adapters.keep import keep
from adapters.tls import client_context

PAUSES = (0.2, 1.0, 3.0)
"""Seconds before the second, third and fourth try."""

LONGEST_PAUSE = 30.0
"""Seconds; a gateway that asks for more patience (Retry-After) is tried sooner, and then given up."""

BATCH = 100
"""Confirmations in one request, the most that the API takes."""


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


class UnreachableError(Exception):
    """The gateway gave no answer, after several tries; the text says in Dutch what to look at."""


class RefusedError(Exception):
    """The gateway answered no; ``answer`` is its problem (RFC 9457)."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(_problem(answer))
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

    async def send(self, raw: bytes) -> Answer:
        """Offer one message. 201: accepted, body is the receipt; 200: it was already; else body is a problem."""
        headers = {"Content-Type": "application/xml"}
        status, answer = await self._ask("POST", "/v1/berichten", body=raw, headers=headers)
        return Answer(status=status, body=_object(answer))

    async def deliveries(self, after: int | None = None, count: int = 50, wait: int = 0) -> Mapping[str, Any]:
        """List open deliveries, oldest first, from cursor ``after``; wait up to ``wait`` seconds for one."""
        params = {"aantal": str(count), "wacht": str(wait)} | ({"na": after} if after else {})
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


def _problem(answer: Answer) -> str:
    words = answer.body.get("detail") or answer.body.get("title")
    return str(words) if words else f"De gateway antwoordde met HTTP-status {answer.status}."


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


# What the command line does with it. Exit codes: 0 all done, 1 some not, 2 could not.


async def zend(paths: Sequence[Path], connection: Connection) -> int:
    """Send each file, in order; print the receipt or the findings. Exit code 1: some were refused."""

    async def each(client: Client) -> int:
        return max([await _send_file(client, path) for path in paths], default=0)

    return await _connected(connection, each)


async def _send_file(client: Client, path: Path) -> int:
    answer = await client.send(await asyncio.to_thread(path.read_bytes))
    body = answer.body
    if answer.status in {200, 201}:
        word = "aangenomen" if answer.status == 201 else "was al aangenomen"
        print(f"{path}: {word} als bericht {body.get('berichtId')} op {body.get('ontvangenOp')}")
        print(f"  soort {body.get('soort')}, logregel {body.get('logregel')}")
        return 0
    print(f"{path}: niet aangenomen. {_problem(answer)}")
    findings = body.get("bevindingen") or []
    for finding in findings:
        print(f"  regel {finding['regel']}  {finding['code']}  {finding['tekst']}  ({finding['pad']})")
    if (more := int(body.get("aantalBevindingen") or 0) - len(findings)) > 0:
        print(f"  … en nog {more} bevindingen")
    return 2 if answer.status in {408, 429} or answer.status >= 500 else 1


async def ophalen(folder: Path, connection: Connection, *, wait: int = 0, confirm: bool = False) -> int:
    """Fetch all open deliveries into ``folder``; with ``confirm``, confirm what is then safely on disk.

    ``wait``: seconds (0 to 30) to wait for a first message. Prints one line a message: its id and its file.
    Running it again is safe: a file that is already there with the same content is left alone.
    """

    async def each(client: Client) -> int:
        code, after, patience = 0, None, wait
        while True:
            page = await client.deliveries(after, wait=patience)
            kept = [message for item in page["bezorgingen"] if (message := await _fetch_one(client, folder, item))]
            code = max(code, int(len(kept) < len(page["bezorgingen"])))
            if confirm:
                code = max(code, await _confirm(client, kept))
            after, patience = page.get("volgende"), 0
            if after is None or not page["bezorgingen"]:
                return code

    return await _connected(connection, each)


async def _fetch_one(client: Client, folder: Path, delivery: Mapping[str, Any]) -> str | None:
    message = str(delivery["berichtId"])
    try:
        raw = await client.fetch(message)
    except RefusedError as error:
        print(f"{message}  niet opgehaald: {error}")
        return None
    print(f"{message}  {await asyncio.to_thread(keep, folder, delivery, raw)}")
    return message


async def bevestig(messages: Sequence[str], connection: Connection) -> int:
    """Confirm these messages: from now on they are the receiver's own to keep."""
    return await _connected(connection, lambda client: _confirm(client, messages))


async def _confirm(client: Client, messages: Sequence[str]) -> int:
    code = 0
    for start in range(0, len(messages), BATCH):
        answer = await client.confirm(messages[start : start + BATCH])
        print(f"{len(answer['bevestigd'])} bericht(en) bevestigd")
        for item in answer["nietBevestigd"]:
            print(f"{item['berichtId']}  niet bevestigd: {item['reden']}")
            code = 1
    return code


async def _connected(connection: Connection, work: Callable[[Client], Awaitable[int]]) -> int:
    try:
        async with Client(connection) as client:
            return await work(client)
    except (UnreachableError, RefusedError) as error:
        print(error, file=sys.stderr)
    except OSError as error:
        print(_file_trouble(error), file=sys.stderr)
    return 2


def _file_trouble(error: OSError) -> str:
    if error.filename is None:  # TLS does not say which of its files
        return "Het certificaat, de sleutel of het CA-bestand is er niet, is onleesbaar of past niet bij de rest."
    words = {
        FileNotFoundError: "bestaat niet",
        PermissionError: "mag niet worden gebruikt",
        IsADirectoryError: "is een map",
    }
    return f"{error.filename} {words.get(type(error), f'kan niet worden gelezen of geschreven ({error.strerror})')}."
