"""Writes any message from plain values, and reads a message back into them.

Values are nested: name → text, class, or list of what a container holds; the schema gives order and namespaces. What
does not pass that schema is not written. Output is UTF-8 without BOM, CRLF, each element on its own line (OP192).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from lxml import etree

from gateway.catalog import Catalog, Definition
from gateway.check import PARSER
from gateway.message import MessageType
from gateway.shapes import Leaf, Shape
from gateway.survey import survey
from gateway.write import written

Values = Mapping[str, Any]
"""One class: name of a field → text, ``Values``, or for a container the list of what it holds."""


class ComposeError(ValueError):
    """These values make no sound message of this type; the text says where, in Dutch, without values."""


def message(definition: Definition, values: Values) -> bytes:
    """Write a message of this type. Raises ComposeError if the values do not fit its schema."""
    type_ = definition.type
    space = etree.QName(type_.root).namespace or ""
    spaces = {type_.name: space, "basis": space.replace(type_.name, "basisschema")}
    root = etree.Element(type_.root, nsmap=spaces)
    _fill(root, definition.shape, values)
    if not definition.schema.validate(root):
        places = (f"{type_.name.upper()}: {text.nl}" for _, text in survey(root, definition.shape))
        raise ComposeError(next(places, f"{type_.name.upper()} past niet in het schema."))
    return written(root)


def _fill(parent: etree._Element, shape: Shape, values: Values | Sequence[Any]) -> None:
    if not isinstance(values, Mapping):  # a container: its one element, repeated
        ((tag, place),) = shape.fields.items()
        for each in values:
            _put(parent, tag, place.form, each)
        return
    if strange := values.keys() - {place.name for place in shape.fields.values()}:
        raise ComposeError(f"In {etree.QName(parent).localname} hoort geen {min(strange)}.")
    for tag, place in shape.fields.items():
        if place.name in values:
            _put(parent, tag, place.form, values[place.name])


def _put(parent: etree._Element, tag: str, form: Leaf | Shape, value: Any) -> None:
    child = etree.SubElement(parent, tag)
    if isinstance(form, Shape):
        if isinstance(value, str):
            raise ComposeError(f"{etree.QName(child).localname} is geen enkele waarde, maar bestaat uit velden.")
        _fill(child, form, value)
    elif isinstance(value, str):
        child.text = value
    else:
        raise ComposeError(f"{etree.QName(child).localname} is een enkele waarde.")


def read(raw: bytes, catalog: Catalog) -> tuple[MessageType, Values]:
    """Read a message that passed the check: its type and its classes. Raises ComposeError if we have no such type."""
    root = etree.fromstring(raw, PARSER)
    kind = catalog.by_root(root.tag)
    if kind is None:
        raise ComposeError("Dit is geen bericht dat de poort kent.")
    return kind, values(root, catalog.definition(kind).shape)


def values(node: etree._Element, shape: Shape) -> Any:
    """Read a class of a valid message back: what ``message`` would write it from."""
    read = [
        (place.name, values(child, place.form) if isinstance(place.form, Shape) else child.text or "")
        for child, place in ((child, shape.fields[child.tag]) for child in node)
    ]
    return [value for _, value in read] if shape.container else dict(read)
