"""Notes and checkpoints are those of C2SP, and are read in one way only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.note import (
    NoteError,
    VerifierKey,
    decode_key,
    encode_key,
    parse,
    read_checkpoint,
    sign,
    sign_checkpoint,
    signed_by,
)
from audit.seal import new_signer

SIGNER, NAME = new_signer("log"), "voorbeeld.nl/logboek"
KEY = VerifierKey(name=NAME, public=SIGNER.public)

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
