"""Each check of the officer's report finds what it is there for, and names it; a sound log is good on all of them."""

import json
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from audit import folder, log, tree
from audit.entry import make
from audit.export import Beside
from audit.note import cosign, cosigner, encode_key, keys_of_log, sign_checkpoint
from audit.policy import read_policy
from audit.report import CHECKS, Verdict
from audit.seal import new_mldsa_signer, new_signer, open_, seal
from audit.stamped import StampsError, stamped_by
from audit.verify import Given
from audit.verify.lines import due
from tests.audit.exports import (
    KEY,
    KEYS,
    NOW,
    ORIGIN,
    PARTIES,
    QUANTUM,
    SIGNER,
    SIGNING,
    Log,
    change,
    checked,
    message,
    objects,
    opener,
    stamped,
    told,
    unknown,
    witnessed,
    wrong,
)  # fmt: skip
from tests.audit.happened import append, happened
from tests.needs import needs

FOLLOWS = {"bericht.ontvangen": ["wachtend"], "bericht.gelezen": ["aangeboden"]}
OPENS = {"bericht.gelezen": ("bericht", 2), "logboek.gelezen": ("logboek", 0)}
DAY = NOW.date().isoformat()
BESIDE = Beside(
    objects=objects((f"{1:032x}", "aangeboden"), (f"{2:032x}", "wachtend")), follows=FOLLOWS, opens=OPENS,
    counts=[(DAY, "bericht", 2)], years=5,
)  # fmt: skip
WITNESSES = {name: new_signer(name) for name in ("een", "twee", "drie")}
POLICY = read_policy(
    "".join(f"witness {name} {encode_key(cosigner(f'{name}.nl', key))}\n" for name, key in WITNESSES.items())
    + "group genoeg 2 een twee drie\nquorum genoeg\n"
)


def rounds() -> list[list[Any]]:
    """Two messages about one person, one of them fetched, and an emergency access that was reviewed."""
    trace = "e" * 32
    urgent = happened(event="noodtoegang.begonnen", emergency=True, trace=trace, payload={"actor": "a", "reason": "x"})
    review = happened(event="noodtoegang.beoordeeld", trace=trace, payload={"actor": "b", "reason": "x"})
    return [[told(1, 1), told(2, 2)], [told(1, 3, event="bericht.gelezen"), urgent], [review]]


def seen_by(*names: str, at: datetime = NOW) -> Callable[[str], list[str]]:
    return lambda text: [cosign(text, f"{name}.nl", WITNESSES[name], int(at.timestamp())) for name in names]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = Log(rounds=rounds(), beside=BESIDE, inside=witnessed(NOW, seen_by("een", "drie")))
    return made.export(tmp_path_factory.mktemp("goed") / "uitvoer")


@pytest.fixture
def copy(sound: Path, tmp_path: Path) -> Path:
    return shutil.copytree(sound, tmp_path / "kopie")


def kept_of(target: Path) -> dict[str, bytes]:
    """What an officer kept: each head of this export."""
    heads = folder.unpack((target / "head" / "000.p" / "4").read_bytes(), 4)
    return {f"stand-{number}": note for number, note in enumerate(heads)}


def receipts_of(target: Path) -> dict[str, bytes]:
    headers = folder.unpack((target / "tile" / "entries" / "000.p" / "5").read_bytes(), 2)
    return {
        f"{at}.json": json.dumps({"logregel": tree.leaf_hash(one).hex()}).encode() for at, one in enumerate(headers)
    }


def everything(target: Path) -> Given:
    return Given(
        keys=KEYS, kept=kept_of(target), policy=POLICY, receipts=receipts_of(target), opener=opener,
        astray=(), counts={(DAY, "bericht"): 2},
    )  # fmt: skip


def test_on_a_sound_log_every_check_that_can_be_done_is_good(sound):
    report = checked(sound, everything(sound))
    assert report.problems == ()
    assert unknown(report) == {"V6"}  # nobody stamped
    assert [each.check for each in report.outcomes] == list(CHECKS)
    assert report.verdict == Verdict.INTACT


