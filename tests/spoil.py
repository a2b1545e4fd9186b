"""How to break each level-2 rule in a message that follows them all: one small change per (code, class)."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from tests.sensible import CATEGORIES, Message, amount, instances, owed, total

DAY = timedelta(days=1)
VOLUME = {"Volume": "10", "Eenheid": "04", "Frequentie": "4"}
PHONE = {"Telefoon01": {"Telefoonnummer": "0600000004", "Landnummer": "+31"}}
PERIODS = {"Declaratie": "DeclaratiePeriode", "Prestatie": "ProductPeriode", "Termijn": "Periode"}
PRODUCTS = ("ToegewezenProduct", "Opdracht", "AangevraagdProduct", "NieuwProduct", "TeWijzigenProduct")
GRANTED_OR_ASKED = PRODUCTS[:4]
LINES = ("Prestatie", "Termijn")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One message about to be spoiled in one class."""

    message: Message
    klasse: str

    @property
    def all(self) -> list[tuple[Message, list[Message] | None]]:
        return list(instances(self.message, self.klasse))

    @property
    def one(self) -> Message:
        """The first that may be repeated, or the only one there is."""
        if self.klasse == "Bericht":
            return self.message
        return next((each for each, group in self.all if group), self.all[0][0])

    @property
    def group(self) -> list[Message]:
        """All that stand beside it, itself included."""
        return next(group for _, group in self.all if group)

    @property
    def law(self) -> str:
        return self.message["Header"]["Wet"]

    def day(self, days: int) -> str:
        """A date so many days from the Dagtekening."""
        dated = date.fromisoformat(self.message["Header"]["BerichtIdentificatie"]["Dagtekening"])
        return str(dated + days * DAY)

    def twin(self, **changes: Any) -> Message:
        """Put a copy with these changes behind the others; its goals, which go with its days, are left out."""
        self.group.append(deepcopy(self.one) | changes)
        self.group[-1].pop("Behandelinformatie", None)
        return self.group[-1]

    def settle(self) -> None:
        """Make the totals right again."""
        for declaration, _ in instances(self.message, "Declaratie"):
            declaration["TotaalIngediendBedrag"] = total(declaration)
        for answer, _ in instances(self.message, "DeclaratieAntwoord"):
            granted = amount(answer["TotaalToegekendBedrag"], "TotaalBedrag")
            answer["TotaalIngediendBedrag"] = owed(granted + amount(total(answer), "TotaalBedrag"))


Change = Callable[[Scene], object]


def put(path: str, value: Any) -> Change:
    """Set a field of the class; None takes it away, a function is asked."""

    def change(scene: Scene) -> None:
        *above, field = path.split("/")
        klasse = scene.one
        for name in above:
            klasse = klasse.get(name, {}) if value is None else klasse.setdefault(name, {})
        if value is None:
            klasse.pop(field, None)
        else:
            klasse[field] = value(scene) if callable(value) else value

    return change


def do(*changes: Change, **fields: Any) -> Change:
    """Several changes in a row, then fields of the class itself."""

    def change(scene: Scene) -> None:
        for each in (*changes, *(put(field, value) for field, value in fields.items())):
            each(scene)

    return change


# Products: granted, asked for or to be changed


def last_day(scene: Scene) -> str:
    return "ToewijzingEinddatum" if scene.klasse == "AangevraagdProduct" else "Einddatum"


def first_day(scene: Scene) -> str:
    return next(
        name for name in ("Ingangsdatum", "ToewijzingIngangsdatum", "GewensteIngangsdatum") if name in scene.one
    )


def ends(days: int) -> Change:
    """Let it end so many days after its first."""

    def change(scene: Scene) -> None:
        scene.one[last_day(scene)] = str(date.fromisoformat(scene.one[first_day(scene)]) + days * DAY)

    return change


def never_ends(scene: Scene) -> None:
    scene.one.pop(last_day(scene), None)


def alone(scene: Scene) -> None:
    del scene.group[1:]


def number_of(klasse: Message) -> str:
    return next(name for name in ("OpdrachtNummer", "ToewijzingNummer", "ContractNummer") if name in klasse)


def again_much_later(scene: Scene) -> None:
    """A second one, so late that it does not overlap."""
    ends(30)(scene)
    later = str(date.fromisoformat(scene.one[last_day(scene)]) + 4000 * DAY)
    scene.twin(**{first_day(scene): later, last_day(scene): later})


