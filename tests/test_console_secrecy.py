"""Officers who are named for it keep a client secret, in a real browser; of that client nothing is readable."""

import json
import re
import subprocess
import sys

import hiding
import pytest
from browser import NARROW, browser, log_in, new_page, wrong_with
from canaries import canary, found, found_in_files
from console import add_person, console, text_of
from running import HOOFD, ONDER, wait_until

from audit import box
from gateway.invented import message
from gateway.oversight.rights import Role
from gateway.retention import forms
from gateway.retention.forms import NO_BSN

__all__ = ["browser"]
CHILD = canary(7)
NUMBER = "K-2026.17"
WHY = "Melding van de gemeente van vandaag."
START = {"nummer": NUMBER, "gemeente": hiding.GEMEENTE, "melding": "start", "categorie": "45", "begin": "2026-11-01"}


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    with console(tmp_path_factory.mktemp("toezicht") / "poort") as desk:
        hiding.takes_part(desk.gateway.home)
        yield desk


@pytest.fixture(scope="module")
def named(desk):
    """The officer of HOOFD who is named to find who is secret."""
    return add_person(desk.gateway.home, Role.FG, HOOFD, login="fg.vertrouwd", finds_secret=True)


@pytest.fixture(scope="module")
def visitor(desk, named):
    visitor = desk.visitor()
    visitor.log_in(named)
    return visitor


@pytest.fixture(scope="module")
def said(desk, visitor):
    """What the gateway answered about the child: to parties and on pages. The child is secret from here on."""
    sent = CHILD.within(message("ho301-gewoon", "G301", sender=HOOFD, receiver=ONDER))
    answers = [desk.gateway.send(sent)]
    assert answers[0].status == 201
    begun = visitor.submit("/geheim/begin", {"bsn": CHILD.bsn, "nummer": NUMBER, "doel": "nood", "reden": WHY})
    assert begun.status == 303, begun.body
    later = CHILD.within(message("ho301-gewoon", "G302", sender=HOOFD, receiver=ONDER))
    refused = desk.gateway.send(later)
    assert [each["code"] for each in refused.json["bevindingen"]] == ["KP026"]
    return [*answers, begun, refused]


@pytest.fixture(scope="module")
def one(said, visitor):
    """Where the pages of that client begin."""
    wait_until(lambda: "Gemeente Voorbeeld" in text_of(visitor.get("/verwerkingsregister")), 30)
    return "/geheim/" + re.search(r"/geheim/([0-9a-f]{32})/einde", visitor.get("/geheim").body.decode())[1]


def test_only_an_officer_who_is_named_hears_that_there_is_such_a_page(desk, said, one, visitor):
    fg = desk.logged_in(Role.FG)
    assert 'href="/geheim"' in visitor.get("/").body.decode()
    assert 'href="/geheim"' not in fg.get("/").body.decode()
    nothing = fg.get("/bestaat-niet")
    for path in ("/geheim", "/geheim/begin", f"{one}/einde", f"{one}/bevestiging", f"{one}/factuur"):
        assert (fg.get(path).status, fg.get(path).body) == (404, nothing.body)


def test_a_client_stands_there_by_the_partys_own_number_with_what_is_due(visitor, said, one):
    told = text_of(visitor.get("/geheim"))
    assert f"Cliënt {NUMBER}" in told
    assert "De gemeente moet het hebben bevestigd uiterlijk op" in told
    assert "Het zijn er 1." in told, "a message was on its way"
    assert "Bevestigingen van een gemeente" in text_of(visitor.get("/"))


def test_what_is_wrong_is_told_by_its_field_and_the_bsn_is_not_shown_again(visitor, one):
    answer = visitor.submit("/geheim/begin", {"bsn": CHILD.bsn, "nummer": CHILD.bsn, "reden": "kort"})
    assert answer.status == 422
    assert "Dit kan een BSN zijn" in text_of(answer)
    assert CHILD.bsn.encode() not in answer.body.replace(f'value="{CHILD.bsn}"'.encode(), b"", 1)
    twice = visitor.submit("/geheim/begin", {"bsn": CHILD.bsn, "nummer": "X", "doel": "nood", "reden": WHY})
    assert "al geheim" in text_of(twice)
    wrong = visitor.submit(f"{one}/registratie", {**START, "toelichting": f"kind {CHILD.bsn}", "gemeente": HOOFD})
    assert wrong.status == 422
    assert NO_BSN in text_of(wrong)
    assert "Kies de gemeente" in text_of(wrong)


