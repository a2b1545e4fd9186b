"""Orders over the interface of a running gateway, and at the command line."""

import json
import re
import subprocess
import sys

import pytest
from running import HOOFD, ONDER, OTHER, ROOT, Answer, Running, environment, running, wait_until

from gateway import setup
from gateway.catalog import FOLDER
from gateway.invented import message

GEMEENTE, BSN = "0344", "999900006"
WHICH = {"wet": "JW", "gemeente": GEMEENTE, "toewijzingNummer": 9001}
PARTS = [{"onderaannemer": ONDER, "volume": 6, "taken": [{"taakCode": "03", "uitvoerder": "O"}]}]
ASSIGNMENT = (FOLDER / "hoa/1.0/ketens/verdeeld-over-twee-onderaannemers/01-jw301.xml").read_bytes()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with running(tmp_path_factory.mktemp("opdrachten") / "poort", past="weiger", register="weiger") as gateway:
        setup.add_party(gateway.home, GEMEENTE, "Gemeente Voorbeeld", url=f"https://localhost:{gateway.port}")
        wait_until(lambda: gateway.ask("GET", "/v1/gezondheid", party=GEMEENTE).status != 403, 10)
        consent = message(
            "ho332-toestemming", "G1", sender=GEMEENTE, receiver=HOOFD, answers="T1", Ingangsdatum="2026-01-01"
        )
        for raw, party in (
            (message("ho341-minimaal", "C1"), HOOFD),
            (message("ho342-aanvaard", "A1", sender=ONDER, receiver=HOOFD, answers="C1"), ONDER),
            (message("ho331-minimaal", "T1", receiver=GEMEENTE), HOOFD),
            (consent, GEMEENTE),
            (ASSIGNMENT, GEMEENTE),
        ):
            assert gateway.send(raw, party=party).status == 201
        yield gateway


def ask(gateway: Running, path: str, body: object = None, *, party: str = HOOFD) -> Answer:
    if body is None:
        return gateway.ask("GET", path, party=party)
    return gateway.ask("POST", path, json.dumps(body), {"Content-Type": "application/json"}, party=party)


def command(gateway: Running, *words: str, party: str = HOOFD, typed: str = "") -> subprocess.CompletedProcess[str]:
    connection = gateway.home / f"partij-{party}" / "aansluiting.toml"
    return subprocess.run(
        [sys.executable, "-m", "gateway.cli", *words, "--aansluiting", str(connection)],
        cwd=ROOT, env=environment(), capture_output=True, text=True, check=False, input=typed,
    )  # fmt: skip


def test_an_assignment_is_divided_and_its_order_is_followed_over_the_interface(gateway: Running):
    proposal = ask(gateway, "/v1/verdelingen/voorstel", WHICH)
    assert (proposal.status, proposal.json["kan"], proposal.json["ruimte"]) == (200, True, 10)
    too_much = ask(gateway, "/v1/verdelingen", {**WHICH, "delen": [{"onderaannemer": ONDER, "volume": 11}]})
    assert (too_much.status, too_much.json["detail"]) == (
        400, "Alle opdrachten samen zijn meer dan de gemeente heeft toegewezen.",
    )  # fmt: skip
    wrong = ask(gateway, "/v1/verdelingen", {**WHICH, "delen": [{**PARTS[0], "contractNummer": "RO-9"}]})
    assert (wrong.status, [each["code"] for each in wrong.json["bevindingen"]]) == (400, ["HO019"])
    given = ask(gateway, "/v1/verdelingen", {**WHICH, "delen": PARTS})
    again = ask(gateway, "/v1/verdelingen", {**WHICH, "delen": PARTS})
    assert (given.status, again.status) == (201, 200)
    (number,) = given.json["berichten"][0]["opdrachten"]
    stand = ask(
        gateway, "/v1/opdrachten/stand", {"wet": "JW", "wederpartij": HOOFD, "opdrachtNummer": number}, party=ONDER
    )
    assert (stand.status, stand.json["stand"], stand.json["afgesproken"]["bedrag"]) == (200, "loopt", 12 * 6 * 8250)
    listed = ask(gateway, "/v1/opdrachten?aantal=10", party=ONDER)
    assert [each["opdrachtNummer"] for each in listed.json["opdrachten"]] == [number]
    divided = ask(gateway, "/v1/verdelingen")
    assert [each["stand"] for each in divided.json["verdelingen"]] == ["verdeeld"]
    assert ask(gateway, "/v1/verdelingen/doorvoeren", WHICH).json == {"berichten": []}
    involved = ask(gateway, "/v1/betrokkenen", {"wet": "JW", "bsn": BSN}, party=GEMEENTE)
    assert {each["opdrachtnemer"] for each in involved.json["betrokken"]} == {HOOFD, ONDER}


def test_what_is_not_for_a_party_does_not_exist_and_a_wrong_request_is_told_in_full(gateway: Running):
    assert ask(gateway, "/v1/betrokkenen", {"wet": "JW", "bsn": BSN}, party=OTHER).status == 404
    assert ask(gateway, "/v1/verdelingen/voorstel", WHICH, party=ONDER).status == 404
    unknown = {"wet": "JW", "wederpartij": HOOFD, "opdrachtNummer": 1}
    assert ask(gateway, "/v1/opdrachten/stand", unknown, party=OTHER).status == 404
    assert ask(gateway, "/v1/opdrachten", party=OTHER).json == {"opdrachten": [], "volgende": None}
    wrong = ask(gateway, "/v1/betrokkenen", {"wet": "AWBZ", "bsn": "1", "naam": "x"})
    assert (wrong.status, wrong.json["detail"].count("Het verzoek")) == (400, 3)
    assert ask(gateway, "/v1/opdrachten?aantal=0&bsn=1").status == 400


def test_the_commands_say_it_in_words_and_ask_for_a_bsn_on_the_input(gateway: Running, tmp_path):
    parts = tmp_path / "delen.json"
    parts.write_text(json.dumps(PARTS))
    assert command(gateway, "verdeel", "JW", GEMEENTE, "9001").returncode in (0, 1)
    given = command(gateway, "verdeel", "JW", GEMEENTE, "9001", "--delen", str(parts), "--geef")
    assert given.returncode == 0, given.stderr
    assert re.search(rf"{ONDER}: opdracht \d+ (was al )?aangenomen, bericht [0-9a-f]{{32}}", given.stdout)
    number = re.search(r"opdracht (\d+)", given.stdout)
    assert number
    listed = command(gateway, "opdrachten", party=ONDER)
    assert f"opdracht {number[1]}  loopt  JW  45 Ambulante jeugdhulp" in listed.stdout
    stand = command(gateway, "stand", "JW", HOOFD, number[1], party=ONDER)
    assert "€ 5.940,00" in stand.stdout, stand.stderr
    followed = command(gateway, "verdeel", "JW", GEMEENTE, "9001", "--doorvoeren")
    assert followed.stdout == "Er hoeft niets te gebeuren.\n"
    involved = command(gateway, "betrokkenen", "JW", typed=f"{BSN}\n")
    assert "Hulp uitvoeren: Zonnehoek" in involved.stdout, involved.stderr
    assert BSN not in involved.stdout + involved.stderr
    assert command(gateway, "betrokkenen", "JW", typed="123\n").returncode == 2
    refused = command(gateway, "betrokkenen", "JW", typed=f"{BSN}\n", party=OTHER)
    assert (refused.returncode, "loopt bij u geen opdracht" in refused.stderr) == (2, True)