def same_number(scene: Scene) -> None:
    """In other figures, but of the same value."""
    if scene.klasse in {"ToegewezenProduct", "Opdracht"}:
        again_much_later(scene)
    else:
        scene.twin()
    number = number_of(scene.one)
    scene.group[-1][number] = f"0{scene.one[number]}"


def overlapping(*left: str) -> Change:
    """A second product on the last day of one, of which only this is left: Categorie and Code, Categorie, nothing."""

    def change(scene: Scene) -> None:
        klasse = next(name for name in GRANTED_OR_ASKED if list(instances(scene.message, name)))
        at = Scene(message=scene.message, klasse=klasse)
        ends(30)(at)
        twin = at.twin(Product={name: at.one["Product"][name] for name in left}, Budget="100")
        del twin["Omvang"]
        if "Code" in left:
            twin.update(Omvang=VOLUME)
            del twin["Budget"]
        if not left:
            del twin["Product"]
        twin[first_day(at)] = at.one[last_day(at)]
        for name in {"ToewijzingNummer", "OpdrachtNummer", "ReferentieAanbieder"} & twin.keys():
            twin[name] = "999999999"

    return change


def category_of_other_law(scene: Scene) -> str:
    return CATEGORIES["WMO" if scene.law == "JW" else "JW"][0]


def contact_of(kind: str, **fields: Any) -> Change:
    """Make one contact of the client be of this kind with these fields."""

    def change(scene: Scene) -> None:
        contact = next(each for each in scene.group if each["Soort"] == kind)
        contact.clear()
        contact.update(Soort=kind, **fields)

    return change


# Declarations


def period(begin: str, end: str) -> Change:
    """Set days of the period, in its own month if only a day is given."""

    def change(scene: Scene) -> None:
        dates = scene.one[PERIODS[scene.klasse]]
        month = dates["Begindatum"][:8]
        dates.update(Begindatum=(month + begin)[-10:], Einddatum=(month + end)[-10:])

    return change


def dated_in_its_month(scene: Scene) -> None:
    """Let the message be of the fifteenth of the month that it is about."""
    month = scene.one[PERIODS[scene.klasse]]["Begindatum"][:8]
    scene.message["Header"]["BerichtIdentificatie"]["Dagtekening"] = f"{month}15"


def signed_on(day: str) -> Change:
    def change(scene: Scene) -> None:
        scene.message["Declaratie"]["DeclaratieDagtekening"] = day

    return change


def all_lines(begin: str, end: str) -> Change:
    def change(scene: Scene) -> None:
        for name in LINES:
            for line, _ in instances(scene.message, name):
                line[PERIODS[name]].update(Begindatum=begin, Einddatum=end)

    return change


def next_month(scene: Scene) -> None:
    begin = date.fromisoformat(scene.day(0)).replace(day=28) + 4 * DAY
    begin = begin.replace(day=1)
    last = (begin.replace(day=28) + 4 * DAY).replace(day=1) - DAY
    scene.one["DeclaratiePeriode"] = {"Begindatum": str(begin), "Einddatum": str(last)}


def declared_before(scene: Scene) -> None:
    """Let the declaration be about the month before that of the line."""
    declaration = scene.message["Declaratie"]
    scene.one[PERIODS[scene.klasse]] = declaration["DeclaratiePeriode"]
    last = date.fromisoformat(declaration["DeclaratiePeriode"]["Begindatum"]) - DAY
    declaration["DeclaratiePeriode"] = {"Begindatum": str(last.replace(day=1)), "Einddatum": str(last)}


def from_month_before(scene: Scene) -> None:
    dates = scene.one["ProductPeriode"]
    dates["Begindatum"] = str(date.fromisoformat(dates["Begindatum"]) - DAY)


def in_euros(more: int = 0) -> Change:
    """Let the line count in euros, its volume so much more than its amount."""

    def change(scene: Scene) -> None:
        line = scene.one
        line.pop("ProductTarief", None)
        line.update(Eenheid="83", GeleverdVolume=str(int(line["IngediendBedrag"]["Bedrag"]) + more))

    return change


