"""Terms and notices over the interface of a running gateway, and at the command line."""

import asyncio
import json
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from running import HOOFD, ONDER, OTHER, ROOT, environment, running

from gateway import settings
from gateway.clock import milliseconds
from gateway.commit import open_engine, writing
from gateway.invented import message
from gateway.terms import notices
from gateway.terms.notices import Kind, Notice

CALL = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with running(tmp_path_factory.mktemp("termijnen") / "poort") as gateway:
        tell(gateway)
        yield gateway


def tell(gateway) -> None:
    async def told() -> None:
        engine = open_engine(settings.load(gateway.home / "ketenpoort.toml").database)
        async with writing(engine) as db:
            certificates = [
                Notice(party=ONDER, kind=Kind.CERTIFICATE, at=milliseconds(datetime.now(UTC)), about=str(number))
                for number in range(3)
            ]
            await notices.add(db, certificates)
        await engine.dispose()

    asyncio.run(told())


def command(gateway, *words: str, party: str = ONDER) -> subprocess.CompletedProcess[str]:
    connection = gateway.home / f"partij-{party}" / "aansluiting.toml"
    return subprocess.run(
        [sys.executable, "-m", "gateway.cli", *words, "--aansluiting", str(connection)],
        cwd=ROOT, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_both_parties_see_the_term_of_a_message_and_a_third_does_not(gateway):
    sent = gateway.send(message("ho315-minimaal", "T2", sender=ONDER, receiver=HOOFD), party=ONDER)
    assert sent.status == 201
    found = {
        party: gateway.ask("GET", "/v1/termijnen", party=party).json["termijnen"] for party in (HOOFD, ONDER, OTHER)
    }
    assert [each["soort"] for each in found[HOOFD]] == ["retour", "antwoord"]
    assert [each["rol"] for each in found[ONDER]] == ["wachten", "wachten"]
    assert not found[OTHER]
    assert all(each["laatsteDag"] > datetime.now(UTC).date().isoformat() for each in found[HOOFD])
    assert gateway.ask("GET", "/v1/termijnen?open=nee").json == {"termijnen": [], "volgende": None}


@pytest.mark.parametrize("query", ["open=misschien", "na=x", "aantal=0", "aantal=101", "bsn=1", "open=ja&open=nee"])
def test_all_that_is_wrong_with_a_question_is_told(gateway, query):
    assert gateway.ask("GET", f"/v1/termijnen?{query}").status == 400
    assert gateway.ask("GET", f"/v1/kennisgevingen?{query.replace('open', 'nieuw')}").status == 400


@pytest.mark.parametrize(
    "body", ["{}", "[]", '{"kennisgevingen": []}', '{"kennisgevingen": [true]}', '{"kennisgevingen": ["1"]}']
)
def test_what_was_read_is_a_list_of_numbers(gateway, body):
    assert gateway.ask("POST", "/v1/kennisgevingen/gelezen", body, CALL).status == 400


def test_a_party_reads_its_notices_page_by_page_and_says_so(gateway):
    page = gateway.ask("GET", "/v1/kennisgevingen?nieuw=ja&aantal=2", party=ONDER).json
    rest = gateway.ask("GET", f"/v1/kennisgevingen?nieuw=ja&na={page['volgende']}", party=ONDER).json
    ids = [each["nummer"] for each in page["kennisgevingen"] + rest["kennisgevingen"]]
    assert len(ids) == 3
    body = json.dumps({"kennisgevingen": ids[:1]})
    assert gateway.ask("POST", "/v1/kennisgevingen/gelezen", body, CALL, party=HOOFD).json == {"aantal": 0}
    assert gateway.ask("POST", "/v1/kennisgevingen/gelezen", body, CALL, party=ONDER).json == {"aantal": 1}
    printed = command(gateway, "kennisgevingen", "--gelezen")
    assert printed.returncode == 0, printed.stderr
    assert printed.stdout.count("Een certificaat van uw aansluiting verloopt.") == 2
    assert command(gateway, "kennisgevingen").stdout == ""
    assert command(gateway, "kennisgevingen", "--alle").stdout.count("certificaat") == 3


def test_terms_at_the_command_line_for_a_party_and_for_who_keeps_the_gateway(gateway):
    printed = command(gateway, "termijnen")
    assert printed.returncode == 0, printed.stderr
    assert f"{HOOFD}: Beantwoord dit verzoek" in printed.stdout
    counted = command(gateway, "termijnen", "--instellingen", str(gateway.home / "ketenpoort.toml"))
    assert counted.returncode == 0, counted.stderr
    assert [line.split()[:3] for line in counted.stdout.splitlines()] == [
        [HOOFD, "antwoord", "1"],
        [HOOFD, "retour", "1"],
    ]
