"""What the scenario tells on the way and at the end, in Dutch and without personal data; pure."""

from collections import Counter
from collections.abc import Iterator

from gateway.scenario.check import total
from gateway.scenario.outcome import Outcome, accounts
from gateway.scenario.values import Month


def progress(title: str, many: int, seconds: float, since: float) -> str:
    """Return the line for a phase in which so many messages were sent, in so many seconds."""
    return f"{title:<32} {many:>5} berichten  {many / max(seconds, 0.001):>6.0f} per s  na {since:>5.1f} s"


def table(month: Month, outcome: Outcome, seconds: float) -> Iterator[str]:
    """Yield what was played, line by line."""
    money = total(accounts(outcome.files[month.hoofd]))
    types = Counter(each.type for each in outcome.sent)
    yield ""
    yield f"{'Onderaannemers':<24} {len(month.onders):>14}"
    yield f"{'Gemeenten':<24} {len(month.gemeenten):>14}"
    yield f"{'Cliënten':<24} {len(month.clients):>14}"
    yield f"{'Opdrachten':<24} {len(month.orders):>14}"
    yield f"{'Berichten':<24} {len(outcome.sent):>14}"
    yield "  " + ", ".join(f"{type_.upper()} {many}" for type_, many in sorted(types.items()))
    yield f"{'Geweigerd, zoals gepland':<24} {sum(bool(each.refused) for each in outcome.sent):>14}"
    for name, kind in (
        ("Afgesproken", "agreed"),
        ("Gedeclareerd", "declared"),
        ("Goedgekeurd", "approved"),
        ("Afgekeurd", "rejected"),
    ):
        yield f"{name:<24} {euros(money[kind]):>14}"
    yield f"{'Seconden':<24} {seconds:>14.1f}"


def euros(cents: int) -> str:
    """Return eurocents as people write euros: ``€ 1.234,56``."""
    return f"€ {cents // 100:,}".replace(",", ".") + f",{cents % 100:02}"
