"""The records that some messages need, at hand: messages are heard one after the other, and what changed is known."""

from collections.abc import Collection, Mapping

from gateway.explain import HEADER, finding
from gateway.ledger import book
from gateway.ledger.keys import message
from gateway.ledger.values import Record, Said
from gateway.message import Facts, Finding
from gateway.register.values import Register

MOST_HEARD = 5_000
"""Messages in one record. Care gives some tens a year."""


class Page:
    """A part of the ledger in memory, or all of it."""

    def __init__(self, *, levels: Collection[int], register: Register = book.NO_REGISTER) -> None:
        self._levels = levels
        """What is judged (see ``book.judge``); what is not is believed, so that a ledger can begin."""
        self._register = register
        self.past: dict[str, Record] = {}
        self.changed: set[str] = set()
        self.turns: dict[str, dict[str, tuple[Record, Record]]] = {}
        """By the key of each message that was heard: the records that it changed, before and after."""

    def lay(self, records: Mapping[str, Record]) -> None:
        """Put records on the page."""
        self.past |= records

    def hear(self, facts: Facts, said: tuple[Said, ...]) -> tuple[Finding, ...]:
        """Return what is wrong with a message; if nothing is, remember what it says."""
        if findings := book.judge(facts, said, self.past, levels=self._levels, register=self._register):
            return findings
        changes = book.remember(facts, said, self.past)
        # A record is written anew with each message: what never ends would cost more with every one.
        if any(len(record) > MOST_HEARD for record in changes.values()):
            return (finding("KP025", path=HEADER),)
        self.turns[message(facts)] = {key: (self.past.get(key, ()), record) for key, record in changes.items()}
        self.past |= changes
        self.changed |= changes.keys()
        return ()
