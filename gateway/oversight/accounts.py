"""The officers, in one TOML file that only the gateway can read; how a password and a code are held against it.

Whoever writes this file decides who oversees; so it is guarded as the keys are, and refused when others can read it. A
change works within seconds. An officer logs in here with a password and a code (RFC 6238), or is known by the
identifier that an OpenID provider gives him; never both.
"""

import base64
import hashlib
import hmac
import json
import os
import re
import secrets
import stat
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from gateway.oversight.rights import OPERATOR, Officer, Role

ROLES = tuple(role for role in Role if role is not Role.BREAK_GLASS)
"""What an account may be: break-glass is not given but taken, for an hour."""
STEP = 30
"""Seconds that a code is shown (RFC 6238)."""
_COST = {"n": 2**15, "r": 8, "p": 1, "maxmem": 2**26, "dklen": 32}  # 32 MB; we make the passwords, of 96 random bits
_LOGIN = re.compile(r"[a-z0-9][a-z0-9.-]{1,63}")
_PARTY = re.compile(r"|[0-9]{8}|[0-9]{4}")
_HASH = re.compile(r"scrypt:[0-9a-f]{32}:[0-9a-f]{64}")
_TOTP = re.compile(r"[A-Z2-7]{32}")
_FIELDS = {"login", "naam", "rol", "partij", "wachtwoord", "totp", "uitgever", "sub", "geheim"}
_NOBODY = "scrypt:" + "00" * 16 + ":" + "00" * 32


class OfficersError(Exception):
    """The file of officers cannot be used; the message says all that is wrong with it, in Dutch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An officer, and by what he shows that it is him."""

    officer: Officer
    password: str = field(default="", repr=False)
    """``scrypt:<salt>:<hash>``, in hex."""
    secret: bytes = field(default=b"", repr=False)
    """What the codes are made from, shared with his telephone."""
    issuer: str = ""
    subject: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Officers:
    """All officers, by login, and by what their OpenID provider calls them (issuer, subject)."""

    by_login: Mapping[str, Account] = field(default_factory=dict)
    by_subject: Mapping[tuple[str, str], Account] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> "Officers":
        """Read the file; raise OfficersError with everything that is wrong in it. No file: no officers."""
        try:
            if stat.S_IMODE(path.stat().st_mode) & 0o077:
                raise OfficersError(f"{path.name} is leesbaar voor anderen. Doe: chmod go= {path}")
            content = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return cls()
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            # What a parser says may hold a line of the file, with a secret in it.
            raise OfficersError(f"{path.name} is niet te lezen ({type(error).__name__}).") from None
        if set(content) - {"functionaris"} or not isinstance(content.get("functionaris", []), list):
            raise OfficersError(f"{path.name} kent alleen blokken [[functionaris]].")
        return cls.of(content.get("functionaris", []))

    @classmethod
    def of(cls, entries: list[Any]) -> "Officers":
        """Build from the file's tables; raise OfficersError with everything that is wrong in them."""
        if wrong := [fault for entry in entries for fault in _faults(entry)]:
            raise OfficersError("\n".join(wrong))
        accounts = [_account(entry) for entry in entries]
        by_login = {each.officer.login: each for each in accounts}
        by_subject = {(each.issuer, each.subject): each for each in accounts if each.subject}
        if len(by_login) < len(accounts):
            raise OfficersError("Een login staat er twee keer in.")
        if len(by_subject) < sum(bool(each.subject) for each in accounts):
            raise OfficersError("Een 'sub' van dezelfde uitgever staat bij twee functionarissen.")
        return cls(by_login=by_login, by_subject=by_subject)


def hashed(password: str) -> str:
    """Return what is kept of a password."""
    salt = secrets.token_bytes(16)
    return f"scrypt:{salt.hex()}:{_scrypt(password, salt).hex()}"


def password_fits(account: Account | None, password: str) -> bool:
    """Tell whether this is the password of an account; as much work for one that does not exist. Takes a while."""
    kept = account.password if account and account.password else _NOBODY
    _, salt, hash_ = kept.split(":")
    return hmac.compare_digest(_scrypt(password, bytes.fromhex(salt)), bytes.fromhex(hash_)) and kept is not _NOBODY


def step_of(account: Account | None, code: str, at: int) -> int | None:
    """Return the step (periods of thirty seconds) whose code this is, around the moment ``at`` (ms UTC); None if none.

    The step before and the one after count too: clocks differ, and typing takes time.
    """
    now = at // 1000 // STEP
    secret = account.secret if account and account.secret else bytes(20)
    fits = [step for step in (now - 1, now, now + 1) if hmac.compare_digest(code_at(secret, step), code.encode())]
    return fits[-1] if fits and account and account.secret else None


