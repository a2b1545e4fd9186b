"""What was agreed: folds with their messages, who sees what of it, and in what it deviates. All pure."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.agreed import words
from gateway.agreed.consents import OUTCOMES, State, entry
from gateway.agreed.consents import Outcome as Said
from gateway.agreed.contract_paper import contract_paper, register_paper
from gateway.agreed.contracts import Change, Outcome, agreements, for_gemeente
from gateway.agreed.contracts import State as Stand
from gateway.agreed.sight import ALL, FOR_GEMEENTE, Member, Sight, sight
from gateway.agreed.template import deviations
from gateway.agreed.told import Known, register, whole_contract
from gateway.ledger.overeenkomst import Version, consent_on, consents, version_on, versions
from gateway.ledger.values import Area, Contract, Decision, Heard, Price, Relation, Report, Service
from gateway.register.fold import agreement_of
from gateway.register.forms import read
from gateway.register.values import Product, Region, Template

HOOFD, ONDER, GEMEENTE, OTHER = "98000001", "98000002", "0344", "0363"
CONTRACT = Relation(wet="JW", hoofd=HOOFD, onder=ONDER)
CONSENT = Relation(wet="JW", hoofd=HOOFD, onder=ONDER, gemeente=GEMEENTE)
DAYS = ("2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01", "2026-05-01")


def offered(key, *, dated="2025-12-01", begin="2026-01-01", end="", number="RO-1", tariff=8500, areas=(GEMEENTE,)):
    head = Contract(number=number, variant="I", begin=begin, end=end, days=30, kept=600, most=650, band=1000)
    price = Price(category="45", code="45A04", unit="04", tariff=tariff, surcharge=250)
    said = (head, *(Area(gemeente=each) for each in areas), price)
    return Heard(message=f"bericht/{HOOFD}/ho341/{key}", type="ho341", dated=dated, said=said)


def decided(key, answers, *, code="1", dated="2025-12-10"):
    said = (Decision(about="RO-1", code=code, answers=f"bericht/{HOOFD}/ho341/{answers}"),)
    return Heard(message=f"bericht/{ONDER}/ho342/{key}", type="ho342", dated=dated, said=said)


def reported(key, *, dated="2026-01-01", categories=("45",), divides=False):
    report = Report(agb=ONDER, begin=dated, divides=divides, name="Zonnehoek")
    said = (report, *(Service(category=each) for each in categories))
    return Heard(message=f"bericht/{HOOFD}/ho331/{key}", type="ho331", dated=dated, said=said)


def consented(key, answers, *, code="1", dated="2026-01-10", begin="2026-02-01", end="", conditions=()):
    message = f"bericht/{HOOFD}/ho331/{answers}" if answers else ""
    said = (Decision(about=ONDER, code=code, begin=begin, end=end, answers=message, conditions=conditions),)
    return Heard(message=f"bericht/{GEMEENTE}/ho332/{key}", type="ho332", dated=dated, said=said)


def test_each_version_of_a_contract_stands_with_the_messages_that_made_it():
    record = (
        offered("A"), decided("B", "A"),
        offered("C", tariff=9000, begin="2026-04-01"), decided("D", "C", code="2"),
        offered("E", tariff=8800, begin="2026-05-01"), decided("F", "E"),
        offered("G", tariff=8800, begin="2026-05-01", end="2026-12-31"),
    )  # fmt: skip
    (found,) = agreements(CONTRACT, record)
    assert [(each.change, each.outcome, each.offered.message[-1]) for each in found.offers] == [
        (Change.NEW, Outcome.ACCEPTED, "A"),
        (Change.CHANGED, Outcome.REFUSED, "C"),
        (Change.CHANGED, Outcome.ACCEPTED, "E"),
        (Change.ENDED, Outcome.OPEN, "G"),
    ]
    assert [each.decided and each.decided.message for each in found.offers] == [
        f"bericht/{ONDER}/ho342/B", f"bericht/{ONDER}/ho342/D", f"bericht/{ONDER}/ho342/F", None,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("record", "day", "state"),
    [
        ((offered("A"),), "2026-06-01", Stand.OFFERED),
        ((offered("A"), decided("B", "A", code="2")), "2026-06-01", Stand.REFUSED),
        ((offered("A"), decided("B", "A")), "2025-12-31", Stand.COMING),
        ((offered("A"), decided("B", "A")), "2026-01-01", Stand.IN_FORCE),
        ((offered("A", end="2026-03-31"), decided("B", "A")), "2026-03-31", Stand.IN_FORCE),
        ((offered("A", end="2026-03-31"), decided("B", "A")), "2026-04-01", Stand.ENDED),
    ],
)
def test_how_a_contract_stands_on_a_day(record, day, state):
    (found,) = agreements(CONTRACT, record)
    assert found.state(day) is state


def test_an_offer_that_was_refused_unread_never_was():
    assert agreements(CONTRACT, (replace(offered("A"), void=True),)) == []


@st.composite
def histories_of_contracts(draw):
    """Offers of two contracts on any days, and decisions on some of them, in any order after the offer."""
    record, waiting = [], []
    for at in range(draw(st.integers(0, 9))):
        if waiting and draw(st.booleans()):
            asked = draw(st.sampled_from(waiting))
            waiting.remove(asked)
            record.append(decided(f"D{at}", asked, code=draw(st.sampled_from("12"))))
        else:
            key, begin = f"A{at}", draw(st.sampled_from(DAYS))
            end = draw(st.sampled_from(["", *(day for day in DAYS if day >= begin)]))
            number = draw(st.sampled_from(["RO-1", "RO-2"]))
            heard = offered(key, number=number, begin=begin, end=end, tariff=at)
            record.append(replace(heard, void=draw(st.sampled_from([False, False, True]))))
            waiting += [] if record[-1].void else [key]
    return tuple(record)


@given(histories_of_contracts(), st.sampled_from(DAYS))
def test_a_reader_is_shown_the_version_that_level_4_judges_by(record, day):
    judged = {number: version_on(known, day) for number, known in versions(record).items()}
    shown = {each.number: each.on(day) for each in agreements(CONTRACT, record)}
    assert {number: each for number, each in judged.items() if each} == {
        number: each.version for number, each in shown.items() if each
    }


@st.composite
def histories_of_consent(draw):
    record, waiting = [], []
    for at in range(draw(st.integers(0, 9))):
        dated, begin = draw(st.sampled_from(DAYS)), draw(st.sampled_from(DAYS))
        end = draw(st.sampled_from(["", *(day for day in DAYS if day >= begin)]))
        match draw(st.sampled_from(["report", "decide", "withdraw"])):
            case "decide" if waiting:
                asked = waiting.pop(draw(st.integers(0, len(waiting) - 1)))
                code = draw(st.sampled_from("123"))
                record.append(consented(f"D{at}", asked, code=code, dated=dated, begin=begin, end=end))
            case "withdraw":
                record.append(consented(f"W{at}", "", code="4", dated=dated, begin=begin))
            case _:
                record.append(reported(f"A{at}", dated=dated, categories=(str(40 + at),)))
                waiting.append(f"A{at}")
    return tuple(record)


def by_hand(record, day):
    """What a clerk would find who reads the letters of up to that day, one by one, last word first."""
    letters = [each for each in record if each.dated <= day]
    for letter in reversed(letters):
        decision = letter.said[0]
        if isinstance(decision, Decision) and decision.code != "3" and decision.begin <= day:
            if decision.code == "4" or (decision.end and decision.end < day):
                return None
            return decision.begin, decision.end
    return None


@given(histories_of_consent(), st.sampled_from(DAYS))
def test_the_register_on_a_day_is_what_a_clerk_finds_in_the_letters_of_up_to_that_day(record, day):
    found = entry(CONSENT, record, day)
    assert (found is None) == (not any(each.dated <= day for each in record))
    holds = found and found.holds
    assert (holds and (holds.begin, holds.end)) == by_hand(record, day)
    assert (found is not None and found.state in {State.ALLOWED, State.CONDITIONS}) == bool(holds)


@given(histories_of_consent(), st.sampled_from(DAYS))
def test_with_all_letters_in_the_register_is_what_level_4_judges_by(record, day):
    early = tuple(replace(each, dated=DAYS[0]) for each in record)
    found, judged = entry(CONSENT, early, day), consent_on(consents(early), day)
    assert bool(found and found.holds) == bool(judged)
    if found and found.holds and judged:
        assert (found.holds.begin, found.holds.end) == (judged.begin, judged.end)
        assert frozenset(found.holds.categories) == judged.categories


@pytest.mark.parametrize(
    ("record", "state"),
    [
        ((reported("A"),), State.ASKED),
        ((reported("A"), consented("B", "A", code="3")), State.REFUSED),
        ((reported("A"), consented("B", "A", begin="2026-03-01")), State.COMING),
        ((reported("A"), consented("B", "A")), State.ALLOWED),
        ((reported("A"), consented("B", "A", code="2", conditions=("Meld elk kwartaal.",))), State.CONDITIONS),
        ((reported("A"), consented("B", "A", begin="2026-01-15", end="2026-02-01")), State.ENDED),
        ((reported("A"), consented("B", "A"), consented("C", "", code="4", dated="2026-02-05")), State.WITHDRAWN),
        ((reported("A"), consented("B", "A"), consented("C", "", code="4", dated="2026-02-20")), State.ALLOWED),
    ],
)
def test_how_it_stands_with_an_onderaannemer_on_10_february(record, state):
    found = entry(CONSENT, record, "2026-02-10")
    assert found is not None
    assert found.state is state
    assert len(found.history) == sum(each.dated <= "2026-02-10" and each.type == "ho332" for each in record) or (
        state is State.ASKED
    )


def test_every_decision_of_the_code_list_has_its_outcome():
    assert {code: words.meaning("LDT_BeslissingToestemming", code) for code in OUTCOMES} == {
        "1": "Toestemming gegeven",
        "2": "Toestemming gegeven, met voorwaarden",
        "3": "Toestemming geweigerd",
        "4": "Toestemming ingetrokken",
    }
    assert set(OUTCOMES.values()) | {Said.ASKED} == set(Said)


def test_a_contract_that_no_longer_names_a_gemeente_has_ended_for_it():
    record = (
        offered("A"), decided("B", "A"),
        offered("C", begin="2026-04-01", areas=(OTHER,)), decided("D", "C"),
    )  # fmt: skip
    found = agreements(CONTRACT, record)
    states = {code: for_gemeente(found, frozenset({code}))[0] for code in (GEMEENTE, OTHER)}
    assert [states[GEMEENTE].state(day) for day in ("2026-03-31", "2026-04-01")] == [Stand.IN_FORCE, Stand.ENDED]
    assert [states[OTHER].state(day) for day in ("2026-03-31", "2026-04-01")] == [Stand.COMING, Stand.IN_FORCE]
    assert found[0].state("2026-04-01") is Stand.IN_FORCE


# Who asks, to whom the hoofdaannemer shows its tariffs -> what of a contract exists for him.
SEEN = [
    ({HOOFD}, (), ALL),
    ({ONDER}, (), ALL),
    ({ONDER, "98000009"}, (), ALL),
    ({GEMEENTE}, (), FOR_GEMEENTE),
    ({GEMEENTE}, (GEMEENTE,), FOR_GEMEENTE | {Member.TARIFFS}),
    ({GEMEENTE, OTHER}, (GEMEENTE,), FOR_GEMEENTE),
    ({GEMEENTE, OTHER}, (GEMEENTE, OTHER), FOR_GEMEENTE | {Member.TARIFFS}),
    ({OTHER}, (GEMEENTE,), FOR_GEMEENTE),
    ({HOOFD, GEMEENTE}, (), ALL),
    ({"98000004"}, (GEMEENTE,), None),
    (set(), (), None),
]


@pytest.mark.parametrize(("codes", "open_to", "members"), SEEN)
def test_who_sees_what_of_a_contract(codes, open_to, members):
    seen = sight(CONTRACT, codes, open_to=open_to)
    assert (seen and seen.members) == members
    assert seen is None or seen.gemeenten == (frozenset() if seen.members == ALL else codes)


def test_a_gemeente_never_sees_terms_of_payment_messages_or_other_gemeenten():
    for each in (Member.TERM, Member.BAND, Member.MESSAGES, Member.OTHER_AREAS):
        assert each not in FOR_GEMEENTE


def test_only_what_was_agreed_and_holds_for_it_exists_for_a_gemeente():
    record = (
        offered("A"), decided("B", "A"),
        offered("C", tariff=9000), decided("D", "C", code="2"),
        offered("E", number="RO-2", areas=(OTHER,)), decided("F", "E"),
        offered("G", number="RO-3"),
    )  # fmt: skip
    found = for_gemeente(agreements(CONTRACT, record), frozenset({GEMEENTE}))
    assert [(each.number, [offer.offered.message[-1] for offer in each.seen]) for each in found] == [("RO-1", ["A"])]


def test_a_hoofdaannemer_shows_its_tariffs_where_it_agreed_to_that_with_the_gemeente():
    price = {"categorie": "45", "code": "45A04", "eenheid": "04", "tarief": 9000}
    for said, shows in (({}, False), ({"toontTarieven": False}, False), ({"toontTarieven": True}, True)):
        value, wrong = read(
            f"afspraak/JW/{GEMEENTE}/{HOOFD}", "afspraak", {"vanaf": "2026-01-01", "producten": [price], **said}
        )
        assert wrong == []
        assert agreement_of("JW", GEMEENTE, HOOFD, value).shows is shows


TEMPLATE = Template(variant="I", days=30, products=(Product(category="45", unit="04", least=8000, most=9000),))
REGION = Region(name="Voorbeeldregio", keeper=GEMEENTE, members=(), maximum=650, template=TEMPLATE)


def version(**changed):
    """The contract of ``offered``: 6% kept of 6,5%, in 30 days, 85,00 with 2,5% is 87,13 per hour of 45A04."""
    head, price = Contract(number="RO-1", variant="I", begin="2026-01-01", days=30, kept=600, most=650), {}
    for name in ("tariff", "surcharge", "category", "unit"):
        if name in changed:
            price[name] = changed.pop(name)
    line = Price(**{"category": "45", "code": "45A04", "unit": "04", "tariff": 8500, "surcharge": 250, **price})
    return Version(contract=replace(head, **changed), gemeenten=frozenset({GEMEENTE}), prices=(line,))


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({}, []),
        ({"kept": 650}, []),
        ({"kept": 651}, [(Member.KEPT, "ten hoogste 6,5%", "6,51%")]),
        ({"most": 700}, [(Member.KEPT, "6,5%", "7%")]),
        ({"most": None, "kept": None}, []),
        ({"days": 60}, [(Member.TERM, "30 dagen", "60 dagen")]),
        ({"variant": "O"}, [(Member.VARIANT, "Inspanning: betaald per tijd of stuk", "Output: betaald per resultaat")]),
        ({"tariff": 8780}, []),
        ({"tariff": 8781}, [(Member.TARIFFS, "ten hoogste € 90,00", "€ 90,01")]),
        ({"tariff": 7804}, [(Member.TARIFFS, "ten minste € 80,00", "€ 79,99")]),
        ({"unit": "84"}, [(Member.PRODUCTS, "staat er niet in", "afgesproken")]),
        ({"category": "54"}, [(Member.PRODUCTS, "staat er niet in", "afgesproken")]),
        ({"kept": 700, "days": 14}, [(Member.KEPT, "ten hoogste 6,5%", "7%"), (Member.TERM, "30 dagen", "14 dagen")]),
    ],
)
def test_in_what_a_contract_deviates_from_its_region(changed, told):
    found = deviations(REGION, version(**changed), "JW")
    assert [(each.member, each.template, each.contract) for each in found] == told


def test_a_fixed_tariff_in_the_template_is_held_to_the_cent_and_a_region_that_says_nothing_to_nothing():
    fixed = replace(TEMPLATE, products=(Product(category="45", code="45A04", unit="04", tariff=8712),))
    (found,) = deviations(replace(REGION, template=fixed), version(), "JW")
    assert (found.template, found.contract) == ("€ 87,12", "€ 87,13")
    assert deviations(replace(REGION, template=None, maximum=None), version(kept=9999), "JW") == []


KNOWN = Known(names={HOOFD: "De Brug", ONDER: "Zonnehoek"}, ids={f"bericht/{HOOFD}/ho341/A": "ab" * 16})
RECORD = (offered("A", areas=(GEMEENTE, OTHER)), decided("B", "A"))
SIDE = Sight(members=ALL)
LOOKER = Sight(members=FOR_GEMEENTE, gemeenten=frozenset({GEMEENTE}))


def values(told):
    """All single values in what is told, wherever in it."""
    if isinstance(told, dict):
        return {each for value in told.values() for each in values(value)}
    if isinstance(told, list):
        return {each for value in told for each in values(value)}
    return {told}


def test_what_a_gemeente_may_not_see_is_in_no_part_of_what_it_is_told_nor_in_its_document():
    deviating = deviations(REGION, version(tariff=9900, days=60), "JW")
    found = agreements(CONTRACT, RECORD)
    (side,) = [whole_contract(each, SIDE, "2026-06-01", KNOWN, deviating) for each in found]
    (looker,) = [
        whole_contract(each, LOOKER, "2026-06-01", KNOWN, deviating) for each in for_gemeente(found, LOOKER.gemeenten)
    ]
    hidden = {8500, 250, 8713, 30, 1000, OTHER, "Amsterdam", "A", "B", "ab" * 16, "60 dagen", "€ 101,48"}
    assert hidden <= values(side)
    assert not hidden & values(looker)
    assert {"RO-1", 600, 650, GEMEENTE, "45A04", "Zonnehoek"} <= values(looker)
    paper = str(contract_paper(looker, "2026-06-01").plain())
    assert not [each for each in ("85,00", "87,13", "2,5%", "Amsterdam", "HO341", "30 dagen", "10%") if each in paper]
    assert all(
        each in str(contract_paper(side, "2026-06-01").plain()) for each in ("85,00", "87,13", "2,5%", "HO341 A")
    )


def test_a_contract_reads_as_people_read():
    (found,) = agreements(CONTRACT, RECORD)
    paper = contract_paper(whole_contract(found, SIDE, "2026-06-01", KNOWN, []), "2026-06-01")
    said = {name: value for section in paper.sections for name, value in section.facts}
    assert said["Hoofdaannemer"] == "De Brug (98000001)"
    assert said["Geldt voor"] == "Utrecht (0344), Amsterdam (0363)"
    assert said["Geldigheid"] == "vanaf 1 januari 2026, zonder einddatum"
    assert said["Maximum van de regio"] == "6,5%"
    tables = {section.title: section.table.rows for section in paper.sections if section.table}
    assert tables["Producten en tarieven"] == (
        ("Ambulante jeugdhulp (45A04)", "Uur", "€ 85,00", "2,5%", "€ 87,13", "geen"),
    )
    assert tables["Hoe dit is afgesproken"] == (
        ("Eerste aanbod", "1 januari 2026", "1 december 2025", "aanvaard", "10 december 2025", "HO341 A, HO342 B"),
    )


def test_a_document_never_has_more_or_fewer_cells_than_columns():
    told = register(GEMEENTE, "2026-02-10", [entry(CONSENT, (reported("A"), consented("B", "A")), "2026-02-10")], KNOWN)
    told["volgende"] = 7
    assert "'na' 7" in register_paper(told, "2026-02-10").lead
    (found,) = agreements(CONTRACT, RECORD)
    papers = [
        contract_paper(whole_contract(found, seen, "2026-06-01", KNOWN, None), "2026-06-01") for seen in (SIDE, LOOKER)
    ]
    for paper in (*papers, register_paper(told, "2026-02-10")):
        tables = [each.table for each in paper.sections if each.table]
        assert tables
        assert {len(row) - len(table.columns) for table in tables for row in table.rows} == {0}


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (words.euros(123450), "€ 1.234,50"),
        (words.euros(5), "€ 0,05"),
        (words.euros(-100), "-€ 1,00"),
        (words.percent(650), "6,5%"),
        (words.percent(1000), "10%"),
        (words.percent(25), "0,25%"),
        (words.percent(0), "0%"),
        (words.day("2026-03-09"), "9 maart 2026"),
        (words.day("2012-05"), "mei 2012"),
        (words.day("2012"), "2012"),
        (words.day("12026-01-01"), "1 januari 12026"),
        (words.day("onbekend"), "onbekend"),
        (words.period("2026-01-01", ""), "vanaf 1 januari 2026, zonder einddatum"),
        (words.gemeente("0344"), "Utrecht"),
        (words.gemeente("9999"), "9999"),
        (words.product("JW", "45", "45A04"), "Ambulante jeugdhulp (45A04)"),
        (words.unit("16"), "dagdeel van vier uur"),
    ],
)
def test_codes_money_and_days_are_written_as_people_read_them(made, text):
    assert made == text
