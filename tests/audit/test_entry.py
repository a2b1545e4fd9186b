"""An entry tells what happened to anyone, and who and about whom only to who holds the key."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit import entry
from audit.catalogue import fields, kinds, mandatory, missing
from audit.entry import Entry, Event, make, open_payload
from audit.seal import SealError, new_key
from tests.audit.happened import happened

KEY, ORIGIN = new_key(), "voorbeeld.nl/logboek"
AT = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)
EVENT = happened(
    message="m1",
    subject="999900006",
    parties=("90000001", "90000002"),
    payload={"actor": "90000001", "reason": "Jantje Voorbeeld, één"},
)
TOLD = {**EVENT.payload, "object": "999900006", "parties": ["90000001", "90000002"]}


def made(event: Event = EVENT, at: datetime = AT) -> Entry:
    return make(event, key=KEY, origin=ORIGIN, at=at)


def test_the_header_tells_what_happened_and_the_payload_who_and_about_whom():
    one = made()
    header = json.loads(one.header)
    assert header["event"] == "bericht.ontvangen"
    assert header["at"] == "2026-11-21T12:00:00.123Z"
    assert header["key"] == KEY.id.hex()
    assert open_payload(one.header, one.sealed, KEY) == TOLD


def test_nothing_personal_stands_in_the_open():
    one = made()
    for value in (*EVENT.payload.values(), EVENT.subject, *EVENT.parties):
        assert value.encode() not in one.header
        assert value.encode() not in one.sealed
        assert value not in repr(EVENT)
        assert value not in repr(one)


def test_the_header_is_canonical_ascii_and_the_leaf_is_over_its_bytes():
    one = made()
    again = json.dumps(json.loads(one.header), sort_keys=True, separators=(",", ":")).encode("ascii")
    assert again == one.header
    assert one.leaf == sha256(b"\x00" + one.header).digest()
    assert one.event.message == "m1"


def test_the_same_event_twice_is_two_entries_that_nobody_can_tell_to_be_the_same():
    first, second = made(), made()
    assert first.leaf != second.leaf
    assert json.loads(first.header)["commit"] != json.loads(second.header)["commit"]


@given(st.dictionaries(st.text(min_size=1, max_size=10), st.text(max_size=200), max_size=5))
def test_any_payload_comes_back_and_its_length_tells_little(payload):
    event = replace(EVENT, payload={**payload, "actor": "a"})
    one = made(event)
    told = {name: value for name, value in TOLD.items() if name not in EVENT.payload}
    assert open_payload(one.header, one.sealed, KEY) == {**event.payload, **told}
    assert (len(one.sealed) - 52) % 64 == 0


def test_a_payload_does_not_fit_another_header():
    one, other = made(), made()
    with pytest.raises(SealError):
        open_payload(other.header, one.sealed, KEY)


def test_a_payload_that_the_header_did_not_commit_to_is_refused():
    """Who holds the log key can seal another text under the same header, but not with the same commitment."""
    one = made()
    forged = entry.seal(KEY, bytes(32) + b'{"actor":"een ander"}', one.header)
    with pytest.raises(SealError):
        open_payload(one.header, forged, KEY)


def test_time_is_told_in_utc_and_a_time_without_zone_is_refused():
    summer = datetime(2026, 7, 1, 14, 30, tzinfo=timezone(timedelta(hours=2)))
    assert json.loads(made(at=summer).header)["at"] == "2026-07-01T12:30:00.000Z"
    with pytest.raises(ValueError, match="time zone"):
        made(at=datetime(2026, 7, 1))  # noqa: DTZ001


def test_an_entry_without_actor_or_of_an_unknown_kind_cannot_be_made():
    with pytest.raises(ValueError, match="actor"):
        replace(EVENT, payload={"reason": "zomaar"})
    with pytest.raises(ValueError, match="catalogue"):
        replace(EVENT, event="bericht.verzonnen")


def test_the_open_header_takes_no_member_that_the_catalogue_does_not_name():
    with pytest.raises(ValueError, match="catalogue"):
        replace(EVENT, clear={"naam": "Jantje"})
    turned = replace(EVENT, event="sleutel.vernieuwd", clear={"key_kind": "kek", "key_new": "01"})
    assert json.loads(made(turned).header)["key_kind"] == "kek"


def test_an_erasure_names_the_entries_that_it_empties():
    one = made(replace(EVENT, event="vernietiging.uitgevoerd", erases=((3, 7), (9, 9))))
    assert json.loads(one.header)["action"] == "D"
    assert json.loads(one.header)["erases"] == [[3, 7], [9, 9]]


def test_a_header_too_long_for_the_export_is_refused():
    with pytest.raises(ValueError, match="too long"):
        made(replace(EVENT, trace="x" * 70_000))


def test_every_mandatory_field_of_nen_7513_has_a_place():
    """The nine fields that the norm always demands (chapter 7), and the six of BIO2 8.15.01."""
    known = {field.number: field for field in fields()}
    always = {"7.2.1", "7.2.2", "7.2.3", "7.3.1", "7.3.4", "7.4.1", "7.4.3", "7.4.6", "7.5.2"}
    assert {number for number, field in known.items() if field.duty == "M" and number[0] == "7"} == always
    bio2 = {field.elsewhere.get("bio2") for field in known.values() if field.ours}
    assert {"actor", "actie", "object", "tijdstempel", "oorsprong", "resultaat"} <= bio2


def test_a_line_has_every_mandatory_field_where_the_field_set_says():
    one = made()
    header, payload = json.loads(one.header), open_payload(one.header, one.sealed, KEY)
    assert mandatory("header") <= header.keys()
    assert mandatory("payload") <= payload.keys()
    assert list(missing(header, payload)) == []


@pytest.mark.parametrize("code", kinds())
def test_what_an_event_needs_is_missed_when_it_is_not_there(code):
    one = made(replace(EVENT, event=code, message=None, payload={"actor": "a"}))
    header, payload = json.loads(one.header), open_payload(one.header, one.sealed, KEY)
    assert set(missing(header, payload)) == set(kinds()[code].needs)
    del header["role"]
    assert "role" in missing(header)


def test_every_kind_of_event_can_be_read_by_an_officer():
    for kind in kinds().values():
        assert kind.action in {"C", "R", "U", "D", "E"}
        assert kind.title
        assert kind.group
        assert kind.activity in {"uitwisseling", "toezicht", "beheer", "bewaring"}
        assert set(kind.open) <= {"lines", "lost_size", "lost_root", "key_kind", "key_old", "key_new"}
