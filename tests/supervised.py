"""Something for officers of HOOFD, and of nobody else, to look at: an incident, and a signal of unusual reading."""

import re
from datetime import datetime, timedelta
from functools import cache

from console import Console, Visitor, add_person
from running import HOOFD, OTHER

from gateway.invented import message
from gateway.oversight.rights import Role
from gateway.oversight.signals import ZONE

NATURE = "Een medewerker keek zonder reden."
_consoles: dict[int, Console] = {}


def incident(console: Console, _message: str) -> str:
    """Path of an incident of HOOFD."""
    _consoles[console.port] = console
    return _incident(console.port)


def signal(console: Console, _message: str) -> str:
    """Path of a signal of HOOFD: somebody who failed to log in five times."""
    _consoles[console.port] = console
    return _signal(console.port)


@cache
def _incident(port: int) -> str:
    found = _officer(_consoles[port], "fg.schrijft").submit("/incidenten/nieuw", told())
    assert found.status == 303, found.body
    return found.headers["location"]


@cache
def _signal(port: int) -> str:
    console = _consoles[port]
    forgetful = add_person(console.gateway.home, Role.FG, HOOFD, login="fg.vergeet")
    for _ in range(5):
        console.visitor().log_in(forgetful, code="geen code")
    page = _officer(console, "fg.kijkt").get("/signalen").body.decode()
    found = re.search(r'href="(/signalen/[0-9a-f]{32})">Vaak mislukt', page)
    assert found, page
    return found[1]


def _officer(console: Console, login: str) -> Visitor:
    visitor = console.visitor()
    assert visitor.log_in(add_person(console.gateway.home, Role.FG, HOOFD, login=login)).status == 303
    return visitor


def told(**instead: str) -> dict[str, str]:
    """What a form about a new incident is filled in with."""
    found = (datetime.now(ZONE) - timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M")
    return {"soort": "onbevoegde-inzage", "ontdekt": found, "nature": NATURE, **instead}


def contract(console: Console, _message: str) -> str:
    """Path of a contract between HOOFD and a party without officers."""
    _consoles[console.port] = console
    return _contract(console.port)


@cache
def _contract(port: int) -> str:
    offered = message("ho341-minimaal", "REG341", sender=HOOFD, receiver=OTHER)
    assert _consoles[port].gateway.send(offered).status == 201
    return f"/register/overeenkomsten/JW/{HOOFD}/{OTHER}/RO-2026-07"


_ONE = "/incidenten/{id:[0-9a-f]{32}}"
EXAMPLES = {
    "/signalen/{key:[0-9a-f]{32}}": signal,
    _ONE: incident,
    "/register/overeenkomsten/{wet}/{hoofd}/{onder}/{nummer}": contract,
    **{f"{_ONE}/{rest}": (lambda console, message, rest=rest: f"{incident(console, message)}/{rest}")
       for rest in ("melding", "bereik", "bewaren")},
}  # fmt: skip
