"""Start and stop of delivery (305, 307) against what was granted, started and stopped before."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from gateway.ledger.dossier import Case, Fault
from gateway.ledger.values import Said, Start, Stop
from gateway.rules.klasse import after

TAKEN_BACK = "3"
"""StatusAanlevering of what takes an earlier start or stop back."""
TEMPORARY = "20"
"""RedenBeeindiging of a temporary stop."""


class State(StrEnum):
    """How a delivery stands that began on one day."""

    ABSENT = "not started"
    RUNNING = "running"
    PAUSED = "temporarily stopped"
    STOPPED = "stopped"
    PAUSED_STOPPED = "temporarily stopped, then stopped"


class Step(StrEnum):
    """What a start or a stop does to it."""

    START = "start"
    PAUSE = "temporary stop"
    STOP = "stop"
    UNDO_START = "start taken back"
    UNDO_PAUSE = "temporary stop taken back"
    UNDO_STOP = "stop taken back"


FLOW: Mapping[tuple[State, Step], State | str] = {
    (State.ABSENT, Step.START): State.RUNNING,
    (State.ABSENT, Step.PAUSE): "TR382",
    (State.ABSENT, Step.STOP): "TR382",
    (State.ABSENT, Step.UNDO_START): "TR063",
    (State.ABSENT, Step.UNDO_PAUSE): "TR063",
    (State.ABSENT, Step.UNDO_STOP): "TR063",
    (State.RUNNING, Step.START): "TR074",
    (State.RUNNING, Step.PAUSE): State.PAUSED,
    (State.RUNNING, Step.STOP): State.STOPPED,
    (State.RUNNING, Step.UNDO_START): State.ABSENT,
    (State.RUNNING, Step.UNDO_PAUSE): "TR063",
    (State.RUNNING, Step.UNDO_STOP): "TR063",
    (State.PAUSED, Step.START): "TR074",
    (State.PAUSED, Step.PAUSE): "TR413",
    (State.PAUSED, Step.STOP): State.PAUSED_STOPPED,
    (State.PAUSED, Step.UNDO_START): "TR071",
    (State.PAUSED, Step.UNDO_PAUSE): State.RUNNING,
    (State.PAUSED, Step.UNDO_STOP): "TR063",
    (State.STOPPED, Step.START): "TR074",
    (State.STOPPED, Step.PAUSE): "TR415",
    (State.STOPPED, Step.STOP): "TR415",
    (State.STOPPED, Step.UNDO_START): "TR071",
    (State.STOPPED, Step.UNDO_PAUSE): "TR063",
    (State.STOPPED, Step.UNDO_STOP): State.RUNNING,
    (State.PAUSED_STOPPED, Step.START): "TR074",
    (State.PAUSED_STOPPED, Step.PAUSE): "TR415",
    (State.PAUSED_STOPPED, Step.STOP): "TR415",
    (State.PAUSED_STOPPED, Step.UNDO_START): "TR071",
    (State.PAUSED_STOPPED, Step.UNDO_PAUSE): State.STOPPED,
    (State.PAUSED_STOPPED, Step.UNDO_STOP): State.PAUSED,
}
"""What follows, or the rule that forbids it (IV008, OP377 to OP379)."""

Report = Start | Stop
Key = tuple[int | None, str, str, str]
"""Order, product and first day: what a start and the stops of it have in common."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A delivery that began on one day, with the stops of it that stand."""

    state: State = State.ABSENT
    pause: Stop | None = None
    stop: Stop | None = None


class Deliveries:
    """All deliveries to one client, as they follow from the starts and stops so far."""

    def __init__(self) -> None:
        self._by_key: dict[Key, Delivery] = {}
        self._running: Counter[tuple[object, ...]] = Counter()
        """How many starts are current, by order, or without orders by product."""

    def take(self, report: Report) -> str | None:
        """Take one start or stop; return the rule that forbids it, and then nothing has changed."""
        key = (report.number, report.category, report.code, report.begin)
        before = self._by_key.get(key, Delivery())
        outcome = advance(before, report)
        if isinstance(outcome, str):
            return outcome
        order = (report.number,) if report.number is not None else (report.category, report.code)
        if step_of(report) == Step.START and self._running[order]:
            return "TR326"
        self._running[order] += (outcome.state == State.RUNNING) - (before.state == State.RUNNING)
        self._by_key[key] = outcome
        return None


