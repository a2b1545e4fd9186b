"""The command ``antwoord``: the answer to a message, for who has no system that writes it; no server, no store."""

import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from gateway.answer import due, header_only, identification, in_header, judged, return_codes
from gateway.catalog import Catalog
from gateway.check import check
from gateway.compose import ComposeError
from gateway.gate import MAX_BYTES

WRITTEN, NO_ANSWER, COULD_NOT = 0, 1, 2


def antwoord(path: Path, faults: Iterable[str], own: str | None) -> int:
    """Print the answer to the message in a file: a retour or a 325, with the return codes in ``faults``.

    A fault is ``PATH=CODE``, its path as a finding tells it. ``own`` is the Identificatie of the answer, else it gets
    a new one. A message that breaks our own rules is answered with those. Returns 0, 1 if no answer is due, 2 if it
    cannot be written.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError:
        return _tell(COULD_NOT, f"{path}: dit bestand kan niet worden gelezen.")
    codes: dict[str, list[str]] = {}
    for fault in faults:
        place, given, code = fault.rpartition("=")
        if not given:
            return _tell(COULD_NOT, f"Schrijf {fault!a} als PAD=CODE, zoals Client/Bsn=8187.")
        codes.setdefault(place if place.startswith("Bericht/") else f"Bericht/{place}", []).append(code)
    catalog, new, today = Catalog.load(), own or identification(), datetime.now(UTC).date().isoformat()
    checked = check(raw, catalog)
    try:
        if not checked.findings:
            answer = judged(raw, codes, catalog, identification=new, today=today)
        elif kind := due(checked, catalog):
            codes = return_codes(checked)
            answer = (
                header_only(checked, kind, catalog, identification=new, today=today)
                if in_header(codes)
                else judged(raw, codes, catalog, identification=new, today=today, whole=True)
            )
            _tell(
                WRITTEN, "Het bericht is niet goed. Dit antwoord keurt het af. De fouten staan in: ketenpoort valideer."
            )
        else:
            return _tell(NO_ANSWER, "Op dit bericht hoort geen antwoord. Kijk met ketenpoort valideer wat er mis is.")
    except ComposeError as error:
        return _tell(COULD_NOT, str(error))
    sys.stdout.buffer.write(answer)
    return WRITTEN


def _tell(code: int, text: str) -> int:
    print(text, file=sys.stderr)
    return code
