"""Wires the parts into one gateway that can run.

A running gateway is a handful of tasks: the group commit, the workers that check, the sequencer of the log, the
courier for parties that are pushed to, and a look at the file with parties. When one of them stops, the gateway stops,
loudly: half a gateway helps nobody. Only a database that is away or full is waited for: to start again would not bring
it back, and who is told 'later' knows more than who gets no answer.
"""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from functools import partial

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters import tls
from adapters.push import HttpsPush
from adapters.stamp import ask as ask_for_stamp
from adapters.witness import Witnesses
from audit import anchor, log, sequencer, stamping
from audit.keys import KeyService
from audit.note import Checkpoint
from audit.policy import PolicyError, read_policy
from audit.witnessing import Witnessing
from gateway import clock
from gateway.agreed.reading import Agreed
from gateway.catalog import Catalog
from gateway.commit import AwayError, GroupCommit, passes, writing
from gateway.decide import Accepted
from gateway.deliver import Courier
from gateway.history import History
from gateway.intake import Intake, Rejected
from gateway.logbook import Logbook
from gateway.mailbox import Mailbox
from gateway.orders.entrance import orders_of
from gateway.oversight import changes, emergency
from gateway.oversight.checking import Asked
from gateway.oversight.checks import Checks
from gateway.oversight.desk import Desk, Interface
from gateway.parties import Parties, PartiesError, Party
from gateway.pickup import Pickup
from gateway.register.change import Registry
from gateway.retention.nightly import Retention, read_terms
from gateway.settings import Settings
from gateway.terms import run as terms
from gateway.terms.agenda import Agenda
from gateway.terms.grant import Granting
from gateway.trail import Visit
from gateway.worker import Pool

MOST_WAITING = 5 * log.BATCH
"""Entries that may wait for their place in the log; more means that nobody signs it."""
FILES_EVERY = 1.0
"""Seconds between looks at the files with parties and officers: as long can a certificate that was shut out be used."""
TEND_EVERY = 3600.0
"""Seconds between looks at certificates that end."""

LOOK_AGAIN = 1.0
"""Seconds until work that the database broke off is begun again."""


