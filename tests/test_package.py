"""A published schema package: known by its hash, read within bounds, and told apart from ours to the last facet."""

import os
import subprocess
from pathlib import Path

import pytest
from lxml import etree

from gateway.catalog import FOLDER
from gateway.grammar import GrammarError, differences, grammar
from gateway.package import MOST_BYTES, Package, PackageError, Published, compiled, keep, read
from tests.packages import OURS, files, folder, zipped

FIELD = Path(__file__).parent.parent.parent / "shared" / "field" / "xsd"
JW301 = "http://www.istandaarden.nl/ijw/3_2/jw301/schema"


def found(made: dict[str, bytes], space: str = JW301) -> list[tuple[str, str]]:
    """What differs between our message and that of a package."""
    ours, theirs = (Package(files=each).schemas() for each in (files(), made))
    return list(differences(grammar(ours, space), grammar(theirs, space)))


def test_the_hash_is_what_anybody_can_compute(tmp_path: Path):
    package = folder(tmp_path / "p", files())
    shown = subprocess.run("sha256sum *.xsd | sha256sum", shell=True, cwd=package, capture_output=True, text=True,
                           check=True, env={**os.environ, "LC_ALL": "C"})  # fmt: skip

    assert read(package).digest == shown.stdout.split()[0]


def test_folder_and_zip_have_one_hash_whatever_else_is_in_them(tmp_path: Path):
    made = files()
    deep = folder(tmp_path / "deep/a/b", made)
    (deep.parent / "lees mij.txt").write_text("hallo")
    packed = zipped(tmp_path / "p.zip", {f"ijw 3.2\\xsd/{name}": raw for name, raw in made.items()} | {"x.pdf": b"x"})

    assert read(tmp_path / "deep").digest == read(packed).digest == Package(files=made).digest


@pytest.mark.parametrize("change", ["content", "name", "file less"])
def test_every_change_gives_another_hash(change: str):
    made = files()
    if change == "content":
        made["JW301.xsd"] += b" "
    else:
        raw = made.pop("JW301.xsd")
        made |= {"JW301a.xsd": raw} if change == "name" else {}

    assert Package(files=made).digest != Package(files=files()).digest


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("doctype", b'<!DOCTYPE x [<!ENTITY a "b">]><x/>'),
        ("entity", b'<!ENTITY a SYSTEM "file:///etc/passwd"><x/>'),
        ("utf16", '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE x><x/>'.encode("utf-16")),
        ("nul", "<x/>".encode("utf-16-le")),
        ("latin", b"<x>\xe9</x>"),
        ("cut", b"<x"),
        ("other", b"<x/>"),
    ],
)
def test_what_is_no_plain_schema_is_refused(name: str, raw: bytes):
    with pytest.raises(PackageError, match=f"{name}.xsd"):
        Package(files={f"{name}.xsd": raw}).schemas()


@pytest.mark.parametrize("prolog", [b"<!DOCTYPE xs:schema>", b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'])
def test_a_schema_with_a_doctype_is_refused(prolog: bytes):
    raw = files()["JW301.xsd"].replace(b"?>", b"?>" + prolog, 1)

    with pytest.raises(PackageError, match="DOCTYPE"):
        Package(files={"JW301.xsd": raw}).schemas()


@pytest.mark.parametrize("construct", ["include", "redefine"])
def test_a_schema_that_fetches_a_file_is_refused(tmp_path: Path, construct: str):
    (tmp_path / "x.xsd").write_text("<x/>")
    fetching = f'<xs:{construct} schemaLocation="{tmp_path}/x.xsd"/>\n  <xs:element name="Bericht"'

    with pytest.raises(PackageError, match=r"JW301\.xsd haalt"):
        Package(files=files(JW301=('<xs:element name="Bericht"', fetching))).schemas()


def test_an_import_is_answered_from_the_package_or_not_at_all(tmp_path: Path):
    (tmp_path / "x.xsd").write_bytes((OURS / "basisschema.xsd").read_bytes())
    away = files(JW301=('schemaLocation="basisschema.xsd"', f'schemaLocation="{tmp_path}/x.xsd"'))
    del away["basisschema.xsd"]

    with pytest.raises(PackageError, match="niet goed"):
        compiled(Package(files=away).schemas()[JW301])


def test_two_schemas_of_one_namespace_are_refused():
    with pytest.raises(PackageError, match="dezelfde namespace"):
        Package(files=files() | {"kopie.xsd": files()["JW301.xsd"]}).schemas()


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ({"a/x.xsd": b"<x/>", "b/x.xsd": b"<x/>"}, "meer dan één keer"),
        ({"../../x\n.xsd": b"<x/>"}, "vreemde tekens"),
        ({"x.xsd": b" " * (MOST_BYTES + 1)}, "te groot"),
        ({f"x{n}.xsd": b"<x/>" for n in range(101)}, "meer dan 100 schema"),
        ({f"x{n}.txt": b"" for n in range(1_001)}, "meer dan 1000 bestanden"),
        ({f"x{n}.xsd": b" " * MOST_BYTES for n in range(60)}, "te groot"),
        ({"x.txt": b"hallo"}, "geen schema"),
    ],
)
def test_a_hostile_zip_is_refused(tmp_path: Path, entries: dict[str, bytes], told: str):
    with pytest.raises(PackageError, match=told):
        read(zipped(tmp_path / "p.zip", entries))


