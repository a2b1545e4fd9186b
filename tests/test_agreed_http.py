"""What was agreed, asked of a gateway that runs: as JSON, page and PDF; what is not for a party is not there."""

import json
import re
import subprocess
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from browser import browser, new_page, wrong_with
from needs import needs
from running import HOOFD, ONDER, OTHER, SUPPLIER, running, wait_until

from gateway import cli, setup
from gateway.clock import today
from gateway.invented import message

__all__ = ["browser"]
GEMEENTE, NEIGHBOUR, STRANGE = "0344", "0363", "98000005"
BSN = "999900006"
CONTRACT = "/v1/overeenkomsten/JW/98000001/98000002/RO-2026-07"
REGISTER = f"/v1/gemeenten/{GEMEENTE}/onderaannemers"
ORDER = {"wet": "JW", "wederpartij": ONDER, "opdrachtNummer": 1001}
TERMS = (
    "<Retentie><Retentiepercentage>600</Retentiepercentage><Maximumpercentage>650</Maximumpercentage></Retentie>"
    "<Bandbreedte>1000</Bandbreedte>"
)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with running(tmp_path_factory.mktemp("afspraken") / "poort") as gateway:
        for code, name in ((GEMEENTE, "Gemeente Voorbeeld"), (NEIGHBOUR, "Gemeente Ernaast"), (STRANGE, "Vreemd")):
            setup.add_party(gateway.home, code, name, url=f"https://localhost:{gateway.port}")
        for code in (GEMEENTE, NEIGHBOUR, STRANGE):
            wait_until(lambda code=code: gateway.ask("GET", "/v1/gezondheid", party=code).status != 403, 10)
        agree(gateway)
        yield gateway


def agree(gateway):
    """A contract that was changed once and once in vain, consent with conditions, and an order with goals."""
    offer = message("ho341-minimaal", "RO-1", Tarief="8500")
    offer = offer.replace(b"</Betaaltermijn>", b"</Betaaltermijn>" + TERMS.encode())
    offer = offer.replace(b"</Tarief>", b"</Tarief>\n<Opslag>250</Opslag><Label>1</Label>")
    sent(gateway, offer, HOOFD)
    sent(gateway, message("ho342-aanvaard", "BR-1", sender=ONDER, receiver=HOOFD, answers="RO-1"), ONDER)
    sent(gateway, message("ho341-minimaal", "RO-2", Tarief="9900", Ingangsdatum="2026-06-01"), HOOFD)
    no = message(
        "ho342-geweigerd", "BR-2", sender=ONDER, receiver=HOOFD, answers="RO-2", Wet="JW", ContractNummer="RO-2026-07"
    )
    sent(gateway, no, ONDER)
    asked = message("ho331-minimaal", "ME-1", receiver=GEMEENTE)
    marks = "<Kenmerken><Kenmerk><Soort>01</Soort><GeldigTot>2027-12-31</GeldigTot></Kenmerk></Kenmerken>"
    sent(gateway, asked.replace(b"<SubOnderaanneming>", marks.encode() + b"<SubOnderaanneming>"), HOOFD)
    given = message("ho332-voorwaarden", "TO-1", sender=GEMEENTE, receiver=HOOFD, answers="ME-1", Wet="JW")
    sent(gateway, given, GEMEENTE)
    order = message("ho301-rijk", "OP-1", OpdrachtNummer="1001")
    sent(gateway, order, HOOFD)


def sent(gateway, raw, party):
    answer = gateway.send(raw, party=party)
    assert answer.status == 201, answer.json
    return answer.json["berichtId"]


def asked(gateway, path, party, accept="application/json", body=None):
    more = {} if body is None else {"Content-Type": "application/json"}
    raw = None if body is None else json.dumps(body)
    method = "GET" if body is None else "POST"
    return gateway.ask(method, path, raw, {"Accept": accept, **more}, party=party)


def told(gateway, path, party, body=None):
    answer = asked(gateway, path, party, body=body)
    assert answer.status == 200, answer.json
    return answer.json


