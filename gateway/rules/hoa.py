"""Rules of our own family, HOA 1.0: on what the national messages do not have. Their codes begin with HO."""

from gateway.rules.klasse import GRANTED, NO_REMARK, NOTHING, Klasse, Memory, Verdict, after, number
from gateway.rules.persoon import duplicate
from gateway.rules.toewijzing import CATEGORIES

EUROS = "83"
UNITS = {
    "I": frozenset({"01", "04", "14", "16", "84"}),
    "O": frozenset({"82", EUROS}),
    "T": frozenset({EUROS}),
}
"""The units that go with each Uitvoeringsvariant."""
OTHER_MARK = "99"
NOT_HERE = "8"
"""Refused because another gemeente is responsible: only the Jeugdwet knows that reason."""
GIVEN, WITH_CONDITIONS, REFUSED, WITHDRAWN = "1", "2", "3", "4"
CONTRACT_REFUSED = "2"


def tr134_peildatum(progress: Klasse, memory: Memory) -> Verdict:
    """Nobody looks at goals on a day that is still to come (as TR134)."""
    return "Peildatum" if after(progress["Peildatum"], memory.dated) else None


def ho001_categorie(klasse: Klasse, memory: Memory) -> Verdict:
    """The product category of a Prestatie or Dienst belongs to the law in the header (HO001)."""
    return None if klasse["ProductCategorie"] in CATEGORIES[memory.wet] else "ProductCategorie"


def ho003_taak(task: Klasse, memory: Memory) -> Verdict:
    """A task stands in an order once (HO003)."""
    return "TaakCode" if duplicate((_order(task), task["TaakCode"]), task, memory) else None


def ho003_doel(goal: Klasse, memory: Memory) -> Verdict:
    """A goal stands in an order once, and once in what is said of that order on one day (HO003)."""
    day = (goal.above("Voortgang") or NOTHING).text("Peildatum")
    return "DoelNummer" if duplicate((_order(goal), day, number(goal["DoelNummer"])), goal, memory) else None


def ho003_voortgang(progress: Klasse, memory: Memory) -> Verdict:
    """Of an order the progress on one day is told once (HO003)."""
    return (
        "Peildatum"
        if duplicate((number(progress["OpdrachtNummer"]), progress["Peildatum"]), progress, memory)
        else None
    )


def ho003_dienst(service: Klasse, memory: Memory) -> Verdict:
    """A product category is named once (HO003)."""
    return "ProductCategorie" if duplicate((service["ProductCategorie"],), service, memory) else None


def ho003_kenmerk(mark: Klasse, memory: Memory) -> Verdict:
    """A mark of quality is named once; only of other marks there may be several (HO003)."""
    return "Soort" if mark["Soort"] != OTHER_MARK and duplicate((mark["Soort"],), mark, memory) else None


def ho003_gebied(area: Klasse, memory: Memory) -> Verdict:
    """A gemeente is named once (HO003)."""
    return "Gemeente" if duplicate((area["Gemeente"],), area, memory) else None


def ho003_regel(line: Klasse, memory: Memory) -> Verdict:
    """A product has one price per unit (HO003)."""
    product = line["Product"]
    return "Product" if duplicate((product["Categorie"], product.get("Code"), line["Eenheid"]), line, memory) else None


def _order(part: Klasse) -> str:
    """Number of the order that a part of it stands in; as text, for of a large order it may yet prove to be none."""
    return (part.above("Opdracht") or part.above("Voortgang") or NOTHING).text("OpdrachtNummer")


def ho004(goal: Klasse, memory: Memory) -> Verdict:
    """A goal is not to be reached before its order begins (HO004)."""
    begin = (goal.above("Opdracht") or NOTHING).text("Ingangsdatum")
    return "Streefdatum" if begin and "Streefdatum" in goal and after(begin, goal["Streefdatum"]) else None


def ho005(line: Klasse, memory: Memory) -> Verdict:
    """The VAT is the share of the amount that its rate makes, in cents, rounded once per line, half up (HO005).

    An amount with VAT in it is (100 + rate) / 100 of the amount without, so the share is rate / (100 + rate). Who adds
    VAT to an amount and rounds that, comes out the same: the two ways differ by less than half a cent.
    """
    vat = line.get("Btw")
    if vat is None:
        return None
    rate = number(vat["Tarief"])
    share = (2 * rate * number(line["IngediendBedrag"]["Bedrag"]) + 100 + rate) // (2 * (100 + rate))
    return None if number(vat["Bedrag"]) == share else "Btw/Bedrag"


def ho006_gezagsdrager(client: Klasse, memory: Memory) -> Verdict:
    """Who has custody is asked under the Jeugdwet only (HO006)."""
    return "GezagsdragerBekend" if "GezagsdragerBekend" in client and memory.wet != "JW" else None