def test_a_form_is_made_sealed_handed_over_opened_and_confirmed(desk, named, said, one, browser, tmp_path):
    with new_page(browser) as window:
        log_in(window, desk, named)
        window.goto(desk.url + "/geheim")
        assert wrong_with(window) == []
        window.get_by_role("link", name="factuur voor jeugdhulp").click()
        assert window.get_by_label("Uw eigen cliëntnummer").input_value() == NUMBER
        window.get_by_role("button", name="Maak en verzegel").click()
        assert window.get_by_text("Dit formulier klopt nog niet").is_visible()
        assert wrong_with(window) == []
        window.get_by_label("Gemeente", exact=True).select_option(hiding.GEMEENTE)
        window.get_by_label("Factuurnummer").fill("F-2026-0007")
        for name, day in (("Datum van", "2026-11-20"), ("Eerste dag", "2026-11-01"), ("Laatste dag", "2026-11-15")):
            window.get_by_label(name).fill(day)
        window.get_by_label("Productcategorie").select_option("45")
        window.get_by_label("Aantal").fill("12")
        window.get_by_label("Eenheid", exact=True).select_option("04")
        window.get_by_label("Tarief").fill("72,50")
        with window.expect_download() as waiting:
            window.get_by_role("button", name="Maak en verzegel").click()
        file = tmp_path / waiting.value.suggested_filename
        waiting.value.save_as(file)
        assert re.fullmatch(r"formulier-[0-9a-f]{8}\.verzegeld", file.name)
        window.goto(desk.url + "/geheim")
        assert window.get_by_role("row", name="Factuur").get_by_text("loopt").is_visible()
        assert window.get_by_text("Er is nog geen formulier gemaakt").count() == 0, "its own term runs now"
        window.get_by_role("row", name="Factuur").get_by_role("link", name="Bevestigd").click()
        window.get_by_label("Hoe bevestigde").fill("Brief van de gemeente van 3 november.")
        window.get_by_role("button", name="Bevestigd").click()
        row = window.get_by_role("row", name="Factuur")
        assert row.get_by_text("bevestigd", exact=True).is_visible()
        assert row.get_by_text("loopt").count() == row.get_by_role("link").count() == 0
        window.set_viewport_size(NARROW)
        assert window.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]

    key = tmp_path / "gemeente"
    key.write_text(hiding.PRIVATE)
    command = ["open-formulier", file, "--sleutel", key, "--naar", tmp_path / "uit"]
    opened = subprocess.run(
        [sys.executable, "-m", "gateway.cli", *map(str, command)], capture_output=True, text=True, check=True
    )
    told = json.loads((tmp_path / "uit/formulier.json").read_text())
    assert (told["clientnummer"], told["gegevens"]["bedrag"]) == (NUMBER, 87000)
    assert told["gemeente"] == {"code": hiding.GEMEENTE, "naam": "Gemeente Voorbeeld"}
    paper = (tmp_path / "uit/formulier.pdf").read_bytes()
    assert paper.startswith(b"%PDF")
    assert b"pdfuaid" in paper, "readable for who listens (PDF/UA)"
    assert b"De Brug" in paper, "what it says of itself can be read, else what follows proves nothing"
    assert found(paper + file.read_bytes() + (tmp_path / "uit/formulier.json").read_bytes(), [CHILD]) == []
    hash_ = opened.stdout.split()[-1]
    with new_page(browser) as window:
        log_in(window, desk, named)
        window.goto(desk.url + "/geheim")
        assert window.get_by_text(hash_[:16]).is_visible(), "the gemeente names the hash of what it got"


