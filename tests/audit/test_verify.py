"""A stranger with an export and one public key finds every change, and is never alarmed without cause."""

import asyncio
import json
import random
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from audit import export, folder, log, tree
from audit.entry import Entry, Event, make, open_payload
from audit.note import VerifierKey, encode_key, sign
from audit.report import Verdict
from audit.seal import SealError, new_key, new_signer, open_, seal
from audit.verify import read_keys, verify
from audit.verify.__main__ import main
from tests.audit.happened import append, happened

KEY, SIGNER, ORIGIN = new_key(), new_signer("log"), "voorbeeld.nl/logboek"
PUBLIC = VerifierKey(name=ORIGIN, public=SIGNER.public)
AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
EVENT = happened(message="00c0ffee" * 4, payload={"actor": "90000001"})
ROOT = Path(__file__).resolve().parents[2]


def opened(lines: list[tuple[bytes, bytes]]) -> list[dict | None]:
    """What a key service does."""

    def one(header: bytes, sealed: bytes) -> dict | None:
        try:
            return open_payload(header, sealed, KEY)
        except SealError:
            return None

    return [one(*line) for line in lines]


def foreign(event: Event, ours: int, theirs: int) -> Entry:
    """The entry of an event by another program, which writes a number that we never would."""
    one = make(event, key=KEY, origin=ORIGIN, at=AT)
    header = one.header.replace(str(ours).encode(), str(theirs).encode())
    sealed = seal(KEY, open_(KEY, one.sealed, one.header), header)
    return replace(one, header=header, sealed=sealed, leaf=tree.leaf_hash(header))


async def fill(db: AsyncConnection, events: list[Event | Entry]) -> None:
    await db.run_sync(
        log.metadata.create_all, tables=[log.entries, log.tiles, log.checkpoints, log.witnessed, log.stamps]
    )
    made = [each if isinstance(each, Entry) else make(each, key=KEY, origin=ORIGIN, at=AT) for each in events]
    await append(db, made)
    await log.sequence(db, SIGNER, ORIGIN, AT, heartbeat=True)


@asynccontextmanager
async def database() -> AsyncIterator[AsyncConnection]:
    engine = create_async_engine("sqlite+aiosqlite://")
    try:
        async with engine.begin() as db:
            yield db
    finally:
        await engine.dispose()


def exported(target: Path, events: list[Event | Entry], *changes: sa.Executable) -> Path:
    """An export of a log of these events, after these changes in the database."""

    async def go() -> None:
        async with database() as db:
            await fill(db, events)
            for change in changes:
                await db.execute(change)
            await export.export(db, target, SIGNER, ORIGIN, opened)

    asyncio.run(go())
    return target


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Path:
    return exported(tmp_path_factory.mktemp("small") / "uitvoer", [EVENT] * 3)


@pytest.fixture(scope="module")
def large(tmp_path_factory) -> Path:
    return exported(tmp_path_factory.mktemp("large") / "uitvoer", [EVENT] * 700)


@pytest.fixture
def copy(large, tmp_path) -> Path:
    return shutil.copytree(large, tmp_path / "kopie")


def files(where: Path) -> list[Path]:
    return sorted(path for path in where.rglob("*") if path.is_file())


def test_an_untouched_export_is_intact(large):
    report = verify(large, PUBLIC)
    assert report.verdict == Verdict.INTACT
    assert report.problems == ()
    assert (report.entries, report.payloads, report.erased, report.origin) == (700, 700, 0, ORIGIN)
    assert report.files == len(files(large)) - 1


def test_an_empty_log_is_intact(tmp_path):
    report = verify(exported(tmp_path / "leeg", []), PUBLIC)
    assert (report.verdict, report.entries, report.root) == (Verdict.INTACT, 0, tree.EMPTY_ROOT)


@pytest.mark.parametrize("count", [1, 255, 256, 257, 512])
def test_logs_of_any_size_are_intact(tmp_path, count):
    assert verify(exported(tmp_path / "uitvoer", [EVENT] * count), PUBLIC).verdict == Verdict.INTACT


