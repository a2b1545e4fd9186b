"""The description of the interface is itself sound: what it shows as an example is what it demands."""

import base64
import hashlib
import json
import re
from importlib import resources

import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from adapters.push import signature_headers
from audit import tree
from gateway.receipt import canonical

DOCUMENT = json.loads(resources.files("adapters").joinpath("openapi.json").read_bytes())
METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}


def walk(value, place="#"):
    yield place, value
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in inside:
        yield from walk(each, f"{place}/{str(name).replace('~', '~0').replace('/', '~1')}")


def look_up(ref):
    found = DOCUMENT
    for name in ref.removeprefix("#/").split("/"):
        found = found[name]
    return found


OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
    if method in METHODS
}


def answers(operation):
    for status, answer in operation["responses"].items():
        yield status, look_up(answer["$ref"]) if "$ref" in answer else answer


EXAMPLES = [
    (place, value["example"], value["schema"])
    for place, value in walk(DOCUMENT)
    if isinstance(value, dict) and "example" in value and "schema" in value
] + [
    (f"{place}/{name}", example["value"], value["schema"])
    for place, value in walk(DOCUMENT)
    if isinstance(value, dict) and "examples" in value and "schema" in value
    for name, example in value["examples"].items()
]


def test_the_document_is_valid_openapi():
    OpenAPIV31SpecValidator(DOCUMENT).validate()
    assert DOCUMENT["openapi"].startswith("3.1.")


def test_every_reference_leads_somewhere():
    for _, value in walk(DOCUMENT):
        if isinstance(value, dict) and "$ref" in value:
            assert look_up(value["$ref"])


def test_nothing_is_described_that_is_not_used():
    used = {value["$ref"] for _, value in walk(DOCUMENT) if isinstance(value, dict) and "$ref" in value}
    kinds = {kind: names for kind, names in DOCUMENT["components"].items() if kind != "securitySchemes"}
    assert {f"#/components/{kind}/{name}" for kind, names in kinds.items() for name in names} == used


@pytest.mark.parametrize(("place", "example", "schema"), EXAMPLES, ids=[place for place, *_ in EXAMPLES])
def test_an_example_fits_its_schema(place, example, schema):
    whole = {"components": DOCUMENT["components"], **schema}
    OAS31Validator(whole, format_checker=OAS31Validator.FORMAT_CHECKER).validate(example)


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_an_operation_tells_a_reader_all(operation):
    assert re.fullmatch("[a-z][A-Za-z]+", operation["operationId"])
    assert operation["summary"]
    assert operation["description"]
    assert set(operation["tags"]) <= {tag["name"] for tag in DOCUMENT["tags"]}
    for status, answer in answers(operation):
        assert "API-Version" in answer["headers"]
        assert answer["description"]
        if status >= "400":
            assert "application/problem+json" in answer["content"]


def test_operations_have_names_of_their_own():
    names = [operation["operationId"] for operation in OPERATIONS.values()]
    assert len(names) == len(set(names))


def test_every_operation_asks_for_a_certificate():
    assert DOCUMENT["security"] == [{"certificaat": []}]
    assert DOCUMENT["components"]["securitySchemes"]["certificaat"]["type"] == "mutualTLS"
    for operation in OPERATIONS.values():
        assert "security" not in operation
        assert "403" in operation["responses"]


def test_addresses_follow_the_dutch_design_rules():
    """Kebab-case paths without trailing slash, camelCase names, the major version in the address."""
    assert all(re.search(r"/v1$", server["url"]) for server in DOCUMENT["servers"])
    for path in DOCUMENT["paths"]:
        assert re.fullmatch(r"(/([a-z-]+|\{[a-zA-Z]+\}))+|/openapi\.json", path)
    for _, value in walk(DOCUMENT["components"]["schemas"]):
        for name in value.get("properties", {}) if isinstance(value, dict) else ():
            assert re.fullmatch("[a-z][a-zA-Z0-9]*", name)


def test_whoever_has_trouble_finds_a_team():
    assert set(DOCUMENT["info"]["contact"]) == {"name", "email", "url"}


def test_the_receipt_of_the_example_proves_the_message_of_the_example():
    send = OPERATIONS["POST /berichten"]
    message = send["requestBody"]["content"]["application/xml"]["example"].encode()
    receipt = dict(send["responses"]["201"]["content"]["application/json"]["example"])
    proof = receipt.pop("bewijs")
    path, root = [base64.b64decode(node) for node in proof["pad"]], base64.b64decode(proof["wortel"])

    assert receipt["sha256"] == hashlib.sha256(message).hexdigest()
    leaf = tree.leaf_hash(canonical(receipt))
    assert tree.verify_inclusion(leaf, proof["index"], proof["aantal"], path, root)


def test_a_push_is_signed_with_the_headers_that_are_described():
    pushed = DOCUMENT["webhooks"]["bericht"]["post"]["parameters"]
    described = {header["name"]: header["schema"]["pattern"] for header in pushed if "pattern" in header["schema"]}
    sent = signature_headers("ab" * 16, b"<a/>", now=1773134130, sign=lambda _: bytes(64))
    assert set(sent) <= {header["name"] for header in pushed}
    assert all(re.fullmatch(pattern, sent[name]) for name, pattern in described.items())
