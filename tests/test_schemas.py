"""The message definitions hold together: schema, card, samples and rules in words tell one story."""

import random
import re
import tomllib
from pathlib import Path

import pytest
import xmlschema
from lxml import etree

from tests.documents import XS, definitions, document, facets, pattern_schema

SCHEMAS = Path(__file__).parent.parent / "schemas"
RELEASES = ("hoa/1.0", "ijw/3.2", "iwmo/3.2")
RULES = {
    code: rule
    for path in sorted((SCHEMAS / "regels").glob("*.toml"))
    for code, rule in tomllib.loads(path.read_text(encoding="utf-8")).items()
}


def cards(release: str) -> dict[str, dict]:
    everything = tomllib.loads((SCHEMAS / release / "messages.toml").read_text(encoding="utf-8"))
    forms = everything.pop("vorm")
    return {name: card | {"release": release, "paden": forms[card["vorm"]]} for name, card in everything.items()}


CARDS = {name: card for release in RELEASES for name, card in cards(release).items()}
SAMPLES = sorted(SCHEMAS.glob("*/*/samples/*/*.xml"))


def xsd_of(name: str) -> Path:
    return SCHEMAS / CARDS[name]["release"] / CARDS[name]["xsd"]


def expected(sample: Path) -> list[str]:
    """The codes a check must find in a sample; its first comment names them."""
    return re.search(r"<!-- expect:(.*?)-->", sample.read_text(encoding="utf-8"))[1].split()


def version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def samples_of(name: str, folder: str) -> list[Path]:
    return [path for path in SAMPLES if path.parent.name == folder and path.name.startswith(f"{name}-")]


@pytest.fixture(scope="module")
def lxml_schemas() -> dict[str, etree.XMLSchema]:
    return {name: etree.XMLSchema(file=str(xsd_of(name))) for name in CARDS}


@pytest.fixture(scope="module")
def other_schemas() -> dict[str, xmlschema.XMLSchema]:
    return {name: xmlschema.XMLSchema(xsd_of(name), allow="local") for name in CARDS}


@pytest.mark.parametrize("release", RELEASES)
def test_every_schema_has_a_card_and_every_card_a_schema(release):
    schemas = {path.name for path in (SCHEMAS / release).glob("*.xsd")} - {"basisschema.xsd"}
    assert schemas == {card["xsd"] for card in cards(release).values()}


@pytest.mark.parametrize("name", CARDS)
def test_a_schema_says_which_message_it_is(name):
    fact = {etree.QName(e).localname: e.text for e in etree.parse(xsd_of(name)).getroot().iterfind(f".//{XS}appinfo/*")}
    assert fact["bericht"] == name
    assert f"{fact['standaard']}/{fact['release']}" == CARDS[name]["release"]
    for part in ("Bericht", "Basisschema"):
        low, here, high = (version(fact[f"{part}Xsd{bound}Versie"]) for bound in ("Min", "", "Max"))
        assert low <= here <= high


@pytest.mark.parametrize("name", CARDS)
def test_an_answer_and_what_it_answers_name_each_other(name):
    card = CARDS[name]
    if card["vorm"] == "heen":
        answer = CARDS[card["antwoord"]]
        assert answer["antwoord_op"] == name
        assert (answer["van"], answer["naar"]) == (card["naar"], card["van"])
        assert card["termijn_werkdagen"] > 0
    else:
        assert CARDS[card["antwoord_op"]]["antwoord"] == name
        assert "antwoord" not in card


@pytest.mark.parametrize("name", CARDS)
def test_every_path_on_a_card_finds_something_in_a_valid_sample(name):
    space = "{*}"
    trees = [etree.parse(sample).getroot() for sample in samples_of(name, "valid")]
    subjects = [CARDS[name]["betrokkenen"]] if "betrokkenen" in CARDS[name] else []
    for path in (*CARDS[name]["paden"].values(), *subjects):
        step = "/".join(space + part for part in path.split("/"))
        assert any(tree.findtext(step) for tree in trees), path


@pytest.mark.parametrize("name", CARDS)
def test_a_card_shows_the_clients_wherever_a_message_has_a_bsn(name):
    named = {
        etree.QName(node).localname for sample in samples_of(name, "valid") for node in etree.parse(sample).iter("*")
    }
    assert ("betrokkenen" in CARDS[name]) == ("Bsn" in named)


