"""Sensible messages for tests: what a careful sender could have sent, as plain dicts, and the XML that says it.

Unlike ``documents``, which knows the schemas only, this knows what fields mean: dates follow each other, sums add up,
keys are unique, and fields that need each other stand together. The same seed gives the same message.
"""

import random
from calendar import monthrange
from collections.abc import Iterator
from copy import deepcopy
from datetime import date, timedelta
from typing import Any

from lxml import etree

from gateway.catalog import Catalog
from gateway.shapes import Leaf, Shape
from tests.sensible_hoa import BODIES, tasks, treatment, vat

Message = dict[str, Any]
CATALOG = Catalog.load()
CATEGORIES = {"JW": ("42", "43", "44", "45", "46", "50", "54"), "WMO": ("01", "02", "03", "04", "05", "08", "10")}
STOPS = {
    "JW": ("02", "20", "31", "32", "33", "34", "35", "36", "37", "38", "39"),
    "WMO": ("02", "19", "20", "21", "22", "23", "31", "36", "37", "38", "39"),
}
UNITS = {"01": "1246", "04": "1246", "82": "1246", "14": "246", "16": "246", "83": "246", "84": "246"}
"""Unit → frequencies that go with it."""


def written(name: str, message: Message, expect: str = "") -> bytes:
    """The document that says this; KeyError where the schema has no place for something."""
    kind = CATALOG.types[name]
    shape = CATALOG.definition(kind).shape
    spaces = list(dict.fromkeys(etree.QName(tag).namespace for tag in _tags(shape)))
    prefixes = {"hoa": (None, "b"), "ijw": (name, "ijw"), "iwmo": (name, "iwmo")}[kind.standard]
    root = etree.Element(kind.root, nsmap=dict(zip(prefixes, spaces, strict=False)))
    _fill(root, shape, message)
    etree.indent(root)
    head = f'<?xml version="1.0" encoding="UTF-8"?>\n<!-- expect: {expect + " " if expect else ""}-->\n'
    return head.encode() + etree.tostring(root, encoding="utf-8") + b"\n"


def instances(message: Message, name: str) -> Iterator[tuple[Message, list[Message] | None]]:
    """Every class of this name, with the list in which it stands, if any."""
    for field, value in message.items():
        if isinstance(value, list):
            for each in value:
                if isinstance(each, dict):
                    if field in (f"{name}en", f"{name}s", PLURALS.get(name)):
                        yield each, value
                    yield from instances(each, name)
        elif isinstance(value, dict):
            if field == name:
                yield value, None
            yield from instances(value, name)


PLURALS = {
    "TeWijzigenProduct": "TeWijzigenProducten",
    "OngewijzigdProduct": "OngewijzigdeProducten",
    "NieuwProduct": "NieuweProducten",
    "AangevraagdProduct": "AangevraagdeProducten",
    "Contact": "Contactgegevens",
    "Taak": "Taken",
}
"""The containers that are not called after what they hold, with -en or -s."""


def _tags(shape: Shape) -> Iterator[str]:
    for tag, place in shape.fields.items():
        yield tag
        if isinstance(place.form, Shape):
            yield from _tags(place.form)


def _fill(node: etree._Element, shape: Shape, value: Message | list[Any]) -> None:
    if isinstance(value, list):
        ((tag, place),) = shape.fields.items()
        pairs = [(tag, place.form, each) for each in value]
    else:
        unknown = value.keys() - {place.name for place in shape.fields.values()}
        if unknown:
            raise KeyError(*sorted(unknown))
        pairs = [(tag, place.form, value[place.name]) for tag, place in shape.fields.items() if place.name in value]
    for tag, form, each in pairs:
        child = etree.SubElement(node, tag)
        if isinstance(form, Leaf):
            child.text = each
        else:
            _fill(child, form, each)


def sensible(name: str, seed: int, *, rich: bool = False) -> Message:
    """A message of this type that follows every rule; ``rich`` has all classes, and two of each that repeats."""
    return Maker(name, seed, rich=rich).message()


