"""The parts that tell of orders and give them, put together once per process."""

from collections.abc import Callable
from dataclasses import dataclass

from audit.keys import KeyService
from gateway.catalog import Catalog
from gateway.commit import GroupCommit
from gateway.history import History
from gateway.intake import Checker
from gateway.orders.giving import Accept, Giving
from gateway.orders.ground import Ground
from gateway.orders.office import Office
from gateway.parties import Parties
from gateway.pickup import Pickup


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What parties do with orders."""

    office: Office
    giving: Giving


def orders_of(
    *, commit: GroupCommit, keys: KeyService, origin: str, history: History | None, pickup: Pickup, checker: Checker,
    accept: Accept, parties: Callable[[], Parties], held: bool,
) -> Orders:  # fmt: skip
    """Put them together; ``held`` says that contract and consent decide who may get an order (see ``Giving``)."""
    ground = Ground(commit, keys)
    office = Office(ground=ground, commit=commit, keys=keys, origin=origin, parties=parties)
    giving = Giving(
        office=office, ground=ground, commit=commit, catalog=Catalog.load(), history=history, pickup=pickup,
        checker=checker, accept=accept, held=held,
    )  # fmt: skip
    return Orders(office=office, giving=giving)
