"""Somebody who is secret for HOOFD, for tests that look at pages: a client whom one officer of HOOFD hid."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from console import Console, add_person
from running import HOOFD

from audit import box
from gateway.oversight.rights import Role

BSN, NUMBER, GEMEENTE = "999900080", "K-2026.17", "9901"
BEGIN = {"bsn": BSN, "nummer": NUMBER, "doel": "nood", "reden": "melding van de gemeente"}
PRIVATE, PUBLIC = box.new_pair()
_hidden: dict[int, str] = {}


def hidden(desk: Console, _message: str = "") -> str:
    """Id of the one who is secret."""
    if desk.port not in _hidden:
        _hidden[desk.port] = _id(desk.gateway.home, desk)
    return _hidden[desk.port]


def _id(home: Path, desk: Console) -> str:
    visitor = desk.visitor()
    visitor.log_in(add_person(home, Role.FG, HOOFD, login="fg.verbergt", finds_secret=True))
    made = visitor.submit("/geheim/begin", BEGIN)
    assert made.status == 303, made.body
    found = re.search(r"/geheim/([0-9a-f]{32})/einde", visitor.get("/geheim").body.decode())
    assert found
    return found[1]


def takes_part(home: Path) -> None:
    """Let a gemeente take part that gave its public key."""
    with (home / "partijen.toml").open("a", encoding="utf-8") as file:
        key = f'openbare_sleutel = "{PUBLIC}"'
        file.write(f'\n[[partij]]\ncode = "{GEMEENTE}"\nnaam = "Gemeente Voorbeeld"\n{key}\n')


_ONE = "/geheim/{id:[0-9a-f]{32}}"
EXAMPLES: Mapping[str, Callable[[Console, str], str]] = {
    f"{_ONE}/einde": lambda desk, _message: f"/geheim/{hidden(desk)}/einde",
    f"{_ONE}/bevestiging": lambda desk, _message: f"/geheim/{hidden(desk)}/bevestiging",
    f"{_ONE}/{{soort:registratie|factuur}}": lambda desk, _message: f"/geheim/{hidden(desk)}/factuur",
}
