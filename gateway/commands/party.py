"""Commands for who is connected to a gateway."""

import argparse
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from gateway.commands import Adds, cannot, until_stopped


def add(command: Adds) -> None:
    """Add the commands of a party."""
    each = with_connection(command("zend", _zend, "Stuur berichten naar de poort."))
    each.add_argument("paden", nargs="+", type=Path, metavar="PAD")
    each = with_connection(command("ophalen", _ophalen, "Haal open berichten op en bewaar ze in een map."))
    each.add_argument("map", type=Path, metavar="MAP")
    each.add_argument("--wacht", type=int, default=0, metavar="SECONDEN", help="wacht zo lang op nieuwe berichten")
    each.add_argument("--bevestig", action="store_true", help="bevestig wat veilig bewaard is")
    each = with_connection(command("bevestig", _bevestig, "Bevestig dat u berichten veilig bewaart."))
    each.add_argument("berichten", nargs="+", metavar="BERICHT-ID")
    each = with_connection(command("bewijs", _bewijs, "Maak van een ontvangstbewijs een bewijs uit het logboek."))
    each.add_argument("ontvangstbewijs", type=Path, metavar="BESTAND", help="het ontvangstbewijs, zoals u het kreeg")
    each.add_argument("--naar", type=Path, metavar="BESTAND", help="schrijf het bewijs hier (anders ernaast)")
    each.add_argument("--sleutel", type=Path, metavar="BESTAND", help="log.vkey: controleer het bewijs ermee")


def with_connection(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Let a command name the connection of a party."""
    parser.add_argument("--aansluiting", type=Path, default=Path("aansluiting.toml"), metavar="BESTAND")
    return parser


def _zend(arguments: argparse.Namespace) -> int:
    from adapters import commands

    return of_party(arguments, lambda connection: commands.zend(arguments.paden, connection))


def _ophalen(arguments: argparse.Namespace) -> int:
    from adapters import commands

    return of_party(
        arguments,
        lambda connection: commands.ophalen(
            arguments.map, connection, wait=arguments.wacht, confirm=arguments.bevestig
        ),
    )


def _bevestig(arguments: argparse.Namespace) -> int:
    from adapters import commands

    return of_party(arguments, lambda connection: commands.bevestig(arguments.berichten, connection))


def _bewijs(arguments: argparse.Namespace) -> int:
    from adapters import watch
    from gateway.commands.witness import keys_of

    try:
        keys = keys_of([arguments.sleutel] if arguments.sleutel else [])
    except ValueError as error:
        return cannot(str(error))
    return of_party(
        arguments, lambda connection: watch.prove(connection, arguments.ontvangstbewijs, arguments.naar, keys)
    )


def of_party(arguments: argparse.Namespace, act: Callable[[Any], Coroutine[Any, Any, int]]) -> int:
    """Do something with the connection that the arguments name; return the exit code."""
    from adapters.client import read_connection

    try:
        connection = read_connection(arguments.aansluiting)
    except OSError:
        return cannot(f"Er is geen aansluiting {arguments.aansluiting}. Noem het bestand met --aansluiting.")
    except ValueError as error:
        return cannot(str(error))
    return until_stopped(act(connection))