def test_every_changed_byte_of_every_file_is_found(small):
    """Exhaustive on a small log: each byte of each file, changed by one bit or wholly."""
    flips = 0
    for path in files(small):
        whole = path.read_bytes()
        for position in range(len(whole)):
            for mask in (1 << position % 8, 0xFF):
                path.write_bytes(whole[:position] + bytes([whole[position] ^ mask]) + whole[position + 1 :])
                assert verify(small, PUBLIC).verdict != Verdict.INTACT, (path, position, mask)
                flips += 1
        path.write_bytes(whole)
    assert flips > 4000
    assert verify(small, PUBLIC).verdict == Verdict.INTACT


def test_a_changed_byte_in_a_log_of_many_tiles_is_found_and_called_tampering(copy):
    chance = random.Random(1)
    for path in files(copy):
        whole = path.read_bytes()
        for _ in range(8):
            position = chance.randrange(len(whole))
            path.write_bytes(
                whole[:position] + bytes([whole[position] ^ 1 << chance.randrange(8)]) + whole[position + 1 :]
            )
            assert verify(copy, PUBLIC).verdict in (Verdict.TAMPERED, Verdict.UNCHECKABLE), (path, position)
        path.write_bytes(whole)


@pytest.mark.parametrize("change", ["weg", "leeg", "korter", "langer", "map", "verwisseld"])
def test_any_file_gone_cut_grown_or_swapped_is_found(copy, change):
    every = files(copy)
    for path, other in zip(every, every[1:] + every[:1], strict=True):
        whole = path.read_bytes()
        path.unlink()
        if change == "map":
            path.mkdir()
        elif change != "weg":
            path.write_bytes(
                {"leeg": b"", "korter": whole[:-1], "langer": whole + b"\0", "verwisseld": other.read_bytes()}[change]
            )
        verdict = verify(copy, PUBLIC).verdict
        assert verdict == Verdict.INCOMPLETE if change in ("weg", "map") else verdict == Verdict.TAMPERED, path
        path.rmdir() if change == "map" else path.unlink(missing_ok=True)
        path.write_bytes(whole)


def resigned(where: Path, signer=SIGNER, *, size: int = 700) -> None:
    """Make the manifest fit again, as one who holds a key would."""
    prints = {
        path.relative_to(where).as_posix(): folder.print_of(path.read_bytes())
        for path in files(where)
        if path.name != "manifest"
    }
    text = folder.manifest_text(ORIGIN, size, prints)
    (where / "manifest").write_text(sign(text, ORIGIN, signer))


@pytest.mark.parametrize("what", ["gewijzigd", "weg", "verwisseld", "dubbel", "erbij"])
def test_a_rewritten_entry_is_found_and_named_even_if_the_list_was_signed_again(copy, what):
    path = copy / folder.entries_path(1, 256)
    headers = folder.unpack(path.read_bytes(), 2)
    match what:
        case "gewijzigd":
            headers[44] = headers[44].replace(b"geslaagd", b"weigerde")
        case "weg":
            del headers[44]
        case "verwisseld":
            headers[44], headers[45] = headers[45], headers[44]
        case "dubbel":
            headers[44] = headers[45]
        case "erbij":
            headers.insert(44, headers[44])
    path.write_bytes(folder.pack(headers, 2))
    resigned(copy)

    report = verify(copy, PUBLIC)
    assert report.verdict == Verdict.TAMPERED
    first = report.problems[0]
    assert first.file == "tile/entries/001"
    assert first.index == (301 if what == "erbij" else 300)


