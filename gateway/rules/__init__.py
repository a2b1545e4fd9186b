"""Level-2 rules: which rule runs on which class of which message type.

A rule is a pure function of one class and what was seen of the message before it; classes come in document
order, each after the classes inside it. Retours have no rules: they quote what they answer.
"""

from gateway.rules import declaratie as d
from gateway.rules import hoa as h
from gateway.rules import persoon as p
from gateway.rules import toewijzing as t
from gateway.rules.klasse import Klasse, Memory, Rule, Spot, Verdict

__all__ = ["RULES", "Klasse", "Memory", "Rule", "Spot", "Verdict"]

Rules = tuple[tuple[str, Rule], ...]

PERSON: Rules = (("CS139", p.cs139), ("TR002", p.tr002), ("TR134", p.tr134_geboren))
CLIENT_301: Rules = (
    ("CS002", p.cs002), *PERSON, ("CS050", p.cs050), ("CS318", p.cs318), ("CD007", p.cd007),
    ("TR061", p.tr061), ("TR302", t.tr302),
)  # fmt: skip
RELATIE: Rules = (*PERSON, ("CS050", p.cs050), ("TR101", p.tr101_relatie))
CONTACT: Rules = (
    ("CD005", p.cd005), ("CD009", p.cd009), ("CD025", p.cd025), ("CD034", p.cd034), ("CS089", p.cs089),
    ("CS003", p.cs003_periode), ("TR006", p.tr006), ("TR061", p.contact_seen), ("TR101", p.tr101_contact),
)  # fmt: skip
GRANTED: Rules = (
    ("CD041", t.cd041), ("CD075", t.cd075), ("CD076", t.cd076), ("CD077", t.cd077), ("CD078", t.cd078),
    ("CD079", t.cd079), ("CD080", t.cd080), ("CS003", t.cs003), ("CS335", t.cs335), ("CS336", t.cs336),
    ("CS338", t.cs338), ("TR134", t.tr134_toewijzing), ("TR302", t.product_seen),
)  # fmt: skip
CLIENT_30X: Rules = (("CS002", p.cs002), *PERSON)
LEVERING: Rules = (("HO001", t.ho001_product), ("CS058", t.cs058), ("TR101", t.tr101_levering))
DECLARATIE: Rules = (
    ("CS100", d.cs100), ("CS325", d.cs325_ingediend), ("CS340", d.cs340), ("TR134", d.tr134), ("TR137", d.tr137),
    ("TR316", d.tr316), ("TR358", d.tr358),
)  # fmt: skip
REGEL: Rules = (
    ("CD060", d.cd060), ("CS325", d.cs325), ("TR101", d.tr101_prestatie), ("TR134", d.tr134), ("TR137", d.tr137),
    ("TR358", d.line_seen),
)  # fmt: skip
REGEL_323: Rules = (
    *REGEL, ("CS100", d.cs100), ("TR315", d.tr315), ("TR319", d.tr319), ("TR335", d.tr335),
)  # fmt: skip
PRESTATIE_323: Rules = (
    *REGEL_323, ("CD087", d.cd087), ("CS337", d.cs337), ("CS339", d.cs339), ("TR416", d.tr416),
)  # fmt: skip
CLIENT_32X: Rules = (("CS002", p.cs002), ("TR101", p.tr101_client))
ANTWOORD: Rules = (("CS325", d.cs325_ingediend), ("CS325", d.cs325_toegekend), ("TR342", d.tr342))

RULES: dict[str, dict[str, Rules]] = {
    "jw301": {
        "Client": CLIENT_301,
        "Relatie": RELATIE,
        "Contact": CONTACT,
        "ToegewezenProduct": (*GRANTED, ("TR101", t.tr101_toewijzing)),
    },
    "ho301": {
        "Client": CLIENT_301,
        "Relatie": RELATIE,
        "Contact": CONTACT,
        "Opdracht": (*GRANTED, ("HO001", t.ho001_product), ("TR101", t.tr101_opdracht)),
        "Taak": (("HO003", h.ho003_taak),),
        "Doel": (("HO003", h.ho003_doel), ("HO004", h.ho004)),
    },
    "ho305": {"Client": CLIENT_30X, "StartProduct": (*LEVERING, ("TR134", t.tr134_start))},
    "ho307": {
        "Client": CLIENT_30X,
        "StopProduct": (*LEVERING, ("TR134", t.tr134_stop), ("TR018", t.tr018), ("HO002", t.ho002)),
    },
    "ho309": {
        "Client": (("CS002", p.cs002),),
        "Voortgang": (("HO003", h.ho003_voortgang), ("TR134", h.tr134_peildatum)),
        "Doel": (("HO003", h.ho003_doel),),
    },
    "ho315": {
        "Client": (("HO006", h.ho006_gezagsdrager),),
        "AangevraagdProduct": (("HO001", t.ho001_product),),
    },
    "ho317": {"NieuwProduct": (("HO001", t.ho001_product),)},
    "ho319": {"Antwoord": (("HO006", h.ho006_reden),)},
    "jw323": {"Declaratie": DECLARATIE, "Client": CLIENT_32X, "Prestatie": PRESTATIE_323},
    "ho323": {
        "Declaratie": DECLARATIE,
        "Client": CLIENT_32X,
        "Prestatie": (*PRESTATIE_323, ("HO001", d.ho001_prestatie), ("HO005", h.ho005)),
        "Termijn": (*REGEL_323, ("HO005", h.ho005)),
    },
    "jw325": {"DeclaratieAntwoord": ANTWOORD, "Client": CLIENT_32X, "Prestatie": REGEL},
    "ho325": {
        "DeclaratieAntwoord": ANTWOORD,
        "Client": CLIENT_32X,
        "Prestatie": (*REGEL, ("HO001", d.ho001_prestatie)),
        "Termijn": REGEL,
    },
    "ho331": {
        "Bericht": (("HO016", h.ho016_melding),),
        "Onderaannemer": (("CS003", t.cs003),),
        "Dienst": (("HO001", h.ho001_dienst), ("HO003", h.ho003_dienst)),
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
        "Regel": (
            ("HO001", t.ho001_product),
            ("HO003", h.ho003_regel),
            ("HO014", h.ho014),
            ("HO015", h.ho015),
        ),
    },
    "ho342": {
        "Bericht": (("HO008", h.ho008),),
        "Besluit": (("HO011", h.ho011_raamovereenkomst),),
    },
}
