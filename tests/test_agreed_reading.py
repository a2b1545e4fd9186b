"""What was agreed, read for a party from the ledger and from the message that told an order; no HTTP."""

from dataclasses import replace

import pytest
import sqlalchemy as sa
from door import HOOFD, ONDER, PARTIES, STRANGER, SUPPLIER, VISIT, opened

from adapters.listen import Problem
from adapters.paper import HTML, MOST_ROWS, PDF, Papers
from gateway import forms
from gateway.agreed.document import Document, Section, Table
from gateway.agreed.reading import Agreed, NotNowError, Page, UnknownAgreementError
from gateway.clock import today
from gateway.convert import json_of
from gateway.invented import message
from gateway.ledger.values import Relation
from gateway.parties import Parties, Party
from gateway.pickup import DestroyedError
from gateway.register.values import Agreement, Product, Region, Register, Template
from gateway.register.values import Member as InRegion
from gateway.tables import messages

GEMEENTE = Party(code="0344", name="Gemeente Voorbeeld")
KNOWN = Parties(by_code={**PARTIES.by_code, GEMEENTE.code: GEMEENTE})
FORMS = forms.read()
ALL = Page(after=0, count=100)
CONTRACT = Relation(wet="JW", hoofd=HOOFD.code, onder=ONDER.code)
ASKED = {"wet": "JW", "other": ONDER.code, "number": 1001}
REGION = Region(
    name="Voorbeeldregio",
    keeper="0344",
    members=(InRegion(gemeente="0344", begin="2026-01-01"),),
    maximum=500,
    template=Template(variant="I", days=21, products=(Product(category="45", unit="04", most=8000),)),
)


class Reading:
    """The part on trial, and whether the log had its line when the message was turned into JSON."""

    def __init__(self, door, register):
        self.door, self.register, self.lines = door, register, []
        self.agreed = Agreed(
            commit=door.commit, service=door.keys, pickup=door.pickup, json_of=self.json_of,
            register=lambda: self.register,
        )  # fmt: skip
        self.can_read = True

    async def json_of(self, raw):
        self.lines = [each for each in await self.door.logged() if each[0] == "bericht.gelezen"]
        return json_of(raw, FORMS) if self.can_read else None


@pytest.fixture
async def reading(engine):
    async with opened(engine, levels=()) as door:
        door.intake.parties = KNOWN
        await door.accepted(message("ho341-minimaal", "RO1", Tarief="8500"))
        await door.accepted(
            message("ho342-aanvaard", "BR1", sender=ONDER.code, receiver=HOOFD.code, answers="RO1"), ONDER
        )
        await door.accepted(message("ho331-minimaal", "ME1", receiver="0344"))
        await door.accepted(message("ho301-rijk", "OP1", OpdrachtNummer="1001"))
        yield Reading(door, Register(parties=KNOWN))


async def test_the_log_says_that_an_order_was_read_before_anybody_reads_it(reading):
    told = await reading.agreed.order(HOOFD, VISIT, **ASKED)
    ((_, header, payload),) = reading.lines
    assert header["message"] == told["bericht"]["berichtId"]
    assert payload["actor"] == HOOFD.code
    assert payload["object"] == told["client"]["bsn"]
    assert (await reading.agreed.order(ONDER, VISIT, **{**ASKED, "other": HOOFD.code})) == told
    assert (await reading.agreed.order(SUPPLIER, VISIT, **{**ASKED, "other": HOOFD.code})) == told
    assert [each[2]["actor"] for each in reading.lines] == [HOOFD.code, ONDER.code, SUPPLIER.code]


async def test_the_newest_state_of_an_order_is_confirmed_and_not_the_last_that_came(reading):
    later = message("ho301-gewoon", "OP3", Dagtekening="2026-06-01", Opdrachtdatum="2026-05-01", Einddatum="2026-06-30")
    older = message("ho301-gewoon", "OP4", Dagtekening="2026-06-01", Opdrachtdatum="2026-04-01", Einddatum="2026-05-31")
    for raw in (later, older):
        await reading.door.accepted(raw)
    told = await reading.agreed.order(HOOFD, VISIT, **ASKED)
    assert (told["einddatum"], told["bericht"]["identificatie"]) == ("2026-06-30", "OP3")


async def test_an_order_that_was_refused_unread_was_never_given(reading):
    await reading.door.accepted(message("ho302-afgekeurd", "RE1", answers="OP1"), ONDER)
    with pytest.raises(UnknownAgreementError):
        await reading.agreed.order(HOOFD, VISIT, **ASKED)


NOT_THEIRS = [
    (STRANGER, ASKED),
    (STRANGER, {**ASKED, "other": HOOFD.code}),
    (GEMEENTE, {**ASKED, "other": HOOFD.code}),
    (HOOFD, {**ASKED, "number": 1002}),
    (HOOFD, {**ASKED, "wet": "WMO"}),
    (HOOFD, {**ASKED, "other": "98000003"}),
    (ONDER, ASKED),
]


