"""Pages on the verifier: begin a run, see how far it is, read what it found, take the report along."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from adapters.console.pages import Answer, Asked, Goes, Page, Sent, Shown, Waiting
from gateway.oversight import checks
from gateway.oversight.checks import Check
from gateway.oversight.desk import Asking, Desk
from gateway.oversight.rights import Right

_KINDS = {"goed": "ok", "fout": "error", "niet te controleren": "warning"}


async def overview(asked: Asked) -> Answer:
    """Show the last runs."""
    async with asked.desk.reading() as db:
        found = await checks.listed(db)
    told = [_told(each, asked.desk) for each in found]
    return Shown(
        template="controles.html", values={"checks": told, "running": any(not each["ended_at"] for each in told)}
    )


async def begin(asked: Asked) -> Answer:
    """Ask for a run."""
    return Goes(to=f"/controle?nummer={await checks.ask(asked.desk, asked.asking)}")


async def one(asked: Asked) -> Answer:
    """Show one run: how far it is, or what it found."""
    check = await _found(asked)
    if check is None:
        return Goes(to="/controles")
    values = {
        "check": _told(check, asked.desk),
        "found": check.found,
        "heads": [{**each, "at": datetime.fromisoformat(each["tijd"])} for each in check.found.get("standen", ())],
        "outcomes": [{**each, "kind": _KINDS[each["oordeel"]]} for each in check.found.get("controles", ())],
    }
    return Shown(template="controle.html", values=values)


async def report(asked: Asked) -> Answer:
    """Give what a run found as a file."""
    check = await _found(asked)
    if check is None or not check.report:
        return Goes(to="/controles")
    if asked.form.get("vorm") == "pdf":
        async with asked.desk.reading() as db:
            content = await checks.paper(db, check.id)
        return Sent(name=f"controle-{check.id[:8]}.pdf", kind="application/pdf", content=content or b"")
    content = json.dumps(check.found, ensure_ascii=False, indent=2).encode()
    return Sent(name=f"controle-{check.id[:8]}.json", kind="application/json", content=content)


async def waiting(desk: Desk, asking: Asking) -> Sequence[Waiting]:
    """Tell that the last run did not end well."""
    if not asking.may(Right.VERIFY):
        return ()
    async with desk.reading() as db:
        last = await checks.last(db)
    if last is None or not last.verdict:
        return ()
    return [Waiting(text=f"De laatste controle: {last.found['uitkomst']}", count=1, to=f"/controle?nummer={last.id}")]


async def _found(asked: Asked) -> Check | None:
    async with asked.desk.reading() as db:
        return await checks.find(db, asked.query.get("nummer") or asked.form.get("nummer", ""))


def _told(check: Check, desk: Desk) -> dict[str, Any]:
    words = {None: ("bezig", "info"), 0: ("ongeschonden", "ok"), 1: ("veranderd", "error")}
    word, kind = words.get(check.verdict, ("onvolledig" if check.verdict == 2 else "niet te controleren", "warning"))
    own = check.officer == desk.origin
    return {
        "id": check.id, "asked_at": check.asked_at, "by": "de poort, elke dag" if own else "een functionaris",
        "ended_at": check.ended_at, "done": check.done, "total": check.total, "word": word, "kind": kind,
        "began": check.began_at is not None, "lines": check.found.get("regels", 0), "on_paper": check.on_paper,
        "share": 100 * check.done // check.total if check.total else 0,
    }  # fmt: skip


PAGES = (
    Page(path="/controles", right=Right.VERIFY, serve=overview, menu="Controle van het logboek"),
    Page(path="/controles", right=Right.VERIFY, serve=begin, method="POST"),
    Page(path="/controle", right=Right.VERIFY, serve=one),
    Page(path="/controle", right=Right.VERIFY, serve=report, method="POST"),
)
