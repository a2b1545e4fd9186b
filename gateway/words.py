"""Plain words, Dutch and English: where a thing stands, and what a field asks; never a value of a message."""

import re
from collections.abc import Sequence
from datetime import date
from functools import cache
from typing import NamedTuple


class Text(NamedTuple):
    """One thing said in two languages."""

    nl: str
    en: str


WHOLE_MESSAGE = Text("het hele bericht", "the whole message")
STEPS = {
    "Header": Text("kop", "header"),
    "onbekend": Text("onbekend veld", "unknown field"),
    "AangevraagdProduct": Text("aangevraagd product", "requested product"),
    "Client": Text("cliënt", "client"),
    "Contact": Text("contact", "contact"),
    "Dienst": Text("dienst", "service"),
    "Doel": Text("doel", "goal"),
    "Gebied": Text("gebied", "area"),
    "Kenmerk": Text("kenmerk", "mark of quality"),
    "NieuwProduct": Text("nieuw product", "new product"),
    "OngewijzigdProduct": Text("ongewijzigd product", "unchanged product"),
    "Opdracht": Text("opdracht", "order"),
    "Prestatie": Text("prestatie", "declared line"),
    "Regel": Text("contractregel", "contract line"),
    "Relatie": Text("relatie", "relation"),
    "RetourCode": Text("retourcode", "return code"),
    "StartProduct": Text("gestart product", "started product"),
    "StopProduct": Text("gestopt product", "stopped product"),
    "Taak": Text("taak", "task"),
    "TeWijzigenProduct": Text("te wijzigen product", "product to change"),
    "Termijn": Text("termijn", "instalment"),
    "ToegewezenProduct": Text("toegewezen product", "assigned product"),
    "Voortgang": Text("voortgang", "progress"),
    "Voorwaarde": Text("voorwaarde", "condition"),
}
"""What people call a step of a path: every repeated element, and the two that are told without a number."""
UNNUMBERED = ("Header", "onbekend")
MOST_CODES = 12
BLANK = " \t\r\n"
"""White space as XML knows it; Python knows more."""
LITERAL = re.compile(r"[A-Za-z0-9]+")
DIGITS = re.compile(r"\[0-9\]\{(\d+)\}")
ONLY_DIGITS = Text("alleen cijfers", "only digits")
ONLY_LETTERS_AND_DIGITS = Text("alleen letters en cijfers, zonder spaties", "only letters and digits, no spaces")
ONLY_LETTERS = Text("alleen letters, zonder punten of spaties", "only letters, no dots or spaces")
KNOWN_PATTERNS = {
    "[0-9]*": ONLY_DIGITS,
    "[0-9]+": ONLY_DIGITS,
    "([a-zA-Z0-9])+": ONLY_LETTERS_AND_DIGITS,
    "[a-zA-Z0-9]+": ONLY_LETTERS_AND_DIGITS,
    "[a-zA-ZÀ-ỳ]+": ONLY_LETTERS,
    "([a-zA-ZÀ-ỳ])+": ONLY_LETTERS,
}
BUILTINS = {
    "date": Text(
        "een bestaande datum als 2025-01-31, zonder tijdzone", "an existing date like 2025-01-31, without a time zone"
    ),
    "time": Text("een tijd als 13:45:00, zonder tijdzone", "a time like 13:45:00, without a time zone"),
    "integer": Text("een heel getal", "a whole number"),
}
TIME = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]+)?|24:00:00(?:\.0+)?")
WHOLE = re.compile(r"[+-]?[0-9]+")
YEAR_AND_REST = re.compile(r"-?(?:[1-9][0-9]{4,}|[0-9]{4})(-[0-9]{2}-[0-9]{2})")


def place(path: str) -> Text:
    """Where the path of a finding leads, for people: ``cliënt 3, prestatie 2, ProductPeriode``. It is not empty."""
    steps = path.split("/")[1:]
    if not steps:
        return WHOLE_MESSAGE
    last = max((index for index, step in enumerate(steps) if step.endswith("]")), default=-1)
    # What stands above a numbered record says nothing more, but that it is the header.
    told = [_step(step) for index, step in enumerate(steps) if index > last or step.endswith("]") or step == "Header"]
    return Text(", ".join(each.nl for each in told), ", ".join(each.en for each in told))


def _step(step: str) -> Text:
    name, _, number = step.rstrip("]").partition("[")
    known = STEPS.get(name, Text(name, name)) if number or name in UNNUMBERED else Text(name, name)
    return Text(f"{known.nl} {number}".strip(), f"{known.en} {number}".strip())


