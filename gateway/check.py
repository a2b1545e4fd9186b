"""Bytes → ``Checked``: gate, parse, XSD, level-2 rules, header facts. lxml decides; the shapes of the schema explain.

A small document is validated as one tree. A larger one is fed in pieces: whenever a piece ends, each container hands
over the records it has finished, which are validated, judged and let go. A container holds one repeated element and
nothing else, so any part of it is as valid as the whole; what is left at the end is the skeleton, validated last. The
verdict is that of the whole tree, time is linear in size and in faults, memory is that of one piece.
"""

from functools import cache, partial
from itertools import islice
from typing import Any

from lxml import etree

from gateway.catalog import Catalog, Definition, Leaf, Shape
from gateway.explain import advice
from gateway.gate import gate
from gateway.message import Checked, Facts, Finding
from gateway.rules import RULES, Klasse, Memory, Spot
from gateway.survey import survey
from gateway.words import BLANK

MOST = 100
"""Findings kept. Once there are more, the rest is only held against the XSD: that decides whether an answer follows."""
SMALL_TAGS = 2_000
PIECE = 16 * 1024
"""Bytes fed at once; few, because validate() is quadratic in the number of faults it meets."""
XSI_ATTRIBUTES = etree.XPath("//*[@xsi:*]", namespaces={"xsi": "http://www.w3.org/2001/XMLSchema-instance"})
Node = Any
"""An lxml element; the stubs of lxml know too little of its slices and lines."""
RESOURCE_LIMIT = etree.ErrorTypes.ERR_RESOURCE_LIMIT


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


def check(raw: bytes, catalog: Catalog) -> Checked:
    """Judge one document. Never raises for what is in it; ``catalog`` compiles the schema it needs.

    The texts of libxml2 are never used: they repeat values of this and of earlier messages.
    """
    refused = gate(raw)
    if refused:
        return Checked(type=None, facts=None, findings=refused, total=len(refused))
    reading = _Reading(catalog, suspect=b"XMLSchema-instance" in raw or b"&#" in raw)
    try:
        root = _whole(raw, reading) if raw.count(b"<") <= SMALL_TAGS else _in_pieces(raw, reading)
        if root is not None:
            reading.finish(root)
    except etree.XMLSyntaxError as error:
        reading.refuse("KP007" if getattr(error, "code", 0) == RESOURCE_LIMIT else "KP008", error.lineno or 0)
    return reading.checked()


def _whole(raw: bytes, reading: "_Reading") -> Node | None:
    root: Node = etree.fromstring(raw, etree.XMLParser(**OPTIONS))
    return root if reading.begin(root.tag, root.sourceline) else None


