"""On the command line a message goes from XML to JSON and back, and what is no message goes nowhere."""

import json
from pathlib import Path

import pytest

from gateway import cli, forms
from gateway.catalog import FOLDER
from gateway.convert import json_of

SAMPLE = FOLDER / "hoa/1.0/samples/valid/ho301-rijk.xml"
WRONG = FOLDER / "hoa/1.0/samples/invalid/ho301-cs003-einde-voor-begin.xml"


def test_a_message_goes_to_json_and_back(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]):
    assert cli.main(["json", str(SAMPLE)]) == 0
    told = capfdbinary.readouterr().out
    assert told == json_of(SAMPLE.read_bytes(), forms.read()) + b"\n"

    (tmp_path / "bericht.json").write_bytes(told)
    assert cli.main(["xml", str(tmp_path / "bericht.json")]) == 0
    assert json_of(capfdbinary.readouterr().out, forms.read()) + b"\n" == told


def test_a_message_that_is_wrong_is_not_converted(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    assert cli.main(["json", str(WRONG)]) == 1
    said = capfd.readouterr()
    assert (said.out, "CS003" in said.err) == ("", True)

    told = json.loads(json_of(WRONG.read_bytes(), forms.read()))
    told["bericht"]["Header"]["Wet"] = 1
    (tmp_path / "bericht.json").write_text(json.dumps(told))
    assert cli.main(["xml", str(tmp_path / "bericht.json")]) == 1
    said = capfd.readouterr()
    assert said.out == ""
    assert "Bericht/Header/Wet  KP031" in said.err


@pytest.mark.parametrize("command", ["json", "xml"])
def test_a_file_that_cannot_be_read_is_told(command: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    assert cli.main([command, str(tmp_path / "geen")]) == 2
    assert cli.main([command, str(tmp_path)]) == 2
    assert "kan niet worden gelezen" in capfd.readouterr().err
