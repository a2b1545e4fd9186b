"""Rules on what is to be delivered and when: assignment and order (301), start (305) and stop (307).

Products that are asked for (315, 317) obey most of the rules of those that are granted (301), some of them under a
code of their own; such a rule stands here once and names all its codes.
"""

from collections.abc import Iterable
from typing import TypeVar

from gateway.rules.klasse import NOTHING, Klasse, Memory, Verdict, after, moment, number
from gateway.rules.persoon import duplicate

Thing = TypeVar("Thing")
Moment = tuple[int, str]

NO_MORE_OLD_ASSIGNMENTS = "2020-12-31"
FOREVER = "9999-12-31"
NEEDS_PERIOD = frozenset({"14", "16", "83", "84"})
WMO_TOOLS = frozenset({"11", "12", "13", "14"})
CATEGORIES = {
    "JW": frozenset({*map(str, range(31, 39)), *map(str, range(40, 56))}),
    "WMO": frozenset(f"{n:02d}" for n in range(1, 19)),
}
REASONS_TO_STOP = {
    "JW": frozenset({"02", "20", *map(str, range(31, 40))}),
    "WMO": frozenset({"02", *map(str, range(19, 24)), "31", "36", "37", "38", "39"}),
}


BEGIN = {
    "AangevraagdProduct": "ToewijzingIngangsdatum",
    "NieuwProduct": "GewensteIngangsdatum",
    "TeWijzigenProduct": "GewensteIngangsdatum",
}
"""What the first day of a product is called where it is not Ingangsdatum."""
END = {"AangevraagdProduct": "ToewijzingEinddatum"}
"""What its last day is called where it is not Einddatum."""


def _begin(product: Klasse) -> str:
    begin: str = product[BEGIN.get(product.name, "Ingangsdatum")]
    return begin


def _end(product: Klasse) -> str | None:
    return product.get(END.get(product.name, "Einddatum"))


def _code(product: Klasse) -> str:
    code: str = product.get("Product", NOTHING).get("Code", "")
    return code


def _runs_on(product: Klasse) -> bool:
    """Whether it ends after 2020 or has no end."""
    end = _end(product)
    return end is None or after(end, NO_MORE_OLD_ASSIGNMENTS)


def cd041(product: Klasse, memory: Memory) -> Verdict:
    """With a product code there is an Omvang (iStandaarden 3.2, CD041)."""
    return "" if _code(product) and "Omvang" not in product else None


def cd075(product: Klasse, memory: Memory) -> Verdict:
    """With a Budget there is a last day (CD075)."""
    return "" if "Budget" in product and _end(product) is None else None


def cd076(product: Klasse, memory: Memory) -> Verdict:
    """With Frequentie 2, a week, there is a last day (CD076)."""
    return "" if product.get("Omvang", NOTHING).get("Frequentie") == "2" and _end(product) is None else None


def cd077(product: Klasse, memory: Memory) -> Verdict:
    """With a Budget there is no Omvang (CD077)."""
    return "Omvang" if "Budget" in product and "Omvang" in product else None


def cd078(product: Klasse, memory: Memory) -> Verdict:
    """With an Omvang there is no Budget (CD078): the other side of CD077, so both are always broken together."""
    return "Budget" if "Budget" in product and "Omvang" in product else None


def cd079(product: Klasse, memory: Memory) -> Verdict:
    """Without a Budget there is a Product (CD079)."""
    return "" if "Budget" not in product and "Product" not in product else None


def cd080(product: Klasse, memory: Memory) -> Verdict:
    """Without a product code there is no Omvang, unless all ends before 2021 (CD080; CD095 in 315, CD096 in 317)."""
    return "Omvang" if "Omvang" in product and not _code(product) and _runs_on(product) else None


def cs003(product: Klasse, memory: Memory) -> Verdict:
    """The last day is not before the first (CS003)."""
    end = _end(product)
    return END.get(product.name, "Einddatum") if end and after(_begin(product), end) else None


def cs335(granted: Klasse, memory: Memory) -> Verdict:
    """RedenWijziging 13, removed, goes with Einddatum equal to Ingangsdatum (CS335)."""
    removed = granted.get("RedenWijziging") == "13"
    return "RedenWijziging" if removed and granted.get("Einddatum") != granted["Ingangsdatum"] else None


def cs336(granted: Klasse, memory: Memory) -> Verdict:
    """RedenWijziging 01 is no longer used (CS336)."""
    return "RedenWijziging" if granted.get("RedenWijziging") == "01" else None


def cs338(product: Klasse, memory: Memory) -> Verdict:
    """Units 14, 16, 83 and 84 go with Frequentie 2, 4 or 6, unless all ends before 2021 (CS338; CS343 in 315)."""
    volume = product.get("Omvang", NOTHING)
    wrong = volume.get("Eenheid") in NEEDS_PERIOD and volume["Frequentie"] not in {"2", "4", "6"}
    return "Omvang/Frequentie" if wrong and _runs_on(product) else None


