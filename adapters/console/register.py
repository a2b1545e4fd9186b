"""The page with the register of processing (AVG art. 30), and the register as a file."""

import asyncio
import json
from functools import cache
from typing import Any

from adapters.console.pages import Answer, Asked, Page, Sent, Shown
from gateway.catalog import Catalog
from gateway.oversight import register
from gateway.oversight.rights import Right


async def shown(asked: Asked) -> Answer:
    """Show the register."""
    made = await _made(asked)
    titles = {each["code"]: each["titel"] for each in made["categorieen"]} | {
        register.MESSAGES: "Wat in de berichten staat"
    }
    return Shown(template="verwerkingsregister.html", values={"register": made, "titles": titles})


async def sent(asked: Asked) -> Answer:
    """Give the register as a file."""
    content = json.dumps(await _made(asked), ensure_ascii=False, indent=2).encode()
    return Sent(name="verwerkingsregister.json", kind="application/json", content=content)


async def _made(asked: Asked) -> dict[str, Any]:
    """Make it beside the messages that come in: the first time all schemas are read and compiled."""
    desk = asked.desk
    return await asyncio.to_thread(lambda: register.register(_catalog(), desk.policy, desk.parties, origin=desk.origin))


@cache
def _catalog() -> Catalog:
    return Catalog.load()


PAGES = (
    Page(path="/verwerkingsregister", right=Right.REGISTER, serve=shown, menu="Verwerkingsregister"),
    Page(path="/verwerkingsregister", right=Right.REGISTER, serve=sent, method="POST"),
)
