"""``valideer --keten``: messages judged one after the other, each against those before it; in memory, no gateway."""

from dataclasses import replace
from hashlib import sha256

from gateway.catalog import Catalog
from gateway.check import MOST, check
from gateway.explain import HEADER, finding
from gateway.ledger.keys import message
from gateway.ledger.page import Page
from gateway.ledger.read import OBSERVERS
from gateway.message import Checked, Facts, Finding

AGREEING = frozenset({"ho331", "ho341"})
"""Once one of these is said, the rest is held against what was agreed (level 4)."""


class Chain:
    """A conversation so far. Only what was sound counts; what came twice, byte for byte, was said once."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._levels = {3}
        self.page = Page(levels=self._levels)
        self._sent: dict[str, tuple[bytes, str]] = {}
        """Digest and receiver of each message so far."""
        self._answered: set[str] = set()

    def check(self, raw: bytes) -> Checked:
        """Judge the next document, by itself (levels 0, 1, 2 and 4) and against those before it (level 3)."""
        checked = check(raw, self._catalog, OBSERVERS)
        facts = checked.facts
        if checked.findings or facts is None:
            return checked
        if facts.type in AGREEING:
            self._levels.add(4)
        own, sent = message(facts), (sha256(raw).digest(), facts.receiver)
        if self._sent.get(own) == sent:
            return checked
        found = self._known(facts, own) or self.page.hear(facts, checked.said)
        if not found:
            self._sent[own] = sent
            self._answered.add(self._question(facts))
        return replace(checked, findings=found[:MOST], total=len(found))

    def _known(self, facts: Facts, own: str) -> tuple[Finding, ...]:
        """What a gateway finds before it looks further: a number used twice, an answer to nothing, a second answer."""
        question = self._question(facts)
        if own in self._sent:
            return (finding("TR056", path=HEADER),)
        # Only who received a message answers it.
        if question and self._sent.get(question, (b"", ""))[1] != facts.sender:
            return (finding("KP022", path=HEADER),)
        if question and question in self._answered:
            return (finding("KP023", path=HEADER),)
        return ()

    def _question(self, facts: Facts) -> str:
        """Key of the message that this one answers; empty if it answers none."""
        asked = self._catalog.of(facts).answers
        if not asked or not facts.answers:
            return ""
        return message(replace(facts, sender=facts.receiver, type=asked, identification=facts.answers))
