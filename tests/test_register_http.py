"""The register through the interface and the command line of one running gateway."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from console import Person, add_person
from running import HOOFD, ONDER, OTHER, ROOT, SUPPLIER, Answer, Running, environment, running, wait_until

from adapters import tls
from gateway import setup
from gateway.invented import message
from gateway.oversight.rights import OPERATOR, Role

GEMEENTE, NEW = "0363", "98000005"
CALL = {"Content-Type": "application/json"}
CONTACT = {"naam": "A. Verzonnen", "email": "beheer@zonnehoek.example", "telefoon": "010 000 00 00"}
PRODUCT = {"categorie": "45", "code": "45A04", "eenheid": "04", "tarief": 10000}
MARKS = [{"kenmerk": "01", "tot": "2099-12-31"}, {"kenmerk": "02", "tot": "2020-12-31"}]
LISTING = {
    "vanaf": "2026-01-01", "kenmerken": MARKS,
    "categorieen": ["45"], "specialismen": ["dyslexie"], "capaciteit": "Twee plaatsen.", "deeltResultaten": True,
}  # fmt: skip


@dataclass(slots=True, kw_only=True)
class Place:
    """A gateway with two officers of its own, and one of the gemeente."""

    gateway: Running
    officers: dict[str, Person] = field(default_factory=dict)

    def propose(self, subject: str, kind: str, value: object, *, party: str) -> Answer:
        body = json.dumps({"onderwerp": subject, "soort": kind, "waarde": value})
        return self.gateway.ask("POST", "/v1/registerwijzigingen", body, CALL, party=party)

    def decide(self, id_: str, decision: str = "akkoord", reason: str = "", *, party: str) -> Answer:
        body = json.dumps({"besluit": decision, **({"reden": reason} if reason else {})})
        return self.gateway.ask("POST", f"/v1/registerwijzigingen/{id_}/besluit", body, CALL, party=party)

    def get(self, path: str, *, party: str = HOOFD) -> Answer:
        return self.gateway.ask("GET", path, party=party)

    def command(self, *words: str, who: str = "") -> subprocess.CompletedProcess[str]:
        """Type a command of the register; ``who`` shows password and code."""
        person = self.officers.get(who)
        typed = f"{person.password}\n{person.code()}\n" if person else ""
        by = ["--wie", who] if person else []
        settings = ["--instellingen", str(self.gateway.home / "ketenpoort.toml")]
        return subprocess.run(
            [sys.executable, "-m", "gateway.cli", "register", *words, *settings, *by],
            input=typed, capture_output=True, text=True, cwd=ROOT, env=environment(), check=False,
        )  # fmt: skip

    def papers(self, name: str, *, days: int = 397) -> str:
        """Make a certificate of our CA; return it as PEM."""
        pair = tls.make_certificate(self.gateway.home / "tls", self.gateway.home / f"partij-{name}", name, days=days)
        return pair.cert.read_text()

    def own(self, party: str) -> dict:
        return self.get(f"/v1/partijen/{party}", party=party).json


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    home = tmp_path_factory.mktemp("register") / "poort"
    with running(home) as gateway:
        setup.add_party(home, GEMEENTE, "Amsterdam", url="https://localhost:1")
        made = Place(gateway=gateway)
        for login, role, party in (
            ("jan", Role.OPS, OPERATOR), ("piet", Role.OPS, OPERATOR), ("els", Role.TENANT_ADMIN, GEMEENTE),
        ):  # fmt: skip
            made.officers[login] = add_person(home, role, party, login=login)
        wait_until(lambda: made.get(f"/v1/partijen/{GEMEENTE}").status == 200, 10)
        yield made


def test_a_new_party_can_send_only_after_a_second_officer_agreed(place: Place, tmp_path: Path):
    place.papers(NEW)
    value = tmp_path / "nieuw.json"
    value.write_text(json.dumps({"naam": "De Linde", "kvk": "12345678", "contact": CONTACT}))
    paper = place.gateway.home / f"partij-{NEW}/{NEW}.pem"
    proposed = place.command(
        "stel-voor", f"partij/{NEW}", "partij", "--waarde", str(value), "--certificaat", str(paper), who="jan"
    )
    assert proposed.returncode == 0, proposed.stderr
    id_ = proposed.stdout.split()[1].rstrip(".")
    raw = message("ho301-gewoon", "N1", sender=NEW, receiver=ONDER)

    assert place.gateway.send(raw, party=NEW).status == 403
    own = place.command("besluit", id_, "akkoord", who="jan")
    assert (own.returncode, own.stderr) == (2, "U hebt dit zelf voorgesteld. Een ander moet erover besluiten.\n")
    assert place.gateway.send(raw, party=NEW).status == 403

    agreed = place.command("besluit", id_, "akkoord", who="piet")
    assert agreed.returncode == 0, agreed.stderr
    wait_until(lambda: place.gateway.send(raw, party=NEW).status in {200, 201}, 10)
    assert place.own(NEW)["contact"] == CONTACT
    assert place.own(NEW)["certificaten"][0]["geldigTot"] is not None
    assert set(place.get(f"/v1/partijen/{NEW}", party=ONDER).json) == {"code", "naam", "soort"}


def test_a_certificate_is_replaced_without_a_moment_in_which_the_party_is_shut_out(place: Place):
    new = f"{OTHER}-nieuw"
    pem = place.papers(new, days=20)
    answer = place.propose(f"partij/{OTHER}", "certificaat", {"certificaat": pem}, party=OTHER)
    assert (answer.status, answer.json["besluit"], answer.json["beslist"]) == (201, "open", "")
    again = place.propose(f"partij/{OTHER}", "certificaat", {"certificaat": pem}, party=OTHER)
    assert (again.status, again.json["id"]) == (200, answer.json["id"])
    assert place.decide(answer.json["id"], party=OTHER).status == 409
    assert place.decide(answer.json["id"], party=HOOFD).status == 404

    papers = place.gateway.home / f"partij-{new}"
    place.gateway.contexts[new] = tls.client_context(
        papers / f"{new}.pem", papers / f"{new}.key", place.gateway.home / "tls/ca.pem"
    )
    assert place.get("/v1/partijen", party=new).status == 403
    assert place.command("besluit", answer.json["id"], "akkoord", who="piet").returncode == 0
    wait_until(lambda: place.get("/v1/partijen", party=new).status == 200, 10)
    assert place.get("/v1/partijen", party=OTHER).status == 200
    assert OTHER in place.command("verloopt").stdout

    old = next(each["vingerafdruk"] for each in place.own(OTHER)["certificaten"] if each["geldigTot"] is None)
    ended = place.propose(f"partij/{OTHER}", "certificaat-einde", {"vingerafdruk": old}, party=new)
    assert place.command("besluit", ended.json["id"], "akkoord", who="jan").returncode == 0
    wait_until(lambda: place.get("/v1/partijen", party=OTHER).status == 403, 10)
    assert place.get("/v1/partijen", party=new).status == 200


def test_who_acts_for_a_party_does_not_change_what_it_is_known_by(place: Place):
    answer = place.propose(f"partij/{ONDER}", "push", {"adres": "https://elders.example"}, party=SUPPLIER)
    assert answer.status == 400
    assert "niet voorstellen" in answer.json["detail"]


@pytest.mark.parametrize(
    "body",
    [r'{"onderwerp": "lijst/\ud800\ud800/98000002", "soort": "opname"}', r'{"\ud800": 1}', "[" * 20_000, "1" * 5_000],
)
def test_what_is_no_text_or_has_no_bottom_is_no_json(place: Place, body: str):
    answer = place.gateway.ask("POST", "/v1/registerwijzigingen", body, CALL, party=HOOFD)
    assert (answer.status, answer.json["detail"]) == (400, "De inhoud is geen JSON.")


def test_a_decision_that_is_no_word_is_refused(place: Place):
    for told in ([], {}, 1):
        body = json.dumps({"besluit": told})
        answer = place.gateway.ask("POST", f"/v1/registerwijzigingen/{'0' * 32}/besluit", body, CALL, party=HOOFD)
        assert (answer.status, answer.json["detail"]) == (400, "'besluit' moet akkoord of geweigerd zijn.")


def test_a_region_keeps_a_list_that_an_onderaannemer_asks_to_stand_on_and_all_can_search(place: Place):
    region = {
        "beheerder": GEMEENTE, "gemeenten": [{"code": GEMEENTE, "vanaf": "2026-01-01"}], "maximumInhouding": 1000,
        "sjabloon": {"variant": "I", "betaaltermijn": 30, "producten": [{**PRODUCT, "laagste": 9000}]},
    }  # fmt: skip
    assert place.propose("regio/Noord", "regio", region, party=HOOFD).status == 400
    proposed = place.propose("regio/Noord", "regio", region, party=GEMEENTE).json
    assert place.decide(proposed["id"], party=GEMEENTE).status == 409
    assert proposed["id"] in place.command("voorstellen", who="els").stdout
    assert place.command("besluit", proposed["id"], "akkoord", who="els").returncode == 0
    wait_until(lambda: place.get("/v1/regios").json["regios"], 10)
    [told] = place.get("/v1/regios").json["regios"]
    assert (told["maximumInhouding"], told["gemeenten"][0]["naam"]) == (1000, "Amsterdam")

    asked = place.propose(f"lijst/Noord/{ONDER}", "opname", LISTING, party=ONDER).json
    waits = place.get("/v1/registerwijzigingen?open=ja", party=GEMEENTE).json["registerwijzigingen"]
    assert asked["id"] in [each["id"] for each in waits]
    assert place.get("/v1/onderaannemers").json == {"onderaannemers": [], "aantal": 0}
    assert place.decide(asked["id"], party=GEMEENTE).json["besluit"] == "akkoord"
    wait_until(lambda: place.get("/v1/onderaannemers").json["aantal"], 10)

    found = ("regio=Noord", "zoek=zonnehoek%20DYSLEXIE", "categorie=45", "kenmerk=01")
    missed = ("regio=Zuid", "zoek=autisme", "categorie=46", "kenmerk=02")
    assert [place.get(f"/v1/onderaannemers?{each}").json["aantal"] for each in found] == [1] * 4
    assert [place.get(f"/v1/onderaannemers?{each}").json["aantal"] for each in missed] == [0] * 4
    assert place.get("/v1/onderaannemers?naam=x&regio=a&regio=b").status == 400


def test_what_was_agreed_with_a_gemeente_is_accepted_by_the_other_side_and_seen_by_both(place: Place):
    subject = f"afspraak/JW/{GEMEENTE}/{HOOFD}"
    wrong = place.propose(subject, "afspraak", {"vanaf": "2026", "producten": [{"eenheid": "99"}]}, party=HOOFD)
    assert wrong.status == 400
    assert all(word in wrong.json["detail"] for word in ("vanaf", "categorie", "eenheid", "tarief"))
    made = place.propose(subject, "afspraak", {"vanaf": "2026-01-01", "producten": [PRODUCT]}, party=HOOFD).json
    refused = place.decide(made["id"], "geweigerd", party=GEMEENTE)
    assert (refused.status, "'reden' ontbreekt" in refused.json["detail"]) == (400, True)
    assert place.decide(made["id"], "geweigerd", "Het tarief is 9000.", party=GEMEENTE).status == 200
    assert place.get("/v1/afspraken").json == {"afspraken": []}
    product = {**PRODUCT, "tarief": 9000}
    made = place.propose(subject, "afspraak", {"vanaf": "2026-01-01", "producten": [product]}, party=GEMEENTE).json
    assert place.decide(made["id"], party=HOOFD).status == 200
    wait_until(lambda: place.get("/v1/afspraken").json["afspraken"], 10)
    [told] = place.get("/v1/afspraken", party=GEMEENTE).json["afspraken"]
    assert told["producten"] == [product]
    assert place.get("/v1/afspraken", party=ONDER).json == {"afspraken": []}
    mine = place.get("/v1/registerwijzigingen").json["registerwijzigingen"]
    assert [each["besluit"] for each in mine] == ["akkoord", "geweigerd"]


def test_a_party_does_the_same_at_the_command_line(place: Place, tmp_path: Path):
    connection = ("--aansluiting", str(place.gateway.home / f"partij-{ONDER}/aansluiting.toml"))
    value = tmp_path / "gegevens.json"
    value.write_text(json.dumps({"contact": CONTACT}))
    proposed = place.command("stel-voor", f"partij/{ONDER}", "gegevens", "--waarde", str(value), *connection)
    assert json.loads(proposed.stdout)["besluit"] == "open", proposed.stderr
    shown = json.loads(place.command("toon", "partijen", *connection).stdout)
    assert HOOFD in [each["code"] for each in shown["partijen"]]
    assert proposed.returncode == 0
