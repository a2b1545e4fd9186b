"""PDFs that a screen reader can read (PDF/UA-1), and the report on the log as one: a page that an officer can sign."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

from audit.report import CHECKS, NOT_PROVEN, Report, as_json


class PdfError(Exception):
    """The report cannot be written as PDF; the text says in Dutch why."""


def pdf_of(template: bytes, told: Mapping[str, Any]) -> bytes:
    """Return what ``template`` (Typst) makes of what it is told, as PDF/UA-1; raises `PdfError`.

    It is told one text, ``gegevens``, in JSON: data that never becomes a part of the template. Needs the extra
    ``rapport``.
    """
    try:
        import typst  # noqa: PLC0415 - an extra, that only some installs have
    except ImportError:
        raise PdfError("Voor een PDF is 'typst' nodig: installeer ketenpoort[rapport].") from None
    try:
        return bytes(
            typst.compile(template, format="pdf", pdf_standards="ua-1", sys_inputs={"gegevens": json.dumps(told)})
        )
    except typst.TypstError:
        raise PdfError("De PDF is niet te maken.") from None


def write_pdf(report: Report, target: Path) -> None:
    """Write the report to ``target``; raises `PdfError`."""
    told = as_json(report) | {
        "gemaakt": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "grenzen": NOT_PROVEN,
        "eerste": _first(report),
    }
    made = pdf_of(resources.files("audit").joinpath("report.typ").read_bytes(), told)
    try:
        target.write_bytes(made)
    except OSError as error:
        raise PdfError(f"{target} kan niet worden geschreven ({error.strerror}).") from None


def _first(report: Report) -> str | None:
    if report.first is None:
        return None
    line = "" if report.first.index is None else f", regel {report.first.index}"
    return (
        f"{report.first.check} ({CHECKS[report.first.check]}): {report.first.file or 'map'}{line}. {report.first.text}"
    )
