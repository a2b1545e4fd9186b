"""The values that travel between the modules; frozen, so nothing changes on the way."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing wrong with a message, in the sender's terms.

    ``text`` is plain Dutch: what is wrong and what to do. Neither ``text`` nor ``path`` ever holds a
    value from the message: a finding may be logged, mailed or shown, a BSN may not.
    """

    code: str
    """``XSD``, an official rule code (``TR358``, ``CS002``) or one of ours (``KP…`` gate and routing, ``HO…``)."""
    level: int
    """0 gate, 1 XSD, 2 inside the message, 3 against earlier messages, 4 against the register."""
    line: int
    """Line in the document, from 1; 0 if there is none."""
    path: str
    """Element path with positions from 1 in repeated classes: ``Bericht/Declaratie/Clienten/Client[3]/Bsn``."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What routing and answering need to know of one message.

    ``sender`` and ``receiver`` are who hands it over and to whom: in a retour, whose header is a copy of
    the message it answers, these are the header's Ontvanger and Afzender.
    """

    type: str
    """Message type in lower case: ``ho301``."""
    sender: str
    receiver: str
    identification: str
    """Unique per (sender, type): BerichtIdentificatie.Identificatie, or IdentificatieRetour of a retour (TR056)."""
    dated: str
    """Dagtekening of this message, ISO date."""
    answers: str | None = None
    """Identificatie of the message that this one answers; None when it answers nothing."""
    subjects: tuple[str, ...] = field(default=(), repr=False)
    """BSNs of the clients in the message, in order; personal, so never printed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """The verdict on one document. ``facts`` is None when its header could not be read."""

    type: str | None
    """Message type as far as the root element tells it, also for an invalid document."""
    facts: Facts | None
    findings: tuple[Finding, ...]
    """The first hundred, in document order; empty means valid."""
    total: int
    """How many findings were counted before looking stopped; ``> len(findings)`` means: there are more."""
    header: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Header leaves as (path below Header, text) in order, for composing an answer; empty below level 2."""
