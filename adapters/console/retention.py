"""Pages on keeping and destroying: what is proposed and who agrees, what is held, what a person may have destroyed."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from adapters.console.dates import midnight, typed_day
from adapters.console.pages import Answer, Asked, Goes, Page, Sent, Shown, Waiting
from adapters.console.render import day
from gateway.oversight.desk import Asking, Desk
from gateway.oversight.lines import visible
from gateway.oversight.question import bsn_fault
from gateway.oversight.rights import OPERATOR, Right
from gateway.retention import holds, orders, persons
from gateway.retention.certificate import certificate
from gateway.retention.decide import APPROVERS, Kind, Stage, fault_of_approval
from gateway.retention.holds import Hold
from gateway.retention.orders import Erasure, NotAllowedError

MOST_REASON = 1000
MOST_PEOPLE = 20
"""Persons in one request."""
_WHY = f"Schrijf waarom, in ten hoogste {MOST_REASON} tekens. Dat komt in het logboek."
_KINDS = {
    Kind.TERM: "Termijn voorbij", Kind.PERSON: "Op verzoek van een cliënt", Kind.STANDING: "Doorlopende toestemming",
}  # fmt: skip
_OVER = {Stage.PROPOSED: "warning", Stage.APPROVED: "info", Stage.DONE: "ok"}


async def overview(asked: Asked) -> Answer:
    """Show what waits, what is held and how long things are kept."""
    desk, party = asked.desk, asked.asking.officer.party
    async with desk.reading() as db:
        erasures = await orders.listed(db, desk.keys, party, *Stage)
        kept = await holds.in_force(db, desk.keys, party)
    values = {
        "waiting": [_told(each, asked) for each in erasures if each.state is Stage.PROPOSED],
        "others": [_told(each, asked) for each in reversed(erasures) if each.state is not Stage.PROPOSED],
        "holds": [_held(each) for each in kept], "policy": list(desk.policy.values()),
        "may_ask": asked.asking.may(Right.DOSSIER) and party != OPERATOR,
        "may_stand": asked.asking.may(Right.DOSSIER) and party == OPERATOR,
        "done": asked.query.get("gedaan") == "ja",
    }  # fmt: skip
    return Shown(template="bewaren.html", values=values)


async def one(asked: Asked) -> Answer:
    """Show one proposal, to decide about it."""
    found = await _find(asked, asked.query.get("nummer", ""))
    return _decide(asked, found, "", "") if found else Goes(to="/bewaren")


async def decide(asked: Asked) -> Answer:
    """Take what somebody decides about a proposal."""
    desk, form = asked.desk, asked.form
    found = await _find(asked, form.get("nummer", ""))
    if found is None:
        return Goes(to="/bewaren")
    reason = form.get("reden", "")
    if form.get("besluit") not in ("ja", "nee"):
        return _decide(asked, found, reason, "Kies of u akkoord gaat.")
    if form["besluit"] == "nee" and not 1 <= len(reason) <= MOST_REASON:
        return _decide(asked, found, reason, _WHY)
    try:
        if form["besluit"] == "ja":
            await desk.do(lambda db: orders.approve(db, desk.keys, desk.origin, found.id, asked.asking))
        else:
            await desk.do(lambda db: orders.reject(db, desk.keys, desk.origin, found.id, asked.asking, why=reason))
    except NotAllowedError as error:
        return _decide(asked, found, reason, str(error))
    return Goes(to="/bewaren?gedaan=ja")


async def ask_proof(asked: Asked) -> Answer:
    """Show what was destroyed, to take along the certificate."""
    found = await _find(asked, asked.query.get("nummer", ""))
    return _proof(asked, found, "") if found and found.state is Stage.DONE else Goes(to="/bewaren")


async def proof(asked: Asked) -> Answer:
    """Give the certificate of a destruction."""
    desk = asked.desk
    found = await _find(asked, asked.form.get("nummer", ""))
    if found is None:
        return Goes(to="/bewaren")
    try:
        async with desk.reading() as db:
            told = await certificate(db, desk.keys, desk.origin, found.id, policy=desk.policy)
    except NotAllowedError as error:
        return _proof(asked, found, str(error))
    content = json.dumps(told, ensure_ascii=False, indent=2).encode()
    return Sent(name=f"verklaring-{found.id[:8]}.json", kind="application/json", content=content)


async def ask_hold(asked: Asked) -> Answer:
    """Ask what must be kept."""
    return _hold({"soort": "bericht", "bericht": asked.query.get("bericht", "")}, {})


async def hold(asked: Asked) -> Answer:
    """Keep a message, a person or a period, whatever its term."""
    desk, form, bad = asked.desk, asked.form, dict[str, str]()
    chosen: dict[str, Any] = {}
    match form.get("soort"):
        case "bericht":
            chosen = {"message": form.get("bericht", "")}
        case "persoon":
            chosen = {"bsn": form.get("bsn", "")}
            if fault := bsn_fault(form.get("bsn", "")):
                bad["bsn"] = fault
        case "periode":
            first, last = typed_day(form.get("van", "")), typed_day(form.get("tot", ""))
            if first is None or last is None or last < first:
                bad["tot"] = "Vul een eerste en een laatste dag in, in die volgorde."
            else:
                chosen = {"first_at": midnight(first), "last_at": midnight(last + timedelta(days=1)) - 1}
        case _:
            bad["soort"] = "Kies wat u wilt bewaren."
    if not 1 <= len(form.get("reden", "")) <= MOST_REASON:
        bad["reden"] = _WHY
    if bad:
        return _hold(form, bad)
    try:
        await desk.do(
            lambda db: holds.hold(db, desk.keys, desk.origin, asked.asking, why=form["reden"], **chosen)
        )  # fmt: skip
    except NotAllowedError as error:
        return _hold(form, {"soort": str(error)})
    return Goes(to="/bewaren?gedaan=ja")


async def ask_lift(asked: Asked) -> Answer:
    """Ask why something need not be kept any longer."""
    found = await _hold_of(asked, asked.query.get("nummer", ""))
    return _lift(found, "", "") if found else Goes(to="/bewaren")


async def lift(asked: Asked) -> Answer:
    """Let go what was held."""
    desk, reason = asked.desk, asked.form.get("reden", "")
    found = await _hold_of(asked, asked.form.get("nummer", ""))
    if found is None:
        return Goes(to="/bewaren")
    if not 1 <= len(reason) <= MOST_REASON:
        return _lift(found, reason, _WHY)
    try:
        await desk.do(lambda db: holds.lift(db, desk.keys, desk.origin, found.id, asked.asking, why=reason))
    except NotAllowedError as error:
        return _lift(found, reason, str(error))
    return Goes(to="/bewaren?gedaan=ja")


async def ask_person(_asked: Asked) -> Answer:
    """Ask about whom a request is."""
    return _person({}, {})


async def person(asked: Asked) -> Answer:
    """Show what may be destroyed about persons, and ask for it if he says so; that he looks is logged first."""
    desk, form, bad = asked.desk, asked.form, dict[str, str]()
    people = tuple(dict.fromkeys(form.get("bsn", "").replace(",", " ").split()))
    if not 1 <= len(people) <= MOST_PEOPLE:
        bad["bsn"] = f"Vul 1 tot {MOST_PEOPLE} burgerservicenummers in, met een spatie ertussen."
    elif fault := next(filter(None, map(bsn_fault, people)), ""):
        bad["bsn"] = fault
    if not 1 <= len(form.get("reden", "")) <= MOST_REASON:
        bad["reden"] = _WHY
    if bad:
        return _person(form, bad)
    inquiry = await persons.inquire(desk, asked.asking, people, why=form["reden"])
    if form.get("stap") == "aanvragen":
        try:
            await desk.do(
                lambda db: persons.ask(db, desk.keys, desk.origin, asked.asking, inquiry, why=form["reden"])
            )  # fmt: skip
        except NotAllowedError as error:
            return _person(form, {"bsn": str(error)})
        return Goes(to="/bewaren?gedaan=ja")
    async with desk.reading() as db:
        parts = await persons.examine(db, desk.keys, inquiry)
    return _person(form, {}, parts=parts)


async def ask_standing(asked: Asked) -> Answer:
    """Ask which class may be destroyed each night."""
    return _standing(asked, {}, {})


async def standing(asked: Asked) -> Answer:
    """Ask two others that what is past its term may go each night."""
    desk, form, bad = asked.desk, asked.form, dict[str, str]()
    until = typed_day(form.get("tot", ""))
    if form.get("klasse") not in desk.policy:
        bad["klasse"] = "Kies een klasse."
    if until is None:
        bad["tot"] = "Vul een datum in."
    if not 1 <= len(form.get("reden", "")) <= MOST_REASON:
        bad["reden"] = _WHY
    if bad or until is None:
        return _standing(asked, form, bad)
    try:
        await desk.do(
            lambda db: orders.ask_standing(
                db, desk.keys, desk.origin, asked.asking, policy=desk.policy, class_=form["klasse"],
                until=midnight(until + timedelta(days=1)), why=form["reden"],
            )
        )  # fmt: skip
    except NotAllowedError as error:
        return _standing(asked, form, {"klasse": str(error)})
    return Goes(to="/bewaren?gedaan=ja")


async def waiting(desk: Desk, asking: Asking) -> Sequence[Waiting]:
    """Tell what this officer may agree to."""
    if not asking.may(Right.APPROVE_ERASURE):
        return ()
    async with desk.reading() as db:
        found = await orders.listed(db, desk.keys, asking.officer.party, Stage.PROPOSED)
    count = sum(not _fault(each, asking) for each in found)
    return [Waiting(text="Voorstellen om te vernietigen: gaat u akkoord?", count=count, to="/bewaren")] if count else ()


async def _find(asked: Asked, id_: str) -> Erasure | None:
    async with asked.desk.reading() as db:
        found = await orders.listed(db, asked.desk.keys, asked.asking.officer.party, *Stage)
    return next((each for each in found if each.id == id_), None)


async def _hold_of(asked: Asked, id_: str) -> Hold | None:
    async with asked.desk.reading() as db:
        found = await holds.in_force(db, asked.desk.keys, asked.asking.officer.party)
    return next((each for each in found if each.id == id_), None)


def _fault(erasure: Erasure, asking: Asking) -> str:
    return fault_of_approval(
        asking.officer, party=erasure.party, state=erasure.state, requester=erasure.requester,
        approvals=erasure.approvals,
    )  # fmt: skip


def _told(erasure: Erasure, asked: Asked) -> dict[str, Any]:
    rule = asked.desk.policy.get(erasure.class_)
    return {
        "id": erasure.id, "number": erasure.id[:8], "kind": _KINDS[erasure.kind], "count": erasure.count,
        "what": rule.title if rule else "wat over deze cliënten mag verdwijnen", "made_at": erasure.made_at,
        "state": erasure.state.value, "badge": _OVER.get(erasure.state, "info"), "until": erasure.until,
        "by": erasure.requester or "de poort zelf", "reason": visible(erasure.reason),
        "approvals": [visible(each) for each in erasure.approvals], "needed": APPROVERS,
        "people": len(erasure.subjects), "may": not _fault(erasure, asked.asking),
        "ground": rule.ground if rule else "AVG art. 17, Jeugdwet art. 7.3.9",
        "destroyed": rule.destroyed if rule else "de inhoud van berichten en wat de poort ervan onthield",
        "stays": rule.stays if rule else "wat de wet laat staan, en de logregels",
    }  # fmt: skip


def _held(hold: Hold) -> dict[str, Any]:
    what = {
        "bericht": f"bericht {(hold.message or '')[:8]}",
        "persoon": "een cliënt",
        "periode": f"{day(hold.first_at or 0)} tot en met {day(hold.last_at or 0)}",
    }
    return {
        "id": hold.id, "what": what[hold.kind], "made_at": hold.made_at, "who": hold.who,
        "reason": visible(hold.reason),
    }  # fmt: skip


def _decide(asked: Asked, found: Erasure, reason: str, wrong: str) -> Answer:
    values = {"erasure": _told(found, asked), "fault": _fault(found, asked.asking), "reason": reason, "wrong": wrong}
    return Shown(template="bewaren_besluit.html", values=values, status=422 if wrong else 200)


def _proof(asked: Asked, found: Erasure, wrong: str) -> Answer:
    values = {"erasure": _told(found, asked), "wrong": wrong}
    return Shown(template="bewaren_verklaring.html", values=values, status=422 if wrong else 200)


def _hold(given: Mapping[str, str], bad: Mapping[str, str]) -> Answer:
    kinds = [("bericht", "één bericht"), ("persoon", "alles over één cliënt"), ("periode", "alles uit een periode")]
    values = {"given": given, "wrong": bad, "kinds": kinds}
    return Shown(template="bewaren_plicht.html", values=values, status=422 if bad else 200)


def _lift(found: Hold, reason: str, wrong: str) -> Answer:
    values = {"hold": _held(found), "reason": reason, "wrong": wrong}
    return Shown(template="bewaren_opheffen.html", values=values, status=422 if wrong else 200)


def _person(given: Mapping[str, str], bad: Mapping[str, str], *, parts: Any = None) -> Answer:
    values = {"given": given, "wrong": bad, "parts": parts, "some": any(not each.stays for each in parts or ())}
    return Shown(template="bewaren_verzoek.html", values=values, status=422 if bad else 200)


def _standing(asked: Asked, given: Mapping[str, str], bad: Mapping[str, str]) -> Answer:
    classes = [(code, rule.title) for code, rule in asked.desk.policy.items() if rule.kind in orders.AT_ONCE]
    values = {"given": given, "wrong": bad, "classes": classes}
    return Shown(template="bewaren_doorlopend.html", values=values, status=422 if bad else 200)


PAGES = (
    Page(path="/bewaren", right=Right.RETENTION, serve=overview, menu="Bewaren en vernietigen"),
    Page(path="/bewaren/besluit", right=Right.APPROVE_ERASURE, serve=one, fresh=True),
    Page(path="/bewaren/besluit", right=Right.APPROVE_ERASURE, serve=decide, method="POST", fresh=True),
    Page(path="/bewaren/verklaring", right=Right.RETENTION, serve=ask_proof),
    Page(path="/bewaren/verklaring", right=Right.RETENTION, serve=proof, method="POST"),
    Page(path="/bewaren/plicht", right=Right.RETENTION, serve=ask_hold),
    Page(path="/bewaren/plicht", right=Right.RETENTION, serve=hold, method="POST"),
    Page(path="/bewaren/opheffen", right=Right.RETENTION, serve=ask_lift),
    Page(path="/bewaren/opheffen", right=Right.RETENTION, serve=lift, method="POST"),
    Page(path="/bewaren/verzoek", right=Right.DOSSIER, serve=ask_person, fresh=True),
    Page(path="/bewaren/verzoek", right=Right.DOSSIER, serve=person, method="POST", fresh=True),
    Page(path="/bewaren/doorlopend", right=Right.DOSSIER, serve=ask_standing, fresh=True),
    Page(path="/bewaren/doorlopend", right=Right.DOSSIER, serve=standing, method="POST", fresh=True),
)
