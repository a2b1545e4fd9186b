"""Two validators and the gateway see the same documents, valid or with a single fault, and must say the same.

``python -m tests.verdicts ROUNDS`` does so for every message type and prints how many documents that took.
"""

import random
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import xmlschema
from lxml import etree

from gateway.catalog import Catalog
from gateway.check import check
from tests.documents import definitions, document, mutants

ROOT = Path(__file__).parent.parent
SCHEMAS = ROOT / "schemas"
FIELD = ROOT.parent / "shared" / "field"
PUBLISHED = {"ijw/3.2": ("ijw-3.2",), "iwmo/3.2": ("iwmo-3.2", "iwmo-3.2-reconstructed-retour")}
"""Release → folders with what was published of it; of the retours of iWmo only a derivation is known."""
CATALOG = Catalog.load()
XSI = "XMLSchema-instance"
"""In a document with an xsi attribute: the gateway refuses any, a validator only those that do not fit."""
NOT_FOR_XMLSCHEMA = (XSI, "\u00a0", "٣")
"""Signs of documents where xmlschema is no measure: for an unknown xsi:type it raises, a no-break space it takes for
white space, an Arabic digit for an integer. XSD 1.0 part 2 says otherwise.
"""

Judge = Callable[[bytes], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One message type before two judges and the gateway."""

    ours: Path
    published: Path | None
    """None if nothing is published: then a validator that shares no code with libxml2 judges by our schema."""
    source: Path
    """The schema from which the documents are made."""

    def __str__(self) -> str:
        if not self.published:
            return f"{self.ours.stem} by xmlschema"
        return f"{self.ours.stem} from {'ours' if self.source == self.ours else self.source.parent.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """On how many documents all agreed."""

    valid: int = 0
    faulty: int = 0
    """Documents with a single fault; a fault need not make a document invalid."""
    refused: int = 0
    """Those among the faulty ones that both judges refused."""

    def __add__(self, other: "Tally") -> "Tally":
        valid, faulty = self.valid + other.valid, self.faulty + other.faulty
        return Tally(valid=valid, faulty=faulty, refused=self.refused + other.refused)

    def __str__(self) -> str:
        return f"{self.valid} valid, {self.faulty} with a single fault, of which {self.refused} refused"


def schemas() -> dict[str, list[Path]]:
    """Release, such as ``ijw/3.2`` → its message schemas, in the order of its cards."""
    found = {}
    for path in sorted(SCHEMAS.glob("*/*/messages.toml")):
        cards = tomllib.loads(path.read_text(encoding="utf-8"))
        found[str(path.parent.relative_to(SCHEMAS))] = [
            path.parent / card["xsd"] for card in cards.values() if "xsd" in card
        ]
    return found


def published(release: str, ours: Path) -> Path:
    """Where the published schema of this message stands, or should stand."""
    places = [FIELD / "xsd" / folder / ours.name for folder in PUBLISHED[release]]
    return next((place for place in places if place.is_file()), places[0])


def trials() -> list[Trial]:
    """Every message type: national ones with documents made from our and from the published schema."""
    found = []
    for release, paths in schemas().items():
        for ours in paths:
            theirs = published(release, ours) if release in PUBLISHED else None
            found += [Trial(ours=ours, published=theirs, source=each) for each in (ours, theirs) if each]
    return found


def agree(trial: Trial, rounds: int) -> Tally:
    """Make a valid document and one with a fault in each round; raises AssertionError where verdicts differ."""
    first = by_libxml2(trial.ours)
    second = by_libxml2(trial.published) if trial.published else by_xmlschema(trial.ours)
    without = () if trial.published else NOT_FOR_XMLSCHEMA
    message, rng = definitions(trial.source), random.Random(str(trial))
    refused = 0
    for _ in range(rounds):
        valid = document(message, rng)
        for judge in (first, second, by_gateway):
            assert judge(etree.tostring(valid)), etree.tostring(valid, encoding="unicode")
        made = ((fault, etree.tostring(mutant, encoding="unicode")) for fault, mutant in mutants(valid, rng, 1000))
        fault, raw = next((fault, raw) for fault, raw in made if not any(sign in raw for sign in without))
        verdict = first(raw.encode())
        assert verdict == second(raw.encode()), f"{fault}, valid for the first: {verdict}\n{raw}"
        assert by_gateway(raw.encode()) == (verdict and XSI not in raw), f"{fault}, for the gateway\n{raw}"
        refused += not verdict
    return Tally(valid=rounds, faulty=rounds, refused=refused)


def by_libxml2(xsd: Path) -> Judge:
    """Return what says whether a document is valid."""
    schema = etree.XMLSchema(file=str(xsd))
    return lambda raw: bool(schema.validate(etree.fromstring(raw)))


def by_xmlschema(xsd: Path) -> Judge:
    """Return the other one that says whether a document is valid."""
    schema = xmlschema.XMLSchema(xsd, allow="local")
    return lambda raw: schema.is_valid(raw.decode())


def by_gateway(raw: bytes) -> bool:
    """Return whether the gateway finds nothing wrong with the form; when a release is in use is no matter of form."""
    return not [found for found in check(raw, CATALOG).findings if found.level < 2 and found.code != "KP012"]


if __name__ == "__main__":
    total = Tally()
    for each in trials():
        if each.published and not each.published.is_file():
            print(f"{each}: not done, {each.published} is not here")
            continue
        tally = agree(each, int(sys.argv[1]))
        print(f"{each}: {tally}", flush=True)
        total += tally
    print(f"all: {total}")
