"""A log in memory that grows, or forks, for tests of who watches it."""

from functools import cache

from audit import tree
from audit.note import Checkpoint, keys_of_log, sign_checkpoint
from audit.seal import Signer, new_signer
from audit.witness import write_request


class Growing:
    """The log ``origin`` of ``count`` entries; from ``forks_at`` on its entries are others than usual."""

    def __init__(self, origin: str, *, count: int, forks_at: int | None = None, signer: Signer | None = None) -> None:
        self.origin = origin
        self.signer = signer or new_signer("log")
        self.keys = keys_of_log(origin, self.signer)
        forks = count if forks_at is None else forks_at
        self.leaves = [tree.leaf_hash(b"%d" % n if n < forks else b"ander %d" % n) for n in range(count)]
        self._tiles = tree.extend(tree.Edge(), self.leaves)[1]
        self.head = cache(self._head)

    def _head(self, size: int) -> Checkpoint:
        root = tree.extend(tree.Edge(), self.leaves[:size])[0].root
        return sign_checkpoint(self.origin, size, root, self.signer)

    def proof(self, old: int, new: int) -> tuple[bytes, ...]:
        """That the first ``new`` entries begin with the first ``old``; nothing where there is nothing to prove."""
        if not 0 < old <= new:
            return ()
        return tuple(tree.hashes_of(tree.consistency_ranges(old, new), self._tiles.__getitem__))

    def inclusion(self, index: int, size: int) -> tuple[bytes, ...]:
        return tuple(tree.hashes_of(tree.inclusion_ranges(index, size), self._tiles.__getitem__))

    def request(self, old: int, new: int) -> bytes:
        return write_request(old, self.proof(old, new), self.head(new).note)
