"""By when what must be done: what is open equals a calendar that is walked day by day, over invented histories."""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, example, given, seed, settings
from hypothesis import strategies as st

from gateway.ledger.page import Page
from gateway.ledger.values import Contract, Declaration, Order, Refusal, Reply, Request, Said, Start, Stop
from gateway.message import Facts
from gateway.terms.decide import Changes, Duty, Kind, Taken, Term, changes, dossiers
from tests.door import CATALOG

HERE = ZoneInfo("Europe/Amsterdam")
EASTER = {2024: "03-31", 2025: "04-20", 2026: "04-05", 2027: "03-28", 2028: "04-16"}
FIXED = ("01-01", "05-05", "12-25", "12-26")
"""Nieuwjaarsdag, Bevrijdingsdag (each year, as the Algemene termijnenwet has it), both days of Christmas."""
BSNS = ("999900006", "999900018")
PARTIES = {"payer": "98000001", "provider": "98000002"}


def free() -> set[date]:
    """The holidays of five years, each in the words of the law (art. 3 Algemene termijnenwet)."""
    days = set()
    for year, text in EASTER.items():
        easter = date.fromisoformat(f"{year}-{text}")
        days |= {date.fromisoformat(f"{year}-{each}") for each in FIXED}
        king = date(year, 4, 27)
        days.add(king if king.strftime("%a") != "Sun" else date(year, 4, 26))
        # Goede Vrijdag, tweede paasdag, Hemelvaartsdag, tweede pinksterdag.
        days |= {easter + timedelta(days=each) for each in (-2, 1, 39, 50)}
    return days


FREE = free()


def last_day(day: date, count: int) -> date:
    """Walk on, day by day, until so many working days were met."""
    while count:
        day += timedelta(days=1)
        if day.strftime("%a") not in {"Sat", "Sun"} and day not in FREE:
            count -= 1
    return day


def over(day: date) -> datetime:
    following = day + timedelta(days=1)
    return datetime(following.year, following.month, following.day, tzinfo=HERE)


@dataclass
class Told:
    """A message that was taken in."""

    at: datetime
    facts: Facts
    said: tuple[Said, ...]
    refused: bool = False
    answered: bool = False

    @property
    def name(self) -> str:
        return f"{self.facts.sender}/{self.facts.type}/{self.facts.identification}"


