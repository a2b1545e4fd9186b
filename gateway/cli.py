"""The command ``ketenpoort``, and how it speaks with who types it."""

import argparse
import contextlib
import re
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from gateway.commands import (
    CANNOT,
    Run,
    agreed,
    audit,
    files,
    operator,
    orders,
    party,
    register,
    retention,
    scenario,
    terms,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    with contextlib.suppress(BrokenPipeError):
        arguments = _parser().parse_args(argv)
        run: Run = arguments.run
        try:
            return run(arguments)
        except KeyboardInterrupt:
            return 130
    return CANNOT


class _Formatter(argparse.HelpFormatter):
    """Help in Dutch."""

    def add_usage(self, usage: Any, actions: Any, groups: Any, prefix: str | None = None) -> None:
        super().add_usage(usage, actions, groups, "gebruik: " if prefix is None else prefix)


_WRONG = {
    "the following arguments are required: (.+)": "Hier ontbreekt: {}. ",
    "unrecognized arguments: (.+)": "Onbekend is: {}. ",
    "argument (.+?): invalid choice: '(.*?)'": "{1} is geen {0}. ",
    "argument (.+?): invalid int value: '(.*)'": "Bij {0} hoort een heel getal, niet {1}. ",
    "argument (.+?): expected": "Achter {} ontbreekt de waarde. ",
}
"""What argparse may find wrong, as it says it, and how we do."""


class _Parser(argparse.ArgumentParser):
    """A parser that speaks Dutch, also when a command is not sound."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, formatter_class=_Formatter, add_help=False)
        self._positionals.title = "gegevens"
        self._optionals.title = "opties"
        self.add_argument("-h", "--help", action="help", help="toon deze hulp")

    def error(self, message: str) -> NoReturn:
        found = ((dutch, re.match(english, message)) for english, dutch in _WRONG.items())
        told = next((dutch.format(*match.groups()) for dutch, match in found if match), "")
        more = f"Meer weten: {self.prog} --help\n{self.format_usage()}"
        self.exit(CANNOT, f"Deze opdracht klopt zo niet. {told}{more}")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="ketenpoort", description="Poort voor berichten tussen hoofdaannemers, onderaannemers en gemeenten."
    )
    commands = parser.add_subparsers(metavar="OPDRACHT", required=True)

    def command(name: str, run: Run, help_: str) -> argparse.ArgumentParser:
        added: argparse.ArgumentParser = commands.add_parser(name, help=help_, description=help_)
        added.set_defaults(run=run)
        return added

    files.add(command)
    operator.add(command)
    scenario.add(command)
    party.add(command)
    agreed.add(command)
    terms.add(command)
    orders.add(command)
    audit.add(commands.add_parser("audit", help="Het logboek."))
    retention.add(commands.add_parser("bewaren", help="Bewaartermijnen, vernietigen, vasthouden en geheimhouden."))
    register.add(commands.add_parser("register", help="Wie meedoet, regio's, de lijst van onderaannemers, afspraken."))
    each = command("bench", _bench, "Meet deze poort naast haar maatstaven.")
    each.add_argument("--json", action="store_true", help="één JSON-object per regel")
    each.add_argument("--kort", action="store_true", help="korte vensters, voor een eerste indruk")
    each.add_argument("onderdelen", nargs="*", metavar="ONDERDEEL", help="alleen deze onderdelen")
    return parser


def _bench(arguments: argparse.Namespace) -> int:
    from gateway.bench import bench

    return bench(arguments.onderdelen, json=arguments.json, short=arguments.kort)


if __name__ == "__main__":
    sys.exit(main())
