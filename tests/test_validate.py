"""The commands valideer and leg-uit, as people and scripts use them."""

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from gateway.catalog import FOLDER
from gateway.validate import leg_uit, valideer

SAMPLES = FOLDER / "hoa/1.0/samples"
GOOD = SAMPLES / "valid/ho301-gewoon.xml"
BAD = SAMPLES / "invalid/ho323-tr358-som.xml"
if not BAD.exists():
    BAD = next(iter(sorted(SAMPLES.glob("invalid/ho323-tr358*.xml"))))


def zipped(path: Path, entries: dict[str, bytes]) -> str:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, raw in entries.items():
            archive.writestr(name, raw)
    return str(path)


def test_a_good_file_is_good(capsys: pytest.CaptureFixture):
    assert valideer([str(GOOD)], json=False) == 0
    assert "(HO301): goed" in capsys.readouterr().out


def test_a_bad_file_is_told_line_by_line(capsys: pytest.CaptureFixture):
    assert valideer([str(BAD)], json=False) == 1
    said = capsys.readouterr().out
    assert "TR358" in said
    assert "Bericht/Declaratie/TotaalIngediendBedrag/TotaalBedrag" in said


def test_a_place_is_told_in_words_beside_its_path(capsys: pytest.CaptureFixture):
    valideer([str(SAMPLES / "invalid/ho323-cs337-twee-maanden.xml")], json=False)
    said = capsys.readouterr().out
    assert "CS337  cliënt 1, prestatie 1, ProductPeriode" in said
    assert "(Bericht/Declaratie/Clienten/Client[1]/Prestaties/Prestatie[1]/ProductPeriode" in said


def test_a_verdict_can_be_had_in_english(tmp_path: Path, capsys: pytest.CaptureFixture):
    (tmp_path / "empty.xml").write_bytes(b"")
    locked = tmp_path / "broken.zip"
    locked.write_bytes(b"PK\x03\x04")

    assert valideer([str(GOOD), str(BAD), str(tmp_path), "nowhere.xml"], json=False, language="en") == 2
    said, trouble = capsys.readouterr()
    assert f"{GOOD} (HO301): good" in said
    assert "(HO323): 1 fault\n" in said
    assert "How it should be: TotaalIngediendBedrag is the sum of all debit lines" in " ".join(said.split())
    assert "file  KP001\n" in said
    assert "3 messages seen: 1 good, 2 wrong." in said
    assert "this ZIP is damaged" in trouble
    assert "does not exist" in trouble


def test_for_machines_there_is_one_object_a_line(capsys: pytest.CaptureFixture):
    assert valideer([str(GOOD), str(BAD)], json=True) == 1
    good, bad = map(json.loads, capsys.readouterr().out.splitlines())

    assert good == {"bestand": str(GOOD), "bericht": "ho301", "geldig": True, "bevindingen": []}
    assert bad["geldig"] is False
    assert list(bad["bevindingen"][0]) == ["code", "niveau", "regel", "pad", "tekst", "text"]


def test_an_unknown_message_has_no_type(tmp_path: Path, capsys: pytest.CaptureFixture):
    (tmp_path / "x.xml").write_text("<x/>")

    assert valideer([str(tmp_path)], json=True) == 1
    assert json.loads(capsys.readouterr().out)["bericht"] is None


def test_a_folder_is_searched_with_all_below_it(capsys: pytest.CaptureFixture):
    assert valideer([str(SAMPLES / "valid")], json=True) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(list((SAMPLES / "valid").glob("*.xml")))


def test_a_zip_is_looked_into(tmp_path: Path, capsys: pytest.CaptureFixture):
    path = zipped(tmp_path / "a.zip", {"../../b.xml": GOOD.read_bytes(), "c/d.xml": BAD.read_bytes(), "e.txt": b"x"})

    assert valideer([path], json=True) == 1
    assert [json.loads(line)["geldig"] for line in capsys.readouterr().out.splitlines()] == [True, False]
    assert [found.name for found in tmp_path.iterdir()] == ["a.zip"]


