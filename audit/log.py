"""The log in SQL: entries as they happen, and the tree that the sequencer grows over them.

Every function takes a connection first and never commits: an entry is written in the transaction of the fact
that it tells. An entry waits without a place until `sequence` gives it one, so no two transactions ever queue
for the end of the log.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audit import bulk, tree
from audit.entry import Entry
from audit.note import (
    Checkpoint,
    NoteError,
    VerifierKey,
    cosigner,
    parse,
    read_checkpoint,
    sign_checkpoint,
    signed_by,
    without_lines,
)
from audit.seal import Signer

BATCH = 20_000
"""Entries that one call of `sequence` places at most; bounds its memory and how long it holds the lock."""

MINUTE = timedelta(seconds=60)
"""No two heads that are kept lie further apart than this, as long as the log lives."""

_LOCK = 0x6B70_6C6F_67  # our advisory lock on PostgreSQL: one sequencer at a time

metadata = sa.MetaData()
"""The tables of this log; a gateway puts its own beside them, so that one transaction holds both."""

_EPOCH, _MILLISECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(milliseconds=1)

_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")  # SQLite numbers rows by itself only as INTEGER

entries = sa.Table(
    "audit_entries",
    metadata,
    sa.Column("id", _BIG, primary_key=True),
    sa.Column("idx", sa.BigInteger),
    sa.Column("message", sa.Text),
    sa.Column("leaf", sa.LargeBinary, nullable=False, index=True),
    sa.Column("header", sa.LargeBinary, nullable=False),
    sa.Column("sealed", sa.LargeBinary),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("event", sa.Text, nullable=False),
    sa.Column("actor", sa.LargeBinary, nullable=False),
    sa.Column("party", sa.Text),
    sa.Column("other", sa.Text),
)
"""``idx`` is the place in the tree, null until sequenced; ``sealed`` is null once erased.

The columns after that are for looking up and can be made anew from header and payload: when (milliseconds since 1970,
UTC), what, the blind index of who, and the codes of the one or two parties whose officers may see it.
"""

# Two indexes that share no row: PostgreSQL would else look for the waiting among all that ever waited.
_waiting, _placed = entries.c.idx.is_(None), entries.c.idx.is_not(None)
sa.Index("audit_entries_idx", entries.c.idx, unique=True, postgresql_where=_placed, sqlite_where=_placed)
sa.Index("audit_entries_waiting", entries.c.id, postgresql_where=_waiting, sqlite_where=_waiting)

sa.Index(
    "audit_entries_message",
    entries.c.message,
    postgresql_where=entries.c.message.is_not(None),
    sqlite_where=entries.c.message.is_not(None),
)
sa.Index("audit_entries_party", entries.c.party, entries.c.at)
sa.Index(
    "audit_entries_other",
    entries.c.other,
    entries.c.at,
    postgresql_where=entries.c.other.is_not(None),
    sqlite_where=entries.c.other.is_not(None),
)
# What concerns one party or none is mostly the work of people: few lines among many, and looked for by themselves.
_alone = entries.c.other.is_(None)
sa.Index("audit_entries_alone", entries.c.party, entries.c.at, postgresql_where=_alone, sqlite_where=_alone)

subjects = sa.Table(
    "audit_subjects",
    metadata,
    sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("party", sa.Text, nullable=False),
    sa.Column("blind", sa.Text, nullable=False, unique=True),
    sa.Column("index_key", sa.Text, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.Column("secret", sa.Boolean, nullable=False, server_default=sa.false()),
)
"""A person as one party knows them: random id, blind index of the BSN (hexadecimal) with the generation of its key, the
BSN sealed, and whether only officers who are named for it may find them."""

subject_lines = sa.Table(
    "audit_subject_lines",
    metadata,
    sa.Column("subject", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("leaf", sa.LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
"""Which line is number ``seq`` about this person; can be made anew from the payloads."""

index_in_force = sa.Table("audit_index", metadata, sa.Column("generation", sa.Text, primary_key=True))
"""One row: with which generation of the index key this database is written (`audit.index`)."""

tiles = sa.Table(
    "audit_tiles",
    metadata,
    sa.Column("level", sa.Integer, primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True),
    sa.Column("hashes", sa.LargeBinary, nullable=False),
)

checkpoints = sa.Table(
    "audit_checkpoints",
    metadata,
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
)
"""Signed heads, the last with the highest number; ``at``: when it was signed, as its own signature says too.

