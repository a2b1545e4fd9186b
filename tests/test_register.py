"""The register is what was granted, in order of decision; who proposes never decides. Pure."""

from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.oversight.accounts import ROLES
from gateway.oversight.rights import Officer, Role
from gateway.parties import Parties, Party
from gateway.register.allowed import faults, may_decide, sides
from gateway.register.commandline import acting
from gateway.register.fold import DAY, expiring, fold, spent
from gateway.register.forms import read
from gateway.register.values import Change, Kind, Register, Who
from gateway.retention.orders import NotAllowedError

HOOFD, ONDER, OTHER, GEMEENTE = "98000001", "98000002", "98000004", "0363"
PRINTS = [f"sha256:{letter * 64}" for letter in "abcd"]
BASE = Parties.known(
    [
        Party(code=HOOFD, name="De Brug", certificates=(PRINTS[0],)),
        Party(code=ONDER, name="Zonnehoek", mandates=(HOOFD,)),
        Party(code=GEMEENTE, name="Amsterdam"),
    ]
)
REGION = {"beheerder": GEMEENTE, "gemeenten": [{"code": GEMEENTE, "vanaf": "2026-01-01"}], "maximumInhouding": 1000}
LISTING = {
    "vanaf": "2026-01-01", "kenmerken": [], "categorieen": ["45"], "specialismen": ["dyslexie"], "capaciteit": "",
    "deeltResultaten": False,
}  # fmt: skip
PRODUCT = {"categorie": "45", "eenheid": "04", "tarief": 10000}
SYSTEM = Who(name=HOOFD, own=HOOFD, codes=frozenset({HOOFD}))
JAN = Who(name="/jan", own="", codes=frozenset({""}))
PIET = replace(JAN, name="/piet")
NOW = 1_800_000_000_000


def change(subject: str, kind: Kind, value=None, *, at: int = 1, granted: bool | None = True, **more) -> Change:
    told = {
        "id": sha256(f"{at}".encode()).hexdigest()[:32], "side": "", "decides": "", "proposed_at": 0,
        "proposed_by": "/jan", "decided_by": "/piet", **more,
    }  # fmt: skip
    return Change(subject=subject, kind=kind, value=value or {}, decided_at=at, granted=granted, **told)


def paper(number: int, until: int = NOW + 300 * DAY) -> dict:
    return {"certificaat": {"vingerafdruk": PRINTS[number], "geldigTot": until}}


# One party in many ways, so that what is decided on one subject could only by mistake touch another.
CHANGES = st.one_of(
    st.builds(
        lambda code, name: (f"partij/{code}", Kind.DETAILS, {"naam": name, "contact": {"naam": name, "email": "x"}}),
        st.sampled_from([HOOFD, ONDER, GEMEENTE]), st.text(min_size=1, max_size=3),
    ),
    st.builds(lambda number: (f"partij/{OTHER}", Kind.PARTY, {"naam": "Wilgenhof", **paper(number)}), st.just(1)),
    st.builds(lambda to: (f"partij/{HOOFD}", Kind.MANDATE, {"aan": to}), st.sampled_from([ONDER, GEMEENTE])),
    st.builds(lambda to: (f"partij/{HOOFD}", Kind.MANDATE_ENDS, {"aan": to}), st.sampled_from([ONDER, GEMEENTE])),
    st.just((f"partij/{ONDER}", Kind.PARTY_ENDS, {})),
    st.builds(lambda name, most: (f"regio/{name}", Kind.REGION, {**REGION, "maximumInhouding": most}),
              st.sampled_from("AB"), st.integers(0, 100)),
    st.builds(lambda name: (f"lijst/{name}/{ONDER}", Kind.LISTING, LISTING), st.sampled_from("AB")),
    st.just((f"afspraak/JW/{GEMEENTE}/{HOOFD}", Kind.AGREEMENT, {"vanaf": "2026-01-01", "producten": [PRODUCT]})),
)  # fmt: skip
HISTORIES = st.lists(CHANGES, max_size=12).map(
    lambda made: [change(*each, at=place) for place, each in enumerate(made, 1)]
)


@given(HISTORIES, st.randoms())
def test_the_order_in_which_changes_are_read_means_nothing(history, random):
    shuffled = list(history)
    random.shuffle(shuffled)
    assert fold(BASE, shuffled) == fold(BASE, history)


@given(HISTORIES)
def test_what_was_decided_on_one_subject_does_not_wait_for_another(history):
    """Subject by subject, each in its own order, gives the same register as all in order of decision."""
    ordered = sorted(history, key=lambda each: (each.subject, each.decided_at))
    apart = [replace(each, decided_at=place) for place, each in enumerate(ordered)]
    assert fold(BASE, apart) == fold(BASE, history)


