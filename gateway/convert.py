"""XML ⇄ JSON, for every message: the same names, the same order, the same texts, both ways.

    {"namespace": "urn:hoa:1_0:ho323:schema", "bericht": {"Header": {…}, "Declaratie": {"Clienten": [{…}, {…}]}}}

The namespace says which message of which release it is. A class is an object, a container the list of what it repeats,
and every value is a string, also a number or a date: JSON numbers lose leading zeros, and may be read as floats, which
lose cents. What is absent is left out, never null. Keys may come in any order; the schema gives theirs.

JSON comes from outside and is as hostile as XML. What does not fit is told with the path that the element has in the
message (``Bericht/Declaratie/Clienten/Client[3]/Bsn``), together with what the check says of the rest.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, KeysView
from dataclasses import replace
from typing import Any

import orjson
from lxml import etree

from gateway.check import MOST, PARSER
from gateway.explain import finding
from gateway.forms import Field, Form, Forms
from gateway.gate import BOMS, MAX_BYTES
from gateway.message import Checked, Finding
from gateway.words import Text
from gateway.write import written

SPACE, MESSAGE, ROOT = "namespace", "bericht", "Bericht"
NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold: control characters and halves of surrogate pairs."""
FREE_VALUES = 20_000
BYTES_PER_VALUE = 16
"""A message of some size averages at least this many bytes per comma; ours average more than twenty."""
Node = Any
"""An lxml element; lxml has no types."""


def json_of(raw: bytes, forms: Forms) -> bytes:
    """Return a message that passed the check as JSON. Raises ValueError for any other XML."""
    root = etree.fromstring(raw, PARSER)
    tag = etree.QName(root)
    if tag.namespace not in forms or tag.localname != ROOT:
        raise ValueError("no message of ours")
    return orjson.dumps({SPACE: tag.namespace, MESSAGE: _read(root, forms[tag.namespace].form)})


def _read(node: Node, form: Form | None) -> Any:
    if form is None:
        return node.text or ""
    if form.record is not None:
        below = form.record.form
        return [_read(child, below) for child in node]
    values: dict[str, Any] = {}
    for child in node:
        place = form.by_tag.get(child.tag)
        if place is None or (place.name in values and not place.many):
            raise ValueError("a field that is not in the schema")
        if place.many:
            values.setdefault(place.name, []).append(_read(child, place.form))
        else:
            values[place.name] = _read(child, place.form)
    return values


