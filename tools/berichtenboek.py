"""Writes docs/berichtenboek/ from schemas, cards, code lists and rules: what a supplier needs to build from."""

import json
import re
import shutil
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from gateway import forms
from gateway.catalog import FOLDER, Catalog
from gateway.codes import CodeList, code_list, lists_of, names
from gateway.convert import json_of
from gateway.explain import explain
from gateway.ledger import book as ledger
from gateway.message import MessageType
from gateway.rules import NOTE, RULES
from gateway.rules.extern import EXTERN
from gateway.shapes import Leaf, Shape
from gateway.words import MOST_CODES, form

ROOT = Path(__file__).resolve().parent.parent

BOOK = ROOT / "docs" / "berichtenboek"
STANDARDS = {"hoa": "HOA", "ijw": "iJw", "iwmo": "iWmo"}
ABOUT = {
    "hoa": "Tussen hoofdaannemer en onderaannemer, en tussen hoofdaannemer en gemeente over de onderaannemer.",
    "ijw": "Tussen gemeente en aanbieder, voor de Jeugdwet.",
    "iwmo": "Tussen gemeente en aanbieder, voor de Wmo 2015.",
}
MADE = "<!-- Gemaakt door `make docs` uit schemas/ en de regels. Wijzig hier niets. -->"
LEVELS = {
    0: "het bestand zelf",
    1: "het schema",
    2: "binnen het bericht",
    3: "tegen eerdere berichten",
    4: "tegen codelijsten, tarief en klok",
}
UNITS = {
    "301": ("Opdracht", "ToegewezenProduct"),
    "305": ("StartProduct",),
    "307": ("StopProduct",),
    "315": ("AangevraagdProduct",),
    "317": ("Verzoek",),
    "319": ("Antwoord",),
    "323": ("Prestatie",),
    "325": ("Prestatie",),
    "332": ("Besluit",),
    "341": ("Retentie", "Regel"),
    "342": ("Besluit",),
}
"""The class in which a rule of the ledger finds its fault, unless ELSEWHERE says otherwise."""
ELSEWHERE = {
    "TR304": ("Client",),
    "TR314": ("Prestatie", "Termijn"),
    "TR318": ("Declaratie",),
    "TR323": ("Prestatie", "Termijn"),
    "TR333": ("Declaratie",),
    "TR337": ("Header",),
    "TR350": ("OngewijzigdProduct",),
    "TR351": ("TeWijzigenProduct",),
    "TR357": ("TeWijzigenProduct",),
    "TR366": ("Prestatie", "Termijn"),
    "TR367": ("Prestatie", "Termijn"),
    "TR371": ("Header",),
    "TR373": ("TeWijzigenProduct",),
    "TR375": ("TeWijzigenProduct",),
    "TR376": ("DeclaratieAntwoord",),
    "HO018": ("DeclaratieAntwoord",),
    "HO021": ("Client",),
    "HO022": ("Client",),
    "HO025": ("Opdracht", "Client"),
    "TR390": ("Prestatie", "Termijn"),
    "TR411": ("TeWijzigenProduct",),
    "TR412": ("TeWijzigenProduct",),
}
MOST_WORDS = 150
"""Signs that the meanings of the codes of a field may take beside the field."""
Lines = Iterator[str]


def book(catalog: Catalog) -> dict[str, str]:
    """Every generated page: path below the book → text."""
    pages = {"overzicht.md": _overview(catalog), "codelijsten.md": _code_lists(), "regels.md": _rules(catalog)}
    for kind in catalog.every():
        pages[_page(kind)] = _message(kind, catalog)
    return {name: "\n".join((MADE, "", *lines, "")) for name, lines in pages.items()}


def _page(kind: MessageType) -> str:
    return f"{kind.standard}-{kind.release}/{kind.name}.md"


@cache
def _told(name: str) -> Mapping[str, Any]:
    return tomllib.loads((FOLDER / f"{name}.toml").read_text("utf-8"))


def _about(kind: MessageType) -> Mapping[str, Any]:
    told = _told("berichten")
    about: Mapping[str, Any] = told.get(kind.name) or told[kind.name[-3:]]
    return about


