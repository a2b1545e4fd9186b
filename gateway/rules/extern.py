"""Level-4 rules that need no register and no clock: code lists and arithmetic. Amounts in cents.

They run in the same pass as level 2 and are told when that is clean. Two rules of level 4 wait for the register, for
without it there is nothing to hold a message against: TR381 (ProductCode belongs to ProductCategorie; the standard
leaves the list of codes to the contract) and TR418 (ProductTarief is the tariff of the contract). No list but that of
the gemeenten has a code that begins or ends while the releases are in use, so no other field is held against a day.
"""

from collections.abc import Callable
from functools import cache

from gateway.codes import code_list
from gateway.rules import NOTE, RULES, Classes, Rules
from gateway.rules.klasse import Klasse, Memory, Verdict, after, number

MINUTES = "01"
GEMEENTEN = "CBS"
DIGITS = 4
NOT_A_GEMEENTE = "S300"


def tr346(line: Klasse, memory: Memory) -> Verdict:
    """IngediendBedrag is GeleverdVolume times ProductTarief, unless the unit is euros (TR346).

    What is declared in minutes may have an hourly tariff, of which ProductTarief shows no more than the rounded
    sixtieth; see ``from_an_hourly_tariff``. HOA declares likewise, VAT included in tariff and amount.
    """
    if "ProductTarief" not in line:  # with euros there is none (CD087)
        return None
    volume, tariff, amount = (
        number(line["GeleverdVolume"]), number(line["ProductTarief"]), number(line["IngediendBedrag"]["Bedrag"])
    )  # fmt: skip
    good = amount == volume * tariff or (line["Eenheid"] == MINUTES and from_an_hourly_tariff(amount, volume, tariff))
    return None if good else "IngediendBedrag/Bedrag"