def step_of(report: Report) -> Step:
    """Return what this report does."""
    undone = report.status == TAKEN_BACK
    if isinstance(report, Start):
        return Step.UNDO_START if undone else Step.START
    if report.reason == TEMPORARY:
        return Step.UNDO_PAUSE if undone else Step.PAUSE
    return Step.UNDO_STOP if undone else Step.STOP


def advance(delivery: Delivery, report: Report) -> Delivery | str:
    """Return the delivery after this report, or the rule that forbids it."""
    outcome = FLOW[delivery.state, step_of(report)]
    if isinstance(report, Stop):
        return _stopped(delivery, report, outcome)
    return replace(delivery, state=outcome) if isinstance(outcome, State) else outcome


def _stopped(delivery: Delivery, stop: Stop, outcome: State | str) -> Delivery | str:
    temporary, undone = stop.reason == TEMPORARY, stop.status == TAKEN_BACK
    known = delivery.pause if temporary else delivery.stop
    same = known is not None and (known.end, known.reason) == (stop.end, stop.reason)
    if undone and not same:
        return "TR063"
    if same and not undone:
        return "TR074"
    if not isinstance(outcome, State):
        return outcome
    if delivery.pause is not None and not temporary and not undone and after(delivery.pause.end, stop.end):
        return "TR414"
    stands = None if undone else stop
    return (
        replace(delivery, state=outcome, pause=stands) if temporary else replace(delivery, state=outcome, stop=stands)
    )


def forbidden(case: Case) -> tuple[tuple[Said, str], ...]:
    """Return the reports of this message that may not be, each with the rule that forbids it.

    What takes back comes first: a correction in one message is a removal and a new report, and their order means
    nothing (OP080). What an earlier message said has no effect if the one that it built on was refused since.
    """
    so_far = Deliveries()
    for heard in case.record:
        for each in _removals_first(heard.said):
            so_far.take(each)
    found = []
    for each in _removals_first(case.said):
        granted = each.number is None or each.number in case.orders
        code = so_far.take(each) if granted or each.status == TAKEN_BACK else "TR019"
        if code:
            found.append((each, code))
    return tuple(found)


def _removals_first(said: tuple[Said, ...]) -> list[Report]:
    reports = [each for each in said if isinstance(each, Start | Stop)]
    return sorted(reports, key=lambda report: report.status != TAKEN_BACK)


def _broken(case: Case, code: str, field: str) -> Iterator[Fault]:
    return ((report, field) for report, broken in case.once(forbidden) if broken == code)


def tr019(case: Case) -> Iterator[Fault]:
    """A start or stop with a number belongs to an assignment with that number (iStandaarden 3.2, TR019).

    Without a number nothing is granted one by one (taakgericht, IV096). A removed assignment still has its number:
    whoever sends need not know yet that it was removed (OP095).
    """
    return _broken(case, "TR019", "ToewijzingNummer")


def tr063(case: Case) -> Iterator[Fault]:
    """Only what was reported with the same key, and still stands, can be taken back (TR063)."""
    return _broken(case, "TR063", "StatusAanlevering")


def tr071(case: Case) -> Iterator[Fault]:
    """A start that a stop has followed cannot be taken back (TR071)."""
    return _broken(case, "TR071", "StatusAanlevering")


def tr074(case: Case) -> Iterator[Fault]:
    """A start or stop is reported once, unless it was taken back (TR074)."""
    return _broken(case, "TR074", "")


def tr326(case: Case) -> Iterator[Fault]:
    """A start is only reported when no other start of the same order is current (TR326)."""
    return _broken(case, "TR326", "Begindatum")


def tr382(case: Case) -> Iterator[Fault]:
    """A stop repeats number, product and first day of a start that stands (TR382)."""
    return _broken(case, "TR382", "Begindatum")


def tr413(case: Case) -> Iterator[Fault]:
    """A delivery is stopped temporarily only once (TR413)."""
    return _broken(case, "TR413", "RedenBeeindiging")


def tr414(case: Case) -> Iterator[Fault]:
    """A stop after a temporary stop does not end before it (TR414)."""
    return _broken(case, "TR414", "Einddatum")


def tr415(case: Case) -> Iterator[Fault]:
    """A delivery that was stopped for good is not stopped again (TR415)."""
    return _broken(case, "TR415", "RedenBeeindiging")
