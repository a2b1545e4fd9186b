"""What parties may see of the log: enough to hold the gateway to it, and nothing of a message."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from audit import tree
from audit.note import parse, read_checkpoint, signed_by, signed_when
from audit.proof import faults, read_keys, read_proof
from gateway.invented import message
from tests.running import HOOFD, OTHER, STRANGER, Running, running, wait_until


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("logboek") / "poort") as found:
        yield found


def head_of(gateway: Running):
    answer = gateway.ask("GET", "/v1/logboek/checkpoint")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    return read_checkpoint(answer.body)


def test_the_head_is_signed_with_all_the_keys_that_were_published(gateway):
    head, keys = head_of(gateway), read_keys(gateway.home / "log.vkey")
    note = parse(head.note.encode())
    assert len(keys) == 3
    assert all(signed_by(note, key) for key in keys)
    assert [abs(time.time() - signed_when(note, key)) < 120 for key in keys[1:]] == [True, True]


def tile(gateway: Running, level: int, number: int, width: int = 256):
    suffix = "" if width == 256 else f".p/{width}"
    return gateway.ask("GET", f"/v1/logboek/tile/{level}/{number:03}{suffix}")


def test_growth_is_checked_from_the_tiles(gateway):
    old = head_of(gateway)
    for number in range(3):
        gateway.send(message("ho301-gewoon", f"L{number}"))
    wait_until(lambda: head_of(gateway).size >= old.size + 3, 10)
    new = head_of(gateway)
    answer = tile(gateway, 0, 0, new.size)
    assert answer.headers["content-type"] == "application/octet-stream"
    hashes = tree.split(answer.body)
    assert len(hashes) == new.size
    assert tree.root_of(hashes) == new.root
    assert not old.size or tree.root_of(hashes[: old.size]) == old.root


@pytest.mark.parametrize(
    "path",
    ["0/000", "1/000", "0/001", "0/000.p/0", "0/000.p/256", "0/000.p/01", "0/0", "00/000.p/1", "0/x000/000.p/1",
     "64/000", "-1/000", "0/000.p/255", "entries/000", "0/1000", "0/x1/000", "0/999999", f"0/{'x001/' * 1500}000"],
)  # fmt: skip
def test_a_tile_that_is_not_there_or_written_otherwise_is_not_found(gateway, path):
    assert gateway.ask("GET", f"/v1/logboek/tile/{path}").status == 404


def test_before_any_witness_signed_there_is_no_witnessed_head(gateway):
    assert gateway.ask("GET", "/v1/logboek/checkpoint/getuigd").status == 404
    assert "getuigen" not in gateway.ask("GET", "/v1/gezondheid").json


def test_a_receipt_becomes_a_proof_for_who_may_see_the_message(gateway):
    receipt = gateway.send(message("ho301-gewoon", "P1")).json
    path = f"/v1/berichten/{receipt['berichtId']}/logbewijs"
    wait_until(lambda: gateway.ask("GET", path, party=HOOFD).status == 200, 10)
    proof = read_proof(gateway.ask("GET", path, party=HOOFD).body)
    assert proof.leaf.hex() == receipt["logregel"]
    assert faults(proof, bytes.fromhex(receipt["logregel"]), read_keys(gateway.home / "log.vkey")) == []
    assert gateway.ask("GET", path, party=OTHER).status == 404
    assert gateway.ask("GET", path, party=STRANGER).status == 403


def test_who_takes_no_part_sees_nothing_of_the_log(gateway):
    for path in ("checkpoint", "checkpoint/getuigd", "tile/0/000"):
        assert gateway.ask("GET", f"/v1/logboek/{path}", party=STRANGER).status == 403


def test_the_last_head_stands_outside_the_database(gateway):
    wait_until(lambda: read_checkpoint(Path(gateway.home / "laatste-stand").read_bytes()) == head_of(gateway), 10)
