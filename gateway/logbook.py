"""The log as it is published to parties: its head, the hashes of its tree, and proofs of single lines."""

from audit import log, outside
from audit.proof import LogProof, write_proof
from gateway.commit import GroupCommit


class Logbook:
    """What others may see of the log. It reads, and signs nothing."""

    def __init__(self, commit: GroupCommit) -> None:
        """Read through ``commit``."""
        self._commit = commit

    async def checkpoint(self) -> str | None:
        """Return the newest signed head, with the signatures of witnesses if they signed that one; None if none is."""
        async with self._commit.reading() as db:
            head, seen = await log.latest(db), await outside.witnessed(db)
        if head and seen and (seen.origin, seen.size, seen.root) == (head.origin, head.size, head.root):
            return seen.note
        return head.note if head else None

    async def witnessed(self) -> str | None:
        """Return the newest head that witnesses signed; None if none is."""
        async with self._commit.reading() as db:
            seen = await outside.witnessed(db)
        return seen.note if seen else None

    async def tile(self, level: int, number: int, width: int) -> bytes | None:
        """Return ``width`` hashes of a tile under the newest signed head; None if it has not so many."""
        async with self._commit.reading() as db:
            found = (await log.tiles_at(db, [(level, number)])).get((level, number), b"")
        return found[: width * 32] if 0 < width * 32 <= len(found) else None

    async def proof(self, leaf: bytes) -> str | None:
        """Return a proof that this line stands in the log (C2SP tlog-proof); None while it waits for its place.

        Under the newest head that witnesses signed if the line was there by then, else under the newest.
        """
        async with self._commit.reading() as db:
            seen = await outside.witnessed(db)
            found = await log.proof_of(db, leaf, under=seen) if seen else None
            found = found or await log.proof_of(db, leaf)
        if found is None:
            return None
        proof = LogProof(index=found.index, hashes=found.hashes, checkpoint=found.checkpoint, leaf=leaf)
        return write_proof(proof)
