"""The retention policy as data: class by class how long, from when, on what ground, and what is then destroyed; pure.

It comes from ``policy.toml``; an operator may keep another term for a class, in a file of his own and within the bounds
that stand there.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import resources
from typing import Any

_TERM = re.compile(r"([1-9][0-9]{0,3}) (dagen|jaar)")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class TermsError(Exception):
    """The operator's terms cannot be used; the text says all that is wrong with them, in Dutch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """So many days or years."""

    number: int
    unit: str
    """``dagen`` or ``jaar``."""

    def __str__(self) -> str:
        """Return it in words."""
        return f"{self.number} {'dag' if (self.number, self.unit) == (1, 'dagen') else self.unit}"

    def days(self) -> int:
        """Return how many days it is, a year counted as 365: only to compare."""
        return self.number * (365 if self.unit == "jaar" else 1)

    def before(self, moment: datetime) -> datetime:
        """Return the moment one term earlier; 29 February becomes the 28th: a day longer kept, never a day shorter."""
        if self.unit == "dagen":
            return moment - timedelta(days=self.number)
        if (moment.month, moment.day) == (2, 29):
            moment = moment.replace(day=28)
        return moment.replace(year=moment.year - self.number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One class of what is kept."""

    code: str
    title: str
    kind: str
    """``bericht``, ``logregel``, ``grootboek``, ``weigering``, ``incident``, ``zitting`` or ``back-up``."""
    archive: bool
    """Of messages: those of a party that keeps its archive here."""
    wet: str
    types: tuple[str, ...]
    term: Term
    least: Term
    most: Term | None
    begin: str
    ground: str
    destroyed: str
    stays: str

    def cutoff(self, now: datetime) -> int:
        """Return the moment (ms since 1970, UTC) before which a term must have begun to be over ``now``.

        A book year ends on 31 December here, whatever the clock of UTC says of that evening: never a year too early.
        """
        edge = self.term.before(now)
        if self.begin == "einde boekjaar":
            edge = datetime(edge.year, 1, 1, tzinfo=UTC) - timedelta(days=1)
        return (edge - _EPOCH) // timedelta(milliseconds=1)


Policy = Mapping[str, Rule]
"""The classes by their code, in the order of the file."""


@cache
def standard() -> Policy:
    """Return the policy as it comes with the gateway."""
    text = resources.files("gateway.retention").joinpath("policy.toml").read_text(encoding="utf-8")
    return {code: _rule(code, told) for code, told in tomllib.loads(text).items()}


def with_terms(text: str) -> Policy:
    """Return the policy with the terms that an operator chose; raise TermsError with everything that is wrong."""
    try:
        chosen = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TermsError(f"bewaartermijnen.toml is niet te lezen: {error}") from None
    rules, wrong = dict(standard()), []
    for code, told in chosen.items():
        if trouble := _fault(rules.get(code), code, told):
            wrong.append(trouble)
        else:
            rules[code] = replace(rules[code], term=_term(told["termijn"]))
    if wrong:
        raise TermsError("\n".join(wrong))
    return rules


def log_years(policy: Policy) -> int:
    """Return for how many years the payload of a log line is kept at least."""
    return policy["logboek"].term.days() // 365


def _fault(rule: Rule | None, code: str, told: Any) -> str:
    if rule is None:
        return f"Onbekende klasse [{code}]. Mogelijk zijn: {', '.join(standard())}."
    if not isinstance(told, dict) or set(told) != {"termijn"}:
        return f"[{code}]: noem alleen 'termijn'."
    if not isinstance(told["termijn"], str) or not _TERM.fullmatch(told["termijn"]):
        return f"[{code}]: 'termijn' is een aantal dagen of jaar tussen aanhalingstekens, zoals \"{rule.term}\"."
    days = _term(told["termijn"]).days()
    if days < rule.least.days():
        return f"[{code}]: de termijn is ten minste {rule.least} ({rule.ground})."
    if rule.most and days > rule.most.days():
        return f"[{code}]: de termijn is ten hoogste {rule.most} ({rule.ground})."
    return ""


def _rule(code: str, told: Mapping[str, Any]) -> Rule:
    return Rule(
        code=code, title=told["titel"], kind=told["soort"], archive=told.get("archief", False), wet=told.get("wet", ""),
        types=tuple(told.get("typen", ())), term=_term(told["termijn"]), least=_term(told["minstens"]),
        most=_term(told["hoogstens"]) if "hoogstens" in told else None, begin=told["begin"], ground=told["grond"],
        destroyed=told["weg"], stays=told["blijft"],
    )  # fmt: skip


def _term(text: str) -> Term:
    found = _TERM.fullmatch(text)
    if found is None:
        raise ValueError("not a term")
    return Term(number=int(found[1]), unit=found[2])