def test_rewriting_entries_and_tiles_alike_breaks_the_signed_root(copy):
    path, tile = copy / folder.entries_path(0, 256), copy / folder.tile_path((0, 0), 256)
    headers = folder.unpack(path.read_bytes(), 2)
    headers[7] = headers[7].replace(b"geslaagd", b"weigerde")
    path.write_bytes(folder.pack(headers, 2))
    tile.write_bytes(b"".join(tree.leaf_hash(header) for header in headers))
    resigned(copy)
    report = verify(copy, PUBLIC)
    assert report.verdict == Verdict.TAMPERED
    assert {problem.file for problem in report.problems} == {"tile/1/000.p/2", "checkpoint", "head/000.p/1"}


def test_a_whole_log_made_anew_with_another_key_is_tampering(copy):
    other = new_signer("log")
    resigned(copy, other)
    assert verify(copy, PUBLIC).verdict == Verdict.TAMPERED
    assert verify(copy, VerifierKey(name=ORIGIN, public=other.public)).verdict == Verdict.TAMPERED


def test_a_signature_added_to_the_list_changes_it(copy):
    with (copy / "manifest").open("a") as manifest:
        manifest.write(sign("x\n", "getuige.nl", new_signer("w")).rpartition("\n\n")[2])
    assert verify(copy, PUBLIC).verdict == Verdict.TAMPERED


def test_something_else_that_the_log_signed_is_not_its_head(copy):
    head = (copy / "checkpoint").read_text().partition("\n\n")[0].partition("\n")[2]
    (copy / "checkpoint").write_text(sign(f"elders\n{head}\n", ORIGIN, SIGNER))
    resigned(copy)
    assert [one.file for one in verify(copy, PUBLIC).problems] == ["checkpoint"]


def test_a_list_of_another_size_than_the_head_is_found(copy):
    resigned(copy, size=699)
    assert [one.file for one in verify(copy, PUBLIC).problems] == ["manifest"]


@pytest.mark.parametrize("change", [lambda b: b[:-1], lambda b: b + bytes(4), lambda b: b[:-184]])
def test_payloads_that_do_not_count_up_are_found_even_if_the_list_was_signed_again(copy, change):
    path = copy / folder.payload_path(1, 256)
    path.write_bytes(change(path.read_bytes()))
    resigned(copy)
    report = verify(copy, PUBLIC)
    assert report.verdict == Verdict.TAMPERED
    assert [one.file for one in report.problems] == ["payload/001"]


def test_a_gap_in_the_middle_is_called_a_gap(copy):
    """Without the entries and their tile nothing can be said of the root, and nothing is."""
    (copy / folder.entries_path(0, 256)).unlink()
    (copy / folder.tile_path((0, 0), 256)).unlink()
    report = verify(copy, PUBLIC)
    assert report.verdict == Verdict.INCOMPLETE
    assert len(report.problems) == 2


def test_the_tile_stands_in_for_entries_that_are_missing(copy):
    (copy / folder.entries_path(0, 256)).unlink()
    (copy / folder.tile_path((1, 0), 2)).write_bytes(bytes(64))
    resigned(copy)
    assert [one.file for one in verify(copy, PUBLIC).problems] == ["tile/entries/000", "tile/1/000.p/2"]


@pytest.mark.parametrize("hashes", [b"", b"te kort", bytes(32 * 257)])
def test_a_tile_of_another_length_than_its_entries_is_found_even_if_the_list_was_signed_again(copy, hashes):
    (copy / folder.tile_path((0, 1), 256)).write_bytes(hashes)
    resigned(copy)
    assert "tile/0/001" in [one.file for one in verify(copy, PUBLIC).problems]


def test_cutting_the_tail_is_found(copy):
    """The last bundle taken away everywhere: the signed head still says how many there were."""
    for path in [copy / folder.entries_path(2, 188), copy / folder.payload_path(2, 188)]:
        path.unlink()
    assert verify(copy, PUBLIC).verdict == Verdict.INCOMPLETE


