"""The command ``open-formulier``: a gemeente opens a form about a secret client with its own key, without a gateway."""

import hashlib
import json
import os
from pathlib import Path

from gateway.commands import cannot
from gateway.retention import forms
from gateway.retention.forms import FormError


def open_form(path: Path, private: Path, target: Path) -> int:
    """Write what a sealed form says to a new folder, as JSON and, if it came along, as PDF; return 0, or 2."""
    try:
        file = path.read_bytes()
        told, pdf = forms.opened(file, private.read_text(encoding="utf-8"))
        target.mkdir(mode=0o700)
        _write(target / "formulier.json", json.dumps(told, ensure_ascii=False, indent=1).encode() + b"\n")
        if pdf:
            _write(target / "formulier.pdf", pdf)
    except (OSError, UnicodeDecodeError, FormError) as error:
        return cannot(str(error))
    print(f"Het formulier staat in {target}. Bevestig het binnen vijf werkdagen aan de aanbieder, met deze hash:")
    print(hashlib.sha256(file).hexdigest())
    return 0


def _write(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
