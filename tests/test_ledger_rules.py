"""What level 3 makes of a past: small conversations in plain values, where no sample reaches."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from test_ledger_chains import CATALOG, CONVERSATIONS, name
from test_samples import expectation

from gateway.chain import Chain
from gateway.ledger import book, codec, keys
from gateway.ledger.values import Answer, Declaration, Line, Order, Record, Refusal, Reply, Request, Said, Wish
from gateway.message import Facts, Finding

BSN, OTHER = "999900006", "999900018"
PAYER, PROVIDER = "0344", "98000001"
ORDER = Order(
    bsn=BSN, number=1, category="45", code="45A04", date="2026-01-05", time="09:00:00", begin="2026-01-12",
    end="2026-12-31", volume=10, unit="04", frequency="4",
)  # fmt: skip
WISH = Wish(
    bsn=BSN,
    kind="TeWijzigenProduct",
    number=1,
    begin="2026-06-01",
    end="2026-12-31",
    volume=9,
    frequency="4",
)
REQUEST = Request(bsn=BSN, reference="V-1", path="Bericht/Client/Verzoek", line=9)
DEBIT = Line(
    bsn=BSN, reference="R1", number=1, category="45", code="45A04", begin="2026-02-01", end="2026-02-28", amount=500
)  # fmt: skip
CREDIT = replace(DEBIT, reference="R2", previous="R1", amount=-500)
HEAD = Declaration(number="D1", begin="2026-02-01", total=500)
GRANTED, REFUSED = Answer(whole=True, dated="2026-03-02", number="D1"), Answer(whole=False, dated="2026-03-02")
REMOVED = replace(ORDER, end=ORDER.begin, reason="13", date="2026-04-01")


class Ledger:
    """A ledger in memory that keeps its records as bytes and shows only what is asked for, in two rounds."""

    def __init__(self, wet: str = "JW") -> None:
        self.kept: dict[str, bytes] = {}
        self.wet = wet
        self.count = 0

    def hear(
        self, number: str, *said: Said, dated: str = "2026-05-18", answers: str | None = None, payer: str = PAYER
    ) -> list[Finding]:
        self.count += 1
        pays = number in keys.PAYER_SENDS
        facts = Facts(
            type=f"jw{number}", release="3.2", sender=payer if pays else PROVIDER, receiver=PROVIDER if pays else payer,
            identification=f"M{self.count}", dated=dated, wet=self.wet, answers=answers,
        )  # fmt: skip
        past: dict[str, Record] = {}
        for _ in range(2):
            past = {key: codec.unpack(self.kept[key]) for key in keys.keys(facts, said, past) & self.kept.keys()}
        assert keys.keys(facts, said, past) & self.kept.keys() == past.keys(), "two rounds suffice"
        found = list(book.judge(facts, said, past))
        if not found:
            self.kept |= {key: codec.pack(record) for key, record in book.remember(facts, said, past).items()}
        return found

    def codes(self, number: str, *said: Said, **about: str) -> list[str]:
        return [finding.code for finding in self.hear(number, *said, **about)]

    @property
    def last(self) -> str:
        return f"M{self.count}"


def given(*orders: Order, wet: str = "JW") -> Ledger:
    ledger = Ledger(wet)
    assert ledger.codes("301", *(orders or (ORDER,))) == []
    return ledger


def declared(ledger: Ledger, answer: Answer | None, *said: Said) -> None:
    """Declare these lines, and answer; what else a declaration must be is not asked here."""
    ledger.kept |= {key: codec.pack(record) for key, record in _remembered(ledger, said).items()}
    if answer is not None:
        assert ledger.codes("325", answer, answers=ledger.last) == []


def _remembered(ledger: Ledger, said: tuple[Said, ...]) -> dict[str, Record]:
    ledger.count += 1
    facts = Facts(
        type="jw323",
        release="3.2",
        sender=PROVIDER,
        receiver=PAYER,
        identification=ledger.last,
        dated="2026-03-02",
        wet="JW",
    )
    past = {key: codec.unpack(ledger.kept[key]) for key in keys.keys(facts, said) & ledger.kept.keys()}
    return book.remember(facts, said, past)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], []),
        ([(None, DEBIT)], []),
        ([(GRANTED, DEBIT)], ["TR385"]),
        ([(REFUSED, DEBIT)], []),
        ([(GRANTED, DEBIT), (None, CREDIT)], []),
        ([(GRANTED, DEBIT), (GRANTED, CREDIT)], []),
        ([(GRANTED, DEBIT), (REFUSED, CREDIT)], ["TR385"]),
        ([(GRANTED, replace(DEBIT, number=2))], []),
    ],
)
def test_an_assignment_is_removed_unless_approved_lines_stand(
    lines: list[tuple[Answer | None, Line]], expected: list[str]
):
    ledger = given()
    for answer, line in lines:
        declared(ledger, answer, HEAD, line)
    assert ledger.codes("301", REMOVED) == expected


def test_a_credit_that_was_rejected_credits_nothing():
    ledger = given()
    declared(ledger, GRANTED, HEAD, DEBIT)
    declared(ledger, None, HEAD, CREDIT)
    assert ledger.codes("325", GRANTED, CREDIT, answers=ledger.last) == []
    assert ledger.codes("301", REMOVED) == ["TR385"]


def test_a_line_that_was_rejected_is_not_approved():
    ledger = given()
    declared(ledger, None, HEAD, DEBIT, replace(DEBIT, reference="R9", number=2))
    assert ledger.codes("325", GRANTED, DEBIT, answers=ledger.last) == []
    assert ledger.codes("301", REMOVED) == []


def test_a_number_is_free_again_when_the_message_that_took_it_was_refused():
    ledger = given()
    taken = ledger.last
    assert ledger.codes("301", replace(ORDER, bsn=OTHER)) == ["TR332"]
    assert ledger.codes("302", Refusal(), answers=taken) == []
    assert ledger.codes("301", replace(ORDER, bsn=OTHER)) == []


def test_a_number_means_something_else_at_another_payer():
    assert given().codes("301", replace(ORDER, bsn=OTHER), payer="0363") == []


def test_a_retour_without_errors_changes_nothing():
    ledger = given()
    before = dict(ledger.kept)
    assert ledger.codes("302", answers=ledger.last) == []
    assert ledger.kept == before


@pytest.mark.parametrize("wet", ["JW", "WMO"])
def test_tools_of_the_wmo_may_be_had_twice(wet: str):
    ledger = given(replace(ORDER, category="11", code="11A01"), wet=wet)
    twice = Wish(bsn=BSN, kind="NieuwProduct", category="11", code="11A01", begin="2026-06-01")
    same = Wish(bsn=BSN, kind="OngewijzigdProduct", number=1)
    assert ledger.codes("317", same, twice, REQUEST) == ([] if wet == "WMO" else ["TR361"])


def test_only_the_payer_that_was_asked_can_answer():
    ledger = given()
    assert ledger.codes("317", WISH, REQUEST) == []
    assert ledger.codes("319", Reply(reference="V-1", answer="2"), payer="0363") == ["TR355"]
    assert ledger.codes("319", Reply(reference="V-1", answer="2")) == []


def test_that_a_request_is_open_is_said_once():
    ledger = given()
    assert ledger.codes("315", REQUEST) == []
    two = [replace(REQUEST, reference=reference) for reference in ("V-2", "V-3")]
    assert ledger.codes("315", *two) == ["TR374"]


def test_a_request_of_two_products_is_open_until_both_are_answered():
    ledger = given()
    assert ledger.codes("315", REQUEST, replace(REQUEST, reference="V-2")) == []
    assert ledger.codes("319", Reply(reference="V-1", answer="1")) == []
    assert ledger.codes("317", WISH, replace(REQUEST, reference="V-3")) == ["TR374"]
    assert ledger.codes("301", replace(ORDER, number=2, reference="V-2")) == []
    unchanged = Wish(bsn=BSN, kind="OngewijzigdProduct", number=2)
    assert ledger.codes("317", WISH, unchanged, replace(REQUEST, reference="V-3"), dated="2026-05-19") == ["TR361"]


@pytest.mark.parametrize(("end", "expected"), [("2020-12-31", []), ("2021-01-01", ["TR412"]), ("", ["TR412"])])
def test_before_2021_a_product_without_code_could_have_a_volume(end: str, expected: list[str]):
    old = replace(ORDER, code="", volume=None, unit="", frequency="", date="2020-01-02", begin="2020-01-06", end="")
    wish = replace(WISH, begin="2020-01-06", end=end)
    assert given(old).codes("317", wish, REQUEST, dated="2020-11-02") == expected


@pytest.mark.parametrize(("end", "expected"), [("2020-12-31", []), ("", ["TR375"])])
def test_before_2021_an_assignment_without_product_could_have_a_volume(end: str, expected: list[str]):
    old = replace(
        ORDER, category="", code="", volume=None, unit="", frequency="", date="2020-01-02", begin="2020-01-06", end=""
    )
    assert given(old).codes("317", replace(WISH, begin="2020-01-06", end=end), REQUEST, dated="2020-11-02") == expected


def test_nobody_needs_to_know_what_was_decided_on_the_same_day():
    """OP095: it may have crossed the request."""
    second = replace(ORDER, number=2, code="45A53")
    for change in (replace(second, end=second.begin, reason="13"), replace(second, end="2026-02-01")):
        ledger = given(ORDER, second)
        assert ledger.codes("301", replace(change, date="2026-05-18")) == []
        unchanged = Wish(bsn=BSN, kind="OngewijzigdProduct", number=2)
        for said in ((WISH, REQUEST), (WISH, unchanged, replace(REQUEST, reference="V-2"))):
            copy = Ledger()
            copy.kept, copy.count = dict(ledger.kept), ledger.count
            assert copy.codes("317", *said, dated="2026-05-18") == []
        assert ledger.codes("317", WISH, unchanged, REQUEST, dated="2026-05-19") == ["TR350"]


def test_what_was_granted_the_same_day_and_is_named_is_held_against_what_it_is():
    ledger = given(replace(ORDER, date="2026-05-18"))
    assert ledger.codes("317", replace(WISH, volume=None), REQUEST, dated="2026-05-18") == ["TR411"]


@pytest.mark.parametrize("end", ["2026-05-18", ""])
def test_an_assignment_that_ends_today_or_never_is_current(end: str):
    assert given(replace(ORDER, end=end)).codes(
        "317", Wish(bsn=BSN, kind="NieuwProduct", category="45", code="45A53", begin="2026-06-01"), REQUEST
    ) == ["TR349"]


def findings() -> Iterator[tuple[str, bytes, tuple[Finding, ...]]]:
    for folder in CONVERSATIONS:
        chain = Chain(CATALOG)
        for path in sorted(folder.glob("*.xml")):
            raw = path.read_bytes()
            found = chain.check(raw).findings
            if found:
                yield name(folder), raw, found


def test_a_finding_holds_no_value_of_the_message_and_stands_where_it_says():
    seen = 0
    for conversation, raw, found in findings():
        values = set(re.findall(r">([^<>\s]{4,})<", raw.decode()))
        for finding in found:
            seen += 1
            told = f"{finding.path} {finding.text}"
            assert not [value for value in values if value in told], conversation
            if finding.line and not finding.path.endswith(("/Bsn", "/Gemeente")):  # told beside a class of that client
                *_, last = re.sub(r"\[\d+\]", "", finding.path).split("/")
                near = raw.decode().splitlines()[finding.line - 1 :]
                assert any(f"{last}>" in line for line in near), (conversation, finding.path)
    assert seen > 50


def test_the_client_is_told_by_its_bsn_field_and_an_order_by_the_name_it_has_there():
    told = {(case.split("/")[0], found[0].code, found[0].path) for case, _, found in findings()}
    for standard in ("ijw", "hoa"):
        assert (standard, "TR304", "Bericht/Client/Bsn") in told
        assert (standard, "TR304", "Bericht/Declaratie/Clienten/Client[1]/Bsn") in told
    assert ("ijw", "TR019", "Bericht/Client/StopProducten/StopProduct[1]/ToewijzingNummer") in told
    assert ("hoa", "TR019", "Bericht/Client/StopProducten/StopProduct[1]/OpdrachtNummer") in told
    assert ("hoa", "TR365", "Bericht/Antwoord/VerzoekAntwoord") in told


def test_findings_come_in_the_order_of_the_document():
    ledger = given()
    wrong = [replace(WISH, number=number, line=line, path=f"W{line}") for number, line in ((8, 30), (9, 20))]
    lines = [finding.line for finding in ledger.hear("317", *wrong, replace(REQUEST, line=10))]
    assert lines == sorted(lines)


@pytest.mark.parametrize("folder", [each for each in CONVERSATIONS if each.parent.parent.name == "3.2"][:3], ids=name)
def test_the_same_bytes_again_are_the_same_message(folder: Path):
    chain, first = Chain(CATALOG), min(folder.glob("*.xml")).read_bytes()
    assert expectation(first) == []
    assert chain.check(first).findings == chain.check(first).findings == ()
