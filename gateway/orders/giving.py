"""Assignments divided over orders, and orders that follow their assignment: composed here, taken in by the one door.

All messages of a request are judged together before the first is taken in; asked again, it gives the same messages.
"""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol

from gateway import compose, store
from gateway.catalog import Catalog
from gateway.commit import GroupCommit
from gateway.compose import ComposeError, Values
from gateway.decide import Accepted
from gateway.history import History
from gateway.intake import Checker, Rejected
from gateway.ledger.dossier import earlier, live, newest
from gateway.ledger.values import Order
from gateway.message import Checked, Finding
from gateway.orders import referral, told
from gateway.orders.asked import Asked, Part
from gateway.orders.cascade import cascade, earlier_state
from gateway.orders.division import Candidate, propose
from gateway.orders.ground import Assigned, Dossier, Ground
from gateway.orders.office import Office, UnknownError
from gateway.orders.referral import Referral
from gateway.parties import Party
from gateway.pickup import DestroyedError, Pickup, UnknownMessageError
from gateway.trail import Visit, What
from gateway.werkdagen import NETHERLANDS


class DeniedError(Exception):
    """It cannot be done, and nothing was; ``faults`` and ``findings`` say all that is wrong."""

    def __init__(self, faults: Sequence[str], findings: Sequence[Finding] = ()) -> None:
        super().__init__(" ".join(faults))
        self.faults = tuple(faults)
        self.findings = tuple(findings)