def test_who_brings_nothing_hears_what_could_not_be_checked(sound):
    report = checked(sound)
    assert unknown(report) == {"V4", "V5", "V6", "V10", "V11", "V14", "V20"}
    assert report.verdict == Verdict.INTACT


def test_v0_a_file_that_is_not_the_one_on_the_list(copy):
    (copy / "statement").write_bytes((copy / "statement").read_bytes() + b" ")
    assert wrong(checked(copy)) == {"V0"}


def headers_of(target: Path) -> tuple[Path, list[bytes]]:
    path = next(target.glob("tile/entries/000*/*"))
    return path, folder.unpack(path.read_bytes(), 2)


def test_v1_a_line_that_was_changed(copy):
    path, headers = headers_of(copy)
    headers[1] = headers[1].replace(b"geslaagd", b"mislukte")
    path.write_bytes(folder.pack(headers, 2))
    report = checked(copy, listed=False)
    assert {"V1", "V2"} <= wrong(report)
    assert (report.first.check, report.first.index) == ("V1", 1)


def test_v2_a_line_that_was_changed_with_the_tree_above_it(copy):
    path, headers = headers_of(copy)
    headers[1] = headers[1].replace(b"geslaagd", b"mislukte")
    path.write_bytes(folder.pack(headers, 2))
    tile = next(copy.glob("tile/0/000*/*"))
    tile.write_bytes(b"".join(map(tree.leaf_hash, headers)))
    report = checked(copy, listed=False)
    assert wrong(report) == {"V2"}
    assert {each.file.partition("/")[0] for each in report.problems} == {"checkpoint", "head"}


@pytest.mark.parametrize("thief", ["another key", "only the plain key"])
def test_v3_a_head_that_the_log_did_not_sign_with_all_its_keys(copy, thief):
    head = (copy / "checkpoint").read_bytes()
    size, root = int(head.split(b"\n")[1]), checked(copy).root
    signers = [SIGNER] if thief == "only the plain key" else [new_signer("log"), new_mldsa_signer("log-mldsa")]
    (copy / "checkpoint").write_text(sign_checkpoint(ORIGIN, size, root, *signers, at=0).note)
    report = checked(copy, listed=False)
    assert wrong(report) == {"V3"}
    assert report.verdict == Verdict.TAMPERED


NEXT, NEXT_QUANTUM = new_signer("log"), new_mldsa_signer("log-mldsa")
LATER = keys_of_log(ORIGIN, NEXT, NEXT_QUANTUM)
RENEWED = happened(
    event="sleutel.vernieuwd", trace="", thing="sleutel",
    clear={"key_kind": "log", "key_old": encode_key(KEYS[0]), "key_new": encode_key(LATER[0])},
)  # fmt: skip
RENEWED_QUANTUM = replace(
    RENEWED,
    clear={"key_kind": "log-mldsa", "key_old": encode_key(KEYS[2]), "key_new": encode_key(LATER[2])},
)


def renewed(both: bool = True) -> Log:
    """A log whose keys were renewed: first the old ones sign, then both, then the new ones."""
    ways = [
        SIGNING,
        log.Signing(plain=[SIGNER, NEXT], mldsa=[QUANTUM, NEXT_QUANTUM]) if both else SIGNING,
        log.Signing(plain=[NEXT], mldsa=[NEXT_QUANTUM], known=[SIGNER.public]),
        log.Signing(plain=[NEXT], mldsa=[NEXT_QUANTUM], known=[SIGNER.public]),
    ]
    return Log(rounds=[[message(1)], [RENEWED, RENEWED_QUANTUM], [message(2)], []], signing=ways.__getitem__)


def test_v3_a_key_is_followed_to_its_successor(tmp_path):
    target = renewed().export(tmp_path / "uitvoer")
    report = checked(target)
    assert (wrong(report), report.verdict) == (set(), Verdict.INTACT)
    assert wrong(checked(target, keys=LATER)) == set()


