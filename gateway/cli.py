"""The command ``ketenpoort``. Each command imports only what it needs, so that ``valideer`` answers at once."""

import argparse
import contextlib
import re
import sys
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, NoReturn

Run = Callable[[argparse.Namespace], int]
Adds = Callable[[str, Run, str], argparse.ArgumentParser]
"""Adds a command: its name, what it runs, what it is for."""
CANNOT = 2
"""Exit code when a command could not do its work."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    with contextlib.suppress(BrokenPipeError):
        arguments = _parser().parse_args(argv)
        run: Run = arguments.run
        try:
            return run(arguments)
        except KeyboardInterrupt:
            return 130
    return CANNOT


class _Formatter(argparse.HelpFormatter):
    """Help in Dutch."""

    def add_usage(self, usage: Any, actions: Any, groups: Any, prefix: str | None = None) -> None:
        super().add_usage(usage, actions, groups, "gebruik: " if prefix is None else prefix)


_WRONG = {
    "the following arguments are required: (.+)": "Hier ontbreekt: {}. ",
    "unrecognized arguments: (.+)": "Onbekend is: {}. ",
    "argument (.+?): invalid choice: '(.*?)'": "{1} is geen {0}. ",
    "argument (.+?): invalid int value: '(.*)'": "Bij {0} hoort een heel getal, niet {1}. ",
    "argument (.+?): expected": "Achter {} ontbreekt de waarde. ",
}
"""What argparse may find wrong, as it says it, and how we do."""


class _Parser(argparse.ArgumentParser):
    """A parser that speaks Dutch, also when a command is not sound."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, formatter_class=_Formatter, add_help=False)
        self._positionals.title = "gegevens"
        self._optionals.title = "opties"
        self.add_argument("-h", "--help", action="help", help="toon deze hulp")

    def error(self, message: str) -> NoReturn:
        found = ((dutch, re.match(english, message)) for english, dutch in _WRONG.items())
        told = next((dutch.format(*match.groups()) for dutch, match in found if match), "")
        more = f"Meer weten: {self.prog} --help\n{self.format_usage()}"
        self.exit(CANNOT, f"Deze opdracht klopt zo niet. {told}{more}")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="ketenpoort", description="Poort voor berichten tussen hoofdaannemers, onderaannemers en gemeenten."
    )
    commands = parser.add_subparsers(metavar="OPDRACHT", required=True)

    def command(name: str, run: Run, help_: str) -> argparse.ArgumentParser:
        added: argparse.ArgumentParser = commands.add_parser(name, help=help_, description=help_)
        added.set_defaults(run=run)
        return added

    _add_documents(command)
    _add_gateway(command)
    _add_connected(command)
    _add_audit(commands.add_parser("audit", help="Het logboek."))
    each = command("bench", _bench, "Meet deze poort naast haar maatstaven.")
    each.add_argument("--json", action="store_true", help="één JSON-object per regel")
    each.add_argument("--kort", action="store_true", help="korte vensters, voor een eerste indruk")
    each.add_argument("onderdelen", nargs="*", metavar="ONDERDEEL", help="alleen deze onderdelen")
    return parser


def _add_documents(command: Adds) -> None:
    """Commands on files, without a gateway."""
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


