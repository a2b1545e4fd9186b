"""Rules on declarations (323) and their answers (325). Amounts in cents."""

from calendar import monthrange

from gateway.rules.klasse import NO_FAULT, NOTHING, Klasse, Memory, Verdict, after, number, signed, years_before
from gateway.rules.persoon import duplicate

FIRST_DAY = "2021-01-01"
EUROS = "83"
YEARS_BACK = 5


def period_of(line: Klasse) -> tuple[str, str, str]:
    """Name, begin and end of the period of a Prestatie, Termijn or Declaratie."""
    name = "ProductPeriode" if "ProductPeriode" in line else "Periode" if "Periode" in line else "DeclaratiePeriode"
    period = line[name]
    return name, period["Begindatum"], period["Einddatum"]


def _total(klasse: Klasse, field: str = "TotaalIngediendBedrag") -> int:
    return signed(klasse[field]["TotaalBedrag"], klasse[field]["DebetCredit"])


def cd060(line: Klasse, memory: Memory) -> Verdict:
    """VorigReferentieNummer is filled if and only if the line is a credit (CD060)."""
    credit, previous = (
        line["IngediendBedrag"]["DebetCredit"] == "C",
        "VorigReferentieNummer" in line["ProductReferentie"],
    )
    if credit == previous:
        return None
    return "ProductReferentie/VorigReferentieNummer" if previous else "ProductReferentie"


def cd087(line: Klasse, memory: Memory) -> Verdict:
    """ProductTarief is filled if and only if the unit is not euros (CD087)."""
    if ("ProductTarief" in line) == (line["Eenheid"] != EUROS):
        return None
    return "ProductTarief" if "ProductTarief" in line else ""


def cs100(line: Klasse, memory: Memory) -> Verdict:
    """Periods lie in 2021 or later (CS100)."""
    name, begin, end = period_of(line)
    if after(FIRST_DAY, begin):
        return f"{name}/Begindatum"
    return f"{name}/Einddatum" if after(FIRST_DAY, end) else None


def cs325(line: Klasse, memory: Memory) -> Verdict:
    """A line of nought is a debit (CS325)."""
    return _nought(line, "IngediendBedrag", "Bedrag")


def cs325_ingediend(declaration: Klasse, memory: Memory) -> Verdict:
    """A total of nought is a debit (CS325)."""
    return _nought(declaration, "TotaalIngediendBedrag")


def cs325_toegekend(answer: Klasse, memory: Memory) -> Verdict:
    """A granted total of nought is a debit (CS325)."""
    return _nought(answer, "TotaalToegekendBedrag")


def _nought(klasse: Klasse, field: str, part: str = "TotaalBedrag") -> Verdict:
    held = klasse[field]
    return f"{field}/DebetCredit" if held["DebetCredit"] == "C" and number(held[part]) == 0 else None


def cs337(line: Klasse, memory: Memory) -> Verdict:
    """A product period lies inside one calendar month (CS337)."""
    _, begin, end = period_of(line)
    return "ProductPeriode/Einddatum" if begin[:-3] != end[:-3] else None


def cs339(line: Klasse, memory: Memory) -> Verdict:
    """In euros the volume is the amount (CS339)."""
    if line["Eenheid"] != EUROS:
        return None
    same = number(line["GeleverdVolume"]) == number(line["IngediendBedrag"]["Bedrag"])
    return None if same else "IngediendBedrag/Bedrag"


def cs340(declaration: Klasse, memory: Memory) -> Verdict:
    """The declaration period is one whole calendar month (CS340)."""
    _, begin, end = period_of(declaration)
    if not begin.endswith("-01"):
        return "DeclaratiePeriode/Begindatum"
    month = begin[:-3]
    whole = len(begin) == 10 and end == f"{month}-{monthrange(int(month[:4]), int(month[5:]))[1]}"
    return None if whole else "DeclaratiePeriode/Einddatum"


def tr101_prestatie(line: Klasse, memory: Memory) -> Verdict:
    """A reference stands with a client once (TR101)."""
    reference = line["ProductReferentie"]
    key = (reference["ReferentieNummer"], reference.get("VorigReferentieNummer"))
    return "ProductReferentie/ReferentieNummer" if duplicate(key, line, memory) else None


def tr134(line: Klasse, memory: Memory) -> Verdict:
    """A period does not begin after the Dagtekening (TR134)."""
    name, begin, _ = period_of(line)
    return f"{name}/Begindatum" if after(begin, memory.dated) else None


