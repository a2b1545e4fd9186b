"""The register as a fold over what was decided: the operator's file first, then each change that was granted. Pure.

What is folded is known to be sound when it is proposed and again when it is decided; a file that says otherwise since
then never makes this fail, it goes before.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gateway.flow import Endpoint
from gateway.parties import Contact, Parties, Party
from gateway.register.values import (
    OF_A_PARTY,
    Agreement,
    Change,
    Kind,
    Listing,
    Mark,
    Member,
    Product,
    Region,
    Register,
    Template,
)

DAY = 86_400_000
"""Milliseconds."""
TELL = (1, 7, 14, 30)
"""Days before a certificate ends on which its party is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiry:
    """That a certificate of a party ends soon."""

    party: str
    certificate: str
    until: int
    """Milliseconds since 1970, UTC."""
    within: int
    """Days, one of ``TELL``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """A party so far, and whom it mandates (True) or no longer does (False)."""

    party: Party | None
    given: Mapping[str, bool] = field(default_factory=dict)


def fold(base: Parties, changes: Iterable[Change]) -> Register:
    """Return the register that begins with ``base`` and has every change that was granted, in order of decision."""
    decided = sorted((each for each in changes if each.granted), key=lambda each: (each.decided_at or 0, each.id))
    by_subject: dict[str, list[Change]] = {}
    for change in decided:
        by_subject.setdefault(change.subject, []).append(change)
    regions, listings, agreements = dict[str, Region](), dict[tuple[str, str], Listing](), {}
    for subject, each in sorted(by_subject.items()):
        match subject.split("/"):
            case ["regio", name]:
                regions[name] = region_of(name, each[-1].value)
            case ["lijst", region, agb]:
                listings[region, agb] = _listing(region, agb, each)
            case ["afspraak", wet, gemeente, hoofd]:
                agreements[wet, gemeente, hoofd] = tuple(
                    agreement_of(wet, gemeente, hoofd, change.value) for change in each
                )
    return Register(parties=_parties(base, by_subject), regions=regions, listings=listings, agreements=agreements)


def expiring(register: Register, now: int) -> Iterator[Expiry]:
    """Yield which certificates end within 30, 14, 7 or 1 days of ``now`` (milliseconds), each under the least of these.

    What has ended is not told again: who could be told of it cannot come in any more.
    """
    for _, party in sorted(register.parties.by_code.items()):
        for print_ in party.certificates:
            left = party.ends.get(print_, now) - now
            within = next((days for days in TELL if left <= days * DAY), None)
            if within and left > 0:
                yield Expiry(party=party.code, certificate=print_, until=now + left, within=within)


def spent(changes: Iterable[Change], before: int) -> Iterator[Change]:
    """Yield changes that name a contact who is none any more since before a moment, without that contact.

    The register that follows from them is the same.
    """
    granted = sorted((each for each in changes if each.granted), key=lambda each: (each.decided_at or 0, each.id))
    later: set[str] = set()
    for change in reversed(granted):
        if "contact" in change.value and change.subject in later:
            yield replace(change, value={name: value for name, value in change.value.items() if name != "contact"})
        if ("contact" in change.value or change.kind is Kind.PARTY_ENDS) and (change.decided_at or 0) < before:
            later.add(change.subject)


def region_of(name: str, value: Mapping[str, Any]) -> Region:
    """Return a region from what was written."""
    template = value.get("sjabloon")
    return Region(
        name=name,
        keeper=value["beheerder"],
        members=tuple(
            Member(gemeente=each["code"], begin=each["vanaf"], end=each.get("tot", "")) for each in value["gemeenten"]
        ),
        maximum=value.get("maximumInhouding"),
        template=template
        and Template(
            variant=template["variant"], days=template["betaaltermijn"], products=_products(template["producten"])
        ),
    )


def listing_of(region: str, agb: str, value: Mapping[str, Any]) -> Listing:
    """Return what stands on a list from what was written."""
    return Listing(
        region=region,
        agb=agb,
        begin=value["vanaf"],
        end=value.get("tot", ""),
        marks=tuple(Mark(code=each["kenmerk"], until=each["tot"]) for each in value["kenmerken"]),
        categories=tuple(value["categorieen"]),
        specialisms=tuple(value["specialismen"]),
        capacity=value["capaciteit"],
        results=value["deeltResultaten"],
    )


def agreement_of(wet: str, gemeente: str, hoofd: str, value: Mapping[str, Any]) -> Agreement:
    """Return an agreement with a gemeente from what was written."""
    return Agreement(
        wet=wet, gemeente=gemeente, hoofd=hoofd, begin=value["vanaf"], end=value.get("tot", ""),
        products=_products(value["producten"]), shows=value.get("toontTarieven", False),
    )  # fmt: skip


def _products(written: Sequence[Mapping[str, Any]]) -> tuple[Product, ...]:
    return tuple(
        Product(
            category=each["categorie"],
            code=each.get("code", ""),
            unit=each["eenheid"],
            tariff=each.get("tarief"),
            least=each.get("laagste"),
            most=each.get("hoogste"),
        )
        for each in written
    )


def _listing(region: str, agb: str, changes: Sequence[Change]) -> Listing:
    """An end that was decided cuts off what was admitted before it; a later admission begins anew."""
    admitted = [change for change in changes if change.kind is Kind.LISTING]
    found = listing_of(region, agb, admitted[-1].value)
    ended = [change for change in changes[changes.index(admitted[-1]) :] if change.kind is Kind.LISTING_ENDS]
    return replace(found, end=ended[-1].value["tot"]) if ended else found


def _parties(base: Parties, by_subject: Mapping[str, Sequence[Change]]) -> Parties:
    told = {subject.partition("/")[2]: each for subject, each in by_subject.items() if each[0].kind in OF_A_PARTY}
    known: dict[str, _Known] = {}
    for code in [*base.by_code, *sorted(told.keys() - base.by_code.keys())]:
        so_far = _Known(party=base.by_code.get(code))
        for change in told.get(code, ()):
            so_far = _changed(code, so_far, change)
        known[code] = so_far
    parties = {code: each.party for code, each in known.items() if each.party}
    return Parties.known(
        [replace(party, mandates=_mandates(party, parties, known)) for party in parties.values()],
        blocked=base.blocked,
    )


def _mandates(party: Party, parties: Mapping[str, Party], known: Mapping[str, _Known]) -> tuple[str, ...]:
    """Return who mandates a party: as the file says, unless it was taken back, and as was granted since."""
    named = [code for code in party.mandates if code in parties and known[code].given.get(party.code, True)]
    since = [code for code in sorted(parties) if known[code].given.get(party.code) and code not in named]
    return (*named, *since)


def _changed(code: str, known: _Known, change: Change) -> _Known:
    party, value = known.party, change.value
    if change.kind is Kind.PARTY:
        new = party or Party(code=code, name=value["naam"])
        return replace(known, party=_with_certificate(_with_details(new, value), value["certificaat"]))
    if party is None:  # the operator took it out of his file
        return known
    match change.kind:
        case Kind.DETAILS:
            party = _with_details(party, value)
        case Kind.CERTIFICATE:
            party = _with_certificate(party, value["certificaat"])
        case Kind.CERTIFICATE_ENDS:
            gone = value["vingerafdruk"]
            party = replace(party, certificates=tuple(each for each in party.certificates if each != gone))
        case Kind.PUSH:
            party = replace(party, push=Endpoint(url=value["adres"]) if value["adres"] else None)
        case Kind.MANDATE | Kind.MANDATE_ENDS:
            return replace(known, given={**known.given, value["aan"]: change.kind is Kind.MANDATE})
        case Kind.PARTY_ENDS:
            return _Known(party=None)
    return replace(known, party=party)


def _with_details(party: Party, value: Mapping[str, Any]) -> Party:
    contact = value.get("contact")
    return replace(
        party,
        name=value.get("naam", party.name),
        kvk=value.get("kvk", party.kvk),
        contact=Contact(name=contact["naam"], mail=contact["email"], phone=contact.get("telefoon", ""))
        if contact
        else party.contact,
    )


def _with_certificate(party: Party, paper: Mapping[str, Any]) -> Party:
    print_ = paper["vingerafdruk"]
    return replace(
        party,
        certificates=tuple(dict.fromkeys((*party.certificates, print_))),
        ends={**party.ends, print_: paper["geldigTot"]},
    )