def credit(cents: str | None = None) -> Change:
    """Make the line a credit of an older one."""

    def change(scene: Scene) -> None:
        line = scene.one
        line["ProductReferentie"]["VorigReferentieNummer"] = "OUD9"
        line["IngediendBedrag"] = {"Bedrag": cents or line["IngediendBedrag"]["Bedrag"], "DebetCredit": "C"}
        line.pop("Btw", None)
        if cents and "GeleverdVolume" in line:
            line["GeleverdVolume"] = cents
        scene.settle()

    return change


def credit_of_nothing(scene: Scene) -> None:
    """Make the line a credit that does not say of what."""
    credit()(scene)
    del scene.one["ProductReferentie"]["VorigReferentieNummer"]


def second_line(**changes: Any) -> Change:
    """Put a second line beside the first, under a reference of its own."""

    def change(scene: Scene) -> None:
        own = scene.one["ProductReferentie"] | {"ReferentieNummer": "ANDERS"}
        scene.twin(**{"ProductReferentie": own} | changes)
        scene.settle()

    return change


def same_reference(scene: Scene) -> None:
    scene.twin(**{number_of(scene.one): "1"})
    scene.settle()


def client_again(scene: Scene) -> None:
    line = deepcopy(scene.one["Prestaties"][0])
    line.update({"ProductReferentie": {"ReferentieNummer": "ANDERS"}, number_of(line): "1"})
    scene.twin(Prestaties=[line])
    scene.settle()


def credit_own_line(scene: Scene) -> None:
    line = Scene(message=scene.message, klasse="Prestatie")
    reference = {
        "ReferentieNummer": "ANDERS",
        "VorigReferentieNummer": line.one["ProductReferentie"]["ReferentieNummer"],
    }
    line.twin(ProductReferentie=reference, IngediendBedrag=line.one["IngediendBedrag"] | {"DebetCredit": "C"})
    scene.settle()


def nothing_at_all(scene: Scene) -> None:
    """Declare one line of nought, and call the total a credit."""
    declaration = scene.one
    declaration.pop("Termijnen", None)
    line = declaration["Clienten"][0]["Prestaties"][0]
    line.pop("Btw", None)
    line.update(GeleverdVolume="0", IngediendBedrag={"Bedrag": "0", "DebetCredit": "D"})
    declaration["Clienten"] = [declaration["Clienten"][0] | {"Prestaties": [line]}]
    declaration["TotaalIngediendBedrag"] = {"TotaalBedrag": "0", "DebetCredit": "C"}


def nothing_granted(scene: Scene) -> None:
    scene.one.update(TotaalToegekendBedrag=owed(0))
    scene.settle()
    scene.one["TotaalToegekendBedrag"]["DebetCredit"] = "C"


def nothing_submitted(scene: Scene) -> None:
    listed = amount(total(scene.one), "TotaalBedrag")
    scene.one.update(
        TotaalToegekendBedrag=owed(-listed), TotaalIngediendBedrag={"TotaalBedrag": "0", "DebetCredit": "C"}
    )


def one_more(field: str) -> Change:
    def change(scene: Scene) -> None:
        cents = scene.one[field]
        cents["TotaalBedrag"] = str(int(cents["TotaalBedrag"]) + 1)

    return change


# What only our own family says


def about_oneself(scene: Scene) -> None:
    """Report oneself as onderaannemer, or decide on who asked."""
    header = scene.message["Header"]
    for name, field in (("Onderaannemer", "Afzender"), ("Besluit", "Ontvanger")):
        for klasse, _ in instances(scene.message, name):
            klasse["AgbCode"] = header[field]


def refused(scene: Scene) -> str:
    """The code for it, of consent or of a contract."""
    return "3" if "AgbCode" in scene.one else "2"


def strange_unit(scene: Scene) -> str:
    return "82" if scene.message["Raamovereenkomst"]["Uitvoeringsvariant"] == "I" else "04"


def on(
    classes: tuple[str, ...], changes: dict[str, Change | tuple[Change, ...]]
) -> dict[tuple[str, str], tuple[Change, ...]]:
    """The same changes under each of these classes."""
    return {
        (code, klasse): change if isinstance(change, tuple) else (change,)
        for klasse in classes
        for code, change in changes.items()
    }


