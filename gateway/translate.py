"""The commands ``json`` and ``xml``: one message from the one form to the other, without server or store."""

import sys
from pathlib import Path

from gateway import forms
from gateway.catalog import Catalog
from gateway.check import check
from gateway.convert import json_of, xml_of
from gateway.gate import MAX_BYTES
from gateway.message import Checked
from gateway.validate import COULD_NOT, INVALID, VALID


def json(path: str) -> int:
    """Print a message in XML as JSON, or on standard error what is wrong with it.

    Returns 0, or 1 if it is not a sound message, 2 if the file could not be read; ``-`` is standard input.
    """
    raw = _read(path)
    if raw is None:
        return COULD_NOT
    checked = check(raw, Catalog.load())
    return _told(path, checked, b"" if checked.findings else json_of(raw, forms.read()) + b"\n")


def xml(path: str) -> int:
    """Print a message in JSON as XML, as the gateway would store it; otherwise as ``json``."""
    raw = _read(path)
    if raw is None:
        return COULD_NOT
    catalog = Catalog.load()
    checked, made = xml_of(raw, forms.read(), lambda document: check(document, catalog))
    return _told(path, checked, made)


def _read(path: str) -> bytes | None:
    try:
        if path == "-":
            return sys.stdin.buffer.read(MAX_BYTES + 1)
        with Path(path).open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError:
        print(f"{path}: dit bestand bestaat niet of kan niet worden gelezen.", file=sys.stderr)
        return None


def _told(path: str, checked: Checked, made: bytes) -> int:
    if not checked.findings:
        sys.stdout.buffer.write(made)
        sys.stdout.flush()
        return VALID
    print(f"{path}: geen goed bericht, dus niet omgezet.", file=sys.stderr)
    for each in checked.findings:
        place = f"regel {each.line}" if each.line else each.path or "het bestand"
        print(f"  {place}  {each.code}  {each.text}", file=sys.stderr)
    return INVALID
