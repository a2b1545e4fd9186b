"""The processes of a measurement: started here, stopped here, and what processor time they and their children took."""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE = 30.0
_TICK = os.sysconf("SC_CLK_TCK")


class BenchError(Exception):
    """What was measured did not do what it promises, so its speed means nothing; the text says what."""


def python(*words: str) -> list[str]:
    """Return the command for a module of ours."""
    return [sys.executable, "-m", *words]


def environment(**more: str) -> dict[str, str]:
    """Return the environment in which our modules are found."""
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}


@contextlib.contextmanager
def running(command: Sequence[str], port_file: Path, **environ: str) -> Iterator[tuple[int, int]]:
    """Run a server that writes its port to ``port_file``; yield its process id and port, stop it at the end."""
    port_file.unlink(missing_ok=True)
    with port_file.with_suffix(".log").open("wb") as log:
        process = subprocess.Popen(command, env=environment(**environ), stdout=log, stderr=log)
    try:
        until = time.monotonic() + PATIENCE
        while not port_file.exists() or not port_file.read_text():
            if process.poll() is not None or time.monotonic() > until:
                raise BenchError(f"{command[2]} start niet:\n{_last(port_file)}")
            time.sleep(0.02)
        yield process.pid, int(port_file.read_text())
        if process.poll() is not None:
            raise BenchError(f"{command[2]} is gestopt:\n{_last(port_file)}")
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _last(port_file: Path) -> str:
    return port_file.with_suffix(".log").read_text(errors="replace")[-2000:]


def load(task: Mapping[str, Any], *, before: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """Let the load generator do a task; return what it tells. ``before`` is called when its connections stand."""
    process = subprocess.Popen(
        python("gateway.bench.load"), env=environment(), text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps(task) + "\n")
        process.stdin.flush()
        if process.stdout.readline():
            before()
        told, trouble = process.communicate("\n", timeout=task["seconds"] + PATIENCE)
    finally:
        process.kill()
    if process.returncode:
        raise BenchError(f"De belasting liep vast:\n{trouble[-2000:]}")
    answer: dict[str, Any] = json.loads(told)
    return answer


def children(pid: int) -> list[int]:
    """Return the processes that ``pid`` started and that still run."""
    with contextlib.suppress(OSError):
        lists = [path.read_text().split() for path in Path(f"/proc/{pid}/task").glob("*/children")]
        return [int(each) for found in lists for each in found]
    return []


def cpu(pid: int) -> float:
    """Return the seconds of processor that a process took, without its children."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICK


def cpu_below(pid: int) -> float:
    """Return the seconds of processor that the children of a process took, also those that have ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    ended = (int(fields[13]) + int(fields[14])) / _TICK
    return ended + sum(cpu(child) + cpu_below(child) for child in children(pid))


def peak_memory(pid: int) -> int:
    """Return the most memory that a process ever held, in bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise BenchError("dit systeem vertelt niet hoeveel geheugen een proces gebruikt")


def await_idle(pid: int, most: float = 3.0) -> None:
    """Wait, but not for long, until a process that has just started, and its children, have nothing left to do."""
    until, before = time.monotonic() + most, -1.0
    while (now := cpu(pid) + cpu_below(pid)) != before and time.monotonic() < until:
        before = now
        time.sleep(0.1)


def await_quiet(most: float) -> None:
    """Wait, but not for long, until other work leaves this machine mostly alone."""
    until = time.monotonic() + most
    while time.monotonic() < until:
        idle, total = _machine()
        time.sleep(0.1)
        idle_then, total_then = _machine()
        if idle_then - idle > 0.8 * (total_then - total):
            return


def _machine() -> tuple[int, int]:
    fields = [int(each) for each in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
    return fields[3] + fields[4], sum(fields[:8])
