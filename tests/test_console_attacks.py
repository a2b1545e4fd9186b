"""The console under attack: by officers who type what no form of ours sends, and by strangers at its door."""

import hashlib
import re
import secrets
import sqlite3
import subprocess
import sys

import pytest
from console import COOKIE, add_person, console, text_of
from running import HOOFD, ONDER
from supervised import told

from gateway.invented import message
from gateway.oversight.accounts import hashed
from gateway.oversight.rights import Role
from gateway.oversight.sessions import FREE_OF_ACCOUNT, FREE_OF_ADDRESS


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    with console(tmp_path_factory.mktemp("toezicht") / "poort") as desk:
        yield desk


@pytest.fixture(scope="module")
def fg(desk):
    return desk.logged_in(Role.FG)


def sent(visitor, path, fields):
    """What the gateway answers to a form that no page of ours made; its proof is that of the session."""
    proof = hashlib.sha256(b"ketenpoort|bewijs|" + visitor.cookies[COOKIE].encode()).hexdigest()
    return visitor.post(path, {"bewijs": proof, **fields})


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/bewaren/plicht", {"soort": "periode", "van": "0001-01-01", "tot": "2020-01-01", "reden": "x"}),
        ("/bewaren/plicht", {"soort": "periode", "van": "2020-01-01", "tot": "9999-12-31", "reden": "x"}),
        ("/handelingen", {"wie": f"fg.{HOOFD}", "van": "9999-12-30", "tot": "9999-12-31", "reden": "x"}),
        ("/incidenten/nieuw", told(begin="0001-01-01T00:00")),
        ("/incidenten/nieuw", told(ontdekt="0001-01-01T00:00")),
    ],
)
def test_a_year_that_no_clock_shows_is_no_day_and_breaks_no_page(desk, fg, path, fields):
    assert sent(fg, path, fields).status == 422
    for page in ("/", "/bewaren", "/incidenten"):
        assert fg.get(page).status == 200


def bewaren(desk, client, *step, role=Role.FG):
    """What an officer gets who asks something about a client at the command line: status, output, what went wrong.

    Each time another one: a code is good once.
    """
    person = add_person(desk.gateway.home, role, HOOFD, login=f"vraagt.{secrets.token_hex(4)}")
    settings = ["--instellingen", desk.gateway.home / "ketenpoort.toml", "--wie", person.login, "--reden", "brief"]
    done = subprocess.run(
        [sys.executable, "-m", "gateway.cli", "bewaren", *step, *map(str, settings)],
        input=f"{person.password}\n{person.code()}\n{client}\n", capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def test_at_the_command_line_too_who_is_secret_looks_as_somebody_unknown(desk):
    secret, known, unknown = "999900031", "999900043", "999900055"
    for client in (secret, known):
        desk.gateway.send(message("ho301-gewoon", f"C{client}").replace(b"999900006", client.encode()))
    assert bewaren(desk, secret, "geheim", "stel-in")[0] == 0
    told = {client: bewaren(desk, client, "wis", "--alleen-tonen") for client in (secret, known, unknown)}
    assert told[secret] == told[unknown] != told[known]
    assert "HO301" in told[known][1], "else this proves nothing"
    assert bewaren(desk, secret, "wis") == bewaren(desk, unknown, "wis")
    auditor = bewaren(desk, known, "wis", "--alleen-tonen", role=Role.AUDITOR)
    assert auditor[0] != 0
    assert "HO301" not in "".join(map(str, auditor))


def test_who_is_secret_is_named_neither_by_an_incident_nor_by_a_request_to_destroy(desk, fg):
    client = "999900006"
    desk.gateway.send(message("ho301-gewoon", "G1"))
    assert bewaren(desk, client, "geheim", "stel-in")[0] == 0
    incident = sent(fg, "/incidenten/nieuw", told()).headers["location"]
    period = {"van": "2026-01-01T00:00", "tot": "2099-01-01T00:00", "reden": "onderzoek"}
    reached = sent(fg, f"{incident}/bereik", {"soort": "wie", "waarde": HOOFD, "mensen": "ja", **period})
    assert re.search(r"Berichten [1-9]", text_of(reached)), "else this proves nothing"
    assert client not in text_of(reached)
    hidden, unknown = (
        re.search(r"Wat de poort bewaart.*niets dat nu weg mag", text_of(sent(fg, "/bewaren/verzoek", asked)))
        for asked in ({"bsn": client, "reden": "brief"}, {"bsn": "999900018", "reden": "brief"})
    )
    assert hidden, "else this proves nothing"
    assert unknown
    assert hidden[0] == unknown[0]


@pytest.mark.parametrize("instead", ["wachtwoord", "rol", "partij"])
def test_who_was_logged_in_is_not_any_more_when_his_account_is_made_anew(desk, instead):
    person = add_person(desk.gateway.home, Role.FG, HOOFD, login=f"nieuw.{instead}")
    visitor = desk.visitor()
    visitor.log_in(person)
    assert visitor.get("/sessie").status == 200
    path = desk.gateway.home / "functionarissen.toml"
    *others, mine = path.read_text().split("[[functionaris]]")
    values = {"wachtwoord": hashed("een-ander-wachtwoord"), "rol": "auditor", "partij": ONDER}
    path.write_text(
        "[[functionaris]]".join([*others, re.sub(f'{instead} = ".*"', f'{instead} = "{values[instead]}"', mine)])
    )
    assert visitor.get("/sessie").status == 303


def lines(desk):
    with sqlite3.connect(desk.gateway.home / "ketenpoort.sqlite", timeout=30) as db:
        return db.execute("SELECT count(*) FROM audit_entries").fetchone()[0]


def test_a_stranger_neither_fills_the_log_nor_keeps_an_officer_from_confirming(desk, fg):
    stranger, before = desk.visitor(), lines(desk)
    stranger.address = "127.0.0.66"
    victim = desk.people[Role.FG, HOOFD]
    for _ in range(2 * FREE_OF_ADDRESS):
        assert stranger.post("/aanmelden", {"login": victim.login, "wachtwoord": "raad", "code": "1"}).status == 403
    assert FREE_OF_ACCOUNT < lines(desk) - before <= FREE_OF_ACCOUNT + FREE_OF_ADDRESS + 5
    assert desk.visitor().log_in(victim).status == 403, "else this proves nothing"
    assert fg.log_in(victim).status == 303


def test_who_has_no_more_than_the_cookie_must_wait_when_he_guesses_too(desk):
    person, visitor = add_person(desk.gateway.home, Role.FG, HOOFD, login="fg.gestolen"), desk.visitor()
    visitor.log_in(person)
    for _ in range(2 * FREE_OF_ACCOUNT):
        assert visitor.log_in(person, wachtwoord="raad", code="1").status == 403
    assert visitor.log_in(person).status == 403


@pytest.mark.parametrize(
    "path", ["/controle?nummer=%00", "/bewaren/besluit?nummer=%00", "/sessie?%1b=x", "/aanmelden?naar=%00"]
)
def test_what_no_keyboard_types_is_refused_in_an_address_too(fg, path):
    assert fg.get(path).status == 400