@given(HISTORIES, CHANGES, st.sampled_from([False, None]))
def test_what_was_refused_or_still_waits_changes_nothing(history, another, granted):
    assert fold(BASE, [*history, change(*another, at=99, granted=granted)]) == fold(BASE, history)


@given(HISTORIES, st.integers(0, 14))
def test_letting_go_of_who_is_no_contact_any_more_changes_nothing(history, before):
    stripped = {each.id: each for each in spent(history, before)}
    assert all("contact" not in each.value for each in stripped.values())
    assert fold(BASE, [stripped.get(each.id, each) for each in history]) == fold(BASE, history)


@given(
    st.sampled_from([SYSTEM, JAN, PIET, replace(SYSTEM, name=f"{HOOFD}/els")]),
    st.sampled_from(["", HOOFD, ONDER]),
    st.sampled_from([HOOFD, "/jan", "/piet", f"{HOOFD}/els"]),
    st.sampled_from([None, True, False]),
)
def test_nobody_decides_what_he_proposed_nor_what_is_not_his_nor_twice(who, decides, proposer, granted):
    made = change("partij/98000001", Kind.PUSH, granted=granted, decides=decides, proposed_by=proposer)
    assert may_decide(made, who) == (proposer != who.name and decides in who.codes and granted is None)


KINDS = [
    (f"partij/{HOOFD}", Kind.PUSH, {}),
    ("regio/Rijnmond", Kind.REGION, REGION),
    (f"lijst/Noord/{HOOFD}", Kind.LISTING, LISTING),
    (f"afspraak/JW/{GEMEENTE}/{HOOFD}", Kind.AGREEMENT, {}),
]


@given(
    st.sampled_from(KINDS),
    st.sampled_from(["", HOOFD, ONDER, GEMEENTE]),
    st.frozensets(st.sampled_from([HOOFD, ONDER, GEMEENTE]), max_size=3),
)
def test_what_somebody_may_propose_he_may_never_decide(made, own, mandates):
    register = fold(BASE, [change("regio/Noord", Kind.REGION, REGION)])
    who = Who(name=own or "/jan", own=own, codes=frozenset({own}) | (mandates if own else frozenset()))
    found = sides(register, *made, who)
    if found:
        subject, kind, value = made
        waiting = change(subject, kind, value, granted=None, side=found[0], decides=found[1], proposed_by=who.name)
        assert found[0] in who.codes
        assert not may_decide(waiting, who)


@pytest.mark.parametrize("role", ROLES)
def test_only_who_runs_the_gateway_or_a_party_proposes_and_decides(role: Role):
    for party in ("", HOOFD):
        asks = Officer(login="jan", name="J.", role=role, party=party)
        if role in {Role.OPS, Role.TENANT_ADMIN}:
            assert acting(asks) == Who(name=f"{party}/jan", own=party, codes=frozenset({party}))
        else:
            with pytest.raises(NotAllowedError):
                acting(asks)


def test_a_system_that_acts_for_a_party_does_not_change_what_that_party_is_known_by():
    supplier = Who(name="98000009", own="98000009", codes=frozenset({"98000009", HOOFD}))
    for kind in (Kind.CERTIFICATE, Kind.MANDATE, Kind.PUSH, Kind.DETAILS):
        assert sides(fold(BASE, []), f"partij/{HOOFD}", kind, {}, supplier) is None
        assert sides(fold(BASE, []), f"partij/{HOOFD}", kind, {}, SYSTEM) == (HOOFD, "")


def test_a_party_of_the_register_takes_part_and_its_certificate_lets_it_in():
    new = change(f"partij/{OTHER}", Kind.PARTY, {"naam": "Wilgenhof", "kvk": "12345678", **paper(1)})
    found = fold(BASE, [new]).parties
    assert found.by_certificate[PRINTS[1]] is found.by_code[OTHER]
    assert (found.by_code[OTHER].name, found.by_code[OTHER].ends) == ("Wilgenhof", {PRINTS[1]: NOW + 300 * DAY})


def test_a_certificate_is_replaced_by_adding_one_and_then_ending_the_other():
    added = change(f"partij/{HOOFD}", Kind.CERTIFICATE, paper(1))
    ended = change(f"partij/{HOOFD}", Kind.CERTIFICATE_ENDS, {"vingerafdruk": PRINTS[0]}, at=2)
    assert set(fold(BASE, [added]).parties.by_certificate) == {PRINTS[0], PRINTS[1]}
    assert set(fold(BASE, [added, ended]).parties.by_certificate) == {PRINTS[1]}


def test_the_file_shuts_a_certificate_out_whatever_was_granted():
    added = change(f"partij/{HOOFD}", Kind.CERTIFICATE, paper(1))
    shut = replace(BASE, blocked=frozenset({PRINTS[1]}))
    assert set(fold(shut, [added]).parties.by_certificate) == {PRINTS[0]}


