"""Pages on who works for whom: parties, contracts, consents, the list of onderaannemers, terms and notices.

They show what the interface tells the officer's own party and no more, by the same functions; mandates that others gave
it do not count here. Nothing in it is about a client, so a look is not logged. Officers of the gateway itself have no
party: for them there is what everybody may know.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from adapters.console.pages import Answer, Asked, MissingError, Page, Shown
from gateway.agreed import reading, words
from gateway.agreed.contract_paper import consents_paper, contract_paper
from gateway.agreed.document import Section, Table
from gateway.agreed.reading import UnknownAgreementError
from gateway.clock import today
from gateway.codes import code_list
from gateway.ledger.values import Relation
from gateway.oversight.desk import Interface
from gateway.oversight.rights import OPERATOR, Right
from gateway.parties import Party
from gateway.register import told
from gateway.register.values import Register

MOST = 200
"""Rows of a page; what comes after them is on the next."""
PARTS = (
    ("/register", "Deelnemers"),
    ("/register/overeenkomsten", "Overeenkomsten"),
    ("/register/toestemmingen", "Toestemmingen"),
    ("/register/onderaannemers", "Lijst van onderaannemers"),
    ("/register/termijnen", "Termijnen"),
)


async def parties(asked: Asked) -> Answer:
    """Show who takes part, and of the officer's own party what only that sees."""
    register = _interface(asked).registry.now
    own = register.parties.by_code.get(asked.asking.officer.party)
    rows = [(each["code"], each["naam"], each["soort"]) for each in told.parties(register)]
    sections = [
        *([_own(own, register)] if own else []),
        _list("Wie deelneemt", "Partijen", ("Code", "Naam", "Soort"), rows, "Er zijn nog geen partijen."),
        *map(region, told.regions(register)),
    ]
    return _shown(
        "/register", sections, lead="Wie berichten stuurt en krijgt, en in welke regio's gemeenten samenwerken."
    )


def _own(party: Party, register: Register) -> Section:
    seen = told.private(party, register)
    contact = seen["contact"] or {}
    ends = [each["geldigTot"] for each in seen["certificaten"]]
    return Section(
        title="Uw partij",
        facts=(
            ("Naam", f"{party.name} ({party.code})"),
            ("KvK-nummer", seen["kvk"] or words.NONE),
            ("Contact", ", ".join(filter(None, contact.values())) or words.NONE),
            (
                "Certificaten gelden tot",
                ", ".join(_day(each) if each else "niet bekend" for each in ends) or words.NONE,
            ),
            ("Handelt ook voor", ", ".join(seen["gemachtigdDoor"]) or "niemand"),
            ("Laat ook voor zich handelen", ", ".join(seen["machtigt"]) or "niemand"),
        ),
    )


def region(found: Mapping[str, Any]) -> Section:
    """Return a region as ``told.regions`` tells it."""
    rows = [
        (each["code"], each["naam"], words.period(each["vanaf"], each.get("tot", "")))
        for each in found["gemeenten"]
    ]  # fmt: skip
    title = f"Regio {found['naam']}"
    return _list(title, f"Gemeenten in {title}", ("Code", "Naam", "Doet mee"), rows, "Er zijn nog geen gemeenten.")


async def contracts(asked: Asked) -> Answer:
    """Show the contracts that the officer's party may see."""
    page, links, rows = _page(asked), list[str](), list[tuple[str, ...]]()
    found = await _interface(asked).agreed.contracts(_party(asked), page)
    for each in found["overeenkomsten"]:
        hoofd, onder, version = each["hoofdaannemer"], each["onderaannemer"], each["versie"]
        links.append(f"/register/overeenkomsten/{each['wet']}/{hoofd['code']}/{onder['code']}/{each['contractNummer']}")
        period = words.period(version["ingangsdatum"], version["einddatum"] or "")
        rows.append((each["contractNummer"], each["wet"], _named(hoofd), _named(onder), each["stand"], period))
    columns = ("Nummer", "Wet", "Hoofdaannemer", "Onderaannemer", "Stand", "Geldigheid")
    listed = _list("Overzicht", "Raamovereenkomsten", columns, rows, "Er zijn geen overeenkomsten die u mag zien.")
    lead = "De raamovereenkomsten die uw partij mag zien, zoals zij vandaag staan."
    return _shown("/register/overeenkomsten", [listed], lead=lead, links=links, after=found["volgende"])


async def contract(asked: Asked) -> Answer:
    """Show one contract."""
    relation = Relation(wet=asked.path["wet"], hoofd=asked.path["hoofd"], onder=asked.path["onder"])
    try:
        found = await _interface(asked).agreed.contract(_party(asked), relation, asked.path["nummer"])
    except UnknownAgreementError:
        raise MissingError from None
    paper = contract_paper(found, today())
    return _shown("/register/overeenkomsten", paper.sections, lead=paper.lead, title=paper.title)


async def consents(asked: Asked) -> Answer:
    """Show what gemeenten decided on onderaannemers, as far as it concerns the officer's party."""
    found = await _interface(asked).agreed.consents(_party(asked), _page(asked))
    paper = consents_paper(found, today())
    return _shown("/register/toestemmingen", paper.sections, lead=paper.lead, after=found["volgende"])


