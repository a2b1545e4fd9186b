"""Who takes part: parties, their certificates, mandates and endpoints; and the file in which an operator names some.

The register begins with this file and goes on from it (``gateway.register``). A change in the file takes effect within
seconds, so that a stolen certificate can be shut out at once, also one that the register admitted (``geblokkeerd``).
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.flow import Endpoint

_CODE = re.compile(r"[0-9]{8}|[0-9]{4}")
_PRINT = re.compile(r"sha256:[0-9a-f]{64}")
_KEY = re.compile(r"ketenpoort-openbaar-[A-Za-z0-9_-]{1622}")  # 1216 bytes: ML-KEM-768 and X25519
_FIELDS = {"code", "naam", "certificaten", "gemachtigd_door", "push", "push_intern", "archief", "openbare_sleutel"}
MOST_CERTIFICATES = 2
"""A party may have two live certificates, so that it can roll over without an interruption."""


class PartiesError(Exception):
    """The file with parties cannot be used; the message says all that is wrong with it, in Dutch."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Contact:
    """Whom to ask at a party; a person, so never printed."""

    name: str
    mail: str
    phone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """An organisation that takes part: a provider (AGB, 8 digits) or a gemeente (4 digits)."""

    code: str
    name: str
    certificates: tuple[str, ...] = ()
    """SHA-256 fingerprints (``sha256:<hex>``) of the certificates it may present; at most two."""
    mandates: tuple[str, ...] = ()
    """Codes of the parties that mandated this one to send and fetch for them (Indiener is not Afzender)."""
    push: Endpoint | None = None
    archive: bool = False
    """Whether it keeps its dossiers here: what it sends and receives then has the long terms of the law."""
    public_key: str = ""
    """Of a gemeente: to which forms about secret clients are sealed (`audit.box`); empty if it gave none."""
    kvk: str = ""
    """Number in the trade register; empty if it is not known."""
    contact: Contact | None = field(default=None, repr=False)
    ends: Mapping[str, int] = field(default_factory=dict, repr=False)
    """Until when certificates are valid, by fingerprint, as far as that is known; milliseconds since 1970, UTC."""
    codes: frozenset[str] = field(init=False)
    """All codes for which this party may act: its own, and of those that mandated it."""

    def __post_init__(self) -> None:
        """Gather the codes once; they are asked for at every message."""
        object.__setattr__(self, "codes", frozenset((self.code, *self.mandates)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Parties:
    """All parties, by code and by certificate."""

    by_code: Mapping[str, Party] = field(default_factory=dict)
    by_certificate: Mapping[str, Party] = field(default_factory=dict)
    blocked: frozenset[str] = frozenset()
    """Fingerprints that are shut out, whatever else names them."""

    @property
    def archives(self) -> list[str]:
        """Codes of the parties that keep their archive here."""
        return [code for code, party in self.by_code.items() if party.archive]

    @classmethod
    def load(cls, path: Path) -> "Parties":
        """Read the file; raise PartiesError with everything that is wrong in it."""
        try:
            content = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise PartiesError(f"Het partijenbestand {path.name} is niet te lezen: {error}") from None
        if unknown := sorted(set(content) - {"partij", "geblokkeerd"}):
            raise PartiesError(
                f"Het partijenbestand kent alleen 'geblokkeerd' en [[partij]], niet: {', '.join(unknown)}."
            )
        return cls.of(content.get("partij", []), blocked=content.get("geblokkeerd", []))

    @classmethod
    def of(cls, entries: list[dict[str, Any]], *, blocked: Any = None) -> "Parties":
        """Build from the file's tables and the certificates that it shuts out.

        Raises PartiesError with everything that is wrong in them.
        """
        wrong: list[str] = []
        shut = [] if blocked is None else blocked
        if not _strings(shut) or not all(_PRINT.fullmatch(each) for each in shut):
            raise PartiesError("'geblokkeerd' is een lijst van 'sha256:' met 64 hexadecimale tekens.")
        if not isinstance(entries, list):
            raise PartiesError("Schrijf elke partij als een eigen blok onder [[partij]], met dubbele haken.")
        for entry in entries:
            wrong += _faults(entry)
        if wrong:
            raise PartiesError("\n".join(wrong))
        parties = [_party(entry) for entry in entries]
        by_code = {party.code: party for party in parties}
        by_certificate = {print_: party for party in parties for print_ in party.certificates}
        if len(by_code) < len(parties):
            wrong.append("Een partijcode staat er twee keer in.")
        if len(by_certificate) < sum(len(party.certificates) for party in parties):
            wrong.append("Een certificaat staat bij twee partijen.")
        wrong += [
            f"Partij {party.code}: machtigende partij {code} staat niet in de lijst."
            for party in parties
            for code in party.mandates
            if code not in by_code
        ]
        if wrong:
            raise PartiesError("\n".join(wrong))
        return cls.known(parties, blocked=frozenset(shut))

    @classmethod
    def known(cls, parties: Iterable[Party], *, blocked: frozenset[str] = frozenset()) -> "Parties":
        """Return these parties; a certificate that two of them name is that of the first."""
        by_code = {party.code: party for party in parties}
        by_certificate: dict[str, Party] = {}
        for party in by_code.values():
            for print_ in party.certificates:
                if print_ not in blocked:
                    by_certificate.setdefault(print_, party)
        return cls(by_code=by_code, by_certificate=by_certificate, blocked=blocked)


def _faults(entry: Any) -> list[str]:
    if not isinstance(entry, dict):
        return ["Schrijf elke partij als een eigen blok onder [[partij]]."]
    code = entry.get("code", "")
    where = f"Partij {code or '(zonder code)'}"
    wrong = [f"{where}: onbekende instelling '{name}'." for name in sorted(set(entry) - _FIELDS)]
    if not (isinstance(code, str) and _CODE.fullmatch(code)):
        wrong.append(f"{where}: 'code' moet tussen aanhalingstekens een code van 8 (AGB) of 4 (gemeente) cijfers zijn.")
    if not isinstance(entry.get("naam", ""), str):
        wrong.append(f"{where}: 'naam' moet tussen aanhalingstekens staan.")
    prints, mandates = entry.get("certificaten", []), entry.get("gemachtigd_door", [])
    if not _strings(prints) or not all(_PRINT.fullmatch(each) for each in prints):
        wrong.append(f"{where}: 'certificaten' is een lijst van 'sha256:' met 64 hexadecimale tekens.")
    elif len(prints) > MOST_CERTIFICATES:
        wrong.append(f"{where}: er mogen ten hoogste {MOST_CERTIFICATES} certificaten tegelijk gelden.")
    if not _strings(mandates):
        wrong.append(f"{where}: 'gemachtigd_door' is een lijst van codes tussen aanhalingstekens.")
    push = entry.get("push", "https://")
    if not (isinstance(push, str) and push.startswith("https://")):
        wrong.append(f"{where}: 'push' moet een https-adres zijn.")
    wrong += [
        f"{where}: '{name}' is true of false, zonder aanhalingstekens."
        for name in ("push_intern", "archief")
        if not isinstance(entry.get(name, False), bool)
    ]
    if "openbare_sleutel" in entry and not (len(str(code)) == 4 and _is_key(entry["openbare_sleutel"])):
        wrong.append(f"{where}: 'openbare_sleutel' is de regel uit het .pub-bestand van een gemeente (4 cijfers).")
    return wrong


def _is_key(value: Any) -> bool:
    return isinstance(value, str) and _KEY.fullmatch(value) is not None


def _strings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _party(entry: Mapping[str, Any]) -> Party:
    push = entry.get("push")
    return Party(
        code=entry["code"],
        name=entry.get("naam", ""),
        certificates=tuple(entry.get("certificaten", ())),
        mandates=tuple(entry.get("gemachtigd_door", ())),
        push=Endpoint(url=push, internal=bool(entry.get("push_intern", False))) if push else None,
        archive=entry.get("archief", False),
        public_key=entry.get("openbare_sleutel", ""),
    )
