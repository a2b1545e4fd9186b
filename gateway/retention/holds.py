"""Holds: a message, a person or a period that may not be destroyed, whatever its term; each with a reason.

Every function takes the connection first and never commits.
"""

import json
import secrets
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from audit.keys import KeyService
from audit.record import record
from gateway import trail
from gateway.oversight.rights import Right, may
from gateway.retention import due, people, store
from gateway.retention.orders import Doer, NotAllowedError, now
from gateway.trail import What


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """One hold that is in force."""

    id: str
    kind: str
    """``bericht``, ``persoon`` or ``periode``."""
    party: str
    """Whose officers set it and may lift it; empty: of the gateway itself, and a period is then of all."""
    message: str | None
    first_at: int | None
    last_at: int | None
    made_at: int
    who: str
    """Login of who set it."""
    reason: str = field(repr=False)


async def hold(
    db: AsyncConnection, keys: KeyService, origin: str, who: Doer, *, why: str, message: str | None = None,
    bsn: str | None = None, first_at: int | None = None, last_at: int | None = None,
) -> str:  # fmt: skip
    """Hold one message, one person (as the officer's party knows them), or a period of that party; return the id.

    Raises NotAllowedError.
    """
    officer = who.officer
    if not may(officer, Right.RETENTION):
        raise NotAllowedError("U mag geen bewaarplicht instellen.")
    if [message is not None, bsn is not None, first_at is not None and last_at is not None].count(True) != 1:
        raise NotAllowedError("Noem één bericht, of één persoon, of een periode met begin en eind.")
    await store.lock(db)
    if message is not None and not await due.concerns(db, message, officer.party):
        raise NotAllowedError("Dit bericht bestaat niet, of het is niet van uw partij.")
    if bsn is not None and not officer.party:
        raise NotAllowedError("Een persoon hoort bij een partij: laat een functionaris van die partij dit doen.")
    id_ = secrets.token_hex(16)
    event = replace(who.did(What.HELD, thing="bewaarplicht", about={"reason": why}), trace=id_, message=message)
    await record(db, keys, origin, trail.per_subject(event, [bsn] if bsn else ()), datetime.now(UTC))
    kind = "bericht" if message is not None else "persoon" if bsn is not None else "periode"
    row = {
        "id": id_, "kind": kind, "party": officer.party, "message": message, "first_at": first_at, "last_at": last_at,
        "subject": await people.subject(db, keys, officer.party, bsn) if bsn else None,  # known: we just wrote of them
        "made_at": now(), "lifted_at": None,
        "sealed": keys.seal_person(json.dumps({"who": officer.login, "reason": why}), _context(id_)),
    }  # fmt: skip
    await store.add_hold(db, row)
    return id_


async def lift(db: AsyncConnection, keys: KeyService, origin: str, id_: str, who: Doer, *, why: str) -> None:
    """Let go what was held; raises NotAllowedError."""
    await store.lock(db)
    found = {each.id: each for each in await in_force(db, keys, who.officer.party)}.get(id_)
    if found is None or not may(who.officer, Right.RETENTION):
        raise NotAllowedError("Deze bewaarplicht is er niet, of is niet van uw partij.")
    await store.lift_hold(db, id_, now())
    event = who.did(What.LET_GO, thing="bewaarplicht", about={"reason": why})
    await record(db, keys, origin, [replace(event, trace=id_, message=found.message)], datetime.now(UTC))


async def in_force(db: AsyncConnection, keys: KeyService, party: str | None) -> list[Hold]:
    """Return the holds that officers of ``party`` set (None: all), oldest first."""
    rows = [row for row in await store.active_holds(db) if party is None or row.party == party]
    told = keys.open_persons([(row.sealed, _context(row.id)) for row in rows], why="beheer")
    found = []
    for row, text in zip(rows, told, strict=True):
        about = json.loads(text)
        found.append(
            Hold(
                id=row.id, kind=row.kind, party=row.party, message=row.message, first_at=row.first_at,
                last_at=row.last_at, made_at=row.made_at, who=about["who"], reason=about["reason"],
            )
        )  # fmt: skip
    return found


def _context(id_: str) -> bytes:
    return f"v1|holds|sealed|{id_}".encode()
