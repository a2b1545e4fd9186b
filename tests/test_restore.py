"""A database that was put back is recognised, and goes on only as another log that says what is gone."""

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from audit import log
from audit.note import Checkpoint, parse, read_checkpoint, signed_by
from audit.proof import read_keys
from gateway import cli, serve, settings, setup
from gateway.commit import open_engine

ROOT = Path(__file__).resolve().parents[1]
NAME = "test.voorbeeld"


class Home:
    """A gateway of which the log grows by an export, and whose database is kept and put back."""

    def __init__(self, where: Path, exports: int = 0) -> None:
        self.path, self.exports = where, exports

    @property
    def kept(self) -> int:
        """How many lines the kept database has."""
        return int((self.path / "bewaard").read_text())

    def make(self) -> None:
        setup.new_gateway(self.path, origin=NAME, host="127.0.0.1", port=0, database="sqlite+aiosqlite:///poort.db")

    def settings(self) -> settings.Settings:
        return settings.load(self.path / "ketenpoort.toml")

    def grow(self, times: int = 1) -> None:
        for _ in range(times):
            self.exports += 1
            assert self.run("audit", "exporteer", str(self.path / f"uit{self.exports}"), "--wie", "beheerder 7") == 0

    def run(self, *words: str) -> int:
        return cli.main([*words, "--instellingen", str(self.path / "ketenpoort.toml")])

    def start(self) -> None:
        async def go() -> None:
            async with serve.opened(self.settings()):
                pass

        asyncio.run(go())

    def copy(self, name: str) -> None:
        (self.path / "bewaard").write_text(str(self.head().size))
        for file in self.path.glob("poort.db*"):
            shutil.copy(file, self.path / f"{name}{file.name.removeprefix('poort.db')}")

    def put_back(self, name: str) -> None:
        for file in self.path.glob("poort.db*"):
            file.unlink()
        for file in self.path.glob(f"{name}*"):
            shutil.copy(file, self.path / f"poort.db{file.name.removeprefix(name)}")

    def call_log(self, name: str) -> None:
        with (self.path / "ketenpoort.toml").open("a") as file:
            file.write(f'logboek = "{name}"\n')

    def head(self) -> Checkpoint:
        return read_checkpoint((self.path / "laatste-stand").read_bytes())

    def lines(self) -> list[dict[str, object]]:
        async def go() -> list[dict[str, object]]:
            engine = open_engine(self.settings().database)
            async with engine.connect() as db:
                rows = (await db.execute(sa.select(log.entries.c.header).order_by(log.entries.c.idx))).scalars()
                found = [json.loads(row) for row in rows]
            await engine.dispose()
            return found

        return asyncio.run(go())

    def verified(self, key: str) -> int:
        folder = self.path / f"uit{self.exports}"
        command = [sys.executable, "-m", "audit.verify", str(folder), str(self.path / key)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a gateway with a kept database, that went on for some lines."""
    found = Home(tmp_path_factory.mktemp("herstel") / "poort")
    found.make()
    found.start()
    found.grow(3)
    found.start()
    found.copy("kopie")
    found.grow(2)
    found.start()
    assert found.head().size >= found.kept + 2
    return found.path


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Home:
    """That gateway, for one test."""
    shutil.copytree(made, tmp_path / "poort")
    return Home(tmp_path / "poort", exports=5)


def refused(home: Home, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(serve.StoppedError) as stopped:
        home.start()
    capsys.readouterr()
    return str(stopped.value)


def test_a_gateway_does_not_start_on_an_older_database(home, capsys):
    size = home.head().size
    home.put_back("kopie")
    told = refused(home, capsys)
    assert f"daar {size} regels, in de database {home.kept}" in told
    assert "beveiligingsfunctionaris" in told
    assert home.run("draai") == 2
    assert home.head().size == size


def test_nor_on_another_one_that_is_as_large(home, capsys):
    home.put_back("kopie")
    anchor = (home.path / "laatste-stand").read_bytes()
    (home.path / "laatste-stand").unlink()
    home.grow(6)
    (home.path / "laatste-stand").write_bytes(anchor)
    assert "begint niet met de laatste stand" in refused(home, capsys)


def spoiled(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    return lambda place: (place.write_bytes(change(place.read_bytes())), None)[1]


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (spoiled(lambda _: b"onzin"), "niet te lezen"),
        (spoiled(lambda data: data.replace(b"\n", b"\n1", 1)), "niet door dit logboek ondertekend"),
        (spoiled(lambda data: data.replace(b"test.voorbeeld\n", b"elders\n", 1)), "van een ander logboek"),
    ],
)
def test_a_last_head_that_is_not_sound_is_not_passed_over(home, capsys, spoil, told):
    spoil(home.path / "laatste-stand")
    assert told in refused(home, capsys)


def test_a_missing_last_head_is_told_and_made_anew(home, caplog):
    (home.path / "laatste-stand").unlink()
    home.start()
    assert "er was geen laatste stand" in caplog.text
    caplog.clear()
    home.start()
    assert not caplog.text


def test_a_new_gateway_has_nothing_to_miss(tmp_path, caplog):
    new = Home(tmp_path / "nieuw")
    new.make()
    new.start()
    assert not caplog.text


def test_after_a_restore_the_log_goes_on_as_another_that_says_what_is_gone(home, capsys):
    lost = home.head()
    home.put_back("kopie")
    assert home.run("audit", "herstel", "--reden", "schijf stuk", "--wie", "beheerder 7") == 2
    assert f'logboek = "{NAME}/2"' in capsys.readouterr().err
    home.call_log(f"{NAME}/2")
    assert home.run("audit", "herstel", "--reden", "schijf stuk", "--wie", "beheerder 7") == 0
    assert f"had {lost.size} regels; in deze database staan er {home.kept}" in capsys.readouterr().out
    gap = home.lines()[home.kept]
    assert (gap["event"], gap["lost_size"], gap["lost_root"]) == ("logboek.hersteld", lost.size, lost.root.hex())
    assert "schijf stuk" not in json.dumps(gap)

    home.start()
    head = home.head()
    assert head.origin == f"{NAME}/2"
    assert head.size > home.kept
    new, old = read_keys(home.path / f"log-{NAME}-2.vkey"), read_keys(home.path / "log.vkey")
    assert all(signed_by(parse(head.note.encode()), key) for key in new)
    assert not any(signed_by(parse(head.note.encode()), key) for key in old)
    assert read_checkpoint((home.path / f"laatste-stand.{NAME}").read_bytes()) == lost
    home.grow()
    assert home.verified(f"log-{NAME}-2.vkey") == 0
    assert home.verified("log.vkey") != 0


def test_the_same_restore_does_not_pass_twice_and_a_next_one_gets_a_next_name(home, capsys):
    home.put_back("kopie")
    home.call_log(f"{NAME}/2")
    assert home.run("audit", "herstel", "--reden", "schijf stuk", "--wie", "7") == 0
    home.put_back("kopie")
    assert "De laatste stand is niet door dit logboek ondertekend" in refused(home, capsys)
    assert home.run("audit", "herstel", "--reden", "nog eens", "--wie", "7") == 2
    assert f'logboek = "{NAME}/3"' in capsys.readouterr().err


def test_where_nothing_is_lost_nothing_is_restored(home, capsys):
    lines = len(home.lines())
    home.call_log(f"{NAME}/2")
    assert home.run("audit", "herstel", "--reden", "denk ik", "--wie", "7") == 2
    assert "ontbreekt niets" in capsys.readouterr().err
    assert len(home.lines()) == lines


def test_a_head_that_a_witness_kept_serves_where_the_anchor_is_gone_too(home, tmp_path, capsys):
    kept = tmp_path / "stand-van-getuige"
    kept.write_bytes((home.path / "laatste-stand").read_bytes())
    home.put_back("kopie")
    (home.path / "laatste-stand").unlink()
    home.call_log(f"{NAME}/2")
    assert home.run("audit", "herstel", "--reden", "brand", "--wie", "7") == 2
    assert "getuige" in capsys.readouterr().err
    assert home.run("audit", "herstel", "--reden", "brand", "--wie", "7", "--stand", str(kept)) == 0
    home.start()
    assert home.head().origin == f"{NAME}/2"
