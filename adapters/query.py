"""What stands in the address of a request, after the question mark: read name by name, all that is wrong at once."""

from datetime import date

from aiohttp import web

from adapters.listen import Problem

LAST = 2**53
"""The largest number that every JSON reader tells apart from the next."""


class Query:
    """The parameters of one request: read each, then ``end``, which refuses what was not asked for."""

    def __init__(self, request: web.Request) -> None:
        """Read the address of ``request``."""
        self._given = request.query
        self._names: list[str] = []
        self._wrong: list[str] = []

    def number(self, name: str, default: int, least: int, most: int) -> int:
        """Return a whole number."""
        match self._all(name):
            case []:
                return default
            case [text] if text.isascii() and text.isdigit() and len(text) < 20 and least <= int(text) <= most:
                return int(text)
        self._wrong.append(f"'{name}' moet één getal van {least} tot {most} zijn.")
        return default

    def page(self, count: int = 50, most: int = 100) -> tuple[int, int]:
        """Return after which place to go on (``na``), and how many are asked for (``aantal``)."""
        return self.number("na", 0, 0, LAST), self.number("aantal", count, 1, most)

    def yes(self, name: str, *, default: bool = False) -> bool:
        """Return a choice: ``ja`` or ``nee``."""
        found = self._all(name) or ["ja" if default else "nee"]
        if found not in (["ja"], ["nee"]):
            self._wrong.append(f"'{name}' moet ja of nee zijn.")
        return found == ["ja"]

    def day(self, name: str) -> str | None:
        """Return a day as an ISO date; None if there is none."""
        match self._all(name):
            case []:
                return None
            case [text] if _is_day(text):
                return text
        self._wrong.append(f"'{name}' moet één dag zijn, zoals 2026-03-01.")
        return None

    def texts(self, *names: str) -> dict[str, str]:
        """Return the texts that are given, by name."""
        found = {name: self._all(name) for name in names}
        self._wrong += [f"'{name}' mag één keer." for name, given in found.items() if len(given) > 1]
        return {name: given[0] for name, given in found.items() if given}

    def end(self) -> None:
        """Raise Problem with all that is wrong, a parameter that does not exist too."""
        if set(self._given) - set(self._names):
            *more, last = [f"'{name}'" for name in self._names] or [""]
            possible = f" Mogelijk zijn {', '.join(more)} en {last}." if more else f" Mogelijk is {last}."
            self._wrong.append(f"Er staat een onbekende parameter in het adres.{possible if last else ''}")
        if self._wrong:
            raise Problem(400, "Verzoek klopt niet", " ".join(self._wrong))

    def _all(self, name: str) -> list[str]:
        self._names.append(name)
        return list(self._given.getall(name, []))


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
