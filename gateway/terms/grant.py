"""Grants by rule what both sides agreed on beforehand: an order changed within the band of the contract (HO317).

The accepting retour and the order as it is from now on go through the same door as any message, in one transaction with
the mark that this request was looked at: whoever is killed before it leaves nothing, and whoever looks again after it
finds nothing to do. What does not fit the band, or cannot be written, is left to the hoofdaannemer.
"""

import asyncio
import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from audit.keys import KeyService
from audit.record import record
from gateway import bodies, compose, store, trail
from gateway.answer import SIGNS, judged
from gateway.catalog import Catalog
from gateway.clock import milliseconds
from gateway.commit import GroupCommit
from gateway.compose import ComposeError, Values
from gateway.decide import Accepted
from gateway.history import recall
from gateway.intake import Checker, Intake, Sound
from gateway.ledger.book import judge
from gateway.ledger.dossier import earlier, live, newest
from gateway.ledger.keys import agreed_by, dossier_of, keys
from gateway.ledger.overeenkomst import versions
from gateway.ledger.values import Order, Record, Relation
from gateway.mailbox import Mailbox
from gateway.message import Checked
from gateway.orders.referral import Referral, current, written
from gateway.terms import notices
from gateway.terms import store as terms
from gateway.terms.band import Granted, band_of, granted
from gateway.terms.notices import Kind, Notice
from gateway.trail import Visit, What
from gateway.werkdagen import NETHERLANDS

LOOK = 1.0
"""Seconds between two looks for new requests."""
AT_ONCE = 20


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Pair:
    """What answers a request that is granted by rule: the retour on it, and the order as it is from now on."""

    retour: Sound
    order: Sound
    contract: str
    subjects: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """A request that was held against the band, on its way to the commit."""

    request: Any = field(repr=False)
    """Its row, see ``store.unlooked``."""
    fits: bool
    """Whether it is within the band, so that the hoofdaannemer must know if it was not granted."""
    pair: Pair | None = None
    records: Mapping[str, Record] = field(default_factory=dict, repr=False)
    """What it was held against, by key of the ledger, if it is within the band."""


