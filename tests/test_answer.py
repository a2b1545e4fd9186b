"""Answers are what iStandaarden ask: what is wrong with which class, and nothing of what is right (IV028, IV087)."""

import random
from pathlib import Path

import pytest
from lxml import etree

from gateway.answer import judged
from gateway.catalog import FOLDER, Catalog
from gateway.check import check
from gateway.compose import ComposeError, message, values

CATALOG = Catalog.load()
VALID = {path.stem: path for path in sorted(FOLDER.glob("*/*/samples/valid/*.xml"))}
ASKED = [
    stem
    for stem in VALID
    if (kind := CATALOG.types[stem.partition("-")[0]]).answer
    and CATALOG.types[kind.answer].shape in ("retour", "declaratieantwoord")
]
DECLARED = [stem for stem in ASKED if stem[2:5] == "323" or stem[3:6] == "323"]


def answered(stem: str, codes: dict[str, list[str]] | None = None, *, whole: bool = False) -> bytes:
    raw = judged(
        VALID[stem].read_bytes(), codes or {}, CATALOG, identification="A0001", today="2026-12-01", whole=whole
    )
    assert check(raw, CATALOG).findings == ()
    return raw


def read(raw: bytes) -> dict:
    root = etree.fromstring(raw)
    return values(root, CATALOG.definition(CATALOG.by_root(root.tag)).shape)


def paths(raw: bytes, name: str) -> list[str]:
    """The places of all classes of one name, with positions as a finding tells them."""
    root = etree.fromstring(raw)
    shape = CATALOG.definition(CATALOG.by_root(root.tag)).shape
    return [path for path in _paths(values(root, shape), shape, "Bericht") if path.split("/")[-1].split("[")[0] == name]


def _paths(value, shape, path):
    yield path
    for place in getattr(shape, "fields", {}).values():
        held = value.get(place.name)
        if isinstance(held, list):
            ((item, inner, *_),) = place.form.fields.values()
            for position, each in enumerate(held, 1):
                if isinstance(each, dict):
                    yield from _paths(each, inner, f"{path}/{place.name}/{item}[{position}]")
        elif isinstance(held, dict):
            yield from _paths(held, place.form, f"{path}/{place.name}")


def test_a_retour_on_a_good_message_is_the_copied_header_and_nothing_else():
    asked, retour = read(VALID["ho305-minimaal"].read_bytes()), read(answered("ho305-minimaal"))
    assert retour.keys() == {"Header"}
    header = retour["Header"]
    assert (header["Afzender"], header["Ontvanger"]) == (asked["Header"]["Afzender"], asked["Header"]["Ontvanger"])
    assert header["BerichtIdentificatie"] == asked["Header"]["BerichtIdentificatie"]
    assert header["IdentificatieRetour"] == "A0001"
    assert "RetourCodes" not in header


def test_a_code_on_a_class_brings_back_all_classes_of_that_client_unchanged():
    asked = read(VALID["ho301-rijk"].read_bytes())
    retour = read(answered("ho301-rijk", {"Bericht/Client/Opdrachten/Opdracht[1]/Ingangsdatum": ["9332"]}))
    told = retour["Client"]["Opdrachten"][0]
    assert told.pop("RetourCodes") == ["9332"]
    assert told == asked["Client"]["Opdrachten"][0]
    assert retour["Client"]["RetourCodes"] == ["0200"]
    assert all(order["RetourCodes"] == ["0200"] for order in retour["Client"]["Opdrachten"][1:])
    assert "RetourCodes" not in retour["Header"]


def test_what_stands_in_a_client_with_an_error_is_not_judged():
    retour = read(answered("ho305-minimaal", {"Bericht/Client/Bsn": ["8187"]}))
    assert retour["Client"]["RetourCodes"] == ["8187"]
    assert [start["RetourCodes"] for start in retour["Client"]["StartProducten"]] == [["0233"]]


def test_an_error_in_the_header_is_answered_with_the_header_alone():
    codes = {
        "Bericht/Header/BerichtIdentificatie/Dagtekening": ["8848"],
        "Bericht/Client/StartProducten/StartProduct[1]": ["9019"],
    }
    retour = read(answered("ho305-minimaal", codes))
    assert retour.keys() == {"Header"}
    assert retour["Header"]["RetourCodes"] == ["8848"]


@pytest.mark.parametrize("stem", DECLARED)
def test_a_declaration_that_is_wholly_granted_gets_8001_and_two_equal_totals(stem):
    answer = read(answered(stem))["DeclaratieAntwoord"]
    assert answer["RetourCodes"] == ["8001"]
    assert answer["TotaalIngediendBedrag"] == answer["TotaalToegekendBedrag"]
    assert "Clienten" not in answer


@pytest.mark.parametrize("stem", DECLARED)
def test_a_rejected_line_stands_in_the_325_alone_and_is_not_granted(stem):
    raw = VALID[stem].read_bytes()
    for path in [*paths(raw, "Prestatie"), *paths(raw, "Termijn")]:
        answer = read(answered(stem, {f"{path}/ProductPeriode": ["9307"]}))["DeclaratieAntwoord"]
        lines = [line for client in answer.get("Clienten", ()) for line in client["Prestaties"]]
        lines += answer.get("Termijnen", [])
        assert [line["RetourCodes"] for line in lines] == [["9307"]]
        assert answer["RetourCodes"] == ["0200"]