def _title(kind: MessageType) -> str:
    return f"{kind.name.upper()} {kind.title}"


def _overview(catalog: Catalog) -> Lines:
    yield "# Alle berichten"
    for release in catalog.releases:
        kinds = [kind for kind in catalog.every() if catalog.release(kind) == release]
        yield from ("", f"## {STANDARDS[release.standard]} {release.name}", "", ABOUT[release.standard], "")
        yield from _table(
            ("Bericht", "Van", "Naar", "Antwoord", "Termijn"),
            (
                (
                    f"[{_title(kind)}]({_page(kind)})",
                    kind.sends,
                    kind.receives,
                    f"[{kind.answer.upper()}]({kind.standard}-{kind.release}/{kind.answer}.md)" if kind.answer else "",
                    f"{kind.term_days} werkdagen" if kind.term_days else "",
                )
                for kind in kinds
            ),
        )


def _message(kind: MessageType, catalog: Catalog) -> Lines:
    about = _about(kind)
    yield from (f"# {_title(kind)}", "", about["doel"], "")
    yield from (f"- {each}" for each in about.get("let_op", ()))
    if about.get("let_op"):
        yield ""
    yield from _card(kind)
    yield from ("", "## Hoe het loopt", "", *_flow(kind))
    yield from ("", "## Velden", "")
    yield "In het bericht staat de kop (`Header`) vooraan; op deze pagina staat hij achteraan."
    yield "De volgorde van de velden in een tabel is ook hun volgorde in het bericht."
    yield "Een veld met `b:` staat in de namespace van gedeelde velden. In JSON valt `b:` weg."
    yield "*Verplicht* geldt binnen het deel waar het veld in staat. Ook bij *nee* kan een regel het veld vragen."
    shape = catalog.definition(kind).shape
    header, *parts = [place for place in shape.fields.values() if isinstance(place.form, Shape)]
    for part in (*parts, header):
        yield from _class(part.name, part.form, kind)
        if not part.required:
            yield from ("", f"`{part.name}` mag ontbreken. Onder [Antwoord](#antwoord) staat wanneer.")
    yield from _held(kind, frozenset(_classes(shape)))
    yield from _samples(kind, catalog)
    yield from _answer(kind, catalog)


def _card(kind: MessageType) -> Lines:
    space = kind.root[1 : -len("}Bericht")]
    yield from _table(
        ("Kenmerk", "Waarde"),
        (
            ("Van", kind.sends),
            ("Naar", kind.receives),
            ("Standaard", f"{STANDARDS[kind.standard]} {kind.release}"),
            ("Namespace van het bericht", f"`{space}`"),
            ("Namespace van gedeelde velden", f"`{space.replace(kind.name, 'basisschema')}`"),
            ("BerichtCode", f"`{kind.code}`"),
            ("BasisschemaXsdVersie", f"`{kind.versions[0]}`"),
            ("BerichtXsdVersie", _versions(*kind.compatible)),
            (
                "Schema",
                f"[{kind.name.upper()}.xsd](../../../schemas/{kind.standard}/{kind.release}/{kind.name.upper()}.xsd)",
            ),
        ),
    )


def _versions(low: str, high: str) -> str:
    return f"`{low}`" if low == high else f"`{low}` tot en met `{high}`"


def _flow(kind: MessageType) -> Lines:
    """The message, its answer and what may follow, as a picture."""
    asked, answer = (kind.name, kind.answer) if kind.answer else (kind.answers or kind.name, kind.name)
    asks, answers = (kind.sends, kind.receives) if kind.answer else (kind.receives, kind.sends)
    yield "```mermaid"
    yield "sequenceDiagram"
    yield f"    participant A as {asks}"
    yield "    participant K as Ketenpoort"
    yield f"    participant B as {answers}"
    yield f"    A->>K: {asked.upper()}"
    yield "    K-->>A: ontvangstbewijs, of alle fouten"
    yield f"    K->>B: {asked.upper()}"
    if answer:
        yield f"    B->>K: {answer.upper()}"
        yield f"    K->>A: {answer.upper()}"
    if later := " of ".join(kind.name[:-3].upper() + number for number in _about(kind).get("daarna", ())):
        yield f"    B->>K: {later}"
        yield f"    K->>A: {later}"
    yield "```"


