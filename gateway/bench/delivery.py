"""Part ``delivery``: end to end, from a message sent to the receiver's confirmation, fetched or brought."""

from collections.abc import Callable, Iterator

from gateway.bench.intake import NAMES
from gateway.bench.pace import Pace
from gateway.bench.processes import await_quiet
from gateway.bench.rows import Row, row
from gateway.bench.stand import ONDER, PUSHED, Stand, Window

SENDERS = 128
END_TO_END = 1_000.0
"""Messages per second."""


def measure(stand: Stand, pace: Pace, tell: Callable[[str], None]) -> Iterator[Row]:
    """Measure on both databases; raise BenchError if a message sent was not delivered."""
    kinds = ["sqlite", *["postgresql"][: stand.postgres is not None]]
    rounds = min(2, pace.rounds)
    for title, way, target in (("in stapels opgehaald", _fetched, END_TO_END), ("gebracht", _pushed, None)):
        windows: dict[str, list[Window]] = {kind: [] for kind in kinds}
        for number in range(rounds):
            for kind in kinds if number % 2 == 0 else reversed(kinds):
                tell(f"bezorging, {title}, ronde {number + 1} van {rounds}: {NAMES[kind]}")
                await_quiet(pace.patience)
                windows[kind].append(stand.window(kind, way(stand, pace)))
                stand.pushed += windows[kind][-1].told.get("arrived", 0)
        for kind in kinds:
            yield from _rows(f"{NAMES[kind]}, gezonden en {title}", windows[kind], target)


def _fetched(stand: Stand, pace: Pace) -> dict[str, object]:
    receivers = {code: stand.papers(code) for code in ONDER}
    return {"do": "carry", "clients": SENDERS, "receivers": receivers, "seconds": 2 * pace.window}


def _pushed(stand: Stand, pace: Pace) -> dict[str, object]:
    place = {"endpoint": stand.nothing[1], "earlier": stand.pushed}
    return {"do": "push", "clients": SENDERS, "receivers": list(PUSHED), "seconds": pace.window, **place}


def _rows(name: str, windows: list[Window], target: float | None) -> Iterator[Row]:
    yield row(name, "bericht/s", [window.told["per_second"] for window in windows], target=target)
    for part in ("poort", "controle", "database", "belasting"):
        spent = [window.cpu[part] for window in windows]
        if any(spent):
            yield row(f"{name}: cpu {part}", "µs/bericht", spent)
