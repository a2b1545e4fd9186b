"""The console under attack: by officers who type what no form of ours sends, and by strangers at its door."""

import hashlib

import pytest
from console import COOKIE, console
from running import HOOFD
from supervised import told

from gateway.oversight.rights import Role


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    with console(tmp_path_factory.mktemp("toezicht") / "poort") as desk:
        yield desk


@pytest.fixture(scope="module")
def fg(desk):
    return desk.logged_in(Role.FG)


def sent(visitor, path, fields):
    """What the gateway answers to a form that no page of ours made; its proof is that of the session."""
    proof = hashlib.sha256(b"ketenpoort|bewijs|" + visitor.cookies[COOKIE].encode()).hexdigest()
    return visitor.post(path, {"bewijs": proof, **fields})


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/bewaren/plicht", {"soort": "periode", "van": "0001-01-01", "tot": "2020-01-01", "reden": "x"}),
        ("/bewaren/plicht", {"soort": "periode", "van": "2020-01-01", "tot": "9999-12-31", "reden": "x"}),
        ("/handelingen", {"wie": f"fg.{HOOFD}", "van": "9999-12-30", "tot": "9999-12-31", "reden": "x"}),
        ("/incidenten/nieuw", told(begin="0001-01-01T00:00")),
        ("/incidenten/nieuw", told(ontdekt="0001-01-01T00:00")),
    ],
)
def test_a_year_that_no_clock_shows_is_no_day_and_breaks_no_page(desk, fg, path, fields):
    assert sent(fg, path, fields).status == 422
    for page in ("/", "/bewaren", "/incidenten"):
        assert fg.get(page).status == 200
