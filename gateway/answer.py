"""The answer that a judged message is due, exactly as iStandaarden do it (IV028, IV087, OP065): retour and 325.

What is refused at level 2 is answered with a header that carries 0001; what is wrong with a class at level 3 or 4, with
all classes of that client, each with its own return code. What is refused at level 0 or 1 could not be read well enough
to be answered, and what comes from or goes to the wrong party must not be answered in that party's name.
"""

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

from lxml import etree

from gateway import compose
from gateway.catalog import Catalog
from gateway.check import PARSER
from gateway.compose import ComposeError, Values
from gateway.explain import HEADER, explain
from gateway.message import Checked, Facts, MessageType
from gateway.rules.klasse import GRANTED, NO_FAULT, NO_REMARK, NOT_JUDGED, signed
from gateway.shapes import Leaf, Shape

TECHNICAL = "0001"
RULES_VERSION = "1.0.0"
"""Version of our level-2 rules, told in XsltVersie where a message breaks one of them."""
DECLARATION = "Bericht/Declaratie"
SIGNS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Digits and capitals without I, L, O and U, which people mistake for others."""

Codes = Mapping[str, Sequence[str]]
"""Path of a class, with positions as a finding tells it → the return codes that it gets."""


def identification() -> str:
    """Return a new Identificatie of twelve signs, so unlikely to come twice that it need not be looked up."""
    return "".join(secrets.choice(SIGNS) for _ in range(12))


def return_codes(checked: Checked) -> dict[str, list[str]]:
    """Return the codes that an answer must carry, by the path of what is wrong; empty where no answer is due."""
    if any(finding.level < 2 or finding.code.startswith("KP") for finding in checked.findings):
        return {}
    if any(finding.level == 2 for finding in checked.findings):
        return {HEADER: [TECHNICAL]}
    codes: dict[str, list[str]] = {}
    for finding in checked.findings:
        known = explain(finding.code)
        if known and known.return_code:
            codes.setdefault(finding.path, []).append(known.return_code)
    return codes


def due(checked: Checked, catalog: Catalog) -> MessageType | None:
    """Return the type of the answer to a message that is refused; None where no answer is due."""
    if checked.facts is None or not return_codes(checked):
        return None
    asked = catalog.of(checked.facts)
    return catalog.beside(asked, asked.answer) if asked.answer else None  # an answer is not answered


def in_header(codes: Codes) -> list[str]:
    """Return the codes on the header: where there is one, the answer is no more than a header."""
    return [code for path, held in codes.items() if path.startswith(HEADER) for code in held]


def header_only(checked: Checked, kind: MessageType, catalog: Catalog, *, identification: str, today: str) -> bytes:
    """Write the answer that is a header, with the codes on the header or, if there are none, all codes."""
    codes = return_codes(checked)
    told = in_header(codes) or sorted({code for held in codes.values() for code in held})
    header = _header(_nested(checked.header), kind, identification, today, told)
    return compose.message(catalog.definition(kind), {"Header": header})


def facts_of(asked: Facts, kind: MessageType, *, identification: str, today: str) -> Facts:
    """Return the facts of our answer to a message with these facts: it goes back, in the receiver's name."""
    return replace(
        asked, type=kind.name, sender=asked.receiver, receiver=asked.sender, identification=identification,
        dated=today, answers=None, subjects=(),
    )  # fmt: skip


def judged(
    raw: bytes, codes: Codes, catalog: Catalog, *, identification: str, today: str, whole: bool = False
) -> bytes:
    """Write the answer to a valid message: ``codes`` on what is wrong with it, none if all is well.

    A code on a part without return codes of its own goes to the class around it, else to the header. ``whole`` says
    that one error refuses the whole message (OP286): then a 325 lists every line, those without a code as not judged.
    ``identification`` (1-12 characters) must be unique for who answers; ``today`` is an ISO date. Raises ComposeError
    if the message is not one that is answered with return codes, has no class at one of the paths, or if a code says
    nothing wrong.
    """
    if good := NO_FAULT.intersection(chain.from_iterable(codes.values())):
        raise ComposeError(f"Code {min(good)} keurt niets af. Noem alleen wat fout is: de rest volgt daaruit.")
    root = etree.fromstring(raw, PARSER)
    asked_type = catalog.by_root(root.tag)
    if asked_type is None or asked_type.answer is None:
        raise ComposeError("Op dit bericht hoort geen antwoord.")
    asked = compose.values(root, catalog.definition(asked_type).shape)
    definition = catalog.definition(catalog.beside(asked_type, asked_type.answer))
    said = _placed(codes, {name for name, _ in _units(definition.shape, "Bericht")})
    in_header = said.pop(HEADER, [])
    body: Values = {}
    if not in_header and definition.type.shape == "declaratieantwoord":
        body = {"DeclaratieAntwoord": _declaration(asked["Declaratie"], definition.shape, said, whole=whole)}
    elif not in_header and definition.type.shape != "retour":
        raise ComposeError("Op dit bericht hoort een besluit. Als er niets mis is, schrijft u dat zelf.")
    elif not in_header and said:
        body = {
            place.name: _class(asked[place.name], place.form, f"Bericht/{place.name}", said)
            for place in definition.shape.fields.values()
            if place.name != "Header"
        }
    if said and not in_header:
        raise ComposeError(f"Dit staat niet in het bericht: {', '.join(sorted(said))}.")
    header = _header(asked["Header"], definition.type, identification, today, in_header)
    return compose.message(definition, {"Header": header, **body})


