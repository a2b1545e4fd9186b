"""Of a person whose residence is secret no message goes through, from or to the party that said so."""

import asyncio
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.decide import Accepted
from gateway.explain import HEADER
from gateway.intake import Rejected
from gateway.invented import faulty, message
from gateway.oversight.desk import Asking
from gateway.oversight.rights import Role
from gateway.retention import handed, people, secret
from gateway.retention.decide import working_days_after
from gateway.retention.forms import Form
from gateway.retention.orders import NotAllowedError
from gateway.tables import secret_forms, secret_persons
from tests.door import HOOFD, ONDER, ORIGIN, VISIT, opened
from tests.test_erasure import BSN, OTHER_BSN, about
from tests.test_retention import Keeper, keeper, officer

__all__ = ["keeper"]

FG = officer("fg-hoofd", Role.FG, HOOFD.code)
FG_ONDER = officer("fg-onder", Role.FG, ONDER.code)


async def hide(keeper: Keeper, who: Asking = FG, bsn: str = BSN) -> tuple[str, int]:
    async with keeper.writing() as db:
        return await secret.hide(db, keeper.door.keys, ORIGIN, who, bsn=bsn, why="melding van de gemeente")


async def show(keeper: Keeper, id_: str, who: Asking = FG) -> None:
    async with keeper.writing() as db:
        await secret.show(db, keeper.door.keys, ORIGIN, id_, who, why="adres weer bekend")


@pytest.mark.parametrize("who", [FG, FG_ONDER])
async def test_a_message_about_a_secret_person_is_refused_whichever_side_said_so(keeper: Keeper, who: Asking):
    id_, _ = await hide(keeper, who)
    refused = await keeper.door.refused(about(BSN, "A1"))
    assert [finding.code for finding in refused.findings] == ["KP026"]
    assert refused.answer is None, "nothing is answered in the receiver's name"
    assert await keeper.door.waiting(ONDER) == []
    assert BSN not in repr(refused)
    await keeper.door.accepted(about(OTHER_BSN, "A2"))

    await show(keeper, id_, who)
    await keeper.door.accepted(about(BSN, "A3"))


async def test_other_parties_go_on_as_before(keeper: Keeper):
    await hide(keeper, officer("fg-vreemd", Role.FG, "98000008"))
    await keeper.door.accepted(about(BSN, "A1"))


async def test_of_more_clients_the_sender_hears_only_the_place(keeper: Keeper):
    raw = message("ho323-rijk", "D1", sender="98000002", receiver="98000001")
    clients = [each.decode() for each in re.findall(rb"Bsn>([0-9]{9})<", raw)]
    await hide(keeper, bsn=clients[-1])
    refused = await keeper.door.refused(raw, ONDER)
    (finding,) = refused.findings
    assert finding.code == "KP026"
    assert finding.path.endswith("Client[2]")
    assert not re.search(r"[0-9]{9}", repr(refused))


async def test_a_faulty_message_about_a_secret_person_is_not_answered_with_what_it_says(keeper: Keeper):
    raw = faulty("ho323-tr346-een-cent")
    again = re.sub(rb"(<b:Identificatie>)[^<]*", rb"\1D2", raw, count=1)
    before = await keeper.door.refused(raw, ONDER)
    assert before.answer
    said = await keeper.door.pickup.fetch(before.answer, ONDER, VISIT)
    (bsn,) = {each.decode() for each in re.findall(rb"Bsn>([0-9]{9})<", raw)}
    assert bsn.encode() in said, "else this message proves nothing"

    await hide(keeper, bsn=bsn)
    after = await keeper.door.refused(again, ONDER)
    assert [each.code for each in after.findings] == [each.code for each in before.findings]
    assert after.answer is None


async def test_what_is_still_on_its_way_is_told_and_a_copy_brings_nothing_new(keeper: Keeper):
    await keeper.door.accepted(about(BSN, "A1"))
    _, under_way = await hide(keeper)
    assert under_way == 1
    outcome = await keeper.door.send(about(BSN, "A1"))
    assert isinstance(outcome, Accepted)
    assert outcome.again


async def test_no_message_slips_in_while_a_person_becomes_secret(keeper: Keeper, engine: AsyncEngine, tmp_path: Path):
    async with opened(engine, levels=()) as other:
        await keeper.door.accepted(about(BSN, "A0"))
        numbers = range(60)
        sending = [
            asyncio.create_task((keeper.door if n % 2 else other).intake.accept(about(BSN, f"A{n}"), HOOFD, VISIT))
            for n in numbers
        ]
        await asyncio.sleep(0.05)
        await hide(keeper)
        after = [await other.send(about(BSN, "B1")), await keeper.door.send(about(BSN, "B2"))]
        outcomes = await asyncio.gather(*sending)
    assert [type(outcome) for outcome in after] == [Rejected, Rejected]
    lines = [(event, header.get("message")) for event, header, _ in await keeper.door.logged()]
    hidden = next(place for place, (event, _) in enumerate(lines) if event == "geheim.ingesteld")
    assert not [event for event, _ in lines[hidden:] if event == "bericht.ontvangen"]
    assert sum(isinstance(outcome, Accepted) for outcome in outcomes) == sum(e == "bericht.ontvangen" for e, _ in lines)


