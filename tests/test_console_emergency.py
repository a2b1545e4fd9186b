"""Emergency access on its pages: taken, seen by others at once, used, ended and reviewed."""

import html
import re
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from browser import browser, log_in, new_page, wrong_with
from console import add_person, console, text_of
from running import HOOFD, ONDER

from gateway.invented import message
from gateway.oversight.rights import Role

__all__ = ["browser"]
CLIENT = "999900006"
REASON = "crisis, de behandelaar is niet te bereiken"


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    with console(tmp_path_factory.mktemp("toezicht") / "poort") as desk:
        yield desk


def test_an_emergency_from_reason_to_review(desk, browser):
    id_ = desk.gateway.send(message("ho301-gewoon", "N1")).json["berichtId"]
    reviewer = desk.logged_in(Role.FG)
    stranger = desk.logged_in(Role.FG, ONDER)
    with new_page(browser) as page:
        log_in(page, desk, desk.people[Role.OPS, HOOFD])
        page.goto(f"{desk.url}/noodtoegang/vragen")
        page.get_by_role("button", name="Begin een uur noodtoegang").click()
        assert "Schrijf 10 tot 500 tekens" in page.content()
        page.get_by_label("Waarom kan het niet anders?").fill(REASON)
        page.get_by_label("Ik weet dat alles wat ik nu doe wordt nagekeken.").check()
        page.get_by_role("button", name="Begin een uur noodtoegang").click()

        # Everybody who must know, knows at once; on each page stands that it lasts.
        told = text_of(reviewer.get("/"))
        assert "Noodtoegang die nu aan staat" in told
        assert "op uw beoordeling" not in told
        assert "Noodtoegang die nu aan staat" not in text_of(stranger.get("/"))
        for path in ("/", "/sessie", "/zoeken"):
            page.goto(desk.url + path)
            assert page.get_by_text("Noodtoegang staat aan tot").is_visible()

        page.goto(f"{desk.url}/berichten/{id_}")
        page.get_by_role("link", name="Lees de inhoud").click()
        page.get_by_label("Reden").fill(REASON)
        page.get_by_role("button", name="Inhoud lezen").click()
        assert f"<Bsn>{CLIENT}</Bsn>" in page.get_by_role("region", name="Inhoud van het bericht").inner_text()
        assert CLIENT not in page.url + page.title()
        assert wrong_with(page) == []

        page.goto(f"{desk.url}/noodtoegang")
        page.get_by_role("button", name="Beëindig mijn noodtoegang nu").click()
        assert not page.get_by_text("Noodtoegang staat aan tot").is_visible()
        page.goto(f"{desk.url}/zoeken")
        assert "Deze pagina is er niet" in page.content()

    found = re.search(r"/noodtoegang/[0-9a-f]{32}", reviewer.get("/noodtoegang").body.decode())
    assert stranger.get(found[0]).status == 404
    own = text_of(reviewer.get(f"/berichten/{id_}"))
    assert "Functionaris opende een bericht" in own
    assert "noodtoegang" in own
    assert reviewer.submit(found[0], {"oordeel": "", "bevinding": "x"}).status == 422
    assert reviewer.submit(found[0], {"oordeel": "terecht", "bevinding": "het was echt nodig"}).status == 303
    assert "is beoordeeld" in text_of(reviewer.get(found[0]))
    assert "op uw beoordeling" not in text_of(reviewer.get("/"))
    assert CLIENT.encode() not in desk.gateway.said()
    assert REASON.encode() not in desk.gateway.said()


def searched(fg, path):
    """The page with what was found of a question, or with the file of a person."""
    asked = {"bsn": CLIENT, "doel": "toezicht", "reden": "steekproef van vandaag"}
    return fg.submit(path, asked).headers["location"]


def test_who_takes_emergency_access_comes_back_to_the_message_the_search_or_the_file(desk):
    id_ = desk.gateway.send(message("ho301-gewoon", "N3")).json["berichtId"]
    fg = desk.visitor()
    fg.log_in(add_person(desk.gateway.home, Role.FG, HOOFD, login="fg.terug"))
    for page in (f"/berichten/{id_}/inhoud", searched(fg, "/zoeken"), f"{searched(fg, '/inzage')}?beeld=organisatie"):
        [link] = re.findall(r'href="(/noodtoegang/vragen\?[^"]*)"', html.unescape(fg.get(page).body.decode()))
        form = fg.get(link).body.decode()
        assert f'href="{page}">Terug<' in form
        [to] = re.findall(r'action="(/noodtoegang/vragen[^"]*)"', form)
        wrong = fg.submit(link, {"reden": ""}, to=to)
        assert (wrong.status, f'action="{to}"' in wrong.body.decode()) == (422, True)
        taken = fg.submit(link, {"reden": REASON, "weet": "ja"}, to=to)
        assert (taken.status, taken.headers["location"]) == (303, page)
        assert "Noodtoegang staat aan tot" in text_of(fg.get(page))
        fg.submit("/noodtoegang", {}, to="/noodtoegang/einde")