def test_v3_a_successor_that_the_old_key_did_not_sign_for_is_none(tmp_path):
    target = renewed(both=False).export(tmp_path / "uitvoer")
    assert checked(target).verdict == Verdict.TAMPERED


def test_v3_a_key_that_has_a_successor_signs_no_more(tmp_path):
    made = Log(rounds=[[message(1)], [RENEWED], [message(2)]])
    report = checked(made.export(tmp_path / "uitvoer"))
    assert wrong(report) == {"V3"}
    assert report.first.index == 1


def test_v4_a_log_that_became_shorter(sound, tmp_path):
    target = Log(rounds=rounds()[:2]).export(tmp_path / "uitvoer")
    report = checked(target, kept=kept_of(sound))
    assert wrong(report) == {"V4"}
    assert report.verdict == Verdict.TAMPERED


def test_v4_a_log_that_was_split(sound, tmp_path):
    target = Log(rounds=[*rounds(), [message(9)]]).export(tmp_path / "uitvoer")  # commitments are random: all anew
    assert wrong(checked(target, kept=kept_of(sound))) == {"V4"}


def test_v4_what_was_lost_in_a_restore_is_told_as_such_and_nothing_more(tmp_path):
    """After a restore the log goes on under another origin; the head from before it is the same key's."""
    restored = happened(
        event="logboek.hersteld", trace="", role="beheerder", clear={"lost_size": 9, "lost_root": "ab" * 32}
    )
    target = Log(rounds=[[message(1)], [restored]]).export(tmp_path / "uitvoer")

    def head(origin: str, size: int, signer: Any = SIGNER) -> dict[str, bytes]:
        return {"stand": sign_checkpoint(origin, size, b"\xab" * 32, signer, at=0).note.encode()}

    report = checked(target, kept=head("voorbeeld.nl/eerder", 9))
    assert (wrong(report), report.verdict) == ({"V4"}, Verdict.INCOMPLETE)
    assert "regel 1" in report.first.text
    for lie in (head(ORIGIN, 9), head("voorbeeld.nl/eerder", 10), head("voorbeeld.nl/eerder", 1)):
        assert checked(target, kept=lie).verdict == Verdict.TAMPERED
    assert checked(target, kept=head("voorbeeld.nl/eerder", 9, new_signer("log"))).verdict == Verdict.UNCHECKABLE


def test_v4_a_head_of_another_log_is_no_evidence(sound):
    report = checked(sound, kept={"vreemd": sign_checkpoint(ORIGIN, 1, bytes(32), new_signer("log")).note.encode()})
    assert (wrong(report), report.verdict) == ({"V4"}, Verdict.UNCHECKABLE)


@pytest.mark.parametrize(("names", "failed"), [((), {"V5"}), (("een",), {"V5"}), (("twee", "drie"), set())])
def test_v5_too_few_witnesses(tmp_path, names, failed):
    target = Log(rounds=[[message(1)]], inside=witnessed(NOW, seen_by(*names))).export(tmp_path / "uitvoer")
    assert wrong(checked(target, policy=POLICY)) == failed


def test_v5_witnesses_who_have_been_away_for_hours(tmp_path):
    early = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3)

    async def seen_long_ago(db: Any) -> None:
        await witnessed(early, seen_by("een", "twee", at=early))(db)
        head = sign_checkpoint(ORIGIN, 1, (await log.latest(db)).root, SIGNER, QUANTUM, at=int(early.timestamp()))
        lines = seen_by("een", "twee", at=early)(head.note.partition("\n\n")[0] + "\n")
        await db.execute(sa.update(log.witnessed).values(note=head.note + "".join(lines)))

    target = Log(rounds=[[message(1)], *([[]] * 180)], inside=seen_long_ago).export(tmp_path / "uitvoer")
    assert wrong(checked(target, policy=POLICY)) == {"V5"}