class Maker:
    """Draws the fields of one message."""

    def __init__(self, name: str, seed: int, *, rich: bool) -> None:
        self.name, self.rich = name, rich
        self.rng = random.Random(f"{name} {seed}")
        self.ours = name.startswith("ho")
        self.wet = {"jw": "JW", "wmo": "WMO"}.get(name[:-3]) or self.rng.choice(("JW", "WMO"))
        self.dated = date(2024, 3, 1) + timedelta(days=self.rng.randrange(900))
        self.shape = CATALOG.definition(CATALOG.types[name]).shape
        self.numbers = iter(self.rng.sample(range(1, 999_999_999), 200))

    def message(self) -> Message:
        kind = self.name[-3:]
        body = BODIES[kind](self) if kind in BODIES else getattr(self, f"_body_{kind}")()
        return body | {"Header": self.header() | body.get("Header", {})}

    @property
    def categories(self) -> tuple[str, ...]:
        return CATEGORIES[self.wet]

    def may(self, chance: float = 0.5) -> bool:
        return self.rich or self.rng.random() < chance

    def some(self) -> int:
        return self.rng.randint(2, 3) if self.rich else self.rng.randint(1, 3)

    def day(self, low: int, high: int) -> str:
        """A date so many days from the Dagtekening."""
        return str(self.dated + timedelta(days=self.rng.randint(low, high)))

    def number(self) -> str:
        return str(next(self.numbers))

    def reference(self, length: int = 12) -> str:
        return f"R{next(self.numbers)}"[:length]

    def header(self) -> Message:
        form = next(place.form for place in self.shape.fields.values() if place.name == "Header")
        forms = {place.name: place.form for place in form.fields.values()}
        head = {"BerichtIdentificatie": {"Identificatie": self.reference(), "Dagtekening": str(self.dated)}}
        for field in ("BerichtCode", "BerichtVersie", "BerichtSubversie"):
            head[field] = next(pattern for pattern in forms[field].patterns if pattern.isalnum())
        for field in ("Afzender", "Ontvanger"):
            head[field] = "0344" if "[0-9]{4}" in forms[field].patterns else "98000001"
        versions = {"BasisschemaXsdVersie": "1.0.0", "BerichtXsdVersie": "1.0.0"}
        head |= {field: versions for field in ("XsdVersie", "XsdVersieDeclaratie", "XsdVersieHeen") if field in forms}
        for field in ("DeclaratieIdentificatie", "HeenIdentificatie"):
            if field in forms:
                head |= {field: {"Identificatie": self.reference(), "Dagtekening": self.day(-30, 0)}}
                head |= {"RetourCodes": ["0200"]}
        return head | ({"Wet": self.wet} if "Wet" in forms else {})

    # Persons

    def bsn(self) -> str:
        drafts = (f"9999{self.rng.randint(6, 99990):05d}" for _ in range(1000))
        return next(draft for draft in drafts if _eleven(draft))

    def born(self) -> Message:
        day = self.dated - timedelta(days=self.rng.randint(1, 119 * 365))
        use = self.rng.choice("123") if self.rng.random() < 0.4 else None
        if use is None:
            return {"Datum": str(day)}
        unknown = {"1": day.replace(day=1), "2": day.replace(month=1, day=1), "3": date(1900, 1, 1)}
        return {"Datum": str(unknown[use]), "DatumGebruik": use}

    def named(self, *, person: bool = True) -> Message:
        name: Message = {"Geslachtsnaam": {"Achternaam": self.rng.choice(("Verzonnen", "Voorbeeld", "Denkbeeldig"))}}
        if self.may(0.3):
            name["Partnernaam"] = {"Achternaam": "Bedacht", "Voorvoegsel": "van"}
        uses = "1234" if "Partnernaam" in name else "1" if person else "16"
        return name | {"NaamGebruik": self.rng.choice(uses)}

    def short_name(self) -> Message:
        return {"Geslachtsnaam": {"Achternaam": "Verzonnen"}} | ({"Voorletters": "ZM"} if self.may() else {})

    def client(self, **more: Any) -> Message:
        return {"Bsn": self.bsn(), "Geboortedatum": self.born(), "Geslacht": self.rng.choice("012"), **more}

    def contact(self, kind: str) -> Message:
        phone = {"Telefoon01": {"Telefoonnummer": "0600000004", "Landnummer": "+31"}}
        dutch = {"Huis": {"Huisnummer": "12"}, "Postcode": self.rng.choice(("1234AB", "9999 XX")), "LandCode": "NL"}
        abroad = {"Huis": {"Huisnummer": "5"}, "Postcode": "B-1000", "Plaatsnaam": "Nulle Part", "LandCode": "BE"}
        contact: Message = {"Soort": kind}
        if kind == "02":
            return contact | {"Telefoon": phone}
        contact["Adres"] = self.rng.choice((dutch, abroad))
        if self.may(0.3):
            contact["Telefoon"] = phone
        if kind == "04" and self.may():
            begin = self.rng.randint(-300, 300)
            contact["Periode"] = {"Begindatum": self.day(begin, begin), "Einddatum": self.day(begin, begin + 90)}
        return contact

    def relation(self) -> Message:
        relation = {"Nummer": self.reference(), "Soort": "10", "Naam": self.named(person=False)}
        relation["Contact"] = self.contact(self.rng.choice(("01", "02", "03", "04")))
        return relation | ({"Geboortedatum": self.born()} if self.may() else {})

    # What is granted or asked for

    def extents(self, begin: str, end: str, first: int) -> Iterator[Message]:
        """Product, period and Omvang or Budget of products that may stand side by side; the first ends."""
        categories = list(self.categories)
        self.rng.shuffle(categories)
        for place in range(self.some()):
            start = first + self.rng.randint(0, 200)
            extent: Message = {begin: self.day(start, start)}
            variant = self.rng.choice(("specific", "specific", "budget", "bare")) if place else "specific"
            product = {"Categorie": categories.pop()}
            if variant == "specific":
                unit = self.rng.choice(list(UNITS))
                often = self.rng.choice(UNITS[unit])
                extent["Omvang"] = {"Volume": str(self.rng.randint(0, 9999)), "Eenheid": unit, "Frequentie": often}
                product["Code"] = f"{product['Categorie']}A{self.rng.randint(1, 99):02d}"
            if variant == "budget":
                extent["Budget"] = str(self.rng.randint(0, 9_999_999))
            needed = place == 0 or variant == "budget" or extent.get("Omvang", {}).get("Frequentie") == "2"
            if needed or self.may():
                extent[end] = self.day(start, start + 300)
            yield extent | {"Product": product}

    def generic(self, begin: str, end: str, first: int) -> Message:
        """Anything, up to an amount; nothing may stand beside it."""
        return {begin: self.day(first, first), end: self.day(first, first + 300), "Budget": "150000"}

    def products(self, begin: str, end: str, first: int) -> list[Message]:
        if not self.rich and self.rng.random() < 0.2:
            return [self.generic(begin, end, first)]
        return list(self.extents(begin, end, first))

    def _body_301(self) -> Message:
        client = self.client(Naam=self.named())
        if self.ours:
            client["Gemeente"] = "0344"
        if self.may():
            talk = self.rng.choice("123")
            client["Communicatie"] = {"Vorm": talk} | ({"Taal": "Pools"} if talk == "1" else {})
        if self.may():
            client["Relaties"] = [self.relation() for _ in range(self.some())]
        kinds = self.rng.sample(("02", "03", "04"), 3 if self.rich else self.rng.randint(0, 3))
        client["Contactgegevens"] = [self.contact(kind) for kind in ("01", *kinds)]
        granted = [self._granted(each) for each in self.products("Ingangsdatum", "Einddatum", -100)]
        return {"Client": client | {"Opdrachten" if self.ours else "ToegewezenProducten": granted}}

    def _granted(self, product: Message) -> Message:
        if self.ours:
            numbers = {"OpdrachtNummer": self.number(), "ContractNummer": "RO-2026-07"}
            when = {"Opdrachtdatum": self.day(-30, 0), "Opdrachttijd": "09:30:00"}
        else:
            numbers = {"ToewijzingNummer": self.number()}
            when = {"Toewijzingsdatum": self.day(-30, 0), "Toewijzingstijd": "09:30:00"}
        if self.ours and self.may():
            product |= {"Taken": tasks(self), "Behandelinformatie": treatment(self, product["Ingangsdatum"])}
        return product | numbers | when | ({"RedenWijziging": self.rng.choice(("03", "14"))} if self.may(0.3) else {})

    def _delivery(self) -> Message:
        delivery: Message = {"Begindatum": self.day(-90, -30), "StatusAanlevering": self.rng.choice("13")}
        if self.may(0.8):
            delivery["OpdrachtNummer" if self.ours else "ToewijzingNummer"] = self.number()
        category = self.rng.choice(self.categories)
        return delivery | {"Product": {"Categorie": category, "Code": f"{category}A01"}}

    def _body_305(self) -> Message:
        return {"Client": self.client(Naam=self.short_name(), StartProducten=self._deliveries())}

    def _deliveries(self) -> list[Message]:
        made = [self._delivery() for _ in range(self.some())]
        return list({str((d.get("OpdrachtNummer"), d.get("ToewijzingNummer"), d["Product"])): d for d in made}.values())

    def _body_307(self) -> Message:
        stops = [
            stop | {"RedenBeeindiging": self.rng.choice(STOPS[self.wet]), "Einddatum": self.day(-30, 0)}
            for stop in self._deliveries()
        ]
        return {"Client": self.client(Naam=self.short_name(), StopProducten=stops)}

    def _body_315(self) -> Message:
        asked = self.products("ToewijzingIngangsdatum", "ToewijzingEinddatum", -60)
        client = self.client(Naam=self.short_name(), AangevraagdeProducten=[self._asked(each) for each in asked])
        return {"Client": client | ({"Gemeente": "0344"} if self.ours else {})}

    def _asked(self, product: Message) -> Message:
        kind = self.rng.choice(("01", "02", "03", "04", "05", "06", "08"))
        by: Message = {"Type": kind}
        if kind in {"02", "03", "04", "05"}:
            by |= self.rng.choice(({"Naam": "Stichting Verzinsel"}, {"ZorgverlenerCode": "01000001"}))
        asked = product | {"ReferentieAanbieder": self.reference(), "Verwijzer": by}
        if self.may(0.3):
            asked |= {"BeschikkingNummer": self.number(), "BeschikkingIngangsdatum": self.day(-60, 60)}
        return asked

    def _body_317(self) -> Message:
        number = "OpdrachtNummer" if self.ours else "ToewijzingNummer"
        request: Message = {"ReferentieAanbieder": self.reference(), "RedenVerzoek": self.rng.choice("12")}
        changed = self.rich or self.rng.random() < 0.6
        if not changed or self.may():
            request["OngewijzigdeProducten"] = [{number: self.number()} for _ in range(self.some())]
        if changed:
            extents = list(self.extents("GewensteIngangsdatum", "Einddatum", -60))
            kept = [{field: each[field] for field in each if field != "Product"} for each in extents]
            request["TeWijzigenProducten"] = [each | {number: self.number()} for each in kept]
        if not changed or self.may():
            request["NieuweProducten"] = self.products("GewensteIngangsdatum", "Einddatum", 1)
        client: Message = {"Bsn": self.bsn(), "Verzoek": request}
        return {"Client": client | ({"Gemeente": "0344"} if self.ours else {})}

    def _body_319(self) -> Message:
        answer: Message = {"ReferentieAanbieder": self.reference(), "VerzoekAntwoord": "2"}
        if self.may():
            answer |= {"VerzoekAntwoord": "1", "RedenAfwijzingVerzoek": self.rng.choice("1234579")}
            if self.wet == "JW" and self.may():
                answer |= {"RedenAfwijzingVerzoek": "8", "Woonplaatsbeginsel": {"Gemeente": "0363"}}
        return {"Antwoord": answer}

    # Declarations

    def _body_323(self) -> Message:
        clients = [{"Bsn": bsn, "Prestaties": self._lines()} for bsn in dict.fromkeys(self.bsn() for _ in "12")]
        declaration: Message = {
            "DeclaratieNummer": f"D{next(self.numbers)}",
            "DeclaratiePeriode": self._whole(0),
            "DeclaratieDagtekening": str(self.dated),
            "Clienten": clients,
        }
        if self.ours and self.may():
            declaration["Termijnen"] = [self._instalment(credit=False), self._instalment(credit=True)]
        return {"Declaratie": declaration | {"TotaalIngediendBedrag": total(declaration)}}

    def _whole(self, back: int) -> Message:
        """A calendar month, so many before that of the declaration."""
        months = self.dated.year * 12 + self.dated.month - 2 - back
        year, month = months // 12, months % 12 + 1
        return {"Begindatum": f"{year}-{month:02d}-01", "Einddatum": f"{year}-{month:02d}-{monthrange(year, month)[1]}"}

    def _instalment(self, *, credit: bool) -> Message:
        line = {"ContractNummer": "RO-2026-07", "Periode": self._whole(self.rng.randint(0, 30))}
        return self._signed(line, str(self.rng.randint(1, 999_999)), credit=credit)

    def _signed(self, line: Message, amount: str, *, credit: bool) -> Message:
        reference = {"ReferentieNummer": self.reference()}
        if credit:
            reference["VorigReferentieNummer"] = self.reference()
        line["IngediendBedrag"] = {"Bedrag": amount, "DebetCredit": "C" if credit else "D"}
        if self.ours and self.rng.random() < 0.2:
            line["Btw"] = vat(self, amount)
        return line | {"ProductReferentie": reference}

    def _lines(self) -> list[Message]:
        """A debit and, of an older month, perhaps a credit with what replaces it."""
        lines = [self._signed(*self._line(0), credit=False)]
        if self.may():
            line, amount = self._line(self.rng.randint(1, 30))
            lines += [self._signed(deepcopy(line), amount, credit=back) for back in (True, False)]
        return lines

    def _line(self, back: int) -> tuple[Message, str]:
        """What was delivered in a month so long ago, and the amount."""
        category, unit = self.rng.choice(self.categories), self.rng.choice(list(UNITS))
        volume, tariff = self.rng.randint(1, 999), 1 if unit == "83" else self.rng.randint(1, 9999)
        line: Message = {
            "OpdrachtNummer" if self.ours else "ToewijzingNummer": self.number(),
            "ProductCategorie": category,
            "ProductCode": f"{category}A01",
            "ProductPeriode": self._whole(back),
            "GeleverdVolume": str(volume),
            "Eenheid": unit,
        }
        return line | ({} if unit == "83" else {"ProductTarief": str(tariff)}), str(volume * tariff)

    def _body_325(self) -> Message:
        declaration = self._body_323()["Declaratie"]
        answer = {field: declaration[field] for field in ("DeclaratieNummer", "TotaalIngediendBedrag")}
        granted = {"all": answer["TotaalIngediendBedrag"], "none": owed(0)}
        fate = "some" if self.rich else self.rng.choice(("some", "some", "all", "none", "header"))
        if fate == "header":
            return {"Header": judged("0001")}
        if fate in granted:
            answer |= {"TotaalToegekendBedrag": granted[fate]} | judged("8001" if fate == "all" else "9333")
            return {"DeclaratieAntwoord": answer}
        for name in ("Prestatie", "Termijn"):
            for line, _ in instances(declaration, name):
                line.update(judged("9322"))
        rest = self.rng.randint(1, 99_999)
        listed = amount(declaration["TotaalIngediendBedrag"], "TotaalBedrag")
        answer["TotaalIngediendBedrag"] = owed(listed + rest)
        answer["Clienten"] = [client | judged("0200") for client in declaration["Clienten"]]
        if "Termijnen" in declaration:
            answer["Termijnen"] = declaration["Termijnen"]
        return {"DeclaratieAntwoord": answer | {"TotaalToegekendBedrag": owed(rest)} | judged("0200")}


def judged(code: str) -> Message:
    """What an answer says of a class."""
    return {"RetourCodes": [code]}


def amount(value: Message, field: str = "Bedrag") -> int:
    """Cents, below nought for a credit."""
    return int(value[field]) * (-1 if value["DebetCredit"] == "C" else 1)


def owed(cents: int) -> Message:
    """A total as messages write it."""
    return {"TotaalBedrag": str(abs(cents)), "DebetCredit": "C" if cents < 0 else "D"}


def total(declaration: Message) -> Message:
    """The sum of all its lines."""
    lines = [line for name in ("Prestatie", "Termijn") for line, _ in instances(declaration, name)]
    return owed(sum(amount(line["IngediendBedrag"]) for line in lines))


def _eleven(bsn: str) -> bool:
    weights = (9, 8, 7, 6, 5, 4, 3, 2, -1)
    return sum(int(digit) * weight for digit, weight in zip(bsn, weights, strict=True)) % 11 == 0