Of what is signed in a minute the last stays, so that no minute without a sign of life goes unseen. Those that stay lose
their ML-DSA-44 signature (3 kB), except the last of each day.
"""

witnessed = sa.Table(
    "audit_witnessed",
    metadata,
    sa.Column("day", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
)
"""Of each day (since 1970, UTC) the last head that witnesses signed, with their signatures."""

stamps = sa.Table(
    "audit_stamps",
    metadata,
    sa.Column("at", sa.DateTime(timezone=True), primary_key=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("token", sa.LargeBinary, nullable=False),
)
"""Time stamps of others over the text of a head (RFC 3161)."""


class TamperedError(Exception):
    """The stored log is not the log that was signed; the text says in Dutch what does not fit.

    Stop, keep everything, and tell the security officer.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """That an entry stands in the log: check with `tree.verify_inclusion` against the checkpoint's root."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """What a log signs its heads with now, and whose heads it takes for its own."""

    plain: Sequence[Signer]
    """Ed25519: the active key, and during a rotation its successor after it."""
    mldsa: Sequence[Signer] = ()
    known: Sequence[bytes] = ()
    """Public Ed25519 keys that signed before these."""

    def keys(self, origin: str) -> list[VerifierKey]:
        """Return the keys of which any makes a head ours."""
        return [VerifierKey(name=origin, public=public) for public in (*(s.public for s in self.plain), *self.known)]


async def append(db: AsyncConnection, new: Sequence[Entry], *, at: datetime, actors: Mapping[str, bytes]) -> None:
    """Write entries in the caller's transaction; they enter the tree at the next `sequence`.

    ``actors`` gives the blind index of each actor. `audit.record` is what everybody else calls.
    """
    moment = (at - _EPOCH) // _MILLISECOND
    rows = [
        {
            "message": one.event.message,
            "leaf": one.leaf,
            "header": one.header,
            "sealed": one.sealed,
            "at": moment,
            "event": one.event.event,
            "actor": actors[one.event.payload["actor"]],
            "party": one.event.parties[0] if one.event.parties else None,
            "other": one.event.parties[1] if len(one.event.parties) > 1 else None,
        }
        for one in new
    ]
    await bulk.insert(db, entries, rows)


async def sequence(
    db: AsyncConnection,
    signer: Signer | Signing | Callable[[], Signing],
    origin: str,
    at: datetime,
    *,
    heartbeat: bool = False,
    after: str | None = None,
) -> Checkpoint | None:
    """Give up to `BATCH` waiting entries their place, grow the tree and sign its new head.

    ``signer`` may be what gives the keys: it is asked once nobody else can sequence, so that no head is by a later key.
    Returns the new head; None if nothing waited. With ``heartbeat`` a head that did not grow is signed anew, with the
    time (and so is that of an empty log). ``after`` is the origin of the last head where this log follows on another.
    All in the caller's transaction: after a crash either all of it happened or nothing did. Raises `TamperedError`
    rather than sign over a tree that is not the last one.
    """
    await _lock(db)
    signer = signer() if callable(signer) else signer
    signing = signer if isinstance(signer, Signing) else Signing(plain=(signer,))
    edge = await _trusted_edge(db, signing.keys(after or origin))
    leaves = await _number(db, edge.size)
    if not leaves and not heartbeat:
        return None
    grown, changed = tree.extend(edge, leaves)
    await _write_tiles(db, changed)
    signers = *signing.plain, *signing.mldsa
    head = sign_checkpoint(origin, grown.size, grown.root, *signers, at=int(at.timestamp()))
    await _keep(db, head, at, [cosigner(origin, each) for each in signing.mldsa])
    return head


async def pending(db: AsyncConnection) -> int:
    """How many entries wait for their place."""
    return (await db.execute(sa.select(sa.func.count()).select_from(entries).where(_waiting))).scalar_one()


async def latest(db: AsyncConnection) -> Checkpoint | None:
    """Newest signed head, None before the first; raises `TamperedError` if it cannot be read."""
    newest = sa.select(checkpoints.c.note).order_by(checkpoints.c.number.desc()).limit(1)
    note = (await db.execute(newest)).scalar_one_or_none()
    if note is None:
        return None
    try:
        return read_checkpoint(str(note).encode())  # SQLite holds whatever was put in, whatever the column's type
    except NoteError:
        raise TamperedError("De laatste ondertekende stand is niet te lezen.") from None


async def trusted(db: AsyncConnection, *keys: VerifierKey) -> Checkpoint | None:
    """Newest head, signed by this log with any of its keys; None before the first. Raises `TamperedError` if not."""
    last = await latest(db)
    if last is None:
        return None
    note = parse(last.note.encode())
    if not any(last.origin == key.name and signed_by(note, key) for key in keys):
        raise TamperedError("De laatste stand is niet door dit logboek ondertekend.")
    return last


async def signed_at(db: AsyncConnection) -> datetime | None:
    """When the newest head was signed or last found sound (UTC); None before the first."""
    newest = sa.select(checkpoints.c.at).order_by(checkpoints.c.number.desc()).limit(1)
    at = (await db.execute(newest)).scalar_one_or_none()
    return at and _utc(at)


async def proof_of(db: AsyncConnection, leaf: bytes, *, under: Checkpoint | None = None) -> Proof | None:
    """Prove that the entry with this leaf hash stands under the newest head, or an older one; None if it does not."""
    index = (await db.execute(sa.select(entries.c.idx).where(entries.c.leaf == leaf))).scalar()
    head = under or await latest(db)  # read after the place: the newest never is from before that place was given
    if head is None or index is None or index >= head.size:
        return None
    hashes = await _hashes(db, tree.inclusion_ranges(index, head.size))
    return Proof(index=index, hashes=hashes, checkpoint=head)


async def consistency(db: AsyncConnection, old: int, new: int) -> tuple[bytes, ...]:
    """Prove that the log at size ``new`` begins with the log at size ``old``; both 1 or more."""
    return await _hashes(db, tree.consistency_ranges(old, new))


async def root_at(db: AsyncConnection, size: int) -> bytes:
    """Return the root that the log had at ``size``, at most its own; raises `TamperedError` if a tile is missing."""
    return (await _hashes(db, [(0, size)]))[0] if size else tree.EMPTY_ROOT


async def tiles_at(db: AsyncConnection, wanted: Iterable[tree.TileId]) -> dict[tree.TileId, bytes]:
    """Read tiles of the tree; those that are not there are left out."""
    ids = sa.tuple_(tiles.c.level, tiles.c.number)
    query = sa.select(tiles.c.level, tiles.c.number, stored(tiles.c.hashes)).where(ids.in_(list(wanted)))
    found = await db.execute(query)
    return {(level, number): hashes for level, number, hashes in found}


def stored(column: sa.Column[bytes]) -> sa.Cast[bytes]:
    """Read a column as bytes, whatever somebody put in it: SQLite holds text in a column of bytes, and gives text."""
    return sa.cast(column, sa.LargeBinary)


def _utc(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)  # SQLite keeps no time zone


async def _keep(db: AsyncConnection, head: Checkpoint, at: datetime, large: Sequence[VerifierKey]) -> None:
    """Store the newest head: in place of the last one, unless that would leave a minute without any.

    Signatures of ``large`` are taken off the last one where it stays and is not the last of its day. One that a key
    signed which the new one lacks stays as it is: there an old key and its successor both signed, and who verifies
    later follows the keys by it.
    """
    row = checkpoints.c
    last = (await db.execute(sa.select(row.number, row.at, row.note).order_by(row.number.desc()).limit(2))).all()
    values = {"size": head.size, "note": head.note, "at": at}
    handover = bool(last) and not _signers(last[0].note) <= _signers(head.note)
    if len(last) == 2 and at - _utc(last[1].at) <= MINUTE and not handover:
        await db.execute(sa.update(checkpoints).where(row.number == last[0].number).values(values))
        return
    if last and large and not handover and _utc(last[0].at).date() == _utc(at).date():
        slim = without_lines(last[0].note, *large)
        await db.execute(sa.update(checkpoints).where(row.number == last[0].number).values(note=slim))
    number = last[0].number + 1 if last else 1
    await db.execute(sa.insert(checkpoints), values | {"number": number})


def _signers(note: str) -> set[bytes]:
    return {hint for _, hint, _ in parse(note.encode()).signatures}


async def _lock(db: AsyncConnection) -> None:
    """Be the only sequencer until the transaction ends, before anything is read.

    SQLite has one writer: a write that changes nothing makes it us. Reading first and writing later would
    fail there when another wrote in between.
    """
    if db.dialect.name == "postgresql":
        await db.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    else:
        await db.execute(sa.delete(checkpoints).where(checkpoints.c.number < 0))


async def _trusted_edge(db: AsyncConnection, keys: Sequence[VerifierKey]) -> tree.Edge:
    """Read the tree's right edge, and make sure that it and the last head are ours and belong together."""
    last = await trusted(db, *keys)
    if last is None:
        if (await db.execute(sa.select(tiles.c.level).limit(1))).first() is not None:
            raise TamperedError("Er is een boom, maar geen ondertekende stand.")
        return tree.Edge()
    wanted = tree.edge_tiles(last.size)
    found = await tiles_at(db, [where for where, count in wanted if count])
    parts = tuple(found.get(where, b"")[: count * tree.HASH] for where, count in wanted)
    edge = tree.Edge(size=last.size, tiles=parts)
    if [len(part) for part in parts] != [count * tree.HASH for _, count in wanted] or edge.root != last.root:
        raise TamperedError("De bewaarde boom heeft niet de wortel die is ondertekend.")
    return edge


