"""The forms that go to a gemeente outside the messages while a client is secret: what they ask, and how they travel.

Registration of the start or the end of care, and the invoice (Standaard Administratie Protocol § 3.4, bijlagen 5b and
6b). They know the client by the party's own number alone. What they ask is what messages 305, 307 and 323 tell, without
what tells who it is; of free text nothing is taken that looks like a BSN. Sealed they are one file (`audit.box`).
"""

import base64
import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from audit import box
from audit.box import BoxError
from gateway.codes import code_list
from gateway.oversight.question import bsn_fault

MOST_CENTS = 99_999_999
_MARK = b"KPF\x01"  # magic, version 1
_INFO = b"ketenpoort/formulier/v1"
_STEP = 2**16
"""Bytes: what is sealed comes in steps of this, so that the size of the file tells little."""
_NUMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9./-]{0,19}")
_COUNT, _SUM = re.compile(r"[1-9][0-9]{0,5}"), re.compile(r"[0-9]{1,6}(,[0-9]{2})?")
_DIGITS = re.compile(r"\d(?:[\s._/-]{0,3}\d)*")
NO_BSN = "Hier staat een getal dat een BSN kan zijn. Haal het weg: dit formulier gaat zonder BSN."


class FormError(Exception):
    """A sealed form cannot be made or opened; the text says in Dutch why."""


class Form(StrEnum):
    """Which form."""

    REGISTRATION = "registratie"
    INVOICE = "factuur"


