"""What the ledger holds of assignments and orders, read for who divides them or asks how they stand."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from audit.keys import KeyService
from gateway import store
from gateway.commit import GroupCommit
from gateway.history import opened, recall
from gateway.ledger import codec
from gateway.ledger.keys import agreed_by, assignment_of, dossier_of
from gateway.ledger.overeenkomst import consents, versions
from gateway.ledger.values import Order, Record, Relation
from gateway.ledger.verdeling import assigned, divided
from gateway.orders import numbers
from gateway.orders.division import Candidate
from gateway.retention import people


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Dossier:
    """What stands between two parties about one client."""

    key: str
    record: Record = ()

    @property
    def bsn(self) -> str:
        """Whom it is about."""
        return self.key.split("/")[4]

    @property
    def sides(self) -> tuple[str, str]:
        """Payer and provider."""
        _, _, payer, provider, _ = self.key.split("/")
        return payer, provider


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Assigned:
    """An assignment, to whom, and the orders that divide it."""

    wet: str
    gemeente: str
    hoofd: str
    order: Order
    record: Record = ()
    """All that was said of it; nothing where it came with the request."""
    uploaded: bytes = b""
    orders: Mapping[int, Order] = field(default_factory=dict)
    onders: Mapping[int, str] = field(default_factory=dict)
    """Who got each of them."""

    @property
    def dossier(self) -> Dossier:
        """Where the client is known between gemeente and hoofdaannemer."""
        return Dossier(key=dossier_of(self.wet, self.gemeente, self.hoofd, self.order.bsn))


class Ground:
    """The ledger, asked about orders. One per process."""

    def __init__(self, commit: GroupCommit, keys: KeyService) -> None:
        """Read through ``commit``."""
        self._commit = commit
        self._keys = keys

    async def assignment(self, codes: Collection[str], wet: str, gemeente: str, number: int) -> Assigned | None:
        """Return an assignment that one of these parties got; None if there is none, or its client is secret."""
        wanted = {assignment_of(wet, gemeente, code, number): code for code in codes}
        async with self._commit.reading() as db:
            past = await recall(db, self._keys, wanted)
            for key, record in past.items():
                whole = assigned(record)
                if whole is not None:
                    found = Assigned(wet=wet, gemeente=gemeente, hoofd=wanted[key], order=whole, record=record)
                    return await self.with_orders(db, found)
        return None

    async def uploaded(self, found: Assigned) -> Assigned | None:
        """Return an assignment that came with a request, with the orders that divide it; None if it is of a secret."""
        key = assignment_of(found.wet, found.gemeente, found.hoofd, found.order.number)
        async with self._commit.reading() as db:
            record = (await recall(db, self._keys, [key])).get(key, ())
            return await self.with_orders(db, replace(found, record=record))

    async def with_orders(self, db: AsyncConnection, found: Assigned) -> Assigned | None:
        """Return it with the orders that divide it; None where the client is secret."""
        orders = divided(found.record)
        onders = await self.onders(db, found.wet, found.hoofd, orders)
        parties = {found.gemeente, found.hoofd, *onders.values()}
        hidden = await people.secret(db, self._keys, {(code, found.order.bsn) for code in parties})
        return None if hidden else replace(found, orders=orders, onders=onders)

    async def onders(self, db: AsyncConnection, wet: str, hoofd: str, wanted: Iterable[int]) -> dict[int, str]:
        """Return who got these orders, by number."""
        rows = [row for number in wanted for row in await numbers.one(db, wet, [hoofd], number)]
        return {row.number: row.provider for row in rows}

    async def candidates(self, wet: str, hoofd: str, gemeente: str) -> list[Candidate]:
        """Return with whom a hoofdaannemer has a contract, or asked this gemeente for consent."""
        async with self._commit.reading() as db:
            known = await store.relations_of(db, [hoofd])
            onders = sorted({each.onder for each in known if (each.wet, each.hoofd) == (wet, hoofd)})
            agreed = {each: agreed_by(Relation(wet=wet, hoofd=hoofd, onder=each)) for each in onders}
            consent = {
                each: agreed_by(Relation(wet=wet, hoofd=hoofd, onder=each, gemeente=gemeente)) for each in onders
            }  # fmt: skip
            past = await recall(db, self._keys, [*agreed.values(), *consent.values()]) if onders else {}
        return [
            Candidate(
                code=each, contracts=versions(past.get(agreed[each], ())),
                consents=consents(past.get(consent[each], ())),
            )
            for each in onders
        ]  # fmt: skip

    async def dossier(self, wet: str, hoofd: str, onder: str, bsn: str) -> Dossier:
        """Return what stands between these two about a client."""
        key = dossier_of(wet, hoofd, onder, bsn)
        async with self._commit.reading() as db:
            return Dossier(key=key, record=(await recall(db, self._keys, [key])).get(key, ()))

    async def numbers(self, wet: str, hoofd: str, count: int) -> list[int]:
        """Return so many numbers that no order of this hoofdaannemer has."""
        async with self._commit.reading() as db:
            last = await numbers.highest(db, wet, hoofd)
        return list(range(last + 1, last + 1 + count))

    async def dossiers(self, db: AsyncConnection, names: Sequence[str]) -> dict[str, Dossier]:
        """Return the dossiers under these blind indexes, but for those of somebody who is secret."""
        rows = list((await store.records(db, dict.fromkeys(names))).values())
        found = {
            row.key: Dossier(key=key, record=codec.unpack(packed))
            for row, (key, packed) in zip(rows, opened(self._keys, rows), strict=True)
        }
        known = {(code, each.bsn) for each in found.values() for code in each.sides}
        hidden = await people.secret(db, self._keys, known) if known else set()
        return {name: each for name, each in found.items() if not {(code, each.bsn) for code in each.sides} & hidden}