async def _number(db: AsyncConnection, start: int) -> list[bytes]:
    """Give the waiting entries numbers from ``start`` in one statement; returns their leaf hashes in order."""
    place = (sa.func.row_number().over(order_by=entries.c.id) + (start - 1)).label("place")
    waiting = sa.select(entries.c.id, place).where(_waiting).order_by(entries.c.id).limit(BATCH).subquery("waiting")
    done = await db.execute(
        sa.update(entries)
        .where(entries.c.id == waiting.c.id)
        .values(idx=waiting.c.place)
        .returning(entries.c.idx, entries.c.leaf)
    )
    return [leaf for _, leaf in sorted(tuple(row) for row in done)]


async def _write_tiles(db: AsyncConnection, changed: dict[tree.TileId, bytes]) -> None:
    if not changed:
        return
    ids = sa.tuple_(tiles.c.level, tiles.c.number)
    await db.execute(sa.delete(tiles).where(ids.in_(list(changed))))
    rows = [{"level": level, "number": number, "hashes": h} for (level, number), h in changed.items()]
    await db.execute(sa.insert(tiles), rows)


async def _hashes(db: AsyncConnection, ranges: list[tree.Range]) -> tuple[bytes, ...]:
    found = await tiles_at(db, tree.tiles_of(ranges))
    try:
        return tuple(tree.hashes_of(ranges, found.__getitem__))
    except KeyError:
        raise TamperedError("Een tegel van de boom ontbreekt.") from None
