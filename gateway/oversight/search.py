"""Officers who search the log: what they ask is logged before anything is looked up, what they read before it opens.

A question stays with its session, under the trace of its lines in the log; so no address holds more than that trace.
"""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import orjson

from audit import search
from audit.entry import Event
from audit.search import Place
from gateway import trail
from gateway.oversight import kept
from gateway.oversight.desk import Asking, Desk
from gateway.oversight.lines import Line, closed, opened
from gateway.oversight.question import Question
from gateway.oversight.rights import Right
from gateway.retention.people import secret
from gateway.trail import What

PAGE = 50
MOST_EXPORTED = 10_000
"""Lines in one file: what is more must be asked for by period."""
KIND = "zoeken"
_PATIENCE, _MOMENT = 30, 0.1
"""Times, and seconds between them: the sequencer gives places within a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was asked, and lines that answer it."""

    question: Question
    lines: Sequence[Line]
    more: Place | None
    """Where the next lines begin; None if there are no more."""


async def ask(desk: Desk, asking: Asking, question: Question, *, kind: str = KIND) -> str:
    """Log what an officer asks and keep it for him as a question of this kind; return under which trace."""

    async def fact(db: Any) -> None:
        await desk.record(db, *of(asking, What.SEARCHED, question, asking.trace, query=question.told()))
        await keep(desk, db, asking, kind, question)

    await desk.do(fact)
    return asking.trace


async def page(desk: Desk, asking: Asking, trace: str, after: Place | None) -> Found | None:
    """Return the lines that answer a question of this session, from a place on; None if there is no such question.

    Who may not see people gets what stands in the open. Lines that are opened are logged first, and whom they turn
    out to be about before they are shown.
    """
    question = await kept_question(desk, asking, KIND, trace)
    if question is None:
        return None
    rows, more = await _rows(desk, asking, question, PAGE, after)
    if not asking.may(Right.SEARCH):
        return Found(question=question, lines=[closed(row) for row in rows], more=more)
    if any(row.sealed for row in rows):
        await desk.log(*of(asking, What.LINES_READ, question, trace, rows=rows))
    lines = await unhidden(desk, asking, read(desk, asking, rows))
    await log_shown(desk, asking, question, trace, lines)
    return Found(question=question, lines=lines, more=more)


async def export(desk: Desk, asking: Asking, trace: str) -> tuple[Found, bytes] | None:
    """As ``page``, for all lines up to ``MOST_EXPORTED``, to take away; also the leaf of the entry that says so."""
    question = await kept_question(desk, asking, KIND, trace)
    if question is None:
        return None
    rows, more = await _rows(desk, asking, question, MOST_EXPORTED, None)
    entries = await desk.log(
        *of(asking, What.LIST_EXPORTED, question, trace, rows=rows, query={**question.told(), "regels": len(rows)})
    )
    lines = await unhidden(desk, asking, read(desk, asking, rows))
    await log_shown(desk, asking, question, trace, lines)
    return Found(question=question, lines=lines, more=more), entries[0].leaf


def of(
    asking: Asking, what: What, question: Question, trace: str, *, rows: Sequence[Any] = (), query: Any = None
) -> list[Event]:
    """Return the lines to log about a question: of the client it is about, if it is about one."""
    about = {"reason": question.reason} | ({} if query is None else {"query": query})
    event = replace(asking.did(what, about=about), purpose=question.purpose, trace=trace)
    if sealed := sum(row.sealed is not None for row in rows):
        event = replace(event, clear={"lines": sealed})
    return trail.per_subject(event, [question.bsn] if question.bsn else [])


def read(desk: Desk, asking: Asking, rows: Sequence[Any]) -> list[Line]:
    """Open stored lines, those whose content is still there; that this is done is in the log."""
    sealed = [row for row in rows if row.sealed is not None]
    payloads = desk.keys.open_lines([(row.header, row.sealed) for row in sealed], why="logboek")
    by_leaf = {bytes(row.leaf): payload for row, payload in zip(sealed, payloads, strict=True)}
    return [opened(row, by_leaf.get(bytes(row.leaf)), asking.officer.party, desk.named) for row in rows]


async def unhidden(desk: Desk, asking: Asking, lines: Sequence[Line]) -> list[Line]:
    """Return the lines without those about persons who are secret, unless he is named to find them.

    His own looks stay: they stand with any person of whom he asks, known or not.
    """
    hidden = await hidden_of(desk, asking, {line.subject for line in lines if line.subject})
    return [line for line in lines if line.subject not in hidden or line.by == asking.officer.login]


async def hidden_of(desk: Desk, asking: Asking, people: Collection[str]) -> set[str]:
    """Return which of these persons (BSNs) are secret, and not for this officer to find."""
    if asking.officer.finds_secret or not people:
        return set()
    async with desk.reading() as db:
        found = await secret(db, desk.keys, [(asking.officer.party, bsn) for bsn in people])
    return {bsn for _, bsn in found}


async def log_shown(desk: Desk, asking: Asking, question: Question, trace: str, lines: Sequence[Line]) -> None:
    """Log for each client that lines about them are shown, where the question was not about that client alone."""
    people = sorted({line.subject for line in lines if line.subject} - {question.bsn})
    if people:
        event = asking.did(What.LINES_SHOWN, about={"reason": question.reason})
        await desk.log(*trail.per_subject(replace(event, purpose=question.purpose, trace=trace), people))


async def keep(desk: Desk, db: Any, asking: Asking, kind: str, question: Question) -> None:
    """Keep a question for its session, within a fact."""
    sealed = desk.keys.seal_person(orjson.dumps(asdict(question)).decode(), _context(asking.trace))
    row = {"id": asking.trace, "session": asking.session.id, "kind": kind, "made_at": asking.at, "sealed": sealed}
    await kept.ask(db, row)


async def kept_question(desk: Desk, asking: Asking, kind: str, trace: str) -> Question | None:
    """Return a question of this session; None if there is none of this kind under this trace."""
    async with desk.reading() as db:
        sealed = await kept.asked(db, trace, asking.session.id, kind)
    if sealed is None:
        return None
    # What an officer typed himself; it is not counted as reading the log.
    told = orjson.loads(desk.keys.open_persons([(sealed, _context(trace))], why="beheer")[0])
    return Question(**{**told, "events": tuple(told["events"])})


async def placed(desk: Desk, leaf: bytes) -> int | None:
    """Return the place of an entry in the log, given some moments to get one; None if it has none by then."""
    for _ in range(_PATIENCE):
        async with desk.reading() as db:
            index = (await search.places(db, [leaf])).get(leaf)
        if index is not None:
            return index
        await asyncio.sleep(_MOMENT)
    return None


async def _rows(
    desk: Desk, asking: Asking, question: Question, count: int, after: Place | None
) -> tuple[Sequence[Any], Place | None]:
    wanted = question.wanted(asking.officer.party)
    if question.bsn and await hidden_of(desk, asking, [question.bsn]):
        if question.actor not in ("", asking.officer.login):
            return (), None
        wanted = replace(wanted, actor=asking.officer.login)  # else the count and the next page tell that there is more
    async with desk.reading() as db:
        rows = await search.find(db, desk.keys, wanted, count=count + 1, after=after)
    last = rows[count - 1] if len(rows) > count else None
    return rows[:count], Place(at=last.at, id=last.id) if last else None


def _context(trace: str) -> bytes:
    return f"v1|console_questions|sealed|{trace}".encode()
