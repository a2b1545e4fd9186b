"""The wire under the console: what every answer carries, where a form may come from, and what is refused unread."""

import contextlib
import http.client
import socket
import sqlite3
import ssl

import pytest
from console import COOKIE, console
from running import HOOFD, ONDER, until_quiet

from adapters.console.application import HEADERS, MOST_FORM
from gateway.oversight.rights import Role

POLICY = HEADERS["Content-Security-Policy"]


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    with console(tmp_path_factory.mktemp("toezicht") / "poort") as desk:
        yield desk


@pytest.fixture(scope="module")
def visitor(desk):
    return desk.logged_in(Role.FG, HOOFD)


def carries(answer):
    for name, value in HEADERS.items():
        assert answer.headers[name.lower()] == value, name
    return answer


def test_every_answer_carries_the_same_headers_and_no_script_may_run(desk, visitor):
    stranger = desk.visitor()
    for answer in (
        visitor.get("/"), visitor.get("/bestaat-niet"), visitor.get("/opmaak/console.css"), visitor.post("/sessie"),
        stranger.get("/"), stranger.get("/aanmelden"), stranger.ask("DELETE", "/aanmelden"),
        stranger.post("/aanmelden", Origin="https://kwaad.voorbeeld"), stranger.post("/aanmelden"),
    ):  # fmt: skip
        carries(answer)
    directives = dict(each.strip().partition(" ")[::2] for each in POLICY.split(";"))
    assert directives["default-src"] == "'none'"
    assert "script-src" not in directives
    assert directives["form-action"] == "'self'"
    assert directives["frame-ancestors"] == directives["base-uri"] == "'none'"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://kwaad.voorbeeld"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_form_from_another_place_is_refused(desk, visitor, headers):
    assert carries(visitor.post("/afmelden", **headers)).status == 403
    assert visitor.get("/sessie").status == 200


def test_a_form_that_does_not_say_where_it_comes_from_is_refused(visitor):
    answer = visitor.ask("POST", "/afmelden", b"", {"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status == 403


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("multipart/form-data; boundary=x", b"--x--", 415),
        ("application/json", b"{}", 415),
        ("text/plain", b"a=b", 415),
        ("application/x-www-form-urlencoded; charset=utf-16", b"a=b", 415),
        ("application/x-www-form-urlencoded; charset=bestaatniet", b"a=b", 415),
        ("application/x-www-form-urlencoded", b"a=" + b"x" * MOST_FORM, 413),
        ("application/x-www-form-urlencoded", b"login=a%00b", 400),
        ("application/x-www-form-urlencoded", b"a%1b=b", 400),
        ("application/x-www-form-urlencoded", b"login=%ff%fe", 403),
        ("application/x-www-form-urlencoded", "login=é".encode("latin-1"), 400),
    ],
)
def test_what_is_no_form_of_ours_is_refused_and_nothing_breaks(desk, kind, body, status):
    stranger = desk.visitor()
    answer = stranger.ask("POST", "/aanmelden", body, {"Content-Type": kind, "Origin": desk.url})
    assert carries(answer).status == status


def test_a_form_that_comes_too_slowly_is_not_waited_for(desk):
    context = ssl.create_default_context(cafile=desk.gateway.home / "tls/ca.pem")
    head = (
        f"POST /aanmelden HTTP/1.1\r\nHost: localhost:{desk.port}\r\nOrigin: {desk.url}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\nlogin="
    )
    with contextlib.closing(
        context.wrap_socket(socket.create_connection(("localhost", desk.port)), server_hostname="localhost")
    ) as connection:
        connection.sendall(head.encode())
        heard = until_quiet(connection, seconds=20)
    assert b" 408 " in heard.split(b"\r\n")[0]


def test_a_browser_needs_no_certificate_here_but_a_party_does_there(desk):
    assert desk.visitor().get("/aanmelden").status == 200
    there = desk.visitor()
    there.port = desk.gateway.port
    with pytest.raises((ssl.SSLError, ConnectionError, http.client.RemoteDisconnected)):
        there.get("/v1/gezondheid")


def test_the_cookie_of_one_officer_is_no_key_for_another_and_a_made_up_one_is_none(desk, visitor):
    for cookie in ("", "x", "x" * 4000, visitor.cookies[COOKIE][:-1], visitor.cookies[COOKIE] + "x"):
        stranger = desk.visitor()
        stranger.cookies[COOKIE] = cookie
        assert stranger.get("/sessie").status == 303


def test_neither_address_nor_error_holds_what_was_typed(desk):
    stranger = desk.visitor()
    answer = stranger.log_in(desk.people[Role.FG, HOOFD], login="999990019", wachtwoord="geheim-woord", code="1")
    assert b"999990019" not in answer.body
    assert b"geheim-woord" not in answer.body
    assert b"999990019" not in desk.gateway.said()


def test_each_login_refusal_and_logout_is_a_line_in_the_log_for_the_officers_of_that_party(desk):
    def lines():
        with sqlite3.connect(desk.gateway.home / "ketenpoort.sqlite", timeout=30) as db:
            rows = db.execute("SELECT event, party FROM audit_entries WHERE event LIKE 'functionaris.%' ORDER BY id")
            return rows.fetchall()

    before, officer, visitor = len(lines()), desk.people[Role.FG, ONDER], desk.visitor()
    visitor.log_in(officer, wachtwoord="raad-ik")
    visitor.log_in(officer, login="niemand")
    visitor.log_in(officer)
    visitor.post("/afmelden")
    assert lines()[before:] == [
        ("functionaris.geweigerd", ONDER),
        ("functionaris.geweigerd", None),
        ("functionaris.aangemeld", ONDER),
        ("functionaris.afgemeld", ONDER),
    ]
