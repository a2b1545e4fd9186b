"""Pages on unusual reading, and on what one employee did: the organisation's view of NEN 7513, in order of time."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from adapters.console.dates import midnight, typed_day
from adapters.console.pages import Answer, Asked, Goes, MissingError, Page, Shown, Waiting
from gateway.oversight import watch
from gateway.oversight.desk import Asking, Desk
from gateway.oversight.rights import Right
from gateway.oversight.signals import Signal, bounds
from gateway.oversight.watch import Watched

MOST_DAYS = 366
"""Days of one question what somebody did."""
MOST_REASON = 1000


async def overview(asked: Asked) -> Answer:
    """Show what stands out, and how much was read."""
    found = await watch.watched(asked.desk, asked.asking)
    return Shown(template="signalen.html", values=_values(found))


async def one(asked: Asked) -> Answer:
    """Show one signal with the lines behind it."""
    return await _one(asked, *await _found(asked))


async def _one(asked: Asked, signal: Signal, found: Watched, *, wrong: str = "", status: int = 200) -> Answer:
    who = found.known.called(signal.actor)
    lines, more = await watch.did(
        asked.desk, asked.asking, _indexes(found, signal), who, signal.since, signal.until,
        reason=f"signaal {signal.kind}", after=_number(asked.query.get("na", "")),
    )  # fmt: skip
    values = {
        "signal": _told(signal, found), "about": bounds()["signaal"][signal.kind], "lines": lines, "wrong": wrong,
        "reason": asked.form.get("reden", ""), "objection": watch.objection(asked.desk, asked.asking, who),
        "after": f"/signalen/{signal.key}?na={more}" if more else "",
    }  # fmt: skip
    return Shown(template="signaal.html", values=values, status=status)


async def looked(asked: Asked) -> Answer:
    """Take what somebody found of a signal; of one about himself it is refused, whatever he found."""
    signal, found = await _found(asked)
    who, reason = found.known.called(signal.actor), asked.form.get("reden", "")
    if not 1 <= len(reason) <= MOST_REASON and not watch.objection(asked.desk, asked.asking, who):
        wrong = f"Schrijf in het kort wat u vond, in ten hoogste {MOST_REASON} tekens."
        return await _one(asked, signal, found, wrong=wrong, status=422)
    if await watch.looked(asked.desk, asked.asking, signal, who, reason):
        return await _one(asked, signal, found, status=403)
    return Goes(to="/signalen")


async def ask(asked: Asked) -> Answer:
    """Ask of whom to see what he did."""
    return _form(asked, {"wie": "", "van": "", "tot": "", "reden": ""}, {})


async def did(asked: Asked) -> Answer:
    """Show what somebody did, in order of time."""
    known = watch.known_to(asked.desk, asked.asking)
    given = {name: asked.form.get(name, "") for name in ("wie", "van", "tot", "reden")}
    first, last = typed_day(given["van"]), typed_day(given["tot"])
    wrong = {}
    if given["wie"] not in known.names.values():
        wrong["wie"] = "Kies iemand uit de lijst."
    if first is None:
        wrong["van"] = "Vul een datum in."
    if last is None or (first and not timedelta() <= last - first < timedelta(days=MOST_DAYS)):
        wrong["tot"] = f"Vul een datum in, op of na de eerste dag, en ten hoogste {MOST_DAYS} dagen later."
    if not 1 <= len(given["reden"]) <= MOST_REASON:
        wrong["reden"] = "Schrijf in het kort waarom u dit wilt zien. Dat komt in het logboek."
    if wrong or first is None or last is None:
        return _form(asked, given, wrong)
    lines, more = await watch.did(
        asked.desk, asked.asking, known.indexes(given["wie"]), given["wie"], midnight(first),
        midnight(last + timedelta(days=1)), reason=given["reden"], after=_number(asked.form.get("na", "")),
    )  # fmt: skip
    return _form(asked, given, {}, lines=lines, more=more)


async def waiting(desk: Desk, asking: Asking) -> Sequence[Waiting]:
    """Tell how many signals nobody looked at; those about himself apart."""
    if not asking.may(Right.SIGNALS):
        return ()
    found = await watch.watched(desk, asking)
    own = sum(found.known.called(each.actor) == asking.officer.login for each in found.fresh)
    told = [
        ("Opvallend lezen: kijk of er een reden voor is", len(found.fresh) - own),
        ("Opvallend lezen over uzelf: een ander beoordeelt dit", own),
    ]
    return [Waiting(text=text, count=count, to="/signalen") for text, count in told if count]


def _form(asked: Asked, given: dict[str, str], wrong: dict[str, str], *, lines: Any = None, more: int = 0) -> Answer:
    known = watch.known_to(asked.desk, asked.asking)
    people = [(name, _described(asked.desk, name)) for name in sorted(known.names.values())]
    values = {"given": given, "wrong": wrong, "people": people, "lines": lines, "more": more}
    return Shown(template="handelingen.html", values=values, status=422 if wrong else 200)


def _described(desk: Desk, name: str) -> str:
    account = desk.officers.by_login.get(name)
    if account:
        return f"{account.officer.name} ({name})"
    if name in desk.parties.by_code:
        return f"{desk.named(name)} (partij {name})"
    return "de poort zelf" if name == desk.origin else "wie zich niet kon aanmelden"


async def _found(asked: Asked) -> tuple[Signal, Watched]:
    found = await watch.find(asked.desk, asked.asking, asked.path["key"])
    if found is None:
        raise MissingError
    return found


def _indexes(found: Watched, signal: Signal) -> list[bytes]:
    name = found.known.names.get(signal.actor)
    return found.known.indexes(name) if name else [bytes.fromhex(signal.actor)]


def _values(found: Watched) -> dict[str, Any]:
    told = [_told(each, found) for each in found.signals]
    return {
        "fresh": [each for each in told if not each["seen"]],
        "seen": [each for each in told if each["seen"]],
        "days": [(f"{day.day}-{day.month}", count) for day, count in found.days],
        "people": found.people,
        "kinds": bounds()["signaal"].values(),
        "window": bounds()["venster"],
    }


def _told(signal: Signal, found: Watched) -> dict[str, Any]:
    return {
        "key": signal.key, "title": bounds()["signaal"][signal.kind]["titel"], "who": found.known.called(signal.actor),
        "since": signal.since, "until": signal.until, "count": signal.count, "bound": signal.bound,
        "seen": found.seen.get(signal.key),
    }  # fmt: skip


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


PAGES = (
    Page(path="/signalen", right=Right.SIGNALS, serve=overview, menu="Opvallend lezen"),
    Page(path="/signalen/{key:[0-9a-f]{32}}", right=Right.SIGNALS, serve=one),
    Page(path="/signalen/{key:[0-9a-f]{32}}", right=Right.SIGNALS, serve=looked, method="POST"),
    Page(path="/handelingen", right=Right.SIGNALS, serve=ask, menu="Wie deed wat"),
    Page(path="/handelingen", right=Right.SIGNALS, serve=did, method="POST"),
)
