"""The events that this gateway logs: one function says what of a message may stand where; pure.

In the header of an entry stands nothing personal: event, action, role, kind of object, outcome, ground, and the random
id of the message. Who did it and about whom goes into the sealed payload (NEN 7513 fields; AVG art. 5 lid 1 c).
"""

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum

from audit.entry import Event

POLICY = "ketenpoort-toegang@1"
"""The access rules in force (NEN 7513, autorisatieprotocol): a party acts for itself and for those that mandated it."""


class What(StrEnum):
    """The catalogue of events, in the words that an officer reads."""

    RECEIVED = "bericht.ontvangen"
    DUPLICATE = "bericht.dubbel"
    REFUSED = "bericht.geweigerd"
    ANSWERED = "antwoord.opgesteld"
    FETCHED = "bericht.gelezen"
    CONFIRMED = "bericht.bevestigd"
    OFFERED = "bericht.aangeboden"
    DELIVERED = "bericht.bezorgd"
    RETRIED = "bezorging.mislukt"
    RELEASED = "bezorging.uitgesteld"
    PARKED = "bezorging.geparkeerd"
    REQUEUED = "bezorging.hervat"
    EXPORTED = "logboek.geexporteerd"


ACTION: Mapping[What, str] = {
    What.RECEIVED: "C",
    What.DUPLICATE: "E",
    What.REFUSED: "E",
    What.ANSWERED: "C",
    What.FETCHED: "R",
    What.CONFIRMED: "U",
    What.OFFERED: "R",
    What.DELIVERED: "U",
    What.RETRIED: "E",
    What.RELEASED: "E",
    What.PARKED: "U",
    What.REQUEUED: "U",
    What.EXPORTED: "R",
}
"""NEN 7513 actiecode: create, read, update, delete, execute."""


def event(
    what: What,
    *,
    actor: str,
    role: str,
    message: str | None,
    type_: str | None,
    trace: str,
    ok: bool = True,
    wet: str = "",
    about: Mapping[str, str] | None = None,
) -> Event:
    """Return the event to log. ``actor`` and ``about`` go into the sealed payload, the rest into the open header.

    ``role`` is what the actor was in this event (afzender, ontvanger, poort, beheerder); ``wet`` the law on which the
    exchange rests (JW, WMO; empty when the message did not get so far).
    """
    return Event(
        event=what.value,
        action=ACTION[what],
        role=role,
        object_type=type_ or "onbekend",
        outcome="geslaagd" if ok else "geweigerd",
        purpose={"JW": "jeugdwet", "WMO": "wmo2015"}.get(wet, "onbekend"),
        policy=POLICY,
        source="ketenpoort",
        trace=trace,
        message=message,
        payload={"actor": actor, **(about or {})},
    )


def repeated(event: Event, *, original: str) -> Event:
    """Return the event that the same message came again; ``original`` is the id of the one that is kept."""
    return replace(event, event=What.DUPLICATE.value, action=ACTION[What.DUPLICATE], message=original)