OVERLAPS = (overlapping("Categorie", "Code"), overlapping("Categorie"), overlapping())
NO_CODE = (
    do(put("Product/Code", None), ends(30), Omvang=VOLUME),
    do(alone, put("Product/Code", None), never_ends, Omvang=VOLUME),
)
NO_PERIOD = tuple(do(Omvang=VOLUME | {"Eenheid": unit, "Frequentie": "1"}) for unit in ("14", "16", "83", "84"))
DOCTORS = ("02", "03", "04", "05")


HUIS = {"Huisnummer": "12"}
HERE = {"Huis": HUIS, "Postcode": "1234AB", "LandCode": "NL"}

CHANGES: dict[tuple[str, str], tuple[Change, ...]] = {
    **on(("Client", "Relatie"), {
        "CS050": do(put("Naam/Partnernaam", None), put("Naam/NaamGebruik", "2")),
        "CS139": tuple(
            do(Geboortedatum={"Datum": day, "DatumGebruik": use})
            for day, use in (("2000-05-17", "1"), ("2000-05-17", "2"), ("2000-02-01", "2"), ("2001-01-01", "3"))
        ),
        "TR002": (do(Geboortedatum={"Datum": "1890-01-01"}), do(Geboortedatum={"Datum": "1900-01-01"})),
        "TR134": do(Geboortedatum=lambda scene: {"Datum": scene.day(1)}),
    }),
    **on(("Client",), {
        "CS002": (do(Bsn="999900007"), do(Bsn="000000000")),
        "CS318": do(put("Naam/Partnernaam", None), put("Naam/NaamGebruik", "6")),
        "CD007": (do(Communicatie={"Vorm": "2", "Taal": "Pools"}), do(Communicatie={"Vorm": "1"})),
        "TR061": do(Contactgegevens=[{"Soort": "04", "Telefoon": PHONE}]),
        "TR101": client_again,
        "TR302": OVERLAPS,
        "TR386": OVERLAPS,
    }),
    **on(("Relatie",), {
        "CS050": (
            do(put("Naam/Partnernaam", None), put("Naam/NaamGebruik", "2")),
            do(put("Naam/Partnernaam", {"Achternaam": "Bedacht"}), put("Naam/NaamGebruik", "6")),
        ),
        "TR101": Scene.twin,
    }),
    **on(("Contact",), {
        "CD005": (
            contact_of("03", Adres={"Huis": HUIS, "Postcode": "1234AB"}),
            contact_of("04", Adres={"Huis": HUIS, "LandCode": "BE"}, Telefoon=PHONE),
        ),
        "CD009": contact_of("03", Adres=HERE, Periode={"Begindatum": "2026-01-01"}),
        "CD025": contact_of("03", Adres={"Postcode": "1234AB", "LandCode": "NL"}, Telefoon=PHONE),
        "CD034": (
            contact_of("03", Adres={"Huis": HUIS}, Telefoon=PHONE),
            contact_of("01", Adres={"Huis": HUIS}, Telefoon=PHONE),
            contact_of("01", Telefoon=PHONE),
        ),
        "CS089": contact_of("03", Adres={"Huis": HUIS, "Postcode": "0123AB", "LandCode": "NL"}),
        "CS003": contact_of("04", Adres=HERE, Periode={"Begindatum": "2026-01-02", "Einddatum": "2026-01-01"}),
        "TR006": (contact_of("02", Emailadres="a@voorbeeld.invalid"), contact_of("02", Adres={"Huis": HUIS})),
        "TR101": Scene.twin,
    }),
    **on(PRODUCTS, {
        "CD041": do(Omvang=None),
        "CD075": do(put("Product/Code", None), never_ends, Omvang=None, Budget="100"),
        "CD076": do(never_ends, Omvang=VOLUME | {"Frequentie": "2"}),
        "CD077": do(ends(30), Omvang=VOLUME, Budget="100"),
        "CD078": do(ends(30), Omvang=VOLUME, Budget="100"),
        "CD079": do(alone, Product=None, Omvang=None),
        "CD080": NO_CODE,
        "CD095": NO_CODE,
        "CD096": NO_CODE,
        "CS003": ends(-1),
        "CS335": (do(ends(30), RedenWijziging="13"), do(alone, never_ends, Omvang=VOLUME, RedenWijziging="13")),
        "CS336": do(RedenWijziging="01"),
        "CS338": NO_PERIOD,
        "CS343": NO_PERIOD,
        "HO001": put("Product/Categorie", category_of_other_law),
        "TR101": same_number,
        "TR380": do(put("GewensteIngangsdatum", lambda scene: scene.day(0)), ends(30)),
    }),
    **on(("ToegewezenProduct",), {"TR134": do(Toewijzingsdatum=lambda scene: scene.day(1))}),
    **on(("Opdracht",), {"TR134": do(Opdrachtdatum=lambda scene: scene.day(1))}),
    **on(("AangevraagdProduct",), {
        "CD043": (
            do(BeschikkingNummer=None, BeschikkingIngangsdatum="2026-01-01"),
            do(BeschikkingNummer="1", BeschikkingIngangsdatum=None),
        ),
        "CD066": tuple(
            do(Verwijzer={"Type": kind, "Naam": "Stichting Verzinsel", "ZorgverlenerCode": "01000001"})
            for kind in DOCTORS
        ),
        "CD067": tuple(do(Verwijzer={"Type": kind}) for kind in DOCTORS),
        "CD068": tuple(do(Verwijzer={"Type": kind, "ZorgverlenerCode": "01000001"}) for kind in ("01", "06", "08")),
        "TR101": again_much_later,
        "TR383": again_much_later,
    }),
    **on(("OngewijzigdProduct",), {"TR101": same_number}),
    **on(("NieuwProduct",), {"TR101": Scene.twin}),
    **on(("Verzoek",), {
        "TR352": do(OngewijzigdeProducten=None, TeWijzigenProducten=None),
        "TR353": do(TeWijzigenProducten=None, NieuweProducten=None),
        "TR410": OVERLAPS,
    }),
    **on(("Antwoord",), {
        "CD085": do(VerzoekAntwoord="1", RedenAfwijzingVerzoek=None, Woonplaatsbeginsel=None),
        "CD086": do(VerzoekAntwoord="2", RedenAfwijzingVerzoek="1", Woonplaatsbeginsel=None),
        "TR377": do(VerzoekAntwoord="1", RedenAfwijzingVerzoek="8", Woonplaatsbeginsel=None),
        "TR409": (
            do(VerzoekAntwoord="1", RedenAfwijzingVerzoek="1", Woonplaatsbeginsel={"Gemeente": "0363"}),
            do(VerzoekAntwoord="2", RedenAfwijzingVerzoek=None, Woonplaatsbeginsel={"Gemeente": "0363"}),
        ),
    }),
    **on(("StartProduct", "StopProduct"), {
        "CS058": do(StatusAanlevering="2"),
        "HO001": put("Product/Categorie", category_of_other_law),
        "TR101": Scene.twin,
    }),
    **on(("StartProduct",), {"TR134": do(Begindatum=lambda scene: scene.day(1))}),
    **on(("StopProduct",), {
        "HO002": do(RedenBeeindiging=lambda scene: "19" if scene.law == "JW" else "32"),
        "TR018": do(Einddatum=lambda scene: scene.day(-100)),
        "TR134": do(Einddatum=lambda scene: scene.day(1)),
    }),
    **on(("Declaratie",), {
        "CS100": do(all_lines("2020-12-01", "2020-12-31"), signed_on("2024-01-01"), period("2020-12-01", "2020-12-31")),
        "CS325": nothing_at_all,
        "CS340": (
            put("DeclaratiePeriode/Begindatum", lambda s: s.one["DeclaratiePeriode"]["Begindatum"][:-1] + "2"),
            do(all_lines("2024-01-01", "2024-01-31"), period("2024-02-01", "2024-02-28")),
        ),
        "TR134": next_month,
        "TR137": dated_in_its_month,
        "TR316": credit_own_line,
        "TR358": one_more("TotaalIngediendBedrag"),
    }),
    **on(LINES, {
        "CD060": (put("ProductReferentie/VorigReferentieNummer", "OUD9"), credit_of_nothing),
        "CD087": (do(in_euros(), ProductTarief="1"), do(Eenheid="04", ProductTarief=None)),
        "CS100": do(period("2020-12-01", "2020-12-31"), signed_on("2024-01-01")),
        "CS325": credit("0"),
        "CS337": from_month_before,
        "CS339": in_euros(1),
        "HO001": do(ProductCategorie=category_of_other_law),
        "TR101": same_reference,
        "TR134": do(dated_in_its_month, period("20", "25")),
        "TR137": period("10", "09"),
        "TR315": do(credit(), second_line()),
        "TR319": declared_before,
        "TR335": do(period("2021-01-01", "2021-01-31"), signed_on("2026-02-01")),
        "TR416": second_line(),
    }),
    **on(("Voortgang", "Doel", "Taak", "Dienst", "Kenmerk", "Gebied"), {"HO003": Scene.twin}),
    **on(("Voortgang",), {"TR134": do(Peildatum=lambda scene: scene.day(1))}),
    **on(("Doel",), {"HO004": do(Streefdatum="2020-01-01")}),
    **on(LINES, {"HO005": do(Btw={"Tarief": "21", "Bedrag": "99999999"})}),
    **on(("Client",), {"HO006": do(GezagsdragerBekend="1")}),
    **on(("Antwoord",), {"HO006": do(VerzoekAntwoord="1", RedenAfwijzingVerzoek="8", Woonplaatsbeginsel=None)}),
    **on(("Dienst",), {"HO001": do(ProductCategorie=category_of_other_law)}),
    **on(("Kenmerk",), {"HO007": do(GeldigTot=lambda scene: scene.day(-1))}),
    **on(("Bericht",), {
        "HO008": do(Besluit=None),
        "HO009": put("Header/XsdVersieHeen", None),
        "HO016": about_oneself,
    }),
    **on(("Onderaannemer", "Raamovereenkomst"), {"CS003": ends(-1)}),
    **on(("Besluit",), {
        "CS003": do(ends(-1), Beslissing="1", Voorwaarden=None, Reden=None),
        "HO010": do(Beslissing="2", Voorwaarden=None, Reden=None),
        "HO011": do(Beslissing=refused, Voorwaarden=None, Reden=None, Einddatum=None),
        "HO012": do(ends(30), Beslissing="3", Voorwaarden=None, Reden="Geen ervaring."),
    }),
    **on(("Retentie",), {"HO013": do(Retentiepercentage="501", Maximumpercentage="500")}),
    **on(("Regel",), {
        "HO001": put("Product/Categorie", category_of_other_law),
        "HO003": Scene.twin,
        "HO014": do(Eenheid=strange_unit, Tarief="100", Bedrag=None),
        "HO015": do(Tarief=None, Bedrag=None),
    }),
    ("CS325", "DeclaratieAntwoord"): (nothing_granted, nothing_submitted),
    **on(("DeclaratieAntwoord",), {"TR342": one_more("TotaalToegekendBedrag")}),
}  # fmt: skip
"""By (code, class); more than one where there is more than one way, or more than one row in the table of rules."""