def code_at(secret: bytes, step: int) -> bytes:
    """Return the six digits of one step."""
    return _totp(secret).generate(step * STEP)


def mark(account: Account, value: str) -> str:
    """Return what belongs to this value as long as nothing of the account changes: role, party, password or secret."""
    officer = account.officer
    told = [
        value, officer.login, officer.role, officer.party, officer.finds_secret, account.password,
        account.secret.hex(), account.issuer, account.subject,
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:32]


def login_of(name: str) -> str:
    """Make a login of a name: ``J. de Vries`` becomes ``j.de.vries``."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", ".", plain).strip(".")[:64]


def add_account(
    path: Path, *, login: str, name: str, role: str, party: str, finds_secret: bool = False
) -> tuple[str, str]:
    """Add an account with a fresh password and secret to the file; return the password and the ``otpauth`` address.

    Raises OfficersError when a value is not sound, or the file or the login is not good; then nothing changes.
    """
    password = "-".join(secrets.token_hex(2) for _ in range(6))
    secret = secrets.token_bytes(20)
    block = {
        "login": login,
        "naam": name,
        "rol": role,
        "partij": party,
        "wachtwoord": hashed(password),
        "totp": base64.b32encode(secret).decode(),
        **({"geheim": "ja"} if finds_secret else {}),
    }
    Officers.of([block])
    if login in Officers.load(path).by_login:
        raise OfficersError(f"Er is al een functionaris met de login {login}. Kies met --login een andere.")
    told = "\n".join(f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in block.items())
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "a", encoding="utf-8") as file:
        file.write(f"\n[[functionaris]]\n{told}\n")  # a JSON string is a TOML one
    return password, _totp(secret).get_provisioning_uri(login, "Ketenpoort")


def _faults(entry: Any) -> list[str]:
    if not isinstance(entry, dict) or not all(isinstance(value, str) for value in entry.values()):
        return [
            "Schrijf elke functionaris als een eigen blok [[functionaris]], met elke waarde tussen aanhalingstekens."
        ]
    login = entry.get("login", "")
    where = f"Functionaris {login if _LOGIN.fullmatch(login) else '(zonder goede login)'}"
    wrong = [f"{where}: onbekende instelling '{name}'." for name in sorted(set(entry) - _FIELDS)]
    if not _LOGIN.fullmatch(login):
        wrong.append(f"{where}: 'login' heeft 2 tot 64 tekens: kleine letters, cijfers, punten en streepjes.")
    if not entry.get("naam"):
        wrong.append(f"{where}: 'naam' ontbreekt.")
    if entry.get("rol") not in ROLES:
        wrong.append(f"{where}: 'rol' moet een van deze zijn: {', '.join(ROLES)}.")
    if not _PARTY.fullmatch(entry.get("partij", "")):
        wrong.append(f"{where}: 'partij' is een code van 8 of 4 cijfers, of leeg voor de poort zelf.")
    if entry.get("geheim", "ja") != "ja":
        wrong.append(f"{where}: 'geheim' is \"ja\" voor wie geheime cliënten mag vinden, en staat er anders niet.")
    here, there = "wachtwoord" in entry or "totp" in entry, "uitgever" in entry or "sub" in entry
    if here == there:
        wrong.append(f"{where}: geef 'wachtwoord' en 'totp', of 'uitgever' en 'sub', en niet allebei.")
    if here and not (_HASH.fullmatch(entry.get("wachtwoord", "")) and _TOTP.fullmatch(entry.get("totp", ""))):
        wrong.append(f"{where}: 'wachtwoord' of 'totp' is niet gemaakt door: ketenpoort functionaris.")
    if there and not (entry.get("uitgever", "").startswith("https://") and entry.get("sub")):
        wrong.append(f"{where}: 'uitgever' moet een https-adres zijn, en 'sub' mag niet ontbreken.")
    return wrong


def _account(entry: Mapping[str, str]) -> Account:
    return Account(
        officer=Officer(
            login=entry["login"],
            name=entry["naam"],
            role=Role(entry["rol"]),
            party=entry.get("partij", OPERATOR),
            finds_secret="geheim" in entry,
        ),
        password=entry.get("wachtwoord", ""),
        secret=base64.b32decode(entry.get("totp", "")),
        issuer=entry.get("uitgever", ""),
        subject=entry.get("sub", ""),
    )


def _scrypt(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, **_COST)


def _totp(secret: bytes) -> TOTP:
    return TOTP(secret, 6, SHA1(), STEP)  # noqa: S303 - the algorithm that every telephone knows (RFC 6238)
