"""How this gateway is set up: one TOML file, read once at start; every setting has its check here."""

import re
import tomllib
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any


class SettingsError(Exception):
    """The settings cannot be used; the message says all that is wrong with them, in Dutch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Oidc:
    """``[oidc]``: the OpenID provider by which officers log in."""

    issuer: str
    """``uitgever``: its https address, as it stands in its tokens."""
    client: str
    """``client``: the name by which it knows this console."""
    secret: Path
    """``geheim``: file with the secret that goes with that name."""
    address: str
    """``adres``: https address of this console as browsers know it, without a path."""
    levels: tuple[str, ...]
    """``niveaus``: levels of assurance (``acr``) that are enough; default eIDAS substantial and high."""
    authority: Path | None
    """``ca``: who signs the provider's certificate, where that is not one that this machine trusts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings, with paths made absolute (relative ones count from the file's own folder)."""

    origin: str
    """``naam``: the name of this gateway and of its log; part of every signature, so never changed."""
    host: str
    """``adres``: where the HTTP interface listens."""
    port: int
    """``poort``: 0 takes a free one."""
    database: str
    """``database``: SQLAlchemy URL, ``sqlite+aiosqlite:///file`` or ``postgresql+asyncpg://…``."""
    keys: Path
    """``sleutels``: folder of keys, or ``unix:`` and the socket of a key service that runs by itself."""
    parties: Path
    """``partijen``: the file with parties."""
    certificate: Path
    private_key: Path
    authority: Path
    """``certificaat``, ``sleutel``, ``ca``: this gateway's TLS certificate, and who signs those of parties."""
    packages: Path = Path("schemas")
    """``schemas``: folder of published schema packages; it need not be there."""
    workers: int = 2
    """``controleurs``: worker processes that check small documents; one more checks large ones."""
    body_seconds: float = 30.0
    """``wachttijd``: seconds in which the head of a request, and then its body, must have arrived."""
    lease_seconds: float = 60.0
    """``pachttijd``: seconds after which another gateway takes up what a killed one was bringing; longer than any
    attempt to bring a message (ten seconds, plus one per MB)."""
    console: int | None = None
    """``toezicht``: port of the officers' console, on the same address; 0 takes a free one. None: there is none."""
    officers: Path = Path("functionarissen.toml")
    """``functionarissen``: the file of officers; it need not be there."""
    log: str = ""
    """``logboek``: name of the log, where that is not the name of the gateway: after a restore it is another log."""
    anchor: Path = Path("laatste-stand")
    """``anker``: file with the last head of the log, outside the database, so that an older database is recognised."""
    witnesses: Path = Path("getuigen")
    """``getuigen``: file that says who signs the heads of the log too (C2SP tlog-policy); it need not be there."""
    stamper: str = ""
    """``stempel``: address of an authority that stamps a head of the log each day (RFC 3161); empty: none."""
    retention: Path = Path("bewaartermijnen.toml")
    """``bewaartermijnen``: file with other terms than those of `gateway.retention.policy`; it need not be there."""
    oidc: Oidc | None = None
    """``oidc``: the OpenID provider by which officers log in; None: with password and code alone."""
    history: str = "weiger"
    """``verleden``: what is done with what contradicts earlier messages (level 3): ``weiger``, ``leer`` (nothing is
    refused, all is remembered, so that a ledger can begin while care is running) or ``uit`` (nothing is kept)."""

    register: str = "weiger"
    """``register``: what is done with what contract and consent do not allow (level 4): ``weiger`` or ``leer``."""

    @property
    def levels(self) -> tuple[int, ...]:
        """The levels at which the ledger refuses."""
        return tuple(level for level, does in ((3, self.history), (4, self.register)) if does == "weiger")

    @property
    def log_name(self) -> str:
        """The origin of the log: what stands above each head."""
        return self.log or self.origin


_NAMES = {
    "origin": "naam", "host": "adres", "port": "poort", "database": "database", "keys": "sleutels",
    "parties": "partijen", "certificate": "certificaat", "private_key": "sleutel", "authority": "ca",
    "workers": "controleurs", "body_seconds": "wachttijd", "lease_seconds": "pachttijd", "history": "verleden",
    "register": "register",
    "log": "logboek", "anchor": "anker", "witnesses": "getuigen", "stamper": "stempel",
    "packages": "schemas", "console": "toezicht", "officers": "functionarissen", "oidc": "oidc",
    "retention": "bewaartermijnen",
}  # fmt: skip
_RANGES = {
    "port": (0, 65535),
    "console": (0, 65535),
    "workers": (1, 64),
    "body_seconds": (1, 3600),
    "lease_seconds": (1, 3600),
}
LEVELS = ("http://eidas.europa.eu/LoA/substantial", "http://eidas.europa.eu/LoA/high")
"""What is enough to see what others did: it is known who this is (eIDAS, substantial)."""
_CHOICES = {"history": ("weiger", "leer", "uit"), "register": ("weiger", "leer")}
_FORMS = {
    "origin": (r"[a-z0-9][a-z0-9.-]{0,62}", "mag alleen kleine letters, cijfers, punten en streepjes hebben"),
    "log": (r"[a-z0-9][a-z0-9./-]{0,79}", "mag alleen kleine letters, cijfers, punten, streepjes en / hebben"),
    "stamper": (r"https?://[^\s]+", "moet een adres zijn dat begint met https://"),
}


