"""What pushing promises: order per pair, the same key after trouble, parked at last and never lost."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway import flow, operate
from gateway.commit import writing
from gateway.deliver import MOST_OF_ONE, MOST_TAKEN, Courier
from gateway.flow import Delivered, Endpoint, Event, Outcome, Refused, Retry, State, advance, settle
from gateway.invented import message
from gateway.parties import Parties
from gateway.settings import Settings
from gateway.tables import lanes
from tests.door import HOOFD, ORIGIN, PARTIES, PUSHED, VISIT, Door, key_folder, opened

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@dataclass
class SimulatedReceiver:
    """A whole receiving organisation in memory, with faults to switch on; each is consumed by one send."""

    inbox: dict[str, bytes] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    sends: int = 0
    faults: list[str] = field(default_factory=list)
    patience: timedelta = timedelta(0)
    together: asyncio.Barrier | None = None
    """How many wait for each other before any is answered."""

    async def send(self, *, to: Endpoint, key: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        assert to == PUSHED.push
        assert headers["Ketenpoort-Soort"].startswith("ho")
        self.sends += 1
        fault = self.faults.pop(0) if self.faults else ""
        if self.together:
            await self.together.wait()
        if fault == "refused":
            return Refused(reason="de ontvanger antwoordde 422")
        if fault != "lost before storing":
            if key not in self.inbox:
                self.order.append(key)
            assert self.inbox.setdefault(key, body) == body, "key reused for other content"
        if "slow" in fault:
            await asyncio.sleep(1.5 if fault == "slower" else 0.8)
            return Retry(reason=fault) if "failure" in fault else Delivered()
        if fault == "crash":
            raise RuntimeError("the worker dies after the send")
        return Retry(reason=fault, after=self.patience) if fault else Delivered()


@pytest.fixture
async def door(engine: AsyncEngine, tmp_path: Path) -> AsyncIterator[Door]:
    async with opened(engine) as door:
        yield door


@contextlib.asynccontextmanager
async def courier(door: Door, receiver: SimulatedReceiver) -> AsyncIterator[Courier]:
    """A running courier, as one process has it."""
    courier = Courier(
        commit=door.commit, intake=door.intake, keys=door.keys, transport=receiver, origin=ORIGIN, lease=60
    )
    running = asyncio.create_task(courier.run())
    try:
        yield courier
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await courier.close()


@contextlib.asynccontextmanager
async def sleeper(door: Door, receiver: SimulatedReceiver) -> AsyncIterator[None]:
    """A courier that holds a lane too shortly for the attempt that it makes, and claims no other."""
    courier = Courier(
        commit=door.commit, intake=door.intake, keys=door.keys, transport=receiver, origin=ORIGIN, lease=0.2
    )
    running = asyncio.create_task(courier.run())
    while not receiver.sends:
        await asyncio.sleep(0.02)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    try:
        yield
    finally:
        await courier.close()


async def story(door: Door, id_: str) -> list[str]:
    """What the log tells of one message."""
    return [event for event, header, _ in await door.logged() if header["message"] == id_]


async def sent(door: Door, count: int, start: int = 0) -> list[str]:
    return [
        (await door.accepted(message("ho301-gewoon", f"A{n}", receiver=PUSHED.code)))["berichtId"]
        for n in range(start, start + count)
    ]


async def eventually(door: Door, id_: str, status: str) -> None:
    async with asyncio.timeout(20):
        while (await door.pickup.status(id_, HOOFD))["status"] != status:
            await asyncio.sleep(0.05)


async def due_now(door: Door) -> None:
    """Let the time pass that a lane waits or is leased."""
    async with writing(door.engine) as db:
        await db.execute(sa.update(lanes).where(lanes.c.due_at.is_not(None)).values(due_at=0, lease_until=0))


async def test_messages_are_brought_in_the_order_they_were_sent(door: Door):
    receiver = SimulatedReceiver()
    async with courier(door, receiver):
        ids = await sent(door, 8)
        await eventually(door, ids[-1], "Bezorgd")

    assert receiver.order == ids
    assert receiver.sends == 8
    assert {header["purpose"] for _, header, _ in await door.logged()} == {"jeugdwet"}


async def test_an_answer_lost_on_the_way_means_the_same_key_again(door: Door):
    receiver = SimulatedReceiver(faults=["the answer was lost"])
    async with courier(door, receiver):
        (id_,) = await sent(door, 1)
        await eventually(door, id_, "Ontvangen")
        while not receiver.sends:
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.3)
        await due_now(door)
        await eventually(door, id_, "Bezorgd")

    assert receiver.sends == 2
    assert list(receiver.inbox) == [id_]
    events = [event for event, _, _ in await door.logged()]
    assert events == [
        "bericht.ontvangen", "bericht.aangeboden", "bezorging.mislukt", "bericht.aangeboden", "bericht.bezorgd",
    ]  # fmt: skip


async def test_trouble_with_one_message_holds_the_next_so_order_is_kept(door: Door):
    receiver = SimulatedReceiver(faults=["lost before storing"])
    async with courier(door, receiver):
        first, second = await sent(door, 2)
        while not receiver.sends:
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.5)
        assert (await door.pickup.status(second, HOOFD))["status"] == "Ontvangen"
        await due_now(door)
        await eventually(door, second, "Bezorgd")

    assert receiver.order == [first, second]


async def test_what_waits_together_is_taken_and_settled_together(door: Door):
    ids = await sent(door, 2 * MOST_TAKEN)
    receiver = SimulatedReceiver()
    commits = door.commit.commits
    async with courier(door, receiver):
        await eventually(door, ids[-1], "Bezorgd")

    assert receiver.order == ids
    assert door.commit.commits - commits < MOST_TAKEN
    assert await story(door, ids[7]) == ["bericht.ontvangen", "bericht.aangeboden", "bericht.bezorgd"]


async def test_what_was_taken_behind_a_failure_goes_back_unattempted_and_the_log_says_so(door: Door):
    first, second, third = await sent(door, 3)
    receiver = SimulatedReceiver(faults=["", "the answer was lost"])
    async with courier(door, receiver):
        await eventually(door, first, "Bezorgd")
        while (await door.pickup.status(third, HOOFD))["status"] != "Ontvangen":
            await asyncio.sleep(0.02)
        assert [(await door.pickup.status(id_, HOOFD))["pogingen"] for id_ in (second, third)] == [1, 0]
        await due_now(door)
        await eventually(door, third, "Bezorgd")

    assert receiver.order == [first, second, third]
    assert await story(door, third) == [
        "bericht.ontvangen", "bericht.aangeboden", "bezorging.uitgesteld", "bericht.aangeboden", "bericht.bezorgd",
    ]  # fmt: skip
    assert (await door.pickup.status(third, HOOFD))["pogingen"] == 1


async def test_a_message_that_failed_before_goes_alone(door: Door):
    ids = await sent(door, 3)
    receiver = SimulatedReceiver(faults=["lost before storing"] * 3)
    async with courier(door, receiver):
        for attempt in range(1, 4):
            while receiver.sends < attempt:
                await asyncio.sleep(0.02)
            await eventually(door, ids[0], "Ontvangen")
            await due_now(door)
        await eventually(door, ids[-1], "Bezorgd")

    assert receiver.order == ids
    assert (await story(door, ids[1])).count("bezorging.uitgesteld") == 1


async def test_a_refusal_in_the_middle_lets_the_rest_of_the_batch_pass(door: Door):
    ids = await sent(door, 4)
    receiver = SimulatedReceiver(faults=["", "refused"])
    async with courier(door, receiver):
        await eventually(door, ids[-1], "Bezorgd")

    assert receiver.order == [ids[0], *ids[2:]]
    assert (await door.pickup.status(ids[1], HOOFD))["status"] == "Geparkeerd"
    assert receiver.sends == 4


async def test_a_worker_that_dies_in_the_middle_sends_again_what_it_may_have_sent_in_order(door: Door):
    ids = await sent(door, 5)
    receiver = SimulatedReceiver(faults=["", "", "crash"])
    async with courier(door, receiver):
        while receiver.sends < 3:
            await asyncio.sleep(0.02)
    await due_now(door)
    async with courier(door, receiver):
        await eventually(door, ids[-1], "Bezorgd")

    assert receiver.order == ids
    assert list(receiver.inbox) == ids
    assert [(await door.pickup.status(id_, HOOFD))["pogingen"] for id_ in ids] == [2] * 5  # never too few


async def test_large_messages_are_not_taken_together(door: Door, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("gateway.deliver.MOST_BYTES", 3000)
    ids = await sent(door, 3)
    receiver = SimulatedReceiver(faults=["lost before storing"])
    async with courier(door, receiver):
        while not receiver.sends:
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.3)
        assert await story(door, ids[1]) == ["bericht.ontvangen"]


async def test_a_refused_message_is_parked_and_lets_the_next_pass(door: Door):
    receiver = SimulatedReceiver(faults=["refused"])
    async with courier(door, receiver):
        first, second = await sent(door, 2)
        await eventually(door, second, "Bezorgd")

    assert (await door.pickup.status(first, HOOFD))["status"] == "Geparkeerd"
    assert [each["berichtId"] for each in await door.waiting(PUSHED)] == [first]


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    return Settings(
        origin=ORIGIN, host="", port=0, database=database_url, keys=key_folder(), parties=tmp_path,
        certificate=tmp_path, private_key=tmp_path, authority=tmp_path,
    )  # fmt: skip


async def test_a_parked_message_goes_out_again_when_an_operator_says_so(door: Door, settings: Settings):
    receiver = SimulatedReceiver(faults=["refused"])
    async with courier(door, receiver):
        (id_,) = await sent(door, 1)
        await eventually(door, id_, "Geparkeerd")
        assert await operate.requeue(settings, [id_], who="beheerder 7", why="adres hersteld") == 0
        await eventually(door, id_, "Bezorgd")
        assert await operate.requeue(settings, [id_], who="beheerder 7", why="nog eens") == 1

    _, _, payload = next(each for each in await door.logged() if each[0] == "bezorging.hervat")
    assert (payload["actor"], payload["reason"]) == ("beheerder 7", "adres hersteld")


async def test_a_message_put_back_has_all_its_attempts_again(
    door: Door, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("gateway.flow.MAX_ATTEMPTS", 1)
    receiver = SimulatedReceiver(faults=["lost before storing"] * 2)
    async with courier(door, receiver):
        (id_,) = await sent(door, 1)
        await eventually(door, id_, "Geparkeerd")
        monkeypatch.setattr("gateway.flow.MAX_ATTEMPTS", 2)
        assert await operate.requeue(settings, [id_], who="beheerder 7", why="ontvanger is terug") == 0
        while receiver.sends < 2:
            await asyncio.sleep(0.02)
        await eventually(door, id_, "Ontvangen")
        assert (await door.pickup.status(id_, HOOFD))["pogingen"] == 1
        await due_now(door)
        await eventually(door, id_, "Bezorgd")


async def test_an_operator_sees_what_is_parked_and_puts_all_of_one_receiver_back(
    door: Door, settings: Settings, capsys: pytest.CaptureFixture[str]
):
    receiver = SimulatedReceiver(faults=["refused"] * 3)
    async with courier(door, receiver):
        ids = await sent(door, 3)
        await eventually(door, ids[-1], "Geparkeerd")
    await operate.show_parked(settings)
    *lines, total = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines] == ids
    assert lines[0].split("  ")[1:3] == ["ho301", f"van {HOOFD.code} voor {PUSHED.code}"]
    assert lines[0].endswith("de ontvanger antwoordde 422")
    assert total == "Geparkeerd: 3."

    assert await operate.requeue(settings, [], receiver=HOOFD.code, who="beheerder 7", why="vergist") == 1
    assert await operate.requeue(settings, [], receiver=PUSHED.code, who="beheerder 7", why="hersteld") == 0
    async with courier(door, receiver):
        await eventually(door, ids[-1], "Bezorgd")
    assert receiver.order == ids
    assert (await story(door, ids[1])).count("bezorging.hervat") == 1


async def test_parking_is_told_to_who_watches_the_gateway(door: Door, caplog: pytest.LogCaptureFixture):
    async with courier(door, SimulatedReceiver(faults=["refused"])):
        first, second = await sent(door, 2)
        await eventually(door, second, "Bezorgd")

    assert caplog.messages == [f"geparkeerd: {first} voor {PUSHED.code}, poging 1"]


async def test_a_party_that_becomes_one_that_is_pushed_to_gets_what_already_waited(door: Door):
    door.intake.parties = Parties(by_code={**PARTIES.by_code, PUSHED.code: replace(PUSHED, push=None)})
    ids = await sent(door, 2)
    receiver = SimulatedReceiver()
    async with courier(door, receiver) as running:
        await running.wake()
        await asyncio.sleep(0.6)
        assert receiver.sends == 0
        door.intake.parties = PARTIES
        await running.wake()
        await eventually(door, ids[-1], "Bezorgd")

    assert receiver.order == ids


async def test_a_receiver_that_does_not_answer_holds_no_more_than_its_share(door: Door):
    senders = [replace(HOOFD, code=f"981000{n:02}") for n in range(MOST_OF_ONE + 2)]
    door.intake.parties = Parties(by_code={**PARTIES.by_code, **{each.code: each for each in senders}})
    for each in senders:
        await door.accepted(message("ho301-gewoon", "A1", sender=each.code, receiver=PUSHED.code), each)
    receiver = SimulatedReceiver(faults=["slower"] * MOST_OF_ONE)
    async with courier(door, receiver):
        await asyncio.sleep(1)
        assert receiver.sends == MOST_OF_ONE
        async with asyncio.timeout(10):
            while len(receiver.inbox) < len(senders):
                await asyncio.sleep(0.05)


async def test_lanes_are_locked_in_one_order_so_that_gateways_do_not_wait_for_each_other(door: Door):
    senders = [replace(HOOFD, code=f"981000{n:02}") for n in (3, 1, 2)]
    door.intake.parties = Parties(by_code={**PARTIES.by_code, **{each.code: each for each in senders}})
    for each in senders:
        await door.accepted(message("ho301-gewoon", "A1", sender=each.code, receiver=PUSHED.code), each)
    locked: list[str] = []

    def note(_db: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("UPDATE lanes"):
            locked.extend(each for each in parameters if str(each).startswith("981000"))

    receiver = SimulatedReceiver(faults=["refused"] * 3, together=asyncio.Barrier(3))
    sa.event.listen(sa.Engine, "before_cursor_execute", note)  # whichever engine writes
    try:
        async with courier(door, receiver):
            while len(locked) < 9:
                await asyncio.sleep(0.02)
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)

    claimed, taken, settled = locked[:3], locked[3:6], locked[6:9]
    assert claimed == [each.code for each in senders]
    assert taken == sorted(taken)
    assert settled == sorted(settled)


async def test_a_parked_message_can_still_be_fetched(door: Door):
    receiver = SimulatedReceiver(faults=["refused"])
    async with courier(door, receiver):
        (id_,) = await sent(door, 1)
        await eventually(door, id_, "Geparkeerd")
    await door.pickup.fetch(id_, PUSHED, VISIT)

    assert (await door.pickup.confirm([id_], PUSHED, VISIT))["bevestigd"] == [id_]


async def test_a_worker_that_dies_after_the_send_is_a_lease_that_runs_out(door: Door):
    receiver = SimulatedReceiver(faults=["crash"])
    async with courier(door, receiver):
        (id_,) = await sent(door, 1)
        await eventually(door, id_, "Wordt verwerkt")
        while not receiver.sends:
            await asyncio.sleep(0.02)
    await due_now(door)
    async with courier(door, receiver):
        await eventually(door, id_, "Bezorgd")

    assert receiver.sends == 2
    assert list(receiver.inbox) == [id_]


async def test_a_worker_that_slept_past_its_lease_leaves_the_lane_to_who_took_it_over(door: Door):
    receiver = SimulatedReceiver(faults=["slow", "", "slower"])
    first, second = await sent(door, 2)
    async with sleeper(door, receiver), courier(door, receiver):
        await eventually(door, second, "Bezorgd")

    assert receiver.order == [first, second]
    assert receiver.sends == 3  # the first by both, because the sleeper had begun; the second by one


async def test_a_sleeper_that_failed_does_not_undo_what_the_one_who_took_over_is_doing(door: Door):
    receiver = SimulatedReceiver(faults=["slow failure", "slower"])
    (id_,) = await sent(door, 1)
    async with sleeper(door, receiver), courier(door, receiver):
        await eventually(door, id_, "Bezorgd")

    assert receiver.sends == 2
    assert "bezorging.mislukt" not in [event for event, _, _ in await door.logged()]


async def test_what_arrives_while_a_lane_is_being_emptied_is_not_forgotten(door: Door):
    receiver = SimulatedReceiver()
    async with courier(door, receiver):
        for start in range(0, 30, 3):
            ids = await sent(door, 3, start)
            await asyncio.sleep(0.01)
        await eventually(door, ids[-1], "Bezorgd")

    assert len(receiver.inbox) == 30


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("event", list(Event))
def test_every_pair_of_state_and_event_has_an_answer(state: State, event: Event):
    if event in flow.TRANSITIONS[state]:
        assert advance(state, event) in State
    else:
        with pytest.raises(flow.IllegalTransitionError):
            advance(state, event)


@pytest.mark.parametrize("state", list(State))
def test_from_every_state_a_delivery_can_still_be_delivered(state: State):
    reached = {state}
    while more := {new for old in reached for new in flow.TRANSITIONS[old].values()} - reached:
        reached |= more

    assert State.DELIVERED in reached


@given(
    outcome=st.sampled_from([Delivered(), Refused(reason="nee")])
    | st.builds(Retry, reason=st.just("later"), after=st.none() | st.timedeltas()),
    attempt=st.integers(1, 50),
    jitter=st.floats(0, 1, exclude_max=True),
)
def test_no_attempt_is_planned_in_the_past_or_too_far_ahead(outcome: Outcome, attempt: int, jitter: float):
    event, due = settle(outcome, attempt=attempt, now=NOW, jitter=jitter)

    assert NOW <= due <= NOW + flow.LONGEST_WAIT * 1.25
    assert event in flow.TRANSITIONS[State.SENDING]


def test_after_the_last_attempt_a_message_is_parked():
    event, _ = settle(Retry(reason="weg"), attempt=flow.MAX_ATTEMPTS, now=NOW, jitter=0)

    assert event is Event.GIVE_UP
