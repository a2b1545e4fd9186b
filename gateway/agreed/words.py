"""Codes, money and days as people in the Netherlands read them; pure."""

from gateway.codes import code_list, lists_of

_MONTHS = (
    *("januari", "februari", "maart", "april", "mei", "juni"),
    *("juli", "augustus", "september", "oktober", "november", "december"),
)
NONE = "geen"
_CATEGORIES = {"JW": "JZ020", "WMO": "WMO020"}
LAWS = {"JW": "Jeugdwet", "WMO": "Wet maatschappelijke ondersteuning 2015"}
VARIANTS = {
    "I": "De onderaannemer krijgt betaald voor wat hij doet: per tijd of per stuk.",
    "O": "De onderaannemer krijgt betaald voor een afgesproken resultaat.",
    "T": "De onderaannemer krijgt een vast bedrag voor een groep inwoners. Hij declareert niet per cliënt.",
}


def meaning(use: str, code: str) -> str:
    """Return what a code of a simple type of HOA means (``LDT_Eenheid``); an unknown one is its own meaning."""
    lists = [code_list(name) for name in lists_of(f"hoa/1.0:{use}")]
    return next((each.meaning(code) for each in lists if code in each.meanings), code)


def category(wet: str, code: str) -> str:
    """Return the name of a product category under a law."""
    return code_list(_CATEGORIES[wet]).meanings.get(code, code)


def product(wet: str, category_: str, code: str) -> str:
    """Return a product as people write it: its category by name, then its code."""
    if not category_:
        return "Alle producten uit de overeenkomst"
    return f"{category(wet, category_)} ({code or f'categorie {category_}, alle codes'})"


def gemeente(code: str) -> str:
    """Return the name of a gemeente (CBS); an unknown code is its own name."""
    return code_list("CBS").meanings.get(code, code)


def euros(cents: int) -> str:
    """Write eurocents: € 1.234,50."""
    whole, rest = divmod(abs(cents), 100)
    return f"{'-' if cents < 0 else ''}€ {whole:,}".replace(",", ".") + f",{rest:02}"


def percent(hundredths: int) -> str:
    """Write hundredths of a percent: 650 is 6,5%."""
    return f"{hundredths / 100:.2f}".rstrip("0").rstrip(".").replace(".", ",") + "%"


def day(date: str) -> str:
    """Write an ISO date, or one that ends at its month or year: 9 maart 2026; of another form it stays as it is."""
    year, *parts = date.split("-")
    if not (year.isdecimal() and len(parts) <= 2 and all(each.isdecimal() for each in parts)):
        return date
    if not parts or not 1 <= int(parts[0]) <= len(_MONTHS):
        return date
    return " ".join([*(str(int(each)) for each in parts[1:]), _MONTHS[int(parts[0]) - 1], year])


def period(begin: str, end: str) -> str:
    """Write from when until when; without an end it goes on."""
    return f"{day(begin)} tot en met {day(end)}" if end else f"vanaf {day(begin)}, zonder einddatum"


def party(code: str, name: str) -> str:
    """Write a party with its code."""
    return f"{name} ({code})" if name else code


def unit(code: str) -> str:
    """Return a unit within a sentence: uur, dagdeel van vier uur."""
    name = meaning("LDT_Eenheid", code)
    return name[:1].lower() + name[1:]
