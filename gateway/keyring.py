"""What an operator does to the keys while gateways run: look, renew, destroy. Each change is an entry in the log.

A running gateway hears of a change within seconds, by itself.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from audit import anchor, index, log, reindex, sequencer
from audit.export import publish_key
from audit.keys import KeysBusyError, KeysError, KeyService
from audit.note import VerifierKey, cosigner, encode_key, keys_of_log
from audit.record import record
from audit.seal import Signer
from gateway import history, store, trail
from gateway.commit import open_engine, writing
from gateway.settings import Settings
from gateway.terms import store as terms
from gateway.trail import What

_PART = 4096  # records of the ledger that are in memory at once
_WORDS = {"kek": "hoofdsleutel", "logboek": "gegevenssleutels", "index": "indexsleutel"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyring:
    """A gateway's database and keys, and who has them in hand."""

    engine: AsyncEngine
    keys: KeyService
    settings: Settings
    who: str

    async def tell(self, db: AsyncConnection, what: What, *clear: Mapping[str, str]) -> None:
        """Write what was done to keys into the log, in the caller's transaction."""
        event = trail.event(what, actor=self.who, role="beheerder", thing="sleutel", trace="")
        events = [replace(event, clear=each) for each in clear]
        await record(db, self.keys, self.settings.origin, events, datetime.now(UTC))


@asynccontextmanager
async def opened(settings: Settings, who: str) -> AsyncIterator[Keyring]:
    """Yield the keys and database of a gateway; raises `KeysError`."""
    engine, keys = open_engine(settings.database), KeyService.open(settings.keys)
    try:
        async with writing(engine) as db:
            await store.create_tables(db)
        yield Keyring(engine=engine, keys=keys, settings=settings, who=who)
    finally:
        keys.close()
        await engine.dispose()


async def show(settings: Settings) -> int:
    """Print what may be known of the keys: where the KEK is, generations, public keys, counts of reading; return 0."""
    keys = KeyService.open(settings.keys)
    about = keys.about()
    force = about["kek"]
    print(f"Hoofdsleutel (KEK): {force['id']}, in {_place(force['place'])}")
    for id_ in sorted(about["keks"].keys() - {force["id"]}):
        print(f"  niet meer nodig: {id_}. Vernietig haar met: ketenpoort audit sleutels vernietig {id_}")
    if force["place"] == "bestand":
        print("  Let op: een hoofdsleutel in een bestand is voor ontwikkeling en kleine opstellingen.")
    since = datetime.fromtimestamp(about["since"] / 1000, UTC)
    print(f"Reservekopie: onder deze hoofdsleutel opent een kopie van na {since:%d-%m-%Y %H:%M:%S} UTC nu nog alles.")
    print(f"Indexsleutel: generatie {keys.index_id}")
    for each in about["signers"]:
        print(f"Handtekening {each['purpose']} {each['generation']} ({_STATES[each['state']]}): {each['public'][:16]}…")
    for (day, why), number in sorted(keys.counts().items()):
        print(f"Geopend op {day} ({why}): {number}")
    keys.close()
    return 0


_STATES = {"coming": "komt", "active": "in gebruik", "retired": "vervangen"}


def _place(place: str) -> str:
    return "een bestand in de sleutelmap" if place == "bestand" else "een sleutelmodule (PKCS#11)"


async def renew(settings: Settings, kind: str, *, who: str) -> int:
    """Renew keys: ``kek``, ``logboek`` (data keys), ``index``, or the signing keys of a purpose; return 0.

    Every step can be done again after a crash. Raises `KeysError` or what the database raises.
    """
    async with opened(settings, who) as ring:
        if kind == "index":
            await _renew_index(ring)
        elif kind in _WORDS:
            await _renew_data(ring, kind)
        else:
            await _renew_signing(ring, ("log", "log-mldsa") if kind == "log" else (kind,))
    print(
        f"Vernieuwd: {_WORDS.get(kind, f'handtekening {kind}')}. Draaiende poorten merken het binnen enkele seconden."
    )
    return 0


async def destroy(settings: Settings, id_: str, *, who: str) -> int:
    """Destroy a KEK that is no longer needed, or a data key with all that is sealed with it; 2 if it is not there."""
    async with opened(settings, who) as ring:
        kind = "kek" if id_ in ring.keys.about()["keks"] else "gegevens"
        try:
            key = bytes.fromhex(id_)
        except ValueError:
            print("Dit is geen sleutelnummer.", file=sys.stderr)
            return 2
        try:
            async with writing(ring.engine) as db:
                await ring.tell(db, What.KEY_DESTROYED, {"key_kind": kind, "key_old": id_})
                # With the line ready and not yet kept: one that says destroyed of what still opens would be worse.
                ring.keys.destroy([key])
        except KeysError as error:
            print(error, file=sys.stderr)
            return 2
    print(f"Vernietigd: {id_}.")
    return 0


