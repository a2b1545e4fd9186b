"""The pages on which an officer searches, makes the file of a person and follows a message, in a real browser."""

import csv
import io
import json
import re
import sqlite3

import pytest
from browser import NARROW, WIDE, browser, log_in, new_page, wrong_with
from console import console, text_of
from openpyxl import load_workbook
from running import HOOFD, ONDER

from gateway.invented import message
from gateway.oversight.rights import Role

__all__ = ["browser"]
CLIENT = "999900006"
WHY = {"doel": "toezicht", "reden": "steekproef van deze maand"}


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    with console(tmp_path_factory.mktemp("toezicht") / "poort") as desk:
        yield desk


@pytest.fixture(scope="module")
def ids(desk) -> list[str]:
    """Messages about `CLIENT`, fetched by their receiver."""
    sent = [desk.gateway.send(message("ho301-gewoon", f"Z{number}")).json["berichtId"] for number in range(3)]
    for id_ in sent:
        assert desk.gateway.ask("GET", f"/v1/berichten/{id_}", party=ONDER).status == 200
    return sent


@pytest.fixture(scope="module")
def fg(desk, ids):
    return desk.logged_in(Role.FG)


@pytest.fixture(scope="module")
def page(desk, ids, browser):
    """A window in which the fg of HOOFD is logged in."""
    with new_page(browser) as page:
        log_in(page, desk, desk.people[Role.FG, HOOFD])
        yield page


def visited(visitor, path, fields):
    """Send a form and go where it leads."""
    answer = visitor.submit(path, fields)
    assert answer.status == 303, text_of(answer)
    return answer.headers["location"]


def test_a_search_by_bsn_from_form_to_lines(desk, page):
    page.goto(f"{desk.url}/zoeken")
    page.get_by_label("BSN van een cliënt").fill("9999.00.006")
    page.get_by_label("Doel").select_option(label="Toezicht op de omgang met gegevens (AVG art. 39)")
    page.get_by_label("Reden").fill("steekproef van deze maand")
    page.get_by_role("button", name="Zoeken").click()

    assert re.fullmatch(rf"{desk.url}/zoeken/[0-9a-f]{{32}}", page.url)
    table = page.get_by_role("table", name="Regels, de nieuwste eerst")
    assert table.get_by_text("Bericht opgehaald").count() == 3
    assert table.get_by_text("Zonnehoek").count() >= 3
    assert table.get_by_text("••••••006").count() >= 6
    assert CLIENT not in page.content()
    assert CLIENT not in page.title()
    assert wrong_with(page) == []
    page.reload()
    assert page.get_by_text("Bericht opgehaald").count() == 3


def test_all_that_is_wrong_stands_beside_its_field(desk, page):
    page.goto(f"{desk.url}/zoeken")
    page.get_by_label("BSN van een cliënt").fill("999900007")
    page.get_by_label("Berichtnummer").fill("x")
    page.get_by_role("button", name="Zoeken").click()
    for field, text in {
        "bsn": "elfproef", "bericht": "32 tekens", "doel": "Kies waarvoor", "reden": "Schrijf in 10 tot 500",
    }.items():  # fmt: skip
        assert text in page.locator(f"#{field}-fout").inner_text()
    assert wrong_with(page) == []


def test_a_search_by_keyboard_alone(desk, page):
    page.goto(f"{desk.url}/zoeken")
    page.get_by_label("Berichtnummer").focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.type(CLIENT)
    for _ in range(4):
        page.keyboard.press("Tab")
    page.keyboard.type("Een k")
    page.keyboard.press("Tab")
    page.keyboard.type("een klacht van mevrouw")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/zoeken/[0-9a-f]{32}"))
    assert page.get_by_text("Een klacht of vraag").first.is_visible()
    more = page.locator("summary").first
    more.focus()
    page.keyboard.press("Enter")
    assert page.get_by_text("Hash van de regel").first.is_visible()


def test_an_address_that_is_asked_holds_no_person(desk, ids, page):
    seen = []
    page.on("request", lambda request: seen.append(request.url))
    page.goto(f"{desk.url}/inzage")
    page.get_by_label("BSN van de cliënt").fill(CLIENT)
    page.get_by_label("Reden").fill("verzoek van 3 maart")
    page.get_by_role("button", name="Overzicht maken").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Overzicht over een cliënt"
    assert page.get_by_text(f"••••••{CLIENT[-3:]}").first.is_visible()
    assert CLIENT not in page.content()
    page.get_by_role("link", name="Bekijk het zoals de organisatie het leest").click()
    page.get_by_role("link", name="HO301").first.click()
    assert seen
    assert not [url for url in seen if CLIENT in url]
    assert CLIENT not in desk.gateway.said().decode()