def test_a_certificate_is_of_one_party_and_of_two_that_name_it_the_file_goes_first():
    stolen = change(f"partij/{OTHER}", Kind.PARTY, {"naam": "Wilgenhof", **paper(0)})
    assert fold(BASE, [stolen]).parties.by_certificate[PRINTS[0]].code == HOOFD
    again = replace(stolen, granted=None)
    assert faults(fold(BASE, []), again, day="2026-11-22", now=NOW) == ["Dit certificaat hoort al bij een partij."]


def test_who_mandates_may_take_it_back_also_what_the_file_says():
    given_ = change(f"partij/{ONDER}", Kind.MANDATE, {"aan": HOOFD})
    back = change(f"partij/{HOOFD}", Kind.MANDATE_ENDS, {"aan": ONDER}, at=2)
    assert fold(BASE, [given_]).parties.by_code[HOOFD].codes == {HOOFD, ONDER}
    assert fold(BASE, []).parties.by_code[ONDER].codes == {ONDER, HOOFD}
    assert fold(BASE, [given_, back]).parties.by_code[ONDER].codes == {ONDER}


def test_who_no_longer_takes_part_mandates_nobody():
    gone = change(f"partij/{HOOFD}", Kind.PARTY_ENDS)
    found = fold(BASE, [gone]).parties
    assert HOOFD not in found.by_code
    assert PRINTS[0] not in found.by_certificate
    assert found.by_code[ONDER].codes == {ONDER}


def test_of_two_agreements_the_last_accepted_that_has_begun_holds():
    subject = f"afspraak/JW/{GEMEENTE}/{HOOFD}"
    first = change(subject, Kind.AGREEMENT, {"vanaf": "2026-01-01", "producten": [PRODUCT]})
    second = change(subject, Kind.AGREEMENT, {
        "vanaf": "2027-01-01", "tot": "2027-12-31", "producten": [{**PRODUCT, "code": "45A04", "tarief": 11000}],
    }, at=2)  # fmt: skip
    register = fold(BASE, [first, second])
    held = {day: register.agreement("JW", GEMEENTE, HOOFD, day) for day in
            ("2025-12-31", "2026-06-01", "2027-01-01", "2028-01-01")}  # fmt: skip
    assert [held[day] and held[day].products[0].tariff for day in sorted(held)] == [None, 10000, 11000, None]


def test_the_lowest_maximum_of_the_regions_of_a_gemeente_holds_while_it_belongs_to_them():
    until = {**REGION, "gemeenten": [{"code": GEMEENTE, "vanaf": "2026-01-01", "tot": "2026-06-30"}]}
    register = fold(BASE, [
        change("regio/A", Kind.REGION, REGION), change("regio/B", Kind.REGION, {**until, "maximumInhouding": 500}),
    ])  # fmt: skip
    days = ("2025-12-31", "2026-06-30", "2026-07-01")
    assert [register.maximum(GEMEENTE, day) for day in days] == [None, 500, 1000]


def test_who_was_admitted_again_after_an_end_stands_on_the_list():
    subject = f"lijst/A/{ONDER}"
    first, end = change(subject, Kind.LISTING, LISTING), change(subject, Kind.LISTING_ENDS, {"tot": "2026-03-01"}, at=2)
    again = change(subject, Kind.LISTING, {**LISTING, "vanaf": "2026-09-01"}, at=3)
    assert not fold(BASE, [first, end]).listings["A", ONDER].on("2026-03-02")
    assert fold(BASE, [first, end, again]).listings["A", ONDER].on("2026-10-01")


@pytest.mark.parametrize(
    ("subject", "kind", "value"),
    [("regio/A", Kind.REGION, REGION), (f"lijst/A/{ONDER}", Kind.LISTING, LISTING)],
)
def test_a_region_that_another_made_or_got_meanwhile_is_that_ones_to_decide_on(subject, kind, value):
    """Two gemeenten ask for a region of one name, or its keeper hands it over while something waits for him."""
    waits = change(subject, kind, value, decides=GEMEENTE, granted=None)
    own, others = (
        fold(BASE, [change("regio/A", Kind.REGION, {**REGION, "beheerder": keeper})]) for keeper in (GEMEENTE, "0344")
    )
    assert faults(own, waits, day="2026-05-01", now=NOW) == []
    assert faults(others, waits, day="2026-05-01", now=NOW) == [
        "Regio A heeft nu een andere beheerder. Doe het voorstel opnieuw, dan beslist die."
    ]


