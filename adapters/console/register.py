"""The page with the register of processing (AVG art. 30), and the register as a file."""

import json
from typing import Any

from adapters.console.pages import Answer, Asked, Page, Sent, Shown
from gateway.catalog import Catalog
from gateway.oversight import register
from gateway.oversight.rights import Right


async def shown(asked: Asked) -> Answer:
    """Show the register."""
    made = _made(asked)
    titles = {each["code"]: each["titel"] for each in made["categorieen"]} | {
        register.MESSAGES: "Wat in de berichten staat"
    }
    return Shown(template="verwerkingsregister.html", values={"register": made, "titles": titles})


async def sent(asked: Asked) -> Answer:
    """Give the register as a file."""
    content = json.dumps(_made(asked), ensure_ascii=False, indent=2).encode()
    return Sent(name="verwerkingsregister.json", kind="application/json", content=content)


def _made(asked: Asked) -> dict[str, Any]:
    desk = asked.desk
    return register.register(Catalog.load(), desk.policy, desk.parties, origin=desk.origin)


PAGES = (
    Page(path="/verwerkingsregister", right=Right.REGISTER, serve=shown, menu="Verwerkingsregister"),
    Page(path="/verwerkingsregister", right=Right.REGISTER, serve=sent, method="POST"),
)
