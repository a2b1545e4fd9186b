"""Whether the database still leads to every line: what lines are found by, held against the lines themselves (V20).

Side columns and the numbers per person stand outside the tree, so that they can be made anew. Whoever changes them
changes no line, and yet hides it from who looks for it; so each is compared here with what its line says.
"""

import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audit import log
from audit.keys import KeyService
from audit.record import ACTOR, person_context
from audit.report import Problem, Verdict
from audit.seal import SealError

DATABASE = "Databank"
"""Stands where a problem of an export names a file."""
_AT_ONCE = 1024  # lines, or persons, that are opened together
_MOST = 1000  # numbers told that lead nowhere
_row, _line, _person = log.entries.c, log.subject_lines.c, log.subjects.c

Person = tuple[str, str]
"""A person as one party knows them: (party, BSN)."""
Number = tuple[int, int]
"""Under which person's row a line stands, and as which of the lines about them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Filed:
    """One line, with how the database files it."""

    row: Any = field(repr=False)
    numbers: Sequence[Number]


@dataclass(slots=True)
class _Known:
    """What the comparison needs to know beside the lines."""

    keys: KeyService
    people: dict[int, Person] = field(default_factory=dict, repr=False)
    """Persons by the id of their row."""
    actors: dict[str, set[bytes]] = field(default_factory=dict, repr=False)
    """Actor → the blind indexes that stand for them, of any generation: that of a line is never rewritten."""

    def indexes_of(self, actor: str) -> set[bytes]:
        if actor not in self.actors:
            generations = self.keys.index_ids
            self.actors[actor] = {self.keys.indexes([(ACTOR, actor)], each)[0] for each in generations}
        return self.actors[actor]


async def astray(db: AsyncConnection, keys: KeyService) -> list[Problem]:
    """Return each line that the database files otherwise than the line itself says, and what leads to no line.

    Of a line whose payload was destroyed only the header can be compared. Opens every payload and every person, which
    the key service counts. All is read in the caller's transaction.
    """
    known, found = _Known(keys), list[Problem]()
    async for part in _persons(db):
        found += _misfiled_persons(part, known)
    async for lines in _lines(db):
        found += _misfiled_lines(lines, known)
    lost = sa.select(_line.seq).join_from(log.subject_lines, log.entries, _row.leaf == _line.leaf, isouter=True)
    nowhere = lost.where(_row.id.is_(None), sa.func.length(_line.leaf) > 0).limit(_MOST)
    for (number,) in await db.execute(nowhere):
        found.append(_problem(f"Volgnummer {number} van een cliënt leidt naar een regel die er niet is."))
    return found


async def _persons(db: AsyncConnection) -> AsyncIterator[Sequence[Any]]:
    query = sa.select(_person.id, _person.party, _person.blind, _person.index_key, log.stored(_person.sealed))
    last = None
    while True:
        part = query if last is None else query.where(_person.id > last)
        rows = (await db.execute(part.order_by(_person.id).limit(_AT_ONCE))).all()
        if not rows:
            return
        yield rows
        last = rows[-1].id


def _misfiled_persons(rows: Sequence[Any], known: _Known) -> Iterator[Problem]:
    """Tell of persons whose row does not open, or is looked up by an index that is not theirs."""
    for row, person in zip(rows, _opened(rows, known.keys), strict=True):
        if person is None:
            yield _problem("De gegevens van een cliënt gaan niet open: diens regels zijn niet te vinden.")
            continue
        bsn, blind = person
        known.people[row.id] = row.party, bsn
        if row.blind != blind:
            yield _problem("Een cliënt staat onder een index die niet van hem is: wie zoekt, vindt diens regels niet.")


def _opened(rows: Sequence[Any], keys: KeyService) -> list[tuple[str, str] | None]:
    """Return BSN and blind index of each person; None of one that does not open."""
    try:
        bsns = keys.open_persons([(row.sealed, person_context(row.id)) for row in rows], why="beheer")
        blinds = dict[int, str]()
        for generation in {row.index_key for row in rows}:
            mine = [row for row in rows if row.index_key == generation]
            sealed = [(row.party, row.sealed, person_context(row.id)) for row in mine]
            found = keys.reindexes(sealed, generation)
            blinds |= {row.id: each.hex() for row, each in zip(mine, found, strict=True)}
    except SealError:
        if len(rows) == 1:
            return [None]
        return [each for row in rows for each in _opened([row], keys)]
    return [(bsn, blinds[row.id]) for row, bsn in zip(rows, bsns, strict=True)]


async def _lines(db: AsyncConnection) -> AsyncIterator[list[_Filed]]:
    """Yield all lines that have their place, in order, in parts; each with the numbers that lead to it."""
    columns = (
        _row.idx, _row.at, _row.event, _row.message, _row.actor, _row.party, _row.other, log.stored(_row.header),
        log.stored(_row.sealed),
    )  # fmt: skip
    # Two walks side by side: joined the other way, SQLite would go through all numbers for each line.
    numbers = aiter(
        await db.stream(
            sa.select(_row.idx, _line.subject, _line.seq)
            .join_from(log.subject_lines, log.entries, _row.leaf == _line.leaf)
            .where(_row.idx.is_not(None))
            .order_by(_row.idx, _line.subject)
        )
    )
    part, ahead = list[_Filed](), await anext(numbers, None)
    async for row in await db.stream(sa.select(*columns).where(_row.idx.is_not(None)).order_by(_row.idx)):
        mine = list[Number]()
        while ahead is not None and ahead.idx == row.idx:
            mine.append((ahead.subject, ahead.seq))
            ahead = await anext(numbers, None)
        part.append(_Filed(row=row, numbers=mine))
        if len(part) == _AT_ONCE:
            yield part
            part = []
    yield part


def _misfiled_lines(lines: Sequence[_Filed], known: _Known) -> Iterator[Problem]:
    there = [each for each in lines if each.row.sealed]
    payloads = known.keys.open_lines([(each.row.header, each.row.sealed) for each in there], why="beheer")
    told = {each.row.idx: payload for each, payload in zip(there, payloads, strict=True)}
    for each in lines:
        try:
            wrong = list(_differs(each, json.loads(each.row.header), told.get(each.row.idx), known))
        except (ValueError, LookupError, TypeError, AttributeError):
            continue  # such a line was not written by us: V1 and V10 tell
        if wrong:
            yield _problem(f"De databank heeft hiervan een ander(e) {', '.join(wrong)}: zoeken gaat mis.", each.row.idx)


def _differs(
    filed: _Filed, header: Mapping[str, Any], payload: Mapping[str, Any] | None, known: _Known
) -> Iterator[str]:
    """Name what the database has otherwise than the line."""
    row = filed.row
    if row.at != round(datetime.fromisoformat(header["at"]).timestamp() * 1000):
        yield "tijd"
    if row.event != header["event"]:
        yield "gebeurtenis"
    if row.message != header.get("message"):
        yield "bericht"
    if payload is None:
        return
    if [row.party, row.other] != [*payload["parties"], None, None][:2]:
        yield "partij"
    if row.actor not in known.indexes_of(payload["actor"]):
        yield "uitvoerder"
    said = {(party, payload["object"]): number for party, number in payload.get("seq", {}).items()}
    if {known.people.get(subject): number for subject, number in filed.numbers} != said:
        yield "cliënt of volgnummer"


def _problem(text: str, index: int | None = None) -> Problem:
    return Problem(check="V20", verdict=Verdict.TAMPERED, file=DATABASE, text=text, index=index)
