"""Bytes → ``Checked``: gate, parse, XSD, rules, header facts. lxml decides; the shapes of the schema explain.

A small document is validated as one tree. A larger one is fed in pieces: whenever a piece ends, each container hands
over the records it has finished, which are validated, judged and let go. A container holds one repeated element and
nothing else, so any part of it is as valid as the whole; what is left at the end is the skeleton, validated last. The
verdict is that of the whole tree, time is linear in size and in faults, memory is that of one piece.
"""

from itertools import islice
from types import MappingProxyType
from typing import Any

from lxml import etree

from gateway.catalog import Catalog, Definition
from gateway.explain import finding, in_words
from gateway.gate import gate
from gateway.judge import Judge, Observers, leaves
from gateway.message import Checked, Facts, Finding, wet_of
from gateway.places import Node, Places
from gateway.shapes import Shape
from gateway.survey import survey
from gateway.words import Text, joined, listed

MOST = 100
"""Findings kept. Once there are more, the rest is only held against the XSD: that decides whether an answer follows."""
SMALL_TAGS = 2_000
"""Tags; a document of one piece and no more of these is read whole."""
PIECE = 64 * 1024
"""Bytes fed at once; few, because validate() is quadratic in the number of faults it meets."""
XSI_ATTRIBUTES = etree.XPath("//*[@xsi:*]", namespaces={"xsi": "http://www.w3.org/2001/XMLSchema-instance"})
RESOURCE_LIMIT = etree.ErrorTypes.ERR_RESOURCE_LIMIT
THEY_ACCEPT = Text(
    "Het gepubliceerde schema keurt het bericht goed, dat van de poort keurt het af.",
    "The published schema accepts the message, that of the gateway refuses it.",
)
THEY_REFUSE = Text(
    "Het gepubliceerde schema keurt het bericht af, dat van de poort keurt het goed.",
    "The published schema refuses the message, that of the gateway accepts it.",
)

OPTIONS: dict[str, Any] = {
    "encoding": "utf-8",
    "resolve_entities": False,
    "load_dtd": False,
    "dtd_validation": False,
    "attribute_defaults": False,
    "no_network": True,
    "huge_tree": False,
    "recover": False,
    "remove_comments": True,
    "remove_pis": True,
}
"""How every parser here is set: nothing is fetched, expanded, defaulted, repaired or without limit."""
PARSER = etree.XMLParser(**OPTIONS)
"""For whole documents; every parse starts it afresh."""


NOBODY: Observers = MappingProxyType({})


def check(raw: bytes, catalog: Catalog, observers: Observers = NOBODY, *, piece: int = PIECE) -> Checked:
    """Judge one document. Never raises for what is in it; ``catalog`` compiles the schema it needs.

    With the ``OBSERVERS`` of ``gateway.ledger.read`` the verdict on a sound message also holds what it says.
    ``piece`` is the number of bytes that a large document is fed at once; the verdict is the same for any.
    The texts of libxml2 are never used: they repeat values of this and of earlier messages.
    """
    refused = gate(raw)
    if refused:
        return Checked(type=None, facts=None, findings=refused, total=len(refused))
    reading = _Reading(catalog, observers, suspect=b"XMLSchema-instance" in raw or b"&" in raw)
    try:
        root = _whole(raw, reading) if _is_small(raw, piece) else _in_pieces(raw, reading, piece)
        if root is not None:
            reading.finish(root)
        reading.hear_published(raw)
    except etree.XMLSyntaxError as error:
        reading.refuse("KP007" if getattr(error, "code", 0) == RESOURCE_LIMIT else "KP008", error.lineno or 0)
    return reading.checked()


def _is_small(raw: bytes, piece: int) -> bool:
    # Size first: of a large document counting is not free.
    return len(raw) <= piece and raw.count(b"<") <= SMALL_TAGS


