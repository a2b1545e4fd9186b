"""What parties may count on when they talk to a gateway that really runs: sending, fetching, confirming."""

import asyncio
import base64
import hashlib
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import new_schema
from running import DOCUMENT, HOOFD, ONDER, OTHER, SUPPLIER, XML, running

from gateway.invented import faulty, message

ABSENT = "0" * 32


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with running(tmp_path_factory.mktemp("http") / "poort") as gateway:
        yield gateway


def waiting(gateway, party, query="aantal=100"):
    return gateway.ask("GET", f"/v1/bezorgingen?{query}", party=party).json["bezorgingen"]


def problem(answer):
    return answer.status, answer.json["title"]


def codes(answer):
    return [finding["code"] for finding in answer.json["bevindingen"]]


def test_an_accepted_message_has_a_receipt_and_an_address(gateway):
    raw = message("ho301-gewoon", "A1")
    answer = gateway.send(raw)
    assert answer.status == 201
    assert answer.json["sha256"] == hashlib.sha256(raw).hexdigest()
    assert answer.headers["location"] == f"/v1/berichten/{answer.json['berichtId']}"
    assert gateway.ask("GET", answer.headers["location"]).body == raw


def test_a_message_that_comes_again_gets_the_same_receipt_byte_for_byte(gateway):
    raw = message("ho301-gewoon", "A2")
    first, again = gateway.send(raw), gateway.send(raw)
    assert (first.status, again.status) == (201, 200)
    assert first.body == again.body
    assert first.headers["location"] == again.headers["location"]


def test_other_bytes_under_an_identification_that_was_used_are_refused(gateway):
    assert gateway.send(message("ho301-gewoon", "A3")).status == 201
    answer = gateway.send(message("ho301-minimaal", "A3"))
    assert answer.status == 400
    assert codes(answer) == ["TR056"]


def test_a_refused_message_comes_back_with_every_fault_and_a_retour(gateway):
    answer = gateway.send(faulty("ho301-meer-fouten-tegelijk"))
    assert problem(answer) == (400, "Bericht geweigerd")
    assert codes(answer) == ["CS002", "CS050", "TR101"]
    assert answer.json["aantalBevindingen"] == 3
    assert all(finding["regel"] > 0 and finding["pad"] for finding in answer.json["bevindingen"])
    assert all(finding["tekst"] and finding["text"] != finding["tekst"] for finding in answer.json["bevindingen"])
    retour = gateway.ask("GET", answer.json["antwoordbericht"])
    assert b"ho302" in retour.body
    assert answer.json["antwoordbericht"].rpartition("/")[2] in [each["berichtId"] for each in waiting(gateway, HOOFD)]


def test_the_same_faulty_message_again_gets_the_same_retour(gateway):
    first, again = (gateway.send(faulty("ho301-cs002-bsn")) for _ in range(2))
    assert first.json["antwoordbericht"] == again.json["antwoordbericht"] is not None


def test_a_message_from_a_sender_who_is_not_the_party_is_forbidden(gateway):
    answer = gateway.send(message("ho301-gewoon", "A4", sender=OTHER))
    assert answer.status == 403
    assert codes(answer) == ["KP020"]
    assert waiting(gateway, OTHER) == []


def test_who_has_a_mandate_sends_and_fetches_for_another(gateway):
    order = gateway.send(message("ho301-gewoon", "A5")).json["berichtId"]
    start = gateway.send(message("ho305-minimaal", "A5", sender=ONDER, receiver=HOOFD), party=SUPPLIER)
    assert start.status == 201
    assert start.json["afzender"] == ONDER
    assert order in [each["berichtId"] for each in waiting(gateway, SUPPLIER)]
    assert gateway.ask("GET", f"/v1/berichten/{order}", party=SUPPLIER).status == 200


def test_a_mandate_does_not_work_the_other_way(gateway):
    assert gateway.send(message("ho305-minimaal", "A6", sender=SUPPLIER, receiver=HOOFD), party=ONDER).status == 403


def test_an_unknown_type_and_an_unknown_receiver_are_refused_by_name(gateway):
    unknown = gateway.send(message("ho301-gewoon", "A7").replace(b"ho301:schema", b"ho399:schema"))
    assert (unknown.status, codes(unknown)) == (400, ["KP009"])
    nobody = gateway.send(message("ho301-gewoon", "A7", receiver="98000077"))
    assert (nobody.status, codes(nobody)) == (400, ["KP021"])