def test_a_file_of_a_person_says_that_it_is_whole_and_who_received_what(desk, page):
    page.goto(f"{desk.url}/inzage")
    page.get_by_label("BSN van de cliënt").fill(CLIENT)
    page.get_by_label("Reden").fill("verzoek van 3 maart")
    page.get_by_role("button", name="Overzicht maken").click()
    assert re.search(r"(\d+) regels, nummers 1 t/m \1, compleet\.", page.content())
    involved = page.get_by_role("table", name="Betrokken organisaties")
    assert {"De Brug", "Zonnehoek"} == {each.inner_text() for each in involved.get_by_role("rowheader").all()}
    assert page.get_by_role("table", name="Ontvangen gegevens").get_by_text("Zonnehoek").count() == 3
    assert (
        desk.people[Role.FG, HOOFD].login not in page.get_by_role("table", name=re.compile("Regels over")).inner_text()
    )
    page.locator("summary").first.click()
    assert wrong_with(page) == []


def test_the_file_of_a_person_goes_along_as_json_and_pdf(desk, fg):
    path = visited(fg, "/inzage", {"bsn": CLIENT, **WHY}) + "/uitvoer"
    answer = fg.submit(path, {"vorm": "json", "beeld": "client"})
    told = json.loads(answer.body)
    assert told["volledigheid"]["compleet"]
    assert [line["nummer"] for line in told["regels"]] == list(range(len(told["regels"]), 0, -1))
    assert re.fullmatch(r"fg\.98000001, 20\S+, logregel [0-9]+", told["kenmerk"])
    assert not [line for line in told["regels"] if "wie" in line or "reden" in line]
    assert {each["organisatie"] for each in told["ontvangen"]} == {"Zonnehoek"}
    assert CLIENT not in answer.headers["content-disposition"]

    organisation = json.loads(fg.submit(path, {"vorm": "json", "beeld": "organisatie"}).body)
    assert "steekproef van deze maand" in {line.get("reden") for line in organisation["regels"]}
    paper = fg.submit(path, {"vorm": "pdf", "beeld": "client"})
    assert paper.body.startswith(b"%PDF-1.7")
    assert b"pdfuaid" in paper.body
    assert fg.submit(path, {"vorm": "exe"}).status == 404


def test_a_list_goes_along_as_csv_and_as_a_workbook_marked_and_harmless(desk, fg):
    hostile = '=HYPERLINK("https://kwaad.voorbeeld","klik") en meer'
    fg.submit("/zoeken", {**WHY, "reden": hostile})
    fg.submit("/zoeken", {**WHY, "reden": "@SOM(1+1), met een “omgekeerde\u202etekst"})
    path = visited(fg, "/zoeken", {**WHY, "soort": "logboek.doorzocht", "wie": "fg.98000001"}) + "/uitvoer"
    answer = fg.submit(path, {"vorm": "csv"})
    assert answer.headers["content-type"] == "text/csv"
    rows = list(csv.DictReader(io.StringIO(answer.body.decode(), newline=""), strict=True))
    reasons = [row["reden"] for row in rows]
    assert f"'{hostile}" in reasons
    assert "'@SOM(1+1), met een “omgekeerde[U+202E]tekst" in reasons
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert {re.sub("20.*logregel [0-9]+", "", row["uitgevoerd"]) for row in rows} == {"fg.98000001, "}
    assert answer.body.count(b"\r\n") == len(rows) + 1

    book = load_workbook(io.BytesIO(fg.submit(path, {"vorm": "xlsx"}).body))
    cells = [cell for row in book.active.iter_rows() for cell in row]
    assert {cell.data_type for cell in cells} <= {"s", "n"}
    assert not [cell for cell in cells if cell.data_type == "n" and cell.value is not None]
    assert hostile in [cell.value for cell in cells]
    assert not [cell for cell in cells if cell.hyperlink]