def _whole(raw: bytes, reading: "_Reading") -> Node | None:
    root: Node = etree.fromstring(raw, PARSER)
    return root if reading.begin(root.tag, root.sourceline) else None


def _in_pieces(raw: bytes, reading: "_Reading", piece: int) -> Node | None:
    tag, line = _root_of(raw)
    if not reading.begin(tag, line):
        return None
    parser: Any = etree.XMLPullParser(events=("start",), tag=tag, **OPTIONS)
    root = None
    for start in range(0, len(raw), piece):
        parser.feed(raw[start : start + piece])
        if root is None:
            root = next((node for _, node in parser.read_events()), None)
        if root is not None:
            reading.hand_over(root)
        if reading.full:
            return None
    parser.close()
    return root


def _root_of(raw: bytes) -> tuple[str, int]:
    """Tag and line of the root element, reading no further than needed."""
    parser: Any = etree.XMLPullParser(events=("start",), **OPTIONS)
    for start in range(0, len(raw), 1024):
        parser.feed(raw[start : start + 1024])
        for _, node in parser.read_events():
            return node.tag, int(node.sourceline or 0)
    parser.close()
    return "", 0


class _Reading:
    """What is known of one document while it is read."""

    def __init__(self, catalog: Catalog, observers: Observers, *, suspect: bool) -> None:
        self._catalog = catalog
        self._observers = observers
        self._suspect = suspect
        self._gate: list[Finding] = []
        self._xsd: list[Finding] = []
        self._definition: Definition
        self._places: Places
        self._judge: Judge | None = None
        """None until the message type is known."""

    @property
    def full(self) -> bool:
        """Whether nothing that follows can change the verdict or the findings kept."""
        return bool(self._gate) or len(self._xsd) > MOST

    def refuse(self, code: str, line: int) -> None:
        """Note why the document cannot be read at all."""
        self._gate.append(finding(code, line=line))

    def begin(self, tag: str, line: int) -> bool:
        """Look up the message type by its root element; False if it is not one of ours."""
        kind = self._catalog.by_root(tag)
        if kind is None:
            self.refuse("KP009", line)
            return False
        self._definition = self._catalog.definition(kind)
        self._places = Places(self._definition)
        self._judge = Judge(self._definition, self._places, MOST, self._observers)
        return True

    def hand_over(self, root: Node) -> None:
        """Take the finished records out of every container that may still be open, and judge them."""
        node, last = root, _last(root)
        # Never len(): it counts, and a hostile class may hold millions of elements.
        while last is not None:
            if node.tag in self._definition.containers and last.getprevious() is not None:
                self._take(node, root)
            node, last = last, _last(last)

    def _take(self, container: Node, root: Node) -> None:
        batch: Node = etree.Element(container.tag, nsmap=container.nsmap)
        self._places.take(container, batch)
        if self._sound(batch, self._definition.containers[batch.tag]) and (judge := self._still_judging()):
            judge.part(container, batch, root)
        self._places.forget(batch, root)

    def finish(self, root: Node) -> None:
        """Validate and judge what is left: all of a small document, the skeleton of a large one."""
        assert self._judge is not None, "begin() comes first"
        sound = self._sound(root, self._definition.shape)
        if sound and (judge := self._still_judging()):
            judge.message(root)
        elif len(root) and (sound or self._is_header_sound(root[0])):
            self._judge.read_header(root)

    def hear_published(self, raw: bytes) -> None:
        """Hold a document that we hold against our schema against the published one too, if an operator loaded it.

        As one tree: how it may be cut into pieces is known of our schema only. Not if it is hopeless: validate() would
        take too long over very many faults.
        """
        if self._judge is None or self.full or self._catalog.published is None:
            return
        schema = self._catalog.published.schema(etree.QName(self._definition.type.root).namespace)
        if schema is None:
            return
        valid = schema.validate(etree.fromstring(raw, PARSER))
        if valid != (not self._xsd):
            text = joined(in_words("KP013"), THEY_ACCEPT if valid else THEY_REFUSE)
            line = 0 if valid else schema.error_log[0].line
            self._xsd.append(finding("KP013", line=line, path="Bericht", text=text))

    def _still_judging(self) -> Judge | None:
        """The judge, unless the document is known to be wrong in form or to break very many rules."""
        judge = self._judge
        return judge if judge and not self._xsd and judge.broken <= MOST else None

    def _is_header_sound(self, node: Node) -> bool:
        place = self._definition.shape.fields.get(node.tag)
        return place is not None and place.name == "Header" and next(survey(node, place.form), None) is None

    def _sound(self, node: Node, shape: Shape) -> bool:
        """Whether this part fits the schema; if not, note why."""
        if self._suspect and (bad := _xsi(node)):
            self.refuse("KP010", bad[0].sourceline or 0)
            return False
        if self._definition.schema.validate(node):
            return True
        faults = list(islice(survey(node, shape, self._places.taken), MOST + 1 - len(self._xsd)))
        if not faults:
            name = self._places.name(node)
            told = Text(
                f"De opbouw van {name} klopt niet. Vergelijk het met de standaard.",
                f"The structure of {name} is wrong. Compare it with the standard.",
            )
            faults = [(node, told)]
        for at, text in faults:
            fault = finding("XSD", line=self._places.line(at), path=self._places.path(at), text=text)
            # Loose text in a container is met once a piece.
            if fault not in self._xsd:
                self._xsd.append(fault)
        return False

    def checked(self) -> Checked:
        """What was found, worst level only: a part that cannot be read says nothing about its content."""
        judge = self._judge
        if self._gate or judge is None:
            return Checked(
                type=self._definition.type.name if judge else None,
                facts=None,
                findings=tuple(self._gate),
                total=len(self._gate),
            )
        judge.rest()
        found, total = (self._xsd, len(self._xsd)) if self._xsd else judge.verdict()
        facts = self._facts(judge)
        late = self._out_of_use(facts.dated) if facts else []
        return Checked(
            type=self._definition.type.name,
            facts=facts,
            findings=tuple([*late, *sorted(found, key=lambda finding: finding.line)][:MOST]) if found or late else (),
            total=total + len(late),
            header=dict(leaves(judge.header)) if judge.header and not self._xsd else {},
            said=() if found or late else tuple(judge.said),
        )

    def _out_of_use(self, dated: str) -> list[Finding]:
        """Whether the release was not, or no longer, in use on the date of the message; then which one was."""
        kind = self._definition.type
        if self._catalog.release(kind).covers(dated):
            return []
        then = [each.name for each in self._catalog.releases if each.standard == kind.standard and each.covers(dated)]
        told = (
            Text(
                f"Op die datum geldt release {listed(then, 'of')}.",
                f"On that date release {listed(then, 'or')} is in use.",
            )
            if then
            else Text("Op die datum geldt er geen die wij kennen.", "On that date none that we know is in use.")
        )
        return [finding("KP012", path=f"Bericht/{kind.dated_path}", text=joined(in_words("KP012"), told))]

    def _facts(self, judge: Judge) -> Facts | None:
        header = judge.header
        if not header or (self._xsd and any(fault.path.startswith("Bericht/Header") for fault in self._xsd)):
            return None
        sender, receiver, identification, dated, answers = (header.text(*steps) for steps in self._definition.facts)
        return Facts(
            type=self._definition.type.name,
            release=self._definition.type.release,
            sender=sender,
            receiver=receiver,
            identification=identification,
            dated=dated,
            answers=answers or None,
            subjects=tuple(judge.subjects) if not self._xsd else (),
            wet=wet_of(self._definition.type.name, header),
        )


def _last(node: Node) -> Node | None:
    return next(node.iterchildren(reversed=True), None)


def _xsi(node: Node) -> list[Node]:
    found: Any = XSI_ATTRIBUTES(node)
    return list(found)