@pytest.mark.parametrize(
    "change",
    [
        sa.update(log.entries).where(log.entries.c.idx == 300).values(header=b"{}"),
        sa.delete(log.entries).where(log.entries.c.idx == 300),
        sa.update(log.entries)
        .where(log.entries.c.idx.in_([5, 6]))
        .values(header=sa.select(log.entries.c.header).where(log.entries.c.idx == 5).scalar_subquery()),
    ],
)
def test_what_was_changed_in_the_database_shows_in_its_export(tmp_path, change):
    report = verify(exported(tmp_path / "uitvoer", [EVENT] * 400, change), PUBLIC)
    assert report.verdict == Verdict.TAMPERED
    assert report.problems[0].file.startswith("tile/entries/")


def test_a_tile_lost_in_the_database_makes_the_export_incomplete(tmp_path):
    lost = sa.delete(log.tiles).where(log.tiles.c.level == 0, log.tiles.c.number == 0)
    report = verify(exported(tmp_path / "uitvoer", [EVENT] * 300, lost), PUBLIC)
    assert report.verdict == Verdict.INCOMPLETE
    assert report.problems[0].file == "tile/0/000"


def emptied(*indices: int) -> sa.Update:
    return sa.update(log.entries).where(log.entries.c.idx.in_(indices)).values(sealed=None)


def test_a_payload_that_vanished_without_an_entry_that_says_so_is_a_gap(tmp_path):
    report = verify(exported(tmp_path / "uitvoer", [EVENT] * 300, emptied(299)), PUBLIC)
    assert report.verdict == Verdict.INCOMPLETE
    assert [(one.file, one.index) for one in report.problems] == [("payload/001.p/44", 299)]


def overwritten(payload: bytes, *indices: int) -> sa.Update:
    return sa.update(log.entries).where(log.entries.c.idx.in_(indices)).values(sealed=payload)


@pytest.mark.parametrize(
    "payload", [b"x", bytes(180), seal(new_key(), bytes(128), b"")], ids=["no seal", "zeroes", "another key"]
)
def test_a_payload_that_cannot_be_that_of_its_entry_is_found_and_named_without_a_key(tmp_path, payload):
    report = verify(exported(tmp_path / "uitvoer", [EVENT] * 300, overwritten(payload, 298, 299)), PUBLIC)
    assert report.verdict == Verdict.TAMPERED
    assert [(one.file, one.index) for one in report.problems] == [("payload/001.p/44", 298)]


async def exported_with_keys(target: Path, *changes: sa.Executable) -> export.Summary:
    async with database() as db:
        await fill(db, [EVENT] * 300)
        for change in changes:
            await db.execute(change)
        return await export.export(db, target, SIGNER, ORIGIN, opened)


def of_entry(index: int) -> sa.ScalarSelect:
    return sa.select(log.entries.c.sealed).where(log.entries.c.idx == index).scalar_subquery()


@pytest.mark.parametrize(
    "payload",
    [b"x", "tekst", seal(KEY, bytes(128), b""), of_entry(5)],
    ids=["no seal", "text", "anew under the same key", "of another entry"],
)
async def test_who_has_the_keys_finds_each_payload_that_is_not_the_one_logged(tmp_path, payload):
    change = sa.text("UPDATE audit_entries SET sealed = 'tekst' WHERE idx IN (7, 299)")
    if payload != "tekst":
        change = overwritten(payload, 7, 299)
    summary = await exported_with_keys(tmp_path / "uitvoer", change)
    assert (summary.broken, summary.first_broken, summary.entries) == (2, 7, 300)


async def test_who_has_the_keys_finds_nothing_wrong_with_a_sound_log(tmp_path):
    summary = await exported_with_keys(tmp_path / "uitvoer", emptied(3))
    assert (summary.broken, summary.first_broken, summary.erased) == (0, None, 1)


async def test_a_header_longer_than_any_we_write_is_exported_and_found(tmp_path):
    change = sa.update(log.entries).where(log.entries.c.idx == 7).values(header=bytes(70_000))
    await exported_with_keys(tmp_path / "uitvoer", change)
    report = verify(tmp_path / "uitvoer", PUBLIC)
    assert (report.verdict, report.problems[0].index) == (Verdict.TAMPERED, 7)


