"""Reading that is out of the ordinary: from counts of lines to signals worth a look; pure.

No payload is opened for this: when, what kind of event and the blind index of who did it are enough. The bounds and why
they are what they are stand in ``signals.toml``. Days and hours are those of the clock in the Netherlands.
"""

import hashlib
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib import resources
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from audit.catalogue import kinds

ZONE = ZoneInfo("Europe/Amsterdam")
HOUR = 3_600_000
DAY = 24 * HOUR
EXPORTS = frozenset({"overzicht.geexporteerd", "dossier.geexporteerd", "logboek.geexporteerd"})
NOT_LET_IN = "functionaris.geweigerd"
EMERGENCY = "noodtoegang.begonnen"
CHECKED = "logboek.gecontroleerd"
"""Done by the gateway itself each night, and of nobody in particular."""
_MAD = 1.4826
"""Makes the MAD of normally spread numbers equal to their standard deviation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How many lines of one kind one actor has in one hour."""

    actor: str
    """Blind index, in hex."""
    event: str
    at: int
    """Begin of the hour, in ms since 1970, UTC."""
    lines: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One line that says that somebody looked at data about one person."""

    actor: str
    at: int
    person: int
    """Random id of the person's row in the log, never a BSN."""
    first: int | None
    last: int | None
    """When messages about this person came and went at this party, for the first and the last time; None: never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """Something worth a look."""

    kind: str
    """Name in ``signals.toml``."""
    actor: str
    since: int
    until: int
    """The period, in ms since 1970, UTC; ``until`` lies outside it."""
    count: int
    bound: int
    """It came up because ``count`` is this or more."""

    @property
    def key(self) -> str:
        """Name this signal: the same for the same actor, kind and period, and telling none of them."""
        return hashlib.sha256(f"{self.kind}|{self.actor}|{self.since}".encode()).hexdigest()[:32]


@cache
def bounds() -> Mapping[str, Any]:
    """Return the bounds, as they stand in ``signals.toml``."""
    return tomllib.loads(resources.files("gateway.oversight").joinpath("signals.toml").read_text(encoding="utf-8"))


@cache
def human_reading() -> frozenset[str]:
    """Return the events by which people read: what officers do.

    Not what the systems of parties fetch: that is what was sent to them, and a peak there says that much was sent.
    """
    codes = (code for code, kind in kinds().items() if kind.activity == "toezicht" and kind.action == "R")
    return frozenset(codes) - {CHECKED}


def wanted() -> frozenset[str]:
    """Return the events that are counted."""
    return human_reading() | EXPORTS | {NOT_LET_IN, EMERGENCY}


def begin_of(at: int, *, back: int = 0) -> int:
    """Return when the day of ``at`` began in the Netherlands, or one some days before it."""
    return _midnight(day_of(at) - timedelta(days=back))


def day_of(at: int) -> date:
    """Return the day of a moment in the Netherlands."""
    return _local(at).date()


def signals(
    counts: Sequence[Count], looks: Sequence[Look], *, at: int, unknown: frozenset[str] = frozenset()
) -> list[Signal]:
    """Return what stands out in the days that are judged, up to ``at``, the newest first.

    ``counts`` go back far enough to be the past of the first of those days: see `reach`. ``unknown`` are the indexes
    under which attempts on accounts that do not exist are logged.
    """
    since = begin_of(at, back=bounds()["venster"]["dagen"])
    found = [
        *_peaks(counts),
        *_at_night(counts),
        *_many(looks),
        *_without_relation(looks),
        *_a_day(
            "aanmelden", counts, {NOT_LET_IN}, lambda actor: "minstens_onbekend" if actor in unknown else "minstens"
        ),
        *_a_day("uitvoer", counts, EXPORTS, lambda _: "minstens"),
        *_emergencies(counts),
    ]
    return sorted((one for one in found if one.since >= since), key=lambda one: (-one.since, one.kind, one.actor))


def reach(at: int) -> int:
    """Return from when on counts are needed to judge until ``at``."""
    window = bounds()["venster"]
    return begin_of(at, back=window["dagen"] + window["verleden"])


def days(counts: Iterable[Count], events: Iterable[str]) -> dict[str, dict[date, int]]:
    """Return how many lines of these kinds each actor has on each day."""
    chosen, found = frozenset(events), defaultdict[str, dict[date, int]](lambda: defaultdict(int))
    for each in counts:
        if each.event in chosen:
            found[each.actor][day_of(each.at)] += each.lines
    return {actor: dict(per_day) for actor, per_day in found.items()}


def limit(past: Sequence[int]) -> float:
    """Return above which number a day is unlike these days: median and MAD, with the least spread that we believe."""
    middle = median(past)
    spread = max(median(abs(each - middle) for each in past), middle / 10, 1)
    return float(middle + _of("piek")["maat"] * _MAD * spread)


def _peaks(counts: Sequence[Count]) -> Iterator[Signal]:
    per_actor, bound = days(counts, human_reading()), _of("piek")
    for actor, per_day in per_actor.items():
        for day, count in per_day.items():
            if count < bound["minstens"]:
                continue
            others = [n for peer, its in per_actor.items() if peer != actor for n in _past(its, day)]
            usual = _usual(_past(per_day, day), others)
            if count > usual:
                yield _on("piek", actor, day, count, int(usual) + 1)


def _usual(own: Sequence[int], others: Sequence[int]) -> float:
    """Return how much an actor may read on a day: from its own past, else from that of its peers, else a fixed number.

    Who reads more than his own past would say, but no more than his peers do on a common day, only does his work.
    """
    bound = _of("piek")
    if len(own) >= bound["dagen_nodig"]:
        return float(max(limit(own), median(others) if others else 0, bound["minstens"] - 1))
    if len(others) >= bound["dagen_nodig"]:
        return float(max(limit(others), bound["minstens"] - 1))
    return float(bound["zonder_verleden"] - 1)


def _past(per_day: Mapping[date, int], day: date) -> list[int]:
    begin = day - timedelta(days=bounds()["venster"]["verleden"])
    return [count for each, count in per_day.items() if begin <= each < day]


def _at_night(counts: Sequence[Count]) -> Iterator[Signal]:
    bound = _of("nacht")
    found = defaultdict[tuple[str, date], int](int)
    for each in counts:
        here = _local(each.at)
        late = here.hour >= bound["van"] or here.hour < bound["tot"] or here.weekday() >= 5
        if late and each.event in human_reading():
            found[each.actor, here.date()] += each.lines
    yield from (
        _on("nacht", actor, day, count, bound["minstens"])
        for (actor, day), count in found.items()
        if count >= bound["minstens"]
    )


def _many(looks: Sequence[Look]) -> Iterator[Signal]:
    """Yield who saw many persons within some hour, from whichever minute that is counted; once a day."""
    bound, per_actor = _of("velen")["minstens"], defaultdict[str, list[Look]](list)
    for look in sorted(looks, key=lambda each: each.at):
        per_actor[look.actor].append(look)
    for actor, its in per_actor.items():
        most, within, first = defaultdict[date, int](int), Counter[int](), 0
        for look in its:
            within[look.person] += 1
            while its[first].at <= look.at - HOUR:
                within[its[first].person] -= 1
                first += 1
            within += Counter()  # drops who is no longer in it
            day = day_of(look.at)
            most[day] = max(most[day], len(within))
        yield from (_on("velen", actor, day, count, bound) for day, count in most.items() if count >= bound)


def _without_relation(looks: Sequence[Look]) -> Iterator[Signal]:
    bound = _of("relatie")
    found = defaultdict[tuple[str, date], set[int]](set)
    for look in looks:
        known = look.first is not None and look.last is not None and look.first <= look.at
        if not known or (look.last or 0) < look.at - bound["dagen"] * DAY:
            found[look.actor, day_of(look.at)].add(look.person)
    for (actor, day), people in found.items():
        if len(people) >= bound["minstens"]:
            yield _on("relatie", actor, day, len(people), bound["minstens"])


def _a_day(kind: str, counts: Sequence[Count], events: Iterable[str], bound_of: Any) -> Iterator[Signal]:
    for actor, per_day in days(counts, events).items():
        bound = _of(kind)[bound_of(actor)]
        yield from (_on(kind, actor, day, count, bound) for day, count in per_day.items() if count >= bound)


def _emergencies(counts: Sequence[Count]) -> Iterator[Signal]:
    """Yield each day on which emergency access was used, if it was used too often in the days up to it."""
    bound = _of("noodtoegang")
    for actor, per_day in days(counts, {EMERGENCY}).items():
        for day in per_day:
            begin = day - timedelta(days=bound["dagen"] - 1)
            count = sum(number for each, number in per_day.items() if begin <= each <= day)
            if count >= bound["minstens"]:
                yield _between("noodtoegang", actor, begin, day, count, bound["minstens"])


def _on(kind: str, actor: str, day: date, count: int, bound: int) -> Signal:
    return _between(kind, actor, day, day, count, bound)


def _between(kind: str, actor: str, first: date, last: date, count: int, bound: int) -> Signal:
    since, until = _midnight(first), _midnight(last + timedelta(days=1))
    return Signal(kind=kind, actor=actor, since=since, until=until, count=count, bound=bound)


def _of(kind: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = bounds()["signaal"][kind]
    return found


def _local(at: int) -> datetime:
    return datetime.fromtimestamp(at / 1000, UTC).astimezone(ZONE)


def _midnight(day: date) -> int:
    return int(datetime.combine(day, time(), ZONE).timestamp()) * 1000
