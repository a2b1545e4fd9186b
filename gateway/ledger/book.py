"""What a message means for the ledger: what is wrong with it (level 3), and what is remembered of it."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from gateway.explain import finding
from gateway.ledger import declaratie, inhouding, keys, levering, overeenkomst, toewijzing, verdeling, verzoek
from gateway.ledger.dossier import Case, Fates, Fault
from gateway.ledger.values import (
    Answer,
    Decision,
    Declaration,
    Heard,
    Line,
    Order,
    Record,
    Refusal,
    Reply,
    Request,
    Said,
    Start,
    Stop,
    Task,
    Touched,
    Use,
)
from gateway.message import Facts, Finding
from gateway.register.values import Register

Rule = Callable[[Case], Iterable[Fault]]
"""What is wrong with one client of a message, held against what was said before."""
STARTS: tuple[tuple[str, Rule], ...] = (
    ("TR019", levering.tr019),
    ("TR063", levering.tr063),
    ("TR074", levering.tr074),
)
REQUESTS: tuple[tuple[str, Rule], ...] = (("TR347", verzoek.tr347), ("TR374", verzoek.tr374))
RULES: Mapping[str, tuple[tuple[str, Rule], ...]] = {
    "301": (("TR332", toewijzing.tr332), ("TR379", toewijzing.tr379), ("TR385", toewijzing.tr385)),
    "305": (*STARTS, ("TR071", levering.tr071), ("TR326", levering.tr326)),
    "307": (
        *STARTS,
        ("TR382", levering.tr382),
        ("TR413", levering.tr413),
        ("TR414", levering.tr414),
        ("TR415", levering.tr415),
    ),
    "315": REQUESTS,
    "317": (
        *REQUESTS,
        ("TR304", verzoek.tr304),
        ("TR349", verzoek.tr349),
        ("TR350", verzoek.tr350),
        ("TR351", verzoek.tr351),
        ("TR357", verzoek.tr357),
        ("TR361", verzoek.tr361),
        ("TR373", verzoek.tr373),
        ("TR375", verzoek.tr375),
        ("TR411", verzoek.tr411),
        ("TR412", verzoek.tr412),
    ),
    "319": (
        ("TR355", verzoek.tr355),
        ("TR359", verzoek.tr359),
        ("TR360", verzoek.tr360),
        ("TR365", verzoek.tr365),
    ),
    "323": (
        ("TR304", declaratie.tr304),
        ("TR307", declaratie.tr307),
        ("TR308", declaratie.tr308),
        ("TR314", declaratie.tr314),
        ("TR318", declaratie.tr318),
        ("TR321", declaratie.tr321),
        ("TR322", declaratie.tr322),
        ("TR323", declaratie.tr323),
        ("TR333", declaratie.tr333),
        ("TR338", declaratie.tr338),
        ("TR339", declaratie.tr339),
        ("TR340", declaratie.tr340),
        ("TR341", declaratie.tr341),
        ("TR369", declaratie.tr369),
        ("TR384", declaratie.tr384),
        ("TR387", declaratie.tr387),
        ("TR388", declaratie.tr388),
        ("TR389", declaratie.tr389),
        ("TR390", declaratie.tr390),
    ),
    "325": (
        ("TR304", declaratie.tr304_answer),
        ("TR337", declaratie.tr337),
        ("TR366", declaratie.tr366),
        ("TR367", declaratie.tr367),
        ("TR371", declaratie.tr371),
        ("TR376", declaratie.tr376),
    ),
}
"""Level 3 by message number, for national messages and HOA alike."""
OWN: Mapping[str, tuple[tuple[str, Rule], ...]] = {
    "301": (("HO025", verdeling.ho025),),
    "325": (("HO018", declaratie.ho018),),
    "332": (("HO026", overeenkomst.ho026),),
    "342": (("HO026", overeenkomst.ho026),),
}
"""What HOA asks beyond that."""
AGREED: Mapping[str, tuple[tuple[str, Rule], ...]] = {
    "ho301": (
        ("HO019", overeenkomst.ho019_opdracht),
        ("HO020", overeenkomst.ho020_opdracht),
        ("TR381", overeenkomst.tr381),
        ("HO021", overeenkomst.ho021),
        ("HO022", overeenkomst.ho022),
        ("HO023", overeenkomst.ho023),
    ),
    "ho323": (("HO019", overeenkomst.ho019_declaratie), ("TR418", overeenkomst.tr418)),
    "ho341": (("HO024", inhouding.ho024),),
}
"""Level 4 by the register: what contract and consent allow."""
NO_REGISTER = Register()
"""Where nothing is known of regions and gemeenten, nothing is held against them."""
CLIENT = re.compile(r"(.*/Client(?:\[\d+\])?)/.*")


def rules_of(type_: str, levels: Collection[int] = (3, 4)) -> tuple[tuple[str, Rule], ...]:
    """The rules of these levels that a message of this type is held to, with their codes."""
    number = type_[-3:]
    said = (*RULES.get(number, ()), *(OWN.get(number, ()) if type_.startswith("ho") else ()))
    return (*(said if 3 in levels else ()), *(AGREED.get(type_, ()) if 4 in levels else ()))


def judge(
    facts: Facts,
    said: tuple[Said, ...],
    past: Mapping[str, Record],
    *,
    levels: Collection[int] = (3,),
    register: Register = NO_REGISTER,
) -> tuple[Finding, ...]:
    """Return what is wrong with a message, given what was said before; in document order, all of it.

    Of ``levels`` 3 is what was said of the same clients, 4 what contract and consent allow. The line is that of the
    class, or of a class of the client when it is the BSN or the gemeente that is wrong. ``past`` holds what
    ``keys.keys`` asked for, ``register`` what no message tells. No finding holds a value of this or of an earlier
    message.
    """
    rules = rules_of(facts.type, levels)
    fates, shared = Fates(past), dict[Callable[[Case], Any], Any]()
    clients: dict[str, list[Said]] = {}
    for each in said if rules else ():
        clients.setdefault(each.bsn, []).append(each)
    references = Counter(each.reference for each in said if isinstance(each, Line))
    repeated = frozenset(reference for reference, times in references.items() if times > 1)
    found: list[Finding] = []
    for client in clients.values():
        case = Case(facts, tuple(client), past, fates, repeated, shared, register)
        found += [_finding(facts, code, *fault) for code, rule in rules for fault in rule(case)]
    return tuple(sorted(found, key=lambda finding: finding.line))


def _finding(facts: Facts, code: str, said: Said, field: str) -> Finding:
    if field in {"Bsn", "Gemeente"}:
        path = CLIENT.sub(rf"\1/{field}", said.path)
    else:
        name = field.replace("ToewijzingNummer", "OpdrachtNummer") if facts.type.startswith("ho") else field
        path = f"{said.path}/{name}".rstrip("/")
    return finding(code, line=said.line, path=path)


def remember(facts: Facts, said: tuple[Said, ...], past: Mapping[str, Record]) -> dict[str, Record]:
    """Return the records that are new or changed now that this message is accepted, by key.

    ``past`` holds what ``keys.keys`` asked for. A message of a type that says nothing to the ledger changes nothing.
    """
    number = facts.type[-3:]
    if number == "325":
        return _answered(facts, said, past)
    if number in keys.ANSWERED:
        if any(isinstance(each, Refusal) for each in said):
            return _refused(facts, past)
        decided = tuple(
            replace(each, answers=keys.answered_message(facts)) for each in said if isinstance(each, Decision)
        )
        return _agreed(facts, decided, past) if decided else {}
    if number not in keys.HEARD:
        return {}
    own = keys.message(facts)
    if number in {"331", "341"}:
        changed = _agreed(facts, said, past)
        return {**changed, own: (*past.get(own, ()), _heard(facts, (Touched(keys=tuple(changed)),)))}
    kept: dict[str, list[Said]] = {}
    for each in said:
        for key in _shelves(facts, each, past):
            kept.setdefault(key, []).append(_kept(facts, each, key))
    if number == "323":
        kept[own] = [each for each in said if isinstance(each, Declaration)]
    else:
        kept[own] = [Touched(keys=tuple(kept))]
    return {key: (*past.get(key, ()), _heard(facts, tuple(each))) for key, each in kept.items()}


def _agreed(facts: Facts, said: tuple[Said, ...], past: Mapping[str, Record]) -> dict[str, Record]:
    """A contract, an onderaannemer who is reported, or a decision on either, in the record of both sides."""
    key = keys.agreed(facts, said)
    return {key: (*past.get(key, ()), _heard(facts, tuple(replace(each, line=0, path="") for each in said)))}


def _shelves(facts: Facts, said: Said, past: Mapping[str, Record]) -> Iterator[str]:
    """Under which keys a value is kept."""
    if said.bsn and isinstance(said, Order | Task | Start | Stop | Request | Line):
        yield keys.dossier(facts, said.bsn)
    if isinstance(said, Order):
        yield keys.order_number(facts, said.number)
        if keys.shares(facts, said):
            yield keys.assignment(facts, said)
        if facts.type == "ho301":
            yield keys.given_to(facts.wet, facts.receiver, said.bsn)
    elif isinstance(said, Request):
        yield keys.reference(facts, said.reference)
    elif isinstance(said, Reply):
        known = past.get(keys.reference(facts, said.reference), ())
        yield from {use.dossier for heard in known if not heard.void for use in heard.said if isinstance(use, Use)}
    elif isinstance(said, Declaration):
        yield keys.declarations(facts)
        yield keys.declaration_number(facts, said.number)
    elif isinstance(said, Line):
        yield keys.line_reference(facts, said.reference)
        if said.previous and not said.bsn:
            yield keys.line_reference(facts, said.previous)


def _kept(facts: Facts, said: Said, key: str) -> Said:
    """The value itself where it belongs, and elsewhere only that its number is used."""
    if key.startswith(("dossier/", "declaraties/", "toewijzing/", "betrokken/")) or (
        isinstance(said, Line) and not said.bsn
    ):
        return replace(said, line=0, path="")
    return Use(dossier=keys.dossier(facts, said.bsn) if isinstance(said, Order | Request) else "")


def _answered(facts: Facts, said: tuple[Said, ...], past: Mapping[str, Record]) -> dict[str, Record]:
    """A 325 stands behind the declaration that it answers."""
    key = keys.answered_message(facts)
    rejected = tuple(each.reference for each in said if isinstance(each, Line))
    answers = tuple(replace(each, line=0, path="", rejected=rejected) for each in said if isinstance(each, Answer))
    return {key: (*past[key], _heard(facts, answers))} if key in past else {}


def _refused(facts: Facts, past: Mapping[str, Record]) -> dict[str, Record]:
    """What a refused message said does not count, wherever it is kept (OP286)."""
    own = keys.answered_message(facts)
    touched = {
        key for heard in past.get(own, ()) for each in heard.said if isinstance(each, Touched) for key in each.keys
    }
    return {
        key: tuple(replace(heard, void=True) if heard.message == own else heard for heard in past[key])
        for key in sorted(touched)
        if key in past
    }


def _heard(facts: Facts, said: tuple[Said, ...]) -> Heard:
    return Heard(message=keys.message(facts), type=facts.type, dated=facts.dated, said=said)
