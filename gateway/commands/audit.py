"""Commands on the log: ``ketenpoort audit …``."""

import argparse
from pathlib import Path

from gateway.commands import cannot, keys, with_gateway, with_settings, witness


def add(parser: argparse.ArgumentParser) -> None:
    """Add the commands on the log."""
    commands = parser.add_subparsers(metavar="OPDRACHT", required=True)
    each = with_settings(commands.add_parser("exporteer", help="Schrijf het logboek naar een map en controleer het."))
    each.add_argument("map", type=Path, metavar="MAP")
    each.add_argument("--wie", help="uw naam of nummer; komt in het logboek (anders uw naam op deze machine)")
    each.set_defaults(run=_exporteer)
    witness.add(commands)
    keys.add(commands)
    each = commands.add_parser("controleer", help="Controleer een uitgevoerd logboek, met alles wat u erbij hebt.")
    each.add_argument("map", type=Path, metavar="MAP", help="de uitgevoerde map")
    each.add_argument("sleutel", type=Path, metavar="SLEUTEL", help="de openbare sleutels van het logboek")
    each.add_argument("--standen", type=Path, metavar="MAP", help="standen die u eerder zelf bewaarde")
    each.add_argument("--getuigen", type=Path, metavar="BESTAND", help="welke getuigen, en hoeveel er genoeg zijn")
    each.add_argument("--stempels", type=Path, metavar="BESTAND", help="certificaten van wie de tijdstempels gaf")
    each.add_argument("--ontvangstbewijzen", type=Path, metavar="MAP", help="ontvangstbewijzen van partijen")
    each.add_argument("--sleutels", metavar="PLAATS", help="sleutelmap of sleuteldienst: opent de gegevens")
    each.add_argument("--pdf", type=Path, metavar="BESTAND", help="schrijf het verslag ook als PDF")
    each.add_argument("--json", action="store_true", help="schrijf één regel JSON")
    each.set_defaults(run=_controleer)
    each = commands.add_parser("proef", help="Verander een verzonnen logboek op alle manieren: wordt alles gezien?")
    each.add_argument("--regels", type=int, default=1000, metavar="AANTAL", help="zo lang is het logboek (20 of meer)")
    each.set_defaults(run=_proef)


def _exporteer(arguments: argparse.Namespace) -> int:
    import getpass

    from gateway import operate

    try:
        who = arguments.wie or getpass.getuser()
    except (OSError, KeyError):
        return cannot("Deze machine kent uw naam niet. Zeg met --wie wie het logboek uitvoert.")
    return with_gateway(arguments, lambda found: operate.export(found, arguments.map, who=who))


def _controleer(arguments: argparse.Namespace) -> int:
    from gateway import verification

    named = {f"--{name}": getattr(arguments, name) for name in ("standen", "getuigen", "ontvangstbewijzen")}
    return verification.check(
        arguments.map,
        arguments.sleutel,
        {name: path for name, path in named.items() if path is not None},
        keys=arguments.sleutels,
        stamps=arguments.stempels,
        pdf=arguments.pdf,
        json=arguments.json,
    )


def _proef(arguments: argparse.Namespace) -> int:
    from gateway import drill

    if arguments.regels < drill.BATCHES:
        return cannot(f"Een logboek om mee te proeven heeft {drill.BATCHES} regels of meer.")
    return drill.drill(arguments.regels)
