"""Over the wire: what contradicts earlier messages is refused, and its retour says which class is wrong."""

from pathlib import Path

import pytest

from gateway.catalog import Catalog
from gateway.check import check
from gateway.invented import message
from tests.running import HOOFD, ONDER, Running, running


@pytest.fixture
def gateway(tmp_path: Path):
    with running(tmp_path / "poort", past="weiger") as gateway:
        yield gateway


def test_a_start_without_an_order_comes_back_with_the_place_and_the_code(gateway: Running):
    start = message("ho305-rijk", "S1", sender=ONDER, receiver=HOOFD)
    refused = gateway.send(start, party=ONDER)
    assert refused.status == 400
    places = [(each["code"], each["pad"], each["regel"] > 0) for each in refused.json["bevindingen"]]
    assert places == [
        ("TR019", f"Bericht/Client/StartProducten/StartProduct[{number}]/OpdrachtNummer", True) for number in (1, 2)
    ]
    retour = gateway.ask("GET", refused.json["antwoordbericht"], party=ONDER).body
    assert check(retour, Catalog.load()).findings == ()
    assert (retour.count(b">9019<"), retour.count(b">0200<")) == (2, 1)

    assert gateway.send(message("ho301-minimaal", "O1"), party=HOOFD).status == 201
    again = gateway.send(message("ho305-rijk", "S2", sender=ONDER, receiver=HOOFD), party=ONDER)
    assert [each["pad"].split("/")[3] for each in again.json["bevindingen"]] == ["StartProduct[2]"]  # 1001 is known now
