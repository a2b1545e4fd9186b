"""What a hoofdaannemer may keep (HO024): a contract held against the region's maximum and the municipal tariffs.

No conversation can show this, for what a region allows is said in no message.
"""

from collections.abc import Sequence
from fractions import Fraction

import pytest
from door import HOOFD, ONDER, VISIT, opened
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.invented import message
from gateway.ledger import book
from gateway.ledger.values import Area, Contract, Price
from gateway.message import Facts
from gateway.register.values import Agreement, Member, Product, Region, Register

DAY = "2026-01-01"
ONE, TWO = "0344", "0363"
FACTS = Facts(
    type="ho341", sender=HOOFD.code, receiver=ONDER.code, identification="1", dated=DAY, release="1.0",
    wet="JW",
)  # fmt: skip


def region(maximum: int | None, *gemeenten: str, begin: str = DAY, name: str = "Noord") -> Region:
    members = tuple(Member(gemeente=each, begin=begin) for each in gemeenten)
    return Region(name=name, keeper=ONE, members=members, maximum=maximum)


def agreed(*products: Product, gemeente: str = ONE, begin: str = DAY) -> Agreement:
    return Agreement(wet="JW", gemeente=gemeente, hoofd=HOOFD.code, begin=begin, products=products)


def product(tariff: int, code: str = "", category: str = "45") -> Product:
    return Product(category=category, code=code, unit="04", tariff=tariff)


def price(tariff: int | None, code: str = "", surcharge: int | None = None) -> Price:
    return Price(path="Regel", category="45", code=code, unit="04", tariff=tariff, surcharge=surcharge)


def register(*regions: Region, agreements: Sequence[Agreement] = ()) -> Register:
    told: dict[tuple[str, str, str], tuple[Agreement, ...]] = {}
    for each in agreements:
        key = (each.wet, each.gemeente, each.hoofd)
        told[key] = (*told.get(key, ()), each)
    return Register(regions={each.name: each for each in regions}, agreements=told)


def wrong(
    known: Register, *prices: Price, kept: int | None = None, most: int | None = None, areas: Sequence[str] = (ONE,)
) -> list[str]:
    """Where a contract is refused."""
    contract = Contract(path="Overeenkomst", number="R1", variant="I", begin=DAY, days=30, kept=kept, most=most)
    said = (contract, *(Area(gemeente=each) for each in areas), *prices)
    found = book.judge(FACTS, said, {}, levels=(4,), register=known)
    assert {each.code for each in found} <= {"HO024"}
    return [each.path for each in found]


@pytest.mark.parametrize(
    ("kept", "most", "told"),
    [
        (1000, 1000, []),
        (None, None, []),
        (1001, None, ["Overeenkomst/Retentie/Retentiepercentage"]),
        (900, 1001, ["Overeenkomst/Retentie/Maximumpercentage"]),
    ],
)
def test_the_share_that_a_contract_names_is_at_most_what_the_region_allows(kept, most, told):
    assert wrong(register(region(1000, ONE)), kept=kept, most=most) == told


def test_of_more_gemeenten_the_strictest_region_holds():
    both = register(region(1000, ONE), region(500, TWO, name="Zuid"))
    assert wrong(both, kept=800, areas=(ONE,)) == []
    told = ["Overeenkomst/Retentie/Maximumpercentage", "Overeenkomst/Retentie/Retentiepercentage"]
    assert wrong(both, kept=800, most=800, areas=(ONE, TWO)) == told


def test_what_no_region_sets_or_sets_later_is_held_against_nobody():
    assert wrong(register(), kept=9000) == []
    assert wrong(register(region(None, ONE)), kept=9000) == []
    assert wrong(register(region(100, ONE, begin="2026-02-01")), kept=9000) == []
    assert wrong(register(region(100, TWO)), kept=9000) == []


@given(st.integers(1, 20_000), st.integers(1, 20_000), st.none() | st.integers(0, 2_000), st.integers(0, 10_000))
def test_what_is_kept_in_fact_is_at_most_what_the_region_allows(municipal, offered, surcharge, most):
    known = register(region(most, ONE), agreements=[agreed(product(municipal))])
    paid = offered * (1 + Fraction(surcharge or 0, 10_000)) + Fraction(1, 2)
    keeps_too_much = municipal - paid.__floor__() > municipal * Fraction(most, 10_000)
    assert wrong(known, price(offered, surcharge=surcharge)) == ["Regel/Tarief"] * keeps_too_much


@pytest.mark.parametrize(
    ("prices", "products", "refused"),
    [
        ((price(8999),), (product(10_000),), True),
        ((price(9000),), (product(10_000),), False),
        ((price(8999, "45A04"),), (product(10_000, "45A04"),), True),
        ((price(8999, "45A04"),), (product(10_000, "45A05"),), False),
        ((price(8999, "45A04"),), (product(10_000),), True),
        ((price(8999, "45A04"),), (product(10_000), product(9000, "45A04")), False),
        ((price(8999),), (product(10_000, "45A04"),), True),
        ((price(8999), price(9000, "45A04")), (product(10_000, "45A04"),), False),
        ((price(1),), (product(10_000, category="46"),), False),
        ((price(None),), (product(10_000),), False),
    ],
)
def test_a_price_is_held_against_the_municipal_tariff_of_what_it_is_paid_for(prices, products, refused):
    known = register(region(1000, ONE), agreements=[agreed(*products)])
    assert bool(wrong(known, *prices)) is refused


def test_the_agreement_of_that_gemeente_on_the_first_day_of_the_contract_counts():
    of_another = register(region(1000, ONE, TWO), agreements=[agreed(product(10_000), gemeente=TWO)])
    later = register(region(1000, ONE), agreements=[agreed(product(9000)), agreed(product(10_000), begin="2026-07-01")])
    assert wrong(of_another, price(8500)) == []
    assert wrong(of_another, price(8500), areas=(ONE, TWO)) == ["Regel/Tarief"]
    assert wrong(later, price(8500)) == []


async def test_a_contract_over_the_maximum_is_refused_at_the_door_and_its_sender_is_told_why(engine: AsyncEngine):
    raw = message("ho341-rijk", "C1", sender=HOOFD.code, receiver=ONDER.code)
    gemeente = raw.partition(b"<Gemeente>")[2][:4].decode()
    async with opened(engine, levels=(4,)) as door:
        assert door.history is not None
        door.history.register = register(region(1, gemeente, begin="2000-01-01"))
        refused = await door.refused(raw)
        assert {each.code for each in refused.findings} == {"HO024"}
        [answer] = await door.waiting(HOOFD)
        assert answer["soort"] == "ho342"
        assert b"H024" in await door.pickup.fetch(answer["berichtId"], HOOFD, VISIT)
        door.history.register = register()
        await door.accepted(message("ho341-rijk", "C2", sender=HOOFD.code, receiver=ONDER.code))
