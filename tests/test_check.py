"""What check promises: the verdict of the whole tree, every fault at once, nothing of a person in a finding."""

import random
import re

import pytest
from documents import definitions, document, mutants
from hypothesis import given
from hypothesis import strategies as st
from large_documents import declaration
from lxml import etree

import gateway.check
from gateway.catalog import FOLDER, Catalog
from gateway.check import MOST, check
from gateway.explain import explain

CATALOG = Catalog.load()
NAMES = sorted(CATALOG.types)
VALID = {path.stem: path.read_bytes() for path in sorted(FOLDER.glob("*/*/samples/valid/*.xml"))}
ORDER = VALID["ho301-rijk"]


def xsd_of(name: str):
    kind = CATALOG.types[name]
    return FOLDER / kind.standard / kind.release / f"{name.upper()}.xsd"


def generated(name: str, seed: int, valid: int, each: int):
    """Documents of one type, valid and with one fault, as bytes."""
    rng = random.Random(f"{name} {seed}")
    message = definitions(xsd_of(name))
    for _ in range(valid):
        whole = document(message, rng)
        yield "valid", etree.tostring(whole)
        for what, mutant in mutants(whole, rng, each):
            yield what, etree.tostring(mutant)


def faults(raw: bytes, **how: int):
    """All findings; where two classes clash, pieces may name the other one, so of broken rules the code counts."""
    found = check(raw, CATALOG, **how).findings
    return sorted((f.level, f.code, *((f.line, f.path, f.text, f.english) if f.level < 2 else ())) for f in found)


def is_valid_tree(raw: bytes, name: str) -> bool:
    """The validator's own verdict on the whole tree; we refuse any xsi attribute beside it."""
    root = etree.fromstring(raw)
    return CATALOG.definition(CATALOG.types[name]).schema.validate(root) and not gateway.check._xsi(root)


@pytest.mark.parametrize("name", NAMES)
def test_the_verdict_is_that_of_the_whole_tree(name: str):
    for what, raw in generated(name, seed=1, valid=4, each=25):
        # When a release is in use is no matter of its schema; dates made at random lie anywhere.
        found = [f for f in check(raw, CATALOG).findings if f.level < 2 and f.code != "KP012"]
        assert (not found) == is_valid_tree(raw, name), (what, found)


@pytest.mark.parametrize("name", NAMES)
def test_in_pieces_the_findings_are_those_of_the_whole(name: str):
    for what, raw in generated(name, seed=2, valid=3, each=20):
        assert faults(raw, piece=300) == faults(raw), what


@pytest.mark.parametrize("name", NAMES)
def test_every_refusal_is_explained_by_the_shape(name: str):
    for what, raw in generated(name, seed=3, valid=3, each=20):
        for finding in check(raw, CATALOG).findings:
            assert "Vergelijk het met de standaard" not in finding.text, (what, raw)


@pytest.mark.parametrize("stem", sorted(VALID))
def test_a_valid_sample_is_as_valid_in_pieces(stem: str):
    assert check(VALID[stem], CATALOG, piece=100) == check(VALID[stem], CATALOG)


def test_a_part_of_an_order_whose_number_is_none_is_judged_without_harm():
    raw = re.sub(rb"(OpdrachtNummer>)\d+<", rb"\1abc<", VALID["ho301-rijk"])

    assert {finding.code for finding in check(raw, CATALOG, piece=100).findings} == {"XSD"}


def test_the_facts_of_an_order_are_read():
    facts = check(VALID["ho301-gewoon"], CATALOG).facts

    assert (facts.type, facts.sender, facts.receiver, facts.answers) == ("ho301", "98000001", "98000002", None)
    assert len(facts.subjects) == 1


def test_a_retour_is_handed_over_by_the_receiver_in_its_header():
    retour = check(VALID["ho302-akkoord"], CATALOG)

    assert retour.facts.sender == dict(retour.header)["Ontvanger"]
    assert retour.facts.answers == dict(retour.header)["BerichtIdentificatie/Identificatie"]


def test_the_header_is_read_although_the_body_is_wrong():
    checked = check(ORDER.replace(b"Geslacht>", b"Geslocht>"), CATALOG)

    assert checked.findings
    assert checked.facts.sender == "98000001"
    assert checked.facts.subjects == ()


def test_no_facts_are_read_from_a_wrong_header():
    checked = check(ORDER.replace(b"98000001", b"9800000X"), CATALOG)

    assert checked.findings[0].path == "Bericht/Header/Afzender"
    assert checked.facts is None


def test_faults_behind_a_misplaced_field_are_found_too():
    """libxml2 stops looking inside a class at its first misplaced field; a sender wants all faults at once."""
    wrong = VALID["ho323-rijk"].replace(b"Wet>", b"Wat>").replace(b"Eenheid>", b"Eenheid>x", 1)
    found = [finding.path.rpartition("/")[2] for finding in check(wrong, CATALOG).findings]

    assert "Eenheid" in found
    assert found.count("Header") == 1


