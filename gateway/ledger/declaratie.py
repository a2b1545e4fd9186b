"""A declaration (323) and the answer to it (325) against what was granted, declared and answered before.

Credits come before debits (OP366). What was declared counts until it is rejected, also while its answer is awaited;
only what was approved can be credited. Only debits are held against the order: a credit is judged by the debit that it
takes back (IV085). A Termijn (HOA) has no client and no order, so only what is said of references holds for it.

TR418, whether ProductTarief is the tariff of the contract, waits for the register of contracts.
"""

from calendar import monthrange
from collections.abc import Callable, Iterator

from gateway.ledger import keys, volume
from gateway.ledger.dossier import Case, Fault, Orders, earlier, surely
from gateway.ledger.values import Answer, Declaration, Line, Order, Use
from gateway.rules.klasse import after

REMOVED = "13"
"""RedenWijziging of an assignment that was taken back as if it had never been."""
REFERENCE, PREVIOUS = "ProductReferentie/ReferentieNummer", "ProductReferentie/VorigReferentieNummer"
FIELDS = {
    "previous": PREVIOUS,
    "number": "ToewijzingNummer",
    "contract": "ContractNummer",
    "category": "ProductCategorie",
    "code": "ProductCode",
    "begin": "ProductPeriode/Begindatum",
    "end": "ProductPeriode/Einddatum",
    "volume": "GeleverdVolume",
    "unit": "Eenheid",
    "tariff": "ProductTarief",
    "amount": "IngediendBedrag",
    "vat_rate": "Btw",
    "vat": "Btw",
}
"""Where each part of a line stands; the period of a Termijn is called Periode."""


# The declaration


def tr333(case: Case) -> Iterator[Fault]:
    """A DeclaratieNummer is used once per provider and law (iStandaarden 3.2, TR333).

    That of a declaration that was refused as a whole may be used again, for it counts as not sent (OP286).
    """
    for declaration in case.of(Declaration):
        known = case.past.get(keys.declaration_number(case.facts, declaration.number), ())
        if any(case.fates.stands(heard) for heard in known):
            yield declaration, "DeclaratieNummer"


def tr318(case: Case) -> Iterator[Fault]:
    """A declaration period does not lie before that of an earlier declaration (TR318, IV090).

    Months may be missing: in those no care was given, or it rides along in a later one. What is earlier is told by the
    Dagtekening, for the order of arrival means nothing (OP080).
    """
    for declaration in case.of(Declaration):
        sent = [heard for heard in case.past.get(keys.declarations(case.facts), ()) if case.fates.stands(heard)]
        before = [heard for heard in sent if after(case.facts.dated, heard.dated)]
        if any(after(each.begin, declaration.begin) for each in earlier(tuple(before), Declaration)):
            yield declaration, "DeclaratiePeriode"


def tr304(case: Case) -> Iterator[Fault]:
    """A client has an assignment or order from the receiver (TR304)."""
    if case.bsn and not case.orders:
        yield from ((line, "Bsn") for line in case.of(Line)[:1])


def tr314(case: Case) -> Iterator[Fault]:
    """A ReferentieNummer is used for one line per provider and law, also if that was rejected (TR314).

    Those of a declaration that was refused as a whole may be used again, for it counts as not sent (OP286).
    """
    for line in case.of(Line):
        known = case.past.get(keys.line_reference(case.facts, line.reference), ())
        used = any(case.fates.stands(heard) and _uses(heard.said, line.reference) for heard in known)
        if used or line.reference in case.repeated:
            yield line, REFERENCE


# Credits


def tr323(case: Case) -> Iterator[Fault]:
    """A credit takes back one approved debit of the same client, with all that it said (TR323, IV085)."""
    if not case.bsn or case.orders:  # else TR304
        yield from ((line, PREVIOUS) for line in case.of(Line) if line.previous and not case.takes_back(line))


def tr390(case: Case) -> Iterator[Fault]:
    """A debit is credited once (TR390, OP360). That two credits are in one message is for TR315."""
    return ((line, PREVIOUS) for line in case.of(Line) if line.previous in case.credited)


def tr389(case: Case) -> Iterator[Fault]:
    """There is one debit per order, product and period, unless the earlier one is credited (TR389).

    Two debits in one message are for TR416.
    """
    declared = {_subject(line) for line in case.standing}
    return ((line, "") for line in _debits(case) if line.number is not None and _subject(line) in declared)


# Debits against their order


def tr338(case: Case) -> Iterator[Fault]:
    """A line is on an assignment or order of its client (TR338)."""
    if case.orders:
        yield from ((line, "ToewijzingNummer") for line in _debits(case) if line.number not in case.orders)


