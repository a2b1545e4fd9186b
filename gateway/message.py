"""The values that travel between the modules; frozen, so nothing changes on the way."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gateway.ledger.values import Said


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing wrong with a message, in the sender's terms.

    ``text`` is plain Dutch, ``english`` the same in English: what is wrong, what is expected and what to do. None of
    these, nor ``path``, ever holds a value from the message: a finding may be logged, mailed or shown, a BSN may not.
    Findings are made by ``gateway.explain.finding``.
    """

    code: str
    """``XSD``, an official rule code (``TR358``, ``CS002``) or one of ours (``KP…`` gate and routing, ``HO…``)."""
    level: int
    """0 gate, 1 XSD, 2 inside the message, 3 against earlier messages, 4 against clock, code lists and register."""
    line: int
    """Line in the document, from 1; 0 if there is none."""
    path: str
    """Element path with positions from 1 in repeated classes: ``Bericht/Declaratie/Clienten/Client[3]/Bsn``."""
    text: str
    english: str

    def in_json(self) -> dict[str, str | int]:
        """Return it as the API and ``valideer --json`` tell it, under the names of ``Bevinding`` in openapi.json."""
        return {
            "code": self.code,
            "niveau": self.level,
            "regel": self.line,
            "pad": self.path,
            "tekst": self.text,
            "text": self.english,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What routing and answering need to know of one message.

    ``sender`` and ``receiver`` are who hands it over and to whom: in a retour, whose header is a copy of
    the message it answers, these are the header's Ontvanger and Afzender.
    """

    type: str
    """Message type in lower case: ``ho301``."""
    release: str
    """Release of the standard that the message is written in: ``3.2``."""
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
    wet: str = ""
    """The law under which it is sent, ``JW`` or ``WMO``; empty when nothing tells."""


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
    header: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Header leaves, path below Header to text, in order, for composing an answer; empty below level 2."""
    said: "tuple[Said, ...]" = field(default=(), repr=False)
    """What a sound message says, for the ledger; only if observers were given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageType:
    """What the catalogue knows of one message type; paths are slash paths below ``Bericht``."""

    name: str
    """Lower case, as in the card: ``ho301``."""
    code: str
    """The fixed content of Header/BerichtCode: ``HO301``, nationally a number such as ``490``."""
    standard: str
    release: str
    title: str
    """What people call it, in Dutch."""
    root: str
    """Root element as ``{namespace}Bericht``."""
    sends: str
    """Role of the party that hands it over: hoofdaannemer, onderaannemer, gemeente or aanbieder."""
    receives: str
    versions: tuple[str, str]
    """Versions of the basisschema and of this message's schema, as an answer must tell them."""
    compatible: tuple[str, str]
    """Lowest and highest BerichtXsdVersie that this schema says it goes with."""
    shape: str
    """``heen``, ``retour`` (header is an unswapped copy), ``declaratieantwoord`` or ``besluit`` (people decided)."""
    answer: str | None
    """Type of the message that answers this one."""
    answers: str | None
    """Type of the message that this one answers."""
    term_days: int | None
    """Working days within which the answer is due."""
    sender_path: str
    receiver_path: str
    identification_path: str
    dated_path: str
    answers_path: str | None
    subjects_path: str | None
    """Where the BSN of each client stands."""


def wet_of(type_: str, header: Mapping[str, Any]) -> str:
    """Return the law under which a message is sent, ``JW`` or ``WMO``; empty when nothing tells.

    The standard tells it (iJw, iWmo), or else the header (HOA). ``type_`` is the name of the message type (``wmo301``),
    ``header`` the leaves of the header.
    """
    told: str | None = {"jw": "JW", "wm": "WMO"}.get(type_[:2]) or header.get("Wet")
    return told if told in ("JW", "WMO") else ""
