"""The access matrix: every page, asked by every role at every party. What is not his does not exist for an officer.

A page is in it by being registered. One with a variable part in its path needs a line in ``EXAMPLES``: what officers of
one party may see there, and all others may not.
"""

import hashlib
import itertools
import re
from collections.abc import Callable, Mapping

import asked
import hiding
import pytest
import supervised
from console import COOKIE, PARTIES, Console, Visitor, console, text_of
from running import HOOFD, ONDER, OTHER

from adapters.console.application import PAGES, application
from adapters.console.door import Door
from adapters.console.pages import Page
from gateway.invented import message
from gateway.oversight.accounts import ROLES
from gateway.oversight.rights import RIGHTS, Officer, Right, Role, may, sees

OPEN = {
    ("GET", "/aanmelden"),
    ("POST", "/aanmelden"),
    ("POST", "/afmelden"),
    ("GET", "/afgemeld"),
    ("GET", "/aanmelden/inlogdienst"),
    ("GET", "/aanmelden/terug"),
    ("POST", "/aanmelden/afgemeld"),
    ("GET", "/opmaak/console.css"),
    ("GET", "/opmaak/console.svg"),
}
"""All that anybody may ask; a new one is a decision, so it is written here too."""

Example = Callable[[Console, str], str]
EXAMPLES: Mapping[str, Example] = {**supervised.EXAMPLES, **asked.EXAMPLES, **hiding.EXAMPLES}
"""Path with a variable part -> the address of something there that is of HOOFD alone: (console, message id) -> path."""

OFFICERS = [(role, party) for role in ROLES for party in PARTIES]


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    with console(tmp_path_factory.mktemp("toezicht") / "poort", named=(HOOFD,)) as desk:
        yield desk


@pytest.fixture(scope="module")
def secret(desk) -> str:
    """Id of a message that concerns HOOFD and a party without officers; nobody else may see that it exists."""
    answer = desk.gateway.send(message("ho301-gewoon", "D301", sender=HOOFD, receiver=OTHER))
    assert answer.status == 201, answer.json
    return answer.json["berichtId"]


@pytest.fixture(scope="module")
def visitors(desk) -> dict[tuple[Role, str], Visitor]:
    """Each officer, logged in."""
    return {who: desk.logged_in(*who) for who in OFFICERS}


def officer_of(role: Role, party: str) -> Officer:
    return Officer(login="f.de.groot", name="F. de Groot", role=role, party=party, finds_secret=True)


def ask(visitor: Visitor, page: Page, path: str):
    """Ask for a page; of a form, send it with its proof and nothing filled in."""
    if page.method == "GET":
        return visitor.get(path)
    proof = hashlib.sha256(b"ketenpoort|bewijs|" + visitor.cookies[COOKIE].encode()).hexdigest()
    return visitor.post(path, {"bewijs": proof})


def address(
    desk: Console, secret: str, visitors: Mapping[tuple[Role, str], Visitor], page: Page, who: tuple[Role, str]
):
    """Where an example of this page is; what is for one session is asked by himself if he may, else by an fg."""
    if page.path not in asked.OWN:
        return EXAMPLES[page.path](desk, secret) if "{" in page.path else page.path
    role, party = who
    own = party == HOOFD and page.right in RIGHTS[role]
    return asked.OWN[page.path](visitors[who if own else (Role.FG, HOOFD)])


def test_every_route_has_a_right_or_is_open_on_purpose():
    door = Door(None, None)
    routes = application(None, door, body_seconds=1).router.routes()
    known = {(page.method, page.path) for page in PAGES}
    assert {(route.method, route.resource.canonical) for route in routes} == {
        (method, re.sub(r"\{(\w+):[^/]+\}", r"{\1}", path)) for method, path in known | OPEN
    }
    assert not known & OPEN
    assert all(isinstance(page.right, Right) for page in PAGES)


def test_every_right_is_of_some_role_and_every_page_with_a_variable_part_has_an_example():
    assert set().union(*RIGHTS.values()) == set(Right)
    assert {page.path for page in PAGES if "{" in page.path} == set(EXAMPLES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.method} {page.path}")
def test_a_page_opens_for_who_has_its_right_and_does_not_exist_for_anybody_else(desk, visitors, secret, page):
    leaks, closed = [], []
    same = address(desk, secret, visitors, page, (Role.FG, HOOFD))
    for (role, party), visitor in visitors.items():
        path = address(desk, secret, visitors, page, (role, party)) if page.path in asked.OWN else same
        answer = ask(visitor, page, path)
        allowed = page.right in RIGHTS[role] and (
            ("{" not in page.path and page.right is not Right.HIDDEN) or party == HOOFD
        )
        nothing = visitor.get("/bestaat-niet")
        if not allowed and (answer.status, answer.body) != (404, nothing.body):
            leaks.append((role, party, answer.status))
        if allowed and (answer.status == 404 or answer.status >= 500):
            closed.append((role, party, answer.status))
    assert (leaks, closed) == ([], [])


