"""Commands on the log: ``ketenpoort audit …``."""

import argparse
from pathlib import Path

from gateway.commands import cannot, with_gateway, with_settings, witness


def add(parser: argparse.ArgumentParser) -> None:
    """Add the commands on the log."""
    commands = parser.add_subparsers(metavar="OPDRACHT", required=True)
    each = with_settings(commands.add_parser("exporteer", help="Schrijf het logboek naar een map en controleer het."))
    each.add_argument("map", type=Path, metavar="MAP")
    each.add_argument("--wie", help="uw naam of nummer; komt in het logboek (anders uw naam op deze machine)")
    each.set_defaults(run=_exporteer)
    witness.add(commands)


def _exporteer(arguments: argparse.Namespace) -> int:
    import getpass

    from gateway import operate

    try:
        who = arguments.wie or getpass.getuser()
    except (OSError, KeyError):
        return cannot("Deze machine kent uw naam niet. Zeg met --wie wie het logboek uitvoert.")
    return with_gateway(arguments, lambda found: operate.export(found, arguments.map, who=who))
