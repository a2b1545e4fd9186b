"""The lightest client that still speaks HTTPS: one thread, one epoll, many keep-alive connections.

A *talk* is a generator: it yields a request in bytes and is sent the answer, or yields a moment to wait for. It knows
just enough HTTP/1.1 for answers with a Content-Length. aiohttp's client costs as much as the server that it would
measure; this one costs about a fifth of it.
"""

import re
import select
import socket
import ssl
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_AT_ONCE = 2**18


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer; ``seconds`` passed since its request was written."""

    status: int
    body: bytes = field(repr=False)
    seconds: float


Talk = Generator[bytes | float, Reply | None, None]
"""Yields a request (and is sent its Reply) or a moment of ``time.perf_counter`` (and is sent None when it comes)."""


def request(method: str, path: str, body: bytes = b"", kind: str = "application/xml") -> bytes:
    """Write a request."""
    content = f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n" if body else ""
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{content}\r\n".encode() + body


def connect(port: int, context: ssl.SSLContext) -> ssl.SSLSocket:
    """Open a connection to a server on loopback, handshake done."""
    plain = socket.create_connection(("127.0.0.1", port), timeout=30)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return context.wrap_socket(plain, server_hostname="localhost")


def drive(talks: Sequence[tuple[ssl.SSLSocket, Talk]]) -> None:
    """Run talks, each over its own connection, until all have ended; raise ConnectionError if a server hangs up."""
    poll = select.epoll()
    lines = {line.fileno(): _Line(line, talk) for line, talk in talks}
    waiting: set[_Line] = set()
    for number, line in lines.items():
        line.socket.setblocking(False)
        poll.register(number, select.EPOLLIN)
        line.step(None)
    waiting |= {line for line in lines.values() if line.until}
    while any(not line.over for line in lines.values()):
        patience = min(line.until for line in waiting) - time.perf_counter() if waiting else 1.0
        for number, _ in poll.poll(max(0.0, patience)):
            line = lines[number]
            line.read()
            if line.until:
                waiting.add(line)
        if waiting:
            now = time.perf_counter()
            for line in [line for line in waiting if line.until <= now]:
                line.step(None)
            waiting = {line for line in waiting if line.until}
    poll.close()
    for line in lines.values():
        line.socket.close()


class _Line:
    """One connection and the talk over it."""

    def __init__(self, connection: ssl.SSLSocket, talk: Talk) -> None:
        self.socket = connection
        self.until = 0.0
        self.over = False
        self._talk = talk
        self._sent = 0.0
        self._got = b""

    def step(self, reply: Reply | None) -> None:
        """Let the talk go on, and do what it asks."""
        self.until = 0.0
        try:
            wish = next(self._talk) if reply is None else self._talk.send(reply)
        except StopIteration:
            self.over = True
            return
        if isinstance(wish, float):
            self.until = wish
            return
        self._sent = time.perf_counter()
        self._write(wish)

    def _write(self, data: bytes) -> None:
        while True:
            try:
                # Partial writes are off in Python's ssl: all of it or, when the buffer is full, nothing yet.
                self.socket.send(data)
            except ssl.SSLWantWriteError:
                select.select([], [self.socket], [], 1.0)
            else:
                return

    def read(self) -> None:
        """Take in what came; when the answer is whole, let the talk go on."""
        try:
            data = self.socket.recv(_AT_ONCE)
        except ssl.SSLWantReadError:
            return  # a TLS ticket, or half a record
        if not data:
            if self.over:
                return
            raise ConnectionError("the server hung up")
        self._got += data
        while self.socket.pending():
            self._got += self.socket.recv(_AT_ONCE)
        head = self._got.find(b"\r\n\r\n")
        if head < 0:
            return
        found = _LENGTH.search(self._got, 0, head + 2)
        end = head + 4 + (int(found[1]) if found else 0)
        if len(self._got) < end:
            return
        body, status = self._got[head + 4 : end], int(self._got[9:12])
        self._got = self._got[end:]
        self.step(Reply(status=status, body=body, seconds=time.perf_counter() - self._sent))