def tr101_nummer(product: Klasse, memory: Memory) -> Verdict:
    """An assignment, or an order, stands once among those of its class (TR101)."""
    field = "OpdrachtNummer" if "OpdrachtNummer" in product else "ToewijzingNummer"
    return field if duplicate((number(product[field]),), product, memory) else None


def tr134_toewijzing(granted: Klasse, memory: Memory) -> Verdict:
    """Toewijzingsdatum or Opdrachtdatum is not after the Dagtekening (TR134)."""
    field = "Opdrachtdatum" if "Opdrachtdatum" in granted else "Toewijzingsdatum"
    return field if after(granted[field], memory.dated) else None


def ho001_product(klasse: Klasse, memory: Memory) -> Verdict:
    """The product category belongs to the law in the header (HO001)."""
    category = klasse.get("Product", NOTHING).get("Categorie")
    return "Product/Categorie" if category and category not in CATEGORIES[memory.wet] else None


def product_seen(product: Klasse, memory: Memory) -> Verdict:
    """Remember product and period for ``overlap``; never says anything.

    A product that was removed on its first day (RedenWijziging 13, formerly 01) is no more. Tools of the Wmo
    (categories 11 to 14) may be had twice, so they neither overlap nor are overlapped.
    """
    begin, end = _begin(product), _end(product) or FOREVER
    removed = product.get("RedenWijziging") in {"13", "01"} and begin == end
    category = product.get("Product", NOTHING).get("Categorie", "")
    exempt = memory.wet == "WMO" and category in WMO_TOOLS
    if not removed and not exempt:
        periods = memory.seen["products"]
        spot = memory.spot(product, BEGIN.get(product.name, "Ingangsdatum"))
        periods[len(periods)] = (moment(begin), moment(end), category, _code(product), spot)
    return None


def overlap(owner: Klasse, memory: Memory) -> Verdict:
    """The same product is not granted or asked for twice at one time (TR302 in 301, TR386 in 315, TR410 in 317)."""
    if len(memory.seen["products"]) < 2:  # nothing to overlap with
        return None
    return clashes(memory.seen["products"].values()) or None


def clashes(periods: Iterable[tuple[Moment, Moment, str, str, Thing]]) -> list[Thing]:
    """Return what begins while the same product still runs; a period is begin, end, category, code and its owner.

    Without a code products are compared by category; without a category any overlap is wrong. One sweep
    in order of begin, keeping the latest end per thing to compare with: n log n, not n².
    """
    latest: dict[tuple[str, ...], Moment] = {}
    found: list[Thing] = []
    for begin, end, category, code, thing in sorted(periods, key=lambda period: period[0]):
        rivals = _rivals(category, code)
        if any(key in latest and latest[key] >= begin for key in rivals):
            found.append(thing)
        for key in _shelves(category, code):
            latest[key] = max(latest.get(key, end), end)
    return found


def _rivals(category: str, code: str) -> tuple[tuple[str, ...], ...]:
    """Which shelves may hold a product that this one may not overlap."""
    if not category:
        return (("all",),)
    if not code:
        return (("any",), ("category", category))
    return (("any",), ("no code", category), ("code", category, code))


def _shelves(category: str, code: str) -> tuple[tuple[str, ...], ...]:
    """On which shelves this product is laid."""
    if not category:
        return (("all",), ("any",))
    if not code:
        return (("all",), ("category", category), ("no code", category))
    return (("all",), ("category", category), ("code", category, code))


def cs058(report: Klasse, memory: Memory) -> Verdict:
    """StatusAanlevering is 1, first, or 3, remove (CS058)."""
    return None if report["StatusAanlevering"] in {"1", "3"} else "StatusAanlevering"


def tr134_start(start: Klasse, memory: Memory) -> Verdict:
    """A start is reported when it has begun, not before (TR134)."""
    return "Begindatum" if after(start["Begindatum"], memory.dated) else None


def tr134_stop(stop: Klasse, memory: Memory) -> Verdict:
    """A stop is reported when it has ended, not before (TR134)."""
    return "Einddatum" if after(stop["Einddatum"], memory.dated) else None


def tr018(stop: Klasse, memory: Memory) -> Verdict:
    """A stop is not before its begin (TR018)."""
    return "Einddatum" if after(stop["Begindatum"], stop["Einddatum"]) else None


def tr101_levering(report: Klasse, memory: Memory) -> Verdict:
    """A start or stop of one product stands in a message once (TR101).

    Its key is number, product and Begindatum, of a stop also reason and Einddatum; not StatusAanlevering.
    """
    nummer = report.text("OpdrachtNummer") or report.text("ToewijzingNummer")
    product = (report.text("Product", "Categorie"), _code(report))
    dates = (report["Begindatum"], report.text("Einddatum"), report.text("RedenBeeindiging"))
    return "" if duplicate((nummer and number(nummer), *product, *dates), report, memory) else None


def ho002(stop: Klasse, memory: Memory) -> Verdict:
    """The reason to stop belongs to the law in the header (HO002)."""
    return None if stop["RedenBeeindiging"] in REASONS_TO_STOP[memory.wet] else "RedenBeeindiging"
