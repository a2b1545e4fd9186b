"""The commands ``valideer`` and ``leg-uit``: judge files without server or store.

Imports only what judging needs, so that it starts fast. Files are read as bytes, never parsed by path; of a ZIP
nothing is unpacked to disk.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gateway.catalog import Catalog
from gateway.check import check
from gateway.explain import explain
from gateway.gate import MAX_BYTES
from gateway.message import Checked

VALID, INVALID, COULD_NOT = 0, 1, 2
MOST_UNPACKED = 8 * MAX_BYTES
ZIP_MAGIC = b"PK\x03\x04"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One document to judge, or the reason why it could not be read."""

    name: str
    raw: bytes = b""
    trouble: str = ""


def valideer(paths: list[str], json: bool) -> int:
    """Judge files, folders (``*.xml`` and ``*.zip``, at any depth), ZIPs and ``-`` for standard input.

    Prints for people, or one JSON object a line per document. Returns 0 if all are valid, 1 if some are not, 2 if
    something could not be read or nothing was found.
    """
    catalog = Catalog.load()
    good = bad = unread = 0
    for document in _documents(paths):
        if document.trouble:
            print(f"{document.name}: {document.trouble}", file=sys.stderr)
            unread += 1
            continue
        checked = check(document.raw, catalog)
        print(_line(document.name, checked) if json else _lines(document.name, checked), flush=True)
        good, bad = good + (not checked.findings), bad + bool(checked.findings)
        _progress(good + bad)
    if not good + bad + unread:
        print("Er is geen bericht gevonden. Geef een bestand, een map met .xml of .zip, of - op.", file=sys.stderr)
    if not json and good + bad > 1:
        print(f"\n{good + bad} berichten bekeken: {good} goed, {bad} fout.")
    if unread or not good + bad:
        return COULD_NOT
    return INVALID if bad else VALID


def leg_uit(code: str) -> int:
    """Print what a rule demands and what to do about it. Returns 0, or 2 if the code is unknown."""
    known = explain(code.strip().upper())
    if known is None:
        print(f"De code {code!a} is niet bekend.", file=sys.stderr)
        return COULD_NOT
    print(f"{known.code}: {known.title}\n\nWat de regel vraagt\n  {known.rule}\n\nWat u doet\n  {known.remedy}\n")
    print(f"Niveau {known.level}" + (f", retourcode {known.return_code}" if known.return_code else "") + ".")
    print(f"Bron: {known.source}.")
    return VALID


def _documents(paths: list[str]) -> Iterator[Document]:
    for given in paths:
        if given == "-":
            yield Document(name="-", raw=sys.stdin.buffer.read(MAX_BYTES + 1))
            continue
        path = Path(given)
        if path.is_dir():
            for found in sorted(path.rglob("*")):
                if found.suffix.lower() in {".xml", ".zip"} and found.is_file():
                    yield from _file(found)
        elif path.exists():
            yield from _file(path)
        else:
            yield Document(name=given, trouble="dit bestand of deze map bestaat niet.")


def _file(path: Path) -> Iterator[Document]:
    try:
        with path.open("rb") as file:
            if file.read(4) == ZIP_MAGIC:
                yield from _zip(path)
                return
            file.seek(0)
            # One byte more than is allowed is enough to be refused for size.
            raw = file.read(MAX_BYTES + 1)
    except OSError:
        yield Document(name=str(path), trouble="dit bestand kan niet worden gelezen.")
        return
    yield Document(name=str(path), raw=raw)


def _zip(path: Path) -> Iterator[Document]:
    from gateway.unpack import UnpackError, unpacked  # noqa: PLC0415 - costs a tenth of a start, for few

    try:
        for name, raw in unpacked(path, ".xml", each=MAX_BYTES, most=MOST_UNPACKED):
            yield Document(name=f"{path}:{_printable(name)}", raw=raw)
    except UnpackError as error:
        yield Document(name=str(path), trouble=str(error))


def _printable(name: str) -> str:
    """A name from inside a ZIP, safe to show on a terminal."""
    return "".join(sign if sign.isprintable() else "?" for sign in name)


def _line(name: str, checked: Checked) -> str:
    import json as codec  # noqa: PLC0415 - costs a tenth of a start, for programs only

    findings = [
        {"code": f.code, "niveau": f.level, "regel": f.line, "pad": f.path, "tekst": f.text} for f in checked.findings
    ]
    verdict = {"bestand": name, "bericht": checked.type, "geldig": not findings, "bevindingen": findings}
    return codec.dumps(verdict, ensure_ascii=False)


def _lines(name: str, checked: Checked) -> str:
    kind = f" ({checked.type.upper()})" if checked.type else ""
    if not checked.findings:
        return f"{name}{kind}: goed"
    more = "" if checked.total <= len(checked.findings) else f"; hier staan de eerste {len(checked.findings)}"
    count = "1 fout" if len(checked.findings) == 1 else f"{len(checked.findings)}{'+' if more else ''} fouten"
    lines = [f"{name}{kind}: {count}{more}"]
    for finding in checked.findings:
        place = f"regel {finding.line}" if finding.line else "bestand"
        lines.append(f"  {place:>12}  {finding.code}  {finding.path}")
        lines.append(f"  {'':>12}  {finding.text}")
    return "\n".join(lines)


def _progress(done: int) -> None:
    """Every hundredth document, for who watches a terminal while the output goes to a file."""
    if done % 100 == 0 and sys.stderr.isatty() and not sys.stdout.isatty():
        print(f"{done} berichten bekeken", file=sys.stderr)
