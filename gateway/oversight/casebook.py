"""Incidents, kept: each step is an entry in the log, written with it or not at all. What is told of one is sealed.

An officer sees the incidents of his own party and those of the gateway itself; he changes those of his own.
"""

import json
import secrets
from dataclasses import asdict, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audit.keys import KeyService
from gateway import trail
from gateway.oversight.desk import Asking, Desk
from gateway.oversight.incidents import Answers, Incident, Note, State, Step, after, fault
from gateway.oversight.rights import OPERATOR
from gateway.tables import incidents as table
from gateway.trail import What

_OPEN = tuple(column.name for column in table.c if column.name != "sealed")


class ChangedError(Exception):
    """Somebody else changed this in between; look again first."""


async def listed(desk: Desk, asking: Asking) -> list[Incident]:
    """Return the incidents that he may see, the newest first, without what is sealed."""
    own = asking.officer.party
    query = sa.select(*(table.c[name] for name in _OPEN)).where(table.c.party.in_([own, OPERATOR]))
    async with desk.reading() as db:
        return [_incident(row) for row in await db.execute(query.order_by(table.c.found_at.desc(), table.c.id))]


async def find(desk: Desk, asking: Asking, id_: str) -> Incident | None:
    """Return one incident with all that is written about it, once it is logged that he reads it; None: not for him."""
    row = await _row(desk, asking, id_)
    if row is None:
        return None
    await desk.log(_event(asking, What.INCIDENT_READ, _incident(row)))
    return _opened(desk.keys, row)


async def begin(desk: Desk, asking: Asking, incident: Incident) -> Incident:
    """Write down a new incident (see `incidents.wrong`) for his own party; return it with its id."""
    new = replace(
        incident, id=secrets.token_hex(16), party=asking.officer.party, state=State.TOLD, changed_at=asking.at,
        notes=(Note(at=asking.at, who=asking.officer.login, step=State.TOLD.value, reason=incident.answers.nature),),
    )  # fmt: skip

    async def fact(db: AsyncConnection) -> None:
        await db.execute(sa.insert(table), _values(desk.keys, new))
        await desk.record(db, _event(asking, What.INCIDENT_TOLD, new, reason=new.answers.nature))

    await desk.do(fact)
    return new


async def change(
    desk: Desk, asking: Asking, before: Incident, step: Step, answers: Answers, *, reason: str
) -> Incident:
    """Take a step in an incident of his own party (see `incidents.fault`).

    Raises ChangedError if it is no longer as it was ``before``; then nothing was done.
    """
    assert before.party == asking.officer.party
    assert not fault(replace(before, answers=answers), step)
    new = after(before, step, answers, who=asking.officer.login, reason=reason, at=asking.at)
    what = What.INCIDENT_CLOSED if new.state is State.CLOSED else What.INCIDENT_UPDATED

    async def fact(db: AsyncConnection) -> bool:
        unchanged = (table.c.id == new.id) & (table.c.changed_at == before.changed_at)
        done = await db.execute(sa.update(table).where(unchanged).values(**_values(desk.keys, new)))
        if done.rowcount:
            await desk.record(db, _event(asking, what, new, reason=reason, checks=step.value))
        return bool(done.rowcount)

    if not await desk.do(fact):
        raise ChangedError
    return new


async def raised(db: AsyncConnection, desk: Desk, kind: str, nature: str, at: int) -> str:
    """Write down an incident that the gateway itself found, in the caller's transaction; return its id."""
    new = Incident(
        id=secrets.token_hex(16), party=OPERATOR, kind=kind, state=State.TOLD, found_at=at, changed_at=at,
        answers=Answers(nature=nature), notes=(Note(at=at, who=desk.origin, step=State.TOLD.value, reason=nature),),
    )  # fmt: skip
    await db.execute(sa.insert(table), _values(desk.keys, new))
    event = trail.event(
        What.INCIDENT_TOLD, actor=desk.origin, role="poort", trace=new.id, thing="incident", about={"reason": nature}
    )
    await desk.record(db, event)
    return new.id


def _event(asking: Asking, what: What, incident: Incident, **about: str) -> Any:
    parties = (incident.party,) if incident.party else ()
    return replace(asking.did(what, thing="incident", parties=parties, about=about), trace=incident.id)


async def _row(desk: Desk, asking: Asking, id_: str) -> Any:
    query = sa.select(table).where(table.c.id == id_, table.c.party.in_([asking.officer.party, OPERATOR]))
    async with desk.reading() as db:
        return (await db.execute(query)).first()


def _values(keys: KeyService, incident: Incident) -> dict[str, Any]:
    told = json.dumps({"answers": asdict(incident.answers), "notes": [asdict(note) for note in incident.notes]})
    return {
        **{name: getattr(incident, name) for name in _OPEN},
        "state": incident.state.value,
        "sealed": keys.seal_person(told, _context(incident.id)),
    }


def _incident(row: Any) -> Incident:
    known = {name: row._mapping[name] for name in _OPEN}  # noqa: SLF001 - its public name, underscored against columns
    return Incident(**{**known, "state": State(row.state)})


def _opened(keys: KeyService, row: Any) -> Incident:
    told = json.loads(keys.open_persons([(bytes(row.sealed), _context(row.id))], why="beheer")[0])
    notes = tuple(Note(**note) for note in told["notes"])
    return replace(_incident(row), answers=Answers.of(told["answers"]), notes=notes)


def _context(id_: str) -> bytes:
    return f"v1|incidents|sealed|{id_}".encode()
