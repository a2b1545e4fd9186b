"""A party without XML speaks JSON with a gateway that really runs, and nobody it writes to has to know."""

import hashlib
import json

import pytest
from running import HOOFD, ONDER, OTHER, running

from adapters.client import read_connection
from adapters.commands import zend
from gateway import forms
from gateway.convert import json_of
from gateway.invented import faulty, message

JSON = {"Content-Type": "application/json"}
FORMS = forms.read()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with running(tmp_path_factory.mktemp("json") / "poort") as gateway:
        yield gateway


def told(name: str, identification: str) -> bytes:
    return json_of(message(name, identification), FORMS)


def send(gateway, raw: bytes, kind: str = "application/json", **more):
    return gateway.ask("POST", "/v1/berichten", raw, {"Content-Type": kind}, **more)


def fetch(gateway, path: str, accept: str, party: str = HOOFD):
    return gateway.ask("GET", path, headers={"Accept": accept}, party=party)


def test_json_is_taken_in_as_the_xml_that_it_stands_for(gateway):
    raw = told("ho301-rijk", "J1")
    answer = send(gateway, raw)
    xml = fetch(gateway, answer.headers["location"], "application/xml", ONDER)

    assert answer.status == 201
    assert xml.headers["content-type"] == "application/xml"
    assert answer.json["sha256"] == hashlib.sha256(xml.body).hexdigest()
    assert json_of(xml.body, FORMS) == raw


def test_the_same_json_again_gets_the_same_receipt(gateway):
    raw = told("ho301-gewoon", "J2")
    first, again = send(gateway, raw), send(gateway, raw)
    assert (first.status, again.status) == (201, 200)
    assert first.body == again.body


def test_a_message_in_xml_can_be_read_as_json_and_that_is_reading(gateway):
    raw = message("ho301-rijk", "J3")
    path = gateway.send(raw).headers["location"]
    answer = fetch(gateway, path, "application/json", ONDER)

    assert answer.body == json_of(raw, FORMS)
    assert answer.headers["content-type"].partition(";")[0] == "application/json"
    assert gateway.ask("GET", f"{path}/status", party=HOOFD).json["status"] == "Aangeboden"


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("*/*", "application/xml"),
        ("application/*", "application/xml"),
        ("text/xml", "application/xml"),
        ("application/xml, application/json", "application/xml"),
        ("application/json, */*;q=0.5", "application/json"),
        ("Application/JSON", "application/json"),
        ("application/xml;q=0.1, application/json;q=0.2", "application/json"),
        ("application/json;q=0, */*", "application/xml"),
    ],
)
def test_the_reader_says_which_form_it_would_rather_have(gateway, accept, kind):
    path = gateway.send(message("ho301-gewoon", "J4")).headers["location"]
    answer = fetch(gateway, path, accept)
    assert answer.headers["content-type"].partition(";")[0] == kind
    assert answer.headers["vary"] == "Accept"


@pytest.mark.parametrize("accept", ["text/html", "application/json;q=0", "*/*;q=0"])
def test_a_form_that_we_do_not_have_is_told_and_is_no_reading(gateway, accept):
    path = gateway.send(message("ho301-gewoon", "J5")).headers["location"]
    answer = fetch(gateway, path, accept, ONDER)
    assert (answer.status, answer.json["title"]) == (406, "Vorm niet te leveren")
    assert gateway.ask("GET", f"{path}/status").json["status"] == "Ontvangen"


def test_a_stranger_to_a_message_does_not_see_it_as_json_either(gateway):
    path = gateway.send(message("ho301-gewoon", "J6")).headers["location"]
    assert fetch(gateway, path, "application/json", OTHER).status == 404


def test_all_faults_of_json_are_told_with_their_places(gateway):
    spoilt = json.loads(told("ho301-gewoon", "J7"))
    header = spoilt["bericht"]["Header"]
    header["Wet"], header["Geheim"] = 1, "geheim"
    del header["XsdVersie"]
    answer = send(gateway, json.dumps(spoilt).encode())

    assert (answer.status, answer.json["title"]) == (400, "Bericht geweigerd")
    assert [(each["code"], each["pad"], each["regel"]) for each in answer.json["bevindingen"]] == [
        ("KP031", "Bericht/Header", 0),
        ("KP031", "Bericht/Header/Wet", 0),
        ("XSD", "Bericht/Header", 0),
    ]
    assert b"geheim" not in answer.body.lower()


def test_json_that_breaks_a_rule_is_answered_with_a_retour_that_can_be_read_as_json(gateway):
    raw = faulty("ho301-cs003-einde-voor-begin")
    in_xml = gateway.send(raw)
    answer = send(gateway, json_of(raw, FORMS))
    retour = fetch(gateway, answer.json["antwoordbericht"], "application/json")

    assert answer.status == 400
    assert [each["code"] for each in answer.json["bevindingen"]] == [
        each["code"] for each in in_xml.json["bevindingen"]
    ]
    assert retour.json["bericht"]["Header"]["BerichtCode"] == "HO302"
    assert retour.json["bericht"]["Header"]["BerichtIdentificatie"]["Identificatie"] == "HO301-0001"


def test_json_in_the_name_of_another_is_refused(gateway):
    answer = send(gateway, told("ho301-gewoon", "J9"), party=ONDER)
    assert (answer.status, [each["code"] for each in answer.json["bevindingen"]]) == (403, ["KP020"])


@pytest.mark.parametrize("raw", [b"", b"{", b"<Bericht/>", b"[" * 100_000, b'{"a":' * 50_000, b"\xff", b"null"])
def test_nonsense_is_refused_and_the_gateway_lives(gateway, raw):
    assert send(gateway, raw).status == 400
    assert gateway.ask("GET", "/v1/gezondheid").status == 200


@pytest.mark.parametrize("kind", ["application/json; charset=utf-16", "text/json", "application/ld+json"])
def test_another_kind_of_content_is_refused(gateway, kind):
    assert send(gateway, told("ho301-gewoon", "J10"), kind).status == 415


async def test_zend_sends_a_file_with_json(gateway, tmp_path, capsys):
    file = tmp_path / "opdracht.JSON"
    file.write_bytes(told("ho301-gewoon", "J11"))
    connection = read_connection(gateway.home / f"partij-{HOOFD}/aansluiting.toml")

    assert await zend([file], connection) == 0
    assert "aangenomen als bericht" in capsys.readouterr().out
