"""Which assignments and orders a commit of the ledger leaves, by number. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gateway.ledger.dossier import live
from gateway.ledger.values import Record, Use


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Listed:
    """One assignment or order, by its number."""

    wet: str
    payer: str
    number: int
    provider: str
    """Empty if there is none any more: whoever got it refused it."""
    dossier: str
    """Key of the ledger, with the BSN of its client."""


def listed(changed: Mapping[str, Record]) -> Iterator[Listed]:
    """Yield of each number that these changed records tell of what it stands for now."""
    for key, record in changed.items():
        match key.split("/"):
            case ["nummer", wet, payer, number]:
                used = [use for heard in live(record) for use in heard.said if isinstance(use, Use) and use.dossier]
                dossier = used[-1].dossier if used else ""
                provider = dossier.split("/")[3] if dossier else ""
                yield Listed(wet=wet, payer=payer, number=int(number), provider=provider, dossier=dossier)
