"""Terms: what who must have done by when, as it follows from what was said; pure.

What answers a message is awaited from the day on which it came in. What else must be done (a request answered, a start
or a stop reported) follows from the dossier of a client: it is a fold over that record, and a message changes the
difference between the fold before it and the one after. What is taken back, replaced
or refused so needs no rule of its own.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache

from gateway import werkdagen
from gateway.ledger import keys
from gateway.ledger.dossier import live, newest
from gateway.ledger.levering import TAKEN_BACK, Delivery, State, advance
from gateway.ledger.values import Heard, Order, Record, Reply, Request, Start, Stop
from gateway.ledger.verzoek import LOOKING_INTO
from gateway.message import Facts, MessageType
from gateway.rules.klasse import moment
from gateway.werkdagen import NETHERLANDS, midnight_after

ANSWER_WITHIN, REPORT_WITHIN = 5, 5
"""Working days for an answer to a request, and for a start or a stop to be reported (iStandaarden 3.2, SAP)."""
LOOK_INTO = timedelta(weeks=8)
"""After the day of a request that is being looked into."""
ESCALATED_AFTER = 3
"""Working days after a term until a party's contact is told that it is too late."""
NO_END = 2200
"""From this year on a date is a way to say that there is none."""


class Kind(StrEnum):
    """What must be done."""

    RETOUR = "retour"
    DECISION = "besluit"
    DECLARATION = "declaratieantwoord"
    ANSWER = "antwoord"
    """To a request, by an order or a refusal …"""
    LOOKED_INTO = "onderzoek"
    """… that the payer said to look into first."""
    START = "start"
    STOP = "stop"


AWAITED = {"325": Kind.DECLARATION, "332": Kind.DECISION, "342": Kind.DECISION}
"""What the answer to a message is; any other is a retour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """What tells one thing to be done from another."""

    kind: Kind
    message: str
    """From which message it stems: SENDER/TYPE/IDENTIFICATIE."""
    about: str = ""
    """Key of the ledger of the request or the order; empty if it is the message itself that is answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """By when a duty must be done, by whom."""

    wet: str
    owner: str
    other: str
    """The party that waits for it."""
    due: datetime
    """The first moment at which it is too late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A message that was taken in."""

    facts: Facts
    card: MessageType
    answers: str = ""
    """The message that it answers: SENDER/TYPE/IDENTIFICATIE."""
    dossiers: Mapping[str, tuple[Record, Record]] = field(default_factory=dict, repr=False)
    """Records that it changed, by their key: as they were, and as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What some messages do to terms, taken together; ``done`` may hold some of ``opened``."""

    opened: Mapping[Duty, Term]
    done: frozenset[Duty]


def changes(taken: Iterable[Taken], at: datetime) -> Changes:
    """Return what these messages, in order, taken in at this moment, do to the terms."""
    opened: dict[Duty, Term] = {}
    done, waiting = set[Duty](), dict[str, Duty]()
    for each in taken:
        if each.answers in waiting:
            done.add(waiting[each.answers])
        if awaited := _awaited(each, at):
            opened.update([awaited])
            waiting[awaited[0].message] = awaited[0]
        for key, (before, after) in each.dossiers.items():
            was, now = duties(key, before, at), duties(key, after, at)
            done |= was.keys() - now.keys()
            come = now.keys() - was.keys()
            done -= come
            opened |= {duty: now[duty] for duty in come}
    return Changes(opened=opened, done=frozenset(done))


def dossiers(
    facts: Facts, turns: Mapping[str, Mapping[str, tuple[Record, Record]]]
) -> dict[str, tuple[Record, Record]]:
    """Return the dossiers that a message changed in what must be done, of all records that it changed (``Page``)."""
    if facts.type[-3:] == "323":
        return {}
    turn = turns.get(keys.message(facts), {})
    return {key: records for key, records in turn.items() if key.startswith("dossier/")}


def _awaited(taken: Taken, at: datetime) -> tuple[Duty, Term] | None:
    """The answer that this message itself must get."""
    facts, card = taken.facts, taken.card
    if card.answer is None or card.term_days is None:
        return None
    duty = Duty(
        kind=AWAITED.get(card.answer[-3:], Kind.RETOUR), message=f"{facts.sender}/{facts.type}/{facts.identification}"
    )
    due = within(at, card.term_days)
    return duty, Term(wet=facts.wet, owner=facts.receiver, other=facts.sender, due=due)


def duties(dossier: str, record: Record, at: datetime) -> dict[Duty, Term]:
    """Return what must be done for one client between two parties, given all that was said about that client.

    ``dossier`` is the key of that record. What is due some days after it was told counts from ``at``, when the last
    message came in.
    """
    _, wet, payer, provider, _ = dossier.split("/")
    found: dict[Duty, Term] = {}
    said = live(record)
    for duty, due in _requests(said, at, f"referentie/{wet}/{provider}/"):
        found[duty] = Term(wet=wet, owner=payer, other=provider, due=due)
    for duty, due in _deliveries(said, at, f"nummer/{wet}/{payer}/"):
        found[duty] = Term(wet=wet, owner=provider, other=payer, due=due)
    return found


