"""Turns the classes of a message into plain values and holds the rules against them, from the inside out.

Rules of level 2 and those of level 4 that need nothing but the message run in one pass; the worst level is told.
"""

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from gateway.catalog import Definition
from gateway.explain import finding, level_of
from gateway.message import Finding, wet_of
from gateway.places import Node, Places
from gateway.rules import Rules
from gateway.rules.declaratie import OF_PERIOD, period_of
from gateway.rules.extern import rules_of
from gateway.rules.klasse import Klasse, Memory, Spot
from gateway.shapes import Leaf, Place, Shape
from gateway.words import BLANK

if TYPE_CHECKING:
    from gateway.ledger.values import Said

Observer = Callable[[Klasse, int, str], "Said | None"]
"""What a class of this name says, given its line and path."""
Observers = Mapping[str, Mapping[str, Observer]]
"""By message type, then by class."""


class Judge:
    """What the rules say of one document, and the plain values that others need of it."""

    def __init__(self, definition: Definition, places: Places, most: int, observers: Observers) -> None:
        self._places = places
        self._definition = definition
        self._most = most
        self._observers = observers.get(definition.type.name, {})
        self._rules, self._of_period = _tables(definition.type.name, tuple(self._observers))
        self._passed: set[tuple[str, str, str]] = set()
        """Periods that passed, of which there are few in a message of very many lines."""
        *_, self._dated, _ = definition.facts
        self._subject = definition.subject
        self._memory: Memory | None = None
        self._in_pieces = False
        self._earlier: dict[Node, dict[str, None]] = {}
        """The different values, such as return codes, that were taken out of a container of single fields."""
        self.header: Klasse | None = None
        self.subjects: list[str] = []
        self._findings: dict[int, list[Finding]] = {2: [], 4: []}
        """By level, the first ``most``."""
        self._counts = {2: 0, 4: 0}
        self.said: list[Said] = []
        """What the observers made of the classes they watch."""

    def message(self, root: Node) -> None:
        """Judge a valid document, or what is left of one that was judged in parts."""
        if not self._rules:
            self.read_header(root)
            self._note_subjects(root)
            return
        bericht = Klasse("Bericht", None, root)
        for child in root:
            name, form, *_ = self._definition.shape.fields[child.tag]
            assert isinstance(form, Shape), "Bericht holds classes"
            bericht[name] = self._klasse(child, form, name, bericht)
            if self._memory is None:
                self._begin(bericht[name])
        if "Bericht" in self._rules:
            self._hold(bericht)

    @property
    def broken(self) -> int:
        """How many times a level-2 rule was broken: after very many, judging may stop."""
        return self._counts[2]

    def verdict(self) -> tuple[list[Finding], int]:
        """The findings of the worst level, and how many there were in all."""
        level = 2 if self._counts[2] else 4
        return self._findings[level], self._counts[level]

    def rest(self) -> None:
        """Let go of the document: no cycles, so it is freed when its verdict is out, not when the collector comes."""
        self._memory = None

    def part(self, container: Node, batch: Node, root: Node) -> None:
        """Judge valid records taken out of a container of a document that is still being read."""
        self._in_pieces = True
        self.read_header(root)
        if not self._rules:
            self._note_subjects(batch)
            return
        values = self._records(batch, self._definition.containers[batch.tag], self._above(container))
        if values and isinstance(values[0], str):
            self._earlier.setdefault(container, {}).update(dict.fromkeys(values))

    def _note_subjects(self, node: Node) -> None:
        """Of a message without rules, such as a retour, nothing else is needed."""
        self.subjects += [bsn.text for bsn in node.iter("{*}Bsn")]

    def read_header(self, root: Node) -> None:
        """Read a header that may yet prove wrong, once; where it should stand and does not, it is empty."""
        if self._memory is None:
            place = self._definition.shape.fields.get(root[0].tag)
            header = place is not None and place.name == "Header" and place.form
            self._begin(self._shallow(root[0], header if isinstance(header, Shape) else Shape(), "Header", None))

    def _begin(self, header: Klasse) -> None:
        self.header = header
        # The header of a document that is still being read may yet prove wrong, and then tell no law.
        wet = wet_of(self._definition.type.name, header) or "JW"
        self._memory = Memory(dated=header.text(*self._dated), wet=wet, spot=self._spot)

    def _klasse(self, node: Node, shape: Shape, name: str, up: Klasse | None) -> Klasse:
        klasse = Klasse(name, up, node)
        fields, rules = shape.fields, self._rules
        for child in node:
            field, form, _, plain = fields[child.tag]
            if plain:
                klasse[field] = child.text
            elif isinstance(form, Leaf):
                klasse[field] = child.text.strip(BLANK)
            elif form.flat and field not in rules:
                klasse[field] = _flat(child, form.fields)
            elif form.container:
                klasse[field] = self._records(child, form, klasse)
            else:
                klasse[field] = self._klasse(child, form, field, klasse)
        if name == self._subject:
            self.subjects.append(klasse["Bsn"])
        if name in self._rules:
            self._hold(klasse)
        klasse.up = None  # no cycles, see rest()
        return klasse

    def _records(self, container: Node, shape: Shape, up: Klasse | None) -> list[Any]:
        ((name, form, *_),) = shape.fields.values()
        if isinstance(form, Leaf):
            return [*self._earlier.pop(container, ()), *(_value(child, form) for child in container)]
        return [self._klasse(child, form, name, up) for child in container]

    def _shallow(self, node: Node, shape: Shape, name: str, up: Klasse | None) -> Klasse:
        """A class that may be unfinished or wrong, without its containers and without judging it."""
        klasse = Klasse(name, up, node)
        for child in node:
            place = shape.fields.get(child.tag)
            if place is None:
                continue
            if isinstance(place.form, Leaf):
                klasse[place.name] = _value(child, place.form)
            elif not place.form.container:
                klasse[place.name] = self._shallow(child, place.form, place.name, None)
        return klasse

    def _above(self, container: Node) -> Klasse | None:
        """The class that holds a container, with the classes above it, as far as they have been read."""
        up, shape = None, self._definition.shape
        for node in [*reversed(list(container.iterancestors()))][1:]:
            place = shape.fields.get(node.tag)
            if place is None or not isinstance(place.form, Shape):
                return up
            shape = place.form
            if not shape.container:
                up = self._shallow(node, shape, place.name, up)
        return up

    def _hold(self, klasse: Klasse) -> None:
        self._run(self._rules[klasse.name], klasse)
        if rules := self._of_period[klasse.name]:
            period = period_of(klasse)
            if period not in self._passed and self._run(rules, klasse):
                self._passed.add(period)
        if klasse.name in self._observers:
            line, path = self._places.line(klasse.at), self._places.path(klasse.at)
            said = self._observers[klasse.name](klasse, line, path)
            if said is not None:
                self.said.append(said)

    def _run(self, rules: Rules, klasse: Klasse) -> bool:
        """Whether a class passes these rules; if not, it is noted."""
        assert self._memory is not None, "the header comes first"
        passes = True
        for code, rule in rules:
            verdict = rule(klasse, self._memory)
            if verdict is None:
                continue
            passes = False
            spots = verdict if isinstance(verdict, list) else [partial(self._places.spot, klasse.at, verdict)]
            for spot in spots:
                level = level_of(code)
                self._counts[level] += 1
                if self._counts[level] <= self._most:
                    line, path = spot()
                    self._findings[level].append(finding(code, line=line, path=path))
        return passes

    def _spot(self, klasse: Klasse, field: str) -> Spot:
        """Where a field is, to be told when asked; in pieces it is looked up now, as the piece will be let go."""
        if not self._in_pieces:
            return partial(self._places.spot, klasse.at, field)
        spot = self._places.spot(klasse.at, field)
        return lambda: spot


