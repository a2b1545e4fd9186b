"""What was agreed, read for a party: from the ledger and, of an order, from the message that told it.

A party sees what concerns it and no more: what is not for it does not exist. A body is read through ``gateway.pickup``
alone, so it leaves only after the line in the log that says so.
"""

import json
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from audit.keys import KeyService
from gateway import history, store
from gateway.agreed import told
from gateway.agreed.consents import Entry, entry
from gateway.agreed.contracts import Agreement, Step, agreements, for_gemeente
from gateway.agreed.orders import confirmation, dossier_of, newest_order
from gateway.agreed.sight import Sight, sight
from gateway.agreed.template import Deviation, deviations
from gateway.agreed.told import Known, Told
from gateway.clock import today
from gateway.commit import GroupCommit
from gateway.ledger import keys
from gateway.ledger.overeenkomst import version_on, versions
from gateway.ledger.values import Order, Record, Relation
from gateway.parties import Party
from gateway.pickup import Pickup
from gateway.register.values import Register
from gateway.trail import Visit

_MESSAGE = "bericht/"


class UnknownAgreementError(Exception):
    """There is no such contract, register or order for this party."""


class NotNowError(Exception):
    """The message cannot be read now; it can be later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Which part of a list is asked for: relations after the first ``after``, ``count`` of them."""

    after: int
    count: int


