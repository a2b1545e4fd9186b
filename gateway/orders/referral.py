"""The HO301 that gives orders, from the 301 of the gemeente and what the hoofdaannemer decides; plain values. Pure."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway import compose
from gateway.catalog import Definition
from gateway.compose import Values
from gateway.ledger.dossier import earlier, live, newest
from gateway.ledger.values import Heard, Order, Record
from gateway.orders.division import measure_of
from gateway.shapes import Shape

CONTENT = ("Taken", "Behandelinformatie", "Commentaar")
"""What an order says beside who, what and when."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Referral:
    """One HO301 to be written: orders of one client from one to the other, and how it is known."""

    hoofd: str
    onder: str
    identification: str
    dated: str
    wet: str
    gemeente: str
    client: Values = field(repr=False)
    """The class Client of the 301, with what HOA has no place for."""
    orders: Sequence[Values] = field(repr=False)


def written(referral: Referral, definition: Definition) -> bytes:
    """Write it. Raises compose.ComposeError where what the caller gave does not fit the schema."""
    shape = next(place.form for place in definition.shape.fields.values() if place.name == "Client")
    names = {place.name for place in shape.fields.values()} if isinstance(shape, Shape) else set()
    known = {name: value for name, value in referral.client.items() if name in names}
    basis, own = definition.type.versions
    header = {
        "BerichtCode": definition.type.code,
        "BerichtVersie": "1",
        "BerichtSubversie": "0",
        "Afzender": referral.hoofd,
        "Ontvanger": referral.onder,
        "BerichtIdentificatie": {"Identificatie": referral.identification, "Dagtekening": referral.dated},
        "XsdVersie": {"BasisschemaXsdVersie": basis, "BerichtXsdVersie": own},
        "Wet": referral.wet,
    }
    client = {**known, "Gemeente": referral.gemeente, "Opdrachten": list(referral.orders)}
    return compose.message(definition, {"Header": header, "Client": client})


def given(order: Order, content: Values, at: tuple[str, str]) -> dict[str, Any]:
    """Return an order as the message has it, given at a date and time."""
    told: dict[str, Any] = {
        "OpdrachtNummer": str(order.number),
        "ToewijzingNummer": str(order.assignment),
        "ContractNummer": order.contract,
        "Opdrachtdatum": at[0],
        "Opdrachttijd": at[1],
        "Ingangsdatum": order.begin,
        **{name: content[name] for name in CONTENT if name in content},
    }
    if order.category:
        told["Product"] = {"Categorie": order.category, **({"Code": order.code} if order.code else {})}
    optional = {"ReferentieAanbieder": order.reference, "Einddatum": order.end, "RedenWijziging": order.reason}
    told |= {name: value for name, value in optional.items() if value}
    if measure_of(order) == "budget":
        told["Budget"] = str(order.budget)
    elif measure_of(order) == "volume":
        told["Omvang"] = {"Volume": str(order.volume), "Eenheid": order.unit, "Frequentie": order.frequency}
    return told


def identification(hoofd: str, onder: str, told: Any, attempt: int) -> str:
    """Return an Identificatie (twelve signs) that the same request always gets; another for each ``attempt``."""
    text = json.dumps([hoofd, onder, told, attempt], sort_keys=True, ensure_ascii=False).encode()
    return base64.b32encode(hashlib.sha256(text).digest())[:12].decode()


def standing(record: Record, message: str) -> Heard | None:
    """Return what a message said in a dossier, as long as what it gave or changed is so still; None once it is not."""
    heard = next((each for each in live(record) if each.message == message), None)
    known = newest(earlier(live(record), Order))
    return heard if heard and all(known[each.number] == each for each in fresh(heard)) else None


def fresh(heard: Heard) -> list[Order]:
    """Return the orders that a HO301 gave or changed itself: those with its own moment; others it told again."""
    orders = [each for each in heard.said if isinstance(each, Order)]
    last = max(((each.date, each.time) for each in orders), default=("", ""))
    return [each for each in orders if (each.date, each.time) == last]


def current(orders: Mapping[int, Order], day: str) -> list[Order]:
    """Return the orders that are in force on a day or will be: what each HO301 tells (OP087)."""
    return [each for _, each in sorted(orders.items()) if not each.removed and (not each.end or each.end >= day)]
