"""The load generator, in a process of its own: ``python -m gateway.bench.load`` with a task on its input.

Says ``klaar`` when its connections stand, begins at the next line, and answers with one JSON object: what was
acknowledged, how long that took.
"""

import base64
import json
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import count, cycle
from operator import mul
from pathlib import Path
from typing import Any

from adapters.tls import client_context
from gateway.bench.wire import Reply, Talk, connect, drive, request
from gateway.invented import faulty, message

ROOM = "000000000000"
"""Where the Identificatie of a message goes in its template: twelve places, all that the standard gives."""
PLACES = {b"999900006": b"@@@client", b"1001": b"@@@@order"}
"""What stands in the sample for its client and its order → where those of a message go."""
_PLACE = b"%s|%s" % (ROOM.encode(), b"|".join(PLACES.values()))
WEIGHTS = (9, 8, 7, 6, 5, 4, 3, 2, -1)
CLIENTS = tuple(
    b"%d" % bsn for bsn in range(999900006, 999990000) if sum(map(mul, WEIGHTS, map(int, str(bsn)))) % 11 == 0
)
"""All BSNs of the official test range (11-check)."""
SAMPLE = "ho301-gewoon"
"""An ordinary opdracht, about 2.6 kB."""
MOST_UNDERWAY = 1_000
"""Messages sent and not yet confirmed at which senders wait: what is measured is flow, not a growing pile."""
PAGE = 100
BREATH = 0.25
"""Seconds before a receiver that took all there was asks again: who asks at every message never gets a batch."""
_ARRIVED = request("GET", "/aantal")
QUIET = 10.0
"""Seconds without a single confirmation after which a run is given up."""
_before = 0.0


def requests(mark: str, receivers: Sequence[str], path: str) -> Iterator[bytes]:
    """Yield requests that each bring a message of their own, to the receivers in turn.

    ``mark`` (four places) keeps the messages of one run apart from those of another. Each is about the next of some
    thousands of clients, and gives an order that was not there before.
    """
    templates = []
    for receiver in receivers:
        body = message(SAMPLE, ROOM, receiver=receiver)
        for known, place in PLACES.items():
            body = body.replace(b">%s<" % known, b">%s<" % place)
        templates.append(re.split(_PLACE, request("POST", path, body)))
    for number, (head, *rest) in zip(count(), cycle(templates), strict=False):
        own = (b"%s%08x" % (mark.encode(), number), CLIENTS[number % len(CLIENTS)], b"%09d" % number)
        yield head + b"".join(part for pair in zip(own, rest, strict=True) for part in pair)


class Times:
    """The latencies of what was acknowledged, those of the warm-up apart."""

    def __init__(self, seconds: float, warm: float) -> None:
        """Begin to count ``warm`` seconds from now, for ``seconds``."""
        self.start = time.perf_counter() + warm
        self.end = self.start + seconds
        self.counted: list[float] = []
        self.acknowledged = 0

    def note(self, seconds: float) -> None:
        """Count one acknowledgement, now."""
        self.acknowledged += 1
        if self.start <= time.perf_counter() < self.end:
            self.counted.append(seconds)


def sender(messages: Iterator[bytes], times: Times) -> Talk:
    """Send one message after another (closed loop) until time is up."""
    for each in messages:
        if time.perf_counter() >= times.end:
            return
        reply = _must((yield each), 201)
        times.note(reply.seconds)


def punctual(messages: Iterator[bytes], times: Times, moments: Iterator[float]) -> Talk:
    """Send at set moments (open loop); latency counts from the moment, also when we were held up."""
    for moment, each in zip(moments, messages, strict=False):
        if moment >= times.end:
            return
        if moment > time.perf_counter():
            yield moment
        _must((yield each), 201)
        times.note(time.perf_counter() - moment)


def one_bad() -> Talk:
    """Send one faulty message; it must be refused."""
    _must((yield request("POST", "/v1/berichten", faulty("ho301-meer-fouten-tegelijk"))), 400)


