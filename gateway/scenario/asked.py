"""What parties ask the gateway once the month is over, each over its own connection."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from adapters.client import Client
from gateway.scenario.outcome import Consents, Contracts, Money, Terms, Told
from gateway.scenario.values import Month, Order

MOST_TERMS = 100
"""Terms in one answer."""
WORDS = {"declared": "gedeclareerd", "approved": "goedgekeurd", "rejected": "afgekeurd"}


async def ask(month: Month, clients: Mapping[str, Client]) -> Told:
    """Ask all that parties may know. Raises what ``Client`` raises."""
    by_onder = await asyncio.gather(
        *(
            _standings(clients[onder], month.hoofd, [each for each in month.orders if each.contract.onder == onder])
            for onder in month.onders
        )
    )
    return Told(
        terms=sum([await _terms(client) for client in clients.values()], Counter()),
        contracts=await _contracts(clients[month.hoofd]),
        consents=frozenset().union(*[await _consents(clients[each], each) for each in month.gemeenten]),
        orders={number: money for orders in by_onder for number, money in orders.items()},
    )


async def _terms(client: Client) -> Terms:
    """What a party itself must do yet."""
    found = pages(client, "/termijnen", "termijnen", aantal=str(MOST_TERMS))
    return Counter([(each["wieMoet"], each["soort"]) async for each in found if each["rol"] == "doen"])


async def _contracts(hoofd: Client) -> Contracts:
    found = pages(hoofd, "/overeenkomsten", "overeenkomsten")
    return frozenset(
        [
            (
                each["wet"],
                each["onderaannemer"]["code"],
                each["contractNummer"],
                tuple(
                    (of["categorie"], of["code"] or "", of["eenheid"], of["teBetalen"] or of["bedrag"])
                    for of in each["versie"]["producten"]
                ),
            )
            async for each in found
            if each["stand"] == "geldig"
        ]
    )


async def _consents(client: Client, gemeente: str) -> Consents:
    found = pages(client, f"/gemeenten/{gemeente}/onderaannemers", "hoofdaannemers")
    return frozenset(
        [
            (each["wet"], gemeente, each["onderaannemer"]["code"], each["stand"])
            async for hoofd in found
            for each in hoofd["onderaannemers"]
        ]
    )


async def pages(client: Client, path: str, name: str, **query: str) -> AsyncIterator[Any]:
    """Yield all that a list holds, page by page."""
    after: int | None = 0
    while after is not None:
        told = await client.call("GET", path, na=str(after), **query)
        for each in told[name]:
            yield each
        after = told["volgende"]


async def _standings(client: Client, hoofd: str, orders: Sequence[Order]) -> dict[int, Money]:
    """How each of these orders stands, as its onderaannemer is told; one after the other."""
    return {each.number: await _standing(client, hoofd, each) for each in orders}


async def _standing(client: Client, hoofd: str, order: Order) -> Money:
    asked = {"wet": order.client.wet, "wederpartij": hoofd, "opdrachtNummer": order.number}
    told = await client.call("POST", "/opdrachten/stand", body=asked)
    return Counter({kind: told[word]["bedrag"] for kind, word in WORDS.items() if told[word]["bedrag"]})
