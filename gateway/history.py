"""The ledger at work (level 3): in one commit, messages are held against what was said before, and are remembered.

A record stands in the database sealed, under a blind index of its key: who has the database and not the keys learns how
many records there are and when they changed. Its key stands in it, sealed too: so it shows when a record was put in
another's place, and it can be found again under another index. To destroy a record, delete its row.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from audit import index
from audit.keys import KeyService
from audit.seal import Key, SealError, open_, seal
from gateway import store
from gateway.commit import aside
from gateway.ledger import codec
from gateway.ledger.keys import keys, parties, relation
from gateway.ledger.page import Page
from gateway.ledger.values import Record, Said
from gateway.message import Facts
from gateway.orders import numbers
from gateway.orders.listed import listed
from gateway.register.values import Register

Message = tuple[Facts, tuple[Said, ...]]


class OpenPage(Page):
    """A page of records that stand in the database."""

    def __init__(self, *, levels: Collection[int], register: Register) -> None:
        """Begin with nothing on it; see ``Page``."""
        super().__init__(levels=levels, register=register)
        self.names: dict[str, str] = {}
        """The index of every record that was asked for, by its key."""
        self._packed: dict[str, tuple[Record, bytes]] = {}

    def open(self, packed: Mapping[str, bytes]) -> None:
        """Put records on the page that stand in the database like this."""
        records = {key: codec.unpack(raw) for key, raw in packed.items()}
        self._packed |= {key: (record, packed[key]) for key, record in records.items()}
        self.lay(records)

    def packed(self, key: str) -> bytes:
        """Return a record as it is to stand there now. Most only became longer."""
        record = self.past[key]
        before, packed = self._packed.get(key, ((), b""))
        if before and record[: len(before)] == before:
            return codec.extended(packed, record[len(before) :])
        return codec.pack(record)


class History:
    """The ledger of this gateway."""

    def __init__(self, service: KeyService, *, levels: Collection[int]) -> None:
        """What fails at one of ``levels`` is refused (see ``book.judge``); without any the ledger only learns."""
        self._service = service
        self._levels = levels
        self.register = Register()
        """The register of this moment, which ``app`` sets."""

    async def read(self, db: AsyncConnection, messages: Sequence[Message], *, size: int) -> OpenPage:
        """Return the page that these messages, of ``size`` bytes, need.

        Other gateways wait with messages of the same parties until this transaction ends.
        """
        page = OpenPage(levels=self._levels, register=self.register)
        asking = [(facts, said, wanted) for facts, said in messages if (wanted := keys(facts, said))]
        if not asking:
            return page
        await store.lock(db, {f"{facts.wet}/{code}" for facts, *_ in asking for code in parties(facts)})
        generation = await index.in_force(db, self._service)
        await self._lay(db, page, {key for *_, wanted in asking for key in wanted}, generation, size)
        # What a record refers to is known once it is read; see gateway.ledger.
        referred = {key for facts, said, _ in asking for key in keys(facts, said, page.past)} - page.names.keys()
        await self._lay(db, page, referred, generation, size)
        return page

    async def write(self, db: AsyncConnection, page: OpenPage, *, at: int, size: int) -> None:
        """Keep what changed on this page; ``at`` is in milliseconds since 1970, UTC."""
        if page.changed:
            await store.put_records(db, await aside(db, size, partial(self._rows, page, at)))
            await store.put_relations(db, filter(None, map(relation, sorted(page.changed))), at=at)
            found = listed({key: page.past[key] for key in sorted(page.changed)})
            await numbers.keep(db, found, page.names, at=at)

    async def _lay(self, db: AsyncConnection, page: OpenPage, wanted: set[str], generation: str, size: int) -> None:
        """Put the records that there are of these on the page."""
        if wanted:
            names = dict(zip(indexes(self._service, [*wanted], generation), wanted, strict=True))
            page.names |= {key: name for name, key in names.items()}
            rows = await store.records(db, names)
            await aside(db, size, lambda: page.open(self._packed(names, rows)))

    def _packed(self, names: Mapping[str, str], rows: Mapping[str, Any]) -> dict[str, bytes]:
        packed = dict(opened(self._service, rows.values()))
        if packed.keys() != {names[each] for each in rows}:
            raise SealError("does not open")
        return packed

    def _rows(self, page: OpenPage, at: int) -> list[dict[str, object]]:
        own = self._service.ledger_key()
        return [sealed_row(own, page.names[key], key, page.packed(key), at) for key in sorted(page.changed)]


async def recall(db: AsyncConnection, service: KeyService, wanted: Iterable[str]) -> dict[str, Record]:
    """Return the records that are there under these keys of the ledger; raises SealError."""
    names = indexes(service, sorted(wanted), await index.in_force(db, service))
    rows = await store.records(db, names)
    return {key: codec.unpack(packed) for key, packed in opened(service, rows.values())}


async def rewrite(
    db: AsyncConnection, service: KeyService, changed: Mapping[str, Record], gone: Iterable[str], *, at: int
) -> None:
    """Keep records as they are now, and destroy those under ``gone``; ``at`` is in milliseconds since 1970, UTC."""
    generation, own = await index.in_force(db, service), service.ledger_key()
    names = dict(zip(indexes(service, sorted(changed), generation), sorted(changed), strict=True))
    rows = [sealed_row(own, each, key, codec.pack(changed[key]), at) for each, key in names.items()]
    if rows:
        await store.put_records(db, rows)
    await store.drop_records(db, indexes(service, sorted(gone), generation))


def indexes(service: KeyService, wanted: Sequence[str], generation: str) -> list[str]:
    """Return the column ``ledger.key`` for keys of the ledger."""
    return [each.hex() for each in service.indexes([("ledger", key) for key in wanted], generation)]


def opened(service: KeyService, rows: Iterable[Any]) -> list[tuple[str, bytes]]:
    """Return the key and the record in rows of ``ledger``; raises SealError if one is not what was put there."""
    sealed = [row.sealed_record for row in rows]
    return [_opened(own, each) for own, each in zip(service.ledger_keys(sealed), sealed, strict=True)]


def sealed_row(own: Key, index_: str, key: str, packed: bytes, at: int) -> dict[str, object]:
    """Return the row of ``ledger`` for a record as ``codec`` packs it, that changed ``at``, to be found by an index."""
    name = key.encode()
    sealed = seal(own, len(name).to_bytes(2, "big") + name + packed, _CONTEXT)
    return {"key": index_, "changed_at": at, "lasts": relation(key) is not None, "sealed_record": sealed}


def _opened(own: Key, sealed: bytes) -> tuple[str, bytes]:
    plain = open_(own, sealed, _CONTEXT)
    end = 2 + int.from_bytes(plain[:2], "big")
    return plain[2:end].decode(), plain[end:]


_CONTEXT = b"v1|ledger|sealed_record"
"""What a sealed record is bound to: its table and column; its row it tells itself."""
