"""The commands ``schemas``: which messages there are, and how a published schema package compares with ours."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gateway import package
from gateway.catalog import Catalog, Release
from gateway.grammar import GrammarError, differences, grammar
from gateway.package import Package, PackageError, Published
from gateway.words import printable

SAME, DIFFERS, CANNOT = 0, 1, 2
"""Exit codes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What came of comparing a package with the releases that it speaks of."""

    same: tuple[str, ...]
    """Messages that allow the same in both."""
    told: tuple[str, ...]
    """All that differs, a line each, in Dutch."""


def show() -> int:
    """Print every release with its validity, its messages and their versions. Returns 0."""
    catalog = Catalog.load()
    for release in catalog.releases:
        print(f"{release.standard} {release.name}: {_time(release)}")
        for name in catalog.cards(release):
            kind = catalog.type(release, name)
            low, high = kind.compatible
            print(f"  {name:<8} {kind.title:<44} schema {kind.versions[1]}, past bij {low} t/m {high}")
    return SAME


def compare(path: Path) -> int:
    """Print the hash of a package, and what in it differs from ours.

    Returns 0 if nothing does, 1 if something does, 2 if it cannot be read or compared.
    """
    try:
        found = package.read(path)
        compared = _compared(found)
    except PackageError as error:
        return _cannot(str(error))
    print(f"{path}: {len(found.files)} schema's, hash {found.digest}")
    for line in compared.told:
        print(line)
    if compared.same:
        print(f"Gelijk aan ons: {', '.join(compared.same)}.")
    return DIFFERS if compared.told else SAME


def load(path: Path, digest: str, folder: Path) -> int:
    """Take a package with this hash into ``folder``, where a gateway finds it when it starts next.

    Returns 0, or 2 if it is another package, does not compile, or has a message that was loaded already.
    """
    try:
        found = package.read(path)
        if found.digest != digest.lower():
            return _cannot(f"Dit is een ander pakket: zijn hash is {found.digest}. Er is niets geladen.")
        compared = _compared(found)
        Published([found]).compile_all()
        Published([found, *Published.kept(folder)])
        kept = package.keep(found, folder)
    except PackageError as error:
        return _cannot(f"{error} Er is niets geladen.")
    except FileExistsError:
        return _cannot("Dit pakket is al geladen.")
    except OSError as error:
        return _cannot(f"{folder} kan niet worden geschreven ({error.strerror}). Er is niets geladen.")
    print(f"Geladen in {kept}. Start de poort opnieuw: zij legt berichten dan ook langs deze schema's.")
    if compared.told:
        print(f"Let op: het pakket verschilt van ons. Kijk wat: ketenpoort schemas vergelijk {path}")
    return SAME


def _compared(found: Package) -> Compared:
    """Compare a package with ours. Raises PackageError, also if it is of no release that we have."""
    catalog, theirs = Catalog.load(), found.schemas()
    known = [release for release in catalog.releases if any(release.message(space) for space in theirs)]
    if not known:
        raise PackageError("Het pakket hoort bij geen release die de poort kent.")
    same: list[str] = []
    told: list[str] = []
    for release in known:
        ours = package.read(release.folder).schemas()
        for name in catalog.cards(release):
            space = release.namespace.format(name)
            if space not in theirs:
                told.append(f"{name.upper()} staat niet in het pakket.")
                continue
            try:
                found_here = differences(grammar(ours, space), grammar(theirs, space))
            except GrammarError as error:
                raise PackageError(f"{name.upper()} is niet te vergelijken. {error}") from None
            lines = [f"{name.upper()}: {place} {what}" for place, what in found_here]
            told += lines
            same += [] if lines else [name.upper()]
    told += _strange(theirs, known, catalog)
    return Compared(same=tuple(same), told=tuple(told))


def _strange(theirs: dict[str, object], known: list[Release], catalog: Catalog) -> Iterator[str]:
    """Schemas in a package that we do not have."""
    for space in sorted(theirs):
        names = {release.message(space): release for release in known if release.message(space)}
        if not any(name == "basisschema" or name in catalog.cards(release) for name, release in names.items()):
            yield f"Alleen in het pakket staat een schema met namespace {printable(space)}."


def _time(release: Release) -> str:
    parts = [f"vanaf {release.since}"] if release.since else []
    parts += [f"tot en met {release.until}"] if release.until else []
    return f"voor berichten {' '.join(parts)}" if parts else "altijd in gebruik"


def _cannot(text: str) -> int:
    print(printable(text), file=sys.stderr)
    return CANNOT
