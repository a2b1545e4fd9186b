"""All that was done with the data of one person, as far as one party has it, and whether it is all (AVG art. 15)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from audit import search
from audit.search import Wanted
from gateway.oversight import checks, withheld
from gateway.oversight.desk import Asking, Desk
from gateway.oversight.lines import Content, Line, for_client
from gateway.oversight.person import Completeness, Involved, Received, completeness, involved, received
from gateway.oversight.question import Question
from gateway.oversight.search import MOST_EXPORTED, hidden_of, kept_question, of, read
from gateway.oversight.withheld import Choice
from gateway.trail import What

KIND = "inzage"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """What one party's log says about one person."""

    question: Question
    lines: Sequence[Line] = field(repr=False)
    """Those of the period that was asked, the newest first."""
    completeness: Completeness
    """Of all lines, whatever the period, by the numbers that the database has …"""
    compared: tuple[int, str] | None
    """… which were last held against the log itself then (ms since 1970, UTC), with this outcome (V20); None: never."""
    involved: Sequence[Involved]
    received: Sequence[Received]
    withheld: Mapping[int, str]
    """Numbers of the lines that the client does not get, with the code of the ground; of all lines, whatever the
    period. As the client reads the file they are nowhere in it."""
    places: Mapping[int, int] = field(repr=False)
    """Number as it is shown → as it stands in the log: another one only where a person is hidden."""


async def show(desk: Desk, asking: Asking, trace: str, *, client: bool) -> Dossier | None:
    """Return the file that was asked for in this session; None if none was. The reading is logged first.

    ``client``: as the client reads it, by organisation and role (NEN 7513, chapter 9).
    """
    found = await _file(desk, asking, trace, What.DOSSIER_READ, client=client)
    return found and found[0]


async def export(desk: Desk, asking: Asking, trace: str, *, client: bool) -> tuple[Dossier, bytes] | None:
    """As ``show``, to take away; also the leaf of the entry that says so."""
    return await _file(desk, asking, trace, What.DOSSIER_EXPORTED, client=client)


async def withhold(desk: Desk, asking: Asking, trace: str, found: Dossier, choice: Choice) -> None:
    """Log a choice among the lines of a file that was shown in this session: from then on it holds."""
    choice = replace(choice, numbers=tuple(found.places[number] for number in choice.numbers))
    question = replace(found.question, reason=choice.why)
    await desk.log(*of(asking, What.DOSSIER_LIMITED, question, trace, query=choice.told()))


async def _file(desk: Desk, asking: Asking, trace: str, what: What, *, client: bool) -> tuple[Dossier, bytes] | None:
    question = await kept_question(desk, asking, KIND, trace)
    if question is None:
        return None
    hidden = bool(await hidden_of(desk, asking, [question.bsn]))
    stored = await _stored(desk, asking, question.bsn, hidden=hidden)
    there = {number: row for number, row in stored if row.id is not None}
    entries = await desk.log(*of(asking, what, question, trace, rows=list(there.values())))
    lines = dict(zip(there, read(desk, asking, list(there.values())), strict=True))
    if hidden:
        lines = {number: replace(line, number=number) for number, line in lines.items()}
    destroyed = {number for number, row in stored if row.id is None and not row.leaf}
    told = completeness([(number, lines.get(number)) for number, _ in stored], question.bsn, destroyed=destroyed)
    wanted = question.wanted(asking.officer.party)
    places = {number: row.seq for number, row in stored}
    kept_back = _withheld(lines, places)
    shown = [line for number, line in lines.items() if not (client and number in kept_back)]
    chosen = [line for line in reversed(shown) if wanted.since <= line.at < wanted.until]
    found = Dossier(
        question=question,
        lines=[for_client(line) for line in chosen] if client else chosen,
        completeness=told,
        compared=await _compared(desk),
        involved=involved(shown, desk.named),
        received=received(shown, desk.named),
        withheld=kept_back,
        places=places,
    )
    return found, entries[0].leaf


async def _compared(desk: Desk) -> tuple[int, str] | None:
    async with desk.reading() as db:
        last = await checks.last(db)
    return (last.ended_at, last.outcome("V20")) if last and last.ended_at and last.outcome("V20") else None


def _withheld(lines: Mapping[int, Line], places: Mapping[int, int]) -> dict[int, str]:
    """Return which of these lines are withheld by what they say themselves, in their order."""
    said = [line for line in lines.values() if line.event == What.DOSSIER_LIMITED and line.content is Content.OPEN]
    now = withheld.in_force(withheld.heard(line.query) for line in said)
    return {number: now[place] for number, place in places.items() if place in now}


async def _stored(desk: Desk, asking: Asking, bsn: str, *, hidden: bool) -> list[tuple[int, Any]]:
    """Return the stored lines about a person with their numbers.

    Of one who is hidden that is what there is of somebody unknown: his own looks, counted from one.
    """
    party = asking.officer.party
    async with desk.reading() as db:
        if hidden:
            own = Wanted(party=party, actor=asking.officer.login, subject=bsn)
            return list(enumerate(reversed(await search.find(db, desk.keys, own, count=MOST_EXPORTED)), 1))
        person = (await search.subjects(db, desk.keys, [(party, bsn)]))[0]
        return [(row.seq, row) for row in await search.dossier(db, person, party)] if person else []
