"""A message says in JSON exactly what it says in XML; JSON that is no message is refused with all its faults."""

import json
import random
from pathlib import Path

import pytest
from documents import definitions, document
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from gateway import forms
from gateway.catalog import FOLDER, Catalog
from gateway.check import PARSER, check
from gateway.convert import json_of, xml_of
from gateway.message import Checked

CATALOG = Catalog.load()
FORMS = forms.read()
VALID = sorted(FOLDER.glob("*/*/samples/valid/*.xml"))
MESSAGES = [path for path in sorted(FOLDER.glob("*/*/*.xsd")) if path.name != "basisschema.xsd"]
SAMPLE = FOLDER / "hoa/1.0/samples/valid/ho301-rijk.xml"
ROUNDS = 25
SOUND = Checked(type=None, facts=None, findings=(), total=0)


def verdict(raw: bytes) -> Checked:
    return check(raw, CATALOG)


def infoset(raw: bytes) -> list[tuple[str, str]]:
    """Every element with its depth and name, in order, and the exact text of those that hold one."""
    root = etree.fromstring(raw, PARSER)
    return [
        (f"{sum(1 for _ in node.iterancestors())} {node.tag}", "" if len(node) else node.text or "")
        for node in root.iter()
    ]


def there_and_back(raw: bytes) -> tuple[Checked, bytes, bytes]:
    told = json_of(raw, FORMS)
    checked, xml = xml_of(told, FORMS, verdict)
    return checked, told, xml


def sample() -> dict:
    return json.loads(json_of(SAMPLE.read_bytes(), FORMS))


def refused(told: object) -> list[tuple[str, str, str]]:
    """Code, path and text of what is wrong; a refused message never gives XML."""
    raw = told if isinstance(told, bytes) else json.dumps(told).encode()
    checked, _ = xml_of(raw, FORMS, verdict)
    assert checked.findings
    assert checked.total >= len(checked.findings)
    assert all(finding.text != finding.english for finding in checked.findings)
    return [(finding.code, finding.path, f"{finding.text} {finding.english}") for finding in checked.findings]


def test_every_message_of_the_catalogue_has_a_form():
    assert set(FORMS) == {etree.parse(path).getroot().get("targetNamespace") for path in MESSAGES}


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_a_sample_goes_to_json_and_back_without_loss(path: Path):
    raw = path.read_bytes()
    checked, told, xml = there_and_back(raw)

    assert infoset(xml) == infoset(raw)
    assert checked.findings == verdict(raw).findings == ()
    assert json_of(xml, FORMS) == told


@pytest.mark.parametrize("xsd", MESSAGES, ids=lambda path: path.stem)
def test_what_the_schema_allows_goes_to_json_and_back_without_loss(xsd: Path):
    """Also what breaks a rule: of any document that is valid by its schema, names, order and texts stay."""
    message, rng = definitions(xsd), random.Random(f"json {xsd.stem}")
    for _ in range(ROUNDS):
        raw = etree.tostring(document(message, rng), encoding="UTF-8")
        told = json_of(raw, FORMS)
        _, xml = xml_of(told, FORMS, lambda _: SOUND)
        assert infoset(xml) == infoset(raw)
        assert json_of(xml, FORMS) == told


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff")))
def test_a_text_keeps_every_character(text: str):
    told = sample()
    told["bericht"]["Client"]["Opdrachten"][0]["Commentaar"] = text
    made: list[bytes] = []
    xml_of(json.dumps(told).encode(), FORMS, lambda raw: made.append(raw) or verdict(raw))

    assert json.loads(json_of(made[0], FORMS)) == told


@pytest.mark.parametrize("text", [" 7 ", "007", "+7", "\t7\r\n", "a\rb", "]]>", "<a>&amp;", "  "])
def test_a_text_is_not_normalised(text: str):
    told = sample()
    told["bericht"]["Client"]["Opdrachten"][0]["OpdrachtNummer"] = text
    made: list[bytes] = []
    xml_of(json.dumps(told).encode(), FORMS, lambda raw: made.append(raw) or verdict(raw))

    assert json.loads(json_of(made[0], FORMS)) == told


