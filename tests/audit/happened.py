"""One invented event, for the tests of the log; each says only what it wants otherwise."""

from dataclasses import replace
from typing import Any

from audit.entry import Event

_EVENT = Event(
    event="bericht.ontvangen",
    action="C",
    role="afzender",
    object_type="ho301",
    outcome="geslaagd",
    purpose="jeugdwet",
    policy="toegang@1",
    trace="0af7651916cd43dd8448eb211c80319c",
    source="poort",
    payload={"actor": "90000001"},
)


def happened(**otherwise: Any) -> Event:
    """The event, with these fields in place of its own."""
    return replace(_EVENT, **otherwise)