@pytest.mark.parametrize(
    ("days", "within"),
    [(31.0, None), (30.0, 30), (14.5, 30), (14.0, 14), (7.0, 7), (6.5, 7), (1.0, 1), (0.5, 1), (0.0, None), (-1, None)],
)
def test_who_must_be_told_that_a_certificate_ends(days: float, within: int | None):
    party = Party(code=HOOFD, name="De Brug", certificates=(PRINTS[0],), ends={PRINTS[0]: NOW + int(days * DAY)})
    found = list(expiring(Register(parties=Parties.known([party])), NOW))
    assert [each.within for each in found] == [within] * (within is not None)


WRONG = [
    (f"partij/{HOOFD}", "gegevens", {}, ["'naam' ontbreekt: noem 'naam', 'kvk' of 'contact'."]),
    (f"partij/{HOOFD}", "certificaat", {"certificaat": "x"}, ["BEGIN CERTIFICATE"]),
    (f"partij/{HOOFD}", "push", {"adres": "http://x"}, ["https-adres"]),
    ("partij/1", "push", {"adres": ""}, ["partij/CODE"]),
    (f"partij/{HOOFD}", "iets", {}, ["'soort' is een van"]),
    (f"partij/{HOOFD}", "push", [], ["'waarde' moet een object zijn."]),
    (f"partij/{HOOFD}", "gegevens", {"kvk": 1, "contact": {"naam": "", "email": "x"}},
     ["'kvk'", "'contact.naam'", "'contact.email'"]),
    ("regio/A/B", "regio", REGION, ["regio/NAAM"]),
    ("regio/<x>", "regio", REGION, ["naam van een regio"]),
    ("regio/Noord", "regio", {**REGION, "gemeenten": [{"code": "0009", "vanaf": "2026-01-01"}], "iets": 1},
     ["opgeheven", "'iets' hoort hier niet."]),
    ("regio/Noord", "regio", {**REGION, "gemeenten": [{"code": "9999", "vanaf": "2026-01-01"}]}, ["bestaat niet"]),
    ("regio/Noord", "regio", {**REGION, "gemeenten": [{"code": "1992", "vanaf": "2022-01-01"}]}, ["bestaat pas vanaf"]),
    ("regio/Noord", "regio", {**REGION, "gemeenten": REGION["gemeenten"] * 2}, ["twee keer"]),
    ("regio/Noord", "regio", {**REGION, "maximumInhouding": 10001}, ["'maximumInhouding'"]),
    (f"afspraak/JW/{GEMEENTE}/{HOOFD}", "afspraak",
     {"vanaf": "2026-02-31", "producten": [{"categorie": "45", "eenheid": "99"}]},
     ["'vanaf'", "'producten[0].eenheid'", "'producten[0].tarief'"]),
    (f"lijst/Noord/{HOOFD}", "opname", {"vanaf": "2026-02-01", "tot": "2026-01-01", "kenmerken": [{"kenmerk": "77"}]},
     ["'kenmerken[0].kenmerk'", "'kenmerken[0].tot'", "'tot' ligt voor 'vanaf'"]),
    (f"lijst/Noord/{HOOFD}", "opname", {"vanaf": "2026-02-01", "deeltResultaten": 1}, ["moet true of false zijn"]),
]  # fmt: skip


@pytest.mark.parametrize(("subject", "kind", "value", "told"), WRONG)
def test_all_that_is_wrong_with_a_proposal_is_told_at_once(subject, kind, value, told):
    _, wrong = read(subject, kind, value)
    assert len(wrong) == len(told), wrong
    assert all(any(part in each for each in wrong) for part in told), wrong


def test_what_a_form_gives_can_be_read_and_folded_again():
    made = {
        "regio/Noord": ("regio", {**REGION, "sjabloon": {
            "variant": "I", "betaaltermijn": 30, "producten": [{**PRODUCT, "laagste": 9000, "hoogste": 12000}]}}),
        f"lijst/Noord/{ONDER}": ("opname", {**LISTING, "kenmerken": [{"kenmerk": "01", "tot": "2027-01-01"}]}),
        f"afspraak/JW/{GEMEENTE}/{HOOFD}": ("afspraak", {"vanaf": "2026-01-01", "producten": [PRODUCT]}),
    }  # fmt: skip
    read_ = {subject: (kind, *read(subject, kind, value)) for subject, (kind, value) in made.items()}
    assert all(not wrong for _, _, wrong in read_.values())
    register = fold(BASE, [change(subject, Kind(kind), value) for subject, (kind, value, _) in read_.items()])
    assert register.regions["Noord"].in_json() == {"naam": "Noord", **made["regio/Noord"][1]}
    assert register.listings["Noord", ONDER].in_json() == made[f"lijst/Noord/{ONDER}"][1]
    [agreed] = register.agreements["JW", GEMEENTE, HOOFD]
    assert agreed.in_json() == made[f"afspraak/JW/{GEMEENTE}/{HOOFD}"][1]
