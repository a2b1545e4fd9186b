"""Who waits for mail: wakes long polls when something arrives in this process."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable

LOOK_AGAIN = 1.0
"""Seconds after which a waiter looks by itself: another gateway process may have stored something."""


class Mailbox:
    """Wakes those who wait for a party's mail."""

    def __init__(self) -> None:
        """Start with nobody waiting."""
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self.closed = False
        """The gateway stops: waiting has no sense any more."""

    def arrived(self, party: str) -> None:
        """Wake whoever waits for mail of ``party``."""
        for event in self._waiting.get(party, ()):
            event.set()

    def close(self) -> None:
        """Wake all, so that they get their answer before the gateway stops."""
        self.closed = True
        for party in list(self._waiting):
            self.arrived(party)

    async def wait(self, parties: Iterable[str], seconds: float) -> None:
        """Return when mail for one of ``parties`` arrived, or after ``seconds``, at most ``LOOK_AGAIN``."""
        event = asyncio.Event()
        codes = tuple(parties)
        for code in codes:
            self._waiting[code].add(event)
        try:
            await asyncio.wait_for(event.wait(), min(seconds, LOOK_AGAIN))
        except TimeoutError:
            pass
        finally:
            for code in codes:
                self._waiting[code].discard(event)
                if not self._waiting[code]:
                    del self._waiting[code]
