"""Messages held against a published schema too: a verdict of theirs that differs from ours is never silent."""

from pathlib import Path

import pytest
from large_documents import declaration

from gateway.catalog import FOLDER, Catalog
from gateway.check import check
from gateway.package import Package, PackageError, Published, read
from tests.packages import files

FIELD = Path(__file__).parent.parent.parent / "shared" / "field" / "xsd"
VALID = (FOLDER / "ijw/3.2/samples/valid/jw301-rijk.xml").read_bytes()
WITHOUT_DATE = b"".join(line for line in VALID.splitlines(keepends=True) if b"Toewijzingsdatum>" not in line)
STRICTER = (
    "JW301",
    '"JuridischeStatus" type="b:LDT_JuridischeStatus" minOccurs="0"',
    '"JuridischeStatus" type="b:LDT_Datum"',
)
LOOSER = (
    "JW301",
    'name="Toewijzingsdatum" type="b:LDT_Datum"',
    'name="Toewijzingsdatum" type="b:LDT_Datum" minOccurs="0"',
)


def beside(change: tuple[str, str, str] | None = None) -> Catalog:
    """Our catalogue with a package beside it that is like ours but for one change."""
    stem, old, new = change or ("JW301", "", "")
    made = files() if change is None else files(**{stem: (old, new)})
    return Catalog.load(published=Published([Package(files=made)]))


def codes(raw: bytes, catalog: Catalog) -> list[str]:
    return [finding.code for finding in check(raw, catalog).findings]


def test_where_both_agree_nothing_is_said():
    assert codes(VALID, beside()) == []
    assert "KP013" not in codes(WITHOUT_DATE, beside())
    assert codes(VALID, Catalog.load(published=Published([]))) == []


def test_what_only_the_published_schema_refuses_is_refused_and_told():
    checked = check(VALID, beside(STRICTER))
    (finding,) = checked.findings

    assert (finding.code, finding.level) == ("KP013", 1)
    assert b"JuridischeStatus" in VALID.splitlines()[finding.line - 1]
    assert "gepubliceerde schema keurt het bericht af" in finding.text
    assert checked.facts.type == "jw301"


def test_what_only_our_schema_refuses_is_refused_and_told():
    findings = check(WITHOUT_DATE, beside(LOOSER)).findings

    assert {finding.code for finding in findings} == {"XSD", "KP013"}
    assert "gepubliceerde schema keurt het bericht goed" in findings[0].text


def test_a_message_that_is_in_no_package_is_held_against_ours_only():
    raw = (FOLDER / "hoa/1.0/samples/valid/ho301-gewoon.xml").read_bytes()

    assert codes(raw, beside(STRICTER)) == []


def test_a_large_message_is_held_against_both():
    raw = declaration(clients=400, lines=4)
    name, space = "HO323", FOLDER / "hoa/1.0"
    made = {path.name: path.read_bytes() for path in space.glob("*.xsd")}
    published = made | {
        f"{name}.xsd": made[f"{name}.xsd"].replace(b'<xs:pattern value="HO323"/>', b'<xs:pattern value="X"/>')
    }

    assert codes(raw, Catalog.load(published=Published([Package(files=made)]))) == []
    assert codes(raw, Catalog.load(published=Published([Package(files=published)]))) == ["KP013"]


def test_a_package_whose_schema_does_not_compile_is_refused_before_any_message_comes():
    broken = files(JW301=('type="m:Relatie"', 'type="m:Nergens"'))

    with pytest.raises(PackageError, match="niet goed"):
        Catalog.load(published=Published([Package(files=broken)])).compile_all()


def test_the_published_schemas_agree_on_every_sample():
    if not (FIELD / "ijw-3.2").is_dir():
        pytest.skip("the published schemas (../shared/field/xsd/ijw-3.2) are not here")
    catalog = Catalog.load(published=Published([read(FIELD / "ijw-3.2"), read(FIELD / "iwmo-3.2")]))
    samples = sorted(FOLDER.glob("i*/3.2/samples/*/*.xml"))

    assert samples
    for sample in samples:
        assert "KP013" not in codes(sample.read_bytes(), catalog), sample.name
