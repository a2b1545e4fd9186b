"""What an officer asks of the log: a form becomes a question, or all that is wrong with it in Dutch; pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from itertools import starmap
from operator import mul
from typing import Any
from zoneinfo import ZoneInfo

from audit.catalogue import kinds
from audit.search import FOR_EVER, Wanted
from gateway.oversight import purposes

ZONE = ZoneInfo("Europe/Amsterdam")
_MESSAGE = re.compile(r"[0-9a-f]{32}")
_BSN = re.compile(r"[0-9]{9}")
_ACTOR = re.compile(r"[a-z0-9][a-z0-9.-]{1,63}")
_WEIGHTS = (9, 8, 7, 6, 5, 4, 3, 2, -1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One search, with what it is for."""

    since: str = ""
    """First day, ISO 8601, on the clock of the Netherlands; empty: from the beginning."""
    until: str = ""
    """Last day; empty: until now."""
    message: str = ""
    events: tuple[str, ...] = ()
    actor: str = field(default="", repr=False)
    bsn: str = field(default="", repr=False)
    purpose: str
    reason: str = field(repr=False)

    def wanted(self, party: str) -> Wanted:
        """Return what that means in the log, for an officer of this party."""
        return Wanted(
            party=party,
            since=_midnight(self.since) if self.since else 0,
            until=_midnight(self.until, 1) if self.until else FOR_EVER,
            message=self.message,
            events=self.events,
            actor=self.actor,
            subject=self.bsn,
        )

    def told(self) -> dict[str, Any]:
        """Return the question as it stands, sealed, in the log (NEN 7513 7.4.12): only what was asked."""
        names = {
            "since": "van", "until": "tot en met", "message": "bericht", "events": "soort", "actor": "wie",
            "bsn": "bsn",
        }  # fmt: skip
        return {names[name]: value for name, value in asdict(self).items() if name in names and value}


def read(form: Mapping[str, str], chosen: Mapping[str, Sequence[str]], *, people: bool) -> Question | dict[str, str]:
    """Make a question of a form, or say per field what is wrong with it.

    ``people`` says whether this officer may ask who and about whom; else those fields are not there for him.
    """
    bsn = re.sub(r"[ .-]", "", form.get("bsn", "")) if people else ""
    actor = form.get("wie", "").lower() if people else ""
    message = form.get("bericht", "").lower().replace("-", "")
    events = tuple(dict.fromkeys(each for each in chosen.get("soort", ()) if each))
    wrong = purposes.faults(form) | _period_faults(form)
    if bsn and (fault := bsn_fault(bsn)):
        wrong["bsn"] = fault
    if message and not _MESSAGE.fullmatch(message):
        wrong["bericht"] = "Een berichtnummer heeft 32 tekens: cijfers en de letters a tot en met f."
    if actor and not _ACTOR.fullmatch(actor):
        wrong["wie"] = "Vul de code van een partij in (8 of 4 cijfers), of de login van een functionaris."
    if set(events) - kinds().keys():
        wrong["soort"] = "Kies soorten uit de lijst."
    if wrong:
        return wrong
    return Question(
        since=form.get("van", ""), until=form.get("tot", ""), message=message, events=events, actor=actor, bsn=bsn,
        purpose=form["doel"], reason=form["reden"],
    )  # fmt: skip


def bsn_fault(bsn: str) -> str:
    """Say why this is no BSN; empty if it can be one (nine digits that pass the 11-check, CS002)."""
    if not _BSN.fullmatch(bsn):
        return "Een BSN heeft 9 cijfers."
    if bsn == "000000000" or sum(starmap(mul, zip(_WEIGHTS, map(int, bsn), strict=True))) % 11:
        return "Dit is geen BSN: het nummer voldoet niet aan de elfproef. Controleer de cijfers."
    return ""


def masked(bsn: str) -> str:
    """Return a BSN of which only the end can be read, enough to tell two apart."""
    return f"••••••{bsn[-3:]}" if bsn else ""


def local_day(at: int) -> str:
    """Return on which day in the Netherlands a moment (ms since 1970, UTC) was, ISO 8601."""
    return datetime.fromtimestamp(at / 1000, ZONE).date().isoformat()


def _period_faults(form: Mapping[str, str]) -> dict[str, str]:
    days = {name: form.get(name, "") for name in ("van", "tot")}
    wrong = {
        name: "Schrijf een bestaande datum als 2026-03-31." for name, day in days.items() if day and not _is_day(day)
    }
    if not wrong and days["van"] and days["tot"] and days["van"] > days["tot"]:
        wrong["tot"] = "De laatste dag ligt voor de eerste."
    return wrong


def _is_day(text: str) -> bool:
    try:
        return re.fullmatch(r"[12][0-9]{3}-[0-9]{2}-[0-9]{2}", text) is not None and bool(date.fromisoformat(text))
    except ValueError:
        return False


def _midnight(day: str, later: int = 0) -> int:
    """Return when a day begins in the Netherlands, or one some days later: ms since 1970, UTC."""
    begins = date.fromisoformat(day) + timedelta(days=later)
    return int(datetime(begins.year, begins.month, begins.day, tzinfo=ZONE).timestamp() * 1000)