def tr384(case: Case) -> Iterator[Fault]:
    """Nothing is declared on an assignment that was removed (TR384)."""

    def faults(orders: Orders) -> Iterator[Fault]:
        for line in _debits(case):
            order = orders.get(line.number or 0)
            if order is not None and order.reason == REMOVED:
                yield line, "ToewijzingNummer"

    return surely(case, faults)


def tr307(case: Case) -> Iterator[Fault]:
    """A product period does not begin before the assignment (TR307)."""
    return _wrong(case, "ProductPeriode/Begindatum", _begins_before)


def tr308(case: Case) -> Iterator[Fault]:
    """A product period does not end after the assignment (TR308)."""
    return _wrong(case, "ProductPeriode/Einddatum", _ends_after)


def tr387(case: Case) -> Iterator[Fault]:
    """A product period begins with the month, or with the assignment if that begins later (TR387)."""

    def late(line: Line, order: Order) -> bool:
        first = f"{line.begin[:-3]}-01"
        return line.begin != (order.begin if after(order.begin, first) else first) and not _begins_before(line, order)

    return _wrong(case, "ProductPeriode/Begindatum", late)


def tr388(case: Case) -> Iterator[Fault]:
    """A product period ends with the month, or with the assignment if that ends earlier (TR388)."""

    def soon(line: Line, order: Order) -> bool:
        last = _last_of_month(line.end)
        return line.end != (order.end if order.end and after(last, order.end) else last) and not _ends_after(
            line, order
        )

    return _wrong(case, "ProductPeriode/Einddatum", soon)


def tr339(case: Case) -> Iterator[Fault]:
    """The category is that of the assignment, if it has one (TR339)."""
    return _wrong(case, "ProductCategorie", lambda line, order: order.category not in {"", line.category})


def tr340(case: Case) -> Iterator[Fault]:
    """The code is that of the assignment, if it has one (TR340)."""
    return _wrong(case, "ProductCode", lambda line, order: order.code not in {"", line.code})


def tr341(case: Case) -> Iterator[Fault]:
    """The unit is that of the assignment, or minutes for hours (TR341). Without Omvang the contract tells it."""
    return _wrong(case, "Eenheid", lambda line, order: order.volume is not None and _size(line, order) is None)


def tr321(case: Case) -> Iterator[Fault]:
    """A line fits what its assignment allows in its period (TR321)."""
    return _wrong(case, "GeleverdVolume", lambda line, order: _exceeds_period(case, line, order))


def tr322(case: Case) -> Iterator[Fault]:
    """All lines together fit what their assignment allows in total (TR322)."""

    def allowed(order: Order) -> int | None:
        most = volume.in_total(order) if order.volume is not None else None
        return None if most is None else volume.measured(order, most, order.unit)

    return _exceeding(case, "GeleverdVolume", allowed, _size)


def tr369(case: Case) -> Iterator[Fault]:
    """The amounts of all lines together fit the budget (TR369)."""
    return _exceeding(case, "IngediendBedrag", lambda order: order.budget, lambda line, _: line.amount)


# The answer


def tr337(case: Case) -> Iterator[Fault]:
    """An answer tells identification and date of a declaration that its sender received (TR337)."""
    known = case.past.get(keys.declarations(case.facts), ())
    dates = {heard.dated for heard in known if heard.message == keys.answered_message(case.facts)}
    for answer in case.of(Answer):
        if answer.dated not in dates:
            yield answer, f"Header/DeclaratieIdentificatie/{'Dagtekening' if dates else 'Identificatie'}"


def tr371(case: Case) -> Iterator[Fault]:
    """XsdVersieDeclaratie is XsdVersie of the declaration (TR371)."""
    for answer, declaration in _answered(case):
        if answer.versions != declaration.versions:
            yield answer, "Header/XsdVersieDeclaratie"


def tr376(case: Case) -> Iterator[Fault]:
    """DeclaratieNummer is that of the declaration; if only a header came back there is none (TR376)."""
    for answer, declaration in _answered(case):
        if answer.number not in {"", declaration.number}:
            yield answer, "DeclaratieAntwoord/DeclaratieNummer"


def ho018(case: Case) -> Iterator[Fault]:
    """TotaalIngediendBedrag is that of the declaration (HO018); nationally no rule has a code for it."""
    for answer, declaration in _answered(case):
        if answer.number and answer.submitted != declaration.total:
            yield answer, "DeclaratieAntwoord/TotaalIngediendBedrag"


def tr304_answer(case: Case) -> Iterator[Fault]:
    """A client of an answer is one of the declaration (TR304)."""
    if case.bsn and not _declared(case):
        yield from ((line, "Bsn") for line in case.of(Line)[:1])


def tr366(case: Case) -> Iterator[Fault]:
    """A rejected line has the ReferentieNummer of a line of this client in the declaration (TR366)."""
    declared = _declared(case)
    if declared or not case.bsn:  # else TR304
        yield from ((line, REFERENCE) for line in case.of(Line) if line.reference not in declared)


