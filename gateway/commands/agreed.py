"""Commands about what was agreed: contracts, consents, the register of a gemeente, the confirmation of an order."""

import argparse
from pathlib import Path
from typing import Any
from urllib.parse import quote

from gateway.commands import Adds, cannot
from gateway.commands.party import of_party, with_connection


def add(command: Adds) -> None:
    """Add the commands about what was agreed."""
    each = _shown(command("overeenkomsten", _overeenkomsten, "Toon de raamovereenkomsten die u mag zien."))
    each.add_argument(
        "--een", nargs=4, metavar=("WET", "HOOFD", "ONDER", "NUMMER"), help="toon deze, met alle versies en afwijkingen"
    )
    _in_parts(each)
    _in_parts(_shown(command("toestemmingen", _toestemmingen, "Toon waarin gemeenten hebben toegestemd.")))
    each = _shown(command("onderaannemers", _onderaannemers, "Toon wie voor wie werkt in uw gemeente."))
    each.add_argument("--gemeente", required=True, metavar="CODE")
    each.add_argument("--op", metavar="JJJJ-MM-DD", help="zoals het register op deze dag stond (anders vandaag)")
    _in_parts(each)
    each = _shown(command("opdrachtbevestiging", _opdrachtbevestiging, "Maak de bevestiging van een opdracht."))
    each.add_argument("--wet", required=True, choices=("JW", "WMO"), metavar="WET")
    each.add_argument("--wederpartij", required=True, metavar="AGB", help="de andere partij van de opdracht")
    each.add_argument("--nummer", required=True, type=int, metavar="NUMMER", help="nummer van de opdracht")


def _shown(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument(
        "--als", choices=("json", "html", "pdf"), default="json", metavar="VORM", help="json, html of pdf"
    )
    parser.add_argument("--naar", type=Path, metavar="BESTAND", help="schrijf het in dit nieuwe bestand")
    return with_connection(parser)


def _in_parts(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--na", type=int, default=0, metavar="AANTAL", help="ga verder na zoveel, zoals 'volgende' zegt"
    )


def _overeenkomsten(arguments: argparse.Namespace) -> int:
    if arguments.een:
        return _ask(arguments, "/".join(["/overeenkomsten", *(quote(each, safe="") for each in arguments.een)]))
    return _ask(arguments, "/overeenkomsten", na=str(arguments.na))


def _toestemmingen(arguments: argparse.Namespace) -> int:
    return _ask(arguments, "/toestemmingen", na=str(arguments.na))


def _onderaannemers(arguments: argparse.Namespace) -> int:
    day = {"op": arguments.op} if arguments.op else {}
    path = f"/gemeenten/{quote(arguments.gemeente, safe='')}/onderaannemers"
    return _ask(arguments, path, na=str(arguments.na), **day)


def _opdrachtbevestiging(arguments: argparse.Namespace) -> int:
    body = {"wet": arguments.wet, "wederpartij": arguments.wederpartij, "opdrachtNummer": arguments.nummer}
    return _ask(arguments, "/opdrachtbevestigingen", body=body)


def _ask(arguments: argparse.Namespace, path: str, **asked: Any) -> int:
    if arguments.als == "pdf" and arguments.naar is None:
        return cannot("Een PDF gaat naar een bestand. Noem het met --naar.")
    from adapters import shown

    return of_party(arguments, lambda connection: shown.toon(connection, path, arguments.als, arguments.naar, **asked))
