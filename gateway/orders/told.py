"""Orders as the interface tells them: plain values under the names of openapi.json. Pure.

Money is whole eurocents, dates are ISO dates, what is absent is None.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.agreed import words
from gateway.codes import code_list
from gateway.ledger.dossier import Fate
from gateway.ledger.values import Order
from gateway.orders.cascade import Step
from gateway.orders.division import Proposal
from gateway.orders.involved import Tie
from gateway.orders.standing import Standing, Sum, Told, state_on
from gateway.parties import Parties

FATES = {Fate.DECLARED: "wacht op antwoord", Fate.APPROVED: "goedgekeurd", Fate.REJECTED: "afgekeurd"}


def product(order: Order, wet: str) -> dict[str, Any] | None:
    """Return the product of an order with its category in words; None if it has none."""
    if not order.category:
        return None
    name = words.category(wet, order.category)
    return {"categorie": order.category, "naam": name, "code": order.code or None}


def size(order: Order) -> dict[str, Any] | None:
    """Return the Omvang of an order; None if it has none."""
    if order.volume is None:
        return None
    return {"volume": order.volume, "eenheid": order.unit, "frequentie": order.frequency}


def _order(order: Order, wet: str, day: str) -> dict[str, Any]:
    return {
        "opdrachtNummer": order.number,
        "toewijzingNummer": order.assignment,
        "contractNummer": order.contract or None,
        "product": product(order, wet),
        "begin": order.begin,
        "einde": order.end or None,
        "omvang": size(order),
        "budget": order.budget,
        "stand": state_on(order, day),
    }


def _party(code: str, names: Mapping[str, str]) -> dict[str, str]:
    return {"code": code, "naam": names.get(code, "")}


def listed(order: Order, row: Any, names: Mapping[str, str], day: str) -> dict[str, Any]:
    """Return an assignment or order in a list: nothing of its client."""
    kind = "toewijzing" if len(row.payer) == len("0344") else "opdracht"
    told = _order(order, row.wet, day)
    return {
        "soort": kind,
        "wet": row.wet,
        "opdrachtgever": _party(row.payer, names),
        "opdrachtnemer": _party(row.provider, names),
        **told,
    }  # fmt: skip


def stood(found: Standing, row: Any, names: Mapping[str, str]) -> dict[str, Any]:
    """Return how an order stands."""
    return {
        "wet": row.wet,
        "opdrachtgever": _party(row.payer, names),
        "opdrachtnemer": _party(row.provider, names),
        **_order(found.order, row.wet, found.order.begin),
        "stand": found.state,
        "begonnen": found.begun or None,
        "beeindigd": found.ended or None,
        "eenheid": found.unit or None,
        "tarief": found.tariff,
        "afgesproken": {"volume": found.whole, "bedrag": found.money},
        "gedeclareerd": _sum(found.declared),
        "wachtend": _sum(found.waiting),
        "goedgekeurd": _sum(found.approved),
        "afgekeurd": _sum(found.rejected),
        "gecrediteerd": _sum(found.credited),
        "over": {"volume": found.left, "bedrag": found.left_money},
        "teBetalen": {"bedrag": found.payable, "uiterlijk": found.due or None},
        "regels": [_line(each) for each in found.lines],
    }


def _sum(found: Sum) -> dict[str, int]:
    return {"regels": found.lines, "volume": found.volume, "bedrag": found.amount}


def _line(found: Told) -> dict[str, Any]:
    line = found.line
    return {
        "referentie": line.reference,
        "vorigeReferentie": line.previous or None,
        "begin": line.begin,
        "einde": line.end,
        "volume": line.volume,
        "eenheid": line.unit or None,
        "bedrag": line.amount,
        "gedeclareerdOp": found.declared,
        "lot": "gecrediteerd" if found.credited else FATES[found.fate],
        "uiterlijkBetalen": found.due or None,
    }  # fmt: skip


def division(
    whole: Order,
    row: Any,
    orders: Mapping[int, Order],
    steps: Sequence[Step],
    onders: Mapping[tuple[str, str, int], str],
    day: str,
) -> dict[str, Any]:
    """Return an assignment with the orders that divide it, and what follows for those."""
    return {
        "wet": row.wet,
        "gemeente": row.payer,
        "hoofdaannemer": row.provider,
        "toewijzingNummer": whole.number,
        "product": product(whole, row.wet),
        "begin": whole.begin,
        "einde": whole.end or None,
        "omvang": size(whole),
        "budget": whole.budget,
        "stand": _state(orders, steps),
        "opdrachten": [
            {"onderaannemer": onders.get((row.wet, row.provider, number), ""), **_order(order, row.wet, day)}
            for number, order in sorted(orders.items())
        ],
        "gevolgen": [step(each) for each in steps],
    }  # fmt: skip


def _state(orders: Mapping[int, Order], steps: Sequence[Step]) -> str:
    if not orders:
        return "onverdeeld"
    return "past niet meer" if any(each.by_itself for each in steps) else "verdeeld"


def step(found: Step) -> dict[str, Any]:
    """Return what happens to one order."""
    return {
        "soort": found.kind.value,
        "vanzelf": found.by_itself,
        "opdrachtNummer": found.number,
        "einde": found.becomes.end or None,
        "omvang": size(found.becomes),
        "budget": found.becomes.budget,
        "uitleg": found.why,
    }


def proposal(found: Proposal, wet: str) -> dict[str, Any]:
    """Return a proposal to divide an assignment."""
    return {
        "onderaannemers": [
            {
                "onderaannemer": each.code,
                "kan": bool(each.contracts),
                "overeenkomsten": list(each.contracts),
                "redenen": list(each.reasons),
            }
            for each in found.able
        ],
        "ruimte": found.room,
        "delen": [
            {
                "onderaannemer": onder,
                "contractNummer": order.contract or None,
                "product": product(order, wet),
                "begin": order.begin,
                "einde": order.end or None,
                "omvang": size(order),
                "budget": order.budget,
            }
            for onder, order in found.parts
        ],
        "kan": not found.faults,
        "redenen": list(found.faults),
    }


def involvement(seen: Sequence[Tie], wet: str, parties: Parties, day: str) -> dict[str, Any]:
    """Return who is involved with a client: between whom, for what, since when, and who does which task."""
    tasks = code_list("HOA-TAAK").meanings
    codes = dict.fromkeys(code for each in seen for code in (each.payer, each.provider))
    known = parties.by_code
    return {
        "partijen": [
            {"code": code, "naam": known[code].name if code in known else "", "contact": contact(parties, code)}
            for code in codes
        ],
        "betrokken": [
            {
                "opdrachtgever": each.payer,
                "opdrachtnemer": each.provider,
                "nummer": each.order.number,
                "product": product(each.order, wet),
                "sinds": each.order.begin,
                "einde": each.order.end or None,
                "stand": state_on(each.order, day),
                "taken": [{"taak": tasks.get(code, code), "doet": each.payer if who == "H" else each.provider}
                          for code, who in each.tasks],
            }
            for each in seen
        ],
        "gegevens": "Wie welke gegevens van deze cliënt kreeg en wanneer, staat in het dossier van de cliënt in het"
        " logboek. Een functionaris gegevensbescherming van uw organisatie maakt het op in de toezichtconsole.",
    }  # fmt: skip


def contact(parties: Parties, code: str) -> dict[str, str] | None:
    """Return how a party can be reached; None where it did not say."""
    party = parties.by_code.get(code)
    if party is None or party.contact is None:
        return None
    found = party.contact
    return {"naam": found.name, "telefoon": found.phone, "email": found.mail}
