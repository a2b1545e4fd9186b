"""The command that plays a whole month through a real gateway."""

import argparse

from gateway.commands import Adds, cannot, until_stopped

SQLITE = "sqlite+aiosqlite:///ketenpoort.sqlite"


def add(command: Adds) -> None:
    """Add the command."""
    each = command("scenario", _scenario, "Speel een hele maand na, met verzonnen partijen, en controleer alles.")
    each.add_argument(
        "naam",
        choices=["vijftigzeven"],
        metavar="SCENARIO",
        help="vijftigzeven: één hoofdaannemer, 57 onderaannemers, 900 cliënten, drie gemeenten",
    )
    each.add_argument("--database", default=SQLITE, metavar="URL", help="lege database (anders SQLite)")


def _scenario(arguments: argparse.Namespace) -> int:
    from gateway.scenario.plan import month
    from gateway.scenario.play import scenario
    from gateway.settings import fault

    if wrong := fault("database", arguments.database):
        return cannot(wrong)
    return until_stopped(scenario(month(), database=arguments.database))
