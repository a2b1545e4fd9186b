"""The events that this gateway logs: what of a message may stand where; pure.

In the header of an entry stands nothing personal: event, action, role, kind of object, outcome, ground, and the random
id of the message. Who did it and about whom goes into the sealed payload (NEN 7513 fields; AVG art. 5 lid 1 c).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from audit.entry import Event

POLICY = "ketenpoort-toegang@2"
"""The access rules in force (NEN 7513, autorisatieprotocol): a party acts for itself and for those that mandated it; an
officer by the table of rights."""


class What(StrEnum):
    """The events of ``audit/catalogue.toml`` that this gateway writes."""

    RECEIVED = "bericht.ontvangen"
    DUPLICATE = "bericht.dubbel"
    REFUSED = "bericht.geweigerd"
    ANSWERED = "antwoord.opgesteld"
    FETCHED = "bericht.gelezen"
    WEIGHED = "bericht.getoetst"
    GRANTED = "wijziging.toegekend"
    CONFIRMED = "bericht.bevestigd"
    OFFERED = "bericht.aangeboden"
    DELIVERED = "bericht.bezorgd"
    RETRIED = "bezorging.mislukt"
    RELEASED = "bezorging.uitgesteld"
    PARKED = "bezorging.geparkeerd"
    REQUEUED = "bezorging.hervat"
    EXPORTED = "logboek.geexporteerd"
    STARTED = "poort.gestart"
    PARTIES_CHANGED = "partijen.gewijzigd"
    CHANGE_PROPOSED = "register.voorgesteld"
    CHANGE_GRANTED = "register.gewijzigd"
    CHANGE_REFUSED = "register.geweigerd"
    OFFICERS_CHANGED = "functionaris.gewijzigd"
    RESTORED = "logboek.hersteld"
    LOGGED_IN = "functionaris.aangemeld"
    NOT_LET_IN = "functionaris.geweigerd"
    LOGGED_OUT = "functionaris.afgemeld"
    SIGNAL_SEEN = "signaal.beoordeeld"
    INCIDENT_TOLD = "incident.gemeld"
    INCIDENT_READ = "incident.ingezien"
    INCIDENT_UPDATED = "incident.bijgewerkt"
    INCIDENT_CLOSED = "incident.gesloten"
    CHECKED = "logboek.gecontroleerd"
    PROPOSED = "vernietiging.voorgesteld"
    APPROVED = "vernietiging.goedgekeurd"
    REJECTED = "vernietiging.afgewezen"
    DESTROYED = "vernietiging.uitgevoerd"
    KEY_RENEWED = "sleutel.vernieuwd"
    KEY_DESTROYED = "sleutel.vernietigd"
    KEY_SHARED = "sleutel.verdeeld"
    KEY_RESTORED = "sleutel.hersteld"
    HELD = "bewaring.ingesteld"
    LET_GO = "bewaring.opgeheven"
    HIDDEN = "geheim.ingesteld"
    HIDDEN_CONFIRMED = "geheim.bevestigd"
    SHOWN = "geheim.opgeheven"
    HIDDEN_READ = "geheim.ingezien"
    FORM_SEALED = "geheim.formulier"
    SEARCHED = "logboek.doorzocht"
    LINES_READ = "logboek.gelezen"
    LINES_SHOWN = "logboek.getoond"
    LIST_EXPORTED = "overzicht.geexporteerd"
    DOSSIER_READ = "dossier.ingezien"
    DOSSIER_EXPORTED = "dossier.geexporteerd"
    DOSSIER_LIMITED = "dossier.beperkt"
    BODY_READ = "bericht.ingezien"
    ORDERS_READ = "opdracht.ingezien"
    INVOLVED_READ = "betrokkenen.ingezien"
    EMERGENCY_BEGUN = "noodtoegang.begonnen"
    EMERGENCY_ENDED = "noodtoegang.geeindigd"
    EMERGENCY_REVIEWED = "noodtoegang.beoordeeld"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One request of a party: the id that runs through both sides' logs, and whence it came."""

    trace: str
    via: Mapping[str, str] = field(default_factory=dict, repr=False)
    """``access_point`` and ``credential`` of the log (BIO2 8.15.01: oorsprong; and what showed who it was)."""


def event(
    what: What,
    *,
    actor: str,
    role: str,
    trace: str,
    message: str | None = None,
    kind: str | None = None,
    thing: str = "bericht",
    ok: bool = True,
    wet: str = "",
    parties: Sequence[str] = (),
    about: Mapping[str, Any] | None = None,
) -> Event:
    """Return the event to log: ``actor``, ``parties`` and ``about`` go into the sealed payload, the rest in the open.

    ``role`` is what the actor was in this event (afzender, ontvanger, poort, beheerder); ``wet`` the law on which the
    exchange rests (JW, WMO; empty when the message did not get so far). Officers of ``parties`` may see the line.
    """
    return Event(
        event=what.value,
        role=role,
        kind=kind or "",
        thing=thing,
        outcome="geslaagd" if ok else "geweigerd",
        purpose={"JW": "jeugdwet", "WMO": "wmo2015"}.get(wet, "onbekend" if thing == "bericht" else "verantwoording"),
        policy=POLICY,
        source="ketenpoort",
        trace=trace,
        message=message,
        parties=tuple(dict.fromkeys(parties)),
        payload={"actor": actor, **(about or {})},
    )


def per_subject(event: Event, subjects: Iterable[str]) -> list[Event]:
    """Return the event as a line for each person (BSN) whom it is about, or as the one line that it is.

    One line never tells of two persons: who may see the one need not see the other (Logboek Dataverwerkingen).
    """
    people = list(dict.fromkeys(subjects))
    if not people:
        return [event]
    count = len(people)
    return [replace(event, subject=bsn, part=(place, count)) for place, bsn in enumerate(people, 1)]


def repeated(event: Event, *, original: str) -> Event:
    """Return the event that the same message came again; ``original`` is the id of the one that is kept."""
    return replace(event, event=What.DUPLICATE.value, message=original)
