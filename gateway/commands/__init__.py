"""The commands of ``ketenpoort``, by who uses them; here is what they share.

Each command imports only what it needs, so that ``valideer`` answers at once.
"""

import argparse
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

Run = Callable[[argparse.Namespace], int]
Adds = Callable[[str, Run, str], argparse.ArgumentParser]
"""Adds a command: its name, what it runs, what it is for."""
CANNOT = 2
"""Exit code when a command could not do its work."""


def with_settings(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Let a command be told which gateway it is about."""
    parser.add_argument("--instellingen", type=Path, default=Path("ketenpoort.toml"), metavar="BESTAND")
    return parser


def with_gateway(arguments: argparse.Namespace, act: Callable[[Any], Coroutine[Any, Any, int | None]]) -> int:
    """Do something at the gateway that the arguments name; say so if that gateway cannot be used."""
    from gateway import serve, settings

    try:
        return until_stopped(act(settings.load(arguments.instellingen)))
    except (settings.SettingsError, *serve.UNUSABLE) as error:
        return cannot(str(error))


def until_stopped(work: Coroutine[Any, Any, int | None]) -> int:
    """Run until done, or until asked to stop (TERM, INT): then close in order."""
    import asyncio
    import signal

    async def run() -> int | None:
        task = asyncio.ensure_future(work)
        loop = asyncio.get_running_loop()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, task.cancel)
        try:
            return await task
        except asyncio.CancelledError:
            return 0

    return asyncio.run(run()) or 0


def cannot(text: str) -> int:
    """Print why a command could not do its work; return its exit code."""
    print(text, file=sys.stderr)
    return CANNOT
