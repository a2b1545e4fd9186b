"""Commands for who runs a gateway, or tries one."""

import argparse
from pathlib import Path

from gateway.commands import Adds, cannot, until_stopped, with_gateway, with_settings


def add(command: Adds) -> None:
    """Add the commands of an operator."""
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
    each = command("functionaris", _functionaris, "Maak een account voor wie toezicht houdt.")
    each.add_argument("map", type=Path, metavar="MAP", help="map van de poort")
    each.add_argument("--naam", required=True, help="naam zoals die op de pagina's staat")
    each.add_argument(
        "--rol", required=True, help="auditor, fg, partijbeheerder, systeembeheerder of vernietigingsbeoordelaar"
    )
    each.add_argument("--partij", default="", metavar="CODE", help="partij waarbij hij hoort (anders de poort zelf)")
    each.add_argument("--login", help="gebruikersnaam (anders gemaakt van de naam)")
    each.add_argument("--geheim", action="store_true", help="mag geheime cliënten van zijn partij vinden")
    each = command(
        "code", _code, "Toon de code van nu van een functionaris: voor de demo, of als zijn telefoon weg is."
    )
    each.add_argument("map", type=Path, metavar="MAP", help="map van de poort")
    each.add_argument("login", metavar="GEBRUIKERSNAAM")
    each = command("vingerafdruk", _vingerafdruk, "Toon de vingerafdruk van een certificaat.")
    each.add_argument("bestand", type=Path, metavar="BESTAND")
    each = with_settings(command("draai", _draai, "Laat een poort draaien."))
    each.add_argument("--poortbestand", type=Path, help="schrijf hierin op welke poort hij luistert")
    each.add_argument("--toezichtbestand", type=Path, help="schrijf hierin op welke poort het toezicht luistert")
    each = with_settings(command("opnieuw", _opnieuw, "Zet geparkeerde berichten terug in de rij."))
    each.add_argument("berichten", nargs="*", metavar="BERICHT-ID")
    each.add_argument("--alle", metavar="PARTIJ", help="alle geparkeerde berichten voor deze partij")
    each.add_argument("--reden", required=True, help="waarom; komt in het logboek")
    each.add_argument("--wie", required=True, help="uw naam of nummer; komt in het logboek")
    with_settings(command("geparkeerd", _geparkeerd, "Toon welke berichten geparkeerd staan, en waarom."))
    with_settings(
        command("verwerkingsregister", _verwerkingsregister, "Schrijf het register van verwerkingen als JSON.")
    )


def _demo(arguments: argparse.Namespace) -> int:
    from gateway.demo import demo

    return until_stopped(demo(check=arguments.check, folder=arguments.map))


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
        return cannot(str(error))
    except FileExistsError as error:
        return cannot(f"Er staat al een poort in deze map: {error.filename} bestaat.")
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
        return cannot(str(error))
    except FileExistsError as error:
        return cannot(f"Deze partij heeft al een certificaat: {error.filename}.")
    print(f"Partij {arguments.code} is opgenomen. Haar systeem maakt verbinding met {connection}.")
    return 0


def _functionaris(arguments: argparse.Namespace) -> int:
    from gateway import settings
    from gateway.oversight.accounts import OfficersError, add_account, login_of

    try:
        found = settings.load(arguments.map / "ketenpoort.toml")
        login = arguments.login or login_of(arguments.naam)
        password, address = add_account(
            found.officers, login=login, name=arguments.naam, role=arguments.rol, party=arguments.partij,
            finds_secret=arguments.geheim,
        )  # fmt: skip
    except (settings.SettingsError, OfficersError) as error:
        return cannot(str(error))
    print(f"Gebruikersnaam: {login}")
    print(f"Wachtwoord:     {password}")
    print(
        f"Voor de app die codes toont (zet dit om naar een QR-code, of typ over wat na 'secret=' staat):\n  {address}"
    )
    print("Dit ziet u één keer. Geef het aan de functionaris zelf, niet per e-mail.")
    return 0


def _code(arguments: argparse.Namespace) -> int:
    import time

    from gateway import settings
    from gateway.oversight.accounts import STEP, Officers, OfficersError, code_at

    try:
        account = Officers.load(settings.load(arguments.map / "ketenpoort.toml").officers).by_login.get(arguments.login)
    except (settings.SettingsError, OfficersError) as error:
        return cannot(str(error))
    if account is None or not account.secret:
        return cannot(f"Er is geen functionaris {arguments.login} die zich met een code aanmeldt.")
    print(code_at(account.secret, int(time.time()) // STEP).decode())
    return 0


def _vingerafdruk(arguments: argparse.Namespace) -> int:
    from adapters.tls import fingerprint

    try:
        print(fingerprint(arguments.bestand.read_bytes()))
    except (OSError, ValueError):
        return cannot(f"{arguments.bestand} is geen leesbaar certificaat.")
    return 0


def _draai(arguments: argparse.Namespace) -> int:
    from gateway import serve

    return with_gateway(
        arguments,
        lambda found: serve.serve(found, port_file=arguments.poortbestand, console_file=arguments.toezichtbestand),
    )


def _opnieuw(arguments: argparse.Namespace) -> int:
    from gateway import operate

    if bool(arguments.berichten) == bool(arguments.alle):
        return cannot("Noem de berichten, of noem met --alle de partij waarvoor ze geparkeerd staan.")
    return with_gateway(
        arguments,
        lambda found: operate.requeue(
            found, arguments.berichten, receiver=arguments.alle, who=arguments.wie, why=arguments.reden
        ),
    )


def _geparkeerd(arguments: argparse.Namespace) -> int:
    from gateway import operate

    return with_gateway(arguments, operate.show_parked)


def _verwerkingsregister(arguments: argparse.Namespace) -> int:
    from gateway.register import commandline

    return with_gateway(arguments, commandline.processing)
