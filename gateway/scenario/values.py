"""What a planned month consists of. Money is whole eurocents, dates are ISO dates, codes are those of the standard."""

from collections import Counter
from dataclasses import dataclass

FIRST, LAST, END = "2026-01-01", "2026-01-31", "2030-12-31"
"""The month, which lies behind us, and the last day of all care, which does not: nothing ends because time went by."""
HOURS, MINUTES, PARTS, PIECES, EUROS = "04", "01", "16", "82", "83"
"""Units; a part is half a day."""
WEEK, MONTH, IN_TOTAL = "2", "4", "6"
"""Frequencies."""
GRANTED, REFUSED, PENDING = "granted", "refused", "pending"
"""What becomes of a request: granted by rule, or refused or looked into by the hoofdaannemer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """A product in a contract, and what is paid for it."""

    category: str
    code: str
    """Empty where any code of the category has this price."""
    unit: str
    cents: int
    """Per unit; for the whole year if the unit is euros and the contract a task."""
    surcharge: int
    """In hundredths of a percent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """What the hoofdaannemer offers an onderaannemer under one law."""

    number: str
    onder: str
    wet: str
    variant: str
    """Uitvoeringsvariant: I, O or T."""
    gemeenten: tuple[str, ...]
    prices: tuple[Price, ...]
    band: int
    """In hundredths of a percent; 0 where none is agreed."""
    haggled: bool
    """Whether it is refused at first, with tariffs that are lower."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """What a gemeente decides on an onderaannemer."""

    wet: str
    gemeente: str
    onder: str
    categories: tuple[str, ...]
    decision: str
    """Beslissing: 1 given, 2 with conditions, 3 refused."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Client:
    """An invented person. Never printed, as if it were a living one."""

    bsn: str
    name: str
    born: str
    sex: str
    gemeente: str
    wet: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How much: a volume, or a budget in eurocents, or neither (a task)."""

    volume: int | None = None
    unit: str = ""
    frequency: str = ""
    budget: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Assignment:
    """What a gemeente assigns to the hoofdaannemer for a client."""

    number: int
    client: Client
    category: str
    code: str
    begin: str
    extent: Extent


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Order:
    """What the hoofdaannemer orders of an onderaannemer for a client."""

    number: int
    contract: Contract
    price: Price
    client: Client
    assignment: Assignment | None
    """None where nothing was assigned."""
    begin: str
    extent: Extent
    started: bool = True
    stopped: str = ""
    """Last day of delivery; empty while it goes on."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Request:
    """An onderaannemer asks for another volume."""

    reference: str
    order: Order
    volume: int
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Line:
    """What was delivered on an order in the month."""

    reference: str
    order: Order
    volume: int
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Instalment:
    """A twelfth of the sum of a task."""

    reference: str
    contract: Contract


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """What an onderaannemer declares for the month under one law."""

    number: str
    onder: str
    wet: str
    lines: tuple[Line, ...]
    instalments: tuple[Instalment, ...] = ()
    wrong: str = ""
    """Reference of the line that at first has another tariff than the contract; then all is sent again, put right."""
    rejected: frozenset[str] = frozenset()
    """References of the lines that the hoofdaannemer does not approve."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Month:
    """One month, from contract to declaration answer."""

    hoofd: str
    gemeenten: tuple[str, ...]
    onders: tuple[str, ...]
    clients: tuple[Client, ...]
    contracts: tuple[Contract, ...]
    consents: tuple[Consent, ...]
    assignments: tuple[Assignment, ...]
    orders: tuple[Order, ...]
    too_much: Order
    """An order for which its assignment has no room left."""
    without_consent: Order
    """An order to an onderaannemer to whom the gemeente does not consent."""
    requests: tuple[Request, ...]
    declarations: tuple[Declaration, ...]
    again: tuple[Declaration, ...]
    """Rejected lines, put right."""

    @property
    def by_rule(self) -> frozenset[str]:
        """References of the requests that the gateway grants by itself: they are within the band."""
        return frozenset(each.reference for each in self.requests if each.outcome == GRANTED)

    @property
    def divided(self) -> frozenset[int]:
        """Numbers of the assignments that are divided over more than one order."""
        orders = Counter(each.assignment.number for each in self.orders if each.assignment)
        return frozenset(number for number, many in orders.items() if many > 1)
