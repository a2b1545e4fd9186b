"""An answer in the form that its reader asks for: JSON for programs, a page or a PDF for people.

A document is made once (``gateway.agreed.document``); the page and the PDF are two looks of the same.
"""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from adapters import console
from adapters.arriving import weights
from adapters.console.papers import can_make
from adapters.console.render import render
from adapters.listen import Problem
from audit.pdf import pdf_of
from gateway.agreed.document import Document

JSON, HTML, PDF = "application/json", "text/html", "application/pdf"
MOST_ROWS = 5_000
"""Rows on paper: a PDF of more would take long, and nobody reads it."""
_PAPER = Path(console.__file__).parent / "papers" / "stuk.typ"


class Papers:
    """Makes documents; one PDF at a time, so that many who ask do not take the processor from messages."""

    def __init__(self) -> None:
        """Begin with nobody waiting."""
        self._one = asyncio.Lock()

    async def answer(self, kind: str, told: Any, made: Callable[[], Document]) -> web.Response:
        """Answer with what is told, or with the document that is made of it; ``kind`` is what `wanted` gave."""
        if kind == JSON:
            body = json.dumps(told, ensure_ascii=False).encode()
        else:
            document = made()
            body = await self._pdf(document) if kind == PDF else render("stuk.html", document.plain()).encode()
        answer = web.Response(body=body, content_type=kind, charset="utf-8" if kind == HTML else None)
        answer.headers["Vary"] = "Accept"
        return answer

    async def _pdf(self, document: Document) -> bytes:
        if document.rows > MOST_ROWS:
            raise Problem(
                406, "Te lang voor een PDF", "Vraag dit als application/json of text/html, of vraag minder tegelijk."
            )
        async with self._one:
            return await asyncio.to_thread(pdf_of, _PAPER.read_bytes(), document.plain())


def wanted(request: web.Request) -> str:
    """Return the form in which the client would rather have an answer (RFC 9110 §12.5.1); JSON if it is all the same.

    Asked first, so that nothing is read, nor logged as read, for who cannot be answered.
    """
    asked = weights(request)
    other = asked.get("*/*", 0.0)
    known = {
        JSON: asked.get(JSON, asked.get("application/*", other)),
        HTML: asked.get(HTML, asked.get("text/*", other)),
        PDF: asked.get(PDF, asked.get("application/*", other)) if can_make("pdf") else 0.0,
    }
    best = max(known, key=lambda kind: known[kind])
    if not known[best]:
        forms = "application/json, text/html en application/pdf" if can_make("pdf") else "application/json en text/html"
        raise Problem(406, "Vorm niet te leveren", f"Dit is er als {forms}.")
    return best
