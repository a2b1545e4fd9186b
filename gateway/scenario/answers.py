"""What a party answers to a message that it has read: a retour, a decision, or what it approves; pure."""

from datetime import date, timedelta

from gateway.answer import judged
from gateway.ledger.values import Contract, Line, Price, Report, Request
from gateway.message import Checked, Facts
from gateway.rules.hoa import GIVEN, WITH_CONDITIONS
from gateway.scenario.classes import Values
from gateway.scenario.pen import Pen
from gateway.scenario.values import Month

ACCEPTED, NOT_ACCEPTED = "1", "2"
"""Beslissing on a contract (HO342)."""
TOO_MUCH = "9321"
"""Return code of a line that is rejected: more volume than fits."""
DAYS = timedelta(days=5)
"""After which everybody answers."""


def answer(raw: bytes, checked: Checked, month: Month, pen: Pen) -> bytes | None:
    """Return what its receiver answers to a message, having read it; None if it needs none."""
    facts = checked.facts
    if facts is None or pen.catalog.of(facts).answer is None:
        return None
    if any(isinstance(each, Request) and each.reference in month.by_rule for each in checked.said):
        return None  # for both sides agreed beforehand what becomes of it
    today = min((date.fromisoformat(facts.dated) + DAYS).isoformat(), pen.latest)
    if facts.type == "ho341":
        return _decided(checked, facts, pen, today, _on_contract(checked, month))
    if facts.type == "ho331":
        return _decided(checked, facts, pen, today, _on_report(checked, facts, month))
    rejected = {reference for each in month.declarations for reference in each.rejected}
    codes = {
        line.path: [TOO_MUCH] for line in checked.said if isinstance(line, Line) and line.reference in rejected
    }  # fmt: skip
    return judged(raw, codes, pen.catalog, identification=pen.number(), today=today)


def _decided(checked: Checked, facts: Facts, pen: Pen, today: str, decision: Values) -> bytes:
    kind = f"{facts.type[:-1]}2"
    versions = {name: checked.header[f"XsdVersie/{name}"] for name in ("BasisschemaXsdVersie", "BerichtXsdVersie")}
    header = {
        **pen.header(kind, (facts.receiver, facts.sender), facts.wet, today),
        "HeenIdentificatie": {"Identificatie": facts.identification, "Dagtekening": facts.dated},
        "XsdVersieHeen": versions,
        "RetourCodes": ["0200"],
    }
    return pen.written(kind, {"Header": header, "Besluit": decision})


def _on_contract(checked: Checked, month: Month) -> Values:
    """Accept a contract whose tariffs are what was hoped for."""
    number = next(each.number for each in checked.said if isinstance(each, Contract))
    told = [each.tariff for each in checked.said if isinstance(each, Price)]
    hoped = next(each for each in month.contracts if each.number == number)
    if any(tariff is not None and tariff < price.cents for tariff, price in zip(told, hoped.prices, strict=True)):
        return {"ContractNummer": number, "Beslissing": NOT_ACCEPTED, "Reden": "De tarieven zijn te laag."}
    return {"ContractNummer": number, "Beslissing": ACCEPTED}


def _on_report(checked: Checked, facts: Facts, month: Month) -> Values:
    report = next(each for each in checked.said if isinstance(each, Report))
    decision = next(
        each.decision
        for each in month.consents
        if (each.wet, each.gemeente, each.onder) == (facts.wet, facts.receiver, report.agb)
    )
    told: Values = {"AgbCode": report.agb, "Beslissing": decision, "Ingangsdatum": report.begin}
    if decision == WITH_CONDITIONS:
        told["Voorwaarden"] = ["Meld elk kwartaal wie er werkt."]
    return told if decision in {GIVEN, WITH_CONDITIONS} else told | {"Reden": "Er is te weinig ervaring."}
