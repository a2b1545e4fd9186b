"""Makes the whole month as values, from a seed; pure. What holds for the real one holds for a small one too."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count, pairwise
from random import Random

from gateway.scenario.agreed import BAND, GEMEENTEN, clients_of, consents_of, contracts_of
from gateway.scenario.delivered import again_of, declarations_of
from gateway.scenario.values import (
    EUROS,
    FIRST,
    GRANTED,
    HOURS,
    IN_TOTAL,
    MONTH,
    PARTS,
    PENDING,
    PIECES,
    REFUSED,
    WEEK,
    Assignment,
    Client,
    Contract,
    Extent,
    Month,
    Order,
    Price,
    Request,
)

HOOFD = "98000001"
MONDAYS = ("2026-01-01", "2026-01-05", "2026-01-12")
LATER = "2026-02-02"
STOP = "2026-01-23"
OUTCOMES = {"wider": GRANTED, "far": REFUSED, "pending": PENDING}
"""What becomes of the request for more that some of these lead to."""
WHOLE = 10_000
"""A hundred percent, in hundredths of a percent."""
VOLUMES = {HOURS: (10, 30), PARTS: (4, 16), PIECES: (4, 12), EUROS: (30_000, 90_000)}
"""Unit → the least and the most of it in a month, or in total."""
ROLES = ("divided", "wider", "far", "stopped", "late", "pending", *["plain"] * 6)
"""What happens to each next order of hours with a product code, over and over."""


@dataclass(slots=True, kw_only=True)
class _Draft:
    """A month while it is made."""

    rng: Random
    contracts: tuple[Contract, ...]
    allowed: frozenset[tuple[str, str]]
    """Contract and gemeente, where the gemeente consents."""
    assignments: list[Assignment] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    roles: Iterator[int] = field(default_factory=count)
    numbers: Iterator[int] = field(default_factory=lambda: count(1001))
    turns: dict[tuple[str, str], Iterator[int]] = field(default_factory=lambda: defaultdict(count))


def month(seed: int = 57, *, onders: int = 57, clients: int = 900) -> Month:
    """Make a month; the same seed gives the same one. At least two onderaannemers and twelve clients."""
    rng = Random(seed)  # noqa: S311 - the same month each time, nothing secret
    codes = tuple(f"9800{1001 + number:04}" for number in range(onders))
    contracts = tuple(contracts_of(rng, codes))
    consents = tuple(consents_of(contracts))
    refused = {(each.onder, each.wet, each.gemeente) for each in consents if each.decision == "3"}
    people = tuple(clients_of(rng, clients))
    draft = _Draft(
        rng=rng,
        contracts=contracts,
        allowed=frozenset(
            (contract.number, gemeente)
            for contract in contracts
            for gemeente in contract.gemeenten
            if (contract.onder, contract.wet, gemeente) not in refused
        ),
    )
    for number, client in enumerate(people):
        _care(draft, client, second=number % 9 == 4)
    declarations = tuple(declarations_of(rng, contracts, draft.orders))
    return Month(
        hoofd=HOOFD,
        gemeenten=GEMEENTEN,
        onders=codes,
        clients=people,
        contracts=contracts,
        consents=consents,
        assignments=tuple(draft.assignments),
        orders=tuple(draft.orders),
        too_much=_too_much(draft),
        without_consent=_without_consent(draft, people, refused),
        requests=tuple(draft.requests),
        declarations=declarations,
        again=tuple(again_of(declarations)),
    )


def _care(draft: _Draft, client: Client, *, second: bool) -> None:
    """Assign a client to the hoofdaannemer, and order it of who has its turn; some need two products."""
    able = [
        each for each in draft.contracts if each.wet == client.wet and (each.number, client.gemeente) in draft.allowed
    ]
    turn = next(draft.turns[client.wet, client.gemeente])
    contract = able[turn % len(able)]
    price = contract.prices[turn // len(able) % len(contract.prices)]
    others = [each for each in contract.prices if each.category != price.category]
    if second and others:
        _order(draft, client, contract, others[0])
    special = price.code and price.unit == HOURS and not (second and others)
    role = ROLES[next(draft.roles) % len(ROLES)] if special else "plain"
    begin = LATER if role == "late" else draft.rng.choice(MONDAYS)
    if role == "divided":
        _divide(draft, client, able, (contract, price), begin)
    else:
        _order(draft, client, contract, price, begin=begin, role=role)


def _order(
    draft: _Draft, client: Client, contract: Contract, price: Price, *, begin: str = FIRST, role: str = "plain"
) -> None:
    extent = whole = _extent(draft.rng, contract, price, weekly=role != "wider")
    if extent.volume is not None and role in OUTCOMES:
        whole = replace(extent, volume=2 * extent.volume)
    order = Order(
        number=next(draft.numbers),
        contract=contract,
        price=price,
        client=client,
        assignment=_assigned(draft, client, price, begin, whole),
        begin=begin,
        extent=extent,
        started=role != "late",
        stopped=STOP if role == "stopped" else "",
    )
    draft.orders.append(order)
    if extent.volume is not None and role in OUTCOMES:
        asked = extent.volume * (WHOLE + BAND) // WHOLE if role == "wider" else 2 * extent.volume
        request = Request(reference=f"VZ{order.number}", order=order, volume=asked, outcome=OUTCOMES[role])
        draft.requests.append(request)


def _assigned(draft: _Draft, client: Client, price: Price, begin: str, whole: Extent) -> Assignment:
    made = Assignment(
        number=500_001 + len(draft.assignments), client=client, category=price.category, code=price.code, begin=begin,
        extent=whole,
    )  # fmt: skip
    draft.assignments.append(made)
    return made


def _extent(rng: Random, contract: Contract, price: Price, *, weekly: bool) -> Extent:
    if contract.variant == "T":
        return Extent()
    if not price.code:
        return Extent(budget=rng.randint(400_000, 900_000))
    if price.unit == HOURS and weekly and rng.random() < 0.5:
        return Extent(volume=rng.randint(2, 8), unit=HOURS, frequency=WEEK)
    frequency = IN_TOTAL if price.unit == PIECES else MONTH
    return Extent(volume=rng.randint(*VOLUMES[price.unit]), unit=price.unit, frequency=frequency)


def _divide(draft: _Draft, client: Client, able: Sequence[Contract], first: tuple[Contract, Price], begin: str) -> None:
    """Order one assignment of two onderaannemers, so that nothing of it is left."""
    contract, price = first
    product = (price.category, price.code, price.unit)
    also = [
        (each, other)
        for each in able
        for other in each.prices
        if each.onder != contract.onder and (other.category, other.code, other.unit) == product
    ]
    other, its_price = draft.rng.choice(also)
    whole = draft.rng.randint(12, 30)
    part = draft.rng.randint(4, whole - 4)
    extent = Extent(volume=part, unit=HOURS, frequency=MONTH)
    order = Order(
        number=next(draft.numbers),
        contract=contract,
        price=price,
        client=client,
        assignment=_assigned(draft, client, price, begin, replace(extent, volume=whole)),
        begin=begin,
        extent=extent,
    )
    rest = replace(
        order, number=next(draft.numbers), contract=other, price=its_price, extent=replace(extent, volume=whole - part)
    )
    draft.orders += [order, rest]


def _too_much(draft: _Draft) -> Order:
    """One hour more than the assignment that was divided first."""
    for order, rest in pairwise(draft.orders):
        if order.assignment is rest.assignment:
            return replace(order, number=next(draft.numbers), extent=replace(order.extent, volume=1))
    raise ValueError("no assignment is divided: this month is too small")


def _without_consent(draft: _Draft, people: Sequence[Client], refused: set[tuple[str, str, str]]) -> Order:
    """An order like another for the same client, to the onderaannemer whom the gemeente refused."""
    ((onder, wet, gemeente),) = refused
    contract = next(each for each in draft.contracts if (each.onder, each.wet) == (onder, wet))
    product = contract.prices[0]
    client = next(each for each in people if (each.wet, each.gemeente) == (wet, gemeente))
    extent = Extent(volume=10, unit=product.unit, frequency=MONTH)
    return Order(
        number=next(draft.numbers), contract=contract, price=product, client=client, assignment=None, begin=FIRST,
        extent=extent,
    )  # fmt: skip
