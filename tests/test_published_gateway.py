"""A gateway with a published package loaded: its workers ask both schemas, and it starts only on what was pinned."""

import subprocess
import sys
from pathlib import Path

import pytest
from running import ROOT, environment, running

from gateway.catalog import FOLDER, Catalog
from gateway.check import check
from gateway.invented import message
from gateway.package import Package, Published, keep
from gateway.worker import Limits, Pool
from tests.packages import files

OURS = {path.name: path.read_bytes() for path in (FOLDER / "hoa/1.0").glob("*.xsd")}


def changed(name: str, old: bytes, new: bytes) -> Package:
    assert OURS[name].count(old) == 1
    return Package(files=OURS | {name: OURS[name].replace(old, new)})


OTHER_CODE = changed("HO305.xsd", b'<xs:pattern value="HO305"/>', b'<xs:pattern value="HO399"/>')
"""A package that refuses every HO305."""


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    keep(OTHER_CODE, tmp_path / "schemas")
    return tmp_path / "schemas"


async def test_workers_ask_both_schemas(packages: Path):
    catalog = Catalog.load(published=Published.load(packages))
    raws = [message("ho301-gewoon", "A1"), message("ho305-minimaal", "A1"), b"<x/>"]
    pool = Pool(packages, small=1, large=0)
    await pool.start()
    try:
        verdicts = [await pool.check(raw) for raw in raws]
    finally:
        await pool.close()

    assert verdicts == [check(raw, catalog) for raw in raws]
    assert [[finding.code for finding in verdict.findings] for verdict in verdicts] == [[], ["KP013"], ["KP009"]]


async def test_a_published_pattern_that_takes_for_ever_costs_one_message_and_no_other(tmp_path: Path):
    """``.*[^\\s].*``, as published, is tried in ever more ways on a long text with a line end."""
    made = files()
    made["basisschema.xsd"] = made["basisschema.xsd"].replace(rb'"[ \t]*\S.*"', rb'".*[^\s].*"')
    assert made != files()
    keep(Package(files=made), tmp_path)
    good = (FOLDER / "ijw/3.2/samples/valid/jw301-rijk.xml").read_bytes()
    at = good.index(b":Achternaam>") + len(b":Achternaam>")
    long = good[:at] + b"x " * 30_000 + b"\nx" + good[at:]
    pool = Pool(tmp_path, limits=Limits(seconds=0.5, seconds_per_mb=0.0), small=1, large=0)
    await pool.start()
    try:
        verdicts = [await pool.check(raw) for raw in (long, good)]
    finally:
        await pool.close()

    assert [[finding.code for finding in verdict.findings] for verdict in verdicts] == [["KP011"], []]


def test_a_gateway_refuses_what_the_loaded_schema_refuses_and_does_not_start_on_another(tmp_path: Path):
    home = tmp_path / "poort"
    kept = keep(OTHER_CODE, home / "schemas")
    with running(home) as gateway:
        assert gateway.send(message("ho301-gewoon", "A1")).status == 201
        answer = gateway.send(message("ho305-minimaal", "A1", sender="98000002", receiver="98000001"), party="98000002")
        assert answer.status == 400
        assert [finding["code"] for finding in answer.json["bevindingen"]] == ["KP013"]
    (kept / "HO305.xsd").write_bytes(OURS["HO305.xsd"])

    started = subprocess.run(
        [sys.executable, "-m", "gateway.cli", "draai", "--instellingen", str(home / "ketenpoort.toml")],
        cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert started.returncode == 2
    assert "veranderd" in started.stderr