class Granting:
    """Who grants by rule. One per process."""

    def __init__(
        self, *, commit: GroupCommit, intake: Intake, checker: Checker, service: KeyService, catalog: Catalog,
        mailbox: Mailbox, origin: str,
    ) -> None:  # fmt: skip
        """Take the parts that ``app`` made."""
        self._commit = commit
        self._intake = intake
        self._checker = checker
        self._keys = service
        self._catalog = catalog
        self._mailbox = mailbox
        self._origin = origin

    async def run(self) -> None:
        """Look for requests, for ever."""
        while True:
            while await self.round():
                pass
            await asyncio.sleep(LOOK)

    async def round(self) -> int:
        """Look at some requests that nobody looked at yet; return how many there were."""
        async with self._commit.reading() as db:
            rows = await terms.unlooked(db, count=AT_ONCE)
        for row in rows:
            looked = await self.look(row)
            if await self._commit.do(self.keep, looked):
                self._mailbox.arrived(row.sender)
        return len(rows)

    async def look(self, request: Any) -> Looked:
        """Hold one request against the contract, and write what grants it if it fits."""
        nothing = Looked(request=request, fits=False)
        if request.type != "ho317":
            return nothing
        agreement = agreed_by(Relation(wet=request.wet, hoofd=request.receiver, onder=request.sender))
        async with self._commit.reading() as db:
            contracts = (await recall(db, self._keys, [agreement])).get(agreement, ())
        known = versions(contracts)
        if not band_of(known):  # and then nothing is opened
            return nothing
        raw = (await self._read([request.message])).get(request.message, b"")
        checked = await self._checker.check(raw) if raw else None
        if checked is None or checked.facts is None or not checked.facts.subjects:
            return nothing
        (bsn, *_), today = checked.facts.subjects, datetime.now(NETHERLANDS)
        dossier = dossier_of(request.wet, request.receiver, request.sender, bsn)
        async with self._commit.reading() as db:
            record_ = (await recall(db, self._keys, [dossier])).get(dossier, ())
        told = live(record_)
        found = granted(checked.said, self._unit(raw), told, known, today.date().isoformat())
        if found is None:
            return nothing
        pair = await self._pair(request, raw, checked, told, found, today)
        return Looked(request=request, fits=True, pair=pair, records={agreement: contracts, dossier: record_})

    def _unit(self, raw: bytes) -> str:
        """Return the unit of the volume that is wished; of several wishes nothing is granted by rule."""
        asked = compose.read(raw, self._catalog)[1]["Client"]["Verzoek"].get("TeWijzigenProducten", ())
        return next((str(each["Omvang"]["Eenheid"]) for each in asked if "Omvang" in each), "")

    async def _pair(
        self, request: Any, raw: bytes, checked: Checked, told: Record, found: Granted, now: datetime
    ) -> Pair | None:
        """Write retour and order; None if something of it is no longer here, or does not pass the check."""
        content = await self._content(told, now.date().isoformat(), found.order.number)
        if content is None or checked.facts is None:
            return None
        client, orders = content
        today, time = now.date().isoformat(), now.time().isoformat("seconds")
        orders[found.order.number] = _changed(orders[found.order.number], found.order, today, time)
        message = Referral(
            hoofd=request.receiver, onder=request.sender, identification=identification(request.message, "ho301"),
            dated=today, wet=request.wet, gemeente=client["Gemeente"], client=client,
            orders=[each for _, each in sorted(orders.items())],
        )  # fmt: skip
        try:
            order = written(message, self._catalog.definition(self._catalog.types["ho301"]))
            own = identification(request.message, "ho318")
            retour = judged(raw, {}, self._catalog, identification=own, today=today)
        except ComposeError:
            return None
        sounds = [await self._sound(each) for each in (retour, order)]
        if sounds[0] is None or sounds[1] is None or await self._contradicts(sounds[1]):
            return None
        return Pair(retour=sounds[0], order=sounds[1], contract=found.contract, subjects=checked.facts.subjects)

    async def _sound(self, raw: bytes) -> Sound | None:
        checked = await self._checker.check(raw)
        if checked.findings or checked.facts is None:
            return None
        visit = Visit(trace=secrets.token_hex(16))
        return Sound(raw=raw, checked=checked, facts=checked.facts, actor=self._origin, role="poort", visit=visit)

    async def _contradicts(self, sound: Sound) -> bool:
        """Tell whether an order may not be given: beyond its assignment, without consent. Also where all is learnt."""
        facts, said = sound.facts, sound.checked.said
        past: dict[str, Record] = {}
        async with self._commit.reading() as db:
            for _ in range(2):  # what a record refers to is known once it is read; see gateway.ledger
                past |= await recall(db, self._keys, keys(facts, said, past) - past.keys())
        return bool(judge(facts, said, past, levels=(3, 4)))

    async def _content(self, told: Record, today: str, number: int) -> tuple[Values, dict[int, Values]] | None:
        """Return the client as last told, and what each current order says (OP087); None if any of it is gone."""
        orders = newest(earlier(told, Order))
        wanted = {each.number for each in current(orders, today)} | {number}
        sources = {
            each: next(heard.message.partition("/")[2] for heard in reversed(told) if orders[each] in heard.said)
            for each in wanted
        }
        async with self._commit.reading() as db:
            known = await store.known(db, set(sources.values()))
        ids = {key: row.id for key, row in known.items()}
        raws = await self._read(sorted(ids.values()))
        read = {key: compose.read(raws[id_], self._catalog)[1]["Client"] for key, id_ in ids.items() if id_ in raws}
        if set(sources.values()) - read.keys():
            return None
        last = max(read, key=[heard.message.partition("/")[2] for heard in told].index)
        found = {
            each: next(one for one in read[key]["Opdrachten"] if int(one["OpdrachtNummer"]) == each)
            for each, key in sources.items()
        }
        # A reference says which request an order honours, once (TR379).
        return read[last], {
            each: {name: value for name, value in one.items() if name != "ReferentieAanbieder"}
            for each, one in found.items()
        }

    async def _read(self, ids: Sequence[str]) -> Mapping[str, bytes]:
        """Return the bodies of messages that are still there, by id, after it is logged that they are read."""
        found = await self._commit.do(self._weigh, list(ids))
        return {row.id: raw for row, raw in bodies.opened(self._keys, found)}

    async def _weigh(self, db: AsyncConnection, asked: Sequence[Sequence[str]]) -> list[list[Any]]:
        """Commit step: log that bodies are read to hold a change against the contract; give them, sealed."""
        rows = await store.delivery(db, {id_ for ids in asked for id_ in ids}, body=True)
        here = {id_: row for id_, row in rows.items() if row.sealed_body is not None}
        people = bodies.clients(self._keys, list(here.values()))
        why = "toets aan de bandbreedte"
        lines = [
            line
            for ids in asked
            for row in (here[id_] for id_ in ids if id_ in here)
            for line in trail.per_subject(self._event(What.WEIGHED, row, row.id, why), people[row.id])
        ]
        if lines:
            await record(db, self._keys, self._origin, lines, datetime.now(UTC))
        return [[here[id_] for id_ in ids if id_ in here] for ids in asked]

    async def keep(self, db: AsyncConnection, asked: Sequence[Looked]) -> list[bool]:
        """Commit step: mark requests as looked at, and take in what grants them; return of which that was so."""
        now = datetime.now(UTC)
        at = milliseconds(now)
        # First of all, as whoever takes messages in: nobody says anything more until this is over.
        requests = [each.request for each in asked]
        await store.lock(db, {f"{each.wet}/{code}" for each in requests for code in (each.sender, each.receiver)})
        # What changed since is looked at again: a grant would undo what the hoofdaannemer said meanwhile.
        still = [each for each in asked if each.records.items() <= (await recall(db, self._keys, each.records)).items()]
        mine = [await terms.looked(db, each.request.id, at=at) for each in still]
        waiting = [each for each, first in zip(still, mine, strict=True) if first and each.fits]
        # A retour that the hoofdaannemer sent itself stays the only one (KP023); the order follows all the same.
        sounds = [sound for each in waiting if each.pair for sound in (each.pair.retour, each.pair.order)]
        outcomes = dict(zip(map(id, sounds), await self._intake.receive(db, sounds) if sounds else (), strict=True))
        done = []
        for each in waiting:
            came = outcomes.get(id(each.pair.order)) if each.pair else None
            if each.pair and isinstance(came, Accepted):
                await self._tell(db, each, each.pair, came.id, now)
                done.append(each.request.id)
            else:
                about = [Notice(party=each.request.receiver, kind=Kind.DECIDE, at=at, message=each.request.message)]
                await notices.add(db, about)
        return [each.request.id in done for each in asked]

    async def _tell(self, db: AsyncConnection, looked: Looked, pair: Pair, order: str, now: datetime) -> None:
        """Tell both sides, and the log, that this was granted by rule, and by which contract."""
        request = looked.request
        event = self._event(What.GRANTED, request, order, f"bandbreedte van overeenkomst {pair.contract}")
        await record(db, self._keys, self._origin, trail.per_subject(event, pair.subjects), now)
        sides = (request.receiver, request.sender)
        at = milliseconds(now)
        await notices.add(db, [Notice(party=each, kind=Kind.GRANTED, at=at, message=order) for each in sides])

    def _event(self, what: What, message: Any, id_: str, reason: str) -> Any:
        return trail.event(
            what, actor=self._origin, role="poort", message=id_, kind=message.type, trace=secrets.token_hex(16),
            wet=message.wet, parties=(message.sender, message.receiver), about={"reason": reason},
        )  # fmt: skip


def identification(request: str, kind: str) -> str:
    """Return the Identificatie of what answers a request: always the same, so that it is never given twice."""
    digest = hashlib.sha256(f"{request}/{kind}".encode()).digest()
    return "".join(SIGNS[each % len(SIGNS)] for each in digest[:12])


def _changed(told: Values, order: Order, today: str, time: str) -> dict[str, Any]:
    """Return what a HO301 says of an order that is changed in how much and until when."""
    kept = {
        name: value for name, value in told.items() if name not in {"Einddatum", "RedenWijziging", "Omvang", "Budget"}
    }
    changed: dict[str, Any] = {"Opdrachtdatum": today, "Opdrachttijd": time, "ReferentieAanbieder": order.reference}
    if order.end:
        changed["Einddatum"] = order.end
    if order.budget is not None:
        changed["Budget"] = str(order.budget)
    if order.volume is not None:
        changed["Omvang"] = {"Volume": str(order.volume), "Eenheid": order.unit, "Frequentie": order.frequency}
    return {**kept, **changed}
