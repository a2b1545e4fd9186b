"""What is sealed to a key opens with its private half alone, whole, and for the use that it was sealed for."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit import box
from audit.box import BoxError

PRIVATE, PUBLIC = box.new_pair()


@given(st.binary(max_size=300))
@settings(max_examples=20, deadline=None)
def test_what_is_sealed_opens_with_the_private_key(content: bytes):
    assert box.open_with(PRIVATE, box.seal_to(PUBLIC, content, b"a"), b"a") == content


def test_nobody_else_opens_it_nor_for_another_use_nor_when_a_byte_changed():
    sealed = box.seal_to(PUBLIC, b"formulier", b"a")
    other, _ = box.new_pair()
    changed = sealed[:-1] + bytes([sealed[-1] ^ 1])
    for private, found, info in (
        (other, sealed, b"a"), (PRIVATE, sealed, b"b"), (PRIVATE, changed, b"a"), (PRIVATE, b"", b"a"),
        (PUBLIC, sealed, b"a"), ("", sealed, b"a"),
    ):  # fmt: skip
        with pytest.raises(BoxError):
            box.open_with(private, found, info)


@pytest.mark.parametrize("key", ["", PRIVATE, PUBLIC[:-8], PUBLIC + "AAAA", "ketenpoort-openbaar-"])
def test_what_is_no_public_key_is_refused(key: str):
    with pytest.raises(BoxError):
        box.seal_to(key, b"formulier", b"a")


def test_the_mark_tells_two_keys_apart_and_knows_a_line_by_its_end():
    assert box.mark(PUBLIC) == box.mark(PUBLIC + "\n")
    assert box.mark(PUBLIC) != box.mark(box.new_pair()[1])
