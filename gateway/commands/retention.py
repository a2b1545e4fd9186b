"""Commands on keeping and destroying: ``ketenpoort bewaren …``."""

import argparse
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from gateway.commands import cannot, with_gateway, with_settings

WHO = "uw login als functionaris; wachtwoord en code worden gevraagd"
STEPS = {
    "stel-in": "er gaan geen berichten meer over deze persoon; het BSN wordt gevraagd",
    "bevestig": "de gemeente heeft het formulier bevestigd",
    "hef-op": "berichten mogen weer",
}


def add(parser: argparse.ArgumentParser) -> None:
    """Add the commands on keeping and destroying."""
    commands = parser.add_subparsers(metavar="OPDRACHT", required=True)

    def command(name: str, run: Callable[[argparse.Namespace], int], help_: str) -> argparse.ArgumentParser:
        each = with_settings(commands.add_parser(name, help=help_, description=help_))
        each.set_defaults(run=run)
        return each

    command("toon", _toon, "Toon de bewaartermijnen, wat op goedkeuring wacht, en wat bewaard moet blijven.")
    command("stel-voor", _stel_voor, "Stel nu voor wat over zijn termijn is; anders gebeurt dat elke nacht.")
    command("voer-uit", _voer_uit, "Vernietig nu wat is goedgekeurd; een poort die draait doet dat zelf.")
    each = _reasoned(command("doorlopend", _doorlopend, "Vraag om een klasse elke nacht te vernietigen."))
    each.add_argument("klasse", metavar="KLASSE")
    each.add_argument("--tot", required=True, metavar="JJJJ-MM-DD", help="tot en met deze dag")
    each = command("keur-goed", _keur_goed, "Keur een vernietiging goed; twee anderen dan de vrager zijn nodig.")
    each.add_argument("vernietiging", metavar="ID")
    each.add_argument("--wie", required=True, metavar="LOGIN", help=WHO)
    each = _reasoned(command("wijs-af", _keur_goed, "Wijs een vernietiging af, of trek een doorlopende opdracht in."))
    each.add_argument("vernietiging", metavar="ID")
    each = _reasoned(command("houd-vast", _houd_vast, "Stel een bewaarplicht in: dit wordt niet vernietigd."))
    each.add_argument("--bericht", metavar="ID", help="één bericht")
    each.add_argument("--dagen", nargs=2, metavar="JJJJ-MM-DD", help="alles van de partij van deze tot en met die dag")
    each.add_argument("--persoon", action="store_true", help="alles over één persoon; het BSN wordt gevraagd")
    each = _reasoned(command("laat-los", _laat_los, "Hef een bewaarplicht op."))
    each.add_argument("bewaarplicht", metavar="ID")
    each = _reasoned(command("wis", _wis, "Zeg wat over personen wordt bewaard, en vraag te vernietigen wat weg kan."))
    each.add_argument("--alleen-tonen", action="store_true", help="vraag nog niets")
    each = command("certificaat", _certificaat, "Schrijf het certificaat van een vernietiging.")
    each.add_argument("vernietiging", metavar="ID")
    each.add_argument("--naar", type=Path, metavar="BESTAND", help="anders op het scherm")
    each = _reasoned(command("geheim", _geheim, "Houd berichten over iemand met een geheim adres tegen."))
    each.add_argument("stap", choices=STEPS, metavar="STAP", help="; ".join(f"{k}: {v}" for k, v in STEPS.items()))
    each.add_argument("geheim", nargs="?", metavar="ID", help="bij bevestig en hef-op")


def _reasoned(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("--wie", required=True, metavar="LOGIN", help=WHO)
    parser.add_argument("--reden", required=True, help="waarom; komt in het logboek")
    return parser


def _do(arguments: argparse.Namespace, act: Callable[[Any], Coroutine[Any, Any, int]]) -> int:
    from gateway.retention.orders import NotAllowedError

    try:
        return with_gateway(arguments, act)
    except NotAllowedError as error:
        return cannot(str(error))


def _toon(arguments: argparse.Namespace) -> int:
    from gateway.retention import commandline

    return _do(arguments, commandline.show)


def _stel_voor(arguments: argparse.Namespace) -> int:
    from gateway.retention import commandline

    return _do(arguments, commandline.propose)


def _voer_uit(arguments: argparse.Namespace) -> int:
    from gateway.retention import commandline

    return _do(arguments, commandline.run)


def _doorlopend(arguments: argparse.Namespace) -> int:
    from gateway.retention import commandline

    return _do(
        arguments,
        lambda found: commandline.standing(
            found, arguments.klasse, until=arguments.tot, who=arguments.wie, why=arguments.reden
        ),
    )


def _keur_goed(arguments: argparse.Namespace) -> int:
    from gateway.retention import commandline

    why = getattr(arguments, "reden", None)
    return _do(arguments, lambda found: commandline.decide(found, arguments.vernietiging, who=arguments.wie, why=why))


def _houd_vast(arguments: argparse.Namespace) -> int:
    from gateway.retention import commandline

    if [bool(arguments.bericht), bool(arguments.dagen), arguments.persoon].count(True) != 1:
        return cannot("Noem één van deze: --bericht, --dagen of --persoon.")
    return _do(
        arguments,
        lambda found: commandline.hold(
            found, who=arguments.wie, why=arguments.reden, message=arguments.bericht, days=arguments.dagen
        ),
    )


def _laat_los(arguments: argparse.Namespace) -> int:
    from gateway.retention import commandline

    return _do(
        arguments,
        lambda found: commandline.let_go(found, arguments.bewaarplicht, who=arguments.wie, why=arguments.reden),
    )


def _wis(arguments: argparse.Namespace) -> int:
    from gateway.retention import commandline

    return _do(
        arguments,
        lambda found: commandline.erase(
            found, who=arguments.wie, why=arguments.reden, only_show=arguments.alleen_tonen
        ),
    )


def _certificaat(arguments: argparse.Namespace) -> int:
    from gateway.retention import commandline

    return _do(arguments, lambda found: commandline.certify(found, arguments.vernietiging, arguments.naar))


def _geheim(arguments: argparse.Namespace) -> int:
    from gateway.retention import commandline

    if (arguments.stap == "stel-in") == bool(arguments.geheim):
        return cannot("Bij 'bevestig' en 'hef-op' hoort een ID, bij 'stel-in' niet.")
    return _do(
        arguments,
        lambda found: commandline.secrecy(
            found, arguments.stap, arguments.geheim, who=arguments.wie, why=arguments.reden
        ),
    )
