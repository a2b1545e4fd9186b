"""What an officer may do: one table of roles and rights, and the rule whose lines he sees. Deny by default; pure.

Roles are those of people who account for the exchange, never of those who use it. A right says what kind of page opens;
which lines stand on that page is decided by ``sees``, from the party to which the officer belongs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

OPERATOR = ""
"""The party of officers who belong to the gateway itself."""


class Role(StrEnum):
    """What an officer is, in the word that stands in the file of officers and in the log."""

    AUDITOR = "auditor"
    FG = "fg"
    TENANT_ADMIN = "partijbeheerder"
    OPS = "systeembeheerder"
    ERASURE_APPROVER = "vernietigingsbeoordelaar"
    BREAK_GLASS = "noodtoegang"
    """No account has this one: an fg or systeembeheerder has it besides his own for an hour, with a reason."""


DUTCH: Mapping[Role, str] = {
    Role.AUDITOR: "auditor",
    Role.FG: "functionaris gegevensbescherming",
    Role.TENANT_ADMIN: "partijbeheerder",
    Role.OPS: "systeembeheerder",
    Role.ERASURE_APPROVER: "vernietigingsbeoordelaar",
    Role.BREAK_GLASS: "noodtoegang",
}
"""How a role is called on a page."""


class Right(StrEnum):
    """What a page needs before it opens."""

    OWN = "eigen"
    """One's own session: the first page, logging off."""
    VERIFY = "controleren"
    """Checkpoints, witnesses, reports of the verifier."""
    LINES = "regels"
    """Lines of the log by their open headers: what and when, not who and about whom."""
    SEARCH = "zoeken"
    """Search the lines of one's own party, by BSN too, and see who and about whom."""
    OPEN = "openen"
    """Read what a message says, for a purpose."""
    EXPORT = "uitvoeren"
    """Take lines away in a file."""
    DOSSIER = "inzage"
    """All that was done with the data of one person, for that person."""
    SIGNALS = "signalen"
    """Reading that is out of the ordinary."""
    INCIDENTS = "incidenten"
    REGISTER = "verwerkingsregister"
    """What is processed, why and how long (AVG art. 30)."""
    RETENTION = "bewaren"
    """See what is due to be destroyed, ask for destruction, hold it off."""
    APPROVE_ERASURE = "vernietigen-goedkeuren"
    """Agree to a destruction that somebody else asked for."""
    OFFICERS = "functionarissen"
    """Who are the officers of one's own party."""
    KEYS = "sleutels"
    """Generations of keys and how often they were used; never a key."""
    MEMBERS = "deelnemers"
    """Who takes part, regions and agreements: propose changes and decide on those of others, for one's own party."""
    CHAIN = "keten"
    """Read who works for whom: who takes part, contracts, consents, terms; what one's own party may see of it."""
    OPERATE = "beheren"
    """How the gateway runs: numbers, nothing of a message."""
    HIDDEN = "geheim"
    """Who is secret for one's own party, and the forms outside the messages; only for who is named for it as well."""
    BREAK_GLASS = "noodtoegang-vragen"
    REVIEW_BREAK_GLASS = "noodtoegang-beoordelen"


RIGHTS: Mapping[Role, frozenset[Right]] = {
    Role.AUDITOR: frozenset({Right.OWN, Right.VERIFY, Right.LINES, Right.REGISTER}),
    Role.FG: frozenset(
        {
            Right.OWN, Right.VERIFY, Right.LINES, Right.SEARCH, Right.OPEN, Right.EXPORT, Right.DOSSIER, Right.SIGNALS,
            Right.INCIDENTS, Right.REGISTER, Right.RETENTION, Right.HIDDEN, Right.BREAK_GLASS, Right.REVIEW_BREAK_GLASS,
            Right.CHAIN,
        }
    ),
    Role.TENANT_ADMIN: frozenset(
        {Right.OWN, Right.VERIFY, Right.REGISTER, Right.OFFICERS, Right.KEYS, Right.MEMBERS, Right.CHAIN}
    ),
    Role.OPS: frozenset(
        {Right.OWN, Right.VERIFY, Right.OPERATE, Right.KEYS, Right.INCIDENTS, Right.BREAK_GLASS, Right.MEMBERS}
    ),
    Role.ERASURE_APPROVER: frozenset({Right.OWN, Right.VERIFY, Right.RETENTION, Right.APPROVE_ERASURE}),
    Role.BREAK_GLASS: frozenset({Right.LINES, Right.SEARCH, Right.OPEN}),
}  # fmt: skip
"""The whole of it; what does not stand here may not be done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Officer:
    """Somebody who oversees: one role, at one party."""

    login: str
    """How he is known, here and in the log."""
    name: str
    role: Role
    party: str
    """Code of the party to which he belongs; ``OPERATOR`` for the gateway itself."""
    finds_secret: bool = False
    """Whether he is named to find persons whose residence is secret; for all others there is nothing about them."""


def may(officer: Officer, right: Right, *, elevated: bool = False) -> bool:
    """Tell whether an officer has a right; ``elevated`` while his break-glass hour lasts.

    The hour ends at once for who gets a role that may not ask for it.
    """
    own = RIGHTS[officer.role]
    if right is Right.HIDDEN and (not officer.finds_secret or officer.party == OPERATOR):
        return False
    return right in own or (elevated and Right.BREAK_GLASS in own and right in RIGHTS[Role.BREAK_GLASS])


def sees(officer: Officer, party: str | None, other: str | None = None) -> bool:
    """Tell whether an officer may see a line of these parties: his own, and those of the gateway itself (None)."""
    return (party is None and other is None) or (officer.party != OPERATOR and officer.party in (party, other))
