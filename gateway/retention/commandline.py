"""The commands ``bewaren``: what a set-up without a console can do. Who decides shows who he is, as at the console."""

import contextlib
import getpass
import json
import secrets
import sys
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from audit.keys import KeyService
from gateway.commit import committing, open_engine, writing
from gateway.oversight.desk import Asking, Desk
from gateway.oversight.desk import now as moment
from gateway.oversight.login import Caller, Login
from gateway.oversight.question import bsn_fault
from gateway.parties import Parties
from gateway.register.change import Registry
from gateway.retention import holds, orders, persons, secret
from gateway.retention.certificate import certificate
from gateway.retention.decide import Kind, Stage
from gateway.retention.forms import number_fault
from gateway.retention.nightly import Retention, read_terms
from gateway.retention.orders import Erasure, NotAllowedError
from gateway.settings import Settings
from gateway.store import create_tables


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One gateway at which somebody does something."""

    settings: Settings
    desk: Desk
    retention: Retention
    registry: Registry


@contextlib.asynccontextmanager
async def at(settings: Settings) -> AsyncIterator[Place]:
    """Yield a gateway that runs, or does not, to do something at."""
    engine, keys = open_engine(settings.database), KeyService.open(settings.keys)
    policy, parties = read_terms(settings.retention), Parties.load(settings.parties)
    retention = Retention(
        engine=engine, writing=lambda: writing(engine), keys=keys, origin=settings.origin, policy=policy,
        archives=lambda: parties.archives,
    )  # fmt: skip
    try:
        async with writing(engine) as db:
            await create_tables(db)  # of a gateway that did not run since it was renewed some are missing
        async with committing(engine) as commit:
            desk = Desk(commit, keys, settings.origin, settings.officers)
            registry = Registry(commit, keys, settings.origin)
            await registry.load(parties)
            desk.policy, desk.parties = policy, registry.now.parties
            yield Place(settings=settings, desk=desk, retention=retention, registry=registry)
    finally:
        keys.close()
        await engine.dispose()


@contextlib.asynccontextmanager
async def officer(place: Place, login: str) -> AsyncIterator[Asking]:
    """Yield an officer who showed with password and code that it is him; raises NotAllowedError if he did not."""
    caller = Caller(address="opdrachtregel", trace=secrets.token_hex(16), at=moment())
    door = Login(place.desk)
    cookie = await door.by_password(login, ask("Wachtwoord", hidden=True), ask("Code", hidden=False), caller)
    asking = cookie and await door.asking(cookie, caller)
    if not asking:
        raise NotAllowedError("Aanmelden is niet gelukt. Controleer login, wachtwoord en code.")
    try:
        yield asking
    finally:
        await door.out(asking)


def ask(what: str, *, hidden: bool) -> str:
    """Ask for something that should not stand in the history of a shell; a line of the input where nobody types."""
    if sys.stdin.isatty():
        return (getpass.getpass if hidden else input)(f"{what}: ").strip()
    return sys.stdin.readline().strip()


async def show(settings: Settings) -> int:
    """Print the terms, what waits for approval, standing orders and holds."""
    async with at(settings) as place, place.desk.reading() as db:
        found = await orders.listed(db, place.desk.keys, None, Stage.PROPOSED, Stage.APPROVED)
        held = await holds.in_force(db, place.desk.keys, None)
    for rule in place.desk.policy.values():
        print(f"{rule.code:12}  {rule.term!s:9} na {rule.begin}: {rule.title}. {rule.ground}.")
    for each in found:
        print(_line(each))
    for hold in held:
        since = datetime.fromtimestamp(hold.made_at // 1000, UTC).date()
        print(f"{hold.id}  bewaarplicht ({hold.kind}) van {hold.party or 'de poort'} sinds {since}")
    return 0


async def propose(settings: Settings) -> int:
    """Propose now what is past its term."""
    async with at(settings) as place:
        made = await place.retention.propose(datetime.now(UTC))
        async with place.desk.reading() as db:
            found = [await orders.get(db, place.desk.keys, id_) for id_ in made]
    _print(found)
    return 0


async def run(settings: Settings) -> int:
    """Destroy what was agreed to, and tell how far it is."""
    total = 0
    async with at(settings) as place:
        async for id_, count in place.retention.destroy():
            total += count
            if count:
                print(f"{id_}: {total} vernietigd", file=sys.stderr)
        await place.retention.sweep(datetime.now(UTC))
    print(f"Vernietigd: {total}.")
    return 0


async def standing(settings: Settings, class_: str, *, until: str, who: str, why: str) -> int:
    """Ask that a class goes each night."""
    end = int((_day(until) + timedelta(days=1)).timestamp() * 1000)
    async with at(settings) as place, officer(place, who) as asking:
        desk = place.desk
        id_ = await desk.do(
            lambda db: orders.ask_standing(
                db, desk.keys, desk.origin, asking, policy=place.desk.policy, class_=class_, until=end, why=why
            )
        )
    print(f"Gevraagd: {id_}. Twee beoordelaars moeten het goedkeuren.")
    return 0


async def decide(settings: Settings, id_: str, *, who: str, why: str | None) -> int:
    """Agree to an erasure, or with ``why`` refuse it."""
    async with at(settings) as place, officer(place, who) as asking:
        desk = place.desk
        if why is None:
            found = await desk.do(lambda db: orders.approve(db, desk.keys, desk.origin, id_, asking))
        else:
            found = await desk.do(lambda db: orders.reject(db, desk.keys, desk.origin, id_, asking, why=why))
    print(_line(found))
    return 0


async def hold(settings: Settings, *, who: str, why: str, message: str | None, days: tuple[str, str] | None) -> int:
    """Hold a message or a period; without either a person, whose BSN is asked for."""
    what: dict[str, Any] = {"message": message}
    if days:
        first, last = _day(days[0]), _day(days[1]) + timedelta(days=1)
        what = {"first_at": int(first.timestamp() * 1000), "last_at": int(last.timestamp() * 1000) - 1}
    async with at(settings) as place, officer(place, who) as asking:
        desk = place.desk
        if not message and not days:
            what = {"bsn": _bsn()}
        id_ = await desk.do(lambda db: holds.hold(db, desk.keys, desk.origin, asking, why=why, **what))
    print(f"Bewaarplicht ingesteld: {id_}.")
    return 0


async def let_go(settings: Settings, id_: str, *, who: str, why: str) -> int:
    """Lift a hold."""
    async with at(settings) as place, officer(place, who) as asking:
        desk = place.desk
        await desk.do(lambda db: holds.lift(db, desk.keys, desk.origin, id_, asking, why=why))
    print("De bewaarplicht is opgeheven.")
    return 0


async def erase(settings: Settings, *, who: str, why: str, only_show: bool) -> int:
    """Tell what is kept about persons and what of it may go; ask that it goes unless ``only_show``."""
    async with at(settings) as place, officer(place, who) as asking:
        desk = place.desk
        inquiry = await persons.inquire(desk, asking, _bsns(), why=why)
        parts = await desk.do(lambda db: persons.examine(db, desk.keys, inquiry))
        for part in parts:
            print(f"{'blijft' if part.stays else 'kan weg'}  {part.title}")
            for reason in part.stays:
                print(f"          {reason.text} ({reason.law})")
        if only_show:
            return 0
        id_ = await desk.do(lambda db: persons.ask(db, desk.keys, desk.origin, asking, inquiry, why=why))
    print(f"Gevraagd: {id_}. Twee beoordelaars moeten het goedkeuren.")
    return 0


async def certify(settings: Settings, id_: str, target: Path | None) -> int:
    """Write the certificate of an erasure, to a file or the output."""
    async with at(settings) as place, place.desk.reading() as db:
        told = await certificate(db, place.desk.keys, settings.origin, id_, policy=place.desk.policy)
    text = json.dumps(told, indent=2, ensure_ascii=False)
    if target is None:
        print(text)
    else:
        target.write_text(text + "\n", encoding="utf-8")
    return 0


async def secrecy(settings: Settings, step: str, id_: str | None, *, who: str, why: str) -> int:
    """Make a person secret (BSN asked for), write down that the gemeente confirmed it, or end it."""
    async with at(settings) as place, officer(place, who) as asking:
        desk = place.desk
        if step == "stel-in":
            bsn, number = _bsn(), ask("Uw eigen cliëntnummer (mag leeg)", hidden=False)
            if number and (fault := number_fault(number)):
                raise NotAllowedError(fault)
            made, under_way = await desk.do(
                lambda db: secret.hide(db, desk.keys, desk.origin, asking, bsn=bsn, why=why, number=number)
            )
            print(f"Geheim: {made}. Berichten over deze persoon die nog onderweg zijn: {under_way}.")
            return 0
        change = {"bevestig": secret.confirm, "hef-op": secret.show}[step]
        await desk.do(lambda db: change(db, desk.keys, desk.origin, id_ or "", asking, why=why))
    print("Vastgelegd.")
    return 0


def _print(found: Iterable[Erasure]) -> None:
    lines = [_line(each) for each in found]
    print("\n".join(lines) if lines else "Er is niets over zijn termijn.")


def _line(found: Erasure) -> str:
    what = {Kind.TERM: found.class_, Kind.STANDING: f"elke nacht {found.class_}", Kind.PERSON: "verzoek van personen"}
    since = datetime.fromtimestamp(found.made_at // 1000, UTC).date()
    agreed = f", goedgekeurd door {', '.join(found.approvals)}" if found.approvals else ""
    return f"{found.id}  {what[found.kind]}  {found.count} stuks  {found.state} sinds {since}{agreed}"


def _day(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise NotAllowedError("Schrijf een dag als 2026-12-31.") from None


def _bsn() -> str:
    found = _bsns()
    if len(found) > 1:
        raise NotAllowedError("Noem één persoon.")
    return found[0]


def _bsns() -> tuple[str, ...]:
    found = tuple(ask("BSN, of meer met een spatie ertussen", hidden=False).split())
    faults = dict.fromkeys(fault for each in found or ("",) if (fault := bsn_fault(each)))
    if faults:
        raise NotAllowedError(" ".join(faults))
    return found