@dataclass
class Calendar:
    """Who must do what by when, found by reading all messages again each time: no difference, no fold of ours."""

    told: list[Told] = field(default_factory=list)
    since: dict[tuple[Any, ...], datetime] = field(default_factory=dict)
    """When something was first to be done: from then its days are counted."""
    open: dict[tuple[Any, ...], datetime] = field(default_factory=dict)

    def take(self, one: Told) -> None:
        if one.facts.answers:
            asked = next(
                each for each in self.told
                if each.facts.identification == one.facts.answers and each.facts.sender == one.facts.receiver
            )  # fmt: skip
            asked.answered = True
            asked.refused = any(isinstance(each, Refusal) for each in one.said)
        self.told.append(one)
        self.open = {}
        for what, due in self._duties():
            first = self.since.setdefault(what, one.at)
            self.open[what] = due(first.astimezone(HERE).date())

    def _duties(self) -> Any:
        for each in self.told:
            number = each.facts.type[-3:]
            kind, days = {"323": ("declaratieantwoord", 10), "331": ("besluit", 10), "341": ("besluit", 10)}.get(
                number, ("retour", 3)
            )
            if not each.answered and number in {*RETOURS, "323", "331", "341"}:
                yield (kind, each.name, ""), lambda day, days=days: over(last_day(day, days))
        for bsn in {said.bsn for each in self.told for said in each.said if said.bsn}:
            yield from self._requests(bsn)
            yield from self._deliveries(bsn)

    def _counts(self, bsn: str) -> list[tuple[Told, Said]]:
        return [(each, said) for each in self.told if not each.refused for said in each.said if said.bsn == bsn]

    def _requests(self, bsn: str) -> Any:
        counts = self._counts(bsn)
        for where, request in counts:
            if isinstance(request, Request):
                about = f"referentie/JW/{PARTIES['provider']}/{request.reference}"
                same = [each for _, each in counts if getattr(each, "reference", "") == request.reference]
                replies = [each for one in self.told if not one.refused for each in one.said if isinstance(each, Reply)]
                answers = {each.answer for each in replies if each.reference == request.reference}
                if "1" in answers or any(isinstance(each, Order) for each in same):
                    continue
                if "2" in answers:
                    end = date.fromisoformat(where.facts.dated) + timedelta(days=56)
                    yield ("onderzoek", where.name, about), lambda _, end=end: over(end)
                else:
                    yield ("antwoord", where.name, about), lambda day: over(last_day(day, 5))

    def _deliveries(self, bsn: str) -> Any:
        counts = self._counts(bsn)
        for number in {each.number for _, each in counts if isinstance(each, Order)}:
            about = f"nummer/JW/{PARTIES['payer']}/{number}"
            orders = [(where, each) for where, each in counts if isinstance(each, Order) and each.number == number]
            if not orders:
                continue
            newest = max(enumerate(orders), key=lambda each: (each[1][1].date, each[1][1].time, each[0]))[1][1]
            if newest.reason == "13":
                continue
            ended = self._last_delivery(counts, number)
            name, wanted = ("start", newest.begin) if ended is None else ("stop", newest.end)
            if wanted and not ended:
                dates = "begin" if name == "start" else "end"
                first = next(where for where, each in orders if getattr(each, dates) == wanted)
                day = date.fromisoformat(wanted)
                yield (name, first.name, about), lambda told, day=day: over(last_day(max(told, day), 5))

    def _last_delivery(self, counts: list[tuple[Told, Said]], number: int) -> bool | None:
        """Whether the delivery that began last is stopped for good; None if none stands."""
        runs: dict[str, dict[str, str]] = {}
        reports = [each for _, each in counts if isinstance(each, Start | Stop) and each.number == number]
        for each in reports:
            stops = runs.get(each.begin)
            if isinstance(each, Start):
                if each.status != "3" and stops is None:
                    runs[each.begin] = {}
                elif each.status == "3" and stops == {}:
                    del runs[each.begin]
            elif stops is not None:
                kind = "pause" if each.reason == "20" else "end"
                if each.status == "3":
                    if stops.get(kind) == each.end and (kind == "end" or "end" not in stops):
                        del stops[kind]
                elif (
                    "end" not in stops
                    and kind not in stops
                    and not (kind == "end" and stops.get("pause", "") > each.end)
                ):
                    stops[kind] = each.end
        return "end" in runs[max(runs)] if runs else None


class Kept:
    """What a database would hold after the changes of each commit."""

    def __init__(self) -> None:
        self.rows: dict[Duty, tuple[Term, bool]] = {}

    def write(self, found: Changes, answered: set[str]) -> None:
        for duty, (term, is_open) in self.rows.items():
            gone = duty in found.done or (not duty.about and duty.message in answered)
            self.rows[duty] = term, is_open and not gone
        for duty, term in found.opened.items():
            self.rows[duty] = self.rows.get(duty, (term, True))[0], duty not in found.done

    def open(self) -> dict[tuple[str, str, str], datetime]:
        rows = self.rows.items()
        return {(duty.kind.value, duty.message, duty.about): term.due for duty, (term, is_open) in rows if is_open}


BEGINS, ENDS = ("2024-03-25", "2026-04-24", "2027-12-20"), ("2025-04-30", "2026-12-23", "2028-05-01", "")
RETOURS = {"301": "302", "305": "306", "307": "308", "315": "316", "317": "318", "319": "320"}
PAYS = {"301", "306", "308", "316", "318", "319", "325", "341"}
PICK = st.integers(0, 5)
KINDS = ["301", "301", "305", "305", "307", "315", "317", "319", "323", "341", "retour", "retour"]
HOURS = [0, 0, 1, 7, 30, 65, 24 * 5, 24 * 40, 24 * 190]
STEP = st.tuples(st.sampled_from(KINDS), PICK, PICK, PICK, PICK, st.sampled_from(HOURS))


