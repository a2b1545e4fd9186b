"""The tamper drill: every small change to an export, made one after the other, and what the verifier says of each.

Each attempt runs the verifier itself on the changed files. Only what it computed before from files that did not change
is remembered (`Memo`): the same functions, on the same bytes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from audit import folder, tree
from audit.note import sign, sign_checkpoint
from audit.report import Verdict
from audit.seal import Signer
from audit.verify import Given, Memory, Run, verify_place
from audit.verify.run import Line

Files = Mapping[str, bytes | None]
"""What an attempt puts in the place of which file; None: away with it."""


class Memo:
    """Remembers what pure functions gave for the bytes of the sound export; for other bytes it calls them."""

    def __init__(self) -> None:
        self._known: dict[Any, Any] = {}
        self._alive: list[Any] = []  # so that no other object gets the identity of one that is known
        self.learning = True

    def __call__(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call the function, or give what it gave before for these very arguments."""
        key = (function, *map(_identity, arguments))
        if key in self._known:
            return self._known[key]
        result = function(*arguments)
        if self.learning:
            self._known[key] = result
            self._alive.append((arguments, result))
        return result


def _identity(argument: Any) -> Any:
    return argument if isinstance(argument, (str, int, tuple)) else id(argument)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """One kind of change, in all the places where it can be made."""

    name: str
    """In Dutch, for the summary."""
    count: int
    change: Callable[[int], Files]
    listed: bool = True
    """The signed list is still the old one; else it counts as signed anew."""
    given: Given
    files: Mapping[str, bytes]
    """The export that is changed."""


@dataclass(slots=True, kw_only=True)
class Drill:
    """An export that is sound, and all that is tried on it."""

    files: Mapping[str, bytes]
    given: Given
    """The public keys, nothing else."""
    with_keys: Given
    """The same, with who opens payloads."""
    with_kept: Given
    """The same as ``given``, with the heads that an officer kept."""
    signer: Signer
    """The log's key: for those attempts whose maker has stolen it."""
    sound: Sequence[Mapping[str, bytes]] = ()
    """Exports of the same log at other moments, none of them changed."""
    memo: Memo = field(default_factory=Memo)

    def warm(self) -> None:
        """Let the memo learn the sound export."""
        for given in (self.given, self.with_keys, self.with_kept):
            for listed in (True, False):
                verify_place(Run(place=Memory(self.files), given=given, once=self.memo), listed=listed)
        self.memo.learning = False

    def seen(self, attack: Attack, number: int) -> bool:
        """Make one change and tell whether the verifier objects."""
        changed = {**attack.files, **attack.change(number)}
        place = Memory({name: data for name, data in changed.items() if data is not None})
        run = Run(place=place, given=attack.given, most=1, once=self.memo)
        return verify_place(run, listed=attack.listed).verdict != Verdict.INTACT

    def false_alarms(self) -> int:
        """Count the exports that nobody changed and to which the verifier objects, whatever it was given."""
        runs = [
            Run(place=Memory(files), given=given)
            for files in (self.files, *self.sound)
            for given in (self.given, self.with_keys, replace(self.with_kept, kept=_older(self.with_kept, files)))
        ]
        return sum(verify_place(run).verdict != Verdict.INTACT for run in runs)

    @property
    def sound_count(self) -> int:
        """How many times `false_alarms` looks."""
        return 3 * (1 + len(self.sound))

    def attacks(self) -> list[Attack]:
        """Everything that is tried."""
        made, every = _Maker(self.files), sorted(self.files)
        open_ = [name for name in every if name.startswith("tile/") or name == folder.CHECKPOINT]
        sealed = [name for name in every if name.startswith("payload/")]
        heads = made.older_heads()

        def attack(name: str, count: int, change: Callable[[int], Files], *, listed: bool = True) -> Attack:
            return Attack(name=name, count=count, change=change, listed=listed, given=self.given, files=self.files)

        found = [
            _bytes("één byte anders, elk bestand", self.files, every, self.given, listed=True),
            _bytes("één byte anders in regels, boom en stand, lijst klopt weer", self.files, open_, self.given),
            _bytes("één byte anders in verzegelde gegevens, lijst klopt weer", self.files, sealed, self.with_keys),
            attack("bestand weg", len(every), lambda at: {every[at]: None}),
            attack("bestand een byte korter", len(every), lambda at: made.shorter(every[at])),
            attack("bestand verwisseld", len(every), lambda at: made.other(every, at)),
        ]
        for name, way in made.ways.items():
            count, stolen = len(made.lines) - 1, made.files(way, grown=True, signer=self.signer)
            found += [
                attack(name, count, made.files(way)),
                attack(f"{name}, lijst klopt weer", count, made.files(way), listed=False),
                attack(f"{name}, boom en lijst kloppen weer", count, made.files(way, grown=True), listed=False),
                replace(attack(f"{name}, met gestolen sleutel", count, stolen), given=self.with_kept),
            ]
        restored = attack("oudere stand teruggezet", len(heads), made.restored(self.signer, heads))
        return [*found, replace(restored, given=self.with_kept)]