def test_xml_from_json_has_the_layout_of_the_standard():
    *_, xml = there_and_back(SAMPLE.read_bytes())
    lines = xml.decode().split("\r\n")

    assert lines[0] == '<?xml version="1.0" encoding="UTF-8"?>'
    assert not any("\n" in line or "><" in line for line in lines)
    assert xml.endswith(b"</Bericht>\r\n")


def test_keys_may_come_in_any_order():
    def turned(value):
        if isinstance(value, dict):
            return {key: turned(value[key]) for key in reversed(value)}
        return [turned(each) for each in value] if isinstance(value, list) else value

    straight, other = sample(), turned(sample())
    assert list(straight["bericht"]["Client"]) != list(other["bericht"]["Client"])
    assert xml_of(json.dumps(other).encode(), FORMS, verdict) == xml_of(json.dumps(straight).encode(), FORMS, verdict)


def test_all_faults_are_told_at_once_with_their_place():
    told = sample()
    client = told["bericht"]["Client"]
    client["Bsn"] = 999900006
    client["Geboortedatum"]["Onbekend"] = "geheim"
    client["Naam"] = "geheim"
    client["Opdrachten"].append({**client["Opdrachten"][0], "OpdrachtNummer": None, "Opdrachtdatum": "geheim"})
    del client["Geslacht"]
    found = refused(told)
    last = len(client["Opdrachten"])

    assert {(code, path) for code, path, _ in found} == {
        ("KP031", "Bericht/Client/Bsn"),
        ("KP031", "Bericht/Client/Geboortedatum"),
        ("KP031", "Bericht/Client/Naam"),
        ("KP031", f"Bericht/Client/Opdrachten/Opdracht[{last}]/OpdrachtNummer"),
        ("XSD", f"Bericht/Client/Opdrachten/Opdracht[{last}]/Opdrachtdatum"),
        ("XSD", "Bericht/Client"),
    }
    assert not any("geheim" in text or "999900006" in text or "Onbekend" in text for *_, text in found)


@pytest.mark.parametrize(
    "value", ["7", "-7.50", "1e999", "9" * 5000, "NaN", "-Infinity", "true", "null", "[]", "{}", '["7"]', '{"a": 1}']
)
def test_a_value_is_a_string_or_is_refused(value: str):
    told = sample()
    told["bericht"]["Header"]["Afzender"] = "@@"
    raw = json.dumps(told).replace('"@@"', value).encode()
    assert [(code, path) for code, path, _ in refused(raw)] == [("KP031", "Bericht/Header/Afzender")]


@pytest.mark.parametrize("text", ["\0", "\x1b", "a\x01", "\ud800", "a\udfff", "\ufffe", "a\uffff"])
def test_what_xml_cannot_hold_is_refused(text: str):
    told = sample()
    told["bericht"]["Header"]["Afzender"] = text
    assert [(code, path) for code, path, _ in refused(told)] == [("KP031", "Bericht/Header/Afzender")]


def test_a_name_that_stands_twice_is_refused():
    raw = json_of(SAMPLE.read_bytes(), FORMS).replace(b'"Wet":', b'"Wet":"JW","Wet":', 1)
    assert [(code, path) for code, path, _ in refused(raw)] == [("KP031", "Bericht/Header")]


def test_a_container_is_a_list_and_a_class_is_not():
    told = sample()
    client = told["bericht"]["Client"]
    client["Opdrachten"], client["Naam"] = client["Opdrachten"][0], [client["Naam"]]
    assert {(code, path) for code, path, _ in refused(told)} == {
        ("KP031", "Bericht/Client/Opdrachten"),
        ("KP031", "Bericht/Client/Naam"),
    }


def test_an_empty_list_is_an_empty_container():
    told = sample()
    told["bericht"]["Client"]["Opdrachten"] = []
    assert [(code, path) for code, path, _ in refused(told)] == [("XSD", "Bericht/Client/Opdrachten")]


