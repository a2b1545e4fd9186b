"""The ledger in use, in plain values: what is proposed is never refused, and what is agreed is used or left."""

import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_ledger_rules import ORDER as PLAIN

from gateway.ledger.dossier import Fates, newest
from gateway.ledger.overeenkomst import consents, versions
from gateway.ledger.page import Page
from gateway.ledger.values import (
    Answer,
    Area,
    Contract,
    Decision,
    Declaration,
    Heard,
    Line,
    Order,
    Price,
    Report,
    Said,
    Service,
    Start,
    Stop,
    Task,
)
from gateway.ledger.verdeling import assigned, divided
from gateway.message import Facts
from gateway.orders.asked import AskedError, division
from gateway.orders.cascade import Kind, cascade, earlier_state
from gateway.orders.division import Candidate, Wish, apportion, propose
from gateway.orders.involved import involved, ties
from gateway.orders.standing import standing

GEMEENTE, OTHER_GEMEENTE, HOOFD, ONDER, THIRD, FAR = "0344", "0363", "98000001", "98000002", "98000003", "98000004"
ASSIGNMENT = replace(PLAIN, number=9001)
TODAY = "2026-03-01"
HOURS, MINUTES, MONTHLY, IN_TOTAL = "04", "01", "4", "6"


class Ledger:
    """All that was said, judged as the gateway does it at levels 3 and 4."""

    def __init__(self) -> None:
        self.page = Page(levels={3, 4})
        self.numbers = count(1)

    def hear(self, type_: str, sender: str, receiver: str, *said: Said, answers: str | None = None) -> list[str]:
        facts = Facts(
            type=type_, release="1.0", sender=sender, receiver=receiver, identification=f"M{next(self.numbers)}",
            dated="2026-01-05", wet="JW", answers=answers,
        )  # fmt: skip
        self.last = facts.identification
        return [each.code for each in self.page.hear(facts, said)]

    def agree(self, onder: str, *, begin: str = "2026-01-01", end: str = "", gemeente: str = GEMEENTE) -> None:
        """A framework contract RO-1, accepted, and the consent of the gemeente."""
        offer = (
            Contract(number="RO-1", variant="I", begin=begin, end=end, days=30),
            Area(gemeente=gemeente),
            Price(category="45", code="45A04", unit=HOURS, tariff=6000, surcharge=500),
        )
        assert self.hear("ho341", HOOFD, onder, *offer) == []
        assert self.hear("ho342", onder, HOOFD, Decision(about="RO-1", code="1"), answers=self.last) == []
        self.consent(onder)

    def consent(self, onder: str, category: str = "45") -> None:
        report = Report(agb=onder, begin="2026-01-01", divides=False)
        assert self.hear("ho331", HOOFD, GEMEENTE, report, Service(category=category)) == []
        given = Decision(about=onder, code="1", begin="2026-01-01")
        assert self.hear("ho332", GEMEENTE, HOOFD, given, answers=self.last) == []

    def candidate(self, onder: str) -> Candidate:
        return Candidate(
            code=onder,
            contracts=versions(self.page.past.get(f"overeenkomst/JW/{HOOFD}/{onder}", ())),
            consents=consents(self.page.past.get(f"toestemming/JW/{GEMEENTE}/{HOOFD}/{onder}", ())),
        )

    def assign(self, assignment: Order) -> list[str]:
        return self.hear("jw301", GEMEENTE, HOOFD, assignment)

    @property
    def record(self):
        return self.page.past[f"toewijzing/JW/{GEMEENTE}/{HOOFD}/{ASSIGNMENT.number}"]

    def give(self, parts: Sequence[tuple[str, Order]]) -> list[str]:
        return [code for onder, order in parts for code in self.hear("ho301", HOOFD, onder, order)]


def numbered(parts: Sequence[tuple[str, Order]]) -> list[tuple[str, Order]]:
    return [(onder, replace(order, number=7000 + place)) for place, (onder, order) in enumerate(parts)]


