"""Searching the log: the form, what was found, and taking that away."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from adapters.console.pages import Answer, Asked, Goes, MissingError, Page, Sent, Shown
from adapters.console.render import iso
from adapters.console.sheets import KINDS, sheet
from audit.catalogue import kinds
from audit.search import Place
from gateway.oversight import search
from gateway.oversight.lines import Line
from gateway.oversight.purposes import PURPOSES
from gateway.oversight.question import Question, masked, read
from gateway.oversight.rights import Right

_PLACE = re.compile(r"([0-9]{1,15})-([0-9]{1,15})")
COLUMNS = (
    "tijdstip", "plaats in het logboek", "gebeurtenis", "omschrijving", "organisatie", "rol", "wie", "bericht", "soort",
    "cliënt", "uitkomst", "doel", "noodtoegang", "reden", "zoekvraag", "inhoud", "spoor", "logregel",
)  # fmt: skip


async def form(asked: Asked) -> Answer:
    """Show the form; an address may name a message, for a number of a message says nothing of a person."""
    return _form(asked, {"bericht": asked.query.get("bericht", "")}, {})


async def ask(asked: Asked) -> Answer:
    """Take the form: log what is asked, and go on to what was found."""
    question = read(asked.form, asked.chosen, people=asked.asking.may(Right.SEARCH))
    if not isinstance(question, Question):
        return _form(asked, asked.form, question)
    return Goes(to=f"/zoeken/{await search.ask(asked.desk, asked.asking, question)}")


async def found(asked: Asked) -> Answer:
    """Show a page of what was found."""
    trace, after = asked.path["spoor"], _place(asked.query.get("na", ""))
    page = await search.page(asked.desk, asked.asking, trace, after)
    if page is None:
        raise MissingError
    here = f"/zoeken/{trace}"
    return Shown(
        template="gevonden.html",
        values={
            "found": page,
            "lines": page.lines,
            "masked": masked,
            "asked_for": described(page.question),
            "here": here,
            "newer": here if after else "",
            "older": f"{here}?na={page.more.at}-{page.more.id}" if page.more else "",
            "may_export": asked.asking.may(Right.EXPORT),
        },
    )


async def choose(asked: Asked) -> Answer:
    """Ask as what to take away what was found."""
    question = await search.kept_question(asked.desk, asked.asking, search.KIND, asked.path["spoor"])
    if question is None:
        raise MissingError
    return Shown(
        template="uitvoer.html",
        values={
            "asked_for": described(question),
            "most": search.MOST_EXPORTED,
            "back": f"/zoeken/{asked.path['spoor']}",
        },
    )


async def take(asked: Asked) -> Answer:
    """Give it, marked with who took it and under which line of the log."""
    trace, kind = asked.path["spoor"], asked.form.get("vorm", "csv")
    taken = await search.export(asked.desk, asked.asking, trace) if kind in KINDS else None
    if taken is None:
        raise MissingError
    page, leaf = taken
    remark = await marked(asked, leaf)
    if page.more:
        remark += f"; niet alles: alleen de nieuwste {search.MOST_EXPORTED} regels"
    return Sent(
        name=f"logregels-{trace[:8]}.{kind}",
        kind=KINDS[kind],
        content=sheet(kind, COLUMNS, map(cells, page.lines), remark=remark),
    )


async def marked(asked: Asked, leaf: bytes) -> str:
    """Return the mark on what is taken away: by whom, when, and which line of the log tells of it."""
    index = await search.placed(asked.desk, leaf)
    place = f"logregel {index}" if index is not None else f"logregel met hash {leaf.hex()}"
    return f"{asked.asking.officer.login}, {iso(asked.asking.at)}, {place}"


def cells(line: Line) -> list[str]:
    """Return a line as cells of ``COLUMNS``."""
    return [
        iso(line.at), "" if line.index is None else str(line.index), line.event, line.title, line.organisation,
        line.role, line.by, line.message, line.kind, masked(line.subject), line.outcome, line.purpose,
        "ja" if line.emergency else "nee", line.reason, line.query, line.content.value, line.trace, line.leaf,
    ]  # fmt: skip


def described(question: Question) -> list[tuple[str, str]]:
    """Return what was asked as pairs of name and value, a BSN masked."""
    told: Mapping[str, Any] = {
        "Van": question.since,
        "Tot en met": question.until,
        "Bericht": question.message,
        "Soort": ", ".join(kinds()[code].title for code in question.events),
        "Wie": question.actor,
        "Cliënt": masked(question.bsn),
        "Waarvoor": PURPOSES[question.purpose],
        "Reden": question.reason,
    }
    return [(name, value) for name, value in told.items() if value]


def purposes() -> Sequence[tuple[str, str]]:
    """Return for what an officer may look, as choices."""
    return list(PURPOSES.items())


def filled(fields: Mapping[str, str]) -> Mapping[str, str]:
    """Return fields for a template, in which those that are not there are empty."""
    return defaultdict(str, fields)


def _form(asked: Asked, values: Mapping[str, str], wrong: Mapping[str, str]) -> Answer:
    titles = sorted(((kind.code, kind.title) for kind in kinds().values()), key=lambda each: each[1])
    return Shown(
        template="zoeken.html",
        values={
            "values": filled(values),
            "wrong": filled(wrong),
            "kinds": titles,
            "purposes": purposes(),
            "people": asked.asking.may(Right.SEARCH),
        },
        status=422 if wrong else 200,
    )


def _place(text: str) -> Place | None:
    told = _PLACE.fullmatch(text)
    return Place(at=int(told[1]), id=int(told[2])) if told else None


PAGES = (
    Page(path="/zoeken", right=Right.LINES, serve=form, menu="Zoeken"),
    Page(path="/zoeken", right=Right.LINES, serve=ask, method="POST"),
    Page(path="/zoeken/{spoor:[0-9a-f]{32}}", right=Right.LINES, serve=found),
    Page(path="/zoeken/{spoor:[0-9a-f]{32}}/uitvoer", right=Right.EXPORT, serve=choose, fresh=True),
    Page(path="/zoeken/{spoor:[0-9a-f]{32}}/uitvoer", right=Right.EXPORT, serve=take, method="POST", fresh=True),
)
