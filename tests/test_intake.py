"""What the door promises: a receipt for what is committed, all errors at once, the old receipt for the same bytes."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from audit import log
from audit.seal import verify_signature
from gateway.check import check
from gateway.invented import faulty, message
from gateway.parties import Parties
from gateway.receipt import holds
from tests.door import CATALOG, HOOFD, ONDER, STRANGER, SUPPLIER, VISIT, Door, opened


@pytest.fixture
async def door(engine: AsyncEngine, tmp_path: Path) -> AsyncIterator[Door]:
    async with opened(engine) as door:
        yield door


async def test_an_accepted_message_waits_for_its_receiver_byte_for_byte(door: Door):
    raw = message("ho301-gewoon", "A1")
    receipt = await door.accepted(raw)

    (waiting,) = await door.waiting(ONDER)
    assert waiting["berichtId"] == receipt["berichtId"]
    assert waiting["status"] == "Ontvangen"
    assert await door.pickup.fetch(receipt["berichtId"], ONDER, VISIT) == raw


async def test_a_receipt_names_the_bytes_and_is_signed(door: Door):
    raw = message("ho301-gewoon", "A1")
    outcome = await door.send(raw)
    public = door.keys.signer("ontvangst").public

    assert (await door.accepted(raw))["sha256"] == hashlib.sha256(raw).hexdigest()
    assert holds(json.loads(outcome.receipt), verify=lambda signature, root: verify_signature(public, signature, root))
    forged = {**json.loads(outcome.receipt), "afzender": "98000003"}
    assert not holds(forged, verify=lambda signature, root: verify_signature(public, signature, root))


async def test_the_same_bytes_get_the_old_receipt_and_are_stored_once(door: Door):
    raw = message("ho301-gewoon", "A1")
    first, again = await door.send(raw), await door.send(raw)

    assert again.again
    assert again.receipt == first.receipt
    assert len(await door.waiting(ONDER)) == 1


async def test_a_copy_is_logged_under_the_message_that_it_is_a_copy_of(door: Door):
    receipt = await door.accepted(message("ho301-gewoon", "A1"))
    await door.accepted(message("ho301-gewoon", "A1"))

    assert [(event, header["message"]) for event, header, _ in await door.logged()] == [
        ("bericht.ontvangen", receipt["berichtId"]),
        ("bericht.dubbel", receipt["berichtId"]),
    ]


async def test_copies_that_arrive_at_once_get_one_receipt(door: Door):
    raw = message("ho301-gewoon", "A1")
    outcomes = await asyncio.gather(*(door.send(raw) for _ in range(20)))

    assert len({outcome.receipt for outcome in outcomes}) == 1
    assert sorted(outcome.again for outcome in outcomes) == [False] + [True] * 19
    assert len(await door.waiting(ONDER)) == 1


async def test_other_bytes_under_a_used_identification_are_refused_with_9056(door: Door):
    await door.accepted(message("ho301-gewoon", "A1"))
    rejected = await door.refused(message("ho301-rijk", "A1"))

    assert [finding.code for finding in rejected.findings] == ["TR056"]
    retour = await door.pickup.fetch(rejected.answer, HOOFD, VISIT)
    assert b">9056<" in retour


async def test_a_message_with_faults_is_refused_with_all_of_them_and_a_retour_that_is_itself_valid(door: Door):
    rejected = await door.refused(faulty("ho301-tr101-nummer-dubbel"))

    assert {finding.code for finding in rejected.findings} == {"TR101"}
    assert await door.waiting(ONDER) == []
    (answer,) = await door.waiting(HOOFD)
    assert answer["berichtId"] == rejected.answer
    assert answer["soort"] == "ho302"
    retour = await door.pickup.fetch(rejected.answer, HOOFD, VISIT)
    assert check(retour, CATALOG).findings == ()
    assert b">0001<" in retour
    assert retour.count(b"\r\n") == retour.count(b"\n") > 10


@pytest.mark.parametrize("sample", ["ho305-cs002-bsn", "ho307-tr018-stop-voor-start", "ho323-tr358-totaal"])
async def test_every_refused_message_gets_the_answer_that_belongs_to_it(door: Door, sample: str):
    raw = faulty(sample)
    facts = check(raw, CATALOG).facts
    sender = HOOFD if facts.sender == HOOFD.code else ONDER
    rejected = await door.refused(raw, sender)

    retour = await door.pickup.fetch(rejected.answer, sender, VISIT)
    judged = check(retour, CATALOG)
    assert judged.findings == ()
    assert judged.type == CATALOG.types[facts.type].answer
    assert (judged.facts.sender, judged.facts.receiver) == (facts.receiver, facts.sender)
    assert judged.facts.answers == facts.identification


async def test_the_same_fault_twice_is_answered_once(door: Door):
    raw = faulty("ho301-cs002-bsn")
    first, again = await door.refused(raw), await door.refused(raw)

    assert first.answer == again.answer
    assert len(await door.waiting(HOOFD)) == 1


async def test_a_document_that_fails_the_schema_gets_no_retour(door: Door):
    rejected = await door.refused(faulty("ho301-xsd-twee-fouten"))

    assert rejected.answer is None
    assert await door.waiting(HOOFD) == []


async def test_a_corrected_message_may_use_its_identification_again(door: Door):
    bad = faulty("ho301-cs002-bsn")
    identification = check(bad, CATALOG).facts.identification
    await door.refused(bad)

    await door.accepted(message("ho301-gewoon", identification))


async def test_nobody_sends_in_anothers_name(door: Door):
    rejected = await door.refused(message("ho301-gewoon", "A1"), STRANGER)

    assert "KP020" in {finding.code for finding in rejected.findings}
    assert rejected.answer is None
    assert await door.waiting(HOOFD) == []


async def test_a_mandated_supplier_sends_and_fetches_for_its_client(door: Door):
    await door.accepted(message("ho301-gewoon", "A1"))
    (waiting,) = await door.waiting(SUPPLIER)
    await door.pickup.fetch(waiting["berichtId"], SUPPLIER, VISIT)
    await door.accepted(message("ho302-akkoord", "R1", answers="A1"), SUPPLIER)

    actors = [payload["actor"] for _, _, payload in await door.logged()]
    assert actors == [HOOFD.code, SUPPLIER.code, SUPPLIER.code]


async def test_an_unknown_receiver_is_named_as_the_fault(door: Door):
    rejected = await door.refused(message("ho301-gewoon", "A1", receiver="98999999"))

    assert [finding.code for finding in rejected.findings] == ["KP021"]
    assert rejected.answer is None


async def test_an_answer_is_tied_to_its_message_and_comes_once(door: Door):
    asked = await door.accepted(message("ho301-gewoon", "A1"))
    answered = await door.accepted(message("ho302-akkoord", "R1", answers="A1"), ONDER)

    (waiting,) = await door.waiting(HOOFD)
    assert waiting["antwoordOp"] == asked["berichtId"]
    assert (await door.pickup.status(asked["berichtId"], HOOFD))["antwoord"] == answered["berichtId"]
    second = await door.refused(message("ho302-akkoord", "R2", answers="A1"), ONDER)
    assert [finding.code for finding in second.findings] == ["KP023"]


async def test_two_answers_at_once_are_one_answer(door: Door):
    await door.accepted(message("ho301-gewoon", "A1"))
    outcomes = await asyncio.gather(
        *(door.send(message("ho302-akkoord", f"R{n}", answers="A1"), ONDER) for n in range(5))
    )

    assert sum(hasattr(outcome, "receipt") for outcome in outcomes) == 1
    assert len(await door.waiting(HOOFD)) == 1


async def test_an_answer_to_nothing_is_refused(door: Door):
    rejected = await door.refused(message("ho302-akkoord", "R1", answers="A9"), ONDER)

    assert [finding.code for finding in rejected.findings] == ["KP022"]


async def test_bodies_lie_sealed_and_no_bsn_stands_anywhere_in_the_store(door: Door):
    raw = message("ho301-rijk", "A1")
    bsn = check(raw, CATALOG).facts.subjects[0].encode()
    await door.accepted(raw)
    await door.refused(faulty("ho301-cs002-bsn"))

    async with door.engine.connect() as db:
        for table in log.metadata.sorted_tables:
            for row in await db.execute(sa.select(table)):
                stored = repr(tuple(row)).encode()
                assert bsn not in stored
                assert b"999900" not in stored


async def test_each_step_is_logged_with_its_actor(door: Door):
    receipt = await door.accepted(message("ho301-gewoon", "A1"))
    await door.send(message("ho301-gewoon", "A1"))
    await door.pickup.fetch(receipt["berichtId"], ONDER, VISIT)
    await door.pickup.confirm([receipt["berichtId"]], ONDER, VISIT)

    logged = await door.logged()
    assert [event for event, _, _ in logged] == [
        "bericht.ontvangen", "bericht.dubbel", "bericht.gelezen", "bericht.bevestigd",
    ]  # fmt: skip
    assert [payload["actor"] for _, _, payload in logged] == [HOOFD.code, HOOFD.code, ONDER.code, ONDER.code]
    assert receipt["logregel"] == (await door.pickup.receipt(receipt["berichtId"], HOOFD))["logregel"]


async def test_a_receipt_is_proved_once_a_checkpoint_covers_it(door: Door):
    receipt = await door.accepted(message("ho301-gewoon", "A1"))
    assert (await door.pickup.receipt(receipt["berichtId"], HOOFD))["inclusie"] is None
    await door.sequence()

    proved = await door.pickup.receipt(receipt["berichtId"], HOOFD)
    assert proved["inclusie"]["omvang"] == 1


async def test_messages_at_once_share_commits(door: Door):
    await asyncio.gather(*(door.accepted(message("ho301-gewoon", f"A{n}")) for n in range(64)))

    assert door.commit.steps == 64
    assert door.commit.commits < 10
    assert len(await door.waiting(ONDER)) == 64


async def test_a_message_dated_tomorrow_or_later_is_refused(door: Door):
    raw = message("ho301-gewoon", "A1")
    dated = check(raw, CATALOG).facts.dated
    rejected = await door.refused(raw.replace(dated.encode(), b"2099-01-01"))

    assert "TR135" in {finding.code for finding in rejected.findings}


@pytest.mark.parametrize("sample", ["ho301-cs002-bsn", "ho301-xsd-twee-fouten"])
async def test_a_stranger_with_a_faulty_message_puts_nothing_in_anothers_mailbox(door: Door, sample: str):
    rejected = await door.refused(faulty(sample), STRANGER)

    assert "KP020" in {finding.code for finding in rejected.findings}
    assert len(rejected.findings) > 1
    assert rejected.answer is None
    assert await door.waiting(HOOFD) == await door.waiting(STRANGER) == []


async def test_only_who_received_a_message_can_answer_it(door: Door):
    await door.accepted(message("ho301-gewoon", "A1"))
    false = message("ho302-akkoord", "R1", receiver=STRANGER.code, answers="A1")

    assert [finding.code for finding in (await door.refused(false, STRANGER)).findings] == ["KP022"]
    await door.accepted(message("ho302-akkoord", "R1", answers="A1"), ONDER)


async def test_only_who_received_a_message_can_answer_it_also_in_one_commit(door: Door):
    asked, false = await asyncio.gather(
        door.send(message("ho301-gewoon", "A1")),
        door.send(message("ho302-akkoord", "R1", receiver=STRANGER.code, answers="A1"), STRANGER),
    )

    assert hasattr(asked, "receipt")
    assert [finding.code for finding in false.findings] == ["KP022"]


@pytest.mark.parametrize("dated", ["12026-01-01", "2099-01-01"])
async def test_any_date_that_the_schema_knows_gets_a_verdict(door: Door, dated: str):
    raw = message("ho301-gewoon", "A1")
    own = check(raw, CATALOG).facts.dated
    rejected = await door.refused(raw.replace(own.encode(), dated.encode()))

    assert "TR135" in {finding.code for finding in rejected.findings}


async def test_a_repeat_gets_its_old_receipt_also_when_the_receiver_has_left(door: Door):
    raw = message("ho301-gewoon", "A1")
    receipt = await door.accepted(raw)
    left = {code: party for code, party in door.intake.parties.by_code.items() if code != ONDER.code}
    door.intake.parties = Parties(by_code=left)

    assert await door.accepted(raw) == receipt
    assert [finding.code for finding in (await door.refused(message("ho301-gewoon", "A2"))).findings] == ["KP021"]


async def test_nobody_sends_to_itself(door: Door):
    rejected = await door.refused(message("ho301-gewoon", "A1", receiver=HOOFD.code))

    assert [finding.code for finding in rejected.findings] == ["KP024"]
    assert rejected.answer is None


async def test_a_text_begins_with_what_is_wrong(door: Door):
    rejected = await door.refused(message("ho301-gewoon", "A1", receiver="98999999"))

    assert rejected.findings[0].text.startswith("Onbekende ontvanger.")


async def test_a_refusal_is_told_to_the_sender_alone_about_each_client_in_it(door: Door):
    await door.refused(faulty("ho301-tr101-nummer-dubbel"))

    _, header, payload = next(line for line in await door.logged() if line[0] == "bericht.geweigerd")
    assert header["object_type"] == "bsn"
    assert payload["parties"] == [HOOFD.code]
    assert payload["seq"] == {HOOFD.code: 1}
    assert "TR101" in payload["reason"]


async def test_an_answer_that_repeats_the_clients_is_logged_about_them_and_a_bare_header_is_not(door: Door):
    whole = await door.refused(faulty("ho323-tr346-een-cent"), ONDER)
    bare = await door.refused(faulty("ho301-tr101-nummer-dubbel"))
    for rejected, sender in ((whole, ONDER), (bare, HOOFD)):
        await door.pickup.fetch(rejected.answer, sender, VISIT)

    for event in ("antwoord.opgesteld", "bericht.gelezen"):
        told = {header["message"]: header["object_type"] for name, header, _ in await door.logged() if name == event}
        assert told == {whole.answer: "bsn", bare.answer: "bericht"}
