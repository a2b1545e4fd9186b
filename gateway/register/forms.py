"""What a proposal says, read from JSON: all that is wrong with it at once, in Dutch, or its value in one form. Pure."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import date
from typing import Any

from gateway.codes import code_list
from gateway.register.papers import paper
from gateway.register.values import OF_A_PARTY, Kind
from gateway.rules.klasse import after

_CODE = re.compile(r"[0-9]{8}|[0-9]{4}")
_AGB = re.compile(r"[0-9]{8}")
_GEMEENTE = re.compile(r"[0-9]{4}")
_NAME = re.compile(r"[^\W_][\w '.()-]{1,79}")
_DATE = re.compile(r"[12][0-9]{3}-[0-9]{2}-[0-9]{2}")
_KVK = re.compile(r"[0-9]{8}")
_MAIL = re.compile(r"[^\s@/]+@[^\s@/]+\.[^\s@/.]+")
_PHONE = re.compile(r"\+?[0-9 ()-]{6,20}")
_PRINT = re.compile(r"sha256:[0-9a-f]{64}")
_PRODUCT = re.compile(r"\S.{0,4}")
_HTTPS = re.compile(r"https://[^\s/?#@]+[^\s#@]*")
MOST_TEXT = 400
MOST_ITEMS = 200
WHOLE = 10_000
"""A hundred percent."""
MOST_CENTS = 99_999_999


class Form:
    """A JSON object that is read member by member; what is wrong is gathered, and an empty value given for it."""

    def __init__(self, value: Any, wrong: list[str], where: str = "") -> None:
        """Read ``value``; ``where`` stands before the name of a member that is wrong."""
        if not isinstance(value, dict):
            wrong.append(f"'{where.rstrip('.') or 'waarde'}' moet een object zijn.")
        self._value: Mapping[str, Any] = value if isinstance(value, dict) else {}
        self._sound = isinstance(value, dict)
        self._wrong = wrong
        self._where = where
        self._read: set[str] = set()

    def has(self, name: str) -> bool:
        """Tell whether a member is there."""
        return name in self._value

    def text(self, name: str, shape: re.Pattern[str] | None, what: str, *, needed: bool = True) -> str:
        """Return a text of a shape; empty if it is absent and need not be there."""
        found = self._take(name)
        if found is None and not needed:
            return ""
        if isinstance(found, str) and found.isprintable():
            found = found.strip()
            if (shape.fullmatch(found) if shape else 0 < len(found) <= MOST_TEXT) or (not found and not needed):
                return found
        self.fault(name, what)
        return ""

    def lines(self, name: str, most: int) -> str:
        """Return a text of many lines, as it came; empty if it is none, or longer than ``most`` signs."""
        found = self._take(name)
        return found if isinstance(found, str) and len(found) <= most else ""

    def day(self, name: str, *, needed: bool = True) -> str:
        """Return an ISO date."""
        what = "moet een dag zijn als 2026-12-31"
        found = self.text(name, _DATE, what, needed=needed)
        try:
            return found and date.fromisoformat(found).isoformat()
        except ValueError:
            self.fault(name, what)
            return ""

    def number(self, name: str, least: int, most: int, *, needed: bool = True) -> int | None:
        """Return a whole number within bounds."""
        found = self._take(name)
        if found is None and not needed:
            return None
        if isinstance(found, int) and not isinstance(found, bool) and least <= found <= most:
            return found
        self.fault(name, f"moet een heel getal van {least} tot en met {most} zijn")
        return None

    def yes(self, name: str) -> bool:
        """Return true or false; absent is false."""
        found = self._take(name)
        if found is not None and not isinstance(found, bool):
            self.fault(name, "moet true of false zijn")
        return found is True

    def code(self, name: str, lists: Collection[str], *, needed: bool = True) -> str:
        """Return a code of one of these lists."""
        found = self._take(name)
        if found is None and not needed:
            return ""
        if isinstance(found, str) and any(found in code_list(each).meanings for each in lists):
            return found
        self.fault(name, f"moet een code zijn uit {' of '.join(lists)}")
        return ""

    def under(self, name: str) -> "Form":
        """Return an object within this one."""
        return Form(self._take(name), self._wrong, f"{self._where}{name}.")

    def listed(self, name: str, *, needed: bool = False) -> Iterator["Form"]:
        """Yield the objects in a list."""
        for place, each in enumerate(self._items(name, needed=needed)):
            yield Form(each, self._wrong, f"{self._where}{name}[{place}].")

    def texts(self, name: str, fits: Callable[[str], bool], what: str) -> list[str]:
        """Return a list of texts that fit."""
        found = self._items(name, needed=False)
        if not all(isinstance(each, str) and each.isprintable() and fits(each.strip()) for each in found):
            self.fault(name, what)
            return []
        return list(dict.fromkeys(each.strip() for each in found))

    def fault(self, name: str, what: str) -> None:
        """Gather that a member is wrong."""
        if self._sound:
            self._wrong.append(f"'{self._where}{name}' {what}.")

    def end(self) -> None:
        """Gather members that were not asked for."""
        for name in sorted(set(self._value) - self._read):
            self._wrong.append(f"'{self._where}{name[:40]}' hoort hier niet.")

    def _take(self, name: str) -> Any:
        self._read.add(name)
        return self._value.get(name)

    def _items(self, name: str, *, needed: bool) -> list[Any]:
        found = self._take(name)
        if found is None and not needed:
            return []
        if isinstance(found, list) and needed <= len(found) <= MOST_ITEMS:
            return found
        self.fault(name, f"moet een lijst zijn van {int(needed)} tot en met {MOST_ITEMS} stuks")
        return []


def read(subject: str, kind: str, value: Any) -> tuple[dict[str, Any], list[str]]:
    """Return the value of a proposal in its one form, and all that is wrong with it as it stands by itself."""
    if kind not in {each.value for each in Kind}:
        return {}, [f"'soort' is een van: {', '.join(Kind)}."]
    shape, example = _SUBJECTS[kind]
    if not isinstance(subject, str) or not re.fullmatch(shape, subject):
        return {}, [f"'onderwerp' moet bij '{kind}' zo zijn: {example}."]
    wrong: list[str] = []
    form = Form(value, wrong)
    made = _READERS[Kind(kind)](form)
    form.end()
    if subject.startswith("regio/") and not _NAME.fullmatch(subject.partition("/")[2]):
        wrong.append("De naam van een regio heeft 2 tot 80 letters, cijfers, spaties, punten, streepjes of haakjes.")
    return made, wrong


def municipality_fault(code: str, day: str) -> str:
    """Return why a gemeente cannot be named for a day, or nothing; what is not known yet is not refused."""
    known = code_list("CBS")
    if known.valid(code, day) or (code not in known.meanings and known.known_until and after(day, known.known_until)):
        return ""
    if code not in known.meanings:
        return f"Gemeente {code} bestaat niet volgens het CBS."
    if code in known.ends and after(day, known.ends[code]):
        return f"Gemeente {code} is op {known.ends[code]} opgeheven. Gebruik de code van de nieuwe gemeente."
    return f"Gemeente {code} bestaat pas vanaf {known.begins[code]}."


def ended(code: str) -> str:
    """Return the last day of a gemeente that merged into another; empty if it is still there."""
    return code_list("CBS").ends.get(code, "")


def _details(form: Form, *, name_needed: bool = False) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if name_needed or form.has("naam"):
        made["naam"] = form.text("naam", None, f"moet een naam zijn van 1 tot {MOST_TEXT} tekens")
    if form.has("kvk"):
        made["kvk"] = form.text("kvk", _KVK, "is het KvK-nummer van 8 cijfers")
    if form.has("contact"):
        contact = form.under("contact")
        made["contact"] = {
            "naam": contact.text("naam", None, "is de naam van de contactpersoon"),
            "email": contact.text("email", _MAIL, "moet een e-mailadres zijn"),
            "telefoon": contact.text("telefoon", _PHONE, "moet een telefoonnummer zijn", needed=False),
        }
        contact.end()
    return made


def _new_party(form: Form) -> dict[str, Any]:
    return {**_details(form, name_needed=True), **_certificate(form)}


def _some_details(form: Form) -> dict[str, Any]:
    made = _details(form)
    if not made:
        form.fault("naam", "ontbreekt: noem 'naam', 'kvk' of 'contact'")
    return made


def _certificate(form: Form) -> dict[str, Any]:
    try:
        print_, until = paper(form.lines("certificaat", 20_000))
    except ValueError:
        form.fault("certificaat", "moet een certificaat zijn in PEM (BEGIN CERTIFICATE)")
        return {}
    return {"certificaat": {"vingerafdruk": print_, "geldigTot": until}}


def _certificate_ends(form: Form) -> dict[str, Any]:
    what = "is de vingerafdruk: 'sha256:' met 64 hexadecimale tekens"
    return {"vingerafdruk": form.text("vingerafdruk", _PRINT, what)}


def _push(form: Form) -> dict[str, Any]:
    return {"adres": form.text("adres", _HTTPS, "moet een https-adres zijn, of leeg", needed=False)}


def _mandate(form: Form) -> dict[str, Any]:
    return {"aan": form.text("aan", _CODE, "is de code van de partij die u machtigt")}


def _nothing(_form: Form) -> dict[str, Any]:
    return {}


def _region(form: Form) -> dict[str, Any]:
    made: dict[str, Any] = {
        "beheerder": form.text("beheerder", _GEMEENTE, "is de code van een gemeente (4 cijfers)"),
        "gemeenten": [_member(each) for each in form.listed("gemeenten", needed=True)],
    }
    maximum = form.number("maximumInhouding", 0, WHOLE, needed=False)
    if maximum is not None:
        made["maximumInhouding"] = maximum
    if form.has("sjabloon"):
        made["sjabloon"] = _template(form.under("sjabloon"))
    codes = [each["code"] for each in made["gemeenten"]]
    if len(set(codes)) < len(codes):
        form.fault("gemeenten", "noemt een gemeente twee keer")
    return made


def _member(form: Form) -> dict[str, Any]:
    made = {"code": form.text("code", _GEMEENTE, "is de code van een gemeente (4 cijfers)"), **_period(form)}
    if made["code"] and made["vanaf"] and (fault := municipality_fault(made["code"], made["vanaf"])):
        form.fault("code", f"klopt niet. {fault.rstrip('.')}")
    form.end()
    return made


def _template(form: Form) -> dict[str, Any]:
    made = {
        "variant": form.code("variant", ("HOA-VARIANT",)),
        "betaaltermijn": form.number("betaaltermijn", 1, 365),
        "producten": [_product(each, bounds=True) for each in form.listed("producten", needed=True)],
    }
    form.end()
    return made


def _product(form: Form, *, bounds: bool = False) -> dict[str, Any]:
    made = {
        "categorie": form.code("categorie", ("JZ020", "WMO020")),
        "code": form.text("code", _PRODUCT, "is een productcode tot 5 tekens", needed=False),
        "eenheid": form.code("eenheid", ("WJ756",)),
        "tarief": form.number("tarief", 0, MOST_CENTS, needed=not bounds),
    }
    if bounds:
        low, high = (form.number(name, 0, MOST_CENTS, needed=False) for name in ("laagste", "hoogste"))
        if low is not None and high is not None and low > high:
            form.fault("laagste", "is hoger dan 'hoogste'")
        made |= {"laagste": low, "hoogste": high}
    form.end()
    return {name: value for name, value in made.items() if value not in ("", None)}


def _listing(form: Form) -> dict[str, Any]:
    categories = {code for name in ("JZ020", "WMO020") for code in code_list(name).meanings}
    return {
        **_period(form),
        "kenmerken": [_mark(each) for each in form.listed("kenmerken")],
        "categorieen": form.texts("categorieen", categories.__contains__, "noemt een categorie die niet bestaat"),
        "specialismen": form.texts(
            "specialismen", lambda text: 0 < len(text) <= 80, "is een lijst van teksten tot 80 tekens"
        ),
        "capaciteit": form.text("capaciteit", None, f"is een tekst tot {MOST_TEXT} tekens", needed=False),
        "deeltResultaten": form.yes("deeltResultaten"),
    }


def _mark(form: Form) -> dict[str, Any]:
    made = {"kenmerk": form.code("kenmerk", ("HOA-KENMERK",)), "tot": form.day("tot")}
    form.end()
    return made


def _listing_ends(form: Form) -> dict[str, Any]:
    return {"tot": form.day("tot")}


def _agreement(form: Form) -> dict[str, Any]:
    return {
        **_period(form),
        "producten": [_product(each) for each in form.listed("producten", needed=True)],
        **({"toontTarieven": True} if form.yes("toontTarieven") else {}),
    }


def _period(form: Form) -> dict[str, Any]:
    begin, end = form.day("vanaf"), form.day("tot", needed=False)
    if begin and end and after(begin, end):
        form.fault("tot", "ligt voor 'vanaf'")
    return {"vanaf": begin, **({"tot": end} if end else {})}


_READERS: Mapping[Kind, Callable[[Form], dict[str, Any]]] = {
    Kind.PARTY: _new_party,
    Kind.DETAILS: _some_details,
    Kind.CERTIFICATE: _certificate,
    Kind.CERTIFICATE_ENDS: _certificate_ends,
    Kind.PUSH: _push,
    Kind.MANDATE: _mandate,
    Kind.MANDATE_ENDS: _mandate,
    Kind.PARTY_ENDS: _nothing,
    Kind.REGION: _region,
    Kind.LISTING: _listing,
    Kind.LISTING_ENDS: _listing_ends,
    Kind.AGREEMENT: _agreement,
}
_SUBJECTS: Mapping[str, tuple[str, str]] = {
    **dict.fromkeys(OF_A_PARTY, (r"partij/([0-9]{8}|[0-9]{4})", "partij/CODE")),
    Kind.REGION: (r"regio/[^/]{2,80}", "regio/NAAM"),
    Kind.LISTING: (r"lijst/[^/]{2,80}/[0-9]{8}", "lijst/REGIO/AGB"),
    Kind.LISTING_ENDS: (r"lijst/[^/]{2,80}/[0-9]{8}", "lijst/REGIO/AGB"),
    Kind.AGREEMENT: (r"afspraak/(JW|WMO)/[0-9]{4}/[0-9]{8}", "afspraak/WET/GEMEENTE/AGB"),
}
