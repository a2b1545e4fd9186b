"""A page of the ledger hears messages one after the other, and stops before a record grows without end."""

from dataclasses import replace

from gateway.catalog import Catalog
from gateway.check import check
from gateway.invented import message
from gateway.ledger.keys import dossier
from gateway.ledger.page import MOST_HEARD, Page
from gateway.ledger.read import OBSERVERS


def test_the_same_order_without_end_is_stopped_and_forgotten_no_more_than_it_was():
    checked = check(message("ho301-minimaal", "O1"), Catalog.load(), OBSERVERS)
    page = Page(levels=())
    assert page.hear(checked.facts, checked.said) == ()
    key = dossier(checked.facts, "999900006")
    page.lay({key: page.past[key] * (MOST_HEARD - 1)})
    page.changed.clear()

    assert page.hear(replace(checked.facts, identification="O2"), checked.said) == ()
    full = dict(page.past)
    (refused,) = page.hear(replace(checked.facts, identification="O3"), checked.said)
    assert refused.code == "KP025"
    assert page.past == full