async def test_a_head_that_this_log_did_not_sign_is_not_exported(tmp_path):
    forged = sign(f"{ORIGIN}\n999999999999\n{'A' * 43}=\n", ORIGIN, new_signer("log"))
    with pytest.raises(log.TamperedError, match="niet door dit logboek ondertekend"):
        await exported_with_keys(tmp_path / "uitvoer", sa.update(log.checkpoints).values(note=forged))
    assert not (tmp_path / "uitvoer").exists()


def test_a_payload_destroyed_lawfully_is_no_gap(tmp_path):
    erasure = replace(EVENT, event="vernietiging.uitgevoerd", erases=((3, 4), (260, 260)))
    report = verify(exported(tmp_path / "uitvoer", [EVENT] * 300 + [erasure], emptied(3, 4, 260)), PUBLIC)
    assert (report.verdict, report.payloads, report.erased) == (Verdict.INTACT, 298, 3)


def test_an_erasure_covers_only_what_it_names_and_only_what_came_before_it(tmp_path):
    erasure = replace(EVENT, event="vernietiging.uitgevoerd", erases=((3, 4), (5, 900)))
    events = [EVENT] * 5 + [erasure, EVENT]
    report = verify(exported(tmp_path / "uitvoer", events, emptied(2, 4, 5, 6)), PUBLIC)
    assert report.verdict == Verdict.INCOMPLETE
    assert [one.index for one in report.problems] == [2, 5, 6]


def test_an_erasure_written_in_nonsense_destroys_nothing_and_breaks_nothing(tmp_path):
    event = replace(EVENT, trace='x"erases":[')
    odd = [replace(EVENT, erases=wrong) for wrong in (((1,),), (("a", 2),), ((-1, 2),), ((4, 2),))]
    odd.append(foreign(replace(EVENT, erases=((0, 2**62),)), 2**62, 10**30))
    report = verify(exported(tmp_path / "uitvoer", [event, *odd], emptied(0)), PUBLIC)
    assert {one.check for one in report.problems} == {"V17"}  # the last one covers entry 0
    report = verify(exported(tmp_path / "uitvoer2", [event, *odd[:-1]], emptied(0)), PUBLIC)
    assert {one.check for one in report.problems} == {"V9", "V17"}


def test_a_file_slipped_in_between_the_logs_own_is_found_and_one_beside_them_is_told(copy):
    (copy / "lees-mij.txt").write_text("x")
    report = verify(copy, PUBLIC)
    assert (report.verdict, len(report.strangers)) == (Verdict.INTACT, 1)
    (copy / "tile" / "entries" / "003").write_bytes(b"")
    assert verify(copy, PUBLIC).verdict == Verdict.TAMPERED


def test_the_key_of_another_log_cannot_check_this_one(copy):
    assert verify(copy, VerifierKey(name="elders.nl/logboek", public=SIGNER.public)).verdict == Verdict.UNCHECKABLE
    (copy / "manifest").unlink()
    assert verify(copy, VerifierKey(name="elders.nl/logboek", public=SIGNER.public)).verdict == Verdict.UNCHECKABLE


def test_an_older_head_slipped_into_a_newer_export_is_found(small, copy):
    (copy / "checkpoint").write_bytes((small / "checkpoint").read_bytes())
    assert verify(copy, PUBLIC).verdict == Verdict.TAMPERED
    (copy / "manifest").write_bytes((small / "manifest").read_bytes())
    assert verify(copy, PUBLIC).verdict == Verdict.TAMPERED


async def test_an_export_made_while_the_log_grows_is_that_of_its_head(tmp_path):
    async with database() as db:
        await fill(db, [EVENT] * 300)
        await fill(db, [EVENT] * 500)
        await db.execute(sa.delete(log.checkpoints).where(log.checkpoints.c.size == 800))
        await export.export(db, tmp_path / "uitvoer", SIGNER, ORIGIN, opened)
    report = verify(tmp_path / "uitvoer", PUBLIC)
    assert (report.verdict, report.entries, report.strangers) == (Verdict.INTACT, 300, ())


