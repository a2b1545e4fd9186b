"""Rules on who a message is about: client, relation, address."""

import re
from operator import mul

from gateway.rules.klasse import NOTHING, Klasse, Memory, Verdict, after, years_before

POSTCODE = re.compile(r"[1-9][0-9]{3} ?[A-Z]{2}")
UNKNOWN_DATE = "1900-01-01"
WEIGHTS = (9, 8, 7, 6, 5, 4, 3, 2, -1)
NOUGHTS = sum(WEIGHTS) * ord("0")
"""What the weights make of nine noughts in ASCII."""
OLDEST_YEARS = 120


def cs002(client: Klasse, memory: Memory) -> Verdict:
    """The BSN passes the 11-check and is not all noughts (iStandaarden 3.2, CS002)."""
    digits = client["Bsn"].encode()
    total = sum(map(mul, WEIGHTS, digits)) - NOUGHTS
    return "Bsn" if total % 11 or digits == b"000000000" else None


def cs139(person: Klasse, memory: Memory) -> Verdict:
    """DatumGebruik and the birth date agree: what is unknown is 01, and 1900 when all is (CS139).

    The rule asks only that they agree. What an unknown part looks like follows from list COD170, which writes a date
    of which nothing is known as 1900-01-01; the rule names clients as well as relations.
    """
    born = person.get("Geboortedatum", NOTHING)
    use = born.get("DatumGebruik")
    if use is None:
        return None
    date = born["Datum"]
    good = (
        (use == "1" and date.endswith("-01"))
        or (use == "2" and date.endswith("-01-01"))
        or (use == "3" and date == UNKNOWN_DATE)
    )
    return None if good else "Geboortedatum/DatumGebruik"


def tr002(person: Klasse, memory: Memory) -> Verdict:
    """Nobody is older than 120 years at the Dagtekening, unless the birth date is unknown (TR002).

    The rule speaks of Geboortedatum and names no class, so a relation who has one is held to it as well.
    """
    born = person.get("Geboortedatum", NOTHING)
    date = born.get("Datum")
    if date is None or (date == UNKNOWN_DATE and born.get("DatumGebruik") == "3"):
        return None
    return "Geboortedatum/Datum" if after(years_before(memory.dated, OLDEST_YEARS), date) else None


def tr134_geboren(person: Klasse, memory: Memory) -> Verdict:
    """Nobody is born after the Dagtekening (TR134)."""
    date = person.get("Geboortedatum", NOTHING).get("Datum")
    return "Geboortedatum/Datum" if date and after(date, memory.dated) else None


def cs050(person: Klasse, memory: Memory) -> Verdict:
    """With a partner's name NaamGebruik is 1 to 4, without it 1 or 6 (CS050)."""
    allowed = "1234" if "Partnernaam" in person["Naam"] else "16"
    return None if person["Naam"]["NaamGebruik"] in allowed else "Naam/NaamGebruik"


def cs318(client: Klasse, memory: Memory) -> Verdict:
    """A client is a natural person, so NaamGebruik is not 6 (CS318, Jeugdwet)."""
    return "Naam/NaamGebruik" if client["Naam"]["NaamGebruik"] == "6" and memory.wet == "JW" else None


def cd007(client: Klasse, memory: Memory) -> Verdict:
    """Taal is filled if and only if Vorm is 1, an interpreter of a language (CD007)."""
    talk = client.get("Communicatie")
    if talk is None or ("Taal" in talk) == (talk["Vorm"] == "1"):
        return None
    return "Communicatie/Taal" if "Taal" in talk else "Communicatie"


def cd005(contact: Klasse, memory: Memory) -> Verdict:
    """LandCode is filled if and only if Postcode is (CD005)."""
    address = contact.get("Adres")
    if address is None or ("Postcode" in address) == ("LandCode" in address):
        return None
    return "Adres/LandCode" if "LandCode" in address else "Adres"


