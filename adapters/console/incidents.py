"""Pages on incidents: telling one, its terms, what was reached, the report to the supervisor, keeping the evidence."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

from adapters.console.dates import typed_moment
from adapters.console.pages import Answer, Asked, Goes, MissingError, Page, Sent, Shown, Waiting
from audit.catalogue import kinds
from gateway.oversight import casebook, touched
from gateway.oversight.casebook import ChangedError
from gateway.oversight.desk import Asking, Desk
from gateway.oversight.incidents import (
    KINDS,
    QUESTIONS,
    STEPS,
    Answers,
    Incident,
    State,
    Step,
    fault,
    missing,
    overdue,
    report,
    terms,
    wrong,
)
from gateway.oversight.lines import visible
from gateway.oversight.rights import Right
from gateway.oversight.signals import ZONE
from gateway.retention import holds
from gateway.retention.orders import NotAllowedError
from gateway.trail import What

MOST_REASON = 1000
_TIMES = ("ontdekt", "begin", "einde")
_CHANGED = "Iemand anders wijzigde dit incident intussen. Kijk het na en probeer het opnieuw."


async def overview(asked: Asked) -> Answer:
    """List the incidents."""
    found = await casebook.listed(asked.desk, asked.asking)
    told = [{**_told(each, asked.asking), "term": _nearest(each, asked.asking.at)} for each in found]
    return Shown(template="incidenten.html", values={"incidents": told})


async def ask(asked: Asked) -> Answer:
    """Ask what happened."""
    return _new({"ontdekt": _local(asked.asking.at)}, {})


async def begin(asked: Asked) -> Answer:
    """Take a new incident."""
    form, bad = asked.form, dict[str, str]()
    moments = {name: typed_moment(form.get(name, "")) for name in _TIMES}
    for name in _TIMES:
        if form.get(name, "") and moments[name] is None:
            bad[name] = "Vul een datum en een tijd in."
    if not form.get("ontdekt", ""):
        bad["ontdekt"] = "Vul in wanneer het is ontdekt."
    new = Incident(
        id="", party="", kind=form.get("soort", ""), state=State.TOLD, found_at=moments["ontdekt"] or 0,
        since_at=moments["begin"], until_at=moments["einde"], cbw=form.get("cbw") == "ja", answers=Answers.of(form),
    )  # fmt: skip
    names = {"kind": "soort", "found_at": "ontdekt", "since_at": "begin", "until_at": "einde"}
    bad = {names.get(name, name): text for name, text in wrong(new, asked.asking.at).items()} | bad
    if bad:
        return _new(form, bad)
    kept = await casebook.begin(asked.desk, asked.asking, new)
    return Goes(to=f"/incidenten/{kept.id}")


async def one(asked: Asked) -> Answer:
    """Show one incident."""
    return _page(asked, await _found(asked), {"stap": Step.NOTE.value, "reden": ""}, {})


async def change(asked: Asked) -> Answer:
    """Take a step in it."""
    case, form = await _found(asked), asked.form
    answers, bad = Answers.of(form), dict[str, str]()
    new = replace(case, answers=answers)
    step = Step(form["stap"]) if form.get("stap") in list(Step) else None
    if case.party != asked.asking.officer.party:
        bad["stap"] = "Dit incident is van de poort zelf. Alleen haar eigen functionarissen wijzigen het."
    elif step is None:
        bad["stap"] = "Kies wat u opschrijft."
    elif trouble := fault(new, step):
        bad["stap"] = trouble
    if not 1 <= len(form.get("reden", "")) <= MOST_REASON:
        bad["reden"] = "Schrijf in het kort waarom u dit doet. Dat komt in het logboek."
    bad |= {name: text for name, text in wrong(new, asked.asking.at).items() if name in QUESTIONS}
    if form.get("versie") != str(case.changed_at):
        bad["stap"] = _CHANGED
    if bad or step is None:
        return _page(asked, new, form, bad)
    try:
        await casebook.change(asked.desk, asked.asking, case, step, answers, reason=form["reden"])
    except ChangedError:
        return _page(asked, new, form, {"stap": _CHANGED})
    return Goes(to=f"/incidenten/{case.id}")


async def told(asked: Asked) -> Answer:
    """Show the report to the supervisor, to copy or print."""
    case = await _found(asked)
    values = {"case": _told(case, asked.asking), "report": _report(asked, case), "missing": missing(case.answers)}
    return Shown(template="incident_melding.html", values=values)


async def sent(asked: Asked) -> Answer:
    """Give that report as a file, once that is logged."""
    case = await _found(asked)
    about = {"reason": f"melding over incident {case.number}", "query": {"incident": case.id}}
    event = asked.asking.did(What.LIST_EXPORTED, thing="incident", about=about)
    await asked.desk.log(replace(event, trace=case.id))
    content = json.dumps(_report(asked, case), ensure_ascii=False, indent=2).encode()
    return Sent(name=f"melding-{case.number}.json", kind="application/json", content=content)


async def reach(asked: Asked) -> Answer:
    """Ask whom or what to look for."""
    case = await _found(asked)
    begin, end = case.since_at or case.found_at, case.until_at or asked.asking.at
    given = {"soort": touched.ACTOR, "waarde": "", "van": _local(begin), "tot": _local(end), "reden": ""}
    return _reach(asked, case, given, {})


async def reached(asked: Asked) -> Answer:
    """Show what was reached, and if asked and allowed who the people are."""
    case, form = await _found(asked), asked.form
    since, until = typed_moment(form.get("van", "")), typed_moment(form.get("tot", ""))
    question = touched.Question(
        by=form.get("soort", ""), value=form.get("waarde", ""), since=since or 0, until=(until or 0) + 60_000
    )
    bad = touched.wrong(question)
    bad |= {name: "Vul een datum en een tijd in." for name, at in (("van", since), ("tot", until)) if at is None}
    if not 1 <= len(form.get("reden", "")) <= MOST_REASON:
        bad["reden"] = "Schrijf in het kort waarom u dit opzoekt. Dat komt in het logboek."
    names = form.get("mensen") == "ja" and asked.asking.may(Right.SEARCH)
    if bad:
        return _reach(asked, case, form, bad)
    found = await touched.touched(asked.desk, asked.asking, question, reason=form["reden"], trace=case.id)
    people = await touched.named(
        asked.desk, asked.asking, found, reason=form["reden"], purpose="incident", trace=case.id
    ) if names else None  # fmt: skip
    return _reach(asked, case, form, {}, found=found, people=people)


async def keep(asked: Asked) -> Answer:
    """Let nothing of the period of an incident be destroyed."""
    case, reason = await _found(asked), asked.form.get("bewaarreden", "")
    begin, end = case.since_at or case.found_at, case.until_at or asked.asking.at
    if not 1 <= len(reason) <= MOST_REASON:
        return _page(asked, case, {}, {"bewaarreden": "Schrijf waarom dit bewaard moet blijven."})
    try:
        await asked.desk.do(
            lambda db: holds.hold(
                db, asked.desk.keys, asked.desk.origin, asked.asking, why=f"incident {case.number}: {reason}",
                first_at=begin, last_at=max(begin, end),
            )
        )  # fmt: skip
    except NotAllowedError as error:
        return _page(asked, case, {"bewaarreden": reason}, {"bewaarreden": str(error)})
    return Goes(to=f"/incidenten/{case.id}?bewaard=ja")


async def waiting(desk: Desk, asking: Asking) -> Sequence[Waiting]:
    """Tell of incidents that are open, and of those whose term runs out."""
    if not asking.may(Right.INCIDENTS):
        return ()
    found = await casebook.listed(desk, asking)
    late, open_ = overdue(found, asking.at), sum(each.is_open for each in found)
    told_late = Waiting(
        text="Incidenten met een termijn die vandaag afloopt of voorbij is", count=late, to="/incidenten"
    )
    told_open = Waiting(text="Incidenten die nog open zijn", count=open_, to="/incidenten")
    return [each for each in (told_late, told_open) if each.count]


async def _found(asked: Asked) -> Incident:
    found = await casebook.find(asked.desk, asked.asking, asked.path["id"])
    if found is None:
        raise MissingError
    return found


def _new(given: Mapping[str, str], bad: Mapping[str, str]) -> Answer:
    values = {"given": given, "wrong": bad, "kinds": list(KINDS.items()), "questions": QUESTIONS}
    return Shown(template="incident_nieuw.html", values=values, status=422 if bad else 200)


def _page(asked: Asked, case: Incident, given: Mapping[str, str], bad: Mapping[str, str]) -> Answer:
    at = asked.asking.at
    values = {
        "case": _told(case, asked.asking),
        "terms": [
            {"name": each.name, "law": each.law, "due": each.due, "words": each.words(at), "share": each.share(at),
             "kind": "ok" if each.done is not None else ("error" if each.left(at) < 0 else "warning")}
            for each in terms(case)
        ],
        "answers": asdict(case.answers),
        "notes": [
            {"at": note.at, "kind": "info", "title": STEPS.get(_step(note.step), "Gemeld"),
             "text": f"{visible(note.reason)} ({note.who})"}
            for note in case.notes
        ],
        "steps": [(step.value, words) for step, words in STEPS.items() if case.cbw or "csirt" not in step.value],
        "questions": QUESTIONS, "given": given, "wrong": bad, "kept": asked.query.get("bewaard") == "ja",
        "mine": case.party == asked.asking.officer.party, "may_keep": asked.asking.may(Right.RETENTION),
    }  # fmt: skip
    return Shown(template="incident.html", values=values, status=422 if bad else 200)


def _reach(
    asked: Asked, case: Incident, given: Mapping[str, str], bad: Mapping[str, str], *,
    found: touched.Touched | None = None, people: Sequence[str] | None = None,
) -> Answer:  # fmt: skip
    values = {
        "case": _told(case, asked.asking), "given": given, "wrong": bad, "by": list(touched.BY.items()),
        "found": found, "people": people, "may_name": asked.asking.may(Right.SEARCH), "most": touched.MOST,
        "parties": [(code, asked.desk.named(code)) for code in sorted(found.parties)] if found else [],
        "titles": [(_title(code), count) for code, count in found.events] if found else [],
    }  # fmt: skip
    return Shown(template="incident_bereik.html", values=values, status=422 if bad else 200)


def _told(case: Incident, asking: Asking) -> dict[str, Any]:
    return {
        "id": case.id, "number": case.number, "kind": KINDS[case.kind], "state": case.state.value, "open": case.is_open,
        "found_at": case.found_at, "since_at": case.since_at, "until_at": case.until_at, "version": case.changed_at,
        "whose": "uw organisatie" if case.party and case.party == asking.officer.party else "de poort zelf",
    }  # fmt: skip


def _nearest(case: Incident, at: int) -> str:
    running = [each for each in terms(case) if each.done is None]
    first = min(running, key=lambda each: each.due, default=None)
    return f"{first.name}: {first.words(at)}" if first and case.is_open else "geen"


def _report(asked: Asked, case: Incident) -> dict[str, Any]:
    return report(case, asked.desk.origin, datetime.now(UTC).isoformat(timespec="seconds"))


def _step(text: str) -> Any:
    return Step(text) if text in list(Step) else text


def _title(code: str) -> str:
    return kinds()[code].title if code in kinds() else code


def _local(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).astimezone(ZONE).strftime("%Y-%m-%dT%H:%M")


_ONE = "/incidenten/{id:[0-9a-f]{32}}"
PAGES = (
    Page(path="/incidenten", right=Right.INCIDENTS, serve=overview, menu="Incidenten"),
    Page(path="/incidenten/nieuw", right=Right.INCIDENTS, serve=ask),
    Page(path="/incidenten/nieuw", right=Right.INCIDENTS, serve=begin, method="POST"),
    Page(path=_ONE, right=Right.INCIDENTS, serve=one),
    Page(path=_ONE, right=Right.INCIDENTS, serve=change, method="POST"),
    Page(path=f"{_ONE}/melding", right=Right.INCIDENTS, serve=told, fresh=True),
    Page(path=f"{_ONE}/melding", right=Right.INCIDENTS, serve=sent, method="POST", fresh=True),
    Page(path=f"{_ONE}/bereik", right=Right.INCIDENTS, serve=reach, fresh=True),
    Page(path=f"{_ONE}/bereik", right=Right.INCIDENTS, serve=reached, method="POST", fresh=True),
    Page(path=f"{_ONE}/bewaren", right=Right.INCIDENTS, serve=keep, method="POST"),
)