def entries(gateway):
    """How often each kind of line is in the log."""
    engine = sa.create_engine(f"sqlite:///{gateway.home / 'ketenpoort.sqlite'}")
    with engine.connect() as db:
        headers = [json.loads(each) for each in db.execute(sa.text("SELECT header FROM audit_entries")).scalars()]
    engine.dispose()
    return [each["event"] for each in headers]


def test_both_sides_see_the_contract_with_the_messages_that_made_it(gateway):
    for party in (HOOFD, ONDER, SUPPLIER):
        (listed,) = told(gateway, "/v1/overeenkomsten", party)["overeenkomsten"]
        whole = told(gateway, CONTRACT, party)
        assert {name: whole[name] for name in listed} == listed
        assert listed["stand"] == "geldig"
        assert listed["versie"]["producten"][0]["teBetalen"] == 8713
        assert [(each["soort"], each["uitkomst"]) for each in whole["versies"]] == [
            ("nieuw", "aanvaard"), ("wijziging", "geweigerd"),
        ]  # fmt: skip
        assert whole["afwijkingen"] is None
        offer = whole["versies"][0]["aanbod"]
        status = gateway.ask("GET", f"/v1/berichten/{offer['berichtId']}/status", party=party).json
        assert (status["soort"], status["identificatie"]) == ("ho341", "RO-1")


def test_a_gemeente_sees_that_it_holds_and_not_what_is_paid(gateway):
    (listed,) = told(gateway, "/v1/overeenkomsten", GEMEENTE)["overeenkomsten"]
    whole = told(gateway, CONTRACT, GEMEENTE)
    assert listed["versie"]["retentie"] == {"percentage": 600, "maximum": 650}
    assert [each["uitkomst"] for each in whole["versies"]] == ["aanvaard"]
    assert not {"tarief", "opslag", "teBetalen", "bedrag"} & set(whole["versie"]["producten"][0])
    assert not {"betaaltermijn", "bandbreedte", "aanbod", "besluit"} & set(whole["versie"])
    page = asked(gateway, CONTRACT, GEMEENTE, "text/html").body.decode()
    assert "87,13" not in page
    assert "6,5%" in page


@pytest.mark.parametrize("party", [OTHER, STRANGE, NEIGHBOUR])
def test_for_a_stranger_there_is_nothing(gateway, party):
    assert asked(gateway, CONTRACT, party).status == 404
    assert asked(gateway, REGISTER, party).status == 404
    assert asked(gateway, "/v1/opdrachtbevestigingen", party, body=ORDER).status == 404
    assert asked(gateway, "/v1/opdrachtbevestigingen", party, body={**ORDER, "wederpartij": HOOFD}).status == 404
    assert told(gateway, "/v1/overeenkomsten", party)["overeenkomsten"] == []
    assert told(gateway, "/v1/toestemmingen", party)["toestemmingen"] == []


def test_a_contract_that_is_not_there_is_not_there_for_its_sides_either(gateway):
    for path in (CONTRACT + "X", CONTRACT.replace("JW", "WMO"), CONTRACT.replace("98000002", "98000004")):
        assert asked(gateway, path, HOOFD).status == 404
    assert asked(gateway, REGISTER, HOOFD).status == 404


def test_the_register_of_a_gemeente_on_a_day_with_all_that_led_to_it(gateway):
    (hoofd,) = told(gateway, REGISTER, GEMEENTE)["hoofdaannemers"]
    (line,) = hoofd["onderaannemers"]
    assert (hoofd["naam"], line["onderaannemer"]["naam"]) == ("De Brug", "Zonnehoek")
    holds = line["geldt"]
    assert line["stand"] == "toegestaan met voorwaarden"
    assert [each["naam"] for each in holds["categorieen"]] == ["Ambulante jeugdhulp"]
    assert len(holds["voorwaarden"]) == 2
    assert holds["kenmerken"] == [{"soort": "01", "naam": "HKZ", "geldigTot": "2027-12-31"}]
    assert holds["subOnderaanneming"] is False
    states = [
        [
            line["stand"]
            for each in told(gateway, f"{REGISTER}?op={day}", GEMEENTE)["hoofdaannemers"]
            for line in each["onderaannemers"]
        ]
        for day in ("2026-02-01", "2026-02-02", "2026-02-10", "2026-03-01", "2027-03-01")
    ]
    assert states == [[], ["gevraagd"], ["nog niet begonnen"], ["toegestaan met voorwaarden"], ["afgelopen"]]


