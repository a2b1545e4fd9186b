"""The life of a delivery, as one table; pure.

A delivery is the duty to bring one message to one party. It has two roads. A party that is *pushed* to has
its deliveries sent by us: ``CLAIM`` takes the duty, the attempt's ``Outcome`` settles it. A party that
*pulls* fetches the body itself (``FETCH``: from then on the message counts as offered) and confirms that
it keeps the message durably (``CONFIRM``). A parked delivery can still be fetched: nothing that we hold is ever out
of the receiver's reach.

What may never happen: a delivery leaving ``DELIVERED``; a body going out that is not first recorded.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol


class State(StrEnum):
    """Where a delivery stands; the values are stored."""

    QUEUED = "wachtend"
    SENDING = "verzenden"
    OFFERED = "aangeboden"
    PARKED = "geparkeerd"
    DELIVERED = "bezorgd"


class Event(StrEnum):
    """What can happen to a delivery; the comment says who causes it."""

    CLAIM = "claim"  # a push worker takes it
    DELIVER = "deliver"  # the receiver stored it
    RETRY = "retry"  # the attempt failed, another follows
    GIVE_UP = "give_up"  # the receiver refused it, or the attempts are used up
    RELEASE = "release"  # a push worker took it, and then had to leave it: the one before it failed
    LEASE_LOST = "lease_lost"  # the push worker died between claim and settle
    FETCH = "fetch"  # the receiver read the body
    CONFIRM = "confirm"  # the receiver says it keeps the message
    REQUEUE = "requeue"  # an operator tries again


TRANSITIONS: Mapping[State, Mapping[Event, State]] = {
    State.QUEUED: {Event.CLAIM: State.SENDING, Event.FETCH: State.OFFERED},
    State.SENDING: {
        Event.DELIVER: State.DELIVERED,
        Event.RETRY: State.QUEUED,
        Event.GIVE_UP: State.PARKED,
        Event.RELEASE: State.QUEUED,
        Event.LEASE_LOST: State.QUEUED,
        Event.FETCH: State.SENDING,
    },
    State.OFFERED: {Event.FETCH: State.OFFERED, Event.CONFIRM: State.DELIVERED},
    State.PARKED: {Event.REQUEUE: State.QUEUED, Event.FETCH: State.OFFERED},
    State.DELIVERED: {Event.FETCH: State.DELIVERED, Event.CONFIRM: State.DELIVERED},
}

WORDS: Mapping[State, str] = {
    State.QUEUED: "Ontvangen",
    State.SENDING: "Wordt verwerkt",
    State.OFFERED: "Aangeboden",
    State.PARKED: "Geparkeerd",
    State.DELIVERED: "Bezorgd",
}
"""The words that users know from the national hub."""


class IllegalTransitionError(Exception):
    """An event that cannot happen in this state: our mistake, or a caller that must first do something else."""


def advance(state: State, event: Event) -> State:
    """Return the state after ``event``; raise IllegalTransitionError where the table has no arrow."""
    try:
        return TRANSITIONS[state][event]
    except KeyError:
        raise IllegalTransitionError(f"{event} in {state}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """The other side has stored the message durably."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Not now: the network, the peer or its address was in trouble. ``after`` is the peer's own wish, if it had one."""

    reason: str
    after: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The peer judged this message and will not take it, however often we send it."""

    reason: str


Outcome = Delivered | Retry | Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a party wants its messages pushed: an https address registered by the operator."""

    url: str
    internal: bool = False
    """Whether the address may lie inside our own network; only for demo and tests (SSRF)."""


class Transport(Protocol):
    """Carries one message to one party.

    ``send`` returns only when the outcome is known. ``Delivered`` means that the other side has stored the
    message durably. The same key may be sent again after a crash: the transport passes it on, so that the
    peer can drop the copy. It never raises for anything the network or the peer did.
    """

    async def send(self, *, to: Endpoint, key: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        """Send ``body``; ``headers`` say what it is, and hold nothing personal."""
        ...


MAX_ATTEMPTS = 12
FIRST_WAIT = timedelta(seconds=5)
LONGEST_WAIT = timedelta(hours=2)


def settle(outcome: Outcome, *, attempt: int, now: datetime, jitter: float) -> tuple[Event, datetime]:
    """Decide what attempt number ``attempt`` (from 1) means: the event, and when to look again.

    Waits double from five seconds to two hours; ``jitter`` in [0, 1) spreads them over ±25 %, so that a
    recovered receiver is not met by everything at once. Twelve attempts span about three hours; then it is parked.
    """
    match outcome:
        case Delivered():
            return Event.DELIVER, now
        case Retry(after=after) if attempt < MAX_ATTEMPTS:
            wait = min(FIRST_WAIT * 2 ** (attempt - 1), LONGEST_WAIT) * (0.75 + jitter / 2)
            return Event.RETRY, now + max(wait, min(after or wait, LONGEST_WAIT))
        case Retry() | Refused():
            return Event.GIVE_UP, now