def xml_of(raw: bytes, forms: Forms, check: Callable[[bytes], Checked]) -> tuple[Checked, bytes]:
    """Return the verdict on JSON from outside, and the XML that it stands for; never raises for what is in it.

    The XML is empty if the JSON is not a message. Findings have no line, which would be one of an XML file that the
    sender does not have, but for faults of the JSON itself.
    """
    if refused := _gate(raw):
        return _refusal(refused), b""
    try:
        told = _told(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        return _refusal(finding("KP003", line=raw.count(b"\n", 0, error.start) + 1)), b""
    except json.JSONDecodeError as error:
        return _refusal(finding("KP030", line=error.lineno)), b""
    except RecursionError:
        return _refusal(finding("KP007")), b""
    making = _Making()
    root = making.document(told, forms)
    if root is None or making.full:
        return replace(_refusal(*making.findings), total=making.count), b""
    xml = written(root)
    return making.verdict(check(xml)), b"" if making.count else xml


def _gate(raw: bytes) -> Finding | None:
    if not raw:
        return finding("KP001")
    if len(raw) > MAX_BYTES:
        return finding("KP002")
    if raw.startswith(BOMS):
        return finding("KP004")
    if raw.count(b",") > FREE_VALUES + len(raw) // BYTES_PER_VALUE:
        return finding("KP007")
    return None


def _told(text: str) -> Any:
    """Parse JSON: an object as a tuple of pairs, so that what stands twice is seen; a number as no more than that."""
    return json.loads(text, object_pairs_hook=tuple, parse_int=_number, parse_float=_number, parse_constant=_number)


def _number(_text: str) -> int:
    """Stand in for any JSON number, NaN and Infinity too: it is not a string, and that is all we need to know of it."""
    return 0


class _Making:
    """An XML document being made, and what was wrong with what it is made of."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.count = 0
        self._emptied: set[str] = set()
        """Where an element stands empty because its content was of the wrong kind; the check knows less of it."""

    @property
    def full(self) -> bool:
        """Whether more is wrong than is told; nothing more is made then."""
        return self.count > MOST

    def document(self, told: Any, forms: Forms) -> Node | None:
        """Make the whole document; None if it does not tell what message it is."""
        values = self._object(told, "", "JSON", {SPACE: None, MESSAGE: None}.keys())
        if values is None:
            return None
        space = values.get(SPACE)
        root = forms.get(space) if isinstance(space, str) else None
        if root is None or root.form is None:
            nl = f"Bij '{SPACE}' staat geen bericht dat deze poort kent. Zet daar de namespace van het bericht."
            en = f"'{SPACE}' names no message that this gateway knows. Put the namespace of the message there."
            self._wrong("", nl, en)
        elif MESSAGE not in values:
            nl = f"De JSON heeft geen '{MESSAGE}'. Zet daarin de inhoud van het bericht."
            self._wrong("", nl, f"The JSON has no '{MESSAGE}'. Put the content of the message in it.")
        else:
            node = etree.Element(root.tag, nsmap=_prefixes(root))
            self._class(node, root.form, values[MESSAGE], ROOT)
            return node
        return None

    def verdict(self, checked: Checked) -> Checked:
        """Put what was wrong with the JSON before what the check found in the XML that came of it."""
        found = [replace(each, line=0) for each in checked.findings]
        if not self.count:
            return replace(checked, findings=tuple(found))
        # A rule says nothing about what is only half there.
        found = [each for each in found if each.level < 2 and each.path not in self._emptied]
        total = self.count + (len(found) if checked.total == len(checked.findings) else checked.total)
        return Checked(type=checked.type, facts=None, findings=tuple([*self.findings, *found][:MOST]), total=total)

    def _class(self, node: Node, form: Form, told: Any, path: str) -> None:
        name = etree.QName(node).localname
        if self.full:
            return
        if form.record is not None:
            for index, each in enumerate(self._list(told, path, name), 1):
                if self.full:
                    return
                self._field(node, form.record, each, f"{path}/{form.record.name}[{index}]")
            return
        values = self._object(told, path, name, form.by_name.keys()) or {}
        for place in form.by_name.values() if values else ():
            if place.name not in values:
                continue
            below = f"{path}/{place.name}"
            if not place.many:
                self._field(node, place, values[place.name], below)
                continue
            for each in self._list(values[place.name], below, place.name):
                self._field(node, place, each, below)

    def _field(self, parent: Node, place: Field, told: Any, path: str) -> None:
        node = etree.SubElement(parent, place.tag)
        if place.form is not None:
            self._class(node, place.form, told, path)
        elif not isinstance(told, str):
            self._spoil(path, *_no_text(told, place.name))
        elif NO_XML.search(told):
            nl = f"In {place.name} staat een teken dat in een bericht niet mag. Haal het weg."
            self._spoil(path, nl, f"{place.name} holds a character that a message may not hold. Take it out.")
        else:
            node.text = told

    def _list(self, told: Any, path: str, name: str) -> list[Any]:
        if isinstance(told, list):
            return told
        nl = f"{name} moet een lijst zijn, tussen blokhaken, ook als er maar één in staat."
        self._spoil(path, nl, f"{name} must be a list, in square brackets, even if there is only one in it.")
        return []

    def _object(self, told: Any, path: str, name: str, known: KeysView[str]) -> dict[str, Any] | None:
        """Return the values of an object by their names; None if it is not an object."""
        if not isinstance(told, tuple):
            nl = f"{name} moet een object zijn, met velden tussen accolades."
            self._spoil(path, nl, f"{name} must be an object, with fields in braces.")
            return None
        values = dict(told)
        if strange := values.keys() - known:
            # Once for each class: a hostile one may hold millions, and what a sender made up is not repeated.
            names = ", ".join(known)
            self._wrong(
                path,
                f"In {name} staat een veld dat daar niet hoort. Haal het weg of verbeter de naam. Toegestaan: {names}.",
                f"{name} has a field that does not belong there. Remove it, or correct its name. Allowed: {names}.",
            )
        if len(values) < len(told):
            twice = Counter(key for key, _ in told if key not in strange)
            for key in (key for key, count in twice.items() if count > 1):
                nl = f"{key} staat meer dan één keer in {name}. Laat er één staan."
                self._wrong(path, nl, f"{key} stands more than once in {name}. Leave one.")
        return values

    def _spoil(self, path: str, nl: str, en: str) -> None:
        self._emptied.add(path)
        self._wrong(path, nl, en)

    def _wrong(self, path: str, nl: str, en: str) -> None:
        self.count += 1
        if len(self.findings) < MOST:
            self.findings.append(finding("KP031", path=path, text=Text(nl, en)))


def _no_text(told: Any, name: str) -> Text:
    if told is None:
        nl = f"{name} is null. Laat een veld zonder waarde helemaal weg."
        return Text(nl, f"{name} is null. Leave out a field that has no value.")
    nl, en = ("een getal", "a number") if type(told) is int else ("geen tekst", "no text")
    nl = f"{name} is {nl}. Zet elke waarde tussen aanhalingstekens, ook een getal."
    return Text(nl, f"{name} is {en}. Put every value in quotation marks, a number too.")


def _prefixes(root: Field) -> dict[str | None, str]:
    """The message's own namespace as the default, those of shared classes under a prefix."""
    spaces: dict[str, None] = {}
    waiting = [root]
    while waiting:
        place = waiting.pop()
        spaces.setdefault(str(etree.QName(place.tag).namespace))
        waiting += place.form.by_name.values() if place.form else ()
    own, *others = spaces
    return {None: own} | {f"b{number or ''}": space for number, space in enumerate(others)}


def _refusal(*findings: Finding) -> Checked:
    return Checked(type=None, facts=None, findings=findings, total=len(findings))
