"""For what an officer may look: a closed list, with the law that each rests on; pure."""

from collections.abc import Mapping

PURPOSES: Mapping[str, str] = {
    "toezicht": "Toezicht op de omgang met gegevens (AVG art. 39)",
    "inzage": "Een cliënt vraagt inzage (AVG art. 15, Jeugdwet art. 7.3.10)",
    "rechten": "Een cliënt vraagt iets anders: verbeteren, vernietigen, bezwaar (AVG art. 16 tot en met 21)",
    "klacht": "Een klacht of vraag van een cliënt (AVG art. 38 lid 4)",
    "incident": "Onderzoek naar een incident of datalek (AVG art. 33)",
    "verantwoording": "Controle of verantwoording (AVG art. 5 lid 2)",
    "nood": "Vitaal belang van een cliënt of een ander (AVG art. 6 lid 1 d, art. 9 lid 2 c)",
}
"""Code as it stands in the log → what an officer reads."""

WORDS: Mapping[str, str] = {
    **PURPOSES,
    "jeugdwet": "Jeugdwet",
    "wmo2015": "Wmo 2015",
    "onbekend": "niet vastgesteld",
}
"""As ``PURPOSES``, with the grounds on which the gateway and its parties work."""

MOST_REASON = 500
LEAST_REASON = 10


def faults(form: Mapping[str, str]) -> dict[str, str]:
    """Return what is wrong with the fields ``doel`` and ``reden`` of a form: field → what to do, in Dutch."""
    wrong = {}
    if form.get("doel") not in PURPOSES:
        wrong["doel"] = "Kies waarvoor u dit doet."
    if not LEAST_REASON <= len(form.get("reden", "")) <= MOST_REASON:
        wrong["reden"] = (
            f"Schrijf in {LEAST_REASON} tot {MOST_REASON} tekens waarom u dit doet. Dit komt in het logboek."
        )
    return wrong