@pytest.mark.parametrize("name", CARDS)
def test_every_message_has_valid_and_invalid_samples(name):
    assert len(samples_of(name, "valid")) >= 2
    assert any("XSD" in expected(sample) for sample in samples_of(name, "invalid"))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_gets_its_verdict_from_both_validators(sample, lxml_schemas, other_schemas):
    codes = expected(sample)
    assert codes == sorted(set(codes))
    assert bool(codes) == (sample.parent.name == "invalid")
    if not any(code.startswith("KP") for code in codes):
        name = sample.name.partition("-")[0]
        valid = "XSD" not in codes
        assert lxml_schemas[name].validate(etree.parse(sample)) == valid
        assert other_schemas[name].is_valid(str(sample)) == valid


@pytest.mark.parametrize("name", CARDS)
def test_made_documents_are_valid_for_both_validators(name, lxml_schemas, other_schemas):
    message, rng = definitions(xsd_of(name)), random.Random(name)
    for _ in range(10):
        made = document(message, rng)
        assert lxml_schemas[name].validate(made), lxml_schemas[name].error_log.last_error
        assert other_schemas[name].is_valid(etree.tostring(made).decode())


def test_every_code_in_a_sample_is_explained_and_every_rule_on_one_message_has_a_sample():
    shown = {code for sample in SAMPLES for code in expected(sample)}
    within = {code for code, rule in RULES.items() if rule["niveau"] == 2 and not code[0].isdigit()}
    assert shown <= RULES.keys()
    assert within <= shown


@pytest.mark.parametrize("code", RULES)
def test_every_rule_says_what_is_wrong_and_what_to_do(code):
    rule = RULES[code]
    assert rule.keys() - {"en"} == {"niveau", "retourcode", "titel", "regel", "oplossing", "bron"}
    assert rule["niveau"] in range(5)
    assert len(rule["titel"]) < 60
    assert all(rule[part].endswith(".") for part in ("regel", "oplossing"))
    sentences = re.split(r"(?<=[.:])\s", f"{rule['regel']} {rule['oplossing']}")
    assert max(len(sentence.split()) for sentence in sentences) < 30


@pytest.mark.parametrize("path", sorted(SCHEMAS.glob("*/*/*.xsd")), ids=lambda path: path.stem)
def test_a_schema_knows_no_attributes_and_no_free_content(path):
    banned = {"attribute", "any", "anyAttribute", "all", "extension", "group", "include", "redefine"}
    assert not banned & {etree.QName(node).localname for node in etree.parse(path).iter(XS + "*")}


@pytest.mark.parametrize("path", sorted(SCHEMAS.glob("*/*/*.xsd")), ids=lambda path: path.stem)
def test_a_repeated_element_stands_alone_in_its_container(path):
    """Validating a large document record by record relies on it."""
    for repeated in etree.parse(path).getroot().iterfind(f".//{XS}element[@maxOccurs]"):
        assert repeated.get("maxOccurs") == "unbounded"
        assert repeated.get("minOccurs") is None
        assert len(repeated.getparent()) == 1
        assert repeated.getparent().getparent().tag == XS + "complexType"


def test_every_string_of_our_own_family_has_a_maximum_and_is_never_blank():
    base = SCHEMAS / "hoa/1.0/basisschema.xsd"
    message = definitions(base)
    for name, kind in message.types.items():
        if kind.tag == XS + "simpleType":
            builtin, steps = facets(message, kind)
            facet = {key: value for step in steps for key, value in step.items()}
            if builtin == "string" and "enumeration" not in facet:
                assert int(facet["maxLength"][0]) <= 1000, name
                assert not any(re.fullmatch(pattern, " ") for pattern in facet["pattern"]), name


@pytest.mark.timeout(20)
@pytest.mark.parametrize("release", RELEASES)
def test_no_pattern_takes_long_over_a_long_value(release):
    """Written so that each sign can match in one way only; with two ways, one of these values takes a minute."""
    for kind in definitions(SCHEMAS / release / "basisschema.xsd").types.values():
        for pattern in kind.iter(XS + "pattern"):
            alone = pattern_schema(pattern.get("value"))
            for text in ("x " * 60_000 + "\nx", " " * 120_000, "1." * 60_000, "Z" * 120_000):
                value = etree.Element("v")
                value.text = text
                alone.validate(value)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_persons_in_samples_are_invented(sample):
    """A BSN in a sample is from the official test range, or can be nobody's."""
    bsns = re.findall(r":?Bsn>([^<]*)</", sample.read_text(encoding="utf-8"))
    assert all(bsn.startswith("9999") or bsn == "000000000" for bsn in bsns)
