"""Making officers: the command, the file, and what is refused in it."""

import re
import time

import pytest

from gateway import cli, setup
from gateway.oversight.accounts import (
    STEP,
    Account,
    Officers,
    OfficersError,
    add_account,
    code_at,
    login_of,
    password_fits,
    step_of,
)

FG = {"naam": "F. de Groot", "rol": "fg", "partij": "98000001"}


@pytest.fixture
def home(tmp_path):
    setup.new_gateway(
        tmp_path / "poort", origin="test.voorbeeld", host="127.0.0.1", port=0, database="sqlite+aiosqlite:///k.sqlite"
    )
    return tmp_path / "poort"


def made(home, *more):
    return cli.main(["functionaris", str(home), "--naam", FG["naam"], "--rol", "fg", "--partij", FG["partij"], *more])


def only(home) -> Account:
    [account] = Officers.load(home / "functionarissen.toml").by_login.values()
    return account


def test_the_command_makes_an_account_and_shows_once_what_belongs_to_it(home, capsys):
    assert made(home) == 0
    said = capsys.readouterr().out
    account, password = only(home), re.search(r"Wachtwoord: +(\S+)", said)[1]
    assert (account.officer.login, account.officer.name, account.officer.party) == (
        "f.de.groot",
        *list(FG.values())[::2],
    )
    assert password_fits(account, password)
    assert not password_fits(account, password[:-1])
    assert "otpauth://totp/Ketenpoort:f.de.groot?" in said
    file = home / "functionarissen.toml"
    assert password not in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    assert account.password not in repr(account)


def test_the_code_of_now_can_be_asked_at_the_gateway(home, capsys):
    made(home)
    capsys.readouterr()
    steps = [int(time.time()) // STEP]
    assert cli.main(["code", str(home), "f.de.groot"]) == 0
    steps.append(int(time.time()) // STEP)
    assert capsys.readouterr().out.strip().encode() in {code_at(only(home).secret, step) for step in steps}
    assert cli.main(["code", str(home), "niemand"]) == 2


def test_codes_are_those_of_every_telephone():
    """RFC 6238, appendix B: its SHA-1 secret and moments, the last six of its eight digits."""
    told = {59: b"287082", 1111111109: b"081804", 1234567890: b"005924", 2000000000: b"279037"}
    assert {at: code_at(b"12345678901234567890", at // STEP) for at in told} == told


def test_a_code_counts_half_a_minute_early_and_late_and_no_more(home):
    made(home)
    account, now = only(home), 1_800_000_000
    for late, counts in ((-2, False), (-1, True), (0, True), (1, True), (2, False)):
        step = now // STEP + late
        assert (step_of(account, code_at(account.secret, step).decode(), now * 1000) == step) is counts
    assert step_of(account, "", now * 1000) is None
    assert step_of(None, code_at(bytes(20), now // STEP).decode(), now * 1000) is None


def test_there_is_one_account_for_each_login(home, capsys):
    assert made(home) == 0
    before = (home / "functionarissen.toml").read_text()
    assert made(home) == 2
    assert "Er is al een functionaris" in capsys.readouterr().err
    assert (home / "functionarissen.toml").read_text() == before
    assert made(home, "--login", "f.de.groot2") == 0


def test_a_file_that_others_can_read_is_not_used(home):
    made(home)
    (home / "functionarissen.toml").chmod(0o640)
    with pytest.raises(OfficersError, match="leesbaar voor anderen"):
        Officers.load(home / "functionarissen.toml")


@pytest.mark.parametrize(
    "wrong",
    [
        {"role": "noodtoegang"},
        {"role": "baas"},
        {"party": "123"},
        {"login": "A"},
        {"login": "a b"},
        {"login": "x" * 65},
        {"name": ""},
    ],
    ids=str,
)
def test_what_is_not_sound_is_refused_and_nothing_is_written(tmp_path, wrong):
    with pytest.raises(OfficersError):
        add_account(tmp_path / "f.toml", **{"login": "f.groot", "name": "F", "role": "fg", "party": "", **wrong})
    assert not (tmp_path / "f.toml").exists()


@pytest.mark.parametrize(
    "block",
    [
        {},
        "geen blok",
        {"login": "f.groot", **FG},
        {"login": "f.groot", **FG, "wachtwoord": "zelf verzonnen", "totp": "A" * 32},
        {"login": "f.groot", **FG, "uitgever": "http://op.voorbeeld", "sub": "s"},
        {"login": "f.groot", **FG, "uitgever": "https://op.voorbeeld"},
        {"login": "f.groot", **FG, "uitgever": "https://op.voorbeeld", "sub": "s", "totp": "A" * 32},
        {"login": "f.groot", **FG, "uitgever": "https://op.voorbeeld", "sub": "s", "baas": "ja"},
    ],
    ids=str,
)
def test_a_block_that_is_not_sound_is_refused_without_showing_its_secrets(block):
    with pytest.raises(OfficersError) as refused:
        Officers.of([block])
    assert "zelf verzonnen" not in str(refused.value)


def test_who_is_known_elsewhere_is_found_by_issuer_and_name_there_together():
    block = {"login": "f.groot", **FG, "uitgever": "https://op.voorbeeld", "sub": "s"}
    officers = Officers.of([block])
    assert set(officers.by_subject) == {("https://op.voorbeeld", "s")}
    assert not password_fits(officers.by_login["f.groot"], "")
    with pytest.raises(OfficersError, match="sub"):
        Officers.of([block, {**block, "login": "g.groot"}])


@pytest.mark.parametrize(
    ("name", "login"), [("J. de Vries", "j.de.vries"), ("Zoë Müller-Ñ", "zoe.muller.n"), (" a  b ", "a.b")]
)
def test_a_login_is_made_of_a_name(name, login):
    assert login_of(name) == login
