"""The first page: what waits for this officer, and how the log is doing; and his own session."""

from collections.abc import Sequence

from adapters.console.pages import Answer, Asked, Page, Shown, Tray, Waiting
from adapters.console.render import clock
from gateway.oversight import checks
from gateway.oversight.desk import Asking, Desk
from gateway.oversight.rights import Right
from gateway.oversight.sessions import LONGEST
from gateway.oversight.state import parked, today


def pages(trays: Sequence[Tray]) -> tuple[Page, ...]:
    """Return the pages of this area; the first tells what lies in all trays."""

    async def begin(asked: Asked) -> Answer:
        waiting = [each for tray in trays for each in await tray(asked.desk, asked.asking)]
        told = await today(asked.desk, asked.asking)
        hours = [(clock(at), count) for at, count in told.hours]
        async with asked.desk.reading() as db:
            check = await checks.last(db)
        values = {"waiting": waiting, "today": told, "hours": hours, "check": check}
        return Shown(template="begin.html", values=values)

    return (
        Page(path="/", right=Right.OWN, serve=begin, menu="Begin"),
        Page(path="/sessie", right=Right.OWN, serve=session),
    )


async def session(asked: Asked) -> Answer:
    """Show who is logged in here, with which role, until when."""
    return Shown(template="sessie.html", values={"until": asked.asking.session.began_at + LONGEST})


async def stuck(desk: Desk, asking: Asking) -> Sequence[Waiting]:
    """Tell who runs the gateway how many messages are parked."""
    count = await parked(desk, asking.officer) if asking.may(Right.OPERATE) else 0
    return (
        [Waiting(text="Geparkeerde berichten. Bekijk ze met: ketenpoort geparkeerd", count=count, to="")]
        if count
        else ()
    )
