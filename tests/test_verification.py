"""An officer checks an export with what was kept elsewhere and with the keys, and gets a report to sign."""

import asyncio
import json
import re
import shutil
from pathlib import Path

import pytest

from audit.pdf import PdfError, write_pdf
from audit.report import CHECKS, Problem, Report, Verdict
from gateway import cli, serve, settings, setup


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gateway that ran once, and its exported log."""
    home = tmp_path_factory.mktemp("controle") / "poort"
    setup.new_gateway(home, origin="test.voorbeeld", host="127.0.0.1", port=0, database="sqlite+aiosqlite:///poort.db")

    async def start() -> None:
        async with serve.opened(settings.load(home / "ketenpoort.toml")):
            pass

    asyncio.run(start())
    for number in range(2):
        place = ["--instellingen", str(home / "ketenpoort.toml"), "--wie", "beheerder 7"]
        assert cli.main(["audit", "exporteer", str(home / f"uitvoer-{number}"), *place]) == 0
    return home


def checked(home: Path, *more: str, folder: str = "uitvoer-1") -> int:
    return cli.main(["audit", "controleer", str(home / folder), str(home / "log.vkey"), *more])


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """How each check ended, of the last report in JSON."""
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    return {each["controle"]: each["oordeel"] for each in report["controles"]}


def test_with_the_keys_what_is_sealed_is_checked_too(home, capsys):
    assert checked(home, "--json") == 0
    without = told(capsys)
    assert checked(home, "--json", "--sleutels", str(home / "sleutels")) == 0
    with_keys = told(capsys)
    assert list(with_keys) == list(CHECKS)
    assert {name for name in CHECKS if without[name] != with_keys[name]} == {"V10", "V11"}
    assert with_keys["V10"] == with_keys["V11"] == with_keys["V12"] == with_keys["V13"] == "goed"


def test_a_head_that_was_kept_is_held_against_the_log_of_now(home, capsys, tmp_path):
    shutil.copy(home / "uitvoer-0" / "checkpoint", tmp_path / "stand")
    assert checked(home, "--json", "--standen", str(tmp_path)) == 0
    assert told(capsys)["V4"] == "goed"
    shutil.copy(home / "uitvoer-1" / "checkpoint", tmp_path / "stand")
    assert checked(home, "--json", "--standen", str(tmp_path), folder="uitvoer-0") == 1
    assert told(capsys)["V4"] == "fout"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--sleutels", "nergens"], "sleutel"),
        (["--standen", "nergens"], "niet te lezen"),
        (["--getuigen", "nergens"], "niet te lezen"),
        (["--stempels", "nergens"], "niet te lezen"),
    ],
)
def test_what_cannot_be_read_is_told_and_nothing_is_called_good(home, capsys, tmp_path, more, words):
    option, path = more
    assert checked(home, option, str(tmp_path / path)) == 3
    out, err = capsys.readouterr()
    assert words in err
    assert "goed" not in out
    assert "Traceback" not in err


def test_the_report_is_one_page_that_a_screen_reader_can_read(home, capsys, tmp_path):
    pytest.importorskip("typst")
    assert checked(home, "--pdf", str(tmp_path / "verslag.pdf")) == 0
    made = (tmp_path / "verslag.pdf").read_bytes()
    assert made.startswith(b"%PDF-")
    assert b"<pdfuaid:part>1</pdfuaid:part>" in made
    assert len(re.findall(rb"/Type\s*/Page\b", made)) == 1
    assert b"/Lang" in made


def test_a_report_on_a_log_full_of_faults_can_be_written_too(tmp_path):
    pytest.importorskip("typst")
    text = 'Een tekst met #teken, "aanhalingstekens" en $1$ [haken].'
    faults = tuple(
        Problem(check=check, verdict=Verdict.TAMPERED, file="tile/entries/000", text=text, index=index)
        for index, check in enumerate(CHECKS)
    )
    write_pdf(Report(origin="x", entries=1, root=bytes(32), problems=faults), tmp_path / "verslag.pdf")
    assert (tmp_path / "verslag.pdf").stat().st_size > 1000
    with pytest.raises(PdfError, match="kan niet worden geschreven"):
        write_pdf(Report(), tmp_path / "nergens" / "verslag.pdf")
