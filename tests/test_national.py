"""National messages travel as our own do, each standard under its law: iJw under the Jeugdwet, iWmo under the Wmo."""

import re

import pytest
from door import CATALOG, VISIT, Door, opened
from running import started

from gateway import setup
from gateway.catalog import FOLDER
from gateway.check import check
from gateway.decide import Accepted
from gateway.intake import Rejected
from gateway.parties import Parties, Party

GEMEENTE, AANBIEDER = "0344", "98000001"
SAMPLES = {path.stem: path.read_bytes() for path in FOLDER.glob("i*/*/samples/*/*.xml")}
QUESTIONS = sorted(kind.name for kind in CATALOG.every() if kind.standard in ("ijw", "iwmo") and kind.answer)
LAWS = {"jw": "jeugdwet", "wmo": "wmo2015"}


def valid(name: str) -> bytes:
    """A valid sample of this message type."""
    return next(raw for stem, raw in sorted(SAMPLES.items()) if stem.startswith(f"{name}-") and b"expect: -->" in raw)


def filled(raw: bytes, **fields: str) -> bytes:
    """The message with another text in the first element of each of these names."""
    for name, text in fields.items():
        raw, found = re.subn(rb"(<\w+:" + name.encode() + rb">)[^<]*", rb"\g<1>" + text.encode(), raw, count=1)
        assert found, name
    return raw


def the_answer_to(raw: bytes, name: str, identification: str) -> bytes:
    """A valid answer to this message of type ``name``."""
    asked = re.search(rb"BerichtIdentificatie>\s*<\w+:Identificatie>([^<]*)", raw)[1]
    answer = CATALOG.types[CATALOG.types[name].answer]
    own, refers = (b"IdentificatieRetour>", b"BerichtIdentificatie>")
    if answer.shape == "declaratieantwoord":
        own, refers = (b"BerichtIdentificatie>", b"DeclaratieIdentificatie>")
    made = valid(answer.name)
    for element, text in ((own, identification.encode()), (refers, asked)):
        made, found = re.subn(
            rb"(" + element + rb"(?:\s*<\w+:Identificatie>)?)[^<\s]+", rb"\g<1>" + text, made, count=1
        )
        assert found, element
    return made


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    home = tmp_path_factory.mktemp("landelijk") / "poort"
    database = "sqlite+aiosqlite:///ketenpoort.sqlite"
    made = setup.new_gateway(home, origin="test.ketenpoort.voorbeeld", host="127.0.0.1", port=0, database=database)
    # Each message here is a sample by itself, with no past that it could follow from.
    made.write_text(made.read_text().replace('verleden = "weiger"', 'verleden = "uit"'))
    for code in (GEMEENTE, AANBIEDER):
        setup.add_party(home, code, "Proef", url="https://localhost:1")
    with started(home) as gateway:
        yield gateway


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_national_message_and_its_answer_reach_the_other_side(gateway, name):
    kind = CATALOG.types[name]
    sender, receiver = (GEMEENTE, AANBIEDER) if kind.sends == "gemeente" else (AANBIEDER, GEMEENTE)
    raw = valid(name)

    sent = gateway.send(raw, party=sender)
    assert sent.status == 201, sent.body
    assert (sent.json["soort"], sent.json["ontvanger"]) == (name, receiver)
    here = sent.headers["location"]
    assert gateway.ask("GET", here, party=receiver).body == raw

    answered = gateway.send(the_answer_to(raw, name, f"A-{name}"), party=receiver)
    assert answered.status == 201, answered.body
    assert answered.json["soort"] == kind.answer
    assert gateway.ask("GET", f"{here}/status", party=sender).json["antwoord"] == answered.json["berichtId"]
    waiting = gateway.ask("GET", "/v1/bezorgingen?aantal=100", party=sender).json["bezorgingen"]
    assert answered.json["berichtId"] in [each["berichtId"] for each in waiting]


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_national_message_from_the_wrong_side_does_not_get_in(gateway, name):
    wrong = AANBIEDER if CATALOG.types[name].sends == "gemeente" else GEMEENTE
    answer = gateway.send(valid(name), party=wrong)
    assert (answer.status, [each["code"] for each in answer.json["bevindingen"]]) == (403, ["KP020"])


@pytest.fixture
async def door(engine, tmp_path):
    async with opened(engine) as door:
        both = Party(code=GEMEENTE, name="Gemeente"), Party(code=AANBIEDER, name="Aanbieder")
        door.intake.parties = Parties(by_code={party.code: party for party in both})
        yield door


@pytest.mark.parametrize(("prefix", "law"), LAWS.items())
async def test_the_log_tells_the_law_of_the_standard(door: Door, prefix, law):
    gemeente, aanbieder = door.intake.parties.by_code.values()
    sent = await door.send(valid(f"{prefix}301"), gemeente)
    assert isinstance(sent, Accepted)
    await door.pickup.fetch(sent.id, aanbieder, VISIT)
    assert isinstance(await door.send(filled(valid(f"{prefix}301"), Bsn="0"), gemeente), Rejected)

    told = [(event, header["purpose"]) for event, header, _ in await door.logged()]
    assert told == [("bericht.ontvangen", law), ("bericht.gelezen", law), ("bericht.geweigerd", law)]


@pytest.mark.parametrize("prefix", LAWS)
async def test_a_refused_national_message_is_answered_in_its_own_standard(door: Door, prefix):
    gemeente, aanbieder = door.intake.parties.by_code.values()
    for name in (each for each in QUESTIONS if each.startswith(prefix)):
        kind = CATALOG.types[name]
        sender = gemeente if kind.sends == "gemeente" else aanbieder
        refused = await door.refused(filled(valid(name), Dagtekening="2999-01-01"), sender)
        assert refused.answer, name
        answer = await door.pickup.fetch(refused.answer, sender, VISIT)
        verdict = check(answer, CATALOG)
        assert (verdict.type, verdict.findings) == (kind.answer, ())


def test_an_iwmo_message_is_judged_under_the_wmo():
    """Only there two aids of one kind may be granted at once (TR302, categories 11 to 14)."""
    aids = SAMPLES["wmo301-twee-hulpmiddelen"]
    assert check(aids, CATALOG).findings == ()
    days = aids.replace(b">11<", b">07<").replace(b">11A01<", b">07A11<")
    assert [finding.code for finding in check(days, CATALOG).findings] == ["TR302"]