def _add_schemas(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(metavar="OPDRACHT")
    each = commands.add_parser("vergelijk", help="Vergelijk een gepubliceerd schemapakket met dat van ons.")
    each.add_argument("pad", type=Path, metavar="PAD", help="map of ZIP")
    each.set_defaults(run=_schemas_vergelijk)
    each = _with_settings(commands.add_parser("laad", help="Laat een poort berichten ook langs een pakket leggen."))
    each.add_argument("pad", type=Path, metavar="PAD", help="map of ZIP")
    each.add_argument("--hash", required=True, metavar="SHA256", help="hash van het pakket dat u bedoelt")
    each.set_defaults(run=_schemas_laad)


def _add_gateway(command: Adds) -> None:
    """Commands for who runs a gateway."""
    each = command("demo", _demo, "Start een poort met verzonnen partijen en speel de hele keten voor.")
    each.add_argument("--check", action="store_true", help="speel de keten één keer en stop")
    each.add_argument("--map", type=Path, help="bewaar de poort in deze map (anders een tijdelijke)")
    each = command("nieuw", _nieuw, "Maak de map van een nieuwe poort.")
    each.add_argument("map", type=Path, metavar="MAP")
    each.add_argument("--naam", default="ketenpoort.voorbeeld", help="naam van de poort en haar logboek")
    each.add_argument("--adres", default="127.0.0.1")
    each.add_argument("--poort", type=int, default=8443)
    each.add_argument("--database", default="sqlite+aiosqlite:///ketenpoort.sqlite")
    each = command("partij", _partij, "Neem een partij op in een poort voor ontwikkeling, met certificaat.")
    each.add_argument("map", type=Path, metavar="MAP")
    each.add_argument("code", metavar="CODE")
    each.add_argument("naam", metavar="NAAM")
    each.add_argument("--push", metavar="URL", help="breng berichten naar dit https-adres")
    each = command("vingerafdruk", _vingerafdruk, "Toon de vingerafdruk van een certificaat.")
    each.add_argument("bestand", type=Path, metavar="BESTAND")
    each = _with_settings(command("draai", _draai, "Laat een poort draaien."))
    each.add_argument("--poortbestand", type=Path, help="schrijf hierin op welke poort hij luistert")
    each = _with_settings(command("opnieuw", _opnieuw, "Zet geparkeerde berichten terug in de rij."))
    each.add_argument("berichten", nargs="*", metavar="BERICHT-ID")
    each.add_argument("--alle", metavar="PARTIJ", help="alle geparkeerde berichten voor deze partij")
    each.add_argument("--reden", required=True, help="waarom; komt in het logboek")
    each.add_argument("--wie", required=True, help="uw naam of nummer; komt in het logboek")
    _with_settings(command("geparkeerd", _geparkeerd, "Toon welke berichten geparkeerd staan, en waarom."))


def _add_connected(command: Adds) -> None:
    """Commands for who is connected to a gateway."""
    each = _with_connection(command("zend", _zend, "Stuur berichten naar de poort."))
    each.add_argument("paden", nargs="+", type=Path, metavar="PAD")
    each = _with_connection(command("ophalen", _ophalen, "Haal open berichten op en bewaar ze in een map."))
    each.add_argument("map", type=Path, metavar="MAP")
    each.add_argument("--wacht", type=int, default=0, metavar="SECONDEN", help="wacht zo lang op nieuwe berichten")
    each.add_argument("--bevestig", action="store_true", help="bevestig wat veilig bewaard is")
    each = _with_connection(command("bevestig", _bevestig, "Bevestig dat u berichten veilig bewaart."))
    each.add_argument("berichten", nargs="+", metavar="BERICHT-ID")


def _add_audit(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(metavar="OPDRACHT", required=True)
    each = _with_settings(commands.add_parser("exporteer", help="Schrijf het logboek naar een map en controleer het."))
    each.add_argument("map", type=Path, metavar="MAP")
    each.add_argument("--wie", help="uw naam of nummer; komt in het logboek (anders uw naam op deze machine)")
    each.set_defaults(run=_exporteer)


def _with_settings(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("--instellingen", type=Path, default=Path("ketenpoort.toml"), metavar="BESTAND")
    return parser


def _with_connection(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("--aansluiting", type=Path, default=Path("aansluiting.toml"), metavar="BESTAND")
    return parser


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
        return _cannot(str(error))
    assert folder is not None, "a file of settings always tells it"
    return schemas.load(arguments.pad, arguments.hash, folder)


def _leg_uit(arguments: argparse.Namespace) -> int:
    from gateway.validate import leg_uit

    return leg_uit(arguments.code, arguments.taal)


def _antwoord(arguments: argparse.Namespace) -> int:
    from gateway.reply import antwoord

    return antwoord(arguments.bestand, arguments.fout, arguments.identificatie)


def _demo(arguments: argparse.Namespace) -> int:
    from gateway.demo import demo

    return _until_stopped(demo(check=arguments.check, folder=arguments.map))


def _nieuw(arguments: argparse.Namespace) -> int:
    from gateway import setup
    from gateway.settings import SettingsError

    try:
        path = setup.new_gateway(
            arguments.map,
            origin=arguments.naam,
            host=arguments.adres,
            port=arguments.poort,
            database=arguments.database,
        )
    except SettingsError as error:
        return _cannot(str(error))
    except FileExistsError as error:
        return _cannot(f"Er staat al een poort in deze map: {error.filename} bestaat.")
    print(f"De poort staat klaar. Neem partijen op in {path.parent / 'partijen.toml'} en start met:")
    print(f"  ketenpoort draai --instellingen {path}")
    return 0


def _partij(arguments: argparse.Namespace) -> int:
    from gateway import settings, setup
    from gateway.parties import PartiesError

    try:
        found = settings.load(arguments.map / "ketenpoort.toml")
        url = f"https://{found.host}:{found.port}"
        connection = setup.add_party(arguments.map, arguments.code, arguments.naam, url=url, push=arguments.push)
    except (settings.SettingsError, PartiesError) as error:
        return _cannot(str(error))
    except FileExistsError as error:
        return _cannot(f"Deze partij heeft al een certificaat: {error.filename}.")
    print(f"Partij {arguments.code} is opgenomen. Haar systeem maakt verbinding met {connection}.")
    return 0


def _vingerafdruk(arguments: argparse.Namespace) -> int:
    from adapters.tls import fingerprint

    try:
        print(fingerprint(arguments.bestand.read_bytes()))
    except (OSError, ValueError):
        return _cannot(f"{arguments.bestand} is geen leesbaar certificaat.")
    return 0


def _draai(arguments: argparse.Namespace) -> int:
    from gateway import app

    return _gateway(arguments, lambda found: app.serve(found, port_file=arguments.poortbestand))


def _json(arguments: argparse.Namespace) -> int:
    from gateway import translate

    return translate.json(arguments.pad)


def _xml(arguments: argparse.Namespace) -> int:
    from gateway import translate

    return translate.xml(arguments.pad)


def _zend(arguments: argparse.Namespace) -> int:
    from adapters import commands

    return _client(arguments, lambda connection: commands.zend(arguments.paden, connection))


def _ophalen(arguments: argparse.Namespace) -> int:
    from adapters import commands

    return _client(
        arguments,
        lambda connection: commands.ophalen(
            arguments.map, connection, wait=arguments.wacht, confirm=arguments.bevestig
        ),
    )


def _bevestig(arguments: argparse.Namespace) -> int:
    from adapters import commands

    return _client(arguments, lambda connection: commands.bevestig(arguments.berichten, connection))


def _opnieuw(arguments: argparse.Namespace) -> int:
    from gateway import operate

    if bool(arguments.berichten) == bool(arguments.alle):
        return _cannot("Noem de berichten, of noem met --alle de partij waarvoor ze geparkeerd staan.")
    return _gateway(
        arguments,
        lambda found: operate.requeue(
            found, arguments.berichten, receiver=arguments.alle, who=arguments.wie, why=arguments.reden
        ),
    )


def _geparkeerd(arguments: argparse.Namespace) -> int:
    from gateway import operate

    return _gateway(arguments, operate.show_parked)


def _exporteer(arguments: argparse.Namespace) -> int:
    import getpass

    from gateway import operate

    try:
        who = arguments.wie or getpass.getuser()
    except (OSError, KeyError):
        return _cannot("Deze machine kent uw naam niet. Zeg met --wie wie het logboek uitvoert.")
    return _gateway(arguments, lambda found: operate.export(found, arguments.map, who=who))


def _bench(arguments: argparse.Namespace) -> int:
    from gateway.bench import bench

    return bench(arguments.onderdelen, json=arguments.json, short=arguments.kort)


def _client(arguments: argparse.Namespace, act: Callable[[Any], Coroutine[Any, Any, int]]) -> int:
    from adapters.client import read_connection

    try:
        connection = read_connection(arguments.aansluiting)
    except OSError:
        return _cannot(f"Er is geen aansluiting {arguments.aansluiting}. Noem het bestand met --aansluiting.")
    except ValueError as error:
        return _cannot(str(error))
    return _until_stopped(act(connection))


def _gateway(arguments: argparse.Namespace, act: Callable[[Any], Coroutine[Any, Any, int | None]]) -> int:
    from gateway import app, settings

    try:
        return _until_stopped(act(settings.load(arguments.instellingen)))
    except (settings.SettingsError, *app.UNUSABLE) as error:
        return _cannot(str(error))


def _until_stopped(work: Coroutine[Any, Any, int | None]) -> int:
    """Run until done, or until asked to stop (TERM, INT): then close in order."""
    import asyncio
    import signal

    async def run() -> int | None:
        task = asyncio.ensure_future(work)
        loop = asyncio.get_running_loop()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, task.cancel)
        try:
            return await task
        except asyncio.CancelledError:
            return 0

    return asyncio.run(run()) or 0


def _cannot(text: str) -> int:
    print(text, file=sys.stderr)
    return CANNOT


if __name__ == "__main__":
    sys.exit(main())
