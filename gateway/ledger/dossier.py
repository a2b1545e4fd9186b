"""One client of one message with what was said before: state as folds over the list of sayings."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from enum import StrEnum
from functools import cached_property
from typing import Any, TypeVar

from gateway.ledger import keys
from gateway.ledger.values import Answer, Heard, Line, Order, Record, Said
from gateway.message import Facts
from gateway.register.values import Register
from gateway.rules.klasse import moment

Kind = TypeVar("Kind", bound=Said)
Made = TypeVar("Made")
Fault = tuple[Said, str]
"""What is wrong and in which field below its class: "" is the class itself, ``Bsn`` that of its client."""
Orders = Mapping[int, Order]
"""Assignments or orders by number."""


class Fate(StrEnum):
    """What has become of a line of a declaration."""

    DECLARED = "declared"
    """Not answered yet."""
    APPROVED = "approved"
    REJECTED = "rejected"
    VOID = "void"
    """Its declaration was refused as a whole and counts as not sent."""


class Fates:
    """What has become of lines, read from the records of their declarations; each of those is read once."""

    def __init__(self, past: Mapping[str, Record]) -> None:
        self._past = past
        self._known: dict[str, tuple[Fate, frozenset[str]]] = {}

    def of(self, heard: Heard, line: Line) -> Fate:
        """Return what has become of a line that was heard in this message."""
        fate, rejected = self._of(heard.message)
        return Fate.REJECTED if line.reference in rejected else fate

    def stands(self, heard: Heard) -> bool:
        """Return whether this declaration counts: it does until it is refused as a whole."""
        return self._of(heard.message)[0] != Fate.VOID

    def _of(self, message: str) -> tuple[Fate, frozenset[str]]:
        if message not in self._known:
            self._known[message] = self._read(message)
        return self._known[message]

    def _read(self, message: str) -> tuple[Fate, frozenset[str]]:
        record = self._past.get(message, ())
        answer = next((said for heard in record for said in heard.said if isinstance(said, Answer)), None)
        if answer is None:
            return Fate.DECLARED, frozenset()
        return (Fate.APPROVED, frozenset(answer.rejected)) if answer.whole else (Fate.VOID, frozenset())


class Case:
    """What a message says about one client (or about none), beside all that was said about that client before."""

    def __init__(
        self,
        facts: Facts,
        said: tuple[Said, ...],
        past: Mapping[str, Record],
        fates: Fates,
        repeated: frozenset[str],
        shared: dict[Callable[["Case"], Any], Any],
        register: Register,
    ) -> None:
        self.facts = facts
        self.said = said
        self.past = past
        self.fates = fates
        self.repeated = repeated
        """ReferentieNummers that stand in the message more than once, whoever the client."""
        self.register = register
        """What stands outside messages: regions, and what gemeenten agreed."""
        self.bsn = said[0].bsn
        self.dossier = keys.dossier(facts, self.bsn)
        self._made: dict[Callable[[Case], Any], Any] = {}
        self._shared = shared
        self._kinds: dict[type[Said], list[Any]] = {}

    def once(self, make: Callable[["Case"], Made]) -> Made:
        """Return what ``make`` makes of this case; more rules may ask, it is made for the first."""
        if make not in self._made:
            self._made[make] = make(self)
        made: Made = self._made[make]
        return made

    def once_for_all(self, make: Callable[["Case"], Made]) -> Made:
        """Return what ``make`` makes of the message, whoever the client; it is made for the first that asks."""
        if make not in self._shared:
            self._shared[make] = make(self)
        made: Made = self._shared[make]
        return made

    def of(self, kind: type[Kind]) -> list[Kind]:
        """Return what the message itself says of this kind."""
        if kind not in self._kinds:
            self._kinds[kind] = [each for each in self.said if isinstance(each, kind)]
        return self._kinds[kind]

    @cached_property
    def record(self) -> Record:
        """What counts of all that was said about this client before; without client, about these lines."""
        if self.bsn:
            return live(self.past.get(self.dossier, ()))
        lines = {each for line in self.of(Line) for each in (line.reference, line.previous) if each}
        ours = {heard.message for heard in self.past.get(keys.declarations(self.facts), ())} if lines else set()
        told = [heard for each in sorted(lines) for heard in self.past.get(keys.line_reference(self.facts, each), ())]
        return live(tuple(heard for heard in told if heard.message in ours))

    @cached_property
    def orders(self) -> dict[int, Order]:
        """The newest state of each assignment or order, also of those that were removed, by number."""
        return newest(earlier(self.record, Order))

    @cached_property
    def orders_known(self) -> dict[int, Order]:
        """``orders`` as far as they were given before the day of this message, so that its sender must know them."""
        dated = moment(self.facts.dated)
        return newest(each for each in earlier(self.record, Order) if moment(each.date) < dated)

    @cached_property
    def lines(self) -> list[tuple[Line, Fate]]:
        """The lines declared before, but for those whose declaration counts as not sent, each with its fate."""
        told = []
        for heard in self.record:
            lines = [each for each in heard.said if isinstance(each, Line)]
            if lines and self.fates.stands(heard):
                told += [(line, self.fates.of(heard, line)) for line in lines]
        return told

    @cached_property
    def approved(self) -> dict[str, Line]:
        """The approved debits, also those that were credited since, by reference."""
        return {line.reference: line for line, fate in self.lines if fate == Fate.APPROVED and not line.previous}

    @cached_property
    def credited(self) -> frozenset[str]:
        """References of lines that were credited; a credit that is not answered yet counts (it cannot be refused)."""
        return frozenset(line.previous for line, fate in self.lines if line.previous and fate != Fate.REJECTED)

    @cached_property
    def standing(self) -> list[Line]:
        """The debits of before that count: neither rejected nor credited, also not by this message (OP366)."""
        gone = self.credited | {each.previous for each in self.of(Line) if each.previous and self.takes_back(each)}
        counts = [line for line, fate in self.lines if fate != Fate.REJECTED]
        return [line for line in counts if not line.previous and line.reference not in gone]

    def takes_back(self, credit: Line) -> bool:
        """Return whether a credit repeats an approved debit, with its own reference (IV085)."""
        debit = self.approved.get(credit.previous)
        return debit is not None and debit == replace(
            credit, reference=debit.reference, previous="", amount=-credit.amount
        )


def live(record: Record) -> Record:
    """Return what counts: not what a receiver refused (OP286)."""
    return tuple([heard for heard in record if not heard.void])


def earlier(record: Record, kind: type[Kind]) -> Iterator[Kind]:
    """Return all that was said of this kind, in order of acceptance."""
    return (each for heard in record for each in heard.said if isinstance(each, kind))


def newest(orders: Iterable[Order]) -> dict[int, Order]:
    """Return the newest of each number, by date and time of granting: the order of arrival means nothing (IV013)."""
    latest: dict[int, Order] = {}
    for each in orders:
        known = latest.get(each.number)
        if known is None or (moment(known.date), known.time) <= (moment(each.date), each.time):
            latest[each.number] = each
    return latest


def surely(case: Case, faults: Callable[[Orders], Iterable[Fault]]) -> Iterator[Fault]:
    """What is wrong with the assignments as they are now and as the sender had to know them (OP095).

    A change that was made on the day of the message itself may have crossed it.
    """
    found = list(faults(case.orders))
    if found:
        sure = {(said.path, field) for said, field in faults({**case.orders, **case.orders_known})}
        yield from ((said, field) for said, field in found if (said.path, field) in sure)
