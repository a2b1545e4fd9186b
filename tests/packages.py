"""Schema packages for tests: made from our own schemas, with one thing changed, or hostile."""

import zipfile
from pathlib import Path

from gateway.catalog import FOLDER

OURS = FOLDER / "ijw/3.2"


def files(*, without: str = "", **changes: tuple[str, str]) -> dict[str, bytes]:
    """Our schemas of iJw 3.2 by file name: ``JW301=(old, new)`` replaces the one place where ``old`` stands."""
    made = {path.name: path.read_text(encoding="utf-8") for path in OURS.glob("*.xsd") if path.stem != without}
    for stem, (old, new) in changes.items():
        assert made[f"{stem}.xsd"].count(old) == 1, f"{old} stands {made[f'{stem}.xsd'].count(old)} times in {stem}"
        made[f"{stem}.xsd"] = made[f"{stem}.xsd"].replace(old, new)
    return {name: text.encode() for name, text in made.items()}


def folder(path: Path, made: dict[str, bytes]) -> Path:
    path.mkdir(parents=True)
    for name, raw in made.items():
        (path / name).write_bytes(raw)
    return path


def zipped(path: Path, made: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, raw in made.items():
            archive.writestr(name, raw)
    return path
