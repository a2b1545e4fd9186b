"""What touches content from outside, in disposable processes: what a hostile document breaks is thrown away.

Documents that wait together make one trip. They travel over pipes as length-prefixed frames, each with its job; so do
their verdicts, as many to a frame as are ready, as JSON, in the order of the documents, and what was made of the last
one. A worker that converts needs a second more to start, so those who never send JSON never have one.
"""

import asyncio
import sys
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import orjson

from gateway.answer import Codes
from gateway.explain import finding
from gateway.gate import MAX_BYTES, gate
from gateway.message import Checked
from gateway.verdicts import decode
from gateway.workshop import ANSWER, CHECK, DOCUMENT, REFUSE, SOUND, TO_JSON, TO_XML, TRIP, Done

SMALL = 256 * 1024
"""Bytes up to which documents share a worker; a larger one goes to a worker of its own kind."""
TRIP_COUNT = 32
MOST_DEATHS = 3
"""Workers that one document may cost before it is refused."""
STARTS = 10
"""Processes that may fail one after the other to start; then something is wrong here that waiting will not mend."""
MOST_TOLD = 16 * 2**20
"""Bytes that a worker may answer at once: one that was taken over must not fill the memory of the gateway."""
MOST_MADE = 4 * MAX_BYTES
"""Bytes that one document may become."""
HARDER = 3
"""How much longer than a check a conversion may take: it reads, makes and writes a document, and checks it too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one document may cost; an overrun is KP011."""

    seconds: float = 2.0
    """Wall time for any document."""
    seconds_per_mb: float = 0.5
    """Wall time on top, per 10^6 bytes."""
    memory: int = 1 << 30
    """Address space of the process in bytes."""
    documents: int = 20_000
    """After so many documents a worker is replaced."""

    def deadline(self, size: int) -> float:
        """Seconds for a document of so many bytes."""
        return self.seconds + self.seconds_per_mb * size / 1e6


class Pool:
    """The workers of one gateway: those that check, and once they are needed those that convert."""

    def __init__(
        self,
        packages: Path | None = None,
        *,
        hears: bool = False,
        limits: Limits | None = None,
        small: int = 2,
        large: int = 1,
    ) -> None:
        """Take how many workers check small documents and how many large ones, and where published schemas are.

        With ``hears`` a verdict on a sound message tells what it says to the ledger.
        """
        outfit = ("ja" if hears else "", str(packages or ""))
        limits = limits or Limits()
        harder = replace(limits, seconds=HARDER * limits.seconds, seconds_per_mb=HARDER * limits.seconds_per_mb)
        self._checkers = _Crew(("check", *outfit), limits, small, large)
        self._converters = _Crew(("convert", *outfit), harder, 1, 1)

    async def start(self) -> None:
        """Start the workers that check; they are warm when this returns."""
        await self._checkers.start()

    async def close(self) -> None:
        """Stop all workers; documents that still wait are cancelled."""
        await asyncio.gather(self._checkers.close(), self._converters.close())

    async def run(self) -> None:
        """Return never; raise what stopped a part of the pool. Without that part documents would wait for ever."""
        await asyncio.gather(self._checkers.run(), self._converters.run())

    async def check(self, raw: bytes) -> Checked:
        """Judge one document; KP011 if it costs more than the limits allow. Never raises for what is in it."""
        if len(raw) > MAX_BYTES:
            refused = gate(raw)
            return Checked(type=None, facts=None, findings=refused, total=len(refused))
        return (await self._checkers.do(CHECK, raw))[0]

    async def refuse(self, raw: bytes, codes: Codes, *, identification: str, today: str) -> bytes:
        """Write the answer that refuses a message that passed the check, see ``gateway.answer.judged``.

        Empty if that costs more than the limits allow.
        """
        return (await self._checkers.do(REFUSE, orjson.dumps([codes, identification, today]) + b"\n" + raw))[1]

    async def xml_of(self, raw: bytes) -> Done:
        """Judge JSON from outside, of at most ``MAX_BYTES``, and make XML of it; see ``gateway.convert``."""
        return await self._converters.do(TO_XML, raw)

    async def json_of(self, raw: bytes) -> bytes | None:
        """Make JSON of a message that passed the check; None if that costs more than the limits allow."""
        return (await self._converters.do(TO_JSON, raw))[1] or None


