"""Officers at work on what stands out, on incidents, on the verifier and on the register, in a real browser."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from browser import browser, log_in, new_page, wrong_with
from console import add_person, console, text_of
from running import HOOFD, ONDER, OTHER
from supervised import NATURE, incident, signal, told

from adapters.tls import fingerprint
from gateway.invented import message
from gateway.oversight.rights import OPERATOR, Role

__all__ = ["browser"]
CLIENT = "999900006"
"""Whom the invented message is about."""


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    with console(tmp_path_factory.mktemp("toezicht") / "poort") as desk:
        assert desk.gateway.send(message("ho301-gewoon", "D301", sender=HOOFD, receiver=OTHER)).status == 201
        yield desk


@pytest.fixture(scope="module")
def fg(desk):
    """An fg of HOOFD, who asks page by page."""
    return desk.logged_in(Role.FG)


@pytest.fixture(scope="module")
def window(desk, browser):
    """A window without scripts, in which another fg of HOOFD is logged in."""
    with new_page(browser, script=False) as window:
        log_in(window, desk, add_person(desk.gateway.home, Role.FG, HOOFD, login="fg.venster"))
        yield window


def test_a_signal_leads_to_the_lines_behind_it_and_is_looked_at_with_a_reason(desk, window):
    signal(desk, "")
    window.goto(desk.url + "/signalen")
    window.get_by_role("link", name="Vaak mislukt om aan te melden").click()
    assert window.get_by_role("rowheader", name="Aanmelden geweigerd").count() == 5
    window.get_by_role("button", name="Opschrijven").click()
    assert window.get_by_text("Schrijf in het kort wat u vond").is_visible()
    window.get_by_label("Wat is de verklaring").fill("Een nieuwe telefoon, ik belde.")
    window.get_by_role("button", name="Opschrijven").click()
    assert "bekeken" in window.get_by_role("row", name="fg.vergeet").inner_text()


def test_a_signal_is_not_looked_at_without_a_reason(desk, fg):
    answer = fg.submit(signal(desk, ""), {"reden": ""})
    assert answer.status == 422
    assert "Schrijf in het kort wat u vond" in text_of(answer)


def forgets(desk, person):
    """A browser of somebody who is logged in, and fails five times to log in elsewhere; path of the signal of that."""
    own = desk.visitor()
    assert own.log_in(person).status == 303
    for _ in range(5):
        desk.visitor().log_in(person, code="geen code")
    rows = re.findall(r"<tr.*?</tr>", own.get("/signalen").body.decode(), re.DOTALL)
    [row] = [each for each in rows if f">{person.login}<" in each and "Vaak mislukt" in each]
    return own, re.search(r"/signalen/[0-9a-f]{32}", row)[0]


def refused(own, path):
    """What somebody reads who sends the form that he was not given."""
    assert "U kunt het niet zelf beoordelen" in text_of(own.get(path))
    assert 'name="reden"' not in own.get(path).body.decode()
    proof = re.search(r'name="bewijs" value="([0-9a-f]+)"', own.get("/handelingen").body.decode())[1]
    answer = own.post(path, {"bewijs": proof, "reden": "Dat was ik, niets aan de hand."})
    assert answer.status == 403
    return text_of(answer)


def test_nobody_judges_a_signal_about_himself_and_that_he_tried_is_logged(desk, fg):
    own, path = forgets(desk, add_person(desk.gateway.home, Role.FG, HOOFD, login="fg.zelf"))
    assert "Opvallend lezen over uzelf" in text_of(own.get("/"))
    assert "Vraag een andere functionaris gegevensbescherming" in refused(own, path)
    assert "nog niet" in text_of(fg.get(path))
    today = datetime.now(UTC).date().isoformat()
    did = text_of(fg.submit("/handelingen", {"wie": "fg.zelf", "van": today, "tot": today, "reden": "controle"}))
    assert re.search(r"Opvallend lezen beoordeeld functionaris gegevensbescherming . geweigerd", did)
    assert fg.submit(path, {"reden": "Een nieuwe telefoon, ik belde."}).status == 303
    assert "nog niet" not in text_of(own.get(path))


def test_where_nobody_else_may_judge_a_signal_it_is_told_who_can_see_to_that(desk):
    own, path = forgets(desk, desk.people[Role.FG, ONDER])
    assert "Vraag de beheerder van de poort om er een aan te wijzen" in refused(own, path)


def test_what_somebody_did_is_shown_in_order_once_it_is_said_why(desk, window):
    window.goto(desk.url + "/handelingen")
    today = datetime.now(UTC).date().isoformat()
    window.get_by_label("Wie", exact=True).select_option(HOOFD)
    window.get_by_label("Eerste dag").fill(today)
    window.get_by_label("Laatste dag").fill(today)
    window.get_by_label("Waarom wilt u dit zien?").fill("Steekproef van deze week")
    window.get_by_role("button", name="Toon de handelingen").click()
    assert window.get_by_role("rowheader", name="Bericht ontvangen en bewaard").is_visible()
    assert window.get_by_role("cell", name="afzender").first.is_visible()
    assert window.url == desk.url + "/handelingen"


def test_all_that_is_wrong_with_a_question_who_did_what_is_told_at_once(fg):
    asked = fg.submit("/handelingen", {"wie": "niemand", "van": "2026-11-02", "tot": "2026-11-01", "reden": ""})
    assert asked.status == 422
    assert text_of(asked).count("Fout:") == 3


def test_nobody_asks_what_an_officer_of_another_party_did(desk, fg):
    other = f"auditor.{OTHER}"
    add_person(desk.gateway.home, Role.AUDITOR, OTHER, login=other)
    assert other not in fg.get("/handelingen").body.decode()
    day = datetime.now(UTC).date().isoformat()
    assert fg.submit("/handelingen", {"wie": other, "van": day, "tot": day, "reden": "nieuwsgierig"}).status == 422


def test_an_incident_is_told_then_the_supervisor_then_it_is_closed(desk, window):
    window.goto(desk.url + "/incidenten")
    window.get_by_role("link", name="Incident melden").click()
    window.get_by_label("Wat voor incident is het?").select_option("verkeerde-ontvanger")
    window.get_by_label("Wat is er gebeurd?").fill("Een bericht ging naar de verkeerde aanbieder.")
    window.get_by_role("button", name="Incident melden").click()
    assert window.get_by_text("nog 2 dagen en 23 uur").is_visible()

    def step(what, why, **answers):
        for name, text in answers.items():
            window.locator(f"#{name}").fill(text)
        window.get_by_label("Wat schrijft u op?").select_option(what)
        window.get_by_label("Waarom?", exact=True).fill(why)
        window.get_by_role("button", name="Opslaan").click()

    step("ap-gemeld", "Er is risico voor de cliënt.")
    assert "Vul eerst in wat de Autoriteit Persoonsgegevens vraagt" in window.inner_text("#stap-fout")
    rest = ("people", "how_many", "data", "contact", "consequences", "measures")
    step("ap-gemeld", "Er is risico voor de cliënt.", **dict.fromkeys(rest, "Bekend."))
    assert window.get_by_text("op tijd gedaan").is_visible()
    step("sluiten", "Alles is gedaan.")
    assert window.get_by_role("button", name="Opslaan").count() == 0
    assert window.locator(".kp-timeline__item").count() == 3


def test_an_incident_is_told_by_keyboard_alone(desk, browser):
    with new_page(browser) as window:
        log_in(window, desk, add_person(desk.gateway.home, Role.FG, HOOFD, login="fg.toetsen"))
        window.goto(desk.url + "/incidenten")

        def reach(name):
            for _ in range(60):
                window.keyboard.press("Tab")
                if name in window.evaluate("(document.activeElement.labels?.[0] ?? document.activeElement).innerText"):
                    return
            pytest.fail(f"{name} is not reached by keyboard")

        reach("Incident melden")
        window.keyboard.press("Enter")
        window.wait_for_url("**/nieuw")
        reach("Wat voor incident")
        window.keyboard.type("De dienst")
        reach("Wat is er gebeurd?")
        window.keyboard.type("De poort lag een uur stil.")
        assert wrong_with(window) == []
        reach("Incident melden")
        window.keyboard.press("Enter")
        window.wait_for_url(re.compile("/incidenten/[0-9a-f]{32}$"))
        assert window.get_by_text("De dienst ligt stil of is gestoord").is_visible()


def test_all_that_is_wrong_with_a_new_incident_is_told_at_once(fg):
    asked = fg.submit("/incidenten/nieuw", {"ontdekt": "2099-01-01T00:00", "begin": "gisteren"})
    assert asked.status == 422
    assert text_of(asked).count("Fout:") == 4


def test_of_two_who_change_an_incident_the_second_is_told(desk, fg):
    path = incident(desk, "")
    fields = {"stap": "aantekening", "reden": "Nagekeken.", "nature": NATURE}
    version = re.search(r'name="versie" value="(\d+)"', fg.get(path).body.decode())[1]
    assert fg.submit(path, {**fields, "versie": version}).status == 303
    again = fg.submit(path, {**fields, "versie": version})
    assert again.status == 422
    assert "Iemand anders wijzigde dit incident" in text_of(again)


def test_what_is_hostile_in_an_incident_is_shown_as_text(fg):
    hostile = "<script>alert(1)</script>\u202e"
    path = fg.submit("/incidenten/nieuw", told(nature=hostile)).headers["location"]
    page = fg.get(path).body.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_the_reach_of_an_incident_names_clients_only_when_asked_and_that_is_logged(desk, fg):
    path = incident(desk, "")
    fields = {
        "soort": "wie",
        "waarde": HOOFD,
        "van": "2026-01-01T00:00",
        "tot": "2099-01-01T00:00",
        "reden": "onderzoek",
    }
    counted = text_of(fg.submit(f"{path}/bereik", fields))
    assert re.search(r"Mensen 1 Berichten 1 Partijen 2 Logregels 1", counted)
    assert CLIENT not in counted
    assert CLIENT in text_of(fg.submit(f"{path}/bereik", {**fields, "mensen": "ja"}))
    day = datetime.now(UTC).date().isoformat()
    did = fg.submit("/handelingen", {"wie": f"fg.{HOOFD}", "van": day, "tot": day, "reden": "controle"})
    assert "Logregels over een cliënt getoond aan een functionaris" in text_of(did)


def test_the_reach_of_a_key_and_of_a_session_is_found_in_the_log(desk, fg):
    path = incident(desk, "")
    period = {"van": "2026-01-01T00:00", "tot": "2099-01-01T00:00", "reden": "onderzoek"}
    none = text_of(fg.submit(f"{path}/bereik", {"soort": "sleutel", "waarde": "0123456789abcdef", **period}))
    assert "Geen regels gevonden Kijk of u op het goede zoekt" in none
    assert "Mensen 0 Berichten 0" in none
    ours = desk.gateway.home / f"partij-{HOOFD}" / f"{HOOFD}.pem"
    print_ = fingerprint(ours.read_bytes())
    found = text_of(fg.submit(f"{path}/bereik", {"soort": "bewijs", "waarde": print_, **period}))
    assert "Mensen 1 Berichten 1" in found


def test_who_may_not_see_clients_is_not_asked_whether_he_wants_to(desk):
    path = incident(desk, "")
    ops = desk.logged_in(Role.OPS)
    fields = {
        "soort": "wie",
        "waarde": HOOFD,
        "van": "2026-01-01T00:00",
        "tot": "2099-01-01T00:00",
        "reden": "onderzoek",
    }
    answer = ops.submit(f"{path}/bereik", {**fields, "mensen": "ja"})
    assert "Mensen 1" in text_of(answer)
    assert CLIENT not in text_of(answer)


def test_the_report_to_the_supervisor_is_a_page_and_a_file(desk, fg):
    path = incident(desk, "")
    assert "art. 33 lid 3 a" in text_of(fg.get(f"{path}/melding"))
    file = fg.submit(f"{path}/melding", {})
    assert file.headers["content-disposition"].startswith("attachment")
    assert json.loads(file.body)["vragen"][0]["antwoord"] == NATURE


def test_the_evidence_of_an_incident_is_kept(desk, fg):
    path = incident(desk, "")
    proof = re.search(r'name="bewijs" value="([0-9a-f]+)"', fg.get(path).body.decode())[1]
    kept = fg.post(f"{path}/bewaren", {"bewijs": proof, "bewaarreden": "onderzoek loopt"})
    assert (kept.status, kept.headers["location"]) == (303, f"{path}?bewaard=ja")
    assert "wordt niet vernietigd" in text_of(fg.get(kept.headers["location"]))


def test_an_auditor_has_the_log_checked_and_reads_what_was_found(desk, browser):
    with new_page(browser) as window:
        log_in(window, desk, desk.people[Role.AUDITOR, HOOFD])
        window.get_by_role("link", name="Controle van het logboek").click()
        window.get_by_role("button", name="Kijk het logboek nu na").click()
        run = window.url
        for _ in range(120):
            if window.get_by_role("button", name="als JSON-bestand").count():
                break
            window.wait_for_timeout(500)
            window.goto(run)
        assert window.get_by_role("rowheader", name="Elke logregel is de regel die is vastgelegd").is_visible()
        assert "goed" in window.get_by_role("row", name="V1 Elke").inner_text()
        assert wrong_with(window) == []
        with window.expect_download() as signed:
            window.get_by_role("button", name="als PDF").click()
        assert Path(signed.value.path()).read_bytes().startswith(b"%PDF-")
        with window.expect_download() as given:
            window.get_by_role("button", name="als JSON-bestand").click()
        report = json.loads(Path(given.value.path()).read_text(encoding="utf-8"))
        assert {each["controle"] for each in report["controles"]} >= {"V1", "V19"}
        window.goto(desk.url + "/")
        assert window.get_by_text("Het logboek is ongeschonden en volledig.").is_visible()


def test_the_register_is_a_page_and_a_file(desk, fg):
    assert "Berichten uitwisselen over jeugdhulp" in text_of(fg.get("/verwerkingsregister"))
    made = json.loads(fg.submit("/verwerkingsregister", {}).body)
    assert {each["code"] for each in made["ontvangers"]} >= {HOOFD, OTHER}


def test_an_incident_of_the_gateway_is_read_by_all_and_changed_by_its_own(desk, fg):
    ours = desk.logged_in(Role.OPS, OPERATOR)
    path = ours.submit("/incidenten/nieuw", told(soort="storing")).headers["location"]
    page = fg.get(path)
    assert page.status == 200
    assert 'name="stap"' not in page.body.decode()
    assert ours.get(incident(desk, "")).status == 404


def test_the_reach_of_an_incident_ends_at_what_concerns_ones_own_party(desk):
    theirs = desk.logged_in(Role.FG, ONDER)
    path = theirs.submit("/incidenten/nieuw", told()).headers["location"]
    fields = {"van": "2026-01-01T00:00", "tot": "2099-01-01T00:00", "reden": "nieuwsgierig", "mensen": "ja"}
    ours = fingerprint((desk.gateway.home / f"partij-{HOOFD}" / f"{HOOFD}.pem").read_bytes())
    for by in ({"soort": "wie", "waarde": HOOFD}, {"soort": "bewijs", "waarde": ours}):
        found = text_of(theirs.submit(f"{path}/bereik", {**fields, **by}))
        assert "Mensen 0 Berichten 0" in found
        assert CLIENT not in found
