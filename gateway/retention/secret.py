"""Persons whose residence must stay secret: no message about them comes in, from or to the party that said so.

For a child that is threatened the standard forbids all message traffic (Regeling Jeugdwet art. 6a.6, Standaard
Administratie Protocol § 3.4): what must be told goes outside them on a form, and the gemeente confirms it within five
working days. Here stands who it is, and until when that confirmation may take. Every function takes the connection
first and never commits.
"""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from audit.keys import KeyService
from audit.record import record
from gateway import trail
from gateway.explain import HEADER, finding
from gateway.ledger.values import Said
from gateway.message import Facts, Finding
from gateway.oversight.rights import Right, may
from gateway.retention import due, handed, people
from gateway.retention.decide import working_days_after
from gateway.retention.forms import TITLES, Form
from gateway.retention.orders import Doer, NotAllowedError, now
from gateway.trail import What

CONFIRMED_WITHIN = 5
"""Working days in which the gemeente confirms the form."""


class Stage(StrEnum):
    """Where the paper road stands."""

    FORM = "formulier"
    """The form is to be sent, and confirmed before a day."""
    CONFIRMED = "bevestigd"
    LIFTED = "opgeheven"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A form that went out."""

    id: str
    form: Form
    to: str
    """Code of the gemeente."""
    document: str
    """SHA-256 of the sealed file, in hex."""
    made_at: int
    due_at: int | None
    """Until when the gemeente may take to confirm it; None once it did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """One person who is secret now; by a random id, for who it is must be known to few."""

    id: str
    party: str
    stage: Stage
    made_at: int
    due_at: int | None
    """Until when the gemeente may take to confirm the first form; None once that went out, or was confirmed."""
    number: str = field(default="", repr=False)
    """By which the party itself knows this client; empty where nobody told."""
    sent: tuple[Sent, ...] = ()
    under_way: int = 0
    """Messages about them that their receiver has not confirmed."""


async def hide(
    db: AsyncConnection, keys: KeyService, origin: str, who: Doer, *, bsn: str, why: str, purpose: str = "",
    number: str = "",
) -> tuple[str, int]:  # fmt: skip
    """Make a person secret for the officer's party, who knows them by ``number``; raises NotAllowedError.

    Return the id, and how many messages about them are still on their way: those must be stopped by people. Who is
    secret already is so once more, and until each of these is lifted: only an officer who may find such a person hears
    of it, to all others it goes as with a stranger.
    """
    party = who.officer.party
    if not party or not may(who.officer, Right.DOSSIER):
        raise NotAllowedError("Alleen een functionaris gegevensbescherming van een partij kan dit doen.")
    await people.lock_secrets(db)
    known = await people.subject(db, keys, party, bsn)
    hidden = known is not None and await people.is_secret(db, known)
    if hidden and who.officer.finds_secret:
        raise NotAllowedError("Deze persoon is al geheim.")
    id_, at = secrets.token_hex(16), datetime.now(UTC)
    event = replace(who.did(What.HIDDEN, thing="geheim", about={"reason": why}), trace=id_)
    event = replace(event, purpose=purpose or event.purpose)
    await record(db, keys, origin, trail.per_subject(event, [bsn]), at)
    subject = await people.subject(db, keys, party, bsn)
    if subject is None:
        raise LookupError("a person of whom a line was just written")
    until = int(working_days_after(at, CONFIRMED_WITHIN).timestamp() * 1000)
    await people.add_secret(
        db,
        {
            "id": id_, "subject": subject, "party": party, "state": Stage.FORM.value, "made_at": now(), "due_at": until,
            "changed_at": now(),
        },
    )  # fmt: skip
    if number:
        await handed.put_number(db, keys, id_, number)
    return id_, 0 if hidden else len(await due.on_their_way(db, subject, party))


async def confirm(db: AsyncConnection, keys: KeyService, origin: str, id_: str, who: Doer, *, why: str) -> None:
    """Write down that the gemeente confirmed the form; raises NotAllowedError."""
    await _step(db, keys, origin, id_, who, Stage.CONFIRMED, What.HIDDEN_CONFIRMED, why)


async def show(db: AsyncConnection, keys: KeyService, origin: str, id_: str, who: Doer, *, why: str) -> None:
    """Let messages about this person through again, if nobody else made them secret; raises NotAllowedError."""
    await _step(db, keys, origin, id_, who, Stage.LIFTED, What.SHOWN, why)