BESIDE: dict[tuple[str, str], str] = {
    **{("CD077", klasse): "CD078" for klasse in PRODUCTS},
    **{("CD078", klasse): "CD077" for klasse in PRODUCTS},
    ("TR101", "AangevraagdProduct"): "TR383",
    ("TR383", "AangevraagdProduct"): "TR101",
    ("TR101", "NieuwProduct"): "TR410",
    **{("TR134", klasse): "TR137" for klasse in ("Declaratie", *LINES)},
}
"""What cannot be broken without another rule: the same said twice, or a begin that is too late and so an end, too."""
UNDER = {"CS318": "JW", "TR377": "JW", "HO006": "WMO"}
"""The only law under which a message of ours can break a rule."""


def born(years: int) -> Change:
    """So many years before the Dagtekening, to the day."""

    def change(scene: Scene) -> None:
        today = scene.day(0)
        scene.one["Geboortedatum"] = {"Datum": f"{int(today[:4]) - years}{today[4:]}"}

    return change


def beside(**changes: Any) -> Change:
    """Put a second product beside the first, in the same days."""

    def change(scene: Scene) -> None:
        ends(30)(scene)
        keys = {"ToewijzingNummer", "OpdrachtNummer", "ReferentieAanbieder"} & scene.one.keys()
        scene.twin(**dict.fromkeys(keys, "999999999") | changes)

    return change


