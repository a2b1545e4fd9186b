"""The process: ``python -m audit.vault MAP --lijn NUMMER`` as a child, or ``MAP --socket PAD`` by itself.

A child serves the one socket that it was born with, and ends when that closes, so with its parent however that ends.
At a socket in the file system the kernel tells who asks: the users that were named may use keys; only root and the user
under which this process runs may change them.
"""

import argparse
import contextlib
import ctypes
import os
import resource
import signal
import socket
import struct
import sys
import threading
from collections.abc import Collection
from pathlib import Path

from audit.vault import wire
from audit.vault.service import Service
from audit.vault.store import Store, StoreError

_PR_SET_DUMPABLE = 4
_CREDENTIALS = struct.Struct("3i")


def main(argv: list[str] | None = None) -> int:
    """Run the key service until its asker, or whoever started it, makes an end to it; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m audit.vault")
    parser.add_argument("map", type=Path)
    parser.add_argument("--lijn", type=int)
    parser.add_argument("--socket", type=Path)
    parser.add_argument("--gebruiker", type=int, action="append", default=[], help="uid")
    asked = parser.parse_args(argv)
    keep_to_ourselves()
    if asked.lijn is None:
        return listen(asked.map, asked.socket, users=asked.gebruiker)
    with socket.socket(fileno=asked.lijn) as line:
        try:
            service = Service(Store(asked.map))
        except StoreError as error:
            line.sendall(wire.pack(wire.Said.BROKEN, [str(error).encode()]))
            return 2
        line.sendall(wire.pack(wire.Said.DONE, []))
        serve(line, service, manages=True)
    return 0


def keep_to_ourselves() -> None:
    """Let no core dump or debugger of another process of this user see the keys."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def serve(line: socket.socket, service: Service, *, manages: bool) -> None:
    """Answer questions on one connection until it closes."""
    with contextlib.suppress(wire.WireError, OSError):
        while True:
            op, items = wire.receive(line)
            line.sendall(wire.pack(*service.answer(op, items, manages=manages)))


def listen(folder: Path, path: Path, *, users: Collection[int]) -> int:
    """Serve all who connect to the socket at ``path`` and are one of ``users``, until TERM; return the exit code."""
    try:
        service = Service(Store(folder))
        door = _door(path)
    except (StoreError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: sys.exit(0))
    print(f"De sleuteldienst luistert op {path}.", flush=True)
    try:
        while True:
            line, _ = door.accept()
            threading.Thread(target=_receive, args=(line, service, users), daemon=True).start()
    finally:
        door.close()
        path.unlink(missing_ok=True)


def _door(path: Path) -> socket.socket:
    """Listen at ``path``. Everybody may knock: who is let in, the kernel tells us."""
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    door.bind(str(path))
    path.chmod(0o666)
    door.listen()
    return door


def _receive(line: socket.socket, service: Service, users: Collection[int]) -> None:
    with line:
        credentials = line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        user = _CREDENTIALS.unpack(credentials)[1]
        manages = user in (0, os.geteuid())
        if manages or user in users:
            line.sendall(wire.pack(wire.Said.DONE, []))
            serve(line, service, manages=manages)
        else:
            line.sendall(wire.pack(wire.Said.REFUSED, [b"Deze gebruiker mag niet bij de sleutels."]))


if __name__ == "__main__":
    sys.exit(main())
