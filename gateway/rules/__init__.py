"""Level-2 rules: which rule runs on which class of which message type.

A rule is a pure function of one class and what was seen of the message before it; classes come in document
order, each after the classes inside it. A row under ``NOTE`` only remembers, for a rule on a class around it.

No rule of the standard names a retour: each names the messages it holds for, and these are 301, 305, 307, 315, 317,
319, 323 and 325. A retour quotes what it answers, wrong as that may be, so it has no rows. Nor has what can occur
once in a message a row for TR101: Client in 301 to 317, Verzoek, Antwoord and Declaratie.
"""

from collections.abc import Set as AbstractSet

from gateway.rules import declaratie as d
from gateway.rules import hoa as h
from gateway.rules import persoon as p
from gateway.rules import toewijzing as t
from gateway.rules import verzoek as v
from gateway.rules.klasse import Rule

NOTE = ""
"""In place of a code: this step never says anything."""

Rules = tuple[tuple[str, Rule], ...]
Classes = dict[str, Rules]

PERSON: Rules = (("CS139", p.cs139), ("TR002", p.tr002), ("TR134", p.tr134_geboren))
CLIENT: Rules = (("CS002", p.cs002), *PERSON)
CLIENT_301: Rules = (
    *CLIENT, ("CS050", p.cs050), ("CS318", p.cs318), ("CD007", p.cd007), ("TR061", p.tr061), ("TR302", t.overlap),
)  # fmt: skip
RELATIE: Rules = (*PERSON, ("CS050", p.cs050), ("TR101", p.tr101_relatie))
CONTACT: Rules = (
    ("CD005", p.cd005), ("CD009", p.cd009), ("CD025", p.cd025), ("CD034", p.cd034), ("CS089", p.cs089),
    ("CS003", p.cs003_periode), ("TR006", p.tr006), (NOTE, p.contact_seen), ("TR101", p.tr101_contact),
)  # fmt: skip
EXTENT: Rules = (
    ("CD075", t.cd075), ("CD076", t.cd076), ("CD077", t.cd077), ("CD078", t.cd078), ("CS003", t.cs003),
)  # fmt: skip
PRODUCT: Rules = (*EXTENT, ("CD041", t.cd041), ("CD079", t.cd079), (NOTE, t.product_seen))
GRANTED: Rules = (
    *PRODUCT, ("CD080", t.cd080), ("CS335", t.cs335), ("CS336", t.cs336), ("CS338", t.cs338),
    ("TR101", t.tr101_nummer), ("TR134", t.tr134_toewijzing),
)  # fmt: skip
LEVERING: Rules = (("CS058", t.cs058), ("TR101", t.tr101_levering))
START: Rules = (*LEVERING, ("TR134", t.tr134_start))
STOP: Rules = (*LEVERING, ("TR134", t.tr134_stop), ("TR018", t.tr018))
ASKED: Rules = (
    *PRODUCT, ("CD043", v.cd043), ("CD066", v.cd066), ("CD067", v.cd067), ("CD068", v.cd068), ("CD095", t.cd080),
    ("CS343", t.cs338), ("TR101", v.tr101_aangevraagd), ("TR383", v.tr383),
)  # fmt: skip
NEW: Rules = (*PRODUCT, ("CD096", t.cd080), ("CS338", t.cs338), ("TR101", v.tr101_nieuw), ("TR380", v.tr380))
CHANGE: Classes = {
    "Client": (("CS002", p.cs002),),
    "Verzoek": (("TR352", v.tr352), ("TR353", v.tr353), ("TR410", t.overlap)),
    "OngewijzigdProduct": (("TR101", t.tr101_nummer),),
    "TeWijzigenProduct": (*EXTENT, ("CS338", t.cs338), ("TR101", t.tr101_nummer)),
}
REPLY: Rules = (("CD085", v.cd085), ("CD086", v.cd086), ("TR377", v.tr377), ("TR409", v.tr409))
DECLARATIE: Rules = (
    ("CS100", d.cs100), ("CS325", d.cs325_ingediend), ("CS340", d.cs340), ("TR134", d.tr134), ("TR137", d.tr137),
    ("TR316", d.tr316), ("TR358", d.tr358),
)  # fmt: skip
REGEL: Rules = (
    ("CD060", d.cd060), ("CS325", d.cs325), ("TR101", d.tr101_prestatie), ("TR134", d.tr134), ("TR137", d.tr137),
    (NOTE, d.line_seen),
)  # fmt: skip
REGEL_323: Rules = (
    *REGEL, ("CS100", d.cs100), ("TR315", d.tr315), ("TR319", d.tr319), ("TR335", d.tr335),
)  # fmt: skip
PRESTATIE_323: Rules = (
    *REGEL_323, ("CD087", d.cd087), ("CS337", d.cs337), ("CS339", d.cs339), ("TR416", d.tr416),
)  # fmt: skip
CLIENT_32X: Rules = (("CS002", p.cs002), ("TR101", p.tr101_client))
ANTWOORD: Rules = (("CS325", d.cs325_ingediend), ("CS325", d.cs325_toegekend), ("TR342", d.tr342))
LAW: Rules = (("HO001", t.ho001_product),)

