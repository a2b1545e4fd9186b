"""Verdicts as bytes and back, for the way from a worker to the gateway: plain JSON, which can do no harm when read."""

import json
from collections.abc import Sequence
from dataclasses import fields
from operator import attrgetter

from gateway.message import Checked, Facts, Finding

TO_JSON = json.JSONEncoder(separators=(",", ":")).encode
FACTS = tuple(fact.name for fact in fields(Facts))
FINDING = tuple(part.name for part in fields(Finding))
FACTS_OF, FINDING_OF = attrgetter(*FACTS), attrgetter(*FINDING)


def encode(verdicts: Sequence[Checked]) -> bytes:
    """Verdicts as JSON."""
    plain = [
        (
            checked.type,
            checked.facts and FACTS_OF(checked.facts),
            [FINDING_OF(finding) for finding in checked.findings],
            checked.total,
            checked.header,
        )
        for checked in verdicts
    ]
    return TO_JSON(plain).encode()


def decode(raw: bytes) -> list[Checked]:
    """Verdicts from JSON. Raises ValueError if they are none."""
    try:
        return [
            Checked(
                type=kind,
                facts=Facts(**dict(zip(FACTS, (*facts[:-1], tuple(facts[-1])), strict=True))) if facts else None,
                findings=tuple(Finding(**dict(zip(FINDING, finding, strict=True))) for finding in findings),
                total=total,
                header=tuple(map(tuple, header)),
            )
            for kind, facts, findings, total, header in json.loads(raw)
        ]
    except (KeyError, TypeError) as error:
        raise ValueError("no verdicts") from error
