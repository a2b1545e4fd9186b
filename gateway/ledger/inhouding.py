"""What a hoofdaannemer keeps of what a gemeente pays, held against the most that the region allows (HO024).

The region's maximum and the municipal tariffs are no messages: they stand in the register (``gateway.register``).
"""

from collections.abc import Iterator, Sequence

from gateway.ledger.dossier import Case, Fault
from gateway.ledger.overeenkomst import WHOLE, payable
from gateway.ledger.values import Area, Contract, Price
from gateway.register.values import Agreement


def ho024(case: Case) -> Iterator[Fault]:
    """Neither what the contract says is kept nor what is kept in fact is over the maximum, on its first day (HO024).

    In fact is kept what lies between the municipal tariff and the one with its surcharge that the contract offers.
    """
    for contract in case.of(Contract):
        maxima = {
            area.gemeente: most
            for area in case.of(Area)
            if (most := case.register.maximum(area.gemeente, contract.begin)) is not None
        }
        if not maxima:
            continue
        if contract.most is not None and contract.most > min(maxima.values()):
            yield contract, "Retentie/Maximumpercentage"
        if contract.kept is not None and contract.kept > min(maxima.values()):
            yield contract, "Retentie/Retentiepercentage"
        low = [price for gemeente, most in maxima.items() for price in _too_low(case, contract, gemeente, most)]
        yield from ((price, "Tarief") for price in case.of(Price) if price in low)


def _too_low(case: Case, contract: Contract, gemeente: str, most: int) -> Iterator[Price]:
    agreed = case.register.agreement(case.facts.wet, gemeente, case.facts.sender, contract.begin)
    for price, tariff in _beside(case.of(Price), agreed) if agreed else ():
        if price.tariff is not None and payable(price) * WHOLE < tariff * (WHOLE - most):
            yield price


def _beside(prices: Sequence[Price], agreed: Agreement) -> Iterator[tuple[Price, int]]:
    """Yield each price with the municipal tariffs of what it is paid for; one without code is of what has no other."""
    offered = {(each.category, each.unit, each.code) for each in prices}
    bought = {(each.category, each.unit, each.code) for each in agreed.products}
    for price in prices:
        for product in agreed.products:
            kind = (price.category, price.unit)
            if kind != (product.category, product.unit) or product.tariff is None:
                continue
            rest_of_offer = not price.code and (*kind, product.code) not in offered
            rest_of_agreed = not product.code and (*kind, price.code) not in bought
            if price.code == product.code or rest_of_offer or rest_of_agreed:
                yield price, product.tariff
