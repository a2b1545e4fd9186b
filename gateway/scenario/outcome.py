"""What came of a month: what parties hold, what the gateway and its log tell; and the money in it. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from gateway.ledger import volume
from gateway.ledger.overeenkomst import payable
from gateway.ledger.values import Answer, Area, Contract, Decision, Line, Order, Price, Said
from gateway.message import Facts
from gateway.scenario.answers import ACCEPTED
from gateway.scenario.values import EUROS, FIRST, LAST

Money = Counter[str]
"""Eurocents ``agreed``, ``declared``, ``approved`` and ``rejected``."""
Accounts = dict[tuple[str, str], Money]
"""By onderaannemer and gemeente."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A message that a party sent, and what the gateway said to that."""

    type: str
    sender: str
    receiver: str
    digest: bytes
    asks: bool
    """Whether it is a message that must be answered."""
    expected: str
    """The rule by which it should be refused; empty if it should be taken in."""
    refused: tuple[str, ...] = ()
    """The rules by which it was refused."""
    id: str = ""
    """That of the gateway; of a refused message that of the answer to it, if there is one."""
    receipt: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A message that a party fetched, read and confirmed."""

    id: str
    receiver: str
    digest: bytes
    answers: str | None
    """The message that it answers, as the gateway tells."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Read:
    """What a message says to who reads it."""

    facts: Facts
    said: tuple[Said, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """The export of the log."""

    verdict: int
    """Exit code of the stand-alone verifier, which was given all receipts that parties got; 0: nothing is wrong."""
    states: Mapping[str, str] = field(repr=False)
    """State of each message, by id."""


Terms = Counter[tuple[str, str]]
"""Who must do something yet, and what kind of thing: how many."""
Contracts = frozenset[tuple[str, str, str, tuple[tuple[str, str, str, int], ...]]]
"""Contracts that hold: law, onderaannemer, number, and per product category, code, unit and what is paid for it."""
Consents = frozenset[tuple[str, str, str, str]]
"""Law, gemeente, onderaannemer and how it stands with the consent."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Told:
    """What the gateway tells parties who ask it, once the month is over."""

    terms: Terms
    contracts: Contracts
    consents: Consents
    orders: Mapping[int, Money]
    """By OpdrachtNummer: what was declared on it, approved, and rejected."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Outcome:
    """All of it."""

    sent: tuple[Sent, ...]
    kept: tuple[Kept, ...]
    files: Mapping[str, tuple[Read, ...]]
    """What each party sent and got, but for what was refused."""
    waiting: int
    """Messages that nobody fetched."""
    told: Told
    log: Log
    aloud: str
    """All that was printed by the gateway, by what read and verified its log, and on the way."""


def accounts(file: Iterable[Read]) -> Accounts:
    """Return the money in the month, as it follows from the messages in the file of a party."""
    books = _Books()
    for read in sorted(file, key=lambda each: each.facts.dated):
        books.take(read)
    return books.accounts()


class _Books:
    """What somebody knows who has read some messages, in order."""

    def __init__(self) -> None:
        self._offers: dict[str, tuple[Said, ...]] = {}
        self._contracts: dict[str, tuple[str, tuple[Said, ...]]] = {}
        """By ContractNummer: the onderaannemer, and all that was agreed."""
        self.orders: dict[int, tuple[str, Order]] = {}
        """By OpdrachtNummer: the onderaannemer, and the order as it is now."""
        self._declared: dict[tuple[str, str], tuple[Said, ...]] = {}
        self._answers: list[Read] = []

    def take(self, read: Read) -> None:
        facts, said = read.facts, read.said
        match facts.type:
            case "ho341":
                self._offers[facts.identification] = said
            case "ho342" if any(isinstance(each, Decision) and each.code == ACCEPTED for each in said):
                offer = self._offers[facts.answers or ""]
                number = next(each.number for each in offer if isinstance(each, Contract))
                self._contracts[number] = facts.sender, offer
            case "ho301":
                self.orders |= {each.number: (facts.receiver, each) for each in said if isinstance(each, Order)}
            case "ho323":
                self._declared[facts.sender, facts.identification] = said
            case "ho325":
                self._answers.append(read)

    def accounts(self) -> Accounts:
        found: Accounts = defaultdict(Counter)
        for key, kind, cents in (*self._agreed(), *self._of_declarations()):
            found[key][kind] += cents
        return dict(found)

    def _agreed(self) -> Iterator[tuple[tuple[str, str], str, int]]:
        for onder, order in self.orders.values():
            if order.begin <= LAST:
                yield (onder, order.gemeente), "agreed", self._worth(order)
        for onder, said in self._contracts.values():
            contract = next(each for each in said if isinstance(each, Contract))
            if contract.variant == "T":
                year = sum(each.amount or 0 for each in said if isinstance(each, Price))
                yield (onder, _area(said)), "agreed", year // 12

    def _worth(self, order: Order) -> int:
        """Most that an order allows in the month; in total, if that is how it is given."""
        if order.budget is not None:
            return order.budget
        if order.volume is None:
            return 0
        _, said = self._contracts[order.contract]
        price = next(
            each
            for each in said
            if isinstance(each, Price) and (each.category, each.code) == (order.category, order.code)
        )
        wet = "JW" if order.category >= "31" else "WMO"
        most = volume.in_period(order, wet, max(order.begin, FIRST), LAST)
        return most if order.unit == EUROS else most * payable(price)

    def _of_declarations(self) -> Iterator[tuple[tuple[str, str], str, int]]:
        for (onder, _), said in self._declared.items():
            for line in said:
                if isinstance(line, Line):
                    yield (onder, self._gemeente(line)), "declared", line.amount
        for read in self._answers:
            said = self._declared.get((read.facts.receiver, read.facts.answers or ""), ())
            answered = next(each for each in read.said if isinstance(each, Answer))
            rejected = {each.reference for each in read.said if isinstance(each, Line)}
            for line in said if answered.whole else ():
                if isinstance(line, Line):
                    kind = "rejected" if line.reference in rejected else "approved"
                    yield (read.facts.receiver, self._gemeente(line)), kind, line.amount

    def _gemeente(self, line: Line) -> str:
        return _area(self._contracts[line.contract][1]) if line.number is None else self.orders[line.number][1].gemeente


def _area(said: tuple[Said, ...]) -> str:
    """The gemeente of a task: a contract for one has no more than that."""
    (area,) = (each.gemeente for each in said if isinstance(each, Area))
    return area
