"""Verdicts as bytes and back, for the way from a worker to the gateway: plain JSON, which can do no harm when read."""

from collections.abc import Sequence
from typing import Any

import orjson

from gateway.message import Checked, Facts, Finding


def encode(verdicts: Sequence[Checked]) -> bytes:
    """Verdicts as JSON."""
    return orjson.dumps(verdicts)


def decode(raw: bytes) -> list[Checked]:
    """Verdicts from JSON. Raises ValueError if they are none."""
    try:
        return [_checked(each) for each in orjson.loads(raw)]
    except (KeyError, TypeError) as error:
        raise ValueError("no verdicts") from error


def _checked(told: dict[str, Any]) -> Checked:
    if facts := told["facts"]:
        facts["subjects"] = tuple(facts["subjects"])
        told["facts"] = Facts(**facts)
    told["findings"] = tuple([Finding(**each) for each in told["findings"]])
    return Checked(**told)
