"""Verdicts as bytes and back, for the way from a worker to the gateway: plain JSON, which can do no harm when read."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import orjson

from gateway.ledger.codec import tell, told
from gateway.message import Checked, Facts, Finding


def encode(verdicts: Sequence[Checked]) -> bytes:
    """Verdicts as JSON."""
    return orjson.dumps([_with_said(each) if each.said else each for each in verdicts])


def decode(raw: bytes) -> list[Checked]:
    """Verdicts from JSON. Raises ValueError if they are none."""
    try:
        return [_checked(each) for each in orjson.loads(raw)]
    except (KeyError, TypeError) as error:
        raise ValueError("no verdicts") from error


def _with_said(checked: Checked) -> dict[str, Any]:
    """What a declaration says fills a frame quickly, so it travels as arrays and not under its many names."""
    return {each.name: getattr(checked, each.name) for each in fields(checked)} | {"said": [*map(tell, checked.said)]}


def _checked(verdict: dict[str, Any]) -> Checked:
    if facts := verdict["facts"]:
        facts["subjects"] = tuple(facts["subjects"])
        verdict["facts"] = Facts(**facts)
    verdict["findings"] = tuple([Finding(**each) for each in verdict["findings"]])
    verdict["said"] = tuple([told(each) for each in verdict["said"]])
    return Checked(**verdict)