class Accept(Protocol):
    """Takes in one message, as ``Intake.accept``."""

    def __call__(
        self, raw: bytes, caller: Party, visit: Visit, *, json: bool = False
    ) -> Awaitable[Accepted | Rejected]:
        """Take it in."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Change:
    """An order that is given or changed, with what it says beside; ``content`` of an order that stays is its own."""

    onder: str
    order: Order
    content: Values | None = None


class Giving:
    """Who divides assignments. One per process."""

    def __init__(
        self, *, office: Office, ground: Ground, commit: GroupCommit, catalog: Catalog, history: History | None,
        pickup: Pickup, checker: Checker, accept: Accept, held: bool,
    ) -> None:  # fmt: skip
        """``held`` says that contract and consent decide who may get an order (setting ``register``)."""
        self._office = office
        self._ground = ground
        self._commit = commit
        self._catalog = catalog
        self._history = history
        self._pickup = pickup
        self._checker = checker
        self._accept = accept
        self._held = held
        self._turn = asyncio.Lock()  # numbers of orders are given one request after the other

    async def propose(self, party: Party, visit: Visit, asked: Asked) -> dict[str, Any]:
        """Return how an assignment may be divided; changes nothing. Raises UnknownError and DeniedError."""
        found = await self._assigned(party, visit, asked)
        proposal = propose(
            found.order, found.gemeente, await self._candidates(found, asked.parts),
            [part.wish for part in asked.parts], list(found.orders.values()), held=self._held,
        )  # fmt: skip
        return told.proposal(proposal, found.wet)

    async def divide(self, party: Party, visit: Visit, asked: Asked) -> dict[str, Any]:
        """Give the orders of a division, in the name of who asks; return the messages. Raises as ``propose``."""
        async with self._turn:
            found = await self._assigned(party, visit, asked)
            sent = await self._sent_before(found, asked.told, [part.wish.onder for part in asked.parts])
            parts = [part for part in asked.parts if part.wish.onder not in sent]
            changes = await self._changes(found, parts) if parts else []
            return await self._send(party, visit, found, changes, asked.told, sent)

    async def follow(self, party: Party, visit: Visit, asked: Asked) -> dict[str, Any]:
        """Shorten, lessen and withdraw the orders that no longer fit their assignment. Raises as ``propose``."""
        async with self._turn:
            found = await self._assigned(party, visit, asked)
            steps = cascade(earlier_state(found.record, asked.number), found.order, found.orders)
            due = [step for step in steps if step.by_itself]
            if lost := [step.number for step in due if step.number not in found.onders]:
                told_ = ", ".join(map(str, lost))
                raise DeniedError([f"Van opdracht {told_} is niet bekend wie hem kreeg. Wijzig hem zelf (HO301)."])
            changes = [Change(onder=found.onders[step.number], order=step.becomes) for step in due]
            moment = ["doorvoeren", found.wet, found.gemeente, asked.number, found.order.date, found.order.time]
            state = [
                [change.order.number, change.order.end, change.order.volume, change.order.budget] for change in changes
            ]
            return await self._send(party, visit, found, changes, [*moment, state], {})

    async def _assigned(self, party: Party, visit: Visit, asked: Asked) -> Assigned:
        """Find the assignment, here or in the request, and write down that it is read."""
        here = await self._ground.assignment(party.codes, asked.wet, asked.gemeente, asked.number)
        if not asked.message:
            if here is None:
                raise UnknownError(
                    "Deze toewijzing kwam niet langs de poort, of zij is niet van u. Hebt u haar langs een andere weg"
                    " gekregen, stuur het bericht (301) dan mee in 'bericht'."
                )
            await self._office.log(What.ORDERS_READ, party, visit, [here.dossier])
            return here
        checked = await self._checker.check(asked.message)
        faults = _not_this(checked, asked, party)
        if faults or checked.findings:
            raise DeniedError(["Het meegestuurde bericht is niet te gebruiken.", *faults], checked.findings)
        facts = checked.facts
        orders = {each.number: each for each in checked.said if isinstance(each, Order)}
        if facts is None or asked.number not in orders:
            raise DeniedError(["In het meegestuurde bericht staat deze toewijzing niet."])
        if here is not None:
            if here.order != orders[asked.number]:
                raise DeniedError(["De poort kent deze toewijzing al, en anders. Laat 'bericht' weg."])
            return replace(here, uploaded=asked.message)
        found = await self._ground.uploaded(
            Assigned(
                wet=asked.wet, gemeente=asked.gemeente, hoofd=facts.receiver, order=orders[asked.number],
                uploaded=asked.message,
            )
        )  # fmt: skip
        if found is None:
            raise UnknownError("Over deze cliënt gaan geen berichten door de poort.")
        await self._office.log(What.ORDERS_READ, party, visit, [found.dossier])
        return found

    async def _candidates(self, found: Assigned, parts: Iterable[Part]) -> list[Candidate]:
        known = await self._ground.candidates(found.wet, found.hoofd, found.gemeente)
        wished = {part.wish.onder for part in parts} if not self._held else set()
        absent = wished - {each.code for each in known}
        return [*known, *(Candidate(code=code, contracts={}, consents=()) for code in sorted(absent))]

    async def _changes(self, found: Assigned, parts: Sequence[Part]) -> list[Change]:
        """Return the orders of these parts. Raises DeniedError with all that is wrong."""
        own = {part.number for part in parts if part.number is not None}
        others = [order for number, order in found.orders.items() if number not in own]
        wishes = [part.wish for part in parts]
        candidates = await self._candidates(found, parts)
        proposal = propose(found.order, found.gemeente, candidates, wishes, others, held=self._held)
        faults = list(proposal.faults)
        faults += [
            f"Opdracht {number} is van een andere onderaannemer."
            for part in parts
            if (number := part.number) is not None and found.onders.get(number, part.wish.onder) != part.wish.onder
        ]
        if not faults:
            told_ = zip(parts, proposal.parts, strict=True)
            faults += [
                f"Onderaannemer {onder}: noem 'contractNummer'; uit het register volgt het niet."
                for part, (onder, order) in told_
                if not _contract(found, part, order)
            ]
        if faults:
            raise DeniedError(faults)
        numbers = await self._ground.numbers(found.wet, found.hoofd, len(parts))
        return [
            Change(
                onder=onder,
                order=replace(
                    order, number=fresh if part.number is None else part.number,
                    contract=_contract(found, part, order), reason=part.reason,
                ),
                content=part.content if part.content or part.number not in found.orders else None,
            )
            for part, (onder, order), fresh in zip(parts, proposal.parts, numbers, strict=True)
        ]  # fmt: skip

    async def _sent_before(self, found: Assigned, request: Any, onders: Iterable[str]) -> dict[str, "Sent"]:
        """Return the messages that this same request gave before and that still hold."""
        sent: dict[str, Sent] = {}
        for onder in dict.fromkeys(onders):
            dossier = await self._ground.dossier(found.wet, found.hoofd, onder, found.order.bsn)
            own, message = await self._known(found, onder, request, dossier)
            heard = referral.standing(dossier.record, f"bericht/{found.hoofd}/ho301/{own}") if message else None
            if message and heard:
                orders = [each for each in referral.fresh(heard) if each.assignment == found.order.number]
                sent[onder] = Sent(onder=onder, id=message, identification=own, orders=tuple(orders), again=True)
        return sent

    async def _known(self, found: Assigned, onder: str, request: Any, dossier: Dossier) -> tuple[str, str]:
        """Return the Identificatie for a request, and the id of its message if that was sent and still holds."""
        attempt = 0
        while True:
            own = referral.identification(found.hoofd, onder, request, attempt)
            key = store.key_of(found.hoofd, "ho301", own)
            async with self._commit.reading() as db:
                known = await store.known(db, [key])
            if key not in known:
                return own, ""
            if referral.standing(dossier.record, f"bericht/{key}"):
                return own, str(known[key].id)
            attempt += 1  # the same was asked before, and changed or refused since

    async def _send(
        self, party: Party, visit: Visit, found: Assigned, changes: Sequence[Change], request: Any,
        sent: Mapping[str, "Sent"],
    ) -> dict[str, Any]:  # fmt: skip
        by_onder: dict[str, list[Change]] = {}
        for change in changes:
            by_onder.setdefault(change.onder, []).append(change)
        raws = []
        client = await self._client(party, visit, found) if by_onder else {}
        for onder, own in by_onder.items():
            raws.append((onder, *await self._written(party, visit, found, onder, own, client, request)))
        await self._judged([(onder, raw) for onder, _, raw in raws])
        messages = [_told(each) for each in sent.values()]
        for onder, identification, raw in raws:
            numbers = [change.order.number for change in by_onder[onder]]
            came = await self._accept(raw, party, visit)
            messages.append(_outcome(onder, identification, numbers, came))
        return {"berichten": sorted(messages, key=lambda each: str(each["onderaannemer"]))}

    async def _client(self, party: Party, visit: Visit, found: Assigned) -> Values:
        """Return the client as the gemeente told of it, from the message of the assignment."""
        raw = found.uploaded
        if not raw:
            heard = next(
                each for each in reversed(live(found.record))
                if not each.type.startswith("ho") and found.order in each.said
            )  # fmt: skip
            raw = await self._body(party, visit, heard.message)
        if not raw:
            raise DeniedError(["De inhoud van de toewijzing staat niet meer in de poort. Stuur haar mee in 'bericht'."])
        values: Values = compose.read(raw, self._catalog)[1]["Client"]
        return values

    async def _written(
        self, party: Party, visit: Visit, found: Assigned, onder: str, changes: Sequence[Change], client: Values,
        request: Any,
    ) -> tuple[str, bytes]:  # fmt: skip
        """Write the HO301 for one onderaannemer: what changes, and all that stays as it was (OP087)."""
        dossier = await self._ground.dossier(found.wet, found.hoofd, onder, found.order.bsn)
        own, _ = await self._known(found, onder, request, dossier)
        now = datetime.now(NETHERLANDS)
        at = now.date().isoformat(), now.time().isoformat("seconds")
        known = newest(earlier(live(dossier.record), Order))
        kept = {each.number: each for each in referral.current(known, at[0])}
        changed = {change.order.number: change for change in changes}
        bodies = await self._stored(party, visit, dossier, {*kept, *changed} & known.keys())
        orders: list[Values] = []
        faults = []
        for number in sorted({*kept, *changed}):
            change = changed.get(number)
            if change and change.content is not None:
                orders.append(referral.given(change.order, change.content, at))
            elif number not in bodies:
                faults.append(
                    f"Wat in opdracht {number} staat, is niet meer in de poort. Geef hem zelf opnieuw (HO301)."
                )
            else:
                orders.append(referral.given(change.order, bodies[number], at) if change else bodies[number])
        if faults:
            raise DeniedError(faults)
        message = Referral(
            hoofd=found.hoofd, onder=onder, identification=own, dated=at[0], wet=found.wet, gemeente=found.gemeente,
            client=client, orders=orders,
        )  # fmt: skip
        try:
            return own, referral.written(message, self._catalog.definition(self._catalog.types["ho301"]))
        except ComposeError as error:
            raise DeniedError([f"Onderaannemer {onder}: {error}"]) from None

    async def _stored(self, party: Party, visit: Visit, dossier: Dossier, numbers: set[int]) -> dict[int, Values]:
        """Return what orders say in the messages that told their newest state, as far as those are still there."""
        known = newest(earlier(live(dossier.record), Order))
        messages: dict[str, list[int]] = {}
        for number in sorted(numbers):
            heard = next(each for each in reversed(live(dossier.record)) if known[number] in each.said)
            messages.setdefault(heard.message, []).append(number)
        found: dict[int, Values] = {}
        for message, own in messages.items():
            if raw := await self._body(party, visit, message):
                client = compose.read(raw, self._catalog)[1]["Client"]
                found |= {
                    int(each["OpdrachtNummer"]): each
                    for each in client["Opdrachten"]
                    if int(each["OpdrachtNummer"]) in own
                }
        return found

    async def _body(self, party: Party, visit: Visit, message: str) -> bytes:
        """Return the body of a message by its key in the ledger; empty if it is destroyed. It is read as any other."""
        key = message.removeprefix("bericht/")
        async with self._commit.reading() as db:
            known = await store.known(db, [key])
        try:
            return await self._pickup.fetch(known[key].id, party, visit) if key in known else b""
        except (DestroyedError, UnknownMessageError):
            return b""

    async def _judged(self, raws: Sequence[tuple[str, bytes]]) -> None:
        """Judge messages together, in order, as the door will. Raises DeniedError with all that is wrong."""
        checked = [(onder, await self._checker.check(raw)) for onder, raw in raws]
        findings = [(onder, each) for onder, verdict in checked for each in verdict.findings]
        heard = [(onder, each.facts, each.said) for onder, each in checked if each.facts is not None]
        if not findings and self._history is not None and heard:
            async with self._commit.reading() as db:
                size = sum(len(raw) for _, raw in raws)
                page = await self._history.read(db, [(facts, said) for _, facts, said in heard], size=size)
            findings = [(onder, each) for onder, facts, said in heard for each in page.hear(facts, said)]
        if findings:
            who = ", ".join(dict.fromkeys(onder for onder, _ in findings))
            text = f"De opdracht aan {who} mag zo niet. Er is niets verstuurd."
            raise DeniedError([text], [each for _, each in findings])


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A message that went."""

    onder: str
    id: str
    identification: str
    orders: tuple[Order, ...] = field(default=(), repr=False)
    again: bool = False


