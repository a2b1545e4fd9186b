"""Commands on files, without a gateway: judge, explain, compare, convert, answer."""

import argparse
from pathlib import Path

from gateway.commands import Adds, cannot, with_settings


def add(command: Adds) -> None:
    """Add the commands on files."""
    each = command("valideer", _valideer, "Controleer berichten, zonder poort: bestanden, mappen, ZIP's of - (invoer).")
    each.add_argument("paden", nargs="+", metavar="PAD")
    each.add_argument("--json", action="store_true", help="één JSON-object per regel, voor programma's")
    each.add_argument("--keten", action="store_true", help="als één gesprek, in deze volgorde: elk na wat ervoor kwam")
    each.add_argument("--taal", choices=("nl", "en"), default="nl", help="Nederlands of Engels")
    each.add_argument("--schemas", type=Path, metavar="PAKKET", help="ook langs dit gepubliceerde schemapakket")
    _add_schemas(command("schemas", _schemas, "Toon welke berichten deze poort kent."))
    each = command("leg-uit", _leg_uit, "Leg een regelcode, een retourcode of een codelijst uit.")
    each.add_argument("code", metavar="CODE", help="zoals TR358, 9346 of JZ588")
    each.add_argument("--taal", choices=("nl", "en"), default="nl", help="Nederlands of Engels")

    each = command("json", _json, "Zet een bericht in XML om naar JSON; - is de invoer.")
    each.add_argument("pad", metavar="PAD")
    each = command("xml", _xml, "Zet een bericht in JSON om naar XML; - is de invoer.")
    each.add_argument("pad", metavar="PAD")
    each = command(
        "antwoord", _antwoord, "Schrijf het antwoord op een bericht: een retour, of een 325 op een declaratie."
    )
    each.add_argument("bestand", type=Path, metavar="BESTAND")
    each.add_argument("--fout", action="append", default=[], metavar="PAD=CODE", help="wat er mis is, en waar")
    each.add_argument("--identificatie", help="identificatie van het antwoord (anders een nieuwe)")
    each = command("open-formulier", _open_formulier, "Open een formulier over een geheime cliënt, als gemeente.")
    each.add_argument("bestand", type=Path, metavar="BESTAND", help="het verzegelde bestand van de aanbieder")
    each.add_argument("--sleutel", type=Path, required=True, metavar="BESTAND", help="uw geheime sleutel")
    each.add_argument("--naar", type=Path, required=True, metavar="MAP", help="nieuwe map voor het formulier")


def _add_schemas(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(metavar="OPDRACHT")
    each = commands.add_parser("vergelijk", help="Vergelijk een gepubliceerd schemapakket met dat van ons.")
    each.add_argument("pad", type=Path, metavar="PAD", help="map of ZIP")
    each.set_defaults(run=_schemas_vergelijk)
    each = with_settings(commands.add_parser("laad", help="Laat een poort berichten ook langs een pakket leggen."))
    each.add_argument("pad", type=Path, metavar="PAD", help="map of ZIP")
    each.add_argument("--hash", required=True, metavar="SHA256", help="hash van het pakket dat u bedoelt")
    each.set_defaults(run=_schemas_laad)


def _valideer(arguments: argparse.Namespace) -> int:
    from gateway.validate import valideer

    return valideer(
        arguments.paden, json=arguments.json, chain=arguments.keten, package=arguments.schemas, language=arguments.taal
    )


def _schemas(_arguments: argparse.Namespace) -> int:
    from gateway import schemas

    return schemas.show()


def _schemas_vergelijk(arguments: argparse.Namespace) -> int:
    from gateway import schemas

    return schemas.compare(arguments.pad)


def _schemas_laad(arguments: argparse.Namespace) -> int:
    from gateway import schemas, settings

    try:
        folder = settings.load(arguments.instellingen).packages
    except settings.SettingsError as error:
        return cannot(str(error))
    return schemas.load(arguments.pad, arguments.hash, folder)


def _leg_uit(arguments: argparse.Namespace) -> int:
    from gateway.validate import leg_uit

    return leg_uit(arguments.code, arguments.taal)


def _open_formulier(arguments: argparse.Namespace) -> int:
    from gateway import unseal

    return unseal.open_form(arguments.bestand, arguments.sleutel, arguments.naar)


def _json(arguments: argparse.Namespace) -> int:
    from gateway import translate

    return translate.json(arguments.pad)


def _xml(arguments: argparse.Namespace) -> int:
    from gateway import translate

    return translate.xml(arguments.pad)


def _antwoord(arguments: argparse.Namespace) -> int:
    from gateway.reply import antwoord

    return antwoord(arguments.bestand, arguments.fout, arguments.identificatie)
