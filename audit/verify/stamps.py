"""V6: what others stamped with the time, and how long entries may wait (the other half of V8)."""

from collections.abc import Iterator
from datetime import UTC, datetime

from audit import folder
from audit.folder import FormatError
from audit.note import Checkpoint, NoteError, parse, read_checkpoint
from audit.verify.run import Run

PATIENCE = 60_000
"""Milliseconds that an entry may wait for its place."""


class Stamps:
    """The stamped heads of an export."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._heads = list(self._read())
        run.wanted |= {head.size for _, head, _ in self._heads}
        if not self._heads:
            run.cannot("V6", "In de uitvoer staan geen tijdstempels.")
        elif run.given.stamped is None:
            run.cannot("V6", "Er is geen certificaat van de tijdstempels gegeven (--stempels).")

    def check(self) -> None:
        """Tell of stamps that are not sound, not over a head of this log, or that go back in time."""
        stamped, latest, size = self._run.given.stamped, datetime.min.replace(tzinfo=UTC), 0
        if stamped is None:
            return
        for file, head, token in self._heads:
            at = stamped(token, parse(head.note.encode()).text)
            if at is None:
                self._run.tampered("V6", file, f"Het tijdstempel op de stand van {head.size} regels klopt niet.")
            elif self._run.roots.get(head.size, head.root) != head.root:
                self._run.tampered("V6", file, f"De gestempelde stand van {head.size} regels is niet van dit logboek.")
            elif at < latest or head.size < size:
                self._run.tampered("V6", file, f"Het tijdstempel op de stand van {head.size} regels loopt terug.")
            else:
                latest, size = at, head.size
                self._run.done["V6"] = f"tot en met {size} regels, op {at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"

    def _read(self) -> Iterator[tuple[str, Checkpoint, bytes]]:
        statement = self._run.statement
        for number, width in folder.widths(statement.stamps if statement else 0):
            file = folder.stamp_path(number, width)
            data = self._run.read("V6", file)
            if data is None:
                continue
            try:
                parts = [folder.unpack(part, folder.PAYLOAD_PREFIX) for part in folder.unpack(data, 4)]
                found = [(file, read_checkpoint(note), token) for note, token in parts]
            except (FormatError, NoteError, ValueError):
                found = []
            if len(found) != width:
                self._run.tampered("V6", file, f"Hier horen {width} tijdstempels te staan.")
            yield from found


def check_waiting(run: Run) -> None:
    """V8: no entry waits longer for its place than it takes to give it one."""
    told = run.statement
    if told is None:
        run.cannot("V8", "Er is geen verklaring over wat nog wacht.")
    elif told.waiting and (told.oldest is None or told.at - told.oldest > PATIENCE):
        run.lacking("V8", folder.STATEMENT, f"{told.waiting} regels wachten te lang op hun plaats.")
