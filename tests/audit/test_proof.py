"""A proof convinces without any network, and a changed one does not."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.note import NoteError, cosign, cosigner, encode_key, parse, with_lines
from audit.policy import PolicyError, read_policy
from audit.proof import LogProof, faults, main, read_keys, read_proof, write_proof
from audit.seal import new_mldsa_signer, new_signer
from tests.audit.growing import Growing

ROOT = Path(__file__).resolve().parents[2]
LOG = Growing("voorbeeld.nl/logboek", count=300)
WITNESSES = {name: new_signer(name) for name in ("w1", "w2", "w3")}
POLICY = (
    "# wie wij geloven\n"
    f"log {encode_key(LOG.keys[0])}\n"
    + "".join(
        f"witness {name} {encode_key(cosigner(name, each))} https://{name}.nl/\n" for name, each in WITNESSES.items()
    )
    + "\ngroup genoeg 2 w1 w2 w3\nquorum genoeg\n"
)


def proof_of(index: int, size: int, *names: str) -> LogProof:
    head = LOG.head(size)
    text = parse(head.note.encode()).text
    note = with_lines(head.note, [cosign(text, name, WITNESSES[name], 1_790_000_000) for name in names])
    head = type(head)(origin=head.origin, size=size, root=head.root, note=note)
    return LogProof(index=index, hashes=LOG.inclusion(index, size), checkpoint=head, leaf=LOG.leaves[index])


@given(st.data())
def test_every_line_can_be_proved_and_no_other(data):
    size = data.draw(st.integers(1, 300))
    index = data.draw(st.integers(0, size - 1))
    proof = read_proof(write_proof(proof_of(index, size)).encode())
    assert proof == proof_of(index, size)
    assert faults(proof, LOG.leaves[index], LOG.keys) == []
    other = data.draw(st.integers(0, 299).filter(lambda n: n != index))
    assert faults(proof, LOG.leaves[other], LOG.keys)


def test_a_proof_is_the_text_that_others_read():
    head, *rest = write_proof(proof_of(2, 3)).split("\n")
    assert head == "c2sp.org/tlog-proof@v1"
    assert rest[0].startswith("extra ")
    assert rest[1] == "index 2"
    assert rest[3] == ""
    assert "\n".join(rest[4:]) == LOG.head(3).note


def test_no_changed_byte_of_a_proof_goes_unseen():
    whole = write_proof(proof_of(5, 9, "w1", "w2")).encode()
    policy, missed = read_policy(POLICY), []
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1
        try:
            proof = read_proof(bytes(changed))
        except NoteError:
            continue
        if not faults(proof, proof.leaf or b"", LOG.keys, policy):
            missed.append(place)
    assert missed == []


@pytest.mark.parametrize(
    ("names", "enough"), [((), False), (("w1",), False), (("w3", "w1"), True), (("w1", "w2", "w3"), True)]
)
def test_a_quorum_of_witnesses_is_counted(names, enough):
    found = faults(proof_of(5, 9, *names), LOG.leaves[5], LOG.keys, read_policy(POLICY))
    assert (found == []) is enough


def test_one_witness_that_signs_twice_counts_once():
    proof = proof_of(5, 9, "w1")
    text = parse(proof.checkpoint.note.encode()).text
    note = with_lines(proof.checkpoint.note, [cosign(text, "w1", WITNESSES["w1"], 1_790_000_001)])
    twice = LogProof(index=5, hashes=proof.hashes, checkpoint=type(proof.checkpoint)(
        origin=proof.checkpoint.origin, size=9, root=proof.checkpoint.root, note=note))  # fmt: skip
    assert faults(twice, LOG.leaves[5], LOG.keys, read_policy(POLICY))
    assert read_policy(POLICY).seen_by(parse(note.encode())) == {"w1": 1_790_000_001}


def test_a_policy_with_groups_of_groups_and_mldsa_witnesses_is_read():
    quantum = new_mldsa_signer("q")
    policy = read_policy(
        POLICY.replace("quorum genoeg\n", "")
        + f"witness q {encode_key(cosigner('q', quantum))}\ngroup alles all genoeg q\nquorum alles\n"
    )
    proof = proof_of(5, 9, "w1", "w2")
    assert not policy.met(parse(proof.checkpoint.note.encode()))
    line = cosign(parse(proof.checkpoint.note.encode()).text, "q", quantum, 7)
    assert policy.met(parse(with_lines(proof.checkpoint.note, [line]).encode()))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda t: t.replace("quorum genoeg", ""), "quorum"),
        (lambda t: t.replace("quorum genoeg", "quorum niemand"), "nog niet genoemd"),
        (lambda t: t + "quorum w1\n", "herkend"),
        (lambda t: t.replace("genoeg 2 w1 w2 w3", "genoeg 4 w1 w2 w3"), "aantal"),
        (lambda t: t.replace("genoeg 2 w1 w2 w3", "genoeg 0 w1 w2 w3"), "aantal"),
        (lambda t: t.replace("genoeg 2 w1 w2 w3", "genoeg 2 w1 w1 w2"), "telt al"),
        (lambda t: t.replace("genoeg 2 w1 w2 w3", "genoeg 2 w1 w4"), "nog niet genoemd"),
        (lambda t: t.replace("quorum genoeg", "group b any w1\nquorum b"), "telt al"),
        (lambda t: t.replace("witness w2", "witness w1"), "al gebruikt"),
        (lambda t: t + t.split("\n")[2] + "\n", "twee keer"),
        (lambda t: t + f"witness z {encode_key(LOG.keys[0])}\n", "niet die van een getuige"),
        (lambda t: t.replace("witness w2 w2+", "witness w2 w9+"), "sleutel klopt niet"),
        (lambda t: t + "getuige x\n", "herkend"),
    ],
)
def test_a_policy_that_could_be_misread_is_refused(change, told):
    with pytest.raises(PolicyError, match=told):
        read_policy(change(POLICY))


@given(st.text(max_size=100))
def test_any_text_is_a_policy_or_a_refusal(text):
    try:
        read_policy(text)
    except PolicyError:
        return


@given(st.binary(max_size=300))
def test_any_bytes_are_a_proof_or_a_refusal(data):
    try:
        read_proof(data)
    except NoteError:
        return


@pytest.fixture
def files(tmp_path):
    (tmp_path / "a.tlog-proof").write_text(write_proof(proof_of(5, 9, "w1", "w2")))
    (tmp_path / "log.vkey").write_text("".join(f"{encode_key(key)}\n" for key in LOG.keys))
    (tmp_path / "getuigen").write_text(POLICY)
    return tmp_path


def checked(files: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "audit.proof", str(files / "a.tlog-proof"), str(files / "log.vkey"), *more]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_stranger_checks_a_proof_with_two_files(files):
    done = checked(files, "--getuigen", str(files / "getuigen"))
    assert done.returncode == 0
    assert "BEWEZEN" in done.stdout
    assert LOG.leaves[5].hex() in done.stdout
    assert "w1, w2" in done.stdout


def test_a_proof_of_another_line_is_told(files, capsys):
    arguments = [str(files / "a.tlog-proof"), str(files / "log.vkey")]
    assert main([*arguments, "--regel", LOG.leaves[5].hex()]) == 0
    assert main([*arguments, "--regel", LOG.leaves[6].hex()]) == 1
    assert "NIET BEWEZEN" in capsys.readouterr().out


def test_what_cannot_be_checked_is_said(files, capsys):
    arguments = [str(files / "a.tlog-proof"), str(files / "log.vkey")]
    for wrong in (
        [],
        arguments[:1],
        [*arguments, "--wat"],
        [*arguments, "--regel", "zz"],
        [arguments[0], arguments[0]],
    ):
        assert main(wrong) == 3
    (files / "a.tlog-proof").write_text(write_proof(proof_of(5, 9)).replace("extra", "extraa"))
    assert main(arguments) == 3
    assert "Traceback" not in capsys.readouterr().err


def test_keys_are_read_one_a_line(files):
    assert read_keys(files / "log.vkey") == LOG.keys
    (files / "log.vkey").write_text("\n")
    with pytest.raises(NoteError):
        read_keys(files / "log.vkey")