async def _renew_data(ring: Keyring, kind: str) -> None:
    async with writing(ring.engine) as db:
        if kind == "kek":
            old, new = ring.keys.renew("kek")
        else:
            old = ring.keys.log_key().id
            ring.keys.renew("grootboek")  # who is told of one new data key lets go of all that it has
            new = ring.keys.log_key().id
        await ring.tell(db, What.KEY_RENEWED, {"key_kind": kind, "key_old": old.hex(), "key_new": new.hex()})
    if kind == "kek":
        print(
            f"De oude is nergens meer voor nodig. Vernietig haar met: ketenpoort audit sleutels vernietig {old.hex()}"
        )


async def _renew_signing(ring: Keyring, purposes: Sequence[str]) -> None:
    """Let new signing keys come, be named in the log under a head that both signed, and be in force (ADR 0017)."""
    for purpose in purposes:
        ring.keys.renew(purpose)
    signing, name = sequencer.signing(ring.keys), ring.settings.log_name
    async with writing(ring.engine) as db:
        await ring.tell(db, What.KEY_RENEWED, *(_handover(ring, purpose) for purpose in purposes))
        head = await log.sequence(db, signing, name, datetime.now(UTC))
    while await _waits(ring):  # more than one head's worth
        async with writing(ring.engine) as db:
            head = await log.sequence(db, signing, name, datetime.now(UTC)) or head
    for purpose in purposes:
        ring.keys.activate(purpose)
    if head:
        await asyncio.to_thread(anchor.keep, ring.settings.anchor, head)
    for purpose in purposes:
        _publish(ring, purpose)


async def _waits(ring: Keyring) -> bool:
    async with ring.engine.connect() as db:
        return await log.pending(db) > 0


def _handover(ring: Keyring, purpose: str) -> dict[str, str]:
    old, new = (_verifier(ring.settings, purpose, each) for each in ring.keys.signers(purpose))
    return {"key_kind": purpose, "key_old": encode_key(old), "key_new": encode_key(new)}


def _verifier(settings: Settings, purpose: str, signer: Signer) -> VerifierKey:
    if purpose == "log-mldsa":
        return cosigner(settings.log_name, signer)
    name = settings.log_name if purpose == "log" else f"{settings.origin}/{purpose}"
    return VerifierKey(name=name, public=signer.public)


def _publish(ring: Keyring, purpose: str) -> None:
    """Write the public key in force where `setup` wrote the first; the one before it stays, under the key's number."""
    settings, signer = ring.settings, ring.keys.signer(purpose)
    if purpose == "log-mldsa":
        purpose, signer = "log", ring.keys.signer("log")
    path = settings.anchor.parent / f"{purpose}.vkey"
    if purpose == "log" and settings.log:
        path = path.with_name(f"log-{settings.log_name.replace('/', '-')}.vkey")
    if path.exists():
        path.replace(path.with_name(f"{path.stem}-{_number(path)}.vkey"))
    keys = (
        keys_of_log(settings.log_name, signer, ring.keys.signer("log-mldsa"))
        if purpose == "log"
        else (_verifier(settings, purpose, signer),)
    )
    publish_key(path, *keys)
    print(f"De nieuwe openbare sleutel staat in {path}. Geef haar aan partijen, getuigen en de auditor.")


def _number(path: Path) -> str:
    return path.read_text(encoding="utf-8").split("+")[1]


async def _renew_index(ring: Keyring) -> None:
    """Write every blind index anew: reckoned while gateways run, put in their place in one transaction."""
    keys = ring.keys
    async with writing(ring.engine) as db:
        old = await index.in_force(db, keys)
    if old == keys.index_id:  # else a renewal was broken off, and its key is there
        keys.renew("index")
    new = keys.index_id
    async with ring.engine.connect() as db:
        people = await reindex.blinds(db, keys, new)
        records = await _names(db, keys, new, {})
    async with writing(ring.engine) as db:
        await index.replace(db, new)
        await reindex.rewrite(db, new, await reindex.blinds(db, keys, new, people))
        names = await _names(db, keys, new, records)
        await store.rename_records(db, names)
        await terms.rename(db, names)
        await ring.tell(
            db, What.KEY_RENEWED, {"key_kind": "index", "key_old": f"{int(old):x}", "key_new": f"{int(new):x}"}
        )


async def _names(db: AsyncConnection, keys: KeyService, new: str, done: Mapping[str, str]) -> dict[str, str]:
    """Return for each row of the ledger its key with the new index; of those that are done, what was found."""
    found, last = dict[str, str](), ""
    while rows := await store.ledger_after(db, last, _PART):
        last = rows[-1].key
        found |= {row.key: done[row.key] for row in rows if row.key in done}
        fresh = [row for row in rows if row.key not in done]
        told = [key for key, _ in history.opened(keys, fresh)]
        while True:
            try:
                names = history.indexes(keys, told, new)
                break
            except KeysBusyError:  # the limit on looking up is for others; here it is only waited for
                await asyncio.sleep(1)
        found |= {row.key: name for row, name in zip(fresh, names, strict=True)}
    return found
