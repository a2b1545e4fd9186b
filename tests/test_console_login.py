"""Getting in, staying in and getting out: what an officer must show, and what nobody is told."""

import asyncio
import sqlite3
import time

import pytest
from conftest import new_schema
from console import COOKIE, Person, add_person, console, text_of
from running import HOOFD, ONDER

from adapters.console.door import where
from gateway.oversight.accounts import STEP, code_at
from gateway.oversight.rights import Role
from gateway.oversight.sessions import FREE_OF_ACCOUNT, FRESH, IDLE, LONGEST

WRONG = "Dat lukte niet"


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    with console(tmp_path_factory.mktemp("toezicht") / "poort") as desk:
        yield desk


@pytest.fixture
def person(desk, request) -> Person:
    """An officer of this test alone, so that his codes and failures are his own."""
    login = request.node.name.replace("_", "-").replace("[", "-").strip("]").lower()[-60:].strip("-.")
    return add_person(desk.gateway.home, Role.FG, HOOFD, login=login, name="F. de Groot")


def rows(desk, statement, *values):
    with sqlite3.connect(desk.gateway.home / "ketenpoort.sqlite", timeout=30) as db:
        return db.execute(statement, values).fetchall()


def aged(desk, person, column, by):
    """Let one moment of his session have been longer ago."""
    assert rows(
        desk, f"UPDATE console_sessions SET {column} = {column} - ? WHERE officer = ? RETURNING 1", by, person.login
    )


def is_in(visitor):
    return visitor.get("/sessie").status == 200


def test_who_is_not_logged_in_is_sent_to_the_door_whatever_he_asks(desk):
    visitor = desk.visitor()
    for path in ("/", "/functionarissen", "/bestaat-niet", "/sessie?x=1"):
        answer = visitor.get(path)
        assert (answer.status, answer.headers["location"][:15]) == (303, "/aanmelden?naar")
        assert answer.body == b""


def test_password_and_code_open_the_door_and_the_cookie_is_for_this_place_alone(desk, person):
    visitor = desk.visitor()
    answer = visitor.log_in(person)
    assert (answer.status, answer.headers["location"]) == (303, "/")
    told = {part.strip().partition("=")[0] for part in answer.headers["set-cookie"].split(";")}
    assert {COOKIE, "Secure", "HttpOnly", "SameSite", "Path"} == told
    assert "SameSite=Strict" in answer.headers["set-cookie"]
    assert person.name in text_of(visitor.get("/"))


def test_after_logging_in_one_comes_where_one_wanted_to_be(desk, person):
    assert desk.visitor().log_in(person, naar="/sessie?a=1").headers["location"] == "/sessie?a=1"
    assert desk.visitor().log_in(person, naar="//kwaad.voorbeeld").headers["location"] == "/"


@pytest.mark.parametrize(
    "path",
    [
        "https://kwaad.voorbeeld/", "//kwaad.voorbeeld", "/\\kwaad", "kwaad", "/a\r\nb", "/a b", "", "///kwaad",
        "/%2fkwaad.voorbeeld", "/%2F%2Fkwaad.voorbeeld", "/%5ckwaad.voorbeeld", "/%255ckwaad", "\\\\kwaad", "/\t/kwaad",
        "javascript:alert(1)", "data:text/html,x", "HTTPS:kwaad.voorbeeld", "/./\\kwaad", "/..//kwaad", "/a/..//kwaad",
        "/a/%2e%2e//kwaad", "/a//kwaad", "/a\\kwaad", "/a#kwaad", "/@kwaad.voorbeeld", "/\u2215kwaad", "/a\n",
        "/" + "a" * 300,
    ],
)  # fmt: skip
def test_another_place_becomes_the_first_page(path):
    assert where(path) == "/"
    assert where(path, otherwise="/noodtoegang") == "/noodtoegang"


@pytest.mark.parametrize(
    "path", ["/", "/sessie", "/inzage/0a", "/zoeken/0a?na=1-2", "/noodtoegang/vragen?naar=%2Fberichten%2F0a%2Finhoud"]
)
def test_a_page_of_ours_is_where_one_comes_back(path):
    assert where(path) == path


@pytest.mark.parametrize("wrong", [{"wachtwoord": "raad-ik"}, {"code": "000000"}, {"login": "niemand"}, {"code": ""}])
def test_nobody_is_told_what_was_wrong(desk, person, wrong):
    visitor = desk.visitor()
    answer = visitor.log_in(person, **wrong)
    assert answer.status == 403
    assert WRONG in text_of(answer)
    assert answer.body == visitor.log_in(person, login="niemand", wachtwoord="x", code="1").body
    assert not visitor.cookies
    assert visitor.get("/sessie").status == 303


def test_a_code_works_once(desk, person):
    code = person.code()
    assert desk.visitor().log_in(person, code=code).status == 303
    assert desk.visitor().log_in(person, code=code).status == 403
    earlier = code_at(person.secret, person.used - 1).decode()
    assert desk.visitor().log_in(person, code=earlier).status == 403


