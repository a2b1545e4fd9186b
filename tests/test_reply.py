"""The command antwoord writes what a receiver owes a sender, and says when nothing is owed."""

from pathlib import Path

import pytest

from gateway.catalog import FOLDER, Catalog
from gateway.check import check
from gateway.reply import antwoord

SAMPLES = FOLDER / "hoa/1.0/samples"
START = SAMPLES / "valid/ho305-minimaal.xml"
CATALOG = Catalog.load()


def test_a_good_message_is_answered_well(capfdbinary: pytest.CaptureFixture[bytes]):
    assert antwoord(START, [], "R001") == 0
    written = capfdbinary.readouterr().out
    assert check(written, CATALOG).type == "ho306"
    assert check(written, CATALOG).findings == ()
    assert b"RetourCode" not in written
    assert b">R001<" in written


@pytest.mark.parametrize(
    "path", ["Client/StartProducten/StartProduct[1]", "Bericht/Client/StartProducten/StartProduct[1]"]
)
def test_a_fault_is_told_at_its_place(capfdbinary: pytest.CaptureFixture[bytes], path: str):
    assert antwoord(START, [f"{path}=9019"], None) == 0
    written = capfdbinary.readouterr().out
    assert check(written, CATALOG).findings == ()
    assert written.count(b">9019<") == 1


def test_a_message_with_faults_of_its_own_is_refused(capfdbinary: pytest.CaptureFixture[bytes]):
    assert antwoord(SAMPLES / "invalid/ho305-cs002-bsn.xml", [], None) == 0
    said = capfdbinary.readouterr()
    assert b">0001<" in said.out
    assert b"keurt het af" in said.err


@pytest.mark.parametrize("sample", ["invalid/ho305-xsd-zonder-begindatum.xml", "valid/ho306-akkoord.xml"])
def test_where_no_answer_is_due_none_is_written(capfdbinary: pytest.CaptureFixture[bytes], sample: str):
    assert antwoord(SAMPLES / sample, [], None) != 0
    said = capfdbinary.readouterr()
    assert said.out == b""
    assert b"antwoord" in said.err


@pytest.mark.parametrize("fault", ["Client", "Client/StartProducten/StartProduct[9]=9019", "Client=zomaar"])
def test_a_fault_that_cannot_be_told_is_not_passed_over(capfdbinary: pytest.CaptureFixture[bytes], fault: str):
    assert antwoord(START, [fault], None) == 2
    assert capfdbinary.readouterr().out == b""


def test_a_file_that_is_not_there_is_said_to_be(capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Path):
    assert antwoord(tmp_path / "weg.xml", [], None) == 2
    assert b"kan niet worden gelezen" in capfdbinary.readouterr().err
