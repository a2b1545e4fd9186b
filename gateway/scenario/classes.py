"""Classes of messages about a planned month, as ``gateway.compose`` takes them; pure."""

from typing import Any

from gateway.scenario.values import (
    EUROS,
    FIRST,
    HOURS,
    LAST,
    MINUTES,
    Assignment,
    Client,
    Extent,
    Instalment,
    Line,
    Order,
    Price,
)

Values = dict[str, Any]


def tariff(price: Price) -> int:
    """Return what is paid per unit, with the surcharge: eurocents, rounded half up."""
    return (price.cents * (10_000 + price.surcharge) + 5_000) // 10_000


def rule(price: Price) -> Values:
    """Regel of a HO341."""
    rule: Values = {"Product": product(price.category, price.code), "Eenheid": price.unit}
    rule["Bedrag" if price.unit == EUROS else "Tarief"] = str(price.cents)
    return rule | ({"Opslag": str(price.surcharge)} if price.surcharge else {})


def product(category: str, code: str) -> Values:
    """Product, of a category or of one code in it."""
    return {"Categorie": category, **({"Code": code} if code else {})}


def extent(extent: Extent) -> Values:
    """Omvang or Budget, or neither."""
    if extent.budget is not None:
        return {"Budget": str(extent.budget)}
    if extent.volume is None:
        return {}
    return {"Omvang": {"Volume": str(extent.volume), "Eenheid": extent.unit, "Frequentie": extent.frequency}}


def person(client: Client) -> Values:
    """What a 301 says of who somebody is."""
    return {
        "Bsn": client.bsn,
        "Geboortedatum": {"Datum": client.born},
        "Geslacht": client.sex,
        "Naam": {"Geslachtsnaam": {"Achternaam": client.name}, "NaamGebruik": "1"},
    }


def on(order: Order) -> Values:
    """Name an order and its product."""
    return {"OpdrachtNummer": str(order.number), "Product": product(order.price.category, order.price.code)}


def within(assignment: Assignment) -> Values:
    """Name an assignment and its product."""
    return {"ToewijzingNummer": str(assignment.number), "Product": product(assignment.category, assignment.code)}


def division(order: Order) -> Values:
    """Name the assignment that an order divides; a task divides none."""
    if order.assignment is None or order.contract.variant == "T":
        return {}
    return {"ToewijzingNummer": str(order.assignment.number)}


def reported(client: Client) -> Values:
    """What a start or a stop says of who somebody is."""
    return person(client) | {"Naam": {"Geslachtsnaam": {"Achternaam": client.name}}}


def start(order: Order, named: Values) -> Values:
    """StartProduct, of the order or of the assignment that is named."""
    return {**named, "Begindatum": order.begin, "StatusAanlevering": "1"}


def stop(order: Order, named: Values) -> Values:
    """StopProduct, likewise."""
    return start(order, named) | {"RedenBeeindiging": "31", "Einddatum": order.stopped}


def line(line: Line, *, wrong: bool) -> Values:
    """Prestatie of a HO323; ``wrong`` gives it a tariff that is not in the contract."""
    order = line.order
    per = tariff(order.price) + (100 if wrong else 0)
    told: Values = {
        "ProductReferentie": {"ReferentieNummer": line.reference},
        "OpdrachtNummer": str(order.number),
        "ProductCategorie": order.price.category,
        "ProductCode": order.price.code or f"{order.price.category}A01",
        "ProductPeriode": {"Begindatum": order.begin, "Einddatum": LAST},
        "GeleverdVolume": str(line.volume),
        "Eenheid": line.unit,
    }
    if line.unit == EUROS:
        amount = line.volume
    elif line.unit == MINUTES and order.price.unit == HOURS:
        told["ProductTarief"], amount = str((per + 30) // 60), (per * line.volume + 30) // 60
    else:
        told["ProductTarief"], amount = str(per), per * line.volume
    return told | {"IngediendBedrag": {"Bedrag": str(amount), "DebetCredit": "D"}}


def instalment(each: Instalment) -> Values:
    """Termijn of a HO323."""
    (price,) = each.contract.prices
    return {
        "ProductReferentie": {"ReferentieNummer": each.reference},
        "ContractNummer": each.contract.number,
        "Periode": {"Begindatum": FIRST, "Einddatum": LAST},
        "IngediendBedrag": {"Bedrag": str(price.cents // 12), "DebetCredit": "D"},
    }


def divided(assignment: Assignment) -> Values:
    """Name an assignment as POST /v1/verdelingen does."""
    client = assignment.client
    return {"wet": client.wet, "gemeente": client.gemeente, "toewijzingNummer": assignment.number}


def part(order: Order) -> Values:
    """Deel of POST /v1/verdelingen."""
    return {
        "onderaannemer": order.contract.onder,
        "contractNummer": order.contract.number,
        "opdrachtNummer": order.number,
        "volume": order.extent.volume,
    }
