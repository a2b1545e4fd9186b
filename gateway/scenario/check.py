"""What must hold once the month is over. Each check yields what is wrong, in Dutch and without personal data; pure."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from decimal import ROUND_HALF_UP, Decimal

from gateway.flow import State
from gateway.ledger.values import Line, Order, Start
from gateway.scenario.delivered import weeks
from gateway.scenario.outcome import Accounts, Money, Outcome, accounts
from gateway.scenario.values import (
    EUROS,
    GRANTED,
    HOURS,
    LAST,
    MINUTES,
    PENDING,
    WEEK,
    Extent,
    Instalment,
    Month,
    Price,
)
from gateway.scenario.values import Line as Delivered
from gateway.scenario.values import Order as Planned

Check = Callable[[Month, Outcome], Iterator[str]]


def faults(month: Month, outcome: Outcome) -> list[str]:
    """Return all that is wrong; empty if the month went as planned."""
    return [f"{name}: {told}" for name, check in CHECKS.items() for told in check(month, outcome)]


def _refused(_month: Month, outcome: Outcome) -> Iterator[str]:
    """Only what was meant to be refused was, by the rule that was meant."""
    for each in outcome.sent:
        if each.refused != ((each.expected,) if each.expected else ()):
            told = ", ".join(each.refused) or "niet geweigerd"
            yield f"een {each.type.upper()} van {each.sender}: {told}, verwacht was {each.expected or 'aangenomen'}"


def _delivered(_month: Month, outcome: Outcome) -> Iterator[str]:
    """Each message came to its receiver once, as it was sent, and the gateway knows; nothing else came."""
    came = Counter((each.id, each.receiver, each.digest) for each in outcome.kept)
    for each in outcome.sent:
        if not each.refused and (many := came.pop((each.id, each.receiver, each.digest), 0)) != 1:
            yield f"een {each.type.upper()} van {each.sender} kwam {many} keer aan bij {each.receiver}"
    # Of a message that is refused the sender gets the answer, written in the receiver's name.
    answers = Counter((each.id, each.sender) for each in outcome.sent if each.refused)
    for (id_, receiver, _), many in came.items():
        if answers.pop((id_, receiver), 0) != many:
            yield f"bij {receiver} kwam {many} keer een bericht aan dat niemand stuurde"
    yield from (f"{sender} kreeg geen antwoord op een geweigerd bericht" for _, sender in answers)
    for kept in outcome.kept:
        if outcome.log.states.get(kept.id) != State.DELIVERED:
            yield f"volgens de poort heeft {kept.receiver} een bericht niet dat hij wel heeft"
    if outcome.waiting:
        yield f"er wachten nog {outcome.waiting} berichten"


def _answered(_month: Month, outcome: Outcome) -> Iterator[str]:
    """Each message that asks for an answer got one."""
    answers = Counter((each.answers, each.receiver) for each in outcome.kept if each.answers)
    for each in outcome.sent:
        if not each.refused and each.asks and answers[each.id, each.sender] != 1:
            yield f"een {each.type.upper()} van {each.sender} heeft {answers[each.id, each.sender]} antwoorden"


def _money(month: Month, outcome: Outcome) -> Iterator[str]:
    """All money is, to the cent, what follows from the plan: to hoofdaannemer, to each onderaannemer, per gemeente."""
    planned = expected(month)
    held = accounts(outcome.files[month.hoofd])
    yield from _differences("hoofdaannemer", planned, held)
    for onder in month.onders:
        own = {key: money for key, money in planned.items() if key[0] == onder}
        yield from _differences(onder, own, accounts(outcome.files[onder]))
    per_onder = sum((total(held, onder=each) for each in month.onders), Counter())
    per_gemeente = sum((total(held, gemeente=each) for each in month.gemeenten), Counter())
    if per_onder != per_gemeente:
        yield "de som over onderaannemers is niet de som over gemeenten"


def _differences(who: str, planned: Accounts, held: Accounts) -> Iterator[str]:
    for key in sorted(planned.keys() | held.keys()):
        plan, own = planned.get(key, Counter()), held.get(key, Counter())
        for kind in sorted(plan.keys() | own.keys()):
            if plan[kind] != own[kind]:
                yield f"volgens {who} is {WORDS[kind]} van {key[0]} in {key[1]} {own[kind]} cent, niet {plan[kind]}"


WORDS = {"agreed": "afgesproken", "declared": "gedeclareerd", "approved": "goedgekeurd", "rejected": "afgekeurd"}


def _within(month: Month, outcome: Outcome) -> Iterator[str]:
    """All orders that divide an assignment are together no more than it."""
    whole: dict[int, Order] = {}
    parts: dict[int, dict[int, Order]] = defaultdict(dict)
    for read in outcome.files[month.hoofd]:
        for order in (each for each in read.said if isinstance(each, Order)):
            if not read.facts.type.startswith("ho"):
                whole[order.number] = order
            elif order.assignment is not None:
                parts[order.assignment][order.number] = order
    for number, orders in parts.items():
        granted = whole.get(number)
        if granted is None:
            yield f"opdrachten verdelen toewijzing {number}, die er niet is"
        elif any((each.unit, each.frequency) != (granted.unit, granted.frequency) for each in orders.values()):
            yield f"opdrachten bij toewijzing {number} zijn anders uitgedrukt"
        elif sum(map(_size, orders.values())) > _size(granted):
            yield f"opdrachten bij toewijzing {number} zijn samen te veel"


def _size(order: Order) -> int:
    return order.budget or order.volume or 0


def _started(month: Month, outcome: Outcome) -> Iterator[str]:
    """What is declared was started."""
    reads = outcome.files[month.hoofd]
    started = {each.number for read in reads for each in read.said if isinstance(each, Start)}
    for read in reads:
        if read.facts.type == "ho323":
            for line in read.said:
                if isinstance(line, Line) and line.number is not None and line.number not in started:
                    yield f"{read.facts.sender} declareerde op opdracht {line.number}, die niet begonnen is"


def _proved(_month: Month, outcome: Outcome) -> Iterator[str]:
    """The log verifies, and all that was promised stands in it; each party has a receipt for what it sent."""
    if outcome.log.verdict:
        yield f"het controleprogramma eindigde met {outcome.log.verdict}"
    without = sum(not each.refused and not each.receipt for each in outcome.sent)
    if without:
        yield f"{without} berichten hebben geen ontvangstbewijs"


def _in_time(month: Month, outcome: Outcome) -> Iterator[str]:
    """Nobody must do anything but what is planned for later: care to begin and to end, requests to look into."""
    planned = Counter({(month.hoofd, "onderzoek"): sum(each.outcome == PENDING for each in month.requests)})
    for order in month.orders:
        if not order.stopped:
            planned[order.contract.onder, "stop" if order.started else "start"] += 1
    # A gemeente waits for one of each, over however many orders its assignment is divided.
    started = {each.assignment.number: bool(each.stopped) for each in month.orders if each.assignment and each.started}
    planned[month.hoofd, "start"] = len(month.assignments) - len(started)
    planned[month.hoofd, "stop"] = len(started) - sum(started.values())
    for who, what in sorted(planned.keys() | outcome.told.terms.keys()):
        if outcome.told.terms[who, what] != planned[who, what]:
            yield f"{who} moet nog {outcome.told.terms[who, what]} keer: {what}; gepland was {planned[who, what]} keer"


def _registered(month: Month, outcome: Outcome) -> Iterator[str]:
    """The gateway lists the contracts and the consents that were planned, and no others."""
    contracts = {
        (
            each.wet,
            each.onder,
            each.number,
            tuple((price.category, price.code, price.unit, _paid(price)) for price in each.prices),
        )
        for each in month.contracts
    }
    consents = {(each.wet, each.gemeente, each.onder, STANDS[each.decision]) for each in month.consents}
    for wet, onder, number, _ in sorted(contracts ^ outcome.told.contracts):
        yield f"de overeenkomst {number} ({wet}) met {onder} staat anders in de lijst dan zij is gesloten"
    for wet, gemeente, onder, _ in sorted(consents ^ outcome.told.consents):
        yield f"de toestemming van {gemeente} voor {onder} ({wet}) staat anders in het register dan zij is gegeven"


def _paid(price: Price) -> int:
    return price.cents if price.unit == EUROS else _tariff(price)


STANDS = {"1": "toegestaan", "2": "toegestaan met voorwaarden", "3": "geweigerd"}
"""How it stands after each decision."""


def _standing(month: Month, outcome: Outcome) -> Iterator[str]:
    """Of each order the gateway tells what was declared, approved and rejected, to the cent."""
    planned: dict[int, Money] = {each.number: Counter() for each in month.orders}
    for declaration in (*month.declarations, *month.again):
        for line in declaration.lines:
            cents, rejected = _amount(line), line.reference in declaration.rejected
            planned[line.order.number].update({"declared": cents, "rejected" if rejected else "approved": cents})
    for number, money in planned.items():
        if outcome.told.orders.get(number) != money:
            yield f"de stand van opdracht {number} is niet wat erop is gedeclareerd"


def _silent(month: Month, outcome: Outcome) -> Iterator[str]:
    """No client stands in what is printed."""
    heard = sum(each.bsn in outcome.aloud or each.name in outcome.aloud for each in month.clients)
    if heard:
        yield f"van {heard} cliënten staat een BSN of naam in de uitvoer"


CHECKS: Mapping[str, Check] = {
    "weigeringen": _refused,
    "bezorging": _delivered,
    "antwoorden": _answered,
    "geld": _money,
    "verdeling": _within,
    "starts": _started,
    "termijnen": _in_time,
    "register": _registered,
    "standen": _standing,
    "logboek": _proved,
    "stilte": _silent,
}


def total(held: Accounts, *, onder: str = "", gemeente: str = "") -> Money:
    """Return the sum over all, or over those of one onderaannemer or gemeente."""
    chosen = (money for key, money in held.items() if onder in {"", key[0]} and gemeente in {"", key[1]})
    return sum(chosen, Counter())


def expected(month: Month) -> Accounts:
    """Return the money in the month as it follows from the plan, reckoned otherwise than the messages are written."""
    found: Accounts = defaultdict(Counter)
    asked = {each.order.number: each.volume for each in month.requests if each.outcome == GRANTED}
    for order in month.orders:
        if order.begin <= LAST:
            found[_key(order)]["agreed"] += _worth(order, asked.get(order.number, order.extent.volume))
    for declaration in (*month.declarations, *month.again):
        for line in declaration.lines:
            money, cents = found[_key(line.order)], _amount(line)
            money["declared"] += cents
            money["rejected" if line.reference in declaration.rejected else "approved"] += cents
        for instalment in declaration.instalments:
            money, cents = found[_task(instalment)], instalment.contract.prices[0].cents // 12
            money.update({"agreed": cents, "declared": cents, "approved": cents})
    return dict(found)


def _key(order: Planned) -> tuple[str, str]:
    return order.contract.onder, order.client.gemeente


def _task(instalment: Instalment) -> tuple[str, str]:
    return instalment.contract.onder, instalment.contract.gemeenten[0]


def _worth(order: Planned, volume: int | None) -> int:
    extent: Extent = order.extent
    if extent.budget is not None or volume is None:
        return extent.budget or 0
    times = weeks(order.begin) if extent.frequency == WEEK else 1
    return volume * times * (1 if extent.unit == EUROS else _tariff(order.price))


def _tariff(price: Price) -> int:
    return _cents(Decimal(price.cents) * (1 + Decimal(price.surcharge) / 10_000))


def _amount(line: Delivered) -> int:
    if line.unit == EUROS:
        return line.volume
    share = Decimal(60) if (line.unit, line.order.price.unit) == (MINUTES, HOURS) else Decimal(1)
    return _cents(Decimal(_tariff(line.order.price)) * line.volume / share)


def _cents(value: Decimal) -> int:
    return int(value.quantize(Decimal(1), ROUND_HALF_UP))