def printable(text: str) -> str:
    """Words of a stranger, such as a name from inside a ZIP, safe to show on a terminal."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)


def joined(*texts: Text) -> Text:
    """One text after the other."""
    return Text(*(" ".join(each) for each in zip(*texts, strict=True)))


def listed(names: Sequence[str], joint: str) -> str:
    """``a, b of c``."""
    return f" {joint} ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


@cache
def form(
    builtin: str,
    patterns: tuple[str, ...],
    codes: tuple[str, ...],
    limits: tuple[tuple[str, str], ...],
    lists: tuple[str, ...] = (),
) -> Text:
    """What a field may hold: ``precies 9 cijfers``, ``een van de codes 1, 2 of 3``; ``lists`` tell what codes mean."""
    if codes:
        return _codes(codes, lists)
    for pattern in reversed(patterns):
        if LITERAL.fullmatch(pattern):
            return Text(f"precies {pattern}", f"exactly {pattern}")
        if digits := DIGITS.fullmatch(pattern):
            return Text(f"precies {digits[1]} cijfers", f"exactly {digits[1]} digits")
    asked = [BUILTINS.get(builtin), *(KNOWN_PATTERNS.get(pattern) for pattern in patterns)]
    if any(r"\." in pattern for pattern in patterns):
        asked.append(Text("een versie als 1.0.0", "a version like 1.0.0"))
    bounds = dict(limits)
    if "maxInclusive" in bounds:
        low, high = bounds.get("minInclusive", "0"), bounds["maxInclusive"]
        asked.append(Text(f"van {low} tot en met {high}", f"from {low} to {high}"))
    if "maxLength" in bounds:
        asked += _length(bounds["maxLength"], formed=any(asked))
    told = [each for each in asked if each] or [Text("tekst, niet alleen spaties", "text, not only spaces")]
    nl, en = (", ".join(said) for said in zip(*told, strict=True))
    return Text(nl.replace("getal, van", "getal van"), en.replace("number, from", "number from"))


def _length(most: str, *, formed: bool) -> list[Text]:
    """How long a text may be; one whose form is told cannot be blank, so that is not told too."""
    size = (
        Text("1 teken", "1 character")
        if most == "1"
        else Text(f"van 1 tot en met {most} tekens", f"1 to {most} characters")
    )
    return [size] if formed else [size, Text("niet alleen spaties", "not only spaces")]


def _codes(codes: tuple[str, ...], lists: tuple[str, ...]) -> Text:
    if len(codes) <= MOST_CODES:
        asked = Text(f"een van de codes {listed(codes, 'of')}", f"one of the codes {listed(codes, 'or')}")
    elif lists:
        asked = Text(f"een code uit codelijst {listed(lists, 'of')}", f"a code from code list {listed(lists, 'or')}")
    else:
        return Text("een code uit de codelijst van dit veld", "a code from the code list of this field")
    nl = listed([f"ketenpoort leg-uit {name}" for name in lists], "en")
    en = listed([f"ketenpoort leg-uit {name} --taal en" for name in lists], "and")
    return joined(asked, Text(f"(zie: {nl})", f"(see: {en})")) if lists else asked


def fits(
    text: str, builtin: str, patterns: tuple[str, ...], codes: tuple[str, ...], limits: tuple[tuple[str, str], ...]
) -> bool:
    """Whether a text has the form that its field asks; used to explain a refusal, never to decide one."""
    if builtin != "string":
        text = text.strip(BLANK)
    if codes and text not in codes:
        return False
    if not all(_pattern(pattern).fullmatch(text) for pattern in patterns):
        return False
    return _is(text, builtin) and all(_within(text, facet, int(limit)) for facet, limit in limits)


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    # XSD 1.0 part 2 appendix F: \s is these four, and the dot is all but CR and LF.
    whole = pattern.replace(r"[\s\S]", "(?s:.)").replace(r"[^\s]", r"\S").replace(".*", r"[^\r\n]*")
    return re.compile(whole.replace(r"\S", r"[^ \t\r\n]").replace(r"\s", r"[ \t\r\n]"))


def _is(text: str, builtin: str) -> bool:
    if builtin == "integer":
        return bool(WHOLE.fullmatch(text))
    if builtin == "time":
        return bool(TIME.fullmatch(text))
    return builtin != "date" or _is_date(text)


def _is_date(text: str) -> bool:
    parts = YEAR_AND_REST.fullmatch(text)
    if not parts or not text[: -len(parts[1])].strip("-0"):  # XSD 1.0 knows no year nought
        return False
    try:
        # Leap years repeat every 400 years, so any year stands in for one that Python cannot hold.
        year = int(text[: -len(parts[1])][-4:]) % 400 + 2000
        date.fromisoformat(f"{year:04d}{parts[1]}")
    except ValueError:
        return False
    return True


def _within(text: str, facet: str, limit: int) -> bool:
    if facet in {"minLength", "maxLength", "length"}:
        size = len(text)
        return {"minLength": size >= limit, "maxLength": size <= limit, "length": size == limit}[facet]
    value = int(text) if WHOLE.fullmatch(text) and len(text) < 100 else limit
    return {"minInclusive": value >= limit, "maxInclusive": value <= limit}.get(facet, True)
