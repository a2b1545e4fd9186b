"""Officers who keep and destroy, in a real browser: a request of a client, two who agree, holds, a standing order."""

import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from browser import browser, log_in, new_page, wrong_with
from console import add_person, console, text_of
from running import HOOFD, ONDER, OTHER

from gateway.invented import message
from gateway.oversight.rights import OPERATOR, Role

__all__ = ["browser"]
CLIENT = "999900006"
"""Whom the invented message is about."""
WHY = "Brief van de cliënt van 3 november."


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    with console(tmp_path_factory.mktemp("toezicht") / "poort") as desk:
        yield desk


@pytest.fixture(scope="module")
def delivered(desk):
    """A message about `CLIENT` that its receiver has."""
    id_ = desk.gateway.send(message("ho301-gewoon", "D301", sender=HOOFD, receiver=ONDER)).json["berichtId"]
    assert desk.gateway.ask("GET", f"/v1/berichten/{id_}", party=ONDER).status == 200
    body = json.dumps({"berichten": [id_]}).encode()
    kept = desk.gateway.ask("POST", "/v1/bevestigingen", body, {"Content-Type": "application/json"}, party=ONDER)
    assert kept.json["bevestigd"] == [id_]
    return id_


@pytest.fixture(scope="module")
def fg(desk):
    return desk.logged_in(Role.FG)


@pytest.fixture(scope="module")
def approvers(desk, browser):
    """Two windows, of two officers of HOOFD who judge destructions."""
    with new_page(browser) as one, new_page(browser) as other:
        log_in(one, desk, desk.people[Role.ERASURE_APPROVER, HOOFD])
        log_in(other, desk, add_person(desk.gateway.home, Role.ERASURE_APPROVER, HOOFD, login="tweede.oordeel"))
        yield one, other


def asked_for(fg):
    """Numbers of what waits for an answer."""
    return set(re.findall(r"nummer=([0-9a-f]{32})", fg.get("/bewaren").body.decode()))


def test_what_a_client_asks_to_be_destroyed_goes_once_two_others_agree_and_there_is_a_certificate(
    desk, delivered, fg, approvers, browser
):
    with new_page(browser) as window:
        log_in(window, desk, add_person(desk.gateway.home, Role.FG, HOOFD, login="fg.venster"))
        window.goto(desk.url + "/bewaren")
        window.get_by_role("link", name="Verzoek van een cliënt").click()
        window.get_by_label("Burgerservicenummer").fill(CLIENT)
        window.get_by_label("Wat vroeg de cliënt").fill(WHY)
        window.get_by_role("button", name="Bekijk wat weg mag").click()
        assert "mag weg" in window.get_by_role("row", name="HO301 van").inner_text()
        assert "blijft" in window.get_by_role("row", name="in het logboek").inner_text()
        assert wrong_with(window) == []
        window.get_by_role("button", name="Vraag om te vernietigen").click()
        assert window.get_by_text("0 van 2 akkoord").is_visible()
        assert CLIENT not in window.content()
    for each in approvers:
        each.goto(desk.url + "/")
        each.get_by_role("link", name="gaat u akkoord?").click()
        each.get_by_role("link", name="wat over deze cliënten mag verdwijnen").click()
        assert wrong_with(each) == []
        each.get_by_label("Uw besluit").select_option("ja")
        each.get_by_role("button", name="Besluit opslaan").click()
    assert approvers[1].get_by_text("2 van 2 akkoord").is_visible()
    home = desk.gateway.home
    act = [sys.executable, "-m", "gateway.cli", "bewaren", "voer-uit", "--instellingen", str(home / "ketenpoort.toml")]
    subprocess.run(act, check=True, capture_output=True)
    assert desk.gateway.ask("GET", f"/v1/berichten/{delivered}", party=ONDER).status == 410
    approvers[1].reload()
    approvers[1].get_by_role("link", name="wat over deze cliënten mag verdwijnen").click()
    assert wrong_with(approvers[1]) == []
    with approvers[1].expect_download() as given:
        approvers[1].get_by_role("button", name="Bewaar de verklaring").click()
    told = json.loads(Path(given.value.path()).read_text(encoding="utf-8"))
    assert "handtekening" in told
    assert CLIENT not in json.dumps(told)


def test_who_agreed_does_not_agree_twice(desk, fg, approvers):
    first, _ = approvers
    first.goto(desk.url + "/bewaren")
    assert first.locator('a[href^="/bewaren/besluit"]').count() == 0


