"""What each class of a message says, as values of the ledger: observers in the pass that also judges level 2."""

from gateway.judge import Observer, Observers
from gateway.ledger.values import (
    Answer,
    Area,
    Contract,
    Decision,
    Declaration,
    Line,
    Mark,
    Order,
    Price,
    Refusal,
    Reply,
    Report,
    Request,
    Said,
    Service,
    Start,
    Stop,
    Task,
    Wish,
)
from gateway.rules.klasse import GRANTED, NO_FAULT, NOTHING, Klasse, number, signed

YES = "1"
NO_ERROR = NO_FAULT - {GRANTED}
"""Return codes that say nothing wrong of anything but a declaration."""


def _order(granted: Klasse, line: int, path: str) -> Said:
    """ToegewezenProduct of a 301, Opdracht of a HO301."""
    return Order(
        line=line,
        path=path,
        bsn=_bsn(granted),
        number=number(granted.text("OpdrachtNummer") or granted["ToewijzingNummer"]),
        reference=granted.text("ReferentieAanbieder"),
        category=granted.text("Product", "Categorie"),
        code=granted.text("Product", "Code"),
        date=granted.text("Opdrachtdatum") or granted["Toewijzingsdatum"],
        time=granted.text("Opdrachttijd") or granted["Toewijzingstijd"],
        begin=granted["Ingangsdatum"],
        end=granted.text("Einddatum"),
        reason=granted.text("RedenWijziging"),
        volume=_count(granted, "Omvang", "Volume"),
        unit=granted.text("Omvang", "Eenheid"),
        frequency=granted.text("Omvang", "Frequentie"),
        budget=_count(granted, "Budget"),
        contract=granted.text("ContractNummer"),
        gemeente=(granted.above("Client") or NOTHING).text("Gemeente"),
        assignment=_count(granted, "ToewijzingNummer") if granted.text("OpdrachtNummer") else None,
    )


def _task(task: Klasse, line: int, path: str) -> Said:
    order = task.above("Opdracht") or NOTHING
    return Task(
        line=line,
        path=path,
        bsn=_bsn(task),
        number=number(order["OpdrachtNummer"]),
        code=task["TaakCode"],
        who=task["Uitvoerder"],
    )


def _start(report: Klasse, line: int, path: str) -> Said:
    return Start(
        line=line,
        path=path,
        bsn=_bsn(report),
        number=_ordered(report),
        category=report.text("Product", "Categorie"),
        code=report.text("Product", "Code"),
        begin=report["Begindatum"],
        status=report["StatusAanlevering"],
    )


def _stop(report: Klasse, line: int, path: str) -> Said:
    return Stop(
        line=line,
        path=path,
        bsn=_bsn(report),
        number=_ordered(report),
        category=report.text("Product", "Categorie"),
        code=report.text("Product", "Code"),
        begin=report["Begindatum"],
        end=report["Einddatum"],
        reason=report["RedenBeeindiging"],
        status=report["StatusAanlevering"],
    )


def _request(asked: Klasse, line: int, path: str) -> Said:
    """AangevraagdProduct of a 315, Verzoek of a 317."""
    return Request(line=line, path=path, bsn=_bsn(asked), reference=asked["ReferentieAanbieder"])


def _wish(wish: Klasse, line: int, path: str) -> Said:
    return Wish(
        line=line,
        path=path,
        bsn=_bsn(wish),
        kind=wish.name,
        number=_ordered(wish),
        category=wish.text("Product", "Categorie"),
        code=wish.text("Product", "Code"),
        begin=wish.text("GewensteIngangsdatum"),
        end=wish.text("Einddatum"),
        volume=_count(wish, "Omvang", "Volume"),
        frequency=wish.text("Omvang", "Frequentie"),
        budget=_count(wish, "Budget"),
    )


def _reply(answer: Klasse, line: int, path: str) -> Said:
    return Reply(line=line, path=path, reference=answer["ReferentieAanbieder"], answer=answer["VerzoekAntwoord"])


def _declaration(declaration: Klasse, line: int, path: str) -> Said:
    total = declaration["TotaalIngediendBedrag"]
    return Declaration(
        line=line,
        path=path,
        number=declaration["DeclaratieNummer"],
        begin=declaration.text("DeclaratiePeriode", "Begindatum"),
        total=signed(total["TotaalBedrag"], total["DebetCredit"]),
        versions=_versions(declaration.above("Bericht") or NOTHING, "XsdVersie"),
    )


def _line(each: Klasse, line: int, path: str) -> Said:
    """Prestatie of a 323 or 325, or Termijn (HOA)."""
    amount = each["IngediendBedrag"]
    period = each.get("ProductPeriode") or each["Periode"]
    return Line(
        line=line,
        path=path,
        bsn=_bsn(each),
        reference=each["ProductReferentie"]["ReferentieNummer"],
        previous=each["ProductReferentie"].get("VorigReferentieNummer", ""),
        number=_ordered(each),
        contract=each.text("ContractNummer"),
        category=each.text("ProductCategorie"),
        code=each.text("ProductCode"),
        begin=period["Begindatum"],
        end=period["Einddatum"],
        volume=_count(each, "GeleverdVolume"),
        unit=each.text("Eenheid"),
        tariff=_count(each, "ProductTarief"),
        amount=signed(amount["Bedrag"], amount["DebetCredit"]),
        vat_rate=each.text("Btw", "Tarief"),
        vat=_count(each, "Btw", "Bedrag"),
    )


