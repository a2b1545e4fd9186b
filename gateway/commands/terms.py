"""Commands about terms: of a party, over the interface; of all parties, for who keeps the gateway."""

import argparse
from pathlib import Path

from gateway.commands import Adds, with_gateway
from gateway.commands.party import of_party, with_connection


def add(command: Adds) -> None:
    """Add the commands about terms and notices."""
    each = with_connection(command("termijnen", _termijnen, "Toon wat u nog moet doen en waarop u wacht, met de dag."))
    each.add_argument("--gedaan", action="store_true", help="toon wat al is gedaan")
    each.add_argument(
        "--instellingen", type=Path, metavar="BESTAND", help="voor de beheerder: tel de termijnen van alle partijen"
    )
    each = with_connection(command("kennisgevingen", _kennisgevingen, "Toon waarop de poort u wijst."))
    each.add_argument("--alle", action="store_true", help="ook wat u al als gelezen meldde")
    each.add_argument("--gelezen", action="store_true", help="meld wat wordt getoond als gelezen")


def _termijnen(arguments: argparse.Namespace) -> int:
    if arguments.instellingen:
        from gateway.terms import commandline

        return with_gateway(arguments, commandline.counted)
    from adapters import agenda

    return of_party(arguments, lambda connection: agenda.termijnen(connection, done=arguments.gedaan))


def _kennisgevingen(arguments: argparse.Namespace) -> int:
    from adapters import agenda

    return of_party(
        arguments, lambda connection: agenda.kennisgevingen(connection, all_=arguments.alle, seen=arguments.gelezen)
    )
