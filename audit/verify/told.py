"""The log against what others say: V12 the things it tells of, V13 the key service, V14 receipts."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence

from audit import folder, tree
from audit.folder import IN_FLUX, FormatError
from audit.note import NoteError
from audit.proof import read_proof
from audit.report import Verdict
from audit.verify.lines import stamp
from audit.verify.run import Run
from audit.verify.shapes import Page
from audit.verify.tree import Check, Lines


def checks(run: Run) -> list[Check]:
    """Return the checks of this module for one run."""
    return [_Objects(run), _Openings(run), _Receipts(run)]


class _Objects:
    """V12: what the log tells last about each thing is the state that it is in; and each thing is told of."""

    def __init__(self, run: Run) -> None:
        self._run = run
        statement = run.statement
        self._follows = statement.follows if statement and statement.objects is not None else {}
        self._last: dict[bytes, tuple[int, str]] = {}
        if not self._follows:
            run.cannot("V12", "In de uitvoer staat niet in welke toestand de berichten zijn.")

    def take(self, first: int, page: Page, lines: Lines) -> None:
        del lines
        if self._follows:
            self._last.update(self._run.once(_told_of, page, first, tuple(self._follows)))

    def end(self) -> None:
        statement = self._run.statement
        if not self._follows or statement is None:
            return
        for number, width in folder.widths(statement.objects or 0):
            file = folder.object_path(number, width)
            data = self._run.read("V12", file)
            objects = self._read(file, data, width) if data is not None else []
            for id_, state in objects:
                self._compare(file, id_, state)
        for message, (index, _) in self._last.items():
            text = f"Deze regel gaat over {message.decode()}, en dat is er niet."
            self._run.lacking("V12", self._run.line_file(index), text, index)
        self._run.done["V12"] = f"{statement.objects} berichten"

    def _read(self, file: str, data: bytes, width: int) -> list[tuple[str, str]]:
        try:
            objects: list[tuple[str, str]] = self._run.once(folder.read_objects, data)
        except FormatError:
            objects = []
        if len(objects) != width:
            self._run.tampered("V12", file, f"Hier horen {width} berichten te staan.")
        return objects

    def _compare(self, file: str, id_: str, state: str) -> None:
        known = self._last.pop(id_.encode(), None)
        if state == IN_FLUX:
            return
        if known is None:
            self._run.lacking("V12", file, f"Over bericht {id_} staat niets in het logboek.")
        elif state not in self._follows[known[1]]:
            text = f"Bericht {id_} is \u2018{state}\u2019, maar deze regel is de laatste erover."
            self._run.lacking("V12", self._run.line_file(known[0]), text, known[0])


def _told_of(page: Page, first: int, events: Sequence[str]) -> list[tuple[bytes, tuple[int, str]]]:
    """Of each entry about a thing: which thing, and the entry's number and event."""
    return [
        (page.messages[place], (first + place, page.shapes[place].event))
        for place in page.of(*events)
        if page.messages[place]
    ]


class _Openings:
    """V13: the key service never opened more than the log tells, counted up to the end of each day.

    What is told in the log is committed before anything is opened, so no day's count can be ahead of the log.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._statement = run.statement
        self._told: Counter[tuple[str, str]] = Counter()
        if self._statement is None or not self._statement.opens:
            run.cannot("V13", "In de uitvoer staat niet wat de sleuteldienst opende.")
        self._opens = self._statement.opens if self._statement else {}

    def take(self, first: int, page: Page, lines: Lines) -> None:
        del first, lines
        for place in page.of(*self._opens):
            shape, day = page.shapes[place], page.times[place][:10].decode()
            # An event about several persons has a line for each, and is one opening.
            if shape.members.get("part", [1, 1])[0] == 1:
                why, times = self._opens[shape.event]
                self._told[day, str(why)] += int(times) or int(shape.members.get("lines", 0))

    def end(self) -> None:
        if not self._opens or self._statement is None:
            return
        opened = Counter({(str(day), str(why)): int(count) for day, why, count in self._statement.counts})
        for why in sorted({str(why) for why, _ in self._opens.values()}):
            balance = 0
            for day in sorted({day for day, reason in (*opened, *self._told) if reason == why}):
                balance += self._told[day, why] - opened[day, why]
                if balance < 0 and day == stamp(self._statement.at)[:10] and self._statement.waiting:
                    self._run.cannot(
                        "V13", "Van vandaag wachten nog regels op hun plaats; controleer het later nog eens."
                    )
                elif balance < 0:
                    text = f"Tot en met {day} is {-balance} keer meer geopend ({why}) dan het logboek zegt."
                    self._run.lacking("V13", folder.STATEMENT, text)
                    break
        self._run.done["V13"] = f"{sum(opened.values())} keer geopend, volgens de verklaring bij de uitvoer"
        if self._run.given.counts is not None:
            self._compare(opened, self._run.given.counts)

    def _compare(self, stated: Counter[tuple[str, str]], live: Mapping[tuple[str, str], int]) -> None:
        """Hold what was stated against what the key service says itself, which since then can only have counted on."""
        today = stamp(self._statement.at)[:10] if self._statement else ""
        for (day, why), count in sorted(live.items()):
            if stated[day, why] > count or (day < today and stated[day, why] != count):
                text = f"De sleuteldienst telde op {day} {count} keer ({why}), de verklaring {stated[day, why]} keer."
                self._run.lacking("V13", folder.STATEMENT, text)
        self._run.done["V13"] = f"{sum(stated.values())} keer geopend, ook volgens de sleuteldienst zelf"


class _Receipts:
    """V14: each line that a receipt promises stands in the log."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._wanted: dict[bytes, str] = {}
        if run.given.receipts is None:
            run.cannot("V14", "Er zijn geen ontvangstbewijzen gegeven (--ontvangstbewijzen).")
            return
        for file, data in run.given.receipts.items():
            leaf = promised(data)
            if leaf is None:
                run.note("V14", Verdict.UNCHECKABLE, file, "Dit is geen ontvangstbewijs.")
            else:
                self._wanted[leaf] = file
        run.done["V14"] = f"{len(self._wanted)} ontvangstbewijzen"

    def take(self, first: int, page: Page, lines: Lines) -> None:
        del first, page
        if self._wanted:
            for leaf in self._wanted.keys() & set(tree.split(lines.leaves)):
                del self._wanted[leaf]

    def end(self) -> None:
        for file in self._wanted.values():
            text = "Wat dit ontvangstbewijs belooft, staat niet in het logboek."
            self._run.tampered("V14", file, text)


def promised(data: bytes) -> bytes | None:
    """Read which line (leaf hash) a receipt, or an offline proof, promises; None if it is neither."""
    try:
        return read_proof(data).leaf
    except NoteError:
        pass
    try:
        told = json.loads(data)
        leaf = bytes.fromhex(told["logregel"])
    except (ValueError, TypeError, LookupError, RecursionError):
        return None
    return leaf if len(leaf) == tree.HASH else None
