"""The file with parties changes while a gateway runs."""

import asyncio
import json
from pathlib import Path

from gateway import serve, settings, setup
from gateway.decide import Accepted
from gateway.invented import message
from tests.door import VISIT

HOOFD, ONDER = "98000001", "98000002"


async def test_a_party_that_gets_a_push_address_is_brought_what_already_waited(tmp_path: Path):
    database = "sqlite+aiosqlite:///poort.db"
    file = setup.new_gateway(tmp_path / "poort", origin="test.voorbeeld", host="127.0.0.1", port=0, database=database)
    file.write_text(file.read_text().replace('register = "weiger"', 'register = "leer"'))
    for code in (HOOFD, ONDER):
        setup.add_party(file.parent, code, "Verzonnen", url="https://localhost:1")
    async with serve.opened(settings.load(file)) as gateway:
        hoofd = gateway.intake.parties.by_code[HOOFD]
        running = asyncio.create_task(gateway.run())
        outcome = await gateway.accept(message("ho301-gewoon", "A1", sender=HOOFD, receiver=ONDER), hoofd, VISIT)
        assert isinstance(outcome, Accepted)
        id_ = json.loads(outcome.receipt)["berichtId"]
        await asyncio.sleep(0.5)
        assert (await gateway.pickup.status(id_, hoofd))["pogingen"] == 0

        with gateway.settings.parties.open("a") as parties:
            parties.write('push = "https://127.0.0.1:1"\npush_intern = true\n')  # nobody listens there
        async with asyncio.timeout(10):
            while not (await gateway.pickup.status(id_, hoofd))["pogingen"]:
                await asyncio.sleep(0.05)
        running.cancel()
        await gateway.courier.close()
        await asyncio.gather(running, return_exceptions=True)
