"""Wires the parts into one running gateway; with ``cli``, ``demo`` and the bench the only place that knows adapters.

A running gateway is a handful of tasks: the group commit, the workers that check, the sequencer of the log, the
courier for parties that are pushed to, and a look at the file with parties. When one of them stops, the gateway stops,
loudly: half a gateway helps nobody. Only a database that is away or full is waited for: to start again would not bring
it back, and who is told 'later' knows more than who gets no answer.
"""

import asyncio
import contextlib
import hashlib
import importlib.util
import logging
import secrets
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters import rest, tls
from adapters.console import application as console
from adapters.console.door import Door
from adapters.console.oidc import connected
from adapters.listen import ListenError, listening
from adapters.push import HttpsPush
from adapters.stamp import ask as ask_for_stamp
from adapters.witness import Witnesses
from audit import anchor, log, sequencer, stamping
from audit.keys import KeysAwayError, KeysError, KeyService
from audit.note import Checkpoint
from audit.policy import PolicyError, read_policy
from audit.record import record
from audit.witnessing import Witnessing
from gateway import store, trail
from gateway.catalog import Catalog
from gateway.commit import AwayError, GroupCommit, open_engine, passes, writing
from gateway.decide import Accepted
from gateway.deliver import Courier
from gateway.history import History
from gateway.intake import Intake, Rejected
from gateway.logbook import Logbook
from gateway.mailbox import Mailbox
from gateway.operate import UNSOUND
from gateway.oversight import changes, emergency
from gateway.oversight.accounts import OfficersError
from gateway.oversight.checking import Asked
from gateway.oversight.checks import Checks
from gateway.oversight.desk import Desk
from gateway.oversight.login import Login
from gateway.package import PackageError, Published
from gateway.parties import Parties, PartiesError, Party
from gateway.pickup import Pickup
from gateway.retention.nightly import Retention, read_terms
from gateway.retention.policy import TermsError
from gateway.settings import Settings
from gateway.trail import Visit, What
from gateway.worker import Pool

MOST_WAITING = 5 * log.BATCH
"""Entries that may wait for their place in the log; more means that nobody signs it."""
FILES_EVERY = 1.0
"""Seconds between looks at the files with parties and officers: as long can a certificate that was shut out be used."""


LOOK_AGAIN = 1.0
"""Seconds until work that the database broke off is begun again."""


class StoppedError(Exception):
    """A gateway cannot start or go on; the text says in Dutch why, without anything of a message."""


UNUSABLE = (
    KeysError,
    KeysAwayError,
    PartiesError,
    OfficersError,
    PackageError,
    AwayError,
    ListenError,
    PolicyError,
    TermsError,
    StoppedError,
)
"""What ends a gateway; the text says in Dutch what to do."""


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
        self.intake = Intake(
            checker=pool,
            commit=self.commit,
            keys=keys,
            catalog=Catalog.load(),
            mailbox=self.mailbox,
            origin=settings.origin,
            history=None if settings.history == "uit" else History(keys, refuses=settings.history == "weiger"),
        )
        self.pickup = Pickup(commit=self.commit, keys=keys, mailbox=self.mailbox, origin=settings.origin)
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
        self.retention = Retention(
            engine=engine, writing=self._writing, keys=keys, origin=settings.origin,
            policy=self.desk.policy, archives=lambda: self.intake.parties.archives,
        )  # fmt: skip
        self._witnesses = Witnesses()
        self.witnessing = _witnessing(settings, self._witnesses, self._writing)
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
        """Run all tasks until one of them fails or this is cancelled."""
        async with self._push, self._witnesses, asyncio.TaskGroup() as tasks:
            tasks.create_task(self.commit.run())
            tasks.create_task(self._pool.run())
            if self.witnessing:
                tasks.create_task(_kept_up(self.witnessing.run))
            if self.settings.stamper:
                tasks.create_task(_kept_up(self._stamp))
            if self.settings.console is not None:
                tasks.create_task(_kept_up(self.checks.run))
            tend = partial(emergency.run, self.desk)
            for work in (self._sequence, self.courier.run, self._watch_files, self.retention.run, tend):
                tasks.create_task(_kept_up(work))

    async def _sequence(self) -> None:
        await sequencer.run(
            self._writing, partial(sequencer.signing, self.keys), self.settings.log_name, _now, asyncio.Event(),
            tell=self._keep_outside,
        )  # fmt: skip

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
        """Hear of changes in who takes part and who oversees, and log them."""
        parties, officers = self.intake.parties, self.desk.officers
        await self.courier.wake()
        while True:
            await asyncio.sleep(FILES_EVERY)
            with contextlib.suppress(OSError):  # the file is being replaced: look again in a moment
                self.read_parties()
            was, parties = parties, self.intake.parties
            if was is not parties:
                await self.desk.log(*changes.of_parties(was.by_code, parties.by_code, trace=secrets.token_hex(16)))
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
            self.intake.parties = self.desk.parties = Parties.load(self.settings.parties)
        except PartiesError as error:
            if not self._seen:
                raise
            logging.getLogger("ketenpoort").error("partijen niet herlezen, de oude gelden nog: %s", error)  # noqa: TRY400 - it says all
        self._seen = changed


