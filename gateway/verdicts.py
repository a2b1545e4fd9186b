"""Verdicts as bytes and back, for the way from a worker to the gateway: plain JSON, which can do no harm when read."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from gateway.message import Checked, Facts, Finding


def encode(verdicts: Sequence[Checked]) -> bytes:
    """Verdicts as JSON."""
    return orjson.dumps(verdicts)


def decode(raw: bytes) -> list[Checked]:
    """Verdicts from JSON. Raises ValueError if they are none."""
    try:
        return [_checked(**each) for each in orjson.loads(raw)]
    except (KeyError, TypeError) as error:
        raise ValueError("no verdicts") from error


def _checked(facts: dict[str, Any] | None, findings: Sequence[Mapping[str, Any]], **more: Any) -> Checked:
    if facts:
        facts["subjects"] = tuple(facts["subjects"])
    return Checked(
        facts=Facts(**facts) if facts else None, findings=tuple([Finding(**each) for each in findings]), **more
    )
