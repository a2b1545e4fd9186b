"""Examples for the access matrix of what officers ask: searches are for one session, messages for one party."""

import re
from collections.abc import Callable, Mapping

from console import Console, Visitor, add_person
from running import HOOFD

from gateway.oversight.rights import Role

WHY = {"doel": "toezicht", "reden": "steekproef van deze maand"}
_TRACE = "{spoor:[0-9a-f]{32}}"


def _asked(path: str, more: str = "", **fields: str) -> Callable[[Visitor], str]:
    """Ask something, and give the address of the answer."""

    def ask(visitor: Visitor) -> str:
        answer = visitor.submit(path, {**WHY, **fields})
        assert answer.status == 303, answer.body
        return answer.headers["location"] + more

    return ask


OWN: Mapping[str, Callable[[Visitor], str]] = {
    f"/zoeken/{_TRACE}": _asked("/zoeken"),
    f"/zoeken/{_TRACE}/uitvoer": _asked("/zoeken", "/uitvoer"),
    f"/inzage/{_TRACE}": _asked("/inzage", bsn="999900006"),
    f"/inzage/{_TRACE}/uitvoer": _asked("/inzage", "/uitvoer", bsn="999900006"),
}
"""Pages that are for the session that asked, and no other."""


_reviewed: dict[int, str] = {}


def _emergency(desk: Console, _message: str) -> str:
    """An emergency access of somebody at HOOFD that is over and waits for its review."""
    if desk.port not in _reviewed:
        ops = desk.visitor()
        ops.log_in(add_person(desk.gateway.home, Role.OPS, HOOFD, login="ops.in.nood"))
        ops.submit("/noodtoegang/vragen", {"reden": "oefening van dit kwartaal", "weet": "ja"})
        ops.submit("/noodtoegang", {}, to="/noodtoegang/einde")
        fg = desk.visitor()
        fg.log_in(add_person(desk.gateway.home, Role.FG, HOOFD, login="fg.van.wacht"))
        trace = re.search(r"/noodtoegang/([0-9a-f]{32})", fg.get("/noodtoegang").body.decode())
        assert trace
        _reviewed[desk.port] = f"/noodtoegang/{trace[1]}"
    return _reviewed[desk.port]


EXAMPLES: Mapping[str, Callable[[Console, str], str]] = {
    **{path: lambda _desk, _message, path=path: path.replace(_TRACE, "0" * 32) for path in OWN},
    "/berichten/{id:[0-9a-f]{32}}": lambda _desk, message: f"/berichten/{message}",
    "/berichten/{id:[0-9a-f]{32}}/inhoud": lambda _desk, message: f"/berichten/{message}/inhoud",
    f"/noodtoegang/{_TRACE}": _emergency,
}
