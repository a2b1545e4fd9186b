"""Commands on the register: ``ketenpoort register …``, of an officer at the gateway, or of a party over the API."""

import argparse
import json
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

from gateway.commands import cannot, with_gateway, with_settings
from gateway.commands.party import of_party

WHO = "uw login als functionaris; wachtwoord en code worden gevraagd"
SHOWN: Mapping[str, str] = {
    "partijen": "wie meedoet",
    "regios": "de regio's",
    "onderaannemers": "de lijst van onderaannemers",
    "afspraken": "wat hoofdaannemers met gemeenten afspraken",
}
SOUGHT = ("regio", "zoek", "categorie", "kenmerk")
"""By what onderaannemers are searched."""


def add(parser: argparse.ArgumentParser) -> None:
    """Add the commands on the register."""
    commands = parser.add_subparsers(metavar="OPDRACHT", required=True)

    def command(name: str, run: Callable[[argparse.Namespace], int], help_: str) -> argparse.ArgumentParser:
        each = with_settings(commands.add_parser(name, help=help_, description=help_))
        each.set_defaults(run=run)
        return each

    each = command("toon", _toon, "Toon wat in het register staat, als JSON.")
    each.add_argument("deel", choices=SHOWN, metavar="DEEL", help="; ".join(f"{k}: {v}" for k, v in SHOWN.items()))
    each.add_argument("--aansluiting", type=Path, metavar="BESTAND", help="als partij, over de API")
    for name in SOUGHT:
        each.add_argument(f"--{name}", help="bij onderaannemers")
    each = _by(command("voorstellen", _voorstellen, "Toon voorstellen waarop nog niet is besloten."))
    each = _by(command("stel-voor", _stel_voor, "Stel een wijziging voor; een ander besluit."))
    each.add_argument("onderwerp", metavar="ONDERWERP", help="partij/CODE, regio/NAAM, lijst/REGIO/AGB of afspraak/…")
    each.add_argument("soort", metavar="SOORT")
    each.add_argument("--waarde", type=Path, metavar="BESTAND", help="JSON met wat het wordt")
    each.add_argument("--certificaat", type=Path, metavar="BESTAND", help="certificaat in PEM, bij de waarde")
    each = _by(command("besluit", _besluit, "Besluit op een voorstel van een ander."))
    each.add_argument("voorstel", metavar="ID")
    each.add_argument("besluit", choices=("akkoord", "geweigerd"), metavar="BESLUIT", help="akkoord of geweigerd")
    each.add_argument("--reden", default="", help="waarom; nodig als u weigert")
    command("verloopt", _verloopt, "Toon welke certificaten binnen dertig dagen verlopen.")


def _by(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    who = parser.add_mutually_exclusive_group(required=True)
    who.add_argument("--wie", metavar="LOGIN", help=WHO)
    who.add_argument("--aansluiting", type=Path, metavar="BESTAND", help="als partij, over de API")
    return parser


def _toon(arguments: argparse.Namespace) -> int:
    names = SOUGHT if arguments.deel == "onderaannemers" else ()
    query = {name: getattr(arguments, name) for name in names if getattr(arguments, name)}
    if arguments.aansluiting:
        return _call(arguments, "GET", f"/{arguments.deel}", **query)
    from gateway.register import commandline

    return _do(arguments, lambda found: commandline.show(found, arguments.deel, query))


def _voorstellen(arguments: argparse.Namespace) -> int:
    if arguments.aansluiting:
        return _call(arguments, "GET", "/registerwijzigingen", open="ja")
    from gateway.register import commandline

    return _do(arguments, lambda found: commandline.waiting(found, arguments.wie))


def _stel_voor(arguments: argparse.Namespace) -> int:
    try:
        value = json.loads(arguments.waarde.read_text(encoding="utf-8")) if arguments.waarde else {}
        if arguments.certificaat and isinstance(value, dict):
            value["certificaat"] = arguments.certificaat.read_text(encoding="ascii")
    except (OSError, ValueError):
        return cannot("Het bestand bij --waarde of --certificaat is niet te lezen, of is geen JSON of PEM.")
    if arguments.aansluiting:
        body = {"onderwerp": arguments.onderwerp, "soort": arguments.soort, "waarde": value}
        return _call(arguments, "POST", "/registerwijzigingen", body=body)
    from gateway.register import commandline

    subject, kind = arguments.onderwerp, arguments.soort
    return _do(arguments, lambda found: commandline.propose(found, subject, kind, value, who=arguments.wie))


def _besluit(arguments: argparse.Namespace) -> int:
    if arguments.besluit == "geweigerd" and not arguments.reden.strip():
        return cannot("Zeg met --reden waarom u weigert.")
    if arguments.aansluiting:
        path = f"/registerwijzigingen/{arguments.voorstel}/besluit"
        return _call(arguments, "POST", path, body={"besluit": arguments.besluit, "reden": arguments.reden})
    from gateway.register import commandline

    grant = arguments.besluit == "akkoord"
    return _do(
        arguments,
        lambda found: commandline.decide(
            found, arguments.voorstel, grant=grant, reason=arguments.reden, who=arguments.wie
        ),
    )


def _verloopt(arguments: argparse.Namespace) -> int:
    from gateway.register import commandline

    return _do(arguments, commandline.expire)


def _do(arguments: argparse.Namespace, act: Callable[[Any], Coroutine[Any, Any, int]]) -> int:
    from gateway.register.change import ProposalError
    from gateway.retention.orders import NotAllowedError

    try:
        return with_gateway(arguments, act)
    except (NotAllowedError, ProposalError) as error:
        return cannot(str(error))


def _call(arguments: argparse.Namespace, method: str, path: str, *, body: Any = None, **query: str) -> int:
    from adapters import commands

    return of_party(arguments, lambda connection: commands.vraag(connection, method, path, body=body, **query))