async def test_the_form_must_be_confirmed_within_five_working_days_and_each_step_is_logged(keeper: Keeper):
    id_, _ = await hide(keeper)
    async with keeper.writing() as db:
        (waiting,) = await secret.look(db, keeper.door.keys, ORIGIN, FG)
        assert await people.is_secret(db, await people.subject(db, keeper.door.keys, HOOFD.code, BSN) or 0)
    assert (waiting.id, waiting.stage) == (id_, "formulier")
    assert waiting.due_at
    wanted = working_days_after(datetime.fromtimestamp(waiting.made_at / 1000, UTC), 5)
    assert abs(datetime.fromtimestamp(waiting.due_at / 1000, UTC) - wanted) < timedelta(minutes=1)
    async with keeper.writing() as db:
        await secret.confirm(db, keeper.door.keys, ORIGIN, id_, FG, why="brief van de gemeente")
    async with keeper.writing() as db:
        (confirmed,) = await secret.look(db, keeper.door.keys, ORIGIN, FG)
    assert (confirmed.stage, confirmed.due_at) == ("bevestigd", None)
    assert isinstance(await keeper.door.send(about(BSN, "A1")), Rejected), "on paper it is, still"
    await show(keeper, id_)
    told = [
        (event, payload["object"]) for event, _, payload in await keeper.door.logged() if event.startswith("geheim")
    ]
    assert told == [
        ("geheim.ingesteld", BSN), ("geheim.ingezien", BSN), ("geheim.bevestigd", BSN), ("geheim.ingezien", BSN),
        ("geheim.opgeheven", BSN),
    ]  # fmt: skip


async def test_each_form_has_a_term_of_its_own_until_it_is_confirmed_and_all_is_forgotten_in_the_end(keeper: Keeper):
    keys = keeper.door.keys

    async def look() -> secret.Secret:
        async with keeper.writing() as db:
            (found,) = await secret.look(db, keys, ORIGIN, FG)
        return found

    async def due() -> int:
        async with keeper.door.engine.connect() as db:
            return await handed.count_due(db, HOOFD.code)

    async def confirm(form: str, who: Asking = FG) -> None:
        async with keeper.writing() as db:
            await secret.confirm_form(db, keys, ORIGIN, id_, who, form=form, why="brief van de gemeente")

    async with keeper.writing() as db:
        id_, _ = await secret.hide(db, keys, ORIGIN, FG, bsn=BSN, why="melding", number="K-17")
    assert ((await look()).number, await due()) == ("K-17", 1)
    for form in Form:
        async with keeper.writing() as db:
            await secret.hand_over(db, keys, ORIGIN, id_, FG, form=form, to="9901", file=form.encode())
    found = await look()
    assert [(each.form, each.to, len(each.document)) for each in found.sent] == [(form, "9901", 64) for form in Form]
    assert (found.due_at, await due()) == (None, 2), "of two forms two confirmations are due"

    await confirm(found.sent[0].id)
    found = await look()
    assert ([each.due_at is None for each in found.sent], found.stage, await due()) == ([True, False], "bevestigd", 1)
    for form, who in ((found.sent[0].id, FG), ("0" * 32, FG), (found.sent[1].id, FG_ONDER)):
        with pytest.raises(NotAllowedError):
            await confirm(form, who)
    await show(keeper, id_)
    async with keeper.door.engine.connect() as db:
        assert (await db.execute(sa.select(secret_forms))).all() == []
        assert (await db.execute(sa.select(secret_persons.c.sealed))).scalars().all() == [None]
    told = [payload["document"] for event, _, payload in await keeper.door.logged() if event == "geheim.formulier"]
    assert told == [each.document for each in found.sent], "the log keeps which file it was"


@pytest.mark.parametrize(
    ("who", "says"),
    [
        (officer("fg-poort", Role.FG), "van een partij"),
        (officer("nel", Role.AUDITOR, HOOFD.code), "Alleen een functionaris"),
    ],
)
async def test_who_may_not_make_a_person_secret_hears_so(keeper: Keeper, who: Asking, says: str):
    with pytest.raises(NotAllowedError, match=says):
        await hide(keeper, who)


async def test_another_party_cannot_undo_it(keeper: Keeper):
    id_, _ = await hide(keeper)
    with pytest.raises(NotAllowedError, match="hoort niet bij uw partij"):
        await show(keeper, id_, FG_ONDER)


async def test_that_a_person_is_secret_already_is_told_to_nobody_but_who_may_find_that_person(keeper: Keeper):
    await keeper.door.accepted(about(BSN, "A1"))
    first, under_way = await hide(keeper)
    assert under_way == 1, "else what follows proves nothing"
    named = replace(FG, officer=replace(FG.officer, login="fg-vertrouwd", finds_secret=True))
    with pytest.raises(NotAllowedError, match="al geheim"):
        await hide(keeper, named)
    other = officer("fg-twee", Role.FG, HOOFD.code)
    second, told = await hide(keeper, other)
    assert (await hide(keeper, other, bsn="999900031"))[1] == told == 0, "as with a stranger"
    await show(keeper, second, other)
    assert isinstance(await keeper.door.send(about(BSN, "A2")), Rejected), "who guesses a number undoes nothing"
    await show(keeper, first)
    await keeper.door.accepted(about(BSN, "A3"))


@pytest.mark.parametrize(
    ("begins", "ends"),
    [("2026-11-16", "2026-11-23"), ("2026-11-20", "2026-11-27"), ("2026-11-21", "2026-11-27")],
)
def test_five_working_days_skip_the_weekend(begins: str, ends: str):
    assert working_days_after(datetime.fromisoformat(begins), 5) == datetime.fromisoformat(ends)


def test_a_client_whose_place_is_not_told_is_told_at_the_header():
    assert secret._path((), BSN) == HEADER
