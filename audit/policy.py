"""Whose word is enough: the logs and witnesses that somebody trusts, and how many must agree (C2SP tlog-policy).

One file serves the gateway that asks witnesses, the officer who verifies and the party that holds a proof.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from audit.note import Kind, Note, NoteError, VerifierKey, decode_key, signed_when


class PolicyError(Exception):
    """The policy cannot be used; the text says in Dutch which line is wrong, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A log or a witness: its key, and where it is (empty if nobody need go there)."""

    key: VerifierKey
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Logs, witnesses by the name that they have in this policy, groups of them, and the quorum ('none': nobody)."""

    logs: tuple[Known, ...]
    witnesses: Mapping[str, Known]
    groups: Mapping[str, tuple[int, tuple[str, ...]]]
    """Name → how many of these members."""
    quorum: str

    def seen_by(self, note: Note) -> dict[str, int]:
        """Return which witnesses signed this note, and when (seconds since 1970)."""
        when = {name: signed_when(note, each.key) for name, each in self.witnesses.items()}
        return {name: at for name, at in when.items() if at is not None}

    def met(self, note: Note) -> bool:
        """Tell whether enough witnesses signed this note."""
        return self.quorum == "none" or self._counts(self.quorum, frozenset(self.seen_by(note)))

    def _counts(self, name: str, seen: frozenset[str]) -> bool:
        if name in self.witnesses:
            return name in seen
        least, members = self.groups[name]
        return sum(self._counts(each, seen) for each in members) >= least


def read_policy(text: str) -> Policy:
    """Read a policy; raises `PolicyError`."""
    reader = _Reader()
    for number, line in enumerate(text.split("\n"), 1):
        words = [word for word in re.split("[ \t]+", line) if word]
        if not words or words[0].startswith("#"):
            continue
        try:
            reader.take(words)
        except (NoteError, ValueError) as error:
            told = "de sleutel klopt niet" if isinstance(error, NoteError) else str(error)
            raise PolicyError(f"Regel {number} van de getuigen klopt niet: {told}.") from None
    if reader.quorum is None:
        raise PolicyError("De regel 'quorum' ontbreekt: hoeveel getuigen zijn genoeg? Zonder getuigen: quorum none")
    return Policy(logs=tuple(reader.logs), witnesses=reader.witnesses, groups=reader.groups, quorum=reader.quorum)


class _Reader:
    """A policy while it is read: a name may only be used after the line that tells what it is."""

    def __init__(self) -> None:
        self.logs: list[Known] = []
        self.witnesses: dict[str, Known] = {}
        self.groups: dict[str, tuple[int, tuple[str, ...]]] = {}
        self.quorum: str | None = None
        self._free: set[str] = set()
        self._keys: set[tuple[str, bytes]] = set()

    def take(self, words: list[str]) -> None:
        match words:
            case ["log", key, *url] if len(url) <= 1:
                self.logs.append(Known(key=self._key("log", key), url="".join(url)))
            case ["witness", name, key, *url] if len(url) <= 1:
                known = Known(key=self._key("witness", key), url="".join(url))
                if known.key.kind is Kind.ED25519:
                    raise ValueError("deze sleutel is niet die van een getuige")
                self._name(name)
                self.witnesses[name] = known
            case ["group", name, count, *members] if members:
                self._group(name, count, members)
            case ["quorum", name] if self.quorum is None:
                if name not in {"none", *self.witnesses, *self.groups}:
                    raise ValueError(f"{name!a} is nog niet genoemd")
                self.quorum = name
            case _:
                raise ValueError("deze regel wordt niet herkend, of staat er twee keer")

    def _group(self, name: str, count: str, members: list[str]) -> None:
        least = {"all": len(members), "any": 1}.get(count) or (
            int(count) if re.fullmatch("[1-9][0-9]{0,3}", count) else 0
        )
        if not 1 <= least <= len(members):
            raise ValueError("het aantal past niet bij de groep")
        if len(set(members)) != len(members) or not set(members) <= self._free:
            raise ValueError("een lid is nog niet genoemd, of telt al ergens mee")
        self._name(name)
        self._free -= set(members)
        self.groups[name] = least, tuple(members)

    def _name(self, name: str) -> None:
        if name in {"none", *self.witnesses, *self.groups}:
            raise ValueError(f"de naam {name!a} is al gebruikt")
        self._free.add(name)

    def _key(self, what: str, line: str) -> VerifierKey:
        key = decode_key(line)
        if (what, key.public) in self._keys:
            raise ValueError("deze sleutel staat er twee keer")
        self._keys.add((what, key.public))
        return key
