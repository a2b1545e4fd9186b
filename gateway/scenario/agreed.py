"""Whom a planned month is about, and what they agreed before it begins; pure."""

from collections.abc import Iterator, Sequence
from datetime import date
from random import Random

from gateway.invented import bsns
from gateway.scenario.values import EUROS, HOURS, PARTS, PIECES, Client, Consent, Contract, Price

GEMEENTEN = ("0344", "0363", "0599")
VARIANTS = {"JW": "IIOTIOI", "WMO": "OTIIOII"}
"""Which variant the contract of each next onderaannemer has, over and over."""
PRODUCTS = {
    ("JW", "I"): (("45", "45A04", HOURS), ("50", "50A05", HOURS), ("54", "", HOURS)),
    ("JW", "O"): (("44", "44A01", PIECES), ("43", "43A02", EUROS)),
    ("JW", "T"): (("41", "", EUROS),),
    ("WMO", "I"): (("02", "02A05", HOURS), ("07", "07A02", PARTS), ("10", "", HOURS)),
    ("WMO", "O"): (("03", "03A01", PIECES), ("05", "05A03", EUROS)),
    ("WMO", "T"): (("09", "", EUROS),),
}
TARIFFS = {HOURS: (5200, 9800), PARTS: (3100, 5900), PIECES: (15_000, 42_000), EUROS: (6_000_000, 30_000_000)}
SURCHARGES = (0, 250, 500, 775, 1250)
BAND = 1000
"""Bandbreedte of a contract for time and effort, in hundredths of a percent."""


def contracts_of(rng: Random, codes: Sequence[str]) -> Iterator[Contract]:
    """What is offered to each onderaannemer: a contract per law, of one variant."""
    for number, code in enumerate(codes):
        wetten = ("JW", "WMO") if number % 4 < 2 else (("JW", "WMO")[number % 2],)
        for wet in wetten:
            variant = VARIANTS[wet][number % 7]
            where = GEMEENTEN if number % 4 < 2 else tuple(each for each in GEMEENTEN if each != GEMEENTEN[number % 3])
            yield Contract(
                number=f"RO-2026-{wet}-{number + 1:02}",
                onder=code,
                wet=wet,
                variant=variant,
                # A task is done for one gemeente, so that all money is some gemeente's.
                gemeenten=where if variant != "T" else (GEMEENTEN[number % 3],),
                prices=tuple(
                    Price(
                        category=category,
                        code=code,
                        unit=unit,
                        cents=rng.randint(*TARIFFS[unit]),
                        surcharge=0 if unit == EUROS else rng.choice(SURCHARGES),
                    )
                    for category, code, unit in PRODUCTS[wet, variant]
                ),
                band=BAND if variant == "I" else 0,
                haggled=number == 0 and wet == "JW",
            )


def consents_of(contracts: Sequence[Contract]) -> Iterator[Consent]:
    """Return what each gemeente decides: one refuses, some set conditions."""
    last = max(number for number, each in enumerate(contracts) if each.variant == "I" and len(each.gemeenten) > 1)
    for number, contract in enumerate(contracts):
        for gemeente in contract.gemeenten:
            refused = number == last and gemeente == contract.gemeenten[-1]
            yield Consent(
                wet=contract.wet,
                gemeente=gemeente,
                onder=contract.onder,
                categories=tuple(price.category for price in contract.prices),
                decision="3" if refused else "2" if number % 5 == 3 else "1",
            )


def clients_of(rng: Random, many: int) -> Iterator[Client]:
    """So many invented persons, over the gemeenten and the laws in turn."""
    for number, bsn in zip(range(many), bsns(), strict=False):
        wet = ("JW", "WMO")[number % 2]
        born = date(2010 if wet == "JW" else 1950, 1, 1).toordinal() + rng.randrange(3000)
        yield Client(
            bsn=bsn,
            # No two alike, and none of them a word: what leaks is found.
            name="Ver" + "".join(rng.choices("bdfgklmnprstvz", k=2)) + "ijnzel" + "".join(rng.choices("aeiou", k=9)),
            born=date.fromordinal(born).isoformat(),
            sex=rng.choice("12"),
            gemeente=GEMEENTEN[number % 3],
            wet=wet,
        )