TITLES: Mapping[Form, str] = {
    Form.REGISTRATION: "Registratie van start of einde van jeugdhulp",
    Form.INVOICE: "Factuur voor jeugdhulp",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One thing that a form asks."""

    name: str
    label: str
    kind: str
    """``dag``, ``keuze``, ``aantal``, ``euro`` or ``tekst``."""
    hint: str = ""
    required: bool = True
    choices: tuple[tuple[str, str], ...] = ()
    most: int = 40
    """Characters of a text."""


def _of(list_: str) -> tuple[tuple[str, str], ...]:
    return tuple((code, f"{code} {text}") for code, text in code_list(list_).meanings.items())


def fields(form: Form) -> tuple[Field, ...]:
    """Return what a form asks, in order."""
    care = (
        Field(name="categorie", label="Productcategorie", kind="keuze", choices=_of("JZ020")),
        Field(
            name="product", label="Productcode", kind="tekst", hint="Als die is afgesproken.", required=False, most=5
        ),
    )
    agreed = Field(
        name="afspraak", label="Nummer van uw afspraak met de gemeente", kind="tekst", required=False,
        hint="Een nummer waaraan de gemeente de hulp kent. Geen BSN.",
    )  # fmt: skip
    more = Field(
        name="toelichting", label="Toelichting", kind="tekst", required=False, most=500,
        hint="Schrijf geen naam, adres, geboortedatum, school of BSN.",
    )  # fmt: skip
    if form is Form.REGISTRATION:
        return (
            Field(
                name="melding", label="Wat meldt u?", kind="keuze",
                choices=(("start", "De hulp begint"), ("einde", "De hulp stopt")),
            ),
            agreed, *care,
            Field(name="begin", label="Eerste dag van de hulp", kind="dag"),
            Field(name="einde", label="Laatste dag", kind="dag", hint="Alleen als de hulp stopt.", required=False),
            Field(
                name="reden", label="Waarom stopt de hulp?", kind="keuze", hint="Alleen als de hulp stopt.",
                required=False, choices=_of("JZ588"),
            ),
            more,
        )  # fmt: skip
    return (
        Field(name="factuur", label="Factuurnummer", kind="tekst", hint="Uw eigen nummer."),
        Field(name="gedateerd", label="Datum van de factuur", kind="dag"),
        agreed, *care,
        Field(name="begin", label="Eerste dag waarover u factureert", kind="dag"),
        Field(name="einde", label="Laatste dag", kind="dag"),
        Field(name="aantal", label="Aantal", kind="aantal", hint="Een heel getal."),
        Field(name="eenheid", label="Eenheid", kind="keuze", choices=_of("WJ756")),
        Field(name="tarief", label="Tarief per eenheid, in euro", kind="euro", hint="Zoals 72,50."),
        more,
    )  # fmt: skip


def read(form: Form, typed: Mapping[str, str]) -> dict[str, Any]:
    """Return what was filled in without `faults`, by field: texts, ISO dates, whole numbers, sums in eurocents."""
    found: dict[str, Any] = {}
    for field in fields(form):
        value = typed.get(field.name, "")
        if value:
            found[field.name] = int(value) if field.kind == "aantal" else value
            if field.kind == "euro":
                found[field.name] = _cents(value)
    if form is Form.INVOICE:
        found["bedrag"] = found["aantal"] * found["tarief"]
    return found


def faults(form: Form, typed: Mapping[str, str]) -> dict[str, str]:
    """Return what is wrong with what was filled in: field → what to do, in Dutch."""
    wrong = {field.name: fault for field in fields(form) if (fault := _fault(field, typed.get(field.name, "")))}
    if not wrong and typed.get("einde") and typed["einde"] < typed["begin"]:
        wrong["einde"] = "De laatste dag ligt voor de eerste."
    if form is Form.REGISTRATION:
        stops = typed.get("melding") == "einde"
        for name in ("einde", "reden"):
            if stops and not typed.get(name):
                wrong[name] = "Vul dit in: de hulp stopt."
            if not stops and typed.get(name):
                wrong[name] = "Laat dit leeg: de hulp stopt niet."
    elif not wrong and int(typed["aantal"]) * _cents(typed["tarief"]) > MOST_CENTS:
        wrong["tarief"] = "Aantal maal tarief is te veel voor één factuur. Controleer de getallen."
    return wrong


def _fault(field: Field, value: str) -> str:
    if not value:
        return "Vul dit in." if field.required else ""
    good, otherwise = {
        "keuze": (value in dict(field.choices), "Kies uit de lijst."),
        "dag": (_is_day(value), "Schrijf een bestaande datum als 2026-03-31."),
        "aantal": (_COUNT.fullmatch(value), "Vul een heel getal in, van 1 tot 999999."),
        "euro": (_SUM.fullmatch(value), "Schrijf een bedrag als 72,50."),
        "tekst": (len(value) <= field.most, f"Schrijf ten hoogste {field.most} tekens."),
    }[field.kind]
    if not good:
        return otherwise
    return NO_BSN if field.kind == "tekst" and looks_like_bsn(value) else ""


def number_fault(number: str) -> str:
    """Say why this cannot be a party's own number of a client; empty if it can."""
    if looks_like_bsn(number):
        return "Dit kan een BSN zijn. Gebruik het nummer dat uw organisatie zelf aan de cliënt geeft."
    if not _NUMBER.fullmatch(number):
        return "Vul uw eigen cliëntnummer in: 1 tot 20 letters, cijfers, punten of streepjes. Geen naam."
    return ""


def looks_like_bsn(text: str) -> bool:
    """Tell whether nine digits in a row, however they are set apart, pass the 11-check (CS002)."""
    plain = unicodedata.normalize("NFKC", text)
    for found in _DIGITS.finditer(plain):
        digits = "".join(str(int(each)) for each in found[0] if each.isdecimal())
        if any(not bsn_fault(digits[start : start + 9]) for start in range(len(digits) - 8)):
            return True
    return False


def rows(form: Form, told: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return a form as people read it: name and value, in order."""
    lines = [(field.label, _words(field, told["gegevens"][field.name])) for field in fields(form)
             if field.name in told["gegevens"]]  # fmt: skip
    if form is Form.INVOICE:
        lines.append(("Bedrag", f"€ {_euros(told['gegevens']['bedrag'])}"))
    return lines


def sealed(told: Mapping[str, Any], pdf: bytes | None, public: str) -> bytes:
    """Return a form as the file for who holds the key of ``public``; raises `FormError` if that is no key."""
    content = json.dumps({"formulier": told, "pdf": base64.b64encode(pdf).decode() if pdf else None}).encode()
    try:
        return _MARK + box.seal_to(public, content + b" " * (-len(content) % _STEP), _INFO)
    except BoxError:
        raise FormError("De openbare sleutel van deze gemeente klopt niet. Vraag de beheerder van de poort.") from None


def opened(file: bytes, private: str) -> tuple[dict[str, Any], bytes | None]:
    """Return the form in a file, and its PDF if it has one; raises `FormError`."""
    if not file.startswith(_MARK):
        raise FormError("Dit bestand is geen verzegeld formulier.")
    try:
        content = json.loads(box.open_with(private, file.removeprefix(_MARK), _INFO))
    except BoxError:
        raise FormError("Dit formulier gaat met deze sleutel niet open, of het is beschadigd.") from None
    return content["formulier"], base64.b64decode(content["pdf"]) if content["pdf"] else None


def _words(field: Field, value: Any) -> str:
    if field.kind == "keuze":
        return dict(field.choices)[value]
    return f"€ {_euros(value)}" if field.kind == "euro" else str(value)


def _cents(text: str) -> int:
    whole, _, part = text.partition(",")
    return int(whole) * 100 + int(part or 0)


def _euros(cents: int) -> str:
    return f"{cents // 100},{cents % 100:02}"


def _is_day(text: str) -> bool:
    try:
        return re.fullmatch(r"[12][0-9]{3}-[0-9]{2}-[0-9]{2}", text) is not None and bool(date.fromisoformat(text))
    except ValueError:
        return False
