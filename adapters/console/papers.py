"""The file of a person to hand over: as JSON for programs, as PDF for people."""

import asyncio
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from adapters.console.render import called, day, iso, moment
from audit.pdf import pdf_of
from gateway.catalog import titles
from gateway.oversight.dossier import Dossier
from gateway.oversight.lines import Line, by_day
from gateway.oversight.withheld import GROUNDS, RIGHTS, by_ground, runs, verdict

KINDS = {"json": "application/json", "pdf": "application/pdf"}
"""What a file can be handed over as: media types."""
_TEMPLATE = Path(__file__).parent / "papers" / "inzage.typ"


def compared(found: Dossier) -> str:
    """Say when the numbers of the lines were last held against the log, which they stand beside."""
    if found.compared is None:
        return "De nummers zijn nog niet met het logboek zelf vergeleken (controle V20)."
    at, outcome = found.compared
    return f"De nummers zijn op {moment(at)} voor het laatst met het logboek zelf vergeleken (controle V20): {outcome}."


def can_make(kind: str) -> bool:
    """Tell whether this gateway can; PDFs need what only some installs have."""
    return kind != "pdf" or find_spec("typst") is not None


async def paper(kind: str, found: Dossier, *, view: str, party: str, mark: str, at: int) -> bytes:
    """Write a file as one of ``KINDS``; ``mark`` says who took it away. See ``can_make``."""
    told = _told(found, view=view, party=party, mark=mark, at=at)
    if kind == "json":
        return json.dumps(told, ensure_ascii=False, indent=1).encode()
    return await asyncio.to_thread(pdf_of, _TEMPLATE.read_bytes(), told | _for_people(found, at))


def _told(found: Dossier, *, view: str, party: str, mark: str, at: int) -> dict[str, Any]:
    question, whole = found.question, found.completeness
    return {
        "overzicht": "Wat er met gegevens over een cliënt is gedaan",
        "beeld": view,
        "organisatie": party,
        "bsn": question.bsn,
        "van": question.since,
        "totEnMet": question.until,
        "gemaaktOp": iso(at),
        "kenmerk": mark,
        "volledigheid": {
            "compleet": whole.whole,
            "regels": whole.count,
            "laatsteNummer": whole.last,
            "ontbrekend": [list(gap) for gap in whole.missing],
            "fout": list(whole.wrong),
            "vernietigd": whole.destroyed,
            "oordeel": whole.verdict,
            "vergeleken": compared(found),
        },
        "weggelaten": {
            "regels": len(found.withheld),
            "oordeel": verdict(found.withheld),
            "gronden": [
                {"grond": code, "uitleg": GROUNDS[code].words, "wet": GROUNDS[code].law, "nummers": list(runs(numbers))}
                for code, numbers in by_ground(found.withheld)
            ],
            "uwRechten": RIGHTS if found.withheld else "",
        },
        "betrokken": [
            {"organisatie": each.name, "sinds": iso(each.since), "laatst": iso(each.until), "berichten": each.messages}
            for each in found.involved
        ],
        "ontvangen": [
            {
                "organisatie": each.name,
                "bericht": each.message,
                "soort": each.kind,
                "soortNaam": titles().get(each.kind, ""),
                "eersteKeer": iso(each.at),
                "keren": each.times,
            }
            for each in found.received
        ],
        "regels": [_line(each) for each in found.lines],
    }


def _line(line: Line) -> dict[str, Any]:
    told = {
        "nummer": line.number,
        "tijdstip": iso(line.at),
        "gebeurtenis": line.event,
        "omschrijving": line.title,
        "organisatie": line.organisation,
        "rol": line.role,
        "wie": line.by,
        "bericht": line.message,
        "soort": line.kind,
        "soortNaam": titles().get(line.kind, ""),
        "uitkomst": line.outcome,
        "doel": line.purpose,
        "noodtoegang": line.emergency,
        "reden": line.reason,
        "inhoud": line.content.value,
        "spoor": line.trace,
        "logregel": line.leaf,
        "plaats": line.index,
    }
    return {name: value for name, value in told.items() if value not in ("", None)}


def _for_people(found: Dossier, at: int) -> dict[str, Any]:
    """Return what reads otherwise on paper: days, and lines of one kind on one day as one."""
    return {
        "gemaaktOp": moment(at),
        "betrokken": [
            {"organisatie": each.name, "sinds": day(each.since), "laatst": day(each.until), "berichten": each.messages}
            for each in found.involved
        ],
        "ontvangen": [
            {"organisatie": each.name, "soort": called(each.kind), "eersteKeer": day(each.at), "keren": each.times}
            for each in found.received
        ],
        "regels": [
            {
                **_line(group[0]),
                "soort": called(group[0].kind),
                "dag": day(group[0].at),
                "keren": len(group),
            }
            for group in by_day(found.lines)
        ],
    }
