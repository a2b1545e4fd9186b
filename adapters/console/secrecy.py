"""Pages on clients who are secret: who, until when a gemeente may take to confirm, and the forms that go to it sealed.

For officers who are named for it. A client stands here by the party's own number; the BSN is typed once, to begin.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from adapters.console.lookup import filled, purposes
from adapters.console.pages import Answer, Asked, Goes, MissingError, Page, Sent, Shown, Waiting
from adapters.console.papers import can_make
from adapters.console.render import iso, moment
from audit import box
from audit.pdf import pdf_of
from gateway.oversight.desk import Asking, Desk
from gateway.oversight.purposes import LEAST_REASON, MOST_REASON
from gateway.oversight.purposes import faults as purpose_faults
from gateway.oversight.question import bsn_fault
from gateway.oversight.rights import Right
from gateway.parties import Party
from gateway.retention import forms, handed, secret
from gateway.retention.forms import TITLES, Form, FormError
from gateway.retention.orders import NotAllowedError
from gateway.retention.secret import Secret, Stage

_TEMPLATE = Path(__file__).parent / "papers" / "formulier.typ"
_WHY = f"Schrijf in {LEAST_REASON} tot {MOST_REASON} tekens waarom. Dit komt in het logboek."


async def overview(asked: Asked) -> Answer:
    """Show who is secret, and what is due."""
    desk, asking = asked.desk, asked.asking
    found = await desk.do(lambda db: secret.look(db, desk.keys, desk.origin, asking))
    values = {
        "people": [_told(each, asked) for each in found], "titles": [(form.value, TITLES[form]) for form in Form],
        "done": asked.query.get("gedaan") == "ja",
    }  # fmt: skip
    return Shown(template="geheim.html", values=values)


async def ask_begin(_asked: Asked) -> Answer:
    """Ask who becomes secret."""
    return _begin({}, {})


async def begin(asked: Asked) -> Answer:
    """Make a person secret."""
    desk, form = asked.desk, asked.form
    wrong = purpose_faults(form)
    bsn = "".join(each for each in form.get("bsn", "") if each not in " .-")
    if fault := bsn_fault(bsn):
        wrong["bsn"] = fault
    if fault := forms.number_fault(form.get("nummer", "")):
        wrong["nummer"] = fault
    if wrong:
        return _begin(form, wrong)
    try:
        await desk.do(
            lambda db: secret.hide(
                db, desk.keys, desk.origin, asked.asking, bsn=bsn, why=form["reden"], purpose=form["doel"],
                number=form["nummer"],
            )
        )  # fmt: skip
    except NotAllowedError as error:
        return _begin(form, {"bsn": str(error)})
    return Goes(to="/geheim?gedaan=ja")


async def ask_end(asked: Asked) -> Answer:
    """Say what happens when somebody is secret no longer, and ask why."""
    return await _step(asked, "geheim_einde.html", {}, {})


async def end(asked: Asked) -> Answer:
    """Let messages about somebody through again."""
    desk = asked.desk
    return await _taken(
        asked, "geheim_einde.html",
        lambda db, why: secret.show(db, desk.keys, desk.origin, asked.path["id"], asked.asking, why=why),
    )  # fmt: skip


async def ask_confirmed(asked: Asked) -> Answer:
    """Ask how the gemeente confirmed a form."""
    return await _step(asked, "geheim_bevestiging.html", {"formulier": asked.query.get("formulier", "")}, {})


async def confirmed(asked: Asked) -> Answer:
    """Write down that the gemeente confirmed a form: one that was made here, or else the first one, from elsewhere."""
    desk, id_, form = asked.desk, asked.path["id"], asked.form.get("formulier", "")

    async def fact(db: Any, why: str) -> None:
        if form:
            await secret.confirm_form(db, desk.keys, desk.origin, id_, asked.asking, form=form, why=why)
        else:
            await secret.confirm(db, desk.keys, desk.origin, id_, asked.asking, why=why)

    return await _taken(asked, "geheim_bevestiging.html", fact)


async def ask_form(asked: Asked) -> Answer:
    """Show a form to fill in."""
    found = await _find(asked)
    return _form(asked, found, {"nummer": found.number}, {})


async def make_form(asked: Asked) -> Answer:
    """Give the form as a file that only the gemeente can open; nothing of what it says is kept."""
    desk, typed, form = asked.desk, asked.form, Form(asked.path["soort"])
    to = _gemeenten(asked).get(typed.get("gemeente", ""))
    wrong = forms.faults(form, typed)
    if to is None:
        wrong["gemeente"] = "Kies de gemeente."
    if fault := forms.number_fault(typed.get("nummer", "")):
        wrong["nummer"] = fault
    if wrong or to is None:
        return _form(asked, await _find(asked), typed, wrong)
    try:
        file = await asyncio.to_thread(_file, asked, form, to)
        await desk.do(
            lambda db: secret.hand_over(
                db, desk.keys, desk.origin, asked.path["id"], asked.asking, form=form, to=to.code, file=file
            )
        )
    except FormError as error:
        return _form(asked, await _find(asked), typed, {"gemeente": str(error)})
    except NotAllowedError:
        raise MissingError from None
    return Sent(name=f"formulier-{asked.asking.trace[:8]}.verzegeld", kind="application/octet-stream", content=file)


async def waiting(desk: Desk, asking: Asking) -> Sequence[Waiting]:
    """Tell who is named for it how many confirmations are due."""
    if not asking.may(Right.HIDDEN):
        return ()
    async with desk.reading() as db:
        count = await handed.count_due(db, asking.officer.party)
    text = "Bevestigingen van een gemeente over een geheime cliënt"
    return [Waiting(text=text, count=count, to="/geheim")] if count else ()


def _file(asked: Asked, form: Form, to: Party) -> bytes:
    typed, own, at = asked.form, asked.asking.officer.party, asked.asking.at
    told = {
        "formulier": form.value, "versie": 1, "titel": TITLES[form], "clientnummer": typed["nummer"],
        "aanbieder": {"code": own, "naam": asked.desk.named(own)}, "gemeente": {"code": to.code, "naam": to.name},
        "gemaaktOp": iso(at), "gegevens": forms.read(form, typed),
    }  # fmt: skip
    for_people = told | {"gemaaktOp": moment(at), "rijen": forms.rows(form, told)}
    pdf = pdf_of(_TEMPLATE.read_bytes(), for_people) if can_make("pdf") else None
    return forms.sealed(told, pdf, to.public_key)


async def _find(asked: Asked) -> Secret:
    desk, id_ = asked.desk, asked.path["id"]
    found = await desk.do(lambda db: secret.look(db, desk.keys, desk.origin, asked.asking, only=id_))
    if not found:
        raise MissingError
    return found[0]


async def _taken(asked: Asked, template: str, fact: Callable[[Any, str], Awaitable[None]]) -> Answer:
    """Do a step for which a reason is asked."""
    why = asked.form.get("reden", "")
    if not LEAST_REASON <= len(why) <= MOST_REASON:
        return await _step(asked, template, asked.form, {"reden": _WHY})
    try:
        await asked.desk.do(lambda db: fact(db, why))
    except NotAllowedError as error:
        return await _step(asked, template, asked.form, {"reden": str(error)})
    return Goes(to="/geheim?gedaan=ja")


async def _step(asked: Asked, template: str, given: Mapping[str, str], wrong: Mapping[str, str]) -> Answer:
    values = {"person": _told(await _find(asked), asked), "given": filled(given), "wrong": filled(wrong)}
    return Shown(template=template, values=values, status=422 if wrong else 200)


def _begin(given: Mapping[str, str], wrong: Mapping[str, str]) -> Answer:
    values = {"given": filled(given), "wrong": filled(wrong), "purposes": purposes()}
    return Shown(template="geheim_begin.html", values=values, status=422 if wrong else 200)


def _form(asked: Asked, found: Secret, given: Mapping[str, str], wrong: Mapping[str, str]) -> Answer:
    form = Form(asked.path["soort"])
    known = _gemeenten(asked)
    values = {
        "person": _told(found, asked), "form": form.value, "title": TITLES[form], "fields": forms.fields(form),
        "gemeenten": [(code, f"{party.name} ({code})") for code, party in known.items()],
        "marks": "; ".join(f"{code} heeft {box.mark(party.public_key)}" for code, party in known.items()),
        "given": filled(given), "wrong": filled(wrong), "pdf": can_make("pdf"),
    }  # fmt: skip
    return Shown(template="geheim_formulier.html", values=values, status=422 if wrong else 200)


def _gemeenten(asked: Asked) -> dict[str, Party]:
    return {code: party for code, party in asked.desk.parties.by_code.items() if party.public_key}


def _told(found: Secret, asked: Asked) -> dict[str, Any]:
    late = asked.asking.at
    return {
        "id": found.id, "number": found.number or f"zonder eigen nummer ({found.id[:8]})", "since": found.made_at,
        "due_at": found.due_at, "late": found.due_at is not None and found.due_at < late,
        "elsewhere": found.stage is Stage.CONFIRMED and not found.sent, "under_way": found.under_way,
        "sent": [
            {
                "id": each.id, "title": TITLES[each.form], "to": asked.desk.named(each.to), "made_at": each.made_at,
                "due_at": each.due_at, "late": each.due_at is not None and each.due_at < late, "hash": each.document,
            }
            for each in found.sent
        ],
    }  # fmt: skip


_ONE = "/geheim/{id:[0-9a-f]{32}}"
_FORM = _ONE + "/{soort:registratie|factuur}"
PAGES = (
    Page(path="/geheim", right=Right.HIDDEN, serve=overview, menu="Geheime cliënten"),
    Page(path="/geheim/begin", right=Right.HIDDEN, serve=ask_begin, fresh=True),
    Page(path="/geheim/begin", right=Right.HIDDEN, serve=begin, method="POST", fresh=True),
    Page(path=f"{_ONE}/einde", right=Right.HIDDEN, serve=ask_end, fresh=True),
    Page(path=f"{_ONE}/einde", right=Right.HIDDEN, serve=end, method="POST", fresh=True),
    Page(path=f"{_ONE}/bevestiging", right=Right.HIDDEN, serve=ask_confirmed),
    Page(path=f"{_ONE}/bevestiging", right=Right.HIDDEN, serve=confirmed, method="POST"),
    Page(path=_FORM, right=Right.HIDDEN, serve=ask_form, fresh=True),
    Page(path=_FORM, right=Right.HIDDEN, serve=make_form, method="POST", fresh=True),
)