def ho006_reden(reply: Klasse, memory: Memory) -> Verdict:
    """Only the Jeugdwet refuses because residence appoints another gemeente (HO006; the class itself is TR409's)."""
    return "RedenAfwijzingVerzoek" if reply.get("RedenAfwijzingVerzoek") == NOT_HERE and memory.wet != "JW" else None


def ho007(mark: Klasse, memory: Memory) -> Verdict:
    """A mark of quality that is reported is still valid on the Dagtekening (HO007)."""
    return "GeldigTot" if after(memory.dated, mark["GeldigTot"]) else None


def ho008(message: Klasse, memory: Memory) -> Verdict:
    """There is a Besluit if and only if there is no remark on the message that it answers (HO008)."""
    accepted = set(message["Header"]["RetourCodes"]) == {NO_REMARK}
    if accepted == ("Besluit" in message):
        return None
    return "Besluit" if "Besluit" in message else "Header/RetourCodes"


def ho009(message: Klasse, memory: Memory) -> Verdict:
    """A decision names the message that it answers and its schema, unless consent is withdrawn unasked (HO009)."""
    header = message["Header"]
    named = "HeenIdentificatie" in header
    if named != ("XsdVersieHeen" in header):
        return "Header/XsdVersieHeen"
    return None if named or message.text("Besluit", "Beslissing") == WITHDRAWN else "Header"


def ho010(decision: Klasse, memory: Memory) -> Verdict:
    """There are Voorwaarden if and only if consent is given with conditions (HO010)."""
    if ("Voorwaarden" in decision) == (decision["Beslissing"] == WITH_CONDITIONS):
        return None
    return "Voorwaarden" if "Voorwaarden" in decision else ""


def ho011_toestemming(decision: Klasse, memory: Memory) -> Verdict:
    """There is a Reden if and only if consent is refused or withdrawn (HO011)."""
    return _reason(decision, needed=decision["Beslissing"] in {REFUSED, WITHDRAWN})


def ho011_raamovereenkomst(decision: Klasse, memory: Memory) -> Verdict:
    """There is a Reden if and only if the contract is refused (HO011)."""
    return _reason(decision, needed=decision["Beslissing"] == CONTRACT_REFUSED)


def _reason(decision: Klasse, *, needed: bool) -> Verdict:
    if ("Reden" in decision) == needed:
        return None
    return "" if needed else "Reden"


def ho012(decision: Klasse, memory: Memory) -> Verdict:
    """Only consent that is given has a last day (HO012)."""
    given = decision["Beslissing"] in {GIVEN, WITH_CONDITIONS}
    return "Einddatum" if "Einddatum" in decision and not given else None


def ho013(retention: Klasse, memory: Memory) -> Verdict:
    """The hoofdaannemer keeps no more than the region allows (HO013)."""
    most = retention.get("Maximumpercentage")
    return "Retentiepercentage" if most and number(retention["Retentiepercentage"]) > number(most) else None


def ho014(line: Klasse, memory: Memory) -> Verdict:
    """The unit goes with the Uitvoeringsvariant: time or effort, a result, or a sum for a task (HO014)."""
    variant = (line.above("Raamovereenkomst") or NOTHING).text("Uitvoeringsvariant")
    return "Eenheid" if variant in UNITS and line["Eenheid"] not in UNITS[variant] else None


def ho015(line: Klasse, memory: Memory) -> Verdict:
    """In euros there is a Bedrag and no Tarief; in any other unit a Tarief and no Bedrag (HO015)."""
    asked, strange = ("Bedrag", "Tarief") if line["Eenheid"] == EUROS else ("Tarief", "Bedrag")
    if strange in line:
        return strange
    return None if asked in line else ""


def ho016_melding(message: Klasse, memory: Memory) -> Verdict:
    """An onderaannemer is somebody else than who reports it (HO016)."""
    own = message["Onderaannemer"]["AgbCode"] == message["Header"]["Afzender"]
    return "Onderaannemer/AgbCode" if own else None


def ho016_besluit(message: Klasse, memory: Memory) -> Verdict:
    """A decision is on somebody else than the hoofdaannemer who gets it (HO016)."""
    own = message.text("Besluit", "AgbCode") == message["Header"]["Ontvanger"]
    return "Besluit/AgbCode" if own else None


def ho017(answer: Klasse, memory: Memory) -> Verdict:
    """What is granted as a whole (8001) has no rejected lines, from which equal totals follow (HO017, IV087)."""
    listed = "Clienten" in answer or "Termijnen" in answer
    return "RetourCodes" if GRANTED in answer["RetourCodes"] and listed else None
