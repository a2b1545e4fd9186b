"""What a request about orders says: JSON → values, or all that is wrong with it, in Dutch. Pure."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from gateway.compose import Values
from gateway.orders.division import Wish

LAWS = ("JW", "WMO")
MOST_PARTS = 50
MOST_NUMBER, MOST_AMOUNT = 999_999_999, 99_999_999
_AGB, _GEMEENTE, _CODE = re.compile(r"[0-9]{8}"), re.compile(r"[0-9]{4}"), re.compile(r"[0-9]{8}|[0-9]{4}")
_BSN = re.compile(r"[0-9]{9}")
TASK = {"taakCode": "TaakCode", "uitvoerder": "Uitvoerder"}
GOAL = {
    "doelNummer": "DoelNummer", "leefgebied": "Leefgebied", "omschrijving": "Omschrijving",
    "startscore": "Startscore", "streefscore": "Streefscore", "streefdatum": "Streefdatum",
}  # fmt: skip


class AskedError(Exception):
    """The request is not right; ``faults`` says all that is wrong, in Dutch."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__(" ".join(faults))
        self.faults = faults


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one onderaannemer is to get."""

    wish: Wish
    contract: str = ""
    number: int | None = None
    """OpdrachtNummer: of an order that changes, or that the caller chose itself."""
    reason: str = ""
    content: Values = field(default_factory=dict, repr=False)
    """Taken, Behandelinformatie and Commentaar as the message has them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A division that somebody asks for."""

    wet: str
    gemeente: str
    number: int
    """ToewijzingNummer."""
    parts: tuple[Part, ...] = ()
    message: bytes = field(default=b"", repr=False)
    """The 301 itself, where it did not come past this gateway."""
    told: Any = field(default=None, repr=False)
    """The request as it came, to know it again by."""


class _Reader:
    """A JSON object that is read member by member; what is wrong gathers in ``faults``."""

    def __init__(self, told: Any, where: str, faults: list[str]) -> None:
        self.told: Mapping[str, Any] = told if isinstance(told, dict) else {}
        self.where = where
        self.faults = faults
        self._known: set[str] = set()
        if not isinstance(told, dict):
            self.wrong("moet een JSON-object zijn")

    def wrong(self, text: str) -> None:
        self.faults.append(f"{self.where} {text}.")

    def _get(self, name: str, good: Callable[[Any], bool], words: str, *, must: bool) -> Any:
        self._known.add(name)
        value = self.told.get(name)
        if value is None and not must:
            return None
        if value is None or not good(value):
            self.faults.append(f"{self.where}: '{name}' moet {words} zijn.")
            return None
        return value

    def text(self, name: str, pattern: "re.Pattern[str]", words: str, *, must: bool = False) -> str:
        return (
            self._get(name, lambda each: isinstance(each, str) and bool(pattern.fullmatch(each)), words, must=must)
            or ""
        )

    def number(self, name: str, most: int, *, must: bool = False) -> int | None:
        words = f"een heel getal van 0 tot en met {most}"
        found: int | None = self._get(name, lambda each: type(each) is int and 0 <= each <= most, words, must=must)
        return found

    def day(self, name: str) -> str:
        return self._get(name, _is_day, "een datum als 2026-03-31", must=False) or ""

    def wet(self) -> str:
        return self._get("wet", lambda each: each in LAWS, "JW of WMO", must=True) or ""

    def list(self, name: str, most: int, *, must: bool = False) -> list[Any]:
        words = f"een lijst van 1 tot en met {most}"
        return self._get(name, lambda each: isinstance(each, list) and 0 < len(each) <= most, words, must=must) or []

    def end(self) -> None:
        """Note members that nobody asked for."""
        for name in sorted(set(self.told) - self._known):
            if re.fullmatch("[A-Za-z]{1,40}", name):
                self.wrong(f"heeft een onbekend veld '{name}'")
            else:
                self.wrong("heeft een onbekend veld")


def _is_day(value: Any) -> bool:
    try:
        return isinstance(value, str) and date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


_ANY = re.compile(r"(?s).{1,500}")
_XML = re.compile(r"(?s).+")
_NUMBER = re.compile(r"[^\s<>&]{1,30}")


def division(told: Any, *, exact: bool) -> Asked:
    """Read a division; ``exact`` demands parts that say how much. Raises AskedError."""
    faults: list[str] = []
    top = _Reader(told, "Het verzoek", faults)
    wet, gemeente = top.wet(), top.text("gemeente", _GEMEENTE, "een gemeentecode van vier cijfers", must=True)
    number = top.number("toewijzingNummer", MOST_NUMBER, must=True)
    raw = top.text("bericht", _XML, "het bericht (301) als tekst")
    parts = [_part(each, place, faults) for place, each in enumerate(top.list("delen", MOST_PARTS, must=exact), 1)]
    top.end()
    who = [part.wish.onder for part in parts]
    if exact and len(set(who)) < len(who):
        faults.append(
            "Noem elke onderaannemer één keer. Voor een tweede opdracht aan dezelfde doet u een nieuw verzoek."
        )
    if faults:
        raise AskedError(faults)
    return Asked(
        wet=wet, gemeente=gemeente, number=number or 0, parts=tuple(parts), message=raw.encode(), told=told
    )  # fmt: skip


def _part(told: Any, place: int, faults: list[str]) -> Part:
    part = _Reader(told, f"Deel {place}", faults)
    wish = Wish(
        onder=part.text("onderaannemer", _AGB, "een AGB-code van acht cijfers", must=True),
        share=part.number("aandeel", MOST_AMOUNT),
        volume=part.number("volume", MOST_AMOUNT),
        budget=part.number("budget", MOST_AMOUNT),
        begin=part.day("begin"),
        end=part.day("einde"),
    )
    content: dict[str, Any] = {}
    if tasks := part.list("taken", 20):
        content["Taken"] = [_named(each, TASK, f"Deel {place}, taken", faults) for each in tasks]
    goals = [_named(each, GOAL, f"Deel {place}, doelen", faults) for each in part.list("doelen", 50)]
    asked = part.text("hulpvraag", _ANY, "een tekst van ten hoogste 500 tekens")
    if goals or asked:
        content["Behandelinformatie"] = {
            **({"Hulpvraag": asked} if asked else {}), **({"Doelen": goals} if goals else {})
        }  # fmt: skip
    if remark := part.text("commentaar", _ANY, "een tekst van ten hoogste 500 tekens"):
        content["Commentaar"] = remark
    found = Part(
        wish=wish,
        contract=part.text("contractNummer", _NUMBER, "het nummer van een overeenkomst"),
        number=part.number("opdrachtNummer", MOST_NUMBER),
        reason=part.text("redenWijziging", re.compile("[0-9]{2}"), "een code van twee cijfers"),
        content=content,
    )
    part.end()
    return found


def _named(told: Any, names: Mapping[str, str], where: str, faults: list[str]) -> dict[str, str]:
    """Read an object of single values into the names of the message; whether they fit is for its schema."""
    if not isinstance(told, dict) or set(told) - set(names):
        faults.append(f"{where}: gebruik alleen {', '.join(names)}.")
        return {}
    if not all(isinstance(value, (str, int)) and not isinstance(value, bool) for value in told.values()):
        faults.append(f"{where}: elke waarde is een tekst of een getal.")
        return {}
    return {names[name]: str(value) for name, value in told.items()}


def assignment(told: Any) -> Asked:
    """Read which assignment is meant. Raises AskedError."""
    faults: list[str] = []
    top = _Reader(told, "Het verzoek", faults)
    wet, gemeente = top.wet(), top.text("gemeente", _GEMEENTE, "een gemeentecode van vier cijfers", must=True)
    number = top.number("toewijzingNummer", MOST_NUMBER, must=True)
    raw = top.text("bericht", _XML, "het bericht (301) als tekst")
    top.end()
    if faults:
        raise AskedError(faults)
    return Asked(wet=wet, gemeente=gemeente, number=number or 0, message=raw.encode(), told=told)


def order(told: Any) -> tuple[str, str, int]:
    """Read which order is meant: law, other party, number. Raises AskedError."""
    faults: list[str] = []
    top = _Reader(told, "Het verzoek", faults)
    wet, other = top.wet(), top.text("wederpartij", _CODE, "een code van acht of vier cijfers", must=True)
    number = top.number("opdrachtNummer", MOST_NUMBER, must=True)
    top.end()
    if faults:
        raise AskedError(faults)
    return wet, other, number or 0


def client(told: Any) -> tuple[str, str]:
    """Read whom somebody asks about: law, BSN. Raises AskedError."""
    faults: list[str] = []
    top = _Reader(told, "Het verzoek", faults)
    wet, bsn = top.wet(), top.text("bsn", _BSN, "een burgerservicenummer van negen cijfers", must=True)
    top.end()
    if faults:
        raise AskedError(faults)
    return wet, bsn
