"""All that was done with the data of one person, as far as one party has it, and whether it is all (AVG art. 15)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from audit import search
from gateway.oversight.desk import Asking, Desk
from gateway.oversight.lines import Line, for_client
from gateway.oversight.person import Completeness, Involved, Received, completeness, involved, received
from gateway.oversight.question import Question
from gateway.oversight.search import hidden_of, keep, kept_question, of, read
from gateway.trail import What

KIND = "inzage"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """What one party's log says about one person."""

    question: Question
    lines: Sequence[Line] = field(repr=False)
    """Those of the period that was asked, the newest first."""
    completeness: Completeness
    """Of all lines, whatever the period."""
    involved: Sequence[Involved]
    received: Sequence[Received]


async def ask(desk: Desk, asking: Asking, question: Question) -> str:
    """Log that a person's file is asked for and keep the question; return under which trace."""

    async def fact(db: Any) -> None:
        await desk.record(db, *of(asking, What.SEARCHED, question, asking.trace, query=question.told()))
        await keep(desk, db, asking, KIND, question)

    await desk.do(fact)
    return asking.trace


async def show(desk: Desk, asking: Asking, trace: str, *, client: bool) -> Dossier | None:
    """Return the file that was asked for in this session; None if none was. The reading is logged first.

    ``client``: as the client reads it, by organisation and role (NEN 7513, chapter 9).
    """
    found = await _file(desk, asking, trace, What.DOSSIER_READ, client=client)
    return found and found[0]


async def export(desk: Desk, asking: Asking, trace: str, *, client: bool) -> tuple[Dossier, bytes] | None:
    """As ``show``, to take away; also the leaf of the entry that says so."""
    return await _file(desk, asking, trace, What.DOSSIER_EXPORTED, client=client)


async def _file(desk: Desk, asking: Asking, trace: str, what: What, *, client: bool) -> tuple[Dossier, bytes] | None:
    question = await kept_question(desk, asking, KIND, trace)
    if question is None:
        return None
    party = asking.officer.party
    hidden = await hidden_of(desk, asking, [question.bsn])
    async with desk.reading() as db:
        person = (await search.subjects(db, desk.keys, [(party, question.bsn)]))[0]
        rows = await search.dossier(db, person, party) if person and not hidden else ()
    there = [row for row in rows if row.id is not None]
    entries = await desk.log(*of(asking, what, question, trace, rows=there))
    lines = dict(zip([row.seq for row in there], read(desk, asking, there), strict=True))
    told = completeness([(row.seq, lines.get(row.seq)) for row in rows], question.bsn)
    wanted = question.wanted(party)
    chosen = [line for line in reversed(lines.values()) if wanted.since <= line.at < wanted.until]
    found = Dossier(
        question=question,
        lines=[for_client(line) for line in chosen] if client else chosen,
        completeness=told,
        involved=involved(lines.values(), desk.named),
        received=received(lines.values(), desk.named),
    )
    return found, entries[0].leaf
