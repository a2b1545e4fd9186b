"""Two releases of one standard side by side: chosen by namespace, each in its own time, with its own answers."""

import shutil
from datetime import date
from pathlib import Path

import pytest
from lxml import etree

from gateway.answer import due, header_only
from gateway.catalog import FOLDER, Catalog
from gateway.check import check
from gateway.shapes import CatalogError

VALID = FOLDER / "ijw/3.2/samples/valid/jw301-rijk.xml"
INVALID = FOLDER / "ijw/3.2/samples/invalid/jw301-cs002-bsn.xml"
OURS = Catalog.load()


def in_use(folder: Path, *, since: str = "", until: str = "") -> None:
    """Write when a release is in use, beside its namespace."""
    kept = [line for line in (folder / "release.toml").read_text().splitlines() if not line.startswith("geldig")]
    dates = [f"{name} = {day}" for name, day in (("geldig_vanaf", since), ("geldig_tot", until)) if day]
    (folder / "release.toml").write_text("\n".join([*kept, *dates]))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Our schemas, with beside iJw 3.2 a made-up 3.3 that follows it on 1 April 2026."""
    folder = tmp_path / "schemas"
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("samples", "ketens"))
    shutil.copytree(folder / "ijw/3.2", folder / "ijw/3.3")
    for path in (folder / "ijw/3.3").iterdir():
        path.write_text(path.read_text().replace("/ijw/3_2/", "/ijw/3_3/").replace(">0.1.0<", ">0.3.0<"))
    in_use(folder / "ijw/3.2", since="2023-04-03", until="2026-03-31")
    in_use(folder / "ijw/3.3", since="2026-04-01")
    return folder


def written_in(release: str, path: Path, day: str = "2026-03-02") -> bytes:
    raw = path.read_bytes().replace(b"/ijw/3_2/", f"/ijw/{release}/".encode())
    return raw.replace(b"Dagtekening>2026-03-02", f"Dagtekening>{day}".encode())


def test_the_namespace_chooses_the_release(folder: Path):
    catalog = Catalog.load(folder)
    old, new = check(written_in("3_2", VALID), catalog), check(written_in("3_3", VALID, "2026-04-01"), catalog)

    assert (old.findings, new.findings) == ((), ())
    assert (old.facts.type, old.facts.release) == ("jw301", "3.2")
    assert (new.facts.type, new.facts.release) == ("jw301", "3.3")


@pytest.mark.parametrize(
    ("release", "day", "in_force"),
    [("3_2", "2026-04-01", "release 3.3"), ("3_3", "2026-03-31", "release 3.2"), ("3_2", "2023-04-02", "geen")],
)
def test_a_message_dated_outside_the_time_of_its_release_is_refused_and_told_which_one_holds(
    folder: Path, release: str, day: str, in_force: str
):
    checked = check(written_in(release, VALID, day), Catalog.load(folder))
    finding = checked.findings[0]

    assert (finding.code, finding.level) == ("KP012", 0)
    assert finding.path == "Bericht/Header/BerichtIdentificatie/Dagtekening"
    assert in_force in finding.text
    assert day not in finding.text


@pytest.mark.parametrize(("release", "day"), [("3_2", "2023-04-03"), ("3_2", "2026-03-31"), ("3_3", "2026-04-01")])
def test_the_first_and_the_last_day_belong_to_a_release(folder: Path, release: str, day: str):
    codes = {finding.code for finding in check(written_in(release, VALID, day), Catalog.load(folder)).findings}

    assert "KP012" not in codes


@pytest.mark.parametrize(
    ("release", "day", "version"), [("3_2", "2026-03-02", "0.1.0"), ("3_3", "2026-04-01", "0.3.0")]
)
def test_an_answer_is_of_the_release_of_what_it_answers(folder: Path, release: str, day: str, version: str):
    catalog = Catalog.load(folder)
    raw = written_in(release, INVALID, day)
    checked = check(raw, catalog)
    kind = due(checked, catalog)
    answer = header_only(checked, kind, catalog, identification="A1", today=date(2026, 4, 2).isoformat())

    assert kind.name == "jw302"
    assert etree.QName(etree.fromstring(answer).tag).namespace.endswith(f"/{release}/jw302/schema")
    assert f">{version}<" in answer.decode()


def test_by_name_alone_the_newest_release_is_meant(folder: Path):
    catalog = Catalog.load(folder)

    assert catalog.types["jw301"].release == "3.3"
    assert catalog.types["ho301"].release == "1.0"
    assert {kind.release for kind in catalog.every() if kind.name == "jw301"} == {"3.2", "3.3"}
    assert set(catalog.types) == set(OURS.types)


def test_two_releases_with_one_namespace_are_a_contradiction(folder: Path):
    shutil.copy(folder / "ijw/3.2/release.toml", folder / "ijw/3.3/release.toml")

    with pytest.raises(CatalogError, match="one namespace"):
        Catalog.load(folder)


def test_a_release_that_does_not_say_its_namespace_is_a_contradiction(folder: Path):
    (folder / "ijw/3.3/release.toml").unlink()

    with pytest.raises(CatalogError, match=r"release\.toml"):
        Catalog.load(folder)


def test_a_schema_of_another_namespace_than_its_release_says_is_a_contradiction(folder: Path):
    path = folder / "ijw/3.3/JW301.xsd"
    path.write_text(path.read_text().replace("/ijw/3_3/jw301/", "/ijw/3_3/jw30x/"))

    with pytest.raises(CatalogError, match="namespace"):
        Catalog.load(folder).compile_all()


@pytest.mark.parametrize("xsd", sorted(FOLDER.glob("*/*/*.xsd")), ids=lambda path: path.stem)
def test_every_schema_has_the_namespace_that_its_release_says(xsd: Path):
    (release,) = (each for each in OURS.releases if each.folder == xsd.parent)
    space = etree.parse(xsd).getroot().get("targetNamespace")

    assert release.message(space) == xsd.stem.lower()


@pytest.mark.parametrize("space", ["", "urn:hoa:1_0::schema", "urn:hoa:1_0:schema", "urn:hoa:1_1:ho301:schema"])
def test_a_namespace_of_no_release_has_no_message(space: str):
    assert OURS.by_root(f"{{{space}}}Bericht") is None


def test_another_element_of_a_known_namespace_is_no_message():
    assert OURS.by_root("{urn:hoa:1_0:ho301:schema}Client") is None
    assert OURS.by_root("{urn:hoa:1_0:basisschema:schema}Bericht") is None


def test_a_message_waits_for_no_schema_but_its_own(folder: Path):
    """However many releases there are, starting costs the same."""
    for path in [*(folder / "iwmo/3.2").glob("*.xsd"), *(folder / "ijw").glob("*/JW3[1-9]*.xsd")]:
        path.write_text("no schema at all")
    (folder / "iwmo/3.2/messages.toml").write_text("no cards at all")

    assert check(written_in("3_2", VALID), Catalog.load(folder)).findings == ()
