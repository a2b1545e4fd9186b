"""Reads ``schemas/``: the releases, message types by root element, their cards, and what each XSD says.

Loading reads a few lines per release; cards and XSDs are read when a message of theirs comes. Imports are resolved by
namespace from this folder, never by file name or over the network.
"""

import tomllib
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lxml import etree

from gateway.message import Facts, MessageType
from gateway.rules.klasse import after
from gateway.shapes import XS, CatalogError, Shape, Shapes

if TYPE_CHECKING:
    from gateway.package import Published

FOLDER = Path(__file__).resolve().parent.parent / "schemas"
SCHEME = "ketenpoort:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """One message type ready for use. ``schema`` also knows every container as a root, so parts can be validated."""

    type: MessageType
    schema: etree.XMLSchema
    shape: Shape
    containers: dict[str, Shape]
    """The containers by ``{namespace}name``: each may be validated in parts."""
    names: frozenset[str]
    """All element names of the schema: the only names that a finding may repeat."""
    facts: tuple[tuple[str, ...], ...]
    """The names below Header that lead to sender, receiver, identification, date and what is answered (or "")."""
    subject: str
    """Name of the class of a client, who has a Bsn; empty if the type has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One release of a standard: a folder with schemas and cards, and what ``release.toml`` in it says."""

    standard: str
    name: str
    folder: Path
    namespace: str
    """Of every schema in it, with ``{}`` for the name of the message, or ``basisschema``."""
    since: str = ""
    """ISO date of the first day on which its messages may be dated; empty if it knows none."""
    until: str = ""
    """ISO date of the last such day."""

    def covers(self, dated: str) -> bool:
        """Whether a message of this release may bear this ISO date."""
        return not (self.since and after(self.since, dated)) and not (self.until and after(dated, self.until))

    def message(self, space: str) -> str | None:
        """The name of the message that has this namespace, whether or not it exists; None if it is none of ours."""
        before, _, behind = self.namespace.partition("{}")
        inside = space.startswith(before) and space.endswith(behind) and len(space) > len(before) + len(behind)
        return space[len(before) : len(space) - len(behind)] if inside else None


class Catalog:
    """The message types in one ``schemas/`` folder."""

    def __init__(self, releases: tuple[Release, ...], published: "Published | None" = None) -> None:
        self.published = published
        """Published schemas, if an operator loaded any: messages are held against those too."""
        self.releases = releases
        """In the order in which they came into use."""
        self.types: Mapping[str, MessageType] = _Newest(self)
        """By name, ``ho301``: of a message that more releases have, the one of the newest."""
        self._cards: dict[Release, dict[str, Any]] = {}
        self._by_root: dict[str, MessageType] = {}
        self._schemas = _Sources(self)
        self._definitions: dict[str, Definition] = {}

    @classmethod
    def load(cls, folder: Path = FOLDER, published: "Published | None" = None) -> "Catalog":
        """Read what releases there are below ``folder``; raises CatalogError where they contradict."""
        releases = tuple(sorted(map(_release, folder.glob("*/*/messages.toml")), key=lambda each: each.since))
        if not releases:
            raise CatalogError(f"no messages.toml below {folder}")
        if len({each.namespace for each in releases}) < len(releases):
            raise CatalogError(f"two releases below {folder} have one namespace")
        return cls(releases, published)

    def by_root(self, tag: str) -> MessageType | None:
        """The message type whose root element is ``{namespace}Bericht``, if there is one."""
        kind = self._by_root.get(tag)
        if kind is None and tag.endswith("}Bericht"):
            for release in self.releases:
                name = release.message(tag[1:-8])
                if name in self.cards(release):
                    return self.type(release, name)
        return kind

    def cards(self, release: Release) -> dict[str, Any]:
        """What ``messages.toml`` of a release says of each of its messages, by name."""
        if release not in self._cards:
            cards = tomllib.loads((release.folder / "messages.toml").read_text("utf-8"))
            paths = cards.pop("vorm")
            self._cards[release] = {name: {**card, "paden": paths[card["vorm"]]} for name, card in cards.items()}
        return self._cards[release]

    def type(self, release: Release, name: str) -> MessageType:
        """The message type of this name in this release. Raises KeyError if it has none."""
        root = f"{{{release.namespace.format(name)}}}Bericht"
        if root not in self._by_root:
            card = self.cards(release)[name]
            self._by_root[root] = _message_type(name, card, release, self._schemas[release.namespace.format(name)])
        return self._by_root[root]

    def of(self, facts: Facts) -> MessageType:
        """The message type, in its own release, of a message that was checked with this catalogue."""
        owners = (each for each in self.releases if each.name == facts.release and facts.type in self.cards(each))
        return self.type(next(owners), facts.type)

    def release(self, kind: MessageType) -> Release:
        """The release that a message type belongs to."""
        return next(each for each in self.releases if (each.standard, each.name) == (kind.standard, kind.release))

    def beside(self, kind: MessageType, name: str) -> MessageType:
        """The message type of this name in the same release: what answers a message is of its release."""
        return self.type(self.release(kind), name)

    def definition(self, kind: MessageType) -> Definition:
        """Compile what belongs to this type, once; raises CatalogError if its XSD is not sound."""
        if kind.root not in self._definitions:
            self._definitions[kind.root] = _compile(kind, self._schemas)
        return self._definitions[kind.root]

    def every(self) -> Iterator[MessageType]:
        """Every message type of every release."""
        for release in self.releases:
            for name in self.cards(release):
                yield self.type(release, name)

    def compile_all(self) -> None:
        """Compile every type now, for a process that may open no files later."""
        for kind in self.every():
            self.definition(kind)
        if self.published is not None:
            self.published.compile_all()


@cache
def titles() -> Mapping[str, str]:
    """What people call each message type that we have, in Dutch, by name; of more releases what the newest says."""
    catalog = Catalog.load()
    return {name: card["naam"] for release in catalog.releases for name, card in catalog.cards(release).items()}


class _Newest(Mapping[str, MessageType]):
    """The types of a catalogue by name; reads no schema of a type that is not asked for."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def _names(self) -> dict[str, Release]:
        return {name: release for release in self._catalog.releases for name in self._catalog.cards(release)}

    def __getitem__(self, name: str) -> MessageType:
        return self._catalog.type(self._names()[name], name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names())

    def __len__(self) -> int:
        return len(self._names())


