"""The key folder: the KEK, and ``sleutels.db`` with all other keys sealed under it, and the counts of reading.

Several processes may have one folder open. What one changes the others see at their next question, because a change
raises a number that each compares; and nobody writes before knowing the last change. Data keys stand there for days
before they are used, so that a copy of the folder has them (ADR 0026).
"""

import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from audit.seal import Key, SealError
from audit.vault import kek
from audit.vault.kek import Kek, KekError

CLASSES = ("logboek", "bericht", "personen", "grootboek")
"""Classes of data keys: log lines, bodies, persons beside their index, the ledger."""
SIGNERS = ("log", "log-mldsa", "ontvangst", "push", "sleutels")
"""What we sign, each with a key of its own: the log's head (twice), receipts, pushed messages, what the keys did."""
INDEX = "index"
STOCKED = ("logboek", "bericht", "personen")
"""Classes of which a gateway asks a new key every ten minutes: of these there is a stock."""
STOCK = 1000
"""Spare keys of such a class: what one gateway asks in a week, so a copy of a day ago has the keys of today."""
FILE = "sleutels.db"

_TABLES = """
CREATE TABLE keys (
    id BLOB PRIMARY KEY, kind TEXT NOT NULL, generation INTEGER NOT NULL, made INTEGER NOT NULL, state TEXT NOT NULL,
    kek BLOB NOT NULL, sealed BLOB
);
CREATE INDEX keys_kind ON keys (kind, generation);
CREATE INDEX keys_spare ON keys (kind, generation) WHERE state = 'spare';
CREATE INDEX keys_used ON keys (made) WHERE state <> 'spare';
CREATE TABLE counts (day TEXT, why TEXT, number INTEGER NOT NULL, PRIMARY KEY (day, why));
CREATE TABLE state (version INTEGER NOT NULL, kek BLOB NOT NULL);
"""


class StoreError(Exception):
    """The key folder cannot be used; the text says in Dutch what is wrong and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One key as it is kept; ``made`` in milliseconds since 1970, UTC; ``sealed`` is None once destroyed."""

    id: bytes
    kind: str
    generation: int
    state: str
    """``spare``, ``coming``, ``active``, ``retired`` or ``destroyed``."""
    made: int
    kek: bytes
    sealed: bytes | None = field(repr=False)