@contextlib.asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Gateway]:
    """Yield a gateway that can run: database, keys and workers open, the log found sound; close all at the end.

    Raises StoppedError if the log is not the one that was signed: nothing is taken in on top of that; PackageError if
    a published schema is not the one that was loaded.
    """
    Published.load(settings.packages)
    if settings.stamper and importlib.util.find_spec("rfc3161_client") is None:
        raise StoppedError("De instelling 'stempel' vraagt meer dan er is. Installeer ketenpoort[stempel].")
    engine = open_engine(settings.database)
    pool = Pool(settings.packages, hears=settings.history != "uit", small=settings.workers)
    try:
        async with writing(engine) as db:
            await store.create_tables(db)
        keys = KeyService.open(settings.keys)
        await _first_sign_of_life(engine, keys, settings)
        await pool.start()
        gateway = Gateway(settings, engine, keys, pool)
        gateway.read_parties()
        yield gateway
    except log.TamperedError as error:
        raise StoppedError(_last_words(error)) from None
    finally:
        await pool.close()
        await engine.dispose()


async def _first_sign_of_life(engine: AsyncEngine, keys: KeyService, settings: Settings) -> None:
    """Find the log sound, and not older than it was; write in it that the gateway starts, with which authorisations.

    A database that is full now is left to the sequencer, which waits for it.
    """
    signing, name = sequencer.signing(keys), settings.log_name
    try:
        async with writing(engine) as db:
            held, had = await anchor.check(db, settings.anchor, signing.keys(name)), await log.latest(db)
            started = trail.event(
                What.STARTED, actor="ketenpoort", role="poort", thing="poort", trace=secrets.token_hex(16),
                about={"checks": {"partijen": _print(settings.parties), "functionarissen": _print(settings.officers)}},
            )  # fmt: skip
            await record(db, keys, settings.origin, [started], _now())
            head = await log.sequence(db, partial(sequencer.signing, keys), name, _now(), heartbeat=True)
        if had and had.size and not held:
            logging.getLogger("ketenpoort").warning(
                "er was geen laatste stand in %s: of deze database is teruggezet, is nu niet te zien", settings.anchor
            )
        if head:
            await asyncio.to_thread(anchor.keep, settings.anchor, head)
    except Exception as error:
        if not passes(error):
            raise


async def serve(settings: Settings, *, port_file: Path | None = None, console_file: Path | None = None) -> None:
    """Run a gateway with its HTTP interface, and its console if it has one, until cancelled.

    Writes the ports they listen on to ``port_file`` and ``console_file``, for callers that asked for free ones. On a
    database that takes more than one writer, more gateways may be run on the same address: one for each processor.
    Raises StoppedError.
    """
    async with opened(settings) as gateway:
        await gateway.ask_witnesses()
        running = asyncio.create_task(gateway.run())
        try:
            app = rest.application(gateway, body_seconds=settings.body_seconds)
            context = tls.server_context(settings.certificate, settings.private_key, settings.authority)
            async with _console(gateway, console_file), listening(
                app, host=settings.host, port=settings.port, context=context, wait=settings.body_seconds,
                shared=not settings.database.startswith("sqlite"),
            ) as port:  # fmt: skip
                if port_file:
                    port_file.write_text(str(port), encoding="ascii")
                print(f"Ketenpoort luistert op https://{settings.host}:{port}/v1", flush=True)
                try:
                    await asyncio.wait({running})
                finally:
                    gateway.mailbox.close()
        finally:
            running.cancel()
            await gateway.courier.close()
            await asyncio.wait({running})
    raise StoppedError(_last_words(running.exception()))


@contextlib.asynccontextmanager
async def _console(gateway: Gateway, port_file: Path | None) -> AsyncIterator[None]:
    """Serve the officers' console beside the interface, if the settings ask for one."""
    settings = gateway.settings
    if settings.console is None:
        yield
        return
    context = tls.public_context(settings.certificate, settings.private_key)
    async with connected(settings.oidc) as provider:
        door = Door(Login(gateway.desk), provider)
        async with listening(
            console.application(gateway.desk, door, body_seconds=settings.body_seconds),
            host=settings.host, port=settings.console, context=context, wait=settings.body_seconds,
            shared=not settings.database.startswith("sqlite"), headers=console.HEADERS,
        ) as port:  # fmt: skip
            if port_file:
                port_file.write_text(str(port), encoding="ascii")
            print(f"Het toezicht luistert op https://{settings.host}:{port}/", flush=True)
            yield


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


def _print(file: Path) -> str:
    """Return the fingerprint of a file: one that was changed while no gateway ran shows in the log."""
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else ""


def _last_words(error: BaseException | None) -> str:
    """Say what ended a gateway and where. Only kinds and places: what an error says may hold a message."""
    for each in _leaves(error):
        if isinstance(each, log.TamperedError):
            return f"De poort is gestopt. {each} {UNSOUND}"
    told = [f"{type(each).__name__}\n{''.join(traceback.format_tb(each.__traceback__))}" for each in _leaves(error)]
    return "\n".join(["De poort is gestopt door een fout in haarzelf:", *told])


def _leaves(error: BaseException | None) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _leaves(each)
    elif error is not None:
        yield error


def _now() -> datetime:
    return datetime.now(UTC)
