"""A worker may be lost at any moment; a message may not, and no message suffers for another."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from large_documents import declaration

from gateway import forms
from gateway.catalog import FOLDER, Catalog
from gateway.check import check
from gateway.convert import json_of, xml_of
from gateway.gate import MAX_BYTES
from gateway.verdicts import decode, encode
from gateway.worker import Limits, Pool

CATALOG = Catalog.load()
SAMPLES = [path.read_bytes() for path in sorted(FOLDER.glob("hoa/1.0/samples/*/*.xml"))]
GOOD = (FOLDER / "hoa/1.0/samples/valid/ho301-gewoon.xml").read_bytes()
LARGE = declaration(clients=1_000, lines=3)
FORMS = forms.read()
VALID = [path.read_bytes() for path in sorted(FOLDER.glob("*/*/samples/valid/*.xml"))]


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    pool = Pool(small=1)
    await pool.start()
    yield pool
    await pool.close()


def processes(pool: Pool) -> list[int]:
    return [worker._process.pid for crew in (pool._checkers, pool._converters) for worker in crew._workers]


def kill_all(pool: Pool) -> None:
    for process in processes(pool):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


async def test_a_worker_gives_the_verdict_of_check(pool: Pool):
    verdicts = await asyncio.gather(*(pool.check(raw) for raw in SAMPLES))

    assert verdicts == [check(raw, CATALOG) for raw in SAMPLES]


def test_verdicts_survive_the_pipe():
    verdicts = [check(raw, CATALOG) for raw in SAMPLES]

    assert decode(encode(verdicts)) == verdicts


@pytest.mark.parametrize("nonsense", [b"", b"{", b"[1]", b'[["ho301",null,[[1]],1,[]]]', b"\xff"])
def test_nonsense_from_a_worker_is_no_verdict(nonsense: bytes):
    with pytest.raises(ValueError):  # noqa: PT011 - what it says is of no use to anyone
        decode(nonsense)


async def test_a_large_document_does_not_hold_up_a_small_one(pool: Pool):
    large = asyncio.create_task(pool.check(LARGE))
    await asyncio.sleep(0)
    small = await pool.check(GOOD)

    assert not small.findings
    assert not large.done()
    assert not (await large).findings


async def test_too_large_a_document_is_refused_without_a_trip(pool: Pool):
    checked = await pool.check(b" " * (MAX_BYTES + 1))

    assert [finding.code for finding in checked.findings] == ["KP002"]


async def test_killed_workers_cost_no_message(pool: Pool):
    waiting = [asyncio.create_task(pool.check(raw)) for raw in SAMPLES * 3]
    await asyncio.sleep(0.005)
    kill_all(pool)
    verdicts = await asyncio.gather(*waiting)

    assert verdicts == [check(raw, CATALOG) for raw in SAMPLES] * 3
    assert not (await pool.check(GOOD)).findings


async def test_workers_killed_while_idle_or_while_starting_are_replaced(pool: Pool):
    for _ in range(5):
        kill_all(pool)
        verdicts = await asyncio.gather(*(pool.check(GOOD) for _ in range(3)))
        assert not any(verdict.findings for verdict in verdicts)


async def test_a_pool_that_cannot_start_a_worker_says_so(tmp_path: Path):
    pool = Pool(tmp_path, small=1, large=0)
    await pool.start()
    (tmp_path / "no package").mkdir()
    kill_all(pool)
    waiting = asyncio.create_task(pool.check(GOOD))

    with pytest.raises(EOFError):
        await asyncio.wait_for(pool.run(), 30)
    assert await asyncio.wait({waiting}, timeout=5)
    await pool.close()


async def test_a_document_that_takes_too_long_is_refused_and_the_next_is_fine():
    pool = Pool(limits=Limits(seconds=0.05, seconds_per_mb=0.0), small=1)
    await pool.start()
    before = set(processes(pool))
    slow = declaration(clients=5_000, lines=3)
    late, fine = await asyncio.gather(pool.check(slow), pool.check(GOOD))
    after = await pool.check(GOOD)
    await pool.check(slow)
    left = set(processes(pool))
    await pool.close()

    assert [finding.code for finding in late.findings] == ["KP011"]
    assert not fine.findings
    assert not after.findings
    assert before - left


async def test_a_stopped_worker_costs_only_the_document_it_was_busy_with():
    """A worker that hangs is a worker that takes too long: the others in its trip are tried again."""
    pool = Pool(limits=Limits(seconds=0.5), small=1, large=0)
    await pool.start()
    (serving, *_) = processes(pool)
    os.kill(serving, signal.SIGSTOP)
    verdicts = await asyncio.gather(*(pool.check(GOOD) for _ in range(5)))
    await pool.close()

    refused = [verdict for verdict in verdicts if verdict.findings]
    assert len(refused) <= 1
    assert all(finding.code == "KP011" for verdict in refused for finding in verdict.findings)


async def test_a_worker_is_replaced_after_its_number_of_documents():
    pool = Pool(limits=Limits(documents=10), small=1, large=0)
    await pool.start()
    before = set(processes(pool))
    for _ in range(12):
        assert not (await pool.check(GOOD)).findings
    after = set(processes(pool))
    await pool.close()

    assert len(before - after) == 1


async def test_a_worker_sees_nothing_of_our_environment(pool: Pool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KETENPOORT_GEHEIM", "kanarie")
    other = Pool(small=1, large=0)
    await other.start()
    seen = [Path(f"/proc/{process}/environ").read_bytes() for process in processes(other)]
    await other.close()

    assert not [environment for environment in seen if b"kanarie" in environment]


async def test_no_process_is_left_behind():
    pool = Pool()
    await pool.start()
    started = processes(pool)
    await pool.close()

    assert not [process for process in started if os.path.exists(f"/proc/{process}")]  # noqa: PTH110


def as_xml(told: bytes) -> tuple[object, bytes]:
    return xml_of(told, FORMS, lambda raw: check(raw, CATALOG))


async def test_messages_are_converted_in_workers_as_they_are_here(pool: Pool):
    """Of every type: what a converting worker reads of the schemas it has read before it may open no files."""
    told = await asyncio.gather(*(pool.json_of(raw) for raw in VALID))
    assert told == [json_of(raw, FORMS) for raw in VALID]

    asked = [*told, b"", b"{", b"[" * 100_000, *told]
    assert await asyncio.gather(*(pool.xml_of(each) for each in asked)) == [as_xml(each) for each in asked]


async def test_who_sends_no_json_has_no_workers_for_it(pool: Pool):
    await pool.check(GOOD)
    assert not pool._converters._workers
    await pool.json_of(GOOD)
    assert pool._converters._workers


async def test_workers_killed_while_converting_cost_no_message(pool: Pool):
    told = await pool.json_of(LARGE)
    assert told
    for moment in (0.02, 0.3):
        waiting = [asyncio.create_task(pool.xml_of(each)) for each in (told, json_of(GOOD, FORMS)) * 2]
        reading = [asyncio.create_task(pool.json_of(raw)) for raw in (LARGE, GOOD)]
        await asyncio.sleep(moment)
        kill_all(pool)
        assert await asyncio.gather(*waiting) == [as_xml(told), as_xml(json_of(GOOD, FORMS))] * 2
        assert await asyncio.gather(*reading) == [told, json_of(GOOD, FORMS)]


async def test_a_conversion_that_takes_too_long_is_refused_and_the_next_is_fine():
    pool = Pool(limits=Limits(seconds=0.05, seconds_per_mb=0.0), small=1)
    await pool.start()
    checked, made = await pool.xml_of(json_of(declaration(clients=4_000, lines=4), FORMS))
    after = await pool.json_of(GOOD)
    await pool.close()

    assert [finding.code for finding in checked.findings] == ["KP011"]
    assert not made
    assert after == json_of(GOOD, FORMS)


async def test_a_conversion_that_takes_too_much_memory_is_refused():
    """Many small classes make a large document: the worker runs out of memory, the gateway does not."""
    client = b'{"Prestaties":[{}],"Bsn":""' + b" " * 20 + b"},"
    told = (
        b'{"namespace":"urn:hoa:1_0:ho323:schema","bericht":{"Declaratie":{"Clienten":[' + client * 60_000 + b"{}]}}}"
    )
    pool = Pool(limits=Limits(memory=160 * 2**20, seconds=60), small=1)
    await pool.start()
    checked, made = await pool.xml_of(told)
    await pool.close()

    assert [finding.code for finding in checked.findings] == ["KP011"]
    assert not made
