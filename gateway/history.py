"""The ledger at work (level 3): in one commit, messages are held against what was said before, and are remembered.

A record stands in the database sealed, with a key of its own, under a blind index of its key: who has the database and
not the keys learns how many records there are and when they changed.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from audit.keys import KeyService
from audit.seal import open_, seal
from gateway import store
from gateway.commit import aside
from gateway.ledger import codec
from gateway.ledger.keys import keys, parties
from gateway.ledger.page import Page
from gateway.ledger.values import Record, Said
from gateway.message import Facts

Message = tuple[Facts, tuple[Said, ...]]


class History:
    """The ledger of this gateway."""

    def __init__(self, service: KeyService, *, refuses: bool) -> None:
        """With ``refuses`` what contradicts the past is refused, else the ledger only learns."""
        self._service = service
        self._refuses = refuses

    async def read(self, db: AsyncConnection, messages: Sequence[Message], *, size: int) -> Page:
        """Return the page that these messages, of ``size`` bytes, need.

        Other gateways wait with messages of the same parties until this transaction ends.
        """
        page, asked = Page(refuses=self._refuses), set[str]()
        speaking = [(facts, said) for facts, said in messages if keys(facts, said)]
        if speaking:
            await store.lock(db, {f"{facts.wet}/{code}" for facts, _ in speaking for code in parties(facts)})
        for _ in range(2):  # what a record refers to is known once it is read; see gateway.ledger
            wanted = {key for facts, said in speaking for key in keys(facts, said, page.past)} - asked
            asked |= wanted
            names = {self._index(key): key for key in wanted}
            rows = await store.records(db, names) if names else {}
            page.lay(await aside(db, size, partial(self._records, names, rows)))
        return page

    async def write(self, db: AsyncConnection, page: Page, *, at: int, size: int) -> None:
        """Keep what changed on this page; ``at`` is in milliseconds since 1970, UTC."""
        if page.changed:
            await store.put_records(db, await aside(db, size, partial(self._rows, page, at)))

    def _records(self, names: Mapping[str, str], rows: Mapping[str, Any]) -> dict[str, Record]:
        return {names[index]: codec.unpack(opened(self._service, row)) for index, row in rows.items()}

    def _rows(self, page: Page, at: int) -> list[dict[str, object]]:
        return [self._row(key, page.past[key], at) for key in sorted(page.changed)]

    def _row(self, key: str, record: Record, at: int) -> dict[str, object]:
        index = self._index(key)
        own, wrapped = self._service.new_body_key(_context(index))
        sealed = seal(own, codec.pack(record), _context(index))
        return {"key": index, "changed_at": at, "wrapped_key": wrapped, "sealed_record": sealed}

    def _index(self, key: str) -> str:
        return self._service.blind_index("ledger", key).hex()


def opened(service: KeyService, row: Any) -> bytes:
    """Return the record in a row of ``ledger``; raises SealError if it is not what was put there."""
    context = _context(row.key)
    return open_(service.unwrap(row.wrapped_key, context), row.sealed_record, context)


def _context(index: str) -> bytes:
    """What a sealed record is bound to: its table, column and row."""
    return f"v1|ledger|sealed_record|{index}".encode()
