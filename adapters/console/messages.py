"""One message: what happened to it and who had it; and, in an emergency, what it says."""

from adapters.console.lookup import filled, purposes
from adapters.console.pages import Answer, Asked, MissingError, Page, Shown
from gateway.oversight import story
from gateway.oversight.lines import shown
from gateway.oversight.purposes import faults
from gateway.oversight.rights import Right


async def show(asked: Asked) -> Answer:
    """Show the story of a message."""
    found = await story.story(asked.desk, asked.asking, asked.path["id"])
    if found is None:
        raise MissingError
    return Shown(template="bericht.html", values={"found": found, "may_open": asked.asking.may(Right.OPEN)})


async def ask(asked: Asked) -> Answer:
    """Ask for what the content of a message is opened; who has no emergency access is told to take that first."""
    return await _form(asked, {})


async def read(asked: Asked) -> Answer:
    """Show the content, once it is logged."""
    wrong = faults(asked.form)
    if not asked.asking.elevated or wrong:
        return await _form(asked, wrong)
    found = await story.body(
        asked.desk, asked.asking, asked.path["id"], purpose=asked.form["doel"], reason=asked.form["reden"]
    )
    if found is None:
        raise MissingError
    return Shown(
        template="inhoud.html", values={"id": asked.path["id"], "kind": found.kind, "text": shown(found.content)}
    )


async def _form(asked: Asked, wrong: dict[str, str]) -> Answer:
    if not await story.is_there(asked.desk, asked.asking, asked.path["id"]):
        raise MissingError
    elevated = asked.asking.elevated
    values = {
        "id": asked.path["id"], "elevated": elevated, "values": filled(asked.form), "wrong": filled(wrong),
        "purposes": purposes(), "may_elevate": asked.asking.may(Right.BREAK_GLASS),
    }  # fmt: skip
    return Shown(template="openen.html", values=values, status=422 if wrong else 200 if elevated else 403)


PAGES = (
    Page(path="/berichten/{id:[0-9a-f]{32}}", right=Right.LINES, serve=show),
    Page(path="/berichten/{id:[0-9a-f]{32}}/inhoud", right=Right.OPEN, serve=ask, fresh=True),
    Page(path="/berichten/{id:[0-9a-f]{32}}/inhoud", right=Right.OPEN, serve=read, method="POST", fresh=True),
)
