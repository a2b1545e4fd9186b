"""What the gateway decides of a message that passed the check: may it come in, is it new; pure, for a whole batch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from audit.entry import Event
from gateway.explain import HEADER, finding
from gateway.message import Facts, Finding
from gateway.parties import Party
from gateway.rules.klasse import after

Findings = tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The message is committed; ``receipt`` is the signed promise. ``again`` says it was already."""

    id: str
    receipt: bytes
    again: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A sound message in its commit, with what must be committed beside it."""

    id: str
    key: str
    digest: bytes
    answered: str | None
    """Key of the message that this one says it answers."""
    row: Mapping[str, Any] = field(repr=False)
    """The row to store, but for ``answers`` and ``receipt``."""
    event: Event
    """What is logged of it, a line for each of ``subjects``."""
    subjects: tuple[str, ...] = field(repr=False)
    unreachable: bool
    """See ``Sound``."""

    @property
    def receiver(self) -> str:
        """Who it is for."""
        return str(self.row["receiver"])


@dataclass(frozen=True, slots=True, kw_only=True)
class New:
    """The decision to store a message; ``answers`` is the id of the one that it answers."""

    answers: str | None = None


Decision = New | Accepted | Findings


def allowed(facts: Facts, caller: Party, *, now: datetime) -> tuple[Finding, ...]:
    """Judge what only the gateway can know: may this caller send this, to another, with this date."""
    findings = []
    if facts.sender not in caller.codes:
        findings.append(finding("KP020", path=HEADER))
    if facts.sender == facts.receiver:
        findings.append(finding("KP024", path=HEADER))
    # The last country-wide clock to reach a new day is ahead of UTC by two hours at most (TR135).
    if after(facts.dated, (now + timedelta(hours=2)).date().isoformat()):
        findings.append(finding("TR135", path="Bericht/Header/BerichtIdentificatie/Dagtekening"))
    return tuple(findings)


def decide(
    arrivals: Sequence[Arrival], known: Mapping[str, Any], taken: set[str], hear: Callable[[int], Findings]
) -> list[Decision]:
    """Say of each arrival: new (and what it answers), the same again, or what is wrong; pure.

    ``known`` holds what the store has under the keys of the arrivals and of what they answer, ``taken`` the ids that
    already have an answer. Arrivals in one batch see each other, in order. ``hear`` lets the ledger hear the arrival of
    this index, and returns what it finds wrong with it; only what it finds nothing wrong with, and is new, is heard.
    """
    fresh: dict[str, Arrival] = {}
    claimed = set(taken)
    decisions: list[Decision] = []
    for index, arrival in enumerate(arrivals):
        earlier = known.get(arrival.key) or fresh.get(arrival.key)
        if earlier is not None:
            same = earlier.digest == arrival.digest
            # A copy in the same batch has its receipt only once that batch is stored (see ``outcome``).
            receipt = getattr(earlier, "receipt", b"")
            decisions.append(
                Accepted(id=earlier.id, receipt=receipt, again=True) if same else (finding("TR056", path=HEADER),)
            )
            continue
        original = (known.get(arrival.answered) or fresh.get(arrival.answered)) if arrival.answered else None
        if arrival.unreachable:
            decisions.append((finding("KP021", path=HEADER),))
        elif arrival.answered and (original is None or original.receiver != arrival.row["sender"]):
            # Only who received a message answers it: whoever could, would keep the true answer out (KP023).
            decisions.append((finding("KP022", path=HEADER),))
        elif original is not None and original.id in claimed:
            decisions.append((finding("KP023", path=HEADER),))
        elif findings := hear(index):
            decisions.append(findings)
        else:
            if original is not None:
                claimed.add(original.id)
            fresh[arrival.key] = arrival
            decisions.append(New(answers=original.id if original is not None else None))
    return decisions


def promise(arrival: Arrival, leaf: bytes) -> dict[str, Any]:
    """Return what a receipt promises: this message, these bytes, committed and logged under this leaf."""
    row = arrival.row
    return {
        "afzender": row["sender"],
        "berichtId": arrival.id,
        "identificatie": row["identification"],
        "logregel": leaf.hex(),
        "ontvangenOp": rfc3339(row["received_at"]),
        "ontvanger": row["receiver"],
        "sha256": arrival.digest.hex(),
        "soort": row["type"],
    }


def outcome(arrival: Arrival, decision: Decision, receipts: Mapping[str, bytes]) -> Accepted | Findings:
    """Return what the sender gets, now that the batch is stored."""
    if isinstance(decision, New):
        return Accepted(id=arrival.id, receipt=receipts[arrival.id])
    if isinstance(decision, Accepted) and not decision.receipt:
        return replace(decision, receipt=receipts[decision.id])
    return decision


def rfc3339(milliseconds: int) -> str:
    """Return a stored time as RFC 3339 in UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