def cd009(contact: Klasse, memory: Memory) -> Verdict:
    """Periode belongs to a temporary address, Soort 04, only (CD009)."""
    return "Periode" if "Periode" in contact and contact["Soort"] != "04" else None


def cd025(contact: Klasse, memory: Memory) -> Verdict:
    """An address in the Netherlands has a Huis (CD025)."""
    dutch = contact.get("Adres", NOTHING).get("LandCode") == "NL"
    return "Adres" if dutch and "Huis" not in contact["Adres"] else None


def cd034(contact: Klasse, memory: Memory) -> Verdict:
    """A BRP address (01) and a place of stay (03) have a Postcode (CD034).

    The condition is on Soort, which stands in Contact: such a contact without any Adres has no Postcode either.
    """
    if contact["Soort"] not in {"01", "03"} or contact.get("Adres", NOTHING).get("Postcode"):
        return None
    return "Adres" if "Adres" in contact else ""


def cs089(contact: Klasse, memory: Memory) -> Verdict:
    """A Dutch Postcode has four digits, the first not nought, and two capitals (CS089).

    One space between them is how it is printed, and nothing in the standard forbids it: RS045, which does forbid
    spaces, is bound to Voorletters only.
    """
    postcode = contact.get("Adres", NOTHING).get("Postcode")
    wrong = contact.get("Adres", NOTHING).get("LandCode") == "NL" and postcode and not POSTCODE.fullmatch(postcode)
    return "Adres/Postcode" if wrong else None


def cs003_periode(contact: Klasse, memory: Memory) -> Verdict:
    """The end of the period of an address is not before its begin (CS003)."""
    period = contact.get("Periode", NOTHING)
    begin, end = period.get("Begindatum"), period.get("Einddatum")
    return "Periode/Einddatum" if begin and end and after(begin, end) else None


def tr006(contact: Klasse, memory: Memory) -> Verdict:
    """A contact has a Telefoon, or both Huis and Postcode (TR006)."""
    address = contact.get("Adres", NOTHING)
    return None if "Telefoon" in contact or ("Huis" in address and "Postcode" in address) else ""


def contact_seen(contact: Klasse, memory: Memory) -> Verdict:
    """Remember the addresses of the client itself for TR061; never says anything."""
    if contact.up is not None and contact.up.name == "Client":
        memory.seen["TR061"][contact["Soort"]] = True
    return None


def tr061(client: Klasse, memory: Memory) -> Verdict:
    """A client has at least one address of Soort 01, 02 or 03 (TR061).

    Soort stands in Contact, so a contact of that Soort counts although it gives no Adres but a telephone. Where
    Contactgegevens may be absent, as in an order, it says nothing of addresses and there is nothing to hold it to.
    """
    if "Contactgegevens" not in client or memory.seen["TR061"].keys() & {"01", "02", "03"}:
        return None
    return "Contactgegevens"


def duplicate(key: tuple[object, ...], klasse: Klasse, memory: Memory) -> bool:
    """Whether a class with this key was seen under the same parent (the base of TR101); remembers it."""
    up = klasse.up or NOTHING
    owner = up.get("Bsn") or up.get("Nummer")
    # A relation may be numbered as the client is, so an owner is known by its class too.
    full = (klasse.name, up.name, owner, *key)
    seen = memory.seen["TR101"]
    if full in seen:
        return True
    seen[full] = True
    return False


def tr101_client(client: Klasse, memory: Memory) -> Verdict:
    """A client stands in a message once (TR101)."""
    return "Bsn" if duplicate((client["Bsn"],), client, memory) else None


def tr101_relatie(relation: Klasse, memory: Memory) -> Verdict:
    """A relation has a Nummer of its own (TR101)."""
    return "Nummer" if duplicate((relation["Nummer"],), relation, memory) else None


def tr101_contact(contact: Klasse, memory: Memory) -> Verdict:
    """Of each Soort of address there is one per person (TR101)."""
    return "Soort" if duplicate((contact["Soort"],), contact, memory) else None
