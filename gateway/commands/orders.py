"""Commands for who gives and gets orders."""

import argparse
import getpass
import re
import sys
from pathlib import Path

from gateway.commands import Adds, cannot
from gateway.commands.party import of_party, with_connection

_BSN = re.compile(r"[0-9]{9}")


def add(command: Adds) -> None:
    """Add the commands about orders."""
    each = with_connection(command("verdeel", _verdeel, "Verdeel een toewijzing over opdrachten."))
    _law(each)
    each.add_argument("gemeente", metavar="GEMEENTE", help="gemeente die toewees, vier cijfers")
    each.add_argument("nummer", type=int, metavar="TOEWIJZINGNUMMER")
    each.add_argument("--delen", type=Path, metavar="BESTAND", help="wie wat krijgt, in JSON (zie de API)")
    each.add_argument(
        "--bericht", type=Path, metavar="BESTAND", help="de toewijzing, als zij langs een andere weg kwam"
    )
    what = each.add_mutually_exclusive_group()
    what.add_argument("--geef", action="store_true", help="geef de opdrachten; anders ziet u een voorstel")
    what.add_argument("--doorvoeren", action="store_true", help="pas opdrachten aan een gewijzigde toewijzing aan")
    with_connection(command("opdrachten", _opdrachten, "Zie welke opdrachten u gaf of kreeg."))
    each = with_connection(command("stand", _stand, "Zie hoe een opdracht ervoor staat."))
    _law(each)
    each.add_argument("wederpartij", metavar="PARTIJ", help="code van de andere partij")
    each.add_argument("nummer", type=int, metavar="OPDRACHTNUMMER")
    each = with_connection(command("betrokkenen", _betrokkenen, "Zie wie bij een cliënt betrokken is."))
    _law(each)


def _law(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("wet", choices=("JW", "WMO"), metavar="WET", help="JW of WMO")


def _verdeel(arguments: argparse.Namespace) -> int:
    from adapters import orderwork

    which = {"wet": arguments.wet, "gemeente": arguments.gemeente, "toewijzingNummer": arguments.nummer}
    try:
        parts = orderwork.parts_of(arguments.delen.read_text(encoding="utf-8")) if arguments.delen else []
    except (OSError, ValueError):
        return cannot(f"Het bestand {arguments.delen} is er niet, of het is geen lijst van delen in JSON.")
    return of_party(
        arguments,
        lambda connection: orderwork.verdeel(
            connection, which, parts=parts, message=arguments.bericht, give=arguments.geef, follow=arguments.doorvoeren
        ),
    )


def _opdrachten(arguments: argparse.Namespace) -> int:
    from adapters import orderwork

    return of_party(arguments, orderwork.opdrachten)


def _stand(arguments: argparse.Namespace) -> int:
    from adapters import orderwork

    which = {"wet": arguments.wet, "wederpartij": arguments.wederpartij, "opdrachtNummer": arguments.nummer}
    return of_party(arguments, lambda connection: orderwork.stand(connection, which))


def _betrokkenen(arguments: argparse.Namespace) -> int:
    from adapters import orderwork

    # Never as an argument: others on this machine can read those, and the shell keeps them.
    bsn = getpass.getpass("BSN van de cliënt: ") if sys.stdin.isatty() else sys.stdin.readline().strip()
    if not _BSN.fullmatch(bsn):
        return cannot("Een BSN heeft negen cijfers. Typ het, of geef het op de standaardinvoer.")
    return of_party(arguments, lambda connection: orderwork.betrokkenen(connection, arguments.wet, bsn))