def test_a_code_of_two_minutes_ago_is_no_code(desk, person):
    assert (
        desk.visitor().log_in(person, code=code_at(person.secret, int(time.time()) // STEP - 4).decode()).status == 403
    )


def test_who_fails_too_often_must_wait_even_with_the_right_password_and_longer_each_time(desk, person):
    visitor = desk.visitor()
    visitor.address = "127.0.0.9"
    for _ in range(FREE_OF_ACCOUNT + 3):
        assert visitor.log_in(person, wachtwoord="raad-ik", code="123456").status == 403
    # On a busy machine the first wait, of seconds, may be over already; so it begins a minute later.
    rows(desk, "UPDATE console_attempts SET last_at = last_at + 60000 WHERE failures > ?", FREE_OF_ACCOUNT)
    assert visitor.log_in(person).status == 403
    other = desk.people[Role.AUDITOR, HOOFD]
    assert desk.visitor().log_in(other).status == 303  # nobody else is locked out


def test_a_session_ends_when_nobody_uses_it(desk, person):
    visitor = desk.visitor()
    visitor.log_in(person)
    aged(desk, person, "seen_at", IDLE - 10_000)
    assert is_in(visitor)
    aged(desk, person, "seen_at", IDLE)
    assert not is_in(visitor)


def test_a_session_ends_after_eight_hours_however_busy(desk, person):
    visitor = desk.visitor()
    visitor.log_in(person)
    aged(desk, person, "began_at", LONGEST)
    assert not is_in(visitor)


def test_logging_off_ends_the_session_here_and_in_the_gateway(desk, person):
    visitor = desk.visitor()
    visitor.log_in(person)
    kept = dict(visitor.cookies)
    assert visitor.post("/afmelden").headers["location"] == "/afgemeld"
    assert COOKIE not in visitor.cookies
    visitor.cookies = kept
    assert not is_in(visitor)


def test_confirming_keeps_the_session_and_makes_it_fresh_again(desk, person):
    visitor = desk.visitor()
    visitor.log_in(person)
    cookie = visitor.cookies[COOKIE]
    aged(desk, person, "fresh_at", FRESH)
    [[before]] = rows(desk, "SELECT fresh_at FROM console_sessions WHERE officer = ?", person.login)
    assert "Bevestig dat u het bent" in text_of(visitor.get("/aanmelden"))
    assert visitor.log_in(person).status == 303
    assert visitor.cookies[COOKIE] == cookie
    [[after]] = rows(desk, "SELECT fresh_at FROM console_sessions WHERE officer = ?", person.login)
    assert after - before >= FRESH


def test_nobody_confirms_the_session_of_somebody_else(desk, person):
    visitor = desk.visitor()
    visitor.log_in(person)
    assert visitor.log_in(desk.people[Role.FG, ONDER]).status == 403
    assert person.name in text_of(visitor.get("/sessie"))


def test_who_is_taken_out_of_the_file_is_out_at_once(desk, person):
    visitor = desk.visitor()
    visitor.log_in(person)
    path = desk.gateway.home / "functionarissen.toml"
    blocks = path.read_text().split("\n[[functionaris]]\n")
    new = path.with_suffix(".nieuw")
    new.touch(0o600)
    new.write_text("\n[[functionaris]]\n".join(each for each in blocks if f'"{person.login}"' not in each))
    new.replace(path)
    assert not is_in(visitor)


def test_a_file_that_is_not_sound_changes_nothing(desk, person):
    visitor = desk.visitor()
    visitor.log_in(person)
    path = desk.gateway.home / "functionarissen.toml"
    good = path.read_text()
    path.write_text(good + "\n[[functionaris]]\nlogin = 5\n")
    assert is_in(visitor)
    assert b"functionarissen niet herlezen" in desk.gateway.said()
    path.write_text(good)


def test_in_the_database_stands_no_cookie_and_no_code(desk, person):
    visitor = desk.visitor()
    code = person.code()
    visitor.log_in(person, code=code)
    files = b"".join(path.read_bytes() for path in desk.gateway.home.glob("ketenpoort.sqlite*"))
    for secret in (visitor.cookies[COOKIE], person.password, "raad-ik"):
        assert secret.encode() not in files
        assert secret.encode() not in desk.gateway.said()


def test_it_is_the_same_on_postgresql(tmp_path, postgresql):
    url = asyncio.run(new_schema(postgresql)).render_as_string()
    with console(tmp_path / "poort", database=url) as desk:
        person, visitor = desk.people[Role.FG, HOOFD], desk.visitor()
        assert visitor.log_in(person, wachtwoord="raad-ik").status == 403
        assert visitor.log_in(person).status == 303
        told = text_of(visitor.get("/"))
        assert "Functionaris meldde zich aan 1" in told
        assert "Aanmelden geweigerd 1" in told
        visitor.post("/afmelden")
        assert not is_in(visitor)