def test_a_zip_in_a_zip_is_not_opened(tmp_path: Path):
    inner = Path(zipped(tmp_path / "inner.zip", {"a.xml": GOOD.read_bytes()})).read_bytes()
    (tmp_path / "inner.zip").unlink()

    assert valideer([zipped(tmp_path / "outer.zip", {"inner.zip": inner})], json=True) == 2


def test_a_zip_that_swells_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture):
    bomb = zipped(tmp_path / "bomb.zip", {f"{n}.xml": b" " * 20_000_000 for n in range(3)})

    assert valideer([bomb], json=True) == 2
    assert "te groot" in capsys.readouterr().err


def test_a_zip_of_very_many_files_is_refused(tmp_path: Path):
    assert valideer([zipped(tmp_path / "many.zip", {f"{n}.xml": b"" for n in range(1_001)})], json=True) == 2


def test_a_broken_zip_is_told(tmp_path: Path, capsys: pytest.CaptureFixture):
    path = tmp_path / "a.zip"
    zipped(path, {"a.xml": GOOD.read_bytes() * 20})
    path.write_bytes(path.read_bytes()[:-30])

    assert valideer([str(path)], json=False) == 2
    assert "beschadigd" in capsys.readouterr().err


def test_standard_input_is_read(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(GOOD.read_bytes())))

    assert valideer(["-"], json=True) == 0
    assert json.loads(capsys.readouterr().out)["bestand"] == "-"


def test_what_is_not_there_cannot_be_judged(tmp_path: Path, capsys: pytest.CaptureFixture):
    assert valideer([str(tmp_path / "weg.xml"), str(GOOD)], json=False) == 2
    assert "bestaat niet" in capsys.readouterr().err


def test_an_empty_folder_is_nothing_to_judge(tmp_path: Path):
    assert valideer([str(tmp_path)], json=False) == 2


def test_a_rule_is_explained(capsys: pytest.CaptureFixture):
    assert leg_uit("tr358") == 0
    said = capsys.readouterr().out
    assert said.startswith("TR358: ")
    assert "retourcode 0001" in said


def test_a_return_code_says_which_rules_lead_to_it(capsys: pytest.CaptureFixture):
    assert leg_uit("9346") == 0
    said = capsys.readouterr().out
    assert said.startswith("9346: ")
    assert "TR346" in said.partition("Regels die hiertoe leiden")[2]


def test_a_code_list_tells_its_codes_and_their_days(capsys: pytest.CaptureFixture):
    assert leg_uit("jz588") == 0
    assert "  38    Naar een andere aanbieder (vanaf 2022-04-01)\n" in capsys.readouterr().out
    assert leg_uit("CBS", "en") == 0
    assert "  0457  Weesp (until 2022-03-23)\n" in capsys.readouterr().out


def test_a_rule_is_explained_in_english(capsys: pytest.CaptureFixture):
    assert leg_uit("TR332", "en") == 0
    said = capsys.readouterr().out
    assert "What the rule asks" in said
    assert "Level 3, return code 9332." in said


def test_what_is_unknown_in_english_is_said_in_english(capsys: pytest.CaptureFixture):
    assert leg_uit("../JZ588", "en") == 2
    assert "is not known" in capsys.readouterr().err


def test_an_unknown_rule_is_not(capsys: pytest.CaptureFixture):
    assert leg_uit("TR999") == 2
    assert "niet bekend" in capsys.readouterr().err


def test_only_what_judging_needs_is_imported():
    program = "import sys, gateway.validate as v; v.valideer(sys.argv[1:], json=True); print(*sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", program, str(GOOD)], capture_output=True, text=True, check=True, cwd=FOLDER.parent
    )
    loaded = set(ran.stdout.splitlines()[-1].split())

    assert not loaded & {"xmlschema", "sqlalchemy", "aiohttp", "cryptography", "asyncio"}
