"""The form of every message as names and lists, read from the XSDs by xmlschema: what JSON must follow.

All schemas of all releases are read as one set, from their texts; nothing is fetched. It takes about a second for fifty
of them, so this module is imported only where messages are converted.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from xmlschema import XMLSchema10
from xmlschema.validators import XsdComplexType, XsdElement, XsdGroup, XsdType

from gateway.catalog import FOLDER
from gateway.shapes import CatalogError


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One element in a class."""

    name: str
    tag: str
    """``{namespace}name``."""
    form: "Form | None"
    """None for a field that holds a text."""
    many: bool
    """Whether it may be repeated."""


@dataclass(slots=True)
class Form:
    """What a class may hold, in schema order."""

    by_name: dict[str, Field] = field(default_factory=dict)
    by_tag: dict[str, Field] = field(default_factory=dict)
    record: Field | None = None
    """The one element that a container repeats; None if this is no container."""


Forms = dict[str, Field]
"""The root element of every message type, by namespace."""


def read(folder: Path = FOLDER) -> Forms:
    """Read the forms of all message types below ``folder``. Raises CatalogError where JSON cannot follow a schema."""
    schemas: list[XMLSchema10] = []
    # A schema finds what it imports among those that were read before it, by namespace.
    for path in sorted(folder.glob("*/*/*.xsd"), key=lambda path: (path.parent, path.name != "basisschema.xsd", path)):
        maps = schemas[0].maps if schemas else None
        text = path.read_text("utf-8")
        schemas.append(XMLSchema10(text, global_maps=maps, build=False, allow="none", defuse="always"))
    if not schemas:
        raise CatalogError(f"no schema below {folder}")
    schemas[0].maps.build()
    known: dict[XsdType, Form] = {}
    return {
        schema.target_namespace: _field(schema.elements["Bericht"], False, known)
        for schema in schemas
        if "Bericht" in schema.elements
    }


def _field(element: XsdElement, many: bool, known: dict[XsdType, Form]) -> Field:
    kind = element.type
    form = _form(kind, known) if isinstance(kind, XsdComplexType) else None
    return Field(name=element.local_name, tag=element.name, form=form, many=many)


def _form(kind: XsdComplexType, known: dict[XsdType, Form]) -> Form:
    if kind in known:
        return known[kind]
    form = known[kind] = Form()
    if not isinstance(kind.content, XsdGroup) or kind.mixed or kind.attributes:
        raise CatalogError(f"{kind.prefixed_name}: JSON holds classes of elements and nothing else")
    for element, many in _elements(kind.content, False):
        # An element may stand in more than one branch of a choice; it is the same field.
        if form.by_name.setdefault(element.local_name, found := _field(element, many, known)) != found:
            raise CatalogError(f"{kind.prefixed_name}: {element.local_name} has two forms")
        form.by_tag[element.name] = found
    first = next(iter(form.by_name.values()), None)
    form.record = first if first and first.many and len(form.by_name) == 1 else None
    return form


def _elements(group: XsdGroup, many: bool) -> Iterator[tuple[XsdElement, bool]]:
    """Every element that a class may hold, and whether it or what is around it may be repeated."""
    for particle in group:
        repeated = many or particle.max_occurs != 1
        if isinstance(particle, XsdGroup):
            yield from _elements(particle, repeated)
        elif isinstance(particle, XsdElement):
            yield particle, repeated
        else:
            raise CatalogError(f"{group}: JSON cannot follow a wildcard")
