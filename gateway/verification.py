"""``ketenpoort audit controleer``: the stand-alone verifier with all that an officer may have beside it.

Opens payloads through the key service, under the reason `beheer`; nothing of them is shown or kept.
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

from audit.keys import KeysError, KeyService
from audit.report import Report, Verdict, in_json, in_words
from audit.verify import verify
from audit.verify.__main__ import GivenError, given_from


def check(
    target: Path,
    public: Path,
    named: Mapping[str, Path],
    *,
    keys: str | None = None,
    stamps: Path | None = None,
    pdf: Path | None = None,
    json: bool = False,
) -> int:
    """Check the export in ``target``, tell, and write the report as PDF if asked; return the exit code.

    ``named`` are the options of the stand-alone command, ``keys`` the place of the key service.
    """
    try:
        given = given_from(public, named)
        if stamps is not None:
            given = replace(given, stamped=_stamped(stamps))
        if keys is None:
            report = verify(target, given)
        else:
            service = KeyService.open(Path(keys))
            try:
                opener = partial(service.open_lines, why="beheer")
                report = verify(target, replace(given, opener=opener, counts=service.counts()))
            finally:
                service.close()
    except (GivenError, KeysError) as error:
        print(error, file=sys.stderr)
        return int(Verdict.UNCHECKABLE)
    print(in_json(report) if json else in_words(report))
    return _written(report, pdf)


def _stamped(certificates: Path) -> Callable[[bytes, str], datetime | None]:
    """Return what tells when a stamp was given; raises `GivenError`."""
    try:
        from audit.stamped import StampsError, stamped_by  # noqa: PLC0415 - its library is an extra
    except ImportError:
        raise GivenError("Voor tijdstempels is 'rfc3161-client' nodig: installeer ketenpoort[stempel].") from None
    try:
        return stamped_by(certificates.read_bytes())
    except OSError as error:
        raise GivenError(f"Wat u meegeeft is niet te lezen ({error.strerror}).") from None
    except StampsError as error:
        raise GivenError(str(error)) from None


def _written(report: Report, pdf: Path | None) -> int:
    if pdf is not None:
        from audit.pdf import PdfError, write_pdf  # noqa: PLC0415 - its library is an extra

        try:
            write_pdf(report, pdf)
        except PdfError as error:
            print(error, file=sys.stderr)
            return int(report.verdict) or int(Verdict.UNCHECKABLE)
    return int(report.verdict)