def _class(name: str, shape: Shape, kind: MessageType, told: set[int] | None = None) -> Lines:
    """One class with its single fields and small parts; what is repeated gets a table of its own, below it, once."""
    told = set() if told is None else told
    told.add(id(shape))
    repeated = [(item, inner) for item, inner in _repeated(shape) if id(inner) not in told]
    told.update(id(inner) for _, inner in repeated)
    yield from ("", f"### {name}", "", _meaning(name, "", kind), "")
    yield from _table(("Veld", "Verplicht", "Wat erin staat", "Vorm"), _fields(shape, kind, name, "", told))
    if shape.one_of:
        yield from ("", f"Van {_and(shape.one_of)} staat er ten minste één.")
    for item, inner in repeated:
        yield from _class(item, inner, kind, told)


def _repeated(shape: Shape) -> Iterator[tuple[str, Shape]]:
    """Name and form of each class that may stand in this one more than once."""
    for place in shape.fields.values():
        item, inner = _item(place.form)
        if isinstance(inner, Shape):
            yield item, inner
        elif isinstance(place.form, Shape) and inner is None:
            yield from _repeated(place.form)


def _item(held: Leaf | Shape) -> tuple[str, Leaf | Shape | None]:
    """Name and form of what a container holds; None of anything else."""
    if isinstance(held, Leaf) or not held.container:
        return "", None
    ((item, inner, *_),) = held.fields.values()
    return item, inner


def _classes(shape: Shape) -> Iterator[str]:
    """The names of all classes of a message."""
    for place in shape.fields.values():
        if isinstance(place.form, Shape):
            yield place.name
            yield from _classes(place.form)


def _fields(shape: Shape, kind: MessageType, owner: str, stem: str, told: set[int]) -> Iterator[Sequence[str]]:
    own = kind.root[: -len("Bericht")]
    for tag, place in shape.fields.items():
        path = f"{stem}{'' if tag.startswith(own) else 'b:'}{place.name}"
        item, inner = _item(place.form)
        if isinstance(inner, Leaf):
            path, meaning = f"{path}/{item}", _meaning(item, place.name, kind)
            held = f"1 of meer keer: {_form(inner, kind)}"
        else:
            meaning = _meaning(place.name, owner, kind)
            if isinstance(place.form, Leaf):
                held = _form(place.form, kind)
            elif inner:
                held = f"1 of meer keer [`{item}`](#{item.lower()})"
            elif id(place.form) in told:
                held = f"de velden van [`{place.name}`](#{place.name.lower()})"
            else:
                held = "bestaat uit:"
        yield f"`{path}`", "ja" if place.required else "nee", meaning, held
        if isinstance(place.form, Shape) and inner is None and id(place.form) not in told:
            yield from _fields(place.form, kind, place.name, f"{path}/", told)


def _meaning(name: str, owner: str, kind: MessageType) -> str:
    """What stands in a field: said for this shape of message, or for its class, or for the name."""
    told = _told("velden")
    keys = (f"{kind.shape}:{owner}/{name}", f"{kind.shape}:{name}", f"{owner}/{name}", name)
    return str(next(told[key] for key in keys if key in told))


def _form(leaf: Leaf, kind: MessageType) -> str:
    lists = [code_list(name) for name in lists_of(f"{kind.standard}/{kind.release}:{leaf.name}")]
    if not lists:
        return form(leaf.builtin, leaf.patterns, leaf.codes, leaf.limits).nl
    links = " of ".join(f"[{listed.name}](../codelijsten.md#{listed.name.lower()})" for listed in lists)
    law = ", naar de wet in de kop" if len(lists) > 1 else ""
    return f"codelijst {links}{law}{_few(leaf.codes, lists)}"


def _few(codes: Sequence[str], lists: Sequence[CodeList]) -> str:
    """The codes of a field, if they are few; with what they mean, if that takes few words."""
    if not 0 < len(codes) <= MOST_CODES:
        return ""
    named = ", ".join(f"`{code}`" for code in codes)
    meant = "; ".join(f"`{code}` {lists[0].meanings[code]}" for code in codes)
    return f": {meant if len(lists) == 1 and len(meant) <= MOST_WORDS else named}"


