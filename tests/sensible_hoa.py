"""Sensible things that only our own family says: tasks and goals, VAT, consent and framework contracts.

Each takes the maker of ``tests.sensible``, which draws dates, numbers and chances.
"""

from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.sensible import Maker, Message

UNITS = {"I": ("01", "04", "14", "16", "84"), "O": ("82", "83"), "T": ("83",)}
"""Uitvoeringsvariant → units that go with it."""


def tasks(maker: "Maker") -> list["Message"]:
    codes = maker.rng.sample(("01", "02", "03", "04", "05", "06", "07"), maker.some())
    return [{"TaakCode": code, "Uitvoerder": maker.rng.choice("HO")} for code in codes]


def treatment(maker: "Maker", begin: str) -> "Message":
    """What an order that begins on this day is to reach."""
    reached = [str(date.fromisoformat(begin) + timedelta(days=maker.rng.randrange(300))) for _ in range(maker.some())]
    goals = [
        {"DoelNummer": str(number), "Leefgebied": "04", "Omschrijving": "Op tijd opstaan", "Streefdatum": day}
        for number, day in enumerate(reached, 1)
    ]
    return {"Hulpvraag": "Rust in huis", "Doelen": goals}


def vat(maker: "Maker", cents: str) -> "Message":
    """The VAT in an amount."""
    rate = maker.rng.choice((0, 9, 21))
    share = (Decimal(cents) * rate / (100 + rate)).quantize(Decimal(1), ROUND_HALF_UP)
    return {"Tarief": str(rate), "Bedrag": str(share)}


def progress(maker: "Maker") -> "Message":
    """Body of an HO309."""
    said = [
        {
            "OpdrachtNummer": maker.number(),
            "Peildatum": maker.day(-60, 0),
            "Doelen": [
                {"DoelNummer": str(number), "Status": maker.rng.choice("12345")}
                | ({"Score": str(maker.rng.randint(1, 10))} if maker.may() else {})
                for number in range(maker.some())
            ],
        }
        for _ in range(maker.some())
    ]
    return {"Client": {"Bsn": maker.bsn(), "Voortgangen": said}}


def report(maker: "Maker") -> "Message":
    """Body of an HO331."""
    services = [{"ProductCategorie": each} for each in maker.rng.sample(maker.categories, maker.some())]
    sub: Message = {"AgbCode": "98000003", "Naam": "Stichting Verzinsel", "Diensten": services}
    sub |= {"Ingangsdatum": maker.day(0, 90), "SubOnderaanneming": maker.rng.choice("12")}
    if maker.may():
        sub["Einddatum"] = maker.day(90, 900)
    if maker.may():
        kinds = maker.rng.sample(("01", "02", "03", "04", "05", "06"), maker.some())
        sub["Kenmerken"] = [{"Soort": kind, "GeldigTot": maker.day(0, 900)} for kind in kinds]
    return {"Onderaannemer": sub}


def consent(maker: "Maker") -> "Message":
    """Body of an HO332: given, given with conditions, refused or withdrawn, or the message itself is rejected."""
    choice = maker.rng.choice("1234" if maker.rich else "12340")
    if choice == "0":
        return {"Header": {"RetourCodes": ["0001"]}}
    decision: Message = {"AgbCode": "98000003", "Beslissing": choice, "Ingangsdatum": maker.day(0, 90)}
    if choice in "12" and maker.may():
        decision["Einddatum"] = maker.day(90, 900)
    if choice == "2":
        decision["Voorwaarden"] = ["Meld elk kwartaal wie er werkt."]
    return {"Besluit": decision | ({"Reden": "Geen ervaring met deze hulp."} if choice in "34" else {})}


def contract(maker: "Maker") -> "Message":
    """Body of an HO341."""
    variant = maker.rng.choice("IOT")
    frame: Message = {"ContractNummer": "RO-2026-07", "Uitvoeringsvariant": variant, "Betaaltermijn": "30"}
    frame["Gebieden"] = [{"Gemeente": code} for code in maker.rng.sample(("0344", "0363", "0599"), maker.some())]
    frame["Ingangsdatum"] = maker.day(-90, 90)
    if maker.may():
        frame["Einddatum"] = maker.day(90, 900)
    if maker.may():
        frame["Retentie"] = {"Retentiepercentage": "400", "Maximumpercentage": maker.rng.choice(("400", "600"))}
    frame["Regels"] = [
        {"Product": {"Categorie": category, "Code": f"{category}A01"}} | _price(maker, maker.rng.choice(UNITS[variant]))
        for category in maker.rng.sample(maker.categories, maker.some())
    ]
    return {"Raamovereenkomst": frame}


def _price(maker: "Maker", unit: str) -> "Message":
    return {"Eenheid": unit, "Bedrag" if unit == "83" else "Tarief": str(maker.rng.randint(1, 99_999))}


def acceptance(maker: "Maker") -> "Message":
    """Body of an HO342: accepted or refused, or the message itself is rejected."""
    choice = maker.rng.choice("12" if maker.rich else "120")
    if choice == "0":
        return {"Header": {"RetourCodes": ["0001"]}}
    decision: Message = {"ContractNummer": "RO-2026-07", "Beslissing": choice}
    return {"Besluit": decision | ({"Reden": "Het tarief is te laag."} if choice == "2" else {})}


BODIES = {"309": progress, "331": report, "332": consent, "341": contract, "342": acceptance}
