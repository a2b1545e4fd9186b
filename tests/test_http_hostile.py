"""A siege: every hostile document at once, while another party works on; nothing leaks, nothing falls."""

import random
import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from canaries import canary, found, found_in_files
from large_documents import declaration
from running import HOOFD, ONDER, running
from test_gate import ATTACKS

from gateway.invented import message

PERSON = canary(0)
BESIEGERS = 4


def with_canary(raw):
    """The same message about someone whom we would know anywhere; what is hostile in it stays."""
    raw = re.sub(rb"(<(?:\w+:)?Bsn>)[^<]*", rb"\g<1>" + PERSON.bsn.encode(), raw)
    return raw.replace(b"Voorbeeld", PERSON.name.encode())


def heavy():
    """What is lawful at the gate, and much work behind it."""
    many = declaration(clients=2_000, lines=2)
    yield "thousands of faults", re.sub(rb"<m:Eenheid>04", rb"<m:Eenheid>4x", many)
    yield "thousands of the same client", re.sub(rb"(<m:Bsn>)\d+", rb"\g<1>999900006", many)
    yield "half a large message", many[: len(many) // 2]
    yield "noise", random.Random(1).randbytes(200_000)
    yield "25 MB of one letter", b"<a>" + b"x" * (25 * 2**20 - 3)
    yield "one long comment", b"<!--" + b"-" * 60_000


DOCUMENTS = {name: raw for name, (raw, _) in ATTACKS.items()} | dict(heavy())


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with running(tmp_path_factory.mktemp("http") / "poort") as gateway:
        yield gateway


@pytest.fixture(scope="module")
def siege(gateway):
    """Send all documents over several connections at once; return the answers, and what the other party met."""
    started = []

    def attack(name):
        start = time.monotonic()
        started.append(name)
        return name, (gateway.send(with_canary(DOCUMENTS[name])), time.monotonic() - start)

    def work():
        seen = []
        while len(started) < len(DOCUMENTS):
            start = time.monotonic()
            raw = with_canary(message("ho305-minimaal", f"W{len(seen)}", sender=ONDER, receiver=HOOFD))
            seen.append((gateway.send(raw, party=ONDER).status, time.monotonic() - start))
        return seen

    with ThreadPoolExecutor(BESIEGERS + 1) as threads:
        other = threads.submit(work)
        answers = dict(threads.map(attack, DOCUMENTS))
        yield answers, other.result()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_hostile_document_is_refused_with_a_finding(siege, name):
    answer, seconds = siege[0][name]
    if name == "30 MB":
        assert answer.status == 413
        return
    findings = answer.json["bevindingen"]
    assert findings
    foreign = any(each["code"] == "KP020" for each in findings)  # who sends in another's name is told so, too
    assert answer.status == (403 if foreign else 400)
    assert answer.json["aantalBevindingen"] >= len(findings)
    assert len(findings) <= 100
    assert all(each["tekst"] and each["text"] for each in findings)
    if name in ATTACKS:
        assert {each["code"] for each in findings} == {ATTACKS[name][1]}
    assert seconds < 20


def test_another_party_works_on_during_the_siege(siege):
    statuses, seconds = zip(*siege[1], strict=True)
    assert len(statuses) > 10
    assert set(statuses) == {201}
    assert max(seconds) < 5
    assert sorted(seconds)[len(seconds) // 2] < 1


def test_no_answer_repeats_who_it_was_about(siege):
    for answer, _ in siege[0].values():
        assert found(answer.body, [PERSON]) == []


def test_nothing_of_a_person_is_printed_or_readable_on_disk(gateway, siege):
    assert gateway.said()
    assert found_in_files(gateway.home, [PERSON]) == []
    assert b"mislukt" not in gateway.said()
