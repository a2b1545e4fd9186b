"""An incident: what it is, which terms run, and what the supervisor is told about it; pure.

Terms: the Autoriteit Persoonsgegevens within 72 hours of finding out (AVG art. 33 lid 1), and, for who falls under the
Cyberbeveiligingswet, the CSIRT within 24 hours and again within 72. What is written about an incident may concern
people, so it is kept sealed; title, address and log header hold none of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from enum import StrEnum
from typing import Any, Self

HOUR = 3_600_000
"""Milliseconds."""
LONGEST_TEXT = 4_000
"""Characters of one answer."""
KINDS: Mapping[str, str] = {
    "onbevoegde-inzage": "Iemand zag gegevens zonder goede reden",
    "verkeerde-ontvanger": "Gegevens kwamen bij de verkeerde ontvanger",
    "gelekt": "Gegevens, een sleutel of een wachtwoord zijn gelekt",
    "verlies": "Gegevens zijn kwijt of niet bereikbaar",
    "aantasting": "Gegevens of het logboek zijn veranderd",
    "storing": "De dienst ligt stil of is gestoord",
    "anders": "Iets anders",
}


class State(StrEnum):
    """How far an incident is."""

    TOLD = "gemeld"
    UPDATED = "bijgewerkt"
    CLOSED = "gesloten"


class Step(StrEnum):
    """What somebody may write down about an open incident, besides new answers."""

    NOTE = "aantekening"
    AP = "ap-gemeld"
    NO_AP = "ap-niet-nodig"
    EARLY = "csirt-waarschuwing"
    CSIRT = "csirt-melding"
    CLOSE = "sluiten"


STEPS: Mapping[Step, str] = {
    Step.NOTE: "Alleen bijwerken",
    Step.AP: "Gemeld bij de Autoriteit Persoonsgegevens",
    Step.NO_AP: "Melden bij de Autoriteit Persoonsgegevens is niet nodig",
    Step.EARLY: "Eerste waarschuwing aan het CSIRT gegeven",
    Step.CSIRT: "Volledige melding aan het CSIRT gedaan",
    Step.CLOSE: "Incident sluiten",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What is known of a breach, in the order of AVG art. 33 lid 3; kept sealed. A text is empty until it is known."""

    nature: str = ""
    """What happened (lid 3 a)."""
    people: str = ""
    """Which groups of people (lid 3 a)."""
    how_many: str = ""
    """About how many of them (lid 3 a)."""
    data: str = ""
    """Which kinds of data, and about how many records (lid 3 a)."""
    contact: str = ""
    """Who knows more, with the FG first (lid 3 b)."""
    consequences: str = ""
    """What it may lead to (lid 3 c)."""
    measures: str = ""
    """What was done and will be (lid 3 d)."""
    late: str = ""
    """Why it was told later than in 72 hours (lid 1)."""
    subjects: str = ""
    """Whether the people themselves were told, and how (art. 34)."""

    @classmethod
    def of(cls, told: Mapping[str, str]) -> Self:
        """Take the answers from a form or from what is kept; what is not there is not known yet."""
        return cls(**{name: told.get(name, "") for name in QUESTIONS})


