"""Explains why a part of a message does not fit its schema: every fault at once, in two languages, without values.

Only asked after the validator has refused; libxml2 itself stops looking inside a class at its first misplaced
field, and its texts repeat values.
"""

from collections.abc import Container, Iterator
from typing import Any

from gateway.codes import lists_of
from gateway.shapes import Leaf, Shape
from gateway.words import BLANK, Text, fits, form, joined, listed

Fault = tuple[Any, Text]
"""The element it is about and the text."""


def survey(node: Any, shape: Leaf | Shape, begun: Container[Any] = (), *, required: bool = True) -> Iterator[Fault]:
    """All faults in an element and below it, in document order of the elements that they are about.

    ``begun`` holds the containers of which records were already taken out, so that they may be empty now. Of what is
    empty and not ``required`` is told that it may be left out.
    """
    name = _local(node)
    if node.attrib:
        yield (
            node,
            Text(
                f"Bij {name} staat een attribuut. Attributen zijn niet toegestaan. Haal het weg.",
                f"{name} has an attribute. Attributes are not allowed. Remove it.",
            ),
        )
    if isinstance(shape, Leaf):
        yield from _leaf(node, shape, name, required)
    else:
        yield from _class(node, shape, name, begun, required)


def _leaf(node: Any, leaf: Leaf, name: str, required: bool) -> Iterator[Fault]:
    if len(node):
        yield (
            node,
            Text(
                f"In {name} staan andere velden. Vul hier alleen een waarde in.",
                f"{name} holds other fields. Put only a value here.",
            ),
        )
    elif not fits(node.text or "", leaf.builtin, leaf.patterns, leaf.codes, leaf.limits):
        lists = lists_of(f"{leaf.release}:{leaf.name}") if leaf.codes else ()
        asked = form(leaf.builtin, leaf.patterns, leaf.codes, leaf.limits, lists)
        empty = not (node.text or "").strip(BLANK)
        if empty:
            wrong = Text("is leeg", "is empty")
        else:
            wrong = Text("heeft niet de goede waarde of vorm", "does not have the right value or form")
        told = Text(f"{name} {wrong.nl}. Vul in: {asked.nl}.", f"{name} {wrong.en}. Fill in: {asked.en}.")
        yield node, joined(told, _leave_out(name)) if empty and not required else told


def _leave_out(name: str) -> Text:
    return Text(f"Of laat {name} weg.", f"Or leave out {name}.")


def _class(node: Any, shape: Shape, name: str, begun: Container[Any], required: bool) -> Iterator[Fault]:
    seen: set[str] = set()
    reached = -1
    order = {tag: index for index, tag in enumerate(shape.fields)}
    stray = bool((node.text or "").strip(BLANK))
    for child in node:
        stray = stray or bool((child.tail or "").strip(BLANK))
        place = shape.fields.get(child.tag)
        if place is None:
            yield child, _unknown(child, name, shape)
            continue
        if child.tag in seen and not shape.container:
            yield (
                child,
                Text(
                    f"{place.name} staat meer dan één keer in {name}. Laat er één staan.",
                    f"{place.name} stands more than once in {name}. Keep one.",
                ),
            )
        elif order[child.tag] < reached:
            yield (
                child,
                Text(
                    f"{place.name} staat op de verkeerde plek in {name}. De goede volgorde is: {_order(shape)}.",
                    f"{place.name} stands in the wrong place in {name}. The right order is: {_order(shape)}.",
                ),
            )
        seen.add(child.tag)
        reached = max(reached, order[child.tag])
        yield from survey(child, place.form, begun, required=place.required)
    if stray:
        yield (
            node,
            Text(
                f"In {name} staat losse tekst tussen de velden. Haal die tekst weg.",
                f"{name} has loose text between its fields. Remove that text.",
            ),
        )
    if node not in begun:
        yield from _missing(node, shape, name, seen, required)


def _unknown(child: Any, name: str, shape: Shape) -> Text:
    local = _local(child)
    if any(place.name == local for place in shape.fields.values()):
        return Text(
            f"{local} in {name} staat in de verkeerde namespace. Gebruik de namespace van de standaard.",
            f"{local} in {name} has the wrong namespace. Use the namespace of the standard.",
        )
    order = _order(shape)
    return Text(
        f"In {name} staat een veld dat daar niet hoort. Haal het weg of verbeter de naam. Toegestaan zijn: {order}.",
        f"{name} has a field that does not belong there. Remove it, or correct its name. Allowed are: {order}.",
    )


def _missing(node: Any, shape: Shape, name: str, seen: set[str], required: bool) -> Iterator[Fault]:
    absent = [place.name for tag, place in shape.fields.items() if place.required and tag not in seen]
    if absent:
        nl, en = listed(absent, "en"), listed(absent, "and")
        if shape.container:
            told = Text(
                f"In {name} staat geen {nl}. Zet er minstens één in.", f"{name} holds no {en}. Put in at least one."
            )
        elif len(absent) > 1:
            told = Text(
                f"In {name} ontbreken de verplichte velden {nl}. Vul ze in.",
                f"In {name} these required fields are missing: {en}. Fill them in.",
            )
        else:
            told = Text(
                f"In {name} ontbreekt het verplichte veld {nl}. Vul het in.",
                f"In {name} this required field is missing: {en}. Fill it in.",
            )
        yield node, joined(told, _leave_out(name)) if not seen and not required else told
    present = {shape.fields[tag].name for tag in seen}
    if shape.one_of and not present.intersection(shape.one_of):
        yield (
            node,
            Text(
                f"In {name} ontbreekt een veld: vul {listed(shape.one_of, 'of')} in.",
                f"In {name} a field is missing: fill in {listed(shape.one_of, 'or')}.",
            ),
        )


def _order(shape: Shape) -> str:
    return ", ".join(place.name for place in shape.fields.values())


def _local(node: Any) -> str:
    return str(node.tag).rpartition("}")[2]
