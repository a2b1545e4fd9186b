"""The commands ``valideer`` and ``leg-uit``: judge files without server or store.

Imports only what judging needs, so that it starts fast. Files are read as bytes, never parsed by path; of a ZIP
nothing is unpacked to disk.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from textwrap import wrap

from gateway.catalog import Catalog
from gateway.check import check
from gateway.codes import CodeList, code_list, names
from gateway.explain import Explanation, explain, rules_behind
from gateway.gate import MAX_BYTES
from gateway.message import Checked, Finding
from gateway.words import Text, place, printable

VALID, INVALID, COULD_NOT = 0, 1, 2
MOST_UNPACKED = 8 * MAX_BYTES
ZIP_MAGIC = b"PK\x03\x04"

EXPLAINED = {
    "nl": {
        "asks": "Wat de regel vraagt",
        "says": "Wat de code zegt",
        "do": "Wat u doet",
        "behind": "Regels die hiertoe leiden",
        "level": "Niveau",
        "code": "retourcode",
        "source": "Bron",
        "uses": "Gebruikt in",
        "from": "vanaf",
        "until": "tot en met",
    },
    "en": {
        "asks": "What the rule asks",
        "says": "What the code says",
        "do": "What you do",
        "behind": "Rules that lead to it",
        "level": "Level",
        "code": "return code",
        "source": "Source",
        "uses": "Used in",
        "from": "from",
        "until": "until",
    },
}
UNKNOWN = {"nl": "De code {} is niet bekend.", "en": "The code {} is not known."}
JUDGED = {
    "nl": {
        "good": "goed",
        "fault": "1 fout",
        "faults": "{} fouten",
        "first": "; hier staan de eerste {}",
        "line": "regel {}",
        "file": "bestand",
        "all": "{} berichten bekeken: {} goed, {} fout.",
        "progress": "{} berichten bekeken",
        "none": "Er is geen bericht gevonden. Geef een bestand, een map met .xml of .zip, of - op.",
    },
    "en": {
        "good": "good",
        "fault": "1 fault",
        "faults": "{} faults",
        "first": "; these are the first {}",
        "line": "line {}",
        "file": "file",
        "all": "{} messages seen: {} good, {} wrong.",
        "progress": "{} messages seen",
        "none": "No message was found. Give a file, a folder with .xml or .zip, or -.",
    },
}
NO_FILE = Text("dit bestand of deze map bestaat niet.", "this file or folder does not exist.")
NOT_READABLE = Text("dit bestand kan niet worden gelezen.", "this file cannot be read.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One document to judge, or the reason why it could not be read."""

    name: str
    raw: bytes = b""
    trouble: Text | None = None


def valideer(
    paths: list[str], json: bool, chain: bool = False, package: Path | None = None, language: str = "nl"
) -> int:
    """Judge files, folders (``*.xml`` and ``*.zip``, at any depth), ZIPs and ``-`` for standard input.

    With ``chain`` they are one conversation, in the order given, in a folder by name: each is also held against those
    before it. With a schema ``package`` they are held against that too. Prints for people in ``language``, ``nl`` or
    ``en``, or one JSON object a line per document, with both. Returns 0 if all are valid, 1 if some are not, 2 if
    something could not be read or nothing was found.
    """
    catalog = Catalog.load() if package is None else _with_package(package)
    if catalog is None:
        return COULD_NOT
    judge = _in_turn(catalog) if chain else partial(check, catalog=catalog)
    words, english = JUDGED[language], language == "en"
    good = bad = unread = 0
    for document in _documents(paths):
        if document.trouble:
            print(f"{document.name}: {document.trouble[english]}", file=sys.stderr)
            unread += 1
            continue
        checked = judge(document.raw)
        print(_line(document.name, checked) if json else _lines(document.name, checked, words, english), flush=True)
        good, bad = good + (not checked.findings), bad + bool(checked.findings)
        _progress(good + bad, words)
    if not good + bad + unread:
        print(words["none"], file=sys.stderr)
    if not json and good + bad > 1:
        print("", words["all"].format(good + bad, good, bad), sep="\n")
    if unread or not good + bad:
        return COULD_NOT
    return INVALID if bad else VALID


def _with_package(path: Path) -> Catalog | None:
    """Our catalogue with a published package beside it; None, and the reason printed, if that cannot be used."""
    from gateway.package import PackageError, Published, read  # noqa: PLC0415 - costs a tenth of a start, for few

    try:
        published = Published([read(path)])
        published.compile_all()
    except PackageError as error:
        print(printable(str(error)), file=sys.stderr)
        return None
    return Catalog.load(published=published)