async def look(
    db: AsyncConnection, keys: KeyService, origin: str, who: Doer, *, only: str | None = None
) -> list[Secret]:
    """Write down of each who is secret for the officer's party that he looks, and return them, the first due first.

    ``only`` is the id of the one whom he looks at. Show them once that is committed.
    """
    rows = [row for row in await people.secrets_of(db, who.officer.party) if only in (None, row.id)]
    bsns = await people.bsns_of(db, keys, [row.subject for row in rows])
    looked = trail.per_subject(who.did(What.HIDDEN_READ, thing="geheim"), bsns)
    await record(db, keys, origin, looked, datetime.now(UTC))
    sent: dict[str, list[Sent]] = {row.id: [] for row in rows}
    for row, told in await handed.of(db, keys, list(sent)):
        sent[row.secret].append(
            Sent(
                id=row.id, form=Form(told["form"]), to=told["to"], document=told["document"], made_at=row.made_at,
                due_at=row.due_at,
            )
        )  # fmt: skip
    return [
        Secret(
            id=row.id, party=row.party, stage=Stage(row.state), made_at=row.made_at, due_at=row.due_at, number=number,
            sent=tuple(sent[row.id]), under_way=len(await due.on_their_way(db, row.subject, row.party)),
        )
        for row, number in zip(rows, handed.numbers(keys, rows), strict=True)
    ]  # fmt: skip


async def hand_over(
    db: AsyncConnection, keys: KeyService, origin: str, id_: str, who: Doer, *, form: Form, to: str, file: bytes
) -> None:
    """Write down that a form, sealed as ``file``, goes to a gemeente, which may take five working days to confirm it.

    Raises NotAllowedError.
    """
    document = hashlib.sha256(file).hexdigest()
    about = {"reason": f"{TITLES[form]}, aan gemeente {to}", "document": document}
    await _write(db, keys, origin, id_, who, What.FORM_SEALED, about)
    until = int(working_days_after(datetime.now(UTC), CONFIRMED_WITHIN).timestamp() * 1000)
    row = {"id": secrets.token_hex(16), "secret": id_, "made_at": now(), "due_at": until}
    await handed.add(db, keys, row, {"form": form.value, "to": to, "document": document})


async def confirm_form(
    db: AsyncConnection, keys: KeyService, origin: str, id_: str, who: Doer, *, form: str, why: str
) -> None:
    """Write down that the gemeente confirmed one of the forms that went out; raises NotAllowedError."""
    await people.lock_secrets(db)
    found = {row.id: told for row, told in await handed.of(db, keys, [id_]) if row.due_at is not None}
    if form not in found:
        raise NotAllowedError("Dit formulier is al bevestigd, of het is er niet.")
    about = {"reason": why, "document": found[form]["document"]}
    row = await _write(db, keys, origin, id_, who, What.HIDDEN_CONFIRMED, about)
    await handed.confirmed(db, form)
    if row.state == Stage.FORM:
        await people.move_secret(db, row, Stage.CONFIRMED.value, at=now(), ended=False)


async def refused(
    db: AsyncConnection, keys: KeyService, messages: Sequence[tuple[Facts, tuple[Said, ...]]]
) -> dict[int, tuple[Finding, ...]]:
    """Return what is wrong with messages about a person who is secret, by their place in the list.

    Until this transaction ends nobody becomes secret: a message is either before that, or refused.
    """
    marking = await people.marking(db, {code for facts, _ in messages for code in (facts.sender, facts.receiver)})
    if not marking:
        return {}
    pairs = {
        (party, bsn)
        for facts, _ in messages
        for party in {facts.sender, facts.receiver} & marking
        for bsn in facts.subjects
    }
    hidden = await people.secret(db, keys, pairs)
    found = {}
    for place, (facts, said) in enumerate(messages):
        about = [bsn for bsn in facts.subjects if {(facts.sender, bsn), (facts.receiver, bsn)} & hidden]
        if about:
            found[place] = tuple(
                finding("KP026", path=path) for path in dict.fromkeys(_path(said, bsn) for bsn in about)
            )
    return found


def _path(said: tuple[Said, ...], bsn: str) -> str:
    """Return where a message speaks of this client, by position; the header where that is not known."""
    path = next((each.path for each in said if each.bsn == bsn), "")
    steps = path.split("/")
    last = next((place for place, step in enumerate(steps) if step.partition("[")[0] == "Client"), None)
    return HEADER if last is None else "/".join(steps[: last + 1])


async def _step(
    db: AsyncConnection, keys: KeyService, origin: str, id_: str, who: Doer, stage: Stage, what: What, why: str
) -> None:
    row = await _write(db, keys, origin, id_, who, what, {"reason": why})
    await people.move_secret(db, row, stage.value, at=now(), ended=stage is Stage.LIFTED)
    if stage is Stage.LIFTED:
        await handed.forget(db, id_)


async def _write(
    db: AsyncConnection, keys: KeyService, origin: str, id_: str, who: Doer, what: What, about: Mapping[str, str]
) -> Any:
    """Write to the log what is done about somebody who is secret; return their row. Raises NotAllowedError."""
    if not may(who.officer, Right.DOSSIER):
        raise NotAllowedError("Alleen een functionaris gegevensbescherming kan dit doen.")
    await people.lock_secrets(db)
    rows = {row.id: row for row in await people.secrets_of(db, who.officer.party)}
    if id_ not in rows:
        raise NotAllowedError("Deze persoon is niet geheim, of hoort niet bij uw partij.")
    bsns = await people.bsns_of(db, keys, [rows[id_].subject])
    event = replace(who.did(what, thing="geheim", about=about), trace=id_)
    await record(db, keys, origin, trail.per_subject(event, bsns), datetime.now(UTC))
    return rows[id_]
