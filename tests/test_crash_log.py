"""Whoever works on the log is killed again and again, and what it told stands; and what would not stand is found."""

import asyncio
import contextlib
import copy
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audit import log
from audit.keys import KeyService
from audit.note import sign_checkpoint
from gateway.commit import open_engine
from gateway.tables import messages
from tests.disaster.gateways import ORIGIN
from tests.disaster.log import Series, run
from tests.disaster.promises import compared
from tests.disaster.victim import GONE_KEK, GONE_LINES, GONE_MESSAGE, HEAD, LINE, MESSAGE, NEW_KEY, Told

pytestmark = pytest.mark.timeout(180)
KILLS = 12
_last_line = sa.select(sa.func.max(log.entries.c.idx)).scalar_subquery()
_last_message = sa.select(sa.func.max(messages.c.id)).scalar_subquery()


@dataclass(frozen=True, slots=True, kw_only=True)
class After:
    """What is there after a series."""

    series: Series
    url: str
    home: Path


@pytest.fixture(scope="module")
def after(tmp_path_factory: pytest.TempPathFactory) -> After:
    home = tmp_path_factory.mktemp("reeks")
    url = f"sqlite+aiosqlite:///{home / 'ketenpoort.sqlite'}"
    return After(series=asyncio.run(run(KILLS, url, home / "poort", seed=7)), url=url, home=home / "poort")


def test_who_works_on_the_log_may_die_at_any_moment(after: After):
    assert after.series.promises.wrong == []
    assert sum(after.series.phases.values()) >= KILLS
    assert {LINE, HEAD, MESSAGE} <= after.series.promises.count.keys()


async def drop_a_line(db: AsyncConnection, _: KeyService) -> None:
    await db.execute(sa.delete(log.entries).where(log.entries.c.idx == 3))


async def sign_another_history(db: AsyncConnection, keys: KeyService) -> None:
    head = await log.latest(db)
    assert head
    other = sign_checkpoint(ORIGIN, head.size, bytes(32), keys.signer("log"))
    newest = sa.select(sa.func.max(log.checkpoints.c.number)).scalar_subquery()
    await db.execute(sa.update(log.checkpoints).where(log.checkpoints.c.number == newest).values(note=other.note))


async def sign_with_another_key(db: AsyncConnection, keys: KeyService) -> None:
    head = await log.latest(db)
    assert head
    other = sign_checkpoint(ORIGIN, head.size, head.root, keys.signer("push"))
    newest = sa.select(sa.func.max(log.checkpoints.c.number)).scalar_subquery()
    await db.execute(sa.update(log.checkpoints).where(log.checkpoints.c.number == newest).values(note=other.note))


async def destroy_a_body_by_half(db: AsyncConnection, _: KeyService) -> None:
    half = sa.case((messages.c.sealed_body.is_(None), b"\0"), else_=None)  # it may be destroyed already
    await db.execute(sa.update(messages).where(messages.c.id == _last_message).values(sealed_body=half))


async def wipe_a_payload(db: AsyncConnection, _: KeyService) -> None:
    await db.execute(sa.update(log.entries).where(log.entries.c.idx == _last_line).values(sealed=None))


async def lose_a_message(db: AsyncConnection, _: KeyService) -> None:
    await db.execute(sa.delete(messages).where(messages.c.id == _last_message))


async def tell_of_no_line(_: AsyncConnection, __: KeyService) -> Told:
    return LINE, "00" * 32


async def tell_that_a_message_is_gone(db: AsyncConnection, _: KeyService) -> Told:
    await db.execute(sa.update(messages).where(messages.c.id == _last_message).values(sealed_body=b"\0"))
    return GONE_MESSAGE, (await db.execute(sa.select(_last_message))).scalar_one()


async def tell_that_a_payload_is_gone(db: AsyncConnection, _: KeyService) -> Told:
    return GONE_LINES, str((await db.execute(sa.select(_last_line))).scalar_one())


async def tell_of_no_key(_: AsyncConnection, __: KeyService) -> Told:
    return NEW_KEY, "kek 00"


async def tell_that_the_kek_is_gone(_: AsyncConnection, keys: KeyService) -> Told:
    return GONE_KEK, keys.about()["kek"]["id"]


@pytest.mark.parametrize(
    ("harm", "found"),
    [
        (drop_a_line, "lines changed their place, or are gone"),
        (sign_another_history, "another history"),
        (sign_with_another_key, "not signed by this log"),
        (destroy_a_body_by_half, "destroyed by half"),
        (wipe_a_payload, "and the log tells otherwise"),
        (lose_a_message, "taken in, and not in the store"),
        (tell_of_no_line, "a line that was promised is gone"),
        (tell_that_a_message_is_gone, "told to be destroyed, and still there"),
        (tell_that_a_payload_is_gone, "told to be destroyed, and still there"),
        (tell_of_no_key, "renewed, and not in the log"),
        (tell_that_the_kek_is_gone, "told to be destroyed, and it is still there"),
    ],
)
async def test_a_promise_that_is_broken_is_found(
    after: After, harm: Callable[[AsyncConnection, KeyService], Awaitable[Told | None]], found: str
):
    promises, engine = copy.deepcopy(after.series.promises), open_engine(after.url)
    with contextlib.closing(KeyService.open(after.home / "sleutels")) as keys:
        async with engine.connect() as db:  # and never commits
            told = await harm(db, keys)
            await promises.hold(db, keys, [told] if told else [])
            await compared(promises, db, keys)
    await engine.dispose()

    assert any(found in text for text in promises.wrong), promises.wrong