def test_hoofdaannemer_onderaannemer_and_gemeente_see_the_same_consent(gateway):
    first, *others = [told(gateway, "/v1/toestemmingen", party) for party in (HOOFD, ONDER, GEMEENTE)]
    assert [each["stand"] for each in first["toestemmingen"]] == ["toegestaan met voorwaarden"]
    assert others == [first, first]


def test_a_list_is_read_in_parts(gateway):
    first = told(gateway, "/v1/overeenkomsten?aantal=1", HOOFD)
    assert (len(first["overeenkomsten"]), first["volgende"]) == (1, None)
    assert told(gateway, "/v1/overeenkomsten?na=1", HOOFD) == {"overeenkomsten": [], "volgende": None}


def test_all_that_is_wrong_with_a_question_is_told_at_once(gateway):
    answer = asked(gateway, f"{REGISTER}?op=morgen&aantal=0&x=1", GEMEENTE)
    assert answer.status == 400
    assert all(each in answer.json["detail"] for each in ("'op'", "'aantal'", "onbekende parameter"))
    answer = asked(gateway, "/v1/opdrachtbevestigingen", HOOFD, body={"wet": "X", "bsn": BSN})
    assert answer.status == 400
    assert all(each in answer.json["detail"] for each in ("'wet'", "'wederpartij'", "'opdrachtNummer'", "'bsn'"))
    assert BSN not in answer.body.decode()
    assert asked(gateway, CONTRACT, HOOFD, "application/xml").status == 406


def test_the_confirmation_of_an_order_is_logged_before_it_is_given(gateway):
    before = entries(gateway).count("bericht.gelezen")
    said = told(gateway, "/v1/opdrachtbevestigingen", HOOFD, body=ORDER)
    assert entries(gateway).count("bericht.gelezen") == before + 1
    assert said == told(gateway, "/v1/opdrachtbevestigingen", ONDER, body={**ORDER, "wederpartij": HOOFD})
    assert entries(gateway).count("bericht.gelezen") == before + 2
    assert said["client"]["bsn"] == BSN
    assert said["client"]["naam"] == "Sanne Maria van het Voorbeeld-Bedacht"
    assert said["client"]["geboortedatum"] == "2012-05"
    assert [(each["naam"], each["uitvoerder"]) for each in said["taken"]] == [
        ("Regie en vast aanspreekpunt", "H"), ("Hulp uitvoeren", "O"),
    ]  # fmt: skip
    assert [each["teBetalen"] for each in said["tarieven"]] == [8713]
    assert said["behandelinformatie"]["doelen"][0]["leefgebied"] == "Werk en onderwijs"
    assert asked(gateway, "/v1/opdrachtbevestigingen", HOOFD, body={**ORDER, "opdrachtNummer": 9}).status == 404
    assert asked(gateway, "/v1/opdrachtbevestigingen", GEMEENTE, body=ORDER).status == 404
    assert entries(gateway).count("bericht.gelezen") == before + 2


def test_who_cannot_be_answered_in_that_form_is_not_read_for(gateway):
    before = entries(gateway).count("bericht.gelezen")
    assert asked(gateway, "/v1/opdrachtbevestigingen", HOOFD, "image/png", body=ORDER).status == 406
    assert entries(gateway).count("bericht.gelezen") == before


# Before the first page is opened: a command runs a loop of its own, and so does the browser, as long as it lives.
def typed(gateway, party, *words):
    """What a party types, at the command line; the exit code."""
    return cli.main([*words, "--aansluiting", str(gateway.home / f"partij-{party}" / "aansluiting.toml")])