def test_v6_stamps_that_are_not_sound_or_go_back(tmp_path):
    def when(token: bytes, text: str) -> datetime | None:
        assert text.startswith(f"{ORIGIN}\n")
        return None if token == b"vals" else datetime.fromisoformat(token.decode())

    first, later = (NOW - timedelta(days=2)), (NOW - timedelta(days=1))
    tokens = [(at.isoformat().encode(), at) for at in (first, later)]
    made = Log(rounds=[[message(1)]])
    for number, (inside, bad) in enumerate(
        [(tokens, False), ([(b"vals", later)], True), ([(tokens[1][0], first), (tokens[0][0], later)], True)]
    ):
        made.inside = stamped(*inside)
        target = made.export(tmp_path / f"uitvoer-{number}")
        assert wrong(checked(target, stamped=when)) == ({"V6"} if bad else set())
        assert unknown(checked(target)) >= {"V6"}


def test_v7_a_line_from_before_the_one_in_front_of_it(tmp_path):
    made = Log(rounds=[[message(1), (message(2), {}, 90)]])
    report = checked(made.export(tmp_path / "uitvoer"))
    assert wrong(report) == {"V7"}
    assert report.first.index == 1


def test_v7_clocks_may_differ_a_little(tmp_path):
    assert wrong(checked(Log(rounds=[[message(1), (message(2), {}, 30)]]).export(tmp_path / "uitvoer"))) == set()


def test_v7_a_line_from_after_the_export(tmp_path):
    made = Log(rounds=[[(message(1), {}, -600)]])
    assert wrong(checked(made.export(tmp_path / "uitvoer"))) == {"V7"}


def test_v8_a_line_that_is_gone(copy):
    path, headers = headers_of(copy)
    path.write_bytes(folder.pack(headers[:-1], 2))
    assert "V8" in wrong(checked(copy, listed=False))


@pytest.mark.parametrize(("seconds", "failed"), [(0, set()), (61 + 60, {"V8"})])
def test_v8_lines_that_wait_too_long_for_their_place(tmp_path, seconds, failed):
    async def waiting(db: Any) -> None:
        at = datetime.now(UTC) - timedelta(seconds=seconds)
        await append(db, [make(message(7), key=KEY, origin=ORIGIN, at=at)])
        await db.execute(
            sa.update(log.entries).where(log.entries.c.idx.is_(None)).values(at=int(at.timestamp() * 1000))
        )

    assert wrong(checked(Log(rounds=[[message(1)]], inside=waiting).export(tmp_path / "uitvoer"))) == failed


def test_v9_a_payload_that_is_gone(tmp_path):
    gone = change(sa.update(log.entries).where(log.entries.c.idx == 0).values(sealed=None))
    report = checked(Log(rounds=rounds(), inside=gone).export(tmp_path / "uitvoer"))
    assert wrong(report) == {"V9"}
    assert report.verdict == Verdict.INCOMPLETE


def test_v10_a_payload_in_the_place_of_another(tmp_path):
    async def swapped(db: Any) -> None:
        row = log.entries.c
        first, second = (await db.execute(sa.select(row.sealed).order_by(row.idx).limit(2))).scalars()
        await db.execute(sa.update(log.entries).where(row.idx == 0).values(sealed=second))
        await db.execute(sa.update(log.entries).where(row.idx == 1).values(sealed=first))

    target = Log(rounds=rounds(), inside=swapped).export(tmp_path / "uitvoer")
    assert wrong(checked(target)) == set()
    assert {"V10"} <= wrong(checked(target, opener=opener)) <= {"V10", "V11"}


def test_v10_a_payload_written_anew_under_the_same_key(tmp_path):
    async def anew(db: Any) -> None:
        row = log.entries.c
        header, sealed = (await db.execute(sa.select(row.header, row.sealed).where(row.idx == 0))).one()
        text = open_(KEY, sealed, header).replace(b"90000001", b"90000002")
        await db.execute(sa.update(log.entries).where(row.idx == 0).values(sealed=seal(KEY, text, header)))

    target = Log(rounds=[[message(1)]], inside=anew).export(tmp_path / "uitvoer")
    assert wrong(checked(target, opener=opener)) == {"V10"}