async def listed(asked: Asked) -> Answer:
    """Show who is on the list of onderaannemers, as far as it fits what is asked."""
    query = {name: text for name in told.SEARCHED if (text := asked.query.get(name, "").strip())}
    found = told.listed(_interface(asked).registry.now, query, today())
    rows = [row_of(each) for each in found[:MOST]]
    columns = ("Onderaannemer", "Regio", "Categorieën", "Specialismen", "Plek", "Kenmerken")
    lead = "Wie een regio toelaat als onderaannemer, met kenmerken en met wat hij kan."
    if len(found) > MOST:
        lead += f" U ziet de eerste {MOST} van {len(found)}. Zoek gerichter om de rest te zien."
    section = _list("Wie erop staat", "Toegelaten onderaannemers", columns, rows, "Er is niemand die hieraan voldoet.")
    return _shown("/register/onderaannemers", [section], lead=lead, sought=query.get("zoek", ""))


def row_of(listing: Mapping[str, Any]) -> tuple[str, ...]:
    """Return one of the list of onderaannemers as ``told.listed`` tells it, cell by cell."""
    return (
        f"{listing['naam']} ({listing['agb']})",
        listing["regio"],
        ", ".join(listing["categorieen"]),
        ", ".join(listing["specialismen"]) or words.NONE,
        listing["capaciteit"] or words.NONE,
        ", ".join(_mark(mark) for mark in listing["kenmerken"]) or words.NONE,
    )


async def terms(asked: Asked) -> Answer:
    """Show what the officer's party must do and waits for, and what it was told of that."""
    agenda, party = _interface(asked).agenda, _party(asked)
    found = await agenda.terms(party, is_open=True, after=_after(asked), count=MOST)
    said = (await agenda.notices(party, unseen=False, after=0, count=MOST))["kennisgevingen"]
    duties = [
        (
            words.day(each["laatsteDag"]), each["taak"], each["berichtSoort"].upper(), each["wieMoet"],
            each["wieWacht"], "te laat" if each["teLaat"] else "op tijd",
        )
        for each in found["termijnen"]
    ]  # fmt: skip
    notices = [(_day(each["op"]), each["tekst"], each["laatsteDag"] and words.day(each["laatsteDag"])) for each in said]
    return _shown(
        "/register/termijnen",
        [
            _list(
                "Wat openstaat", "Open termijnen", ("Uiterlijk", "Wat", "Bericht", "Wie moet", "Wie wacht", "Stand"),
                duties, "Er staat niets open.",
            ),
            _list(
                "Wat de poort meldde", "Kennisgevingen", ("Op", "Wat", "Uiterlijk"),
                [tuple(each or words.NONE for each in row) for row in notices], "Er is nog niets gemeld.",
            ),
        ],
        lead="Wat uw partij moet doen en waarop zij wacht, met de laatste dag.", after=found["volgende"],
    )  # fmt: skip


def _interface(asked: Asked) -> Interface:
    if asked.desk.interface is None:
        raise MissingError
    return asked.desk.interface


def _party(asked: Asked) -> Party:
    """Return the party whose officer asks, without those that it may act for."""
    code = asked.asking.officer.party
    return Party(code=code, name=asked.desk.named(code)) if code != OPERATOR else Party(code="-", name="")


def _page(asked: Asked) -> reading.Page:
    return reading.Page(after=_after(asked), count=MOST)


def _after(asked: Asked) -> int:
    told_ = asked.query.get("na", "")
    return int(told_) if told_.isascii() and told_.isdigit() and len(told_) < 10 else 0


def _list(title: str, caption: str, columns: tuple[str, ...], rows: Iterable[tuple[str, ...]], empty: str) -> Section:
    table = Table(caption=caption, columns=columns, rows=tuple(rows))
    return Section(title=title, table=table) if table.rows else Section(title=title, text=(empty,))


def _shown(
    here: str, sections: Sequence[Section], *, lead: str, title: str = "", links: Sequence[str] = (),
    after: int | None = None, sought: str | None = None,
) -> Answer:  # fmt: skip
    values = {
        "part": here, "parts": PARTS, "title": title or dict(PARTS)[here], "whole": bool(title), "lead": lead,
        "sections": sections, "links": links, "after": after, "sought": sought,
    }  # fmt: skip
    return Shown(template="register.html", values=values)


def _named(party: Mapping[str, Any]) -> str:
    return words.party(party["code"], party["naam"])


def _mark(mark: Mapping[str, Any]) -> str:
    name = code_list("HOA-KENMERK").meaning(mark["kenmerk"])
    return f"{name} ({'tot en met' if mark['geldig'] else 'verlopen op'} {words.day(mark['tot'])})"


def _day(moment: str) -> str:
    """Return the day of a moment (RFC 3339) in words."""
    return words.day(moment[:10])


PAGES = (
    Page(path="/register", right=Right.CHAIN, serve=parties, menu="Register"),
    Page(path="/register/overeenkomsten", right=Right.CHAIN, serve=contracts),
    Page(path="/register/overeenkomsten/{wet}/{hoofd}/{onder}/{nummer}", right=Right.CHAIN, serve=contract),
    Page(path="/register/toestemmingen", right=Right.CHAIN, serve=consents),
    Page(path="/register/onderaannemers", right=Right.CHAIN, serve=listed),
    Page(path="/register/termijnen", right=Right.CHAIN, serve=terms),
)
