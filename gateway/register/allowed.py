"""Who may propose what, and who decides: two pairs of eyes, always; and what is wrong with a change by now. Pure."""

from collections.abc import Iterator

from gateway.parties import MOST_CERTIFICATES, Party
from gateway.register.forms import municipality_fault
from gateway.register.values import OF_A_PARTY, Change, Kind, Register, Who
from gateway.rules.klasse import after

GATEWAY = ""
"""The code of the gateway itself: its officers decide who takes part."""


def may_decide(change: Change, who: Who) -> bool:
    """Tell whether somebody may decide on this: it is open, it is his to decide, and he did not propose it himself."""
    return change.granted is None and change.decides in who.codes and change.proposed_by != who.name


def sides(register: Register, subject: str, kind: Kind, value: object, who: Who) -> tuple[str, str] | None:
    """Return for whom somebody proposes this, and whose people decide on it; None if he may not propose it.

    What a party is known by and whom it mandates it tells itself: who acts for it could else make more of that.
    """
    _, first, *rest = subject.split("/")
    if kind in OF_A_PARTY:
        if GATEWAY in who.codes:
            return GATEWAY, GATEWAY
        return (first, GATEWAY) if kind is not Kind.PARTY and who.own == first else None
    if kind is Kind.AGREEMENT:
        return _sides_of_agreement(gemeente=rest[0], hoofd=rest[1], who=who)
    region = register.regions.get(first)
    if kind is Kind.REGION:
        keeper = region.keeper if region else (value.get("beheerder") if isinstance(value, dict) else None)
        return (keeper, keeper) if keeper in who.codes else None
    agb = rest[0]
    if region is None or not (agb in who.codes or (kind is Kind.LISTING_ENDS and region.keeper in who.codes)):
        return None
    return (agb if agb in who.codes else region.keeper), region.keeper


def _sides_of_agreement(*, gemeente: str, hoofd: str, who: Who) -> tuple[str, str] | None:
    mine = [code for code in (who.own, gemeente, hoofd) if code in {gemeente, hoofd} & who.codes]
    if not mine:
        return None
    return mine[0], hoofd if mine[0] == gemeente else gemeente


def faults(register: Register, change: Change, *, day: str, now: int) -> list[str]:
    """Return all that is wrong with a change in this register, on this ISO day, ``now`` in milliseconds."""
    parts = change.subject.split("/")
    if change.kind in OF_A_PARTY:
        return list(_party_faults(register, parts[1], change, day=day, now=now))
    match change.kind:
        case Kind.REGION:
            return list(_region_faults(register, parts[1], change))
        case Kind.AGREEMENT:
            return [] if parts[3] in register.parties.by_code else [_unknown(parts[3])]
    return list(_listing_faults(register, parts[1], parts[2], change))


def _party_faults(register: Register, code: str, change: Change, *, day: str, now: int) -> Iterator[str]:
    party = register.parties.by_code.get(code)
    if change.kind is Kind.PARTY:
        if party:
            yield f"Partij {code} doet al mee."
        if len(code) == len("0363") and (fault := municipality_fault(code, day)):
            yield fault
    elif party is None:
        yield _unknown(code)
        return
    if "certificaat" in change.value:
        yield from _certificate_faults(register, party, change, now=now)
    elif party:
        yield from _other_faults(register, party, change)


def _certificate_faults(register: Register, party: Party | None, change: Change, *, now: int) -> Iterator[str]:
    paper = change.value["certificaat"]
    if paper["geldigTot"] <= now:
        yield "Dit certificaat is verlopen."
    if paper["vingerafdruk"] in register.parties.blocked:
        yield "Dit certificaat is geblokkeerd."
    elif paper["vingerafdruk"] in register.parties.by_certificate:
        yield "Dit certificaat hoort al bij een partij."
    if party and len(party.certificates) >= MOST_CERTIFICATES:
        yield f"Er zijn al {MOST_CERTIFICATES} certificaten. Laat er eerst een vervallen (certificaat-einde)."


def _other_faults(register: Register, party: Party, change: Change) -> Iterator[str]:
    if change.kind is Kind.CERTIFICATE_ENDS:
        if change.value["vingerafdruk"] not in party.certificates:
            yield "Dit certificaat hoort niet bij deze partij."
        elif len(party.certificates) == 1:
            yield "Dit is het enige certificaat. Voeg eerst een nieuw toe, of kies partij-einde."
    elif change.kind in {Kind.MANDATE, Kind.MANDATE_ENDS}:
        to = register.parties.by_code.get(change.value["aan"])
        has = to is not None and party.code in to.mandates
        if to is None or to is party:
            yield f"Partij {change.value['aan']} kan niet gemachtigd worden: zij doet niet mee, of u bent het zelf."
        elif has is (change.kind is Kind.MANDATE):
            yield "Deze machtiging is er al." if has else "Deze machtiging is er niet."


def _region_faults(register: Register, name: str, change: Change) -> Iterator[str]:
    yield from _other_keeper(register, name, change)
    if change.value["beheerder"] not in register.parties.by_code:
        yield _unknown(change.value["beheerder"])
    for member in change.value["gemeenten"]:
        for other in register.regions.values():
            if other.name != name and any(
                each.gemeente == member["code"]
                and not (each.end and after(member["vanaf"], each.end))
                and not (member.get("tot") and after(each.begin, member["tot"]))
                for each in other.members
            ):
                yield f"Gemeente {member['code']} hoort dan nog bij regio {other.name}."


def _listing_faults(register: Register, name: str, agb: str, change: Change) -> Iterator[str]:
    if name not in register.regions:
        yield f"Regio {name} bestaat niet."
    yield from _other_keeper(register, name, change)
    if agb not in register.parties.by_code:
        yield _unknown(agb)
    if change.kind is Kind.LISTING_ENDS:
        listing = register.listings.get((name, agb))
        if listing is None:
            yield f"Partij {agb} staat niet op de lijst van regio {name}."
        elif after(listing.begin, change.value["tot"]):
            yield f"De opname begint pas op {listing.begin}."


def _other_keeper(register: Register, name: str, change: Change) -> Iterator[str]:
    """Meanwhile another may have made a region of this name, or become its keeper: then that one decides."""
    if name in register.regions and register.regions[name].keeper != change.decides:
        yield f"Regio {name} heeft nu een andere beheerder. Doe het voorstel opnieuw, dan beslist die."


def _unknown(code: str) -> str:
    return f"Partij {code} doet niet mee."
