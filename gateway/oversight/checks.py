"""Runs of the verifier from the console: asked for by an officer, or once a day by the gateway itself (BIO2 8.15.06).

A run is a row; any gateway on the database takes one up, in a process beside it, and writes down how far it is. What
was found is an entry in the log, and if it is tampering an incident as well (BIO2 8.15.05).
"""

import asyncio
import base64
import contextlib
import hashlib
import json
import secrets
import sys
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audit import log
from audit.report import Verdict
from gateway import trail
from gateway.oversight import casebook
from gateway.oversight.checking import Asked
from gateway.oversight.desk import Asking, Desk, now
from gateway.oversight.signals import begin_of
from gateway.tables import checks as table
from gateway.trail import What

LOOK_EVERY = 1.0
"""Seconds between looks for a run that was asked for."""
LOST = 120_000
"""Milliseconds without a sign after which a run is given up: the gateway that did it is gone."""
DAILY = timedelta(hours=3)
"""So long after midnight, in the Netherlands, the run of the day may begin."""
MOST_SHOWN = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One run of the verifier. Moments are ms since 1970, UTC."""

    id: str
    asked_at: int
    officer: str
    """Login of who asked; the name of the gateway for its own."""
    began_at: int | None
    seen_at: int
    ended_at: int | None
    done: int
    total: int
    """Lines written out so far, and in all; then they are checked."""
    verdict: int | None
    """A `Verdict`; None while it runs."""
    report: str | None
    on_paper: bool
    """Whether there is a PDF too: it needs an extra that is not installed everywhere."""

    @property
    def found(self) -> dict[str, Any]:
        """What was found, as `audit.report.in_json` tells it; empty while it runs."""
        told: dict[str, Any] = json.loads(self.report) if self.report else {}
        return told

    def outcome(self, check: str) -> str:
        """Return how one check of the run ended, as `audit.report.State` has it; empty if it was not done."""
        return next((str(each["oordeel"]) for each in self.found.get("controles", ()) if each["controle"] == check), "")


_CHECK = sa.select(
    *(column for column in table.c if column.name != "paper"), table.c.paper.is_not(None).label("on_paper")
)


async def listed(db: AsyncConnection) -> list[Check]:
    """Return the last runs, the newest first."""
    rows = await db.execute(_CHECK.order_by(table.c.asked_at.desc(), table.c.id).limit(MOST_SHOWN))
    return [_check(row) for row in rows]


async def find(db: AsyncConnection, id_: str) -> Check | None:
    """Return one run."""
    row = (await db.execute(_CHECK.where(table.c.id == id_))).first()
    return _check(row) if row else None


async def paper(db: AsyncConnection, id_: str) -> bytes | None:
    """Return the report of a run to sign, as PDF; None if there is none."""
    return (await db.execute(sa.select(log.stored(table.c.paper)).where(table.c.id == id_))).scalar()


async def last(db: AsyncConnection) -> Check | None:
    """Return the last run that ended."""
    ended = _CHECK.where(table.c.ended_at.is_not(None)).order_by(table.c.ended_at.desc()).limit(1)
    row = (await db.execute(ended)).first()
    return _check(row) if row else None


async def ask(desk: Desk, asking: Asking) -> str:
    """Ask for a run; return its id. One that waits or runs serves who asks now as well."""

    async def fact(db: AsyncConnection) -> str:
        running = (await db.execute(sa.select(table.c.id).where(table.c.ended_at.is_(None)))).scalar()
        if running:
            return str(running)
        id_ = secrets.token_hex(16)
        await db.execute(sa.insert(table), _new(id_, asking.officer.login, asking.at))
        return id_

    return await desk.do(fact)


class Checks:
    """Takes up runs that were asked for, one at a time, and asks for one each day."""

    def __init__(self, desk: Desk, asked: Asked) -> None:
        """Check what ``asked`` names, for officers of ``desk``."""
        self._desk = desk
        self._asked = asked

    async def run(self) -> None:
        """Do so for ever."""
        while True:
            await self._desk.do(self._daily)
            await self._give_up()
            if id_ := await self._desk.do(self._take):
                await self._perform(id_)
            await asyncio.sleep(LOOK_EVERY)

    async def _daily(self, db: AsyncConnection) -> None:
        """Ask for the run of today, once, whichever gateway comes first."""
        at = now()
        day = begin_of(at)
        if at < day + DAILY.total_seconds() * 1000:
            return
        id_ = hashlib.sha256(f"dagelijks|{self._asked.log}|{day}".encode()).hexdigest()[:32]
        if not (await db.execute(sa.select(table.c.id).where(table.c.id == id_))).scalar():
            await db.execute(sa.insert(table), _new(id_, self._desk.origin, at))

    async def _take(self, db: AsyncConnection) -> str | None:
        """Take up the run that waits longest; None if none does."""
        waiting = sa.select(table.c.id).where(table.c.began_at.is_(None)).order_by(table.c.asked_at).limit(1)
        id_ = (await db.execute(waiting)).scalar()
        at = now()
        taken = sa.update(table).where(table.c.id == id_, table.c.began_at.is_(None)).values(began_at=at, seen_at=at)
        return str(id_) if id_ and (await db.execute(taken)).rowcount else None

    async def _give_up(self) -> None:
        """End the runs of which nothing was heard for long."""
        lost = table.c.began_at.is_not(None) & table.c.ended_at.is_(None) & (table.c.seen_at < now() - LOST)
        async with self._desk.reading() as db:
            ids = (await db.execute(sa.select(table.c.id).where(lost))).scalars().all()
        for id_ in ids:
            await self._end(id_, _broken_off("De poort die deze controle deed, is gestopt."))

    async def _perform(self, id_: str) -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gateway.oversight.checking",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=2**24,
        )  # fmt: skip
        try:
            assert process.stdin
            assert process.stdout
            process.stdin.write(json.dumps(asdict(self._asked)).encode())
            process.stdin.close()
            report, signed = await self._follow(id_, process.stdout)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        await self._end(id_, report or _broken_off("De controle brak af. Probeer het opnieuw."), signed)

    async def _follow(self, id_: str, told: asyncio.StreamReader) -> tuple[dict[str, Any], bytes]:
        """Write down how far a run is, until it gives its report, also on paper; nothing if it ends without."""
        waiting = asyncio.ensure_future(told.readline())
        try:
            while True:
                await asyncio.wait({waiting}, timeout=LOST / 4000)
                values: dict[str, Any] = {"seen_at": now()}
                if waiting.done():
                    line = waiting.result()
                    told_now = _read(line)
                    if not line:
                        return {}, b""
                    if "report" in told_now:
                        return json.loads(told_now["report"]), base64.b64decode(told_now["paper"])
                    values |= {name: told_now[name] for name in ("done", "total") if name in told_now}
                    waiting = asyncio.ensure_future(told.readline())
                await self._desk.do(partial(_write, id_=id_, values=values))
        finally:
            waiting.cancel()

    async def _end(self, id_: str, report: dict[str, Any], signed: bytes = b"") -> None:
        """Write down what a run found, with its entry in the log; tampering is an incident."""
        verdict, at = Verdict(report["code"]), now()

        async def fact(db: AsyncConnection) -> None:
            run = await find(db, id_)
            if run is None or run.ended_at is not None:
                return
            values = {
                "ended_at": at, "seen_at": at, "verdict": int(verdict), "report": json.dumps(report),
                "paper": signed or None,
            }  # fmt: skip
            await _write(db, id_, values)
            await self._desk.record(db, self._event(run, report))
            if verdict is Verdict.TAMPERED:
                nature = f"De controle van het logboek vond een verandering. {report['uitkomst']} Controle: {id_}."
                await casebook.raised(db, self._desk, "aantasting", nature, at)

        await self._desk.do(fact)

    def _event(self, run: Check, report: dict[str, Any]) -> Any:
        account = self._desk.officers.by_login.get(run.officer)
        officer = account.officer if account else None
        told = {each["controle"]: each["oordeel"] for each in report["controles"]}
        return trail.event(
            What.CHECKED, actor=run.officer, role=officer.role.value if officer else "poort", trace=run.id,
            thing="logboek", ok=report["code"] == Verdict.INTACT,
            parties=(officer.party,) if officer and officer.party else (),
            about={"checks": told, "reason": report["uitkomst"]},
        )  # fmt: skip


def _new(id_: str, officer: str, at: int) -> dict[str, Any]:
    return {"id": id_, "asked_at": at, "officer": officer, "seen_at": at, "done": 0, "total": 0}


async def _write(db: AsyncConnection, id_: str, values: dict[str, Any]) -> None:
    await db.execute(sa.update(table).where(table.c.id == id_).values(**values))


def _broken_off(why: str) -> dict[str, Any]:
    return {"code": int(Verdict.UNCHECKABLE), "uitkomst": why, "controles": []}


def _read(line: bytes) -> dict[str, Any]:
    try:
        told = json.loads(line)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _check(row: Any) -> Check:
    return Check(**row._mapping)  # noqa: SLF001 - its public name, underscored against columns
