"""Forms about a secret client: what they take, what they refuse, and who can open them."""

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit import box
from gateway.retention import forms
from gateway.retention.forms import Form, FormError

START = {"melding": "start", "categorie": "45", "begin": "2026-11-01"}
STOP = {**START, "melding": "einde", "einde": "2026-11-20", "reden": "31"}
INVOICE = {
    "factuur": "F-2026-0007", "gedateerd": "2026-11-20", "categorie": "45", "product": "45A01", "begin": "2026-11-01",
    "einde": "2026-11-15", "aantal": "12", "eenheid": "04", "tarief": "72,50",
}  # fmt: skip
BSN = "999900006"


@pytest.mark.parametrize(
    ("form", "typed"), [(Form.REGISTRATION, START), (Form.REGISTRATION, STOP), (Form.INVOICE, INVOICE)]
)
def test_what_a_form_asks_is_enough(form, typed):
    assert forms.faults(form, typed) == {}


def test_the_sum_of_an_invoice_is_reckoned_and_read_back_as_people_write_it():
    told = {"gegevens": forms.read(Form.INVOICE, INVOICE)}
    assert (told["gegevens"]["tarief"], told["gegevens"]["bedrag"]) == (7250, 87000)
    lines = dict(forms.rows(Form.INVOICE, told))
    assert (lines["Aantal"], lines["Tarief per eenheid, in euro"], lines["Bedrag"]) == ("12", "€ 72,50", "€ 870,00")
    assert lines["Eenheid"] == "04 Uur"


def test_nothing_that_tells_who_it_is_is_asked():
    asked = {field.name for form in Form for field in forms.fields(form)}
    assert not asked & {"naam", "bsn", "geboortedatum", "adres", "postcode", "geslacht", "telefoon"}


@pytest.mark.parametrize(
    ("form", "typed", "wrong"),
    [
        (Form.REGISTRATION, {}, {"melding", "categorie", "begin"}),
        (Form.REGISTRATION, {**START, "melding": "anders", "categorie": "99"}, {"melding", "categorie"}),
        (Form.REGISTRATION, {**START, "einde": "2026-11-20", "reden": "31"}, {"einde", "reden"}),
        (Form.REGISTRATION, {**START, "melding": "einde"}, {"einde", "reden"}),
        (Form.REGISTRATION, {**STOP, "einde": "2026-10-31"}, {"einde"}),
        (Form.REGISTRATION, {**START, "begin": "2026-02-30"}, {"begin"}),
        (Form.REGISTRATION, {**START, "toelichting": "x" * 501}, {"toelichting"}),
        (Form.INVOICE, {**INVOICE, "aantal": "0"}, {"aantal"}),
        (Form.INVOICE, {**INVOICE, "aantal": "1,5", "tarief": "7.50"}, {"aantal", "tarief"}),
        (Form.INVOICE, {**INVOICE, "aantal": "999999", "tarief": "999999"}, {"tarief"}),
    ],
)
def test_all_that_is_wrong_is_told_at_once_by_its_field(form, typed, wrong):
    assert forms.faults(form, typed).keys() == wrong


@pytest.mark.parametrize(
    "text",
    [
        BSN, f"BSN {BSN}.", "999 900 006", "9999.00.006", "999-900-006", "9 9 9 9 0 0 0 0 6",
        "\uff19\uff19\uff19\uff19\uff10\uff10\uff10\uff10\uff16",
        "\u0669\u0669\u0669\u0669\u0660\u0660\u0660\u0660\u0666",
        f"1{BSN}2", "999 / 900 / 006", "999_900_006", "nr\n9999\n00006",
    ],
)  # fmt: skip
def test_free_text_with_what_may_be_a_bsn_is_refused_wherever_it_stands(text):
    for name in ("toelichting", "afspraak"):
        assert forms.faults(Form.REGISTRATION, {**START, name: text}) == {name: forms.NO_BSN}
    assert forms.number_fault(text)
    assert BSN not in repr(forms.faults(Form.REGISTRATION, {**START, "toelichting": text}))


@pytest.mark.parametrize("text", ["999900007", "12345678", "van 1 tot 31 december 2026", "groep 4", "F-2026-0007"])
def test_other_numbers_are_taken(text):
    assert not forms.looks_like_bsn(text)
    assert forms.faults(Form.REGISTRATION, {**START, "toelichting": text}) == {}


@given(st.text(alphabet="ab,; ", max_size=8), st.text(alphabet="ab,; ", max_size=8))
def test_words_around_it_hide_no_bsn(before, after):
    assert forms.looks_like_bsn(before + BSN + after)


@pytest.mark.parametrize("number", ["", "Jan de Vries", "x" * 21, BSN, "é"])
def test_a_name_or_bsn_is_no_number_of_a_client(number):
    assert forms.number_fault(number)


@pytest.mark.parametrize("number", ["K-2026.17", "12345", "A/1"])
def test_a_number_of_ones_own_is(number):
    assert not forms.number_fault(number)


def test_a_sealed_form_tells_nothing_not_even_which_it_is():
    private, public = box.new_pair()
    files = [
        forms.sealed({"formulier": form, "clientnummer": "K-2026.17"}, pdf, public)
        for form, pdf in [("registratie", None), ("factuur", b"%PDF" + b"x" * 20_000)]
    ]
    assert len({len(file) for file in files}) == 1
    assert all(b"K-2026.17" not in file and b"PDF" not in file for file in files)
    told, pdf = forms.opened(files[1], private)
    assert (told["formulier"], pdf) == ("factuur", b"%PDF" + b"x" * 20_000)
    assert forms.opened(files[0], private)[1] is None


def test_a_key_that_is_none_a_stranger_and_another_file_are_told_so():
    private, public = box.new_pair()
    file = forms.sealed({}, None, public)
    for content, key, says in [
        (file, box.new_pair()[0], "niet open"), (file[:-1], private, "niet open"),
        (b"brief", private, "geen verzegeld"),
    ]:  # fmt: skip
        with pytest.raises(FormError, match=says):
            forms.opened(content, key)
    with pytest.raises(FormError, match="openbare sleutel"):
        forms.sealed({}, None, public[:-4])


def test_a_gemeente_opens_a_form_at_the_command_line(tmp_path):
    def ketenpoort(*words: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "gateway.cli", *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert ketenpoort("audit", "sleutels", "paar", tmp_path / "gemeente").returncode == 0
    file = tmp_path / "formulier.verzegeld"
    told = {"formulier": "registratie", "clientnummer": "K-2026.17"}
    file.write_bytes(forms.sealed(told, b"%PDF", (tmp_path / "gemeente.pub").read_text()))
    opening = ("open-formulier", file, "--sleutel", tmp_path / "gemeente", "--naar", tmp_path / "uit")
    done = ketenpoort(*opening)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "uit/formulier.json").read_text()) == told
    assert (tmp_path / "uit/formulier.pdf").read_bytes() == b"%PDF"
    assert "K-2026.17" not in done.stdout
    assert [(tmp_path / "uit" / name).stat().st_mode & 0o77 for name in ("formulier.json", "formulier.pdf")] == [0, 0]
    again = ketenpoort(*opening)
    assert again.returncode == 2, "an opened form is never written over"
    file.write_bytes(b"brief")
    assert "geen verzegeld formulier" in ketenpoort(*opening).stderr
