"""Writes the answers that the gateway itself gives to what it refuses: header only, as nationally (IV028, IV087).

A refusal at level 2 is answered with 0001, one at level 3 or 4 with the return code of its rule. What is
refused at level 0 or 1 could not be read well enough to be answered, and what comes from or goes to the wrong party
must not be answered in that party's name. Output is UTF-8 without BOM, CRLF, each element on its own line (OP192).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from lxml import etree

from gateway import explain
from gateway.catalog import Catalog
from gateway.message import Checked, Facts, MessageType


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A message that the gateway wrote."""

    raw: bytes
    facts: Facts


def answer(checked: Checked, catalog: Catalog, *, identification: str, today: date) -> Answer | None:
    """Return the answer to a refused message, or None where none is due.

    ``identification`` (1-12 characters) must be unique for the receiver of the refused message, who is its sender.
    """
    facts = checked.facts
    codes = return_codes(checked)
    if facts is None or not codes:
        return None
    kind = catalog.types[facts.type].answer
    if kind is None:  # an answer is not answered
        return None
    type_ = catalog.types[kind]
    write = _retour if type_.shape == "retour" else _declaration_answer
    raw = _document(write(checked, type_, identification=identification, today=today, codes=codes))
    told = replace(
        facts, type=kind, sender=facts.receiver, receiver=facts.sender, identification=identification,
        dated=today.isoformat(), answers=None, subjects=(),
    )  # fmt: skip
    return Answer(raw=raw, facts=told)


def return_codes(checked: Checked) -> tuple[str, ...]:
    """Return the codes that an answer must carry, sorted; empty where no answer is due."""
    if any(finding.level < 2 or finding.code.startswith("KP") for finding in checked.findings):
        return ()
    if any(finding.level == 2 for finding in checked.findings):
        return ("0001",)
    known = (explain.explain(finding.code) for finding in checked.findings)
    return tuple(sorted({each.return_code for each in known if each and each.return_code}))


Part = tuple[str, "str | tuple[Part, ...]"]
"""An element of a header: its name, and its text or its parts."""

RULES_VERSION = "1.0.0"
"""Version of our level-2 rules, told in XsltVersie where a message breaks one of them."""


def _retour(checked: Checked, type_: MessageType, *, identification: str, today: date, codes: tuple[str, ...]) -> Part:
    copied = tuple(
        (name, type_.code if name == "BerichtCode" else content) for name, content in _nested(checked.header)
    )
    own: tuple[Part, ...] = (
        ("IdentificatieRetour", identification),
        ("DagtekeningRetour", today.isoformat()),
        *_rules_version(codes),
        ("XsdVersieRetour", _versions(type_)),
    )
    return type_.root, (("Header", (*copied, *own, _codes(codes))),)


def _declaration_answer(
    checked: Checked, type_: MessageType, *, identification: str, today: date, codes: tuple[str, ...]
) -> Part:
    asked = dict(_nested(checked.header))
    header: list[Part] = [
        ("BerichtCode", type_.code),
        ("BerichtVersie", asked["BerichtVersie"]),
        ("BerichtSubversie", asked["BerichtSubversie"]),
        ("Afzender", asked["Ontvanger"]),
        ("Ontvanger", asked["Afzender"]),
        ("BerichtIdentificatie", (("Identificatie", identification), ("Dagtekening", today.isoformat()))),
        ("XsdVersie", _versions(type_)),
        *((("Wet", asked["Wet"]),) if "Wet" in asked else ()),
        ("DeclaratieIdentificatie", asked["BerichtIdentificatie"]),
        *_rules_version(codes),
        ("XsdVersieDeclaratie", asked["XsdVersie"]),
        _codes(codes),
    ]
    return type_.root, (("Header", tuple(header)),)


def _rules_version(codes: tuple[str, ...]) -> tuple[Part, ...]:
    return (("XsltVersie", RULES_VERSION),) if "0001" in codes else ()


def _versions(type_: MessageType) -> tuple[Part, ...]:
    return ("BasisschemaXsdVersie", type_.versions[0]), ("BerichtXsdVersie", type_.versions[1])


def _codes(codes: tuple[str, ...]) -> Part:
    return "RetourCodes", tuple(("RetourCode", code) for code in codes)


def _nested(header: Mapping[str, str]) -> tuple[Part, ...]:
    """Turn header leaves with their paths back into elements, in order."""
    nested: dict[str, str | list[Part]] = {}
    for path, text in header.items():
        top, _, below = path.partition("/")
        if not below:
            nested[top] = text
            continue
        parts = nested.setdefault(top, [])
        assert isinstance(parts, list)
        parts.append((below, text))
    return tuple((name, tuple(content) if isinstance(content, list) else content) for name, content in nested.items())


def _document(part: Part) -> bytes:
    """Write a message: UTF-8, no BOM, CRLF, each element on its own line."""
    root, content = part
    space = etree.QName(root).namespace or ""
    name = space.replace("/schema", "").replace(":schema", "").rpartition("/" if "/" in space else ":")[2]
    shared = space.replace(name, "basisschema")
    document = etree.Element(root, nsmap={name: space, "basis": shared})
    assert not isinstance(content, str)
    for child in content:
        _element(document, child, (space, shared))
    etree.indent(document)
    text: str = etree.tostring(document, encoding="unicode")
    return ('<?xml version="1.0" encoding="UTF-8"?>\n' + text + "\n").replace("\n", "\r\n").encode()


def _element(parent: etree._Element, part: Part, spaces: tuple[str, str]) -> None:
    name, content = part
    space, shared = spaces
    # Children of a shared class live in the basisschema's namespace; RetourCodes is a class of the message itself.
    in_shared = etree.QName(parent).localname not in ("Bericht", "Header", "RetourCodes")
    element = etree.SubElement(parent, f"{{{shared if in_shared else space}}}{name}")
    if isinstance(content, str):
        element.text = content
        return
    for child in content:
        _element(element, child, spaces)
