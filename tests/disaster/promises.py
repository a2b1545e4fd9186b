"""What somebody outside was told of the log, held against what it holds now.

After each kill cheaply, for it knows how far it had read; and now and then all at once, with the verifier and the keys.
"""

import asyncio
import json
import shutil
import sys
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from audit import index, log, note, tree
from audit.filed import astray
from audit.keys import KeyService
from audit.note import NoteError, VerifierKey
from gateway.tables import messages
from gateway.trail import What
from tests.disaster import trail, verdict
from tests.disaster.gateways import ENVIRONMENT, FIRST_KEY, ORIGIN, ROOT
from tests.disaster.victim import BEGUN, GONE_KEK, GONE_LINES, GONE_MESSAGE, HEAD, LINE, MESSAGE, NEW_KEY, Told

NOT_ASKED = {"V5", "V6", "V14", "V18", "V20"}
"""Checks that need what is not given here, one that knows the true age of lines (see `_exported`), and one that is
asked of the database itself (see `compared`)."""
MOST_HEADS = 300
"""So many of the heads that were kept are given to the verifier; the rest is checked here."""
_AT_ONCE = 500
_entry, _line = log.entries.c, log.subject_lines.c


@dataclass(slots=True, kw_only=True)
class Promises:
    """Everything that was told and read so far."""

    wrong: list[str] = field(default_factory=list)
    """Promises that were broken."""
    count: Counter[str] = field(default_factory=Counter)
    """Of each kind, how many things were told."""
    told: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Of each kind but lines and heads: ids of messages, keys, what was destroyed."""
    heads: list[str] = field(default_factory=list)
    places: list[bytes] = field(default_factory=list)
    """The leaves of the log as they were read, each at its place."""
    _edge: tree.Edge = field(default_factory=tree.Edge)
    _placed: set[bytes] = field(default_factory=set)
    _waiting: set[bytes] = field(default_factory=set)
    """Leaves that were promised, and had no place yet when we looked."""
    _numbers: defaultdict[int, dict[int, bytes]] = field(default_factory=lambda: defaultdict(dict))
    """Of each person the numbers that were ever given, each with its line."""

    async def hold(self, db: AsyncConnection, keys: KeyService, told: Iterable[Told]) -> None:
        """Hold what was told since the last look, and all that is new, against the database."""
        news = defaultdict[str, list[str]](list)
        for kind, what in told:
            if kind != BEGUN:
                news[kind].append(what)
                self.count[kind] += len(what.split()) if kind == GONE_LINES else 1
        if db.dialect.name == "postgresql":  # a transaction that the dead one left may end just now
            await db.execution_options(isolation_level="REPEATABLE READ")
        rows = await db.execute(
            sa.select(_entry.idx, _entry.leaf).where(_entry.idx >= len(self.places)).order_by(_entry.idx)
        )
        new = rows.all()
        waiting = set((await db.execute(sa.select(_entry.leaf).where(_entry.idx.is_(None)))).scalars())
        head = await log.latest(db)
        self.wrong += self._grown(new, [*news.pop(HEAD, []), *([head.note] if head else [])], keys)
        self._waiting |= {bytes.fromhex(leaf) for leaf in news.pop(LINE, [])}
        self._waiting -= self._placed
        self.wrong += [f"a line that was promised is gone: {each.hex()}" for each in self._waiting - waiting]
        await self._read_numbers(db, [*(row.leaf for row in new), *waiting])
        self.wrong += [text async for text in _undone(db, news)]
        for kind, things in news.items():
            self.told[kind] += things

    def _grown(self, rows: Sequence[Any], heads: Sequence[str], keys: KeyService) -> Iterator[str]:
        """Let the tree grow to each head in turn: signed by us, never smaller, and of this one history."""
        if [row.idx for row in rows] != list(range(len(self.places), len(self.places) + len(rows))):
            yield f"after line {len(self.places)} the places are not one after another"
        self.places += [bytes(row.leaf) for row in rows]
        self._placed |= {bytes(row.leaf) for row in rows}
        for text in heads:
            seen = note.read_checkpoint(text.encode())
            if not _signed(text, keys):
                yield f"a head of {seen.size} lines is not signed by this log"
            if not self._edge.size <= seen.size <= len(self.places):
                yield f"the log had {self._edge.size} lines, then {seen.size}, and has {len(self.places)}"
                continue
            self._edge, _ = tree.extend(self._edge, self.places[self._edge.size : seen.size])
            if self._edge.root != seen.root:
                yield f"the log has another history than it had when it had {seen.size} lines"
        if self._edge.size != len(self.places):
            yield f"{len(self.places)} lines have a place, and the newest head is of {self._edge.size}"
        self.heads += heads

    async def _read_numbers(self, db: AsyncConnection, leaves: Sequence[bytes]) -> None:
        """Read the numbers of new lines about persons: from 1 on, no hole, none twice."""
        touched = set[int]()
        for start in range(0, len(leaves), _AT_ONCE):
            part = leaves[start : start + _AT_ONCE]
            asked = sa.select(_line.subject, _line.seq, _line.leaf).where(_line.leaf.in_(part))
            for subject, number, leaf in await db.execute(asked):
                if self._numbers[subject].setdefault(number, bytes(leaf)) != bytes(leaf):
                    self.wrong.append(f"two lines about one person have number {number}")
                touched.add(subject)
        for numbers in (self._numbers[subject] for subject in touched):
            if max(numbers) != len(numbers):
                self.wrong.append(f"a person has {len(numbers)} lines, numbered up to {max(numbers)}")


async def examined(promises: Promises, engine: AsyncEngine, keys: KeyService, settings: Path) -> None:
    """Hold everything against everything, and let the verifier with the keys judge an export."""
    promises.wrong += await _exported(settings, promises.heads)
    async with engine.connect() as db:
        await compared(promises, db, keys)


async def compared(promises: Promises, db: AsyncConnection, keys: KeyService) -> None:
    """Hold all that was ever told against the database; call it when every line has its place."""
    await promises.hold(db, keys, [])
    leaves = [bytes(each) for each in (await db.execute(sa.select(_entry.leaf).order_by(_entry.idx))).scalars()]
    if leaves != promises.places:
        promises.wrong.append("lines changed their place, or are gone")
    promises.wrong += await trail.judge(db, keys, ORIGIN, [text.encode() for text in promises.heads])
    promises.wrong += [f"line {each.index}: {each.text}" for each in await astray(db, keys)]
    promises.wrong += verdict.half_destroyed(await verdict.stored(db), await verdict.happened(db))
    promises.wrong += [text async for text in _undone(db, promises.told)]
    promises.wrong += [text async for text in _keys(db, keys, promises.told)]


def _signed(text: str, keys: KeyService) -> bool:
    def found() -> bool:
        read = note.parse(text.encode())
        return any(note.signed_by(read, VerifierKey(name=ORIGIN, public=public)) for public in keys.known("log"))

    return found() or (bool(keys.about()) and found())  # asked anew: keys are renewed


async def _undone(db: AsyncConnection, told: Mapping[str, Sequence[str]]) -> AsyncIterator[str]:
    """Messages that were taken in are there; what was destroyed is gone."""
    parts = messages.c.wrapped_key, messages.c.sealed_body, messages.c.sealed_subjects
    for part in _parts([*told.get(MESSAGE, ()), *told.get(GONE_MESSAGE, ())]):
        rows = await db.execute(sa.select(messages.c.id, *parts).where(messages.c.id.in_(part)))
        found = {row.id: row[1:] for row in rows}
        for id_ in part:
            if id_ not in found:
                yield f"{id_}: taken in, and not in the store"
            elif id_ in told.get(GONE_MESSAGE, ()) and any(found[id_]):
                yield f"{id_}: told to be destroyed, and still there"
    for part in _parts([int(place) for each in told.get(GONE_LINES, ()) for place in each.split()]):
        kept = await db.execute(sa.select(_entry.idx).where(_entry.idx.in_(part), _entry.sealed.is_not(None)))
        for place in kept.scalars():
            yield f"line {place}: told to be destroyed, and still there"


async def _keys(db: AsyncConnection, keys: KeyService, told: Mapping[str, Sequence[str]]) -> AsyncIterator[str]:
    """Keys that were told to be renewed are in the log, and nothing older is in force; so with those destroyed."""
    about, named = keys.about(), defaultdict[str, list[str]](list)
    asked = sa.select(_entry.event, _entry.header).order_by(_entry.idx)
    for event, header in await db.execute(asked.where(_entry.event.in_([What.KEY_RENEWED, What.KEY_DESTROYED]))):
        clear = json.loads(header)
        if event == What.KEY_DESTROYED:
            named[GONE_KEK].append(clear["key_old"])
        else:
            named[clear["key_kind"]].append(_id_of(clear["key_new"]))
    renewed = defaultdict[str, list[str]](list)
    for kind, id_ in (each.split(" ") for each in told.get(NEW_KEY, ())):
        renewed[kind].append(id_)
    for kind, ids in renewed.items():
        if kind == "logboek":
            if len(named[kind]) < len(ids):
                yield f"data keys were renewed {len(ids)} times, and the log knows {len(named[kind])}"
        elif missing := set(ids) - set(named[kind]):
            yield f"{kind}: renewed, and not in the log: {missing}"
        elif await _in_force(db, keys, kind) in named[kind][: named[kind].index(ids[-1])]:
            yield f"{kind}: an older key is in force than was told"
    for id_ in told.get(GONE_KEK, ()):
        if id_ in about["keks"] or id_ not in named[GONE_KEK]:
            yield f"KEK {id_}: told to be destroyed, and it is still there, or not in the log"


async def _in_force(db: AsyncConnection, keys: KeyService, kind: str) -> str:
    if kind == "kek":
        return str(keys.about()["kek"]["id"])
    if kind == "index":
        return f"{int(await index.in_force(db, keys)):x}"
    return keys.signer(kind).public.hex()


def _id_of(key: str) -> str:
    try:
        return note.decode_key(key).public.hex()
    except NoteError:  # no key of a signature: its number
        return key


def _parts(things: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(things), _AT_ONCE):
        yield things[start : start + _AT_ONCE]


async def _exported(settings: Path, heads: Sequence[str]) -> list[str]:
    """Export the log with the command, and check it with the first public key, heads that were kept and all keys.

    Lines of today were destroyed as if they were five years old, and V18 sees that they were not.
    """
    home = settings.parent
    folder = home / "logboek"
    shutil.rmtree(folder, ignore_errors=True)
    code, out = await _command("exporteer", folder, "--instellingen", settings, "--wie", "beheerder")
    if code:
        return [f"the export ended with {code}: {out}"]
    kept = home / "standen"
    kept.mkdir(exist_ok=True)
    for number, text in enumerate(heads[:: len(heads) // MOST_HEADS + 1]):
        (kept / f"{number}.txt").write_text(text, encoding="utf-8")
    given = "--sleutels", home / "sleutels", "--standen", kept, "--json"
    code, out = await _command("controleer", folder, home / FIRST_KEY, *given)
    if code and not out.startswith("{"):
        return [f"the verifier ended with {code}: {out}"]
    told = json.loads(out)
    good = {each["controle"] for each in told["controles"] if each["oordeel"] == "goed"}
    not_good = {each["controle"] for each in told["controles"]} - good - NOT_ASKED
    problems = [each for each in told["problemen"] if each["controle"] in not_good]
    return [f"the verifier did not find {', '.join(sorted(not_good))} good: {problems}"] if not_good else []


async def _command(*words: object) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway.cli", "audit", *map(str, words), stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT, cwd=ROOT, env=ENVIRONMENT,
    )  # fmt: skip
    out, _ = await process.communicate()
    return process.returncode, out.decode()