def fault(name: str, value: Any) -> str:
    """Return what is wrong with the value of one setting, in Dutch; empty if nothing."""
    word = _NAMES[name]
    if name == "oidc":
        return _oidc_fault(value)
    if name in _RANGES:
        least, most = _RANGES[name]
        whole = name in {"port", "console", "workers"}
        good = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
        if not good or not least <= value <= most:
            return f"De instelling '{word}' moet een {'heel ' if whole else ''}getal van {least} tot {most} zijn."
    elif name in _CHOICES:
        if value not in _CHOICES[name]:
            return f"De instelling '{word}' moet een van deze zijn: {', '.join(_CHOICES[name])}."
    elif not isinstance(value, str) or not value:
        return f"De instelling '{word}' moet tekst tussen aanhalingstekens zijn."
    elif name in _FORMS and not re.fullmatch(_FORMS[name][0], value):
        return f"De instelling '{word}' {_FORMS[name][1]}."
    return ""


def load(path: Path) -> Settings:
    """Read the settings file; raise SettingsError with everything that is wrong in it."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"Er is geen instellingenbestand {path}. Maak het met: ketenpoort nieuw MAP") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"Het instellingenbestand {path} is niet te lezen: {error}") from None
    wrong = [f"Onbekende instelling '{name}'." for name in sorted(set(content) - set(_NAMES.values()))]
    values: dict[str, Any] = {}
    for each in fields(Settings):
        name = _NAMES[each.name]
        if name not in content:
            if each.default is MISSING:
                wrong.append(f"De instelling '{name}' ontbreekt.")
            continue
        if trouble := fault(each.name, content[name]):
            wrong.append(trouble)
        values[each.name] = content[name]
    if wrong:
        raise SettingsError("\n".join(wrong))
    home = path.resolve().parent
    values.setdefault("packages", "schemas")
    values.setdefault("anchor", "laatste-stand")
    values.setdefault("witnesses", "getuigen")
    values.setdefault("officers", "functionarissen.toml")
    values.setdefault("retention", "bewaartermijnen.toml")
    paths = "keys", "parties", "certificate", "private_key", "authority", "packages", "officers"
    for name in (*paths, "anchor", "witnesses", "retention"):
        place = values[name]
        values[name] = Path(place) if name == "keys" and str(place).startswith("unix:") else home / place
    if "oidc" in values:
        values["oidc"] = _oidc(values["oidc"], home)
    values["database"] = _absolute(values["database"], home)
    return Settings(**values)


def _oidc_fault(value: Any) -> str:
    texts = {"uitgever", "client", "geheim", "adres", "ca"}
    told = value if isinstance(value, dict) else {}
    levels = told.get("niveaus", ["-"])
    good = (
        texts - {"ca"} <= told.keys() <= texts | {"niveaus"}
        and all(isinstance(told[name], str) and told[name] for name in told.keys() & texts)
        and isinstance(levels, list)
        and levels
        and all(isinstance(each, str) and each and " " not in each for each in levels)
        and told["uitgever"].startswith("https://")
        and re.fullmatch(r"https://[^/\s]+", told["adres"])
    )
    return "" if good else (
        "Onder [oidc] horen 'uitgever' (https-adres), 'client', 'geheim' (bestand) en 'adres' (https-adres van het "
        "toezicht, zonder pad); 'niveaus' (lijst) en 'ca' (bestand) mogen."
    )  # fmt: skip


def _oidc(value: dict[str, Any], home: Path) -> Oidc:
    files = home / value["geheim"], home / value.get("ca", value["geheim"])
    if missing := [file for file in files if not file.is_file()]:
        raise SettingsError(f"Onder [oidc] wordt {missing[0]} genoemd, maar dat bestand is er niet.")
    return Oidc(
        issuer=value["uitgever"],
        client=value["client"],
        secret=files[0],
        address=value["adres"],
        levels=tuple(value.get("niveaus", LEVELS)),
        authority=files[1] if "ca" in value else None,
    )


def _absolute(url: str, home: Path) -> str:
    scheme, separator, name = url.partition(":///")
    if separator and scheme.startswith("sqlite") and not name.startswith("/"):
        return f"{scheme}:///{home / name}"
    return url