def removed_beside(scene: Scene) -> None:
    beside(RedenWijziging="13")(scene)
    scene.group[-1]["Einddatum"] = scene.group[-1][first_day(scene)]


def other_code_beside(scene: Scene) -> None:
    beside(Product=scene.one["Product"] | {"Code": "ANDER"})(scene)


def the_day_after(scene: Scene) -> None:
    beside()(scene)
    next_day = str(date.fromisoformat(scene.one[last_day(scene)]) + DAY)
    scene.group[-1].update({first_day(scene): next_day, last_day(scene): next_day})


def tools(scene: Scene) -> None:
    for category in ("11", "12", "13", "14"):
        scene.one["Product"]["Categorie"] = category
        beside()(scene)
        scene.group[-1].update(dict.fromkeys({"ToewijzingNummer", "ReferentieAanbieder"} & scene.one.keys(), category))


def numbered_as_the_client(scene: Scene) -> None:
    """A relation under the BSN of the client, at the same address."""
    client = scene.message["Client"]
    own = next(each for each in client["Contactgegevens"] if each["Soort"] == "01")
    scene.one.update(Nummer=client["Bsn"], Contact=deepcopy(own))


def shorter(scene: Scene) -> None:
    """A second debit, of the same number but not of the same days."""
    dates = scene.one["ProductPeriode"]
    second_line(ProductPeriode=dates | {"Einddatum": dates["Begindatum"]})(scene)


