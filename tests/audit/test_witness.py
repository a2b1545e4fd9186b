"""A witness signs only what follows from what it saw, whoever asks at the same time and whenever it is killed."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit import tree
from audit.note import (
    NoteError,
    VerifierKey,
    cosign,
    keys_of_log,
    parse,
    read_checkpoint,
    sign_checkpoint,
    signed_by,
    signed_when,
)
from audit.seal import new_mldsa_signer, new_signer
from audit.witness import LONGEST, read_request, refusal, write_request
from audit.witness_folder import Witness, WitnessError
from tests.audit.growing import Growing

ROOT = Path(__file__).resolve().parents[2]
AT = datetime(2026, 11, 22, 9, tzinfo=UTC)
LOG = Growing("voorbeeld.nl/logboek", count=600)
KEYS = LOG.keys


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    return Witness.open(tmp_path / "getuige", "getuige.voorbeeld/een")


def ask(witness: Witness, data: bytes, keys=KEYS):
    return witness.add(data, keys, AT)


def test_a_first_head_and_one_that_follows_are_signed_with_both_keys_and_the_time(witness):
    for old, new in ((0, 5), (5, 5), (5, 300), (300, 600)):
        answer = ask(witness, LOG.request(old, new))
        assert answer.status == 200
        note = parse((LOG.head(new).note + answer.text).encode())
        assert [signed_when(note, key) for key in witness.keys] == [int(AT.timestamp())] * 2
    assert witness.last(LOG.origin).size == 600


def test_an_empty_log_is_signed_and_may_grow(witness):
    assert ask(witness, LOG.request(0, 0)).status == 200
    assert ask(witness, LOG.request(0, 7)).status == 200
    other = sign_checkpoint(LOG.origin, 0, bytes(32), LOG.signer).note
    fresh = Witness.open(witness.folder.with_name("ander"))
    assert fresh.add(write_request(0, (), other), KEYS, AT).status == 422


def test_who_does_not_know_what_was_seen_last_is_told(witness):
    ask(witness, LOG.request(0, 300))
    for old in (0, 5, 299):
        answer = ask(witness, LOG.request(old, 600))
        assert (answer.status, answer.text, answer.kind) == (409, "300\n", "text/x.tlog.size")
    assert not answer.inconsistent
    assert ask(witness, LOG.request(300, 5)).status == 400


def test_a_fork_is_refused_and_kept_as_evidence(witness):
    ask(witness, LOG.request(0, 300))
    fork = Growing(LOG.origin, count=600, forks_at=200, signer=LOG.signer)
    larger, same = ask(witness, fork.request(300, 600)), ask(witness, fork.request(300, 300))
    assert (larger.status, same.status, same.kind) == (422, 409, "text/plain; charset=utf-8")
    assert larger.inconsistent
    assert same.inconsistent
    assert witness.last(LOG.origin).root == LOG.head(300).root
    kept = [place.read_text() for place in (witness.folder / "strijdig").iterdir()]
    assert len(kept) == 2
    for shown in (fork.head(600), fork.head(300)):
        assert any(shown.note in text and LOG.head(300).note in text for text in kept)


def test_a_proof_of_something_else_is_no_proof(witness):
    ask(witness, LOG.request(0, 300))
    head, proof = LOG.head(600), LOG.proof(300, 600)
    for wrong in (proof[:-1], (*proof, proof[0]), proof[::-1], ()):
        assert ask(witness, write_request(300, wrong, head.note)).status == 422
    fresh = Witness.open(witness.folder.with_name("ander"))
    assert fresh.add(write_request(0, proof, head.note), KEYS, AT).status == 422


def test_only_logs_that_are_trusted_and_only_with_their_own_signatures(witness):
    head = LOG.head(5)
    assert ask(witness, LOG.request(0, 5), keys_of_log("elders.nl", LOG.signer)).status == 404
    assert ask(witness, LOG.request(0, 5), keys_of_log(LOG.origin, new_signer("x"))).status == 403
    forged = head.note + cosign(parse(LOG.head(6).note.encode()).text, LOG.origin, LOG.signer, 5)
    with_time = keys_of_log(LOG.origin, LOG.signer)
    assert signed_by(parse(forged.encode()), with_time[0])
    assert ask(witness, write_request(0, (), forged), with_time).status == 403, "one sound line, one that is not"
    assert witness.last(LOG.origin) is None


def test_a_log_that_signs_with_mldsa_alone_is_known_too(witness):
    quantum = new_mldsa_signer("q")
    line = cosign(parse(LOG.head(5).note.encode()).text, LOG.origin, quantum, 0)
    note = LOG.head(5).note.partition("\n\n")[0] + "\n\n" + line
    keys = keys_of_log(LOG.origin, LOG.signer, quantum)
    assert ask(witness, write_request(0, (), note), keys[2:]).status == 200


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"old 0\n",
        b"old 0\n\n",
        b"old 00\n\n" + LOG.head(5).note.encode(),
        b"old -1\n\n" + LOG.head(5).note.encode(),
        b"oud 0\n\n" + LOG.head(5).note.encode(),
        b"old 0\nAAAA\n\n" + LOG.head(5).note.encode(),
        b"old 1\n" + b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n" * 64 + b"\n" + LOG.head(5).note.encode(),
        b"old 0\n\n" + LOG.head(5).note.encode() + b"x" * LONGEST,
        b"old 0\n\xff\n\n" + LOG.head(5).note.encode(),
    ],
)
def test_what_is_no_request_is_refused(witness, data):
    assert ask(witness, data).status == 400


@given(st.binary(max_size=300))
def test_any_bytes_are_a_request_or_a_refusal(data):
    try:
        read_request(data)
    except NoteError:
        return


@given(st.integers(0, 600), st.integers(0, 600), st.integers(0, 600))
def test_nothing_but_growth_is_ever_signed(seen, old, new):
    """Whatever a log says, what is signed follows from what was seen."""
    known = LOG.head(seen)
    if refusal(read_request(LOG.request(old, new)), known, KEYS) is None:
        assert seen == old <= new
    else:
        assert not (seen == old <= new)


def test_of_two_that_come_at_once_neither_takes_back_the_other(witness):
    ask(witness, LOG.request(0, 5))
    for round_ in range(5, 105, 10):
        with ThreadPoolExecutor(8) as many:
            wanted = [LOG.request(round_, round_ + step) for step in (10, 3, 10, 7, 1, 10, 2, 9)]
            answers = list(many.map(lambda data: ask(Witness.open(witness.folder), data), wanted))
        taken = [data for data, answer in zip(wanted, answers, strict=True) if answer.status == 200]
        sizes = {read_request(data).checkpoint.size for data in taken}
        assert len(sizes) == 1, "one won; the others, if not for that same head, heard where it stands"
        last = witness.last(LOG.origin).size
        assert sizes == {last}
        ask(witness, LOG.request(last, round_ + 10))


KEEPER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from audit.seal import Ed25519Signer
from audit.witness_folder import Witness
from tests.audit.growing import Growing

log = Growing("voorbeeld.nl/logboek", count=600, signer=Ed25519Signer(name="log", seed=bytes.fromhex(sys.argv[2])))
witness = Witness.open(Path(sys.argv[1]))
print("begint", flush=True)
last = witness.last(log.origin)
for size in range(last.size if last else 0, 600):
    assert witness.add(log.request(size, size + 1), log.keys, datetime.now(UTC)).status == 200
    print(size + 1, flush=True)
"""


