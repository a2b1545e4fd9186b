"""Contracts and consents as documents: what ``gateway.agreed.told`` tells, in Dutch that people can read; pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.agreed import words
from gateway.agreed.document import Document, Section, Table

AUTHOR = "Ketenpoort"
Told = Mapping[str, Any]


def contract_paper(told: Told, today: str) -> Document:
    """Return a contract as a document, as it stands today (ISO date)."""
    version = told["versie"]
    sections = [_sides(told), _validity(told, version), _variant(version), _products(version)]
    sections += [_kept(version), *_terms(version), _steps(told["versies"]), *_deviations(told["afwijkingen"])]
    return Document(
        title=f"Raamovereenkomst {told['contractNummer']}",
        author=AUTHOR,
        made=words.day(today),
        lead="Dit is de overeenkomst zoals beide partijen haar in berichten hebben vastgelegd."
        " Wijkt dit stuk ervan af, dan gelden die berichten.",
        sections=tuple(sections),
    )


def _sides(told: Told) -> Section:
    return Section(
        title="Tussen wie",
        facts=(
            ("Hoofdaannemer", _party(told["hoofdaannemer"])),
            ("Onderaannemer", _party(told["onderaannemer"])),
            ("Wet", words.LAWS[told["wet"]]),
            ("Stand", _first(told["stand"])),
        ),
    )


def _validity(told: Told, version: Told) -> Section:
    ended = told["stand"] == "afgelopen"
    return Section(
        title="Waar en wanneer zij geldt",
        facts=(
            ("Geldigheid", words.period(version["ingangsdatum"], version["einddatum"] or "")),
            ("Gold voor" if ended else "Geldt voor", ", ".join(_named(each) for each in version["gemeenten"])),
        ),
    )


def _variant(version: Told) -> Section:
    code = version["uitvoeringsvariant"]
    return Section(
        title="Manier van werken en betalen",
        text=(words.VARIANTS[code],),
        facts=(("Uitvoeringsvariant", words.meaning("LDT_Uitvoeringsvariant", code)),),
    )


def _products(version: Told) -> Section:
    prices = version["producten"]
    shown = any("tarief" in each for each in prices)
    columns = ["Product", "Eenheid", *(["Tarief", "Opslag", "Te betalen"] if shown else []), "Draagt bij aan"]
    rows = []
    for each in prices:
        row = [f"{each['naam']} ({each['code'] or 'alle codes'})", each["eenheidNaam"]]
        row += [_euros(each["tarief"]), _percent(each["opslag"]), _payable(each)] if shown else []
        rows.append((*row, words.meaning("LDT_Label", each["label"]) if each["label"] else words.NONE))
    return Section(
        title="Producten en tarieven" if shown else "Producten",
        text=("Het te betalen tarief is het tarief met de opslag, afgerond op hele centen.",) if shown else (),
        table=Table(
            caption="Wat is afgesproken, per product",
            columns=tuple(columns),
            rows=tuple(rows),
            right=frozenset({2, 3, 4}) if shown else frozenset(),
        ),
    )


def _payable(each: Told) -> str:
    return f"{_euros(each['bedrag'])} in totaal" if each["bedrag"] is not None else _euros(each["teBetalen"])


def _kept(version: Told) -> Section:
    kept = version["retentie"]
    if kept is None:
        return Section(title="Wat de hoofdaannemer houdt", text=("Daarover staat niets in deze overeenkomst.",))
    share, most = words.percent(kept["percentage"]), kept["maximum"]
    return Section(
        title="Wat de hoofdaannemer houdt",
        text=(f"Van het tarief dat de gemeente betaalt, houdt de hoofdaannemer {share}.",),
        facts=(
            ("Deel dat de hoofdaannemer houdt", share),
            ("Maximum van de regio", "niet genoemd" if most is None else words.percent(most)),
        ),
    )


def _terms(version: Told) -> list[Section]:
    if "betaaltermijn" not in version:
        return []
    band = version["bandbreedte"]
    allowed = (
        "Er is geen bandbreedte. Voor elke wijziging van een opdracht is een verzoek nodig."
        if band is None
        else f"Een opdracht mag {words.percent(band)} groter of kleiner worden. Dat wordt zonder overleg toegekend. Wat"
        " daarbuiten valt, vraagt de onderaannemer aan. De hoofdaannemer beslist."
    )
    paid = f"Binnen {version['betaaltermijn']} dagen na de datum van de declaratie"
    return [
        Section(
            title="Betalen en wijzigen",
            text=(allowed,),
            facts=(
                ("De hoofdaannemer betaalt", paid),
                ("Bandbreedte", "geen" if band is None else words.percent(band)),
            ),
        )
    ]


def _steps(versions: Sequence[Told]) -> Section:
    told = {"nieuw": "Eerste aanbod", "wijziging": "Wijziging", "einde": "Beëindiging"}
    known = any("aanbod" in each for each in versions)
    rows = []
    for each in versions:
        row = [told[each["soort"]], words.day(each["ingangsdatum"]), words.day(each["aangebodenOp"]), each["uitkomst"]]
        row.append(words.day(each["beslistOp"]) if each["beslistOp"] else "nog niet")
        rows.append((*row, _messages(each)) if known else tuple(row))
    return Section(
        title="Hoe dit is afgesproken",
        table=Table(
            caption="Elk aanbod, en wat ermee is gedaan",
            columns=(
                "Wat",
                "Gaat in op",
                "Aangeboden op",
                "Uitkomst",
                "Besloten op",
                *(["Berichten"] if known else []),
            ),
            rows=tuple(rows),
        ),
    )


def _messages(version: Told) -> str:
    found = [each for each in (version["aanbod"], version["besluit"]) if each]
    return ", ".join(f"{each['soort'].upper()} {each['identificatie']}" for each in found)


def _deviations(told: Sequence[Told] | None) -> list[Section]:
    title = "Wat afwijkt van de regio"
    if told is None:
        return [Section(title=title, text=("De regio heeft geen overeenkomst waarmee deze is te vergelijken.",))]
    if not told:
        return [Section(title=title, text=("Niets. De overeenkomst is zoals de regio haar wil.",))]
    return [
        Section(
            title=title,
            table=Table(
                caption="Verschillen met de overeenkomst van de regio",
                columns=("Onderdeel", "Regio", "Wat de regio heeft", "Wat is afgesproken"),
                rows=tuple((each["onderdeel"], each["regio"], each["sjabloon"], each["overeenkomst"]) for each in told),
            ),
        )
    ]


def contracts_paper(told: Told, today: str) -> Document:
    """Return a list of contracts as a document."""
    return Document(
        title="Raamovereenkomsten",
        author=AUTHOR,
        made=words.day(today),
        lead="Dit zijn de raamovereenkomsten die u mag zien, zoals zij vandaag staan." + _more(told),
        sections=(
            Section(
                title="Overzicht",
                text=() if told["overeenkomsten"] else ("Er zijn geen overeenkomsten.",),
                table=Table(
                    caption="Overeenkomsten",
                    columns=("Nummer", "Wet", "Hoofdaannemer", "Onderaannemer", "Stand", "Geldigheid"),
                    rows=tuple(
                        (
                            each["contractNummer"], each["wet"], _party(each["hoofdaannemer"]),
                            _party(each["onderaannemer"]), each["stand"],
                            words.period(each["versie"]["ingangsdatum"], each["versie"]["einddatum"] or ""),
                        )
                        for each in told["overeenkomsten"]
                    ),
                )
                if told["overeenkomsten"]
                else None,
            ),
        ),
    )  # fmt: skip


def consents_paper(told: Told, today: str) -> Document:
    """Return consents as a document: one section for each onderaannemer of a hoofdaannemer, with its history."""
    return Document(
        title="Toestemmingen van gemeenten",
        author=AUTHOR,
        made=words.day(today),
        lead="Dit zijn de meldingen van onderaannemers die u mag zien, met wat de gemeente besloot." + _more(told),
        sections=tuple(
            _consent(
                f"{_named(each['gemeente'])}: {_party(each['onderaannemer'])} voor {_party(each['hoofdaannemer'])}",
                each,
            )
            for each in told["toestemmingen"]
        )
        or (Section(title="Overzicht", text=("Er zijn geen meldingen.",)),),
    )


def register_paper(told: Told, today: str) -> Document:
    """Return the register of a gemeente as a document."""
    sections = [
        _consent(f"{_party(line['onderaannemer'])} voor {_party(hoofd)}", line)
        for hoofd in told["hoofdaannemers"]
        for line in hoofd["onderaannemers"]
    ]
    return Document(
        title=f"Onderaannemers in {_named(told['gemeente'])}",
        author=AUTHOR,
        made=words.day(today),
        lead=f"Zo stond het register op {words.day(told['op'])}: wie voor wie werkt, en wat de gemeente besloot."
        + _more(told),
        sections=tuple(sections) or (Section(title="Overzicht", text=("Er waren geen meldingen.",)),),
    )


def _consent(title: str, told: Told) -> Section:
    holds = told["geldt"]
    facts = [("Stand", _first(told["stand"])), ("Wet", words.LAWS[told["wet"]])]
    if holds:
        facts += [
            ("Toestemming", words.period(holds["vanaf"], holds["tot"] or "")),
            ("Voor", ", ".join(_named(each) for each in holds["categorieen"])),
            ("Voorwaarden", " ".join(holds["voorwaarden"]) or "geen"),
            ("Mag het werk doorgeven", "ja" if holds["subOnderaanneming"] else "nee"),
            ("Kenmerken", ", ".join(_mark(each) for each in holds["kenmerken"]) or "geen gemeld"),
        ]
    rows = tuple(
        (
            _first(each["uitkomst"]),
            words.day(each["gemeldOp"]) if each["gemeldOp"] else words.NONE,
            words.day(each["beslistOp"]) if each["beslistOp"] else "nog niet",
            words.period(each["vanaf"], each["tot"] or ""),
            " ".join([*each["voorwaarden"], each["reden"]]).strip() or words.NONE,
        )
        for each in told["geschiedenis"]
    )
    columns = ("Uitkomst", "Gemeld op", "Besloten op", "Geldt", "Voorwaarden of reden")
    caption = f"Geschiedenis van {_party(told['onderaannemer'])}"
    return Section(title=title, facts=tuple(facts), table=Table(caption=caption, columns=columns, rows=rows))


def _more(told: Told) -> str:
    """Say that a list is not whole: who reads it on paper cannot see that otherwise."""
    return "" if told["volgende"] is None else f" Dit is een deel: vraag het vervolg met 'na' {told['volgende']}."


def _mark(told: Told) -> str:
    return f"{told['naam']} (tot en met {words.day(told['geldigTot'])})"


def _party(told: Told) -> str:
    return words.party(told["code"], told["naam"])


def _named(told: Told) -> str:
    return f"{told['naam']} ({told['code']})"


def _first(text: str) -> str:
    return text[:1].upper() + text[1:]


def _euros(cents: int | None) -> str:
    return words.NONE if cents is None else words.euros(cents)


def _percent(hundredths: int | None) -> str:
    return words.NONE if hundredths is None else words.percent(hundredths)
