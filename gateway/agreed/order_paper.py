"""The confirmation of an order as a document, for the people who do the work; pure."""

from collections.abc import Mapping
from typing import Any

from gateway.agreed import words
from gateway.agreed.document import Document, Section, Table
from gateway.agreed.orders import HOOFD, ONDER

Told = Mapping[str, Any]


def order_paper(told: Told, today: str) -> Document:
    """Return the confirmation of an order as a document, made today (ISO date)."""
    lead = (
        "Dit vroeg de hoofdaannemer de onderaannemer voor deze cliënt. Ga er zorgvuldig mee om: het zijn gegevens over"
    )
    lead += " een persoon."
    gone = "Deze opdracht is ingetrokken: zij telt alsof zij nooit is gegeven. "
    return Document(
        title=f"Opdrachtbevestiging {told['opdrachtNummer']}",
        author="Ketenpoort",
        made=words.day(today),
        lead=(gone if told["vervallen"] else "") + lead,
        sections=(
            _client(told["client"]), _order(told), _tasks(told), *_treatment(told["behandelinformatie"]),
            _money(told), _contacts(told), *_reached(told["client"]["bereikbaar"]), _source(told),
        ),
    )  # fmt: skip


def _client(client: Told) -> Section:
    facts = [
        ("Naam", client["naam"]),
        ("Geboren", words.day(client["geboortedatum"]) if client["geboortedatum"] else "onbekend"),
        ("Burgerservicenummer", client["bsn"]),
        ("Gemeente", f"{client['gemeente']['naam']} ({client['gemeente']['code']})"),
    ]
    if client["communicatie"]:
        facts.append(("Hulp bij communicatie", client["communicatie"]))
    return Section(title="Over wie het gaat", facts=tuple(facts))


def _order(told: Told) -> Section:
    facts = [("Product", _product(told["product"]) if told["product"] else "Alle producten uit de overeenkomst")]
    if told["omvang"]:
        amount = told["omvang"]
        facts.append(
            ("Hoeveel", f"{_volume(amount)}, {amount['frequentieNaam'][:1].lower()}{amount['frequentieNaam'][1:]}")
        )
    if told["budget"] is not None:
        facts.append(("Budget", f"ten hoogste {words.euros(told['budget'])}"))
    facts.append(("Periode", words.period(told["ingangsdatum"], told["einddatum"] or "")))
    if told["toewijzingNummer"] is not None:
        facts.append(("Toewijzing van de gemeente", str(told["toewijzingNummer"])))
    if told["commentaar"]:
        facts.append(("Opmerking", told["commentaar"]))
    return Section(title="Wat er moet gebeuren", facts=tuple(facts))


def _volume(amount: Told) -> str:
    if amount["eenheid"] == "83":
        return words.euros(amount["volume"])
    return f"{amount['volume']} {words.unit(amount['eenheid'])}"


def _tasks(told: Told) -> Section:
    names = {HOOFD: told["hoofdaannemer"], ONDER: told["onderaannemer"]}
    roles = {HOOFD: "hoofdaannemer", ONDER: "onderaannemer"}
    if not told["taken"]:
        return Section(
            title="Wie wat doet",
            text=("In de opdracht staan geen taken. De hoofdaannemer blijft eindverantwoordelijk.",),
        )
    rows = tuple(
        (each["naam"], f"{words.party(**_named(names[each['uitvoerder']]))}, de {roles[each['uitvoerder']]}")
        for each in told["taken"]
    )
    return Section(
        title="Wie wat doet",
        text=("De hoofdaannemer blijft eindverantwoordelijk.",),
        table=Table(caption="Verdeling van de taken", columns=("Taak", "Wie"), rows=rows),
    )


def _named(told: Told) -> dict[str, str]:
    return {"code": told["code"], "name": told["naam"]}


def _treatment(told: Told | None) -> list[Section]:
    if told is None:
        return []
    rows = tuple(
        (
            f"{each['nummer']}. {each['omschrijving']}",
            each["leefgebied"],
            _score(each["startscore"]),
            _score(each["streefscore"]),
            words.day(each["streefdatum"]) if each["streefdatum"] else words.NONE,
        )
        for each in told["doelen"]
    )
    columns = ("Doel", "Leefgebied", "Nu", "Streven", "Streefdatum")
    return [
        Section(
            title="Hulpvraag en doelen",
            text=(told["hulpvraag"],),
            table=Table(
                caption="Doelen, met scores van 1 (heel slecht) tot 10 (heel goed)", columns=columns, rows=rows
            ),
        )
    ]


def _score(score: int | None) -> str:
    return words.NONE if score is None else str(score)


def _money(told: Told) -> Section:
    facts = (("Raamovereenkomst", told["contractNummer"]),)
    if not told["tarieven"]:
        return Section(
            title="Wat wordt betaald",
            text=("In de raamovereenkomst staat voor deze opdracht geen tarief dat op de eerste dag geldt.",),
            facts=facts,
        )
    rows = tuple((_product(each), each["eenheidNaam"], _payable(each)) for each in told["tarieven"])
    return Section(
        title="Wat wordt betaald",
        facts=facts,
        table=Table(
            caption="Te betalen tarief, met opslag",
            columns=("Product", "Eenheid", "Te betalen"),
            rows=rows,
            right=frozenset({2}),
        ),
    )


def _payable(each: Told) -> str:
    return f"{words.euros(each['bedrag'])} in totaal" if each["bedrag"] is not None else words.euros(each["teBetalen"])


def _product(told: Told) -> str:
    return f"{told['naam']} ({told['code'] or 'alle codes'})"


def _contacts(told: Told) -> Section:
    facts = []
    for role in ("hoofdaannemer", "onderaannemer"):
        side, contact = told[role], told[role]["contact"]
        reached = (
            [contact["naam"], contact["email"], contact["telefoon"]] if contact else ["geen contactpersoon bekend"]
        )
        facts.append((role.capitalize(), ", ".join([words.party(**_named(side)), *filter(None, reached)])))
    return Section(title="Wie u kunt vragen", facts=tuple(facts))


def _reached(told: list[Told]) -> list[Section]:
    rows = tuple(
        (
            each["wie"] or "De cliënt",
            each["soort"],
            each["adres"] or words.NONE,
            ", ".join([*each["telefoon"], *filter(None, [each["email"]])]) or words.NONE,
        )
        for each in told
    )
    columns = ("Wie", "Soort", "Adres", "Telefoon en e-mail")
    table = Table(caption="Adressen en telefoonnummers", columns=columns, rows=rows)
    return [Section(title="Hoe de cliënt te bereiken is", table=table)] if rows else []


def _source(told: Told) -> Section:
    source = told["bericht"]
    return Section(
        title="Waar dit op steunt",
        text=("Het bericht zelf is bewaard en getekend. Wijkt dit stuk ervan af, dan geldt het bericht.",),
        facts=(
            ("Bericht", f"{source['soort'].upper()} {source['identificatie']} van {words.day(source['dagtekening'])}"),
            ("Nummer in de poort", source["berichtId"]),
            ("Opdracht gegeven op", words.day(told["gegevenOp"])),
        ),
    )
