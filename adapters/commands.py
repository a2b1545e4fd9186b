"""What ``ketenpoort zend``, ``ophalen`` and ``bevestig`` do: the client at work, in words for people.

Confirms nothing that is not safely on disk. Exit codes: 0 all done, 1 some not, 2 could not.
"""

import asyncio
import base64
import json
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from adapters.client import Answer, Client, Connection, RefusedError, UnreachableError
from adapters.keep import keep

BATCH = 100
"""Confirmations in one request, the most that the API takes."""


async def zend(paths: Sequence[Path], connection: Connection) -> int:
    """Send each file, in order; print the receipt or the findings. Exit code 1: some were refused.

    A file whose name ends in ``.json`` is sent as such.
    """

    async def each(client: Client) -> int:
        return max([await _send_file(client, path) for path in paths], default=0)

    return await connected(connection, each)


async def _send_file(client: Client, path: Path) -> int:
    answer = await client.send(await asyncio.to_thread(path.read_bytes), json=path.suffix.lower() == ".json")
    body = answer.body
    if answer.status in {200, 201}:
        word = "aangenomen" if answer.status == 201 else "was al aangenomen"
        print(f"{path}: {word} als bericht {body.get('berichtId')} op {body.get('ontvangenOp')}")
        print(f"  soort {body.get('soort')}, logregel {body.get('logregel')}")
        return 0
    _print_refusal(path, answer)
    return 2 if answer.status in {408, 429} or answer.status >= 500 else 1


def _print_refusal(path: Path, answer: Answer) -> None:
    findings = answer.body.get("bevindingen") or []
    total = int(answer.body.get("aantalBevindingen") or len(findings))
    if not findings:
        print(f"{path}: niet aangenomen. {answer.words}")
        return
    print(f"{path}: niet aangenomen, {_faults(total)}. Verbeter het bericht en stuur het opnieuw.")
    for finding in findings:
        line = f"regel {finding['regel']}" if finding["regel"] else "het bericht"
        print(f"  {line}  {finding['code']}  {finding['tekst']}  ({finding['pad']})")
    if total > len(findings):
        print(f"  … en nog {_faults(total - len(findings))}")
    if retour := answer.body.get("antwoordbericht"):
        print(f"  Er staat een retourbericht voor u klaar: {str(retour).rpartition('/')[2]}. Haal het op.")


def _faults(count: int) -> str:
    return "1 fout" if count == 1 else f"{count} fouten"


async def ophalen(folder: Path, connection: Connection, *, wait: int = 0, confirm: bool = False) -> int:
    """Fetch all open deliveries into ``folder``; with ``confirm``, confirm what is then safely on disk.

    ``wait``: seconds (0 to 30) to wait for a first message. Prints one line a message: its id and its file.
    Running it again is safe: a file that is already there with the same content is left alone.
    """

    async def each(client: Client) -> int:
        code, after, patience = 0, None, wait
        fetched = 0
        while True:
            page = await client.deliveries(after, wait=patience, bodies=True)
            kept = [message for item in page["bezorgingen"] if (message := await _fetch_one(client, folder, item))]
            fetched += len(kept)
            code = max(code, int(len(kept) < len(page["bezorgingen"])))
            if confirm:
                code = max(code, await _confirm(client, kept))
            after, patience = page.get("volgende"), 0
            if after is None or not page["bezorgingen"]:
                break
        if not fetched and not code:
            print("Er wacht geen bericht op u.")
        elif fetched and not confirm:
            print("Nog niet bevestigd. Staan ze veilig in uw systeem, doe dan: ketenpoort bevestig BERICHT-ID …")
        return code

    return await connected(connection, each)


async def _fetch_one(client: Client, folder: Path, delivery: Mapping[str, Any]) -> str | None:
    message = str(delivery["berichtId"])
    try:
        # A body too large for the list is fetched by itself.
        raw = base64.b64decode(delivery["inhoud"]) if "inhoud" in delivery else await client.fetch(message)
    except RefusedError as error:
        print(f"{message}  niet opgehaald: {error}")
        return None
    print(f"{message}  {await asyncio.to_thread(keep, folder, delivery, raw)}")
    return message


async def bevestig(messages: Sequence[str], connection: Connection) -> int:
    """Confirm these messages: from now on they are the receiver's own to keep."""
    return await connected(connection, lambda client: _confirm(client, messages))


async def _confirm(client: Client, messages: Sequence[str]) -> int:
    code = 0
    for start in range(0, len(messages), BATCH):
        answer = await client.confirm(messages[start : start + BATCH])
        if done := len(answer["bevestigd"]):
            print("1 bericht bevestigd" if done == 1 else f"{done} berichten bevestigd")
        for item in answer["nietBevestigd"]:
            print(f"{item['berichtId']}  niet bevestigd: {item['reden']}")
            code = 1
    return code


async def vraag(connection: Connection, method: str, path: str, *, body: Any = None, **query: str) -> int:
    """Ask something of the interface and print the answer, as JSON."""

    async def asked(client: Client) -> int:
        answer = await client.call(method, path, body=body, **query)
        print(json.dumps(answer, ensure_ascii=False, indent=2))
        return 0

    return await connected(connection, asked)


async def connected(connection: Connection, work: Callable[[Client], Awaitable[int]]) -> int:
    """Do something with a client on this connection; return its exit code, or 2 if that could not be."""
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
        IsADirectoryError: "is een map; noem de bestanden zelf, bijvoorbeeld MAP/*.xml",
    }
    return f"{error.filename} {words.get(type(error), f'kan niet worden gelezen of geschreven ({error.strerror})')}."