NATIONAL: dict[str, Classes] = {
    "301": {"Client": CLIENT_301, "Relatie": RELATIE, "Contact": CONTACT, "ToegewezenProduct": GRANTED},
    "305": {"Client": CLIENT, "StartProduct": START},
    "307": {"Client": CLIENT, "StopProduct": STOP},
    "315": {"Client": (*CLIENT, ("TR386", t.overlap)), "AangevraagdProduct": ASKED},
    "317": {**CHANGE, "NieuwProduct": NEW},
    "319": {"Antwoord": REPLY},
    "323": {"Declaratie": DECLARATIE, "Client": CLIENT_32X, "Prestatie": PRESTATIE_323},
    "325": {"DeclaratieAntwoord": ANTWOORD, "Client": CLIENT_32X, "Prestatie": REGEL},
}
JEUGDWET_ONLY = frozenset({"CS318", "TR377", "TR409"})


def _without(codes: AbstractSet[str], classes: Classes) -> Classes:
    return {name: tuple(row for row in rows if row[0] not in codes) for name, rows in classes.items()}


RULES: dict[str, Classes] = {
    **{f"jw{number}": classes for number, classes in NATIONAL.items()},
    **{f"wmo{number}": _without(JEUGDWET_ONLY, classes) for number, classes in NATIONAL.items()},
    "ho301": {
        "Client": CLIENT_301,
        "Relatie": RELATIE,
        "Contact": CONTACT,
        "Opdracht": (*GRANTED, *LAW),
        "Taak": (("HO003", h.ho003_taak),),
        "Doel": (("HO003", h.ho003_doel), ("HO004", h.ho004)),
    },
    "ho305": {"Client": CLIENT, "StartProduct": (*START, *LAW)},
    "ho307": {"Client": CLIENT, "StopProduct": (*STOP, *LAW, ("HO002", t.ho002))},
    "ho309": {
        "Client": (("CS002", p.cs002),),
        "Voortgang": (("HO003", h.ho003_voortgang), ("TR134", h.tr134_peildatum)),
        "Doel": (("HO003", h.ho003_doel),),
    },
    "ho315": {
        "Client": (*CLIENT, ("TR386", t.overlap), ("HO006", h.ho006_gezagsdrager)),
        "AangevraagdProduct": (*ASKED, *LAW),
    },
    "ho317": {**CHANGE, "NieuwProduct": (*NEW, *LAW)},
    "ho319": {"Antwoord": (*REPLY, ("HO006", h.ho006_reden))},
    "ho323": {
        "Declaratie": DECLARATIE,
        "Client": CLIENT_32X,
        "Prestatie": (*PRESTATIE_323, ("HO001", h.ho001_categorie), ("HO005", h.ho005)),
        "Termijn": (*REGEL_323, ("HO005", h.ho005)),
    },
    "ho325": {
        "DeclaratieAntwoord": (*ANTWOORD, ("HO017", h.ho017)),
        "Client": CLIENT_32X,
        "Prestatie": (*REGEL, ("HO001", h.ho001_categorie)),
        "Termijn": REGEL,
    },
    "ho331": {
        "Bericht": (("HO016", h.ho016_melding),),
        "Onderaannemer": (("CS003", t.cs003),),
        "Dienst": (("HO001", h.ho001_categorie), ("HO003", h.ho003_dienst)),
        "Kenmerk": (("HO003", h.ho003_kenmerk), ("HO007", h.ho007)),
    },
    "ho332": {
        "Bericht": (("HO008", h.ho008), ("HO009", h.ho009), ("HO016", h.ho016_besluit)),
        "Besluit": (("CS003", t.cs003), ("HO010", h.ho010), ("HO011", h.ho011_toestemming), ("HO012", h.ho012)),
    },
    "ho341": {
        "Raamovereenkomst": (("CS003", t.cs003),),
        "Gebied": (("HO003", h.ho003_gebied),),
        "Retentie": (("HO013", h.ho013),),
        "Regel": (*LAW, ("HO003", h.ho003_regel), ("HO014", h.ho014), ("HO015", h.ho015)),
    },
    "ho342": {
        "Bericht": (("HO008", h.ho008),),
        "Besluit": (("HO011", h.ho011_raamovereenkomst),),
    },
}
"""Message type → class → (code, rule), in the order in which they run."""