def tr137(line: Klasse, memory: Memory) -> Verdict:
    """A period does not end before it begins, nor after the Dagtekening (TR137)."""
    name, begin, end = period_of(line)
    return f"{name}/Einddatum" if after(begin, end) or after(end, memory.dated) else None


def line_seen(line: Klasse, memory: Memory) -> Verdict:
    """Remember amount and references for TR316, TR342 and TR358; never says anything."""
    submitted = line["IngediendBedrag"]
    memory.sums["lines"] += signed(submitted["Bedrag"], submitted["DebetCredit"])
    reference = line["ProductReferentie"]
    memory.seen["references"][reference["ReferentieNummer"]] = True
    previous = reference.get("VorigReferentieNummer")
    if previous:
        memory.seen["credited"].setdefault(previous, memory.spot(line, "ProductReferentie/VorigReferentieNummer"))
    return None


def tr315(line: Klasse, memory: Memory) -> Verdict:
    """A line is credited once in a message (TR315)."""
    previous = line["ProductReferentie"].get("VorigReferentieNummer")
    twice = previous is not None and previous in memory.seen["TR315"]
    if previous is not None:
        memory.seen["TR315"][previous] = True
    return "ProductReferentie/VorigReferentieNummer" if twice else None


def tr316(declaration: Klasse, memory: Memory) -> Verdict:
    """A line is not credited in the message that declares it (TR316)."""
    declared = memory.seen["references"]
    return [spot for credited, spot in memory.seen["credited"].items() if credited in declared] or None


def _declared(line: Klasse, memory: Memory) -> tuple[str, str]:
    """The last day of the declaration period, and the last day that is too long before DeclaratieDagtekening.

    A message has one Declaratie, and both stand before its lines, so they are looked up once.
    """
    known = memory.seen["declared"]
    if not known:
        declaration = line.above("Declaratie") or NOTHING
        signed_on = declaration.text("DeclaratieDagtekening")
        known["dates"] = declaration.text("DeclaratiePeriode", "Einddatum"), years_before(signed_on, YEARS_BACK)
    dates: tuple[str, str] = known["dates"]
    return dates


def tr319(line: Klasse, memory: Memory) -> Verdict:
    """A product period does not lie after the declaration period (TR319)."""
    name, _, end = period_of(line)
    last, _ = _declared(line, memory)
    return f"{name}/Einddatum" if last and after(end, last) else None


def tr335(line: Klasse, memory: Memory) -> Verdict:
    """A product period ends at most five years before the DeclaratieDagtekening (TR335)."""
    name, _, end = period_of(line)
    _, oldest = _declared(line, memory)
    return f"{name}/Einddatum" if after(oldest, end) else None


def tr342(answer: Klasse, memory: Memory) -> Verdict:
    """What is not granted is the sum of the rejected lines; a rejected declaration grants nothing (TR342)."""
    granted = _total(answer, "TotaalToegekendBedrag")
    if not NO_FAULT.issuperset(answer["RetourCodes"]):
        return "TotaalToegekendBedrag/TotaalBedrag" if granted else None
    explained = _total(answer) - granted == memory.sums["lines"]
    return None if explained else "TotaalToegekendBedrag/TotaalBedrag"


def tr358(declaration: Klasse, memory: Memory) -> Verdict:
    """The total is the debits less the credits, its sign in DebetCredit (TR358)."""
    good = _total(declaration) == memory.sums["lines"]
    return None if good else "TotaalIngediendBedrag/TotaalBedrag"


def tr416(line: Klasse, memory: Memory) -> Verdict:
    """One debit of a client per assignment or order, category, code and period (TR416).

    The same number at another client is for TR304 (level 3) to judge: no client is held to the lines of another.
    """
    if line["IngediendBedrag"]["DebetCredit"] != "D":
        return None
    client = (line.up or NOTHING).get("Bsn")
    order = line.get("OpdrachtNummer") or line["ToewijzingNummer"]
    key = (client, number(order), line["ProductCategorie"], line["ProductCode"], *period_of(line)[1:])
    seen = memory.seen["TR416"]
    if key in seen:
        return "ProductPeriode"
    seen[key] = True
    return None


OF_PERIOD = frozenset({cs100, cs337, tr134, tr137, tr319, tr335})
"""Rules whose verdict on a line follows from its period and the message around it: what passes is not judged again."""
