"""What two formulations of one schema allow, written out in full as plain values, and told apart in Dutch.

Knows the constructs that messages are made of: named types, sequence, choice, restriction. A schema that uses others is
refused, as is one that refers to itself or grows without measure: it may come from anybody.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.shapes import XS

MOST_FIELDS = 20_000
"""Fields of one message, written out; the largest of ours has a hundred."""
SAME_PATTERN = {
    r".*[^\s].*": r"[ \t]*\S.*",
    r"([.\s]*\S+[.\s]*)+": r"\s*\S[\s\S]*",
    "([a-zA-Z0-9])+": "[a-zA-Z0-9]+",
    "([a-zA-ZÀ-ỳ])+": "[a-zA-ZÀ-ỳ]+",
}
"""Published pattern → ours, where ours allows the same texts but can be matched in one pass.

The first one, as published, takes libxml2 a second and a half for 20 kB with a line end in it.
"""
ATTRIBUTES = frozenset({"name", "type", "minOccurs", "maxOccurs"})
"""Of an element; others, such as ``nillable``, change what it allows."""
DEEPEST = 50
"""Classes inside each other; ours go seven deep."""
LEAST = frozenset({"minLength", "minInclusive", "minExclusive"})
MOST = frozenset({"maxLength", "maxInclusive", "maxExclusive", "totalDigits", "fractionDigits"})


class GrammarError(Exception):
    """A schema cannot be written out; the text says why, in Dutch, without anything but names of the schema."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """The texts that a field may hold."""

    builtin: str
    codes: frozenset[str]
    patterns: frozenset[frozenset[str]]
    """All must hold; each set offers alternatives."""
    bounds: Mapping[str, str]
    """Facet → the tightest value along the chain of types."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """One field or class where it stands: ``occurs`` is how often, as ``(least, most)``."""

    space: str
    name: str
    occurs: tuple[str, str]
    content: "Texts | Parts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a class holds: its elements in order, and ``outline``, which also tells how choices bind them."""

    elements: tuple[Element, ...]
    outline: str


def grammar(schemas: Mapping[str, Any], space: str) -> Element:
    """Write out the message whose schema has this namespace; ``schemas`` are root elements of XSDs by namespace.

    Raises GrammarError.
    """
    found = [node for node in schemas[space] if node.tag == XS + "element" and node.get("name") == "Bericht"]
    if len(found) != 1:
        raise GrammarError("Er staat geen Bericht in.")
    return _Writer(schemas).element(found[0], ())


