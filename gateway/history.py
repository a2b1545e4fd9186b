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

Message = tuple[Facts, tuple[Said, ...]]


class History:
    """The ledger of this gateway."""

    def __init__(self, service: KeyService, *, levels: Collection[int]) -> None:
        """What fails at one of ``levels`` is refused (see ``book.judge``); without any the ledger only learns."""
        self._service = service
        self._levels = levels

    async def read(self, db: AsyncConnection, messages: Sequence[Message], *, size: int) -> Page:
        """Return the page that these messages, of ``size`` bytes, need.

        Other gateways wait with messages of the same parties until this transaction ends.
        """
        page, asked = Page(levels=self._levels), set[str]()
        speaking = [(facts, said) for facts, said in messages if keys(facts, said)]
        if speaking:
            await store.lock(db, {f"{facts.wet}/{code}" for facts, _ in speaking for code in parties(facts)})
        for _ in range(2):  # what a record refers to is known once it is read; see gateway.ledger
            wanted = {key for facts, said in speaking for key in keys(facts, said, page.past)} - asked
            asked |= wanted
            names = await self._indexes(db, sorted(wanted))
            rows = await store.records(db, names) if names else {}
            page.lay(await aside(db, size, partial(self._records, names, rows)))
        return page

    async def write(self, db: AsyncConnection, page: Page, *, at: int, size: int) -> None:
        """Keep what changed on this page; ``at`` is in milliseconds since 1970, UTC."""
        if page.changed:
            names = await self._indexes(db, sorted(page.changed))
            await store.put_records(db, await aside(db, size, partial(self._rows, page, names, at)))
            await store.put_relations(db, filter(None, map(relation, sorted(page.changed))), at=at)

    async def _indexes(self, db: AsyncConnection, wanted: Sequence[str]) -> dict[str, str]:
        """Return these keys of the ledger by their blind index."""
        if not wanted:
            return {}
        return dict(zip(indexes(self._service, wanted, await index.in_force(db, self._service)), wanted, strict=True))

    def _records(self, names: Mapping[str, str], rows: Mapping[str, Any]) -> dict[str, Record]:
        found = dict(opened(self._service, rows.values()))
        if found.keys() != {names[each] for each in rows}:
            raise SealError("does not open")
        return {key: codec.unpack(packed) for key, packed in found.items()}

    def _rows(self, page: Page, names: Mapping[str, str], at: int) -> list[dict[str, object]]:
        own = self._service.ledger_key()
        return [sealed_row(own, each, key, codec.pack(page.past[key]), at) for each, key in names.items()]


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