class _Sources(dict[str, Any]):
    """The XSDs of a catalogue by namespace, each parsed when first asked for."""

    def __init__(self, catalog: Catalog) -> None:
        super().__init__()
        self._catalog = catalog

    def __missing__(self, space: str) -> etree._Element:
        for release in self._catalog.releases:
            name = release.message(space)
            if name == "basisschema" or name in self._catalog.cards(release):
                file = "basisschema.xsd" if name == "basisschema" else self._catalog.cards(release)[name]["xsd"]
                self[space] = _read(release.folder / file, self)
                if self[space].get("targetNamespace") != space:
                    raise CatalogError(f"{release.folder / file}: the namespace is not {space}")
                return self[space]
        raise CatalogError(f"nothing in schemas/ has the namespace {space}")


def _release(cards: Path) -> Release:
    """Read ``release.toml`` beside the cards: a few lines, so that starting costs no more with every release."""
    path = cards.parent / "release.toml"
    if not path.exists():
        raise CatalogError(f"{path} is not there; it says the namespace and since when the release is in use")
    told = tomllib.loads(path.read_text("utf-8"))
    if "{}" not in told["namespace"]:
        raise CatalogError(f"{path}: the namespace has no {{}} for the name of the message")
    return Release(
        standard=path.parent.parent.name,
        name=path.parent.name,
        folder=path.parent,
        namespace=told["namespace"],
        since=str(told.get("geldig_vanaf", "")),
        until=str(told.get("geldig_tot", "")),
    )


def _read(path: Path, schemas: Mapping[str, etree._Element]) -> etree._Element:
    if not path.exists():
        raise CatalogError(f"{path} does not exist")
    return parsed(path.read_bytes(), schemas)