def _requests(record: Record, at: datetime, place: str) -> Iterator[tuple[Duty, datetime]]:
    """Requests that are not granted or refused yet."""
    asked: dict[str, Heard] = {}
    settled, looked = set[str](), set[str]()
    for heard in record:
        for each in heard.said:
            if isinstance(each, Request):
                asked.setdefault(each.reference, heard)
            elif isinstance(each, Order):
                settled.add(each.reference)
            elif isinstance(each, Reply):
                (looked if each.answer == LOOKING_INTO else settled).add(each.reference)
    for reference, heard in asked.items():
        day = day_of(heard.dated) if reference in looked else None
        kind, due = (
            (Kind.LOOKED_INTO, midnight_after(day + LOOK_INTO)) if day else (Kind.ANSWER, within(at, ANSWER_WITHIN))
        )
        if reference not in settled:
            yield Duty(kind=kind, message=_message(heard), about=place + reference), due


def _deliveries(record: Record, at: datetime, place: str) -> Iterator[tuple[Duty, datetime]]:
    """Starts and stops of orders that were not reported yet."""
    orders = newest(each for heard in record for each in heard.said if isinstance(each, Order))
    if not orders:
        return
    delivered = _delivered(record)
    for number, order in orders.items():
        last = delivered.get(number)
        kind, name = (Kind.START, "begin") if last is None else (Kind.STOP, "end")
        day = day_of(getattr(order, name))
        if day and not order.removed and last not in {State.STOPPED, State.PAUSED_STOPPED}:
            # From the day itself, or from when it was told if that was later.
            due = _after(max(day, at.astimezone(NETHERLANDS).date()), REPORT_WITHIN)
            yield Duty(kind=kind, message=_first(record, order, name), about=f"{place}{number}"), due


def _delivered(record: Record) -> dict[int, State]:
    """How the delivery of each order stands that began last; orders of which none stands are left out."""
    known: dict[int, dict[str, Delivery]] = {}
    for heard in record:
        reports = [each for each in heard.said if isinstance(each, Start | Stop) and each.number is not None]
        for each in sorted(reports, key=lambda report: report.status != TAKEN_BACK):
            begun = known.setdefault(each.number or 0, {})
            outcome = advance(begun.get(each.begin, Delivery()), each)
            if isinstance(outcome, Delivery):
                begun[each.begin] = outcome
    last: dict[int, State] = {}
    for number, begun in known.items():
        stands = {begin: each.state for begin, each in begun.items() if each.state != State.ABSENT}
        if stands:
            last[number] = stands[max(stands, key=moment)]
    return last


def _first(record: Record, order: Order, name: str) -> str:
    """Return the message that first told this date of an order: who tells it again does not begin the term again."""
    wanted = getattr(order, name)
    for heard in record:
        for each in heard.said:
            if isinstance(each, Order) and each.number == order.number and getattr(each, name) == wanted:
                return _message(heard)
    return ""


def _message(heard: Heard) -> str:
    return heard.message.partition("/")[2]


def within(at: datetime, days: int) -> datetime:
    """Return the moment at which so many working days from ``at`` are over."""
    return _after(at.astimezone(NETHERLANDS).date(), days)


@lru_cache(maxsize=256)
def _after(day: date, count: int) -> datetime:
    return midnight_after(werkdagen.after(day, count))


@lru_cache(maxsize=1024)
def day_of(iso: str) -> date | None:
    """The date; None if there is none, or one that our calendar does not count to."""
    if len(iso) != len("2026-01-01") or not "1900" <= iso[:4] < str(NO_END):
        return None
    return date.fromisoformat(iso)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edges:
    """Up to which moments terms must have ended for parties to be told of them, in order of what they are told."""

    nearly: datetime
    """This is the last working day before the last day, or that day itself."""
    passed: datetime
    escalated: datetime
    """`ESCALATED_AFTER` whole working days went by since."""


def edges(now: datetime) -> Edges:
    """Return of which terms parties are told at this moment."""
    today = now.astimezone(NETHERLANDS).date()
    back, left = today, ESCALATED_AFTER
    while left:
        back -= werkdagen.DAY
        left -= werkdagen.is_working(back)
    return Edges(
        nearly=midnight_after(werkdagen.after(today, 1)), passed=now, escalated=midnight_after(back - werkdagen.DAY)
    )


def last_day(due: datetime) -> date:
    """Return the last day of a term that is over at ``due``."""
    return (due.astimezone(NETHERLANDS) - timedelta(microseconds=1)).date()