def test_taking_away_asks_again_who_it_is(desk, fg):
    path = visited(fg, "/zoeken", WHY) + "/uitvoer"
    with sqlite3.connect(desk.gateway.home / "ketenpoort.sqlite", timeout=30) as db:
        db.execute("UPDATE console_sessions SET fresh_at = 0 WHERE officer = 'fg.98000001'")
    assert fg.get(path).headers["location"].startswith("/aanmelden?naar=")
    fg.log_in(desk.people[Role.FG, HOOFD])
    assert fg.get(path).status == 200


def test_an_auditor_searches_without_people(desk, ids):
    auditor = desk.logged_in(Role.AUDITOR)
    form = text_of(auditor.get("/zoeken"))
    assert "BSN" not in form
    answer = auditor.get(visited(auditor, "/zoeken", {**WHY, "bsn": CLIENT, "wie": HOOFD}))
    told = text_of(answer)
    assert "Bericht opgehaald" in told
    assert "Zonnehoek" not in told
    assert "•••" not in told


def test_the_story_of_a_message_has_an_address_that_stays(desk, ids, page):
    page.goto(f"{desk.url}/berichten/{ids[0]}")
    steps = page.get_by_role("table", name="De stappen van dit bericht")
    assert [each.inner_text() for each in steps.get_by_role("rowheader").all()] == [
        "Ontvangen", "Gecontroleerd", "Aangeboden", "Bezorgd", "Beantwoord",
    ]  # fmt: skip
    assert "nog niet" in steps.inner_text()
    assert page.get_by_role("img", name="Tijdlijn van het bericht").is_visible()
    assert "Zonnehoek" in page.get_by_role("table", name="Wie de inhoud kreeg of las").inner_text()
    assert wrong_with(page) == []
    page.get_by_role("link", name="Zoek de regels over dit bericht").click()
    assert page.get_by_label("Berichtnummer").input_value() == ids[0]


@pytest.mark.parametrize(("viewport", "dark"), [(WIDE, False), (NARROW, True)], ids=["wide", "narrow and dark"])
def test_each_page_is_good_to_read(desk, ids, browser, page, viewport, dark):
    with new_page(browser, viewport=viewport, dark=dark) as other:
        other.context.add_cookies(page.context.cookies())
        for path in ("/zoeken", "/inzage", f"/berichten/{ids[0]}", "/noodtoegang", "/noodtoegang/vragen"):
            other.goto(desk.url + path)
            assert other.evaluate("document.documentElement.scrollWidth") <= viewport["width"], path
            assert wrong_with(other) == [], path


def test_it_works_without_scripts_and_on_a_narrow_screen(desk, ids, browser, page):
    with new_page(browser, viewport=NARROW, script=False) as other:
        other.context.add_cookies(page.context.cookies())
        other.goto(f"{desk.url}/zoeken?bericht={ids[0]}")
        other.get_by_label("Doel").select_option("toezicht")
        other.get_by_label("Reden").fill("steekproef van deze maand")
        other.get_by_role("button", name="Zoeken").click()
        other.locator("summary").first.click()
        assert other.get_by_text("Hash van de regel").first.is_visible()


def told_to_client(fg, path):
    return json.loads(fg.submit(f"{path}/uitvoer", {"vorm": "json", "beeld": "client"}).body)