def _bytes(
    name: str, files: Mapping[str, bytes], names: Sequence[str], given: Given, *, listed: bool = False
) -> Attack:
    """Change each byte of each of these files, by a mask that differs from byte to byte."""
    ends, total = [], 0
    for each in names:
        total += len(files[each])
        ends.append(total)

    def change(number: int) -> Files:
        which = next(at for at, end in enumerate(ends) if number < end)
        data = files[names[which]]
        position = number - ends[which] + len(data)
        mask = 1 + (number * 101) % 255
        return {names[which]: b"%b%c%b" % (data[:position], data[position] ^ mask, data[position + 1 :])}

    return Attack(name=name, count=total, change=change, listed=listed, given=given, files=files)


def _older(given: Given, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Of the heads that were kept, those that an export of this size must begin with."""
    size = int(files[folder.CHECKPOINT].split(b"\n")[1])
    return {name: note for name, note in (given.kept or {}).items() if int(note.split(b"\n")[1]) <= size}


class _Maker:
    """Takes an export apart into lines, and puts changed lines together again as files."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._base = files
        self._size = int(files[folder.CHECKPOINT].split(b"\n")[1])
        self._origin = files[folder.CHECKPOINT].split(b"\n")[0].decode()
        self.lines: list[Line] = []
        for number, width in folder.widths(self._size):
            headers = folder.unpack(files[folder.entries_path(number, width)], folder.HEADER_PREFIX)
            payloads = folder.unpack(files[folder.payload_path(number, width)], folder.PAYLOAD_PREFIX)
            self.lines += zip(headers, payloads, strict=True)

    def shorter(self, name: str) -> Files:
        return {name: self._base[name][:-1]}

    def other(self, every: Sequence[str], at: int) -> Files:
        """The next file in its place; where the two are alike, half of it."""
        data = self._base[every[(at + 1) % len(every)]]
        return {every[at]: data if data != self._base[every[at]] else data[: len(data) // 2]}

    def without(self, at: int) -> list[Line]:
        return self.lines[:at] + self.lines[at + 1 :]

    def swapped(self, at: int) -> list[Line]:
        return [*self.lines[:at], self.lines[at + 1], self.lines[at], *self.lines[at + 2 :]]

    def doubled(self, at: int) -> list[Line]:
        return [*self.lines[:at], self.lines[at], *self.lines[at:]]

    def cut(self, at: int) -> list[Line]:
        """The first lines, one at least."""
        return self.lines[: at + 1]

    def altered(self, at: int) -> list[Line]:
        """One digit of a commitment, so that the form of the line stays as it was."""
        header, payload = self.lines[at]
        place = header.index(b'"commit":"') + 10
        digit = b"1" if header[place : place + 1] == b"0" else b"0"
        return [*self.lines[:at], (header[:place] + digit + header[place + 1 :], payload), *self.lines[at + 1 :]]

    @property
    def ways(self) -> Mapping[str, Callable[[int], list[Line]]]:
        """What can be done to a line, by its name in Dutch."""
        return {
            "regel weg": self.without,
            "regel verwisseld met de volgende": self.swapped,
            "regel dubbel": self.doubled,
            "regel gewijzigd": self.altered,
            "log afgekapt": self.cut,
        }

    def older_heads(self) -> list[bytes]:
        """Earlier heads of this log, as its export holds them: what a database that was put back would show."""
        names = sorted(name for name in self._base if name.startswith("head/"))
        notes = [note for name in names for note in folder.unpack(self._base[name], folder.PAYLOAD_PREFIX)]
        return [note for note in notes if 0 < int(note.split(b"\n")[1]) < self._size]

    def files(
        self, way: Callable[[int], list[Line]], *, grown: bool = False, signer: Signer | None = None
    ) -> Callable[[int], Files]:
        """Turn a change of lines into a change of files: with the tree grown over them, and all signed anew."""

        def change(at: int) -> Files:
            lines = way(at)
            made: dict[str, bytes | None] = {**_gone(self._base, "tile/", "payload/"), **_bundles(lines)}
            tiles = _grown(lines) if grown else {n: d for n, d in self._base.items() if n.startswith("tile/")}
            made |= {name: data for name, data in tiles.items() if not name.startswith("tile/entries/")}
            return made if signer is None else self._signed(made, lines, signer, None)

        return change

    def restored(self, signer: Signer, heads: Sequence[bytes]) -> Callable[[int], Files]:
        """Turn the log into what it was at an earlier head: every signature is good, only newer lines are gone."""

        def change(at: int) -> Files:
            size = int(heads[at].split(b"\n")[1])
            lines = self.lines[:size]
            made = {**_gone(self._base, "tile/", "payload/"), **_bundles(lines), **_grown(lines)}
            return self._signed(made, lines, signer, heads[at])

        return change

    def _signed(self, made: dict[str, bytes | None], lines: list[Line], signer: Signer, head: bytes | None) -> Files:
        """Sign the head, unless one is given, and the list; without what else was told."""
        if head is None:
            root = tree.extend(tree.Edge(), [tree.leaf_hash(header) for header, _ in lines])[0].root
            head = sign_checkpoint(self._origin, len(lines), root, signer, at=0).note.encode()
        away = _gone(self._base, "head/", "stamp/", "object/")
        statement = folder.read_statement(self._base[folder.STATEMENT])
        bare = replace(statement, heads=0, stamps=0, objects=None)
        made |= {**away, folder.CHECKPOINT: head, folder.STATEMENT: folder.statement_text(bare)}
        prints = {name: folder.print_of(data) for name, data in made.items() if data is not None}
        text = folder.manifest_text(self._origin, len(lines), prints)
        return {**made, folder.MANIFEST: sign(text, self._origin, signer).encode()}


def _gone(files: Mapping[str, bytes], *prefixes: str) -> dict[str, bytes | None]:
    return {name: None for name in files if name.startswith(prefixes)}


def _bundles(lines: Sequence[Line]) -> dict[str, bytes]:
    made = {}
    for number, width in folder.widths(len(lines)):
        part = lines[number * tree.WIDTH : number * tree.WIDTH + width]
        made[folder.entries_path(number, width)] = folder.pack([header for header, _ in part], folder.HEADER_PREFIX)
        made[folder.payload_path(number, width)] = folder.pack([payload for _, payload in part], folder.PAYLOAD_PREFIX)
    return made


def _grown(lines: Sequence[Line]) -> dict[str, bytes]:
    _, tiles = tree.extend(tree.Edge(), [tree.leaf_hash(header) for header, _ in lines])
    return {folder.tile_path(where, len(hashes) // tree.HASH): hashes for where, hashes in tiles.items()}
