"""The pages in a real browser: judged by axe, wide and narrow, light and dark; by keyboard alone, without scripts."""

import json
import re
import subprocess
from pathlib import Path

import asked
import pytest
from browser import NARROW, browser, log_in, new_page, wrong_with
from console import add_person, console, text_of
from needs import needs
from running import HOOFD, OTHER
from test_console_access import EXAMPLES

from adapters import console as pages
from adapters.console.application import PAGES
from adapters.console.render import called
from gateway.catalog import titles
from gateway.invented import message
from gateway.oversight.accounts import ROLES
from gateway.oversight.rights import RIGHTS, Role

__all__ = ["browser"]
TEMPLATES = Path(pages.__file__).parent / "templates"
SHOWN = [page for page in PAGES if page.method == "GET"]


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    with console(tmp_path_factory.mktemp("toezicht") / "poort", named=(HOOFD,)) as desk:
        yield desk


@pytest.fixture(scope="module")
def message_id(desk):
    return desk.gateway.send(message("ho301-gewoon", "D301", sender=HOOFD, receiver=OTHER)).json["berichtId"]


@pytest.fixture(scope="module")
def windows(desk, browser):
    """For each role a window in which its officer of HOOFD is logged in."""
    kept = {}
    opened = [new_page(browser) for _ in ROLES]
    for role, window in zip(ROLES, opened, strict=True):
        kept[role] = window.__enter__()
        log_in(kept[role], desk, desk.people[role, HOOFD])
    yield kept
    for window in opened:
        window.__exit__()


def by_hand(desk, window):
    """The officer of this window, asking by hand: in the same session."""
    visitor = desk.visitor()
    visitor.cookies |= {each["name"]: each["value"] for each in window.context.cookies()}
    return visitor


@pytest.mark.parametrize("page", SHOWN, ids=lambda page: page.path)
def test_axe_finds_nothing_wrong_wide_and_narrow_light_and_dark_and_the_browser_refuses_nothing(
    desk, windows, message_id, page
):
    window = windows[next(role for role in ROLES if page.right in RIGHTS[role])]
    visitor = by_hand(desk, window)
    path = EXAMPLES[page.path](desk, message_id) if "{" in page.path else page.path
    path = asked.OWN[page.path](visitor) if page.path in asked.OWN else path
    answer = visitor.get(path)
    assert answer.status in (200, 303, 403)
    if answer.status == 303 or "attachment" in answer.headers.get("content-disposition", ""):
        return  # it goes on to another page, or is a file
    refused = []
    window.on("console", lambda told: refused.append(told.text) if told.type == "error" else None)
    window.goto(desk.url + path)
    assert wrong_with(window) == []
    window.emulate_media(color_scheme="dark")
    assert wrong_with(window, "color-contrast", "link-in-text-block") == []
    window.emulate_media(color_scheme="light")
    wide = window.viewport_size
    window.set_viewport_size(NARROW)
    assert wrong_with(window, "target-size") == []
    assert window.evaluate("document.documentElement.scrollWidth") <= NARROW["width"], "one must scroll sideways"
    window.set_viewport_size(wide)
    assert refused == [] or answer.status == 403  # the browser tells that as an error


@pytest.mark.parametrize("path", ["/aanmelden", "/afgemeld"])
def test_the_door_has_nothing_wrong_either(desk, browser, path):
    for dark in (False, True):
        with new_page(browser, dark=dark, viewport=NARROW) as window:
            window.goto(desk.url + path)
            assert wrong_with(window) == []
            assert window.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]


@pytest.mark.parametrize("template", sorted(TEMPLATES.glob("*.html")), ids=lambda each: each.stem)
def test_what_is_wrong_in_a_form_is_told_by_us_in_dutch_and_not_by_the_browser_in_its_own_language(template):
    forms = re.findall(r"<form [^>]*kp-form[^>]*>", template.read_text("utf-8"))
    assert [form for form in forms if "novalidate" not in form] == []


def test_a_page_that_is_not_there_says_so_and_leads_back(desk, windows):
    window = windows[Role.FG]
    assert window.goto(desk.url + "/bestaat-niet").status == 404
    assert wrong_with(window) == []
    window.get_by_role("link", name="Naar het begin").click()
    assert window.get_by_role("heading", name="Begin").is_visible()


