"""V3 over the years: how a signing key of the log hands over to the next (ADR 0017)."""

from dataclasses import replace

from audit import folder, tree
from audit.folder import FormatError
from audit.note import NoteError, VerifierKey, decode_key, parse, read_checkpoint, signed_by
from audit.verify.run import LONGEST_NOTE, Run
from audit.verify.shapes import SHAPES, Page, Shape
from audit.verify.tree import Lines

Handover = tuple[int, VerifierKey, VerifierKey]
"""Number of the entry, the key until then, and the key from then on."""


class Rotations:
    """V3: where an entry names the key that follows, that key signs from there on."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._named: list[Handover] = []

    def take(self, first: int, page: Page, lines: Lines) -> None:
        """Note the entries that name a new signing key."""
        del lines
        for place in page.of("sleutel.vernieuwd"):
            if (pair := _handover(page.shapes[place])) is not None:
                self._named.append((first + place, *pair))

    def end(self) -> None:
        """Tell where the head is signed by a key that has a successor, and not by that one."""
        head = self._run.head
        note = parse(head.note.encode()) if head and self._named else None
        for index, old, new in self._named:
            if note is not None and old in self._run.keys and not signed_by(note, new):
                text = "Deze regel noemt een nieuwe sleutel, maar de stand is nog met de oude ondertekend."
                self._run.tampered("V3", self._run.line_file(index), text, index)


def follow_keys(run: Run) -> None:
    """Where the newest head is not signed by the keys that were given, look for the keys that followed them.

    A new key is believed only by an entry that names both, under a head that both signed and that the entries give.
    Nothing is told here: what is wrong with these files is told when they are checked.
    """
    data = run.place.read(folder.CHECKPOINT, LONGEST_NOTE)
    try:
        if data is None or all(run.once(signed_by, run.once(parse, data), key) for key in run.keys):
            return
        named, leaves = _read_through(run, read_checkpoint(data).size)
        for index, old, new in named:
            if old in run.keys and _both_signed(run, leaves, index, old, new):
                run.keys = [_next(key, old, new) for key in run.keys]
                run.past += [key for key in run.keys if key not in run.past]
                run.done["V3"] = f"opgevolgde sleutel, zie regel {index}"
    except (NoteError, FormatError):
        return


def learn_earlier_keys(run: Run) -> bool:
    """Add the keys that came before those that are known, as the entries name them; tell whether there were any.

    They sign nothing that is believed by itself: heads of then are held against the tree of now.
    """
    try:
        named, _ = _read_through(run, run.head.size if run.head else 0)
    except FormatError:
        return False
    found = len(run.past)
    for _, old, new in reversed(named):
        if new in run.past and old not in run.past:
            run.past.append(old)
    return len(run.past) > found


def _next(key: VerifierKey, old: VerifierKey, new: VerifierKey) -> VerifierKey:
    """Return the key that comes after ``key``; an Ed25519 key has two kinds with one public part."""
    return replace(key, public=new.public) if key.public == old.public else key


def _handover(shape: Shape) -> tuple[VerifierKey, VerifierKey] | None:
    """Read which signing key of the log followed which; None if the entry is about another key."""
    members = shape.members
    if members.get("key_kind") not in ("log", "log-mldsa"):
        return None
    try:
        return decode_key(str(members.get("key_old"))), decode_key(str(members.get("key_new")))
    except NoteError:
        return None


def _read_through(run: Run, size: int) -> tuple[list[Handover], bytearray]:
    """Return every handover, and the leaf hashes of all entries up to the first that is missing."""
    named, leaves = list[Handover](), bytearray()
    for number, width in folder.widths(size):
        data = run.place.read(folder.entries_path(number, width))
        if data is None:
            break
        for place, header in enumerate(folder.unpack(data, folder.HEADER_PREFIX)):
            leaves += tree.leaf_hash(header)
            if b'"sleutel.vernieuwd"' in header and (pair := _handover(SHAPES.read([header]).shapes[0])) is not None:
                named.append((number * tree.WIDTH + place, *pair))
    return named, leaves


def _both_signed(run: Run, leaves: bytearray, index: int, old: VerifierKey, new: VerifierKey) -> bool:
    """Tell whether a head that covers this entry, and that the entries give, was signed by both keys."""
    for file in sorted(name for name in run.place.names() if name.startswith("head/")):
        for raw in folder.unpack(run.place.read(file) or b"", folder.PAYLOAD_PREFIX):
            head, note = read_checkpoint(raw), parse(raw)
            if head.size > index and signed_by(note, old) and signed_by(note, new):
                covered = tree.split(bytes(leaves[: head.size * tree.HASH]))
                return len(covered) == head.size and tree.extend(tree.Edge(), covered)[0].root == head.root
    return False