@cache
def _forms() -> forms.Forms:
    return forms.read()


def _held(kind: MessageType, classes: frozenset[str]) -> Lines:
    yield from ("", "## Regels", "")
    yield "Het schema is niveau 1 en gaat voor. Daarna gelden deze regels."
    yield f"Niveau 2 geldt {LEVELS[2]}, niveau 3 {LEVELS[3]}, niveau 4 {LEVELS[4]}."
    rows = []
    for level, name, code in _bound(kind):
        if name not in classes | {"Bericht"}:  # as a Termijn is not, in a national declaration
            continue
        known = explain(code)
        assert known is not None, code
        rows.append((str(level), f"`{name}`", f"[{code}](../regels.md#{code.lower()})", known.title))
    yield from ("", *_table(("Niveau", "Deel", "Regel", "Wat er mis kan zijn"), rows))


def _samples(kind: MessageType, catalog: Catalog) -> Lines:
    folder = catalog.release(kind).folder / "samples" / "valid"
    found = sorted(folder.glob(f"{kind.name}-*.xml"), key=lambda path: (path.stat().st_size, path.name))
    shown = next((path for path in found if path.stem == f"{kind.name}-{_about(kind).get('voorbeeld')}"), found[0])
    yield from ("", "## Voorbeeld", "")
    yield "De personen zijn verzonnen; hun BSN's komen uit de testreeks. Alle voorbeelden, van kort naar lang:"
    yield ", ".join(f"[{path.stem}](../../../{path.relative_to(ROOT)})" for path in found) + "."
    raw = shown.read_text("utf-8")
    yield from ("", f"Dit is {shown.stem}:", "")
    yield from ("```xml", re.sub(r"<!--.*?-->\s*", "", raw, flags=re.DOTALL).strip(), "```")
    told = json.dumps(json.loads(json_of(shown.read_bytes(), _forms())), ensure_ascii=False, indent=2)
    yield from ("", "<details>", "<summary>Hetzelfde bericht als JSON</summary>", "")
    yield from ("```json", told, "```", "", "</details>")


def _answer(kind: MessageType, catalog: Catalog) -> Lines:
    yield from ("", "## Antwoord", "")
    if kind.answer is None:
        asked = kind.answers or ""
        yield f"Dit bericht is zelf het antwoord op [{asked.upper()}]({asked}.md). Er volgt geen antwoord meer op."
        yield "Wat er in welk geval in staat, leest u in [Wat een antwoord zegt](../README.md#wat-een-antwoord-zegt)."
        return
    answer = catalog.beside(kind, kind.answer)
    yield f"Op dit bericht hoort binnen {kind.term_days} werkdagen een [{_title(answer)}]({answer.name}.md)."
    yield {
        "retour": "Is alles goed, dan bestaat de retour uit de kop zonder retourcodes. Is er iets mis met de kop, dan"
        " draagt de kop de code. Is er iets mis met een deel, dan komen alle delen van die cliënt terug, elk met"
        " `0200` (geen opmerking), `0233` (niet beoordeeld) of een foutcode.",
        "declaratieantwoord": "Is alles goed, dan draagt `DeclaratieAntwoord` code `8001` en zijn de totalen gelijk."
        " Anders staan alleen de afgewezen regels erin, elk met een foutcode.",
        "besluit": "Het besluit staat in `Besluit`. Is er iets mis met het bericht zelf, dan bestaat het antwoord uit"
        " de kop met een retourcode.",
    }[answer.shape]
    yield "Een bericht dat niet aan het schema voldoet, krijgt geen antwoord: de poort weigert het met alle fouten."
    yield "Breekt het een regel binnen het bericht, dan bestaat het antwoord uit de kop met `0001`."