def test_a_party_asks_the_same_at_its_command_line(gateway, capfd, tmp_path):
    one = ("overeenkomsten", "--een", "JW", HOOFD, ONDER, "RO-2026-07")
    order = ("opdrachtbevestiging", "--wet", "JW", "--wederpartij", ONDER, "--nummer", "1001")
    for party, words, path, body in (
        (HOOFD, ("overeenkomsten",), "/v1/overeenkomsten", None),
        (HOOFD, one, CONTRACT, None),
        (ONDER, ("toestemmingen",), "/v1/toestemmingen", None),
        (GEMEENTE, ("onderaannemers", "--gemeente", GEMEENTE, "--op", "2026-03-01"), f"{REGISTER}?op=2026-03-01", None),
        (HOOFD, order, "/v1/opdrachtbevestigingen", ORDER),
    ):
        assert typed(gateway, party, *words) == 0
        assert json.loads(capfd.readouterr().out) == told(gateway, path, party, body=body)
    kept = tmp_path / "overeenkomst.pdf"
    assert typed(gateway, HOOFD, *one, "--als", "pdf", "--naar", str(kept)) == 0
    assert kept.read_bytes().startswith(b"%PDF-")
    assert kept.stat().st_mode & 0o777 == 0o600
    assert typed(gateway, HOOFD, *one, "--als", "html", "--naar", str(kept)) == 2
    assert "bestaat al" in capfd.readouterr().err
    assert typed(gateway, HOOFD, *one, "--als", "pdf") == 2
    assert typed(gateway, OTHER, *one) == 2
    assert "niet voor u" in capfd.readouterr().err


PAPERS = [
    ("overeenkomsten", "/v1/overeenkomsten", HOOFD, None),
    ("overeenkomst", CONTRACT, HOOFD, None),
    ("overeenkomst voor de gemeente", CONTRACT, GEMEENTE, None),
    ("toestemmingen", "/v1/toestemmingen", HOOFD, None),
    ("register", REGISTER, GEMEENTE, None),
    ("opdrachtbevestiging", "/v1/opdrachtbevestigingen", ONDER, {**ORDER, "wederpartij": HOOFD}),
]


@pytest.mark.parametrize(("path", "party", "body"), [each[1:] for each in PAPERS], ids=[each[0] for each in PAPERS])
def test_a_page_is_good_for_everybody_wide_and_light_narrow_and_dark(gateway, browser, tmp_path, path, party, body):
    answer = asked(gateway, path, party, "text/html", body=body)
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    page = answer.body.decode()
    assert not re.search(r"<script|\son[a-z]+=|\sstyle=|https?://", page)
    kept = tmp_path / "stuk.html"
    kept.write_text(page, encoding="utf-8")
    for viewport, dark in (({"width": 1280, "height": 900}, False), ({"width": 360, "height": 780}, True)):
        with new_page(browser, viewport=viewport, dark=dark) as window:
            window.goto(kept.as_uri())
            assert wrong_with(window) == []
            assert window.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_the_same_stands_on_the_page_and_on_paper(gateway, tmp_path):
    needs("pdftotext")
    for _, path, party, body in PAPERS:
        page = asked(gateway, path, party, "text/html", body=body).body.decode()
        answer = asked(gateway, path, party, "application/pdf", body=body)
        assert answer.status == 200
        assert answer.body.startswith(b"%PDF-")
        assert b"pdfuaid" in answer.body
        kept = tmp_path / "stuk.pdf"
        kept.write_bytes(answer.body)
        paper = subprocess.run(["pdftotext", "-raw", kept, "-"], capture_output=True, check=True, text=True).stdout
        words = re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL).split()
        assert words
        on_paper = re.sub(r"[-\u00ad\s]", "", paper).lower()
        missing = [each for each in words if each.replace("-", "").lower().rstrip(".") not in on_paper]
        assert missing == [], missing[:5]


def test_a_name_that_is_markup_stays_a_name(gateway):
    page = asked(gateway, CONTRACT, HOOFD, "text/html").body.decode()
    assert "<b>" not in page
    assert today()[:4] in page


def test_a_contract_is_found_whatever_signs_its_number_has(gateway):
    sent(gateway, message("ho341-minimaal", "RO-9", receiver=OTHER, ContractNummer="RO/2026 ë?#1"), HOOFD)
    (listed,) = told(gateway, "/v1/overeenkomsten", OTHER)["overeenkomsten"]
    path = f"/v1/overeenkomsten/JW/{HOOFD}/{OTHER}/{quote(listed['contractNummer'], safe='')}"
    assert told(gateway, path, OTHER)["contractNummer"] == "RO/2026 ë?#1"
    assert told(gateway, path, HOOFD)["stand"] == "aangeboden"