def test_an_export_never_overwrites(large):
    with pytest.raises(export.ExportError, match="niet leeg"):
        exported(large, [EVENT])


def test_a_log_without_a_head_cannot_be_exported_yet(tmp_path):
    with pytest.raises(export.ExportError, match="ondertekende stand"):
        exported(tmp_path / "uitvoer", [], sa.delete(log.checkpoints))


def test_a_place_that_cannot_be_written_is_told_in_plain_words(tmp_path):
    (tmp_path / "bestand").write_text("")
    with pytest.raises(export.ExportError, match="Kies een andere map"):
        exported(tmp_path / "bestand" / "uitvoer", [EVENT])


def key_file(where: Path) -> Path:
    export.publish_key(where / "log.vkey", PUBLIC)
    return where / "log.vkey"


def test_the_key_file_is_one_line_that_can_be_read_back(tmp_path):
    assert key_file(tmp_path).read_text() == encode_key(PUBLIC) + "\n"
    assert read_keys(tmp_path / "log.vkey") == (PUBLIC,)


def test_the_command_needs_nothing_but_the_folder_and_the_key(large, tmp_path):
    """Run as a stranger would, in an interpreter that refuses to import SQL or the gateway."""
    code = (
        "import sys, runpy; refused = ['sqlalchemy', 'gateway', 'adapters', 'lxml', 'aiohttp'];"
        "sys.modules.update(dict.fromkeys(refused));"
        "sys.argv = ['verify', *sys.argv[1:]]; runpy.run_module('audit.verify', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, large, key_file(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "ongeschonden" in done.stdout
    assert "700" in done.stdout


@pytest.mark.parametrize(
    ("damage", "code"), [("", 0), ("tile/entries/000", 1), ("weg", 2), ("sleutel", 3), ("map", 3), ("vreemd", 3)]
)
def test_the_command_tells_its_outcome_to_people_and_machines(copy, tmp_path, capsys, damage, code):
    key = key_file(tmp_path)
    match damage:
        case "tile/entries/000":
            path = copy / damage
            path.write_bytes(path.read_bytes().replace(b"geslaagd", b"weigerde", 1))
        case "weg":
            (copy / "payload" / "000").unlink()
        case "sleutel":
            key.write_bytes(b"\xff\x00 geen sleutel")
        case "map":
            copy = tmp_path / "nergens"
        case "vreemd":
            key.write_text(encode_key(VerifierKey(name="elders.nl", public=SIGNER.public)))
    assert main([str(copy), str(key)]) == code
    assert main([str(copy), str(key), "--json"]) == code
    *people, machine = capsys.readouterr().out.splitlines()
    told = json.loads(machine)
    assert (told["code"], told["uitkomst"]) == (code, people[0])
    assert bool(told["problemen"]) == bool(code)
    if code == 1:
        assert any(one["regel"] == 0 and one["bestand"] == damage for one in told["problemen"])
        assert any("regel 0" in line for line in people)


@pytest.mark.parametrize("arguments", [[], ["a"], ["a", "b", "c"], ["-h", "x"], ["a", "b"], ["a\0", "b\0"]])
def test_a_wrong_command_line_is_answered_with_three(arguments, capsys):
    assert main(arguments) == Verdict.UNCHECKABLE
    assert "Traceback" not in "".join(capsys.readouterr())


def test_no_bytes_whatever_make_it_stumble(copy):
    chance = random.Random(2)
    for path in files(copy):
        whole = path.read_bytes()
        for junk in (b"\x00" * 50, b"\xff" * 50, chance.randbytes(300), b"\n\n\n", "—".encode() * 9, whole * 2):
            path.write_bytes(junk)
            assert verify(copy, PUBLIC).verdict != Verdict.INTACT
        path.write_bytes(whole)