@cache
def _tables(message: str, observed: tuple[str, ...]) -> tuple[Mapping[str, Rules], Mapping[str, Rules]]:
    """The rules of a type by class, without and with those that follow from a period alone; observed classes too."""
    rules = {**dict.fromkeys(observed, ()), **rules_of(message)}
    return (
        {name: tuple(row for row in rows if row[1] not in OF_PERIOD) for name, rows in rules.items()},
        {name: tuple(row for row in rows if row[1] in OF_PERIOD) for name, rows in rules.items()},
    )


def _flat(node: Node, fields: Mapping[str, Place]) -> dict[str, str]:
    """A class of single fields that no rule is bound to: most of a declaration, so made in one go."""
    return {(place := fields[child.tag])[0]: child.text if place[3] else child.text.strip(BLANK) for child in node}


def leaves(klasse: Mapping[str, Any], stem: str = "") -> list[tuple[str, str]]:
    """The single fields of a class and of the classes in it, as (path, text) in order."""
    pairs: list[tuple[str, str]] = []
    for name, value in klasse.items():
        if isinstance(value, dict):
            pairs += leaves(value, f"{stem}{name}/")
        elif isinstance(value, str):
            pairs.append((stem + name, value))
    return pairs


def _value(node: Node, leaf: Leaf) -> str:
    text: str = node.text or ""
    return text.strip(BLANK) if leaf.builtin != "string" else text
