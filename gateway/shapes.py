"""What an XSD lets each class of a message hold: names, order, forms of fields; read once per message type."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from lxml import etree

XS = "{http://www.w3.org/2001/XMLSchema}"
FACETS = frozenset(
    {"minLength", "maxLength", "length", "minInclusive", "maxInclusive", "minExclusive", "maxExclusive", "totalDigits"}
)


class CatalogError(Exception):
    """A file in ``schemas/`` is missing or contradicts another; mend the folder, the gateway cannot start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """The form of one simple field: the facets along its chain of types."""

    builtin: str
    """Name of the XSD type at the root of the chain: string, integer, date, time."""
    name: str = ""
    """Name of the nearest type that has one, such as ``LDT_Gemeente``."""
    release: str = ""
    """Release that defines that type, as ``ijw/3.2``: code lists are told by the two together."""
    patterns: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    limits: tuple[tuple[str, str], ...] = ()
    """(facet, value), such as ("maxLength", "12")."""


@dataclass(slots=True, kw_only=True)
class Shape:
    """What a class may hold; a container holds one repeated element and nothing else."""

    fields: dict[str, "Place"] = field(default_factory=dict)
    """In schema order, by ``{namespace}name``."""
    one_of: tuple[str, ...] = ()
    """Names of which at least one must be there."""
    container: bool = False
    flat: bool = False
    """Whether it holds single fields only, each once."""


class Place(NamedTuple):
    """One element in a class; a tuple, because every element of every message passes here."""

    name: str
    form: Leaf | Shape
    required: bool
    plain: bool
    """Whether its text is its value, to the last space."""


class Shapes:
    """Turns the types of an XSD into shapes, following names through imports; each named type once."""

    def __init__(self, schemas: Mapping[str, etree._Element], release: str) -> None:
        self._schemas = schemas
        self._release = release
        self._done: dict[str, Leaf | Shape] = {}
        self.containers: dict[str, tuple[str, Shape]] = {}
        self.names: set[str] = set()

    def element(self, element: etree._Element, xsd: etree._Element) -> Leaf | Shape:
        """The form of what this ``xs:element`` declares."""
        if "type" in element.attrib:
            return self._named(element.attrib["type"], xsd)
        return self._form(element[-1], xsd)

    def _named(self, name: str, xsd: etree._Element) -> Leaf | Shape:
        prefix, _, local = name.rpartition(":")
        space = xsd.nsmap[prefix or None]
        if f"{{{space}}}" == XS:
            return Leaf(builtin=local)
        key = f"{{{space}}}{local}"
        if key not in self._done:
            owner = self._schemas[space]
            found = next((e for e in owner if e.get("name") == local and e.tag != XS + "element"), None)
            if found is None:
                raise CatalogError(f"type {name} is not defined")
            form = self._form(found, owner)
            self._done[key] = replace(form, name=local, release=self._release) if isinstance(form, Leaf) else form
        return self._done[key]

    def _form(self, definition: etree._Element, xsd: etree._Element) -> Leaf | Shape:
        restriction = definition.find(XS + "restriction")
        return self._class(definition, xsd) if restriction is None else self._leaf(restriction, xsd)

    def _leaf(self, restriction: etree._Element, xsd: etree._Element) -> Leaf:
        base = self._named(restriction.attrib["base"], xsd)
        if not isinstance(base, Leaf):
            raise CatalogError(f"{restriction.attrib['base']} is not a simple type")
        facets = [(etree.QName(facet).localname, facet.get("value", "")) for facet in restriction]
        return Leaf(
            builtin=base.builtin,
            name=base.name,
            release=base.release,
            patterns=base.patterns + tuple(value for name, value in facets if name == "pattern"),
            codes=tuple(value for name, value in facets if name == "enumeration") or base.codes,
            limits=base.limits + tuple(facet for facet in facets if facet[0] in FACETS),
        )

    def _class(self, definition: etree._Element, xsd: etree._Element) -> Shape:
        space, shape, members = xsd.attrib["targetNamespace"], Shape(), list(definition.iter(XS + "element"))
        for member in members:
            form = self.element(member, xsd)
            name = member.attrib["name"]
            optional = member.get("minOccurs") == "0" or next(member.iterancestors(XS + "choice"), None) is not None
            shape.fields[f"{{{space}}}{name}"] = Place(
                name=name, form=form, required=not optional, plain=isinstance(form, Leaf) and form.builtin == "string"
            )
            self.names.add(name)
            if isinstance(form, Shape) and form.container:
                self._container(f"{{{space}}}{name}", member.get("type"), form)
        chosen = [e.attrib["name"] for e in definition.iterfind(f".//{XS}choice//{XS}element")]
        shape.one_of = tuple(dict.fromkeys(chosen))
        shape.container = len(shape.fields) == len(members) == 1 and members[0].get("maxOccurs") == "unbounded"
        shape.flat = not shape.container and all(isinstance(place.form, Leaf) for place in shape.fields.values())
        return shape

    def _container(self, tag: str, type_name: str | None, form: Shape) -> None:
        """Remember a container that can be validated by itself: its type has a name, and only one."""
        if type_name is None or self.containers.setdefault(tag, (type_name, form))[0] != type_name:
            raise CatalogError(f"{tag}: a container needs one named type")