class Agreed:
    """What parties may read of what was agreed. One per process."""

    def __init__(
        self,
        *,
        commit: GroupCommit,
        service: KeyService,
        pickup: Pickup,
        json_of: Callable[[bytes], Awaitable[bytes | None]],
        register: Callable[[], Register],
    ) -> None:
        """Take the parts that ``app`` made; ``register`` gives it as it is now."""
        self._commit = commit
        self._service = service
        self._pickup = pickup
        self._json_of = json_of
        self._register = register

    async def contracts(self, party: Party, page: Page) -> Told:
        """Return the contracts that a party may see, as they stand today, by relation."""
        day = today()
        async with self._commit.reading() as db:
            between = [each for each in await self._between(db, party.codes) if self._sight(each, party, day)]
            records = await self._recall(db, _part(between, page))
            found = [each for relation, record in records for each in self._seen(relation, record, party, day)]
            known = await self._known(db, _steps_of(each for each, _ in found))
        listed = [told.contract(each, seen, day, known) for each, seen in found]
        return {"overeenkomsten": listed, "volgende": _next(between, page)}

    async def contract(self, party: Party, relation: Relation, number: str) -> Told:
        """Return a contract with all its versions, and what deviates from its region; raises UnknownAgreementError."""
        day = today()
        async with self._commit.reading() as db:
            records = await self._recall(db, [relation])
            found = [each for _, record in records for each in self._seen(relation, record, party, day)]
            chosen = next(((each, seen) for each, seen in found if each.number == number), None)
            if chosen is None:
                raise UnknownAgreementError
            known = await self._known(db, _steps_of([chosen[0]]))
        return told.whole_contract(*chosen, day, known, self._deviating(*chosen, day))

    async def consents(self, party: Party, page: Page) -> Told:
        """Return what gemeenten were asked and decided, as far as it concerns a party, as it stands today."""
        async with self._commit.reading() as db:
            mine = [each for each in await store.relations_of(db, party.codes) if each.gemeente]
            entries, known = await self._entries(db, _part(mine, page), today())
        return {"toestemmingen": [told.consent(each, known) for each in entries], "volgende": _next(mine, page)}

    async def register(self, party: Party, gemeente: str, day: str | None, page: Page) -> Told:
        """Return the register of a gemeente as it was on a day (ISO date; today without); for that gemeente alone.

        Raises UnknownAgreementError.
        """
        if gemeente not in party.codes:
            raise UnknownAgreementError
        async with self._commit.reading() as db:
            mine = [each for each in await store.relations_of(db, [gemeente]) if each.gemeente == gemeente]
            entries, known = await self._entries(db, _part(mine, page), day or today())
        return {**told.register(gemeente, day or today(), entries, known), "volgende": _next(mine, page)}

    async def order(self, party: Party, visit: Visit, *, wet: str, other: str, number: int) -> Told:
        """Return the confirmation of an order between this party and ``other``, after the reading is logged.

        Raises UnknownAgreementError; DestroyedError when the message is no longer there; NotNowError.
        """
        async with self._commit.reading() as db:
            sides, order, message = await self._order(db, party.codes, wet, other, number)
            contracts = dict(await self._recall(db, [sides])).get(sides, ())
            known = await self._known(db, [Step(message=message, dated="")])
        id_ = known.ids.get(message)
        if id_ is None:
            raise UnknownAgreementError
        read = await self._json_of(await self._pickup.fetch(id_, party, visit))
        if read is None:
            raise NotNowError
        parties = self._register().parties.by_code
        hoofd, onder = (parties.get(code) or Party(code=code, name="") for code in (sides.hoofd, sides.onder))
        version = version_on(versions(contracts).get(order.contract, ()), order.begin)
        body = json.loads(read)
        dated = body["bericht"]["Header"]["BerichtIdentificatie"]["Dagtekening"]
        source = told.message(Step(message=message, dated=dated), known)
        return confirmation(body, order, version, (hoofd, onder), source)

    async def _order(
        self, db: AsyncConnection, codes: Collection[str], wet: str, other: str, number: int
    ) -> tuple[Relation, Order, str]:
        """Return between whom an order stands, its newest state, and the key of the message that told it."""
        either = [
            Relation(wet=wet, hoofd=hoofd, onder=onder)
            for own in sorted(codes)
            for hoofd, onder in ((own, other), (other, own))
        ]
        names = {each: keys.number_of(wet, each.hoofd, number) for each in either}
        numbers = await history.recall(db, self._service, set(names.values()))
        for each, name in names.items():
            dossier = dossier_of(numbers.get(name, ()), each.hoofd, each.onder)
            record = (await history.recall(db, self._service, [dossier])).get(dossier, ()) if dossier else ()
            if found := newest_order(record, number):
                return each, found[1], found[0].message
        raise UnknownAgreementError

    async def _between(self, db: AsyncConnection, codes: Collection[str]) -> list[Relation]:
        """Return between whom there are contracts that may concern these codes.

        For a gemeente those of every hoofdaannemer that reported somebody to it, or that it has an agreement with.
        """
        mine = await store.relations_of(db, codes)
        hoofds = {each.hoofd for each in mine if each.gemeente in codes}
        hoofds |= {hoofd for _, gemeente, hoofd in self._register().agreements if gemeente in codes}
        theirs = await store.relations_of(db, hoofds) if hoofds else []
        return sorted({each for each in (*mine, *theirs) if not each.gemeente})

    def _sight(self, relation: Relation, party: Party, day: str) -> Sight | None:
        register = self._register()
        agreed = {
            code: register.agreement(relation.wet, code, relation.hoofd, day) for code in party.codes if len(code) == 4
        }
        open_to = {code for code, each in agreed.items() if each and each.shows}
        return sight(relation, party.codes, open_to=open_to)

    def _seen(self, relation: Relation, record: Record, party: Party, day: str) -> list[tuple[Agreement, Sight]]:
        """Return the contracts in a record that exist for a party, with what it sees of them."""
        seen, found = self._sight(relation, party, day), agreements(relation, record)
        if seen is None:
            return []
        return [(each, seen) for each in (for_gemeente(found, seen.gemeenten) if seen.gemeenten else found)]

    def _deviating(self, found: Agreement, seen: Sight, day: str) -> list[Deviation] | None:
        """Hold a contract against the regions of its gemeenten; None where none of them says anything."""
        version = found.shown(day).version
        gemeenten = version.gemeenten & seen.gemeenten if seen.gemeenten else version.gemeenten
        regions = {
            region.name: region
            for code in sorted(gemeenten)
            for region in self._register().regions_of(code, day)
            if region.template or region.maximum is not None
        }
        told_ = [deviations(region, version, found.relation.wet) for _, region in sorted(regions.items())]
        return [each for some in told_ for each in some] if regions else None

    async def _entries(self, db: AsyncConnection, relations: Iterable[Relation], day: str) -> tuple[list[Entry], Known]:
        records = await self._recall(db, relations)
        found = [each for relation, record in records if (each := entry(relation, record, day))]
        steps = [step for each in found for one in each.history for step in (one.asked, one.decided) if step]
        return found, await self._known(db, steps)

    async def _recall(self, db: AsyncConnection, relations: Iterable[Relation]) -> list[tuple[Relation, Record]]:
        """Return what the ledger has of these relations, in their order."""
        names = {each: keys.agreed_by(each) for each in relations}
        found = await history.recall(db, self._service, names.values()) if names else {}
        return [(each, found[name]) for each, name in names.items() if name in found]

    async def _known(self, db: AsyncConnection, steps: Iterable[Step]) -> Known:
        """Return what parties are called, and which messages these are, as far as they are still here."""
        wanted = {each.message.removeprefix(_MESSAGE): each.message for each in steps}
        rows = await store.known(db, wanted) if wanted else {}
        names = {code: each.name for code, each in self._register().parties.by_code.items()}
        return Known(names=names, ids={message: rows[key].id for key, message in wanted.items() if key in rows})


def _part(found: Sequence[Relation], page: Page) -> Sequence[Relation]:
    return found[page.after : page.after + page.count]


def _next(found: Sequence[Relation], page: Page) -> int | None:
    after = page.after + page.count
    return after if after < len(found) else None


def _steps_of(found: Iterable[Agreement]) -> list[Step]:
    return [step for each in found for offer in each.offers for step in (offer.offered, offer.decided) if step]
