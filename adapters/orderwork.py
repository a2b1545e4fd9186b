"""What ``ketenpoort verdeel``, ``opdrachten``, ``stand`` and ``betrokkenen`` print: orders of a party, in words."""

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from adapters.client import Client, Connection, RefusedError
from adapters.commands import connected
from gateway.agreed import words

Told = Mapping[str, Any]


async def opdrachten(connection: Connection) -> int:
    """Print the assignments and orders that this party gave or got, and what must be done about changed ones."""

    async def asked(client: Client) -> int:
        for each in await _all(client, "opdrachten"):
            until = each["einde"] or "een latere dag"
            print(
                f"{each['soort']} {each['opdrachtNummer']}  {each['stand']}  {each['wet']}  {_product(each)}"
                f"  {each['begin']} t/m {until}  {_who(each['opdrachtgever'])} → {_who(each['opdrachtnemer'])}"
            )
        changed = [each for each in await _all(client, "verdelingen") if each["gevolgen"]]
        for each in changed:
            print(f"Toewijzing {each['toewijzingNummer']} van gemeente {each['gemeente']}: {each['stand']}.")
            for step in each["gevolgen"]:
                print(f"  opdracht {step['opdrachtNummer']}: {step['soort']}. {step['uitleg']}")
        return 0

    return await connected(connection, asked)


async def verdeel(
    connection: Connection, which: Told, *, parts: Sequence[Told], message: Path | None, give: bool, follow: bool
) -> int:
    """Propose a division, with ``give`` give its orders; with ``follow``, let orders follow their assignment."""

    async def asked(client: Client) -> int:
        body = dict(which)
        if message is not None:
            body["bericht"] = await asyncio.to_thread(message.read_text, encoding="utf-8")
        if follow:
            return _given(await _call(client, "/verdelingen/doorvoeren", body))
        if parts:
            body["delen"] = list(parts)
        if give:
            return _given(await _call(client, "/verdelingen", body))
        return _proposed(await _call(client, "/verdelingen/voorstel", body))

    return await connected(connection, asked)


def _proposed(found: Told) -> int:
    for each in found["onderaannemers"]:
        can = f"kan, onder {', '.join(each['overeenkomsten'])}" if each["kan"] else "kan niet"
        print(f"{each['onderaannemer']}  {can}")
        for why in each["redenen"]:
            print(f"  {why}")
    if found["ruimte"] is not None:
        print(f"Nog te verdelen: {found['ruimte']}")
    for each in found["delen"]:
        much = each["budget"] if each["omvang"] is None else each["omvang"]["volume"]
        print(
            f"Voorstel: {each['onderaannemer']} krijgt {much}, {each['begin']} t/m {each['einde'] or 'een latere dag'}"
        )
    for why in found["redenen"]:
        print(why)
    return 0 if found["kan"] else 1


def _given(found: Told) -> int:
    if not found["berichten"]:
        print("Er hoeft niets te gebeuren.")
    for each in found["berichten"]:
        numbers = ", ".join(map(str, each["opdrachten"]))
        print(f"{each['onderaannemer']}: opdracht {numbers} {each['uitkomst']}, bericht {each['berichtId'] or 'geen'}")
        for finding in each["bevindingen"]:
            print(f"  {finding['code']}  {finding['tekst']}")
    return int(any(each["uitkomst"] == "geweigerd" for each in found["berichten"]))


async def stand(connection: Connection, which: Told) -> int:
    """Print how one order stands."""

    async def asked(client: Client) -> int:
        found = await _call(client, "/opdrachten/stand", which)
        until = found["einde"] or "een latere dag"
        print(f"Opdracht {found['opdrachtNummer']}  {found['stand']}  {_product(found)}  {found['begin']} t/m {until}")
        unit = words.unit(found["eenheid"]) if found["eenheid"] else ""
        for name in ("afgesproken", "gedeclareerd", "wachtend", "goedgekeurd", "afgekeurd", "gecrediteerd", "over"):
            part = found[name]
            much = "onbekend" if part["volume"] is None else f"{part['volume']} {unit}"
            print(f"  {name:13} {much:>24}  {_euros(part['bedrag']):>14}")
        due = f", uiterlijk {found['teBetalen']['uiterlijk']}" if found["teBetalen"]["uiterlijk"] else ""
        print(f"  te betalen    {'':>24}  {_euros(found['teBetalen']['bedrag']):>14}{due}")
        for line in found["regels"]:
            period = f"{line['begin']} t/m {line['einde']}"
            print(f"  regel {line['referentie']}  {period}  {_euros(line['bedrag'])}  {line['lot']}")
        return 0

    return await connected(connection, asked)


async def betrokkenen(connection: Connection, wet: str, bsn: str) -> int:
    """Print who is involved with a client, as far as this party is part of it."""

    async def asked(client: Client) -> int:
        found = await _call(client, "/betrokkenen", {"wet": wet, "bsn": bsn})
        names = {each["code"]: each for each in found["partijen"]}
        for each in found["betrokken"]:
            giver, taker = (_who(names[each[name]]) for name in ("opdrachtgever", "opdrachtnemer"))
            print(f"{giver} → {taker}  {_product(each)}  sinds {each['sinds']}  {each['stand']}")
            for task in each["taken"]:
                print(f"  {task['taak']}: {_who(names[task['doet']])}")
        for each in found["partijen"]:
            if reach := each["contact"]:
                print(f"{_who(each)}: {reach['naam']}, {reach['email']}, {reach['telefoon']}")
        print(found["gegevens"])
        return 0

    return await connected(connection, asked)


async def _call(client: Client, path: str, body: Told) -> Told:
    """Ask; what is wrong with each class is printed before the words of the whole."""
    try:
        return await client.call("POST", path, body=body)
    except RefusedError as error:
        for each in error.answer.body.get("bevindingen") or []:
            print(f"{each['code']}  {each['tekst']}  ({each['pad']})", file=sys.stderr)
        raise


async def _all(client: Client, name: str) -> list[Told]:
    found: list[Told] = []
    after: int | None = 0
    while after is not None:
        page = await client.call("GET", f"/{name}", na=str(after), aantal="100")
        found += page[name]
        after = page["volgende"]
    return found


def parts_of(text: str) -> list[Told]:
    """Read the parts of a division from JSON: a list, or an object with ``delen``. Raises ValueError."""
    told = json.loads(text)
    found = told.get("delen") if isinstance(told, dict) else told
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise ValueError
    return found


def _product(each: Told) -> str:
    product = each["product"]
    return "vrij product" if product is None else f"{product['categorie']} {product['naam']}"


def _who(party: Told) -> str:
    return str(party["naam"] or party["code"])


def _euros(cents: int | None) -> str:
    if cents is None:
        return "onbekend"
    whole, part = divmod(abs(cents), 100)
    return f"€ {'-' if cents < 0 else ''}{whole:,}".replace(",", ".") + f",{part:02}"
