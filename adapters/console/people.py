"""Who are the officers of one's own party."""

from adapters.console.pages import Answer, Asked, Page, Shown
from gateway.oversight.desk import now
from gateway.oversight.rights import DUTCH, Right
from gateway.oversight.state import logged_in


async def officers(asked: Asked) -> Answer:
    """List them, and who is logged in."""
    here = await logged_in(asked.desk, now())
    party = asked.asking.officer.party
    told = [
        {
            "name": each.officer.name,
            "login": each.officer.login,
            "role": DUTCH[each.officer.role],
            "by": "de inlogdienst" if each.issuer else "wachtwoord en code",
            "here": each.officer.login in here,
        }
        for each in asked.desk.officers.by_login.values()
        if each.officer.party == party
    ]
    return Shown(template="functionarissen.html", values={"officers": told})


PAGES = (Page(path="/functionarissen", right=Right.OFFICERS, serve=officers, menu="Functionarissen"),)