def tr367(case: Case) -> Iterator[Fault]:
    """A rejected line says what the line of the declaration says (TR367)."""
    declared = _declared(case)
    for line in case.of(Line):
        known = declared.get(line.reference, line)
        differing = [field for name, field in FIELDS.items() if getattr(line, name) != getattr(known, name)]
        for field in dict.fromkeys(differing):
            yield line, field if line.bsn else field.replace("ProductPeriode", "Periode")


# What they share


def _debits(case: Case) -> list[Line]:
    return [line for line in case.of(Line) if not line.previous]


def _subject(line: Line) -> tuple[int | None, str, str, str, str]:
    """What is declared once: order, product, period."""
    return line.number, line.category, line.code, line.begin, line.end


def _uses(said: tuple[object, ...], reference: str) -> bool:
    """Whether a record of a reference tells that it was used; it also holds the credit of a Termijn."""
    return any(isinstance(each, Use) or (isinstance(each, Line) and each.reference == reference) for each in said)


def _wrong(case: Case, field: str, wrong: Callable[[Line, Order], bool]) -> Iterator[Fault]:
    """Which debits do not go with their order; TR338 and TR384 tell those that have none."""

    def faults(orders: Orders) -> Iterator[Fault]:
        return ((line, field) for line, order in _ordered(case, orders) if wrong(line, order))

    if not any(wrong(line, order) for line, order in case.once(_as_it_is)):
        return iter(())
    return surely(case, faults)


def _as_it_is(case: Case) -> list[tuple[Line, Order]]:
    """The debits with their orders as those are now: where nothing is wrong with these, nothing surely is."""
    return list(_ordered(case, case.orders))


def _ordered(case: Case, orders: Orders) -> Iterator[tuple[Line, Order]]:
    for line in _debits(case):
        order = orders.get(line.number) if line.number is not None else None
        if order is not None and order.reason != REMOVED:
            yield line, order


def _begins_before(line: Line, order: Order) -> bool:
    return after(order.begin, line.begin)


def _ends_after(line: Line, order: Order) -> bool:
    return bool(order.end) and after(line.end, order.end)


def _within(line: Line, order: Order) -> bool:
    return not _begins_before(line, order) and not _ends_after(line, order)


def _size(line: Line, order: Order) -> int | None:
    return None if line.volume is None else volume.measured(order, line.volume, line.unit)


def _exceeds_period(case: Case, line: Line, order: Order) -> bool:
    """Whether a line is too much for its period. One outside its order is for TR307 and TR308, a unit for TR341."""
    size = _size(line, order)
    if order.volume is None or size is None or not _within(line, order):
        return False
    most = volume.in_period(order, case.facts.wet, line.begin, line.end)
    return size > (volume.measured(order, most, order.unit) or 0)


def _exceeding(
    case: Case, field: str, allowed: Callable[[Order], int | None], size: Callable[[Line, Order], int | None]
) -> Iterator[Fault]:
    """Which debits do not fit beside those of before and those above them in the message.

    What is wrong by itself (TR307, TR308, TR321) takes no room from others, nor does a line that does not fit.
    """

    def faults(orders: Orders) -> Iterator[Fault]:
        rooms = {order.number: allowed(order) for _, order in _ordered(case, orders)}
        room = {number: most for number, most in rooms.items() if most is not None}
        for line in case.standing if room else ():
            if line.number in room:
                room[line.number] -= size(line, orders[line.number]) or 0
        for line, order in _ordered(case, orders):
            more = size(line, order)
            if (
                order.number not in room
                or more is None
                or not _within(line, order)
                or _exceeds_period(case, line, order)
            ):
                continue
            if more > room[order.number]:
                yield line, field
            else:
                room[order.number] -= more

    if all(allowed(order) is None for _, order in case.once(_as_it_is)):
        return iter(())
    return surely(case, faults)


def _last_of_month(date: str) -> str:
    year, month = date[:-6], date[-5:-3]
    # The calendar repeats itself every 400 years, and Python knows no year beyond 9999.
    return f"{year}-{month}-{monthrange(2000 + int(year) % 400, int(month))[1]}"


def _answered(case: Case) -> Iterator[tuple[Answer, Declaration]]:
    record = case.past.get(keys.answered_message(case.facts), ())
    return ((answer, declaration) for answer in case.of(Answer) for declaration in earlier(record, Declaration))


def _declared(case: Case) -> dict[str, Line]:
    """The lines of this client in the declaration that is answered, by reference."""
    answered = keys.answered_message(case.facts)
    record = tuple(heard for heard in case.record if heard.message == answered)
    return {line.reference: line for line in earlier(record, Line)}