@pytest.mark.parametrize("numbers", [(1, 3), (1, 1), (2, 1), (2, 3)])
def test_v11_a_number_that_was_skipped_or_given_twice(tmp_path, numbers):
    target = Log(rounds=[[told(1, numbers[0]), told(2, numbers[1])]]).export(tmp_path / "uitvoer")
    assert wrong(checked(target)) == set()
    assert wrong(checked(target, opener=opener)) == {"V11"}


@pytest.mark.parametrize(("last", "failed"), [(3, set()), (4, {"V11"}), (2, set()), (1, {"V11"})])
def test_v11_numbers_may_be_skipped_by_as_many_lines_as_were_destroyed_in_between(tmp_path, last, failed):
    """What is about a message that is kept stays, so holes may lie anywhere; more than one here is too many."""

    async def destroy(db: Any) -> None:
        await db.execute(sa.update(log.entries).where(log.entries.c.idx == 1).values(sealed=None))

    erasure = happened(event="vernietiging.uitgevoerd", erases=((1, 1),), role="beheerder")
    lines = [[told(1, 1), told(2, 2), told(3, last)], [erasure]]
    target = Log(rounds=lines, inside=destroy).export(tmp_path / "uitvoer")
    assert "V11" not in wrong(checked(target))
    assert {"V11"} & wrong(checked(target, opener=opener)) == failed


def test_v11_a_line_about_a_person_without_a_number(tmp_path):
    target = Log(rounds=[[message(1, subject="999900006", parties=PARTIES)]]).export(tmp_path / "uitvoer")
    assert wrong(checked(target, opener=opener)) == {"V11"}


@pytest.mark.parametrize(
    ("states", "failed"),
    [
        ([(1, "aangeboden"), (2, "wachtend")], set()),
        ([(1, "wachtend"), (2, "wachtend")], {"V12"}),  # a change of state that the log does not know
        ([(1, "aangeboden")], {"V12"}),  # a message that the log knows is gone
        ([(1, "aangeboden"), (2, "wachtend"), (3, "wachtend")], {"V12"}),  # a message that never was logged
        ([(1, "aangeboden"), (2, "*")], set()),  # more about it is on its way
    ],
)
def test_v12_messages_and_lines_hold_each_other_up(tmp_path, states, failed):
    beside = Beside(objects=objects(*((f"{id_:032x}", state) for id_, state in states)), follows=FOLLOWS)
    assert wrong(checked(Log(rounds=rounds(), beside=beside).export(tmp_path / "uitvoer"))) == failed


@pytest.mark.parametrize(
    ("stated", "live", "failed"),
    [
        ([(DAY, "bericht", 2)], None, set()),
        ([(DAY, "bericht", 3)], None, {"V13"}),  # read once more than was logged
        ([("2026-01-01", "bericht", 1)], None, {"V13"}),  # read before anything was logged
        ([(DAY, "logboek", 1)], None, {"V13"}),
        ([(DAY, "bericht", 2)], {(DAY, "bericht"): 5}, set()),  # read on since the export
        ([(DAY, "bericht", 2)], {(DAY, "bericht"): 1}, {"V13"}),  # the statement is not what the service counted
        ([(DAY, "bericht", 1)], {(DAY, "bericht"): 1, ("2026-01-01", "bericht"): 7}, {"V13"}),
    ],
)
def test_v13_nothing_was_opened_that_the_log_does_not_tell(tmp_path, stated, live, failed):
    beside = Beside(opens=OPENS, counts=stated)
    target = Log(rounds=rounds(), beside=beside).export(tmp_path / "uitvoer")
    assert wrong(checked(target, counts=live)) == failed