def test_names_in_a_zip_lead_nowhere(tmp_path: Path):
    package = read(zipped(tmp_path / "p.zip", {"../../../tmp/x.xsd": b"<x/>", "/etc/y.xsd": b"<x/>"}))
    kept = keep(package, tmp_path / "schemas")

    assert sorted(path.name for path in kept.iterdir()) == ["x.xsd", "y.xsd"]
    assert kept == tmp_path / "schemas" / package.digest


@pytest.mark.timeout(10)
def test_links_and_pipes_in_a_folder_are_passed_by(tmp_path: Path):
    package = folder(tmp_path / "p", files())
    (package / "link.xsd").symlink_to("/etc/passwd")
    os.mkfifo(package / "pijp.xsd")

    assert read(package).files == files()


@pytest.mark.parametrize("raw", [b"PK\x03\x04", b"geen zip", b""])
def test_what_is_no_package_is_told(tmp_path: Path, raw: bytes):
    (tmp_path / "p.zip").write_bytes(raw)

    with pytest.raises(PackageError, match="beschadigd"):
        read(tmp_path / "p.zip")
    with pytest.raises(PackageError, match="gelezen"):
        read(tmp_path / "weg.zip")


def test_the_same_schemas_do_not_differ():
    ours = Package(files=files()).schemas()
    for space in ours.keys() - {JW301.replace("jw301", "basisschema")}:
        assert list(differences(grammar(ours, space), grammar(ours, space))) == []