def test_a_message_goes_from_received_through_offered_to_delivered(gateway):
    id_ = gateway.send(message("ho301-gewoon", "B1")).json["berichtId"]

    def status():
        return gateway.ask("GET", f"/v1/berichten/{id_}/status").json["status"]

    assert status() == "Ontvangen"
    gateway.ask("GET", f"/v1/berichten/{id_}")
    assert status() == "Ontvangen", "the sender's own look changes nothing"
    gateway.ask("GET", f"/v1/berichten/{id_}", party=ONDER)
    assert status() == "Aangeboden"
    assert confirm(gateway, [id_]).json == {"bevestigd": [id_], "nietBevestigd": []}
    assert status() == "Bezorgd"
    assert confirm(gateway, [id_]).json["bevestigd"] == [id_], "confirming twice is harmless"
    assert id_ not in [each["berichtId"] for each in waiting(gateway, ONDER)]


def test_an_answer_is_tied_to_its_message(gateway):
    asked = gateway.send(message("ho301-gewoon", "B2")).json["berichtId"]
    answered = gateway.send(message("ho302-akkoord", "B2A", answers="B2"), party=ONDER).json["berichtId"]
    assert gateway.ask("GET", f"/v1/berichten/{asked}/status").json["antwoord"] == answered
    assert gateway.ask("GET", f"/v1/berichten/{answered}/status").json["antwoordOp"] == asked
    again = gateway.send(message("ho302-akkoord", "B2B", answers="B2"), party=ONDER)
    assert (again.status, codes(again)) == (400, ["KP023"])


def test_the_receipt_is_soon_proved_to_be_in_the_log(gateway):
    receipt = gateway.send(message("ho301-gewoon", "B3")).json
    until = time.monotonic() + 5
    while not (proved := gateway.ask("GET", f"/v1/berichten/{receipt['berichtId']}/ontvangstbewijs").json)["inclusie"]:
        assert time.monotonic() < until
        time.sleep(0.1)
    assert {name: proved[name] for name in receipt} == receipt


@pytest.mark.parametrize("part", ["", "/status", "/ontvangstbewijs"])
def test_what_is_not_yours_does_not_exist(gateway, part):
    """Nor does the answer tell a message of another from one that never was, or from what is no id at all."""
    id_ = gateway.send(message("ho301-gewoon", f"C{len(part)}")).json["berichtId"]
    never = gateway.ask("GET", f"/v1/berichten/{ABSENT}{part}", party=OTHER)
    assert problem(never) == (404, "Niet gevonden")
    for other in (id_, id_.upper(), id_[:-1], "1", "%00", "..%2F..%2Fsleutels", "'%20OR%201=1--", "%F0%9F%98%80"):
        answer = gateway.ask("GET", f"/v1/berichten/{other}{part}", party=OTHER)
        assert (answer.status, answer.body) == (404, never.body)


def confirm(gateway, ids, party=ONDER):
    body = json.dumps({"berichten": ids}).encode()
    return gateway.ask("POST", "/v1/bevestigingen", body, {"Content-Type": "application/json"}, party=party)


def test_only_the_receiver_confirms_and_only_after_fetching(gateway):
    id_ = gateway.send(message("ho301-gewoon", "D1")).json["berichtId"]
    for party in (HOOFD, OTHER):
        refused = confirm(gateway, [id_, ABSENT], party=party).json
        assert refused["bevestigd"] == []
        assert len({each["reden"] for each in refused["nietBevestigd"]}) == 1, "no difference with what never was"
    early = confirm(gateway, [id_]).json
    assert early["nietBevestigd"][0]["reden"].startswith("Haal het bericht eerst op")


def test_a_confirmation_names_one_to_a_hundred_messages(gateway):
    assert confirm(gateway, [ABSENT] * 100).status == 200
    for wrong in ([], [ABSENT] * 101, ABSENT, None, [1], [None], [ABSENT.upper() + "G"], [[ABSENT]], {"a": 1}):
        assert problem(confirm(gateway, wrong)) == (400, "Verzoek klopt niet")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 60_000, b"1" * 5000, b'{"berichten":1e999}']
)
def test_a_confirmation_that_is_no_confirmation_is_refused(gateway, body):
    answer = gateway.ask("POST", "/v1/bevestigingen", body, {"Content-Type": "application/json"})
    assert problem(answer) == (400, "Verzoek klopt niet")


@pytest.mark.parametrize(
    "query",
    [
        *("aantal=0", "aantal=101", "aantal=-1", "aantal=1.0", "aantal=", "aantal=x", "aantal=%D9%A3", "wacht=31"),
        *("wacht=nan", "na=-1", "na=9223372036854775808", "na=" + "9" * 5000, "onbekend=1", "na=1&na=2", "%00=%FF"),
        *("inhoud=", "inhoud=true", "inhoud=JA", "inhoud=ja&inhoud=ja"),
    ],
)
def test_a_question_with_a_fault_is_told_what_may_be_asked(gateway, query):
    answer = gateway.ask("GET", f"/v1/bezorgingen?{query}")
    assert problem(answer) == (400, "Verzoek klopt niet")
    assert "'" in answer.json["detail"]


