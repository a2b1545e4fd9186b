"""Under which keys the ledger keeps what, and which records one message needs."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from gateway.ledger.values import Answer, Declaration, Line, Order, Record, Reply, Request, Said, Touched, Use
from gateway.message import Facts

PAYER_SENDS = frozenset({"301", "306", "308", "316", "318", "319", "325"})
ANSWERED = {"302": "301", "306": "305", "308": "307", "316": "315", "318": "317", "320": "319", "325": "323"}
"""Which message a retour, or a 325, answers."""
NOTHING: Mapping[str, Record] = MappingProxyType({})


def keys(facts: Facts, said: tuple[Said, ...], past: Mapping[str, Record] = NOTHING) -> set[str]:
    """Return the keys of all records that ``judge`` and ``remember`` need, as far as ``past`` can tell.

    Ask with nothing, load what it names, and ask once more with that: then it names all.
    """
    needed = {key for each in said for key in _keys_of(facts, each)}
    if facts.type[-3:] in HEARD:
        needed.add(message(facts))
    if answered := answered_message(facts):
        needed.add(answered)
        # A declaration touches very many records, but what became of it stands in its own.
        needed |= {key for each in _said(past, answered) if isinstance(each, Touched) for key in each.keys}
    if facts.type[-3:] == "319":  # the client of the request that it answers
        needed |= {each.dossier for key in list(needed) for each in _said(past, key) if isinstance(each, Use)}
    if _asks_for_lines(facts, said):
        needed |= {
            heard.message for key in list(needed) for heard in past.get(key, ()) if heard.type[-3:] == "323"
        }  # fmt: skip
    return needed


HEARD = frozenset({"301", "305", "307", "315", "317", "319", "323"})
"""Messages that say something and can be refused by their answer."""


def _asks_for_lines(facts: Facts, said: tuple[Said, ...]) -> bool:
    """Whether it matters what became of the lines of earlier declarations."""
    removes = any(isinstance(each, Order) and each.removed for each in said)
    return removes or facts.type[-3:] == "323"


def _keys_of(facts: Facts, said: Said) -> Iterator[str]:
    if said.bsn:
        yield dossier(facts, said.bsn)
    if isinstance(said, Order):
        yield order_number(facts, said.number)
    elif isinstance(said, Request | Reply):
        yield reference(facts, said.reference)
    elif isinstance(said, Declaration):
        yield declarations(facts)
        yield declaration_number(facts, said.number)
    elif isinstance(said, Line) and facts.type[-3:] == "323":
        yield line_reference(facts, said.reference)
        if said.previous and not said.bsn:
            yield line_reference(facts, said.previous)
    elif isinstance(said, Line) and not said.bsn:
        yield line_reference(facts, said.reference)
    elif isinstance(said, Answer):
        yield declarations(facts)


def _said(past: Mapping[str, Record], key: str) -> Iterator[Said]:
    return (each for heard in past.get(key, ()) for each in heard.said)


def parties(facts: Facts) -> tuple[str, str]:
    """Return payer (gemeente, hoofdaannemer) and provider (aanbieder, onderaannemer) of a message."""
    pays = facts.type[-3:] in PAYER_SENDS
    return (facts.sender, facts.receiver) if pays else (facts.receiver, facts.sender)


def dossier(facts: Facts, bsn: str) -> str:
    """Everything said between these two under this law about this client."""
    payer, provider = parties(facts)
    return f"dossier/{facts.wet}/{payer}/{provider}/{bsn}"


def order_number(facts: Facts, number: int) -> str:
    """Whose assignment or order has this number: unique per payer and law (TR332)."""
    return f"nummer/{facts.wet}/{parties(facts)[0]}/{number}"


def reference(facts: Facts, text: str) -> str:
    """Which request has this ReferentieAanbieder: unique per provider and law (TR347)."""
    return f"referentie/{facts.wet}/{parties(facts)[1]}/{text}"


def declarations(facts: Facts) -> str:
    """Every declaration sent between these two under this law (TR318)."""
    payer, provider = parties(facts)
    return f"declaraties/{facts.wet}/{payer}/{provider}"


def declaration_number(facts: Facts, number: str) -> str:
    """Whether this DeclaratieNummer was used: unique per provider and law (TR333)."""
    return f"declaratie/{facts.wet}/{parties(facts)[1]}/{number}"


def line_reference(facts: Facts, text: str) -> str:
    """Whether this ReferentieNummer was used: unique per provider and law (TR314)."""
    return f"regel/{facts.wet}/{parties(facts)[1]}/{text}"


def message(facts: Facts) -> str:
    """Return the key of the message itself (TR056)."""
    return f"bericht/{facts.sender}/{facts.type}/{facts.identification}"


def answered_message(facts: Facts) -> str:
    """Return the key of the message that this one answers; empty if it answers none that the ledger knows."""
    number = ANSWERED.get(facts.type[-3:])
    return f"bericht/{facts.receiver}/{facts.type[:-3]}{number}/{facts.answers}" if number else ""