def test_the_one_who_may_do_it_gets_all_of_it():
    ledger = Ledger()
    ledger.agree(ONDER)
    found = propose(ASSIGNMENT, GEMEENTE, [ledger.candidate(ONDER), ledger.candidate(THIRD)], [])
    assert found.faults == ()
    ((onder, order),) = found.parts
    assert (onder, order.volume, order.contract, order.assignment) == (ONDER, ASSIGNMENT.volume, "RO-1", 9001)
    assert [each.reasons[0] for each in found.able if not each.contracts] == [
        "Er is geen overeenkomst die beide partijen hebben aanvaard."
    ]


def test_why_an_onderaannemer_may_not_is_told_all_at_once():
    ledger = Ledger()
    ledger.agree(ONDER, begin="2026-06-01")
    ledger.agree(THIRD, gemeente=OTHER_GEMEENTE)
    other_product = replace(ASSIGNMENT, category="44", code="44A01")
    soon, elsewhere = ledger.candidate(ONDER), ledger.candidate(THIRD)
    found = propose(other_product, GEMEENTE, [soon, elsewhere], [])
    assert [each.reasons for each in found.able] == [
        (
            "Overeenkomst RO-1 geldt niet op 2026-01-12.",
            "De toestemming van gemeente 0344 geldt niet voor categorie 44.",
        ),
        (
            "Overeenkomst RO-1 geldt niet voor gemeente 0344.",
            "De toestemming van gemeente 0344 geldt niet voor categorie 44.",
        ),
    ]
    assert "Er is geen onderaannemer die dit mag doen" in found.faults[0]


def test_a_request_that_cannot_be_is_told_with_all_that_is_wrong():
    ledger = Ledger()
    ledger.agree(ONDER)
    wishes = [Wish(onder=ONDER, volume=11, end="2027-06-30"), Wish(onder=FAR, budget=3)]
    found = propose(ASSIGNMENT, GEMEENTE, [ledger.candidate(ONDER)], wishes)
    assert [fault.partition(":")[0] for fault in found.faults] == [
        "Onderaannemer 98000004 heeft geen overeenkomst met u. Bied er eerst een aan (HO341).",
        "Onderaannemer 98000004",
        "Onderaannemer 98000002",
        "Alle opdrachten samen zijn meer dan de gemeente heeft toegewezen.",
    ]


MEASURES = st.sampled_from([MONTHLY, IN_TOTAL])


@settings(max_examples=60, deadline=None)
@given(
    volume=st.integers(1, 40),
    frequency=MEASURES,
    in_money=st.booleans(),
    others=st.lists(st.integers(1, 12), max_size=2),
    shares=st.lists(st.integers(1, 5), min_size=1, max_size=3),
)
def test_what_is_proposed_without_faults_is_not_refused(volume, frequency, in_money, others, shares):
    ledger = Ledger()
    measure = {"budget": volume * 1000} if in_money else {"volume": volume, "unit": HOURS, "frequency": frequency}
    plain = replace(ASSIGNMENT, volume=None, unit="", frequency="", **({"code": ""} if in_money else {}))
    assignment = replace(plain, **measure)
    assert ledger.assign(assignment) == []
    names = [f"9800002{place}" for place in range(len(shares))]
    for name in names:
        ledger.agree(name)
    before = []
    for place, much in enumerate(others):
        own = {"budget": much * 1000} if in_money else {"volume": much}
        order = replace(assignment, number=50 + place, assignment=9001, gemeente=GEMEENTE, contract="RO-1", **own)
        if ledger.give([(names[0], order)]) == []:
            before.append(order)
    wishes = [Wish(onder=name, share=share) for name, share in zip(names, shares, strict=True)]
    found = propose(assignment, GEMEENTE, [ledger.candidate(name) for name in names], wishes, before)
    given_away = [order.budget if in_money else order.volume for _, order in found.parts]
    assert sum(given_away) == found.room
    if not found.faults:
        assert ledger.give(numbered(found.parts)) == []
    else:
        assert 0 in given_away


@given(st.integers(0, 10**6), st.lists(st.integers(1, 50), min_size=1, max_size=6))
def test_of_what_is_divided_nothing_is_lost_and_nobody_is_far_off(total: int, shares: list[int]):
    parts = apportion(total, shares)
    assert sum(parts) == total
    assert all(abs(part * sum(shares) - total * share) < sum(shares) for part, share in zip(parts, shares, strict=True))


