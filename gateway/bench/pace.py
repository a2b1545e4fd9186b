"""How long and how often to measure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Rounds per figure; seconds per window, per yardstick, and of warm-up that is not counted."""

    rounds: int
    window: float
    yardstick: float
    warm: float


SHORT = Pace(rounds=1, window=1.0, yardstick=0.5, warm=0.3)
FULL = Pace(rounds=3, window=3.0, yardstick=1.5, warm=0.7)
