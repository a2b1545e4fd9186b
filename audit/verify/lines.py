"""What stands in the open: V7 times, V16 mandatory fields, V17 nothing personal, V18 terms, V19 reviews."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from audit.verify.days import is_working
from audit.verify.run import Run
from audit.verify.shapes import Page, Shape
from audit.verify.tree import Check, Lines

SKEW = timedelta(seconds=60)
"""How far two clocks, or two transactions that overlap, may differ."""
REVIEW_DAYS = 5
"""Working days within which emergency access is reviewed; Monday to Friday, holidays count as well."""
PROPOSAL = timedelta(days=62)
"""Time after the term in which what is too old is proposed, approved and destroyed."""


def checks(run: Run) -> list[Check]:
    """Return the checks of this module for one run."""
    return [_Times(run), _Fields(run), _Terms(run), _Reviews(run)]


def moment(text: bytes | str) -> datetime | None:
    """Read a time as headers have it; None if it is none."""
    try:
        return datetime.fromisoformat(text if isinstance(text, str) else text.decode("ascii"))
    except ValueError:
        return None


def stamp(milliseconds: int) -> str:
    """Write a time as headers do."""
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=min(milliseconds, 10**14))
    return written(at)


def written(at: datetime) -> str:
    """Write a time as headers do."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class _Times:
    """V7: the time of entries never goes back by more than clocks differ, nor lies after the export was made."""

    def __init__(self, run: Run) -> None:
        self._run, self._latest = run, b""
        limit = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=run.statement.at) if run.statement else None
        self._limit = written(limit + SKEW).encode() if limit else b"\xff"
        self._told = False

    def take(self, first: int, page: Page, lines: Lines) -> None:
        del lines
        times = page.times
        if not self._told and (not page.ordered or times[0] < self._latest or times[-1] > self._limit):
            self._look(first, times)
        self._latest = max(self._latest, times[-1] if page.ordered else max(times))
        for place in page.kinds.values():  # a time of its own makes a shape of its own
            occurred = page.shapes[place].members.get("occurred")
            if occurred is not None and str(occurred).encode() > _later(times[place]):
                self._tell(first + place, "Deze regel zegt te zijn gebeurd nadat hij werd geschreven.")

    def end(self) -> None:
        pass

    def _look(self, first: int, times: Sequence[bytes]) -> None:
        latest = self._latest
        for place, at in enumerate(times):
            if _later(at) < latest:
                self._tell(first + place, "Deze regel is van vroeger dan een regel die ervoor staat.")
                return
            if at > self._limit:
                self._tell(first + place, "Deze regel is van later dan de uitvoer.")
                return
            latest = max(latest, at)

    def _tell(self, index: int, text: str) -> None:
        self._told = True
        self._run.tampered("V7", self._run.line_file(index), text, index)


def _later(at: bytes) -> bytes:
    """Return the time one `SKEW` later; what is no time is later than any."""
    found = moment(at)
    return written(found + SKEW).encode() if found and found.year < 9999 else b"\xff"


class _Fields:
    """V16 and V17: what each entry must have, and must not."""

    def __init__(self, run: Run) -> None:
        self._run, self._judged = run, dict[int, Shape]()

    def take(self, first: int, page: Page, lines: Lines) -> None:
        del lines
        for place in page.kinds.values():
            shape = page.shapes[place]
            if shape.missing or shape.odd:
                self._tell(first + place, shape)

    def end(self) -> None:
        pass

    def _tell(self, index: int, shape: Shape) -> None:
        """Tell once of each shape: thousands of entries may have it."""
        if id(shape) in self._judged:
            return
        self._judged[id(shape)] = shape
        file = self._run.line_file(index)
        if shape.missing:
            self._run.lacking("V16", file, f"In deze regel ontbreekt: {', '.join(shape.missing)}.", index)
        if shape.odd:
            names = ", ".join(ascii(name) for name in shape.odd[:5])
            self._run.lacking("V17", file, f"Deze velden staan open en horen er zo niet te staan: {names}.", index)


class _Terms:
    """V18: payloads older than the term are gone, unless they must be held; younger ones are not."""

    def __init__(self, run: Run) -> None:
        self._run = run
        statement = run.statement
        self._held = [] if statement is None else [(row[0], row[1]) for row in statement.held]
        self._young = self._old = b""
        self._told: set[str] = set()
        if statement is None or statement.years is None:
            run.cannot("V18", "Bij de uitvoer is geen bewaartermijn gegeven.")
            self._active = False
            return
        self._active = True
        now = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=min(statement.at, 10**14))
        edge = _years_before(now, statement.years)
        self._young, self._old = written(edge).encode(), written(edge - PROPOSAL).encode()
        run.done["V18"] = f"bewaartermijn {statement.years} jaar"

    def take(self, first: int, page: Page, lines: Lines) -> None:
        payloads = lines.payloads
        if not self._active or len(payloads) != len(page.times):
            return
        if min(page.times[0], page.times[-1]) > self._young and all(payloads):
            return
        for place, (at, payload) in enumerate(zip(page.times, payloads, strict=True)):
            index = first + place
            if payload and at < self._old and not any(start <= index <= end for start, end in self._held):
                self._tell("te oud", index, "Deze gegevens zijn ouder dan de bewaartermijn en hadden weg moeten zijn.")
            elif not payload and at > self._young:
                self._tell("te jong", index, "Deze gegevens zijn vernietigd terwijl ze bewaard moesten blijven.")

    def end(self) -> None:
        pass

    def _tell(self, what: str, index: int, text: str) -> None:
        if what not in self._told:
            self._told.add(what)
            self._run.lacking("V18", self._run.line_file(index), text, index)


def _years_before(at: datetime, years: int) -> datetime:
    try:
        return at.replace(year=at.year - years)
    except ValueError:  # 29 February, or a term longer than our calendar
        return at.replace(year=max(1, at.year - years), day=28)


class _Reviews:
    """V19: each emergency access has a review within `REVIEW_DAYS` working days, under the same trace."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._begun: dict[bytes, tuple[int, datetime]] = {}

    def take(self, first: int, page: Page, lines: Lines) -> None:
        del lines
        for place in page.of("noodtoegang.begonnen", "noodtoegang.beoordeeld"):
            at = moment(page.times[place]) or datetime.max.replace(tzinfo=UTC)
            if page.shapes[place].event == "noodtoegang.begonnen":
                self._begun.setdefault(page.traces[place], (first + place, at))
            else:
                self._review(first + place, page.traces[place], at)

    def end(self) -> None:
        if not self._begun:
            return
        if self._run.statement is None:
            self._run.cannot("V19", "Bij de uitvoer staat niet wanneer zij is gemaakt.")
            return
        now = stamp(self._run.statement.at)
        for index, since in self._begun.values():
            if now > written(due(since)):
                self._tell(index, "Deze noodtoegang is niet beoordeeld.")

    def _review(self, index: int, trace: bytes, at: datetime) -> None:
        begun = self._begun.pop(trace, None)
        if begun is not None and at > due(begun[1]):
            self._tell(begun[0], f"Deze noodtoegang is te laat beoordeeld, in regel {index}.")

    def _tell(self, index: int, text: str) -> None:
        self._run.lacking("V19", self._run.line_file(index), text, index)


def due(since: datetime) -> datetime:
    """Return the end of the last working day on which an emergency access may be reviewed."""
    day, left = since, REVIEW_DAYS
    while left and day.year < 9999:
        day += timedelta(days=1)
        left -= is_working(day.date())
    return day.replace(hour=23, minute=59, second=59, microsecond=999_000)