def test_v13_what_was_opened_just_now_may_be_told_in_a_line_that_waits_for_its_place(tmp_path):
    async def waiting(db: Any) -> None:
        await append(db, [make(message(7), key=KEY, origin=ORIGIN, at=datetime.now(UTC))])
        await db.execute(sa.update(log.entries).where(log.entries.c.idx.is_(None)).values(at=int(time.time() * 1000)))

    for day, expected in [(datetime.now(UTC).date().isoformat(), set()), ("2026-01-01", {"V13"})]:
        beside = Beside(opens=OPENS, counts=[(day, "bericht", 9)])
        target = Log(rounds=rounds(), beside=beside, inside=waiting).export(tmp_path / f"uitvoer-{day}")
        report = checked(target)
        assert wrong(report) == expected
        assert ("V13" in unknown(report)) == (not expected)


def test_v13_an_entry_that_tells_of_many_lines_covers_as_many(tmp_path):
    reading = happened(event="logboek.gelezen", trace="", clear={"lines": 40}, payload={"actor": "fg", "reason": "x"})
    for count, failed in [(40, set()), (41, {"V13"})]:
        beside = Beside(opens=OPENS, counts=[(DAY, "logboek", count)])
        target = Log(rounds=[[reading]], beside=beside).export(tmp_path / f"uitvoer-{count}")
        assert wrong(checked(target)) == failed


def test_v14_a_receipt_for_a_line_that_is_not_there(sound, tmp_path):
    target = Log(rounds=rounds()).export(tmp_path / "uitvoer")
    report = checked(target, receipts=receipts_of(sound))
    assert (wrong(report), len(report.problems)) == ({"V14"}, 5)
    assert checked(target, receipts={"x.json": b"{}"}).verdict == Verdict.UNCHECKABLE


def test_v15_a_log_that_was_silent_while_the_gateway_ran(tmp_path):
    target = Log(rounds=[[message(1)], [message(2)]], apart=600).export(tmp_path / "uitvoer")
    assert wrong(checked(target)) == {"V15"}


@pytest.mark.parametrize(
    "first", [happened(event="poort.gestart", trace="", role="poort"), None], ids=["started again", "a command"]
)
def test_v15_a_gateway_that_did_not_run_need_not_sign(tmp_path, first):
    command = happened(event="logboek.geexporteerd", trace="", role="beheerder")
    target = Log(rounds=[[message(1)], [command, first or command]], apart=600).export(tmp_path / "uitvoer")
    assert wrong(checked(target)) == set()


def test_v16_a_line_that_lacks_what_its_event_needs(tmp_path):
    target = Log(rounds=[[message(1), happened()]]).export(tmp_path / "uitvoer")  # without a message
    report = checked(target)
    assert wrong(report) == {"V16"}
    assert (report.first.index, "message" in report.first.text) == (1, True)
    refused = message(2, event="bericht.geweigerd")  # without a reason, which is sealed
    target = Log(rounds=[[refused]]).export(tmp_path / "uitvoer2")
    assert wrong(checked(target)) == set()
    assert wrong(checked(target, opener=opener)) == {"V16"}


@pytest.mark.parametrize(
    "leak",
    [{"role": "J. Jansen"}, {"kind": "999900006"}, {"trace": "999900006"}, {"policy": "Kerkstraat 1"}, {"thing": "É"}],
    ids=str,
)
def test_v17_whatever_has_not_its_closed_form_does_not_stand_in_the_open(tmp_path, leak):
    report = checked(Log(rounds=[[message(1, **leak)]]).export(tmp_path / "uitvoer"))
    assert wrong(report) == {"V17"}
    assert not any(value in each.text for each in report.problems for value in leak.values())


OLD, YOUNG = 6 * 366 * 86_400, 4 * 365 * 86_400