def test_all_faults_of_a_question_are_told_at_once(gateway):
    detail = gateway.ask("GET", "/v1/bezorgingen?na=x&aantal=0&wacht=99&bsn=999990019").json["detail"]
    assert all(name in detail for name in ("'na'", "'aantal'", "'wacht'", "onbekende"))
    assert "999990019" not in detail


def test_a_list_is_read_in_pages_without_gap_or_repeat(gateway):
    sent = [gateway.send(message("ho301-gewoon", f"E{n}", receiver=OTHER)).json["berichtId"] for n in range(5)]
    found, after = [], 0
    while after is not None:
        page = gateway.ask("GET", f"/v1/bezorgingen?aantal=2&na={after}", party=OTHER).json
        found += [each["berichtId"] for each in page["bezorgingen"]]
        after = page["volgende"]
    assert found == sent


def test_a_list_brings_the_messages_themselves_when_asked(gateway):
    raws = [message("ho301-gewoon", f"I{n}", receiver=OTHER) for n in range(3)]
    sent = [gateway.send(raw).json["berichtId"] for raw in raws]
    page = {each["berichtId"]: each for each in waiting(gateway, OTHER, "aantal=100&inhoud=ja")}
    assert [base64.b64decode(page[id_]["inhoud"]) for id_ in sent] == raws
    assert "inhoud" not in waiting(gateway, OTHER, "inhoud=nee")[0]
    assert confirm(gateway, sent, party=OTHER).json["bevestigd"] == sent


def test_who_waits_is_told_of_a_message_as_it_comes(gateway):
    answers = []
    last = gateway.send(message("ho305-minimaal", "F0", sender=ONDER, receiver=HOOFD), party=ONDER)
    assert last.status == 201
    after = gateway.ask("GET", "/v1/bezorgingen?aantal=100").json
    assert after["volgende"] is None
    empty = gateway.ask("GET", "/v1/bezorgingen?wacht=0&na=999999").json["bezorgingen"]
    assert empty == []

    def wait():
        start = time.monotonic()
        answers.append((gateway.ask("GET", "/v1/bezorgingen?wacht=20", party=SUPPLIER), time.monotonic() - start))

    for each in waiting(gateway, ONDER):
        gateway.ask("GET", f"/v1/berichten/{each['berichtId']}", party=ONDER)
        confirm(gateway, [each["berichtId"]])
    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.5)
    assert not answers, "there was nothing to tell yet"
    id_ = gateway.send(message("ho301-gewoon", "F1")).json["berichtId"]
    thread.join(20)
    answer, took = answers[0]
    assert [each["berichtId"] for each in answer.json["bezorgingen"]] == [id_]
    assert took < 5


def test_a_wait_that_is_over_tells_so_with_an_empty_list(gateway):
    start = time.monotonic()
    assert waiting(gateway, SUPPLIER, "wacht=1&na=999999") == []
    assert 0.9 < time.monotonic() - start < 5


def test_the_same_message_many_times_at_once_is_one_message(gateway):
    raw, other = message("ho301-gewoon", "H1"), message("ho301-minimaal", "H1")
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(gateway.send, [raw, other] * 8))
    assert sorted(answer.status for answer in answers) == [200] * 7 + [201] + [400] * 8
    assert len({answer.body for answer in answers if answer.status < 300}) == 1


def test_a_gateway_that_stops_first_answers_who_waits(tmp_path):
    with running(tmp_path / "poort") as gateway, ThreadPoolExecutor(1) as thread:
        asked = thread.submit(waiting, gateway, ONDER, "wacht=30")
        time.sleep(1)
        start = time.monotonic()
        gateway.process.terminate()
        assert asked.result(20) == []
        assert gateway.process.wait(20) == 0
        assert time.monotonic() - start < 5


def test_the_gateway_tells_how_it_is_and_what_it_can(gateway):
    assert gateway.ask("GET", "/v1/gezondheid").json == {"status": "goed", "versie": DOCUMENT["info"]["version"]}
    assert gateway.ask("GET", "/v1/openapi.json").json == DOCUMENT


def test_on_postgresql_it_does_the_same(tmp_path, postgresql):
    database = asyncio.run(new_schema(postgresql)).render_as_string(hide_password=False)
    raw = message("ho301-gewoon", "G1")
    with running(tmp_path / "poort", database=database) as gateway:
        sent = gateway.send(raw)
        assert sent.status == 201
        assert gateway.send(raw).body == sent.body
        assert gateway.send(faulty("ho301-cs002-bsn")).status == 400
        assert [each["berichtId"] for each in waiting(gateway, ONDER)] == [sent.json["berichtId"]]
        assert gateway.ask("GET", sent.headers["location"], party=ONDER).body == raw
        assert confirm(gateway, [sent.json["berichtId"]]).json["bevestigd"] == [sent.json["berichtId"]]
        assert waiting(gateway, ONDER) == []
        assert gateway.ask("POST", "/v1/berichten", raw, XML, party=OTHER).status == 403
