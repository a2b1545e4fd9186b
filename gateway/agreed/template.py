"""In what a contract deviates from the template of a region; pure.

What deviates is shown, it is not refused: the region says what contracts start from, the two sides what they agree.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.agreed import words
from gateway.agreed.sight import Member
from gateway.ledger.overeenkomst import Version, payable
from gateway.ledger.values import Price
from gateway.register.values import Product, Region, Template


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """One thing that is not as the template has it, in words."""

    region: str
    member: Member
    """What of the contract it tells; who may not see that, may not see this."""
    what: str
    template: str
    contract: str


def deviations(region: Region, version: Version, wet: str) -> list[Deviation]:
    """Return all in which this version deviates from the maximum and the template of a region, in a fixed order."""
    told = list(_kept(region, version))
    if region.template:
        told += _terms(region.name, region.template, version)
        told += _products(region.name, region.template, version, wet)
    return told


def _kept(region: Region, version: Version) -> Iterator[Deviation]:
    kept, most = version.contract.kept, version.contract.most
    if region.maximum is None:
        return
    if (kept or 0) > region.maximum:
        yield Deviation(
            region=region.name, member=Member.KEPT, what="Wat de hoofdaannemer houdt",
            template=f"ten hoogste {words.percent(region.maximum)}", contract=words.percent(kept or 0),
        )  # fmt: skip
    if most is not None and most != region.maximum:
        yield Deviation(
            region=region.name, member=Member.KEPT, what="Maximum van de regio, zoals genoemd",
            template=words.percent(region.maximum), contract=words.percent(most),
        )  # fmt: skip


def _terms(region: str, template: Template, version: Version) -> Iterator[Deviation]:
    contract = version.contract
    if contract.variant != template.variant:
        yield Deviation(
            region=region, member=Member.VARIANT, what="Uitvoeringsvariant",
            template=words.meaning("LDT_Uitvoeringsvariant", template.variant),
            contract=words.meaning("LDT_Uitvoeringsvariant", contract.variant),
        )  # fmt: skip
    if contract.days != template.days:
        yield Deviation(
            region=region, member=Member.TERM, what="Betaaltermijn",
            template=f"{template.days} dagen", contract=f"{contract.days} dagen",
        )  # fmt: skip


def _products(region: str, template: Template, version: Version, wet: str) -> Iterator[Deviation]:
    for price in version.prices:
        what = f"{words.product(wet, price.category, price.code)}, per {words.unit(price.unit)}"
        known = _of(template, price)
        if known is None:
            yield Deviation(
                region=region, member=Member.PRODUCTS, what=what, template="staat er niet in", contract="afgesproken"
            )
        elif price.tariff is not None and (bounds := _outside(known, payable(price))):
            yield Deviation(
                region=region, member=Member.TARIFFS, what=what, template=bounds,
                contract=words.euros(payable(price)),
            )  # fmt: skip


def _of(template: Template, price: Price) -> Product | None:
    """Return what the template says of a product: of this code, or else of its whole category."""
    found = {
        each.code: each for each in template.products if (each.category, each.unit) == (price.category, price.unit)
    }
    return found.get(price.code) or found.get("")


def _outside(product: Product, payable_: int) -> str:
    """Return what the template asks of a tariff that is not that; empty if it is."""
    if product.tariff is not None and payable_ != product.tariff:
        return words.euros(product.tariff)
    if product.least is not None and payable_ < product.least:
        return f"ten minste {words.euros(product.least)}"
    if product.most is not None and payable_ > product.most:
        return f"ten hoogste {words.euros(product.most)}"
    return ""
