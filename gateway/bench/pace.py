"""How long and how often to measure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Rounds per figure; seconds per window, per yardstick, of warm-up, and of waiting for other work to end."""

    rounds: int
    window: float
    yardstick: float
    warm: float
    patience: float


SHORT = Pace(rounds=1, window=0.7, yardstick=0.4, warm=0.2, patience=0.2)
FULL = Pace(rounds=3, window=2.5, yardstick=1.5, warm=0.5, patience=1.0)