def test_a_large_declaration_is_valid():
    checked = check(declaration(clients=300, lines=4), CATALOG)

    assert checked.findings == ()
    assert len(checked.facts.subjects) == 300


def test_a_large_declaration_with_a_wrong_total_is_found():
    checked = check(declaration(clients=300, lines=4, total=1), CATALOG)

    assert [finding.code for finding in checked.findings] == ["TR358"]


@pytest.mark.parametrize("clients", [1, 300], ids=["small", "large"])
def test_without_a_header_nothing_is_known_of_who_sends_and_when(clients: int):
    checked = check(
        re.sub(rb"<m:Header>.*</m:Header>", b"", declaration(clients=clients, lines=4), flags=re.DOTALL), CATALOG
    )

    assert [(finding.code, finding.path) for finding in checked.findings] == [("XSD", "Bericht")]
    assert checked.facts is None


def test_a_double_far_apart_in_a_large_declaration_is_found():
    raw = declaration(clients=400, lines=2)
    first, last = raw.split(b"<m:Bsn>")[1][:9], raw.split(b"<m:Bsn>")[-1][:9]
    checked = check(raw.replace(last, first), CATALOG)

    assert [(finding.code, finding.path) for finding in checked.findings] == [
        ("TR101", "Bericht/Declaratie/Clienten/Client[400]/Bsn")
    ]


@pytest.mark.parametrize(
    "raw",
    [
        declaration(clients=3_000, lines=1, volume="x"),
        declaration(clients=1, lines=3_000, volume="x"),
        declaration(clients=3_000, lines=1, bsn="999900007"),
    ],
    ids=["flat", "in one client", "broken rules"],
)
def test_of_very_many_faults_the_first_hundred_are_given(raw: bytes):
    checked = check(raw, CATALOG)
    lines = [finding.line for finding in checked.findings]

    assert len(checked.findings) == MOST < checked.total
    assert lines == sorted(lines)


def test_a_fault_at_the_end_of_one_huge_client_has_its_place():
    raw = declaration(clients=1, lines=4_000)  # over 65,535 lines, more than libxml2 counts by itself
    at = raw.rindex(b"<m:Eenheid>04")
    wrong = raw[:at] + b"<m:Eenheid>xx" + raw[at + 13 :]
    (finding,) = check(wrong, CATALOG).findings

    assert finding.path == "Bericht/Declaratie/Clienten/Client[1]/Prestaties/Prestatie[4000]/Eenheid"
    assert finding.line == raw[:at].count(b"\n") + 1


@given(st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_any_bytes_give_findings_and_never_a_crash(raw: bytes):
    checked = check(raw, CATALOG)

    assert checked.findings
    assert all(explain(finding.code) for finding in checked.findings)


@given(st.data())
def test_a_message_with_bytes_changed_gives_a_verdict_and_never_a_crash(data: st.DataObject):
    raw = bytearray(ORDER)
    for _ in range(data.draw(st.integers(1, 8))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))

    check(bytes(raw), CATALOG)


CANARIES = ("123456782", "Kanariepiet", "geheim-adres")


@pytest.mark.parametrize("name", NAMES)
def test_no_value_of_a_message_is_ever_in_a_finding(name: str):
    """Whatever is put wherever, as value, text, element or attribute: a finding does not repeat it."""
    for stem, raw in VALID.items():
        if not stem.startswith(name):
            continue
        root = etree.fromstring(raw)
        for index, node in enumerate(list(root.iter("{*}*"))):
            canary = CANARIES[index % len(CANARIES)]
            kept, tag, tail = node.text, node.tag, node.tail
            for poison in (
                lambda n, c: setattr(n, "text", c),
                lambda n, c: setattr(n, "tag", "Kanariepiet"),
                lambda n, c: n.set("Kanariepiet", c),
                lambda n, c: setattr(n, "tail", c),
            ):
                if poison(node, canary) or (node is root and node.tail):
                    continue
                said = "".join(f"{f.path} {f.text} {f.english}" for f in check(etree.tostring(root), CATALOG).findings)
                assert not [word for word in CANARIES if word in said]
                node.text, node.tag, node.tail = kept, tag, tail
                node.attrib.clear()


def test_a_rejection_among_many_return_codes_is_remembered_in_pieces():
    """What TR342 asks depends on a code that was taken out of its container long before the class is judged."""
    code = b"<RetourCode>9333</RetourCode>"
    many = VALID["ho325-declaratie-afgewezen"].replace(code, code + code.replace(b"9333", b"0200") * 40)

    assert check(many, CATALOG).findings == check(many, CATALOG, piece=200).findings == ()


def test_a_class_of_very_many_fields_that_do_not_belong_is_refused():
    wide = declaration(clients=1, lines=1).replace(b"<m:Wet>", b"<onzin/>" * 500_000 + b"<m:Wet>")
    checked = check(wide, CATALOG)

    assert [finding.path for finding in checked.findings] == ["Bericht/Header/onbekend"]