class _Writer:
    """Writes declarations out, and keeps count."""

    def __init__(self, schemas: Mapping[str, Any]) -> None:
        self._schemas = schemas
        self._count = 0

    def element(self, node: Any, above: tuple[Any, ...]) -> Element:
        self._count += 1
        if self._count > MOST_FIELDS or len(above) > DEEPEST:
            raise GrammarError("Het schema is uitgeschreven te groot.")
        name = node.get("name")
        if name is None or set(node.keys()) - ATTRIBUTES or ("type" in node.attrib and _parts(node)):
            raise GrammarError(f"Bij het veld {name or 'zonder naam'} staat iets wat de poort niet kent.")
        schema = node.getroottree().getroot()
        if schema.get("elementFormDefault") != "qualified":
            raise GrammarError("Niet elk veld heeft een namespace (elementFormDefault).")
        space = schema.get("targetNamespace", "")
        return Element(space=space, name=name, occurs=_occurs(node), content=self._content(node, above))

    def _content(self, node: Any, above: tuple[Any, ...]) -> "Texts | Parts":
        kind = _only(node) if "type" not in node.attrib else self._named(node, node.get("type"))
        if isinstance(kind, str):
            return _text(kind, [])
        if kind in above:
            raise GrammarError(f"Het type {kind.get('name')} verwijst naar zichzelf.")
        if kind.tag == XS + "simpleType":
            return self._simple(kind)
        if kind.tag != XS + "complexType" or set(kind.keys()) - {"name"}:
            raise GrammarError(f"In het type {kind.get('name')} staat iets wat de poort niet kent.")
        elements: list[Element] = []
        outline = self._group(_only(kind), elements, (*above, kind))
        return Parts(elements=tuple(elements), outline=outline)

    def _group(self, node: Any, elements: list[Element], above: tuple[Any, ...]) -> str:
        """Add the elements in a sequence or choice; return its outline."""
        if node.tag not in (XS + "sequence", XS + "choice"):
            raise GrammarError(f"De poort kent {_local(node)} niet in een schema.")
        told = []
        for part in _parts(node):
            if part.tag == XS + "element":
                elements.append(self.element(part, above))
                told.append(elements[-1].name + _sign(elements[-1].occurs))
            else:
                told.append(self._group(part, elements, above))
        return f"({(', ' if node.tag == XS + 'sequence' else ' | ').join(told)}){_sign(_occurs(node))}"

    def _simple(self, kind: Any) -> Texts:
        steps: list[dict[str, list[str]]] = []
        seen: list[Any] = []
        while not isinstance(kind, str):
            restriction = _only(kind)
            if kind in seen or restriction.tag != XS + "restriction" or restriction.get("base") is None:
                raise GrammarError(f"Het type {kind.get('name')} is geen beperking van een ander type.")
            seen.append(kind)
            facets: dict[str, list[str]] = {}
            for facet in _parts(restriction):
                facets.setdefault(_local(facet), []).append(facet.get("value") or "")
            steps.append(facets)
            kind = self._named(restriction, restriction.get("base"))
        return _text(kind, steps)

    def _named(self, node: Any, name: str) -> Any:
        """The definition of a type, or the name of a type that XML Schema itself defines."""
        prefix, _, local = name.rpartition(":")
        space = node.nsmap.get(prefix or None, "")
        if f"{{{space}}}" == XS:
            return local
        types = (XS + "complexType", XS + "simpleType")
        found = [kind for kind in self._schemas.get(space, ()) if kind.tag in types and kind.get("name") == local]
        if len(found) != 1:
            raise GrammarError(f"Het type {local} is niet of meer dan één keer beschreven.")
        return found[0]


def _text(builtin: str, steps: list[dict[str, list[str]]]) -> Texts:
    """Sum up the facets, innermost type first; a restriction only narrows, so the tightest bound counts."""
    bounds: dict[str, str] = {}
    for step in steps:
        for name, values in step.items():
            if name in ("enumeration", "pattern"):
                continue
            for value in values:
                bounds[name] = _tighter(name, bounds[name], value) if name in bounds else value
    return Texts(
        builtin=builtin,
        codes=next((frozenset(step["enumeration"]) for step in steps if "enumeration" in step), frozenset()),
        patterns=frozenset(
            frozenset(SAME_PATTERN.get(each, each) for each in step["pattern"]) for step in steps if "pattern" in step
        ),
        bounds=bounds,
    )


def _tighter(name: str, one: str, other: str) -> str:
    if not (one.lstrip("-").isdecimal() and other.lstrip("-").isdecimal()) or name not in LEAST | MOST:
        return one  # of the innermost type
    return str((max if name in LEAST else min)(int(one), int(other)))