NEAR: dict[str, tuple[str, str, Change]] = {
    "born today": ("jw301 jw305 wmo307 ho315", "Client", born(0)),
    "born 120 years ago": ("jw301 jw305 wmo307 ho315", "Client", born(120)),
    "with an interpreter": ("jw301 wmo301 ho301", "Client", do(Communicatie={"Vorm": "1", "Taal": "Pools"})),
    "a relation that is no person": (
        "jw301 wmo301 ho301", "Relatie", do(put("Naam/Partnernaam", None), put("Naam/NaamGebruik", "6"))
    ),
    "a relation numbered as the client": ("jw301 wmo301 ho301", "Relatie", numbered_as_the_client),
    "assigned today": ("jw301 wmo301", "ToegewezenProduct", do(Toewijzingsdatum=lambda scene: scene.day(0))),
    "for one day": ("jw301 wmo301", "ToegewezenProduct", ends(0)),
    "removed beside another": ("jw301 wmo301", "ToegewezenProduct", removed_beside),
    "two codes beside each other": ("jw301 wmo301", "ToegewezenProduct", other_code_beside),
    "one after the other": ("jw301 wmo301", "ToegewezenProduct", the_day_after),
    "tools beside each other": ("wmo301", "ToegewezenProduct", tools),
    "asked one after the other": ("jw315 wmo315 ho315", "AangevraagdProduct", the_day_after),
    "asked for tools beside each other": ("wmo315", "AangevraagdProduct", tools),
    "new from one day with another code": ("jw317 wmo317 ho317", "NieuwProduct", other_code_beside),
    "new from tomorrow": ("jw317 wmo317 ho317", "NieuwProduct", do(alone, GewensteIngangsdatum=lambda s: s.day(1))),
    "over before 2021": (
        "jw301 wmo301",
        "ToegewezenProduct",
        do(
            put("Product/Code", None), Ingangsdatum="2020-01-01", Einddatum="2020-12-31",
            Omvang=VOLUME | {"Eenheid": "14", "Frequentie": "1"},
        ),
    ),
    "started today": ("jw305 wmo305 ho305", "StartProduct", do(Begindatum=lambda scene: scene.day(0))),
    "stopped on the day of the start": (
        "jw307 wmo307 ho307", "StopProduct", do(Einddatum=lambda scene: scene.one["Begindatum"])
    ),
    "declared on the last day of the month": (
        "jw323 wmo323 ho323",
        "Declaratie",
        lambda scene: scene.message["Header"]["BerichtIdentificatie"].update(
            Dagtekening=scene.one["DeclaratiePeriode"]["Einddatum"]
        ),
    ),
    "five years ago to the day": (
        "jw323 wmo323 ho323", "Prestatie", do(period("2021-01-01", "2021-01-31"), signed_on("2026-01-31"))
    ),
    "five years before 29 February": (
        "jw323 wmo323 ho323", "Declaratie", do(all_lines("2023-02-01", "2023-02-28"), signed_on("2028-02-29"))
    ),
    "two periods of one number": ("jw323 wmo323 ho323", "Prestatie", shorter),
    "two codes of one number": ("jw323 wmo323 ho323", "Prestatie", second_line(ProductCode="ANDER")),
}  # fmt: skip
"""What comes close to breaking a rule but does not: (types, class, change)."""
