"""Commands on the log for who watches it, and for who puts back a database."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gateway.commands import cannot, until_stopped, with_gateway, with_settings


def add(commands: Any) -> None:
    """Add ``getuige`` and ``herstel`` to the commands of ``ketenpoort audit``."""
    each = commands.add_parser(
        "getuige", help="Wees getuige: onderteken alleen standen die volgen uit wat u eerder zag."
    )
    each.add_argument("--map", type=Path, required=True, metavar="MAP", help="hierin staan uw sleutel en de standen")
    each.add_argument(
        "--sleutel", type=Path, action="append", required=True, metavar="BESTAND", help="log.vkey van het logboek"
    )
    each.add_argument("--naam", help="naam van deze getuige, bij de eerste keer (anders een toevallige)")
    way = each.add_mutually_exclusive_group(required=True)
    way.add_argument("--aansluiting", type=Path, metavar="BESTAND", help="haal één keer de stand op bij deze poort")
    way.add_argument(
        "--luister", metavar="ADRES:POORT", help="laat logboeken hier hun stand brengen (C2SP tlog-witness)"
    )
    each.set_defaults(run=_getuige)
    each = with_settings(
        commands.add_parser("herstel", help="Ga na een teruggezette database verder als nieuw logboek.")
    )
    each.add_argument("--reden", required=True, help="waarom; komt in het logboek")
    each.add_argument("--wie", required=True, help="uw naam of nummer; komt in het logboek")
    each.add_argument(
        "--stand", type=Path, metavar="BESTAND", help="laatste stand van voor het herstel (anders het anker)"
    )
    each.set_defaults(run=_herstel)


def keys_of(paths: Sequence[Path]) -> tuple[Any, ...]:
    """Read the public keys in these files; raises ValueError with a Dutch text."""
    from audit.note import NoteError
    from audit.proof import read_keys

    found: list[Any] = []
    for path in paths:
        try:
            found += read_keys(path)
        except (OSError, NoteError):
            raise ValueError(f"{path} is geen bestand met openbare sleutels.") from None
    return tuple(found)


def _getuige(arguments: argparse.Namespace) -> int:
    from adapters import watch
    from adapters.client import read_connection
    from audit.witness_folder import Witness, WitnessError

    try:
        keys = keys_of(arguments.sleutel)
        witness = Witness.open(arguments.map, arguments.naam)
        if arguments.luister:
            return until_stopped(watch.serve(witness, keys, arguments.luister))
        connection = read_connection(arguments.aansluiting)
    except OSError:
        return cannot(f"Er is geen aansluiting {arguments.aansluiting}. Noem het bestand met --aansluiting.")
    except (ValueError, WitnessError) as error:
        return cannot(str(error))
    return until_stopped(watch.watch(connection, witness, keys))


def _herstel(arguments: argparse.Namespace) -> int:
    from gateway import restore

    return with_gateway(
        arguments, lambda found: restore.restore(found, who=arguments.wie, why=arguments.reden, held=arguments.stand)
    )
