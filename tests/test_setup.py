"""What a gateway is set up with is checked whole, before anything happens, and told in Dutch."""

from pathlib import Path

import pytest

from gateway import settings, setup
from gateway.parties import Parties, PartiesError
from gateway.settings import SettingsError

PRINT = "sha256:" + "0" * 64
KEY = f"ketenpoort-openbaar-{'A' * 1622}"


def parties(tmp_path: Path, text: str) -> Parties:
    path = tmp_path / "partijen.toml"
    path.write_text(text)
    return Parties.load(path)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("partij = 5", "dubbele haken"),
        ("[partij]\ncode = '98000001'", "dubbele haken"),
        ("[[partijen]]\ncode = '98000001'", "partijen"),
        ("[[partij]]\ncode = 98000001", "aanhalingstekens"),
        ("[[partij]]\ncode = '9800'\nnaam = 5", "naam"),
        ("[[partij]]\ncode = '98000001'\ncertificaten = 5", "certificaten"),
        ("[[partij]]\ncode = '98000001'\ncertificaten = [5]", "certificaten"),
        ("[[partij]]\ncode = '98000001'\ngemachtigd_door = 5", "gemachtigd_door"),
        ("[[partij]]\ncode = '98000001'\ngemachtigd_door = ['98000007']", "98000007"),
        ("[[partij]]\ncode = '98000001'\npush = 'http://x'", "https"),
        ("[[partij]]\ncode = '98000001'\npush_intern = 'nee'", "push_intern"),
        ("[[partij]]\ncode = '98000001'\narchief = 'ja'", "archief"),
        (f"[[partij]]\ncode = '98000001'\nopenbare_sleutel = '{KEY}'", "openbare_sleutel"),
        (f"[[partij]]\ncode = '9901'\nopenbare_sleutel = '{KEY[:-1]}'", "openbare_sleutel"),
        ("[[partij]]\ncode = '9901'\nopenbare_sleutel = true", "openbare_sleutel"),
        ("[[partij]]\ncode = '98000001'\nsleutel = 1", "sleutel"),
        ("[[partij]]\ncode = '98000001'\n[[partij]]\ncode = '98000001'", "twee keer"),
        ("[[partij", "niet te lezen"),
    ],
)
def test_a_slip_in_the_file_with_parties_is_named(tmp_path: Path, text: str, named: str):
    with pytest.raises(PartiesError, match=named):
        parties(tmp_path, text)


def test_all_slips_are_named_at_once(tmp_path: Path):
    with pytest.raises(PartiesError) as told:
        parties(tmp_path, "[[partij]]\ncode = 'x'\npush = 'http://x'\ncertificaten = ['y']")

    assert len(str(told.value).splitlines()) == 3


def test_a_party_has_two_certificates_at_most(tmp_path: Path):
    three = [PRINT[:-1] + digit for digit in "123"]
    with pytest.raises(PartiesError, match="ten hoogste 2"):
        parties(tmp_path, f"[[partij]]\ncode = '98000001'\ncertificaten = {three}")


def made(tmp_path: Path) -> Path:
    return setup.new_gateway(
        tmp_path / "poort", origin="test.voorbeeld", host="127.0.0.1", port=0, database="sqlite+aiosqlite:///x.sqlite"
    )


def test_a_new_gateway_is_for_its_owner_alone_and_its_settings_load(tmp_path: Path):
    path = made(tmp_path)

    assert path.parent.stat().st_mode & 0o077 == 0
    assert settings.load(path).database.endswith("/poort/x.sqlite")


def test_a_gateway_is_never_made_over_another(tmp_path: Path):
    path = made(tmp_path)
    before = {each: each.read_bytes() for each in path.parent.rglob("*") if each.is_file()}
    path.unlink()
    with pytest.raises(FileExistsError):
        made(tmp_path)

    assert {each: each.read_bytes() for each in before if each != path} == {
        each: content for each, content in before.items() if each != path
    }


def test_a_gateway_with_a_wrong_name_is_not_half_made(tmp_path: Path):
    with pytest.raises(SettingsError, match="naam"):
        setup.new_gateway(tmp_path / "poort", origin="Mijn poort", host="127.0.0.1", port=0, database="sqlite:///x")

    assert not (tmp_path / "poort").exists()


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("poort = 70000", "poort"),
        ("controleurs = 0", "controleurs"),
        ("controleurs = true", "controleurs"),
        ("pachttijd = 0", "pachttijd"),
        ("wachttijd = -5", "wachttijd"),
        ("adres = 5", "adres"),
        ("iets = 1", "iets"),
    ],
)
def test_a_setting_out_of_range_is_named(tmp_path: Path, line: str, named: str):
    path = made(tmp_path)
    kept = [each for each in path.read_text().splitlines() if not each.startswith(line.split(maxsplit=1)[0] + " ")]
    path.write_text("\n".join([*kept, line]))
    with pytest.raises(SettingsError, match=named):
        settings.load(path)
