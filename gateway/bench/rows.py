"""What a measurement says: a row, its median over rounds, and how rows are shown; pure but for printing."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median

NOISY = 0.30
"""Spread of the rounds, as part of their median, above which a row is not judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure beside its yardstick and target."""

    name: str
    value: float
    unit: str
    yardstick: float | None = None
    """In the same unit, measured in the same run."""
    beside: str = ""
    """What the yardstick is."""
    ratio: float | None = None
    target: float | None = None
    """Bound on the ratio if there is one, else on the value."""
    least: bool = True
    """Whether the target is the least allowed, or the most."""
    spread: float | None = None
    """(highest - lowest) / median over the rounds, of what is judged."""

    @property
    def noisy(self) -> bool:
        """Whether the rounds differ too much to judge."""
        return self.spread is not None and self.spread > NOISY

    @property
    def ok(self) -> bool | None:
        """Whether the target is reached; None where there is none, or too much noise to tell."""
        if self.target is None or self.noisy:
            return None
        judged = self.value if self.ratio is None else self.ratio
        return judged >= self.target if self.least else judged <= self.target


def row(
    name: str,
    unit: str,
    values: Sequence[float],
    *,
    yardsticks: Sequence[float] = (),
    beside: str = "",
    target: float | None = None,
    least: bool = True,
) -> Row:
    """Make a row of what the rounds gave: the medians, and the median of the ratios per round."""
    ratios = [value / yardstick for value, yardstick in zip(values, yardsticks, strict=True)] if yardsticks else []
    judged = ratios or values
    middle = median(judged)
    return Row(
        name=name,
        value=median(values),
        unit=unit,
        yardstick=median(yardsticks) if yardsticks else None,
        beside=beside,
        ratio=middle if ratios else None,
        target=target,
        least=least,
        spread=(max(judged) - min(judged)) / middle if len(judged) > 1 and middle else None,
    )


def in_json(one: Row) -> str:
    """Write a row as one line of JSON."""
    shown = {name: _round(value) if isinstance(value, float) else value for name, value in asdict(one).items()}
    return json.dumps({**shown, "noisy": one.noisy, "ok": one.ok}, ensure_ascii=False)


HEAD = (
    f"{'meting':<58}{'waarde':>10} {'eenheid':<12}{'maatstaf':>10}  {'verhouding':>10}{'doel':>9}    {'spreiding':<10}"
)


def in_words(one: Row) -> str:
    """Write a row for people."""
    yardstick = "" if one.yardstick is None else _number(one.yardstick)
    ratio = "" if one.ratio is None else f"{one.ratio:.2f}"
    target = "" if one.target is None else f"{'≥' if one.least else '≤'} {_number(one.target)}"
    mark = {None: " ", True: "✔", False: "✘"}[one.ok]
    spread = "" if one.spread is None else f"±{one.spread / 2:.0%}"
    remark = "ruis" if one.noisy else ""
    beside = f"  naast {one.beside}" if one.beside else ""
    return (
        f"{one.name:<58}{_number(one.value):>10} {one.unit:<12}{yardstick:>10}  {ratio:>10}{target:>9}  {mark} "
        f"{spread:<6}{remark:<5}{beside}"
    ).rstrip()


def _number(value: float) -> str:
    if value >= 1000:
        return f"{value:,.0f}".replace(",", ".")
    return f"{value:.3g}".replace(".", ",")


def _round(value: float) -> float:
    return float(f"{value:.5g}")