CHANGES = {
    "a bound": ("basisschema", '<xs:maxLength value="36"/>', '<xs:maxLength value="40"/>'),
    "a code": ("basisschema", '<xs:enumeration value="82"', '<xs:enumeration value="85"'),
    "an optional field": ("JW301", '"JuridischeStatus" type="b:LDT_JuridischeStatus" minOccurs="0"',
                          '"JuridischeStatus" type="b:LDT_JuridischeStatus"'),
    "a name": ("JW301", '<xs:element name="JuridischeStatus"', '<xs:element name="Status"'),
    "a code of the message": ("JW301", '<xs:pattern value="436"/>', '<xs:pattern value="437"/>'),
    "a repeated field": ("JW301", 'name="ToegewezenProduct" type="m:ToegewezenProduct" maxOccurs="unbounded"',
                         'name="ToegewezenProduct" type="m:ToegewezenProduct"'),
    "a type": ("JW301", 'name="Toewijzingsdatum" type="b:LDT_Datum"', 'name="Toewijzingsdatum" type="b:LDT_Naam"'),
    "a class for a value": ("JW301", 'name="Toewijzingsdatum" type="b:LDT_Datum"',
                            'name="Toewijzingsdatum" type="b:CDT_Geboortedatum"'),
    "a choice": ("JW301", '<xs:complexType name="Relaties">\n    <xs:sequence>',
                 '<xs:complexType name="Relaties">\n    <xs:sequence minOccurs="0">'),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_one_changed_place_is_one_difference(change: str):
    stem, old, new = CHANGES[change]
    told = found(files(**{stem: (old, new)}))

    assert told
    assert len({path for path, _ in told}) <= (2 if change == "a name" else 3)
    assert all(path.startswith("Bericht/") and text.endswith(".") for path, text in told)


def test_a_difference_names_the_place_and_both_sides():
    optional, bound = CHANGES["an optional field"], CHANGES["a bound"]

    assert found(files(JW301=optional[1:])) == [
        ("Bericht/Client/JuridischeStatus", "mag in het pakket 1 keer voorkomen, bij ons 0 tot 1 keer.")
    ]
    assert (
        "Bericht/Client/ToegewezenProducten/ToegewezenProduct/ReferentieAanbieder",
        "heeft in het pakket maxLength 40, bij ons maxLength 36.",
    ) in found(files(basisschema=bound[1:]))


def test_of_a_list_of_codes_those_are_named_that_only_one_side_knows():
    place = "Bericht/Client/ToegewezenProducten/ToegewezenProduct/Omvang/Eenheid"

    assert found(files(basisschema=CHANGES["a code"][1:])) == [
        (place, "kent in het pakket deze codes niet: 82."),
        (place, "kent alleen in het pakket deze codes: 85."),
    ]


def test_another_order_is_told():
    xsd = etree.fromstring(files()["JW301.xsd"])
    number = xsd.find(".//{*}complexType[@name='Relatie']/{*}sequence/{*}element[@name='Nummer']")
    number.getnext().addnext(number)

    ((path, told),) = found(files() | {"JW301.xsd": etree.tostring(xsd)})
    assert path == "Bericht/Client/Relaties/Relatie"
    assert "volgorde: Volgorde, Nummer" in told


def test_a_choice_in_our_own_family_is_seen():
    made = {path.name: path.read_bytes() for path in (FOLDER / "hoa/1.0").glob("*.xsd")}
    ours, space = Package(files=made).schemas(), "urn:hoa:1_0:ho323:schema"
    text = made["HO323.xsd"].replace(b"xs:choice", b"xs:sequence")
    theirs = Package(files=made | {"HO323.xsd": text}).schemas()

    ((path, told),) = differences(grammar(ours, space), grammar(theirs, space))
    assert path == "Bericht/Declaratie"
    assert "|" in told


HOSTILE = {
    "itself": ('<xs:element name="Relatie" type="m:Relatie"', '<xs:element name="Relatie" type="m:Relaties"'),
    "a wildcard": ('<xs:element name="Relatie" type="m:Relatie" maxOccurs="unbounded"/>', "<xs:any/>"),
    "an attribute": ('<xs:complexType name="Relaties">', '<xs:complexType name="Relaties" mixed="true">'),
    "nil": ('<xs:element name="Relatie" ', '<xs:element name="Relatie" nillable="true" '),
    "no namespace": ('elementFormDefault="qualified"', ""),
    "no type": ('type="m:Relatie"', 'type="m:Nergens"'),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_cannot_be_written_out_is_refused(what: str):
    with pytest.raises(GrammarError, match="zichzelf" if what == "itself" else "."):
        found(files(JW301=HOSTILE[what]))


@pytest.mark.timeout(10)
def test_a_value_that_is_made_of_itself_is_refused():
    old = '<xs:restriction base="b:LDT_BerichtCode"><xs:pattern value="436"/></xs:restriction>'
    kind = old.replace("b:LDT_BerichtCode", "m:Ring")
    made = files(JW301=(old, kind))
    ring = f'<xs:simpleType name="Ring">{kind}</xs:simpleType></xs:schema>'.encode()
    made["JW301.xsd"] = made["JW301.xsd"].replace(b"</xs:schema>", ring)

    with pytest.raises(GrammarError, match="Ring"):
        found(made)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("width", [1, 2])
def test_types_that_grow_without_measure_are_refused(width: int):
    """Each type holds the next one, once (very deep) or twice (very many)."""
    fields = "".join(f'<xs:element name="f{n}" type="m:TNEXT"/>' for n in range(width))
    kind = f'<xs:complexType name="THERE"><xs:sequence>{fields}</xs:sequence></xs:complexType>'
    last = 2_000 if width == 1 else 40
    kinds = "".join(kind.replace("HERE", str(n)).replace("NEXT", str(n + 1)) for n in range(last))
    kinds += kind.replace("HERE", str(last)).replace("m:TNEXT", "xs:string")
    root = '<xs:element name="Bericht" type="m:Root"/>'
    made = files(JW301=(root, root.replace("Root", "T0") + kinds))

    with pytest.raises(GrammarError, match="te groot"):
        found(made)


def test_a_pinned_package_that_was_changed_is_refused(tmp_path: Path):
    kept = keep(Package(files=files()), tmp_path)
    assert Published.load(tmp_path).schema(JW301) is not None
    (kept / "JW301.xsd").write_bytes(files()["JW301.xsd"].replace(b'"36"', b'"40"') + b" ")

    with pytest.raises(PackageError, match="veranderd"):
        Published.load(tmp_path)


def test_a_gateway_without_packages_holds_messages_against_ours_only(tmp_path: Path):
    assert Published.load(tmp_path / "schemas").schema(JW301) is None


def test_one_message_in_two_packages_is_refused(tmp_path: Path):
    keep(Package(files=files()), tmp_path)
    keep(Package(files=files(without="JW302")), tmp_path)

    with pytest.raises(PackageError, match="Twee geladen pakketten"):
        Published.load(tmp_path)


@pytest.mark.parametrize(
    ("published", "ours"),
    [("ijw-3.2", "ijw/3.2"), ("iwmo-3.2", "iwmo/3.2"), ("iwmo-3.2-reconstructed-retour", "iwmo/3.2")],
)
def test_the_published_packages_allow_what_ours_allow(published: str, ours: str):
    if not (FIELD / published).is_dir():
        pytest.skip(f"the published schemas (../shared/field/xsd/{published}) are not here")
    mine, theirs = read(FOLDER / ours).schemas(), read(FIELD / published).schemas()
    messages = [space for space in theirs if "basisschema" not in space]

    assert messages
    for space in messages:
        assert list(differences(grammar(mine, space), grammar(theirs, space))) == []
