"""What a message means for the ledger: what is wrong with it (level 3), and what is remembered of it."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from gateway.ledger import keys
from gateway.ledger.values import (
    Answer,
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
    Touched,
    Use,
)
from gateway.message import Facts


def remember(facts: Facts, said: tuple[Said, ...], past: Mapping[str, Record]) -> dict[str, Record]:
    """Return the records that are new or changed now that this message is accepted, by key.

    ``past`` holds what ``keys.keys`` asked for. A message of a type that says nothing to the ledger changes nothing.
    """
    number = facts.type[-3:]
    if number == "325":
        return _answered(facts, said, past)
    if number in keys.ANSWERED:
        return _refused(facts, past) if any(isinstance(each, Refusal) for each in said) else {}
    if number not in keys.HEARD:
        return {}
    own = keys.message(facts)
    kept: dict[str, list[Said]] = {}
    for each in said:
        for key in _shelves(facts, each, past):
            kept.setdefault(key, []).append(_kept(facts, each, key))
    if number == "323":
        kept[own] = [each for each in said if isinstance(each, Declaration)]
    else:
        kept[own] = [Touched(keys=tuple(kept))]
    return {key: (*past.get(key, ()), _heard(facts, tuple(each))) for key, each in kept.items()}


def _shelves(facts: Facts, said: Said, past: Mapping[str, Record]) -> Iterator[str]:
    """Under which keys a value is kept."""
    if said.bsn and isinstance(said, Order | Start | Stop | Request | Line):
        yield keys.dossier(facts, said.bsn)
    if isinstance(said, Order):
        yield keys.order_number(facts, said.number)
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


def _kept(facts: Facts, said: Said, key: str) -> Said:
    """The value itself where it belongs, and elsewhere only that its number is used."""
    if key.startswith(("dossier/", "declaraties/")) or (isinstance(said, Line) and not said.bsn):
        return replace(said, line=0, path="")
    return Use(dossier=keys.dossier(facts, said.bsn) if isinstance(said, Order | Request) else "")


def _answered(facts: Facts, said: tuple[Said, ...], past: Mapping[str, Record]) -> dict[str, Record]:
    """A 325 stands behind the declaration that it answers."""
    key = keys.answered_message(facts)
    rejected = tuple(each.reference for each in said if isinstance(each, Line))
    answers = tuple(replace(each, line=0, path="", rejected=rejected) for each in said if isinstance(each, Answer))
    refused = any(not each.whole for each in answers)
    earlier = tuple(replace(heard, void=heard.void or refused) for heard in past.get(key, ()))
    return {key: (*earlier, _heard(facts, answers))} if earlier else {}


def _refused(facts: Facts, past: Mapping[str, Record]) -> dict[str, Record]:
    """What a refused message said does not count, wherever it is kept (OP286)."""
    own = keys.answered_message(facts)
    touched = {
        key for heard in past.get(own, ()) for each in heard.said if isinstance(each, Touched) for key in each.keys
    }
    return {
        key: tuple(replace(heard, void=True) if heard.message == own else heard for heard in past[key])
        for key in sorted(touched | {own})
        if key in past
    }


def _heard(facts: Facts, said: tuple[Said, ...]) -> Heard:
    return Heard(message=keys.message(facts), type=facts.type, dated=facts.dated, said=said)