def test_a_proposal_of_another_party_is_not_there(desk, fg):
    fg.submit("/bewaren/plicht", {"soort": "persoon", "bsn": CLIENT, "reden": "Er loopt een onderzoek."})
    own = desk.logged_in(Role.ERASURE_APPROVER)
    other = desk.logged_in(Role.ERASURE_APPROVER, ONDER)
    shown = text_of(own.get("/bewaren"))
    assert "Op verzoek van een cliënt" in shown
    assert "Er loopt een onderzoek." in shown
    assert "Op verzoek van een cliënt" not in text_of(other.get("/bewaren"))


def test_a_request_about_somebody_unknown_is_answered_with_nothing(fg):
    page = fg.submit("/bewaren/verzoek", {"bsn": "999900018", "reden": WHY})
    assert "Er is niets dat nu weg mag" in text_of(page)


def test_what_is_no_bsn_is_told_before_anything_is_looked_up(fg):
    page = fg.submit("/bewaren/verzoek", {"bsn": "123456789 999900006", "reden": ""})
    assert page.status == 422
    assert text_of(page).count("Fout:") == 2
    assert "elfproef" in text_of(page)


def test_a_message_a_person_and_a_period_are_held_and_let_go(desk, delivered, fg):
    today = datetime.now(UTC).date()
    for chosen in (
        {"soort": "bericht", "bericht": delivered},
        {"soort": "persoon", "bsn": CLIENT},
        {"soort": "periode", "van": str(today - timedelta(days=9)), "tot": str(today)},
    ):
        before = asked_for(fg)
        done = fg.submit("/bewaren/plicht", {**chosen, "reden": "Er loopt een rechtszaak."})
        assert (done.status, done.headers.get("location")) == (303, "/bewaren?gedaan=ja"), text_of(done)
        (number,) = asked_for(fg) - before
        page = f"/bewaren/opheffen?nummer={number}"
        proof = re.search(r'name="bewijs" value="([0-9a-f]+)"', fg.get(page).body.decode())[1]
        fields = {"bewijs": proof, "nummer": number}
        assert fg.post("/bewaren/opheffen", fields).status == 422
        assert fg.post("/bewaren/opheffen", {**fields, "reden": "De zaak is voorbij."}).status == 303
        assert asked_for(fg) == before


def test_what_is_held_is_not_of_another_party(desk, fg):
    fg.submit("/bewaren/plicht", {"soort": "persoon", "bsn": CLIENT, "reden": "Er loopt een klacht."})
    other = desk.logged_in(Role.FG, ONDER)
    assert "Er loopt een klacht" not in text_of(other.get("/bewaren"))
    for number in asked_for(fg):
        assert other.get(f"/bewaren/opheffen?nummer={number}").headers["location"] == "/bewaren"


def test_a_message_of_others_cannot_be_held(desk, fg):
    theirs = desk.gateway.send(message("ho301-gewoon", "D777", sender=OTHER, receiver=ONDER), party=OTHER)
    id_ = theirs.json["berichtId"]
    page = fg.submit("/bewaren/plicht", {"soort": "bericht", "bericht": id_, "reden": "nieuwsgierig"})
    assert page.status == 422
    assert "bestaat niet, of het is niet van uw partij" in text_of(page)


def test_a_standing_order_is_asked_by_the_gateways_own_fg_and_refused_with_a_reason(desk, fg):
    fields = {"klasse": "weigeringen", "tot": "2099-01-01", "reden": "Elke nacht vragen helpt niemand."}
    assert "Alleen een functionaris" in text_of(fg.submit("/bewaren/doorlopend", fields))
    own = desk.logged_in(Role.FG, OPERATOR)
    assert own.submit("/bewaren/doorlopend", fields).status == 303
    judge = desk.logged_in(Role.ERASURE_APPROVER, OPERATOR)
    (number,) = re.findall(r"besluit\?nummer=([0-9a-f]{32})", judge.get("/bewaren").body.decode())
    page = f"/bewaren/besluit?nummer={number}"
    proof = re.search(r'name="bewijs" value="([0-9a-f]+)"', judge.get(page).body.decode())[1]
    no = {"bewijs": proof, "nummer": number, "besluit": "nee"}
    assert judge.post("/bewaren/besluit", no).status == 422
    assert judge.post("/bewaren/besluit", {**no, "reden": "Te lang."}).status == 303
    assert "afgewezen" in text_of(judge.get("/bewaren"))