def from_an_hourly_tariff(amount: int, minutes: int, tariff: int) -> bool:
    """Whether some hourly tariff in whole cents explains both this amount and this tariff per minute (IV081).

    Both are rounded once, half up: the tariff is hourly / 60, the amount hourly * minutes / 60. The message does not
    show the hourly tariff, so any that fits is allowed, and the amount may stray from minutes * tariff by up to half a
    cent a minute. Only the contract can tell which hourly tariff is the right one (TR418).
    """
    if not minutes:
        return not amount
    # tariff = (hourly + 30) // 60 and amount = (hourly * minutes + 30) // 60, solved for hourly.
    least = max(60 * tariff - 30, -((30 - 60 * amount) // minutes), 0)
    most = min(60 * tariff + 29, (60 * amount + 29) // minutes)
    return least <= most


def begin_seen(granted: Klasse, memory: Memory) -> Verdict:
    """Remember for TR378 when what is assigned, ordered or asked for begins; never says anything."""
    memory.seen["TR378"][granted.get("ToewijzingIngangsdatum") or granted["Ingangsdatum"]] = True
    return None


def tr378_begun(bericht: Klasse, memory: Memory) -> Verdict:
    """The gemeente in the header is one on the Dagtekening, or was one when something in the message begins (TR378)."""
    return _header(bericht, memory, _stands)


def tr378(bericht: Klasse, memory: Memory) -> Verdict:
    """The gemeente in the header is one on the Dagtekening, or was one before (TR378).

    After a merger the old code may be used for an assignment from before it. When that began, this message does not
    tell, so a code that has ended is not held against its sender (OP095).
    """
    return _header(bericht, memory, _existed)


def tr378_gemeente_begun(klasse: Klasse, memory: Memory) -> Verdict:
    """As ``tr378_begun``, of the gemeente that a class in the body names (TR378)."""
    return None if _stands(klasse["Gemeente"], memory) else "Gemeente"


def tr378_gemeente(klasse: Klasse, memory: Memory) -> Verdict:
    """As ``tr378``, of the gemeente that a class in the body names (TR378)."""
    return None if _existed(klasse["Gemeente"], memory) else "Gemeente"


def gebied_seen(gebied: Klasse, memory: Memory) -> Verdict:
    """Remember a gemeente until the first day of the contract is known; never says anything."""
    memory.seen["TR378 gebied"].setdefault(gebied["Gemeente"], memory.spot(gebied, "Gemeente"))
    return None


def tr378_gebieden(contract: Klasse, memory: Memory) -> Verdict:
    """Every gemeente of a contract is one on the Dagtekening or on the first day of the contract (TR378)."""
    begin_seen(contract, memory)
    return [spot for code, spot in memory.seen["TR378 gebied"].items() if not _stands(code, memory)] or None


def _header(bericht: Klasse, memory: Memory, good: Callable[[str, Memory], bool]) -> Verdict:
    """Where in the header a gemeente stands that is not good: a code of four digits, providers have eight.

    An answer that says S300 to this code repeats it.
    """
    header = bericht["Header"]
    if NOT_A_GEMEENTE in header.get("RetourCodes", ()):
        return None
    sides = (side for side in ("Afzender", "Ontvanger") if len(header[side]) == DIGITS)
    return next((f"Header/{side}" for side in sides if not good(header[side], memory)), None)


def _stands(code: str, memory: Memory) -> bool:
    gemeenten = code_list(GEMEENTEN)
    return any(
        gemeenten.valid(code, date) or after(date, gemeenten.known_until)
        for date in (memory.dated, *memory.seen["TR378"])
    )


def _existed(code: str, memory: Memory) -> bool:
    gemeenten = code_list(GEMEENTEN)
    return gemeenten.existed(code, memory.dated) or after(memory.dated, gemeenten.known_until)


BEGUN: Rules = ((NOTE, begin_seen),)
HEADER_BEGUN: Rules = (("TR378", tr378_begun),)
HEADER: Rules = (("TR378", tr378),)
PRESTATIE: Rules = (("TR346", tr346),)
NATIONAL: dict[str, Classes] = {
    "301": {"ToegewezenProduct": BEGUN, "Bericht": HEADER_BEGUN},
    "305": {"Bericht": HEADER},
    "307": {"Bericht": HEADER},
    "315": {"AangevraagdProduct": BEGUN, "Bericht": HEADER_BEGUN},
    "317": {"Bericht": HEADER},
    "319": {"Woonplaatsbeginsel": (("TR378", tr378_gemeente),), "Bericht": HEADER},
    "323": {"Prestatie": PRESTATIE, "Bericht": HEADER},
    "325": {"Bericht": HEADER},
}
EXTERN: dict[str, Classes] = {
    **{f"{law}{kind}": classes for law in ("jw", "wmo") for kind, classes in NATIONAL.items()},
    "ho301": {"Opdracht": BEGUN, "Client": (("TR378", tr378_gemeente_begun),)},
    "ho315": {"AangevraagdProduct": BEGUN, "Client": (("TR378", tr378_gemeente_begun),)},
    "ho317": {"Client": (("TR378", tr378_gemeente),)},
    "ho319": {"Woonplaatsbeginsel": (("TR378", tr378_gemeente),)},
    "ho323": {"Prestatie": PRESTATIE},
    "ho331": {"Onderaannemer": BEGUN, "Bericht": HEADER_BEGUN},
    "ho332": {"Bericht": HEADER_BEGUN},
    "ho341": {"Gebied": ((NOTE, gebied_seen),), "Raamovereenkomst": (("TR378", tr378_gebieden),)},
}
"""As ``RULES``; ``Bericht`` is the message itself, which comes last."""


@cache
def rules_of(message: str) -> Classes:
    """All rules that a pass over a message of this type runs, of level 2 and of level 4, by class."""
    within, beyond = RULES.get(message, {}), EXTERN.get(message, {})
    return {name: (*within.get(name, ()), *beyond.get(name, ())) for name in {**within, **beyond}}
