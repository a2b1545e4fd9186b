"""What an export tells beside the log, so that a stranger can hold the two against each other (V12, V13)."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from audit import catalogue
from audit.export import Beside
from audit.keys import KeyService
from gateway import store
from gateway.flow import State
from gateway.retention import due
from gateway.retention.decide import ranges
from gateway.retention.policy import Policy, log_years
from gateway.trail import What

FOLLOWS: Mapping[str, list[str]] = {
    What.RECEIVED: [State.QUEUED],
    What.ANSWERED: [State.QUEUED],
    What.OFFERED: [State.SENDING],
    What.FETCHED: [State.OFFERED, State.SENDING, State.DELIVERED],
    What.CONFIRMED: [State.DELIVERED],
    What.DELIVERED: [State.DELIVERED],
    What.RETRIED: [State.QUEUED],
    What.RELEASED: [State.QUEUED],
    What.PARKED: [State.PARKED],
    What.REQUEUED: [State.QUEUED],
    What.DESTROYED: [State.DELIVERED],
}
"""Event → the states in which it may leave a delivery, as `gateway.flow` has it."""

OPENS: Mapping[str, tuple[str, int]] = {
    # The body, and the list of clients in it.
    **dict.fromkeys((What.FETCHED, What.OFFERED, What.BODY_READ, What.WEIGHED), ("bericht", 2)),
    **{code: ("logboek", 0) for code, kind in catalogue.kinds().items() if "lines" in kind.open},
}
"""Event → what the key service counted when it opened what the event tells of; 0: as many as the entry says."""


def beside(keys: KeyService) -> Beside:
    """Return what to tell now; the entries of all that is counted here are in the log already."""
    counts = [(day, why, number) for (day, why), number in sorted(keys.counts().items())]
    return Beside(objects=store.states, follows=FOLLOWS, opens=OPENS, counts=counts)


async def with_terms(db: AsyncConnection, told: Beside, policy: Policy) -> Beside:
    """Tell also how long payloads are kept, and which must stay longer (V18)."""
    held = await due.held_lines(db, cutoff=policy["logboek"].cutoff(datetime.now(UTC)))
    return replace(told, years=log_years(policy), held=ranges(held))
