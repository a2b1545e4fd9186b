"""Notes and checkpoints are those of C2SP, and are read in one way only."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.note import (
    Kind,
    NoteError,
    VerifierKey,
    cosign,
    cosigner,
    decode_key,
    encode_key,
    keys_of_log,
    line_of,
    parse,
    read_checkpoint,
    sign,
    sign_checkpoint,
    signed_by,
    signed_when,
    to64,
    with_lines,
    without_lines,
)
from audit.seal import new_mldsa_signer, new_signer, verify_mldsa, verify_signature

SIGNER, NAME = new_signer("log"), "voorbeeld.nl/logboek"
KEY = VerifierKey(name=NAME, public=SIGNER.public)
QUANTUM = new_mldsa_signer("q")
TIMED, STRONG = cosigner(NAME, SIGNER), cosigner(NAME, QUANTUM)

# The example of golang.org/x/mod/sumdb/note: made by another implementation than ours.
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETERS_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


def test_the_note_of_another_implementation_is_believed():
    note = parse(PETERS_NOTE.encode())
    assert signed_by(note, decode_key(PETER))
    assert encode_key(decode_key(PETER)) == PETER


def test_what_is_signed_is_believed_from_that_key_only():
    note = parse(sign("hallo\n\nwereld\n", NAME, SIGNER).encode())
    assert note.text == "hallo\n\nwereld\n"
    assert signed_by(note, KEY)
    assert not signed_by(note, VerifierKey(name="elders.nl", public=SIGNER.public))
    assert not signed_by(note, VerifierKey(name=NAME, public=new_signer("x").public))


def test_a_signature_of_a_witness_beside_ours_changes_nothing():
    signed = sign("hallo\n", NAME, SIGNER)
    witness = sign("hallo\n", "getuige.nl", new_signer("w")).rpartition("\n\n")[2]
    note = parse((signed + witness).encode())
    assert len(note.signatures) == 2
    assert signed_by(note, KEY)


def test_every_flipped_bit_of_a_note_is_found():
    whole = sign("hallo\nwereld\n", NAME, SIGNER).encode()
    for bit in range(len(whole) * 8):
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        try:
            assert not signed_by(parse(bytes(changed)), KEY)
        except NoteError:
            continue


def test_a_checkpoint_says_which_log_how_long_and_what():
    head = sign_checkpoint(NAME, 7, bytes(range(32)), SIGNER)
    assert head.note.startswith(f"{NAME}\n7\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n\n— {NAME} ")
    assert read_checkpoint(head.note.encode()) == head
    assert signed_by(parse(head.note.encode()), KEY)


@pytest.mark.parametrize(
    "text",
    [
        "a\n",
        "a\n7\n",
        "a\n07\nAAAA\n",
        "a\n-1\nAAAA\n",
        "a\n\u0667\nAAAA\n",
        "a\n7\nAAAA\n",
        "a\n7\n!\n",
        "\n7\nAAAA\n",
    ],
)
def test_what_is_no_checkpoint_is_not_read_as_one(text):
    with pytest.raises(NoteError):
        read_checkpoint(sign(text, NAME, SIGNER).encode())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hallo\n",
        b"hallo\n\n",
        b"hallo\n\n- a AAAAAAAA\n",
        "hallo\n\n— a AAAA\n".encode(),
        "hallo\n\n— a AAAAAAAB".encode(),
        "hallo\n\n—  AAAAAAAB\n".encode(),
        "hal\tlo\n\n— a AAAAAAAB\n".encode(),
        b"\xff\n\n",
    ],
)
def test_what_is_no_note_is_refused(data):
    with pytest.raises(NoteError):
        parse(data)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_note_or_a_refusal(data):
    for read in (parse, read_checkpoint):
        try:
            read(data)
        except NoteError:
            continue


@given(st.text(max_size=100))
def test_any_line_is_a_key_or_a_refusal(line):
    with pytest.raises(NoteError):
        decode_key(line)


@pytest.mark.parametrize("change", [lambda k: k.replace("c74f20a3", "c74f20a4"), lambda k: k[:-1], lambda k: k[1:]])
def test_a_key_of_which_one_part_does_not_fit_is_refused(change):
    with pytest.raises(NoteError):
        decode_key(change(PETER))


def test_a_name_that_could_be_misread_cannot_sign():
    for name in ("", "met spatie", "met+plus", "met\nregel"):
        with pytest.raises(NoteError):
            sign("hallo\n", name, SIGNER)
    with pytest.raises(NoteError):
        sign("geen einde", NAME, SIGNER)


def test_a_checkpoint_can_say_when_with_two_kinds_of_signature():
    head = sign_checkpoint(NAME, 7, bytes(range(32)), SIGNER, QUANTUM, at=1_790_000_000)
    note = parse(head.note.encode())
    assert keys_of_log(NAME, SIGNER, QUANTUM) == (KEY, TIMED, STRONG)
    assert all(signed_by(note, key) for key in (KEY, TIMED, STRONG))
    assert [signed_when(note, key) for key in (KEY, TIMED, STRONG)] == [None, 1_790_000_000, 1_790_000_000]


def test_what_is_signed_with_a_time_is_what_the_specification_writes_out():
    """Checked against the bytes that C2SP tlog-cosignature lays out, put together here by hand."""
    root = bytes(range(32))
    head = sign_checkpoint(NAME, 7, root, SIGNER, QUANTUM, at=1_679_315_147)
    text = head.note.partition("\n\n")[0] + "\n"
    (_, _, timed), (_, _, strong) = parse(head.note.encode()).signatures[1:]
    moment = (1_679_315_147).to_bytes(8, "big")
    assert timed[:8] == strong[:8] == moment
    assert (len(timed), len(strong)) == (8 + 64, 8 + 2420)
    assert verify_signature(SIGNER.public, timed[8:], b"cosignature/v1\ntime 1679315147\n" + text.encode())
    name = bytes([len(NAME)]) + NAME.encode()
    told = b"subtree/v1\n\0" + name + moment + name + bytes(8) + (7).to_bytes(8, "big") + root
    assert verify_mldsa(QUANTUM.public, strong[8:], told)
    assert TIMED.hash == sha256(NAME.encode() + b"\n\x04" + SIGNER.public).digest()[:4]
    assert STRONG.hash == sha256(NAME.encode() + b"\n\x06" + QUANTUM.public).digest()[:4]


@pytest.mark.parametrize("key", [TIMED, STRONG])
def test_another_time_size_root_log_or_name_is_not_what_was_signed(key):
    signer = SIGNER if key is TIMED else QUANTUM
    note = sign_checkpoint(NAME, 7, bytes(32), SIGNER).note
    line = cosign(parse(note.encode()).text, NAME, signer, 1_790_000_000)
    assert signed_by(parse((note + line).encode()), key)
    for other in (
        sign_checkpoint(NAME, 8, bytes(32), SIGNER),
        sign_checkpoint(NAME, 7, bytes(31) + b"1", SIGNER),
        sign_checkpoint("elders.nl", 7, bytes(32), SIGNER),
    ):
        assert not signed_by(parse((other.note + line).encode()), key)
    raw = bytearray(parse((note + line).encode()).signatures[-1][2])
    raw[7] ^= 1
    later = f"— {NAME} {to64(key.hash + bytes(raw))}\n"
    assert not signed_by(parse((note + later).encode()), key)
    assert signed_when(parse((note + line + later).encode()), key) is None, "a line in its name that is not sound"
    short = f"— {NAME} {to64(key.hash + bytes(raw[:8]))}\n"
    assert not signed_by(parse((note + short).encode()), key)


def test_an_mldsa_signature_binds_the_name_of_who_gave_it():
    note = sign_checkpoint(NAME, 7, bytes(32), SIGNER).note
    line = cosign(parse(note.encode()).text, "getuige.nl", QUANTUM, 5)
    raw = parse((note + line).encode()).signatures[-1][2]
    stolen = VerifierKey(name="dief.nl", public=QUANTUM.public, kind=Kind.MLDSA)
    assert not signed_by(parse(f"{note}— dief.nl {to64(stolen.hash + raw)}\n".encode()), stolen)


@pytest.mark.parametrize("key", [KEY, TIMED, STRONG])
def test_keys_of_each_kind_are_written_and_read(key):
    assert decode_key(encode_key(key)) == key
    with pytest.raises(NoteError):
        decode_key(encode_key(VerifierKey(name=NAME, public=key.public[:-1], kind=key.kind)))


def test_a_key_of_a_kind_that_we_do_not_know_is_refused():
    raw = b"\x02" + SIGNER.public
    hint = sha256(NAME.encode() + b"\n" + raw).digest()[:4]
    with pytest.raises(NoteError):
        decode_key(f"{NAME}+{hint.hex()}+{to64(raw)}")


def test_signatures_are_put_under_a_note_once_and_taken_off_again():
    head = sign_checkpoint(NAME, 7, bytes(32), SIGNER, QUANTUM, at=5)
    line = cosign(parse(head.note.encode()).text, "getuige.nl", QUANTUM, 6)
    both = with_lines(with_lines(head.note, [line]), [line])
    assert both == head.note + line
    assert line_of(parse(both.encode()), cosigner("getuige.nl", QUANTUM)) == line
    assert line_of(parse(both.encode()), cosigner("elders.nl", QUANTUM)) is None
    assert without_lines(both, cosigner("getuige.nl", QUANTUM)) == head.note
    slim = parse(without_lines(both, STRONG).encode())
    assert not signed_by(slim, STRONG)
    assert signed_by(slim, KEY)
    assert signed_by(slim, TIMED)


def test_while_one_key_follows_another_both_sign():
    new = new_signer("opvolger")
    note = parse(sign_checkpoint(NAME, 7, bytes(32), SIGNER, new, QUANTUM, at=5).note.encode())
    for key in (*keys_of_log(NAME, SIGNER, QUANTUM), *keys_of_log(NAME, new)):
        assert signed_by(note, key)
    assert len(note.signatures) == 5
