"""``ketenpoort audit proef``: makes a log of invented lines, changes it in every way, and counts what is not seen."""

import asyncio
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from audit import log
from audit.drill import Attack, Drill
from audit.entry import Event, open_payload
from audit.export import Beside, export
from audit.keys import KeyService
from audit.note import keys_of_log
from audit.record import record
from audit.seal import Ed25519Signer, Key, MlDsaSigner, SealError
from audit.verify import Given
from audit.verify.run import Line
from gateway import trail
from gateway.commit import open_engine, writing
from gateway.prove import FOLLOWS
from gateway.trail import What

ORIGIN = "proef.voorbeeld/logboek"
BATCHES = 20
"""Heads that the log has, and that an officer kept."""
EXPORTS = 4
"""Of those, how many are exported too: nothing is wrong with them."""
CHUNK = 250
"""Changes that a process makes before it reports."""
MOST_NAMED = 10
_PERSONS = ("999900006", "999900018", "999900031", "999900043", "999900055")
_PARTIES = ("98000001", "98000002")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stuff:
    """A drill in plain values, for the way to another process."""

    files: dict[str, bytes]
    sound: tuple[dict[str, bytes], ...]
    kept: dict[str, bytes]
    seeds: tuple[bytes, bytes]
    keys: dict[bytes, bytes]
    """Data keys of the payloads: id → secret."""

    def drill(self) -> Drill:
        """Make the drill."""
        signer = Ed25519Signer(name="log", seed=self.seeds[0])
        public = keys_of_log(ORIGIN, signer, MlDsaSigner(name="log-mldsa", seed=self.seeds[1]))
        opener = _Opener({id_: Key(id=id_, secret=secret) for id_, secret in self.keys.items()})
        made = Drill(
            files=self.files,
            given=Given(keys=public),
            with_keys=Given(keys=public, opener=opener),
            # With one key stolen there would be the other; here he who has the one is believed.
            with_kept=Given(keys=public[:1], kept=self.kept),
            signer=signer,
            sound=self.sound,
        )
        made.warm()
        opener.learning = False
        return made


class _Opener:
    """Opens payloads, and remembers those of the export that was not changed."""

    def __init__(self, keys: dict[bytes, Key]) -> None:
        self._keys, self._known = keys, dict[Line, dict[str, Any] | None]()
        self.learning = True

    def __call__(self, lines: Sequence[Line]) -> list[dict[str, Any] | None]:
        return [self._known[line] if line in self._known else self._open(line) for line in lines]

    def _open(self, line: Line) -> dict[str, Any] | None:
        header, sealed = line
        try:
            found = open_payload(header, sealed, self._keys[sealed[4:12]])
        except (SealError, KeyError):
            found = None
        if self.learning:
            self._known[line] = found
        return found


def drill(count: int) -> int:
    """Make a log of ``count`` lines, try every change, and tell; 0 if all were seen and nothing else was."""
    with tempfile.TemporaryDirectory(prefix="ketenpoort-proef-") as folder:
        print(f"Er wordt een logboek van {count} regels gemaakt.", file=sys.stderr)
        stuff = asyncio.run(_made(Path(folder), count))
    own = stuff.drill()
    alarms = own.false_alarms()
    attacks = own.attacks()
    missed, began, told = Counter[str](), time.monotonic(), 0.0
    named: list[str] = []
    total, done = sum(each.count for each in attacks), 0
    for which, tried, unseen in _tries(stuff, attacks):
        done += tried
        missed[attacks[which].name] += len(unseen)
        named += [f"{attacks[which].name}, nummer {number}" for number in unseen]
        if time.monotonic() - told >= 1 or done == total:
            told = time.monotonic()
            _tell(done, total, len(named), told - began)
    print(file=sys.stderr)
    _sum_up(own, [(each.name, each.count) for each in attacks], missed, named, alarms)
    return 1 if named or alarms else 0


