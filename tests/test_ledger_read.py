"""What messages say is read in the pass that judges them, and travels as JSON."""

import re
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from large_documents import bsns, declaration

from gateway.catalog import FOLDER, Catalog
from gateway.check import check
from gateway.ledger import codec, keys, values
from gateway.ledger.book import remember
from gateway.ledger.read import CLASSES, OBSERVERS
from gateway.ledger.values import Answer, Declaration, Heard, Line, Order, Refusal, Said, Start, Stop
from gateway.verdicts import decode, encode

CATALOG = Catalog.load()
SAMPLES = sorted(FOLDER.glob("*/*/samples/valid/*.xml"))
CLASS = re.compile(rb"<(?:\w+:)?(ToegewezenProduct|Opdracht|Taak|StartProduct|StopProduct|Prestatie|Termijn)>")


def said(name: str) -> tuple[Said, ...]:
    return check((FOLDER / name).read_bytes(), CATALOG, OBSERVERS).said


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_message_says_as_much_as_it_has_classes(path: Path):
    raw = path.read_bytes()
    checked = check(raw, CATALOG, OBSERVERS)
    number = checked.type[-3:]
    if number in {"301", "305", "307", "323", "325"}:
        heads = (Declaration, Answer)
        assert len([each for each in checked.said if not isinstance(each, heads)]) == len(CLASS.findall(raw))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_who_does_not_ask_hears_nothing_and_gets_the_same_verdict(path: Path):
    raw = path.read_bytes()
    asked, plain = check(raw, CATALOG, OBSERVERS), check(raw, CATALOG)
    assert plain.said == ()
    assert (plain.facts, plain.findings, plain.header) == (asked.facts, asked.findings, asked.header)


def test_a_message_that_is_wrong_says_nothing():
    assert said("hoa/1.0/samples/invalid/ho323-tr358-totaal.xml") == ()


def test_an_order_is_read_with_its_place():
    order = next(each for each in said("hoa/1.0/samples/valid/ho301-rijk.xml") if isinstance(each, Order))
    assert order.path == "Bericht/Client/Opdrachten/Opdracht[1]"
    assert order.line > 1
    assert re.fullmatch("[0-9]{9}", order.bsn)


def test_a_start_and_its_correction_are_read():
    taken_back, again = said("hoa/1.0/samples/valid/ho305-correctie.xml")
    assert isinstance(taken_back, Start)
    assert isinstance(again, Start)
    assert (taken_back.status, taken_back.begin, taken_back.number) == ("3", "2026-03-09", 1001)
    assert (again.status, again.begin, again.category, again.code) == ("1", "2026-03-10", "45", "45A04")


def test_national_and_hoa_are_said_in_one_form():
    national = {type(each) for each in said("ijw/3.2/samples/valid/jw307-rijk.xml")}
    assert national == {type(each) for each in said("hoa/1.0/samples/valid/ho307-rijk.xml")} == {Stop}


def test_a_retour_says_something_only_if_it_refuses():
    assert said("hoa/1.0/samples/valid/ho302-akkoord.xml") == ()
    assert {type(each) for each in said("hoa/1.0/samples/valid/ho302-afgekeurd.xml")} == {Refusal}


@pytest.mark.parametrize(
    "kind", [kind for kind in CATALOG.types.values() if kind.shape == "retour"], ids=lambda k: k.name
)
def test_no_class_of_a_retour_can_refuse_unheard(kind):
    watched = OBSERVERS.get(kind.name)
    if watched is None:
        assert kind.name[-3:] not in CLASSES
        pytest.skip("the ledger keeps nothing of what this one answers")
    xsd = next((FOLDER / kind.standard / kind.release).glob(f"{kind.name.upper()}.xsd")).read_text()
    types = re.findall(r'<xs:complexType name="(\w+)">(.*?)</xs:complexType>', xsd, re.DOTALL)
    judged = {name for name, body in types if 'name="RetourCodes"' in body}
    assert judged - {"Header"} <= set(watched)
    assert "Bericht" in watched


def test_the_answer_to_a_declaration_tells_whether_the_declaration_stands():
    for name, whole in (("toegekend", True), ("rijk", True), ("declaratie-afgewezen", False), ("kop-afgekeurd", False)):
        for sample in (f"hoa/1.0/samples/valid/ho325-{name}.xml", f"ijw/3.2/samples/valid/jw325-{name}.xml"):
            (answer,) = (each for each in said(sample) if isinstance(each, Answer))
            assert answer.whole == whole, sample


def test_a_header_that_was_refused_takes_the_declaration_with_it_whatever_follows():
    raw = (FOLDER / "hoa/1.0/samples/valid/ho325-toegekend.xml").read_bytes().replace(b"0200", b"9056", 1)
    (answer,) = check(raw, CATALOG, OBSERVERS).said
    assert isinstance(answer, Answer)
    assert not answer.whole