def _code_lists() -> Lines:
    yield from (
        "# Codelijsten",
        "",
        "Een code geldt in de genoemde domeinen. Leeg bij *vanaf* en *tot en met*: altijd.",
        "",
        *_table(
            ("Lijst", "Waarover", "Domein"),
            (
                (f"[{name}](#{name.lower()})", code_list(name).title["nl"], ", ".join(code_list(name).domains))
                for name in names()
            ),
        ),
    )
    for name in names():
        listed = code_list(name)
        yield from ("", f'<a id="{name.lower()}"></a>', "", f"## {name} {listed.title['nl']}", "")
        yield from (f"Domein: {', '.join(listed.domains)}. Bron: {listed.source}.", "")
        dated = bool(listed.begins or listed.ends)
        yield from _table(
            ("Code", "Betekenis", *(("Vanaf", "Tot en met") if dated else ())),
            (
                (
                    f"`{code}`",
                    meaning,
                    *((listed.begins.get(code, ""), listed.ends.get(code, "")) if dated else ()),
                )
                for code, meaning in listed.meanings.items()
            ),
        )


def _rules(catalog: Catalog) -> Lines:
    yield from ("# Regels", "", "Wat elke regel vraagt, en wat u doet als een bericht hem breekt.", "")
    where: dict[str, list[str]] = {}
    for kind in catalog.every():
        for code in dict.fromkeys(code for _, _, code in _bound(kind)):
            where.setdefault(code, []).append(f"[{kind.name.upper()}]({_page(kind)})")
    every = len(list(catalog.every()))
    where = {code: pages if len(pages) < every else ["alle berichten"] for code, pages in where.items()}
    files = sorted((FOLDER / "regels").glob("*.toml"))
    yield from (f"- [{_heading(path.stem)}](#{path.stem})" for path in files)
    for path in files:
        yield from ("", f'<a id="{path.stem}"></a>', "", f"## {_heading(path.stem)}")
        for code in tomllib.loads(path.read_text("utf-8")):
            yield from _rule(code, where.get(code, ()))


def _heading(name: str) -> str:
    """Of the rules in the file with this name: those of one level, or the return codes."""
    kind, _, of = name.partition("-")
    if of.isdigit():
        return f"Niveau {of}: {LEVELS[int(of)]}"
    return f"{kind.capitalize()} van {of.upper()}" if of else kind.capitalize()


def _rule(code: str, where: Sequence[str]) -> Lines:
    known = explain(code)
    assert known is not None, code
    yield from ("", f'<a id="{code.lower()}"></a>', "", f"### {code} {known.title}", "")
    yield from (_plain(known.rule), "", f"**Wat u doet.** {_plain(known.remedy)}", "")
    told = [f"Niveau {known.level}."]
    if known.return_code and known.return_code != code:
        told.append(f"Retourcode [{known.return_code}](#{known.return_code.lower()}).")
    told += [f"Bron: {known.source}."] + ([f"Geldt voor {', '.join(where)}."] if where else [])
    yield " ".join(told)


@cache
def _bound(kind: MessageType) -> tuple[tuple[int, str, str], ...]:
    """Level, class and code of every rule that this message is held against, beyond its schema."""
    classes = [
        (level, name, code)
        for level, table in ((2, RULES), (4, EXTERN))
        for name, rules in table.get(kind.name, {}).items()
        for code, _ in rules
        if code != NOTE
    ]
    number = kind.name[-3:]
    before = [
        (level, name, code)
        for level in (3, 4)
        for code, _ in ledger.rules_of(kind.name, (level,))
        for name in ELSEWHERE.get(code, UNITS[number])
    ]
    every = [(3, "Header", "TR056"), (4, "Header", "TR135"), *classes, *before]
    return tuple(dict.fromkeys(sorted(every, key=lambda bound: bound[0])))


def _plain(text: str) -> str:
    """A text as it is, in Markdown: ``<`` would begin something hidden."""
    return text.replace("<", "\\<")


def _and(words: Sequence[str]) -> str:
    return " en ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Lines:
    for line in (heads, ["---"] * len(heads), *rows):
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |"


if __name__ == "__main__":
    for folder in BOOK.glob("*-*"):
        shutil.rmtree(folder)
    for name, text in book(Catalog.load()).items():
        page = BOOK / name
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(text, "utf-8")
