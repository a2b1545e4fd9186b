"""How a municipal assignment may be divided over onderaannemers: who can do it, how much is left, what fits. Pure.

All that is proposed is measured with what judges the orders themselves (HO025, HO019-HO022), so that what is proposed
here is not refused there. Volumes are whole numbers in the unit of the assignment, budgets eurocents.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gateway.ledger.overeenkomst import Consent, Version, consent_on, version_on
from gateway.ledger.values import Order
from gateway.ledger.verdeling import more_than, outside
from gateway.rules.klasse import after


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An onderaannemer, with what was agreed with them and what the gemeente decided on them."""

    code: str
    contracts: Mapping[str, Sequence[Version]]
    """By ContractNummer, in the order of acceptance."""
    consents: Sequence[Consent]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the hoofdaannemer wants of one onderaannemer: a share, or a volume or budget; a period, or that of all."""

    onder: str
    share: int | None = None
    """Parts of the sum of all shares."""
    volume: int | None = None
    budget: int | None = None
    begin: str = ""
    end: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Able:
    """Whether an onderaannemer may be given the assignment on a day: under which contracts, or why not (Dutch)."""

    code: str
    contracts: tuple[str, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Proposal:
    """A division: an order for each part, as far as they can be told, and all that is wrong with it, in Dutch."""

    able: tuple[Able, ...]
    room: int | None
    """How much can still be given in all, before these parts; None if the assignment has neither volume nor budget."""
    parts: tuple[tuple[str, Order], ...] = field(default=())
    """To whom, and the order: number 0 is one that is not there yet."""
    faults: tuple[str, ...] = ()


def able(assignment: Order, gemeente: str, candidate: Candidate, day: str) -> Able:
    """Tell whether an onderaannemer may do this work for this gemeente from a day (ISO) on."""
    found, reasons = [], []
    for number, known in sorted(candidate.contracts.items()):
        version = version_on(known, day)
        why = f"geldt niet op {day}" if version is None else _not_under(version, assignment, gemeente)
        if why:
            reasons.append(f"Overeenkomst {number} {why}.")
        else:
            found.append(number)
    if not candidate.contracts:
        reasons.append("Er is geen overeenkomst die beide partijen hebben aanvaard.")
    consent = consent_on(candidate.consents, day)
    refused = (
        f"Gemeente {gemeente} geeft op {day} geen toestemming voor deze onderaannemer."
        if consent is None
        else f"De toestemming van gemeente {gemeente} geldt niet voor categorie {assignment.category}."
        if assignment.category and assignment.category not in consent.categories
        else ""
    )
    if found and not refused:
        return Able(code=candidate.code, contracts=tuple(found), reasons=())
    told = [*([] if found else reasons), *([refused] if refused else [])]
    return Able(code=candidate.code, contracts=(), reasons=tuple(told))


def _not_under(version: Version, assignment: Order, gemeente: str) -> str:
    if gemeente not in version.gemeenten:
        return f"geldt niet voor gemeente {gemeente}"
    codes = {price.code for price in version.prices if price.category == assignment.category}
    if assignment.category and not codes:
        return f"heeft geen product in categorie {assignment.category}"
    return f"heeft product {assignment.code} niet" if assignment.code and not codes & {assignment.code, ""} else ""


def propose(
    assignment: Order,
    gemeente: str,
    candidates: Sequence[Candidate],
    wishes: Sequence[Wish],
    others: Sequence[Order] = (),
    *,
    held: bool = True,
) -> Proposal:
    """Return how an assignment may be divided beside the orders that already divide it (``others``).

    Without wishes all goes to the one who can, if there is just one; with several the caller must say how. Unless
    ``held`` who may not do it by contract or consent is told, and still no fault.
    """
    known = {each.code: each for each in candidates}
    told = {code: able(assignment, gemeente, each, assignment.begin) for code, each in sorted(known.items())}
    room = left(assignment, others)
    can = [each.code for each in told.values() if each.contracts]
    faults = list(_wrong(assignment, wishes, known))
    asked = list(wishes) or ([Wish(onder=can[0])] if len(can) == 1 else [])
    if not asked:
        faults.append(
            "Er zijn meer onderaannemers die dit mogen doen. Zeg in 'delen' wie welk deel krijgt."
            if can
            else "Er is geen onderaannemer die dit mag doen. Waarom niet, staat bij elke onderaannemer."
        )
    if assignment.removed:
        faults.append("De gemeente heeft deze toewijzing ingetrokken. Er is niets te verdelen.")
    parts = _parts(assignment, gemeente, asked, known, room)
    for code, part in parts:
        here = able(assignment, gemeente, known[code], part.begin)
        faults += [f"Onderaannemer {code}: {reason}" for reason in here.reasons if held]
    faults += fits(assignment, parts, others)
    return Proposal(able=tuple(told.values()), room=room, parts=tuple(parts), faults=tuple(dict.fromkeys(faults)))


def measure_of(assignment: Order) -> str:
    """Return the name of what is divided: budget, volume, or nothing; a volume in euros is still a volume."""
    return "budget" if assignment.budget is not None else "volume" if assignment.volume is not None else ""


def _wrong(assignment: Order, wishes: Sequence[Wish], known: Mapping[str, Candidate]) -> Iterator[str]:
    measure = measure_of(assignment)
    for wish in wishes:
        if wish.onder not in known:
            yield f"Onderaannemer {wish.onder} heeft geen overeenkomst met u. Bied er eerst een aan (HO341)."
        given = {"volume": wish.volume, "budget": wish.budget, "aandeel": wish.share}
        used = [name for name, value in given.items() if value is not None]
        if len(used) > 1:
            yield f"Onderaannemer {wish.onder}: noem alleen een aandeel, een volume of een budget."
        elif used and used[0] not in ("aandeel", measure):
            other = f" Noem een {measure}." if measure else ""
            yield f"Onderaannemer {wish.onder}: de toewijzing heeft geen {used[0]}.{other}"
    if len({wish.share is None for wish in wishes}) > 1:
        yield "Geef alle onderaannemers een aandeel, of geen van hen."
    if any(wish.share is not None and wish.share < 1 for wish in wishes):
        yield "Een aandeel is een heel getal van 1 of meer."


def _parts(
    assignment: Order, gemeente: str, wishes: Sequence[Wish], known: Mapping[str, Candidate], room: int | None
) -> list[tuple[str, Order]]:
    shares = [wish.share if wish.share and wish.share > 0 else 1 for wish in wishes]
    split = apportion(room or 0, shares)
    parts = []
    for wish, share in zip(wishes, split, strict=True):
        if wish.onder not in known:
            continue
        begin = wish.begin or assignment.begin
        contracts = able(assignment, gemeente, known[wish.onder], begin).contracts
        part = replace(
            assignment, number=0, assignment=assignment.number, gemeente=gemeente, reference="", reason="",
            begin=begin, end=wish.end or assignment.end, contract=contracts[0] if contracts else "",
        )  # fmt: skip
        if assignment.budget is not None:
            part = replace(part, budget=share if wish.budget is None else wish.budget)
        elif assignment.volume is not None:
            part = replace(part, volume=share if wish.volume is None else wish.volume)
        parts.append((wish.onder, part))
    return parts


FIELDS = {
    "Bsn": "De opdracht is voor een andere cliënt dan de toewijzing.",
    "ToewijzingNummer": "De gemeente heeft de toewijzing ingetrokken.",
    "Product": "Het product is een ander dan dat van de toewijzing.",
    "Ingangsdatum": "De opdracht begint eerder dan de toewijzing.",
    "Einddatum": "De opdracht eindigt later dan de toewijzing.",
}


def fits(assignment: Order, parts: Sequence[tuple[str, Order]], others: Sequence[Order]) -> list[str]:
    """Return in Dutch why these orders, beside ``others``, are no division of this assignment; nothing if they are."""
    faults = [
        f"Onderaannemer {code}: {FIELDS[field]}"
        for code, part in parts
        if not part.removed and (field := outside(part, assignment))
    ]
    faults += [
        f"Onderaannemer {code}: de einddatum ligt voor de begindatum."
        for code, part in parts
        if part.end and after(part.begin, part.end)
    ]
    faults += [
        f"Onderaannemer {code}: er blijft niets over om te geven."
        for code, part in parts
        if 0 in (part.volume, part.budget)
    ]
    orders = [*others, *(part for _, part in parts)]
    if too_much(assignment, [each for each in orders if not each.removed]):
        faults.append("Alle opdrachten samen zijn meer dan de gemeente heeft toegewezen.")
    return faults


def too_much(assignment: Order, orders: Sequence[Order]) -> bool:
    """Whether orders together are surely more than their assignment, as HO025 has it."""
    if assignment.budget is not None:
        given = [each.budget for each in orders if each.budget is not None]
        return sum(given) > assignment.budget
    return assignment.volume is not None and more_than(assignment, [each for each in orders if each.volume is not None])


def left(assignment: Order, others: Sequence[Order]) -> int | None:
    """Return the most that one order over the whole period may still have; None if nothing is measured."""
    whole = replace(assignment, assignment=assignment.number)
    if assignment.budget is not None:
        return most(assignment.budget, lambda much: not too_much(assignment, [*others, replace(whole, budget=much)]))
    if assignment.volume is None:
        return None
    return most(assignment.volume, lambda much: not too_much(assignment, [*others, replace(whole, volume=much)]))


def most(limit: int, good: Callable[[int], bool]) -> int:
    """Return the largest whole number up to ``limit`` for which all is good, given that less is never worse; else 0."""
    low, high = 0, limit
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if good(middle) else (low, middle - 1)
    return low


def apportion(total: int, shares: Sequence[int]) -> list[int]:
    """Divide a whole number by shares: nothing is lost, and nobody is more than one off (largest remainder)."""
    whole = sum(shares)
    if not whole:
        return [0] * len(shares)
    parts = [total * share // whole for share in shares]
    order = sorted(range(len(shares)), key=lambda place: (-(total * shares[place] % whole), place))
    for place in order[: total - sum(parts)]:
        parts[place] += 1
    return parts
