"""The report on the log as PDF: one page that an officer can sign, readable by a screen reader (PDF/UA-1)."""

import json
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

from audit.report import CHECKS, NOT_PROVEN, Report, as_json


class PdfError(Exception):
    """The report cannot be written as PDF; the text says in Dutch why."""


def write_pdf(report: Report, target: Path) -> None:
    """Write the report to ``target``; raises `PdfError`. Needs the extra ``rapport``."""
    try:
        import typst  # noqa: PLC0415 - an extra
    except ImportError:
        raise PdfError("Voor een PDF is 'typst' nodig: installeer ketenpoort[rapport].") from None
    told = as_json(report) | {
        "gemaakt": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "grenzen": NOT_PROVEN,
        "eerste": _first(report),
    }
    template = resources.files("audit").joinpath("report.typ").read_bytes()
    try:
        made = typst.compile(template, sys_inputs={"report": json.dumps(told)}, pdf_standards="ua-1")
        target.write_bytes(made if isinstance(made, bytes) else b"")
    except typst.TypstError:
        raise PdfError("De PDF is niet te maken.") from None
    except OSError as error:
        raise PdfError(f"{target} kan niet worden geschreven ({error.strerror}).") from None


def _first(report: Report) -> str | None:
    if report.first is None:
        return None
    line = "" if report.first.index is None else f", regel {report.first.index}"
    return (
        f"{report.first.check} ({CHECKS[report.first.check]}): {report.first.file or 'map'}{line}. {report.first.text}"
    )
