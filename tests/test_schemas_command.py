"""The commands schemas, schemas vergelijk and schemas laad, as an operator uses them."""

from pathlib import Path

import pytest

from gateway import setup
from gateway.catalog import FOLDER
from gateway.cli import main
from gateway.package import Package, Published
from tests.packages import OURS, files, folder, zipped

VALID = FOLDER / "ijw/3.2/samples/valid/jw301-rijk.xml"
NARROWER = ("basisschema", '<xs:maxLength value="36"/>', '<xs:maxLength value="9"/>')
STATUS = '"JuridischeStatus" type="b:LDT_JuridischeStatus" minOccurs="0"'
STRICTER = {"JW301": (STATUS, STATUS.replace("LDT_JuridischeStatus", "LDT_Datum"))}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    path = setup.new_gateway(
        tmp_path / "poort", origin="test.voorbeeld", host="127.0.0.1", port=0, database="sqlite+aiosqlite:///x.sqlite"
    )
    return path.parent


def digest(made: dict[str, bytes]) -> str:
    return Package(files=made).digest


def laad(path: Path, wanted: str, home: Path) -> int:
    return main(["schemas", "laad", str(path), "--hash", wanted, "--instellingen", str(home / "ketenpoort.toml")])


def test_what_is_at_hand_is_told_with_release_validity_and_versions(capsys: pytest.CaptureFixture):
    assert main(["schemas"]) == 0
    said = capsys.readouterr().out

    assert "ijw 3.2: voor berichten vanaf 2023-04-03" in said
    assert "hoa 1.0: altijd in gebruik" in said
    line = next(line for line in said.splitlines() if line.startswith("  jw301 "))
    assert "Toewijzing" in line
    assert line.endswith("schema 0.1.0, past bij 0.1.0 t/m 1.0.0")


@pytest.mark.parametrize("release", ["hoa/1.0", "ijw/3.2", "iwmo/3.2"])
def test_our_own_schemas_are_the_same_as_ours(release: str, capsys: pytest.CaptureFixture):
    assert main(["schemas", "vergelijk", str(FOLDER / release)]) == 0
    assert "Gelijk aan ons: " in capsys.readouterr().out


def test_the_hash_is_printed_for_folder_and_zip_alike(tmp_path: Path, capsys: pytest.CaptureFixture):
    assert main(["schemas", "vergelijk", str(zipped(tmp_path / "p.zip", files()))]) == 0
    assert f"{len(files())} schema's, hash {digest(files())}" in capsys.readouterr().out


def test_one_changed_facet_is_told_with_message_and_place(tmp_path: Path, capsys: pytest.CaptureFixture):
    made = files(**{NARROWER[0]: NARROWER[1:]})

    assert main(["schemas", "vergelijk", str(folder(tmp_path / "p", made))]) == 1
    said = capsys.readouterr().out
    assert "JW315: Bericht/Client/AangevraagdeProducten/AangevraagdProduct/ReferentieAanbieder heeft in het" in said
    assert "Gelijk aan ons: JW305" in said


def test_a_message_that_only_one_side_has_is_told(tmp_path: Path, capsys: pytest.CaptureFixture):
    made = files(without="JW307")
    made["JW399.xsd"] = (OURS / "JW307.xsd").read_bytes().replace(b"jw307", b"jw399")

    assert main(["schemas", "vergelijk", str(folder(tmp_path / "p", made))]) == 1
    said = capsys.readouterr().out
    assert "JW307 staat niet in het pakket." in said
    assert "Alleen in het pakket staat een schema met namespace http://www.istandaarden.nl/ijw/3_2/jw399/" in said


@pytest.mark.parametrize(
    ("made", "told"),
    [
        ({"x.xsd": b'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"/>'}, "geen release"),
        ({"x.xsd": b"<!DOCTYPE x><x/>"}, "DOCTYPE"),
        (files(JW301=('<xs:element name="Client" ', '<xs:element nillable="true" name="Client" ')), "JW301 is niet te"),
        ({}, "geen schema"),
    ],
)
def test_what_cannot_be_compared_is_told(
    made: dict[str, bytes], told: str, tmp_path: Path, capsys: pytest.CaptureFixture
):
    assert main(["schemas", "vergelijk", str(folder(tmp_path / "p", made))]) == 2
    assert told in capsys.readouterr().err


def test_a_package_is_loaded_under_its_hash(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture):
    assert laad(zipped(tmp_path / "p.zip", files()), digest(files()).upper(), home) == 0
    kept = home / "schemas" / digest(files())

    assert {path.name: path.read_bytes() for path in kept.iterdir()} == files()
    assert [package.digest for package in Published.kept(home / "schemas")] == [digest(files())]
    assert "Let op" not in capsys.readouterr().out


def test_a_package_that_differs_may_be_loaded_and_is_warned_of(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture
):
    made = files(**STRICTER)

    assert laad(folder(tmp_path / "p", made), digest(made), home) == 0
    assert "Let op: het pakket verschilt" in capsys.readouterr().out


def test_another_package_than_was_meant_is_not_loaded(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture):
    assert laad(folder(tmp_path / "p", files(**STRICTER)), digest(files()), home) == 2
    assert "ander pakket" in capsys.readouterr().err
    assert not (home / "schemas").exists()


def test_a_package_that_does_not_compile_is_not_loaded(home: Path, tmp_path: Path):
    made = files(JW301=('<xs:pattern value="436"/>', '<xs:pattern value="(436"/>'))

    assert laad(folder(tmp_path / "p", made), digest(made), home) == 2
    assert not (home / "schemas").exists()


def test_a_message_is_loaded_once(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture):
    first, other = folder(tmp_path / "p", files()), files(**STRICTER)

    assert laad(first, digest(files()), home) == 0
    assert laad(first, digest(files()), home) == 2
    assert laad(folder(tmp_path / "q", other), digest(other), home) == 2
    assert "Twee geladen pakketten" in capsys.readouterr().err
    assert len(list((home / "schemas").iterdir())) == 1


def test_loading_that_was_broken_off_can_be_done_again(home: Path, tmp_path: Path):
    (home / "schemas" / f".{digest(files())}").mkdir(parents=True)
    (home / "schemas" / f".{digest(files())}" / "JW301.xsd").write_bytes(b"<half")

    assert Published.kept(home / "schemas") == []
    assert laad(folder(tmp_path / "p", files()), digest(files()), home) == 0
    assert Published.load(home / "schemas").schema("http://www.istandaarden.nl/ijw/3_2/jw301/schema") is not None


def test_files_can_be_validated_against_a_package_too(tmp_path: Path, capsys: pytest.CaptureFixture):
    package = str(folder(tmp_path / "p", files(**STRICTER)))

    assert main(["valideer", str(VALID)]) == 0
    assert main(["valideer", "--schemas", package, str(VALID)]) == 1
    assert "KP013" in capsys.readouterr().out
    assert main(["valideer", "--schemas", str(tmp_path / "weg"), str(VALID)]) == 2
