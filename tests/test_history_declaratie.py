"""Whole conversations about money through the gateway, whose past lies sealed in a database."""

from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from test_samples import expectation

from gateway.catalog import FOLDER
from gateway.check import check
from gateway.decide import Accepted
from gateway.explain import explain
from gateway.parties import Parties, Party
from tests.door import CATALOG, HOOFD, ONDER, VISIT, opened

CONVERSATIONS = sorted(folder for folder in FOLDER.glob("hoa/*/ketens/*") if [*folder.glob("*-ho323.xml")])
GEMEENTE = Party(code="0344", name="Gemeente Voorbeeld")
PARTIES = {party.code: party for party in (HOOFD, ONDER, GEMEENTE)}


@pytest.mark.parametrize("folder", CONVERSATIONS, ids=lambda folder: folder.name)
async def test_the_gateway_says_of_a_conversation_what_valideer_says(folder: Path, engine: AsyncEngine, tmp_path: Path):
    agreed = any(folder.glob("*-ho341.xml"))
    async with opened(engine, levels={3, 4} if agreed else {3}) as door:
        door.intake.parties = Parties(by_code=PARTIES)
        for path in sorted(folder.glob("*.xml")):
            raw = path.read_bytes()
            facts = check(raw, CATALOG).facts
            assert facts is not None
            outcome = await door.send(raw, PARTIES[facts.sender])
            found = [] if isinstance(outcome, Accepted) else [each.code for each in outcome.findings]
            assert sorted(set(found)) == expectation(raw), path.name
        if isinstance(outcome, Accepted) or not path.stem.endswith("323"):
            return
        answer = await door.pickup.fetch(outcome.answer, PARTIES[facts.sender], VISIT)
        told = explain(found[0])
        assert check(answer, CATALOG).findings == ()
        assert told is not None
        assert told.return_code in answer.decode()
