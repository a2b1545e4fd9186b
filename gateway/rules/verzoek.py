"""Rules on what a provider asks for (315, 317) and on the answer to it (319).

What a product that is asked for has in common with one that is granted stands in ``toewijzing``.
"""

from gateway.rules.klasse import NOTHING, Klasse, Memory, Verdict, after
from gateway.rules.persoon import duplicate

KNOWN_BY_CODE = frozenset({"02", "03", "04", "05"})
"""Referrers that have an AGB-code: two kinds of doctor, a certified institution, a specialist."""
REFUSED, LOOKED_INTO = "1", "2"
ELSEWHERE = "8"
"""Refused because another gemeente is responsible (woonplaatsbeginsel)."""


def cd043(asked: Klasse, memory: Memory) -> Verdict:
    """BeschikkingIngangsdatum is filled if and only if BeschikkingNummer is (iStandaarden 3.2, CD043)."""
    dated = "BeschikkingIngangsdatum" in asked
    if dated == ("BeschikkingNummer" in asked):
        return None
    return "BeschikkingIngangsdatum" if dated else ""


def cd066(asked: Klasse, memory: Memory) -> Verdict:
    """A referrer of Type 02 to 05 who is known by ZorgverlenerCode has no Naam (CD066)."""
    by = asked["Verwijzer"]
    twice = by["Type"] in KNOWN_BY_CODE and "ZorgverlenerCode" in by and "Naam" in by
    return "Verwijzer/Naam" if twice else None


def cd067(asked: Klasse, memory: Memory) -> Verdict:
    """A referrer of Type 02 to 05 without ZorgverlenerCode has a Naam (CD067)."""
    by = asked["Verwijzer"]
    unknown = by["Type"] in KNOWN_BY_CODE and "ZorgverlenerCode" not in by and "Naam" not in by
    return "Verwijzer" if unknown else None


def cd068(asked: Klasse, memory: Memory) -> Verdict:
    """A referrer of any other Type has no ZorgverlenerCode (CD068)."""
    by = asked["Verwijzer"]
    return "Verwijzer/ZorgverlenerCode" if "ZorgverlenerCode" in by and by["Type"] not in KNOWN_BY_CODE else None


def tr101_aangevraagd(asked: Klasse, memory: Memory) -> Verdict:
    """A product that is asked for has a ReferentieAanbieder of its own (TR101)."""
    return "ReferentieAanbieder" if duplicate((asked["ReferentieAanbieder"],), asked, memory) else None


def tr383(asked: Klasse, memory: Memory) -> Verdict:
    """ReferentieAanbieder is unique in a message (TR383): it is also the key of TR101, so both are broken together."""
    reference = asked["ReferentieAanbieder"]
    twice = reference in memory.seen["TR383"]
    memory.seen["TR383"][reference] = True
    return "ReferentieAanbieder" if twice else None


def tr101_nieuw(new: Klasse, memory: Memory) -> Verdict:
    """A new product is asked for once from one day (TR101).

    The same product from the same day also overlaps (TR410), except where products may overlap.
    """
    product = new.get("Product", NOTHING)
    key = (product.get("Categorie"), product.get("Code"), new["GewensteIngangsdatum"])
    return "" if duplicate(key, new, memory) else None


def tr352(request: Klasse, memory: Memory) -> Verdict:
    """A request for change names a product that stays or is to change: it builds on what was granted (TR352)."""
    return None if "OngewijzigdeProducten" in request or "TeWijzigenProducten" in request else ""


def tr353(request: Klasse, memory: Memory) -> Verdict:
    """A request for change changes something: a product is to change, or is new (TR353)."""
    return None if "TeWijzigenProducten" in request or "NieuweProducten" in request else ""


def tr380(new: Klasse, memory: Memory) -> Verdict:
    """A new product begins after the Dagtekening (TR380)."""
    return None if after(new["GewensteIngangsdatum"], memory.dated) else "GewensteIngangsdatum"


def cd085(answer: Klasse, memory: Memory) -> Verdict:
    """A refusal has its reason, RedenAfwijzingVerzoek (CD085)."""
    return "" if answer["VerzoekAntwoord"] == REFUSED and "RedenAfwijzingVerzoek" not in answer else None


def cd086(answer: Klasse, memory: Memory) -> Verdict:
    """What is still being looked into has no reason for refusal (CD086)."""
    early = answer["VerzoekAntwoord"] == LOOKED_INTO and "RedenAfwijzingVerzoek" in answer
    return "RedenAfwijzingVerzoek" if early else None


def _elsewhere(answer: Klasse, memory: Memory) -> bool:
    return answer.get("RedenAfwijzingVerzoek") == ELSEWHERE and memory.wet == "JW"


def tr377(answer: Klasse, memory: Memory) -> Verdict:
    """Refused because another gemeente is responsible (8): then Woonplaatsbeginsel names it (TR377, Jeugdwet)."""
    return "" if _elsewhere(answer, memory) and "Woonplaatsbeginsel" not in answer else None


def tr409(answer: Klasse, memory: Memory) -> Verdict:
    """Woonplaatsbeginsel stands in no other answer: not in one without a reason, not under the Wmo (TR409)."""
    return "Woonplaatsbeginsel" if "Woonplaatsbeginsel" in answer and not _elsewhere(answer, memory) else None
