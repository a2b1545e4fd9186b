"""What a field asks, in plain Dutch; made from the schema alone, so no value of a message can be in it."""

import re
from collections.abc import Sequence
from datetime import date
from functools import cache

MOST_CODES = 12
BLANK = " \t\r\n"
"""White space as XML knows it; Python knows more."""
LITERAL = re.compile(r"[A-Za-z0-9]+")
DIGITS = re.compile(r"\[0-9\]\{(\d+)\}")
KNOWN_PATTERNS = {
    "[0-9]*": "alleen cijfers",
    "[0-9]+": "alleen cijfers",
    "([a-zA-Z0-9])+": "alleen letters en cijfers, zonder spaties",
    "[a-zA-Z0-9]+": "alleen letters en cijfers, zonder spaties",
    "[a-zA-ZÀ-ỳ]+": "alleen letters, zonder punten of spaties",
    "([a-zA-ZÀ-ỳ])+": "alleen letters, zonder punten of spaties",
}
BUILTINS = {
    "date": "een bestaande datum als 2025-01-31, zonder tijdzone",
    "time": "een tijd als 13:45:00, zonder tijdzone",
    "integer": "een heel getal",
}
TIME = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]+)?|24:00:00(?:\.0+)?")
WHOLE = re.compile(r"[+-]?[0-9]+")
YEAR_AND_REST = re.compile(r"-?(?:[1-9][0-9]{4,}|[0-9]{4})(-[0-9]{2}-[0-9]{2})")


def listed(names: Sequence[str], joint: str) -> str:
    """``a, b of c``."""
    return f" {joint} ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


@cache
def form(builtin: str, patterns: tuple[str, ...], codes: tuple[str, ...], limits: tuple[tuple[str, str], ...]) -> str:
    """What a field may hold: ``precies 9 cijfers``, ``een van de codes 1, 2 of 3``."""
    if codes:
        few = len(codes) <= MOST_CODES
        return f"een van de codes {listed(codes, 'of')}" if few else "een code uit de codelijst van dit veld"
    for pattern in reversed(patterns):
        if LITERAL.fullmatch(pattern):
            return f"precies {pattern}"
        if digits := DIGITS.fullmatch(pattern):
            return f"precies {digits[1]} cijfers"
    bounds = dict(limits)
    words = [BUILTINS.get(builtin, "")] + [KNOWN_PATTERNS.get(pattern, "") for pattern in patterns]
    if any(r"\." in pattern for pattern in patterns):
        words.append("een versie als 1.0.0")
    if "maxInclusive" in bounds:
        words.append(f"van {bounds.get('minInclusive', '0')} tot en met {bounds['maxInclusive']}")
    if "maxLength" in bounds:
        words.append(f"van 1 tot en met {bounds['maxLength']} tekens, niet alleen spaties")
    return ", ".join(filter(None, words)).replace("getal, van", "getal van") or "een ingevulde waarde"


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
