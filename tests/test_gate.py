"""What never reaches a parser, and what must not be refused."""

import gzip

import pytest
from large_documents import declaration

from gateway.catalog import FOLDER, Catalog
from gateway.check import check
from gateway.gate import MAX_BYTES, gate

CATALOG = Catalog.load()
GOOD = (FOLDER / "hoa/1.0/samples/valid/ho301-gewoon.xml").read_bytes()
DECLARATION, BODY = GOOD.split(b"?>", 1)
XSI = b'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
ROOT = BODY.index(b"Bericht") + len(b"Bericht")


def with_doctype(doctype: bytes, use: bytes = b"") -> bytes:
    return DECLARATION + b"?>\n" + doctype + BODY.replace(b"<!--", use + b"<!--", 1)


def in_root(attribute: bytes) -> bytes:
    return DECLARATION + b"?>" + BODY[:ROOT] + b" " + attribute + BODY[ROOT:]


def in_name(content: bytes) -> bytes:
    at = BODY.index(b"Achternaam>") + len(b"Achternaam>")
    return DECLARATION + b"?>" + BODY[:at] + content + BODY[at:]


LAUGHS = b'<!DOCTYPE l [<!ENTITY a "ha">' + b"".join(
    b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 9)
)
ATTACKS = {
    "empty": (b"", "KP001"),
    "30 MB": (GOOD + b" " * MAX_BYTES, "KP002"),
    "UTF-16": (GOOD.decode().replace("UTF-8", "UTF-16").encode("utf-16-le"), "KP003"),
    "UTF-16 with mark": (GOOD.decode().encode("utf-16"), "KP004"),
    "UTF-32": (GOOD.decode().encode("utf-32-le"), "KP003"),
    "UTF-7 declared": (GOOD.replace(b"UTF-8", b"UTF-7"), "KP003"),
    "Latin-1 declared": (GOOD.replace(b"UTF-8", b"ISO-8859-1"), "KP003"),
    "Latin-1 bytes": (in_name("é".encode("latin-1")), "KP003"),
    "overlong UTF-8": (in_name(b"\xc0\xbc"), "KP003"),
    "lone surrogate": (in_name(b"\xed\xa0\x80"), "KP003"),
    "XML 1.1": (GOOD.replace(b'version="1.0"', b'version="1.1"'), "KP003"),
    "nul": (in_name(b"\0"), "KP003"),
    "mark": (b"\xef\xbb\xbf" + GOOD, "KP004"),
    "gzip": (gzip.compress(GOOD), "KP003"),
    "billion laughs": (with_doctype(LAUGHS + b"]>"), "KP005"),
    "file entity": (with_doctype(b'<!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/passwd">]>'), "KP005"),
    "parameter entity": (with_doctype(b'<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x"> %p;]>'), "KP005"),
    "external doctype": (with_doctype(b'<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">'), "KP005"),
    "default attribute": (with_doctype(b'<!DOCTYPE x [<!ATTLIST x y CDATA "z">]>'), "KP005"),
    "instruction": (DECLARATION + b'?><?xml-stylesheet href="x.xsl"?>' + BODY, "KP006"),
    "instruction first": (b'<?xml-stylesheet href="x.xsl"?>' + BODY, "KP006"),
    "declaration twice": (DECLARATION + b"?>" + GOOD, "KP006"),
    "11 MB text": (in_name(b"x" * 11_000_000), "KP007"),
    "9.9 MB attribute": (in_root(b'x="%s"' % (b"x" * 9_900_000)), "KP007"),
    "200,000 attributes": (in_root(b" ".join(b'a%d="1"' % n for n in range(200_000))), "KP007"),
    "50,000 namespaces": (in_root(b" ".join(b'xmlns:n%d="u:%d"' % (n, n) for n in range(50_000))), "KP007"),
    "2 million children": (in_name(b"<a/>" * 2_000_000), "KP007"),
    "depth 300": (in_name(b"<a>" * 300 + b"</a>" * 300), "KP007"),
    "depth 3000": (in_name(b"<aaaaaaaaaaaaaa>" * 3000 + b"</aaaaaaaaaaaaaa>" * 3000), "KP007"),
    "cut off": (GOOD[:-200], "KP008"),
    "unknown entity": (in_name(b"&x;"), "KP008"),
    "two roots": (GOOD + b"<a/>", "KP008"),
    "not XML": (b"Beste collega, hierbij de declaratie.", "KP008"),
    "character reference to nul": (in_name(b"&#0;"), "KP008"),
    "unknown root": (b"<Bericht/>", "KP009"),
    "unknown namespace": (GOOD.replace(b"urn:hoa:1_0:ho301:schema", b"urn:hoa:9_9:ho301:schema"), "KP009"),
    "known root inside": (b"<a>" + BODY + b"</a>", "KP009"),
    "xsi:schemaLocation": (in_root(XSI + b'xsi:schemaLocation="u file:///etc/passwd"'), "KP010"),
    "xsi:type": (in_root(XSI + b'xsi:type="Root"'), "KP010"),
    "xsi:nil": (in_root(XSI + b'xsi:nil="true"'), "KP010"),
    "hidden xsi": (in_root(XSI.replace(b"instance", b"&#105;nstance") + b'xsi:nil="true"'), "KP010"),
    "XInclude": (in_name(b'<x:include xmlns:x="http://www.w3.org/2001/XInclude" href="/etc/passwd"/>'), "XSD"),
    "element in a value": (in_name(b"<b/>"), "XSD"),
    "bidi in an identifier": (GOOD.replace(b"98000001", "9800000\u202e1".encode()), "XSD"),
    "other digits": (GOOD.replace(b"98000001", "9800000\u0661".encode()), "XSD"),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_what_may_not_pass_is_refused(name: str):
    raw, code = ATTACKS[name]

    assert {finding.code for finding in check(raw, CATALOG).findings} == {code}


@pytest.mark.parametrize("name", [name for name, (_, code) in ATTACKS.items() if code.startswith("KP")])
def test_a_refusal_at_the_gate_has_no_facts(name: str):
    assert check(ATTACKS[name][0], CATALOG).facts is None


@pytest.mark.parametrize(
    "raw",
    [
        GOOD,
        BODY.lstrip(),
        GOOD.replace(b"\n", b"\r\n"),
        GOOD.replace(b"UTF-8", b"utf-8"),
        GOOD.replace(b'encoding="UTF-8"', b""),
        GOOD.replace(b'encoding="UTF-8"', b'encoding="UTF-8" standalone="yes"'),
        in_root(XSI),
        in_name(b"<![CDATA[Jan]]>"),
        in_name(b"<!-- een noot -->"),
        in_name(b"&amp;&#233;"),
        in_name("漢字 e\u0301".encode()),
        declaration(clients=400, lines=3),
    ],
)
def test_a_message_in_any_lawful_spelling_passes(raw: bytes):
    assert check(raw, CATALOG).findings == ()


def test_a_namespace_on_every_element_is_lawful():
    raw = declaration(clients=30, lines=2)
    for name in (b"Begindatum", b"Einddatum", b"Bedrag"):
        raw = raw.replace(b"<b:" + name, b"<b:" + name + b' xmlns:b="urn:hoa:1_0:basisschema:schema"')

    assert raw.count(b"xmlns") > 100
    assert check(raw, CATALOG).findings == ()


def test_the_place_of_a_refusal_is_told():
    (finding,) = gate(DECLARATION + b"?>\n\n<!DOCTYPE x>" + BODY)

    assert (finding.code, finding.line) == ("KP005", 3)
