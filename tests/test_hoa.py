"""What only our family has: progress, consent of a gemeente, contracts; decisions travel as answers."""

import random
import re
from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.catalog import FOLDER
from gateway.check import check
from gateway.parties import Parties, Party
from gateway.shapes import Shape
from tests.door import CATALOG, HOOFD, ONDER, Door, opened
from tests.sensible import CATEGORIES, Message, written

GEMEENTE = Party(code="0344", name="Gemeente Voorbeeld")
SAMPLES = FOLDER / "hoa" / "1.0" / "samples"


def sample(name: str) -> bytes:
    return (SAMPLES / "valid" / f"{name}.xml").read_bytes()


DECLARATION = sample("ho323-rijk")
CONTRACT = sample("ho341-minimaal")


def codes(raw: bytes) -> list[str]:
    return [finding.code for finding in check(raw, CATALOG).findings]


@pytest.fixture
async def door(engine: AsyncEngine, tmp_path: Path) -> AsyncIterator[Door]:
    async with opened(engine) as door:
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


class Maker:
    """Draws messages that keep to the rules; the same seed gives the same message."""

    def __init__(self, seed: int):
        self.rng = random.Random(seed)
        self.wet = self.rng.choice(("JW", "WMO"))
        self.dated = date(2024, 3, 1) + timedelta(days=self.rng.randrange(600))

    def day(self, low: int, high: int) -> str:
        return str(self.dated + timedelta(days=self.rng.randint(low, high)))

    def may(self, **fields: object) -> Message:
        return {name: value for name, value in fields.items() if self.rng.random() < 0.5}

    def some(self, values: object, most: int = 4) -> list:
        values = list(values)
        return self.rng.sample(values, self.rng.randint(1, min(most, len(values))))

    def message(self, name: str) -> bytes:
        codes = {"ho331": (HOOFD, GEMEENTE), "ho332": (GEMEENTE, HOOFD), "ho341": (HOOFD, ONDER)}
        sender, receiver = codes.get(name, (ONDER, HOOFD))
        versions = {"BasisschemaXsdVersie": "1.0.0", "BerichtXsdVersie": "1.0.0"}
        header = {
            "BerichtCode": name.upper(),
            "BerichtVersie": "1",
            "BerichtSubversie": "0",
            "Wet": self.wet,
            "Afzender": sender.code,
            "Ontvanger": receiver.code,
            "XsdVersie": versions,
            "BerichtIdentificatie": {"Identificatie": "M1", "Dagtekening": str(self.dated)},
        }
        body = getattr(self, f"_{name}")()
        if "Besluit" in body or not body:
            header["RetourCodes"] = ["0200"] if body else ["0001"]
        if name in ("ho332", "ho342") and (not body or body["Besluit"]["Beslissing"] != "4" or self.rng.random() < 0.5):
            header |= {"HeenIdentificatie": {"Identificatie": "H1", "Dagtekening": self.day(-30, 0)}}
            header |= {"XsdVersieHeen": versions}
        return written(name, {"Header": header, **body})

    def _ho309(self) -> Message:
        when = {(number, self.day(-90, 0)) for number in self.some(range(1, 9)) for _ in range(2)}
        told = [
            {
                "OpdrachtNummer": str(number),
                "Peildatum": day,
                "Doelen": [
                    {
                        "DoelNummer": str(goal),
                        "Status": self.rng.choice("12345"),
                        **self.may(Score="7", Toelichting="Gaat goed."),
                    }
                    for goal in self.some(range(1, 9))
                ],
            }
            for number, day in sorted(when)
        ]
        return {"Client": {"Bsn": "999900006", "Voortgangen": told}}

    def _ho331(self) -> Message:
        marks = [
            {"Soort": kind, "GeldigTot": self.day(0, 900)} for kind in [*self.some(("01", "04", "06")), "99", "99"]
        ]
        services = [{"ProductCategorie": category} for category in self.some(CATEGORIES[self.wet])]
        return {
            "Onderaannemer": {
                "AgbCode": ONDER.code,
                "Naam": "Verzonnen Zorg",
                "Diensten": services,
                "Ingangsdatum": self.day(-90, 0),
                "SubOnderaanneming": self.rng.choice("12"),
                **self.may(KvkNummer="00000001", Einddatum=self.day(0, 9), Kenmerken=marks),
            }
        }

    def _ho332(self) -> Message:
        taken = self.rng.choice("12345")
        if taken == "5":
            return {}
        fields = {
            "2": {"Voorwaarden": ["Meld wijzigingen."]},
            "3": {"Reden": "Nee."},
            "4": {"Reden": "Niet meer."},
        }.get(taken, {})
        end = self.may(Einddatum=self.day(9, 99)) if taken in "12" else {}
        return {
            "Besluit": {"AgbCode": ONDER.code, "Beslissing": taken, "Ingangsdatum": self.day(-9, 9), **fields, **end}
        }

    def _ho341(self) -> Message:
        variant = self.rng.choice("IOT")
        units = {"I": ("01", "04", "14", "16", "84"), "O": ("82", "83"), "T": ("83",)}[variant]
        products = [(category, unit) for category in CATEGORIES[self.wet] for unit in units]
        lines = [
            {
                "Product": {"Categorie": category},
                "Eenheid": unit,
                "Bedrag" if unit == "83" else "Tarief": "100",
                **self.may(Opslag="5", Label="1"),
            }
            for category, unit in self.some(products, 20)
        ]
        most = self.rng.randint(0, 10_000)
        keeps = {"Retentiepercentage": str(self.rng.randint(0, most)), **self.may(Maximumpercentage=str(most))}
        return {
            "Raamovereenkomst": {
                "ContractNummer": "RO-1",
                "Uitvoeringsvariant": variant,
                "Betaaltermijn": "30",
                "Ingangsdatum": self.day(-90, 90),
                "Gebieden": [{"Gemeente": code} for code in self.some(("0344", "0363", "0599"))],
                "Regels": lines,
                **self.may(Einddatum=self.day(90, 900), Retentie=keeps, Bandbreedte="1000"),
            }
        }

    def _ho342(self) -> Message:
        taken = self.rng.choice(("1", "2", ""))
        reason = {"Reden": "Het tarief dekt de kosten niet."} if taken == "2" else {}
        return {"Besluit": {"ContractNummer": "RO-1", "Beslissing": taken, **reason}} if taken else {}


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("name", ["ho309", "ho331", "ho332", "ho341", "ho342"])
def test_a_sensible_message_has_no_findings(name: str, seed: int):
    assert codes(Maker(seed).message(name)) == []


OURS_ALONE = ("Wet", "Client/Gemeente", "Btw", "Termijnen")
"""What our counterparts of national messages have beside it."""


def fields(name: str) -> list[tuple[str, bool]]:
    """Path and duty of every field of a message, in order, as far as a national message could have it."""

    def below(shape: Shape, stem: str) -> list[tuple[str, bool]]:
        found = []
        for place in shape.fields.values():
            path = f"{stem}/{place.name}".replace("OpdrachtNummer", "ToewijzingNummer")
            if not path.endswith(OURS_ALONE):
                either = place.name in shape.one_of
                found += [(path, place.required or either)]
                found += below(place.form, path) if isinstance(place.form, Shape) else []
        return found

    return below(CATALOG.definition(CATALOG.types[name]).shape, "")


@pytest.mark.parametrize("number", ["305", "306", "307", "308", "315", "316", "317", "318", "319", "320", "323", "325"])
def test_our_counterpart_of_a_national_message_has_its_fields_in_its_order(number: str):
    assert fields(f"ho{number}") == fields(f"jw{number}")
