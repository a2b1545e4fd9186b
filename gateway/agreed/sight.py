"""Who sees what of a contract: one function, one table; pure.

Both sides see all of it. A gemeente is no side: it sees that a contract holds for it, with what it needs to oversee who
works in its name (N5) and what the hoofdaannemer keeps (N6). What is paid is between the two sides, unless the gemeente
asked its hoofdaannemer to be as open as the gemeente itself is, and the hoofdaannemer agreed to that (N10).
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum

from gateway.ledger.values import Relation


class Member(StrEnum):
    """What of a contract somebody may see or not; the rest is for all for whom the contract exists."""

    VARIANT = "uitvoeringsvariant"
    OTHER_AREAS = "andere gemeenten"
    TERM = "betaaltermijn"
    KEPT = "retentie"
    BAND = "bandbreedte"
    PRODUCTS = "producten"
    TARIFFS = "tarieven"
    MESSAGES = "berichten"


ALL = frozenset(Member)
FOR_GEMEENTE = ALL - {Member.OTHER_AREAS, Member.TERM, Member.BAND, Member.TARIFFS, Member.MESSAGES}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What somebody sees of the contracts between two parties."""

    members: frozenset[Member]
    gemeenten: frozenset[str] = field(default=frozenset())
    """Of a gemeente its codes: only what holds for one of them exists for it. Empty for the two sides."""

    def __contains__(self, member: Member) -> bool:
        return member in self.members


def sight(relation: Relation, codes: Collection[str], *, open_to: Collection[str] = ()) -> Sight | None:
    """Return what a party with these codes sees of contracts between these two; None where they do not exist for it.

    ``open_to`` are the gemeenten that the hoofdaannemer agreed to show its tariffs.
    """
    if relation.hoofd in codes or relation.onder in codes:
        return Sight(members=ALL)
    own = frozenset(each for each in codes if len(each) == 4)
    if not own:
        return None
    return Sight(members=FOR_GEMEENTE | {Member.TARIFFS} if own <= set(open_to) else FOR_GEMEENTE, gemeenten=own)
