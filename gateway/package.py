"""A published schema package: read from a folder or ZIP within bounds, known by its hash, ready to judge with.

Whoever made it is not trusted: only files ``*.xsd`` count, by their own name wherever they stand; they must be UTF-8
without DOCTYPE, and an import is answered from the package or refused. The hash is that of the listing that
``LC_ALL=C sha256sum *.xsd`` prints, so that anybody can compute it.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from lxml import etree

from gateway.catalog import parsed
from gateway.shapes import XS, CatalogError
from gateway.unpack import UnpackError, unpacked

MOST_FILES = 100
MOST_BYTES = 2 * 2**20
"""Of one schema; the largest published one has 80 kB."""
MOST_SEEN = 10_000
"""Files and folders looked at in search of schemas."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.xsd")
REACHING = frozenset({"include", "redefine", "override"})
"""Constructs that fetch a file by its name; an import is answered by namespace."""
FORBIDDEN = (b"<!DOCTYPE", b"<!ENTITY", b"\0")


class PackageError(Exception):
    """A package cannot be used; the text says why, in Dutch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """The schemas of one package, by file name."""

    files: Mapping[str, bytes]

    @property
    def digest(self) -> str:
        """SHA-256 over the listing of names and hashes, in hexadecimal."""
        lines = (f"{hashlib.sha256(raw).hexdigest()}  {name}\n" for name, raw in sorted(self.files.items()))
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def schemas(self) -> dict[str, etree._Element]:
        """Parse all; return their root elements by target namespace. Raises PackageError."""
        schemas: dict[str, etree._Element] = {}
        for name, raw in sorted(self.files.items()):
            xsd = _root(name, raw, schemas)
            space = xsd.get("targetNamespace", "")
            if space in schemas:
                raise PackageError(f"{name} heeft dezelfde namespace als een ander schema in het pakket.")
            schemas[space] = xsd
        return schemas


def read(path: Path) -> Package:
    """Read a package from a folder (at any depth) or a ZIP. Raises PackageError."""
    files: dict[str, bytes] = {}
    try:
        for found, raw in _in_folder(path) if path.is_dir() else _in_zip(path):
            name = PurePosixPath(found.replace("\\", "/")).name
            if not NAME.fullmatch(name):
                raise PackageError("Een schema in het pakket heeft een naam met vreemde tekens.")
            if name in files:
                raise PackageError(f"{name} staat meer dan één keer in het pakket.")
            if len(raw) > MOST_BYTES or len(files) == MOST_FILES:
                raise PackageError(f"{name} is te groot, of het pakket bevat meer dan {MOST_FILES} schema's.")
            files[name] = raw
    except OSError:
        raise PackageError(f"{path} kan niet worden gelezen.") from None
    if not files:
        raise PackageError(f"In {path} staat geen schema (.xsd).")
    return Package(files=files)


def _in_folder(folder: Path) -> Iterator[tuple[str, bytes]]:
    for count, found in enumerate(folder.rglob("*")):
        if count == MOST_SEEN:
            raise PackageError(f"In {folder} staan te veel bestanden.")
        # A link may lead anywhere, and reading what is no plain file may never end.
        if found.suffix.lower() == ".xsd" and found.is_file() and not found.is_symlink():
            with found.open("rb") as file:
                yield found.name, file.read(MOST_BYTES + 1)


def _in_zip(path: Path) -> Iterator[tuple[str, bytes]]:
    try:
        yield from unpacked(path, ".xsd", each=MOST_BYTES, most=MOST_FILES * MOST_BYTES)
    except UnpackError as error:
        raise PackageError(f"{path}: {error}") from None


def _root(name: str, raw: bytes, schemas: Mapping[str, etree._Element]) -> etree._Element:
    try:
        text = raw.decode("utf-8-sig")
        # What a parser might take for another encoding, or expand, never reaches one.
        if any(construct in raw for construct in FORBIDDEN):
            raise PackageError(f"{name} bevat een DOCTYPE, een ENTITY of een verboden teken.")
        xsd = parsed(text.encode(), schemas)
    except (UnicodeDecodeError, etree.XMLSyntaxError):
        raise PackageError(f"{name} is geen goede XML in UTF-8.") from None
    if xsd.tag != XS + "schema":
        raise PackageError(f"{name} is geen XML Schema.")
    if any(node.tag.removeprefix(XS) in REACHING for node in xsd.iter(XS + "*")):
        raise PackageError(f"{name} haalt een ander schema binnen zonder zijn namespace te noemen.")
    return xsd


class Published:
    """The packages that an operator loaded into a gateway, each in a folder with its hash for a name."""

    def __init__(self, packages: list[Package]) -> None:
        self._sources: dict[str, tuple[dict[str, etree._Element], etree._Element]] = {}
        self._schemas: dict[str, etree.XMLSchema] = {}
        for package in packages:
            schemas = package.schemas()
            for space, xsd in schemas.items():
                if any(each.get("name") == "Bericht" for each in xsd.iterfind(XS + "element")):
                    if space in self._sources:
                        raise PackageError(f"Twee geladen pakketten bevatten het bericht {space}.")
                    self._sources[space] = (schemas, xsd)

    @classmethod
    def load(cls, folder: Path) -> "Published":
        """Read all packages in a folder, if it is there. Raises PackageError if a file is not what was pinned."""
        return cls(cls.kept(folder))

    @staticmethod
    def kept(folder: Path) -> list[Package]:
        """The packages in a folder, each as it was pinned. Raises PackageError if one is not."""
        packages = []
        for found in sorted(folder.glob("[!.]*")):
            package = read(found)
            if package.digest != found.name:
                raise PackageError(
                    f"Het schemapakket {found} is veranderd: de hash is nu {package.digest}. Zet het oude terug, of "
                    "haal de map weg en laad het pakket opnieuw."
                )
            packages.append(package)
        return packages

    def schema(self, space: str) -> etree.XMLSchema | None:
        """The published schema of the message with this namespace, if a package has it. Raises PackageError."""
        if space not in self._schemas:
            if space not in self._sources:
                return None
            self._schemas[space] = compiled(self._sources[space][1])
        return self._schemas[space]

    def compile_all(self) -> None:
        """Compile every schema now, for a process that may open no files later. Raises PackageError."""
        for space in self._sources:
            self.schema(space)


def compiled(xsd: Any) -> etree.XMLSchema:
    """Compile one schema of a package. Raises PackageError."""
    try:
        return etree.XMLSchema(xsd)
    except (etree.XMLSchemaParseError, CatalogError):
        raise PackageError(f"Het schema met namespace {xsd.get('targetNamespace')} is niet goed.") from None


def keep(package: Package, folder: Path) -> Path:
    """Write a package into ``folder``, under its hash; return where. Raises FileExistsError if it is there already."""
    where = folder / package.digest
    beside = folder / f".{package.digest}"
    folder.mkdir(parents=True, exist_ok=True)
    if where.exists():
        raise FileExistsError(str(where))
    beside.mkdir(exist_ok=True)  # of one that was broken off: the same files
    for name, raw in package.files.items():
        (beside / name).write_bytes(raw)
    return beside.rename(where)