@pytest.mark.parametrize("page", [page for page in PAGES if page.method == "GET"], ids=lambda page: page.path)
def test_no_page_tells_of_a_message_between_other_parties(desk, visitors, secret, page):
    path = address(desk, secret, visitors, page, (Role.FG, HOOFD))
    for (_, party), visitor in visitors.items():
        if party != HOOFD:
            assert secret.encode() not in ask(visitor, page, path).body


@pytest.mark.parametrize(
    ("path", "told"),
    [("/register/overeenkomsten", "RO-2026-07"), ("/register/termijnen", "HO341"), ("/register", "Uw partij")],
)
def test_who_works_for_whom_is_shown_to_officers_of_a_party_that_it_concerns(desk, visitors, path, told):
    supervised.contract(desk, "")
    shown = {who: told in text_of(visitors[who].get(path)) for who in visitors if Right.CHAIN in RIGHTS[who[0]]}
    own = (HOOFD, ONDER) if path == "/register" else (HOOFD,)
    assert shown == {(role, party): party in own for role, party in shown}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.method} {page.path}")
def test_who_is_not_logged_in_gets_nothing_of_any_page(desk, secret, page):
    path = EXAMPLES[page.path](desk, secret) if "{" in page.path else page.path
    visitor = desk.visitor()
    answer = visitor.get(path) if page.method == "GET" else visitor.post(path, {"bewijs": "0"})
    assert (answer.status, answer.body, answer.headers["location"][:11]) == (303, b"", "/aanmelden?")
    visitor.cookies[COOKIE] = "verzonnen"
    assert ask(visitor, page, path).status == 303


@pytest.mark.parametrize("page", [page for page in PAGES if page.method == "POST"], ids=lambda page: page.path)
def test_a_form_without_its_proof_or_from_elsewhere_does_nothing(desk, visitors, secret, page):
    path = address(desk, secret, visitors, page, (Role.FG, HOOFD))
    role = next(role for role in ROLES if page.right in RIGHTS[role])
    visitor = visitors[role, HOOFD]
    assert visitor.post(path, {}).status == 400
    assert visitor.post(path, {"bewijs": "0" * 64}).status == 400
    other = visitors[next(each for each in ROLES if each is not role), HOOFD]
    proof = hashlib.sha256(b"ketenpoort|bewijs|" + other.cookies[COOKIE].encode()).hexdigest()
    assert visitor.post(path, {"bewijs": proof}).status == 400


def test_the_table_says_what_each_role_never_may():
    """Written out once more, by hand: who changes the table must change his mind twice."""
    content = {Right.OPEN, Right.SEARCH, Right.DOSSIER, Right.EXPORT, Right.SIGNALS}
    assert not RIGHTS[Role.AUDITOR] & (content | {Right.OFFICERS, Right.KEYS, Right.OPERATE, Right.BREAK_GLASS})
    assert not RIGHTS[Role.TENANT_ADMIN] & (content | {Right.LINES, Right.BREAK_GLASS, Right.APPROVE_ERASURE})
    assert not RIGHTS[Role.OPS] & (content | {Right.LINES, Right.APPROVE_ERASURE, Right.RETENTION, Right.OFFICERS})
    assert not RIGHTS[Role.ERASURE_APPROVER] & (content | {Right.LINES, Right.BREAK_GLASS})
    assert not RIGHTS[Role.FG] & {Right.APPROVE_ERASURE, Right.OFFICERS, Right.KEYS, Right.OPERATE}
    assert [role for role in Role if Right.APPROVE_ERASURE in RIGHTS[role]] == [Role.ERASURE_APPROVER]


def test_emergency_access_adds_what_it_adds_and_nothing_else():
    for role, right in itertools.product(ROLES, Right):
        officer = officer_of(role, HOOFD)
        more = RIGHTS[Role.BREAK_GLASS] if role in (Role.FG, Role.OPS) else frozenset()  # others cannot ask for it
        assert may(officer, right, elevated=True) == (right in RIGHTS[role] or right in more)
        assert may(officer, right) == (right in RIGHTS[role])


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(("party", "named"), [(HOOFD, False), ("", True)])
def test_who_is_secret_is_for_no_role_but_for_who_is_named_at_a_party(role, party, named):
    officer = Officer(login="f.de.groot", name="F. de Groot", role=role, party=party, finds_secret=named)
    assert not may(officer, Right.HIDDEN)
    assert not may(officer, Right.HIDDEN, elevated=True)


@pytest.mark.parametrize(
    ("party", "line", "seen"),
    [
        (HOOFD, (HOOFD, ONDER), True),
        (ONDER, (HOOFD, ONDER), True),
        (OTHER, (HOOFD, ONDER), False),
        ("", (HOOFD, ONDER), False),
        ("", (HOOFD, None), False),
        (HOOFD, (None, None), True),
        ("", (None, None), True),
        (HOOFD, (ONDER, None), False),
        ("", ("", None), False),
    ],
)
def test_a_line_is_seen_by_its_parties_and_one_of_the_gateway_by_everybody(party, line, seen):
    assert sees(officer_of(Role.FG, party), *line) is seen
