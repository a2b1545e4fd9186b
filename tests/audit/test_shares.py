"""Some shares together give the secret back, fewer tell nothing, and a wrong letter is seen."""

import secrets
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.box import new_pair
from audit.vault import shares
from audit.vault.shares import Share, ShareError, combine, open_with, read, seal_to, split, write

SECRET = secrets.token_bytes(40)


def test_the_arithmetic_is_that_of_the_field_of_aes():
    assert shares._times(0x57, 0x83) == 0xC1  # FIPS 197, 4.2
    assert shares._times(0x57, 0x13) == 0xFE
    assert all(shares._times(shares._divided(1, each), each) == 1 for each in range(1, 256))


@given(st.binary(min_size=1, max_size=64), st.integers(2, 8), st.integers(0, 8), st.randoms())
@settings(max_examples=50, deadline=None)
def test_any_choice_of_enough_shares_gives_the_secret(secret, needed, more, rng):
    made = split(secret, count=needed + more, needed=needed)
    chosen = rng.sample(made, needed)
    assert combine(chosen) == secret
    assert combine([*chosen, *made]) == secret


def test_three_of_five_in_every_choice_and_two_of_five_in_none():
    made = split(SECRET, count=5, needed=3)
    assert {combine(three) for three in combinations(made, 3)} == {SECRET}
    for two in combinations(made, 2):
        with pytest.raises(ShareError, match="3 verschillende"):
            combine(two)
        with pytest.raises(ShareError, match="3 verschillende"):
            combine([*two, two[0]])


def test_too_few_shares_fit_every_secret_there_can_be():
    """With one share of two known, each value of the other gives another secret: nothing is ruled out."""
    known = split(b"\x2a", count=2, needed=2)[0]
    possible = {combine([known, Share(number=2, needed=2, value=bytes([other]))]) for other in range(256)}
    assert len(possible) == 256


@pytest.mark.parametrize(("count", "needed"), [(5, 1), (2, 3), (256, 3), (1, 1)])
def test_a_division_that_protects_nothing_is_refused(count, needed):
    with pytest.raises(ValueError, match="two or more"):
        split(SECRET, count=count, needed=needed)


def test_shares_of_different_divisions_do_not_go_together():
    with pytest.raises(ShareError, match="niet bij elkaar"):
        combine([split(SECRET, count=3, needed=2)[0], split(SECRET, count=3, needed=3)[1]])


def test_a_share_survives_paper_and_every_wrong_letter_is_seen():
    share = split(SECRET, count=5, needed=3)[2]
    text = write(share)
    assert read(f" {text.lower().replace('-', ' ')}\n") == share
    for place, letter in enumerate(text):
        if letter != "-":
            wrong = text[:place] + ("A" if letter != "A" else "B") + text[place + 1 :]
            with pytest.raises(ShareError, match="teken"):
                read(wrong)
    for bad in ("", "KP", text[:-3], text + "A" * 8, "é"):
        with pytest.raises(ShareError):
            read(bad)


def test_a_sealed_share_opens_for_its_officer_alone():
    share = split(SECRET, count=2, needed=2)[0]
    (private, public), (other, _) = new_pair(), new_pair()
    sealed = seal_to(public, share)
    assert open_with(private, sealed) == share
    assert SECRET not in sealed
    assert write(share).encode() not in sealed
    for key, text in [(other, sealed), (private, sealed[:-1]), (private, b""), (public, sealed), ("", sealed)]:
        with pytest.raises(ShareError, match="niet open"):
            open_with(key, text)
    for key in (private, "", public[:-4], "ketenpoort-openbaar-é"):
        with pytest.raises(ShareError, match="openbare sleutel"):
            seal_to(key, share)


def test_a_share_is_not_printed_by_accident():
    assert split(SECRET, count=2, needed=2)[0].value.hex() not in repr(split(SECRET, count=2, needed=2))
    assert "value" not in repr(split(SECRET, count=2, needed=2)[0])