def said_by(kind: str, bsn: str, a: int, b: int, c: int, place: int) -> tuple[Said, ...]:
    number, begin = 1 + a % 2, BEGINS[b % 3]
    code = {"category": "45", "code": f"45A0{number}"}
    match kind:
        case "301":
            day = f"2024-01-{1 + place // 2:02}" if c == 5 else f"2024-02-{1 + place:02}"
            order = Order(
                bsn=bsn, number=number, date=day, time="09:00:00", begin=begin, end=ENDS[c % 4], **code,
                reference=f"V{b}" if c == 1 else "",
            )  # fmt: skip
            return (replace(order, end=begin, reason="13"),) if c == 4 else (order,)
        case "305":
            return (Start(bsn=bsn, number=number, begin=begin, status="3" if c == 5 else "1", **code),)
        case "307":
            reason = "20" if c in {0, 1} else "31"
            return (
                Stop(bsn=bsn, number=number, begin=begin, end=f"2028-01-0{1 + a}", reason=reason,
                     status="3" if b == 5 else "1", **code),
            )  # fmt: skip
        case "315" | "317":
            return (Request(bsn=bsn, reference=f"V{b}"),)
        case "319":
            return (Reply(reference=f"V{b}", answer="1" if c % 2 else "2"),)
        case "323":
            return (Declaration(number=f"D{place}", begin="2026-01-01", total=0),)
        case _:
            return (Contract(number=f"C{place}", variant="I", begin="2026-01-01", days=30),)


def facts_of(kind: str, place: int, at: datetime, answers: str | None = None) -> Facts:
    parties = tuple(PARTIES.values())
    sender, receiver = parties if kind in PAYS else parties[::-1]
    return Facts(
        type=f"ho{kind}", release="1.0", sender=sender, receiver=receiver, identification=f"M{place}",
        dated=at.astimezone(HERE).date().isoformat(), answers=answers, wet="JW",
    )  # fmt: skip


def history(steps: list[tuple[Any, ...]], batch: int) -> tuple[Calendar, Kept, Counter[str]]:
    """Play steps as far as the ledger allows them, ``batch`` at a time in one commit."""
    page, calendar, kept, seen = Page(levels={3}), Calendar(), Kept(), Counter[str]()
    at = datetime(2024, 3, 20, 21, 30, tzinfo=HERE)
    waiting: list[Taken] = []
    for place, (step, a, b, c, client, hours) in enumerate(steps):
        kind = step
        if not len(waiting) % batch:
            at = at + timedelta(hours=hours)
        asked = None
        if kind == "retour":
            unanswered = [each for each in calendar.told if not each.answered and each.facts.type[-3:] in RETOURS]
            if not unanswered:
                continue
            asked = unanswered[-1 - a % min(3, len(unanswered))]
            kind = RETOURS[asked.facts.type[2:]]
        said = said_by(kind, BSNS[client % 2], a, b, c, place) if asked is None else (Refusal(),) * (b % 2)
        facts = facts_of(kind, place, at, asked.facts.identification if asked else None)
        if page.hear(facts, said):
            continue
        seen[kind] += 1
        calendar.take(Told(at, facts, said))
        waiting.append(
            Taken(facts=facts, card=CATALOG.of(facts), answers=asked.name if asked else "",
                  dossiers=dossiers(facts, page.turns))
        )  # fmt: skip
        if len(waiting) == batch:
            kept.write(changes(waiting, at), {each.answers for each in waiting})
            waiting.clear()
    kept.write(changes(waiting, at), {each.answers for each in waiting})
    seen.update(f"open {what[0]}" for what in calendar.open)
    return calendar, kept, seen


ORDERED, STARTED, AGAIN = ("301", 0, 0, 0, 0, 0), ("305", 0, 0, 0, 0, 7), ("305", 0, 1, 0, 0, 30)
PAUSED, STOPPED = ("307", 0, 0, 0, 0, 30), ("307", 0, 0, 2, 0, 30)


@example([ORDERED, STARTED, PAUSED], 1)
@example([ORDERED, STARTED, PAUSED, STOPPED], 1)
@example([ORDERED, STARTED, STOPPED, AGAIN], 1)
@example([("315", 0, 0, 0, 0, 1), ("319", 0, 0, 0, 0, 30)], 1)
@seed(5)
@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(STEP, min_size=1, max_size=30), st.sampled_from([1, 1, 4]))
def test_what_is_open_is_what_a_calendar_says_that_is_walked_day_by_day(steps: list[tuple[Any, ...]], batch: int):
    calendar, kept, _ = history(steps, batch)
    assert kept.open() == calendar.open


def test_the_walks_above_meet_every_kind_of_term():
    seen = Counter[str]()

    @seed(5)
    @settings(max_examples=100, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(STEP, min_size=20, max_size=30))
    def walk(steps: list[tuple[Any, ...]]) -> None:
        seen.update(history(steps, 1)[2])

    walk()
    assert {f"open {kind.value}" for kind in Kind} <= seen.keys(), seen
    assert {"301", "302", "305", "306", "307", "315", "319", "323", "341"} <= seen.keys(), seen