@pytest.mark.parametrize(
    ("age", "gone", "held", "failed"),
    [
        (OLD, False, [], {"V18"}),
        (OLD, False, [(0, 0)], set()),
        (OLD, True, [], set()),
        (YOUNG, False, [], set()),
        (YOUNG, True, [], {"V18"}),
        (5 * 365.25 * 86_400 + 20 * 86_400, False, [], set()),  # time to propose, agree and destroy
    ],
)
def test_v18_what_is_past_its_term_is_gone_and_nothing_else(tmp_path, age, gone, held, failed):
    destroyed = happened(event="vernietiging.uitgevoerd", trace="", erases=((0, 0),), role="beheerder")
    emptied = change(sa.update(log.entries).where(log.entries.c.idx == 0).values(sealed=None))
    made = Log(rounds=[[(message(1), {}, age), destroyed]], beside=Beside(years=5, held=held))
    made.inside = emptied if gone else None
    assert wrong(checked(made.export(tmp_path / "uitvoer"))) == failed


@pytest.mark.parametrize(
    ("begun", "reviewed", "failed"),
    [(20, None, {"V19"}), (20, 19, set()), (20, 2, {"V19"}), (1, None, set())],
)
def test_v19_an_emergency_access_that_nobody_reviewed_in_time(tmp_path, begun, reviewed, failed):
    """Days ago: when it began, and when it was reviewed."""
    trace = "a" * 32
    events = [(happened(event="noodtoegang.begonnen", emergency=True, trace=trace), {}, begun * 86_400)]
    if reviewed is not None:
        events.append((happened(event="noodtoegang.beoordeeld", trace=trace), {}, reviewed * 86_400))
    assert wrong(checked(Log(rounds=[events]).export(tmp_path / "uitvoer"))) == failed


def test_five_working_days_leave_out_the_weekend():
    friday = datetime(2026, 11, 20, 15, tzinfo=UTC)
    assert due(friday).date().isoformat() == "2026-11-27"


def test_a_real_time_stamp_is_believed_and_another_text_under_it_is_not(tmp_path):
    needs("openssl")
    token, root = authority(tmp_path, b"een stand\n")
    when = stamped_by(root)
    at = when(token, "een stand\n")
    assert at is not None
    assert abs((at - datetime.now(UTC)).total_seconds()) < 3600
    assert when(token, "een andere stand\n") is None
    assert when(b"onzin", "een stand\n") is None
    assert when(token[:-1], "een stand\n") is None
    _, other = authority(tmp_path / "ander", b"x")
    assert stamped_by(other)(token, "een stand\n") is None
    with pytest.raises(StampsError, match="certificaten"):
        stamped_by(b"onzin")


def authority(where: Path, text: bytes) -> tuple[bytes, bytes]:
    """A time stamping authority of our own: a stamp over ``text``, and its root certificate."""
    where.mkdir(exist_ok=True)
    (where / "tsa.cnf").write_text(
        "[tsa]\ndefault_tsa=een\n[een]\nserial=serial\nsigner_cert=tsa.pem\nsigner_key=tsa.key\nsigner_digest=sha256\n"
        "default_policy=1.2.3.4\ndigests=sha256,sha512\nordering=yes\ntsa_name=yes\ness_cert_id_chain=no\n"
        "[uit]\nextendedKeyUsage=critical,timeStamping\nbasicConstraints=CA:false\n"
    )
    (where / "serial").write_text("01")
    (where / "tekst").write_bytes(text)

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=where, check=True, capture_output=True)

    new = ("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2")
    openssl(*new, "-subj", "/CN=wortel", "-keyout", "ca.key", "-out", "ca.pem")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=stempel", "-keyout", "tsa.key", "-out", "tsa.csr")
    openssl(
        "x509", "-req", "-in", "tsa.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-days", "2", "-out", "tsa.pem",
        "-extfile", "tsa.cnf", "-extensions", "uit", "-CAcreateserial",
    )  # fmt: skip
    openssl("ts", "-query", "-data", "tekst", "-sha256", "-cert", "-out", "vraag")
    openssl("ts", "-reply", "-config", "tsa.cnf", "-queryfile", "vraag", "-out", "antwoord")
    return (where / "antwoord").read_bytes(), (where / "ca.pem").read_bytes()
