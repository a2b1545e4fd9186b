"""Consent of a gemeente to an onderaannemer, with its history, and the register of a gemeente on a day; pure.

The register *as it was* on a day holds what the gemeente had decided by then (Dagtekening), as far as that held on that
day: a decision that was taken later, also one that reaches back, was not in it yet.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from gateway.agreed.contracts import Step
from gateway.ledger.dossier import live
from gateway.ledger.overeenkomst import consent_on, consents
from gateway.ledger.values import Decision, Heard, Mark, Record, Relation, Report, Service
from gateway.rules.hoa import GIVEN, REFUSED, WITH_CONDITIONS, WITHDRAWN
from gateway.rules.klasse import after


class Outcome(StrEnum):
    """What a gemeente said to a report; or that it said nothing yet."""

    ASKED = "gevraagd"
    GIVEN = "gegeven"
    CONDITIONS = "gegeven met voorwaarden"
    REFUSED = "geweigerd"
    WITHDRAWN = "ingetrokken"


class State(StrEnum):
    """How it stands with an onderaannemer on a day."""

    ASKED = "gevraagd"
    REFUSED = "geweigerd"
    COMING = "nog niet begonnen"
    ALLOWED = "toegestaan"
    CONDITIONS = "toegestaan met voorwaarden"
    WITHDRAWN = "ingetrokken"
    ENDED = "afgelopen"


OUTCOMES = {
    GIVEN: Outcome.GIVEN,
    WITH_CONDITIONS: Outcome.CONDITIONS,
    REFUSED: Outcome.REFUSED,
    WITHDRAWN: Outcome.WITHDRAWN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """One report with what was decided on it, or consent that was withdrawn unasked. Dates are ISO dates."""

    outcome: Outcome
    begin: str
    """From when on it holds; of a report that nobody decided on, from when on it is asked."""
    end: str
    categories: tuple[str, ...]
    """Product categories that were reported, in the order of the report."""
    divides: bool
    """Whether they may pass on what they are given."""
    marks: tuple[Mark, ...]
    conditions: tuple[str, ...]
    reason: str
    asked: Step | None
    decided: Step | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An onderaannemer of a hoofdaannemer in the register of a gemeente, on a day."""

    relation: Relation
    name: str
    """As it was reported last; empty if it never was."""
    state: State
    holds: Decided | None
    """What holds on that day."""
    history: tuple[Decided, ...]
    """Reports that were decided on, in that order; then those that wait."""


def entry(relation: Relation, record: Record, day: str) -> Entry | None:
    """Return the line in the register as it was on a day (ISO date); None if nothing was reported by then."""
    heard = tuple(each for each in live(record) if not after(each.dated, day))
    history = tuple(_history(heard))
    if not history:
        return None
    holds = _holds(heard, history, day)
    reports = [said for each in heard for said in each.said if isinstance(said, Report)]
    return Entry(
        relation=relation,
        name=reports[-1].name if reports else "",
        state=_state(history, holds, day),
        holds=holds,
        history=history,
    )


def _holds(record: Record, history: Sequence[Decided], day: str) -> Decided | None:
    """Return the decision behind the consent that holds: by the fold that level 4 judges by, not by one of our own."""
    known = consents(record)
    held = consent_on(known, day)
    decided = [each for each in history if each.outcome not in {Outcome.ASKED, Outcome.REFUSED}]
    return next((each for one, each in zip(known, decided, strict=True) if one is held), None)


def _state(history: Sequence[Decided], holds: Decided | None, day: str) -> State:
    if holds:
        return State.CONDITIONS if holds.outcome is Outcome.CONDITIONS else State.ALLOWED
    decided = [each for each in history if each.outcome not in {Outcome.ASKED, Outcome.REFUSED}]
    begun = [each for each in decided if not after(each.begin, day)]
    if begun:
        return State.WITHDRAWN if begun[-1].outcome is Outcome.WITHDRAWN else State.ENDED
    if decided:
        return State.COMING
    return State.REFUSED if history[-1].outcome is Outcome.REFUSED else State.ASKED


def _history(record: Record) -> Iterator[Decided]:
    asked = {each.message: each for each in record if any(isinstance(said, Report) for said in each.said)}
    answered: set[str] = set()
    for heard in record:
        for decision in heard.said:
            if isinstance(decision, Decision) and decision.code in OUTCOMES:
                answered.add(decision.answers)
                yield _decided(asked.get(decision.answers), decision, heard)
    yield from (_decided(heard, None, None) for key, heard in asked.items() if key not in answered)


def _decided(asked: Heard | None, decision: Decision | None, told: Heard | None) -> Decided:
    said = asked.said if asked else ()
    report = next((each for each in said if isinstance(each, Report)), None)
    return Decided(
        outcome=OUTCOMES[decision.code] if decision else Outcome.ASKED,
        begin=decision.begin if decision else report.begin if report else "",
        end=decision.end if decision else report.end if report else "",
        categories=tuple(each.category for each in said if isinstance(each, Service)),
        divides=report is not None and report.divides,
        marks=tuple(each for each in said if isinstance(each, Mark)),
        conditions=decision.conditions if decision else (),
        reason=decision.reason if decision else "",
        asked=Step(message=asked.message, dated=asked.dated) if asked else None,
        decided=Step(message=told.message, dated=told.dated) if told else None,
    )