def test_a_large_declaration_read_in_pieces_says_the_same_as_line_by_line():
    checked = check(declaration(clients=400, lines=2), CATALOG, OBSERVERS)
    assert checked.findings == ()
    lines = [each for each in checked.said if isinstance(each, Line)]
    assert [each.bsn for each in lines] == [bsn for bsn in bsns(400) for _ in range(2)]
    assert [each.path for each in lines] == [
        f"Bericht/Declaratie/Clienten/Client[{i + 1}]/Prestaties/Prestatie[{j + 1}]"
        for i in range(400)
        for j in range(2)
    ]
    assert decode(encode([checked])) == [checked]
    assert [each.path for each in decode(encode([checked]))[0].said] == [each.path for each in checked.said]


def test_verdicts_with_and_without_a_say_share_a_trip():
    verdicts = [check(path.read_bytes(), CATALOG, OBSERVERS) for path in SAMPLES]
    assert decode(encode(verdicts)) == verdicts


BY_TYPE = {
    str: st.text(max_size=8),
    int: st.integers(0, 10**12),
    bool: st.booleans(),
    int | None: st.none() | st.integers(-(10**9), 10**9),
    tuple[str, ...]: st.lists(st.text(max_size=4), max_size=3).map(tuple),
}


def value(kind: type[Said]) -> st.SearchStrategy[Said]:
    return st.builds(kind, **{each.name: BY_TYPE[each.type] for each in fields(kind)})


RECORDS = st.lists(
    st.builds(
        Heard, message=st.text(max_size=8), type=st.sampled_from(["ho301", "jw323"]), dated=st.dates().map(str),
        void=st.booleans(), said=st.lists(st.one_of(*map(value, codec.KINDS)), max_size=4).map(tuple),
    ), max_size=4,
).map(tuple)  # fmt: skip


def test_every_kind_of_value_can_be_kept():
    kinds = {each for each in vars(values).values() if isinstance(each, type) and issubclass(each, Said)}
    assert kinds - {Said} == set(codec.KINDS)


@given(RECORDS)
def test_a_record_comes_back_from_json_as_it_was(record: values.Record):
    again = codec.unpack(codec.pack(record))
    assert again == record
    assert all(each.path == "" and each.line == 0 for heard in again for each in heard.said)


@given(RECORDS, RECORDS)
def test_a_record_that_became_longer_is_packed_as_if_it_were_packed_anew(record: values.Record, more: values.Record):
    assert codec.extended(codec.pack(record), more) == codec.pack((*record, *more))


@given(st.lists(st.one_of(*map(value, codec.KINDS))))
def test_a_value_comes_back_from_the_pipe_with_its_place(sayings: list[Said]):
    again = [codec.told(each) for each in map(codec.tell, sayings)]
    assert again == sayings
    assert [(each.line, each.path) for each in again] == [(each.line, each.path) for each in sayings]


@pytest.mark.parametrize(
    "raw", [b"", b"{}", b"[3,[]]", b"[1]", b'[1,[["m","ho301","2026-01-01",false,[["Nothing"]]]]]', b'[1,[["m"]]]']
)
def test_what_is_no_record_is_refused(raw: bytes):
    with pytest.raises(ValueError, match=r".*"):
        codec.unpack(raw)


def test_a_record_of_the_first_version_is_read_and_what_it_did_not_know_is_empty():
    told = b'["Decision","","98000002","1","2026-03-01","",""]'
    raw = b'[1,[["bericht/0344/ho332/B1","ho332","2026-02-10",false,[' + told + b"]]]]"
    ((decision,),) = [heard.said for heard in codec.unpack(raw)]
    assert (decision.about, decision.code, decision.begin) == ("98000002", "1", "2026-03-01")
    assert (decision.conditions, decision.reason) == ((), "")


def test_consent_is_read_with_its_conditions_and_a_report_with_its_marks():
    (decision,) = said("hoa/1.0/samples/valid/ho332-voorwaarden.xml")
    assert [each.split()[0] for each in decision.conditions] == ["Stuur", "Meld"]
    marks = [each for each in said("hoa/1.0/samples/valid/ho331-rijk.xml") if isinstance(each, values.Mark)]
    assert [(each.kind, each.until > "2026") for each in marks][:1] == [("01", True)]
    (report,) = [each for each in said("hoa/1.0/samples/valid/ho331-minimaal.xml") if isinstance(each, values.Report)]
    assert report.name == "Stichting Verzonnen Zorg"


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_what_is_remembered_lies_under_keys_that_were_asked_for(path: Path):
    checked = check(path.read_bytes(), CATALOG, OBSERVERS)
    if checked.type[-3:] == "319":
        pytest.skip("where an answer to a request is kept follows from the request")
    asked = keys.keys(checked.facts, checked.said)
    assert set(remember(checked.facts, checked.said, {})) <= asked