def _in_turn(catalog: Catalog) -> Callable[[bytes], Checked]:
    from gateway.chain import Chain  # noqa: PLC0415 - only a conversation needs the ledger, and waits for its import

    return Chain(catalog).check


def leg_uit(code: str, language: str = "nl") -> int:
    """Print what a rule, a return code or a code list says, in ``nl`` or ``en``. Returns 0, or 2 if it is unknown."""
    name = code.strip().upper()
    known = explain(name, language)
    if known is not None:
        print(_explained(known, EXPLAINED[language]))
    elif name in names():
        print(_listed(code_list(name), EXPLAINED[language], language))
    else:
        print(UNKNOWN[language].format(ascii(code)), file=sys.stderr)
        return COULD_NOT
    return VALID


def _explained(known: Explanation, words: dict[str, str]) -> str:
    lines = [f"{known.code}: {known.title}"]
    itself = known.code == known.return_code
    for head, text in ((words["says" if itself else "asks"], known.rule), (words["do"], known.remedy)):
        lines += ["", head, f"  {text}"]
    behind = rules_behind(known.code) if itself else ()
    if behind:
        lines += ["", words["behind"], *wrap(", ".join(behind), width=100, initial_indent="  ", subsequent_indent="  ")]
    told = f", {words['code']} {known.return_code}" if known.return_code and not itself else ""
    return "\n".join([*lines, "", f"{words['level']} {known.level}{told}.", f"{words['source']}: {known.source}."])


def _listed(codes: CodeList, words: dict[str, str], language: str) -> str:
    lines = [f"{codes.name}: {codes.title[language]}", ""]
    for code in codes.meanings:
        days = [
            f"{words[side]} {day[code]}" for side, day in (("from", codes.begins), ("until", codes.ends)) if code in day
        ]
        lines.append(f"  {code:<4}  {codes.meaning(code, language)}" + (f" ({', '.join(days)})" if days else ""))
    uses = ", ".join(use.replace("/", " ", 1).replace(":", " ", 1) for use in codes.uses)
    return "\n".join([*lines, "", f"{words['uses']}: {uses}.", f"{words['source']}: {codes.source}."])


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
            yield Document(name=given, trouble=NO_FILE)


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
        yield Document(name=str(path), trouble=NOT_READABLE)
        return
    yield Document(name=str(path), raw=raw)


def _zip(path: Path) -> Iterator[Document]:
    from gateway.unpack import UnpackError, unpacked  # noqa: PLC0415 - costs a tenth of a start, for few

    try:
        for name, raw in unpacked(path, ".xml", each=MAX_BYTES, most=MOST_UNPACKED):
            yield Document(name=f"{path}:{printable(name)}", raw=raw)
    except UnpackError as error:
        yield Document(name=str(path), trouble=error.text)


def _line(name: str, checked: Checked) -> str:
    import json as codec  # noqa: PLC0415 - costs a tenth of a start, for programs only

    findings = [each.in_json() for each in checked.findings]
    verdict = {"bestand": name, "bericht": checked.type, "geldig": not findings, "bevindingen": findings}
    return codec.dumps(verdict, ensure_ascii=False)


def _lines(name: str, checked: Checked, words: dict[str, str], english: bool) -> str:
    kind = f" ({checked.type.upper()})" if checked.type else ""
    if not checked.findings:
        return f"{name}{kind}: {words['good']}"
    more = checked.total > len(checked.findings)
    count = words["fault"] if checked.total == 1 else words["faults"].format(f"{len(checked.findings)}{'+' * more}")
    first = words["first"].format(len(checked.findings)) if more else ""
    return "\n".join([f"{name}{kind}: {count}{first}", *(_finding(each, words, english) for each in checked.findings)])


def _finding(finding: Finding, words: dict[str, str], english: bool) -> str:
    line = words["line"].format(finding.line) if finding.line else words["file"]
    where = f"  {place(finding.path)[english]} ({finding.path})" if finding.path else ""
    text = wrap(finding.english if english else finding.text, width=104, break_on_hyphens=False)
    return "\n".join([f"  {line:>12}  {finding.code}{where}", *(f"{'':>16}{each}" for each in text)])


def _progress(done: int, words: dict[str, str]) -> None:
    """Every hundredth document, for who watches a terminal while the output goes to a file."""
    if done % 100 == 0 and sys.stderr.isatty() and not sys.stdout.isatty():
        print(words["progress"].format(done), file=sys.stderr)
