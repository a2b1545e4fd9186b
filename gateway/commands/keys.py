"""Commands on the keys: ``ketenpoort audit sleutels …`` and ``ketenpoort audit sleuteldienst``."""

import argparse
from pathlib import Path
from typing import Any

from gateway.commands import cannot, with_gateway, with_settings


def add(commands: Any) -> None:
    """Add the commands on keys to those of ``audit``."""
    each = commands.add_parser("sleuteldienst", help="Laat de sleuteldienst draaien, onder een eigen gebruiker.")
    each.add_argument("--map", type=Path, required=True, metavar="MAP", help="de sleutelmap")
    each.add_argument("--socket", type=Path, required=True, metavar="PAD", help="hier komen de poorten binnen")
    each.add_argument(
        "--gebruiker", action="append", default=[], metavar="NAAM", help="gebruiker van een poort; mag vaker"
    )
    each.set_defaults(run=_serve)
    keys = commands.add_parser("sleutels", help="De sleutels.").add_subparsers(metavar="OPDRACHT", required=True)
    with_settings(
        keys.add_parser("toon", help="Toon welke sleutels er zijn en hoe vaak er iets is geopend.")
    ).set_defaults(run=_show)
    each = with_settings(keys.add_parser("vernieuw", help="Vernieuw een sleutel, terwijl poorten draaien."))
    each.add_argument(
        "soort",
        choices=("kek", "logboek", "index", "handtekening"),
        metavar="SOORT",
        help="kek, logboek, index of handtekening",
    )
    each.add_argument(
        "--doel",
        choices=("log", "ontvangst", "push", "sleutels"),
        default="log",
        metavar="DOEL",
        help="van een handtekening: log, ontvangst, push of sleutels",
    )
    _who(each).set_defaults(run=_renew)
    each = with_settings(keys.add_parser("vernietig", help="Vernietig een sleutel en alles wat ermee is verzegeld."))
    each.add_argument("nummer", metavar="NUMMER")
    _who(each).set_defaults(run=_destroy)
    each = keys.add_parser("kopie", help="Maak een reservekopie van de sleutels, terwijl poorten draaien.")
    each.add_argument("bestand", type=Path, metavar="BESTAND", help="nieuw bestand voor de kopie")
    each.add_argument("--map", type=Path, required=True, metavar="MAP", help="de sleutelmap")
    each.set_defaults(run=_copy)
    each = keys.add_parser("paar", help="Maak een sleutelpaar: voor wie een aandeel bewaart, of voor een gemeente.")
    each.add_argument("bestand", type=Path, metavar="BESTAND", help="hierin komt de geheime sleutel")
    each.set_defaults(run=_pair)
    each = with_settings(keys.add_parser("verdeel", help="Verdeel de hoofdsleutel in aandelen voor functionarissen."))
    each.add_argument("--aandelen", type=int, default=5, metavar="AANTAL")
    each.add_argument("--nodig", type=int, default=3, metavar="AANTAL")
    each.add_argument(
        "--voor",
        type=Path,
        nargs="*",
        default=[],
        metavar="OPENBAAR",
        help="openbare sleutels van functionarissen, één per aandeel; zonder: op papier",
    )
    each.add_argument("--uit", type=Path, required=True, metavar="MAP", help="nieuwe map voor de aandelen")
    _who(each).set_defaults(run=_share)
    each = keys.add_parser("open", help="Open een aandeel met uw geheime sleutel.")
    each.add_argument("aandeel", type=Path, metavar="AANDEEL")
    each.add_argument("--sleutel", type=Path, required=True, metavar="BESTAND")
    each.set_defaults(run=_open)
    each = with_settings(keys.add_parser("herstel", help="Maak de sleutelmap weer, van een kopie en genoeg aandelen."))
    each.add_argument("aandelen", type=Path, nargs="+", metavar="AANDEEL", help="bestanden met geopende aandelen")
    each.add_argument("--kopie", type=Path, required=True, metavar="BESTAND", help="kopie van sleutels.db")
    _who(each).set_defaults(run=_restore)


def _who(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("--wie", required=True, help="uw naam of nummer; komt in het logboek")
    return parser


def _serve(arguments: argparse.Namespace) -> int:
    import pwd

    from audit.vault import __main__ as vault

    try:
        users = [pwd.getpwnam(name).pw_uid for name in arguments.gebruiker]
    except KeyError:
        return cannot("Een van deze gebruikers is er niet op deze machine.")
    vault.keep_to_ourselves()
    return vault.listen(arguments.map, arguments.socket, users=users)


def _show(arguments: argparse.Namespace) -> int:
    from gateway import keyring

    return with_gateway(arguments, keyring.show)


def _renew(arguments: argparse.Namespace) -> int:
    from gateway import keyring

    kind = arguments.doel if arguments.soort == "handtekening" else arguments.soort
    return with_gateway(arguments, lambda found: keyring.renew(found, kind, who=arguments.wie))


def _destroy(arguments: argparse.Namespace) -> int:
    from gateway import keyring

    return with_gateway(arguments, lambda found: keyring.destroy(found, arguments.nummer, who=arguments.wie))


def _copy(arguments: argparse.Namespace) -> int:
    from gateway import ceremony

    return ceremony.copy(arguments.map, arguments.bestand)


def _pair(arguments: argparse.Namespace) -> int:
    from gateway import ceremony

    return ceremony.pair(arguments.bestand)


def _share(arguments: argparse.Namespace) -> int:
    from gateway import ceremony

    return with_gateway(
        arguments,
        lambda found: ceremony.share(
            found, arguments.uit, count=arguments.aandelen, needed=arguments.nodig, to=arguments.voor, who=arguments.wie
        ),
    )


def _open(arguments: argparse.Namespace) -> int:
    from gateway import ceremony

    return ceremony.open_share(arguments.aandeel, arguments.sleutel)


def _restore(arguments: argparse.Namespace) -> int:
    from gateway import ceremony

    return with_gateway(
        arguments, lambda found: ceremony.restore(found, arguments.aandelen, arguments.kopie, who=arguments.wie)
    )