def changed(order: Order, **other: object) -> Order:
    return replace(order, date="2026-02-10", **other)


def divided_ledger(*volumes: int, ends: Sequence[str] = ()) -> Ledger:
    ledger = Ledger()
    assert ledger.assign(ASSIGNMENT) == []
    for place, volume in enumerate(volumes):
        onder = f"9800002{place}"
        ledger.agree(onder)
        end = ends[place] if ends else ASSIGNMENT.end
        part = replace(ASSIGNMENT, assignment=9001, gemeente=GEMEENTE, contract="RO-1", volume=volume, end=end)
        assert ledger.give([(onder, replace(part, number=7000 + place))]) == []
    return ledger


def follow(ledger: Ledger, now: Order) -> list[tuple[Kind, int, str, int | None]]:
    assert ledger.assign(now) == []
    steps = cascade(earlier_state(ledger.record, 9001), assigned(ledger.record), divided(ledger.record))
    for step in steps:
        if step.by_itself:  # each is taken in by the door, in this order
            order = replace(step.becomes, date="2026-02-11")
            assert ledger.give([(f"9800002{step.number - 7000}", order)]) == []
    return [(step.kind, step.number, step.becomes.end, step.becomes.volume) for step in steps]


def test_orders_are_shortened_with_their_assignment():
    ledger = divided_ledger(6, 4, ends=["2026-12-31", "2026-04-30"])
    steps = follow(ledger, changed(ASSIGNMENT, end="2026-06-30", reason="05"))
    assert steps == [(Kind.SHORTEN, 7000, "2026-06-30", 6)]


def test_an_assignment_that_is_withdrawn_withdraws_its_orders():
    ledger = divided_ledger(6, 4)
    steps = follow(ledger, changed(ASSIGNMENT, end=ASSIGNMENT.begin, reason="13"))
    assert steps == [(Kind.WITHDRAW, number, ASSIGNMENT.begin, much) for number, much in ((7000, 6), (7001, 4))]
    assert divided(ledger.record) == {}


def test_an_order_that_begins_after_the_new_end_is_withdrawn():
    order = replace(ASSIGNMENT, number=7, begin="2026-07-01", assignment=9001)
    (step,) = cascade(ASSIGNMENT, changed(ASSIGNMENT, end="2026-06-30"), {7: order})
    assert (step.kind, step.becomes.end, step.becomes.reason) == (Kind.WITHDRAW, "2026-07-01", "13")


def test_orders_become_less_in_proportion_one_after_the_other():
    ledger = divided_ledger(6, 4)
    steps = follow(ledger, changed(ASSIGNMENT, volume=5, reason="05"))
    assert steps == [(Kind.LESS, 7000, ASSIGNMENT.end, 3), (Kind.LESS, 7001, ASSIGNMENT.end, 2)]
    assert follow(ledger, replace(changed(ASSIGNMENT, volume=5, reason="05"), time="10:00:00")) == []


def test_that_an_assignment_is_longer_or_more_is_proposed_and_not_done():
    ledger = divided_ledger(6, 4)
    steps = follow(ledger, changed(ASSIGNMENT, end="2027-03-31", reason="04"))
    assert [(kind, number, end) for kind, number, end, _ in steps] == [
        (Kind.EXTEND, 7000, "2027-03-31"), (Kind.EXTEND, 7001, "2027-03-31"),
    ]  # fmt: skip
    assert {order.end for order in divided(ledger.record).values()} == {ASSIGNMENT.end}
    assert follow(divided_ledger(10), changed(ASSIGNMENT, volume=12)) == [(Kind.MORE, 7000, ASSIGNMENT.end, 12)]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 20), st.sampled_from(["2026-03-31", "2026-12-31"])), min_size=1, max_size=3),
    st.integers(1, 30),
    st.sampled_from(["2026-02-28", "2026-06-30", "2026-12-31"]),
)
def test_after_a_cascade_all_orders_fit_and_nothing_follows_any_more(parts, volume: int, end: str):
    orders = {
        number: replace(ASSIGNMENT, number=number, assignment=9001, volume=much, end=last, contract="RO-1")
        for number, (much, last) in enumerate(parts, 1)
    }
    now = changed(ASSIGNMENT, volume=volume, end=end)
    steps = cascade(None, now, orders)
    after = {**orders, **{step.number: step.becomes for step in steps}}
    left = {number: order for number, order in after.items() if not order.removed}
    assert cascade(None, now, left) == []
    assert all(step.becomes.removed or (step.becomes.volume or 0) <= (step.was.volume or 0) for step in steps)