async def test_for_who_is_no_side_of_it_there_is_no_order_and_nothing_is_read(reading):
    for party, asked in NOT_THEIRS:
        with pytest.raises(UnknownAgreementError):
            await reading.agreed.order(party, VISIT, **asked)
    assert "bericht.gelezen" not in [each[0] for each in await reading.door.logged()]


async def test_an_order_whose_message_is_destroyed_is_told_to_be_so(reading):
    gone = {"wrapped_key": None, "sealed_body": None, "sealed_subjects": None}
    async with reading.door.engine.begin() as db:
        await db.execute(sa.update(messages).where(messages.c.type == "ho301").values(gone))
    with pytest.raises(DestroyedError):
        await reading.agreed.order(HOOFD, VISIT, **ASKED)


async def test_a_message_that_cannot_be_read_now_can_be_later(reading):
    reading.can_read = False
    with pytest.raises(NotNowError):
        await reading.agreed.order(HOOFD, VISIT, **ASKED)


async def test_a_gemeente_sees_tariffs_where_the_hoofdaannemer_agreed_to_show_them(reading):
    agreement = Agreement(wet="JW", gemeente="0344", hoofd=HOOFD.code, begin="2026-01-01", products=())
    for shows in (False, True):
        made = {("JW", "0344", HOOFD.code): (replace(agreement, shows=shows),)}
        reading.register = Register(parties=KNOWN, agreements=made)
        told = await reading.agreed.contract(GEMEENTE, CONTRACT, "RO-2026-07")
        assert ("tarief" in told["versie"]["producten"][0]) is shows


async def test_what_deviates_from_the_region_is_shown_as_far_as_one_may_see_it(reading):
    reading.register = Register(parties=KNOWN, regions={REGION.name: REGION})
    side = await reading.agreed.contract(ONDER, CONTRACT, "RO-2026-07")
    looker = await reading.agreed.contract(GEMEENTE, CONTRACT, "RO-2026-07")
    assert [(each["onderdeel"], each["sjabloon"]) for each in side["afwijkingen"]] == [
        ("Betaaltermijn", "21 dagen"), ("Ambulante jeugdhulp (45A04), per uur", "ten hoogste € 80,00"),
    ]  # fmt: skip
    assert looker["afwijkingen"] == []


async def test_a_gemeente_knows_contracts_by_who_reported_to_it_or_has_an_agreement_with_it(reading):
    other = message("ho341-minimaal", "RO2", receiver="98000003", Gemeente="0363")
    await reading.door.accepted(other)
    yes = message("ho342-aanvaard", "BR2", sender="98000003", receiver=HOOFD.code, answers="RO2")
    await reading.door.accepted(yes, PARTIES.by_code["98000003"])
    neighbour = Party(code="0363", name="Gemeente Ernaast")
    seen = {
        party.code: [
            each["onderaannemer"]["code"] for each in (await reading.agreed.contracts(party, ALL))["overeenkomsten"]
        ]
        for party in (GEMEENTE, neighbour, HOOFD)
    }
    assert seen == {"0344": [ONDER.code], "0363": [], HOOFD.code: [ONDER.code, "98000003"]}
    agreement = Agreement(wet="JW", gemeente="0363", hoofd=HOOFD.code, begin="2026-01-01", products=())
    reading.register = Register(parties=KNOWN, agreements={("JW", "0363", HOOFD.code): (agreement,)})
    (told,) = (await reading.agreed.contracts(neighbour, ALL))["overeenkomsten"]
    assert told["onderaannemer"]["code"] == "98000003"


async def test_a_list_goes_on_where_it_was_broken_off(reading):
    for number, onder in enumerate(("98000003", "98000009"), 2):
        await reading.door.accepted(message("ho341-minimaal", f"RO{number}", receiver=onder))
    found, after = [], 0
    while after is not None:
        part = await reading.agreed.contracts(HOOFD, Page(after=after, count=2))
        found.append([each["onderaannemer"]["code"] for each in part["overeenkomsten"]])
        after = part["volgende"]
    assert found == [[ONDER.code, "98000003"], ["98000009"]]


async def test_only_a_gemeente_itself_reads_its_register(reading):
    told = await reading.agreed.register(GEMEENTE, "0344", None, ALL)
    assert (told["op"], told["hoofdaannemers"][0]["onderaannemers"][0]["stand"]) == (today(), "gevraagd")
    for party in (HOOFD, ONDER, STRANGER):
        with pytest.raises(UnknownAgreementError):
            await reading.agreed.register(party, "0344", None, ALL)


async def test_a_document_that_nobody_could_read_on_paper_is_a_page_and_no_pdf():
    rows = (("regel",),) * (MOST_ROWS + 1)
    table = Table(caption="Regels", columns=("Regel",), rows=rows)
    long = Document(title="Lang", author="", made="", lead="", sections=(Section(title="Alles", table=table),))
    with pytest.raises(Problem, match="Te lang"):
        await Papers().answer(PDF, {}, lambda: long)
    assert (await Papers().answer(HTML, {}, lambda: long)).body.count(b'<th scope="row">') == len(rows)
