"""The commands ``register`` of officers. Who proposes or decides shows who he is, as at the console."""

import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

from gateway.catalog import Catalog
from gateway.clock import now, today
from gateway.decide import rfc3339
from gateway.oversight.desk import Asking
from gateway.oversight.register import register
from gateway.oversight.rights import Officer, Right, may
from gateway.register import told
from gateway.register.change import Registry, UnknownChangeError
from gateway.register.fold import expiring
from gateway.register.values import Who
from gateway.retention.commandline import at, officer
from gateway.retention.orders import NotAllowedError
from gateway.settings import Settings
from gateway.trail import Visit


def acting(found: Officer) -> Who:
    """Return as whom an officer proposes and decides; raises NotAllowedError if he may not."""
    if not may(found, Right.MEMBERS):
        raise NotAllowedError(
            "Uw rol mag dit niet: het is aan de systeembeheerder, of de partijbeheerder van een partij."
        )
    return Who(name=f"{found.party}/{found.login}", own=found.party, codes=frozenset({found.party}))


async def show(settings: Settings, part: str, query: Mapping[str, str]) -> int:
    """Print a part of the register."""
    async with at(settings) as place:
        known = place.registry.now
    _print(
        {
            "partijen": lambda: told.parties(known),
            "regios": lambda: told.regions(known),
            "onderaannemers": lambda: told.listed(known, query, today()),
            "afspraken": lambda: told.agreements(known, None),
        }[part]()
    )
    return 0


async def waiting(settings: Settings, login: str) -> int:
    """Print what waits for a decision, as far as this officer may see it."""
    async with _officer(settings, login) as (registry, asking):
        found = await registry.concerning(acting(asking.officer).codes, only_open=True)
    _print([told.proposal(each) for each in found])
    return 0


async def propose(settings: Settings, subject: str, kind: str, value: Any, *, who: str) -> int:
    """Propose a change."""
    async with _officer(settings, who) as (registry, asking):
        made = await registry.propose(subject, kind, value, _as(asking), _visit(asking))
    print(f"{'Was al voorgesteld' if made.again else 'Voorgesteld'}: {made.change.id}. Een ander moet besluiten.")
    return 0


async def decide(settings: Settings, id_: str, *, grant: bool, reason: str, who: str) -> int:
    """Decide on what another proposed."""
    async with _officer(settings, who) as (registry, asking):
        try:
            await registry.decide(id_, _as(asking), _visit(asking), grant=grant, reason=reason)
        except UnknownChangeError:
            raise NotAllowedError("Dit voorstel bestaat niet, of het is niet voor u.") from None
    print("Goedgekeurd. Het geldt binnen enkele seconden." if grant else "Geweigerd.")
    return 0


async def expire(settings: Settings) -> int:
    """Print which certificates end within thirty days."""
    async with at(settings) as place:
        found = list(expiring(place.registry.now, now()))
    for each in found:
        print(f"{each.party}  {each.certificate}  geldig tot {rfc3339(each.until)}")
    if not found:
        print("Er verloopt binnen dertig dagen geen certificaat waarvan het einde bekend is.")
    return 0


async def processing(settings: Settings) -> int:
    """Print the register of processing (AVG art. 30), of which who takes part is a part."""
    async with at(settings) as place:
        desk = place.desk
        _print(register(Catalog.load(), desk.policy, desk.parties, origin=desk.origin))
    return 0


@contextlib.asynccontextmanager
async def _officer(settings: Settings, login: str) -> AsyncIterator[tuple[Registry, Asking]]:
    async with at(settings) as place, officer(place, login) as asking:
        yield place.registry, asking


def _as(asking: Asking) -> Who:
    return acting(asking.officer)


def _visit(asking: Asking) -> Visit:
    return Visit(trace=asking.trace, via={"access_point": asking.address, "credential": asking.session.id.hex()[:16]})


def _print(found: Any) -> None:
    print(json.dumps(found, ensure_ascii=False, indent=2))