# Standing


LINES = st.lists(
    st.tuples(st.integers(1, 20), st.sampled_from(["waiting", "approved", "rejected", "void", "credited"])), max_size=8
)


def record_of(lines: Sequence[tuple[int, str]]) -> tuple[list[Heard], dict[str, tuple[Heard, ...]]]:
    """One declaration for each line, and its answer; a credit in a declaration of its own."""
    order = replace(PLAIN, contract="RO-1", gemeente=GEMEENTE)
    told, past = [Heard(message="bericht/H/ho301/1", type="ho301", dated="2026-01-05", said=(order,))], {}
    for place, (hours, fate) in enumerate(lines):
        key = f"bericht/{ONDER}/ho323/D{place}"
        debit = Line(
            bsn=PLAIN.bsn, reference=f"R{place}", number=1, category="45", code="45A04", begin="2026-02-01",
            end="2026-02-28", volume=hours, unit=HOURS, tariff=6300, amount=hours * 6300,
        )  # fmt: skip
        told.append(Heard(message=key, type="ho323", dated="2026-03-02", said=(debit,)))
        answer = Answer(whole=fate != "void", rejected=(debit.reference,) if fate == "rejected" else ())
        head = Heard(
            message=key, type="ho323", dated="2026-03-02", said=(Declaration(number="D", begin="2026-02-01", total=1),)
        )
        reply = Heard(message=f"{key}-325", type="ho325", dated="2026-03-05", said=(answer,))
        past[key] = (head,) if fate == "waiting" else (head, reply)
        if fate == "credited":
            again = replace(debit, reference=f"C{place}", previous=debit.reference, amount=-debit.amount)
            told.append(Heard(message=f"{key}-C", type="ho323", dated="2026-04-02", said=(again,)))
            past[f"{key}-C"] = (head, replace(reply, said=(Answer(whole=True),)))
    return told, past


def contract() -> list:
    ledger = Ledger()
    ledger.agree(ONDER)
    return ledger.candidate(ONDER).contracts["RO-1"]


VERSIONS = contract()


def stand(told: Sequence[Heard], past: dict[str, tuple[Heard, ...]], day: str = TODAY):
    found = standing(1, tuple(told), Fates(past), VERSIONS, day)
    assert found is not None
    return found


@settings(deadline=None)
@given(LINES, st.randoms(use_true_random=False))
def test_what_is_agreed_is_used_or_left_and_the_order_of_messages_means_nothing(lines, shuffle: random.Random):
    told, past = record_of(lines)
    found = stand(told, past)
    hours = {fate: sum(much for much, own in lines if own == fate) for fate in ("waiting", "approved", "credited")}
    assert found.unit == MINUTES
    assert found.used.volume == (hours["waiting"] + hours["approved"]) * 60
    assert found.whole == found.used.volume + found.left == 12 * 10 * 60
    assert found.money == found.used.amount + found.left_money == 12 * 10 * 6300
    sums = (found.waiting, found.approved, found.rejected, found.credited)
    assert found.declared.amount == sum(each.amount for each in sums)
    assert found.payable == found.approved.amount
    shuffle.shuffle(told)
    assert replace(stand(told, past), lines=()) == replace(found, lines=())


@given(st.integers(1, 20))
def test_a_credit_restores_what_its_debit_took(hours: int):
    none, one, back = (stand(*record_of(lines)) for lines in ([], [(hours, "approved")], [(hours, "credited")]))
    assert (back.left, back.left_money, back.payable) == (none.left, none.left_money, 0)
    assert one.left == none.left - hours * 60
    assert (one.due, back.due) == ("2026-04-01", "")  # thirty days from the declaration


