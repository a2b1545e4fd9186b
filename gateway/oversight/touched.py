"""What somebody touched: which persons, messages and parties an actor, a credential or a key reached in a period.

The blast radius of an incident, from the log alone. It counts; who the persons are is a question of its own, asked with
a reason and logged for each of them.
"""

import json
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audit.log import entries, subject_lines, subjects
from audit.record import person_context
from audit.seal import SealError, sealed_with
from gateway import trail
from gateway.oversight.desk import Asking, Desk
from gateway.oversight.readings import PERIOD, VISIBLE
from gateway.oversight.search import hidden_of
from gateway.oversight.watch import known_to
from gateway.tables import messages
from gateway.trail import What

ACTOR, CREDENTIAL, KEY = "wie", "bewijs", "sleutel"
BY = {
    ACTOR: "een medewerker of partij",
    CREDENTIAL: "een certificaat of sessie",
    KEY: "een sleutel",
}
"""How what is looked for may be known."""
MOST = 100_000
"""Lines that are gone through at most; a period with more must be asked for in pieces."""
_AT_ONCE = 1_000
_LEAST = 8
"""Characters of a credential or key that must be given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Whom or what to look for, and when; moments are ms since 1970, UTC."""

    by: str
    value: str = field(repr=False)
    since: int
    until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """What was reached."""

    lines: int
    events: Sequence[tuple[str, int]]
    """Kind of event and how often, the most first."""
    messages: frozenset[str]
    parties: frozenset[str]
    persons: frozenset[int] = field(repr=False)
    """Rows of persons as the own party knows them."""
    cut: bool
    """There was more than was gone through."""

    def numbers(self) -> dict[str, int]:
        """Return what goes into a report."""
        return {
            "regels": self.lines,
            "berichten": len(self.messages),
            "mensen": len(self.persons),
            "partijen": len(self.parties),
        }


def wrong(question: Question) -> dict[str, str]:
    """Return what is wrong with a question: field → what to do, in Dutch."""
    found = {}
    if question.by not in BY:
        found["soort"] = "Kies wat u zoekt."
    if question.by != ACTOR and len(question.value) < _LEAST:
        found["waarde"] = f"Vul ten minste {_LEAST} tekens in."
    if not question.value:
        found["waarde"] = "Vul in wie of wat u zoekt."
    if question.until <= question.since:
        found["tot"] = "Het einde moet na het begin liggen."
    return found


async def touched(desk: Desk, asking: Asking, question: Question, *, reason: str, trace: str) -> Touched:
    """Return what was reached, once it is logged that this was asked; ``trace`` is that of the incident."""
    query = {"soort": question.by, "waarde": question.value, "van": question.since, "tot": question.until}
    await desk.log(replace(asking.did(What.SEARCHED, about={"reason": reason, "query": query}), trace=trace))
    gone, leaves, events = 0, list[bytes](), Counter[str]()
    ids, parties = set[str](), set[str]()
    async for rows in _rows(desk, asking, question):
        gone += len(rows)
        for row in await _fitting(desk, asking, question, rows, reason, trace):
            leaves.append(bytes(row.leaf))
            events[row.event] += 1
            ids |= {row.message} - {None}
            parties |= {row.party, row.other} - {None}
    async with desk.reading() as db:
        if question.by == KEY:
            ids |= await _under_key(db, asking.officer.party, question)
        persons = await _persons(db, asking.officer.party, leaves)
    return Touched(
        lines=len(leaves), events=events.most_common(), messages=frozenset(ids), parties=frozenset(parties),
        persons=frozenset(persons), cut=gone >= MOST,
    )  # fmt: skip


