"""The register as frozen values: parties, regions, who is on the list there, what gemeenten agreed. Pure.

Dates are ISO dates, both ends included, an empty end means: no end. Shares are hundredths of a percent, money is
eurocents. ``in_json`` gives each value as the interface and a proposal write it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from gateway.parties import Parties
from gateway.rules.klasse import after


class Kind(StrEnum):
    """What may be proposed."""

    PARTY = "partij"
    """A party that does not take part yet; only by officers of the gateway."""
    DETAILS = "gegevens"
    """Name, number in the trade register, contact."""
    CERTIFICATE = "certificaat"
    CERTIFICATE_ENDS = "certificaat-einde"
    PUSH = "push"
    MANDATE = "machtiging"
    """That another party may send and fetch for this one."""
    MANDATE_ENDS = "machtiging-einde"
    PARTY_ENDS = "partij-einde"
    REGION = "regio"
    LISTING = "opname"
    LISTING_ENDS = "opname-einde"
    AGREEMENT = "afspraak"


OF_A_PARTY = frozenset(
    {
        Kind.PARTY, Kind.DETAILS, Kind.CERTIFICATE, Kind.CERTIFICATE_ENDS, Kind.PUSH, Kind.MANDATE, Kind.MANDATE_ENDS,
        Kind.PARTY_ENDS,
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """Who proposes or decides: the system of a party, or an officer."""

    name: str
    """``CODE`` of a system, ``CODE/LOGIN`` of an officer of a party, ``/LOGIN`` of one of the gateway itself."""
    own: str
    """Code of the party to which it belongs; empty for the gateway itself."""
    codes: frozenset[str]
    """All codes for which it may act."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Something that was proposed, and what was decided on it."""

    id: str
    subject: str
    kind: Kind
    value: Mapping[str, Any] = field(repr=False)
    """As ``forms.read`` gave it; it may name a contact person."""
    side: str
    """For which party it was proposed; empty for the gateway itself."""
    decides: str
    """Whose people decide on it; empty for those of the gateway itself."""
    proposed_at: int
    """Milliseconds since 1970, UTC."""
    proposed_by: str
    """``Who.name``."""
    decided_at: int | None = None
    decided_by: str = ""
    granted: bool | None = None
    """None as long as nobody decided."""
    reason: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A product with its unit and tariff, or within which bounds a tariff lies; in eurocents per unit."""

    category: str
    code: str = ""
    """Empty: every code of the category."""
    unit: str
    tariff: int | None = None
    least: int | None = None
    most: int | None = None

    def in_json(self) -> dict[str, Any]:
        """Return it as it is written."""
        told = {
            "categorie": self.category, "code": self.code, "eenheid": self.unit, "tarief": self.tariff,
            "laagste": self.least, "hoogste": self.most,
        }  # fmt: skip
        return {name: value for name, value in told.items() if value not in ("", None)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """The contract that contracts in a region start from."""

    variant: str
    """Uitvoeringsvariant: I, O or T."""
    days: int
    """Betaaltermijn."""
    products: tuple[Product, ...]

    def in_json(self) -> dict[str, Any]:
        """Return it as it is written."""
        return {
            "variant": self.variant,
            "betaaltermijn": self.days,
            "producten": [each.in_json() for each in self.products],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A gemeente in a region."""

    gemeente: str
    begin: str
    end: str = ""

    def on(self, day: str) -> bool:
        """Tell whether it belongs to the region on a day."""
        return _within(self.begin, self.end, day)

    def in_json(self) -> dict[str, Any]:
        """Return it as it is written."""
        return {"code": self.gemeente, "vanaf": self.begin, **({"tot": self.end} if self.end else {})}


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """Gemeenten that buy care together."""

    name: str
    keeper: str
    """The gemeente that keeps the region and its list."""
    members: tuple[Member, ...]
    maximum: int | None = None
    """The most that a hoofdaannemer may keep; None where the region sets none."""
    template: Template | None = None

    def in_json(self) -> dict[str, Any]:
        """Return it as it is written."""
        return {
            "naam": self.name,
            "beheerder": self.keeper,
            "gemeenten": [each.in_json() for each in self.members],
            **({} if self.maximum is None else {"maximumInhouding": self.maximum}),
            **({"sjabloon": self.template.in_json()} if self.template else {}),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A quality mark (code list HOA-KENMERK), and its last day."""

    code: str
    until: str

    def in_json(self) -> dict[str, Any]:
        """Return it as it is written."""
        return {"kenmerk": self.code, "tot": self.until}


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """An onderaannemer that a region admitted to its list."""

    region: str
    agb: str
    begin: str
    end: str = ""
    marks: tuple[Mark, ...] = ()
    categories: tuple[str, ...] = ()
    specialisms: tuple[str, ...] = ()
    """In its own words."""
    capacity: str = ""
    """In its own words: how much room there is."""
    results: bool = False
    """Whether it shares its results."""

    def on(self, day: str) -> bool:
        """Tell whether it is admitted on a day."""
        return _within(self.begin, self.end, day)

    def in_json(self) -> dict[str, Any]:
        """Return it as it is written."""
        return {
            "vanaf": self.begin,
            **({"tot": self.end} if self.end else {}),
            "kenmerken": [each.in_json() for each in self.marks],
            "categorieen": list(self.categories),
            "specialismen": list(self.specialisms),
            "capaciteit": self.capacity,
            "deeltResultaten": self.results,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """What a hoofdaannemer agreed with a gemeente: products with the municipal tariff."""

    wet: str
    gemeente: str
    hoofd: str
    begin: str
    end: str = ""
    products: tuple[Product, ...]
    shows: bool = False
    """Whether the hoofdaannemer shows the gemeente the tariffs that it pays its onderaannemers."""

    def on(self, day: str) -> bool:
        """Tell whether it holds on a day."""
        return _within(self.begin, self.end, day)

    def in_json(self) -> dict[str, Any]:
        """Return it as it is written."""
        return {
            "vanaf": self.begin,
            **({"tot": self.end} if self.end else {}),
            "producten": [each.in_json() for each in self.products],
            **({"toontTarieven": True} if self.shows else {}),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """All of it at one moment."""

    parties: Parties = field(default_factory=Parties)
    regions: Mapping[str, Region] = field(default_factory=dict)
    """By name."""
    listings: Mapping[tuple[str, str], Listing] = field(default_factory=dict)
    """By region and AGB code; also those that ended."""
    agreements: Mapping[tuple[str, str, str], tuple[Agreement, ...]] = field(default_factory=dict)
    """By law, gemeente and hoofdaannemer, in the order in which they were accepted."""

    def regions_of(self, gemeente: str, day: str) -> Iterator[Region]:
        """Yield the regions to which a gemeente belongs on a day."""
        for region in self.regions.values():
            if any(each.gemeente == gemeente and each.on(day) for each in region.members):
                yield region

    def maximum(self, gemeente: str, day: str) -> int | None:
        """Return the most that may be kept of what this gemeente pays; None where nothing sets it."""
        return min((each.maximum for each in self.regions_of(gemeente, day) if each.maximum is not None), default=None)

    def agreement(self, wet: str, gemeente: str, hoofd: str, day: str) -> Agreement | None:
        """Return what holds between these two on a day: the last that was accepted and has begun."""
        begun = [each for each in self.agreements.get((wet, gemeente, hoofd), ()) if not after(each.begin, day)]
        return begun[-1] if begun and begun[-1].on(day) else None


def _within(begin: str, end: str, day: str) -> bool:
    return not after(begin, day) and not (end and after(day, end))
