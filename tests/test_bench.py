"""What the bench may be trusted for: its documents, its arithmetic, and that it notices a loss."""

import asyncio
import sqlite3
from contextlib import closing

import pytest

from gateway.bench import bench, documents, past
from gateway.bench.load import requests
from gateway.bench.processes import BenchError, load
from gateway.bench.rows import in_json, in_words, row
from gateway.bench.stand import HOOFD, ONDER, Stand, until_settled
from gateway.catalog import Catalog
from gateway.check import check


@pytest.fixture(scope="module")
def catalog():
    return Catalog.load()


def test_a_large_declaration_is_valid(catalog):
    assert check(documents.declaration(clients=300, lines=3), catalog).total == 0


def test_nine_thousand_clients_each_have_a_bsn_of_their_own():
    assert len(set(documents.bsns())) >= 9_000


@pytest.mark.parametrize("make", [documents.broken_records, documents.wrong_records])
def test_faulty_records_are_refused(catalog, make):
    checked = check(make(300), catalog)

    assert len(checked.findings) == 100
    assert {finding.level for finding in checked.findings} == {1 if make is documents.broken_records else 2}


def test_every_message_of_a_run_is_another_one(catalog):
    bodies = [one.partition(b"\r\n\r\n")[2] for one, _ in zip(requests("0001", ONDER, "/"), range(40), strict=False)]

    assert len({check(body, catalog).facts.identification for body in bodies}) == 40
    assert {check(body, catalog).facts.receiver for body in bodies} == set(ONDER)


def test_a_row_is_the_median_of_the_ratios_of_its_rounds():
    one = row("intake", "bericht/s", [23, 26, 23], yardsticks=[100, 100, 80], target=0.25)

    assert (one.value, one.yardstick, one.ratio, one.ok) == (23, 100, 0.26, True)


def test_a_row_whose_rounds_differ_much_is_noisy_and_not_judged():
    assert row("p99", "ms", [1.0, 1.2], target=5, least=False).ok is True
    assert row("p99", "ms", [1.0, 1.5], target=5, least=False).ok is None


def test_a_missed_target_shows_in_words_and_in_json():
    one = row("p99", "ms", [60.0], target=50, least=False)

    assert "✘" in in_words(one)
    assert '"ok": false' in in_json(one)


def test_an_unknown_part_is_refused_before_anything_starts(capsys):
    assert bench(["intaek"], json=False, short=True) == 2
    assert "intaek" in capsys.readouterr().err


def test_a_past_is_copied_with_nothing_left_of_whom_it_is_a_copy(catalog):
    began, other = past.year(catalog), past.Pair(4_321)
    copies = [other.own(key.encode() + packed) for key, packed in began.records]
    first = past.FIRST

    assert not any(each.encode() in copy for copy in copies for each in (first.hoofd, first.onder, first.mark))
    assert {len(copy) - len(key) - len(packed) for copy, (key, packed) in zip(copies, began.records, strict=True)} == {
        0
    }
    assert check(past.declared(other, 13), catalog).total == 0


@pytest.fixture
def stand(tmp_path):
    stand = Stand(folder=tmp_path, postgres=None)
    with stand.prepared():
        yield stand


TASK = {"do": "send", "clients": 4, "receiver": ONDER[0], "bad": True, "seconds": 0.3, "warm": 0.0}


def test_all_that_was_acknowledged_is_found_in_store_and_log(stand):
    window = stand.window("sqlite", TASK)

    assert window.told["acknowledged"] > 0
    assert window.batch >= 1


async def test_a_message_that_was_acknowledged_and_lost_is_noticed(stand):
    with stand.fresh("sqlite") as url:
        with stand.gateways(url) as (_, port):
            told = await asyncio.to_thread(load, {**TASK, "port": port, "papers": stand.papers(HOOFD), "mark": "0001"})
            await until_settled(url, delivered=False)
        await stand.audit(url, told["acknowledged"], refused=1)
        with closing(sqlite3.connect(url.partition(":///")[2], isolation_level=None)) as db:
            db.execute("DELETE FROM messages WHERE id = (SELECT max(id) FROM messages WHERE type = 'ho301')")

        with pytest.raises(BenchError, match="bevestigd"):
            await stand.audit(url, told["acknowledged"], refused=1)


def test_messages_are_fetched_and_brought_to_the_last_one(stand):
    papers = {code: stand.papers(code) for code in ONDER}
    fetched = {"do": "carry", "clients": 4, "receivers": papers, "seconds": 0.3}
    brought = {"do": "push", "clients": 4, "receivers": ["98000200"], "seconds": 0.3}

    assert stand.window("sqlite", fetched).told["per_second"] > 0
    assert stand.window("sqlite", {**brought, "endpoint": stand.nothing[1], "earlier": 0}).told["arrived"] > 0