def differences(ours: Element, theirs: Element, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield what differs, as the path of an element and what of it, in Dutch; nothing if they allow the same."""
    here = f"{path}/{ours.name}".lstrip("/")
    if ours.space != theirs.space:
        yield here, "staat in het pakket in een andere namespace."
    if ours.occurs != theirs.occurs:
        yield here, f"mag in het pakket {_often(theirs.occurs)} voorkomen, bij ons {_often(ours.occurs)}."
    if isinstance(ours.content, Texts) and isinstance(theirs.content, Texts):
        yield from ((here, told) for told in _text_differences(ours.content, theirs.content))
    elif isinstance(ours.content, Parts) and isinstance(theirs.content, Parts):
        yield from _part_differences(ours.content, theirs.content, here)
    elif isinstance(ours.content, Texts):
        yield here, "bevat in het pakket andere velden, bij ons een waarde."
    else:
        yield here, "bevat in het pakket een waarde, bij ons andere velden."


def _part_differences(ours: Parts, theirs: Parts, here: str) -> Iterator[tuple[str, str]]:
    mine, other = ([element.name for element in parts.elements] for parts in (ours, theirs))
    missing, extra = [name for name in mine if name not in other], [name for name in other if name not in mine]
    yield from ((f"{here}/{name}", "staat niet in het pakket.") for name in dict.fromkeys(missing))
    yield from ((f"{here}/{name}", "staat alleen in het pakket.") for name in dict.fromkeys(extra))
    same_names = not missing and not extra
    if same_names and mine != other:
        yield here, f"heeft in het pakket een andere volgorde: {', '.join(other)}. Bij ons: {', '.join(mine)}."
    alike = same_names and mine == other
    pairs = (
        zip(ours.elements, theirs.elements, strict=True)
        if alike
        else ((one, next((two for two in theirs.elements if two.name == one.name), None)) for one in ours.elements)
    )
    occurs = False
    for one, two in pairs:
        if two is not None:
            occurs = occurs or one.occurs != two.occurs
            yield from differences(one, two, here)
    if alike and not occurs and ours.outline != theirs.outline:
        yield here, f"is in het pakket opgebouwd als {theirs.outline}, bij ons als {ours.outline}."


def _text_differences(ours: Texts, theirs: Texts) -> Iterator[str]:
    if ours.builtin != theirs.builtin:
        yield f"is in het pakket van het type {theirs.builtin}, bij ons {ours.builtin}."
    if bool(ours.codes) != bool(theirs.codes):
        yield f"heeft {'alleen bij ons' if ours.codes else 'alleen in het pakket'} een lijst van codes."
    else:
        if gone := sorted(ours.codes - theirs.codes):
            yield f"kent in het pakket deze codes niet: {', '.join(gone)}."
        if new := sorted(theirs.codes - ours.codes):
            yield f"kent alleen in het pakket deze codes: {', '.join(new)}."
    if ours.patterns != theirs.patterns:
        yield (
            f"heeft in het pakket {_patterns(theirs.patterns - ours.patterns)}, bij ons "
            f"{_patterns(ours.patterns - theirs.patterns)}. De poort kan niet zien of dat hetzelfde toelaat."
        )
    for name in sorted({*ours.bounds, *theirs.bounds}):
        one, two = ours.bounds.get(name), theirs.bounds.get(name)
        if one != two:
            yield f"heeft in het pakket {_bound(name, two)}, bij ons {_bound(name, one)}."


def _bound(name: str, value: str | None) -> str:
    return f"geen {name}" if value is None else f"{name} {value}"


def _patterns(patterns: frozenset[frozenset[str]]) -> str:
    told = sorted(" of ".join(sorted(each)) for each in patterns)
    return f"het patroon {' en '.join(told)}" if told else "geen ander patroon"


def _often(occurs: tuple[str, str]) -> str:
    least, most = occurs
    if least == most:
        return f"{least} keer"
    return f"{least} keer of vaker" if most == "unbounded" else f"{least} tot {most} keer"


def _sign(occurs: tuple[str, str]) -> str:
    known = {("1", "1"): "", ("0", "1"): "?", ("1", "unbounded"): "+", ("0", "unbounded"): "*"}
    return known.get(occurs, "{" + "-".join(occurs) + "}")


def _occurs(node: Any) -> tuple[str, str]:
    least, most = node.get("minOccurs", "1"), node.get("maxOccurs", "1")
    if not (least.isdecimal() and len(least) < 6 and (most == "unbounded" or (most.isdecimal() and len(most) < 6))):
        raise GrammarError("Er staat een aantal in dat geen aantal is.")
    return least, most


def _parts(node: Any) -> list[Any]:
    return [part for part in node if isinstance(part.tag, str) and part.tag != XS + "annotation"]


def _only(node: Any) -> Any:
    parts = _parts(node)
    if len(parts) != 1:
        raise GrammarError(f"In {_local(node)} {node.get('name') or ''} staat niet precies één onderdeel.")
    return parts[0]


def _local(node: Any) -> str:
    return str(node.tag).rpartition("}")[2]