def test_one_logs_in_and_off_with_the_keyboard_alone_and_always_sees_where_one_is(desk, browser):
    person = desk.people[Role.AUDITOR, HOOFD]
    with new_page(browser) as window:
        window.goto(desk.url)
        seen = []

        def tab():
            window.keyboard.press("Tab")
            seen.append(window.evaluate("(() => { const s = getComputedStyle(document.activeElement);"
                                        " return s.outlineStyle + s.outlineWidth })()"))  # fmt: skip

        tab()
        assert window.evaluate("document.activeElement.textContent") == "Naar de inhoud"
        tab()  # the name of the place
        for text in (person.login, person.password, person.code()):
            tab()
            window.keyboard.type(text)
        tab()
        window.keyboard.press("Enter")
        window.wait_for_url(desk.url + "/")
        assert window.get_by_role("heading", name="Begin").is_visible()
        tab()
        window.keyboard.press("Enter")
        assert window.evaluate("document.activeElement.id || location.hash") in ("inhoud", "#inhoud")
        window.goto(desk.url)
        for _ in range(4):
            tab()
        assert window.evaluate("document.activeElement.textContent") == "Afmelden"
        window.keyboard.press("Enter")
        window.wait_for_url(desk.url + "/afgemeld")
        assert set(seen) == {"solid3px"}


def test_everything_works_where_no_script_may_run(desk, browser):
    person = desk.people[Role.TENANT_ADMIN, HOOFD]
    with new_page(browser, script=False) as window:
        log_in(window, desk, person)
        window.get_by_role("link", name="Functionarissen").click()
        cells = window.get_by_role("row", name=person.name).get_by_role("cell").all_inner_texts()
        assert cells == [person.login, "partijbeheerder", "wachtwoord en code", "ja"]
        window.get_by_role("button", name="Afmelden").click()
        assert window.get_by_role("heading", name="U bent afgemeld").is_visible()


def test_all_that_belongs_to_one_name_stands_under_each_other(desk, windows):
    window = windows[Role.FG]
    window.goto(desk.url + "/verwerkingsregister")
    values = window.locator("main dl").first.locator("dd")
    assert values.count() > window.locator("main dl").first.locator("dt").count()
    assert len({each.bounding_box()["x"] for each in values.all()}) == 1


def test_a_plot_tells_its_numbers_in_a_table_too(desk, windows, message_id):
    window = windows[Role.FG]
    window.goto(desk.url)
    window.get_by_text("in een tabel").click()
    rows = window.locator("figure table tbody tr").all_inner_texts()
    assert len(rows) == 24
    counts = [int(row.split()[-1].replace(".", "")) for row in rows]
    bars = window.locator("figure rect title").all_text_contents()
    assert counts == [int(bar.split(": ")[1].replace(".", "")) for bar in bars]
    assert sum(counts) > 0


def test_who_says_something_wrong_is_told_so_where_he_looks_and_in_the_title(desk, browser):
    with new_page(browser) as window:
        window.goto(desk.url)
        window.get_by_label("Gebruikersnaam").fill("niemand")
        window.get_by_label("Wachtwoord").fill("niets")
        window.get_by_label("Code").fill("123456")
        window.get_by_role("button", name="Aanmelden").click()
        assert window.get_by_role("alert").inner_text().startswith("Dat lukte niet")
        assert window.title().startswith("Fout: ")
        assert wrong_with(window) == []


def test_a_message_type_has_its_name_beside_the_code_on_pages_in_the_pdf_and_in_the_json(desk, message_id):
    assert titles()["ho301"] == "Opdracht"
    assert (called("ho301"), called("ho999"), called("")) == ("HO301 Opdracht", "HO999", "")
    fg = desk.visitor()
    fg.log_in(add_person(desk.gateway.home, Role.FG, HOOFD, login="fg.namen"))
    assert "Bericht HO301 Opdracht" in text_of(fg.get(f"/berichten/{message_id}"))
    asked_for = {"bsn": "999900006", "doel": "inzage", "reden": "de cliënt vraagt erom"}
    found = fg.submit("/zoeken", {**asked_for, "soort": "bericht.ontvangen"}).headers["location"]
    assert "HO301 Opdracht" in text_of(fg.get(found))
    file = fg.submit("/inzage", asked_for).headers["location"]
    assert "Bericht ontvangen en bewaard (HO301 Opdracht)" in text_of(fg.get(file))
    given = json.loads(fg.submit(f"{file}/uitvoer", {"vorm": "json"}).body)
    assert {(each["soort"], each["soortNaam"]) for each in given["regels"] if "soort" in each} == {
        ("ho301", "Opdracht")
    }
    paper = fg.submit(f"{file}/uitvoer", {"vorm": "pdf"}).body
    text = subprocess.run([needs("pdftotext"), "-", "-"], input=paper, capture_output=True, check=True).stdout.decode()
    assert "(HO301 Opdracht)" in re.sub(r"\s+", " ", text)
