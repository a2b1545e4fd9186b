"""What a witness keeps, in a folder: its keys, the last head of each log, one a day, and what contradicted it.

Whether a head may follow the last one, and that it then is the last one, is decided under one lock and on disk before
anybody hears of it: of two that come at once, one is judged after the other, and a witness that is killed has either
not answered or not forgotten.

    getuige.key  getuige.vkey       its keys; the second is for everybody
    laatste/LOG.checkpoint          the last head that it signed
    standen/LOG-DAG.checkpoint      the last of each day, for ``audit.verify --standen``
    strijdig/*.txt                  heads that cannot both be true: evidence
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Self

from audit.note import (
    Checkpoint,
    NoteError,
    VerifierKey,
    cosign,
    cosigner,
    decode_key,
    encode_key,
    parse,
    read_checkpoint,
    with_lines,
)
from audit.seal import Ed25519Signer, MlDsaSigner, new_mldsa_signer, new_signer
from audit.witness import Answer, read_request, refusal


class WitnessError(Exception):
    """The folder cannot be used; the text says in Dutch what is wrong and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """A witness and its folder. Several processes may use one folder."""

    folder: Path
    name: str
    _signers: tuple[Ed25519Signer, MlDsaSigner] = field(repr=False)

    @classmethod
    def open(cls, folder: Path, name: str | None = None) -> Self:
        """Open the folder, or make it with fresh keys under ``name`` (else a random one).

        Raises `WitnessError`: the folder has another name than was asked for, or cannot be used.
        """
        try:
            for part in (folder, folder / "laatste", folder / "standen", folder / "strijdig"):
                part.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _locked(folder):
                if not (folder / "getuige.key").exists():
                    _make(folder, name or f"getuige-{os.urandom(4).hex()}")
            known = decode_key((folder / "getuige.vkey").read_text("utf-8").split("\n")[0]).name
            seeds = [bytes.fromhex(line) for line in (folder / "getuige.key").read_text("ascii").split()]
            signers = Ed25519Signer(name=known, seed=seeds[0]), MlDsaSigner(name=known, seed=seeds[1])
        except OSError as error:
            raise WitnessError(f"De map {folder} is niet te gebruiken ({error.strerror}).") from None
        except (NoteError, ValueError, IndexError):
            raise WitnessError(
                f"De sleutel in {folder} is beschadigd. Zet een reservekopie van de map terug."
            ) from None
        if name not in (None, known):
            raise WitnessError(f"De getuige in {folder} heet {known}, niet {name}.")
        return cls(folder=folder, name=known, _signers=signers)

    @property
    def keys(self) -> tuple[VerifierKey, ...]:
        """The public keys by which others know its signatures."""
        return tuple(cosigner(self.name, each) for each in self._signers)

    def last(self, origin: str) -> Checkpoint | None:
        """Return the last head of this log that was signed, None before the first; raises `WitnessError`."""
        place = self._place(origin)
        try:
            return read_checkpoint(place.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, NoteError):
            raise WitnessError(f"{place} is niet te lezen. Zet een reservekopie terug; begin niet opnieuw.") from None

    def add(self, data: bytes, keys: Sequence[VerifierKey], at: datetime) -> Answer:
        """Judge a request; if its head may follow, keep it and answer with the signatures of this witness.

        ``keys`` are those of the logs that are trusted. What contradicts the last head is kept as evidence.
        Raises `WitnessError` if the folder fails: then nothing was answered.
        """
        try:
            request = read_request(data)
        except NoteError:
            return Answer(status=400, text="Dit is geen aanvraag van de vorm tlog-witness.\n")
        head = request.checkpoint
        with _locked(self.folder):
            known = self.last(head.origin)
            if refused := refusal(request, known, keys):
                if refused.inconsistent and known:
                    self.keep_evidence(known, head)
                return refused
            moment, text = int(at.timestamp()), parse(head.note.encode()).text
            lines = [cosign(text, self.name, each, moment) for each in self._signers]
            signed = with_lines(head.note, lines)
            self._write(
                self.folder / "standen" / f"{_short(head.origin)}-{at.astimezone(UTC):%Y%m%d}.checkpoint", signed
            )
            self._write(self._place(head.origin), signed)  # the one that decides comes last
        return Answer(status=200, text="".join(lines))

    def keep_evidence(self, known: Checkpoint, shown: Checkpoint) -> Path:
        """Keep two signed heads of one log that cannot both be true; returns where."""
        text = f"{known.note}\n{'-' * 70}\n\n{shown.note}"
        place = self.folder / "strijdig" / f"{_short(known.origin)}-{sha256(text.encode()).hexdigest()[:16]}.txt"
        self._write(place, text)
        return place

    def _place(self, origin: str) -> Path:
        return self.folder / "laatste" / f"{_short(origin)}.checkpoint"

    def _write(self, place: Path, text: str) -> None:
        try:
            write_safely(place, text)
        except OSError as error:
            raise WitnessError(f"{place} is niet te schrijven ({error.strerror}).") from None


def write_safely(place: Path, text: str) -> None:
    """Put a text on disk: after this it is there whole, also when the power goes; before, the old one is."""
    fresh = place.with_name(f".{place.name}.{os.getpid()}")
    with fresh.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(place)
    descriptor = os.open(place.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Be the only one who judges; the lock goes with the process that holds it."""
    with (folder / "slot").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _make(folder: Path, name: str) -> None:
    signers = new_signer(name), new_mldsa_signer(name)
    write_safely(folder / "getuige.vkey", "".join(f"{encode_key(cosigner(name, each))}\n" for each in signers))
    with os.fdopen(os.open(folder / "getuige.nieuw", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write("".join(f"{each.seed.hex()}\n" for each in signers))
        file.flush()
        os.fsync(file.fileno())
    (folder / "getuige.nieuw").replace(folder / "getuige.key")


def _short(origin: str) -> str:
    return sha256(origin.encode()).hexdigest()[:16]