def parsed(raw: bytes, schemas: Mapping[str, etree._Element]) -> etree._Element:
    """Parse one XSD in UTF-8; its imports will be answered from ``schemas``, by namespace, and by nothing else."""
    parser = etree.XMLParser(
        encoding="utf-8", no_network=True, resolve_entities=False, load_dtd=False, remove_comments=True
    )
    parser.resolvers.add(_OwnSchemas(schemas))
    xsd = etree.fromstring(raw, parser)
    for imported in xsd.iterfind(XS + "import"):
        imported.set("schemaLocation", SCHEME + imported.get("namespace", ""))
    return xsd


class _OwnSchemas(etree.Resolver):  # type: ignore[misc]  # lxml has no types
    """Answers every import from our own folder; whatever is not there is refused."""

    def __init__(self, schemas: Mapping[str, etree._Element]) -> None:
        super().__init__()
        self._schemas = schemas

    def resolve(self, system_url: str, public_id: str, context: Any) -> Any:  # noqa: ARG002 - lxml's signature
        try:
            return self.resolve_string(etree.tostring(self._schemas[system_url.removeprefix(SCHEME)]), context)
        except KeyError:
            raise CatalogError(f"no schema here is known as {system_url}") from None


def _version(xsd: etree._Element, name: str) -> str:
    told = next(
        (each.text for each in xsd.iterfind(f"{XS}annotation/{XS}appinfo/*") if each.tag.endswith(f"}}{name}")), None
    )
    if not told:
        raise CatalogError(f"{xsd.attrib['targetNamespace']}: no {name} in appinfo")
    return str(told)


def _message_type(name: str, entry: dict[str, Any], release: Release, xsd: etree._Element) -> MessageType:
    paths = entry["paden"]
    code = next(xsd.iterfind(f".//{XS}element[@name='BerichtCode']//{XS}pattern"), None)
    if code is None:
        raise CatalogError(f"{entry['xsd']}: the header has no fixed BerichtCode")
    return MessageType(
        name=name,
        code=code.attrib["value"],
        standard=release.standard,
        release=release.name,
        title=entry["naam"],
        root=f"{{{xsd.attrib['targetNamespace']}}}Bericht",
        sends=entry["van"],
        receives=entry["naar"],
        versions=(_version(xsd, "BasisschemaXsdVersie"), _version(xsd, "BerichtXsdVersie")),
        compatible=(_version(xsd, "BerichtXsdMinVersie"), _version(xsd, "BerichtXsdMaxVersie")),
        shape=entry["vorm"],
        answer=entry.get("antwoord"),
        answers=entry.get("antwoord_op"),
        term_days=entry.get("termijn_werkdagen"),
        sender_path=paths["verzender"],
        receiver_path=paths["ontvanger"],
        identification_path=paths["identificatie"],
        dated_path=paths["dagtekening"],
        answers_path=paths.get("beantwoordt"),
        subjects_path=entry.get("betrokkenen"),
    )


def _compile(kind: MessageType, schemas: Mapping[str, etree._Element]) -> Definition:
    space = etree.QName(kind.root).namespace or ""
    reader = Shapes(schemas, f"{kind.standard}/{kind.release}")
    shape = reader.element(next(schemas[space].iterfind(f"{XS}element[@name='Bericht']")), schemas[space])
    if not isinstance(shape, Shape):
        raise CatalogError(f"{kind.name}: Bericht holds no elements")
    xsd = deepcopy(schemas[space])
    for tag, (type_name, _) in reader.containers.items():
        etree.SubElement(xsd, XS + "element", name=etree.QName(tag).localname, type=type_name)
    try:
        schema = etree.XMLSchema(xsd)
    except etree.XMLSchemaParseError as error:
        raise CatalogError(f"{kind.name}: {error}") from error
    return Definition(
        type=kind,
        schema=schema,
        shape=shape,
        containers={tag: form for tag, (_, form) in reader.containers.items()},
        names=frozenset(reader.names) | {"Bericht"},
        facts=tuple(
            tuple(path.split("/")[1:]) if path else ("",)
            for path in (
                kind.sender_path,
                kind.receiver_path,
                kind.identification_path,
                kind.dated_path,
                kind.answers_path,
            )
        ),
        subject=(kind.subjects_path or "").rpartition("/")[0].rpartition("/")[2],
    )
