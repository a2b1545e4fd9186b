"""Sessions, codes and attempts in SQL, on both databases: what holds when two browsers come at the same moment."""

import asyncio

import pytest

from gateway import store
from gateway.commit import writing
from gateway.oversight import sessions
from gateway.oversight.sessions import FRESH, IDLE, LONGEST, MOST_WAIT, wait

NOW = 1_800_000_000_000
ACCOUNT, ADDRESS = b"a" * 16, b"b" * 16
FREE = {ACCOUNT: 5, ADDRESS: 20}


@pytest.fixture
async def db(engine):
    async with writing(engine) as db:
        await store.create_tables(db)
    return engine


async def do(engine, step, *arguments, **more):
    async with writing(engine) as db:
        return await step(db, *arguments, **more)


async def test_a_session_is_found_by_its_cookie_alone_and_until_it_is_over(db):
    await do(db, sessions.begin, "koekje", "f.groot", NOW, sid="s1")
    found = await do(db, sessions.find, "koekje", NOW)
    assert (found.officer, found.began_at, found.sid, found.elevated_until) == ("f.groot", NOW, "s1", 0)
    assert await do(db, sessions.find, "Koekje", NOW) is None
    assert await do(db, sessions.find, found.id.hex(), NOW) is None
    assert await do(db, sessions.find, "koekje", NOW + IDLE - 1)
    assert await do(db, sessions.find, "koekje", NOW + IDLE) is None


async def test_use_keeps_a_session_alive_but_not_for_ever(db):
    await do(db, sessions.begin, "koekje", "f.groot", NOW)
    id_ = sessions.id_of("koekje")
    for at in range(NOW, NOW + LONGEST, IDLE // 2):
        assert await do(db, sessions.find, "koekje", at)
        await do(db, sessions.seen, id_, at)
    assert await do(db, sessions.find, "koekje", NOW + LONGEST - 1)
    assert await do(db, sessions.find, "koekje", NOW + LONGEST) is None


async def test_only_showing_again_that_it_is_you_makes_a_session_fresh(db):
    await do(db, sessions.begin, "koekje", "f.groot", NOW)
    id_, later = sessions.id_of("koekje"), NOW + FRESH
    await do(db, sessions.seen, id_, later)
    assert not (await do(db, sessions.find, "koekje", later)).is_fresh(later)
    await do(db, sessions.confirm, id_, later)
    assert (await do(db, sessions.find, "koekje", later)).is_fresh(later)


async def test_emergency_access_is_of_one_session_and_ends_by_itself(db):
    for cookie in ("een", "twee"):
        await do(db, sessions.begin, cookie, "f.groot", NOW)
    await do(db, sessions.elevate, sessions.id_of("een"), NOW + 1000)
    one, two = await do(db, sessions.find, "een", NOW), await do(db, sessions.find, "twee", NOW)
    assert one.is_elevated(NOW + 999)
    assert not one.is_elevated(NOW + 1000)
    assert not two.is_elevated(NOW)


async def test_who_logs_off_ends_his_own_session_and_the_provider_those_of_one_sid(db):
    for cookie, officer, sid in (("een", "f.groot", "s1"), ("twee", "f.groot", "s2"), ("drie", "a.visser", None)):
        await do(db, sessions.begin, cookie, officer, NOW, sid=sid)
    assert await do(db, sessions.officers, NOW) == {"f.groot", "a.visser"}
    assert await do(db, sessions.end_sid, "s1") == ["f.groot"]
    assert await do(db, sessions.end_sid, "s1") == []
    assert await do(db, sessions.find, "twee", NOW)
    await do(db, sessions.end, sessions.id_of("drie"))
    assert await do(db, sessions.officers, NOW) == {"f.groot"}


async def test_what_is_over_is_swept_away_when_somebody_logs_in(db):
    await do(db, sessions.begin, "oud", "f.groot", NOW, sid="s1")
    await do(db, sessions.begin, "nieuw", "a.visser", NOW + IDLE)
    assert await do(db, sessions.end_sid, "s1") == []


async def test_a_code_is_used_once_by_one_of_many_that_come_at_the_same_moment(db):
    assert sorted(await asyncio.gather(*(do(db, sessions.use_code, "f.groot", 7) for _ in range(5)))) == [False] * 4 + [
        True
    ]
    assert not await do(db, sessions.use_code, "f.groot", 6)
    assert await do(db, sessions.use_code, "f.groot", 8)
    assert await do(db, sessions.use_code, "a.visser", 7)


async def test_attempts_are_counted_before_they_are_judged_so_that_many_at_once_are_no_way_round(db):
    tried = await asyncio.gather(*(do(db, sessions.may_try, FREE, NOW) for _ in range(12)))
    assert 5 <= sum(tried) <= 6  # at the sixth the waiting begins
    assert not await do(db, sessions.may_try, FREE, NOW)
    assert await do(db, sessions.may_try, {ADDRESS: 20}, NOW)


async def test_each_attempt_beyond_doubles_the_wait_to_a_quarter_of_an_hour_and_then_all_is_forgotten(db):
    at = NOW
    for _ in range(5):
        assert await do(db, sessions.may_try, {ACCOUNT: 5}, at)
    for seconds in (1, 2, 4, 8):
        assert not await do(db, sessions.may_try, {ACCOUNT: 5}, at + seconds * 1000 - 1)
        at += seconds * 1000
        assert await do(db, sessions.may_try, {ACCOUNT: 5}, at)
    assert wait(100, 5, NOW) == NOW + MOST_WAIT
    assert await do(db, sessions.may_try, {ACCOUNT: 5}, at + MOST_WAIT)
    assert await do(db, sessions.may_try, {ACCOUNT: 5}, at + MOST_WAIT)


async def test_who_gets_in_after_all_is_forgiven(db):
    for _ in range(5):
        await do(db, sessions.may_try, FREE, NOW)
    assert not await do(db, sessions.may_try, FREE, NOW)
    await do(db, sessions.forgive, list(FREE))
    assert await do(db, sessions.may_try, FREE, NOW)