def test_a_witness_that_is_killed_at_any_moment_remembers_all_that_it_signed(witness):
    signed = 0
    for lines in (1, 2, 3, 5, 8, 4, 6):
        child = subprocess.Popen(
            [sys.executable, "-c", KEEPER, witness.folder, LOG.signer.seed.hex()],
            cwd=ROOT, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        said = [child.stdout.readline().strip() for _ in range(lines)]
        os.kill(child.pid, signal.SIGKILL)
        said += child.communicate()[0].split()
        signed = max([signed, *(int(word) for word in said if word.isdigit())])
        last = Witness.open(witness.folder).last(LOG.origin)
        assert (last.size if last else 0) >= signed
    assert signed >= 20
    assert read_checkpoint(LOG.head(last.size).note.encode()).root == last.root


def test_a_witness_keeps_its_name_and_keys(witness):
    again = Witness.open(witness.folder)
    assert (again.name, again.keys) == (witness.name, witness.keys)
    assert (witness.folder / "getuige.key").stat().st_mode & 0o077 == 0
    assert witness._signers[0].seed.hex() not in repr(again)
    with pytest.raises(WitnessError, match=r"heet getuige\.voorbeeld/een"):
        Witness.open(witness.folder, "ander")


def test_a_damaged_memory_is_not_taken_for_none(witness):
    ask(witness, LOG.request(0, 5))
    (place,) = (witness.folder / "laatste").iterdir()
    place.write_text("onzin")
    with pytest.raises(WitnessError, match="niet te lezen"):
        ask(witness, LOG.request(0, 5))


def test_one_head_a_day_is_kept_for_the_officer(witness):
    for day, (old, new) in enumerate(((0, 5), (5, 9), (9, 300))):
        witness.add(LOG.request(old, new), KEYS, AT.replace(day=22 + day // 2))
    kept = sorted((witness.folder / "standen").iterdir())
    assert [read_checkpoint(place.read_bytes()).size for place in kept] == [9, 300]
    assert all(
        signed_by(parse(place.read_bytes()), VerifierKey(name=LOG.origin, public=LOG.signer.public)) for place in kept
    )
    assert tree.EMPTY_ROOT not in {read_checkpoint(place.read_bytes()).root for place in kept}
