"""Consent of a gemeente and framework contracts: decisions travel as answers, and a gemeente may take back its word."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.catalog import FOLDER
from gateway.check import check
from gateway.parties import Parties, Party
from tests.door import CATALOG, HOOFD, ONDER, Door, opened

GEMEENTE = Party(code="0344", name="Gemeente Voorbeeld")
SAMPLES = FOLDER / "hoa" / "1.0" / "samples"
DECLARATION = (SAMPLES / "valid" / "ho323-rijk.xml").read_bytes()
CONTRACT = (SAMPLES / "valid" / "ho341-minimaal.xml").read_bytes()


def sample(name: str, identification: str = "") -> bytes:
    """A valid sample, under another Identificatie of its own if one is given."""
    raw = (SAMPLES / "valid" / f"{name}.xml").read_bytes()
    return (
        re.sub(rb"(<b:Identificatie>)[^<]*", rb"\g<1>" + identification.encode(), raw, count=1)
        if identification
        else raw
    )


def codes(raw: bytes) -> list[str]:
    return [finding.code for finding in check(raw, CATALOG).findings]


@pytest.fixture
async def door(engine: AsyncEngine, tmp_path: Path) -> AsyncIterator[Door]:
    async with opened(engine, tmp_path) as door:
        door.intake.parties = Parties(by_code={party.code: party for party in (HOOFD, ONDER, GEMEENTE)})
        yield door


async def test_a_gemeente_gets_the_report_and_the_hoofdaannemer_its_decision(door: Door):
    report = await door.accepted(sample("ho331-minimaal"))
    decision = await door.accepted(sample("ho332-toestemming"), GEMEENTE)

    assert [each["berichtId"] for each in await door.waiting(GEMEENTE)] == [report["berichtId"]]
    assert [each["berichtId"] for each in await door.waiting(HOOFD)] == [decision["berichtId"]]


async def test_a_gemeente_decides_once_but_may_withdraw_its_consent_later(door: Door):
    await door.accepted(sample("ho331-minimaal"))
    await door.accepted(sample("ho332-toestemming"), GEMEENTE)
    second = await door.refused(sample("ho332-geweigerd"), GEMEENTE)
    await door.accepted(sample("ho332-ingetrokken"), GEMEENTE)

    assert [finding.code for finding in second.findings] == ["KP023"]
    assert len(await door.waiting(HOOFD)) == 2


async def test_a_decision_on_a_report_that_never_came_is_refused(door: Door):
    refused = await door.refused(sample("ho332-toestemming"), GEMEENTE)

    assert [finding.code for finding in refused.findings] == ["KP022"]


async def test_an_onderaannemer_answers_an_offered_contract(door: Door):
    await door.accepted(sample("ho341-minimaal"))
    await door.accepted(sample("ho342-aanvaard"), ONDER)

    assert [each["soort"] for each in await door.waiting(HOOFD)] == ["ho342"]


@given(net=st.integers(0, 90_000_000), rate=st.sampled_from((0, 9, 21)))
def test_vat_that_was_added_and_rounded_is_the_vat_that_is_asked(net: int, rate: int):
    vat = (2 * net * rate + 100) // 200
    found = codes(with_vat(net + vat, rate, vat))

    assert "HO005" not in found


@given(gross=st.integers(0, 99_999_999), rate=st.sampled_from((0, 9, 21)), off=st.sampled_from((-1, 1)))
def test_of_vat_only_one_amount_is_right(gross: int, rate: int, off: int):
    wanted = round(gross * rate / (100 + rate))
    found = codes(with_vat(gross, rate, max(wanted + off, 0)))

    assert ("HO005" in found) == (wanted + off >= 0)


def with_vat(amount: int, rate: int, vat: int) -> bytes:
    """A declaration whose line with VAT says this; its totals are wrong then, which is another rule."""
    amount_of_it = rb"<b:Bedrag>\d+(</b:Bedrag>\s*<b:DebetCredit>D</b:DebetCredit>\s*</IngediendBedrag>\s*<Btw>)"
    vat_of_it = rb"(\s*<b:Tarief>)\d+(</b:Tarief>\s*<b:Bedrag>)\d+"
    wanted = rb"<b:Bedrag>%d\g<1>\g<2>%d\g<3>%d" % (amount, rate, vat)
    raw, found = re.subn(amount_of_it + vat_of_it, wanted, DECLARATION)
    assert found == 1
    return raw


@pytest.mark.parametrize(("variant", "units"), [("I", "01 04 14 16 84"), ("O", "82 83"), ("T", "83")])
def test_a_contract_line_is_in_a_unit_of_its_variant_and_priced_to_match(variant: str, units: str):
    for unit in ("01", "04", "14", "16", "82", "83", "84"):
        price = b"Bedrag" if unit == "83" else b"Tarief"
        raw = CONTRACT.replace(b"variant>I<", f"variant>{variant}<".encode())
        raw = raw.replace(b"<Eenheid>04<", f"<Eenheid>{unit}<".encode()).replace(b"Tarief>", price + b">")

        assert codes(raw) == ([] if unit in units.split() else ["HO014"])


@pytest.mark.parametrize("between", [0, 400])
def test_a_gemeente_named_twice_is_found_however_far_apart(between: int):
    area = b"<Gebied>\n        <Gemeente>%04d</Gemeente>\n      </Gebied>"
    areas = [area % number for number in (344, *range(1000, 1000 + between), 344)]
    assert CONTRACT.count(areas[0]) == 1

    assert codes(CONTRACT.replace(areas[0], b"\n".join(areas))) == ["HO003"]