def _in_pieces(raw: bytes, reading: "_Reading") -> Node | None:
    tag, line = _root_of(raw)
    if not reading.begin(tag, line):
        return None
    parser: Any = etree.XMLPullParser(events=("start",), tag=tag, **OPTIONS)
    root = None
    for start in range(0, len(raw), PIECE):
        parser.feed(raw[start : start + PIECE])
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

    def __init__(self, catalog: Catalog, *, suspect: bool) -> None:
        self._catalog = catalog
        self._suspect = suspect
        self._definition: Definition | None = None
        self._rules: dict[str, Any] = {}
        self._subject = ""
        self._gate: list[Finding] = []
        self._xsd: list[Finding] = []
        self._broken: list[Finding] = []
        self._count = 0
        self._in_pieces = False
        self._taken: dict[Node, int] = {}
        self._stems: dict[Node, str] = {}
        self._memory: Memory | None = None
        self._header: Klasse | None = None
        self._subjects: list[str] = []

    @property
    def full(self) -> bool:
        """Whether nothing that follows can change the verdict or the findings kept."""
        return bool(self._gate) or len(self._xsd) > MOST

    @property
    def _defined(self) -> Definition:
        assert self._definition is not None, "begin() comes first"
        return self._definition

    def refuse(self, code: str, line: int) -> None:
        """Note why the document cannot be read at all."""
        self._gate.append(Finding(code=code, level=0, line=line, path="", text=advice(code)))

    def begin(self, tag: str, line: int) -> bool:
        """Look up the message type by its root element; False if it is not one of ours."""
        kind = self._catalog.by_root(tag)
        if kind is None:
            self.refuse("KP009", line)
            return False
        self._definition = self._catalog.definition(kind)
        self._rules = RULES.get(kind.name, {})
        self._subject = (kind.subjects_path or "").rpartition("/")[0].rpartition("/")[2]
        return True

    def hand_over(self, root: Node) -> None:
        """Take the finished records out of every container that may still be open, and judge them."""
        node = root
        while len(node):
            if node.tag in self._defined.containers and len(node) > 1:
                self._take(node, root)
            node = node[-1]

    def _take(self, container: Node, root: Node) -> None:
        self._in_pieces = True
        batch: Node = etree.Element(container.tag, nsmap=container.nsmap)
        batch.sourceline = container.sourceline
        self._stems[batch] = self._path(container)
        self._taken[batch] = self._taken.get(container, 0)
        self._taken[container] = self._taken[batch] + len(container) - 1
        batch.extend(container[:-1])
        if self._sound(batch, self._defined.containers[container.tag]) and not self._xsd and self._count <= MOST:
            self._remember(root)
            above = self._above(container)
            self._records(batch, self._defined.containers[container.tag], above)
        # What was taken is let go here, with the counts of the containers inside it.
        del self._stems[batch], self._taken[batch]
        self._taken = {node: n for node, n in self._taken.items() if node.getroottree().getroot() is root}

    def finish(self, root: Node) -> None:
        """Validate and judge what is left: all of a small document, the skeleton of a large one."""
        if self._sound(root, self._defined.shape) and not self._xsd:
            bericht = Klasse("Bericht", None, root)
            for child in root if self._count <= MOST else ():
                name, form, _ = self._defined.shape.fields[child.tag]
                assert isinstance(form, Shape), "Bericht holds classes"
                bericht[name] = self._klasse(child, form, name, bericht)
                if self._memory is None:
                    self._header_is(bericht[name])
        elif root[:1] and not self._header and self._is_header_sound(root):
            self._remember(root)

    def _is_header_sound(self, root: Node) -> bool:
        place = self._defined.shape.fields.get(root[0].tag)
        return place is not None and place.name == "Header" and next(survey(root[0], place.form), None) is None

    def _sound(self, node: Node, shape: Shape) -> bool:
        """Whether this part fits the schema; if not, note why."""
        if self._suspect and (bad := _xsi(node)):
            self.refuse("KP010", bad[0].sourceline or 0)
            return False
        schema = self._defined.schema
        if schema.validate(node):
            return True
        faults = list(islice(survey(node, shape, self._taken), MOST + 1 - len(self._xsd)))
        if not faults:
            faults = [(node, f"De opbouw van {self._name(node)} klopt niet. Vergelijk het met de standaard.")]
        for at, text in faults:
            finding = Finding(code="XSD", level=1, line=at.sourceline or 0, path=self._path(at), text=text)
            # Loose text in a container is met once a piece.
            if finding not in self._xsd:
                self._xsd.append(finding)
        return False

    # Plain values for the rules

    def _remember(self, root: Node) -> None:
        """Read the header of a document that is still being read: it may yet prove wrong."""
        if self._memory is None:
            place = self._defined.shape.fields.get(root[0].tag)
            shape = place.form if place is not None and isinstance(place.form, Shape) else Shape()
            self._header_is(self._shallow(root[0], shape, "Header", None))

    def _header_is(self, header: Klasse) -> None:
        self._header = header
        wet = header.get("Wet")
        dated = header.text(*_steps(self._defined.type.dated_path))
        self._memory = Memory(dated=dated, wet=wet if wet in {"JW", "WMO"} else "JW", spot=self._spot_later)

    def _klasse(self, node: Node, shape: Shape, name: str, up: Klasse | None) -> Klasse:
        """One valid class with all below it as plain values, judged from the inside out."""
        klasse = Klasse(name, up, node)
        fields = shape.fields
        for child in node:
            field, form, _ = fields[child.tag]
            if isinstance(form, Leaf):
                klasse[field] = child.text if form.builtin == "string" else child.text.strip(BLANK)
            elif form.container:
                klasse[field] = self._records(child, form, klasse)
            else:
                klasse[field] = self._klasse(child, form, field, klasse)
        if name == self._subject:
            self._subjects.append(klasse["Bsn"])
        if name in self._rules:
            self._judge(klasse)
        klasse.up = None  # no cycles: a message is freed when its verdict is out, not when the collector comes
        return klasse

    def _records(self, container: Node, shape: Shape, up: Klasse | None) -> list[Any]:
        ((name, form, _),) = shape.fields.values()
        if isinstance(form, Leaf):
            return [_value(child, form) for child in container]
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
                klasse[place.name] = self._shallow(child, place.form, place.name, klasse)
        return klasse

    def _above(self, container: Node) -> Klasse | None:
        """The class that holds a container, with the classes above it, as far as they have been read."""
        up, shape = None, self._defined.shape
        for node in [*reversed(list(container.iterancestors()))][1:]:
            place = shape.fields.get(node.tag)
            if place is None or not isinstance(place.form, Shape):
                return up
            shape = place.form
            if not shape.container:
                up = self._shallow(node, shape, place.name, up)
        return up

    def _judge(self, klasse: Klasse) -> None:
        for code, rule in self._rules[klasse.name]:
            verdict = rule(klasse, self._memory)
            if verdict is None:
                continue
            spots = verdict if isinstance(verdict, list) else [partial(self._spot, klasse, verdict)]
            for spot in spots:
                self._count += 1
                if self._count <= MOST:
                    line, path = spot()
                    self._broken.append(Finding(code=code, level=2, line=line, path=path, text=advice(code)))

    # Where things are

    def _spot_later(self, klasse: Klasse, field: str) -> Spot:
        """Where a field is, to be told when asked; in pieces it is looked up now, as the piece will be let go."""
        if not self._in_pieces:
            return partial(self._spot, klasse, field)
        spot = self._spot(klasse, field)
        return lambda: spot

    def _spot(self, klasse: Klasse, field: str) -> tuple[int, str]:
        node = klasse.at
        for name in field.split("/"):
            node = next((child for child in node if self._name(child) == name), node)
        return node.sourceline or 0, self._path(node)

    def _path(self, node: Node | None) -> str:
        steps: list[str] = []
        while node is not None:
            parent = node.getparent()
            step = self._stems.get(node) or self._name(node)
            if parent is not None and parent.tag in self._defined.containers:
                step += f"[{parent.index(node) + 1 + self._taken.get(parent, 0)}]"
            steps.append(step)
            node = parent
        return "/".join(reversed(steps))

    def _name(self, node: Node) -> str:
        """An element's name if the schema knows it; what a sender made up is not repeated."""
        name = str(node.tag).rpartition("}")[2]
        return name if name in self._defined.names else "onbekend"

    # The outcome

    def checked(self) -> Checked:
        """What was found, worst level only: a part that cannot be read says nothing about its content."""
        self._memory = None  # it holds us, and we hold the document
        found, total = self._gate, len(self._gate)
        if not found:
            found, total = self._xsd, len(self._xsd)
        if not found:
            found, total = self._broken, self._count
        return Checked(
            type=self._definition.type.name if self._definition else None,
            facts=self._facts() if not self._gate else None,
            findings=tuple(sorted(found, key=lambda finding: finding.line)[:MOST]),
            total=total,
            header=tuple(_leaves(self._header)) if self._header and not self._gate and not self._xsd else (),
        )

    def _facts(self) -> Facts | None:
        header, kind = self._header, self._defined.type
        if header is None or any(finding.path.startswith("Bericht/Header") for finding in self._xsd):
            return None

        def read(path: str | None) -> str:
            return header.text(*_steps(path)) if path else ""

        return Facts(
            type=kind.name,
            sender=read(kind.sender_path),
            receiver=read(kind.receiver_path),
            identification=read(kind.identification_path),
            dated=read(kind.dated_path),
            answers=read(kind.answers_path) or None,
            subjects=tuple(self._subjects) if not self._xsd else (),
        )


def _xsi(node: Node) -> list[Node]:
    found: Any = XSI_ATTRIBUTES(node)
    return list(found)


@cache
def _steps(path: str) -> tuple[str, ...]:
    """The names of a card's path below Header."""
    return tuple(path.split("/")[1:])


def _value(node: Node, leaf: Leaf) -> str:
    text = node.text or ""
    return text.strip(BLANK) if leaf.builtin != "string" else text


def _leaves(klasse: Klasse, stem: str = "") -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for name, value in klasse.items():
        if isinstance(value, Klasse):
            pairs += _leaves(value, f"{stem}{name}/")
        elif isinstance(value, str):
            pairs.append((stem + name, value))
    return pairs