async def named(desk: Desk, asking: Asking, found: Touched, *, reason: str, purpose: str, trace: str) -> list[str]:
    """Return who the persons are (BSN), once it is logged for each of them that he sees this.

    Who is secret is left out, unless he is named to find them.
    """
    chosen = sorted(found.persons)
    if not chosen:
        return []
    async with desk.reading() as db:
        rows = [
            row
            for part in _parts(chosen)
            for row in await db.execute(
                sa.select(subjects.c.id, subjects.c.sealed).where(
                    subjects.c.id.in_(part), subjects.c.party == asking.officer.party
                )
            )
        ]
    about = {"reason": reason}
    read = replace(asking.did(What.LINES_READ, about=about), trace=trace, purpose=purpose, clear={"lines": len(rows)})
    await desk.log(read)
    sealed = [(bytes(row.sealed), person_context(row.id)) for row in rows]
    known = desk.keys.open_persons(sealed, why="logboek")
    people = sorted(set(known) - await hidden_of(desk, asking, known))
    shown = replace(asking.did(What.LINES_SHOWN, about=about), trace=trace, purpose=purpose)
    await desk.log(*trail.per_subject(shown, people))
    return people


async def _rows(desk: Desk, asking: Asking, question: Question) -> AsyncIterator[Sequence[Any]]:
    """Yield the lines that he may see in the period, in order; of an actor only his."""
    line, last, gone = entries.c, 0, 0
    query = sa.select(
        line.id, line.event, line.message, line.leaf, line.header, line.sealed, line.party, line.other
    ).where(PERIOD, VISIBLE)
    if question.by == ACTOR:
        query = query.where(line.actor.in_(known_to(desk, asking).indexes(question.value)))
    # Not what is logged meanwhile: each page that is opened adds a line.
    given = {"own": asking.officer.party, "since": question.since, "until": min(question.until, asking.at)}
    while gone < MOST:
        async with desk.reading() as db:
            rows = (await db.execute(query.where(line.id > last).order_by(line.id).limit(_AT_ONCE), given)).all()
        if not rows:
            return
        gone, last = gone + len(rows), rows[-1].id
        yield rows


async def _fitting(
    desk: Desk, asking: Asking, question: Question, rows: Sequence[Any], reason: str, trace: str
) -> list[Any]:
    """Return the lines of what is looked for; for a credential each is opened, and that is logged first."""
    match question.by:
        case "sleutel":
            return [row for row in rows if str(json.loads(row.header).get("key", "")) == question.value.lower()]
        case "bewijs":
            whole = [row for row in rows if row.sealed is not None]
            read = asking.did(What.LINES_READ, about={"reason": reason})
            await desk.log(replace(read, trace=trace, clear={"lines": len(whole)}))
            opened = desk.keys.open_lines([(row.header, row.sealed) for row in whole], why="logboek")
            wanted = question.value.lower()
            return [
                row
                for row, told in zip(whole, opened, strict=True)
                if told and str(told.get("credential", "")).lower().startswith(wanted)
            ]
    return list(rows)


async def _under_key(db: AsyncConnection, own: str, question: Question) -> set[str]:
    """Return the messages of a party whose body stands under a data key."""
    row = messages.c
    query = sa.select(row.id, row.wrapped_key).where(
        (row.sender == own) | (row.receiver == own),
        row.received_at >= question.since, row.received_at < question.until, row.wrapped_key.is_not(None),
    )  # fmt: skip
    return {each.id for each in await db.execute(query) if _key_of(each.wrapped_key) == question.value.lower()}


def _key_of(wrapped: bytes) -> str:
    try:
        return sealed_with(bytes(wrapped)).hex()
    except SealError:
        return ""


async def _persons(db: AsyncConnection, own: str, leaves: Sequence[bytes]) -> set[int]:
    found = set[int]()
    for part in _parts(leaves):
        query = (
            sa.select(subject_lines.c.subject)
            .join(subjects, subjects.c.id == subject_lines.c.subject)
            .where(subject_lines.c.leaf.in_(part), subjects.c.party == own)
        )
        found |= set((await db.execute(query)).scalars())
    return found


def _parts(values: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (values[start : start + _AT_ONCE] for start in range(0, len(values), _AT_ONCE))
