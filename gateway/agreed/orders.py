"""The confirmation of one order, made from the HO301 that told its newest state; pure.

A HO301 is read in the JSON form that the gateway gives of it (``gateway.convert``). What it says is personal.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.agreed import words
from gateway.agreed.told import Known, Told, product, tariff
from gateway.ledger.dossier import live, newest
from gateway.ledger.overeenkomst import HOURS, Version
from gateway.ledger.values import Heard, Order, Record, Use
from gateway.parties import Party
from gateway.rules.extern import MINUTES

ONDER, HOOFD = "O", "H"


def dossier_of(record: Record, hoofd: str, onder: str) -> str:
    """Return where the order of this number is kept, if it stands between these two; empty if it does not."""
    for heard in record:
        for each in heard.said:
            match each.dossier.split("/") if isinstance(each, Use) else ():
                case [_, _, payer, provider, _] if (payer, provider) == (hoofd, onder):
                    return each.dossier if isinstance(each, Use) else ""
    return ""


def newest_order(record: Record, number: int) -> tuple[Heard, Order] | None:
    """Return the newest state of an order in a dossier, with the message that told it."""
    told = [
        (heard, each)
        for heard in live(record)
        for each in heard.said
        if heard.type == "ho301" and isinstance(each, Order) and each.number == number
    ]
    last = newest(each for _, each in told).get(number)
    return next(((heard, each) for heard, each in reversed(told) if each is last), None)


def confirmation(
    message: Mapping[str, Any], order: Order, version: Version | None, sides: tuple[Party, Party], source: Told
) -> Told:
    """Return the confirmation of an order between ``sides`` (hoofd- and onderaannemer), as the interface tells it.

    ``version`` is the contract on the first day of the order, ``source`` how the message is found.
    """
    client = message["bericht"]["Client"]
    wet = message["bericht"]["Header"]["Wet"]
    told = next(each for each in client["Opdrachten"] if int(each["OpdrachtNummer"]) == order.number)
    known = Known(names={each.code: each.name for each in sides}, ids={})
    return {
        "wet": wet,
        "opdrachtNummer": order.number,
        "toewijzingNummer": order.assignment,
        "contractNummer": order.contract,
        "hoofdaannemer": {**known.party(sides[0].code), "contact": _contact(sides[0])},
        "onderaannemer": {**known.party(sides[1].code), "contact": _contact(sides[1])},
        "gegevenOp": order.date,
        "vervallen": order.removed,
        "client": _client(client),
        "product": product(wet, order.category, order.code, order.unit) if order.category else None,
        "ingangsdatum": order.begin,
        "einddatum": order.end or None,
        "omvang": _amount(order),
        "budget": order.budget,
        "tarieven": [
            {**product(wet, each.category, each.code, each.unit), **tariff(each)} for each in _prices(order, version)
        ],
        "taken": [
            {
                "code": each["TaakCode"],
                "naam": words.meaning("LDT_TaakCode", each["TaakCode"]),
                "uitvoerder": each["Uitvoerder"],
            }
            for each in told.get("Taken", ())
        ],
        "behandelinformatie": _treatment(told.get("Behandelinformatie")),
        "commentaar": told.get("Commentaar"),
        "bericht": source,
    }


def _prices(order: Order, version: Version | None) -> Iterator[Any]:
    """Yield what the contract has for this order; where it names no unit or code, for all of them."""
    units = {order.unit} | ({HOURS} if order.unit == MINUTES else set())
    for price in version.prices if version else ():
        same = order.category in ("", price.category) and (not order.code or price.code in ("", order.code))
        if same and (not order.unit or price.unit in units):
            yield price


def _amount(order: Order) -> Told | None:
    if order.volume is None:
        return None
    return {
        "volume": order.volume,
        "eenheid": order.unit,
        "eenheidNaam": words.meaning("LDT_Eenheid", order.unit),
        "frequentie": order.frequency,
        "frequentieNaam": words.meaning("LDT_Frequentie", order.frequency),
    }


def _treatment(told: Mapping[str, Any] | None) -> Told | None:
    if told is None:
        return None
    return {
        "hulpvraag": told["Hulpvraag"],
        "doelen": [
            {
                "nummer": int(each["DoelNummer"]),
                "leefgebied": words.meaning("LDT_Leefgebied", each["Leefgebied"]),
                "omschrijving": each["Omschrijving"],
                "startscore": _number(each.get("Startscore")),
                "streefscore": _number(each.get("Streefscore")),
                "streefdatum": each.get("Streefdatum"),
            }
            for each in told["Doelen"]
        ],
    }


def _client(client: Mapping[str, Any]) -> Told:
    communication = client.get("Communicatie")
    spoken = communication and ": ".join(
        [words.meaning("LDT_Communicatievorm", communication["Vorm"]), *filter(None, [communication.get("Taal")])]
    )
    return {
        "bsn": client["Bsn"],
        "naam": _name(client["Naam"]),
        "geboortedatum": _born(client["Geboortedatum"]),
        "gemeente": {"code": client["Gemeente"], "naam": words.gemeente(client["Gemeente"])},
        "communicatie": spoken,
        "bereikbaar": [
            *(_reached("", each) for each in client.get("Contactgegevens", ())),
            *(_reached(_relative(each), each["Contact"]) for each in client.get("Relaties", ())),
        ],
    }


def _born(born: Mapping[str, Any]) -> str | None:
    """Return as much of a date of birth as is known (COD170): day, month or year; None if nothing of it is."""
    known = {"1": 7, "2": 4, "3": 0}.get(born.get("DatumGebruik", ""))
    return born["Datum"][:known] or None


def _relative(relation: Mapping[str, Any]) -> str:
    return f"{_name(relation['Naam'])} ({words.meaning('LDT_SoortRelatie', relation['Soort'])})"


def _reached(who: str, contact: Mapping[str, Any]) -> Told:
    """Return one way to reach the client, or with ``who`` somebody else."""
    phones = contact.get("Telefoon", {}).values()
    return {
        "wie": who or None,
        "soort": words.meaning("LDT_AdresSoort", contact["Soort"]),
        "adres": _address(contact.get("Adres", {}), contact.get("Organisatie", "")) or None,
        "telefoon": [f"{each['Landnummer']} {each['Telefoonnummer']}" for each in phones],
        "email": contact.get("Emailadres"),
    }


def _address(address: Mapping[str, Any], organisation: str) -> str:
    house = address.get("Huis", {})
    number = "".join([house.get("Huisnummer", ""), house.get("Huisletter", "")])
    street = " ".join(filter(None, [address.get("Straatnaam"), number, house.get("HuisnummerToevoeging")]))
    place = " ".join(filter(None, [address.get("Postcode"), address.get("Plaatsnaam")]))
    land = address.get("LandCode", "NL")
    abroad = words.meaning("LDT_LandCode", land) if land != "NL" else ""
    return ", ".join(filter(None, [organisation, street, place, abroad]))


def _name(name: Mapping[str, Any]) -> str:
    """Return a name as its owner uses it (COD700)."""
    own, partner = _surname(name["Geslachtsnaam"]), _surname(name.get("Partnernaam", {}))
    used = {"2": partner, "3": f"{partner}-{own}", "4": f"{own}-{partner}"}.get(name.get("NaamGebruik", "")) or own
    return " ".join(filter(None, [name.get("Voornamen") or name.get("Voorletters"), used if partner else own]))


def _surname(name: Mapping[str, Any]) -> str:
    return " ".join(filter(None, [name.get("Voorvoegsel"), name.get("Achternaam")]))


def _contact(party: Party) -> Told | None:
    found = party.contact
    return {"naam": found.name, "email": found.mail, "telefoon": found.phone or None} if found else None


def _number(text: str | None) -> int | None:
    return None if text is None else int(text)
