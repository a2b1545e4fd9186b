"""The register in the words of the interface and the command line: JSON that both show alike. Pure."""

from collections.abc import Collection, Mapping
from typing import Any

from gateway.codes import code_list
from gateway.decide import rfc3339
from gateway.parties import Party
from gateway.register.forms import ended
from gateway.register.values import Change, Listing, Region, Register

SEARCHED = ("regio", "zoek", "categorie", "kenmerk")
"""By what the list of onderaannemers is searched."""


def parties(register: Register) -> list[dict[str, Any]]:
    """Return who takes part, by code."""
    return [public(each) for _, each in sorted(register.parties.by_code.items())]


def public(party: Party) -> dict[str, Any]:
    """Return what everybody may know of a party."""
    return {
        "code": party.code,
        "naam": party.name,
        "soort": "gemeente" if len(party.code) == len("0363") else "aanbieder",
    }


def private(party: Party, register: Register) -> dict[str, Any]:
    """Return what only a party itself sees of it."""
    contact = party.contact
    return {
        "kvk": party.kvk,
        "contact": contact and {"naam": contact.name, "email": contact.mail, "telefoon": contact.phone},
        "certificaten": [
            {"vingerafdruk": each, "geldigTot": rfc3339(party.ends[each]) if each in party.ends else None}
            for each in party.certificates
        ],
        "push": party.push.url if party.push else "",
        "gemachtigdDoor": sorted(party.mandates),
        "machtigt": sorted(
            each.code for each in register.parties.by_code.values() if party.code in each.mandates
        ),
        "archief": party.archive,
    }  # fmt: skip


def regions(register: Register) -> list[dict[str, Any]]:
    """Return the regions, by name."""
    return [_region(each) for _, each in sorted(register.regions.items())]


def listed(register: Register, query: Mapping[str, str], day: str) -> list[dict[str, Any]]:
    """Return who is admitted on a day and fits what is asked (``SEARCHED``)."""
    return [
        _listing(register, each, day)
        for _, each in sorted(register.listings.items())
        if each.on(day) and _fits(query, each, _name(register, each.agb), day)
    ]


def agreements(register: Register, codes: Collection[str] | None) -> list[dict[str, Any]]:
    """Return the agreements to which one of these codes is a party, or all."""
    return [
        {"wet": each.wet, "gemeente": each.gemeente, "hoofdaannemer": each.hoofd, **each.in_json()}
        for _, versions in sorted(register.agreements.items())
        for each in versions
        if codes is None or {each.gemeente, each.hoofd} & set(codes)
    ]


def proposal(change: Change) -> dict[str, Any]:
    """Return a change as the interface tells it."""
    decision = {None: "open", True: "akkoord", False: "geweigerd"}[change.granted]
    value = dict(change.value)
    if "certificaat" in value:
        value["certificaat"] = {**value["certificaat"], "geldigTot": rfc3339(value["certificaat"]["geldigTot"])}
    return {
        "id": change.id, "onderwerp": change.subject, "soort": change.kind.value, "waarde": value,
        "voorgesteldDoor": change.proposed_by, "voorgesteldOp": rfc3339(change.proposed_at),
        "beslist": change.decides, "besluit": decision, "reden": change.reason,
        "beslotenOp": None if change.decided_at is None else rfc3339(change.decided_at),
        "beslotenDoor": change.decided_by,
    }  # fmt: skip


def _region(region: Region) -> dict[str, Any]:
    names = code_list("CBS").meanings
    return {
        **region.in_json(),
        "gemeenten": [
            {**each.in_json(), "naam": names.get(each.gemeente, ""), "opgehevenOp": ended(each.gemeente) or None}
            for each in region.members
        ],
    }


def _listing(register: Register, listing: Listing, day: str) -> dict[str, Any]:
    marks = [{**each.in_json(), "geldig": day <= each.until} for each in listing.marks]
    return {
        "regio": listing.region,
        "agb": listing.agb,
        "naam": _name(register, listing.agb),
        "neemtDeel": listing.agb in register.parties.by_code,
        **listing.in_json(),
        "kenmerken": marks,
    }


def _name(register: Register, code: str) -> str:
    party = register.parties.by_code.get(code)
    return party.name if party else code


def _fits(query: Mapping[str, str], listing: Listing, name: str, day: str) -> bool:
    words = query.get("zoek", "").casefold().split()
    text = " ".join((listing.agb, name, *listing.specialisms, listing.capacity)).casefold()
    marks = {each.code for each in listing.marks if day <= each.until}
    return (
        query.get("regio", listing.region) == listing.region
        and all(word in text for word in words)
        and ("categorie" not in query or query["categorie"] in listing.categories)
        and ("kenmerk" not in query or query["kenmerk"] in marks)
    )
