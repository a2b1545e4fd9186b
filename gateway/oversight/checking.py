"""One run of the verifier over the log of a running gateway, in a process of its own: a gateway must not wait for it.

Reads what it needs as JSON from standard input, tells on standard output how far it is, and ends with the report, as
`audit.report.in_json` writes it and as PDF. The log is exported to a temporary folder first, payloads sealed, so that
what is checked is what a stranger would get.
"""

import asyncio
import base64
import contextlib
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from audit import log
from audit.export import ExportError
from audit.export import export as write_export
from audit.filed import astray
from audit.keys import KeyService
from audit.note import Kind, VerifierKey
from audit.pdf import PdfError, write_pdf
from audit.policy import read_policy
from audit.report import Problem, Report, Verdict, in_json
from audit.verify import Given, verify
from gateway.commit import open_engine
from gateway.prove import beside, with_terms
from gateway.retention.nightly import read_terms

TELL_EVERY = 20_000
"""Entries between two lines that say how far it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be checked, and with what."""

    database: str
    """URL."""
    keys: str
    """Place of the key service."""
    log: str
    """Name of the log."""
    anchor: str
    """File with the last head that was kept outside the database (V4)."""
    witnesses: str
    """File that says whose signatures are enough (V5); it need not be there."""
    terms: str
    """File with terms of the operator (V18); it need not be there."""


async def check(asked: Asked, folder: Path, tell: Callable[[int, int], None]) -> Report:
    """Export the log to ``folder`` and check it; whatever is wrong with it stands in the report."""
    engine = open_engine(asked.database)
    keys = KeyService.open(Path(asked.keys))
    try:
        misfiled = await _write(engine, keys, asked, folder, tell)
        return verify(folder, replace(_given(keys, asked), astray=misfiled))
    except (log.TamperedError, ExportError) as error:
        verdict = Verdict.TAMPERED if isinstance(error, log.TamperedError) else Verdict.UNCHECKABLE
        return Report(origin=asked.log, problems=(Problem(check="V3", verdict=verdict, file="", text=str(error)),))
    finally:
        keys.close()
        await engine.dispose()


async def _write(
    engine: AsyncEngine, keys: KeyService, asked: Asked, folder: Path, tell: Callable[[int, int], None]
) -> list[Problem]:
    """Export the log; return what the database files otherwise than it says, at the same moment."""
    if engine.dialect.name == "postgresql":
        engine = engine.execution_options(isolation_level="REPEATABLE READ")
    async with engine.connect() as db:
        told = await with_terms(db, beside(keys), read_terms(Path(asked.terms)))
        await write_export(db, folder, keys.signer("log"), asked.log, _unopened, beside=told, tell=tell)
        return await astray(db, keys)


def _given(keys: KeyService, asked: Asked) -> Given:
    kinds = {"log": Kind.ED25519, "log-mldsa": Kind.MLDSA}  # the first of each; the verifier follows them to the last
    public = [VerifierKey(name=asked.log, public=keys.known(name)[0], kind=kind) for name, kind in kinds.items()]
    kept, policy = Path(asked.anchor), Path(asked.witnesses)
    return Given(
        keys=public,
        kept={"laatste-stand": kept.read_bytes()} if kept.exists() else None,
        policy=read_policy(policy.read_text("utf-8")) if policy.exists() else None,
        opener=partial(keys.open_lines, why="beheer"),
        counts=keys.counts(),
    )


def _unopened(lines: Sequence[Any]) -> list[dict[str, Any]]:
    """Open nothing while writing: the verifier opens each payload (V10), once."""
    return [{} for _ in lines]


def main() -> int:
    """Do the run that standard input asks for."""
    asked, told = Asked(**json.load(sys.stdin)), 0

    def tell(done: int, total: int) -> None:
        nonlocal told
        if done >= total or done - told >= TELL_EVERY:
            told = done
            print(json.dumps({"done": done, "total": total}), flush=True)

    with tempfile.TemporaryDirectory(prefix="ketenpoort-controle-") as place, contextlib.redirect_stderr(sys.stdout):
        report = asyncio.run(check(asked, Path(place) / "uitvoer", tell))
        paper = _paper(report, Path(place) / "rapport.pdf")
    print(json.dumps({"report": in_json(report), "paper": base64.b64encode(paper).decode()}), flush=True)
    return int(report.verdict)


def _paper(report: Report, target: Path) -> bytes:
    """Return the report to sign, as PDF; nothing where the extra that makes it is not installed."""
    try:
        write_pdf(report, target)
    except PdfError as error:
        print(error)
        return b""
    return target.read_bytes()


if __name__ == "__main__":
    sys.exit(main())