def send(task: Mapping[str, Any]) -> dict[str, Any]:
    """Send from ``clients`` connections for ``seconds``; with ``rate``, that many a second at set moments."""
    context, port = _context(task), task["port"]
    lines = [connect(port, context) for _ in range(task["clients"])]
    _await_start()
    messages = requests(task["mark"], [task["receiver"]], task.get("path", "/v1/berichten"))
    times = Times(task["seconds"], task["warm"])
    rate = task.get("rate")
    began = times.start - task["warm"]
    moments = (began + number / rate for number in count()) if rate else iter(())
    drive([(line, punctual(messages, times, moments) if rate else sender(messages, times)) for line in lines])
    if task.get("bad"):
        drive([(connect(port, context), one_bad())])
    ordered = sorted(times.counted)
    return {
        "acknowledged": times.acknowledged,
        "per_second": len(ordered) / task["seconds"],
        "p50": ordered[len(ordered) // 2] if ordered else None,
        "p99": ordered[len(ordered) * 99 // 100] if ordered else None,
    }


class Flow:
    """What is under way between senders and receivers of one run."""

    def __init__(self, end: float) -> None:
        """Send until ``end``."""
        self.end = end
        self.sent = self.confirmed = 0
        self.last = time.perf_counter()

    @property
    def done(self) -> bool:
        """Whether all that was sent was confirmed; raises if nothing moves any more."""
        now = time.perf_counter()
        if now - self.last > QUIET:
            raise RuntimeError(f"{self.sent - self.confirmed} messages were never delivered")
        return now >= self.end and self.confirmed >= self.sent


def pacing(messages: Iterator[bytes], flow: Flow) -> Talk:
    """Send until time is up, and wait while much is under way."""
    for each in messages:
        while flow.sent - flow.confirmed >= MOST_UNDERWAY:
            if flow.done:
                return
            yield time.perf_counter() + 0.005
        if time.perf_counter() >= flow.end:
            return
        flow.sent += 1
        _must((yield each), 201)


def receiver(flow: Flow) -> Talk:
    """Fetch what is open, in batches, and confirm each batch; until all was delivered."""
    after = 0
    while not flow.done:
        listed = yield request("GET", f"/v1/bezorgingen?aantal={PAGE}&wacht=1&inhoud=ja&na={after}")
        answer = json.loads(_must(listed, 200).body)
        page, after = answer["bezorgingen"], answer["volgende"] or after
        for item in page:
            if len(base64.b64decode(item["inhoud"])) != item["omvang"]:
                raise RuntimeError("a body did not come whole")
        if page:
            ids = json.dumps({"berichten": [item["berichtId"] for item in page]}).encode()
            done = _must((yield request("POST", "/v1/bevestigingen", ids, "application/json")), 200)
            if len(json.loads(done.body)["bevestigd"]) != len(page):
                raise RuntimeError("not all was confirmed")
            flow.confirmed += len(page)
            flow.last = time.perf_counter()
        if len(page) < PAGE:
            yield time.perf_counter() + BREATH


def carry(task: Mapping[str, Any]) -> dict[str, Any]:
    """Send from ``clients`` connections to all ``receivers``, who fetch and confirm; the last one ends the time."""
    papers = task["receivers"]
    context, port = _context(task), task["port"]
    messages = requests(task["mark"], list(papers), "/v1/berichten")
    lines = [connect(port, context) for _ in range(task["clients"])]
    ears = [connect(port, _context({"papers": each})) for each in papers.values()]
    _await_start()
    began = time.perf_counter()
    flow = Flow(began + task["seconds"])
    drive([*((line, pacing(messages, flow)) for line in lines), *((ear, receiver(flow)) for ear in ears)])
    return {"acknowledged": flow.sent, "per_second": flow.confirmed / (flow.last - began)}


def watching(flow: Flow, earlier: int) -> Talk:
    """Ask the endpoint that is pushed to how many messages it has, beyond those of earlier runs."""
    while not flow.done:
        count = int(_must((yield _ARRIVED), 200).body) - earlier
        if count > flow.confirmed:
            flow.confirmed, flow.last = count, time.perf_counter()
        yield time.perf_counter() + 0.01


def push(task: Mapping[str, Any]) -> dict[str, Any]:
    """Send from ``clients`` connections to ``receivers`` that are pushed to; their endpoint tells what it got."""
    context, port = _context(task), task["port"]
    messages = requests(task["mark"], task["receivers"], "/v1/berichten")
    lines = [connect(port, context) for _ in range(task["clients"])]
    ear, earlier = connect(task["endpoint"], context), task["earlier"]
    _await_start()
    began = time.perf_counter()
    flow = Flow(began + task["seconds"])
    drive([(ear, watching(flow, earlier)), *((line, pacing(messages, flow)) for line in lines)])
    return {"acknowledged": flow.sent, "per_second": flow.confirmed / (flow.last - began), "arrived": flow.confirmed}


def _must(reply: Reply | None, status: int) -> Reply:
    if reply is None or reply.status != status:
        raise RuntimeError(f"expected {status}, got {reply and (reply.status, reply.body[:500])}")
    return reply


def _context(task: Mapping[str, Any]) -> Any:
    papers = task["papers"]
    return client_context(*(Path(papers[name]) for name in ("cert", "key", "ca")))


def _await_start() -> None:
    """Say that all connections stand, and wait for the word: handshakes are no part of what is measured."""
    global _before  # noqa: PLW0603 - one process, one task
    print("klaar", flush=True)
    sys.stdin.readline()
    _before = time.process_time()


def main() -> None:
    """Do the task on the first line of standard input."""
    task = json.loads(sys.stdin.readline())
    done = {"send": send, "carry": carry, "push": push}[task["do"]](task)
    print(json.dumps({**done, "cpu": time.process_time() - _before}))


if __name__ == "__main__":
    main()
