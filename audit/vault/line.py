"""The asker's end: starts a key service of its own for a folder, or connects to one that runs under another user."""

import os
import socket
import subprocess
import sys
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import RLock

from audit.seal import SealError
from audit.vault import wire
from audit.vault.wire import Op, Said

SOCKET = "unix:"
"""How the place of a service that runs by itself begins; the path of its socket follows."""
PATIENCE = 20.0
"""Seconds within which an answer comes."""
_ROOT = Path(__file__).resolve().parents[2]


class KeysError(Exception):
    """The keys cannot be used; the text says in Dutch what is wrong and what to do."""


class KeysAwayError(Exception):
    """The key service does not answer now, and nothing was done; ask again later. The text says so in Dutch."""


class KeysBusyError(KeysAwayError):
    """More persons were looked up in a short time than any gateway needs."""


class KeysChangedError(KeysAwayError):
    """There is a newer signing key."""


class Line:
    """A connection on which one question at a time is asked, from any thread; made anew after it broke."""

    def __init__(self, place: Path) -> None:
        """Reach the service at ``place``, a key folder or `SOCKET` and a path; raises `KeysError`."""
        self._place, self._lock = place, RLock()
        self._socket: socket.socket | None = None
        self._end: Callable[[], object] | None = None
        self._reach()

    def ask(self, op: Op, items: Sequence[bytes] = ()) -> list[bytes]:
        """Ask one thing. Raises `SealError`, `KeysError` or `KeysAwayError`; after the last, the next asks anew."""
        with self._lock:
            try:
                said, answer = self._trip(wire.pack(op, items))
            except (wire.WireError, OSError):
                self.close()
                raise KeysAwayError("De sleuteldienst antwoordt niet. Probeer het zo opnieuw.") from None
        return _told(said, answer)

    def close(self) -> None:
        """Hang up; a service of our own ends with it."""
        with self._lock:
            if self._end:
                self._end()
            self._socket = None

    def _trip(self, question: bytes) -> tuple[int, list[bytes]]:
        if self._socket is None:
            try:
                self._reach()
            except KeysError as error:
                raise KeysAwayError(str(error)) from None
        assert self._socket is not None
        self._socket.sendall(question)
        return wire.receive(self._socket)

    def _reach(self) -> None:
        """Connect and hear that the service has its keys."""
        try:
            line, child = self._connected()
        except OSError as error:
            raise KeysError(f"De sleuteldienst is niet te bereiken ({error.strerror}).") from None
        self._socket, self._end = line, weakref.finalize(self, _hang_up, line, child)
        try:
            said, answer = wire.receive(line)
        except (wire.WireError, OSError):
            said, answer = Said.BROKEN, []
        if said != Said.DONE:
            self.close()
            raise KeysError(answer[0].decode() if answer else "De sleuteldienst is niet begonnen.")

    def _connected(self) -> tuple[socket.socket, "subprocess.Popen[bytes] | None"]:
        if str(self._place).startswith(SOCKET):
            ours = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            ours.settimeout(PATIENCE)
            try:
                ours.connect(str(self._place).removeprefix(SOCKET))
            except OSError:
                ours.close()
                raise
            return ours, None
        ours, theirs = socket.socketpair()
        ours.settimeout(PATIENCE)
        with theirs:
            child = subprocess.Popen(
                [sys.executable, "-P", "-m", "audit.vault", str(self._place), "--lijn", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env={**os.environ, "PYTHONPATH": str(_ROOT)},
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # a terminal's Ctrl-C is for us; its end is that of the line
            )
        return ours, child


def _told(said: int, answer: list[bytes]) -> list[bytes]:
    """Return what was answered, or raise what that means here."""
    if said == Said.DONE:
        return answer
    if said == Said.SEALED:
        raise SealError("does not open")
    if said == Said.BUSY:
        raise KeysBusyError("Er zijn te veel personen tegelijk opgezocht. Wacht even en probeer het opnieuw.")
    if said == Said.CHANGED:
        raise KeysChangedError("Er is een nieuwe sleutel voor handtekeningen. Probeer het opnieuw.")
    text = answer[0].decode() if answer else "De sleuteldienst doet dit niet: dit bestaat niet, of u mag het niet."
    raise (KeysAwayError if said == Said.BROKEN else KeysError)(text)


def _hang_up(line: socket.socket, child: "subprocess.Popen[bytes] | None") -> None:
    line.close()
    if child:
        try:
            child.wait(5)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
