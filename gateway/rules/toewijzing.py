"""Rules on what is to be delivered and when: assignment and order (301), start (305) and stop (307)."""

from gateway.rules.klasse import NOTHING, Klasse, Memory, Spot, Verdict, after, moment, number
from gateway.rules.persoon import duplicate

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


def _code(granted: Klasse) -> str:
    return granted.get("Product", NOTHING).get("Code", "")  # type: ignore[no-any-return]


def _runs_on(granted: Klasse) -> bool:
    """Whether it ends after 2020 or has no end."""
    return "Einddatum" not in granted or after(granted["Einddatum"], NO_MORE_OLD_ASSIGNMENTS)


def cd041(granted: Klasse, memory: Memory) -> Verdict:
    """With a product code there is an Omvang (CD041)."""
    return "" if _code(granted) and "Omvang" not in granted else None


def cd075(granted: Klasse, memory: Memory) -> Verdict:
    """With a Budget there is an Einddatum (CD075)."""
    return "" if "Budget" in granted and "Einddatum" not in granted else None


def cd076(granted: Klasse, memory: Memory) -> Verdict:
    """With Frequentie 2, a week, there is an Einddatum (CD076)."""
    return "" if granted.get("Omvang", NOTHING).get("Frequentie") == "2" and "Einddatum" not in granted else None


def cd077(granted: Klasse, memory: Memory) -> Verdict:
    """With a Budget there is no Omvang (CD077)."""
    return "Omvang" if "Budget" in granted and "Omvang" in granted else None


def cd078(granted: Klasse, memory: Memory) -> Verdict:
    """With an Omvang there is no Budget (CD078)."""
    return "Budget" if "Budget" in granted and "Omvang" in granted else None


def cd079(granted: Klasse, memory: Memory) -> Verdict:
    """Without a Budget there is a Product (CD079)."""
    return "" if "Budget" not in granted and "Product" not in granted else None


def cd080(granted: Klasse, memory: Memory) -> Verdict:
    """Without a product code there is no Omvang, unless all ends before 2021 (CD080)."""
    return "Omvang" if "Omvang" in granted and not _code(granted) and _runs_on(granted) else None


def cs003(granted: Klasse, memory: Memory) -> Verdict:
    """Einddatum is not before Ingangsdatum (CS003)."""
    end = granted.get("Einddatum")
    return "Einddatum" if end and after(granted["Ingangsdatum"], end) else None


def cs335(granted: Klasse, memory: Memory) -> Verdict:
    """RedenWijziging 13, removed, goes with Einddatum equal to Ingangsdatum (CS335)."""
    removed = granted.get("RedenWijziging") == "13"
    return "RedenWijziging" if removed and granted.get("Einddatum") != granted["Ingangsdatum"] else None


def cs336(granted: Klasse, memory: Memory) -> Verdict:
    """RedenWijziging 01 is no longer used (CS336)."""
    return "RedenWijziging" if granted.get("RedenWijziging") == "01" else None


def cs338(granted: Klasse, memory: Memory) -> Verdict:
    """Units 14, 16, 83 and 84 go with Frequentie 2, 4 or 6, unless all ends before 2021 (CS338)."""
    wrong = (
        granted.get("Omvang", NOTHING).get("Eenheid") in NEEDS_PERIOD and granted["Omvang"]["Frequentie"] not in "246"
    )
    return "Omvang/Frequentie" if wrong and _runs_on(granted) else None


def tr101_toewijzing(granted: Klasse, memory: Memory) -> Verdict:
    """An assignment stands in a message once (TR101)."""
    return "ToewijzingNummer" if duplicate((number(granted["ToewijzingNummer"]),), granted, memory) else None


def tr101_opdracht(granted: Klasse, memory: Memory) -> Verdict:
    """An order stands in a message once (TR101)."""
    return "OpdrachtNummer" if duplicate((number(granted["OpdrachtNummer"]),), granted, memory) else None


def tr134_toewijzing(granted: Klasse, memory: Memory) -> Verdict:
    """Toewijzingsdatum or Opdrachtdatum is not after the Dagtekening (TR134)."""
    field = "Opdrachtdatum" if "Opdrachtdatum" in granted else "Toewijzingsdatum"
    return field if after(granted[field], memory.dated) else None


def ho001_product(klasse: Klasse, memory: Memory) -> Verdict:
    """The product category belongs to the law in the header (HO001)."""
    category = klasse.get("Product", NOTHING).get("Categorie")
    return "Product/Categorie" if category and category not in CATEGORIES[memory.wet] else None


def product_seen(granted: Klasse, memory: Memory) -> Verdict:
    """Remember product and period for TR302; never says anything."""
    begin, end = granted["Ingangsdatum"], granted.get("Einddatum") or FOREVER
    removed = granted.get("RedenWijziging") in {"13", "01"} and begin == end
    category = granted.get("Product", NOTHING).get("Categorie", "")
    exempt = memory.wet == "WMO" and category in WMO_TOOLS
    if not removed and not exempt:
        periods = memory.seen["TR302"]
        spot = memory.spot(granted, "Ingangsdatum")
        periods[len(periods)] = (moment(begin), moment(end), category, _code(granted), spot)
    return None


def tr302(client: Klasse, memory: Memory) -> Verdict:
    """The same product is not granted twice at one time (TR302).

    Without a code products are compared by category; without a category any overlap is wrong. One sweep
    in order of begin, keeping the latest end per thing to compare with: n log n, not n².
    """
    if len(memory.seen["TR302"]) < 2:  # nothing to overlap with
        return None
    latest: dict[tuple[str, ...], tuple[int, str]] = {}
    spots: list[Spot] = []
    for begin, end, category, code, spot in sorted(memory.seen["TR302"].values(), key=lambda period: period[0]):
        rivals = _rivals(category, code)
        if any(key in latest and latest[key] >= begin for key in rivals):
            spots.append(spot)
        for key in _shelves(category, code):
            latest[key] = max(latest.get(key, end), end)
    return spots or None


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
    """A start or stop of one product stands in a message once (TR101)."""
    nummer = report.text("OpdrachtNummer")
    product = (report.text("Product", "Categorie"), _code(report))
    dates = (report["Begindatum"], report.text("Einddatum"), report.text("RedenBeeindiging"))
    return "" if duplicate((nummer and number(nummer), *product, *dates), report, memory) else None


def ho002(stop: Klasse, memory: Memory) -> Verdict:
    """The reason to stop belongs to the law in the header (HO002)."""
    return None if stop["RedenBeeindiging"] in REASONS_TO_STOP[memory.wet] else "RedenBeeindiging"
