"""The generated pages say what their sources say, and lead nowhere that does not exist."""

import importlib.util
import re
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from lxml import etree

from gateway.catalog import Catalog
from gateway.chain import Chain
from gateway.ledger import book as ledger
from gateway.ledger.values import Order
from gateway.ledger.volume import in_period, in_total
from gateway.rules import NOTE, RULES
from gateway.rules.extern import EXTERN

ROOT = Path(__file__).parent.parent
BOOK = ROOT / "docs/berichtenboek"


def tool(name: str) -> ModuleType:
    spec: Any = importlib.util.spec_from_file_location(name, ROOT / f"tools/{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reference_page_is_fresh():
    generator = tool("reference")
    page = generator.PAGE.read_text(encoding="utf-8")
    assert page == generator.reference() + "\n", "run: make docs"


def test_the_berichtenboek_is_fresh_and_has_no_pages_of_messages_that_are_gone():
    made = tool("berichtenboek").book(Catalog.load())
    kept = {str(path.relative_to(BOOK)): path.read_text("utf-8") for path in BOOK.rglob("*.md")}
    assert kept.keys() - made.keys() == {"README.md", "README.en.md", "rekenen.md"}, "run: make docs"
    assert made.keys() <= kept.keys(), "run: make docs"
    stale = [name for name, text in made.items() if kept[name] != text]
    assert not stale, "run: make docs"


@pytest.mark.parametrize("page", sorted(BOOK.rglob("*.md")), ids=lambda path: str(path.relative_to(BOOK)))
def test_every_link_in_the_berichtenboek_leads_somewhere(page):
    text = page.read_text("utf-8")
    for target in set(re.findall(r"\]\(([^)]+)\)", text)):
        path, _, place = target.partition("#")
        aim = (page.parent / path).resolve() if path else page
        assert aim.is_file(), target
        if place:
            anchors = re.findall(r'<a id="([^"]+)">', aim.read_text("utf-8"))
            heads = re.findall(r"^#+ (.*)$", aim.read_text("utf-8"), flags=re.MULTILINE)
            assert place in anchors or place in {head.lower().replace(" ", "-") for head in heads}, target


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "docs/adr").glob("*.md"))],
    ids=lambda path: path.name,
)  # fmt: skip
def test_every_link_and_picture_in_the_other_pages_is_there(page):
    targets = re.findall(r"\]\(([^)#]+)", page.read_text("utf-8"))
    assert [each for each in targets if "://" not in each and not (page.parent / each).exists()] == []


def test_every_picture_of_the_console_is_shown_once():
    shown = re.findall(r"\(beelden/([^)]+)\)", (ROOT / "docs/console.md").read_text("utf-8"))
    assert sorted(shown) == sorted(each.name for each in (ROOT / "docs/beelden").iterdir())


def test_every_field_of_the_samples_stands_in_the_tables_of_its_page_with_its_namespace():
    for page in sorted(BOOK.glob("*-*/*.md")):
        text = page.read_text("utf-8")
        sample = re.search(r"```xml\n(.*?)```", text, flags=re.DOTALL)
        assert sample, page.name
        told = {step for path in re.findall(r"`([\w:/]+)`", text) for step in path.split("/")}
        told |= set(re.findall(r"^### (\w+)$", text, flags=re.MULTILINE))
        used = [f"b:{name}" if space.endswith("basisschema:schema") else name for space, name in _tags(sample[1])]
        assert not set(used) - told - {"Bericht"}, page.name


def _tags(xml: str) -> list[tuple[str, str]]:
    tags = [str(element.tag) for element in etree.fromstring(xml.encode()).iter()]
    return [(space.replace("/", ":"), name) for space, _, name in (tag[1:].partition("}") for tag in tags)]


def test_every_meaning_of_a_field_stands_on_some_page():
    pages = "\n".join(tool("berichtenboek").book(Catalog.load()).values())
    told = tomllib.loads((ROOT / "schemas/velden.toml").read_text("utf-8"))
    assert [
        name for name, meaning in told.items() if f"| {meaning} |" not in pages and f"\n{meaning}\n" not in pages
    ] == []


def test_every_rule_that_a_message_is_held_against_stands_on_its_page():
    for kind in Catalog.load().every():
        page = (BOOK / f"{kind.standard}-{kind.release}/{kind.name}.md").read_text("utf-8")
        told = set(re.findall(r"^\| \d \| .*regels\.md#(\w+)", page, flags=re.MULTILINE))
        here = {code for table in (RULES, EXTERN) for rules in table.get(kind.name, {}).values() for code, _ in rules}
        before = {code for code, _ in ledger.rules_of(kind.name)}
        assert {code.upper() for code in told} == (here | before | {"TR056", "TR135"}) - {NOTE}, kind.name


@pytest.mark.parametrize(
    ("told", "unit", "frequency"),
    [("3 uur per week", "04", "2"), ("1 stuk per week", "82", "2"), ("3 uur per maand", "04", "4")],
)
def test_the_sums_of_the_berichtenboek_are_those_of_the_gateway(told, unit, frequency):
    volume = int(told[0])
    order = Order(
        number=1,
        date="2026-03-02",
        time="10:00:00",
        begin="2026-03-09",
        end="2026-06-30",
        volume=volume,
        unit=unit,
        frequency=frequency,
    )
    months = [
        ("2026-03-09", "2026-03-31"),
        ("2026-04-01", "2026-04-30"),
        ("2026-05-01", "2026-05-31"),
        ("2026-06-01", "2026-06-30"),
    ]
    sums = [*(in_period(order, "JW", *month) for month in months), in_total(order)]
    row = f"| {told} (`{unit}`, `{frequency}`) | {' | '.join(map(str, sums))} |"
    assert row in (BOOK / "rekenen.md").read_text("utf-8")


@pytest.mark.parametrize("page", sorted(BOOK.rglob("*.md")), ids=lambda path: str(path.relative_to(BOOK)))
def test_nothing_in_the_berichtenboek_is_hidden_as_markup(page):
    text = re.sub(r"```.*?```|`[^`]*`", "", page.read_text("utf-8"), flags=re.DOTALL)
    assert re.findall(r"(?<!\\)<(?!a id=\"|/a>|!-- Gemaakt|/?details>|/?summary>)", text) == []


@pytest.mark.parametrize("page", sorted(BOOK.rglob("*.md")), ids=lambda path: str(path.relative_to(BOOK)))
def test_every_row_of_a_table_has_the_cells_of_its_head(page):
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    for table in re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}) == 1, table[:200]


def test_the_book_tells_in_which_class_a_rule_of_level_3_finds_its_fault():
    """As the conversations show it: the class of each finding, or one around it, is told on the page of its message."""
    bound, catalog = tool("berichtenboek")._bound, Catalog.load()
    for folder in sorted((ROOT / "schemas").glob("*/*/ketens/*")):
        chain = Chain(catalog)
        for path in sorted(folder.glob("*.xml")):
            checked = chain.check(path.read_bytes())
        told = {(code, name) for _, name, code in bound(catalog.types[checked.type])}
        for finding in checked.findings:
            around = {step.partition("[")[0] for step in finding.path.split("/")}
            assert any((finding.code, name) in told for name in around), (folder.name, finding.code, finding.path)
