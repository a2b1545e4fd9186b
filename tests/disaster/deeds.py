"""What an operator and two officers do while gateways run, again and again: renew keys, have messages destroyed.

``python -m tests.disaster.deeds SETTINGS`` does so until it is killed, which may happen in the middle of anything; with
``--finish`` it does each thing once more, so that nothing stays half done, and ends.
"""

import argparse
import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from audit.entry import Event
from audit.keys import KeyService
from gateway import keyring, settings, trail
from gateway.commit import open_engine, passes, writing
from gateway.oversight.rights import OPERATOR, Officer, Role
from gateway.retention import orders
from gateway.retention.decide import Kind, Stage
from gateway.retention.nightly import Retention
from gateway.retention.policy import standard
from gateway.settings import Settings
from gateway.trail import What
from tests.disaster.gateways import DONE

WHO = "beheerder"
RENEWED = ("kek", "logboek", "index", "log", "ontvangst", "push")
LATER = timedelta(days=61)
"""So long from now a message that is delivered today is past its term."""


@dataclass(frozen=True, slots=True)
class Approver:
    """An officer at the command line."""

    officer: Officer

    def did(
        self,
        what: What,
        *,
        thing: str = "logboek",
        parties: Sequence[str] | None = None,
        about: Mapping[str, Any] | None = None,
    ) -> Event:
        return trail.event(
            what, actor=self.officer.login, role=self.officer.role.value, trace="", thing=thing,
            parties=parties or (), about=about,
        )  # fmt: skip


APPROVERS = [Approver(Officer(login=name, name=name, role=Role.ERASURE_APPROVER, party=OPERATOR)) for name in "ab"]


async def destroy_old_keks(found: Settings) -> None:
    keys = KeyService.open(found.keys)
    about = keys.about()
    keys.close()
    for id_ in about["keks"].keys() - {about["kek"]["id"]}:
        await keyring.destroy(found, id_, who=WHO)


async def erase(found: Settings) -> None:
    """Destroy the bodies of all that was delivered, as agreed to by two officers; first what was left half done."""
    engine, keys = open_engine(found.database), KeyService.open(found.keys)
    retention = Retention(
        engine=engine, writing=lambda: writing(engine), keys=keys, origin=found.origin, policy=standard(), archives=list
    )
    try:
        await retention.propose(datetime.now(UTC) + LATER)
        async with engine.connect() as db:
            proposed = await orders.listed(db, keys, None, Stage.PROPOSED)
        for each in proposed:
            for approver in APPROVERS if each.kind is Kind.TERM and each.class_ == "transport" else ():
                if approver.officer.login not in each.approvals:
                    async with writing(engine) as db:
                        await orders.approve(db, keys, found.origin, each.id, approver)
        async for _ in retention.destroy():
            pass
    finally:
        keys.close()
        await engine.dispose()


async def _do(found: Settings, deed: str) -> None:
    match deed:
        case "vernietig":
            await erase(found)
        case "ruim op":
            await destroy_old_keks(found)
        case kind:
            await keyring.renew(found, kind, who=WHO)


async def _main(path: Path, *, finish: bool) -> None:
    found, deeds = settings.load(path), ["vernietig", "ruim op", *RENEWED]
    while True:
        random.shuffle(deeds)
        for deed in deeds:
            await _until_done(partial(_do, found, deed))
            print(f"{DONE}{deed}", flush=True)
            await asyncio.sleep(0 if finish else random.uniform(0, 0.5))
        if finish:
            return


async def _until_done(deed: Callable[[], Awaitable[None]]) -> None:
    """Do it; again when the database could not just now, as the gateway itself does."""
    while True:
        try:
            return await deed()
        except Exception as error:
            if not passes(error):
                raise
            print(f"{DONE}opnieuw na {type(error).__name__}", flush=True)
            await asyncio.sleep(0.2)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.disaster.deeds", description=__doc__)
    parser.add_argument("settings", type=Path)
    parser.add_argument("--finish", action="store_true")
    asked = parser.parse_args()
    asyncio.run(_main(asked.settings, finish=asked.finish))
