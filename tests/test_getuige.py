"""A gateway with real witnesses beside it, and a party that keeps watch: no other log can be shown unseen."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from adapters.witness import Witnesses, address, witnessing
from audit.keys import KeyService
from audit.note import encode_key, parse, read_checkpoint, signed_when
from audit.policy import read_policy
from audit.proof import faults, read_keys, read_proof
from audit.witness import write_request
from audit.witness_folder import Witness
from gateway import cli
from gateway.invented import message
from tests.audit.growing import Growing
from tests.running import HOOFD, ROOT, Running, environment, running, started, wait_until

LOG = Growing("voorbeeld.nl/logboek", count=600)


@contextlib.contextmanager
def listening(folder: Path, name: str, key: Path, port: int = 0) -> Iterator[tuple[subprocess.Popen[str], str, str]]:
    """A witness in a process of its own; gives it, its address and its first public key."""
    command = ["audit", "getuige", "--map", folder, "--naam", name, "--sleutel", key, "--luister", f"127.0.0.1:{port}"]
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway.cli", *map(str, command)],
        cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        first = process.stdout.readline()
        yield process, first.split()[-1].removesuffix("/add-checkpoint"), process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("getuigen") / "poort") as found:
        yield found


def watch(gateway: Running, folder: Path, *more: str) -> int:
    papers = str(gateway.home / f"partij-{HOOFD}" / "aansluiting.toml")
    words = ["audit", "getuige", "--map", str(folder), "--sleutel", str(gateway.home / "log.vkey")]
    return cli.main([*words, "--aansluiting", papers, *more])


def grown(gateway: Running, by: int, name: str) -> int:
    before = read_checkpoint(gateway.ask("GET", "/v1/logboek/checkpoint").body).size
    for number in range(by):
        gateway.send(message("ho301-gewoon", f"{name}{number}"))
    wait_until(lambda: read_checkpoint(gateway.ask("GET", "/v1/logboek/checkpoint").body).size >= before + by, 20)
    return before + by


def test_a_party_that_keeps_watch_sees_the_log_grow(gateway, tmp_path, capsys):
    folder = tmp_path / "wacht"
    assert watch(gateway, folder, "--naam", "de.brug") == 0
    least = grown(gateway, 3, "W")
    assert watch(gateway, folder) == 0
    assert "volgt uit wat u eerder zag" in capsys.readouterr().out
    (kept,) = (folder / "standen").iterdir()
    head, witness = read_checkpoint(kept.read_bytes()), Witness.open(folder)
    assert head.size >= least
    assert all(signed_when(parse(kept.read_bytes()), key) for key in witness.keys)


@pytest.mark.parametrize(("count", "told"), [(5000, "kleiner"), (0, "ander")])
def test_a_gateway_that_shows_another_log_is_caught(gateway, tmp_path, capsys, count, told):
    """The keeper saw a log of this name, signed with its key, that this one does not follow from."""
    folder, origin = tmp_path / "wacht", read_keys(gateway.home / "log.vkey")[0].name
    size = count or grown(gateway, 2, told)
    with contextlib.closing(KeyService.open(gateway.home / "sleutels")) as keys:  # the operator himself forks
        other = Growing(origin, count=size, forks_at=0, signer=keys.signer("log"))
        shown = other.head(size - 1)
    witness = Witness.open(folder)
    assert (
        witness.add(write_request(0, (), shown.note), read_keys(gateway.home / "log.vkey"), datetime.now(UTC)).status
        == 200
    )
    assert watch(gateway, folder) == 1
    assert told in capsys.readouterr().err
    (evidence,) = (folder / "strijdig").iterdir()
    assert shown.note in evidence.read_text()
    assert witness.last(origin).root == shown.root, "what it saw first stays"


def test_the_key_of_another_log_is_told(gateway, tmp_path, capsys):
    (tmp_path / "ander.vkey").write_text(encode_key(LOG.keys[0]))
    papers = str(gateway.home / f"partij-{HOOFD}" / "aansluiting.toml")
    words = ["audit", "getuige", "--map", str(tmp_path / "w"), "--sleutel", str(tmp_path / "ander.vkey")]
    assert cli.main([*words, "--aansluiting", papers]) == 1
    assert "niet met uw sleutel ondertekend" in capsys.readouterr().err
    assert cli.main([*words, "--aansluiting", str(tmp_path / "weg.toml")]) == 2
    assert cli.main([*words[:-1], str(tmp_path / "weg.vkey"), "--aansluiting", papers]) == 2


def test_a_receipt_becomes_a_proof_that_stands_alone(gateway, tmp_path, capsys):
    receipt = tmp_path / "bewijs.json"
    receipt.write_bytes(gateway.send(message("ho301-gewoon", "B1")).body)
    papers = str(gateway.home / f"partij-{HOOFD}" / "aansluiting.toml")
    words = ["bewijs", str(receipt), "--aansluiting", papers, "--sleutel", str(gateway.home / "log.vkey")]
    assert cli.main(words) == 0
    assert "het bewijs klopt" in capsys.readouterr().out
    leaf = json.loads(receipt.read_bytes())["logregel"]
    command = [
        sys.executable,
        "-m",
        "audit.proof",
        tmp_path / "bewijs.tlog-proof",
        gateway.home / "log.vkey",
        "--regel",
        leaf,
    ]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode == 0
    other = json.loads(receipt.read_bytes()) | {"logregel": "00" * 32}
    receipt.write_text(json.dumps(other))
    assert cli.main(words) == 1
    receipt.write_text("geen bewijs")
    assert cli.main(words) == 2


@pytest.fixture(scope="module")
def witnessed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, Path]]:
    """A gateway with three witnesses, of which two must sign and one is away."""
    base = tmp_path_factory.mktemp("getuigd")
    with running(base / "poort") as first:
        pass
    with contextlib.ExitStack() as stack:
        found = [stack.enter_context(listening(base / n, n, first.home / "log.vkey")) for n in ("w1", "w2")]
        lines = [f"witness {key.split('+')[0]} {key} {url}" for _, url, key in found]
        absent = Witness.open(base / "w3", "w3").keys[0]
        lines += [f"witness w3 {encode_key(absent)} http://127.0.0.1:9", "group g 2 w1 w2 w3", "quorum g"]
        (first.home / "getuigen").write_text("\n".join(lines) + "\n")
        with started(first.home) as gateway:
            yield gateway, base


def test_two_of_three_witnesses_sign_before_the_first_message_and_after_it(witnessed):
    gateway, _ = witnessed
    policy = read_policy((gateway.home / "getuigen").read_text())
    answer = gateway.ask("GET", "/v1/logboek/checkpoint/getuigd")
    assert answer.status == 200
    assert set(policy.seen_by(parse(answer.body))) == {"w1", "w2"}
    assert gateway.ask("GET", "/v1/gezondheid").json["getuigen"] == "goed"
    receipt = gateway.send(message("ho301-gewoon", "G1")).json
    path = f"/v1/berichten/{receipt['berichtId']}/logbewijs"

    def proved() -> bool:
        answer = gateway.ask("GET", path)
        keys = read_keys(gateway.home / "log.vkey")
        return answer.status == 200 and not faults(
            read_proof(answer.body), bytes.fromhex(receipt["logregel"]), keys, policy
        )

    wait_until(proved, 30)


def test_a_gateway_on_an_older_database_is_stopped_by_its_witnesses_alone(witnessed, capsys):
    """Database and last head were both put back: only the witnesses still know better."""
    gateway, base = witnessed
    seen = Witness.open(base / "w1").last(read_keys(gateway.home / "log.vkey")[0].name)
    assert seen.size > 0
    copy = base / "terug"
    subprocess.run(["cp", "-r", gateway.home, copy], check=True)
    for file in (*copy.glob("ketenpoort.sqlite*"), copy / "laatste-stand"):
        file.unlink()
    assert cli.main(["draai", "--instellingen", str(copy / "ketenpoort.toml")]) == 2
    told = capsys.readouterr().err
    assert "De database is ouder dan wat eerder is getoond" in told
    assert "beveiligingsfunctionaris" in told


async def test_a_witness_that_is_killed_while_it_is_asked_never_takes_back_what_it_signed(tmp_path):
    (tmp_path / "log.vkey").write_text(encode_key(LOG.keys[0]))
    size = signed = 0
    for _ in range(4):
        with listening(tmp_path / "w", "w", tmp_path / "log.vkey") as (process, url, _):
            async with Witnesses() as way:
                until = time.monotonic() + 0.4
                while time.monotonic() < until and size < 600:
                    answer = await way.send(
                        url, write_request(size, LOG.proof(size, size + 1), LOG.head(size + 1).note)
                    )
                    assert answer.status == 200
                    size = signed = size + 1
                pending = way.send(url, write_request(size, LOG.proof(size, size + 1), LOG.head(size + 1).note))
                os.kill(process.pid, signal.SIGKILL)
                await pending
        size = Witness.open(tmp_path / "w").last(LOG.origin).size
        assert size >= signed
    assert signed > 4


async def test_over_the_network_each_refusal_has_the_status_of_the_specification(tmp_path):
    witness = Witness.open(tmp_path / "w", "w")
    async with witnessing(witness, LOG.keys, host="127.0.0.1", port=0) as port, Witnesses() as way:
        url = f"http://127.0.0.1:{port}/"
        assert (await way.send(url, LOG.request(0, 300))).status == 200
        conflict = await way.send(url, LOG.request(0, 600))
        assert (conflict.status, conflict.text, conflict.kind) == (409, "300\n", "text/x.tlog.size")
        assert (await way.send(url, write_request(300, (), LOG.head(600).note))).status == 422
        assert (await way.send(url, LOG.request(300, 5))).status == 400
        assert (await way.send(url, b"wat")).status == 400
        assert (await way.send(url, Growing("elders.nl", count=3).request(0, 3))).status == 404
        assert (await way.send(url, Growing(LOG.origin, count=3).request(0, 3))).status == 403
        assert (await way.send(url, b"x" * 2**20)).status == 413
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            assert answer.status == 404
    async with Witnesses() as way:
        assert await way.send(url, LOG.request(300, 600)) is None


def test_where_a_witness_listens_is_said_in_one_way():
    assert address("127.0.0.1:8600") == ("127.0.0.1", 8600)
    assert address("[::1]:80") == ("::1", 80)
    for wrong in ("", "8600", "localhost", "localhost:99999", "localhost:"):
        with pytest.raises(ValueError, match="ADRES:POORT"):
            address(wrong)