def test_who_has_not_the_key_of_the_gemeente_opens_nothing_and_the_gateway_keeps_nothing(desk, visitor, one):
    file = visitor.submit(f"{one}/registratie", {**START, "toelichting": "Kanariegeel dossier"})
    assert file.status == 200
    assert file.headers["content-disposition"].endswith('.verzegeld"')
    for told in (NUMBER.encode(), b"Kanariegeel", b"registratie", hiding.GEMEENTE.encode(), b"PDF"):
        assert told not in file.body
    with pytest.raises(forms.FormError):
        forms.opened(file.body, box.new_pair()[0])
    assert forms.opened(file.body, hiding.PRIVATE)[0]["gegevens"]["toelichting"] == "Kanariegeel dossier"
    kept = b"".join(path.read_bytes() for path in desk.gateway.home.rglob("*") if path.is_file())
    assert b"Kanariegeel" not in kept
    assert NUMBER.encode() not in kept


def test_nothing_of_the_child_is_readable_in_what_the_gateway_keeps_says_or_shows(desk, visitor, said, one):
    pages = [visitor.get(path) for path in ("/", "/geheim", f"{one}/einde", f"{one}/factuur", f"{one}/bevestiging")]
    for answer in [*said, *pages]:
        assert found(answer.body + repr(answer.headers).encode(), [CHILD]) == []
    assert found_in_files(desk.gateway.home, [CHILD]) == []
    assert (desk.gateway.home / "gezegd.txt").exists(), "else nothing was looked at"


def test_each_look_and_deed_is_in_the_log_of_that_client(desk, visitor, one):
    asked = {"bsn": CHILD.bsn, "doel": "toezicht", "reden": "wat staat er in het logboek"}
    page = text_of(visitor.get(visitor.submit("/zoeken", asked).headers["location"]))
    for title in (
        "Cliënt geheim: geen berichtenverkeer", "Gezien dat deze cliënt geheim is", "Gemeente bevestigde het formulier",
        "Formulier over een geheime cliënt verzegeld",
    ):  # fmt: skip
        assert title in page


def test_another_party_neither_sees_nor_ends_it(desk, said, one):
    other = desk.visitor()
    other.log_in(add_person(desk.gateway.home, Role.FG, ONDER, login="fg.ander", finds_secret=True))
    assert NUMBER not in text_of(other.get("/geheim"))
    for path in (f"{one}/einde", f"{one}/bevestiging", f"{one}/factuur"):
        assert other.get(path).status == 404
    proof = re.search(r'name="bewijs" value="([0-9a-f]+)"', other.get("/geheim/begin").body.decode())[1]
    for path, fields in ((f"{one}/einde", {"reden": WHY}), (f"{one}/registratie", START)):
        assert other.post(path, {"bewijs": proof, **fields}).status == 404


def test_before_it_ends_is_told_what_happens_then_and_afterwards_messages_go_and_the_list_forgets(desk, visitor, one):
    assert "gaan weer door de poort" in text_of(visitor.get(f"{one}/einde"))
    assert visitor.submit(f"{one}/einde", {"reden": "kort"}).status == 422
    assert visitor.submit(f"{one}/einde", {"reden": "De gemeente hief het op."}).status == 303
    assert NUMBER not in text_of(visitor.get("/geheim"))
    assert "Bevestigingen van een gemeente" not in text_of(visitor.get("/"))
    assert visitor.get(f"{one}/einde").status == 404
    again = CHILD.within(message("ho301-gewoon", "G303", sender=HOOFD, receiver=ONDER))
    assert desk.gateway.send(again).status == 201


def test_at_the_command_line_the_own_number_is_asked_too(desk, visitor):
    hider = add_person(desk.gateway.home, Role.FG, HOOFD, login="fg.typt", finds_secret=True)
    settings = ["--instellingen", str(desk.gateway.home / "ketenpoort.toml"), "--wie", hider.login, "--reden", WHY]
    for bsn, number, ends in (("999900092", "999900092", 2), ("999900092", "CLI-7", 0)):
        done = subprocess.run(
            [sys.executable, "-m", "gateway.cli", "bewaren", "geheim", "stel-in", *settings],
            input=f"{hider.password}\n{hider.code()}\n{bsn}\n{number}\n", capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (done.returncode, bsn in done.stdout + done.stderr) == (ends, False)
    assert "Cliënt CLI-7" in text_of(visitor.get("/geheim"))
