"""Orders as parties see them: listed, how they stand, who is involved with a client. Logged first, then told.

What a party may not see does not exist for it; nor does a client who is secret.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from audit.entry import Event
from audit.keys import KeyService
from audit.record import record
from gateway import trail
from gateway.clock import today
from gateway.commit import GroupCommit
from gateway.history import recall
from gateway.ledger.dossier import Fates, earlier, live, newest
from gateway.ledger.keys import agreed_by, assignment_of, dossier_of
from gateway.ledger.overeenkomst import versions
from gateway.ledger.values import Line, Order, Relation
from gateway.ledger.verdeling import assigned, divided
from gateway.orders import cascade, numbers, told
from gateway.orders.ground import Dossier, Ground
from gateway.orders.involved import Tie, involved, ties
from gateway.orders.standing import standing
from gateway.parties import Parties, Party
from gateway.retention import people
from gateway.trail import Visit, What

MOST_STEPS = 4
"""How many parties an order may have been passed on, at most, and still be shown."""


class UnknownError(Exception):
    """There is no such thing, or not for this party; the text says so in Dutch."""


class Office:
    """What parties may know of their orders. One per process."""

    def __init__(
        self, *, ground: Ground, commit: GroupCommit, keys: KeyService, origin: str, parties: Callable[[], Parties]
    ) -> None:
        """``parties`` gives who takes part now."""
        self._commit = commit
        self._keys = keys
        self._origin = origin
        self._parties = parties
        self._ground = ground

    async def listing(self, party: Party, visit: Visit, *, after: int, count: int) -> dict[str, Any]:
        """Return orders that a party gave or got, as the interface shows them, and where to go on."""
        async with self._commit.reading() as db:
            rows = await numbers.of(db, sorted(party.codes), after=after, count=count)
            found = await self._ground.dossiers(db, [row.dossier for row in rows])
        await self.log(What.ORDERS_READ, party, visit, found.values())
        listed = [
            told.listed(order, row, self._names(), today())
            for row in rows
            if row.dossier in found
            and (order := newest(earlier(live(found[row.dossier].record), Order)).get(row.number)) is not None
        ]
        return {"opdrachten": listed, "volgende": rows[-1].seq if len(rows) == count else None}

    async def stand(self, party: Party, visit: Visit, wet: str, other: str, number: int) -> dict[str, Any]:
        """Return how one order stands, the same for both parties. Raises UnknownError."""
        async with self._commit.reading() as db:
            rows = await numbers.one(db, wet, {*party.codes, other}, number)
            mine = [
                row for row in rows if party.codes & {row.payer, row.provider} and other in (row.payer, row.provider)
            ]
            found = await self._ground.dossiers(db, [row.dossier for row in mine])
            if not found:
                raise UnknownError("Deze opdracht bestaat niet, of hij is niet van u.")
            row, dossier = mine[0], next(iter(found.values()))
            agreed = agreed_by(Relation(wet=wet, hoofd=row.payer, onder=row.provider))
            declared = {heard.message for heard in dossier.record if any(isinstance(each, Line) for each in heard.said)}
            past = await recall(db, self._keys, {agreed, *declared})
        await self.log(What.ORDERS_READ, party, visit, [dossier])
        order = newest(earlier(live(dossier.record), Order)).get(number)
        known = versions(past.get(agreed, ())).get(order.contract, []) if order else []
        stand = standing(number, dossier.record, Fates(past), known, today())
        if stand is None:
            raise UnknownError("Deze opdracht bestaat niet, of hij is niet van u.")
        return told.stood(stand, row, self._names())

    async def divisions(self, party: Party, visit: Visit, *, after: int, count: int) -> dict[str, Any]:
        """Return the assignments that a party got, with the orders that divide them and what follows for those."""
        async with self._commit.reading() as db:
            rows = await numbers.got(db, sorted(party.codes), after=after, count=count)
            found = await self._ground.dossiers(db, [row.dossier for row in rows])
            names = {row.seq: assignment_of(row.wet, row.payer, row.provider, row.number) for row in rows}
            past = await recall(db, self._keys, names.values())
            onders = {
                (row.wet, row.provider, number): onder
                for row in rows
                for number, onder in (
                    await self._ground.onders(db, row.wet, row.provider, divided(past.get(names[row.seq], ())))
                ).items()
            }
        await self.log(What.ORDERS_READ, party, visit, found.values())
        shown = []
        for row in rows:
            record = past.get(names[row.seq], ())
            whole = assigned(record)
            if row.dossier in found and whole is not None:
                orders = divided(record)
                steps = cascade.cascade(cascade.earlier_state(record, row.number), whole, orders)
                shown.append(told.division(whole, row, orders, steps, onders, today()))
        return {"verdelingen": shown, "volgende": rows[-1].seq if len(rows) == count else None}

    async def involved(self, party: Party, visit: Visit, wet: str, bsn: str) -> dict[str, Any]:
        """Return who is involved with a client, as far as this party is part of it. Raises UnknownError."""
        async with self._commit.reading() as db:
            known = await self._chain(db, party.codes, wet, bsn)
            seen = involved(party.codes, known, today())
            codes = {code for each in seen for code in (each.payer, each.provider)}
            hidden = await people.secret(db, self._keys, {(code, bsn) for code in {*codes, *party.codes}})
        allowed = bool(seen) and not hidden
        own = sorted(codes & party.codes)[:1] or [party.code]
        event = self._event(What.INVOLVED_READ, party, visit, wet, own, ok=allowed)
        await self._commit.do(self._write, trail.per_subject(event, [bsn]))
        if not allowed:
            raise UnknownError("Voor deze cliënt loopt bij u geen opdracht of toewijzing.")
        return told.involvement(seen, wet, self._parties(), today())

    async def _chain(self, db: AsyncConnection, codes: Collection[str], wet: str, bsn: str) -> list[Tie]:
        """Return all that stands about a client between parties that can be reached from these, step by step."""
        found: list[Tie] = []
        asked: set[tuple[str, str]] = set()
        around = set(codes)
        for _ in range(MOST_STEPS):
            new = await numbers.pairs(db, wet, sorted(around)) - asked
            asked |= new
            named = {dossier_of(wet, payer, provider, bsn): (payer, provider) for payer, provider in new}
            past = await recall(db, self._keys, named) if named else {}
            more = [tie for key, sides in sorted(named.items()) for tie in ties(*sides, past.get(key, ()))]
            found += more
            around = {code for tie in more for code in (tie.payer, tie.provider)} - around
            if not around:
                break
        return found

    async def log(self, what: What, party: Party, visit: Visit, dossiers: Iterable[Dossier]) -> None:
        """Write down of each client that a party reads what stands about them; returns after the commit."""
        events = []
        for each in {each.key: each for each in dossiers}.values():
            event = self._event(what, party, visit, each.key.split("/")[1], each.sides)
            events += trail.per_subject(event, [each.bsn])
        if events:
            await self._commit.do(self._write, events)

    def _event(
        self, what: What, party: Party, visit: Visit, wet: str, sides: Iterable[str], *, ok: bool = True
    ) -> Event:
        return trail.event(
            what, actor=party.code, role="ontvanger", thing="opdracht", trace=visit.trace, wet=wet, ok=ok,
            parties=sorted(sides), about=visit.via,
        )  # fmt: skip

    async def _write(self, db: AsyncConnection, batches: Sequence[Sequence[Event]]) -> list[None]:
        """Commit step: log."""
        await record(db, self._keys, self._origin, [event for batch in batches for event in batch], datetime.now(UTC))
        return [None] * len(batches)

    def _names(self) -> Mapping[str, str]:
        return {code: party.name for code, party in self._parties().by_code.items()}
