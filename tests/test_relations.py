"""Contracts and consents: found from either side, kept until they are changed; and clients who are forgotten are."""

import re
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway import store
from gateway.catalog import FOLDER
from gateway.chain import Chain
from gateway.history import recall
from gateway.invented import message
from gateway.ledger import codec
from gateway.ledger.forget import forget
from gateway.ledger.keys import agreed_by, relation
from gateway.ledger.overeenkomst import consents, versions
from gateway.ledger.values import Record, Relation
from gateway.parties import Parties, Party
from gateway.retention.due import records_due
from tests.door import CATALOG, HOOFD, ONDER, opened

CONVERSATIONS = sorted(folder for folder in FOLDER.glob("*/*/ketens/*") if [*folder.glob("*301.xml")])
GEMEENTE = Party(code="0344", name="Gemeente Voorbeeld")
CONTRACT = Relation(wet="JW", hoofd=HOOFD.code, onder=ONDER.code)
CONSENT = Relation(wet="JW", hoofd=HOOFD.code, onder=ONDER.code, gemeente=GEMEENTE.code)


def heard(folder: Path) -> dict[str, Record]:
    chain = Chain(CATALOG)
    for path in sorted(folder.glob("*.xml")):
        chain.check(path.read_bytes())
    return dict(chain.page.past)


def test_whose_contract_or_consent_a_record_is_can_be_read_from_its_key_and_back():
    known = {relation(key): key for folder in CONVERSATIONS for key in heard(folder)}
    assert {CONTRACT, CONSENT, None} < known.keys()
    assert all(agreed_by(found) == key for found, key in known.items() if found)


@pytest.mark.parametrize("folder", CONVERSATIONS, ids=lambda folder: f"{folder.parts[-4]}-{folder.name}")
def test_of_a_client_who_is_forgotten_nothing_is_left_in_the_ledger(folder: Path):
    past = heard(folder)
    for dossier in [key for key in past if key.startswith("dossier/")]:
        gone, changed = forget(dossier, past)
        past = {key: changed.get(key, record) for key, record in past.items() if key not in gone}
    told = b"".join(key.encode() + codec.pack(record) for key, record in past.items())
    assert re.findall(rb"9999[0-9]{5}.{60}", told) == []


async def test_a_contract_and_a_consent_are_found_from_every_side_and_outlive_all_terms(engine: AsyncEngine):
    async with opened(engine, levels={3}) as door:
        door.intake.parties = Parties(by_code={party.code: party for party in (HOOFD, ONDER, GEMEENTE)})
        await door.accepted(message("ho341-minimaal", "C1"))
        await door.accepted(
            message("ho342-aanvaard", "C2", sender=ONDER.code, receiver=HOOFD.code, answers="C1"), ONDER
        )
        await door.accepted(message("ho331-minimaal", "T1", receiver=GEMEENTE.code))
        given = message("ho332-toestemming", "T2", sender=GEMEENTE.code, receiver=HOOFD.code, answers="T1")
        await door.accepted(given, GEMEENTE)
        async with engine.connect() as db:
            for_all = [await store.relations_of(db, [party.code]) for party in (HOOFD, ONDER, GEMEENTE)]
            assert for_all == [[CONTRACT, CONSENT], [CONTRACT, CONSENT], [CONSENT]]
            records = await recall(db, door.keys, [agreed_by(CONTRACT), agreed_by(CONSENT)])
            past_its_term = await records_due(db, cutoff=2**60)
    assert list(versions(records[agreed_by(CONTRACT)])) == ["RO-2026-07"]
    assert [each.given for each in consents(records[agreed_by(CONSENT)])] == [True]
    assert len(past_its_term) == 2  # that the two messages said something, by their own numbers
