"""Whatever is said, in whatever order: the ledger never stumbles, and what was refused was never said."""

from collections import Counter
from dataclasses import replace

from hypothesis import given, seed, settings
from hypothesis import strategies as st
from test_ledger_rules import BSN, DEBIT, HEAD, ORDER, OTHER, WISH, Ledger
from test_ledger_rules import given as given_orders

from gateway.ledger.values import Answer, Refusal, Reply, Request, Said, Start, Stop, Wish

Message = tuple[str, tuple[Said, ...]]
CLIENTS = st.sampled_from([BSN, BSN, BSN, OTHER])
NUMBERS = st.sampled_from([1, 2])
CODES = {1: "45A04", 2: "45A53", None: "45A04"}
REFERENCES = st.sampled_from(["V-1", "V-2", "V-3"])
DAYS = st.sampled_from(["2026-01-12", "2026-02-16"])
MONTHS = st.sampled_from([("2026-02-01", "2026-02-28"), ("2026-03-01", "2026-03-31"), ("2026-04-01", "2026-04-30")])
STATUS = st.sampled_from(["1", "1", "1", "3"])
GIVEN = tuple(replace(ORDER, number=number, code=CODES[number], volume=100) for number in (1, 2))


def order(number: int, reference: str, end: tuple[str, str]) -> Said:
    return replace(GIVEN[number - 1], reference=reference, end=end[0], reason=end[1], date="2026-02-02")


def start(number: int | None, begin: str, status: str) -> Said:
    return Start(number=number, category="45", code=CODES[number], begin=begin, status=status)


def stop(number: int | None, begin: str, end: str, reason: str, status: str) -> Said:
    return Stop(number=number, category="45", code=CODES[number], begin=begin, end=end, reason=reason, status=status)


def line(number: int, reference: str, month: tuple[str, str], *, credits_: bool) -> Said:
    debit = replace(DEBIT, number=number, code=CODES[number], reference=reference, begin=month[0], end=month[1])
    debit = replace(debit, volume=5, unit="04", tariff=100)
    return replace(debit, reference=f"C{reference}", previous=reference, amount=-500) if credits_ else debit


ORDERS = st.builds(
    order, NUMBERS, st.sampled_from(["", "", "V-1", "V-2"]),
    st.sampled_from([("2026-12-31", ""), ("2026-10-31", ""), (ORDER.begin, "13")]),
)  # fmt: skip
STARTS = st.builds(start, st.sampled_from([1, 2, None]), DAYS, STATUS)
STOPS = st.builds(
    stop, NUMBERS, DAYS, st.sampled_from(["2026-03-31", "2026-04-30"]), st.sampled_from(["20", "31"]), STATUS
)
LINES = st.builds(line, NUMBERS, st.sampled_from(["R1", "R2", "R3"]), MONTHS, credits_=st.booleans())


def one(said: st.SearchStrategy[Said]) -> st.SearchStrategy[tuple[Said, ...]]:
    """What a message about one client says."""
    several = st.lists(said, min_size=1, max_size=2)
    return st.tuples(CLIENTS, several).map(lambda made: tuple(replace(each, bsn=made[0]) for each in made[1]))


def declared(number: str, lines: tuple[Said, ...]) -> Message:
    return "323", (*lines, replace(HEAD, number=number, begin="2026-04-01"))


def wishes(bsn: str, number: int, reference: str) -> tuple[Said, ...]:
    same = Wish(bsn=bsn, kind="OngewijzigdProduct", number=3 - number)
    return replace(WISH, bsn=bsn, number=number), same, Request(bsn=bsn, reference=reference)


MESSAGES: st.SearchStrategy[Message] = st.one_of(
    st.tuples(st.just("301"), one(ORDERS)),
    st.tuples(st.just("301"), one(ORDERS)),
    st.tuples(st.just("305"), one(STARTS)),
    st.tuples(st.just("305"), one(STARTS)),
    st.tuples(st.just("307"), one(STOPS)),
    st.tuples(st.just("307"), one(STOPS)),
    st.tuples(st.just("315"), one(st.builds(Request, reference=REFERENCES))),
    st.tuples(st.just("317"), st.builds(wishes, CLIENTS, NUMBERS, REFERENCES)),
    st.tuples(
        st.just("319"), st.builds(Reply, reference=REFERENCES, answer=st.sampled_from("12")).map(lambda each: (each,))
    ),
    st.builds(declared, st.sampled_from(["D1", "D2", "D3", "D4"]), one(LINES)),
)
RETOUR = {"301": "302", "305": "306", "307": "308", "315": "316", "317": "318", "319": "320", "323": "325"}


YES = Answer(whole=True, dated="2026-05-18")


def hear(ledger: Ledger, number: str, said: tuple[Said, ...]) -> list[str]:
    """Say it; a declaration that is accepted is granted at once, so that it can be credited."""
    found = ledger.codes(number, *said)
    if number == "323" and not found:
        assert ledger.codes("325", replace(YES, number=said[-1].number), answers=ledger.last) == []
    return found


def after_all(messages: list[Message]) -> Ledger:
    """Two orders and a start, and then all of this as far as it is accepted."""
    ledger = given_orders(*GIVEN)
    assert ledger.codes("305", replace(start(1, "2026-01-12", "1"), bsn=BSN)) == []
    for number, said in messages:
        hear(ledger, number, said)
    return ledger


def twin(ledger: Ledger) -> Ledger:
    """A ledger that knows the same, and may go on by itself."""
    made = Ledger()
    made.kept, made.count = dict(ledger.kept), ledger.count
    return made


def refuse(ledger: Ledger, number: str) -> None:
    """The receiver refuses the message that was heard last."""
    no = replace(YES, whole=False) if number == "323" else Refusal()
    assert ledger.codes(RETOUR[number], no, answers=ledger.last) == []


@settings(max_examples=120, deadline=None)
@given(st.lists(MESSAGES, max_size=10), MESSAGES, st.lists(MESSAGES, min_size=1, max_size=4))
def test_what_was_refused_was_never_said(before: list[Message], refused: Message, after: list[Message]):
    ledger = after_all(before)
    untouched = twin(ledger)
    if ledger.hear(refused[0], *refused[1]):
        return  # refused by the gateway: nothing was remembered
    refuse(ledger, refused[0])
    for number, said in after:
        assert ledger.codes(number, *said) == untouched.codes(number, *said)


@settings(max_examples=60, deadline=None)
@given(st.lists(MESSAGES, max_size=12), MESSAGES)
def test_judging_remembers_nothing_and_a_refused_message_leaves_no_trace(before: list[Message], last: Message):
    ledger = after_all(before)
    kept = dict(ledger.kept)
    if ledger.codes(last[0], *last[1]):
        assert ledger.kept == kept


def test_the_walks_above_get_somewhere():
    """Most of what is said at random is refused; enough is not, of every number."""
    heard: Counter[str] = Counter()

    @seed(1)
    @settings(max_examples=60, deadline=None, database=None)
    @given(st.lists(MESSAGES, min_size=8, max_size=14))
    def walk(messages: list[Message]) -> None:
        ledger = after_all([])
        heard.update(number for number, said in messages if not hear(ledger, number, said))

    walk()
    assert all(heard[number] >= 5 for number in RETOUR), heard