class _Crew:
    """Workers of one kind: one or more for small documents, which share trips, and for large ones."""

    def __init__(self, outfit: tuple[str, ...], limits: Limits, small: int, large: int) -> None:
        self._outfit = outfit
        self._limits = limits
        self._counts = (small, large)
        self._queues: tuple[asyncio.Queue[_Job], asyncio.Queue[_Job]] = (asyncio.Queue(), asyncio.Queue())
        self._lanes: list[asyncio.Task[None]] = []
        self._workers: set[_Worker] = set()
        self._spare: asyncio.Task[_Worker] | None = None
        self._starting = asyncio.Lock()
        self._started = asyncio.Event()

    async def start(self) -> None:
        """Start the workers, once; they are warm when this returns."""
        async with self._starting:
            if self._lanes:
                return
            queues = [queue for queue, count in zip(self._queues, self._counts, strict=True) for _ in range(count)]
            workers = await asyncio.gather(*(self._spawn() for _ in queues))
            self._spare = asyncio.create_task(self._spawn())
            self._lanes = [
                asyncio.create_task(self._serve(queue, worker)) for queue, worker in zip(queues, workers, strict=True)
            ]
            self._started.set()

    async def close(self) -> None:
        if self._spare is not None:
            await asyncio.gather(self._spare, return_exceptions=True)
        for lane in self._lanes:
            lane.cancel()
        await asyncio.gather(*self._lanes, return_exceptions=True)
        for queue in self._queues:
            while not queue.empty():
                queue.get_nowait().done.cancel()
        await asyncio.gather(*(worker.kill() for worker in list(self._workers)))
        self._workers.clear()

    async def do(self, job: int, raw: bytes) -> Done:
        """Have this done with a document; KP011 if it costs more than the limits allow."""
        if not self._lanes:
            await self.start()
        asked = _Job(job=job, raw=raw, done=asyncio.get_running_loop().create_future())
        self._queues[len(raw) > SMALL].put_nowait(asked)
        return await asked.done

    async def run(self) -> None:
        await self._started.wait()
        await asyncio.gather(*self._lanes)

    async def _spawn(self) -> "_Worker":
        for left in reversed(range(STARTS)):
            try:
                worker = await _Worker.start(self._outfit, self._limits)
            except EOFError:  # killed before it was warm: somebody else's doing, unless it goes on
                if not left:
                    raise
            else:
                self._workers.add(worker)
                return worker
        raise AssertionError("the last start returns or raises")

    async def _replace(self, worker: "_Worker") -> "_Worker":
        """Throw a worker away and take the spare, so that nobody waits for a process to start."""
        await worker.kill()
        self._workers.discard(worker)
        spare, self._spare = self._spare, asyncio.create_task(self._spawn())
        return await spare if spare is not None else await self._spawn()

    async def _serve(self, queue: "asyncio.Queue[_Job]", worker: "_Worker") -> None:
        while True:
            jobs = deque(_waiting(queue, await queue.get()))
            trip = list(jobs)
            try:
                while jobs:
                    worker = await self._trip(jobs, worker)
            finally:
                for job in trip:
                    job.done.cancel()

    async def _trip(self, jobs: "deque[_Job]", worker: "_Worker") -> "_Worker":
        """Let the worker judge these; afterwards ``jobs`` holds what is to be tried again, in a new worker.

        When a worker dies or overruns, what it had not answered is tried again, each document alone: only the one
        that is to blame can overrun a second worker. One that died may have been killed by somebody, who may have
        killed the next one too; so a document is to blame for deaths only when it cost ``MOST_DEATHS`` workers.
        """
        if worker.ended:  # while it had nothing to do: no document is to blame
            return await self._replace(worker)
        trip = [jobs[0]] if jobs[0].deaths else list(jobs)
        try:
            async with asyncio.timeout(self._limits.deadline(sum(len(job.raw) for job in trip))):
                worker.send(trip)
                left = len(trip)
                while left:
                    for done in await worker.receive(left):
                        jobs.popleft().settle(done)
                        left -= 1
        except (TimeoutError, EOFError, OSError, ValueError) as trouble:
            for job in trip if jobs[0].deaths else jobs:
                job.deaths += 1
            if jobs[0].deaths > 1 and (isinstance(trouble, TimeoutError) or jobs[0].deaths == MOST_DEATHS):
                jobs.popleft().settle(_overrun())
            return await self._replace(worker)
        return await self._replace(worker) if worker.served >= self._limits.documents else worker


def _waiting(queue: "asyncio.Queue[_Job]", first: "_Job") -> Iterable["_Job"]:
    """The first document and what waits behind it, bounded in count and bytes."""
    yield first
    size = len(first.raw)
    for _ in range(TRIP_COUNT - 1):
        if queue.empty() or size > SMALL:
            return
        job = queue.get_nowait()
        size += len(job.raw)
        yield job


def _overrun() -> Done:
    return replace(SOUND, findings=(finding("KP011"),), total=1), b""


@dataclass(slots=True, kw_only=True, eq=False)
class _Job:
    """One document on its way; ``deaths`` counts the trips with it that cost a worker."""

    job: int
    raw: bytes = field(repr=False)
    done: "asyncio.Future[Done]"
    deaths: int = 0

    def settle(self, done: Done) -> None:
        if not self.done.done():
            self.done.set_result(done)


class _Worker:
    """The parent's end of one process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._in, self._out = process.stdin, process.stdout
        self.served = 0

    @classmethod
    async def start(cls, outfit: tuple[str, ...], limits: Limits) -> "_Worker":
        """Start a process and wait until its schemas are compiled. It inherits no environment and no files."""
        # The worker needs our packages and nothing else of ours: no keys, no settings.
        environment = {"PYTHONPATH": str(Path(__file__).resolve().parent.parent), "XML_CATALOG_FILES": ""}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "gateway.workshop", str(limits.memory), *outfit,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env=environment,
        )  # fmt: skip
        worker = cls(process)
        try:
            await worker._out.readexactly(1)
        except EOFError:
            await worker.kill()
            raise
        return worker

    @property
    def ended(self) -> bool:
        return self._out.at_eof() or self._process.returncode is not None

    def send(self, jobs: list[_Job]) -> None:
        # Never drained: a worker that waits to write its verdicts must not find us waiting to write documents.
        frames = [part for job in jobs for part in (DOCUMENT.pack(job.job, len(job.raw)), job.raw)]
        self._in.write(b"".join((TRIP.pack(len(jobs)), *frames)))

    async def receive(self, most: int) -> list[Done]:
        """What was done next. Raises EOFError if the process ended, ValueError if it spoke nonsense."""
        told, made = ANSWER.unpack(await self._out.readexactly(ANSWER.size))
        if told > MOST_TOLD or made > MOST_MADE:
            raise ValueError("no answer is that long")
        verdicts = decode(await self._out.readexactly(told))
        if not 0 < len(verdicts) <= most:
            raise ValueError("not as many verdicts as documents")
        self.served += len(verdicts)
        *others, last = verdicts
        return [*((each, b"") for each in others), (last, await self._out.readexactly(made))]

    async def kill(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
        self._in.close()
        await self._process.wait()
