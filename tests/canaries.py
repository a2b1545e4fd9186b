"""Invented persons whom we would know anywhere, and the search for what is readable of them.

A canary goes through the gateway in a message. Wherever it may not be readable, ``found`` looks for each of its words
as they would stand there if somebody was careless: as text of any common encoding, or as a hash without a key, from
which a citizen service number is guessed within minutes.
"""

import base64
import functools
import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

HASHES = ("md5", "sha1", "sha256", "sha512", "blake2b", "blake2s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """One invented person: a number of the official test range, and words that stand in nobody's message."""

    bsn: str
    name: str
    street: str
    phone: str
    remark: str

    @property
    def words(self) -> tuple[str, ...]:
        return (self.bsn, self.name, self.street, self.phone, self.remark)

    def within(self, raw: bytes) -> bytes:
        """The same message, about this person: all numbers, surnames, streets, telephones and remarks are theirs."""
        for element, value in (
            ("Bsn", self.bsn),
            ("Achternaam", self.name),
            ("Straatnaam", self.street),
            ("Telefoonnummer", self.phone),
            ("Commentaar", self.remark),
            ("Toelichting", self.remark),
        ):
            raw = re.sub(rf"(<(?:\w+:)?{element}>)[^<]*".encode(), rb"\g<1>" + value.encode(), raw)
        return raw


def canary(number: int) -> Canary:
    """One of a thousand persons, the same for the same ``number``."""
    bsn = [bsn for bsn in range(999_981_000, 999_999_990) if _passes(f"{bsn}")][number]
    letters = "".join(chr(ord("a") + int(digit)) for digit in f"{number:03}")
    return Canary(
        bsn=f"{bsn}",
        name=f"Kanariepieterse{letters}",
        street=f"Zangzaadsteeg{letters}",
        phone=f"06{bsn - 911_111_111:08}",
        remark=f"Fluit tegen sijsjes{letters}.",
    )


def _passes(bsn: str) -> bool:
    return sum(int(digit) * weight for digit, weight in zip(bsn, (9, 8, 7, 6, 5, 4, 3, 2, -1), strict=True)) % 11 == 0


@functools.cache
def traces(word: str) -> dict[bytes, str]:
    """Every way in which ``word`` may stand somewhere, with the name of that way."""
    plain = word.encode()
    ways = {
        quote(word).encode(): "as in a URL", plain.upper(): "capitals", plain.lower(): "small letters",
        plain[::-1]: "backwards", plain: "text", plain.hex().encode(): "hex", plain.hex().upper().encode(): "hex",
        word.encode("utf-16-le"): "utf-16", word.encode("utf-16-be"): "utf-16",
    }  # fmt: skip
    for shift in range(3):  # base64 depends on what stands before; what depends on the neighbours is cut off
        coded = base64.b64encode(b"\0" * shift + plain)
        whole = coded[(shift * 8 + 5) // 6 : (shift + len(plain)) * 8 // 6]
        ways |= {whole: "base64", whole.translate(bytes.maketrans(b"+/", b"-_")): "base64url"}
    for name in HASHES if word.isdecimal() else ():
        digest = hashlib.new(name, plain).digest()
        ways |= {digest: name, digest.hex().encode(): name}
    return ways


def found(content: bytes, persons: Iterable[Canary]) -> list[str]:
    """What of ``persons`` is readable in ``content``: the word, the way it stands there, and what stands around it."""
    return [
        f"{word} as {way}: {content[max(place - 60, 0) : place + 60]!r}"
        for person in persons
        for word in person.words
        for trace, way in traces(word).items()
        if (place := content.find(trace)) >= 0
    ]


def found_in_files(folder: Path, persons: Iterable[Canary], *, but: Iterable[Path] = (), since: float = 0) -> list[str]:
    """What of ``persons`` is readable in the files under ``folder`` that changed after ``since`` (Unix time).

    Their names count too. ``but`` are folders that may hold it. A file that goes away meanwhile is passed over.
    """
    persons = tuple(persons)
    return [
        f"{path.relative_to(folder)}: {each}"
        for path, content in _files(folder, tuple(but), since)
        for each in found(str(path).encode() + b"\n" + content, persons)
    ]


def _files(folder: Path, but: tuple[Path, ...], since: float) -> Iterator[tuple[Path, bytes]]:
    for path in sorted(folder.rglob("*")):
        try:
            if path.is_file() and path.stat().st_mtime >= since and not any(path.is_relative_to(each) for each in but):
                yield path, path.read_bytes().rstrip(b"\0")  # what a database reserves is long and empty
        except FileNotFoundError:
            continue
