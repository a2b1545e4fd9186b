"""The register of processing follows from how the gateway is set up: nothing that is processed can be left out."""

import json

import pytest

from audit.catalogue import kinds
from gateway import setup
from gateway.catalog import Catalog
from gateway.cli import main
from gateway.oversight import register
from gateway.parties import Parties
from gateway.retention import policy

PARTIES = Parties.of(
    [
        {"code": "98000001", "naam": "De Brug", "gemachtigd_door": ["98000002"]},
        {"code": "98000002", "naam": "Zonnehoek"},
    ]
)


@pytest.fixture(scope="module")
def catalog():
    return Catalog.load()


@pytest.fixture(scope="module")
def made(catalog):
    return register.register(catalog, policy.standard(), PARTIES, origin="test.ketenpoort.voorbeeld")


def test_every_line_that_the_log_can_have_names_an_activity_of_the_register(made):
    assert {each["code"] for each in made["activiteiten"]} == {kind.activity for kind in kinds().values()}
    assert {event["code"] for each in made["activiteiten"] for event in each["gebeurtenissen"]} == set(kinds())


def test_an_activity_says_all_that_article_30_asks(made):
    for each in made["activiteiten"]:
        assert all(
            each[name] for name in ("naam", "doel", "grondslag", "betrokkenen", "gegevens", "ontvangers", "termijnen")
        )


def test_every_field_of_every_message_has_one_kind_of_data(catalog):
    named = [name for each in register.told()["categorie"].values() for name in each["velden"]]
    there = {name for kind in catalog.every() for name in register.fields(catalog.definition(kind).shape)}
    assert len(named) == len(set(named))
    assert set(named) == there


def test_data_that_an_activity_names_is_explained(made):
    known = {each["code"] for each in made["categorieen"]} | {register.MESSAGES}
    assert {name for each in made["activiteiten"] for name in each["gegevens"]} <= known


def test_every_message_is_there_with_its_law_and_what_it_holds(made, catalog):
    told = {(each["standaard"], each["soort"]): each for each in made["berichten"]}
    assert len(told) == len(list(catalog.every()))
    order = told["hoa 1.0", "ho301"]
    assert order["gegevens"]["bsn"] == ["Bsn"]
    assert "Hulpvraag" in order["gegevens"]["hulp"]
    assert (order["van"], order["naar"], order["over_clienten"]) == ("hoofdaannemer", "onderaannemer", True)
    assert told["ijw 3.2", "jw301"]["wet"] == "Jeugdwet"


def test_every_class_that_is_kept_belongs_to_an_activity(made):
    assert {term["klasse"] for each in made["activiteiten"] for term in each["termijnen"]} == set(policy.standard())


def test_terms_are_those_in_force(catalog):
    longer = policy.with_terms('[transport]\ntermijn = "90 dagen"\n')
    told = register.register(catalog, longer, PARTIES, origin="x")
    assert told["activiteiten"][0]["termijnen"][0]["termijn"] == "90 dagen"


def test_parties_are_the_recipients(made):
    assert made["ontvangers"][0] == {"code": "98000001", "naam": "De Brug", "handelt_ook_voor": ["98000002"]}


def test_it_can_be_written_as_json(made):
    assert json.loads(json.dumps(made, ensure_ascii=False)) == made


def test_the_command_writes_it_for_a_gateway_with_its_own_terms_and_parties(tmp_path, capsys):
    path = setup.new_gateway(
        tmp_path / "poort",
        origin="poort.voorbeeld",
        host="127.0.0.1",
        port=0,
        database="sqlite+aiosqlite:///poort.sqlite",
    )
    (path.parent / "bewaartermijnen.toml").write_text('[transport]\ntermijn = "90 dagen"\n', encoding="utf-8")
    assert main(["verwerkingsregister", "--instellingen", str(path)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["poort"] == "poort.voorbeeld"
    assert told["activiteiten"][0]["termijnen"][0]["termijn"] == "90 dagen"


def test_a_gateway_that_is_not_there_has_no_register(tmp_path, capsys):
    assert main(["verwerkingsregister", "--instellingen", str(tmp_path / "nergens.toml")]) == 2
    assert "Er is geen instellingenbestand" in capsys.readouterr().err
