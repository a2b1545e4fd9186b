"""Under which keys the ledger keeps what, and which records one message needs."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from gateway.ledger.values import (
    Answer,
    Contract,
    Decision,
    Declaration,
    Line,
    Order,
    Record,
    Relation,
    Reply,
    Report,
    Request,
    Said,
    Touched,
    Use,
)
from gateway.message import Facts

PAYER_SENDS = frozenset({"301", "306", "308", "316", "318", "319", "325", "332", "341"})
ANSWERED = {
    "302": "301", "306": "305", "308": "307", "316": "315", "318": "317", "320": "319", "325": "323", "332": "331",
    "342": "341",
}  # fmt: skip
"""Which message a retour, or a 325, answers."""
NOTHING: Mapping[str, Record] = MappingProxyType({})


def keys(facts: Facts, said: tuple[Said, ...], past: Mapping[str, Record] = NOTHING) -> set[str]:
    """Return the keys of all records that ``judge`` and ``remember`` need, as far as ``past`` can tell.

    Ask with nothing, load what it names, and ask once more with that: then it names all.
    """
    needed = {key for each in said for key in _keys_of(facts, each)}
    if facts.type[-3:] in HEARD:
        needed.add(message(facts))
    if said and (answered := answered_message(facts)):  # a retour that accepts says nothing
        needed.add(answered)
        # A declaration touches very many records, but what became of it stands in its own.
        needed |= {key for each in _said(past, answered) if isinstance(each, Touched) for key in each.keys}
    if facts.type[-3:] == "319":  # the client of the request that it answers
        needed |= {each.dossier for key in list(needed) for each in _said(past, key) if isinstance(each, Use)}
    if facts.type in UNDER_CONTRACT:
        needed.add(agreement(facts))
        needed |= {key for each in said if isinstance(each, Order) for key in _consents(facts, each, past)}
    if _asks_for_lines(facts, said):
        needed |= {
            heard.message for key in list(needed) for heard in past.get(key, ()) if heard.type[-3:] == "323"
        }  # fmt: skip
    return needed


UNDER_CONTRACT = frozenset({"ho301", "ho323"})
"""Messages that the framework contract, and what the gemeente consents to, must allow (level 4)."""
HEARD = frozenset({"301", "305", "307", "315", "317", "319", "323", "331", "341"})
"""Messages that say something and can be refused by their answer."""


def _asks_for_lines(facts: Facts, said: tuple[Said, ...]) -> bool:
    """Whether it matters what became of the lines of earlier declarations."""
    removes = any(isinstance(each, Order) and each.removed for each in said)
    return removes or facts.type[-3:] == "323"


def _keys_of(facts: Facts, said: Said) -> Iterator[str]:
    if said.bsn:
        yield dossier(facts, said.bsn)
    if isinstance(said, Order):
        yield from _keys_of_order(facts, said)
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
    elif isinstance(said, Contract | Report | Decision):
        yield agreed(facts, (said,))


def _keys_of_order(facts: Facts, order: Order) -> Iterator[str]:
    yield order_number(facts, order.number)
    if shares(facts, order):
        yield assignment(facts, order)
    if facts.type == "ho301":
        yield from (given_to(facts.wet, party, order.bsn) for party in (facts.sender, facts.receiver))


def _consents(facts: Facts, order: Order, past: Mapping[str, Record]) -> Iterator[str]:
    """Whether a gemeente consents to who gets an order, and to whoever gave the sender one for this client."""
    yield consent(facts, order.gemeente)
    for heard in past.get(given_to(facts.wet, facts.sender, order.bsn), ()):
        payer = sender(heard.message)
        gemeenten = {each.gemeente for each in heard.said if isinstance(each, Order)}
        yield from (consent_of(facts.wet, gemeente, payer, facts.sender) for gemeente in gemeenten)


def _said(past: Mapping[str, Record], key: str) -> Iterator[Said]:
    return (each for heard in past.get(key, ()) for each in heard.said)


def parties(facts: Facts) -> tuple[str, str]:
    """Return payer (gemeente, hoofdaannemer) and provider (aanbieder, onderaannemer) of a message."""
    pays = facts.type[-3:] in PAYER_SENDS
    return (facts.sender, facts.receiver) if pays else (facts.receiver, facts.sender)


def dossier(facts: Facts, bsn: str) -> str:
    """Everything said between these two under this law about this client."""
    return dossier_of(facts.wet, *parties(facts), bsn)


def dossier_of(wet: str, payer: str, provider: str, bsn: str) -> str:
    """Everything said between a payer and a provider about a client."""
    return f"dossier/{wet}/{payer}/{provider}/{bsn}"


def order_number(facts: Facts, number: int) -> str:
    """Whose assignment or order has this number: unique per payer and law (TR332)."""
    return number_of(facts.wet, parties(facts)[0], number)


def number_of(wet: str, payer: str, number: int) -> str:
    """Whose assignment or order of this payer has this number."""
    return f"nummer/{wet}/{payer}/{number}"


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


def agreement(facts: Facts) -> str:
    """Every framework contract between these two under this law."""
    hoofd, onder = parties(facts)
    return agreed_by(Relation(wet=facts.wet, hoofd=hoofd, onder=onder))


def consent(facts: Facts, gemeente: str) -> str:
    """Whether this gemeente consents to this onderaannemer of this hoofdaannemer."""
    return consent_of(facts.wet, gemeente, *parties(facts))


def consent_of(wet: str, gemeente: str, hoofd: str, onder: str) -> str:
    """Whether a gemeente consents to an onderaannemer of a hoofdaannemer."""
    return f"toestemming/{wet}/{gemeente}/{hoofd}/{onder}"


def agreed_by(relation: Relation) -> str:
    """Return where what stands between these is kept."""
    if relation.gemeente:
        return consent_of(relation.wet, relation.gemeente, relation.hoofd, relation.onder)
    return f"overeenkomst/{relation.wet}/{relation.hoofd}/{relation.onder}"


def relation(key: str) -> Relation | None:
    """Return whose contract or consent this key is of; None if it is of neither."""
    match key.split("/"):
        case ["overeenkomst", wet, hoofd, onder]:
            return Relation(wet=wet, hoofd=hoofd, onder=onder)
        case ["toestemming", wet, gemeente, hoofd, onder]:
            return Relation(wet=wet, hoofd=hoofd, onder=onder, gemeente=gemeente)
    return None


def given_to(wet: str, onder: str, bsn: str) -> str:
    """Every order that was given to this onderaannemer for this client, by whatever hoofdaannemer."""
    return f"betrokken/{wet}/{onder}/{bsn}"


def shares(facts: Facts, order: Order) -> bool:
    """Whether it is an assignment that may be divided, or an order that divides one."""
    return not facts.type.startswith("ho") or order.assignment is not None


def sender(message: str) -> str:
    """Return who sent the message with this key."""
    return message.split("/")[1]


def assignment(facts: Facts, order: Order) -> str:
    """A municipal assignment with all orders that divide it: of the order in a HO301, or the assignment in a 301."""
    if facts.type.startswith("ho"):
        return assignment_of(facts.wet, order.gemeente, facts.sender, order.assignment)
    return assignment_of(facts.wet, facts.sender, facts.receiver, order.number)


def assignment_of(wet: str, gemeente: str, hoofd: str, number: int | None) -> str:
    """The assignment that a gemeente gave a hoofdaannemer under this number, with all orders that divide it."""
    return f"toewijzing/{wet}/{gemeente}/{hoofd}/{number}"


def agreed(facts: Facts, said: tuple[Said, ...]) -> str:
    """Return where a contract, a report of an onderaannemer, or a decision on either is kept."""
    if facts.type[-3:] in {"341", "342"}:
        return agreement(facts)
    agb = next(
        each.agb if isinstance(each, Report) else each.about for each in said if isinstance(each, Report | Decision)
    )
    return consent_of(facts.wet, *parties(facts), agb)


def message(facts: Facts) -> str:
    """Return the key of the message itself (TR056)."""
    return f"bericht/{facts.sender}/{facts.type}/{facts.identification}"


def answered_message(facts: Facts) -> str:
    """Return the key of the message that this one answers; empty if it answers none that the ledger knows."""
    number = ANSWERED.get(facts.type[-3:])
    return f"bericht/{facts.receiver}/{facts.type[:-3]}{number}/{facts.answers}" if number and facts.answers else ""
