"""What ``ketenpoort termijnen`` and ``kennisgevingen`` print: terms and notices of a party, in words."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from adapters.client import Client, Connection
from adapters.commands import connected


async def termijnen(connection: Connection, *, done: bool) -> int:
    """Print what this party must do and what it waits for, what must come first on top. Exit code 1: it is late."""

    async def asked(client: Client) -> int:
        code = 0
        async for each in _all(client, "termijnen", open="nee" if done else "ja"):
            print(_term(each))
            code |= each["teLaat"] and each["rol"] == "doen" and not done
        return int(code)

    return await connected(connection, asked)


async def kennisgevingen(connection: Connection, *, all_: bool, seen: bool) -> int:
    """Print what this party was told; with ``seen``, say afterwards that it was read."""

    async def asked(client: Client) -> int:
        found = [each async for each in _all(client, "kennisgevingen", nieuw="nee" if all_ else "ja")]
        for each in found:
            print(_notice(each))
        ids = [each["nummer"] for each in found if not each["gelezenOp"]]
        for start in range(0, len(ids) if seen else 0, 100):
            await client.call("POST", "/kennisgevingen/gelezen", body={"kennisgevingen": ids[start : start + 100]})
        return 0

    return await connected(connection, asked)


async def _all(client: Client, name: str, **query: str) -> AsyncIterator[Mapping[str, Any]]:
    after: int | None = 0
    while after is not None:
        page = await client.call("GET", f"/{name}", na=str(after), **query)
        for each in page[name]:
            yield each
        after = page["volgende"]


def _term(each: Mapping[str, Any]) -> str:
    late = "TE LAAT" if each["teLaat"] else "       "
    who = "u" if each["rol"] == "doen" else each["wieMoet"]
    other = f", voor {each['wieWacht']}" if each["rol"] == "doen" else ""
    return f"{each['laatsteDag']}  {late}  {who}: {each['taak']} {each['berichtSoort']} {each['berichtId']}{other}"


def _notice(each: Mapping[str, Any]) -> str:
    until = f" Laatste dag: {each['laatsteDag']}." if each["laatsteDag"] else ""
    message = f" Bericht {each['berichtId']}." if each["berichtId"] else ""
    return f"{each['nummer']}  {each['op'][:10]}  {each['tekst']}{until}{message}"
