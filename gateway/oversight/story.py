"""The story of one message, from what stands in the open: when it came, was brought and answered, and who had it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from audit import search
from gateway import store, trail
from gateway.bodies import clients, opened
from gateway.flow import WORDS, State
from gateway.oversight.desk import Asking, Desk
from gateway.oversight.lines import Line, closed
from gateway.oversight.rights import Right
from gateway.oversight.search import hidden_of
from gateway.trail import What

_BROUGHT = {What.OFFERED, What.FETCHED}
_SETTLED = {What.CONFIRMED, What.DELIVERED}
_TRIED = {What.OFFERED, What.RETRIED, What.RELEASED, What.PARKED}
_READ = {What.FETCHED, What.OFFERED, What.BODY_READ}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that happens to every message, and when it did (ms since 1970, UTC); None: not yet."""

    name: str
    at: int | None
    remark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A message, as far as an officer of its sender or receiver may see it."""

    id: str
    kind: str
    sender: str
    """Name of the party; empty for who may not see who."""
    receiver: str
    state: str
    size: int
    attempts: int
    answers: str
    """Id of the message that it answers."""
    answer: str
    """Id of the message that answers it."""
    steps: Sequence[Step]
    lines: Sequence[Line]
    """What happened, the first first; one line each, however many clients it was about."""
    readers: Sequence[Line]
    """The lines of those that say that somebody got or read its content."""
    has_body: bool


async def story(desk: Desk, asking: Asking, id_: str) -> Story | None:
    """Return what happened to a message; None if there is none for this officer. That he looks is logged first."""
    party = asking.officer.party
    async with desk.reading() as db:
        found = await _message(desk, asking, id_)
        answer = await store.answer_to(db, id_) if found else None
        answered = (await store.delivery(db, [answer])).get(answer) if answer else None
    if found is None:
        return None
    await desk.log(asking.did(What.SEARCHED, message=id_, kind=found.type, about={"query": {"bericht": id_}}))
    async with desk.reading() as db:
        rows = await search.of_message(db, party, id_)
    people = asking.may(Right.SEARCH)
    names = {"afzender": desk.named(found.sender), "ontvanger": desk.named(found.receiver)} if people else {}
    told = [replace(line, organisation=names.get(line.role, "")) for line in map(closed, rows)]
    return Story(
        id=id_,
        kind=found.type,
        sender=names.get("afzender", ""),
        receiver=names.get("ontvanger", ""),
        state=WORDS[State(found.state)],
        size=found.size,
        attempts=found.attempts,
        answers=found.answers or "",
        answer=answer or "",
        steps=_steps(found, told, answered),
        lines=told,
        readers=[line for line in told if line.event in _READ],
        has_body=found.sealed_body is not None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """The content of a message, in the clear."""

    kind: str
    content: bytes = field(repr=False)


async def body(desk: Desk, asking: Asking, id_: str, *, purpose: str, reason: str) -> Body | None:
    """Open the content of a message of the officer's party; None if it is not there, or not any more.

    For emergency access only. That it is read, or refused because a client is secret, is logged first, for each client.
    """
    found = await _message(desk, asking, id_)
    if found is None or found.sealed_body is None:
        return None
    people = clients(desk.keys, [found])[id_]
    seen = not await hidden_of(desk, asking, people)
    about = {"reason": reason}
    event = asking.did(What.BODY_READ, ok=seen, thing="bericht", message=id_, kind=found.type, about=about)
    await desk.log(*trail.per_subject(replace(event, purpose=purpose), people))
    if not seen:
        return None
    _, content = next(opened(desk.keys, [found]))
    return Body(kind=found.type, content=content)


async def is_there(desk: Desk, asking: Asking, id_: str) -> bool:
    """Tell whether a message of this officer's party is there, with its content."""
    found = await _message(desk, asking, id_)
    return found is not None and found.sealed_body is not None


async def _message(desk: Desk, asking: Asking, id_: str) -> Any:
    """Return the row of a message that this officer's party sent or received; None if there is none."""
    async with desk.reading() as db:
        found = (await store.delivery(db, [id_], body=True)).get(id_)
    mine = found is not None and asking.officer.party in (found.sender, found.receiver)
    return found if mine else None


def _steps(found: Any, lines: Sequence[Line], answered: Any) -> list[Step]:
    def first(events: set[What]) -> int | None:
        return next((line.at for line in lines if line.event in events and line.role != "afzender"), None)

    tried = sum(line.event in _TRIED for line in lines)
    return [
        Step(name="Ontvangen", at=found.received_at),
        Step(name="Gecontroleerd", at=first({What.RECEIVED, What.ANSWERED}) or found.received_at),
        Step(name="Aangeboden", at=first(_BROUGHT), remark=f"{tried} pogingen" if tried > 1 else ""),
        Step(name="Bezorgd", at=first(_SETTLED)),
        Step(name="Beantwoord", at=answered.received_at if answered else None),
    ]