def _told(sent: Sent) -> dict[str, Any]:
    return {
        "onderaannemer": sent.onder,
        "identificatie": sent.identification,
        "berichtId": sent.id,
        "opdrachten": [each.number for each in sent.orders],
        "uitkomst": "was al aangenomen",
        "bevindingen": [],
    }


def _outcome(onder: str, identification: str, numbers: list[int], came: Accepted | Rejected) -> dict[str, Any]:
    """Return what became of one message: a refusal here is rare, for all were judged a moment before."""
    taken = isinstance(came, Accepted)
    return {
        "onderaannemer": onder,
        "identificatie": identification,
        "berichtId": came.id if isinstance(came, Accepted) else None,
        "opdrachten": numbers,
        "uitkomst": "aangenomen" if taken else "geweigerd",
        "bevindingen": [] if isinstance(came, Accepted) else [each.in_json() for each in came.findings],
    }


def _contract(found: Assigned, part: Part, order: Order) -> str:
    known = found.orders.get(part.number) if part.number is not None else None
    return part.contract or (known.contract if known else order.contract)


def _not_this(checked: Checked, asked: Asked, party: Party) -> list[str]:
    """Return in Dutch why a message is not the assignment that is asked about."""
    facts = checked.facts
    if facts is None or facts.type not in ("jw301", "wmo301"):
        return ["Stuur een JW301 of WMO301 mee, het bericht waarmee de gemeente toewijst."]
    faults = [] if facts.receiver in party.codes else ["Het bericht is niet aan u gericht."]
    faults += [] if facts.sender == asked.gemeente else ["Het bericht is van een andere gemeente."]
    return faults + ([] if facts.wet == asked.wet else ["Het bericht is van een andere wet."])