@pytest.mark.parametrize(
    ("day", "word"), [("2026-01-11", "toekomstig"), ("2026-01-12", "loopt"), ("2027-01-01", "afgelopen")]
)
def test_where_an_order_is_on_a_day_is_told_in_a_word(day: str, word: str):
    assert stand(*record_of([]), day=day).state == word


def test_deliveries_that_were_taken_back_did_not_begin():
    told, past = record_of([])
    start = Start(bsn=PLAIN.bsn, number=1, begin="2026-01-12", status="1")
    reports = [start, replace(start, status="3"), replace(start, begin="2026-02-02")]
    heard = [Heard(message=f"s{each.begin}", type="ho305", dated="2026-02-02", said=(each,)) for each in reports]
    assert (stand([*told, *heard], past).begun, stand([*told, *heard], past).ended) == ("2026-02-02", "")
    stop = Stop(bsn=PLAIN.bsn, number=1, begin="2026-02-02", end="2026-03-31", reason="01", status="1")
    ended = Heard(message="e", type="ho307", dated="2026-04-01", said=(stop,))
    assert stand([*told, *heard, ended], past).ended == "2026-03-31"


def test_an_order_that_is_not_there_has_no_standing():
    assert standing(2, tuple(record_of([])[0]), Fates({}), VERSIONS, TODAY) is None
    assert newest([]) == {}


# Involved


def tie(payer: str, provider: str, number: int, gemeente: str = GEMEENTE, **other: str):
    order = replace(PLAIN, number=number, gemeente="" if len(payer) == 4 else gemeente, **other)
    tasks = (Task(number=number, code="01", who="H"),) if len(payer) == 8 else ()
    heard = Heard(message=f"bericht/{payer}/ho301/{number}", type="ho301", dated="2026-01-05", said=(order, *tasks))
    return ties(payer, provider, (heard,))[0]


CHAIN = [
    tie(GEMEENTE, HOOFD, 9001),
    tie(HOOFD, ONDER, 7001),
    tie(HOOFD, THIRD, 7002),
    tie(ONDER, FAR, 1),
    tie(OTHER_GEMEENTE, HOOFD, 9002),
    tie(HOOFD, "98000005", 7003, OTHER_GEMEENTE),
]


@pytest.mark.parametrize(
    ("codes", "sees"),
    [
        ({GEMEENTE}, {9001, 7001, 7002, 1}),
        ({HOOFD}, {9001, 7001, 7002, 1, 9002, 7003}),
        ({ONDER}, {9001, 7001, 1}),
        ({THIRD}, {9001, 7002}),
        ({FAR}, {9001, 7001, 1}),
        ({OTHER_GEMEENTE}, {9002, 7003}),
        ({"98000009"}, set()),
    ],
)
def test_a_party_sees_the_chain_that_it_is_part_of_and_nobody_beside_it(codes: set[str], sees: set[int]):
    assert {each.order.number for each in involved(codes, CHAIN, TODAY)} == sees


@pytest.mark.parametrize("day", ["2026-W10-1", "20260301", "2026-02-30", 1])
def test_a_day_is_written_in_one_way(day: object):
    part = {"onderaannemer": ONDER, "volume": 1, "begin": day}
    with pytest.raises(AskedError) as error:
        division({"wet": "JW", "gemeente": GEMEENTE, "toewijzingNummer": 1, "delen": [part]}, exact=True)
    assert error.value.faults == ["Deel 1: 'begin' moet een datum als 2026-03-31 zijn."]


def test_a_chain_is_of_one_gemeente_all_along():
    apart = [
        tie(GEMEENTE, HOOFD, 9001), tie(HOOFD, ONDER, 7001, OTHER_GEMEENTE), tie(ONDER, FAR, 1, GEMEENTE),
    ]  # fmt: skip
    assert [each.order.number for each in involved({GEMEENTE}, apart, TODAY)] == [9001]


def test_who_has_nothing_running_for_a_client_sees_nothing():
    over = [tie(HOOFD, ONDER, 7001, end="2026-02-28"), tie(GEMEENTE, HOOFD, 9001)]
    assert involved({ONDER}, over, TODAY) == []
    assert [each.order.number for each in involved({HOOFD}, over, TODAY)] == [9001]
    assert CHAIN[1].tasks == (("01", "H"),)
