"""``valideer --keten``: messages judged one after the other, each against those before it; in memory, no gateway."""

from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING

from gateway.catalog import Catalog
from gateway.check import MOST, check
from gateway.explain import HEADER, finding
from gateway.ledger import book, keys
from gateway.ledger.read import OBSERVERS
from gateway.message import Checked, Facts, Finding

if TYPE_CHECKING:
    from gateway.ledger.values import Record


class Chain:
    """A conversation so far. Only what was sound counts; what came twice, byte for byte, was said once."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._records: dict[str, Record] = {}
        self._digests: dict[str, bytes] = {}
        self._answered: set[str] = set()

    def check(self, raw: bytes) -> Checked:
        """Judge the next document, by itself (levels 0 to 2) and against those before it (level 3)."""
        checked = check(raw, self._catalog, OBSERVERS)
        facts = checked.facts
        if checked.findings or facts is None:
            return checked
        own, digest = keys.message(facts), sha256(raw).digest()
        if self._digests.get(own) == digest:
            return checked
        found = self._known(facts, own) or self._heard(facts, checked)
        if not found:
            self._digests[own] = digest
            self._answered.add(self._question(facts))
        return replace(checked, findings=found[:MOST], total=len(found))

    def _known(self, facts: Facts, own: str) -> tuple[Finding, ...]:
        """What a gateway finds before it looks further: a number used twice, an answer to nothing, a second answer."""
        question = self._question(facts)
        if own in self._digests:
            return (finding("TR056", path=HEADER),)
        if question and question not in self._digests:
            return (finding("KP022", path=HEADER),)
        if question and question in self._answered:
            return (finding("KP023", path=HEADER),)
        return ()

    def _question(self, facts: Facts) -> str:
        """Key of the message that this one answers; empty if it answers none."""
        asked = self._catalog.types[facts.type].answers
        if not asked or not facts.answers:
            return ""
        return keys.message(replace(facts, sender=facts.receiver, type=asked, identification=facts.answers))

    def _heard(self, facts: Facts, checked: Checked) -> tuple[Finding, ...]:
        past: dict[str, Record] = {}
        for _ in range(2):  # as a store would do it, see gateway.ledger
            past = {key: self._records[key] for key in keys.keys(facts, checked.said, past) & self._records.keys()}
        found = book.judge(facts, checked.said, past)
        if not found:
            self._records |= book.remember(facts, checked.said, past)
        return found