def test_an_officer_leaves_lines_out_of_what_the_client_gets_without_script_and_by_keyboard(desk, ids, browser, fg):
    with new_page(browser, script=False) as page:
        log_in(page, desk, desk.people[Role.FG, HOOFD])
        page.goto(f"{desk.url}/inzage")
        page.get_by_label("BSN van de cliënt").fill(CLIENT)
        page.get_by_label("Reden").fill("verzoek van 3 maart")
        page.get_by_role("button", name="Overzicht maken").click()
        here = page.url
        page.get_by_role("link", name="Laat regels weg voor de cliënt").click()
        page.get_by_role("button", name="Keuze vastleggen").click()
        assert "Kies eerst regels" in page.get_by_role("alert").inner_text()
        assert "Kies waarom" in page.locator("#grond-fout").inner_text()
        page.locator("summary", has=page.get_by_text("Bericht opgehaald")).first.focus()
        page.keyboard.press("Enter")
        box = page.get_by_role("checkbox", name=re.compile("^nummer [0-9]+$")).locator("visible=true").first
        number = int(box.get_attribute("value"))
        box.focus()
        page.keyboard.press("Space")
        page.get_by_label("Waarom de cliënt dit niet krijgt").select_option("ander")
        page.get_by_label("Toelichting").fill("hier leest hij mee over de buurvrouw")
        page.get_by_role("button", name="Keuze vastleggen").press("Enter")

        told = f"Voor de cliënt: 1 regel is weggelaten: nummer {number} (het belang van een ander)."
        assert told in page.get_by_role("status").first.inner_text()
        assert page.get_by_text("weggelaten: het belang van een ander").count() >= 1
        page.get_by_role("link", name="Bekijk het zoals de cliënt het leest").click()
        assert told in page.get_by_role("status").first.inner_text()
        assert page.get_by_role("checkbox").count() == 0
        assert "buurvrouw" not in page.content()
    path = visited(fg, "/inzage", {"bsn": CLIENT, **WHY})
    given = told_to_client(fg, path)
    assert given["volledigheid"]["compleet"]
    assert given["weggelaten"]["regels"] == 1
    assert given["weggelaten"]["gronden"][0]["nummers"] == [[number, number]]
    assert "Autoriteit Persoonsgegevens" in given["weggelaten"]["uwRechten"]
    assert number not in [line["nummer"] for line in given["regels"]]
    assert fg.submit(f"{path}/uitvoer", {"vorm": "pdf", "beeld": "client"}).body.startswith(b"%PDF-1.7")
    assert fg.get(here.removeprefix(desk.url)).status == 404  # of another session

    again = {"regels": str(number), "grond": "geven", "reden": "de buurvrouw vindt het goed"}
    assert fg.submit(f"{path}?beeld=organisatie", again, to=path).status == 303
    assert told_to_client(fg, path)["weggelaten"]["gronden"] == []


def test_leaving_out_a_whole_kind_or_all_of_one_employee(desk, ids, fg):
    path = visited(fg, "/inzage", {"bsn": CLIENT, **WHY})
    choice = {"soort": "bericht.gelezen", "wie": "fg.98000001", "grond": "kind", "reden": "een ouder vraagt inzage"}
    fg.submit(f"{path}?beeld=organisatie", choice, to=path)
    given = told_to_client(fg, path)
    assert given["ontvangen"] == []
    assert "bericht.gelezen" not in {line["gebeurtenis"] for line in given["regels"]}
    officers = [line for line in given["regels"] if line["rol"] == "functionaris gegevensbescherming"]
    assert {line["gebeurtenis"] for line in officers} <= {"dossier.beperkt", "dossier.ingezien", "dossier.geexporteerd"}
    fg.submit(f"{path}?beeld=organisatie", {**choice, "grond": "geven"}, to=path)
    assert told_to_client(fg, path)["weggelaten"]["regels"] == 0


def test_the_page_on_which_lines_are_left_out_is_sound_on_any_screen(desk, ids, page):
    page.goto(f"{desk.url}/inzage")
    page.get_by_label("BSN van de cliënt").fill(CLIENT)
    page.get_by_label("Reden").fill("verzoek van 3 maart")
    page.get_by_role("button", name="Overzicht maken").click()
    page.get_by_role("link", name="Laat regels weg voor de cliënt").click()
    page.get_by_role("button", name="Keuze vastleggen").click()
    for size in (WIDE, NARROW):
        page.set_viewport_size(size)
        for summary in page.locator("summary").all():
            summary.evaluate("each => each.parentElement.open = true")
        assert wrong_with(page) == []
    page.set_viewport_size(WIDE)


def test_a_client_gets_nothing_as_long_as_lines_are_missing_for_a_choice_to_leave_some_out_may_be_among_them(desk, fg):
    path = visited(fg, "/inzage", {"bsn": CLIENT, **WHY}) + "/uitvoer"
    moved = "UPDATE audit_subject_lines SET seq = ? WHERE seq = ? AND subject IN (SELECT id FROM audit_subjects)"
    with sqlite3.connect(desk.gateway.home / "ketenpoort.sqlite", timeout=30) as db:
        db.execute(moved, (10_002, 2))
    refused = fg.submit(path, {"vorm": "json", "beeld": "client"})
    assert refused.status == 422
    assert "De cliënt krijgt nog niets mee. Niet compleet. Nummers 2" in text_of(refused)
    assert not json.loads(fg.submit(path, {"vorm": "json", "beeld": "organisatie"}).body)["volledigheid"]["compleet"]
    with sqlite3.connect(desk.gateway.home / "ketenpoort.sqlite", timeout=30) as db:
        db.execute(moved, (2, 10_002))
