"""Holds the log against itself, and against the heads that somebody outside kept: an empty list is a promise kept.

Nobody else's reading of it is used: lines are opened with the keys, the tree is grown anew from their hashes.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audit import index, log, note, tree
from audit.keys import KeyService
from audit.note import VerifierKey
from audit.record import person_context

Person = tuple[str, str]
"""A person as one party knows them: (party, BSN)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    place: int | None
    leaf: bytes
    header: Mapping[str, Any]
    erased: bool
    payload: Mapping[str, Any] | None = field(repr=False)
    """None if it was erased, or does not open."""


async def judge(db: AsyncConnection, keys: KeyService, origin: str, heads: Sequence[bytes]) -> list[str]:
    """Everything about the log that may not be; ``heads`` are those that were kept outside, in the order of time."""
    lines = await _lines(db, keys)
    ours = [VerifierKey(name=origin, public=public) for public in keys.known("log")]
    return [
        *_dense(lines),
        *_one_history(lines, heads, ours),
        *_opened(lines),
        *_whole(lines),
        *_numbered(lines),
        *await _found_again(db, keys, lines),
    ]


async def _lines(db: AsyncConnection, keys: KeyService) -> list[Line]:
    row = log.entries.c
    rows = (await db.execute(sa.select(row.idx, row.leaf, row.header, row.sealed).order_by(row.id))).all()
    kept = [(bytes(each.header), bytes(each.sealed)) for each in rows if each.sealed is not None]
    opened = iter(keys.open_lines(kept, why="beheer"))
    return [
        Line(
            place=each.idx,
            leaf=bytes(each.leaf),
            header=json.loads(each.header),
            erased=each.sealed is None,
            payload=None if each.sealed is None else next(opened),
        )
        for each in rows
    ]


def _dense(lines: Sequence[Line]) -> Iterator[str]:
    """The last act was an export, which gives every line its place."""
    places = sorted(-1 if line.place is None else line.place for line in lines)
    if places != list(range(len(places))):
        yield "the log has lines without a place, or holes, or two at one place"


def _one_history(lines: Sequence[Line], heads: Sequence[bytes], ours: Sequence[VerifierKey]) -> Iterator[str]:
    """Every head that was ever seen outside is signed, of no smaller log than the one before, and of this log."""
    leaves = [line.leaf for line in sorted(lines, key=lambda line: -1 if line.place is None else line.place)]
    edge = tree.Edge()
    for head in heads:
        seen = note.read_checkpoint(head)
        if not any(note.signed_by(note.parse(head), key) for key in ours):
            yield f"a head of {seen.size} lines is not signed by this log"
        if not edge.size <= seen.size <= len(leaves):
            yield f"the log had {edge.size} lines, then {seen.size}, and has {len(leaves)}"
            continue
        edge, _ = tree.extend(edge, leaves[edge.size : seen.size])
        if edge.root != seen.root:
            yield f"the log had another history when it had {seen.size} lines"


def _opened(lines: Iterable[Line]) -> Iterator[str]:
    """Every line opens; one that was destroyed is named by a line that destroys."""
    erased = {
        place for line in lines for first, last in line.header.get("erases", ()) for place in range(first, last + 1)
    }
    for line in lines:
        if line.erased != (line.place in erased):
            yield f"line {line.place} is {'' if line.erased else 'not '}destroyed, and the log tells otherwise"
        elif line.payload is None and not line.erased:
            yield f"line {line.place} does not open"


def _whole(lines: Iterable[Line]) -> Iterator[str]:
    """What is about several persons has a line for each of them, or did not happen."""
    events: defaultdict[tuple[Any, ...], Counter[int]] = defaultdict(Counter)
    for line in lines:
        told = line.header
        part, count = told.get("part", (1, 1))
        events[told["event"], told.get("message"), told["role"], told["trace"], told["at"], count][part] += 1
    for (event, *_, count), parts in events.items():
        if parts.keys() != set(range(1, count + 1)) or len(set(parts.values())) != 1:
            yield f"{event}: of {count} lines there are {dict(parts)}"


def _told(lines: Iterable[Line]) -> dict[Person, dict[int, list[bytes]]]:
    """For each person what the lines themselves say: their numbers, each with its leaf."""
    numbers: defaultdict[Person, defaultdict[int, list[bytes]]] = defaultdict(lambda: defaultdict(list))
    for line in lines:
        for party, number in (line.payload or {}).get("seq", {}).items():
            numbers[party, line.payload["object"]][number].append(line.leaf)  # type: ignore[index] - it has a seq
    return {person: dict(found) for person, found in numbers.items()}


def _numbered(lines: Iterable[Line]) -> Iterator[str]:
    """Lines about one person, as one party may see them, are numbered 1, 2, 3 … without a hole or a double."""
    if any(line.erased for line in lines):
        return  # what was destroyed took its number along
    for person, numbers in _told(lines).items():
        if sorted(numbers) != list(range(1, len(numbers) + 1)):
            yield f"{person}: {len(numbers)} lines, numbered up to {max(numbers)}"
        if any(len(leaves) > 1 for leaves in numbers.values()):
            yield f"{person}: two lines have one number"


async def _found_again(db: AsyncConnection, keys: KeyService, lines: Sequence[Line]) -> list[str]:
    """Who is looked up by index finds every line, and no line of another; each person once per party."""
    row, line = log.subjects.c, log.subject_lines.c
    subjects = (await db.execute(sa.select(row.id, row.party, row.blind, row.index_key, row.sealed))).all()
    generation = await index.in_force(db, keys)
    opened = keys.open_persons([(bytes(each.sealed), person_context(each.id)) for each in subjects], why="beheer")
    persons = {each.id: (each.party, bsn) for each, bsn in zip(subjects, opened, strict=True)}
    wrong = []
    if len(set(persons.values())) != len(persons):
        wrong.append("a person stands twice in the index of one party")
    blind = keys.indexes(list(persons.values()), generation)
    if [each.blind for each in subjects] != [each.hex() for each in blind]:
        wrong.append("a person stands under another's index, or one of an old key")
    if {each.index_key for each in subjects} - {generation}:
        wrong.append("a row of the index names another key than the one in force")
    found: defaultdict[Person, dict[int, list[bytes]]] = defaultdict(dict)
    for each in await db.execute(sa.select(line.subject, line.seq, line.leaf)):
        if each.leaf:  # else the line was destroyed, and only its number is left
            found[persons[each.subject]][each.seq] = [bytes(each.leaf)]
    if dict(found) != _told(lines):
        wrong.append("the index of persons finds other lines than those that are about them")
    return wrong