class Gateway:
    """One running gateway, as the adapters see it."""

    def __init__(self, settings: Settings, engine: AsyncEngine, keys: KeyService, pool: Pool) -> None:
        """Put the parts together; nothing runs yet."""
        self._pool = pool
        self.mailbox = Mailbox()
        self.settings = settings
        self.engine = engine
        self.keys = keys
        self.commit = GroupCommit(engine)
        self._history = None if settings.history == "uit" else History(keys, levels=settings.levels)
        self.intake = Intake(
            checker=pool,
            commit=self.commit,
            keys=keys,
            catalog=Catalog.load(),
            mailbox=self.mailbox,
            origin=settings.origin,
            history=self._history,
        )
        self.registry = Registry(self.commit, keys, settings.origin)
        self.pickup = Pickup(commit=self.commit, keys=keys, mailbox=self.mailbox, origin=settings.origin)
        self.agreed = Agreed(
            commit=self.commit, service=keys, pickup=self.pickup, json_of=self.json_of,
            register=lambda: self.registry.now,
        )  # fmt: skip
        self.orders = orders_of(
            commit=self.commit, keys=keys, origin=settings.origin, history=self._history, pickup=self.pickup,
            checker=pool, accept=self.accept, parties=lambda: self.intake.parties, held=4 in settings.levels,
        )  # fmt: skip
        self._push = HttpsPush(
            context=tls.client_context(settings.certificate, settings.private_key, settings.authority),
            sign=lambda message: keys.signer("push").sign(message),
        )
        self.courier = Courier(
            commit=self.commit, intake=self.intake, keys=keys, transport=self._push, origin=settings.origin,
            lease=settings.lease_seconds,
        )  # fmt: skip
        self.desk = Desk(self.commit, keys, settings.origin, settings.officers)
        self.desk.policy = read_terms(settings.retention)
        self.checks = Checks(self.desk, _checked(settings))
        self.logbook = Logbook(self.commit)
        self.agenda = Agenda(self.commit)
        self.desk.interface = Interface(agreed=self.agreed, agenda=self.agenda, registry=self.registry)
        self.granting = Granting(
            commit=self.commit, intake=self.intake, checker=pool, service=keys, catalog=Catalog.load(),
            mailbox=self.mailbox, origin=settings.origin,
        )  # fmt: skip
        self.retention = Retention(
            engine=engine, writing=self._writing, keys=keys, origin=settings.origin,
            policy=self.desk.policy, archives=lambda: self.intake.parties.archives,
        )  # fmt: skip
        self._witnesses = Witnesses()
        self.witnessing = _witnessing(settings, self._witnesses, self._writing)
        self._named = Parties()
        """The parties in the operator's file, from which the register goes on."""
        self._seen = 0.0

    async def accept(self, raw: bytes, caller: Party, visit: Visit, *, json: bool = False) -> Accepted | Rejected:
        """Take in one message (see ``Intake.accept``)."""
        return await self.intake.accept(raw, caller, visit, json=json)

    async def json_of(self, raw: bytes) -> bytes | None:
        """Give a message as JSON (see ``Pool.json_of``)."""
        return await self._pool.json_of(raw)

    def party(self, certificate: str) -> Party | None:
        """Return the party that registered this certificate."""
        return self.intake.parties.by_certificate.get(certificate)

    async def healthy(self) -> bool:
        """Tell whether the database answers and the log is being signed: lately, and nearly all that is in it."""
        with contextlib.suppress(TimeoutError, AwayError, sa.exc.SQLAlchemyError):  # each is: not healthy
            async with asyncio.timeout(2), self.commit.reading() as db:
                signed = await log.signed_at(db)
                alive = signed is not None and _now() - signed < 2 * sequencer.HEARTBEAT
                return alive and await log.pending(db) < MOST_WAITING
        return False

    def witnessed(self) -> bool | None:
        """Tell whether a quorum of witnesses signed the log in the last two minutes; None if nobody is asked."""
        if self.witnessing is None:
            return None
        at = self.witnessing.enough_at
        return at is not None and _now() - at < 2 * sequencer.HEARTBEAT

    async def run(self) -> None:
        """Run all tasks until one of them fails or this is cancelled; who asks for commits ends before the commit."""
        async with self._push, self._witnesses, asyncio.TaskGroup() as tasks:
            tasks.create_task(self.commit.run())
            tasks.create_task(self._pool.run())
            beside = asyncio.create_task(self._beside())
            try:
                await asyncio.wait({beside})
            finally:
                # On SQLite a connection that is cancelled in a transaction keeps the lock of the database until its
                # statements are collected: others would wait for it until their patience is over. Whoever has this
                # lock knows that nobody is in a transaction.
                async with self.commit.lock:
                    beside.cancel()
                    await asyncio.wait({beside})
            beside.result()

    async def _beside(self) -> None:
        """Run what works beside the group commit."""
        async with asyncio.TaskGroup() as tasks:
            if self.witnessing:
                tasks.create_task(_kept_up(self.witnessing.run))
            if self.settings.stamper:
                tasks.create_task(_kept_up(self._stamp))
            if self.settings.console is not None:
                tasks.create_task(_kept_up(self.checks.run))
            tasks.create_task(_kept_up(self.granting.run))
            tend = partial(emergency.run, self.desk)
            tell = partial(terms.run, self._writing, _now)
            for work in (
                *(self._sequence, self.courier.run, self._watch_files, self.retention.run, tend, tell),
                self._tend_register,
            ):
                tasks.create_task(_kept_up(work))

    async def _sequence(self) -> None:
        await sequencer.run(
            self._writing, partial(sequencer.signing, self.keys), self.settings.log_name, _now, asyncio.Event(),
            tell=self._keep_outside,
        )  # fmt: skip

    async def _tend_register(self) -> None:
        while True:
            await self.registry.tend(self._writing, clock.now())
            await asyncio.sleep(TEND_EVERY)

    async def _stamp(self) -> None:
        await stamping.run(self._writing, partial(ask_for_stamp, self.settings.stamper), _now)

    async def _keep_outside(self, head: Checkpoint) -> None:
        """Keep the last head outside the database; where that fails the one that is there still holds."""
        try:
            await asyncio.to_thread(anchor.keep, self.settings.anchor, head)
        except OSError as error:
            logging.getLogger("ketenpoort").error("de laatste stand is niet bewaard: %s", error.strerror)  # noqa: TRY400 - it says all

    async def ask_witnesses(self) -> None:
        """Ask each witness once for its signature; raises `log.TamperedError` if one saw another log than this."""
        if self.witnessing:
            async with self._witnesses:
                await self.witnessing.round()

    @contextlib.asynccontextmanager
    async def _writing(self) -> AsyncIterator[AsyncConnection]:
        """Yield a transaction beside the group commit."""
        # On SQLite there is one writer: wait for it here, where waiting is fair, not in the database.
        alone = self.commit.lock if self.engine.dialect.name == "sqlite" else contextlib.nullcontext()
        async with alone, writing(self.engine) as db:
            yield db

    async def _watch_files(self) -> None:
        """Hear of changes in who takes part and who oversees, and log those in files; those of the register are."""
        named, officers = self._named, self.desk.officers
        await self.courier.wake()
        while True:
            await asyncio.sleep(FILES_EVERY)
            with contextlib.suppress(OSError):  # the file is being replaced: look again in a moment
                self.read_parties()
            was, named = named, self._named
            if was is not named:
                await self.desk.log(*changes.of_parties(was.by_code, named.by_code, trace=secrets.token_hex(16)))
            if await self.read_register():
                await self.courier.wake()
            overseers, officers = officers, self.desk.officers
            if overseers is not officers:
                told = changes.of_officers(overseers.by_login, officers.by_login, trace=secrets.token_hex(16))
                await self.desk.log(*told)

    def read_parties(self) -> None:
        """Read the parties again if their file changed; keep the ones we have if it is not sound."""
        changed = self.settings.parties.stat().st_mtime
        if changed == self._seen:
            return
        try:
            self._named = Parties.load(self.settings.parties)
        except PartiesError as error:
            if not self._seen:
                raise
            logging.getLogger("ketenpoort").error("partijen niet herlezen, de oude gelden nog: %s", error)  # noqa: TRY400 - it says all
        self._seen = changed

    async def read_register(self) -> bool:
        """Read the register again if it changed, here or at another gateway on this database; return whether it did."""
        if not await self.registry.load(self._named):
            return False
        self.intake.parties = self.desk.parties = self.registry.now.parties
        if self._history:
            self._history.register = self.registry.now
        return True