def _answer(bericht: Klasse, line: int, path: str) -> Said:
    """The whole of a 325: only its header, or what was granted and, as lines, what was not."""
    header, answer = bericht["Header"], bericht.get("DeclaratieAntwoord", NOTHING)
    submitted = answer.get("TotaalIngediendBedrag")
    return Answer(
        line=line,
        path=path,
        whole=bool(answer) and set(header["RetourCodes"]) <= NO_ERROR and set(answer["RetourCodes"]) <= NO_FAULT,
        dated=header.text("DeclaratieIdentificatie", "Dagtekening"),
        number=answer.text("DeclaratieNummer"),
        submitted=signed(submitted["TotaalBedrag"], submitted["DebetCredit"]) if submitted else 0,
        versions=_versions(bericht, "XsdVersieDeclaratie"),
    )


def _contract(contract: Klasse, line: int, path: str) -> Said:
    return Contract(
        line=line,
        path=path,
        number=contract["ContractNummer"],
        variant=contract["Uitvoeringsvariant"],
        begin=contract["Ingangsdatum"],
        end=contract.text("Einddatum"),
        days=number(contract["Betaaltermijn"]),
        kept=_count(contract, "Retentie", "Retentiepercentage"),
        most=_count(contract, "Retentie", "Maximumpercentage"),
        band=_count(contract, "Bandbreedte"),
    )


def _area(area: Klasse, line: int, path: str) -> Said:
    return Area(line=line, path=path, gemeente=area["Gemeente"])


def _price(price: Klasse, line: int, path: str) -> Said:
    return Price(
        line=line,
        path=path,
        category=price.text("Product", "Categorie"),
        code=price.text("Product", "Code"),
        unit=price["Eenheid"],
        tariff=_count(price, "Tarief"),
        amount=_count(price, "Bedrag"),
        surcharge=_count(price, "Opslag"),
        label=price.text("Label"),
    )


def _report(report: Klasse, line: int, path: str) -> Said:
    return Report(
        line=line,
        path=path,
        agb=report["AgbCode"],
        begin=report["Ingangsdatum"],
        end=report.text("Einddatum"),
        divides=report["SubOnderaanneming"] == YES,
        name=report["Naam"],
    )


def _service(service: Klasse, line: int, path: str) -> Said:
    return Service(line=line, path=path, category=service["ProductCategorie"])


def _mark(mark: Klasse, line: int, path: str) -> Said:
    return Mark(line=line, path=path, kind=mark["Soort"], until=mark["GeldigTot"])


def _decision(decision: Klasse, line: int, path: str) -> Said:
    """Besluit of a HO332 or HO342. Which message it answers is known with the header, see ``book.remember``."""
    return Decision(
        line=line,
        path=path,
        about=decision.text("ContractNummer") or decision["AgbCode"],
        code=decision["Beslissing"],
        begin=decision.text("Ingangsdatum"),
        end=decision.text("Einddatum"),
        conditions=tuple(decision.get("Voorwaarden", ())),
        reason=decision.text("Reden"),
    )


def _retour(klasse: Klasse, line: int, path: str) -> Said | None:
    """Any class of a retour: only an error counts."""
    codes = klasse.get("RetourCodes") or klasse.get("Header", NOTHING).get("RetourCodes") or ()
    return Refusal(line=line, path=path) if set(codes) - NO_ERROR else None


def _bsn(klasse: Klasse) -> str:
    client = klasse.above("Client")
    return client.get("Bsn", "") if client else ""


def _ordered(klasse: Klasse) -> int | None:
    told = klasse.text("OpdrachtNummer") or klasse.text("ToewijzingNummer")
    return number(told) if told else None


def _count(klasse: Klasse, *path: str) -> int | None:
    told = klasse.text(*path)
    return number(told) if told else None


def _versions(bericht: Klasse, name: str) -> tuple[str, ...]:
    header = bericht.get("Header", NOTHING)
    return header.text(name, "BasisschemaXsdVersie"), header.text(name, "BerichtXsdVersie")


JUDGED = (
    "Bericht",
    "Client",
    "Antwoord",
    "Woonplaatsbeginsel",
    "Relatie",
    "Contact",
    "ToegewezenProduct",
    "Opdracht",
    "StartProduct",
    "StopProduct",
    "AangevraagdProduct",
    "Verzoek",
    "OngewijzigdProduct",
    "TeWijzigenProduct",
    "NieuwProduct",
)
"""Every class of a retour that may hold return codes; for the header it is Bericht."""
RETOUR: dict[str, Observer] = dict.fromkeys(JUDGED, _retour)
WISH: dict[str, Observer] = dict.fromkeys(("OngewijzigdProduct", "TeWijzigenProduct", "NieuwProduct"), _wish)
LINES: dict[str, Observer] = {"Prestatie": _line, "Termijn": _line}
CLASSES: dict[str, dict[str, Observer]] = {
    "301": {"ToegewezenProduct": _order, "Opdracht": _order, "Taak": _task},
    "305": {"StartProduct": _start},
    "307": {"StopProduct": _stop},
    "315": {"AangevraagdProduct": _request},
    "317": {"Verzoek": _request, **WISH},
    "319": {"Antwoord": _reply},
    "323": {"Declaratie": _declaration, **LINES},
    "325": {"Bericht": _answer, **LINES},
    "331": {"Onderaannemer": _report, "Dienst": _service, "Kenmerk": _mark},
    "332": {"Besluit": _decision, "Bericht": _retour},
    "341": {"Raamovereenkomst": _contract, "Gebied": _area, "Regel": _price},
    "342": {"Besluit": _decision, "Bericht": _retour},
    **dict.fromkeys(("302", "306", "308", "316", "318", "320"), RETOUR),
}
OBSERVERS: Observers = {family + number: table for family in ("jw", "wmo", "ho") for number, table in CLASSES.items()}
"""By type, then by class: what it says. A message of another type says nothing to the ledger."""
