"""Runs a gateway: opens what it needs, finds the log sound, listens until it is stopped, and says why it ended."""

import asyncio
import contextlib
import hashlib
import importlib.util
import logging
import secrets
import traceback
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from adapters import rest, tls
from adapters.console import application as console
from adapters.console.door import Door
from adapters.console.oidc import connected
from adapters.listen import ListenError, listening
from audit import anchor, log, sequencer
from audit.keys import KeysAwayError, KeysError, KeyService
from audit.policy import PolicyError
from audit.record import record
from gateway import store, trail
from gateway.app import Gateway
from gateway.commit import AwayError, open_engine, passes, writing
from gateway.operate import UNSOUND
from gateway.oversight.accounts import OfficersError
from gateway.oversight.login import Login
from gateway.package import PackageError, Published
from gateway.parties import PartiesError
from gateway.retention.policy import TermsError
from gateway.settings import Settings
from gateway.trail import What
from gateway.worker import Pool


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
        await gateway.read_register()
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
