"""Documents for tests, made from the schemas: valid ones, and ones with a single fault.

Everything follows from the XSD and a seeded ``random.Random``: the same seed gives the same documents.
The definitions may come from our own schemas or from any others that use the same few constructs
(named types, sequence, choice, restriction). A fault need not make a document invalid: what the verdict is,
is for the schema to say.
"""

import random
import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path

from lxml import etree

XS = "{http://www.w3.org/2001/XMLSchema}"
XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
MORE = 3
"""How often a repeated element is repeated at most."""
NASTY = (
    *("", " ", "\n", "\u00a0", ".", "-", "-1", "+1", "00", "007", " 1 ", "1.0", "1e3", "9" * 13, "99", "x"),
    *("x" * 37, "x" * 201, "x" * 1001, "a\nb", "\tA", "²", "٣", "é", "😀", "1.0.0.0", "01.0.0", "1234 AB"),
    *("2026-02-29", "2026-13-01", "2026-02-28Z", "2026-02-28+01:00", "2026-02-28T00:00:00", "0000-01-01"),
    *("-0044-03-15", "12026-01-01", " 2026-02-28 ", "24:00:00", "12:30", "12:30:00.5", "12:30:00Z", "25:00:00"),
)
"""Values that a careless schema accepts or a careless reader trips over."""
LENGTHS = (1, 2, 3, 4, 5, 6, 8, 9, 10, 12, 15, 20, 24, 25, 35, 36, 64, 80, 200)
"""Lengths, of text or of a number, that the standards set as a maximum."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Definitions:
    """The declarations of one message schema and of the schemas beside it that it imports."""

    root: etree._Element
    types: dict[str, etree._Element] = field(repr=False)


def definitions(xsd: Path) -> Definitions:
    """Read a message schema and, from the same folder, what it imports."""
    plain = etree.XMLParser(remove_comments=True)
    main = etree.parse(xsd, plain).getroot()
    others = [xsd.parent / other.get("schemaLocation") for other in main.iter(XS + "import")]
    imported = [etree.parse(other, plain).getroot() for other in others]
    types = {
        f"{{{schema.get('targetNamespace')}}}{kind.get('name')}": kind
        for schema in (main, *imported)
        for kind in schema
        if kind.tag in (XS + "complexType", XS + "simpleType")
    }
    return Definitions(root=main.find(XS + "element"), types=types)


def document(message: Definitions, rng: random.Random) -> etree._Element:
    """Make a valid document: every option taken or left, every choice made, every value drawn by ``rng``."""
    return _element(message, message.root, rng)


def mutants(valid: etree._Element, rng: random.Random, count: int) -> Iterator[tuple[str, etree._Element]]:
    """Yield ``count`` copies of a document with one fault each, and what was done to it; none is as it was."""
    before, made = etree.tostring(valid), 0
    while made < count:
        copy = deepcopy(valid)
        fault = rng.choice(FAULTS)
        spot = rng.choice(list(copy.iterdescendants()))
        fault(spot, rng)
        if etree.tostring(copy) != before:
            made += 1
            yield f"{fault.__name__[1:]} at {etree.QName(spot).localname}", copy


def facets(message: Definitions, simple: etree._Element) -> tuple[str, list[dict[str, list[str]]]]:
    """Return the built-in type below a simple type, and the facets of each restriction on the way to it."""
    restriction = simple.find(XS + "restriction")
    own: dict[str, list[str]] = {}
    for facet in restriction:
        own.setdefault(etree.QName(facet).localname, []).append(facet.get("value"))
    base = _clark(restriction, restriction.get("base"))
    if base not in message.types:
        return etree.QName(base).localname, [own]
    builtin, rest = facets(message, message.types[base])
    return builtin, [own, *rest]


def kind_of(message: Definitions, declaration: etree._Element) -> etree._Element:
    """Return the type of an element declaration, named or written in place."""
    if name := declaration.get("type"):
        return message.types[_clark(declaration, name)]
    return next(child for child in declaration if child.tag != XS + "annotation")


def pattern_schema(pattern: str) -> etree.XMLSchema:
    """Make a schema of one element ``v`` whose text must match one pattern."""
    declaration = (
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="v"><xs:simpleType>'
        f'<xs:restriction base="xs:string"><xs:pattern value="{pattern}"/></xs:restriction>'
        "</xs:simpleType></xs:element></xs:schema>"
    )
    return etree.XMLSchema(etree.fromstring(declaration))


def _clark(node: etree._Element, name: str) -> str:
    prefix, _, local = name.rpartition(":")
    return f"{{{node.nsmap[prefix or None]}}}{local}"


def _element(message: Definitions, declaration: etree._Element, rng: random.Random) -> etree._Element:
    namespace = declaration.getroottree().getroot().get("targetNamespace")
    made = etree.Element(f"{{{namespace}}}{declaration.get('name')}")
    kind = kind_of(message, declaration)
    if kind.tag == XS + "simpleType":
        made.text = _value(*facets(message, kind), rng)
    else:
        for particle in kind:
            made.extend(_content(message, particle, rng))
    return made


def _content(message: Definitions, particle: etree._Element, rng: random.Random) -> Iterator[etree._Element]:
    low = int(particle.get("minOccurs", "1"))
    high = MORE if particle.get("maxOccurs") == "unbounded" else int(particle.get("maxOccurs", "1"))
    for _ in range(rng.randint(low, high)):
        if particle.tag == XS + "element":
            yield _element(message, particle, rng)
        elif particle.tag == XS + "choice":
            yield from _content(message, rng.choice(list(particle)), rng)
        elif particle.tag == XS + "sequence":
            for part in particle:
                yield from _content(message, part, rng)


def _value(builtin: str, steps: list[dict[str, list[str]]], rng: random.Random) -> str:
    listed = next((step["enumeration"] for step in steps if "enumeration" in step), None)
    if listed:
        return rng.choice(listed)
    fixed = [pattern for step in steps for pattern in step.get("pattern", ()) if pattern.isalnum()]
    drafts = (draft for _ in range(1000) for draft in (*fixed, *_edge(steps, rng), _draft(builtin, rng)))
    return next(draft for draft in drafts if _fits(draft, steps))


def _edge(steps: list[dict[str, list[str]]], rng: random.Random) -> list[str]:
    """Now and then the longest or the largest value that the facets allow."""
    every = [(name, value) for step in steps for name, values in step.items() for value in values]
    longest = ["é" * int(value) for name, value in every if name == "maxLength"]
    outermost = [value for name, value in every if name in ("minInclusive", "maxInclusive")]
    return rng.sample([*longest, *outermost], 1) if longest + outermost and rng.random() < 0.1 else []


def _draft(builtin: str, rng: random.Random) -> str:
    if builtin == "date":
        return f"{rng.randint(1925, 2030)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"
    if builtin == "time":
        return f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}:{rng.randint(0, 59):02}"
    if builtin == "integer":
        return str(rng.choice((0, 1, 99, 100, 99999, 99999999, rng.randint(0, 10 ** rng.randint(1, 12)))))
    letters = "".join(rng.choices("abcXYZÀéñ", k=rng.randint(1, 6)))
    digits = "9999" + "".join(rng.choices("0123456789", k=rng.choice((0, 4, 5, 5))))
    version = ".".join(str(rng.randint(0, 20)) for _ in range(3))
    return rng.choice((letters, digits, version, digits[:1], letters[:1], f"{letters} & {digits}", f"x{digits}"))


def _fits(draft: str, steps: list[dict[str, list[str]]]) -> bool:
    for step in steps:
        patterns = step.get("pattern")
        if patterns and not any(re.fullmatch(pattern, draft) for pattern in patterns):
            return False
        if not int(step.get("minLength", ["0"])[0]) <= len(draft) <= int(step.get("maxLength", ["9999"])[0]):
            return False
        if int(step.get("minInclusive", ["0"])[0]) or "maxInclusive" in step:
            low, high = int(step["minInclusive"][0]), int(step["maxInclusive"][0])
            if not low <= int(draft) <= high:
                return False
    return True


def _drop(spot: etree._Element, _rng: random.Random) -> None:
    spot.getparent().remove(spot)


def _duplicate(spot: etree._Element, _rng: random.Random) -> None:
    spot.addnext(deepcopy(spot))


def _swap(spot: etree._Element, _rng: random.Random) -> None:
    other = spot.getnext()
    if other is not None:
        other.addnext(spot)


def _move(spot: etree._Element, rng: random.Random) -> None:
    inside = set(spot.iter())
    rng.choice([place for place in spot.getroottree().iter() if place not in inside]).append(spot)


def _rename(spot: etree._Element, rng: random.Random) -> None:
    spot.tag = f"{{{etree.QName(spot).namespace}}}{rng.choice(('Onbekend', 'Bsn', 'Client', 'Commentaar'))}"


def _other_namespace(spot: etree._Element, rng: random.Random) -> None:
    others = sorted({etree.QName(other).namespace for other in spot.getroottree().iter()})
    spot.tag = f"{{{rng.choice([*others, 'urn:anders'])}}}{etree.QName(spot).localname}"


def _attribute(spot: etree._Element, _rng: random.Random) -> None:
    spot.set("status", "nieuw")


def _schema_instance(spot: etree._Element, rng: random.Random) -> None:
    """An ``xsi:type`` may name any type derived from the declared one, so also the names of types count."""
    name = rng.choice((etree.QName(spot).localname, "Root", "CDT_Adres", "CDT_Product", "LDT_Datum", "LDT_Nummer"))
    prefixes = [prefix for prefix in spot.nsmap if prefix] or [""]
    if rng.random() < 0.2:
        spot.set(f"{XSI}nil", rng.choice(("true", "false")))
    else:
        spot.set(f"{XSI}type", f"{rng.choice(prefixes)}:{name}")


def _text_between(spot: etree._Element, rng: random.Random) -> None:
    spot.tail = rng.choice(("los", " ", "\n"))


def _child(spot: etree._Element, _rng: random.Random) -> None:
    spot.append(etree.Element(spot.tag))


def _empty(spot: etree._Element, _rng: random.Random) -> None:
    for child in list(spot):
        spot.remove(child)
    spot.text = None


def _value_of_another(spot: etree._Element, rng: random.Random) -> None:
    leaves = [leaf for leaf in spot.getroottree().iter() if not len(leaf)]
    rng.choice(leaves).text = rng.choice(leaves).text


def _bad_value(spot: etree._Element, rng: random.Random) -> None:
    rng.choice([leaf for leaf in spot.getroottree().iter() if not len(leaf)]).text = rng.choice(NASTY)


def _at_a_bound(spot: etree._Element, rng: random.Random) -> None:
    """As long or as large as some facet allows, or one more."""
    leaf = rng.choice([leaf for leaf in spot.getroottree().iter() if not len(leaf)])
    length = rng.choice(LENGTHS) + rng.randint(0, 1)
    leaf.text = rng.choice(("x", "9", "é")) * length if rng.random() < 0.7 else f"1{'0' * length}"


def _other_code(spot: etree._Element, rng: random.Random) -> None:
    """A value like those in a list, for a field that has one."""
    codes = [leaf for leaf in spot.getroottree().iter() if not len(leaf) and 0 < len(leaf.text or "") < 5]
    digits = f"{rng.randint(0, 9999):04}"
    letters = "".join(rng.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ", k=2))
    if codes:
        leaf = rng.choice(codes)
        leaf.text = letters if leaf.text.isalpha() else digits[-len(leaf.text) :]


FAULTS: tuple[Callable[[etree._Element, random.Random], None], ...] = (
    *(
        _drop,
        _duplicate,
        _swap,
        _move,
        _rename,
        _other_namespace,
        _attribute,
        _schema_instance,
        _text_between,
        _child,
        _empty,
    ),
    *(_value_of_another, _bad_value, _bad_value, _at_a_bound, _other_code),
)
