"""Makes the folder of a new gateway, and takes parties into it: settings, keys, certificates for development."""

import errno
import json
from pathlib import Path

from adapters import tls
from audit.export import publish_key
from audit.keys import KeyService
from audit.note import VerifierKey, keys_of_log
from gateway.parties import Parties
from gateway.settings import SettingsError, fault

SETTINGS = """\
# Instellingen van deze poort. Paden gelden vanaf de map van dit bestand.
naam = {origin}          # ondertekent elk bewijs; verander dit nooit meer
adres = {host}
poort = {port}
database = {database}
sleutels = "sleutels"      # apart bewaren en apart back-uppen
partijen = "partijen.toml"
certificaat = "tls/poort.pem"
sleutel = "tls/poort.key"
ca = "tls/ca.pem"
# Wat eerdere berichten weerspreekt, wordt geweigerd. Loopt er al zorg, begin dan met "leer" (docs/operations.md).
verleden = "weiger"
# Wat overeenkomst en toestemming niet toestaan, ook. Moeten die nog vastgelegd worden, begin dan met "leer".
register = "weiger"
"""

PARTIES = """\
# Wie meedoet: één blok per partij. Een wijziging werkt binnen enkele seconden.
# code              AGB-code (8 cijfers) of gemeentecode (4 cijfers)
# certificaten      ten hoogste twee tegelijk; toon er een met: ketenpoort vingerafdruk BESTAND
# gemachtigd_door   partijen waarvoor deze partij mag sturen en ophalen
# archief           true: deze partij bewaart haar dossiers hier, met de lange termijnen van de wet
# openbare_sleutel  van een gemeente: hiermee gaan formulieren over geheime cliënten op slot
# push              https-adres, alleen als de poort berichten moet brengen
# Wat het register sindsdien toeliet komt hierbij. Sluit een certificaat meteen af door het hier te noemen:
geblokkeerd = []
"""

CONNECTION = """\
# Hiermee maakt een systeem verbinding met de poort: ketenpoort zend --aansluiting DIT-BESTAND …
adres = {url}
certificaat = "{name}.pem"
sleutel = "{name}.key"
ca = "../tls/ca.pem"
"""


def new_gateway(folder: Path, *, origin: str, host: str, port: int, database: str) -> Path:
    """Make settings, keys, a development CA with the gateway's certificate, and an empty file of parties.

    Returns the settings file. Raises FileExistsError when there is a gateway already: keys are never
    overwritten; SettingsError when a value is not sound.
    """
    settings = {"origin": origin, "host": host, "port": port, "database": database}
    if wrong := [trouble for name, value in settings.items() if (trouble := fault(name, value))]:
        raise SettingsError("\n".join(wrong))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if (folder / "sleutels").exists():
        raise FileExistsError(errno.EEXIST, "keys must never be lost", str(folder / "sleutels"))
    path = folder / "ketenpoort.toml"
    with path.open("x", encoding="utf-8") as file:
        # A JSON string or number is a TOML one.
        file.write(SETTINGS.format_map({name: json.dumps(value) for name, value in settings.items()}))
    with (folder / "partijen.toml").open("x", encoding="utf-8") as file:
        file.write(PARTIES)
    keys = KeyService.create(folder / "sleutels")
    # Who verifies must have these from us by another road than the log and the receipts themselves.
    publish_key(folder / "log.vkey", *keys_of_log(origin, keys.signer("log"), keys.signer("log-mldsa")))
    for purpose in ("ontvangst", "push"):
        key = VerifierKey(name=f"{origin}/{purpose}", public=keys.signer(purpose).public)
        publish_key(folder / f"{purpose}.vkey", key)
    tls.make_ca(folder / "tls")
    tls.make_certificate(folder / "tls", folder / "tls", "poort", hosts=["localhost", "127.0.0.1", host])
    return path


def add_party(
    folder: Path, code: str, name: str, *, url: str, push: str | None = None, public_key: str | None = None
) -> Path:
    """Take a party into a development gateway: a certificate, an entry, and a file to connect with, which is returned.

    Raises FileExistsError when the party has papers already, PartiesError when code, push or key are not sound.
    """
    entry = {"code": code, "naam": name, **({"push": push, "push_intern": True} if push else {})}
    if public_key:
        entry["openbare_sleutel"] = public_key
    Parties.of([entry])
    papers = folder / f"partij-{code}"
    pair = tls.make_certificate(folder / "tls", papers, code, hosts=["localhost", "127.0.0.1"] if push else [])
    entry["certificaten"] = [tls.fingerprint(pair.cert.read_bytes())]
    block = "\n".join(f"{key} = {json.dumps(value)}" for key, value in entry.items())
    with (folder / "partijen.toml").open("a", encoding="utf-8") as file:
        file.write(f"\n[[partij]]\n{block}\n")
    connection = papers / "aansluiting.toml"
    connection.write_text(CONNECTION.format(url=json.dumps(url), name=code), encoding="utf-8")
    return connection