def test_faults_against_the_rules_have_the_path_that_they_have_in_xml():
    path = FOLDER / "hoa/1.0/samples/invalid/ho301-cs003-einde-voor-begin.xml"
    in_xml = verdict(path.read_bytes())
    checked, *_ = there_and_back(path.read_bytes())

    assert [(each.code, each.path, each.text) for each in checked.findings] == [
        (each.code, each.path, each.text) for each in in_xml.findings
    ]
    assert {each.line for each in checked.findings} == {0}
    assert checked.facts == in_xml.facts


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "KP001"),
        (b"\xef\xbb\xbf{}", "KP004"),
        ("{}".encode("utf-16"), "KP004"),
        (b"\x00{\x00}", "KP030"),
        (b'{"namespace": "\xe9"}', "KP003"),
        (b'{"namespace": "a"', "KP030"),
        (b"{'namespace': 1}", "KP030"),
        (b'{"a": "\n"}', "KP030"),
        (b"[" * 1_000_000, "KP007"),
        (b'{"bericht":' * 100_000, "KP007"),
        (b"[" + b"{}," * 1_000_000 + b"1]", "KP007"),
        (b"[]", "KP031"),
        (b"NaN", "KP031"),
        (b"{}", "KP031"),
        (b'"a"', "KP031"),
        (b'{"namespace": ["urn:hoa:1_0:ho301:schema"], "bericht": {}}', "KP031"),
        (b'{"namespace": "urn:hoa:1_0:basisschema:schema", "bericht": {}}', "KP031"),
        (b'{"namespace": "urn:hoa:1_0:ho301:schema"}', "KP031"),
        (b'{"namespace": "urn:hoa:1_0:ho301:schema", "bericht": {}, "extra": 1}', "KP031"),
    ],
)
def test_what_is_no_message_in_json_is_refused(raw: bytes, code: str):
    assert refused(raw)[0][0] == code


def test_after_a_hundred_faults_looking_stops():
    told = sample()
    told["bericht"]["Client"]["Opdrachten"] = [{"OpdrachtNummer": 1}] * 150
    checked, xml = xml_of(json.dumps(told).encode(), FORMS, verdict)

    assert len(checked.findings) == 100
    assert checked.total > 100
    assert not xml


def test_a_text_too_long_for_xml_is_refused_by_the_gate():
    told = sample()
    told["bericht"]["Client"]["Opdrachten"][0]["Commentaar"] = "x" * 1_000_000
    assert [code for code, *_ in refused(told)] == ["KP007"]


leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["1", "JW", "HO301"])
names = st.sampled_from(["namespace", "bericht", "Header", "Client", "Opdrachten", "Bsn", "Naam", "Wet"]) | st.text()
anything = st.recursive(leaves, lambda below: st.lists(below) | st.dictionaries(names, below), max_leaves=30)


@given(anything)
def test_no_json_breaks_the_conversion(value: object):
    checked, xml = xml_of(json.dumps(value).encode(), FORMS, verdict)
    assert checked.findings
    assert not xml or verdict(xml).findings


@given(st.binary(max_size=200))
def test_no_bytes_break_the_conversion(raw: bytes):
    assert xml_of(raw, FORMS, verdict)[0].findings


@given(st.data())
def test_a_message_with_one_place_spoilt_is_told_so_there(data: st.DataObject):
    """Whatever stands where something else should: refused, with the path of that place or of what is around it."""
    told = sample()
    spot, key, path = told["bericht"], "Header", "Bericht"
    while True:
        key = data.draw(st.sampled_from(sorted(spot) if isinstance(spot, dict) else range(len(spot))))
        path += f"/{key}" if isinstance(key, str) else ""
        if isinstance(spot[key], str) or data.draw(st.booleans()):
            break
        spot = spot[key]
    spot[key] = data.draw(leaves.filter(lambda value: not isinstance(value, str)) | st.just({"x": {}}) | st.just([[]]))
    found = refused(told)

    step = path.rpartition("/")[2]
    assert any(step in where for code, where, _ in found if code == "KP031"), (path, found)


def test_xml_that_is_no_message_of_ours_has_no_json():
    for raw in (b"<Bericht/>", b'<a xmlns="urn:hoa:1_0:ho301:schema"/>'):
        with pytest.raises(ValueError, match="no message"):
            json_of(raw, FORMS)
    with pytest.raises(ValueError, match="not in the schema"):
        json_of(b'<Bericht xmlns="urn:hoa:1_0:ho301:schema"><Onbekend/></Bericht>', FORMS)