def _tries(stuff: Stuff, attacks: Sequence[Attack]) -> Iterator[tuple[int, int, list[int]]]:
    """Make every change, on all processors; yield as `_try` returns. Ends at once when it is interrupted."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), mp_context=spawn, initializer=_begin, initargs=(stuff,)) as pool:
        try:
            chunks = [
                pool.submit(_try, which, start, min(start + CHUNK, each.count))
                for which, each in enumerate(attacks)
                for start in range(0, each.count, CHUNK)
            ]
            for chunk in as_completed(chunks):
                yield chunk.result()
        except BaseException:
            for worker in multiprocessing.active_children():
                worker.terminate()
            raise


def _sum_up(
    own: Drill, attacks: Sequence[tuple[str, int]], missed: Counter[str], named: Sequence[str], alarms: int
) -> None:
    width = max(len(name) for name, _ in attacks)
    print(f"{'soort wijziging':<{width}}  {'geprobeerd':>10}  {'gezien':>10}")
    for name, count in attacks:
        print(f"{name:<{width}}  {count:>10}  {count - missed[name]:>10}")
    total = sum(count for _, count in attacks)
    print(f"{'samen':<{width}}  {total:>10}  {total - len(named):>10}")
    print(f"Vals alarm bij ongewijzigde uitvoer: {alarms} van {own.sound_count}.")
    for each in named[:MOST_NAMED]:
        print(f"NIET GEZIEN: {each}")
    print(
        "Elke byte van elk bestand is veranderd, elk met één masker. 'Lijst klopt weer': alsof ook de lijst van de"
        " uitvoer opnieuw is ondertekend; eerdere standen en de verklaring rusten dan op die lijst en zijn niet"
        " veranderd. 'Met gestolen sleutel': alles opnieuw ondertekend; dat zien alleen standen die een ander bewaarde."
    )


def _tell(done: int, total: int, missed: int, seconds: float) -> None:
    left = seconds / done * (total - done)
    text = f"\r{done} van {total} wijzigingen geprobeerd, {missed} niet gezien, nog {left:.0f} s  "
    print(text, end="", file=sys.stderr, flush=True)


_OWN: list[tuple[Drill, list[Attack]]] = []
"""What a process for changes works on; made once, when it starts."""


def _begin(stuff: Stuff) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who interrupts speaks to the first process
    own = stuff.drill()
    _OWN.append((own, own.attacks()))


def _try(which: int, start: int, stop: int) -> tuple[int, int, list[int]]:
    """Make a series of changes in a process of its own; return which, how many, and those that were not seen."""
    own, attacks = _OWN[0]
    return which, stop - start, [number for number in range(start, stop) if not own.seen(attacks[which], number)]


async def _made(home: Path, count: int) -> Stuff:
    """Write a log as a gateway does, with a head after each part of it, and export it on the way."""
    keys = KeyService.create(home / "sleutels")
    signers = Ed25519Signer(name="log", seed=os.urandom(32)), MlDsaSigner(name="log-mldsa", seed=os.urandom(32))
    engine = open_engine(f"sqlite+aiosqlite:///{home / 'proef.sqlite'}")
    signing = log.Signing(plain=[signers[0]], mldsa=[signers[1]])
    used, kept, exports = {}, dict[str, bytes](), list[dict[str, bytes]]()
    events = _events(count)
    begun = datetime.now(UTC) - timedelta(seconds=60 * BATCHES)
    try:
        async with writing(engine) as db:
            await db.run_sync(log.metadata.create_all)
        for part in range(BATCHES):
            at = begun + timedelta(seconds=60 * (part + 1))
            async with writing(engine) as db:
                batch = events[count * part // BATCHES : count * (part + 1) // BATCHES]
                await record(db, keys, ORIGIN, batch, at)
                head = await log.sequence(db, signing, ORIGIN, at, heartbeat=True)
            key = keys.log_key()
            used[key.id] = key.secret
            if head is not None and head.size:
                kept[f"stand-{part:02}"] = head.note.encode()
            if (part + 1) % (BATCHES // EXPORTS) == 0:
                target = home / f"uitvoer-{part}"
                async with engine.connect() as db:
                    told = events[: count * (part + 1) // BATCHES]
                    beside = Beside(objects=partial(_objects, events=told), follows=FOLLOWS)
                    await export(db, target, signers[0], ORIGIN, partial(keys.open_lines, why="beheer"), beside=beside)
                exports.append(_files(target))
    finally:
        await engine.dispose()
        keys.close()
    seeds = signers[0].seed, signers[1].seed
    return Stuff(files=exports[-1], sound=tuple(exports[:-1]), kept=kept, seeds=seeds, keys=used)


def _events(count: int) -> list[Event]:
    """Messages that come in, are fetched and confirmed, about one to three invented persons."""
    found: list[Event] = []
    number = 0
    while len(found) < count:
        number += 1
        id_ = os.urandom(16).hex()
        persons = [_PERSONS[(number + each) % len(_PERSONS)] for each in range(1 + number % 3)]
        steps = [(What.RECEIVED, _PARTIES[0], "afzender"), (What.FETCHED, _PARTIES[1], "ontvanger")]
        steps += [(What.CONFIRMED, _PARTIES[1], "ontvanger")] if number % 2 else []
        for what, actor, role in steps:
            told = trail.event(
                what, actor=actor, role=role, trace=os.urandom(16).hex(), message=id_, kind="ho301", wet="JW",
                parties=_PARTIES,
            )  # fmt: skip
            found += trail.per_subject(told, persons if what is not What.CONFIRMED else [])
    return found[:count]


async def _objects(_db: AsyncConnection, *, events: Sequence[Event]) -> AsyncIterator[tuple[str, str]]:
    """What these events leave the messages in."""
    last = {event.message: FOLLOWS[event.event][0] for event in events if event.message}
    for id_, state in sorted(last.items()):
        yield id_, state


def _files(target: Path) -> dict[str, bytes]:
    return {path.relative_to(target).as_posix(): path.read_bytes() for path in target.rglob("*") if path.is_file()}