def _witnessing(
    settings: Settings, way: Witnesses, begin: Callable[[], contextlib.AbstractAsyncContextManager[AsyncConnection]]
) -> Witnessing | None:
    """Return what asks the witnesses of these settings; None if they name none."""
    try:
        policy = read_policy(settings.witnesses.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError):
        raise PolicyError(f"Het bestand met getuigen {settings.witnesses} is niet te lezen.") from None
    return Witnessing(policy, begin=begin, send=way.send, clock=_now)


def _checked(settings: Settings) -> Asked:
    """Return what the verifier is told of these settings."""
    return Asked(
        database=settings.database, keys=str(settings.keys), log=settings.log_name, anchor=str(settings.anchor),
        witnesses=str(settings.witnesses), terms=str(settings.retention),
    )  # fmt: skip


async def _kept_up(work: Callable[[], Awaitable[None]]) -> None:
    """Do work for ever; what a database broke off that is away or full is begun again, until it is back."""
    while True:
        try:
            await work()
        except Exception as error:
            if not passes(error):
                raise
            logging.getLogger("ketenpoort").error("de database werkt niet mee: %s", type(error).__name__)  # noqa: TRY400 - no values
            await asyncio.sleep(LOOK_AGAIN)


def _now() -> datetime:
    return datetime.now(UTC)
