"""The file of one person: asking for it, reading it as the client or as the organisation, and handing it over."""

from collections.abc import Mapping

from adapters.console.lookup import described, filled, marked, purposes
from adapters.console.pages import Answer, Asked, Goes, MissingError, Page, Sent, Shown
from adapters.console.papers import KINDS, can_make, compared, paper
from gateway.oversight import dossier, search, withheld
from gateway.oversight.dossier import Dossier
from gateway.oversight.lines import by_day
from gateway.oversight.question import Question, read
from gateway.oversight.rights import Right

VIEWS = {"client": "zoals de cliënt het leest", "organisatie": "zoals de organisatie het leest"}


async def form(_asked: Asked) -> Answer:
    """Show the form."""
    return _form({}, {})


async def ask(asked: Asked) -> Answer:
    """Take the form: log of whom the file is asked for, and go on to it."""
    question = read(asked.form, {}, people=True)
    wrong = question if isinstance(question, dict) else {}
    if not asked.form.get("bsn"):
        wrong = wrong | {"bsn": "Vul het BSN van de cliënt in."}
    if wrong or not isinstance(question, Question):
        return _form(asked.form, wrong)
    return Goes(to=f"/inzage/{await search.ask(asked.desk, asked.asking, question, kind=dossier.KIND)}")


async def show(asked: Asked) -> Answer:
    """Show the file."""
    trace, client = asked.path["spoor"], asked.query.get("beeld", "client") == "client"
    found = await dossier.show(asked.desk, asked.asking, trace, client=client)
    if found is None:
        raise MissingError
    return _file(asked, found, client=client)


async def withhold(asked: Asked) -> Answer:
    """Take which lines the client does not get, and why."""
    trace = asked.path["spoor"]
    found = await dossier.show(asked.desk, asked.asking, trace, client=False)
    if found is None:
        raise MissingError
    choice = withheld.read(asked.form, asked.chosen, found.lines)
    if not isinstance(choice, withheld.Choice):
        return _file(asked, found, client=False, wrong=choice)
    await dossier.withhold(asked.desk, asked.asking, trace, found, choice)
    return Goes(to=f"/inzage/{trace}?beeld=organisatie")


def _file(asked: Asked, found: Dossier, *, client: bool, wrong: Mapping[str, str] | None = None) -> Answer:
    grounds = [(code, f"{ground.words} ({ground.law})") for code, ground in withheld.GROUNDS.items()]
    values = {
        "found": found, "asked_for": described(found.question), "client": client, "views": VIEWS,
        "here": f"/inzage/{asked.path['spoor']}", "days": days(found),
        "compared": compared(found),
        "left_out": withheld.verdict(found.withheld),
        "grounds": [*grounds, (withheld.GIVE, "toch geven: er is geen reden meer om dit weg te laten")],
        "words": {code: ground.words for code, ground in withheld.GROUNDS.items()},
        "kinds": sorted({line.event: line.title for line in found.lines}.items(), key=lambda each: each[1]),
        "people": [(login, login) for login in withheld.employees(found.lines)],
        "values": filled(asked.form), "ticked": asked.chosen.get("regels", ()), "wrong": filled(wrong or {}),
    }  # fmt: skip
    return Shown(template="dossier.html", values=values, status=422 if wrong else 200)


async def choose(asked: Asked) -> Answer:
    """Ask as what to hand the file over."""
    return await _choice(asked, "")


async def _choice(asked: Asked, problem: str) -> Answer:
    question = await search.kept_question(asked.desk, asked.asking, dossier.KIND, asked.path["spoor"])
    if question is None:
        raise MissingError
    values = {
        "asked_for": described(question), "back": f"/inzage/{asked.path['spoor']}", "views": VIEWS, "problem": problem,
    }  # fmt: skip
    return Shown(template="dossieruitvoer.html", values=values, status=422 if problem else 200)


async def take(asked: Asked) -> Answer:
    """Give it, marked with who took it and under which line of the log."""
    trace, kind, client = asked.path["spoor"], asked.form.get("vorm", "json"), asked.form.get("beeld") != "organisatie"
    if kind not in KINDS:
        raise MissingError
    if not can_make(kind):
        return await _choice(
            asked, "Deze poort kan geen PDF maken. Kies JSON, of vraag de beheerder om het deel rapport."
        )
    taken = await dossier.export(asked.desk, asked.asking, trace, client=client)
    if taken is None:
        raise MissingError
    found, leaf = taken
    if client and not found.completeness.whole:  # a choice to leave lines out may be among what is not there
        return await _choice(asked, f"De cliënt krijgt nog niets mee. {found.completeness.verdict}")
    view, party = VIEWS["client" if client else "organisatie"], asked.desk.named(asked.asking.officer.party)
    content = await paper(kind, found, view=view, party=party, mark=await marked(asked, leaf), at=asked.asking.at)
    return Sent(name=f"inzage-{trace[:8]}.{kind}", kind=KINDS[kind], content=content)


def days(found: Dossier) -> list[dict[str, object]]:
    """Return the lines, those of one kind on one day under the first of them."""
    return [
        {
            "first": group[0], "lines": group, "count": len(group),
            "numbers": " ".join(str(line.number) for line in group if line.number is not None),
            "withheld": sum(line.number in found.withheld for line in group),
        }
        for group in by_day(found.lines)
    ]  # fmt: skip


def _form(values: Mapping[str, str], wrong: Mapping[str, str]) -> Answer:
    told = {"values": filled(values), "wrong": filled(wrong), "purposes": purposes()}
    return Shown(template="inzage.html", values=told, status=422 if wrong else 200)


PAGES = (
    Page(path="/inzage", right=Right.DOSSIER, serve=form, menu="Inzage"),
    Page(path="/inzage", right=Right.DOSSIER, serve=ask, method="POST"),
    Page(path="/inzage/{spoor:[0-9a-f]{32}}", right=Right.DOSSIER, serve=show),
    Page(path="/inzage/{spoor:[0-9a-f]{32}}", right=Right.DOSSIER, serve=withhold, method="POST"),
    Page(path="/inzage/{spoor:[0-9a-f]{32}}/uitvoer", right=Right.DOSSIER, serve=choose, fresh=True),
    Page(path="/inzage/{spoor:[0-9a-f]{32}}/uitvoer", right=Right.DOSSIER, serve=take, method="POST", fresh=True),
)