def _header(asked: Values, type_: MessageType, identification: str, today: str, codes: Sequence[str]) -> dict[str, Any]:
    versions = {"BasisschemaXsdVersie": type_.versions[0], "BerichtXsdVersie": type_.versions[1]}
    own: dict[str, Any] = {"BerichtCode": type_.code}
    if type_.shape == "retour":  # a copy of the header, sender and receiver as they were
        own |= {"IdentificatieRetour": identification, "DagtekeningRetour": today, "XsdVersieRetour": versions}
    else:
        answered = (type_.answers_path or "").split("/")[1]  # DeclaratieIdentificatie, HeenIdentificatie
        own |= {
            "Afzender": asked["Ontvanger"],
            "Ontvanger": asked["Afzender"],
            "BerichtIdentificatie": {"Identificatie": identification, "Dagtekening": today},
            "XsdVersie": versions,
            answered: asked["BerichtIdentificatie"],
            f"XsdVersie{answered.removesuffix('Identificatie')}": asked["XsdVersie"],
        }
        codes = codes or [NO_REMARK]
    if TECHNICAL in codes:
        own["XsltVersie"] = RULES_VERSION
    if codes:
        own["RetourCodes"] = codes
    return {**asked, **own}


def _units(shape: Shape, name: str) -> Iterator[tuple[str, Shape]]:
    """The classes that carry return codes."""
    for place in shape.fields.values():
        if place.name == "RetourCodes":
            yield name, shape
        elif isinstance(place.form, Shape):
            yield from _units(place.form, place.name)


def _placed(codes: Codes, units: set[str]) -> dict[str, list[str]]:
    """Bring every code to the nearest class that can carry it."""
    carriers = {"Declaratie" if name == "DeclaratieAntwoord" else name for name in units}
    placed: dict[str, list[str]] = {}
    for path, given in codes.items():
        steps = path.split("/")
        while steps and steps[-1].partition("[")[0] not in carriers:
            steps.pop()
        held = placed.setdefault("/".join(steps) or HEADER, [])
        held += [code for code in given if code not in held]
    return placed


def _class(value: Any, form: Leaf | Shape, path: str, said: dict[str, list[str]], *, judged: bool = True) -> Any:
    """A class as it came with what is said of it, taken out of ``said``; below one with an error nothing is judged."""
    if isinstance(form, Leaf):
        return value
    if form.container:
        ((name, inner, *_),) = form.fields.values()
        return [
            _class(each, inner, f"{path}/{name}[{position}]", said, judged=judged)
            for position, each in enumerate(value, 1)
        ]
    own = said.pop(path, [])
    told = {
        place.name: _class(value[place.name], place.form, f"{path}/{place.name}", said, judged=judged and not own)
        for place in form.fields.values()
        if place.name in value
    }
    if any(place.name == "RetourCodes" for place in form.fields.values()):
        told["RetourCodes"] = own or [NO_REMARK if judged else NOT_JUDGED]
    return told


def _declaration(declared: Values, answer: Shape, said: dict[str, list[str]], *, whole: bool) -> Values:
    """What is granted, and the rejected lines only (IV087, TR342); of a rejected declaration no lines at all."""
    own = said.pop(DECLARATION, [])
    shape = dict(_units(answer, "Bericht"))["DeclaratieAntwoord"]
    lists: dict[str, list[Any]] = {}
    for place in shape.fields.values():
        if place.name in declared and isinstance(place.form, Shape) and place.form.container:
            every = _class(declared[place.name], place.form, f"{DECLARATION}/{place.name}", said)
            lists[place.name] = [] if own else [each for each in every if _rejected(each, whole=whole)]
    lists = {name: held for name, held in lists.items() if held}
    asked = _cents(declared["TotaalIngediendBedrag"]["TotaalBedrag"], declared["TotaalIngediendBedrag"])
    rejected = sum(_cents(line["IngediendBedrag"]["Bedrag"], line["IngediendBedrag"]) for line in _lines(lists))
    granted = 0 if own else asked - rejected
    return {
        "DeclaratieNummer": declared["DeclaratieNummer"],
        "TotaalIngediendBedrag": declared["TotaalIngediendBedrag"],
        "TotaalToegekendBedrag": {"TotaalBedrag": str(abs(granted)), "DebetCredit": "C" if granted < 0 else "D"},
        **lists,
        "RetourCodes": own or [NO_REMARK if lists else GRANTED],
    }


def _rejected(held: dict[str, Any], *, whole: bool) -> bool:
    """Whether a client or a line has something rejected; leaves nothing else in it."""
    if "Prestaties" not in held:
        if whole and held["RetourCodes"] == [NO_REMARK]:
            held["RetourCodes"] = [NOT_JUDGED]
        return bool(held["RetourCodes"] != [NO_REMARK])
    held["Prestaties"] = [line for line in held["Prestaties"] if _rejected(line, whole=whole)]
    return bool(held["Prestaties"])


def _lines(lists: Mapping[str, list[Any]]) -> Iterable[Any]:
    """The lines of all clients, and those that stand beside the clients."""
    for each in (each for held in lists.values() for each in held):
        yield from each.get("Prestaties", (each,))


def _cents(amount: str, held: Values) -> int:
    return signed(amount, held["DebetCredit"])


def _nested(header: Mapping[str, str]) -> dict[str, Any]:
    """Turn header leaves with their paths back into classes."""
    nested: dict[str, Any] = {}
    for path, text in header.items():
        *above, name = path.split("/")
        here = nested
        for step in above:
            here = here.setdefault(step, {})
        here[name] = text
    return nested