QUESTIONS: Mapping[str, tuple[str, str]] = {
    "nature": ("Wat is er gebeurd?", "art. 33 lid 3 a"),
    "people": ("Welke groepen mensen raakt het?", "art. 33 lid 3 a"),
    "how_many": ("Om hoeveel mensen gaat het ongeveer?", "art. 33 lid 3 a"),
    "data": ("Welke soorten gegevens zijn het, en hoeveel ongeveer?", "art. 33 lid 3 a"),
    "contact": ("Wie kan hier meer over vertellen?", "art. 33 lid 3 b"),
    "consequences": ("Wat kunnen de gevolgen zijn?", "art. 33 lid 3 c"),
    "measures": ("Wat hebt u gedaan, en wat gaat u doen?", "art. 33 lid 3 d"),
    "late": ("Meldt u later dan 72 uur? Waarom?", "art. 33 lid 1"),
    "subjects": ("Weten de mensen zelf het? Hoe hebben zij het gehoord, of waarom niet?", "art. 34"),
}
"""What is asked about a breach, with the clause that asks it; all but the last two are part of the report."""
assert QUESTIONS.keys() == {each.name for each in fields(Answers)}
NEEDED = ("nature", "people", "how_many", "data", "contact", "consequences", "measures")
"""Without these a report to the AP is not complete."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What somebody wrote down about an incident; kept sealed."""

    at: int
    who: str
    """His login."""
    step: str
    reason: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """One incident. Moments are ms since 1970, UTC; None: not yet, or not known."""

    id: str
    """Random, and the trace of all its lines in the log."""
    party: str
    """Whose incident it is; empty: of the gateway itself."""
    kind: str
    state: State
    found_at: int
    """When it was discovered: from then on the terms run."""
    since_at: int | None = None
    until_at: int | None = None
    """When it began and ended."""
    cbw: bool = False
    """Whether the Cyberbeveiligingswet asks for a report."""
    ap_at: int | None = None
    no_ap_at: int | None = None
    """When it was told to the AP, or when it was decided that this need not be (no risk for people, art. 33 lid 1)."""
    early_at: int | None = None
    csirt_at: int | None = None
    closed_at: int | None = None
    changed_at: int = 0
    answers: Answers = field(default_factory=Answers, repr=False)
    notes: tuple[Note, ...] = field(default=(), repr=False)
    """Oldest first."""

    @property
    def number(self) -> str:
        """How people call it."""
        return self.id[:8]

    @property
    def is_open(self) -> bool:
        """Tell whether there is something left to do."""
        return self.state is not State.CLOSED


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One term that runs, or ran."""

    name: str
    law: str
    begin: int
    due: int
    done: int | None
    """When it was done; None: it runs."""
    waived: bool = False
    """It was decided that this need not be done."""

    def left(self, at: int) -> int:
        """Return how long there is left, in ms; less than nothing: so much too late."""
        return self.due - (self.done or at)

    def share(self, at: int) -> int:
        """Return how much of the term is used, in whole percents of it, at most 100."""
        used = (self.done or at) - self.begin
        return max(0, min(100, 100 * used // (self.due - self.begin)))

    def words(self, at: int) -> str:
        """Say how it stands."""
        if self.waived:
            return "hoeft niet"
        left = self.left(at)
        if self.done is not None:
            return "op tijd gedaan" if left >= 0 else f"gedaan, {lasting(-left)} te laat"
        return f"nog {lasting(left)}" if left >= 0 else f"{lasting(-left)} te laat"


def terms(incident: Incident) -> list[Term]:
    """Return the terms of an incident."""
    begin = incident.found_at
    ap = Term(
        name="Autoriteit Persoonsgegevens", law="AVG art. 33 lid 1, 72 uur", begin=begin, due=begin + 72 * HOUR,
        done=incident.ap_at or incident.no_ap_at, waived=incident.ap_at is None and incident.no_ap_at is not None,
    )  # fmt: skip
    if not incident.cbw:
        return [ap]
    early = Term(
        name="CSIRT, eerste waarschuwing", law="Cyberbeveiligingswet, 24 uur",
        begin=begin, due=begin + 24 * HOUR, done=incident.early_at,
    )  # fmt: skip
    full = Term(
        name="CSIRT, volledige melding", law="Cyberbeveiligingswet, 72 uur",
        begin=begin, due=begin + 72 * HOUR, done=incident.csirt_at,
    )  # fmt: skip
    return [ap, early, full]


def lasting(duration: int) -> str:
    """Write how long something lasts (ms) in Dutch, in the two largest units."""
    minutes = duration // 60_000
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days} {'dag' if days == 1 else 'dagen'} en {hours} uur"
    return f"{hours} uur en {rest} {'minuut' if rest == 1 else 'minuten'}"


def wrong(incident: Incident, at: int) -> dict[str, str]:
    """Return what is wrong with a new incident: field → what to do, in Dutch."""
    found = {}
    if incident.kind not in KINDS:
        found["kind"] = "Kies wat voor incident het is."
    if incident.found_at > at:
        found["found_at"] = "Dit moment is nog niet geweest."
    if incident.since_at is not None and incident.since_at > incident.found_at:
        found["since_at"] = "Het begin kan niet later zijn dan de ontdekking."
    if incident.until_at is not None and (incident.since_at is None or incident.until_at < incident.since_at):
        found["until_at"] = "Het einde kan niet eerder zijn dan het begin. Vul ook het begin in."
    for name, text in asdict(incident.answers).items():
        if len(text) > LONGEST_TEXT:
            found[name] = f"Schrijf hier ten hoogste {LONGEST_TEXT} tekens."
    if not incident.answers.nature:
        found["nature"] = "Schrijf in het kort wat er is gebeurd."
    return found


def fault(incident: Incident, step: Step) -> str:
    """Return why this step cannot be taken now, in Dutch; empty if it can."""
    if not incident.is_open:
        return "Dit incident is gesloten. Wat nog volgt, meldt u als een nieuw incident."
    if step in (Step.EARLY, Step.CSIRT) and not incident.cbw:
        return "Bij dit incident hoeft u niets te melden bij het CSIRT."
    if step is Step.AP and (lacking := [QUESTIONS[name][0] for name in missing(incident.answers)]):
        return f"Vul eerst in wat de Autoriteit Persoonsgegevens vraagt: {' '.join(lacking)}"
    running = [term.name for term in terms(incident) if term.done is None]
    if step is Step.CLOSE and running:
        return f"Er loopt nog een termijn: {', '.join(running)}. Meld eerst, of leg uit waarom dat niet hoeft."
    return ""


def missing(answers: Answers) -> list[str]:
    """Return which answers a report to the AP still needs."""
    told = asdict(answers)
    return [name for name in NEEDED if not told[name]]


def after(incident: Incident, step: Step, answers: Answers, *, who: str, reason: str, at: int) -> Incident:
    """Return the incident after a step that somebody takes; see `fault` for whether he can."""
    moment = {
        Step.AP: "ap_at",
        Step.NO_AP: "no_ap_at",
        Step.EARLY: "early_at",
        Step.CSIRT: "csirt_at",
        Step.CLOSE: "closed_at",
    }
    state = State.CLOSED if step is Step.CLOSE else State.UPDATED
    done: dict[str, Any] = {moment[step]: at} if step in moment else {}
    notes = (*incident.notes, Note(at=at, who=who, step=step.value, reason=reason))
    changed = max(at, incident.changed_at + 1)
    return replace(incident, state=state, answers=answers, notes=notes, changed_at=changed, **done)


def report(incident: Incident, origin: str, at: str) -> dict[str, Any]:
    """Return what the AP is told: members in Dutch, in the order of AVG art. 33 lid 3. ``at`` is now, ISO 8601."""
    told = asdict(incident.answers)
    return {
        "soort": "melding van een inbreuk op persoonsgegevens (AVG art. 33)",
        "poort": origin,
        "organisatie": incident.party,
        "incident": incident.id,
        "aard": KINDS[incident.kind],
        "opgemaakt": at,
        "vragen": [
            {"vraag": question, "artikel": clause, "antwoord": told[name]}
            for name, (question, clause) in QUESTIONS.items()
        ],
        "ontbreekt": [QUESTIONS[name][0] for name in missing(incident.answers)],
    }


def overdue(incidents: Sequence[Incident], at: int) -> int:
    """Count the incidents with a term that runs out within a day, or did."""
    return sum(
        any(term.done is None and term.left(at) < 24 * HOUR for term in terms(each))
        for each in incidents
        if each.is_open
    )
