"""What messages say, as frozen values: one form for national messages (301 …) and for HOA (HO301 …)."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Said:
    """One thing that a message says, and where it says it. Never printed: most of it is personal."""

    line: int = field(default=0, compare=False)
    """Line of its class in the document; 0 once it is history."""
    path: str = field(default="", compare=False)
    """Path of its class, with positions: ``Bericht/Client/Verzoek``; empty once it is history."""
    bsn: str = ""
    """The client it is about; empty if it is about none."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Order(Said):
    """An assignment (301) or an order (HO301). Dates are ISO dates, empty if absent."""

    number: int
    """ToewijzingNummer or OpdrachtNummer."""
    reference: str = ""
    """ReferentieAanbieder: the request that it honours."""
    category: str = ""
    code: str = ""
    date: str
    """Toewijzingsdatum or Opdrachtdatum; with ``time`` it tells which one is the newest (IV013)."""
    time: str
    begin: str
    end: str = ""
    reason: str = ""
    """RedenWijziging."""
    volume: int | None = None
    """In ``unit``; eurocents if that is 83."""
    unit: str = ""
    frequency: str = ""
    budget: int | None = None
    """Eurocents."""
    contract: str = ""
    """ContractNummer of the framework contract between hoofdaannemer and onderaannemer (HOA)."""
    gemeente: str = ""
    """The gemeente that is responsible for the client (HOA)."""
    assignment: int | None = None
    """ToewijzingNummer of the municipal assignment that this order divides (HOA)."""

    @property
    def removed(self) -> bool:
        """Whether it was taken back as if it had never been (reason 13, formerly 01, with begin equal to end)."""
        return self.reason in {"01", "13"} and self.begin == self.end


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Task(Said):
    """Who does a task of an order (HOA)."""

    number: int
    """The order."""
    code: str
    """TaakCode."""
    who: str
    """H, the hoofdaannemer, or O, the onderaannemer."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Start(Said):
    """A start of delivery, or with ``status`` 3 that an earlier one is taken back."""

    number: int | None = None
    """The order; None where care is given without one (taakgericht, IV096)."""
    category: str = ""
    code: str = ""
    begin: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Stop(Said):
    """A stop of the delivery that began on ``begin``, or with ``status`` 3 that an earlier stop is taken back."""

    number: int | None = None
    category: str = ""
    code: str = ""
    begin: str
    end: str
    reason: str
    """RedenBeeindiging; 20 is a temporary stop."""
    status: str


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Request(Said):
    """A request by a provider: one AangevraagdProduct of a 315, or the Verzoek of a 317."""

    reference: str
    """ReferentieAanbieder."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Wish(Said):
    """One product in a 317: unchanged, to change, or new. Never kept: what counts is what is then granted."""

    kind: str
    """Name of its class."""
    number: int | None = None
    category: str = ""
    code: str = ""
    begin: str = ""
    """GewensteIngangsdatum."""
    end: str = ""
    volume: int | None = None
    frequency: str = ""
    budget: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Reply(Said):
    """The answer (319) to a request: 1 refused, 2 being looked into."""

    reference: str
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Declaration(Said):
    """The head of a declaration (323). The lines are values of their own."""

    number: str
    """DeclaratieNummer."""
    begin: str
    """First day of DeclaratiePeriode."""
    total: int
    """Eurocents, below zero if it is a credit."""
    versions: tuple[str, ...] = ()
    """XsdVersie in the header: basisschema, message."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Line(Said):
    """A Prestatie, or a Termijn (HOA), which has no client and no order. In a 325: a line that is rejected."""

    reference: str
    """ReferentieNummer."""
    previous: str = ""
    """VorigReferentieNummer: the line that this one credits."""
    number: int | None = None
    """The assignment or order."""
    contract: str = ""
    category: str = ""
    code: str = ""
    begin: str
    end: str
    volume: int | None = None
    """In ``unit``; eurocents if that is 83."""
    unit: str = ""
    tariff: int | None = None
    """Eurocents per unit."""
    amount: int
    """Eurocents, below zero for a credit."""
    vat_rate: str = ""
    vat: int | None = None
    """Eurocents."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Answer(Said):
    """The answer (325) to a declaration."""

    whole: bool
    """Whether the declaration stands; if not, it was refused as a whole and counts as not sent."""
    dated: str = ""
    """Dagtekening of the declaration, as DeclaratieIdentificatie tells it."""
    number: str = ""
    """DeclaratieNummer; empty if only the header came back."""
    submitted: int = 0
    """Eurocents, below zero for a credit."""
    versions: tuple[str, ...] = ()
    """XsdVersieDeclaratie: basisschema, message."""
    rejected: tuple[str, ...] = ()
    """ReferentieNummers of the rejected lines; known once it is remembered."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Refusal(Said):
    """That a retour holds an error: the message that it answers counts as not sent (OP286)."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Contract(Said):
    """The head of a framework contract that is offered (HO341); its areas and prices are values of their own.

    A contract that is known by its number is offered anew to change or end it.
    """

    number: str
    variant: str
    """Uitvoeringsvariant: I, O or T."""
    begin: str
    end: str = ""
    days: int
    """Betaaltermijn."""
    kept: int | None = None
    """What the hoofdaannemer keeps, in hundredths of a percent …"""
    most: int | None = None
    """… and the most that the region allows."""
    band: int | None = None
    """Bandbreedte, in hundredths of a percent: how far an order may change without a request."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Area(Said):
    """A gemeente for which a contract holds."""

    gemeente: str


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Price(Said):
    """A product in a contract, and what is paid for it."""

    category: str
    code: str = ""
    """Empty where any code of the category has this price."""
    unit: str
    tariff: int | None = None
    """Eurocents per unit; None if the unit is euros (83)."""
    amount: int | None = None
    """Eurocents, if the unit is euros."""
    surcharge: int | None = None
    """Opslag, in hundredths of a percent."""
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Report(Said):
    """An onderaannemer that a hoofdaannemer reports to a gemeente (HO331); the services are values of their own."""

    agb: str
    begin: str
    end: str = ""
    divides: bool
    """SubOnderaanneming: whether they may pass on what they are given."""
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Service(Said):
    """A product category that a reported onderaannemer shall deliver."""

    category: str


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Mark(Said):
    """A quality mark that a reported onderaannemer has."""

    kind: str
    until: str
    """Last day on which it is valid."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Decision(Said):
    """What was decided on a contract (HO342) or an onderaannemer (HO332)."""

    about: str
    """ContractNummer, or the code (AGB) of the onderaannemer."""
    code: str
    """Beslissing."""
    begin: str = ""
    end: str = ""
    answers: str = ""
    """Key of the message that it answers; empty for consent that is withdrawn unasked."""
    conditions: tuple[str, ...] = ()
    """Under which a gemeente consents."""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Relation:
    """Between whom there is a contract; with a gemeente, that it was asked to consent to this onderaannemer."""

    wet: str
    hoofd: str
    onder: str
    gemeente: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Use(Said):
    """That a number is taken, and where what it stands for is kept; only in records."""

    dossier: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Touched(Said):
    """Which records hold something of a message; only in records."""

    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Heard:
    """What one message said, as far as one record is concerned."""

    message: str
    """Key of the message: ``bericht/SENDER/TYPE/IDENTIFICATIE``."""
    type: str
    """Message type in lower case: ``ho305``."""
    dated: str
    """Dagtekening of the message."""
    void: bool = False
    """Whether the message was refused by a retour, so that this does not count; of a declaration its Answer tells."""
    said: tuple[Said, ...]


Record = tuple[Heard, ...]
"""What was heard under one key, in order of acceptance."""