@pytest.mark.parametrize("stem", DECLARED)
def test_an_error_of_a_client_rejects_all_lines_of_that_client_unjudged(stem):
    for path in paths(VALID[stem].read_bytes(), "Client"):
        answer = read(answered(stem, {path: ["8187"]}))["DeclaratieAntwoord"]
        (client,) = answer["Clienten"]
        assert client["RetourCodes"] == ["8187"]
        assert {code for line in client["Prestaties"] for code in line["RetourCodes"]} == {"0233"}


def test_a_rejected_declaration_grants_nothing_and_lists_nothing():
    answer = read(answered("ho323-rijk", {"Bericht/Declaratie/DeclaratieNummer": ["9333"]}))["DeclaratieAntwoord"]
    assert answer["RetourCodes"] == ["9333"]
    assert answer["TotaalToegekendBedrag"] == {"TotaalBedrag": "0", "DebetCredit": "D"}
    assert "Clienten" not in answer


def test_a_declaration_that_the_gateway_refuses_is_refused_whole():
    raw = VALID["ho323-rijk"].read_bytes()
    every = [*paths(raw, "Prestatie"), *paths(raw, "Termijn")]
    answer = read(answered("ho323-rijk", {every[0]: ["9346"]}, whole=True))["DeclaratieAntwoord"]
    lines = [line for client in answer["Clienten"] for line in client["Prestaties"]] + answer.get("Termijnen", [])
    assert [line["RetourCodes"] for line in lines] == [["9346"], *[["0233"]] * (len(every) - 1)]
    assert answer["TotaalToegekendBedrag"] == {"TotaalBedrag": "0", "DebetCredit": "D"}


@pytest.mark.parametrize("stem", ASKED)
def test_every_class_can_be_told_what_is_wrong_with_it(stem):
    """Some codes at random places of every message: the answer is valid, and nothing said of it is lost."""
    raw, rng = VALID[stem].read_bytes(), random.Random(stem)
    root = etree.fromstring(raw)
    shape = CATALOG.definition(CATALOG.by_root(root.tag)).shape
    places = [path for path in _paths(values(root, shape), shape, "Bericht") if not path.startswith("Bericht/Header")]
    for _ in range(8):
        chosen = rng.sample(places, min(len(places), rng.randint(1, 3)))
        answer = answered(stem, {path: ["9307"] for path in chosen}, whole=rng.random() < 0.5)
        assert b">9307<" in answer


@pytest.mark.parametrize("stem", [stem for stem in VALID if stem.startswith(("ho331", "ho341"))])
def test_what_is_wrong_with_a_proposal_stands_in_the_header_of_the_decision(stem):
    (body,) = read(VALID[stem].read_bytes()).keys() - {"Header"}
    decision = read(answered(stem, {f"Bericht/{body}/Ingangsdatum": ["0001"]}))
    assert decision.keys() == {"Header"}
    assert decision["Header"]["RetourCodes"] == ["0001"]
    with pytest.raises(ComposeError, match="besluit"):
        answered(stem)


@pytest.mark.parametrize("code", ["0200", "0233", "8001"])
@pytest.mark.parametrize("path", ["Header", "Declaratie", "Declaratie/Clienten/Client[1]"])
def test_a_code_that_says_nothing_wrong_rejects_nothing(path, code):
    with pytest.raises(ComposeError, match=code):
        answered("ho323-rijk", {f"Bericht/{path}": [code]})


def test_a_place_that_is_not_in_the_message_is_not_passed_over():
    with pytest.raises(ComposeError, match=r"StartProduct\[7\]"):
        answered("ho305-minimaal", {"Bericht/Client/StartProducten/StartProduct[7]": ["9019"]})


@pytest.mark.parametrize("stem", VALID)
def test_a_message_read_back_and_written_again_is_the_same_message(stem):
    raw = VALID[stem].read_bytes()
    told = read(raw)
    kind = CATALOG.by_root(etree.fromstring(raw).tag)
    written = message(CATALOG.definition(kind), told)
    assert read(written) == told
    assert check(written, CATALOG).findings == ()
    lines = written.split(b"\r\n")
    assert written.startswith(b'<?xml version="1.0" encoding="UTF-8"?>\r\n')
    assert written.count(b"\n") == len(lines) - 1
    assert max(line.count(b"<") for line in lines) <= 2


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda held: held["Header"].pop("Afzender"), "Afzender"),
        (lambda held: held["Header"].update(Kenmerk="x"), "Kenmerk"),
        (lambda held: held["Header"].update(XsdVersie="1.0.0"), "XsdVersie"),
        (lambda held: held["Header"].update(Afzender={"Code": "98000001"}), "Afzender"),
        (lambda held: held["Header"].update(Afzender="geen getal"), "Afzender"),
    ],
)
def test_what_does_not_fit_the_schema_is_not_written_and_the_error_says_where(change, told):
    held = read(VALID["ho305-minimaal"].read_bytes())
    change(held)
    with pytest.raises(ComposeError, match=told) as error:
        message(CATALOG.definition(CATALOG.types["ho305"]), held)
    assert "geen getal" not in str(error.value)


def test_answers_are_written_from_what_is_in_the_published_order(tmp_path: Path):
    """The sample of a rejected line, told the same codes, is answered the same way."""
    sample = read(VALID["ho325-toegekend"].read_bytes())
    answer = read(answered("ho323-minimaal"))
    assert list(answer) == list(sample)
    assert list(answer["Header"]) == list(sample["Header"])
