"""The files of an export as a whole (V0): the signed list, the statement, and what does not belong."""

from audit import folder
from audit.folder import FormatError
from audit.note import NoteError, parse, signed_by
from audit.report import Verdict
from audit.verify.run import Run


def read_list(run: Run) -> None:
    """Read the signed list of files, and believe it only if the log's key signed it, and nobody else."""
    data = run.read("V0", folder.MANIFEST)
    if data is None:
        return
    try:
        note = run.once(parse, data)
        origin = folder.manifest_origin(note.text)
        if len(note.signatures) == 1 and any(run.once(signed_by, note, key) for key in run.keys):
            run.size, run.listed = run.once(folder.read_manifest, note.text)
            return
    except (NoteError, FormatError):
        run.tampered("V0", folder.MANIFEST, "De lijst van de uitvoer is geen geldige lijst.")
        return
    if origin == run.given.key.name:
        run.tampered("V0", folder.MANIFEST, "De lijst van de uitvoer is niet met deze sleutel ondertekend.")
    else:
        text = "Deze uitvoer is van een ander logboek dan de sleutel."
        run.note("V0", Verdict.UNCHECKABLE, folder.MANIFEST, text)


def read_statement(run: Run) -> None:
    """Read what was said when the export was made; it is worth what the list is worth that names it."""
    if run.head is not None and run.size not in (None, run.head.size):
        run.tampered("V0", folder.MANIFEST, "De lijst van de uitvoer hoort bij een andere stand van het logboek.")
    data = run.read("V0", folder.STATEMENT)
    if data is None:
        return
    try:
        statement = run.once(folder.read_statement, data)
    except FormatError:
        run.tampered("V0", folder.STATEMENT, "De verklaring bij de uitvoer is geen geldige verklaring.")
        return
    files = len(run.listed) if run.listed is not None else sum(1 for _ in run.place.names())
    if max(statement.heads, statement.stamps, statement.objects or 0) > 256 * files:
        run.tampered("V0", folder.STATEMENT, "De verklaring noemt meer dan er in de uitvoer kan staan.")
        return
    run.statement = statement


def find_strangers(run: Run) -> None:
    """Find files that no export of this size has. Between the log's own files they are a problem."""
    if run.head is None:
        return
    known = set(folder.paths(run.head.size, run.statement))
    if run.statement is None:  # then nobody says how many of the other files there are, except the list
        known |= {folder.STATEMENT, *(run.listed or ())}
    for file in run.place.names():
        if file in known:
            continue
        if file.startswith(("tile/", "payload/", "head/", "stamp/", "object/")):
            run.tampered("V0", ascii(file), "Dit bestand hoort niet bij de uitvoer.")
        else:
            run.strangers.append(ascii(file))