def test_who_must_first_confirm_who_he_is_comes_back_there_too(desk):
    person = add_person(desk.gateway.home, Role.FG, HOOFD, login="fg.eerst")
    fg = desk.visitor()
    wanted = fg.get("/noodtoegang/vragen?naar=/inzage").headers["location"]
    assert wanted.startswith("/aanmelden?naar=")
    [naar] = parse_qs(urlsplit(wanted).query)["naar"]
    assert fg.log_in(person, naar=naar).headers["location"] == "/noodtoegang/vragen?naar=/inzage"


@pytest.mark.parametrize(
    "elsewhere",
    [
        "//kwaad.voorbeeld",
        "/\\kwaad.voorbeeld",
        "https://kwaad.voorbeeld",
        "/%2f/kwaad.voorbeeld",
        "/%5ckwaad",
        "kwaad",
    ],
)
def test_emergency_access_leads_to_no_other_place(desk, stays, elsewhere):
    link = f"/noodtoegang/vragen?{urlencode({'naar': elsewhere})}"
    assert "kwaad" not in stays.get(link).body.decode()
    taken = stays.submit(link, {"reden": REASON, "weet": "ja"}, to=link)
    assert (taken.status, taken.headers["location"]) == (303, "/noodtoegang")


@pytest.fixture(scope="module")
def stays(desk):
    """An fg who is logged in all the while."""
    visitor = desk.visitor()
    visitor.log_in(add_person(desk.gateway.home, Role.FG, HOOFD, login="fg.blijft"))
    return visitor


def test_who_reviews_an_emergency_gets_what_was_done_under_it_and_that_search_is_logged(desk, browser):
    id_ = desk.gateway.send(message("ho301-gewoon", "N4")).json["berichtId"]
    reviewed = desk.visitor()
    reviewed.log_in(add_person(desk.gateway.home, Role.OPS, HOOFD, login=f"ops.{'met-een-lange-naam' * 2}"))
    reviewed.submit("/noodtoegang/vragen", {"reden": "de lange naam zit vast", "weet": "ja"})
    path = f"/berichten/{id_}/inhoud"
    assert CLIENT in text_of(reviewed.submit(path, {"doel": "nood", "reden": REASON}))
    reviewed.submit("/noodtoegang", {}, to="/noodtoegang/einde")
    with new_page(browser) as page:
        log_in(page, desk, add_person(desk.gateway.home, Role.FG, HOOFD, login="fg.kijkt.na"))
        page.goto(f"{desk.url}/noodtoegang")
        row = page.get_by_role("row").filter(has_text="de lange naam zit vast")
        row.get_by_role("link", name="Beoordeel").click()
        page.get_by_role("button", name="Zoek op wat er is gedaan").click()
        assert wrong_with(page) == []
        found = page.get_by_role("table").inner_text()
        assert "Functionaris opende een bericht" in found
        assert "noodtoegang" in found
        assert "Bericht ontvangen" not in found, "what others did is not there"
        page.goto(f"{desk.url}/zoeken")
        page.get_by_label("Wie", exact=True).fill("fg.kijkt.na")
        page.get_by_label("Doel").select_option("toezicht")
        page.get_by_label("Reden").fill("wie zocht er")
        page.get_by_role("button", name="Zoeken").click()
        assert "Beoordeling van de noodtoegang van" in page.content()


def test_the_content_of_a_message_stays_closed_without_an_emergency(desk):
    id_ = desk.gateway.send(message("ho301-gewoon", "N2")).json["berichtId"]
    fg = desk.visitor()
    fg.log_in(add_person(desk.gateway.home, Role.FG, HOOFD, login="fg.drie"))
    answer = fg.get(f"/berichten/{id_}/inhoud")
    assert answer.status == 403
    assert "noodtoegang nodig" in text_of(answer)
    answer = fg.submit("/noodtoegang/vragen", {"doel": "nood", "reden": REASON}, to=f"/berichten/{id_}/inhoud")
    assert answer.status == 403
    assert CLIENT not in text_of(answer)


def test_nobody_reviews_his_own_on_the_page(desk):
    fg = desk.visitor()
    fg.log_in(add_person(desk.gateway.home, Role.FG, HOOFD, login="fg.alleen"))
    assert fg.submit("/noodtoegang/vragen", {"reden": REASON, "weet": "ja"}).status == 303
    fg.submit("/noodtoegang", {}, to="/noodtoegang/einde")
    other = desk.visitor()
    other.log_in(add_person(desk.gateway.home, Role.FG, HOOFD, login="fg.ander"))
    path, *_ = re.findall(r"/noodtoegang/[0-9a-f]{32}", other.get("/noodtoegang").body.decode())  # the last first
    assert "eigen noodtoegang niet beoordelen" in text_of(fg.get(path))
    proof = re.search(r'name="bewijs" value="([0-9a-f]+)"', fg.get("/noodtoegang/vragen").body.decode())
    answer = fg.post(path, {"bewijs": proof[1], "oordeel": "terecht", "bevinding": "dat vond ik zelf"})
    assert answer.status == 404
