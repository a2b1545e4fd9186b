"""Messages about invented persons, made from the samples: for the demo, the bench and the tests."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

SAMPLES = Path(__file__).resolve().parent.parent / "schemas" / "hoa" / "1.0" / "samples"


def message(
    sample: str,
    identification: str,
    *,
    sender: str = "98000001",
    receiver: str = "98000002",
    answers: str | None = None,
    **fields: str,
) -> bytes:
    """Return the valid HOA sample ``sample`` as a message of its own.

    ``sender`` and ``receiver`` go into Afzender and Ontvanger: a retour keeps those of the message it answers.
    ``answers`` is the Identificatie of that message; ``fields`` are other elements, the first of each.
    """
    raw = _sample(sample)
    own = answered = rb"BerichtIdentificatie>\s*<[^>]*Identificatie"
    if b"IdentificatieRetour>" in raw:
        own = rb"IdentificatieRetour"
    elif named := re.search(rb"<(Heen|Declaratie)Identificatie>", raw):
        answered = named[1] + rb"Identificatie>\s*<[^>]*Identificatie"
    values = {rb"Afzender": sender, rb"Ontvanger": receiver, own: identification}
    values |= {element.encode(): value for element, value in fields.items()}
    if answers is not None:
        values[answered] = answers
    for element, value in values.items():
        raw, found = re.subn(rb"(<(?:\w+:)?" + element + rb">)[^<]*", rb"\g<1>" + value.encode(), raw, count=1)
        if not found:
            raise ValueError(f"{sample} has no {element!r}")
    return raw


@cache
def _sample(name: str) -> bytes:
    return (SAMPLES / "valid" / f"{name}.xml").read_bytes()


def faulty(name: str) -> bytes:
    """Return an invalid HOA sample as it is."""
    return (SAMPLES / "invalid" / f"{name}.xml").read_bytes()


def bsns() -> Iterator[str]:
    """Yield the BSNs that were set apart for testing (11-check passed), in order; no person has one."""
    for number in range(999_900_006, 999_999_991):
        digits = [int(digit) for digit in str(number)]
        total = sum(weight * digit for weight, digit in zip(range(9, 1, -1), digits, strict=False)) - digits[8]
        if total % 11 == 0:
            yield str(number)
