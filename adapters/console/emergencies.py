"""Emergency access: taking it, ending it, and saying what one finds of another's."""

from collections.abc import Mapping, Sequence

from adapters.console.door import where
from adapters.console.lookup import filled
from adapters.console.pages import Answer, Asked, Goes, MissingError, Page, Shown, Waiting
from gateway.oversight import emergency
from gateway.oversight.desk import Asking, Desk
from gateway.oversight.purposes import LEAST_REASON, MOST_REASON
from gateway.oversight.question import local_day
from gateway.oversight.rights import DUTCH, Right, Role

_OVERVIEW = "/noodtoegang"


async def overview(asked: Asked) -> Answer:
    """Show the emergency accesses of one's own party, and whether one has it."""
    found = await emergency.of_party(asked.desk, asked.asking)
    asking = asked.asking
    rows = [
        {
            "it": each,
            "role": DUTCH[Role(each.role)],
            "late": each.is_late(asking.at),
            "mine": each.officer == asking.officer.login,
            "reviewable": _reviewable(each, asking),
        }
        for each in found
    ]
    return Shown(template="noodtoegang.html", values={"rows": rows})


async def ask(asked: Asked) -> Answer:
    """Ask for the reason."""
    return _form(asked, {})


async def begin(asked: Asked) -> Answer:
    """Begin the hour, and go on where it was needed."""
    wrong = _fault(asked.form.get("reden", ""), "reden")
    if not wrong and asked.form.get("weet") != "ja":
        wrong = {"weet": "Zet het vinkje: dan weet u dat een ander dit nakijkt."}
    if wrong:
        return _form(asked, wrong)
    if not asked.asking.elevated:
        await emergency.begin(asked.desk, asked.asking, asked.form["reden"])
    return Goes(to=_back(asked))


async def end(asked: Asked) -> Answer:
    """End it now."""
    await emergency.end(asked.desk, asked.asking)
    return Goes(to=_OVERVIEW)


async def look(asked: Asked) -> Answer:
    """Show one that is to be reviewed."""
    return await _review(asked, {})


async def review(asked: Asked) -> Answer:
    """Take what an officer finds of it."""
    wrong = _fault(asked.form.get("bevinding", ""), "bevinding")
    if asked.form.get("oordeel") not in {"terecht", "niet"}:
        wrong["oordeel"] = "Kies of de noodtoegang terecht was."
    page = await _review(asked, wrong)
    if wrong:
        return page
    right, finding = asked.form["oordeel"] == "terecht", asked.form["bevinding"]
    if not await emergency.review(asked.desk, asked.asking, asked.path["spoor"], right=right, finding=finding):
        raise MissingError
    return Goes(to=_OVERVIEW)


async def waiting(desk: Desk, asking: Asking) -> Sequence[Waiting]:
    """Tell who may review which of them run, and which wait for a review."""
    if not asking.may(Right.REVIEW_BREAK_GLASS):
        return ()
    found = await emergency.of_party(desk, asking)
    mine = [each for each in found if _reviewable(each, asking)]
    late = sum(each.is_late(asking.at) for each in mine)
    runs = sum(each.ended_at is None for each in found if each.officer != asking.officer.login)
    told = [
        ("Noodtoegang die nu aan staat", runs),
        ("Noodtoegang die op uw beoordeling wacht", len(mine) - late),
        ("Noodtoegang waarvan de beoordeling te laat is", late),
    ]
    return [Waiting(text=text, count=count, to=_OVERVIEW) for text, count in told if count]


def _reviewable(each: emergency.Emergency, asking: Asking) -> bool:
    right = asking.may(Right.REVIEW_BREAK_GLASS) and each.officer != asking.officer.login
    return right and each.ended_at is not None and each.reviewed_at is None


def _fault(text: str, name: str) -> dict[str, str]:
    fits = LEAST_REASON <= len(text) <= MOST_REASON
    return {} if fits else {name: f"Schrijf {LEAST_REASON} tot {MOST_REASON} tekens. Dit komt in het logboek."}


def _back(asked: Asked) -> str:
    """Return where he wanted to be, if that is a page of ours."""
    return where(asked.query.get("naar", ""), otherwise=_OVERVIEW)


def _form(asked: Asked, wrong: Mapping[str, str]) -> Answer:
    values = {"values": filled(asked.form), "wrong": filled(wrong), "back": _back(asked), "overview": _OVERVIEW}
    return Shown(template="noodvraag.html", values=values, status=422 if wrong else 200)


async def _review(asked: Asked, wrong: Mapping[str, str]) -> Answer:
    found = await emergency.of_party(asked.desk, asked.asking)
    one = next((each for each in found if each.trace == asked.path["spoor"]), None)
    if one is None:
        raise MissingError
    values = {
        "it": one, "role": DUTCH[Role(one.role)], "values": filled(asked.form), "wrong": filled(wrong),
        "reviewable": _reviewable(one, asked.asking), "first_day": local_day(one.began_at),
        "last_day": local_day(one.ended_at or asked.asking.at),
    }  # fmt: skip
    return Shown(template="noodbeoordeling.html", values=values, status=422 if wrong else 200)


PAGES = (
    Page(path=_OVERVIEW, right=Right.BREAK_GLASS, serve=overview, menu="Noodtoegang"),
    Page(path="/noodtoegang/vragen", right=Right.BREAK_GLASS, serve=ask, fresh=True),
    Page(path="/noodtoegang/vragen", right=Right.BREAK_GLASS, serve=begin, method="POST", fresh=True),
    Page(path="/noodtoegang/einde", right=Right.BREAK_GLASS, serve=end, method="POST"),
    Page(path="/noodtoegang/{spoor:[0-9a-f]{32}}", right=Right.REVIEW_BREAK_GLASS, serve=look),
    Page(path="/noodtoegang/{spoor:[0-9a-f]{32}}", right=Right.REVIEW_BREAK_GLASS, serve=review, method="POST"),
)
