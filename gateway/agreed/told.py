"""Contracts and consents as the interface tells them: plain values with the names beside the codes; pure.

Money is whole eurocents, shares are hundredths of a percent, dates are ISO dates; an absent end is None. What a reader
may not see of a contract is not there at all (``gateway.agreed.sight``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.agreed import words
from gateway.agreed.consents import Decided, Entry
from gateway.agreed.contracts import Agreement, Offer, Step
from gateway.agreed.sight import Member, Sight
from gateway.agreed.template import Deviation
from gateway.ledger.overeenkomst import payable
from gateway.ledger.values import Price, Relation
from gateway.rules.hoa import EUROS

Told = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What stands beside the ledger: names of parties by code, and ids of messages by their key in the ledger."""

    names: Mapping[str, str]
    ids: Mapping[str, str]

    def party(self, code: str, name: str = "") -> Told:
        """Return a party with its name; ``name`` is what it is called where it takes no part here."""
        return {"code": code, "naam": self.names.get(code) or name}


def contract(found: Agreement, seen: Sight, day: str, known: Known) -> Told:
    """Return a contract as it stands on a day: its head and the version that a reader is shown first."""
    return {
        **_between(found.relation, known),
        "contractNummer": found.number,
        "stand": found.state(day).value,
        "versie": _version(found.shown(day), found.relation.wet, seen, known),
    }


def whole_contract(
    found: Agreement, seen: Sight, day: str, known: Known, deviating: Sequence[Deviation] | None
) -> Told:
    """Return a contract with all its versions; ``deviating`` is None where no region set anything to compare with."""
    return {
        **contract(found, seen, day, known),
        "versies": [_version(each, found.relation.wet, seen, known) for each in found.seen],
        "afwijkingen": None
        if deviating is None
        else [
            {"regio": each.region, "onderdeel": each.what, "sjabloon": each.template, "overeenkomst": each.contract}
            for each in deviating
            if each.member in seen
        ],
    }


def _between(relation: Relation, known: Known, name: str = "") -> Told:
    return {
        "wet": relation.wet,
        "hoofdaannemer": known.party(relation.hoofd),
        "onderaannemer": known.party(relation.onder, name),
    }


def _version(offer: Offer, wet: str, seen: Sight, known: Known) -> Told:
    version, head = offer.version, offer.version.contract
    gemeenten = version.gemeenten if Member.OTHER_AREAS in seen else version.gemeenten & seen.gemeenten
    told: Told = {
        "soort": offer.change.value,
        "uitkomst": offer.outcome.value,
        "aangebodenOp": offer.offered.dated,
        "beslistOp": offer.decided and offer.decided.dated,
        "uitvoeringsvariant": head.variant,
        "ingangsdatum": head.begin,
        "einddatum": head.end or None,
        "gemeenten": [{"code": code, "naam": words.gemeente(code)} for code in sorted(gemeenten)],
        "retentie": None if head.kept is None else {"percentage": head.kept, "maximum": head.most},
        "producten": [_price(each, wet, seen) for each in version.prices],
    }
    if Member.TERM in seen:
        told["betaaltermijn"] = head.days
    if Member.BAND in seen:
        told["bandbreedte"] = head.band
    if Member.MESSAGES in seen:
        told["aanbod"], told["besluit"] = message(offer.offered, known), offer.decided and message(offer.decided, known)
    return told


def _price(price: Price, wet: str, seen: Sight) -> Told:
    told: Told = {**product(wet, price.category, price.code, price.unit), "label": price.label or None}
    if Member.TARIFFS in seen:
        told |= tariff(price)
    return told


def product(wet: str, category: str, code: str, unit: str) -> Told:
    """Return a product by its codes and by name."""
    return {
        "categorie": category,
        "code": code or None,
        "naam": words.category(wet, category),
        "eenheid": unit,
        "eenheidNaam": words.meaning("LDT_Eenheid", unit),
    }


def tariff(price: Price) -> Told:
    """Return what is paid: per unit, or the amount that was agreed where the unit is euros."""
    return {
        "tarief": price.tariff,
        "opslag": price.surcharge,
        "teBetalen": None if price.unit == EUROS else payable(price),
        "bedrag": price.amount,
    }


def message(step: Step, known: Known) -> Told:
    """Return how the message is found that this was said in: it is signed for, and its receipt is proof."""
    _, sender, type_, identification = step.message.split("/", 3)
    return {
        "soort": type_,
        "afzender": sender,
        "identificatie": identification,
        "dagtekening": step.dated,
        "berichtId": known.ids.get(step.message),
    }


def consent(found: Entry, known: Known) -> Told:
    """Return an onderaannemer of a hoofdaannemer as a gemeente has it in its register."""
    relation = found.relation
    return {
        **_between(relation, known, found.name),
        "gemeente": {"code": relation.gemeente, "naam": words.gemeente(relation.gemeente)},
        "stand": found.state.value,
        "geldt": found.holds and _decided(found.holds, relation.wet, known),
        "geschiedenis": [_decided(each, relation.wet, known) for each in found.history],
    }


def _decided(each: Decided, wet: str, known: Known) -> Told:
    return {
        "uitkomst": each.outcome.value,
        "vanaf": each.begin,
        "tot": each.end or None,
        "categorieen": [{"code": code, "naam": words.category(wet, code)} for code in each.categories],
        "voorwaarden": list(each.conditions),
        "reden": each.reason,
        "subOnderaanneming": each.divides,
        "kenmerken": [
            {"soort": mark.kind, "naam": words.meaning("LDT_SoortKenmerk", mark.kind), "geldigTot": mark.until}
            for mark in each.marks
        ],
        "gemeldOp": each.asked and each.asked.dated,
        "beslistOp": each.decided and each.decided.dated,
        "melding": each.asked and message(each.asked, known),
        "besluit": each.decided and message(each.decided, known),
    }


def register(gemeente: str, day: str, entries: Sequence[Entry], known: Known) -> Told:
    """Return the register of a gemeente on a day: each hoofdaannemer with its onderaannemers, in order of code."""
    by_hoofd: dict[str, list[Told]] = {}
    for each in entries:
        told = consent(each, known)
        line = {name: told[name] for name in ("onderaannemer", "wet", "stand", "geldt", "geschiedenis")}
        by_hoofd.setdefault(each.relation.hoofd, []).append(line)
    return {
        "gemeente": {"code": gemeente, "naam": words.gemeente(gemeente)},
        "op": day,
        "hoofdaannemers": [
            {**known.party(hoofd), "onderaannemers": lines} for hoofd, lines in sorted(by_hoofd.items())
        ],
    }