class Store:
    """An open key folder; not for two threads at once. Every method raises ``sqlite3.Error`` or `KekError`."""

    def __init__(self, folder: Path) -> None:
        """Open a folder that `create` made; raises `StoreError`."""
        self.folder = folder
        try:
            self.keks = kek.load(folder)
            self._db = _connect(folder / FILE)
            self.version, self._primary = self._state()
        except OSError as error:
            raise StoreError(f"De sleutelmap {folder} is niet te lezen ({error.strerror}).") from None
        except KekError as error:
            raise StoreError(str(error)) from None
        except (sqlite3.Error, TypeError):
            raise StoreError(f"{folder / FILE} is beschadigd of ontbreekt. Zet een reservekopie terug.") from None
        if self._primary not in self.keks:
            raise StoreError(
                f"In de sleutelmap {folder} ontbreekt de hoofdsleutel. Zet haar terug, of herstel haar uit de aandelen"
                " van de functionarissen: ketenpoort audit sleutels herstel."
            )

    def close(self) -> None:
        """Close the store; the folder stays."""
        self._db.close()

    def changed(self) -> bool:
        """Look whether another process changed keys; if so, what this one held of them is no longer true."""
        version, primary = self._state()
        if version == self.version:
            return False
        self.keks, self.version, self._primary = kek.load(self.folder), version, primary
        return True

    def rows(self, kind: str) -> list[Row]:
        """Return the keys of one kind, the oldest first."""
        found = self._db.execute(f"{_ROW} WHERE kind = ? ORDER BY generation, made, id", (kind,))
        return [_row(each) for each in found]

    def row(self, id_: bytes) -> Row | None:
        """Return one key."""
        found = self._db.execute(f"{_ROW} WHERE id = ?", (id_,)).fetchone()
        return found and _row(found)

    def secret(self, row: Row) -> bytes:
        """Open a key; raises `SealError` if it was destroyed or is not what was put there."""
        if row.sealed is None or row.kek not in self.keks:
            raise SealError("does not open")
        return self.keks[row.kek].unwrap(row.sealed, _context(row.kind, row.id))

    def add(self, kind: str, *, state: str = "active", change: bool = False) -> Key:
        """Make a key of a kind, one generation on; with ``change`` the others are told."""
        with self._writing():
            if change:
                self._bump()
            return self._add(kind, state)

    def hand_out(self, kind: str) -> Key:
        """Give the oldest spare key of a class of `STOCKED`, to one asker only, and put a new one at the end."""
        with self._writing():
            self._fill(kind)
            spares = f"{_ROW} WHERE kind = ? AND state = 'spare' ORDER BY generation"
            row = _row(self._db.execute(spares, (kind,)).fetchone())
            key = Key(id=row.id, secret=self.secret(row))
            self._db.execute("UPDATE keys SET state = 'active' WHERE id = ?", (row.id,))
            self._add(kind, "spare")
            return key

    def renew_stock(self) -> None:
        """Hand out none of the spare keys any more, but new ones; what was sealed with them anywhere still opens."""
        with self._writing():
            self._db.execute(_SET_ASIDE)
            for kind in STOCKED:
                self._fill(kind)

    def in_use_since(self) -> int:
        """When the newest key was made that is or was in use: a copy from later, under this KEK, opens everything.

        Milliseconds since 1970, UTC.
        """
        made: int = self._db.execute("SELECT max(made) FROM keys WHERE state <> 'spare'").fetchone()[0]
        return made

    def _fill(self, kind: str) -> None:
        found = self._db.execute("SELECT count(*) FROM keys WHERE kind = ? AND state = 'spare'", (kind,))
        for _ in range(found.fetchone()[0], STOCK):
            self._add(kind, "spare")

    def _add(self, kind: str, state: str) -> Key:
        fresh = Key(id=os.urandom(8), secret=os.urandom(32))
        generation = self._db.execute("SELECT max(generation) FROM keys WHERE kind = ?", (kind,)).fetchone()[0] or 0
        sealed = self.keks[self._primary].wrap(fresh.secret, _context(kind, fresh.id))
        self._db.execute(
            "INSERT INTO keys VALUES (?, ?, ?, ?, ?, ?, ?)",
            (fresh.id, kind, generation + 1, time.time_ns() // 1_000_000, state, self._primary, sealed),
        )
        return fresh

    def put_in_force(self, kind: str) -> None:
        """Make the newest key of a kind the active one and retire those before it."""
        with self._writing():
            self._bump()
            newest = self._db.execute("SELECT max(generation) FROM keys WHERE kind = ?", (kind,)).fetchone()[0]
            self._db.execute(
                "UPDATE keys SET state = CASE generation WHEN ? THEN 'active' ELSE 'retired' END"
                " WHERE kind = ? AND state <> 'destroyed'",
                (newest, kind),
            )

    def destroy(self, ids: Iterable[bytes]) -> None:
        """Destroy data keys: what was sealed with them opens nowhere any more, in no backup of a database."""
        with self._writing():
            self._bump()
            self._db.executemany(
                "UPDATE keys SET state = 'destroyed', sealed = NULL WHERE id = ?", [(id_,) for id_ in ids]
            )
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def renew_kek(self) -> tuple[Kek, Kek]:
        """Make a new KEK and seal all keys under it; return the old and the new one. The old one is left as it is."""
        old, new = self.keks[self._primary], kek.make(self.folder)
        with self._writing():
            keks = {**kek.load(self.folder), new.id: new}
            for row in [_row(each) for each in self._db.execute(f"{_ROW} WHERE sealed IS NOT NULL")]:
                context = _context(row.kind, row.id)
                sealed = new.wrap(keks[row.kek].unwrap(row.sealed or b"", context), context)
                self._db.execute("UPDATE keys SET kek = ?, sealed = ? WHERE id = ?", (new.id, sealed, row.id))
            self._db.execute("UPDATE state SET kek = ?", (new.id,))
            self._bump()
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.changed()
        return old, new

    def destroy_kek(self, id_: bytes) -> None:
        """Destroy a KEK under which nothing stands any more; raises `StoreError` if something does."""
        found = self._db.execute("SELECT count(*) FROM keys WHERE kek = ? AND sealed IS NOT NULL", (id_,)).fetchone()
        if id_ == self._primary or id_ not in self.keks or found[0]:
            raise StoreError(
                "Deze hoofdsleutel is er niet, of er zijn nog sleutels mee verzegeld. Er is niets vernietigd."
            )
        self.keks[id_].destroy()
        with self._writing():
            self._bump()

    def count(self, why: str, number: int) -> None:
        """Add to what was read today for one reason; it is on disk when this returns."""
        with self._writing():
            self._db.execute(
                "INSERT INTO counts VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET number = number + excluded.number",
                (time.strftime("%Y-%m-%d", time.gmtime()), why, number),
            )

    def counts(self) -> list[tuple[str, str, int]]:
        """Return how much was read: day (UTC), why, number."""
        return list(self._db.execute("SELECT day, why, number FROM counts ORDER BY day, why"))

    def kek_in_force(self) -> Kek:
        """Return the KEK under which new keys are sealed."""
        return self.keks[self._primary]

    def _state(self) -> tuple[int, bytes]:
        version, primary = self._db.execute("SELECT version, kek FROM state").fetchone()
        return version, primary

    def _bump(self) -> None:
        self._db.execute("UPDATE state SET version = version + 1")

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Be the only writer until the end, knowing the last change before the first write."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self.changed()
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")


def create(folder: Path) -> None:
    """Make a folder with fresh keys; it appears whole or not at all. Raises `StoreError`; nothing is overwritten."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        making = Path(tempfile.mkdtemp(prefix=".sleutels-", dir=folder.parent))  # mode 0700 by itself
    except OSError as error:
        raise StoreError(f"De map {folder.parent} kan niet worden gemaakt ({error.strerror}).") from None
    try:
        first = kek.make(making)
        begin(making, first.id)
        making.rename(folder)
        kek.sync(folder.parent)
    except OSError as error:
        shutil.rmtree(making, ignore_errors=True)
        raise StoreError(f"De sleutelmap {folder} bestaat al of kan niet worden gemaakt ({error.strerror}).") from None


def begin(folder: Path, first: bytes) -> None:
    """Make ``sleutels.db`` in a folder that has a KEK, with the first key of each kind that outlives a process."""
    (folder / FILE).touch(0o600)
    db = _connect(folder / FILE)
    db.executescript(_TABLES)
    db.execute("INSERT INTO state VALUES (1, ?)", (first,))
    db.close()
    store = Store(folder)
    for kind in ("grootboek", INDEX, *SIGNERS):
        store.add(kind)
    store.renew_stock()
    store.close()
    kek.sync(folder)


def copy(folder: Path, target: Path) -> None:
    """Write a copy of ``sleutels.db`` to keep elsewhere, while others use it; raises ``OSError`` or ``sqlite3.Error``.

    The copy has the spare keys and hands none of them out: here they come into use, and a key that two days' messages
    share would be destroyed with the first. It appears whole or not at all; nothing is overwritten.
    """
    target.touch(0o600, exist_ok=False)
    making = Path(tempfile.mkdtemp(prefix=".sleutels-", dir=target.parent))
    try:
        fresh = making / FILE
        fresh.touch(0o600)
        for path, sentence, values in ((folder / FILE, "VACUUM INTO ?", (str(fresh),)), (fresh, _SET_ASIDE, ())):
            with closing(sqlite3.connect(f"file:{path}?mode=rw", uri=True, isolation_level=None, timeout=30)) as db:
                db.execute(sentence, values)
        fresh.replace(target)
        kek.sync(target.parent)
    except BaseException:
        target.unlink()
        raise
    finally:
        shutil.rmtree(making, ignore_errors=True)


def restore(folder: Path, backup: Path, key: Key) -> None:
    """Make a key folder from a copy of ``sleutels.db`` and its KEK, whole or not at all; raises `StoreError`.

    Spare keys of the copy may be in use since it was made, so none of them is handed out again.
    """
    making = Path(tempfile.mkdtemp(prefix=".sleutels-", dir=folder.parent))
    try:
        kek.put(making / kek.FILE.format(1), key)
        shutil.copyfile(backup, making / FILE)
        (making / FILE).chmod(0o600)
        store = Store(making)
        try:
            for kind in (INDEX, *SIGNERS):
                for row in store.rows(kind):
                    store.secret(row)
            store.renew_stock()
        finally:
            store.close()
        making.rename(folder)
        kek.sync(folder.parent)
    except (OSError, StoreError, KekError, SealError, sqlite3.Error):
        raise StoreError("Deze aandelen en deze kopie horen niet bij elkaar. Er is niets hersteld.") from None
    finally:
        shutil.rmtree(making, ignore_errors=True)


_ROW = "SELECT id, kind, generation, state, made, kek, sealed FROM keys"
_SET_ASIDE = "UPDATE keys SET state = 'retired' WHERE state = 'spare'"


def _row(found: Sequence[object]) -> Row:
    names = ("id", "kind", "generation", "state", "made", "kek", "sealed")
    return Row(**dict(zip(names, found, strict=True)))  # type: ignore[arg-type]  # the columns of our own table


def _context(kind: str, id_: bytes) -> bytes:
    """What a sealed key is bound to: what it is for, and its id."""
    return f"sleutel|{kind}|{id_.hex()}".encode()


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(f"file:{path}?mode=rw", uri=True, isolation_level=None, timeout=30, check_same_thread=False)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON"):
        db.execute(f"PRAGMA {pragma}")
    return db
