"""What writes any message of a planned month: header, number, layout; pure."""

from gateway import compose
from gateway.catalog import Catalog
from gateway.scenario.classes import Values


class Pen:
    """Writes messages, each with a number of its own."""

    def __init__(self, catalog: Catalog, latest: str) -> None:
        """``catalog`` tells what messages look like, and ``latest`` is an ISO date: nothing is dated after it."""
        self.catalog = catalog
        self.latest = latest
        self._count = 0

    def number(self) -> str:
        """Return an Identificatie that no other message of this month has."""
        self._count += 1
        return f"M{self._count:06}"

    def header(self, kind: str, way: tuple[str, str], wet: str, dated: str) -> Values:
        """Return the header of a message, not of a retour, that goes from the first party to the second."""
        type_ = self.catalog.types[kind]
        major, minor = type_.release.split(".")
        header: Values = {
            "BerichtCode": type_.code,
            "BerichtVersie": major,
            "BerichtSubversie": minor,
            "Afzender": way[0],
            "Ontvanger": way[1],
            "BerichtIdentificatie": {"Identificatie": self.number(), "Dagtekening": dated},
            "XsdVersie": {"BasisschemaXsdVersie": type_.versions[0], "BerichtXsdVersie": type_.versions[1]},
        }
        return header | ({"Wet": wet} if kind.startswith("ho") else {})

    def written(self, kind: str, values: Values) -> bytes:
        """Return the document."""
        return compose.message(self.catalog.definition(self.catalog.types[kind]), values)
