"""The byte gate: refuses what no XML parser should ever see; looks at bytes only, in a fixed number of passes."""

import re

from gateway.explain import finding
from gateway.message import Finding

MAX_BYTES = 25 * 1024 * 1024
MAX_RUN = 64 * 1024
"""Longest stretch without ``<``; caps text, attributes and namespaces of one tag at once."""
MAX_NAMESPACES = 50
"""Namespace declarations on top of one per element, which is how some serialisers write ours."""
FREE_TAGS = 20_000
BYTES_PER_TAG = 8
"""A message of some size averages at least this many bytes per ``<``; ours average seventeen."""

DECLARATION = re.compile(
    rb"""<\?xml[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*(?:"1\.0"|'1\.0')"""
    rb"""(?:[ \t\r\n]+encoding[ \t\r\n]*=[ \t\r\n]*(?:"[uU][tT][fF]-8"|'[uU][tT][fF]-8'))?"""
    rb"""(?:[ \t\r\n]+standalone[ \t\r\n]*=[ \t\r\n]*(?:"(?:yes|no)"|'(?:yes|no)'))?[ \t\r\n]*\?>"""
)
DECLARED = tuple(b"<?xml" + space for space in (b" ", b"\t", b"\r", b"\n", b"?"))
BOMS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


def gate(raw: bytes, *, max_bytes: int = MAX_BYTES) -> tuple[Finding, ...]:
    """Return the one reason (KP001-KP007) why these bytes must not be parsed, or nothing.

    Order of the tests and figures: security design §5.1. False alarms inside comments and CDATA are
    accepted. ``max_bytes`` is in bytes.
    """
    if not raw:
        return (_finding("KP001"),)
    if len(raw) > max_bytes:
        return (_finding("KP002"),)
    if raw.startswith(BOMS):
        return (_finding("KP004"),)
    return _encoding(raw) or _constructs(raw) or _size_of_parts(raw)


def _encoding(raw: bytes) -> tuple[Finding, ...]:
    # raw.isascii() settles the usual case without building a string.
    if not raw.isascii():
        try:
            raw.decode("utf-8")
        except UnicodeDecodeError as error:
            return (_finding("KP003", raw, error.start),)
    nul = raw.find(b"\0")
    if nul >= 0:
        return (_finding("KP003", raw, nul),)
    return ()


def _constructs(raw: bytes) -> tuple[Finding, ...]:
    declared = DECLARATION.match(raw) if raw.startswith(b"<?xml") else None
    if declared is None and raw.startswith(DECLARED):
        return (_finding("KP003", raw, 0),)
    begin = declared.end() if declared else 0
    # One sign is found thirty times faster than two, and most messages have neither of these.
    if raw.find(b"?", begin) >= 0 and (instruction := raw.find(b"<?", begin)) >= 0:
        return (_finding("KP006", raw, instruction),)
    if b"!" in raw:
        for construct in (b"<!DOCTYPE", b"<!ENTITY"):
            at = raw.find(construct)
            if at >= 0:
                return (_finding("KP005", raw, at),)
    return ()


def _size_of_parts(raw: bytes) -> tuple[Finding, ...]:
    namespaces = raw.count(b"xmlns")
    # A small document cannot have too many tags, and counting costs more than all the rest here.
    if len(raw) > FREE_TAGS or namespaces > MAX_NAMESPACES:
        tags = raw.count(b"<")
        if tags > FREE_TAGS + len(raw) // BYTES_PER_TAG or namespaces > MAX_NAMESPACES + tags // 2:
            return (_finding("KP007"),)
    if len(raw) > MAX_RUN and (run := _long_run(raw)) >= 0:
        return (_finding("KP007", raw, run),)
    return ()


def _long_run(raw: bytes) -> int:
    """Where a run of more than MAX_RUN bytes without ``<`` begins, or -1; hops from window to window."""
    start, last = 0, len(raw)
    while start + MAX_RUN < last:
        tag = raw.rfind(b"<", start, start + MAX_RUN + 1)
        if tag < 0:
            return start
        start = tag + 1
    return -1


def _finding(code: str, raw: bytes = b"", offset: int = 0) -> Finding:
    return finding(code, line=raw.count(b"\n", 0, offset) + 1 if raw else 0)
