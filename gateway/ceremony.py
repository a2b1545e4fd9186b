"""The key ceremony: the KEK in shares for officers, and the key folder made anew from enough of them."""

import os
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path

from audit import box
from audit.seal import Key
from audit.vault import kek, shares, store
from audit.vault.shares import Share, ShareError
from audit.vault.store import StoreError
from gateway import keyring
from gateway.commit import writing
from gateway.settings import Settings
from gateway.trail import What


def pair(path: Path) -> int:
    """Make a key pair: the secret one in ``path``, the public one beside it; return 0, or 2."""
    private, public = box.new_pair()
    try:
        _write(path, private.encode() + b"\n")
        _write(path.with_name(f"{path.name}.pub"), public.encode() + b"\n")
    except OSError as error:
        return _cannot(f"{path} kan niet worden geschreven ({error.strerror}).")
    print(f"Uw geheime sleutel staat in {path}: bewaar haar waar alleen u bij kunt. Geef {path}.pub aan de beheerder.")
    print(f"Kenmerk van de openbare sleutel: {box.mark(public)}. Noem het aan wie haar gebruikt, om te vergelijken.")
    return 0


async def share(settings: Settings, target: Path, *, count: int, needed: int, to: Sequence[Path], who: str) -> int:
    """Divide the KEK in ``count`` shares of which ``needed`` give it back, one file each; log that ``who`` did.

    ``to`` names public keys, one for each share; without, the shares lie open in the files. Returns 0, or 2.
    """
    if to and len(to) != count:
        return _cannot(f"Er zijn {count} aandelen, en {len(to)} openbare sleutels. Geef voor elk aandeel een sleutel.")
    try:
        made = _shares(settings.keys, count=count, needed=needed)
        parts = [shares.write(each).encode() + b"\n" for each in made]
        if to:
            keys = [path.read_text(encoding="utf-8") for path in to]
            parts = [shares.seal_to(key, each) for key, each in zip(keys, made, strict=True)]
        target.mkdir(mode=0o700)
        await _tell(settings, What.KEY_SHARED, who)
        for each, part in zip(made, parts, strict=True):
            _write(target / f"aandeel-{each.number}", part)
    except ValueError:
        return _cannot("Er zijn ten minste twee aandelen nodig, en niet meer dan er worden gemaakt (ten hoogste 255).")
    except (OSError, StoreError, ShareError) as error:
        return _cannot(str(error))
    print(
        f"{count} aandelen staan in {target}; elke {needed} samen geven de hoofdsleutel. Geef ieder het zijne en"
        " verwijder daarna deze map."
    )
    return 0


def open_share(path: Path, private: Path) -> int:
    """Print an officer's share, opened; return 0, or 2."""
    try:
        print(shares.write(shares.open_with(private.read_text(encoding="utf-8"), path.read_bytes())))
    except (OSError, UnicodeDecodeError, ShareError) as error:
        return _cannot(str(error))
    return 0


def copy(folder: Path, target: Path) -> int:
    """Write a copy of the keys in a folder, sealed as they are there, to a new file; return 0, or 2."""
    try:
        store.copy(folder, target)
    except FileExistsError:
        return _cannot(f"{target} bestaat al. Geef de naam van een nieuw bestand.")
    except (OSError, sqlite3.Error):
        return _cannot(f"Van {folder / store.FILE} kan geen kopie worden gemaakt in {target.parent}.")
    print(f"De kopie staat in {target}. Bewaar haar apart van de database, en ten hoogste dertig dagen.")
    return 0


async def restore(settings: Settings, paths: Sequence[Path], backup: Path, *, who: str) -> int:
    """Make the key folder from a copy of ``sleutels.db`` and the shares in these files; log it; return 0, or 2."""
    try:
        raw = shares.combine([shares.read(path.read_text(encoding="utf-8")) for path in paths])
        store.restore(settings.keys, backup, Key(id=raw[:8], secret=raw[8:]))
        await _tell(settings, What.KEY_RESTORED, who)
    except (OSError, ValueError, ShareError, StoreError) as error:
        return _cannot(str(error))
    print(f"De sleutelmap staat weer in {settings.keys}. Start de poort, en vernieuw daarna de hoofdsleutel.")
    return 0


async def _tell(settings: Settings, what: What, who: str) -> None:
    async with keyring.opened(settings, who) as ring, writing(ring.engine) as db:
        await ring.tell(db, what, {})


def _shares(folder: Path, *, count: int, needed: int) -> list[Share]:
    """Divide the KEK of a folder that we can read ourselves; one in a module cannot be had, and has its own backup."""
    opened = store.Store(folder)
    force = opened.kek_in_force()
    opened.close()
    if not isinstance(force, kek.FileKek):
        raise ShareError(
            "De hoofdsleutel staat in een sleutelmodule en komt daar niet uit. Maak een kopie van die module."
        )
    return shares.split(force.key.id + force.key.secret, count=count, needed=needed)


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def _cannot(text: str) -> int:
    print(text, file=sys.stderr)
    return 2
