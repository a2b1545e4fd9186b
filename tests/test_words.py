"""Findings in words: where a thing stands, and what its field asks, in Dutch and English."""

from collections.abc import Iterator
from functools import cache

import pytest

from gateway.catalog import FOLDER, Catalog
from gateway.check import check
from gateway.codes import code_list, lists_of
from gateway.shapes import Leaf, Shape
from gateway.words import MOST_CODES, STEPS, UNNUMBERED, Text, form, place


@cache
def catalog() -> Catalog:
    return Catalog.load()


def leaves(shape: Shape) -> Iterator[Leaf]:
    for _, form_, *_ in shape.fields.values():
        if isinstance(form_, Leaf):
            yield form_
        else:
            yield from leaves(form_)


def repeated(shape: Shape) -> Iterator[str]:
    for name, form_, *_ in shape.fields.values():
        if shape.container:
            yield name
        if isinstance(form_, Shape):
            yield from repeated(form_)


@pytest.mark.parametrize(
    ("path", "nl", "en"),
    [
        ("Bericht", "het hele bericht", "the whole message"),
        ("Bericht/Header", "kop", "header"),
        (
            "Bericht/Header/BerichtIdentificatie/Dagtekening",
            "kop, BerichtIdentificatie, Dagtekening",
            "header, BerichtIdentificatie, Dagtekening",
        ),
        ("Bericht/Header/RetourCodes/RetourCode[2]", "kop, retourcode 2", "header, return code 2"),
        (
            "Bericht/Declaratie/TotaalIngediendBedrag/TotaalBedrag",
            *["Declaratie, TotaalIngediendBedrag, TotaalBedrag"] * 2,
        ),
        (
            "Bericht/Declaratie/Clienten/Client[3]/Prestaties/Prestatie[2]/ProductPeriode",
            "cliënt 3, prestatie 2, ProductPeriode",
            "client 3, declared line 2, ProductPeriode",
        ),
        (
            "Bericht/Client/Opdrachten/Opdracht[1]/Behandelinformatie/Doelen/Doel[12]",
            "opdracht 1, doel 12",
            "order 1, goal 12",
        ),
        ("Bericht/Client/Regel", "Client, Regel", "Client, Regel"),
        ("Bericht/Declaratie/Clienten/Client[1]/onbekend", "cliënt 1, onbekend veld", "client 1, unknown field"),
    ],
)
def test_a_path_is_told_as_people_say_it(path, nl, en):
    assert place(path) == Text(nl, en)


def test_every_element_that_repeats_has_a_word_and_no_word_is_left_over():
    names = {name for kind in catalog().every() for name in repeated(catalog().definition(kind).shape)}
    assert names == STEPS.keys() - set(UNNUMBERED)


def test_a_field_with_codes_says_where_they_are_explained():
    for kind in catalog().every():
        for leaf in leaves(catalog().definition(kind).shape):
            if not leaf.codes:
                continue
            lists = lists_of(f"{leaf.release}:{leaf.name}")
            asked = form(leaf.builtin, leaf.patterns, leaf.codes, leaf.limits, lists)
            assert lists
            for name in lists:
                assert code_list(name).meanings.keys() & set(leaf.codes)
                assert f"ketenpoort leg-uit {name}" in asked.nl
                assert f"ketenpoort leg-uit {name} --taal en" in asked.en


def test_few_codes_are_named_and_many_are_not():
    few, many = ("1", "2", "3"), tuple(map(str, range(MOST_CODES + 1)))
    assert form("string", (), few, (), ("JZ002",)) == (
        "een van de codes 1, 2 of 3 (zie: ketenpoort leg-uit JZ002)",
        "one of the codes 1, 2 or 3 (see: ketenpoort leg-uit JZ002 --taal en)",
    )
    assert form("string", (), many, (), ("JZ588", "WMO588")).nl == (
        "een code uit codelijst JZ588 of WMO588 (zie: ketenpoort leg-uit JZ588 en ketenpoort leg-uit WMO588)"
    )


def test_a_list_that_we_do_not_have_is_not_named():
    assert "codelijst van dit veld" in form("string", (), tuple(map(str, range(MOST_CODES + 1))), ()).nl


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (
            "<Wet>JW</Wet>",
            "<Wet> </Wet>",
            "Wet is leeg. Vul in: een van de codes JW of WMO (zie: ketenpoort leg-uit HOA-WET).",
        ),
        ("<Wet>JW</Wet>", "", "In Header ontbreekt het verplichte veld Wet. Vul het in."),
        (
            "<b:Voorvoegsel>van het<",
            "<b:Voorvoegsel> <",
            "Voorvoegsel is leeg. Vul in: van 1 tot en met 10 tekens, niet alleen spaties. Of laat Voorvoegsel weg.",
        ),
        (
            "</Naam>",
            "</Naam><Contactgegevens/>",
            "In Contactgegevens staat geen Contact. Zet er minstens één in. Of laat Contactgegevens weg.",
        ),
        (
            "</Naam>",
            "</Naam><Communicatie/>",
            "In Communicatie ontbreekt het verplichte veld Vorm. Vul het in. Of laat Communicatie weg.",
        ),
    ],
)
def test_what_is_missing_or_empty_is_told_with_what_to_do(before, after, told):
    raw = (FOLDER / "hoa/1.0/samples/valid/ho301-gewoon.xml").read_text()
    assert raw.count(before) == 1
    assert told in [each.text for each in check(raw.replace(before, after).encode(), catalog()).findings]


def test_a_wrong_code_in_a_message_is_told_with_its_list():
    raw = next((FOLDER / "ijw/3.2/samples/valid").glob("jw307*.xml")).read_bytes()
    at = raw.index(b"<", raw.index(b"RedenBeeindiging>") + 17)
    (found,) = check(raw[: at - 2] + b"99" + raw[at:], catalog()).findings
    assert found.path.endswith("/RedenBeeindiging")
    assert "leg-uit JZ588" in found.text
    assert "leg-uit JZ588 --taal en" in found.english
