"""Writes a message that the gateway authors, in the one layout that the standard asks of senders (OP192)."""

from lxml import etree

DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'
READABLE = 2**20
"""Bytes up to which lines are indented, for who reads them; 25 MB of fields must not be refused for white space."""


def written(root: etree._Element) -> bytes:
    """Return the document: UTF-8, no BOM, CRLF, each element on its own line; ``root`` is laid out in doing so.

    Texts of fields stay as they are: a line break in one is written as a line break, a bare CR as a reference.
    """
    etree.indent(root)
    raw: bytes = etree.tostring(root, encoding="UTF-8", xml_declaration=False)
    if len(raw) > READABLE:
        etree.indent(root, space="")
        raw = etree.tostring(root, encoding="UTF-8", xml_declaration=False)
    return (DECLARATION + raw + b"\n").replace(b"\n", b"\r\n")
