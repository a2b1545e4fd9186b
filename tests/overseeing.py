"""Officers at work without their pages: the real parts on a real database, for tests that speak of what they see."""

import contextlib
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from door import HOOFD, ONDER, ORIGIN, PARTIES, VISIT, Door, opened
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.invented import message
from gateway.oversight import dossier, search
from gateway.oversight.desk import Asking, Desk, now
from gateway.oversight.dossier import Dossier
from gateway.oversight.question import Question
from gateway.oversight.rights import Officer, Role
from gateway.oversight.sessions import Session

CLIENT = "999900006"
OTHER_CLIENT = "999900031"
WHY = {"purpose": "toezicht", "reason": "steekproef van deze maand"}


def officer(role: Role = Role.FG, party: str = HOOFD.code, login: str = "", *, finds_secret: bool = False) -> Officer:
    login = login or f"{role.value}-{party}"
    return Officer(login=login, name="F. de Groot", role=role, party=party, finds_secret=finds_secret)


def asking(who: Officer, *, session: bytes = b"s" * 32, elevated_until: int = 0, at: int = 0) -> Asking:
    """Somebody who asks for a page now, logged in long enough ago."""
    moment = at or now()
    return Asking(
        officer=who, at=moment, trace=secrets.token_hex(16), address="192.0.2.7",
        session=Session(
            id=session, officer=who.login, began_at=moment, seen_at=moment, fresh_at=moment,
            elevated_until=elevated_until, sid=None,
        ),
    )  # fmt: skip


def question(**asked: object) -> Question:
    return Question(**{**WHY, **asked})


@contextlib.asynccontextmanager
async def overseen(engine: AsyncEngine, folder: Path) -> AsyncIterator[tuple[Door, Desk]]:
    """A gateway's inside, and the desk where its officers are served."""
    async with opened(engine) as door:
        desk = Desk(door.commit, door.keys, ORIGIN, folder / "functionarissen.toml")
        desk.parties = PARTIES
        yield door, desk


@pytest.fixture
async def both(engine: AsyncEngine, tmp_path: Path) -> AsyncIterator[tuple[Door, Desk]]:
    async with overseen(engine, tmp_path) as both:
        yield both


async def file_of(desk: Desk, *, client: bool = False, who: Officer | None = None, **asked: object) -> Dossier:
    """The file of `CLIENT`, as an officer asks for it and sees it."""
    asks = asking(who or officer())
    trace = await search.ask(desk, asks, question(bsn=CLIENT, **asked), kind=dossier.KIND)
    found = await dossier.show(desk, asks, trace, client=client)
    assert found is not None
    return found


async def exchanged(
    door: Door, number: str, *, sender: str = HOOFD.code, receiver: str = ONDER.code, client: str = CLIENT
) -> str:
    """A message about a client that came, was fetched and confirmed; return its id."""
    parties = PARTIES.by_code
    raw = message("ho301-gewoon", number, sender=sender, receiver=receiver).replace(CLIENT.encode(), client.encode())
    id_ = str((await door.accepted(raw, parties[sender]))["berichtId"])
    await door.pickup.fetch(id_, parties[receiver], VISIT)
    await door.pickup.confirm([id_], parties[receiver], VISIT)
    return id_
