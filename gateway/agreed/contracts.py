"""Contracts between hoofd- and onderaannemer with all that led to them; pure.

The ledger says which versions hold (``gateway.ledger.overeenkomst``); here stands beside each when it was offered and
decided on, and in which messages, so that who asks for proof finds what both sides signed.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from gateway.ledger.dossier import live
from gateway.ledger.overeenkomst import ACCEPTED, Version, version_on
from gateway.ledger.values import Area, Contract, Decision, Heard, Price, Record, Relation
from gateway.rules.klasse import after


class Outcome(StrEnum):
    """What became of an offer."""

    OPEN = "aangeboden"
    ACCEPTED = "aanvaard"
    REFUSED = "geweigerd"


class Change(StrEnum):
    """What an offer does to the contract as it was agreed before."""

    NEW = "nieuw"
    CHANGED = "wijziging"
    ENDED = "einde"


class State(StrEnum):
    """How a contract stands on a day."""

    OFFERED = "aangeboden"
    REFUSED = "geweigerd"
    COMING = "nog niet begonnen"
    IN_FORCE = "geldig"
    ENDED = "afgelopen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A message in which something was offered or decided."""

    message: str
    """Its key in the ledger: ``bericht/SENDER/TYPE/IDENTIFICATIE``."""
    dated: str
    """Its Dagtekening, ISO date."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A contract as it was offered once, and what was decided on that."""

    version: Version
    change: Change
    outcome: Outcome
    offered: Step
    decided: Step | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """A contract, known by its number, with all offers: those decided on in that order, then those still open."""

    relation: Relation
    number: str
    offers: tuple[Offer, ...]
    gemeenten: frozenset[str] = frozenset()
    """Of a gemeente that looks its codes: what does not hold for one of them is not there. Empty for the two sides."""

    @property
    def seen(self) -> list[Offer]:
        """The offers that are there for who looks."""
        return [each for each in self.offers if self._meant(each)]

    def on(self, day: str) -> Offer | None:
        """Return what was agreed and holds on a day (ISO date)."""
        accepted = [each for each in self.offers if each.outcome is Outcome.ACCEPTED]
        held = version_on([each.version for each in accepted], day)
        return next((each for each in accepted if each.version is held and self._meant(each)), None)

    def shown(self, day: str) -> Offer:
        """Return what a reader is shown first: what holds on this day, else what was agreed last, or offered last."""
        accepted = [each for each in self.seen if each.outcome is Outcome.ACCEPTED]
        return self.on(day) or (accepted or self.seen)[-1]

    def state(self, day: str) -> State:
        """Return how the contract stands on a day."""
        if self.on(day):
            return State.IN_FORCE
        accepted = [each for each in self.seen if each.outcome is Outcome.ACCEPTED]
        if not accepted:
            return State.OFFERED if self.offers[-1].outcome is Outcome.OPEN else State.REFUSED
        begun = any(not after(each.version.contract.begin, day) for each in accepted)
        return State.ENDED if begun else State.COMING

    def _meant(self, offer: Offer) -> bool:
        return not self.gemeenten or bool(offer.version.gemeenten & self.gemeenten)


def agreements(relation: Relation, record: Record) -> list[Agreement]:
    """Return the contracts in the record of this relation, by number; what was refused unread counts as not sent."""
    found: dict[str, list[Offer]] = {}
    for offer in _offers(live(record)):
        told = found.setdefault(offer.version.contract.number, [])
        before = next((each.version for each in reversed(told) if each.outcome is Outcome.ACCEPTED), None)
        told.append(replace(offer, change=_change(before, offer.version)))
    return [
        Agreement(relation=relation, number=number, offers=tuple(offers)) for number, offers in sorted(found.items())
    ]


def _offers(record: Record) -> Iterator[Offer]:
    """Yield offers as they are decided on, and then those that nobody decided on."""
    asked = {each.message: each for each in record if any(isinstance(said, Contract) for said in each.said)}
    answered: set[str] = set()
    for heard in record:
        for decision in heard.said:
            if isinstance(decision, Decision) and decision.answers in asked:
                answered.add(decision.answers)
                yield _offer(asked[decision.answers], decision, heard)
    yield from (_offer(heard) for key, heard in asked.items() if key not in answered)


def _offer(asked: Heard, decision: Decision | None = None, told: Heard | None = None) -> Offer:
    contract = next(each for each in asked.said if isinstance(each, Contract))
    outcome = Outcome.OPEN
    if decision:
        outcome = Outcome.ACCEPTED if decision.code == ACCEPTED else Outcome.REFUSED
    return Offer(
        version=Version(
            contract=contract,
            gemeenten=frozenset(each.gemeente for each in asked.said if isinstance(each, Area)),
            prices=tuple(each for each in asked.said if isinstance(each, Price)),
        ),
        change=Change.NEW,
        outcome=outcome,
        offered=Step(message=asked.message, dated=asked.dated),
        decided=Step(message=told.message, dated=told.dated) if told else None,
    )


def _change(before: Version | None, offered: Version) -> Change:
    if before is None:
        return Change.NEW
    last, now = before.contract, offered.contract
    same = replace(last, begin="", end="") == replace(now, begin="", end="")
    unchanged = same and (before.gemeenten, before.prices) == (offered.gemeenten, offered.prices)
    sooner = now.end and (not last.end or after(last.end, now.end))
    return Change.ENDED if unchanged and sooner else Change.CHANGED


def for_gemeente(found: Iterable[Agreement], gemeenten: frozenset[str]) -> list[Agreement]:
    """Return what a gemeente may know of: contracts that both sides accepted and that hold, or held, for it."""
    kept = [
        replace(
            each,
            offers=tuple(offer for offer in each.offers if offer.outcome is Outcome.ACCEPTED),
            gemeenten=gemeenten,
        )
        for each in found
    ]
    return [each for each in kept if each.seen]
